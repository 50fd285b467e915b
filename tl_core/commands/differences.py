"""Where do the arms of a study differ, and which labels look wrong?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.commands import shown
from tl_core.commands._readers import last

if TYPE_CHECKING:
    from tl_core.experiments.differences import Studied, Usual
    from tl_core.types import RunResult

SETS, FOUND, ROWS = 8, 12, 10  # lines told of each kind


@dataclass(frozen=True)
class _Command:
    id: str = "differences"
    order: int = 33
    help: str = "where the arms of a study differ, and which labels look wrong"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
        command.add_argument("--a", metavar="ARM", help="an arm, or ARM@SHOTS (default: the one advised)")
        command.add_argument("--b", metavar="ARM", help="another one (default: the runner-up)")
        command.add_argument("--suspicious", type=Path, metavar="FILE", help="write the rows whose label looks wrong to this CSV")
        command.add_argument("--topics", action="store_true", help="first group the test rows by what they are about, which loads the study's model; kept with the study")
        command.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")
        command.add_argument("--json", action="store_true", help="print the numbers as JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Read the folder, hold the arms against each other. No model is loaded, but for topics."""
        from tl_core.experiments.differences import Studied
        from tl_core.experiments.differences.disagreement import disagreement, right_sets
        from tl_core.experiments.differences.plain import plain
        from tl_core.experiments.differences.slices import find, slices_of
        from tl_core.experiments.differences.suspicious import suspicious
        from tl_core.experiments.differences.tables import doubts_table, write_csv
        from tl_core.experiments.differences.topics import find_topics
        from tl_core.experiments.stored import finished

        if a.topics:
            last(find_topics(a.folder, device=a.device))
        stored = finished(a.folder)
        studied = Studied.of(stored.plan, stored.results, stored.comparison)
        two = _two(studied, stored.results, a.a, a.b)
        pair, sets = two and disagreement(*two), right_sets(studied)
        slices = slices_of(studied.plan.study.problem, studied.rows, stored.topics)
        tested, doubts = find(studied, slices, two), suspicious(studied)
        if a.suspicious:
            write_csv(a.suspicious, doubts_table(studied, doubts))
            print(f"{len(doubts.rows):,} rows written to {a.suspicious}.", file=sys.stderr)
        if a.json:
            print(json.dumps(plain(studied, pair, sets, slices, tested, doubts), ensure_ascii=False, allow_nan=False, indent=1))
        else:
            _print(studied, pair, sets, slices, tested, doubts)


def _two(studied: Studied, results: Mapping[str, RunResult], a: str | None, b: str | None) -> tuple[Usual, Usual] | None:
    """Those named; else the arm advised and its runner-up. None where there is only one.

    Raises:
        UserError: no such arm, or the same one twice.
    """
    from tl_core.errors import UserError, raise_all
    from tl_core.experiments.decision import decide

    faults, named = [], []
    for asked in (a, b):
        try:
            named.append(asked and studied.find(asked))
        except UserError as fault:
            faults.append(str(fault))
    raise_all(faults)
    if not all(named):
        found = decide(studied.plan, results, studied.comparison, lines=studied.lines).advice.found
        others = [studied.find(x) for x in dict.fromkeys([found.choice, found.runner_up, *(x.arm for x in studied.lines)]) if x]
        for i, one in enumerate(named):
            named[i] = one or next((x for x in others if x.name not in [y.name for y in named if y]), None)
    if named[0] and named[1] and named[0].name == named[1].name:
        raise UserError(f"{a} and {b} are the same line. Name two arms, or one arm at two numbers of labels, as in lora@8.")
    return (named[0], named[1]) if all(named) else None


def _print(studied, pair, sets, slices, tested, doubts) -> None:
    from tl_core.report import differences as said

    problem, names = studied.plan.study.problem, [x.arm for x in studied.arms]
    if pair:
        print(shown(" ".join([*said.pair(pair), said.say("en", "usual")])))
    print("\nWho gets which rows right:")
    for x in sets[:SETS]:
        print(f"  {len(x.rows):>6,}  {shown(said.right_set(x, names))}")
    print(f"\n{said.findings(slices, tested)}")
    for x in [x for x in tested if x.found][:FOUND]:
        print(f"- {shown(said.finding(x, slices[x.of], problem))}")
    print("\n" + shown(" ".join(said.doubts(doubts, len(studied.rows)))))
    for d in doubts.rows[:ROWS]:
        row = studied.rows[d.at]
        print(f"- row {row.row}: {shown(', '.join(row.labels))} → {shown(', '.join(d.instead))}?  {shown(row.text[:90])}")


COMMAND = _Command()
