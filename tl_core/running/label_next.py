"""Choose the texts to label next among those without labels, by what a study trained and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.analysis.compare import compare
from tl_core.analysis.decision import decide
from tl_core.analysis.differences.tables import write_csv
from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, listed, say, together
from tl_core.api.types import Example, Problem, RunSpec, Split, Step
from tl_core.running.predict import chosen, kept, texts_of_file
from tl_core.running.worker import Worker
from tl_core.studies.as_json import dataset_of
from tl_core.studies.consent import agreed
from tl_core.studies.plan import Plan, plan
from tl_core.studies.store import Store
from tl_core.tasks import task_of


@dataclass(frozen=True)
class Unlabelled:
    """Texts to choose from, and what was left out of them."""

    examples: tuple[Example, ...]
    known: int  # in the study already
    repeated: int
    empty: int

    @property
    def note(self) -> str:
        """Return what was left out, as a sentence; "" for nothing."""
        parts = (
            say("{n:,} in the study already", n=self.known) if self.known else "",
            say("{n:,} repeated", n=self.repeated) if self.repeated else "",
            say("{n:,} empty", n=self.empty) if self.empty else "",
        )
        return (
            say("Left out of the texts to choose from: {parts}.", parts=listed(filter(None, parts)))
            if any(parts)
            else ""
        )


@dataclass(frozen=True)
class NextRows:
    """Texts worth a label, in the order in which they were chosen."""

    spec: RunSpec
    problem: Problem
    texts: Unlabelled
    scores: np.ndarray  # (n, C) of all texts
    order: np.ndarray  # positions

    def plain(self) -> dict[str, Any]:
        """As printed with --json."""
        ids = self.problem.label_ids
        rows = [
            {
                "row": e.row,
                "text": e.text,
                **({} if e.text_b is None else {"text_b": e.text_b}),
                "guess": list(guess),
                "scores": dict(zip(ids, map(float, scores))),
            }
            for e, guess, scores in self.chosen()
        ]
        t = self.texts
        return {
            "run": self.spec.id,
            "arm": self.spec.arm.id,
            "of": len(t.examples),
            "left_out": {"known": t.known, "repeated": t.repeated, "empty": t.empty},
            "rows": rows,
        }

    def table(self) -> Iterator[list[str]]:
        """A head and the rows; `label` is empty, to be filled in."""
        pair = self.problem.inputs == "two texts"
        yield [
            "row",
            "text",
            *(["text_b"] if pair else []),
            "label",
            "guess",
            *(f"probability of {x}" for x in self.problem.label_ids),
        ]
        for e, guess, scores in self.chosen():
            yield [
                str(e.row),
                e.text,
                *([e.text_b or ""] if pair else []),
                "",
                task_of(self.problem).write(guess),
                *(f"{p:.4f}" for p in scores),
            ]

    def write(self, path: Path) -> None:
        """As CSV.

        Raises:
            UserError: it cannot be written.
        """
        write_csv(path, self.table())

    def sure_of(self, guess: tuple[str, ...], scores: np.ndarray) -> float:
        """Probability of a guess; of several labels and of none, that of the likeliest label."""
        if len(guess) != 1:
            return float(scores.max())
        return float(scores[self.problem.label_index[guess[0]]])

    def chosen(self) -> Iterator[tuple[Example, tuple[str, ...], np.ndarray]]:
        """(text, label ids guessed, scores), in order."""
        task = task_of(self.problem)
        scores = self.scores[self.order]
        chances = task.label_chances(scores, len(self.problem.labels))
        guesses = task.names(self.problem, task.decide(scores))
        for i, guess, row in zip(self.order, guesses, chances, strict=True):
            yield self.texts.examples[i], guess, row


def next_rows(
    folder: Path,
    *,
    file: str | None,
    count: int,
    run: str | None = None,
    column: str | None = None,
    second: str | None = None,
    device: str | None = None,
    may_send: Callable[[str], bool] = lambda question: False,
) -> Iterator[Step | NextRows]:
    """Steps, then the texts of the file that are worth a label.

    Args:
        run: id of a kept run, or its arm; None: the recommended arm where its weights are kept,
            else the best kept one.
        may_send: asks whether the texts may leave this machine, where the run asks somebody else.

    Raises:
        UserError: nothing to choose from, or none of the runs gives a confidence.
    """
    store = Store(folder)
    made = plan(store.load_study())
    if file is None:
        raise UserError(_all_labelled(store, made))
    spec = advised(store, made, run)
    texts = unlabelled(
        texts_of_file(file, column, second, made.study.problem), made.study.split, Path(file).name
    )
    consent = agreed(
        spec.arm,
        lambda endpoint: say(
            "{arm} sends {examples:,} texts to {host}.",
            arm=spec.arm.id,
            examples=len(texts.examples),
            host=endpoint.host,
        ),
        may_send,
    )
    worker = Worker(device)
    try:
        asked = {
            "folder": str(folder.resolve()),
            "run": spec.id,
            "examples": texts.examples,
            "count": count,
            "consent": consent,
        }
        with closing(worker.call("choose_next", **asked)) as answers:
            for answer in answers:
                yield (
                    answer
                    if isinstance(answer, Step)
                    else NextRows(spec, made.study.problem, texts, answer[1], answer[0])
                )
    finally:
        worker.end()


def advised(store: Store, made: Plan, run: str | None = None) -> RunSpec:
    """A kept run that gives a confidence: the one named, else the recommended arm's, else the best.

    Raises:
        UserError: there is none.
    """
    results = store.results(s.id for s in made.specs)
    if run is None:
        advice = decide(made, results, compare(made, results)).advice
        there = [s.arm.id for s in kept(store, made)]
        run = advice.found.choice if advice and advice.found.choice in there else None
    spec = chosen(store, made, run)
    if results[spec.id].choices_only:
        raise UserError(
            say(
                "{arm} says which label it would give and not how sure it is, so it cannot"
                " choose. Name another arm with {run}.",
                arm=spec.arm.id,
                run=Setting("run"),
            )
        )
    return spec


def unlabelled(examples: Sequence[Example], split: Split, source: str) -> Unlabelled:
    """Return what is left when rows of the study, repeated and empty texts are taken out.

    Raises:
        UserError: nothing is.
    """
    in_study = {e.content for part in (split.test, split.pool) for e in part}
    left: dict[bytes, Example] = {}
    known = repeated = empty = 0
    for e in examples:
        if not e.text.strip():
            empty += 1
        elif e.content in in_study:
            known += 1
        elif e.content in left:
            repeated += 1
        else:
            left[e.content] = e
    if not left:
        raise UserError(
            say(
                "{source} has no text to choose from: {known:,} are in the study already and"
                " {empty:,} are empty. Give a file with texts that have no label yet.",
                source=source,
                known=known,
                empty=empty,
            )
        )
    return Unlabelled(tuple(left.values()), known, repeated, empty)


def _all_labelled(store: Store, made: Plan) -> str:
    rows = len(made.study.split.test) + len(made.study.split.pool)
    said = say(
        "All {rows:,} rows of this study have a label, so there is nothing to choose from. Give"
        " a file of texts without labels with {from_file}; rows of the study in it are left out.",
        rows=rows,
        from_file=Setting("from"),
    )
    data = dataset_of(store.read_json("study.json"))
    if data.get("unlabelled"):
        more = say(
            "{file} had {n:,} rows without a label: give it again with {option} to choose among"
            " these.",
            file=data.get("source") or say("The file of the study"),
            n=data["unlabelled"],
            option=Setting("from"),
        )
        said = together((said, more))
    return said
