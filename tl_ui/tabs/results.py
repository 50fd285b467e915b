"""What the study says: who leads and how sure that is, learning curves, confusions, and the rows behind every number."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr
import numpy as np

from tl_core.experiments.compare import Cell, Comparison
from tl_core.report import figures
from tl_core.report.html import report_html
from tl_core.strategies import strategies
from tl_core.tasks import task_of
from tl_core.types import Example
from tl_ui.downloads import hand_out, harmless_csv
from tl_ui.lab import Lab
from tl_ui.pieces import clip, escaped, interval_text, label_name, percent, shots_text, strategy_title
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.shown import notice_html
from tl_ui.studies import Opened
from tl_ui.words import t, word

ROWS_SHOWN = 200
METRICS = ("accuracy", "macro_f1")
FILTERS = ("all", "wrong", "disagree")
LABELS_IN_MATRIX = 40
BOARD_WIDTHS = ["218px", "92px", "100px", "118px", "100px", "118px", "92px", "76px", "92px", "92px", "92px"]


@dataclasses.dataclass(frozen=True)
class Tab:
    """The results tab."""

    id: str = "results"
    order: int = 30
    title: str = "tab_results"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="results-notice")
        answer = gr.HTML(nothing_html("en"), elem_id="answer")
        with gr.Column(visible=False, elem_id="results-body") as body:
            metric = gr.Radio([(word(m), m) for m in METRICS], value="accuracy", label=word("metric"), elem_id="metric")
            figure = _figures()
            table = gr.Dataframe(interactive=False, label=word("leaderboard"), wrap=True, elem_id="leaderboard", max_height=420, column_widths=BOARD_WIDTHS)
            rows = _rows()
            files = _files()
        _wire_answer(lab, answer, body, metric, figure, table, rows, notice)
        _wire_rows(lab, metric, figure, rows, notice)
        _wire_files(lab, files, notice)


@dataclasses.dataclass(frozen=True)
class Figures:
    curves: gr.HTML
    board: gr.HTML


@dataclasses.dataclass(frozen=True)
class Rows:
    cell: gr.Dropdown  # "arm\tshots"
    matrix: gr.HTML
    caption: gr.HTML
    which: gr.Radio
    chosen: gr.HTML
    clear: gr.Button
    table: gr.Dataframe


@dataclasses.dataclass(frozen=True)
class Files:
    record: gr.DownloadButton
    predictions: gr.DownloadButton
    report: gr.DownloadButton
    board: gr.DownloadButton


# --- drawing -------------------------------------------------------------------------------------------


def _figures() -> Figures:
    with gr.Row():
        with gr.Column(scale=1, min_width=320, elem_classes="tl-card"):
            gr.Markdown(word("curves_head"))
            curves = plotly_view(label="Learning curves", elem_id="curves")
            gr.Markdown(word("curves_info"), elem_classes="tl-fine")
        with gr.Column(scale=1, min_width=320, elem_classes="tl-card"):
            gr.Markdown(word("board_head"))
            board = plotly_view(label="Leaderboard", elem_id="board")
            gr.Markdown(word("board_info"), elem_classes="tl-fine")
    return Figures(curves, board)


def _rows() -> Rows:
    gr.Markdown(word("rows_head"), elem_id="rows-head")
    with gr.Row():
        with gr.Column(scale=2, min_width=300, elem_classes="tl-card"):
            cell = gr.Dropdown([], label=word("cell"), info=word("cell_info"), elem_id="cell", interactive=True)
            which = gr.Radio([(word(f"filter_{f}"), f) for f in FILTERS], value="all", label=word("filter"), elem_id="filter")
            chosen = gr.HTML(elem_id="chosen")
            clear = gr.Button(word("clear"), size="sm", visible=False, elem_id="clear")
            caption = gr.HTML(elem_classes="tl-fine")
        with gr.Column(scale=3, min_width=320, elem_classes="tl-card"):
            matrix = plotly_view(label="Confusion matrix", elem_id="matrix")
    table = gr.Dataframe(interactive=False, datatype="str", wrap=True, label=word("rows_table"), elem_id="rows", max_height=620)
    return Rows(cell, matrix, caption, which, chosen, clear, table)


def _files() -> Files:
    gr.Markdown(word("downloads_head"))
    with gr.Row(elem_classes="tl-actions"):
        buttons = [
            gr.DownloadButton(word(f"down_{what}"), interactive=False, elem_id=f"down-{what}", min_width=170) for what in ("report", "record", "predictions", "board")
        ]
    return Files(report=buttons[0], record=buttons[1], predictions=buttons[2], board=buttons[3])


# --- the answer ----------------------------------------------------------------------------------------


def _wire_answer(lab: Lab, answer: gr.HTML, body: gr.Column, metric: gr.Radio, figure: Figures, table: gr.Dataframe, rows: Rows, notice: gr.HTML) -> None:
    known = gr.State("")  # the study whose own metric and leading arm have been taken over

    def show(values: dict) -> dict:
        lang, opened = values[lab.lang], _opened(lab, values)
        if opened is None:
            return {answer: nothing_html(lang), body: gr.Column(visible=False)}
        comparison, going = opened.comparison, values[lab.status]["status"] in ("queued", "running")
        seen = f"{opened.name} {going}"  # while it runs the leader may change; at the end it is chosen once more
        new = values[known] != seen
        measure = comparison.metric if new else values[metric]
        cells = _cell_choices(comparison, lang)
        kept = not new and values[rows.cell] in [key for _, key in cells]
        return {
            known: seen,
            answer: answer_html(opened, measure, going, lang),
            body: gr.Column(visible=True),
            metric: gr.Radio(value=measure),
            figure.curves: drawing(figures.learning_curves(comparison, measure, language=lang), t(lang, "chart_curves")),
            figure.board: drawing(figures.leaderboard(comparison, measure, language=lang), t(lang, "chart_leaderboard")),
            table: leaderboard_rows(opened, lang),
            rows.cell: gr.Dropdown(choices=cells, value=values[rows.cell] if kept else cells[0][1]),
        }

    outputs = [known, answer, body, metric, figure.curves, figure.board, table, rows.cell]
    lab.on(
        [lab.fresh.change, lab.lang.change, metric.input], show, [lab.study_id, lab.status, metric, rows.cell, known], outputs, notice, trigger_mode="always_last"
    )


def _opened(lab: Lab, values: dict) -> Opened | None:
    """The open study, when anything in it is finished."""
    if not values[lab.study_id] or not values[lab.status]:
        return None
    opened = lab.studies.open(values[lab.study_id])
    return opened if opened.comparison.cells else None


def nothing_html(lang: str) -> str:
    """What stands here before there are results."""
    return f"<section class='tl-card tl-empty'><h3>{escaped(t(lang, 'no_results_head'))}</h3><p>{escaped(t(lang, 'no_results'))}</p></section>"


def answer_html(opened: Opened, metric: str, going: bool, lang: str) -> str:
    """Who leads, what else could be the best, and what a majority guess reaches."""
    comparison = opened.comparison
    lead = max(comparison.cells, key=lambda c: (getattr(c, metric).value, -c.labels))
    said = t(lang, "answer", arm=_arm_title(opened, lead, lang), shots=shots_text(lead.shots, lang), metric=t(lang, metric), value=interval_text(getattr(lead, metric)))
    arms = list(dict.fromkeys(arm for arm, _ in comparison.best))
    others = [arm for arm in arms if arm != lead.arm]
    if metric != comparison.metric:
        sure = t(lang, "best_by_other", metric=t(lang, comparison.metric))
    elif others:
        sure = t(lang, "could_be_best", n=len(comparison.best), arms=", ".join(others))
    else:
        sure = t(lang, "clearly_best") if len(comparison.best) == 1 else t(lang, "same_arm_best")
    frame = t(lang, "answer_frame", test=f"{len(opened.plan.study.split.test):,}", chance=percent(comparison.chance))
    why = t(lang, "why_" + comparison.metric)
    failed = sum(c.failed for c in comparison.cells)
    notes = [t(lang, "so_far")] if going else []
    notes += [t(lang, "failed_runs", n=failed)] if failed else []
    collapsed = sum(c.collapsed for c in comparison.cells)
    notes += [t(lang, "collapsed_runs", n=collapsed)] if collapsed else []
    return (
        f"<section class='tl-answer'><p class='tl-kicker'>{escaped(opened.plan.study.name)}</p><h2>{escaped(said)}</h2>"
        f"<p>{escaped(sure)}</p><p class='tl-fine'>{escaped(frame)} {escaped(why)}</p></section>" + notice_html("\n".join(notes), kind="note")
    )


def _arm_title(opened: Opened, cell: Cell, lang: str) -> str:
    title = strategy_title(strategies()[cell.strategy], lang)
    return title if cell.arm == cell.strategy else f"{cell.arm} ({title})"


def _cell_choices(comparison: Comparison, lang: str) -> list[tuple[str, str]]:
    return [(f"{c.arm} · {shots_text(c.shots, lang)}", f"{c.arm}\t{c.shots_name}") for c in comparison.cells]


def leaderboard_rows(opened: Opened, lang: str) -> dict[str, Any]:
    """One row per arm and number of shots; numbers stay numbers, so that every column sorts."""
    head = ["arm", "labels_per_class", "accuracy", "accuracy_range", "macro_f1", "macro_f1_range", "best_mark", "draws", "rows_used", "fit_seconds", "memory"]
    data = [_board_row(c, lang) for c in opened.comparison.cells]
    return {"headers": [t(lang, f"head_{h}") for h in head], "data": data}


def _board_row(c: Cell, lang: str) -> list[Any]:
    return [
        c.arm, t(lang, "all_rows") if c.shots is None else str(c.shots), round(100 * c.accuracy.value, 1), _range(c.accuracy), round(100 * c.macro_f1.value, 1),
        _range(c.macro_f1), t(lang, "yes") if c.could_be_best else "", len(c.seeds), round(c.labels), round(c.fit_seconds, 2), round(c.peak_bytes / 2**20),
    ]  # fmt: skip


def _range(interval: Any) -> str:
    if not np.isfinite([interval.low, interval.high]).all():
        return "–"
    return f"{100 * interval.low:.1f} – {100 * interval.high:.1f}"


# --- the rows ------------------------------------------------------------------------------------------


def _wire_rows(lab: Lab, metric: gr.Radio, figure: Figures, rows: Rows, notice: gr.HTML) -> None:
    def click_point(values: dict, event: gr.EventData) -> dict:
        """A point of a curve or of the leaderboard: the rows that this arm gets wrong there."""
        arm, shots = _marks(event)
        opened = _opened(lab, values)
        cell = _find(opened, arm, shots) if opened else None
        if cell is None:
            return {}
        return {rows.cell: f"{cell.arm}\t{cell.shots_name}", rows.which: "wrong", lab.selection: {"point": True}}

    def click_matrix(values: dict, event: gr.EventData) -> dict:
        opened = _opened(lab, values)
        ids = opened.plan.study.problem.label_ids if opened else ()
        square = _square(_marks(event), ids)
        return {rows.which: "all", lab.selection: square} if square else {}

    def draw(values: dict) -> dict:
        lang, opened = values[lab.lang], _opened(lab, values)
        cell = _cell_of(opened, values[rows.cell]) if opened else None
        if cell is None:
            return {}
        return {rows.matrix: _matrix(opened, cell, lang), **show(values)}

    def show(values: dict) -> dict:
        lang, opened = values[lab.lang], _opened(lab, values)
        cell = _cell_of(opened, values[rows.cell]) if opened else None
        if cell is None:
            return {}
        kept, table = rows_shown(opened, cell, values[rows.which], values[lab.selection], lang)
        run = opened.run_of(cell.arm, cell.shots)
        return {
            rows.caption: f"<p>{escaped(t(lang, 'first_draw', n=len(cell.seeds), seed=run.seed + 1))}</p>",
            rows.chosen: f"<p role='status'>{escaped(_chosen_text(opened, cell, values[rows.which], values[lab.selection], kept, lang))}</p>",
            rows.clear: gr.Button(visible=bool(values[lab.selection]) or values[rows.which] != "all"),
            rows.table: gr.Dataframe(value=table, column_widths=["64px", "360px", *["170px"] * (len(table["headers"]) - 2)]),
        }

    def clear(_values: dict) -> dict:
        return {lab.selection: None, rows.which: "all"}

    inputs = [lab.study_id, lab.status, lab.selection, rows.cell, rows.which]
    shown = [rows.caption, rows.chosen, rows.clear, rows.table]
    for view in (figure.curves, figure.board):
        lab.on(view.select, click_point, inputs, [rows.cell, rows.which, lab.selection], notice)
    lab.on(rows.matrix.select, click_matrix, inputs, [rows.which, lab.selection], notice)
    lab.on([rows.cell.change, lab.lang.change], draw, inputs, [rows.matrix, *shown], notice, trigger_mode="always_last")
    lab.on([rows.which.change, lab.selection.change], show, inputs, shown, notice, trigger_mode="always_last")
    lab.on(rows.clear.click, clear, outputs=[lab.selection, rows.which])


def _marks(event: gr.EventData) -> tuple[str, str]:
    """The two marks of a clicked point, as `tl_core.report.figures` puts them into customdata: a pair, or "first|second"."""
    marked = event._data.get("id")
    if isinstance(marked, list) and len(marked) == 2:
        return str(marked[0]), str(marked[1])
    first, _, second = str(marked or "").rpartition("|")
    return first, second


def _find(opened: Opened, arm: str | None, shots: str | None) -> Cell | None:
    return next((c for c in opened.comparison.cells if (c.arm, str(c.shots_name)) == (arm, shots)), None)


def _cell_of(opened: Opened, key: str | None) -> Cell | None:
    arm, _, shots = (key or "").rpartition("\t")
    return _find(opened, arm, shots)


def _square(marks: tuple[str, str], ids: tuple[str, ...]) -> dict[str, str] | None:
    """The given and the answered label of a clicked square, by their positions."""
    if not all(mark.isdecimal() and int(mark) < len(ids) for mark in marks):
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
    counts = np.zeros((len(problem.labels),) * 2, dtype=int)
    np.add.at(counts, (gold, said), 1)
    wrong = int(counts.sum() - np.trace(counts))
    label = t(lang, "chart_matrix", arm=cell.arm, wrong=wrong, n=int(counts.sum()))
    return drawing(figures.confusion(counts, [x.name for x in problem.labels], language=lang), label)


def rows_shown(opened: Opened, cell: Cell, which: str, selection: dict | None, lang: str) -> tuple[int, dict[str, Any]]:
    """How many test rows pass the filter, and the first of them as a table: text, given label, every arm's answer."""
    problem, test = opened.plan.study.problem, opened.plan.study.split.test
    task = task_of(problem)
    gold = task.gold(problem, test)
    columns = _columns(opened, cell)
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
    data = [_row(test[i], [_answer(problem, said[c.arm][i], right[c.arm][i]) for c in columns], problem) for i in index[:ROWS_SHOWN]]
    head = [t(lang, "head_row"), t(lang, "head_text"), t(lang, "head_given"), *(f"{c.arm} · {t(lang, 'all_rows') if c.shots is None else c.shots}" for c in columns)]
    return len(index), {"headers": head, "data": data}


