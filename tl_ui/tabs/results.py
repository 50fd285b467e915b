"""What the study says: the answer in words, and under it the sections of `tl_ui.results`."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.experiments.compare import Cell, Comparison
from tl_core.experiments.queue import OPEN
from tl_core.experiments.robustness.parts import stored_parts
from tl_core.plugins import found
from tl_core.report import advice
from tl_core.report.html import report_html
from tl_core.strategies import strategies
from tl_ui.downloads import hand_out, harmless_csv
from tl_ui.lab import Lab
from tl_ui.pieces import escaped, how_html, interval_text, percent, shots_text, strategy_title
from tl_ui.results import Seen, section, seen, tell_open
from tl_ui.results.leaderboard import leaderboard_rows
from tl_ui.shown import notice_html
from tl_ui.words import t, word


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
            places = [section(lab, it) for it in found("tl_ui.results", "SECTION").values()]
            tell_open(lab, places)
            files = _files()
        _wire_answer(lab, answer, body, notice)
        _wire_files(lab, files, notice)


@dataclasses.dataclass(frozen=True)
class Files:
    record: gr.DownloadButton
    predictions: gr.DownloadButton
    report: gr.DownloadButton
    board: gr.DownloadButton


def _files() -> Files:
    gr.Markdown(word("downloads_head"))
    with gr.Row(elem_classes="tl-actions"):
        buttons = [
            gr.DownloadButton(word(f"down_{what}"), interactive=False, elem_id=f"down-{what}", min_width=170) for what in ("report", "record", "predictions", "board")
        ]
    return Files(report=buttons[0], record=buttons[1], predictions=buttons[2], board=buttons[3])


# --- the answer ----------------------------------------------------------------------------------------


def _wire_answer(lab: Lab, answer: gr.HTML, body: gr.Column, notice: gr.HTML) -> None:
    def show(values: dict) -> dict:
        shown, lang = seen(lab, values), values[lab.lang]
        if shown:
            return {answer: answer_html(shown), body: gr.Column(visible=True)}
        coming = bool(values[lab.status]) and values[lab.status]["done"] > 0 and lab.studies.open(values[lab.study_id]).behind
        return {answer: nothing_html(lang, coming=coming), body: gr.Column(visible=False)}

    lab.on([lab.fresh.change, lab.lang.change], show, [lab.study_id, lab.status], [answer, body], notice, trigger_mode="always_last")


def nothing_html(lang: str, *, coming: bool = False) -> str:
    """What stands here before there are results."""
    head, said = ("working_out_head", "working_out") if coming else ("no_results_head", "no_results")
    return f"<section class='tl-card tl-empty'><h3>{escaped(t(lang, head))}</h3><p role='status'>{escaped(t(lang, said))}</p></section>"


def answer_html(shown: Seen) -> str:
    """What to do, why, how sure that is, and what to know before trusting it; while runs are to come, who leads."""
    opened, lang = shown.opened, shown.lang
    weighed = shown.decision and shown.decision.advice
    head, said = _advised(shown) if weighed else _leading(shown)
    frame = t(lang, "answer_frame", test=f"{len(opened.plan.study.split.test):,}", chance=percent(shown.comparison.chance))
    why = t(lang, "why_" + shown.comparison.metric)
    how = how_html(lang, "advice", "best", "interval", "power", "seeds")
    return (
        f"<section class='tl-answer'><p class='tl-kicker'>{escaped(opened.title)}</p><h2>{escaped(head)}</h2>{said}"
        f"<p class='tl-fine'>{escaped(frame)} {escaped(why)}</p>{how}</section>" + notice_html("\n".join(_doubts(shown)), kind="note")
    )


def _advised(shown: Seen) -> tuple[str, str]:
    """Headline and reasons."""
    decision, lang = shown.decision, shown.lang
    said = advice.reasons(decision, lang)
    parts = {
        "reason_why": ("why", "reaches"), "reason_runner_up": ("runner_up", "doubted"), "reason_changes": ("changes", "enough"),
    }  # fmt: skip
    told = {name: " ".join(said[about] for about in abouts if about in said) for name, abouts in parts.items()}
    told["reason_sure"] = advice.power(decision.power, lang)
    listed = "".join(f"<div><dt>{escaped(t(lang, name))}</dt><dd>{escaped(sentences)}</dd></div>" for name, sentences in told.items() if sentences)
    return advice.headline(decision, lang), f"<dl class='tl-reasons'>{listed}</dl>"


def _leading(shown: Seen) -> tuple[str, str]:
    """Who is ahead so far, and what else could be the best: all that can be said before the end."""
    comparison, lang = shown.comparison, shown.lang
    lead = comparison.cells[0]
    value = interval_text(getattr(lead, comparison.metric))
    head = t(lang, "answer", arm=_arm_title(lead, lang), shots=shots_text(lead.shots, lang), metric=t(lang, comparison.metric), value=value)
    return head, f"<p>{escaped(_sure(comparison, lead, lang))}</p>"


def _sure(comparison: Comparison, lead: Cell, lang: str) -> str:
    others = [arm for arm, _ in comparison.best if arm != lead.arm]
    return t(lang, "could_be_best", n=len(comparison.best), arms=", ".join(others)) if others else ""


def _doubts(shown: Seen) -> list[str]:
    if shown.decision:
        return advice.warnings(shown.decision, shown.lang)
    failed, collapsed = (sum(getattr(c, what) for c in shown.comparison.cells) for what in ("failed", "collapsed"))
    told = [t(shown.lang, "weighing" if shown.opened.ended else "so_far")]
    told += [t(shown.lang, "failed_runs", n=failed)] if failed else []
    return told + ([t(shown.lang, "collapsed_runs", n=collapsed)] if collapsed else [])


def _arm_title(cell: Cell, lang: str) -> str:
    title = strategy_title(strategies()[cell.strategy], lang)
    return title if cell.arm == cell.strategy else f"{cell.arm} ({title})"


# --- files ---------------------------------------------------------------------------------------------


def _wire_files(lab: Lab, files: Files, notice: gr.HTML) -> None:
    def ready(values: dict) -> dict:
        """When a study has ended, its files; while it runs, none."""
        status, shown = values[lab.status], seen(lab, values)
        if not shown or status["status"] in OPEN:
            return _no_files(files)
        folder = lab.queue.store(status["name"]).folder
        board = leaderboard_rows(shown.comparison, shown.lang)
        made = {files.board: hand_out("leaderboard.csv", harmless_csv([board["headers"], *board["data"]]))}
        for button, name in ((files.record, "study.json"), (files.predictions, "predictions.parquet")):
            if (folder / name).is_file():
                made[button] = hand_out(name, folder / name)
        return {button: gr.DownloadButton(value=path, interactive=True) for button, path in made.items()}

    def report(values: dict) -> dict:
        """The report takes a moment, so it comes after the other files."""
        shown = seen(lab, values)
        if not shown or not shown.decision:
            return {files.report: gr.DownloadButton(value=None, interactive=False)}
        weighed = shown.opened.weighed
        store = lab.queue.store(shown.opened.name)
        context = store.read_json("state.json")["context"] | {"about": dataclasses.asdict(shown.opened.about)}
        parts = stored_parts(store, shown.opened.plan)
        page = report_html(shown.opened.plan, weighed.results, weighed.comparison, context=context, language=shown.lang, decision=shown.decision, parts=parts, topics=shown.opened.topics)
        return {files.report: gr.DownloadButton(value=hand_out("report.html", page.encode()), interactive=True)}

    everything = [files.record, files.predictions, files.board]
    lab.on([lab.fresh.change, lab.lang.change], ready, [lab.study_id, lab.status], everything, notice)
    lab.on([lab.fresh.change, lab.lang.change], report, [lab.study_id], [files.report], notice, trigger_mode="always_last", concurrency_limit=2)


def _no_files(files: Files) -> dict:
    return {button: gr.DownloadButton(value=None, interactive=False) for button in (files.record, files.predictions, files.board)}


TAB = Tab()
