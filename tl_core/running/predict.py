"""Labels for new texts, from what a study trained and kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.analysis.compare import compare
from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import Setting, say, say_n
from tl_core.api.types import Example, Problem, RunSpec, Step
from tl_core.data.columns import guess_texts
from tl_core.data.spreadsheet import harmless
from tl_core.data.tables import USUAL, Limits, read_table, some
from tl_core.running.worker import Worker
from tl_core.studies.consent import agreed
from tl_core.studies.plan import Plan, plan
from tl_core.studies.store import Store, file_errors_as_user_errors
from tl_core.tasks import task_of


@dataclass(frozen=True)
class Answer:
    """Scores for texts from one run."""

    run: str
    arm: str
    problem: Problem
    examples: tuple[Example, ...]
    scores: np.ndarray  # (n, C)

    def rows(self) -> Iterator[tuple[Example, tuple[str, ...], list[tuple[str, float]]]]:
        """(example, label ids, (label id, probability) from the likeliest down; of ratings along
        the scale). A row without a text has neither.
        """
        task, along = task_of(self.problem), self.expected() is not None
        chances = (
            np.zeros((len(self.examples), 0))
            if task.writes
            else task.label_chances(self.scores, len(self.problem.labels))
        )
        for example, labels, row in zip(
            self.examples,
            task.names(self.problem, task.decide(self.scores)),
            chances,
            strict=True,
        ):
            if empty(example):
                yield example, (), []
                continue
            order = range(len(row)) if along else np.argsort(-row, kind="stable")
            yield example, labels, [(self.problem.label_ids[i], float(row[i])) for i in order]

    def found(self) -> Iterator[tuple[Any, tuple[str, ...]]]:
        """(answer as Python has it, the same in words) of each row, as its task has them."""
        task = task_of(self.problem)
        decided = task.decide(self.scores)
        phrases = task.phrases(self.problem, self.examples, decided)
        for example, answer, said in zip(self.examples, decided, phrases, strict=True):
            yield task.found(example, self.problem, answer), said

    def spans(self) -> list[tuple[tuple[int, int, str], ...]]:
        """(start, end, label id) of the spans of each row; none where answers are no spans."""
        task = task_of(self.problem)
        decided = task.decide(self.scores)
        return [
            task.spans(example, self.problem, answer)
            for example, answer in zip(self.examples, decided, strict=True)
        ]

    @property
    def in_answers(self) -> bool:
        """Whether the answer of a row is one span of its text, or none."""
        return task_of(self.problem).alternatives

    @property
    def in_spans(self) -> bool:
        """Whether answers are spans of the texts."""
        return task_of(self.problem).by_word

    @property
    def in_texts(self) -> bool:
        """Whether answers are texts that were written."""
        return task_of(self.problem).writes

    def expected(self) -> np.ndarray | None:
        """(n,) mean rating of each row's distribution; None where labels are no ratings."""
        return task_of(self.problem).expected(self.problem, self.scores)

    def plain(self) -> dict[str, Any]:
        """As printed with --json."""
        task, means = task_of(self.problem), self.expected()
        return {
            "run": self.run,
            "arm": self.arm,
            "predictions": [
                {
                    "row": e.row,
                    "text": e.text,
                    **({} if self.in_texts else task.as_json(labels)),
                    **({"answer": found} if self.in_answers else {}),
                    **({"spans": _spans(e, spans)} if self.in_spans else {}),
                    **({"written": found} if self.in_texts else {}),
                    **({} if means is None else {"expected": float(means[i]) if scores else None}),
                    **({} if self.in_texts else {"scores": dict(scores)}),
                }
                for i, ((e, labels, scores), (found, _), spans) in enumerate(
                    zip(self.rows(), self.found(), self.spans(), strict=True)
                )
            ],
        }

    def write_csv(self, path: Path) -> None:
        """row, text, label(s), of ratings the expected value, and a column of probabilities per
        label; or row, text and what was written. Cells that a spreadsheet would run are made text.
        """
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        second = any(e.text_b is not None for e in self.examples)
        task, means = task_of(self.problem), self.expected()
        writer.writerow(
            [
                "row",
                "text",
                *(["text_b"] if second else []),
                "written" if self.in_texts else "label",
                *(["answer_text"] if self.in_answers else []),
                *(["spans"] if self.in_spans else []),
                *([] if means is None else ["expected"]),
                *([] if self.in_texts else map(harmless, self.problem.label_ids)),
            ]
        )
        for i, ((example, labels, scores), (found, _), spans) in enumerate(
            zip(self.rows(), self.found(), self.spans(), strict=True)
        ):
            shown = dict(scores)
            mean = [] if means is None else [f"{means[i]:.3f}" if scores else ""]
            texts = [harmless(example.text), *([harmless(example.text_b or "")] if second else [])]
            writer.writerow(
                [
                    example.row,
                    *texts,
                    harmless(found if self.in_texts else task.write(labels)),
                    *([harmless(found)] if self.in_answers else []),
                    *([json.dumps(spans, ensure_ascii=False)] if self.in_spans else []),
                    *mean,
                    *(
                        f"{shown[x]:.6f}" if shown else ""
                        for x in (() if self.in_texts else self.problem.label_ids)
                    ),
                ]
            )
        with file_errors_as_user_errors(path):
            path.write_bytes(
                b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace")
            )  # the mark makes spreadsheets read UTF-8


