"""Who looks into texts: a model, or what a run of a study made of its model."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.errors import UserError
from tl_core.types import Step

if TYPE_CHECKING:
    from tl_core.experiments.service import Reader


def reader_options(command: argparse.ArgumentParser) -> None:
    """A model, or a study and one of its runs."""
    command.add_argument("--model", default="minilm", metavar="NAME", help="minilm, a local folder, or a name on the hub (default: minilm)")
    command.add_argument("--study", type=Path, metavar="DIR", help="folder of a study: look into what a run of it trained")
    command.add_argument("--run", metavar="ID", dest="run_id", help="run or arm of the study (default: the best one whose weights are kept)")
    command.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")


def reader_of(a: argparse.Namespace) -> Reader:
    """Who was asked for.

    Raises:
        UserError: a run without a study, no such study or run, or its weights were not kept.
    """
    from tl_core.experiments.plan import plan
    from tl_core.experiments.predicting import chosen
    from tl_core.experiments.service import Reader
    from tl_core.experiments.store import Store

    if a.study is None:
        if a.run_id:
            raise UserError("--run names a run of a study: give the study's folder with --study.")
        return Reader(a.model)
    store = Store(a.study)
    return Reader(folder=str(a.study.resolve()), run=chosen(store, plan(store.load_study()), a.run_id).id)


def last(events: Iterator[Any]) -> Any:
    """The answer at the end of events; on a terminal, how far the work is and how long it may still take."""
    answer, phase, began = None, "", 0.0
    for event in events:
        if not isinstance(event, Step):
            answer = event
        elif sys.stderr.isatty():
            if event.phase != phase:
                phase, began = event.phase, time.monotonic()
            share, passed = event.done / max(1, event.total), time.monotonic() - began
            left = f", about {passed * (1 - share) / share:,.0f} s left" if passed > 2 and share > 0.05 else ""
            print(f"\r{phase:<8} {100 * share:3.0f} %{left:<26}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    return answer
