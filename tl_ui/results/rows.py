"""The rows behind the numbers: what one line answers, what it mixes up, and every row with what all arms say of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr
import numpy as np

from tl_core.experiments.compare import Cell
from tl_core.report import figures
from tl_core.statistics.metrics_counts import confusion
from tl_core.tasks import task_of
from tl_ui.lab import Lab
from tl_ui.pieces import escaped, label_name, shots_text
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.results import LABELS_IN_MATRIX, Place, Seen, key_of, seen
from tl_ui.results._listed import ROWS_SHOWN, counted, filled, headers, row_cells, rows_listed
from tl_ui.shown import Overtaken
from tl_ui.studies import Opened
from tl_ui.words import t, word

FILTERS = ("all", "wrong", "disagree")


@dataclasses.dataclass(frozen=True)
class Section:
    """Matrix and rows."""

    id: str = "rows"
    order: int = 60
    title: str = "rows_head"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        _wire(lab, place, _rows())


@dataclasses.dataclass(frozen=True)
class Rows:
    cell: gr.Dropdown  # its value is a `key_of`
    matrix: gr.HTML
    caption: gr.HTML
    which: gr.Radio
    chosen: gr.HTML
    clear: gr.Button
    table: gr.Dataframe


def _rows() -> Rows:
    with gr.Row():
        with gr.Column(scale=2, min_width=300, elem_classes="tl-card"):
            cell = gr.Dropdown([], label=word("cell"), info=word("cell_info"), elem_id="cell", interactive=True)
            which = gr.Radio([(word(f"filter_{f}"), f) for f in FILTERS], value="all", label=word("filter"), elem_id="filter")
            chosen = gr.HTML(elem_id="chosen")
            clear = gr.Button(word("clear"), size="sm", visible=False, elem_id="clear")
            caption = gr.HTML(elem_classes="tl-fine")
        with gr.Column(scale=3, min_width=320, elem_classes="tl-card"):
            matrix = plotly_view(label="Confusion matrix", elem_id="matrix")
    table = rows_listed("rows")
    return Rows(cell, matrix, caption, which, chosen, clear, table)


def _wire(lab: Lab, place: Place, rows: Rows) -> None:
    def draw(found: Seen, values: dict) -> dict:
        """Everything, for the line that is chosen; the leading one where none is. The rows only if nothing was chosen meanwhile."""
        check = values[lab.turns].take("rows")
        cells = [(f"{c.arm} · {shots_text(c.shots, found.lang)}", key_of(c)) for c in found.comparison.cells]
        cell = found.cell(values[rows.cell]) or found.comparison.cells[0]
        shown = {rows.cell: gr.Dropdown(choices=cells, value=key_of(cell)), rows.matrix: _matrix(found.opened, cell, found.lang)}
        listed = table(found, cell, values[rows.which], values[lab.selection])
        try:
            check()
        except Overtaken:  # the first drawing takes longest, and a visitor does not wait for it
            return shown
        return shown | listed

    def point(values: dict) -> dict:
        """A point of another section was clicked: the rows that this line gets wrong."""
        found, selected = seen(lab, values), values[lab.selection] or {}
        cell = found.cell(selected.get("line")) if found else None
        if cell is None:
            return {}
        chosen = {**values, rows.cell: key_of(cell), rows.which: "wrong"}
        return {place.accordion: gr.Accordion(open=True), place.is_open: True, rows.which: "wrong", **draw(found, chosen)}

    def square(values: dict, event: gr.EventData) -> dict:
        found = seen(lab, values)
        said = _square(event, found.opened.plan.study.problem.label_ids) if found else None
        return {rows.which: "all", lab.selection: said, **show(found, {**values, rows.which: "all", lab.selection: said})} if said else {}

    def show(found: Seen, values: dict) -> dict:
        check, cell = values[lab.turns].take("rows"), found.cell(values[rows.cell])
        listed = table(found, cell, values[rows.which], values[lab.selection]) if cell else {}
        check()
        return listed

    def clear(found: Seen, values: dict) -> dict:
        return {lab.selection: None, rows.which: "all", **show(found, {**values, rows.which: "all", lab.selection: None})}

    def table(found: Seen, cell: Cell, which: str, selection: dict | None) -> dict:
        opened, lang = found.opened, found.lang
        kept, made = rows_shown(found, cell, which, selection)
        run = opened.run_of(cell.arm, cell.shots)
        return {
            rows.caption: f"<p>{escaped(t(lang, 'first_draw', n=len(cell.seeds), seed=run.seed + 1))}</p>",
            rows.chosen: f"<p role='status'>{escaped(_chosen_text(opened, cell, which, selection, kept, lang))}</p>",
            rows.clear: gr.Button(visible=bool(selection and "given" in selection) or which != "all"),
            rows.table: filled(made),
        }

    inputs = [lab.selection, rows.cell, rows.which, lab.turns]
    shown = [rows.caption, rows.chosen, rows.clear, rows.table]
    place.draw(draw, inputs, [rows.cell, rows.matrix, *shown])
    place.on(rows.cell.input, draw, inputs, [rows.cell, rows.matrix, *shown], trigger_mode="always_last")
    place.on(rows.which.input, show, inputs, shown, trigger_mode="always_last")
    place.on(rows.clear.click, clear, inputs, [lab.selection, rows.which, *shown])
    lab.on(rows.matrix.select, square, [lab.study_id, *inputs], [lab.selection, rows.which, *shown], place.notice)
    opening = [place.accordion, place.is_open]
    lab.on(lab.selection.change, point, [lab.study_id, *inputs], [*opening, rows.cell, rows.matrix, rows.which, *shown], place.notice)


def _square(event: gr.EventData, ids: tuple[str, ...]) -> dict[str, str] | None:
    """The given and the answered label of a clicked square, whose mark holds their positions."""
    marks = str(event._data.get("id") or "").split("|")
    if len(marks) != 2 or not all(mark.isdecimal() and int(mark) < len(ids) for mark in marks):
        return None
    return {"given": ids[int(marks[0])], "said": ids[int(marks[1])]}


def _matrix(opened: Opened, cell: Cell, lang: str) -> str | None:
    """Rows: given labels; columns: answers of the arm's first draw. None with several labels per text."""
    problem, split = opened.plan.study.problem, opened.plan.study.split
    run = opened.run_of(cell.arm, cell.shots)
    if problem.target == "many labels" or run is None or len(problem.labels) > LABELS_IN_MATRIX:
        return None
    task = task_of(problem)
    gold, said = task.gold(problem, split.test), task.decide(opened.results[run.id].scores)
    counts = confusion(gold, said, len(problem.labels))
    wrong = int(counts.sum() - np.trace(counts))
    label = t(lang, "chart_matrix", arm=cell.arm, wrong=wrong, n=int(counts.sum()))
    return drawing(figures.confusion(counts, [x.name for x in problem.labels], language=lang), label)