def _spans(example: Example, found: Sequence[tuple[int, int, str]]) -> list[dict[str, Any]]:
    """Spans as the inference API writes them."""
    return [
        {"start": start, "end": end, "label": label, "text": example.text[start:end]}
        for start, end, label in found
    ]


def predict(
    folder: Path,
    *,
    run: str | None,
    text: str | None,
    second: str | None,
    file: str | None,
    column: str | None,
    device: str | None = None,
    may_send: Callable[[str], bool] = lambda question: False,
) -> Answer:
    """Label one text, or the texts of a file.

    Args:
        may_send: asks whether the texts may leave this machine, where the run asks somebody else.

    Raises:
        UserError: no such study, run or file, its weights were not kept, or the texts may not be
            sent.
    """
    store = Store(folder)
    made = plan(store.load_study())
    spec = chosen(store, made, run)
    problem = made.study.problem
    examples = texts_asked(text, second, file, column, problem)
    worker = Worker(device)
    try:
        return answer(folder, made, spec, examples, worker, may_send=may_send)
    finally:
        worker.end()


def answer(
    folder: Path,
    made: Plan,
    spec: RunSpec,
    examples: Sequence[Example],
    worker: Worker,
    *,
    may_send: Callable[[str], bool],
) -> Answer:
    """Label examples by what a kept run left in the folder of its study.

    Raises:
        UserError: the texts would have to be sent somewhere, and may not.
    """
    consent = agreed(
        spec.arm,
        lambda endpoint: say_n(
            "{arm} sends this text to {host}.",
            "{arm} sends these {n:,} texts to {host}.",
            len(examples),
            arm=spec.arm.id,
            host=endpoint.host,
        ),
        may_send,
    )
    asked = {
        "folder": str(folder.resolve()),
        "runs": [spec.id],
        "examples": list(examples),
        "consent": consent,
    }
    with closing(worker.call("predict", **asked)) as answers:
        scores = next(answer[1] for answer in answers if not isinstance(answer, Step))
    return Answer(spec.id, spec.arm.id, made.study.problem, tuple(examples), scores)


def kept(store: Store, made: Plan) -> list[RunSpec]:
    """Finished runs whose trained state is there."""
    return [
        s
        for s in made.specs
        if store.model_folder(s.id).is_dir() and (r := store.result(s.id)) and r.status == "done"
    ]