def _columns(opened: Opened, cell: Cell) -> list[Cell]:
    """The chosen cell, then the best cell of every other arm."""
    best: dict[str, Cell] = {cell.arm: cell}
    for c in opened.comparison.cells:
        best.setdefault(c.arm, c)
    return list(best.values())


def _scores(opened: Opened, cell: Cell) -> np.ndarray:
    return opened.results[opened.run_of(cell.arm, cell.shots).id].scores


def _answer(problem: Any, ids: tuple[str, ...], right: float) -> str:
    return ("✓ " if right else "✗ ") + (label_name(problem, ids) or "–")


def _row(example: Example, answers: list[str], problem: Any) -> list[Any]:
    text = clip(example.text) if example.text_b is None else f"{clip(example.text, 200)}  ∥  {clip(example.text_b, 200)}"
    return [str(example.row), text, label_name(problem, example.labels), *answers]


def _chosen_text(opened: Opened, cell: Cell, which: str, selection: dict | None, kept: int, lang: str) -> str:
    """Which rows are on show, and how many."""
    arm = f"{cell.arm} · {shots_text(cell.shots, lang)}"
    if selection and "given" in selection:
        problem = opened.plan.study.problem
        said = t(lang, "rows_square", given=label_name(problem, [selection["given"]]), said=label_name(problem, [selection["said"]]), arm=arm)
    else:
        said = t(lang, f"rows_{which}", arm=arm)
    more = " " + t(lang, "rows_first", n=ROWS_SHOWN) if kept > ROWS_SHOWN else ""
    return f"{said}: {t(lang, 'rows_n', n=f'{kept:,}')}.{more}"


