"""The same study once more, from its folder or its archive."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.api.sentences import say, together
from tl_core.commands import device_option, display_here, keep_option, language, note, shown
from tl_core.commands._sending import may_send, sending_option

if TYPE_CHECKING:
    from tl_core.api.types import RunResult

SAME = 1e-4  # of a score: what other hardware or another build of a library changes


@dataclass(frozen=True)
class _Command:
    id: str = "again"
    order: int = 42
    help: str = say("make a study again on its own rows, and see whether the same comes out")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "study", type=Path, metavar="STUDY", help=say("folder of a study, or its archive")
        )
        command.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help=say("folder for the new one")
        )
        keep_option(command)
        device_option(command)
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Run it to its end, then set it alongside the first one."""
        from tl_core.analysis.read_study import read_study
        from tl_core.commands.compare import print_leaderboard, see_that_something_is_finished
        from tl_core.running.session import open_again, run_session

        session = open_again(
            a.study,
            a.out,
            device=a.device,
            keep=a.keep,
            may_send=may_send(a.send_texts),
            command=f"python -m tl_core again {a.study.name} --out {a.out.name}",
        )
        for text in session.notes:
            print(note(text), file=sys.stderr)
        run_session(session, display=display_here(), language=language.get())
        print_leaderboard(session.store.read_json("study.json"))
        print(f"\n{shown(_beside(read_study(a.study).results, read_study(a.out).results))}")
        print(shown(say("Report: {file}", file=a.out / "report.html")))
        see_that_something_is_finished(session.store.read_json("study.json"))


def _beside(before: Mapping[str, RunResult], after: Mapping[str, RunResult]) -> str:
    """Describe how the repeated runs compare with the earlier ones."""
    import numpy as np

    shared = [
        run
        for run, r in before.items()
        if r.status == "done" and run in after and after[run].status == "done"
    ]
    if not shared:
        return say(
            "No run of the first study was made again: its models, strategies or settings are not"
            " the same here."
        )
    apart = np.array(
        [np.abs(before[run].test_scores - after[run].test_scores).max() for run in shared]
    )
    said = say(
        "{same} of {all} runs came out the same (no score differs by more than {most:g}).",
        same=(apart <= SAME).sum(),
        all=len(shared),
        most=SAME,
    )
    if (apart <= SAME).all():
        return said
    return together(
        (said, say("The largest difference of a score is {largest:.2g}.", largest=apart.max()))
    )


COMMAND = _Command()