def chosen(store: Store, made: Plan, run: str | None) -> RunSpec:
    """A kept run by its id or its arm's name; the best one where none is named.

    Raises:
        UserError: its weights were not kept, or there is no such run.
    """
    there = kept(store, made)
    if not there:
        raise UserError(
            say(
                "{folder} has no checkpoints. Run the study again with {keep} best.",
                folder=store.folder,
                keep=Setting("keep"),
            )
        )
    if run is not None:
        named = [s for s in there if s.id == run or s.arm.id == run]
        if named:
            return named[-1]
        if any(run in (s.id, s.arm.id) for s in made.specs):
            raise UserError(
                say(
                    "{run} has no checkpoint. Checkpoints exist for: {there}. {keep} all saves"
                    " every run.",
                    run=run,
                    there=[f"{s.id} ({s.arm.id})" for s in there],
                    keep=Setting("keep"),
                )
            )
        raise UserError(
            unknown(say("run or arm"), run, [x for s in there for x in (s.id, s.arm.id)])
        )
    comparison = compare(made, store.results(s.id for s in made.specs))
    rank = {(c.arm, c.shots): i for i, c in enumerate(comparison.cells)}
    return min(there, key=lambda s: rank.get((s.arm.id, s.shots), len(rank)))


def empty(example: Example) -> bool:
    """Whether there is nothing to read; a pair is empty when either text is."""
    return not example.text.strip() or (example.text_b is not None and not example.text_b.strip())


def texts_asked(
    text: str | None,
    second: str | None,
    file: str | Path | None,
    column: str | None,
    problem: Problem,
) -> list[Example]:
    """The one text, or those of a file; one of the two is given. Of a file, `column` and `second`
    are the columns of the first and of the second text.

    Raises:
        UserError: there is no text, or the file cannot be read.
    """
    if text is not None:
        examples = one_text(text, second, problem)
    else:
        assert file is not None
        examples = texts_of_file(file, column, second, problem)
    if all(map(empty, examples)):
        raise UserError(
            say("There is no text to label: it is empty.")
            if text is not None
            else say("{file} has no row with a text to label.", file=file)
        )
    return examples


def one_text(text: str, second: str | None, problem: Problem) -> list[Example]:
    """A text, or a pair, as rows.

    Raises:
        UserError: the second text of a pair is missing.
    """
    pair = problem.inputs == "two texts"
    if pair and second is None:
        raise UserError(
            say(
                "This study has two texts per row: give the second with {text_b}.",
                text_b=Setting("text_b"),
            )
        )
    return [Example(1, text, second if pair else None)]


def texts_of_file(
    file: str | Path,
    column: str | None,
    second: str | None,
    problem: Problem,
    limits: Limits = USUAL,
) -> list[Example]:
    """Every row of a file, whether it has labels or not.

    Raises:
        UserError: it cannot be read, or has no such column.
    """
    table, name = read_table(Path(file), limits=limits), Path(file).name
    pair = problem.inputs == "two texts"
    roles: dict[str, str | None] = {"text": column, "text_b": second}
    if column is None or (pair and second is None):
        roles = guess_texts(table, column, second, pair=pair)
    if roles["text"] not in table.columns:
        raise UserError(
            say(
                "{name} has no column {text!r}; it has {columns}. Name the column of the texts"
                " with {column}.",
                name=name,
                text=roles["text"],
                columns=some(table.columns, 30),
                column=Setting("column"),
            )
        )
    if pair and roles["text_b"] not in table.columns:
        raise UserError(
            say(
                "This study has two texts per row, but {name} shows one. Name the second column"
                " with {text_b}.",
                name=name,
                text_b=Setting("text_b"),
            )
        )
    first, second = roles["text"], roles["text_b"]
    assert first is not None and (second is not None or not pair)  # both are columns of the table
    firsts = ["" if x is None else str(x) for x in table.columns[first]]
    seconds: list[str | None] = [None] * len(firsts)
    if pair and second is not None:
        seconds = ["" if x is None else str(x) for x in table.columns[second]]
    return [Example(i, a, b) for i, (a, b) in enumerate(zip(firsts, seconds, strict=True), start=1)]
