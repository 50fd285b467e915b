"""Which texts the maps of the tab "Look inside" are of, what is known of each, and how models are asked about all of them.
The page and the endpoints ask through these functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tl_core.errors import UserError, unknown
from tl_core.experiments.service import Reader
from tl_core.report.inside_maps import Colouring, coloured, right_or_wrong
from tl_core.tasks import task_of
from tl_core.types import Example, Problem, Step
from tl_core.views.embedding_map import EmbeddingMap, Placed
from tl_core.views.layers import Layers
from tl_ui.datasets import sample_ids
from tl_ui.lab import Lab
from tl_ui.pieces import label_name, row_text
from tl_ui.readers import BEFORE, MAX_CHARACTERS, side
from tl_ui.words import t

DATA, TEST, ALL = "data", "test", "all"  # rows of the Data tab's dataset, test rows of the study, all its rows
NO_LABEL = "–"  # where any number of labels may be right, none may be
BY = ("label", "prediction", "right", "arms")  # what colours tell


@dataclass(frozen=True)
class Texts:
    """The texts of a map, and what every arm said of the first of them."""

    name: str
    examples: list[Example]
    problem: Problem
    scores: dict[str, np.ndarray] = field(default_factory=dict)  # by arm, (tested, C): of the first `tested` texts

    @cached_property
    def shown(self) -> list[str]:
        """What is written of each text; a pair is one."""
        return [row_text(e) for e in self.examples]

    @cached_property
    def folded(self) -> list[str]:
        """To search in."""
        return [text.casefold() for text in self.shown]

    def given(self, i: int) -> str:
        """The labels of a text."""
        return label_name(self.problem, self.examples[i].labels) or NO_LABEL

    def said(self, arm: str) -> list[str | None]:
        """What an arm answered, for every text."""
        task, scores = task_of(self.problem), self.scores.get(arm, np.zeros((0, len(self.problem.labels))))
        names = [label_name(self.problem, ids) or NO_LABEL for ids in task.names(self.problem, task.decide(scores))] if len(scores) else []
        return [*names, *[None] * (len(self.examples) - len(names))]

    def right(self, arm: str) -> np.ndarray:
        """(n,) 1 where an arm was right, 0 where it was wrong, nan where it was not asked."""
        found = np.full(len(self.examples), np.nan)
        if arm in self.scores:
            tested = len(self.scores[arm])
            task = task_of(self.problem)
            found[:tested] = task.correct(task.gold(self.problem, self.examples[:tested]), self.scores[arm])
        return found

    def holding(self, words: str) -> list[int]:
        """Positions of the texts in which something is written, in capitals or not."""
        wanted = words.strip().casefold()
        return [i for i, text in enumerate(self.folded) if wanted in text] if wanted else []


def choices(lab: Lab, study: str, lang: str) -> list[tuple[str, str]]:
    """(title, value) of the texts that can be put on a map."""
    of_study = [(t(lang, "map_rows_test"), TEST), (t(lang, "map_rows_all"), ALL)] if study else []
    return [*of_study, (t(lang, "map_rows_data"), DATA), *((t(lang, f"sample_{name}"), id) for name, id in sample_ids().items())]


def texts_of(lab: Lab, rows: str, dataset: str, study: str) -> Texts:
    """The texts that are meant.

    Raises:
        UserError: there are no such texts here.
    """
    if rows in (TEST, ALL):
        if not study:
            raise UserError("No comparison is open, so there are no rows of one. Choose other texts.")
        opened = lab.studies.open(study)
        problem, split = opened.plan.study.problem, opened.plan.study.split
        scores = {s.arm.id: opened.results[s.id].scores for s in opened.plan.specs if s.id in opened.plan.keep and opened.is_done(s.id)}
        return Texts(opened.plan.study.name, [*split.test, *(split.pool if rows == ALL else ())], problem, scores)
    known = sample_ids()
    if rows != DATA and rows not in known.values():
        raise UserError(unknown("choice of texts", rows, [TEST, ALL, DATA, *known.values()]))
    held = lab.datasets.get(dataset if rows == DATA else rows)
    return Texts(held.name, list(held.loaded.dataset.examples), held.loaded.dataset.problem)


# --- colours --------------------------------------------------------------------------------------------


def colouring(texts: Texts, by: str, arm: str, lang: str) -> Colouring:
    """What colours tell of every text.

    Args:
        by: one of `BY`; `prediction` and `right` are of an arm.
    """
    if by == "prediction":
        return _by_name(texts, texts.said(arm), lang)
    if by == "right":
        return right_or_wrong(texts.right(arm), (t(lang, "map_right"), t(lang, "map_wrong")), language=lang)
    if by == "arms":
        return _by_arms(texts, lang)
    return _by_name(texts, [texts.given(i) for i in range(len(texts.examples))], lang)


def _by_name(texts: Texts, said: Sequence[str | None], lang: str) -> Colouring:
    """A label has the same colour whether it was given or answered."""
    names = list(dict.fromkeys([label_name(texts.problem, [i]) for i in texts.problem.label_ids] + [s for s in said if s is not None]))
    place = {name: i for i, name in enumerate(names)}
    return coloured([-1 if s is None else place[s] for s in said], names, language=lang)


def _by_arms(texts: Texts, lang: str) -> Colouring:
    """Which strategies are right: all, none, one alone, or some."""
    arms = list(texts.scores)
    right = np.array([texts.right(arm) for arm in arms]).reshape(len(arms), len(texts.examples))
    names = [t(lang, "map_all_right"), t(lang, "map_none_right"), t(lang, "map_some_right"), *(t(lang, "map_only", arm=arm) for arm in arms)]
    count = np.nansum(right, axis=0)
    of = np.full(len(texts.examples), 2)
    if len(arms):
        of = np.where(count == 1, 3 + np.nan_to_num(right).argmax(axis=0), of)
    of[count == len(arms)], of[count == 0] = 0, 1
    of[np.isnan(right).any(axis=0) if len(arms) else slice(None)] = -1
    return coloured(of, names, language=lang)


# --- asking ---------------------------------------------------------------------------------------------


def readers_of(lab: Lab, chosen: Sequence[str], study: str, lang: str = "en") -> tuple[list[Reader], list[str]]:
    """Who reads, and what each is called: a model; two of them; or what a run began from and what it has become.

    Raises:
        UserError: nobody is called so.
    """
    asked = [side(lab, name, study, lang) for name in dict.fromkeys(chosen) if name and name != BEFORE]  # what a run began from is read in any case
    if not asked:
        raise UserError("Choose a model first.")
    if len(asked) == 1 and asked[0].reader.run:
        return [replace(asked[0].reader, untrained=True), asked[0].reader], [t(lang, "map_before"), t(lang, "map_after", arm=asked[0].title)]
    return [one.reader for one in asked], [one.title for one in asked]


def mapped(lab: Lab, readers: Sequence[Reader], texts: Texts, *, method: str, layer: int | None = None, by_layer: bool = False) -> Iterator[Step | EmbeddingMap]:
    """Steps, a first map by PCA, then the one asked for.

    Raises:
        UserError: as `tl_core.views.embedding_map.map_texts`.
    """
    yield from lab.queue.ask(
        "map_texts", readers=list(readers), examples=texts.examples, problem=texts.problem, method=method, layer=layer, by_layer=by_layer, seed=0, hub=lab.profile.allow_hub_models
    )  # fmt: skip


def placed(lab: Lab, readers: Sequence[Reader], texts: Texts, new: Example, *, method: str, layer: int | None = None) -> tuple[Placed, ...]:
    """Where a further text lies on the map of these texts, on every side of it.

    Raises:
        UserError: it is empty or too long, or the map has no place for it.
    """
    if not new.text.strip():
        raise UserError("Write a sentence first.")
    if len(new.text) > MAX_CHARACTERS:
        raise UserError(f"The text is longer than {MAX_CHARACTERS:,} characters. Take a part of it.")
    if method == "tsne":
        raise UserError("t-SNE has no place for a text that was not on the map. Choose PCA or UMAP.")
    asked = lab.queue.ask("place_texts", readers=list(readers), examples=texts.examples, new=[new], method=method, layer=layer, seed=0, hub=lab.profile.allow_hub_models)
    *_, answer = asked
    return answer


def changed(lab: Lab, reader: Reader) -> Iterator[Step | Layers]:
    """Steps, then what training changed in every layer.

    Raises:
        UserError: as `tl_core.experiments.service.layer_changes`.
    """
    yield from lab.queue.ask("layer_changes", reader=reader, hub=lab.profile.allow_hub_models)
