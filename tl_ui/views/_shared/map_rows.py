"""The texts that the maps of the tab "Look inside" are of, what is known of each, and how models
are asked about all of them. The page and the endpoints ask through these functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem, Step
from tl_core.api.view import Checkpoint
from tl_core.tasks import task_of
from tl_core.views.embedding_map import NUMBERS, EmbeddingMap, Placed
from tl_core.views.mentions import has_mentions, mentions_of
from tl_core.words.names import arm_names
from tl_ui.components.html import label_name, row_text
from tl_ui.lab import Lab
from tl_ui.state.datasets import sample_ids
from tl_ui.views._shared.answers import last, request
from tl_ui.views._shared.map_figures import Colouring, coloured, right_or_wrong
from tl_ui.views._shared.model_picker import BEFORE, resolve
from tl_ui.words import t

DATA, TEST, ALL = (
    "data",
    "test",
    "all",
)  # rows of the Data tab's dataset, test rows of the study, all its rows
NO_LABEL = "–"  # where any number of labels may be right, none may be
BY = ("label", "prediction", "right", "arms")  # what colours tell


@dataclass(frozen=True)
class Texts:
    """The texts of a map, and every arm's predictions for the first of them; where spans are
    tagged, the spans, each with its text.
    """

    name: str
    examples: list[Example]
    problem: Problem
    scores: dict[str, np.ndarray] = field(
        default_factory=dict
    )  # by arm, (tested, C): of the first `tested` texts
    strategies: tuple[tuple[str, str], ...] = ()  # (arm, strategy) of them
    rows: Sequence[Example] = ()  # where spans are tagged: the texts, in the order of `scores`
    of: Sequence[int] = ()  # and which of them each span is of

    def names(self, lang: str) -> dict[str, str]:
        """Return the name of each arm by its id."""
        return arm_names(self.strategies, self.problem, lang)

    def chosen_by(self, lang: str) -> list[tuple[str, str]]:
        """Return (name, id) of each arm that predicted, to be chosen from."""
        names = self.names(lang)
        return [(names.get(arm, arm), arm) for arm in self.scores]

    @cached_property
    def lines(self) -> list[str]:
        """Return what is written of each text; a pair is one, and a span stands before its text."""
        if not self.rows:
            return [row_text(e) for e in self.examples]
        return [f"{e.text[slice(*e.answer[0][:2])]} · {e.text}" for e in self.examples]

    @cached_property
    def folded(self) -> list[str]:
        """Return the lines in folded case, to search in."""
        return [text.casefold() for text in self.lines]

    def label(self, i: int) -> str:
        """The labels of a text."""
        return label_name(self.problem, self.examples[i].labels) or NO_LABEL

    def predictions(self, arm: str) -> list[str | None]:
        """Return an arm's answers, for every text."""
        if self.rows:
            return [
                None if at is None else label_name(self.problem, at[:1]) or NO_LABEL
                for at in self._found(arm)
            ]
        task, scores = (
            task_of(self.problem),
            self.scores.get(arm, np.zeros((0, len(self.problem.labels)))),
        )
        names = (
            [
                label_name(self.problem, ids) or NO_LABEL
                for ids in task.names(self.problem, task.decide(scores))
            ]
            if len(scores)
            else []
        )
        return [*names, *[None] * (len(self.examples) - len(names))]

    def right(self, arm: str) -> np.ndarray:
        """(n,) 1 where an arm was right, 0 where it was wrong, nan where it was not asked."""
        found = np.full(len(self.examples), np.nan)
        if self.rows:
            for i, at in enumerate(self._found(arm)):
                if at is not None:
                    found[i] = tuple(self.examples[i].labels) == at
        elif arm in self.scores:
            tested = len(self.scores[arm])
            task = task_of(self.problem)
            found[:tested] = task.correct(
                task.gold(self.problem, self.examples[:tested]), self.scores[arm]
            )
        return found

    def _found(self, arm: str) -> list[tuple[str, ...] | None]:
        """Of each span the type that an arm gives it, with "≈" behind it where its borders are
        others; nothing where none was found there; None where the arm was not asked.
        """
        task, scores = task_of(self.problem), self.scores.get(arm)
        decided: list[Any] = [] if scores is None else list(task.decide(scores))
        spans = [
            task.spans(row, self.problem, answer)
            for row, answer in zip(self.rows, decided, strict=False)
        ]
        found: list[tuple[str, ...] | None] = []
        for example, at in zip(self.examples, self.of, strict=True):
            start, end, _ = example.answer[0]
            if at >= len(spans):
                found.append(None)
                continue
            met = [(a, b, of) for a, b, of in spans[at] if a < end and b > start]
            exact = [(of,) for a, b, of in met if (a, b) == (start, end)]
            found.append(next(iter([*exact, *((of, "≈") for _, _, of in met), ()])))
        return found

    def holding(self, words: str) -> list[int]:
        """Positions of the texts in which something is written, in capitals or not."""
        wanted = words.strip().casefold()
        return [i for i, text in enumerate(self.folded) if wanted in text] if wanted else []