# --- files ---------------------------------------------------------------------------------------------


def _wire_files(lab: Lab, files: Files, notice: gr.HTML) -> None:
    def ready(values: dict) -> dict:
        """When a study has ended, its files; while it runs, none."""
        status = values[lab.status]
        if not status or status["status"] in ("queued", "running") or not status["done"]:
            return _no_files(files)
        opened, lang = lab.studies.open(status["name"]), values[lab.lang]
        folder = lab.queue.store(status["name"]).folder
        board = leaderboard_rows(opened, lang)
        made = {files.board: hand_out("leaderboard.csv", harmless_csv([board["headers"], *board["data"]]))}
        for button, name in ((files.record, "study.json"), (files.predictions, "predictions.parquet")):
            if (folder / name).is_file():
                made[button] = hand_out(name, folder / name)
        return {button: gr.DownloadButton(value=path, interactive=True) for button, path in made.items()}

    def report(values: dict) -> dict:
        """The report takes a moment, so it comes after the other files."""
        status, lang = values[lab.status], values[lab.lang]
        if not status or status["status"] in ("queued", "running") or not status["done"]:
            return {files.report: gr.DownloadButton(value=None, interactive=False)}
        opened = lab.studies.open(status["name"])
        context = lab.queue.store(status["name"]).read_json("state.json")["context"]
        page = report_html(opened.plan, opened.results, opened.comparison, context=context, language=lang)
        return {files.report: gr.DownloadButton(value=hand_out("report.html", page.encode()), interactive=True)}

    everything = [files.record, files.predictions, files.board]
    lab.on([lab.fresh.change, lab.lang.change], ready, [lab.status], everything, notice)
    lab.on([lab.fresh.change, lab.lang.change], report, [lab.status], [files.report], notice, trigger_mode="always_last", concurrency_limit=2)


def _no_files(files: Files) -> dict:
    return {button: gr.DownloadButton(value=None, interactive=False) for button in (files.record, files.predictions, files.board)}


TAB = Tab()
