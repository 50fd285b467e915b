"""Options that choose what to look inside: a model, or what a run of a study made of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tl_core.api.amounts import duration
from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.api.types import Step
from tl_core.api.view import Checkpoint
from tl_core.commands import device_option, shown
from tl_core.words.columns import left as pad
from tl_core.words.progress import phase as phase_words


def reader_options(command: argparse.ArgumentParser) -> None:
    """A model, or a study and one of its runs."""
    command.add_argument(
        "--model",
        metavar="NAME",
        help=say(
            "minilm, minilm-korean, a local folder, or a name on the hub (default: minilm, or"
            " minilm-korean for Korean texts)"
        ),
    )
    command.add_argument(
        "--study",
        type=Path,
        metavar="DIR",
        help=say("folder of a study: look into what a run of it trained"),
    )
    command.add_argument(
        "--run",
        metavar="ID",
        dest="run_id",
        help=say("run or arm of the study (default: the best one with a checkpoint)"),
    )
    device_option(command)


def reader_of(a: argparse.Namespace, texts: Iterable[str]) -> Checkpoint:
    """Return the checkpoint that the options name, or the model that reads these texts.

    Raises:
        UserError: a run without a study, no such study or run, or its weights were not kept.
    """
    from tl_core.models.embedded import model_for
    from tl_core.running.predict import chosen
    from tl_core.studies.plan import plan
    from tl_core.studies.store import Store

    if a.study is None:
        if a.run_id:
            raise UserError(
                say(
                    "{run} names a run of a study: give the study's folder with {study}.",
                    run=Setting("run"),
                    study=Setting("study"),
                )
            )
        return Checkpoint(a.model or model_for(texts), hub=True)
    store = Store(a.study)
    run = chosen(store, plan(store.load_study()), a.run_id).id
    return Checkpoint(folder=str(a.study.resolve()), run=run, hub=True)


def ask(a: argparse.Namespace, job: str, **arguments: Any) -> Any:
    """The answer of a view's job, computed here; on a terminal, how far it is and how long it may
    still take.
    """
    from tl_core.running.jobs import answer
    from tl_core.running.warm_models import WarmModels

    return last(answer(WarmModels(a.device), job, **arguments))


def last(events: Iterator[Any]) -> Any:
    """Return the last event that is not a `Step`; a terminal shows the steps' progress."""
    answer, phase, began = None, "", 0.0
    for event in events:
        if not isinstance(event, Step):
            answer = event
        elif sys.stderr.isatty():
            if event.phase != phase:
                phase, began = event.phase, time.monotonic()
            share, passed = event.done / max(1, event.total), time.monotonic() - began
            left = ""
            if passed > 2 and share > 0.05:
                time_left = duration(passed * (1 - share) / share, about=True)
                left = shown(say(", about {time} left", time=time_left))
            print(
                f"\r{pad(shown(phase_words(phase)), 8)} {100 * share:3.0f}%{pad(left, 26)}",
                end="",
                file=sys.stderr,
                flush=True,
            )
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    return answer
