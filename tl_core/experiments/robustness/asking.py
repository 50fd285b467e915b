"""Asks kept runs of a finished study for what they say to its changed test texts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.data.perturb import CHANGES
from tl_core.errors import UserError, raise_all, unknown
from tl_core.experiments.compare import CONSTANT
from tl_core.experiments.consent import destination
from tl_core.experiments.plan import Plan, plan
from tl_core.experiments.predicting import kept
from tl_core.experiments.robustness.parts import changed_rows, scores_name, stored_parts
from tl_core.experiments.store import Store
from tl_core.experiments.worker import Worker
from tl_core.types import FINAL, Example, RunSpec, Step

Predict = Callable[[Sequence[str], Sequence[Example], str], Iterator[Any]]  # runs, texts, consent -> steps, and (run, scores) of each run


@dataclass(frozen=True)
class Asked:
    """Who is asked about which changes."""

    specs: tuple[RunSpec, ...]
    changes: tuple[str, ...]
    left_out: tuple[str, ...] = ()  # why which arms are not asked, as sentences
    consent: str = ""  # to the endpoint that some of them ask


def asked(
    store: Store, made: Plan, *, arms: Collection[str] = (), changes: Collection[str] = (), may_send: Callable[[str], bool] = lambda question: False
) -> Asked:  # fmt: skip
    """Check a request. Without arms, every kept run but of the constant answer; without changes, all of them.

    Raises:
        UserError: with every fault found.
    """
    there, faults = kept(store, made), []
    known = [arm.id for arm in made.study.arms]
    faults += [_no_change(x) for x in changes if x not in CHANGES]
    faults += [unknown("arm", x, known) for x in arms if x not in known]
    faults += [f"No weights of {x} are kept, so it cannot be asked. --keep all keeps every run." for x in arms if x in known and x not in {s.arm.id for s in there}]
    raise_all(faults)
    missing = [s for s in made.specs if s.id not in made.refused and not ((r := store.result(s.id)) and r.status in FINAL)]
    if missing:
        raise UserError(f"{len(missing):,} of {len(made.specs):,} runs of the study in {store.folder} have not ended. Start its compare command again; it goes on from where it stopped.")
    if not there:
        raise UserError(f"{store.folder} keeps no trained weights. Run the comparison again with --keep best.")
    chosen = [s for s in there if (s.arm.id in arms if arms else s.arm.strategy != CONSTANT)]
    named = tuple(x for x in CHANGES if not changes or x in changes)
    specs, left_out, consent = _allowed(chosen, len(named) * len(made.study.split.test), may_send)
    without = [x for x in known if x not in {s.arm.id for s in there}]
    if without and not arms:
        left_out.append(f"Not asked, because no weights are kept: {', '.join(without)}. --keep all keeps every run.")
    if not specs:
        raise UserError("\n".join(["No arm of this study can be asked.", *left_out]))
    return Asked(tuple(specs), named, tuple(left_out), consent)


def _no_change(name: str) -> str:
    said = unknown("change", name, CHANGES)
    return said if "There are:" in said else f"{said} There are: {', '.join(CHANGES)}."


def _allowed(specs: Sequence[RunSpec], texts: int, may_send: Callable[[str], bool]) -> tuple[list[RunSpec], list[str], str]:
    """Those whose texts stay here or may leave; why the others are left out; the consent. texts: at most, of one run."""
    stay, leave, left_out = [], [], {}
    for spec in specs:
        try:
            (leave if destination([spec.arm]) else stay).append(spec)
        except UserError as fault:  # it has nobody to ask
            left_out[spec.arm.id] = f"{spec.arm.id} is not asked: {fault}"
    if not leave:
        return stay, list(left_out.values()), ""
    endpoint, names = destination([leave[0].arm]), ", ".join(dict.fromkeys(s.arm.id for s in leave))
    if may_send(f"{names} sends up to {len(leave) * texts:,} changed texts to {endpoint.host}."):
        return stay + leave, list(left_out.values()), endpoint.mark
    said = f"{names} sends texts to {endpoint.host}, so it is not asked. Nothing was sent. Add --send-texts if they may leave this machine."
    return stay, [*left_out.values(), said], ""


def ask(store: Store, made: Plan, request: Asked, predict: Predict) -> Iterator[Step]:
    """Ask for what is not stored yet, and store each part as it comes; steps count texts, changed (fit) and read. Closing stops, and keeps what is there."""
    there = stored_parts(store, made).scores
    rows = {}
    for change in request.changes:
        rows[change] = yield from changed_rows(store, made.study, CHANGES[change])
    to_do = {change: [s.id for s in request.specs if (s.id, change) not in there] for change in request.changes}
    total, done = sum(len(rows[change].at) * len(runs) for change, runs in to_do.items()), 0
    yield Step(0, total, phase="read")
    for change, runs in to_do.items():
        some = rows[change]
        if not len(some.at):
            for run in runs:
                store.write_array(scores_name(run, change), np.zeros((0, len(made.study.problem.labels)), np.float32))
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
    folder: Path, *, arms: Collection[str] = (), changes: Collection[str] = (), device: str | None = None, may_send: Callable[[str], bool] = lambda question: False
) -> Iterator[Step | Asked]:  # fmt: skip
    """Steps, then what was asked; the answers lie in the study's folder.

    Raises:
        UserError: as `asked`; or there is no such study.
    """
    store = Store(folder)
    made = plan(store.load_study())
    request = asked(store, made, arms=arms, changes=changes, may_send=may_send)
    worker = Worker(device)

    def predict(runs: Sequence[str], examples: Sequence[Example], consent: str) -> Iterator[Any]:
        return worker.call("predict", folder=str(folder.resolve()), runs=runs, examples=examples, consent=consent)

    try:
        with closing(ask(store, made, request, predict)) as steps:
            yield from steps
    finally:
        worker.end()
    yield request
