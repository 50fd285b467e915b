"""Differences between the arms of a study, and labels that look wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.api.sentences import Setting, say
from tl_core.commands import device_option, shown
from tl_core.commands._readers import last

if TYPE_CHECKING:
    from tl_core.analysis.differences import Consensus, StudyPredictions
    from tl_core.api.types import RunResult

SETS, FOUND, ROWS = 8, 12, 10  # lines listed of each kind


@dataclass(frozen=True)
class _Command:
    id: str = "differences"
    order: int = 33
    help: str = say("where the arms of a study differ, and which labels look wrong")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help=say("folder of a study"))
        command.add_argument(
            "--a", metavar="ARM", help=say("an arm, or ARM@SHOTS (default: the recommended one)")
        )
        command.add_argument("--b", metavar="ARM", help=say("another one (default: the runner-up)"))
        command.add_argument(
            "--suspicious",
            type=Path,
            metavar="FILE",
            help=say("write the rows whose label looks wrong to this CSV"),
        )
        command.add_argument(
            "--topics",
            action="store_true",
            help=say(
                "first group the test rows by topic, which loads the study's model; stored with"
                " the study"
            ),
        )
        device_option(command)
        command.add_argument("--json", action="store_true", help=say("print the numbers as JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Read the folder, compare the arms with each other. No model is loaded, but for topics."""
        from tl_core.analysis.differences import StudyPredictions
        from tl_core.analysis.differences.as_json import plain
        from tl_core.analysis.differences.disagreement import disagreement, right_sets
        from tl_core.analysis.differences.label_errors import suspicious
        from tl_core.analysis.differences.slices import find, slices_of
        from tl_core.analysis.differences.tables import doubts_table, write_csv
        from tl_core.analysis.read_study import finished
        from tl_core.running.find_topics import find_topics

        if a.topics:
            last(find_topics(a.folder, device=a.device))
        stored = finished(a.folder)
        studied = StudyPredictions.of(stored.plan, stored.results, stored.comparison)
        two = _two(studied, stored.results, a.a, a.b)
        pair, sets = two and disagreement(*two), right_sets(studied)
        slices = slices_of(studied.plan.study.problem, studied.rows, stored.topics)
        tested, doubts = find(studied, slices, two), suspicious(studied)
        if a.suspicious:
            write_csv(a.suspicious, doubts_table(studied, doubts))
            written = say("{n:,} rows written to {file}.", n=len(doubts.rows), file=a.suspicious)
            print(shown(written), file=sys.stderr)
        if a.json:
            print(
                json.dumps(
                    plain(studied, pair, sets, slices, tested, doubts),
                    ensure_ascii=False,
                    allow_nan=False,
                    indent=1,
                )
            )
        else:
            _print(studied, pair, sets, slices, tested, doubts)


def _two(
    studied: StudyPredictions, results: Mapping[str, RunResult], a: str | None, b: str | None
) -> tuple[Consensus, Consensus] | None:
    """Return the two arms named; else the recommended arm and its runner-up. None where there is
    only one.

    Raises:
        UserError: no such arm, or the same one twice.
    """
    from tl_core.analysis.decision import decide
    from tl_core.api.errors import UserError, raise_all

    faults: list[str] = []
    named: list[Consensus | None] = []
    for asked in (a, b):
        try:
            named.append(studied.find(asked) if asked else None)
        except UserError as fault:
            faults.append(str(fault))
    raise_all(faults)
    if not all(named):
        advice = decide(studied.plan, results, studied.comparison, lines=studied.lines).advice
        first = [advice.found.choice, advice.found.runner_up] if advice else []
        others = [
            studied.find(x) for x in dict.fromkeys([*first, *(x.arm for x in studied.lines)]) if x
        ]
        for i, given in enumerate(named):
            named[i] = given or next(
                (x for x in others if x.name not in [y.name for y in named if y]), None
            )
    one, other = named
    if one and other and one.name == other.name:
        raise UserError(
            say(
                "{a} and {b} are the same entry. Name two arms, or one arm at two {shots}, as in"
                " lora@8.",
                shots=Setting("shots"),
                a=a,
                b=b,
            )
        )
    return (one, other) if one and other else None


def _print(studied, pair, sets, slices, tested, doubts) -> None:
    from tl_core.words import differences as said

    problem, names = studied.plan.study.problem, [x.arm for x in studied.arms]
    if pair:
        print(shown(" ".join([*said.pair(pair), said.say("en", "usual")])))
    print("\nWhich arms are correct on which rows:")
    for x in sets[:SETS]:
        print(f"  {len(x.rows):>6,}  {shown(said.right_set(x, names))}")
    print(f"\n{said.findings(slices, tested)}")
    for x in [x for x in tested if x.found][:FOUND]:
        print(f"- {shown(said.finding(x, slices[x.of], problem))}")
    print("\n" + shown(" ".join(said.doubts(doubts, len(studied.rows)))))
    for d in doubts.rows[:ROWS]:
        row = studied.rows[d.at]
        print(
            f"- {shown(say('row {n}', n=row.row))}: {shown(', '.join(row.labels))}"
            f" → {shown(', '.join(d.instead))}?  {shown(row.text[:90])}"
        )


COMMAND = _Command()
