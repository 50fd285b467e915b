"""The arms that a service answers with, each under a name; those on one model share its weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.steps import ended
from tl_core.api.types import Arm, Example, Problem
from tl_core.serving.asking import Takes
from tl_core.tasks import task_of

NAME = re.compile(r"[^A-Za-z0-9._-]+")
MOST_NAME = 80


@dataclass(frozen=True)
class Served:
    """An arm that answers."""

    name: str
    problem: Problem
    scores: Callable[[Sequence[Example]], np.ndarray]  # (n, C)
    about: dict[str, Any]  # what `GET /models` says of it
    sends_texts: bool = False

    @property
    def takes(self) -> Takes:
        """Return what it is asked with."""
        if task_of(self.problem).alternatives:
            return "question"
        return "pair" if self.problem.inputs == "two texts" else "text"

    @property
    def by_word(self) -> bool:
        """Whether it answers with stretches of a text."""
        return task_of(self.problem).by_word

    def stretches(self, examples: Sequence[Example], scores: np.ndarray) -> list[Any]:
        """As the inference API says what is in each text: the entities that were tagged, or the
        answer to its question.
        """
        from tl_core.serving import stretches

        say_it = stretches.answers if self.takes == "question" else stretches.entities
        return list(say_it(self.problem, examples, scores))

    def rows(self, scores: np.ndarray, most: int | None) -> list[list[dict[str, Any]]]:
        """As the inference API says it: for each text its labels from the likeliest down.

        Args:
            scores: (n, C). most: how many labels; None: all.
        """
        ids = self.problem.label_ids
        ranked = np.argsort(-scores, axis=1, kind="stable")[:, :most]
        return [
            [{"label": ids[i], "score": float(row[i])} for i in order]
            for row, order in zip(scores, ranked, strict=True)
        ]

    def answers(self, scores: np.ndarray) -> list[list[str]]:
        """The labels that the task gives each text: of ratings the median, of several labels those
        that reach their threshold.
        """
        task = task_of(self.problem)
        return [list(labels) for labels in task.names(self.problem, task.decide(scores))]


class Bases:
    """The models in memory, each loaded once for all arms on it."""

    def __init__(self, device: str | None = None):
        from tl_core.models.loading import choose_device

        self.device = choose_device(device)
        self._loaded: dict[str | None, Any] = {}

    def encoder(self, arm: Arm, folders: dict[str, str]) -> Any:
        """The encoder of an arm's model.

        Raises:
            UserError: the model is gone, or another one now.
        """
        from tl_core.models.encoding import Encoder
        from tl_core.models.loading import load_model
        from tl_core.running.run import source_of

        digest = arm.model.digest if arm.model else None
        if digest not in self._loaded:
            if digest is None:
                self._loaded[None] = Encoder(None)
            else:
                source = source_of(digest, folders)
                self._loaded[digest] = Encoder(load_model(source), None, self.device, source)
        return self._loaded[digest]


def served_name(text: str) -> str:
    """A name that may be part of a path."""
    return NAME.sub("-", text).strip("-.")[:MOST_NAME] or "arm"


def open_served(folder: Path, bases: Bases, *, run: str | None = None, name: str = "") -> Served:
    """Open an export, or a kept run of a study.

    Args:
        run: of a study: its id or its arm; None: the best that was kept.
        name: under which it answers; "": that of its arm.

    Raises:
        UserError: the folder holds neither, is damaged or was changed.
    """
    from tl_core.exports.opened import is_export
    from tl_core.running.run_as_model import is_study

    if is_export(folder):
        return _of_export(folder, bases, name)
    if is_study(folder):
        served = _of_study(folder, bases, run, name)
        if task_of(served.problem).writes:
            raise UserError(
                say(
                    "{name} writes texts, and that is not served yet. Write texts with predict,"
                    " from the study itself.",
                    name=served.name,
                )
            )
        return served
    raise UserError(
        say(
            "{folder} is neither a study nor an export. Give the folder that compare or export"
            " wrote.",
            folder=folder,
        )
    )


def _of_export(folder: Path, bases: Bases, name: str) -> Served:
    from tl_core.exports.formats import recipe
    from tl_core.exports.opened import check, open_export, read_about
    from tl_core.exports.problem import problem_in
    from tl_core.exports.write import digest_of

    about = read_about(folder)
    name = name or served_name(about["arm"])
    said = {
        "name": name,
        "run": about["run"],
        "arm": about["arm"],
        "format": about["format"],
        "digest": digest_of(folder),
    }
    if about["format"] != recipe.FORMAT.id:
        opened = open_export(folder)
        return Served(name, opened.problem, opened.scores, said)
    check(folder, about)
    arm, problem, model = recipe.FORMAT.read(folder)
    folders = {} if arm.model is None else {arm.model.digest: model or ""}
    encoder = bases.encoder(arm, folders)
    predictor = recipe.FORMAT.load(folder, encoder)
    return _served(name, arm, problem_in(about) and problem, predictor, encoder, said)


def _of_study(folder: Path, bases: Bases, run: str | None, name: str) -> Served:
    from tl_core.running import fit_arm
    from tl_core.running.predict import chosen
    from tl_core.studies.plan import plan
    from tl_core.studies.store import Store

    store = Store(folder)
    made = plan(store.load_study())
    spec = chosen(store, made, run)
    encoder = bases.encoder(spec.arm, made.study.model_folders)
    predictor = fit_arm.load(spec.arm, store.model_folder(spec.id), made.study.problem, encoder)
    name = name or served_name(spec.arm.id)
    said = {"name": name, "run": spec.id, "arm": spec.arm.id, "format": "study"}
    return _served(name, spec.arm, made.study.problem, predictor, encoder, said)


def _served(
    name: str, arm: Arm, problem: Problem, predictor: Any, encoder: Any, about: dict[str, Any]
) -> Served:
    from tl_core.strategies import strategies

    share_frozen(predictor, encoder)

    def scores(examples: Sequence[Example]) -> np.ndarray:
        from tl_core.models.encoding import nothing_remembered

        with nothing_remembered():  # what strangers ask is kept nowhere
            return np.asarray(ended(predictor.predict(examples)))

    return Served(name, problem, scores, about, strategies()[arm.strategy].sends_texts)


def share_frozen(predictor: Any, encoder: Any) -> None:
    """Let a trained classifier use the base's own tensors wherever training left them as they were:
    each further adapter on a base then costs the adapter.
    """
    import torch

    from tl_core.models.training.weight_shift import plain_name

    try:
        model = predictor.model
    except AttributeError:
        return
    body = getattr(model, "body", None)
    if body is None or not encoder.has_model:
        return
    own = dict(encoder.model.network.named_parameters())
    for name, tensor in body.named_parameters():
        base = own.get(plain_name(name))
        if (
            base is not None
            and base.shape == tensor.shape
            and base.device == tensor.device
            and torch.equal(base, tensor)
        ):
            tensor.data = base.data
