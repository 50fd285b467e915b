"""Tab Results: the answer in words, and under it the sections of `tl_ui.results`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import gradio as gr

from tl_core.analysis.compare import Cell, Comparison
from tl_core.analysis.decision import Decision
from tl_core.analysis.decision.ways import WayId
from tl_core.api.plugins import found
from tl_core.models.catalog import EMBEDDED
from tl_core.report.html import report_html
from tl_core.report.verdict import because_html, verdict_html, ways_html
from tl_core.running.study_records import OPEN
from tl_core.studies.stored_answers import read_stored_answers
from tl_core.tasks import task_of
from tl_core.words import advice
from tl_core.words.names import renamed
from tl_core.words.units import sorting_unit, unit_of
from tl_core.words.verdict import verdict
from tl_ui.components.again import again_html
from tl_ui.components.downloads import hand_out, harmless_csv
from tl_ui.components.html import (
    escaped,
    how_html,
    interval_text,
    shots_text,
)
from tl_ui.components.rail import rail_view
from tl_ui.errors import notice_html
from tl_ui.lab import Lab
from tl_ui.results import Seen, parts_of, section, seen, tell_open
from tl_ui.results.leaderboard import leaderboard_rows
from tl_ui.state import clone_study as from_study
from tl_ui.words import t, word

# the address of the open study, and nothing else of it; the old way where a page is not secure
_COPY = """
() => {
  const now = new URL(location).searchParams, part = now.get('section');
  const study = encodeURIComponent(now.get('study') || '');
  const query = `study=${study}&tab=results${part ? `&section=${encodeURIComponent(part)}` : ''}`;
  const text = `${location.origin}${location.pathname}?${query}`;
  const old = () => {
    const box = document.createElement('textarea');
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand('copy');
    box.remove();
  };
  if (navigator.clipboard && isSecureContext) navigator.clipboard.writeText(text).catch(old);
  else old();
}
"""


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
        with gr.Row(elem_classes="tl-actions", elem_id="untried-row"):
            untried = gr.Button(
                word("try_untried"), size="sm", visible=False, elem_id="try-untried", min_width=220
            )
        found_here = list(found("tl_ui.results", "SECTION").values())
        more = {"answer": ("because", "answer-files"), "share": ("answer-files", "answer-command")}
        with gr.Row(visible=False, elem_id="results-body") as body:
            rail_view(parts_of(found_here, more))
            with gr.Column(elem_classes="tl-parts", min_width=280):
                places = [section(lab, it) for it in found_here if it.open]
                reasons = gr.HTML(elem_id="because")
                files = _files()
                command = gr.HTML(elem_id="answer-command")
                places += [section(lab, it) for it in found_here if not it.open]
                tell_open(lab, places)
        _wire_answer(lab, Answer(answer, untried, body, reasons, command), notice)
        _wire_files(lab, files, notice)


@dataclasses.dataclass(frozen=True)
class Answer:
    head: gr.HTML
    untried: gr.Button
    body: gr.Row
    reasons: gr.HTML
    command: gr.HTML


@dataclasses.dataclass(frozen=True)
class Files:
    link: gr.Button
    report: gr.DownloadButton
    record: gr.DownloadButton
    predictions: gr.DownloadButton
    board: gr.DownloadButton


def _files() -> Files:
    """The link, and what can be taken away."""
    with gr.Row(elem_classes="tl-actions", elem_id="answer-files"):
        link = gr.Button(word("copy_link"), elem_id="copy-link", min_width=120)
        buttons = [
            gr.DownloadButton(
                word(f"down_{what}"), interactive=False, elem_id=f"down-{what}", min_width=170
            )
            for what in ("report", "record", "predictions", "board")
        ]
    return Files(link, *buttons)


# --- the answer -----------------------------------------------------------------------------------


def _wire_answer(lab: Lab, answer: Answer, notice: gr.HTML) -> None:
    def show(values: dict) -> dict:
        shown, lang = seen(lab, values), values[lab.lang]
        if shown:
            return {
                answer.head: answer_html(shown),
                answer.untried: gr.Button(visible=bool(_untried(shown))),
                answer.body: gr.Row(visible=True),
                answer.reasons: because(shown),
                answer.command: f"<h2>{escaped(t(lang, 'command_head'))}</h2>"
                + again_html(shown.opened.plan.study, lang),
            }
        coming = (
            bool(values[lab.status])
            and values[lab.status]["done"] > 0
            and lab.studies.open(values[lab.study_id]).behind
        )
        return {
            answer.head: nothing_html(lang, coming=coming),
            answer.untried: gr.Button(visible=False),
            answer.body: gr.Row(visible=False),
        }

    lab.on(
        [lab.fresh.change, lab.spoken.change],
        show,
        [lab.study_id, lab.status],
        [answer.head, answer.untried, answer.body, answer.reasons, answer.command],
        notice,
        trigger_mode="always_last",
    )

    def try_untried(values: dict) -> dict:
        """Fill the form of the comparison with what the study asked, and with the ways it left
        out.
        """
        shown = seen(lab, values)
        if not shown:
            return {}
        study = shown.opened.plan.study
        asked = from_study.wishes(
            study, EMBEDDED.name, adopted=lab.queue.status(shown.opened.name)["adopted"]
        )
        gr.Info(t(values[lab.lang], "study_changing"))
        return {
            lab.dataset_id: from_study.dataset_of(lab.datasets, study),
            lab.wishes: from_study.with_ways(asked, _untried(shown), study),
            lab.tabs: gr.Tabs(selected="compare"),
        }

    lab.on(
        answer.untried.click,
        try_untried,
        [lab.study_id],
        [lab.dataset_id, lab.wishes, lab.tabs],
        notice,
    )


def _untried(shown: Seen) -> list[WayId]:
    """Which of the three ways the study left out, once it has ended."""
    return [w.id for w in shown.decision.ways if not w.tried] if shown.decision else []


def nothing_html(lang: str, *, coming: bool = False) -> str:
    """Return what is shown before there are results."""
    head, said = (
        ("working_out_head", "working_out") if coming else ("no_results_head", "no_results")
    )
    return (
        f"<section class='tl-card tl-empty'><h3>{escaped(t(lang, head))}</h3><p"
        f" role='status'>{escaped(t(lang, said))}</p></section>"
    )


def answer_html(shown: Seen) -> str:
    """Say what to do, how sure that is, and what the three ways reach; while runs are to come,
    which arm leads.
    """
    decision, lang = shown.decision, shown.lang
    if decision and decision.advice:
        said = verdict_html(verdict(decision, lang)) + ways_html(decision, lang)
    else:
        said = _leading(shown)
    return (
        f"<section class='tl-answer'><p class='tl-kicker'>{escaped(shown.opened.title)}</p>{said}"
        "</section>"
    )


def because(shown: Seen) -> str:
    """Say why, what would change it, and what to know before trusting it; the numbers behind a
    click.
    """
    decision, lang = shown.decision, shown.lang
    weighed = decision if decision and decision.advice else None
    first = unit_of(shown.comparison.problem, shown.comparison.measures[0].id)
    task = task_of(shown.comparison.problem)
    frame = t(
        lang,
        task.frame_words or first.key("answer_frame"),
        test=f"{len(shown.opened.plan.study.split.test):,}",
        chance=first.value(shown.comparison.chance, lang),
    )
    sorts = t(lang, "why_" + shown.comparison.metric)
    how = how_html(lang, "advice", "best", "interval", "power", "seeds")
    return (
        "<section class='tl-answer'>"
        + (because_html(verdict(weighed, lang), lang) if weighed else "")
        + notice_html("\n".join(_doubts(shown)), kind="note")
        + f"<details class='tl-how'><summary>{escaped(t(lang, 'answer_details'))}</summary>"
        + (_numbers(renamed(weighed, shown.names), lang) if weighed else "")
        + f"<p class='tl-fine'>{escaped(frame)} {escaped(sorts)}</p>{how}</details></section>"
    )


def _numbers(decision: Decision, lang: str) -> str:
    """The numbers behind the verdict, in full."""
    said = advice.reasons(decision, lang)
    parts = {
        "reason_why": ("why", "reaches"),
        "reason_runner_up": ("runner_up", "doubted"),
        "reason_changes": ("changes", "enough"),
    }
    told = {
        name: " ".join(said[about] for about in abouts if about in said)
        for name, abouts in parts.items()
    }
    power, unit = decision.power, sorting_unit(decision)
    told["reason_sure"] = advice.power(power, lang, unit) if power else ""
    listed = "".join(
        f"<div><dt>{escaped(t(lang, name))}</dt><dd>{escaped(sentences)}</dd></div>"
        for name, sentences in told.items()
        if sentences
    )
    return f"<dl class='tl-reasons'>{listed}</dl>"


def _leading(shown: Seen) -> str:
    """Return which arm is ahead so far, and what else could be the best: all that can be said
    before the end.
    """
    comparison, lang = shown.comparison, shown.lang
    lead = comparison.cells[0]
    value = interval_text(lead.measures[comparison.metric], sorting_unit(comparison), lang)
    head = t(
        lang,
        "answer",
        arm=shown.names[lead.arm],
        shots=shots_text(lead.shots, lang, lead.per),
        metric=t(lang, comparison.metric),
        value=value,
    )
    return f"<h2>{escaped(head)}</h2><p>{escaped(_sure(comparison, lead, shown.names, lang))}</p>"


def _sure(comparison: Comparison, lead: Cell, names: Mapping[str, str], lang: str) -> str:
    others = [names[arm] for arm, _ in comparison.best if arm != lead.arm]
    return (
        t(lang, "could_be_best", n=len(comparison.best), arms=", ".join(others)) if others else ""
    )


def _doubts(shown: Seen) -> list[str]:
    if shown.decision:
        return advice.warnings(renamed(shown.decision, shown.names), shown.lang)
    failed, collapsed = (
        sum(getattr(c, what) for c in shown.comparison.cells) for what in ("failed", "collapsed")
    )
    told = [t(shown.lang, "weighing" if shown.opened.ended else "so_far")]
    told += [t(shown.lang, "failed_runs", n=failed)] if failed else []
    return told + ([t(shown.lang, "collapsed_runs", n=collapsed)] if collapsed else [])


# --- files ----------------------------------------------------------------------------------------


def _wire_files(lab: Lab, files: Files, notice: gr.HTML) -> None:
    def ready(values: dict) -> dict:
        """Return the files of a study that has ended; while it runs, none."""
        status, shown = values[lab.status], seen(lab, values)
        if not shown or status["status"] in OPEN:
            return _no_files(files)
        folder = lab.queue.store(status["name"]).folder
        board = leaderboard_rows(shown.comparison, shown.lang)
        made = {
            files.board: hand_out(
                "leaderboard.csv", harmless_csv([board["headers"], *board["data"]])
            )
        }
        for button, name in (
            (files.record, "study.json"),
            (files.predictions, "predictions.parquet"),
        ):
            if (folder / name).is_file():
                made[button] = hand_out(name, folder / name)
        return {
            button: gr.DownloadButton(value=path, interactive=True) for button, path in made.items()
        }

    def report(values: dict) -> dict:
        """The report takes a moment, so it comes after the other files."""
        shown = seen(lab, values)
        if not shown or not shown.decision:
            return {files.report: gr.DownloadButton(value=None, interactive=False)}
        weighed = shown.weighed
        store = lab.queue.store(shown.opened.name)
        state = store.read_json("state.json")
        context = state["context"] | {
            "about": dataclasses.asdict(shown.opened.about),
            "made": state["made"],
        }
        parts = read_stored_answers(store, shown.opened.plan)
        page = report_html(
            shown.opened.plan,
            weighed.results,
            weighed.comparison,
            context=context,
            language=shown.lang,
            decision=shown.decision,
            parts=parts,
            topics=shown.opened.topics,
        )
        return {
            files.report: gr.DownloadButton(
                value=hand_out("report.html", page.encode()), interactive=True
            )
        }

    def copied(values: dict) -> dict:
        gr.Info(t(values[lab.lang], "link_copied"))
        return {}

    files.link.click(None, None, None, js=_COPY, api_visibility="private")
    lab.on(files.link.click, copied, notice=notice)
    everything = [files.record, files.predictions, files.board]
    lab.on(
        [lab.fresh.change, lab.spoken.change], ready, [lab.study_id, lab.status], everything, notice
    )
    lab.on(
        [lab.fresh.change, lab.spoken.change],
        report,
        [lab.study_id],
        [files.report],
        notice,
        trigger_mode="always_last",
        concurrency_limit=2,
    )


def _no_files(files: Files) -> dict:
    return {
        button: gr.DownloadButton(value=None, interactive=False)
        for button in (files.record, files.predictions, files.board)
    }


TAB = Tab()
