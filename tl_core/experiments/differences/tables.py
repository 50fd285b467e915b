"""Rows as tables for a spreadsheet, text in every cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tl_core.experiments.differences.studied import Studied, Usual
from tl_core.experiments.differences.suspicious import Doubts
from tl_core.experiments.predicting import harmless
from tl_core.experiments.store import told
from tl_core.tasks import task_of


def rows_table(studied: Studied, at: Sequence[int], arms: Sequence[Usual]) -> Iterator[list[str]]:
    """A head, then row, text(s), given label and each arm's usual answer with its probability."""
    problem = studied.plan.study.problem
    said = [task_of(problem).names(problem, x.answer[list(at)]) for x in arms]
    second = problem.inputs == "two texts"
    yield ["row", "text", *(["text_b"] if second else []), "label", *(f"{x.arm}{end}" for x in arms for end in ("", " (probability)"))]
    for k, i in enumerate(at):
        e = studied.rows[i]
        answers = [cell for x, names in zip(arms, said) for cell in ("|".join(names[k]), f"{x.sure[i]:.4f}" if x.tells_chances else "")]
        yield [str(e.row), e.text, *([e.text_b or ""] if second else []), "|".join(e.labels), *answers]


def doubts_table(studied: Studied, doubts: Doubts) -> Iterator[list[str]]:
    """The same with the label the arms would give; empty `new label` is for whoever looks."""
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
    with told(path):
        path.write_bytes(b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace"))
