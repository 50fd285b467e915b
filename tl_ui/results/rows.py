"""The rows behind the numbers: what one line answers, what it mixes up, and every row with what all
arms say of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from tl_core.analysis.compare import Cell
from tl_core.api.types import Example, Problem
from tl_core.figures import results as figures
from tl_core.report.marked import answers_html
from tl_core.report.written import length_ratio, written_html
from tl_core.statistics.classification.counts import confusion
from tl_core.tasks import task_of
from tl_core.words.verdict import method_name
from tl_ui.components.html import escaped, label_name, safe, shots_text
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.errors import Overtaken
from tl_ui.lab import Lab
from tl_ui.results import LABELS_IN_MATRIX, Place, Seen, key_of
from tl_ui.results._listed import ROWS_SHOWN, counted, filled, headers, row_cells, rows_listed
from tl_ui.state.studies import Opened
from tl_ui.words import t, word

MARKED_SHOWN = 40  # texts with their spans
FILTERS = ("all", "wrong", "disagree")


@dataclasses.dataclass(frozen=True)
class Section:
    """Matrix and rows."""

    id: str = "rows"
    order: int = 60
    title: str = "rows_head"
    rail: str = "rows"
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
    marked: gr.HTML  # in place of the table where spans of texts are answers


def _rows() -> Rows:
    with gr.Row():
        with gr.Column(scale=1, min_width=300, elem_classes="tl-card"):
            cell = gr.Dropdown(
                [], label=word("cell"), info=word("cell_info"), elem_id="cell", interactive=True
            )
            which = gr.Radio(
                [(word(f"filter_{f}"), f) for f in FILTERS],
                value="all",
                label=word("filter"),
                elem_id="filter",
            )
            chosen = gr.HTML(elem_id="chosen")
            clear = gr.Button(word("clear"), size="sm", visible=False, elem_id="clear")
            caption = gr.HTML(elem_classes="tl-fine")
        with gr.Column(scale=1, min_width=320, elem_classes="tl-card"):
            matrix = plotly_view(label="Confusion matrix", elem_id="matrix")
    table = rows_listed("rows")
    marked = gr.HTML(visible=False, elem_id="rows-marked", elem_classes="tl-card")
    return Rows(cell, matrix, caption, which, chosen, clear, table, marked)


def _wire(lab: Lab, place: Place, rows: Rows) -> None:
    def draw(found: Seen, values: dict) -> dict:
        """Draw everything, for the line that is chosen; the leading one where none is.

        The rows only if nothing was chosen meanwhile. What a click on a point chose may not be in
        the lists of the page yet, and counts.
        """
        clicked = found.cell((values[lab.selection] or {}).get("line"))
        if clicked:
            values = {**values, rows.cell: key_of(clicked), rows.which: "wrong"}
        cells = [
            (
                f"{method_name(c.arm, c.strategy, found.lang, found.comparison.problem)} · "
                f"{shots_text(c.shots, found.lang, c.per)}",
                key_of(c),
            )
            for c in found.comparison.cells
        ]
        cell = found.cell(values[rows.cell]) or found.comparison.cells[0]
        shown = {
            rows.cell: gr.Dropdown(choices=cells, value=key_of(cell)),
            rows.matrix: _matrix(found.opened, cell, found.lang),
            **({rows.which: "wrong"} if clicked else {}),
        }
        listed = table(found, cell, values[rows.which], values[lab.selection])
        try:
            found.still_asked()
        except Overtaken:  # the first drawing takes longest, and a visitor does not wait for it
            return shown
        return shown | listed

    def point(values: dict) -> dict:
        """A point of another section was clicked: the rows that this line gets wrong."""
        line = (values[lab.selection] or {}).get("line")
        found = place.seen(values) if line else None
        if found is None or found.cell(line) is None:
            return {}
        return {
            place.accordion: gr.Accordion(open=True),
            place.is_open: True,
            **draw(found, values),
        }

    def pick(found: Seen, values: dict) -> dict:
        """A line of the list, in place of what was clicked."""
        return {lab.selection: None, **draw(found, {**values, lab.selection: None})}

    def filter_rows(found: Seen, values: dict) -> dict:
        """Another filter: of the square that was clicked, if one was."""
        square = values[lab.selection] if "given" in (values[lab.selection] or {}) else None
        return {lab.selection: square, **show(found, {**values, lab.selection: square})}

    def square(values: dict, event: gr.EventData) -> dict:
        found = place.seen(values)
        said = _square(event, found.opened.plan.study.problem.label_ids) if found else None
        return (
            {
                rows.which: "all",
                lab.selection: said,
                **show(found, {**values, rows.which: "all", lab.selection: said}),
            }
            if found and said
            else {}
        )

    def show(found: Seen, values: dict) -> dict:
        # while the first drawing is on its way, no line is chosen yet
        cell = found.cell(values[rows.cell]) or found.comparison.cells[0]
        listed = table(found, cell, values[rows.which], values[lab.selection])
        found.still_asked()
        return listed

    def clear(found: Seen, values: dict) -> dict:
        return {
            lab.selection: None,
            rows.which: "all",
            **show(found, {**values, rows.which: "all", lab.selection: None}),
        }

    def table(found: Seen, cell: Cell, which: str, selection: dict | None) -> dict:
        opened, lang = found.opened, found.lang
        kept, made = rows_shown(found, cell, which, selection)
        task = task_of(opened.plan.study.problem)
        as_cards = task.by_word or task.writes
        run = opened.run_of(cell.arm, cell.shots)
        assert run is not None  # a line has a finished run
        return {
            rows.caption: (
                f"<p>{escaped(t(lang, 'first_draw', n=len(cell.seeds), seed=run.seed + 1))}"
                f"{escaped(_length(opened, cell, lang))}</p>"
            ),
            rows.chosen: (
                "<p role='status'>"
                f"{escaped(_chosen_text(opened, cell, which, selection, kept, lang))}</p>"
            ),
            rows.clear: gr.Button(
                visible=bool(selection and "given" in selection) or which != "all"
            ),
            rows.table: gr.Dataframe(visible=False) if as_cards else filled(made),
            rows.marked: gr.HTML(made if as_cards else "", visible=as_cards),
        }

    inputs = [lab.selection, rows.cell, rows.which]
    shown = [rows.caption, rows.chosen, rows.clear, rows.table, rows.marked]
    everything = [rows.cell, rows.matrix, rows.which, *shown]
    newest = {"trigger_mode": "always_last"}
    place.draw(draw, inputs, everything)
    place.on(rows.cell.input, pick, inputs, [lab.selection, *everything], **newest)
    place.on(rows.which.input, filter_rows, inputs, [lab.selection, *shown], **newest)
    place.on(rows.clear.click, clear, inputs, [lab.selection, rows.which, *shown])
    lab.on(
        rows.matrix.select,
        square,
        [lab.study_id, lab.turns, *inputs],
        [lab.selection, rows.which, *shown],
        place.notice,
    )
    opening = [place.accordion, place.is_open]
    lab.on(
        lab.selection.change,
        point,
        [lab.study_id, lab.turns, *inputs],
        [*opening, rows.cell, rows.matrix, rows.which, *shown],
        place.notice,
    )


def _square(event: gr.EventData, ids: tuple[str, ...]) -> dict[str, str] | None:
    """The given and the answered label of a clicked square, whose mark holds their positions."""
    marks = str(event._data.get("id") or "").split("|")
    if len(marks) != 2 or not all(mark.isdecimal() and int(mark) < len(ids) for mark in marks):
        return None
    return {"given": ids[int(marks[0])], "said": ids[int(marks[1])]}


def _matrix(opened: Opened, cell: Cell, lang: str) -> str | None:
    """Rows: given labels; columns: answers of the arm's first draw. None where the
    task has no such table.
    """
    problem, split = opened.plan.study.problem, opened.plan.study.split
    run = opened.run_of(cell.arm, cell.shots)
    task = task_of(problem)
    if not task.confusion or run is None or len(problem.labels) > LABELS_IN_MATRIX:
        return None
    gold, said = task.gold(problem, split.test), task.decide(opened.results[run.id].test_scores)
    counts = confusion(gold, said, len(problem.labels))
    wrong = int(counts.sum() - np.trace(counts))
    label = t(
        lang,
        "chart_matrix",
        arm=method_name(cell.arm, cell.strategy, lang, opened.plan.study.problem),
        wrong=wrong,
        n=int(counts.sum()),
    )
    return drawing(
        figures.confusion(counts, [x.name for x in problem.labels], language=lang), label
    )


def rows_shown(found: Seen, cell: Cell, which: str, selection: dict | None) -> tuple[int, Any]:
    """Return how many test rows pass the filter, and the first of them as a table: text, given
    label, every arm's answer; as HTML where answers are spans of the text, or texts, the worst
    first.
    """
    opened, lang = found.opened, found.lang
    problem, test = opened.plan.study.problem, opened.plan.study.split.test
    task = task_of(problem)
    gold = task.gold(problem, test)
    columns = _columns(found, cell)
    decided = {c.arm: task.decide(_scores(opened, c)) for c in columns}
    said = {arm: task.phrases(problem, test, found) for arm, found in decided.items()}
    given = task.phrases(problem, test, gold)
    right = {c.arm: task.correct(gold, _scores(opened, c)) for c in columns}
    keep = np.ones(len(test), dtype=bool)
    if which == "wrong":
        keep &= right[cell.arm] == 0
    elif which == "disagree":
        keep &= np.array(
            [len({said[c.arm][i] for c in columns}) > 1 for i in range(len(test))], dtype=bool
        )
    if selection and "given" in selection:
        ids = task.names(problem, decided[cell.arm])
        keep &= np.array(
            [
                selection["given"] in e.labels and selection["said"] in ids[i]
                for i, e in enumerate(test)
            ],
            dtype=bool,
        )
    index = np.flatnonzero(keep)
    if task.writes:
        worst = index[
            np.argsort(task.likeness(gold, decided[cell.arm][None])[0][index], kind="stable")
        ]
        return len(index), _written(test, gold, decided, worst[:MARKED_SHOWN].tolist(), found)
    if task.by_word:
        answers = {c.arm: decided[c.arm] for c in columns}
        none = t(lang, "no_answer")
        marked = _marked(problem, test, gold, answers, index[:MARKED_SHOWN].tolist(), none)
        return len(index), marked
    data = [
        [
            *row_cells(test[i], given[i]),
            *(_answer(said[c.arm][i], right[c.arm][i]) for c in columns),
        ]
        for i in index[:ROWS_SHOWN]
    ]
    return len(index), {"headers": headers(columns, problem, lang), "data": data}


def _length(opened: Opened, cell: Cell, lang: str) -> str:
    """Where texts are written, how long they are beside those that are given; else nothing."""
    problem, test = opened.plan.study.problem, opened.plan.study.split.test
    task = task_of(problem)
    if not task.writes:
        return ""
    decided = task.decide(_scores(opened, cell))
    ratio = length_ratio(task.gold(problem, test), decided[None])
    return " " + t(lang, "rows_written", ratio=f"{ratio:.2f}")


def _written(
    test: Sequence[Example],
    gold: np.ndarray,
    answers: Mapping[str, np.ndarray],
    index: Sequence[int],
    found: Seen,
) -> str:
    """Each text with the given one beside what every arm wrote."""
    task, cards = task_of(found.opened.plan.study.problem), []
    near = {arm: task.likeness(gold, texts[None])[0] for arm, texts in answers.items()}
    for i in index:
        said = written_html(
            test[i].text,
            str(gold[i]),
            {arm: str(texts[i]) for arm, texts in answers.items()},
            {arm: float(of_arm[i]) for arm, of_arm in near.items()},
            found.lang,
        )
        cards.append(f"<li value='{test[i].row}'>{said}</li>")
    return safe(f"<ol class='tl-marked-rows'>{''.join(cards)}</ol>")


def _marked(
    problem: Problem,
    test: Sequence[Example],
    gold: np.ndarray,
    answers: Mapping[str, np.ndarray],
    index: Sequence[int],
    none: str,
) -> str:
    """Each text with its spans, and with what every arm found below it."""
    task, cards = task_of(problem), []
    for i in index:
        found = {arm: task.spans(test[i], problem, decided[i]) for arm, decided in answers.items()}
        given = task.spans(test[i], problem, gold[i])
        one = slice(i, i + 1)
        right = {arm: bool(task.same(x[one], gold[one])[0]) for arm, x in answers.items()}
        said = answers_html(test[i], problem, given, found, right, none)
        cards.append(f"<li value='{test[i].row}'>{said}</li>")
    return safe(f"<ol class='tl-marked-rows'>{''.join(cards)}</ol>")


def _columns(found: Seen, cell: Cell) -> list[Cell]:
    """The chosen cell, then the best cell of every other arm."""
    best: dict[str, Cell] = {cell.arm: cell}
    for c in found.comparison.cells:
        best.setdefault(c.arm, c)
    return list(best.values())


def _scores(opened: Opened, cell: Cell) -> np.ndarray:
    run = opened.run_of(cell.arm, cell.shots)
    assert run is not None  # a line has a finished run
    return opened.results[run.id].test_scores


def _answer(said: tuple[str, ...], right: float) -> str:
    return ("✓ " if right else "✗ ") + (safe(", ".join(said)) or "–")


def _chosen_text(
    opened: Opened, cell: Cell, which: str, selection: dict | None, kept: int, lang: str
) -> str:
    """Say which rows are shown, and how many."""
    problem = opened.plan.study.problem
    method = method_name(cell.arm, cell.strategy, lang, problem)
    arm = f"{method} · {shots_text(cell.shots, lang, cell.per)}"
    if selection and "given" in selection:
        said = t(
            lang,
            "rows_square",
            given=label_name(problem, [selection["given"]]),
            said=label_name(problem, [selection["said"]]),
            arm=arm,
        )
    else:
        said = t(lang, f"rows_{which}", arm=arm)
    return f"{said}: {counted(kept, lang)}"


SECTION = Section()
