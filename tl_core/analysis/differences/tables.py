"""Rows as tables for a spreadsheet, text in every cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tl_core.analysis.differences.label_errors import Doubts
from tl_core.analysis.differences.predictions import Consensus, StudyPredictions
from tl_core.data.spreadsheet import harmless
from tl_core.studies.store import file_errors_as_user_errors
from tl_core.tasks import task_of


def rows_table(
    studied: StudyPredictions, at: Sequence[int], arms: Sequence[Consensus]
) -> Iterator[list[str]]:
    """A head, then row, text(s), given label and each arm's usual answer with its probability."""
    problem = studied.plan.study.problem
    task, asked = task_of(problem), [studied.rows[i] for i in at]
    said = [
        (
            task.phrases(problem, asked, x.answer[list(at)])
            if task.by_word
            else task.names(problem, x.answer[list(at)])
        )
        for x in arms
    ]
    second = problem.inputs == "two texts"
    yield [
        "row",
        "text",
        *(["text_b"] if second else []),
        "label",
        *(f"{x.arm}{end}" for x in arms for end in ("", " (probability)")),
    ]
    for k, i in enumerate(at):
        e = studied.rows[i]
        answers = [
            cell
            for x, names in zip(arms, said)
            for cell in ("|".join(names[k]), f"{x.sure[i]:.4f}" if x.tells_chances else "")
        ]
        yield [
            str(e.row),
            e.text,
            *([e.text_b or ""] if second else []),
            "|".join(e.labels),
            *answers,
        ]


def doubts_table(studied: StudyPredictions, doubts: Doubts) -> Iterator[list[str]]:
    """The same with the label the arms would give; empty `new label` is for the reader to fill
    in.
    """
    rows = rows_table(studied, [d.at for d in doubts.rows], doubts.asked)
    yield [*next(rows), "instead", "arms that say so", "probability of label", "new label"]
    for d, row in zip(doubts.rows, rows, strict=True):
        yield [*row, "|".join(d.instead), str(d.arms), f"{d.given:.4f}", ""]


def write_csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """A CSV with the mark that makes spreadsheets read UTF-8.

    Raises:
        UserError: it cannot be written.
    """
    buffer = io.StringIO()
    csv.writer(buffer).writerows([harmless(cell) for cell in row] for row in rows)
    with file_errors_as_user_errors(path):
        path.write_bytes(b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace"))
