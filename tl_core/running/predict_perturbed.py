"""Asks kept runs of a finished study for what they say to its changed test texts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.analysis.compare import CONSTANT
from tl_core.api.errors import Faults, UserError, raise_all, unknown
from tl_core.api.sentences import Setting, say, together
from tl_core.api.types import FINAL, Example, RunSpec, Step
from tl_core.data.perturb import CHANGES
from tl_core.running.predict import kept
from tl_core.running.worker import Worker
from tl_core.studies.consent import destination
from tl_core.studies.plan import Plan, plan
from tl_core.studies.store import Store
from tl_core.studies.stored_answers import (
    changed_rows,
    changes_for,
    read_stored_answers,
    scores_name,
)
from tl_core.tasks import about_whole_texts, task_of

Predict = Callable[
    [Sequence[str], Sequence[Example], str], Generator[Any, None, None]
]  # runs, texts, consent -> steps, and (run, scores) of each run


@dataclass(frozen=True)
class Asked:
    """The runs to be asked about changed texts, and the changes."""

    specs: tuple[RunSpec, ...]
    changes: tuple[str, ...]
    left_out: tuple[str, ...] = ()  # why which arms are not asked, as sentences
    consent: str = ""  # to the endpoint that some of them ask


def asked(
    store: Store,
    made: Plan,
    *,
    arms: Collection[str] = (),
    changes: Collection[str] = (),
    may_send: Callable[[str], bool] = lambda question: False,
) -> Asked:
    """Check a request. Without arms, every kept run but of the constant answer; without changes,
    all of them.

    Raises:
        UserError: with every fault found.
    """
    task = task_of(made.study.problem)
    if task.writes:
        about_whole_texts(made.study.problem, say("Robustness"))
    there, possible = kept(store, made), changes_for(made.study)
    raise_all([*_no_changes(changes, possible), *_no_arms(arms, made, there)])
    _must_have_ended(store, made)
    if not there:
        raise UserError(
            say(
                "{folder} keeps no trained weights. Run the comparison again with {keep} best.",
                folder=store.folder,
                keep=Setting("keep"),
            )
        )
    chosen = [s for s in there if (s.arm.id in arms if arms else s.arm.strategy != CONSTANT)]
    named = tuple(x for x in possible if not changes or x in changes)
    specs, left_out, consent = _allowed(chosen, len(named) * len(made.study.split.test), may_send)
    without = [a.id for a in made.study.arms if a.id not in {s.arm.id for s in there}]
    if without and not arms:
        left_out.append(
            say(
                "Not included, because they have no checkpoint: {without}. {keep} all saves every"
                " run.",
                without=", ".join(without),
                keep=Setting("keep"),
            )
        )
    if not specs:
        raise Faults([say("No arm of this study can predict the changed texts."), *left_out])
    return Asked(tuple(specs), named, tuple(left_out), consent)


def _no_changes(changes: Collection[str], possible: Collection[str]) -> list[str]:
    """Return why which changes cannot be asked about."""
    faults = [_no_change(x) for x in changes if x not in CHANGES]
    faults += [
        say(
            "{change} is not asked about spans: where they are in a text that was changed so is not"
            " known.",
            change=x,
        )
        for x in changes
        if x in CHANGES and x not in possible
    ]
    return faults


def _no_arms(arms: Collection[str], made: Plan, there: Sequence[RunSpec]) -> list[str]:
    """Return why which arms cannot be asked."""
    known, keeps = [arm.id for arm in made.study.arms], {s.arm.id for s in there}
    faults: list[str] = [unknown(say("arm"), x, known) for x in arms if x not in known]
    faults += [
        say(
            "{x} has no checkpoint, so it cannot predict. {keep} all saves every run.",
            x=x,
            keep=Setting("keep"),
        )
        for x in arms
        if x in known and x not in keeps
    ]
    return faults


def _must_have_ended(store: Store, made: Plan) -> None:
    missing = [
        s
        for s in made.specs
        if s.id not in made.refused and not ((r := store.result(s.id)) and r.status in FINAL)
    ]
    if missing:
        raise UserError(
            say(
                "{missing:,} of {specs:,} runs of the study in {folder} have not ended. Run"
                " the study again; it continues where it stopped.",
                missing=len(missing),
                specs=len(made.specs),
                folder=store.folder,
            )
        )


def _no_change(name: str) -> str:
    said = unknown(say("change"), name, CHANGES)
    if "There are:" in said:
        return said
    return together((said, say("There are: {names}.", names=list(CHANGES))))


def _allowed(
    specs: Sequence[RunSpec], texts: int, may_send: Callable[[str], bool]
) -> tuple[list[RunSpec], list[str], str]:
    """Return the runs whose texts stay here or may leave; why the others are left out; the consent.
    texts: at most, of one run.
    """
    stay: list[RunSpec] = []
    leave: list[RunSpec] = []
    left_out: dict[str, str] = {}
    for spec in specs:
        try:
            (leave if destination([spec.arm]) else stay).append(spec)
        except UserError as fault:  # it has no one to ask
            left_out[spec.arm.id] = say(
                "{arm} is not included: {fault}", arm=spec.arm.id, fault=fault
            )
    if not leave:
        return stay, list(left_out.values()), ""
    endpoint, names = destination([leave[0].arm]), ", ".join(dict.fromkeys(s.arm.id for s in leave))
    assert endpoint is not None  # that is why they are among those that leave
    if may_send(
        say(
            "{names} sends up to {leave:,} changed texts to {host}.",
            names=names,
            leave=len(leave) * texts,
            host=endpoint.host,
        )
    ):
        return stay + leave, list(left_out.values()), endpoint.mark
    said = say(
        "{names} sends texts to {host}, so it is not asked. Nothing was sent. Add {send_texts}"
        " if they may leave this machine.",
        names=names,
        host=endpoint.host,
        send_texts=Setting("send_texts"),
    )
    return stay, [*left_out.values(), said], ""


def ask(store: Store, made: Plan, request: Asked, predict: Predict) -> Generator[Step, None, None]:
    """Ask for what is not stored yet, and store each part as it comes; steps count texts, changed
    (fit) and read. Closing stops, and keeps what is there.
    """
    there = read_stored_answers(store, made).scores
    rows = {}
    for change in request.changes:
        rows[change] = yield from changed_rows(store, made.study, CHANGES[change])
    to_do = {
        change: [s.id for s in request.specs if (s.id, change) not in there]
        for change in request.changes
    }
    total, done = sum(len(rows[change].at) * len(runs) for change, runs in to_do.items()), 0
    yield Step(0, total, phase="read")
    for change, runs in to_do.items():
        some = rows[change]
        if not len(some.at):
            for run in runs:
                store.write_array(
                    scores_name(run, change),
                    np.zeros(task_of(made.study.problem).shape(made.study.problem, ()), np.float32),
                )
            continue
        if not runs:
            continue
        read = 0  # of the run under way; it may embed the texts first and predict then
        with closing(predict(runs, some.examples, request.consent)) as answers:
            for answer in answers:
                if isinstance(answer, Step):
                    read = max(read, len(some.at) * answer.done // max(1, answer.total))
                else:
                    run, scores = answer
                    store.write_array(scores_name(run, change), scores.astype(np.float32))
                    done, read = done + len(some.at), 0
                yield Step(done + read, total, phase="read")


def robustness(
    folder: Path,
    *,
    arms: Collection[str] = (),
    changes: Collection[str] = (),
    device: str | None = None,
    may_send: Callable[[str], bool] = lambda question: False,
) -> Generator[Step | Asked, None, None]:
    """Steps, then what was asked; the answers lie in the study's folder.

    Raises:
        UserError: as `asked`; or there is no such study.
    """
    store = Store(folder)
    made = plan(store.load_study())
    request = asked(store, made, arms=arms, changes=changes, may_send=may_send)
    worker = Worker(device)

    def predict(
        runs: Sequence[str], examples: Sequence[Example], consent: str
    ) -> Generator[Any, None, None]:
        return worker.call(
            "predict", folder=str(folder.resolve()), runs=runs, examples=examples, consent=consent
        )

    try:
        with closing(ask(store, made, request, predict)) as steps:
            yield from steps
    finally:
        worker.end()
    yield request