def choices(lab: Lab, study: str, lang: str) -> list[tuple[str, str]]:
    """(title, value) of the texts that can be put on a map."""
    of_study = [(t(lang, "map_rows_test"), TEST), (t(lang, "map_rows_all"), ALL)] if study else []
    return [
        *of_study,
        (t(lang, "map_rows_data"), DATA),
        *((t(lang, f"sample_{name}"), id) for name, id in sample_ids().items()),
    ]


def texts_of(lab: Lab, rows: str, dataset: str, study: str) -> Texts:
    """The texts that are meant.

    Raises:
        UserError: there are no such texts here.
    """
    if rows in (TEST, ALL):
        if not study:
            raise UserError(
                say("No study is open, so there are no rows of one. Choose other texts.")
            )
        opened = lab.studies.open(study)
        problem, split = opened.plan.study.problem, opened.plan.study.split
        scores = {
            s.arm.id: opened.results[s.id].test_scores
            for s in opened.plan.specs
            if s.id in opened.plan.keep and opened.is_done(s.id)
        }
        listed = [*split.test, *(split.pool if rows == ALL else ())]
        arms = tuple((arm.id, arm.strategy) for arm in opened.plan.study.arms)
        return _texts(opened.plan.study.name, listed, problem, scores, arms)
    known = sample_ids()
    if rows != DATA and rows not in known.values():
        raise UserError(unknown(say("choice of texts"), rows, [TEST, ALL, DATA, *known.values()]))
    held = lab.datasets.get(dataset if rows == DATA else rows)
    return _texts(held.name, list(held.loaded.dataset.examples), held.loaded.dataset.problem, {})


def _texts(
    name: str,
    rows: list[Example],
    problem: Problem,
    scores: dict[str, np.ndarray],
    strategies: tuple[tuple[str, str], ...] = (),
) -> Texts:
    if not has_mentions(problem):
        return Texts(name, rows, problem, scores, strategies)
    spans, of = mentions_of(rows)
    return Texts(name, spans, problem, scores, strategies, rows, of)


# --- colours --------------------------------------------------------------------------------------


def colouring(texts: Texts, by: str, arm: str, lang: str) -> Colouring:
    """Group texts by colour.

    Args:
        by: one of `BY`; `prediction` and `right` are of an arm.
    """
    if by == "prediction":
        return _by_name(texts, texts.predictions(arm), lang)
    if by == "right":
        return right_or_wrong(
            texts.right(arm), (t(lang, "map_right"), t(lang, "map_wrong")), language=lang
        )
    if by == "arms":
        return _by_arms(texts, lang)
    return _by_name(texts, [texts.label(i) for i in range(len(texts.examples))], lang)


def _by_name(texts: Texts, said: Sequence[str | None], lang: str) -> Colouring:
    """A label has the same colour whether it was given or answered."""
    names = list(
        dict.fromkeys(
            [label_name(texts.problem, [i]) for i in texts.problem.label_ids]
            + [s for s in said if s is not None]
        )
    )
    place = {name: i for i, name in enumerate(names)}
    return coloured([-1 if s is None else place[s] for s in said], names, language=lang)


