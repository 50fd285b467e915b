"""The same study once more, from its folder or its archive."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.commands._sending import may_send, sending_option

if TYPE_CHECKING:
    from tl_core.types import RunResult

SAME = 1e-4  # of a score: what other hardware or another build of a library changes


@dataclass(frozen=True)
class _Command:
    id: str = "again"
    order: int = 42
    help: str = "make a study again on its own rows, and see whether the same comes out"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("study", type=Path, metavar="STUDY", help="folder of a study, or its archive")
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the new one")
        command.add_argument("--keep", choices=("best", "all", "none"), default="best", help="which trained weights to keep (default: best of each arm)")
        command.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Run it to its end, then set it beside the first one."""
        from tl_core.commands.compare import print_leaderboard, see_that_something_is_finished
        from tl_core.experiments.stored import read_study
        from tl_core.session import open_again, run_session

        session = open_again(a.study, a.out, device=a.device, keep=a.keep, may_send=may_send(a.send_texts), command=f"python -m tl_core again {a.study.name} --out {a.out.name}")
        for note in session.notes:
            print(f"note     {note}", file=sys.stderr)
        run_session(session, quiet=False)
        print_leaderboard(session.store.read_json("study.json"))
        print(f"\n{_beside(read_study(a.study).results, read_study(a.out).results)}")
        print(f"Report: {a.out / 'report.html'}")
        see_that_something_is_finished(session.store.read_json("study.json"))


def _beside(before: Mapping[str, RunResult], after: Mapping[str, RunResult]) -> str:
    """What came out again."""
    import numpy as np

    shared = [run for run, r in before.items() if r.status == "done" and run in after and after[run].status == "done"]
    if not shared:
        return "No run of the first study was made again: its models, strategies or settings are not the same here."
    apart = np.array([np.abs(before[run].scores - after[run].scores).max() for run in shared])
    said = f"{(apart <= SAME).sum()} of {len(shared)} runs came out the same (no score differs by more than {SAME:g})."
    return said if (apart <= SAME).all() else f"{said} The largest difference of a score is {apart.max():.2g}."


COMMAND = _Command()
