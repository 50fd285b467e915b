"""Read a file and say what is in it, before anything runs."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass

from tl_core.commands import shown
from tl_core.commands._files import file_options, load_file, say_reading
from tl_core.errors import UserError


@dataclass(frozen=True)
class _Command:
    id: str = "check"
    order: int = 10
    help: str = "read a file and say what is in it, before anything runs"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        file_options(command)
        command.add_argument("--model", default="minilm", help="model whose reading of the texts is checked (default: minilm)")
        command.add_argument("--json", action="store_true", help="print the findings as JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Load, audit, print."""
        from tl_core.data.audit import audit, read_texts
        from tl_core.data.duplicates import find_duplicates
        from tl_core.data.labels import are_named
        from tl_core.experiments.service import State, token_reports

        loaded = load_file(a)
        examples = loaded.dataset.examples
        some = examples[:: max(1, len(examples) // 2000)]
        tokens = tuple(token_reports(State("cpu"), [a.model], read_texts(some), True))
        found = audit(
            loaded.dataset, duplicates=find_duplicates(examples), tokens=tokens, unlabelled=loaded.unlabelled, named_labels=are_named(loaded.dataset.problem.labels),
            hints=loaded.hints, most_shots=_most_shots(loaded),
        )  # fmt: skip
        if a.json:
            said = {"columns": loaded.columns, "guesses": [asdict(g) for g in loaded.guesses], "notes": list(loaded.notes), **asdict(found)}
            said["inputs"], said["target"] = loaded.dataset.problem.inputs, loaded.dataset.problem.target
            print(json.dumps(said, ensure_ascii=False, indent=1))
            return
        say_reading(loaded, sys.stdout, hints=False)  # they are among the findings
        print(f"\n{found.rows} rows, {len(found.label_counts)} labels, {loaded.dataset.problem.inputs} per row, {loaded.dataset.problem.target} per row")
        for label, count in sorted(found.label_counts.items(), key=lambda item: -item[1])[:20]:
            print(f"  {count:>8}  {shown(label)}")
        if len(found.label_counts) > 20:
            print(f"            and {len(found.label_counts) - 20} more labels")
        for finding in found.findings:
            mark = {"ok": "ok     ", "note": "note   ", "warning": "WARNING"}[finding.level]
            print(f"\n{mark}  {shown(finding.title)}\n         {shown(finding.detail)}" + (f"\n         {shown(finding.action)}" if finding.action else ""))


def _most_shots(loaded) -> int | None:
    """Rows of the smallest label that are left to train on; None where the rows cannot be split."""
    from tl_core.data.split import Pool
    from tl_core.experiments.plan import make_split

    try:
        split, _ = make_split(loaded)
    except UserError:
        return None
    return min(Pool(split.pool, loaded.dataset.problem).counts().values())


COMMAND = _Command()