def _by_arms(texts: Texts, lang: str) -> Colouring:
    """Group texts by which strategies are right: all, none, one alone, or some."""
    arms = list(texts.scores)
    right = np.array([texts.right(arm) for arm in arms]).reshape(len(arms), len(texts.examples))
    names = [
        t(lang, "map_all_right"),
        t(lang, "map_none_right"),
        t(lang, "map_some_right"),
        *(t(lang, "map_only", arm=name) for name, _ in texts.chosen_by(lang)),
    ]
    count = np.nansum(right, axis=0)
    of = np.full(len(texts.examples), 2)
    if len(arms):
        of = np.where(count == 1, 3 + np.nan_to_num(right).argmax(axis=0), of)
    of[count == len(arms)], of[count == 0] = 0, 1
    of[np.isnan(right).any(axis=0) if len(arms) else slice(None)] = -1
    return coloured(of, names, language=lang)


# --- asking ---------------------------------------------------------------------------------------


def checkpoints_of(
    lab: Lab, chosen: Sequence[str], study: str, lang: str = "en"
) -> tuple[list[Checkpoint], list[str]]:
    """Return the models to look into, and what each is called: a model; two of them; or what a run
    began from and what it has become.

    Raises:
        UserError: there is none of this name.
    """
    # what a run began from is read in any case
    names = [name for name in dict.fromkeys(chosen) if name and name != BEFORE]
    picks = [resolve(lab, name, study, lang) for name in names]
    if not picks:
        raise UserError(say("Choose a model first."))
    after = picks[0].checkpoint
    if len(picks) == 1 and after.run:
        titles = [t(lang, "map_before"), t(lang, "map_after", arm=picks[0].title)]
        return [replace(after, untrained=True), after], titles
    return [pick.checkpoint for pick in picks], [pick.title for pick in picks]


def map_of(
    lab: Lab,
    checkpoints: Sequence[Checkpoint],
    texts: Texts,
    *,
    method: str,
    layer: int | None = None,
    by_layer: bool = False,
) -> Iterator[Step | EmbeddingMap]:
    """Steps, a first map by PCA, then the one asked for.

    Raises:
        UserError: as `tl_core.views.embedding_map.map_texts`.
    """
    return request(
        lab,
        NUMBERS,
        "map_texts",
        checkpoints=list(checkpoints),
        examples=texts.examples,
        problem=texts.problem,
        method=method,
        layer=layer,
        by_layer=by_layer,
    )


def place_of(
    lab: Lab,
    checkpoints: Sequence[Checkpoint],
    texts: Texts,
    new: Example,
    *,
    method: str,
    layer: int | None = None,
) -> tuple[Placed, ...]:
    """Return where a further text lies on the map of these texts, on every side of it.

    Raises:
        UserError: it is empty or too long, or the map has no place for it.
    """
    if not new.text.strip():
        raise UserError(say("Write a sentence first."))
    NUMBERS.check({"text": new.text})
    if method == "tsne":
        raise UserError(
            say("t-SNE has no place for a text that was not on the map. Choose PCA or UMAP.")
        )
    if texts.rows and not new.answer:
        new = _marked(new)
    asked = {"checkpoints": list(checkpoints), "examples": texts.examples, "new": [new]}
    asked |= {"problem": texts.problem}
    return last(request(lab, NUMBERS, "place_texts", **asked, method=method, layer=layer))


def _marked(new: Example) -> Example:
    """A sentence whose span is in square brackets, without them.

    Raises:
        UserError: none is.
    """
    before, opens, rest = new.text.partition("[")
    inside, closes, after = rest.partition("]")
    if not (opens and closes and inside.strip()):
        raise UserError(
            say(
                "This is a map of tagged spans. Put square brackets around the words to place, as"
                " in: She moved to [Leeds] in May."
            )
        )
    start = len(before)
    span = (start, start + len(inside), "")
    return replace(new, text=f"{before}{inside}{after}", answer=(span,))
