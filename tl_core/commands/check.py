"""Read a file and say what is in it, before anything runs."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.commands import marked, shown
from tl_core.commands._files import file_options, load_file, say_reading


@dataclass(frozen=True)
class _Command:
    id: str = "check"
    order: int = 10
    help: str = say("read a file and say what is in it, before anything runs")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        file_options(command)
        command.add_argument(
            "--model",
            metavar="NAME",
            help=say(
                "model whose reading of the texts is checked (default: minilm, or minilm-korean for"
                " Korean texts)"
            ),
        )
        command.add_argument("--json", action="store_true", help=say("print the findings as JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Load, audit, print."""
        from tl_core.data.audit import audit
        from tl_core.data.duplicates import find_duplicates
        from tl_core.data.labels import are_named
        from tl_core.data.tokens_read import read_texts
        from tl_core.models.embedded import model_for
        from tl_core.running.jobs import token_reports
        from tl_core.running.warm_models import WarmModels

        loaded = load_file(a)
        examples = loaded.dataset.examples
        some = read_texts(examples[:: max(1, len(examples) // 2000)])
        model = a.model or model_for(some)
        tokens = tuple(token_reports(WarmModels("cpu"), [model], some, True))
        found = audit(
            loaded.dataset,
            duplicates=find_duplicates(examples),
            tokens=tokens,
            unlabelled=loaded.unlabelled,
            named_labels=are_named(loaded.dataset.problem.labels),
            hints=loaded.hints,
            most_shots=_most_shots(loaded),
        )
        if a.json:
            said = {
                "columns": loaded.columns,
                "guesses": [asdict(g) for g in loaded.guesses],
                "notes": list(loaded.notes),
                **asdict(found),
            }
            said["inputs"], said["target"] = (
                loaded.dataset.problem.inputs,
                loaded.dataset.problem.target,
            )
            print(json.dumps(said, ensure_ascii=False, indent=1))
            return
        say_reading(loaded, sys.stdout, hints=False)  # they are among the findings
        problem = loaded.dataset.problem
        shape = say(
            "{rows} rows, {labels} labels, {inputs} per row, {target} per row",
            rows=found.rows,
            labels=len(found.label_counts),
            inputs=problem.inputs,
            target=problem.target,
        )
        print(f"\n{shown(shape)}")
        for label, count in sorted(found.label_counts.items(), key=lambda item: -item[1])[:20]:
            print(f"  {count:>8}  {shown(label)}")
        if len(found.label_counts) > 20:
            more = say("and {n} more labels", n=len(found.label_counts) - 20)
            print(f"            {shown(more)}")
        for finding in found.findings:
            mark = {"ok": say("ok"), "note": say("note"), "warning": say("WARNING")}[finding.level]
            print(
                f"\n{marked(mark, finding.title)}\n         {shown(finding.detail)}"
                + (f"\n         {shown(finding.action)}" if finding.action else "")
            )


def _most_shots(loaded) -> int | None:
    """Rows of the smallest label that are left to train on; None where the rows cannot be split."""
    from tl_core.data.split import Pool
    from tl_core.studies.plan import make_split

    try:
        split, _ = make_split(loaded)
    except UserError:
        return None
    return min(Pool(split.pool, loaded.dataset.problem).counts().values())


COMMAND = _Command()