def rows_shown(found: Seen, cell: Cell, which: str, selection: dict | None) -> tuple[int, dict[str, Any]]:
    """How many test rows pass the filter, and the first of them as a table: text, given label, every arm's answer."""
    opened, lang = found.opened, found.lang
    problem, test = opened.plan.study.problem, opened.plan.study.split.test
    task = task_of(problem)
    gold = task.gold(problem, test)
    columns = _columns(found, cell)
    said = {c.arm: task.names(problem, task.decide(_scores(opened, c))) for c in columns}
    right = {c.arm: task.correct(gold, _scores(opened, c)) for c in columns}
    keep = np.ones(len(test), dtype=bool)
    if which == "wrong":
        keep &= right[cell.arm] == 0
    elif which == "disagree":
        keep &= np.array([len({said[c.arm][i] for c in columns}) > 1 for i in range(len(test))], dtype=bool)
    if selection and "given" in selection:
        keep &= np.array([selection["given"] in e.labels and selection["said"] in said[cell.arm][i] for i, e in enumerate(test)], dtype=bool)
    index = np.flatnonzero(keep)
    data = [[*row_cells(test[i], problem), *(_answer(problem, said[c.arm][i], right[c.arm][i]) for c in columns)] for i in index[:ROWS_SHOWN]]
    return len(index), {"headers": headers(columns, lang), "data": data}


def _columns(found: Seen, cell: Cell) -> list[Cell]:
    """The chosen cell, then the best cell of every other arm."""
    best: dict[str, Cell] = {cell.arm: cell}
    for c in found.comparison.cells:
        best.setdefault(c.arm, c)
    return list(best.values())


def _scores(opened: Opened, cell: Cell) -> np.ndarray:
    return opened.results[opened.run_of(cell.arm, cell.shots).id].scores


def _answer(problem: Any, ids: tuple[str, ...], right: float) -> str:
    return ("✓ " if right else "✗ ") + (label_name(problem, ids) or "–")


def _chosen_text(opened: Opened, cell: Cell, which: str, selection: dict | None, kept: int, lang: str) -> str:
    """Which rows are on show, and how many."""
    arm = f"{cell.arm} · {shots_text(cell.shots, lang)}"
    if selection and "given" in selection:
        problem = opened.plan.study.problem
        said = t(lang, "rows_square", given=label_name(problem, [selection["given"]]), said=label_name(problem, [selection["said"]]), arm=arm)
    else:
        said = t(lang, f"rows_{which}", arm=arm)
    return f"{said}: {counted(kept, lang)}"


SECTION = Section()
