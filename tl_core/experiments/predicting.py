"""Labels for new texts, from what a study trained and kept."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.data.columns import guess_texts
from tl_core.data.tables import USUAL, Limits, read_table, some
from tl_core.errors import UserError, unknown
from tl_core.experiments.compare import compare
from tl_core.experiments.consent import destination
from tl_core.experiments.plan import Plan, plan
from tl_core.experiments.store import Store, told
from tl_core.experiments.worker import Worker
from tl_core.tasks import task_of
from tl_core.types import Example, Problem, RunSpec, Step

AFTER_A_CUT = re.compile(r"""([;\t]["'\s]*)(?=[=@]|[+-][\w.(@])""")  # not before ;-) which begins no formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that begins so for a formula


@dataclass(frozen=True)
class Answer:
    """Scores for texts from one run."""

    run: str
    arm: str
    problem: Problem
    examples: tuple[Example, ...]
    scores: np.ndarray  # (n, C)

    def rows(self) -> Iterator[tuple[Example, tuple[str, ...], list[tuple[str, float]]]]:
        """(example, label ids, (label id, probability) from the likeliest down). A row without a text has neither."""
        task = task_of(self.problem)
        for example, labels, row in zip(self.examples, task.names(self.problem, task.decide(self.scores)), self.scores, strict=True):
            if empty(example):
                yield example, (), []
                continue
            order = np.argsort(-row, kind="stable")
            yield example, labels, [(self.problem.label_ids[i], float(row[i])) for i in order]

    def plain(self) -> dict[str, Any]:
        """As printed with --json."""
        single = self.problem.target == "one label"
        return {
            "run": self.run,
            "arm": self.arm,
            "predictions": [
                {"row": e.row, "text": e.text, **({"label": labels[0] if labels else None} if single else {"labels": list(labels)}), "scores": dict(scores)}
                for e, labels, scores in self.rows()
            ],
        }

    def write_csv(self, path: Path) -> None:
        """row, text, label(s) and a column of probabilities per label. Cells that a spreadsheet would run are made text."""
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        second = any(e.text_b is not None for e in self.examples)
        writer.writerow(["row", "text", *(["text_b"] if second else []), "label", *map(harmless, self.problem.label_ids)])
        for example, labels, scores in self.rows():
            shown = dict(scores)
            texts = [harmless(example.text), *([harmless(example.text_b or "")] if second else [])]
            writer.writerow([example.row, *texts, harmless("|".join(labels)), *(f"{shown[x]:.6f}" if shown else "" for x in self.problem.label_ids)])
        with told(path):
            path.write_bytes(b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace"))  # the mark makes spreadsheets read UTF-8


def predict(
    folder: Path, *, run: str | None, text: str | None, second: str | None, file: str | None, column: str | None, device: str | None = None,
    may_send: Callable[[str], bool] = lambda question: False,
) -> Answer:  # fmt: skip
    """Label one text, or the texts of a file.

    Args:
        may_send: asks whether the texts may leave this machine, where the run asks somebody else.

    Raises:
        UserError: no such study, run or file, its weights were not kept, or the texts may not be sent.
    """
    store = Store(folder)
    made = plan(store.load_study())
    spec = chosen(store, made, run)
    problem = made.study.problem
    examples = _one(text, second, problem) if text is not None else texts_of_file(file, column, second, problem)
    if all(map(empty, examples)):
        raise UserError("There is no text to label: it is empty." if text is not None else f"{file} has no row with a text to label.")
    endpoint = destination([spec.arm])
    if endpoint and not may_send(f"{spec.arm.id} sends {'this text' if len(examples) == 1 else f'these {len(examples):,} texts'} to {endpoint.host}."):
        raise UserError(f"{spec.arm.id} sends texts to {endpoint.host}. Nothing was sent. Add --send-texts if they may leave this machine, or choose another --run.")
    worker = Worker(device)
    try:
        asked = {"folder": str(folder.resolve()), "runs": [spec.id], "examples": examples, "consent": endpoint.mark if endpoint else ""}
        with closing(worker.call("predict", **asked)) as answers:
            scores = next(answer[1] for answer in answers if not isinstance(answer, Step))
    finally:
        worker.end()
    return Answer(spec.id, spec.arm.id, problem, tuple(examples), scores)


def kept(store: Store, made: Plan) -> list[RunSpec]:
    """Finished runs whose trained state is there."""
    return [s for s in made.specs if store.model_folder(s.id).is_dir() and (r := store.result(s.id)) and r.status == "done"]


def chosen(store: Store, made: Plan, run: str | None) -> RunSpec:
    """A kept run by its id or its arm's name; the best one where none is named.

    Raises:
        UserError: its weights were not kept, or there is no such run.
    """
    there = kept(store, made)
    if not there:
        raise UserError(f"{store.folder} keeps no trained weights. Run the comparison again with --keep best.")
    if run is not None:
        named = [s for s in there if s.id == run or s.arm.id == run]
        if named:
            return named[-1]
        if any(run in (s.id, s.arm.id) for s in made.specs):
            raise UserError(f"The weights of {run} were not kept. Kept are: {', '.join(f'{s.id} ({s.arm.id})' for s in there)}. --keep all keeps every run.")
        raise UserError(unknown("run or arm", run, [x for s in there for x in (s.id, s.arm.id)]))
    comparison = compare(made, store.results(s.id for s in made.specs))
    rank = {(c.arm, c.shots): i for i, c in enumerate(comparison.cells)}
    return min(there, key=lambda s: rank.get((s.arm.id, s.shots), len(rank)))


def empty(example: Example) -> bool:
    """Whether there is nothing to read; a pair is empty when either text is."""
    return not example.text.strip() or (example.text_b is not None and not example.text_b.strip())


def _one(text: str, second: str | None, problem: Problem) -> list[Example]:
    pair = problem.inputs == "two texts"
    if pair and second is None:
        raise UserError("This study has two texts per row: give the second with --text-b.")
    return [Example(1, text, second if pair else None)]


def texts_of_file(file: str | None, column: str | None, second: str | None, problem: Problem, limits: Limits = USUAL) -> list[Example]:
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
        raise UserError(f"{name} has no column {roles['text']!r}; it has {some(table.columns, 30)}. Name the column of the texts with --column.")
    if pair and roles["text_b"] not in table.columns:
        raise UserError(f"This study has two texts per row, but {name} shows one. Name the second column with --text-b.")
    firsts = ["" if x is None else str(x) for x in table.columns[roles["text"]]]
    seconds = ["" if x is None else str(x) for x in table.columns[roles["text_b"]]] if pair else [None] * len(firsts)
    return [Example(i, a, b) for i, (a, b) in enumerate(zip(firsts, seconds, strict=True), start=1)]


def harmless(cell: str) -> str:
    """The cell as a spreadsheet takes it for text and never for a formula, also one that cuts lines at semicolons or tabs."""
    cell = AFTER_A_CUT.sub(r"\1'", cell)
    return f"'{cell}" if cell.startswith(FORMULA) else cell
