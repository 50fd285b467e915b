"""Differences between two arms: what only one predicts correctly, how their mistakes differ, in
which rows, and which labels look wrong.

One thing is picked at a time, in whichever list or picture, and one table shows its rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import gradio as gr

from tl_core.analysis.differences import StudyPredictions
from tl_core.analysis.differences.tables import doubts_table
from tl_core.analysis.differences.topics import keep
from tl_core.api.errors import UserError
from tl_core.figures import results as figures
from tl_core.statistics.classification.counts import confusion
from tl_core.words import differences as said
from tl_core.words.names import renamed
from tl_ui.components.clickable import pressable, pressed
from tl_ui.components.downloads import hand_out, harmless_csv
from tl_ui.components.html import escaped, how_html, shots_text
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.components.progress import following, wait
from tl_ui.lab import Lab
from tl_ui.results import LABELS_IN_MATRIX, Place, Seen, key_of, seen
from tl_ui.results._listed import ROWS_SHOWN, counted, filled, rows_listed
from tl_ui.results._picked import NOTHING, Pick, Two, picked_rows, picked_text, rows_table
from tl_ui.results._picks_html import doubts_html, parts_html, sets_html, slices_html
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Section:
    """Two arms, what can be picked, and the rows of what is."""

    id: str = "differences"
    order: int = 65
    title: str = "differ_head"
    rail: str = "differences"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        Differences(lab, place)


class Differences:
    """The section on one page: its parts are attributes, what happens in it are methods."""

    def __init__(self, lab: Lab, place: Place):
        self.lab, self.place = lab, place
        self.draw_parts()
        self.wire()

    def draw_parts(self) -> None:
        """Draw the parts of the section."""
        with gr.Row():
            self.a = gr.Dropdown([], label=word("differ_a"), elem_id="differ-a", min_width=240)
            self.b = gr.Dropdown([], label=word("differ_b"), elem_id="differ-b", min_width=240)
        self.summary = gr.HTML(elem_id="differ-told")
        with gr.Row():
            with gr.Column(min_width=320, elem_classes="tl-card"):
                self.parts = pressable(elem_id="differ-parts")
            with gr.Column(min_width=320, elem_classes="tl-card"):
                gr.Markdown(word("differ_matrix_head"))
                self.matrix = plotly_view(
                    label="Difference of two confusion matrices", elem_id="differ-matrix"
                )
        with gr.Row():
            with gr.Column(scale=3, min_width=320, elem_classes="tl-card tl-answer-side"):
                self.slices = pressable(elem_id="differ-slices")
                with gr.Row(elem_classes="tl-actions"):
                    self.topics = gr.Button(
                        word("differ_topics"), size="sm", visible=False, elem_id="differ-topics"
                    )
                self.wait = wait("differ-topics")
            with gr.Column(scale=2, min_width=320, elem_classes="tl-card"):
                self.sets = pressable(elem_id="differ-sets")
                self.doubts = pressable(elem_id="differ-doubts")
                with gr.Row(elem_classes="tl-actions"):
                    self.download = gr.DownloadButton(
                        word("differ_doubts_down"),
                        interactive=False,
                        elem_id="differ-doubts-down",
                        size="sm",
                    )
        self.heading = gr.HTML(elem_id="differ-chosen")
        with gr.Row(elem_classes="tl-actions"):
            self.clear = gr.Button(
                word("differ_clear"), size="sm", visible=False, elem_id="differ-clear"
            )
        self.table = rows_listed("differ-rows")
        self.pick = gr.State(NOTHING)

    def wire(self) -> None:
        """Wire everything."""
        chosen = [self.a, self.b, self.pick]
        pressables = [self.parts, self.slices, self.sets, self.doubts]
        rows = [*pressables, self.matrix, self.heading, self.clear, self.table]
        everything = [self.a, self.b, self.summary, self.download, self.topics, *rows]
        self.place.draw(self.draw, chosen, everything)
        self.place.on(
            [self.a.input, self.b.input],
            self.choose,
            chosen,
            [self.pick, *everything],
            trigger_mode="always_last",
        )
        self.place.on(self.clear.click, self.choose, chosen, [self.pick, *everything])
        asking = self.lab.on(
            self.topics.click,
            self.find_topics,
            [self.lab.study_id],
            [self.topics, self.wait.status, self.lab.fresh],
            self.place.notice,
            concurrency_limit=1,
            trigger_mode="once",
        )
        self.wait.ends(self.lab, [asking])
        self.place.on(self.wait.stop.click, self.let_ask, [], [self.topics])
        read, changed = [self.lab.study_id, *chosen], [self.pick, *rows]
        for view in pressables:
            self.lab.on(view.select, self.press, read, changed, self.place.notice)
        self.lab.on(self.matrix.select, self.square, read, changed, self.place.notice)

    def draw(self, found: Seen, values: dict) -> dict:
        """Draw everything, for the two that are chosen; without a choice the recommended arm and
        its runner-up.
        """
        two = _two(found, values[self.a], values[self.b])
        if two is None:
            return {self.summary: f"<p>{escaped(t(found.lang, 'differ_one'))}</p>"}
        choices = [
            (f"{found.names[c.arm]} · {shots_text(c.shots, found.lang, c.per)}", key_of(c))
            for c in found.comparison.cells
        ]
        return {
            self.a: gr.Dropdown(choices=choices, value=two.a.name),
            self.b: gr.Dropdown(choices=choices, value=two.b.name),
            self.summary: _told_html(two, found.lang),
            self.download: _download(two),
            self.topics: gr.Button(visible=_may_ask(found)),
            **self.show(found, two, values[self.pick] or NOTHING),
        }

    def choose(self, found: Seen, values: dict) -> dict:
        """Other arms: what was picked may mean nothing now."""
        return {self.pick: NOTHING, **self.draw(found, {**values, self.pick: NOTHING})}

    def light(self, found: Seen, values: dict, made: Pick) -> dict:
        """Mark what was picked, and show its rows; picked again, nothing."""
        two = _two(found, values[self.a], values[self.b])
        if two is None or picked_rows(two, made) is None:
            return {}
        made = NOTHING if made == (values[self.pick] or NOTHING) else made  # pressed again: cleared
        return {self.pick: made, **self.show(found, two, made)}

    def press(self, values: dict, event: gr.EventData) -> dict:
        """Handle a press on something in a list."""
        found = seen(self.lab, values)
        return self.light(found, values, pressed(event)) if found else {}

    def square(self, values: dict, event: gr.EventData) -> dict:
        """A square of the matrix."""
        given, _, answered = str(event._data.get("id") or "").partition("|")
        found = seen(self.lab, values)
        if not found or not given.isdecimal() or not answered.isdecimal():
            return {}
        return self.light(found, values, ("square", (int(given), int(answered))))

    def find_topics(self, values: dict) -> Iterator[dict]:
        """Find what the test rows are about and keep it with the study; this section and the report
        are drawn again.
        """
        found = seen(self.lab, values)
        if found is None or not _may_ask(found):
            return
        yield {self.topics: gr.Button(interactive=False)}
        store = self.lab.queue.store(found.opened.name)
        asking = self.lab.queue.ask("group_rows", folder=str(store.folder.resolve()))
        try:
            topics = yield from self.wait.through(
                following(t(found.lang, "differ_topics_of"), asking, found.lang)
            )
        except UserError:
            yield {self.topics: gr.Button(interactive=True)}
            raise
        keep(store, found.opened.plan, topics)
        self.lab.studies.renew(found.opened)
        yield {
            self.topics: gr.Button(interactive=True),
            self.lab.fresh: self.lab.where(found.opened.name)[self.lab.fresh],
        }

    def let_ask(self, _found: Seen, _values: dict) -> dict:
        """After a stop."""
        return {self.topics: gr.Button(interactive=True)}

    def show(self, found: Seen, two: Two, made: Pick) -> dict:
        """Show the pick, marked in every list and picture, and its rows."""
        lang, at = found.lang, picked_rows(two, made)
        if at is None:
            made, at = NOTHING, picked_rows(two, NOTHING)
        assert at is not None  # nothing is always there
        table = rows_table(two, made, at[:ROWS_SHOWN], lang)
        count = counted(len(at), lang)
        return {
            self.parts: parts_html(two, made, lang),
            self.slices: slices_html(two, made, lang),
            self.sets: sets_html(two, made, lang),
            self.doubts: doubts_html(two, made, lang),
            self.matrix: _matrix(two, made, lang),
            self.heading: (
                f"<p role='status'>{escaped(picked_text(two, made, lang))}"
                f" <b>{escaped(count)}</b></p>"
            ),
            self.clear: gr.Button(visible=made != NOTHING),
            self.table: filled(table),
        }


def _may_ask(found: Seen) -> bool:
    """Whether topics are not there yet, and the study has a model here, or none, to find them
    by.
    """
    study = found.opened.plan.study
    return (
        found.opened.topics is None
        and found.opened.ended
        and all(arm.model.digest in study.model_folders for arm in study.arms if arm.model)
    )


def _two(found: Seen, a: str | None, b: str | None) -> Two | None:
    """The chosen lines; the recommended arm and its runner-up, or the first two, for one that is
    not there. None of fewer than two.
    """
    studied: StudyPredictions = found.weighed.studied
    advised = found.decision.advice.found if found.decision and found.decision.advice else None
    wanted = [
        studied.find(x).name for x in ([advised.choice, advised.runner_up] if advised else []) if x
    ]
    names = list(
        dict.fromkeys([*wanted, *(x.name for x in studied.arms), *(x.name for x in studied.lines)])
    )
    if len(names) < 2:
        return None
    known = {x.name for x in studied.lines}
    first = a if a in known else next(n for n in names if n != b)
    second = b if b in known else next(n for n in names if n != first)
    return Two(studied, found.opened.slices, studied.usual(first), studied.usual(second))


def _told_html(two: Two, lang: str) -> str:
    sentences = "".join(
        f"<p>{escaped(s)}</p>" for s in said.pair(renamed(two.disagreement, two.names(lang)), lang)
    )
    return (
        f"{sentences}<p class='tl-fine'>{escaped(said.say(lang, 'usual'))}"
        f" {escaped(t(lang, 'differ_info'))}</p>{how_html(lang, 'slices', 'doubts', 'interval')}"
    )


def _matrix(two: Two, made: Pick, lang: str) -> str | None:
    """None where the task has no such table, and with too many labels to be read."""
    labels = [x.name for x in two.problem.labels]
    if not two.studied.task.confusion or len(labels) > LABELS_IN_MATRIX:
        return None
    square = (made[1][0], made[1][1]) if made[0] == "square" else None
    called = two.names(lang)
    names = called[two.a.arm], called[two.b.arm]
    before, after = (confusion(x.line.gold, x.answer, len(labels)) for x in (two.a, two.b))
    figure = figures.confusion_difference(
        before, after, labels, names, picked=square, language=lang
    )
    return drawing(figure, t(lang, "differ_matrix", a=names[0], b=names[1]))


def _download(two: Two) -> gr.DownloadButton:
    if not two.doubts.rows:
        return gr.DownloadButton(value=None, interactive=False)
    return gr.DownloadButton(
        value=hand_out("look-again.csv", harmless_csv(doubts_table(two.studied, two.doubts))),
        interactive=True,
    )


SECTION = Section()
