"""Where do two arms differ? What only one gets right, how their mistakes differ, in which rows, and which labels look wrong.

One thing is picked at a time, in whichever list or picture, and one table shows its rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import gradio as gr

from tl_core.errors import UserError
from tl_core.experiments.differences import Studied
from tl_core.experiments.differences.tables import doubts_table
from tl_core.experiments.differences.topics import keep
from tl_core.report import differences as said
from tl_core.report import figures
from tl_core.statistics.metrics_counts import confusion
from tl_ui.downloads import hand_out, harmless_csv
from tl_ui.lab import Lab
from tl_ui.pieces import escaped, how_html, shots_text
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.press import pressable, pressed
from tl_ui.results import LABELS_IN_MATRIX, Place, Seen, key_of, seen
from tl_ui.results._listed import ROWS_SHOWN, counted, filled, rows_listed
from tl_ui.results._picked import NOTHING, Pick, Two, picked_rows, picked_text, rows_table
from tl_ui.results._picks_html import doubts_html, parts_html, sets_html, slices_html
from tl_ui.waiting import Wait, following, wait
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Section:
    """Two arms, what can be picked, and the rows of what is."""

    id: str = "differences"
    order: int = 65
    title: str = "differ_head"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        _wire(lab, place, _drawn())


@dataclasses.dataclass(frozen=True)
class Parts:
    a: gr.Dropdown  # values are `key_of`
    b: gr.Dropdown
    told: gr.HTML
    parts: gr.HTML
    matrix: gr.HTML
    slices: gr.HTML
    topics: gr.Button
    wait: Wait
    sets: gr.HTML
    doubts: gr.HTML
    download: gr.DownloadButton
    chosen: gr.HTML
    clear: gr.Button
    table: gr.Dataframe
    pick: gr.State

    @property
    def pressables(self) -> list[gr.HTML]:
        return [self.parts, self.slices, self.sets, self.doubts]


def _drawn() -> Parts:
    with gr.Row():
        a = gr.Dropdown([], label=word("differ_a"), elem_id="differ-a", min_width=240)
        b = gr.Dropdown([], label=word("differ_b"), elem_id="differ-b", min_width=240)
    told = gr.HTML(elem_id="differ-told")
    with gr.Row():
        with gr.Column(min_width=320, elem_classes="tl-card"):
            parts = pressable(elem_id="differ-parts")
        with gr.Column(min_width=320, elem_classes="tl-card"):
            gr.Markdown(word("differ_matrix_head"))
            matrix = plotly_view(label="Difference of two confusion matrices", elem_id="differ-matrix")
    with gr.Row():
        with gr.Column(scale=3, min_width=320, elem_classes="tl-card tl-answer-side"):
            slices = pressable(elem_id="differ-slices")
            with gr.Row(elem_classes="tl-actions"):
                topics = gr.Button(word("differ_topics"), size="sm", visible=False, elem_id="differ-topics")
            waiting = wait("differ-topics")
        with gr.Column(scale=2, min_width=320, elem_classes="tl-card"):
            sets = pressable(elem_id="differ-sets")
            doubts = pressable(elem_id="differ-doubts")
            with gr.Row(elem_classes="tl-actions"):
                download = gr.DownloadButton(word("differ_doubts_down"), interactive=False, elem_id="differ-doubts-down", size="sm")
    chosen = gr.HTML(elem_id="differ-chosen")
    with gr.Row(elem_classes="tl-actions"):
        clear = gr.Button(word("differ_clear"), size="sm", visible=False, elem_id="differ-clear")
    table = rows_listed("differ-rows")
    return Parts(a, b, told, parts, matrix, slices, topics, waiting, sets, doubts, download, chosen, clear, table, gr.State(NOTHING))


def _wire(lab: Lab, place: Place, its: Parts) -> None:
    def draw(found: Seen, values: dict) -> dict:
        """Everything, for the two that are chosen; without a choice the arm advised and its runner-up."""
        two = _two(found, values[its.a], values[its.b])
        if two is None:
            return {its.told: f"<p>{escaped(t(found.lang, 'differ_one'))}</p>"}
        choices = [(f"{c.arm} · {shots_text(c.shots, found.lang)}", key_of(c)) for c in found.comparison.cells]
        return {
            its.a: gr.Dropdown(choices=choices, value=two.a.name), its.b: gr.Dropdown(choices=choices, value=two.b.name),
            its.told: _told_html(two, found.lang), its.download: _download(two), its.topics: gr.Button(visible=_may_ask(found)), **show(found, two, values[its.pick] or NOTHING),
        }  # fmt: skip

    def choose(found: Seen, values: dict) -> dict:
        """Other arms: what was picked may mean nothing now."""
        return {its.pick: NOTHING, **draw(found, {**values, its.pick: NOTHING})}

    def pick(found: Seen, values: dict, made: Pick) -> dict:
        two = _two(found, values[its.a], values[its.b])
        if two is None or picked_rows(two, made) is None:
            return {}
        made = NOTHING if made == (values[its.pick] or NOTHING) else made  # pressed again: let go
        return {its.pick: made, **show(found, two, made)}

    def press(values: dict, event: gr.EventData) -> dict:
        found = seen(lab, values)
        return pick(found, values, pressed(event)) if found else {}

    def square(values: dict, event: gr.EventData) -> dict:
        given, _, answered = str(event._data.get("id") or "").partition("|")
        found = seen(lab, values)
        ok = found and given.isdecimal() and answered.isdecimal()
        return pick(found, values, ("square", (int(given), int(answered)))) if ok else {}

    def find_topics(values: dict) -> Iterator[dict]:
        """What the test rows are about, kept with the study; this section and the report are drawn anew."""
        found = seen(lab, values)
        if found is None or not _may_ask(found):
            return
        yield {its.topics: gr.Button(interactive=False)}
        store = lab.queue.store(found.opened.name)
        asking = lab.queue.ask("group_rows", folder=str(store.folder.resolve()))
        try:
            topics = yield from its.wait.through(following(t(found.lang, "differ_topics_of"), asking, found.lang))
        except UserError:
            yield {its.topics: gr.Button(interactive=True)}
            raise
        keep(store, found.opened.plan, topics)
        lab.studies.renew(found.opened)
        yield {its.topics: gr.Button(interactive=True), lab.fresh: lab.where(found.opened.name)[lab.fresh]}

    def let_ask(_found: Seen, _values: dict) -> dict:
        return {its.topics: gr.Button(interactive=True)}

    def show(found: Seen, two: Two, made: Pick) -> dict:
        lang, at = found.lang, picked_rows(two, made)
        if at is None:
            made, at = NOTHING, picked_rows(two, NOTHING)
        table = rows_table(two, made, at[:ROWS_SHOWN], lang)
        count = counted(len(at), lang)
        return {
            its.parts: parts_html(two, made, lang), its.slices: slices_html(two, made, lang), its.sets: sets_html(two, made, lang), its.doubts: doubts_html(two, made, lang),
            its.matrix: _matrix(two, made, lang),
            its.chosen: f"<p role='status'>{escaped(picked_text(two, made, lang))} <b>{escaped(count)}</b></p>",
            its.clear: gr.Button(visible=made != NOTHING),
            its.table: filled(table),
        }  # fmt: skip

    chosen = [its.a, its.b, its.pick]
    shown = [*its.pressables, its.matrix, its.chosen, its.clear, its.table]
    everything = [its.a, its.b, its.told, its.download, its.topics, *shown]
    place.draw(draw, chosen, everything)
    place.on([its.a.input, its.b.input], choose, chosen, [its.pick, *everything], trigger_mode="always_last")
    place.on(its.clear.click, choose, chosen, [its.pick, *everything])
    asking = lab.on(
        its.topics.click, find_topics, [lab.study_id], [its.topics, its.wait.status, lab.fresh], place.notice, concurrency_limit=1, trigger_mode="once",
    )  # fmt: skip
    its.wait.ends(lab, [asking])
    place.on(its.wait.stop.click, let_ask, [], [its.topics])
    for view in its.pressables:
        lab.on(view.select, press, [lab.study_id, *chosen], [its.pick, *shown], place.notice)
    lab.on(its.matrix.select, square, [lab.study_id, *chosen], [its.pick, *shown], place.notice)


def _may_ask(found: Seen) -> bool:
    """Whether topics are not there yet, and the study has a model here, or none, to find them by."""
    study = found.opened.plan.study
    return found.opened.topics is None and found.opened.ended and all(arm.model.digest in study.model_folders for arm in study.arms if arm.model)


def _two(found: Seen, a: str | None, b: str | None) -> Two | None:
    """The chosen lines; the arm advised and its runner-up, or the first two, for one that is not there. None of fewer than two."""
    studied: Studied = found.opened.weighed.studied
    advised = found.decision.advice.found if found.decision and found.decision.advice else None
    wanted = [studied.find(x).name for x in ([advised.choice, advised.runner_up] if advised else []) if x]
    names = list(dict.fromkeys([*wanted, *(x.name for x in studied.arms), *(x.name for x in studied.lines)]))
    if len(names) < 2:
        return None
    known = {x.name for x in studied.lines}
    first = a if a in known else next(n for n in names if n != b)
    second = b if b in known else next(n for n in names if n != first)
    return Two(studied, found.opened.slices, studied.usual(first), studied.usual(second))


def _told_html(two: Two, lang: str) -> str:
    sentences = "".join(f"<p>{escaped(s)}</p>" for s in said.pair(two.disagreement, lang))
    return f"{sentences}<p class='tl-fine'>{escaped(said.say(lang, 'usual'))} {escaped(t(lang, 'differ_info'))}</p>{how_html(lang, 'slices', 'doubts', 'interval')}"


def _matrix(two: Two, made: Pick, lang: str) -> str | None:
    """None with several labels per text, and with too many to be read."""
    labels = [x.name for x in two.problem.labels]
    if two.studied.gold.ndim == 2 or len(labels) > LABELS_IN_MATRIX:
        return None
    square = made[1] if made[0] == "square" else None
    names = two.a.arm, two.b.arm
    counts = [confusion(x.line.gold, x.answer, len(labels)) for x in (two.a, two.b)]
    figure = figures.confusion_difference(*counts, labels, names, picked=square, language=lang)
    return drawing(figure, t(lang, "differ_matrix", a=names[0], b=names[1]))


def _download(two: Two) -> gr.DownloadButton:
    if not two.doubts.rows:
        return gr.DownloadButton(value=None, interactive=False)
    return gr.DownloadButton(value=hand_out("look-again.csv", harmless_csv(doubts_table(two.studied, two.doubts))), interactive=True)


SECTION = Section()
