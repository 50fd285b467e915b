"""A run of a study, opened for export: its predictor in exact numbers, and what other libraries
could hold of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.api.types import Arm, Event, Finished, Predictor, Problem, RunSpec
from tl_core.exports.ending import Ending
from tl_core.models.training.portable import Portable
from tl_core.running import fit_arm
from tl_core.running.predict import chosen, kept
from tl_core.strategies import strategies
from tl_core.studies import thresholds as deciding
from tl_core.studies.arms import params_of
from tl_core.studies.plan import Plan, plan
from tl_core.studies.store import Store
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.running.run import Encoders

Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Kept:
    """A run whose trained state is there."""

    store: Store
    made: Plan
    spec: RunSpec
    encoder: Any  # in float32, and remembers nothing
    predictor: Predictor

    @property
    def arm(self) -> Arm:
        """The arm as it was asked for."""
        return self.spec.arm

    @property
    def problem(self) -> Problem:
        """What goes in, what comes out."""
        return self.made.study.problem

    @property
    def by_word(self) -> bool:
        """Whether it answers with stretches of a text."""
        return task_of(self.problem).by_word

    @property
    def state(self) -> Path:
        """The folder of what it saved."""
        return self.store.model_folder(self.spec.id)

    @cached_property
    def _parts(self) -> tuple[Arm, Any, Any]:
        """(the arm that learned from the labels, its own predictor, the encoder it reads with)."""
        arm, predictor, encoder = self.arm, self.predictor, self.encoder
        while arm.base is not None:
            arm, predictor, encoder = arm.base, predictor.inner, predictor.changed  # type: ignore[attr-defined]  # an arm with a base has both
        if isinstance(predictor, (fit_arm.Scaled, deciding.Decided)):
            predictor = predictor.inner
        return arm, predictor, encoder

    @cached_property
    def portable(self) -> Portable | None:
        """What other libraries could hold; None where the strategy has no such form."""
        arm, predictor, encoder = self._parts
        return strategies()[arm.strategy].portable(predictor, self.problem, encoder)

    @cached_property
    def ending(self) -> Ending:
        """What follows the logits."""
        around: Any = self.predictor
        while hasattr(around, "changed"):
            around = around.inner
        shared = self.portable is not None and self.portable.shared
        one = task_of(self.problem).exclusive or self.by_word  # of a text, or of each word
        ending = Ending("softmax" if one or shared else "sigmoid")
        if isinstance(around, fit_arm.Scaled):
            return dataclasses.replace(ending, temperature=around.temperature, even=around.even)
        if isinstance(around, deciding.Decided):
            return dataclasses.replace(
                ending, thresholds=around.cuts, one_at_least=around.one_at_least
            )
        return ending

    @property
    def keeps_rows(self) -> bool:
        """Whether the trained state holds training rows."""
        arm = self._parts[0]
        return bool(self.spec.train) and strategies()[arm.strategy].keeps_rows(
            params_of(arm, self.problem)
        )


def open_kept(
    folder: Path, run: str | None, *, refit: bool = False, listen: Listener = lambda event: None
) -> Kept:
    """Open a run of a study.

    Args:
        run: its id, or the name of its arm; None: the best that was kept.
        refit: train it again from what the study says, where its weights were not kept.

    Raises:
        UserError: there is no such run, its weights were not kept, or its model is another now.
    """
    store = Store(folder)
    made = plan(store.load_study())
    spec = _asked(store, made, run, refit)
    if not store.model_folder(spec.id).is_dir():
        for event in fit_again(store, made, spec):
            listen(event)
    encoder = exact_encoder(spec.arm, made.study.model_folders)
    predictor = fit_arm.load(spec.arm, store.model_folder(spec.id), made.study.problem, encoder)
    return Kept(store, made, spec, encoder, predictor)


def exact_encoder(arm: Arm, folders: dict[str, str]) -> Any:
    """An encoder of the arm's model in float32 on the processor, which remembers nothing.

    Raises:
        UserError: the model is gone, or another one now.
    """
    from tl_core.models.encoding import Encoder
    from tl_core.models.loading import load_model
    from tl_core.models.number_formats import EXACT
    from tl_core.running.run import source_of

    if arm.model is None:
        return Encoder(None)
    source = source_of(arm.model.digest, folders)
    return Encoder(load_model(source), source=source, numbers=EXACT)


def _asked(store: Store, made: Plan, run: str | None, refit: bool) -> RunSpec:
    if not refit or (run is None and kept(store, made)):
        return chosen(store, made, run)
    done = {s.id: s for s in made.specs if (r := store.result(s.id)) and r.status == "done"}
    if not done:
        raise UserError(say("{folder} has no finished run.", folder=store.folder))
    if run is None:
        from tl_core.analysis.compare import compare

        best = compare(made, store.results(done)).cells[0]
        return [s for s in done.values() if (s.arm.id, s.shots) == (best.arm, best.shots)][0]
    named = [s for s in done.values() if run in (s.id, s.arm.id)]
    if not named:
        raise UserError(
            unknown(say("run or arm"), run, [x for s in done.values() for x in (s.id, s.arm.id)])
        )
    there = [s for s in named if store.model_folder(s.id).is_dir()]
    return (there or named)[-1]


def fit_again(
    store: Store, made: Plan, spec: RunSpec, encoders: Encoders | None = None
) -> Iterator[Event]:
    """Do a run again, as the study says it, and keep what it trained.

    Args:
        encoders: models that are loaded already.

    Raises:
        UserError: it failed, or could not be kept.
    """
    from tl_core.running.run import run

    store.prepare()
    again = dataclasses.replace(made, specs=(spec,), keep=frozenset({spec.id}))
    for event in run(again, keep="all", model_folder=store.model_folder, encoders=encoders):
        yield event
        if isinstance(event, Finished) and event.result.status != "done":
            raise UserError(
                say(
                    "{arm} could not be trained again: {error}",
                    arm=spec.arm.id,
                    error=event.result.error or event.result.status,
                )
            )
    if not store.model_folder(spec.id).is_dir():
        raise UserError(
            say(
                "{arm} was trained again, but what it trained could not be saved in {folder}."
                " Free some space.",
                arm=spec.arm.id,
                folder=store.folder,
            )
        )
