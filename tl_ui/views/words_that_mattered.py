"""The view of words that mattered: what two arms of the open study answer, and how that changes
without each word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example, Problem, RunSpec
from tl_core.api.view import Checkpoint
from tl_core.figures.looks import PALETTE, SYMBOLS
from tl_core.figures.results import MUTED, clipped, empty, folded
from tl_core.tasks import task_of
from tl_core.views.occlusion import NUMBERS, WAYS, Occluded, Piece, place_of_words
from tl_core.words.names import renamed
from tl_core.words.phrases import number
from tl_core.words.phrases import say as phrase
from tl_ui.components.checkpoints import (
    example_of,
    folder_of,
    open_study,
    predictions,
    sent_away,
    some_rows,
)
from tl_ui.components.clickable import examples_html, pressable, pressed
from tl_ui.components.html import clip, escaped, label_name, row_text
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.components.progress import following
from tl_ui.lab import Lab
from tl_ui.state.studies import Opened
from tl_ui.views._base import NOTHING_GIVEN, Snapshot, Values, View
from tl_ui.views._shared.answers import last, notes_html, request
from tl_ui.words import t, word

DISAGREED = 3  # examples on which the two arms differ; after them come some of every label
EXAMPLES = 6
MOST_HEAT = 50  # percent of the full colour: text must be read on it
LEAST_SCALE = 0.02  # a change of 2 points has no full colour, however small the others are


@dataclasses.dataclass(frozen=True)
class ArmAnswer:
    """The answer of an arm."""

    arm: str
    labels: str  # as a person would say them
    probability: float | None  # of the likeliest label; None where no one number tells


@dataclasses.dataclass(frozen=True)
class ArmsSnapshot(Snapshot):
    """The content of the page: what every arm answers, and what the answers of two depend on."""

    arms: tuple[ArmAnswer, ...] = ()
    found: tuple[Occluded, ...] = ()


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "mattered_title": say("Which words mattered"),
    "mattered_about": say(
        "Every word is removed in turn, and the arm predicts again. If the probability of its "
        "prediction falls by 30 points without a word, the prediction depends on that word: "
        "+30. A word with −30 spoke against it. This works for any arm, word counts as well as "
        "networks, and answers what attention cannot: what a word did to the decision.\n\nPut "
        "two arms side by side: one that counts words often depends on a single one, where a "
        "trained model follows the whole sentence. Change the sentence, and every arm predicts "
        "again. A sentence with a hole is odd to a model, too; hiding the word behind the mask "
        "token instead of removing it is another way to ask, for arms whose model has one."
    ),
    "mattered_ask": say("Test every word"),
    "mattered_none": say(
        "Run a study first. Then you can see here which words its arms' predictions depend on."
    ),
    "mattered_label": say("Probability of"),
    "mattered_label_info": say("The same label for both arms."),
    "mattered_answered": say("(what the first arm predicts)"),
    "mattered_way": say("Each word is"),
    "mattered_remove": say("removed"),
    "mattered_mask": say("hidden behind the mask token"),
    "mattered_stretch": say("Of which stretch of the text"),
    "mattered_stretch_info": say(
        "As the text has it. Empty: the one that the first arm is most confident of."
    ),
    "mattered_away": say("Not asked, because they would send the text to another machine: {arms}."),
    "mattered_answers": say("Predictions of every arm with a checkpoint"),
    "mattered_said": say("{label}: {share}, with every word in place."),
    "mattered_said_of": say("“{stretch}” as {label}: {share}, with every word in place."),
    "mattered_finds": say("Its own prediction is {said}."),
    "mattered_finds_nothing": say("It finds nothing there itself."),
    "mattered_nothing": say("nothing"),
    "mattered_other": say("Its own prediction is {label} ({share})."),
    "mattered_legend": say(
        "Under each word: by how many points the probability falls without it. ⇄: without this "
        "word alone the prediction changes."
    ),
    "mattered_without": say("Without “{word}”: {share}."),
    "mattered_flips": say("The prediction would be {label}."),
    "mattered_chart": say(
        "By how many points the probability of “{label}” falls without each word, for each "
        "arm. The words above show the same numbers."
    ),
}


# --- the view -------------------------------------------------------------------------------------


class WordsThatMattered(View):
    """The view."""

    words = WORDS
    id, order, title, about = "mattered", 60, "mattered_title", "mattered_about"
    ask_label, numbers, slow = "mattered_ask", NUMBERS, True
    endpoint_name = "words_that_mattered"

    def draw_question(self) -> None:
        """A text, or two where the study compares pairs."""
        self.text = gr.Textbox(
            label=word("look_text"), lines=2, max_lines=8, elem_id="mattered-text"
        )
        self.text_b = gr.Textbox(
            label=word("tokens_text_b"),
            lines=1,
            max_lines=8,
            visible=False,
            elem_id="mattered-text-b",
        )

    def draw_examples(self) -> gr.HTML:
        """Test rows of the open study."""
        self.rows = gr.State(())  # their places
        return pressable(elem_id="mattered-examples")

    def draw_answer(self) -> None:
        """Words in their shades, and a chart."""
        self.out = gr.HTML(elem_id="mattered-out")
        self.chart = plotly_view(
            label="", elem_id="mattered-chart", elem_classes="tl-card tl-drawn"
        )

    def draw_options(self) -> None:
        """Two arms, the label that is asked about, and how words are left out."""
        with gr.Row():
            self.arm = gr.Dropdown(
                [], label=word("arm"), min_width=140, interactive=True, elem_id="mattered-arm"
            )
            self.beside = gr.Dropdown(
                [],
                label=word("look_beside"),
                min_width=140,
                interactive=True,
                elem_id="mattered-beside",
            )
        self.label = gr.Dropdown(
            [],
            label=word("mattered_label"),
            info=word("mattered_label_info"),
            interactive=True,
            elem_id="mattered-label",
        )
        self.stretch = gr.Textbox(
            label=word("mattered_stretch"),
            info=word("mattered_stretch_info"),
            max_lines=1,
            visible=False,
            elem_id="mattered-stretch",
        )
        self.way = gr.Radio(
            [(word("mattered_remove"), "remove"), (word("mattered_mask"), "mask")],
            value="remove",
            label=word("mattered_way"),
            elem_id="mattered-way",
        )

    def link_fields(self) -> dict[str, Any]:
        """Return the fields that a link holds."""
        names = ("text", "text_b", "arm", "beside", "label", "stretch", "way")
        return {name: getattr(self, name) for name in names}

    def drawn(self) -> list[Any]:
        """Return what changes with an answer."""
        return [self.out, self.chart, self.link]

    def further_inputs(self) -> list[Any]:
        """Return the rows from which the examples come."""
        return [self.rows]

    def further_outputs(self) -> list[Any]:
        """The examples."""
        return [self.examples, self.rows]

    def wire_more(self, asking: list[Any]) -> None:
        """The form follows the open study."""
        prepared = [self.text_b, self.arm, self.beside, self.label, self.stretch, self.way]
        changed = [*prepared, self.examples, self.rows, *self.drawn()]
        signals = ("arrived", "settled", "spoken")
        self.lab.draw_on(signals, self.prepare, self.inputs(), changed)

    # --- the form ---

    def said_by_link(self, values: Values, request: gr.Request) -> Values:
        """Return what the address says, until something was asked."""
        return self.given_by_link(request) if values[self.snapshot] is None else {}

    def prepare(self, values: Values, request: gr.Request) -> Values:
        """The form for the open study; a link may say what is chosen."""
        return self.prepared(values, self.said_by_link(values, request))

    def prepared(self, values: Values, given: Mapping[Any, str]) -> Values:
        """Arms, labels and examples of the open study, or the sentence that there is none."""
        lang = values[self.lab.lang]
        opened = open_study(self.lab, values[self.lab.study_id])
        nothing = {self.out: "", self.chart: "", self.link: ""}
        if opened is None:
            empty = gr.Dropdown(choices=[], value=None)
            lists = dict.fromkeys((self.arm, self.beside, self.label), empty)
            form = {**lists, self.examples: "", self.rows: ()}
            return {**form, **nothing, self.out: _no_study_html(lang)}
        chosen = {
            field: given.get(field, values[field])
            for field in (self.arm, self.beside, self.label, self.way)
        }
        arms = two_arms(self.lab, opened, chosen[self.arm], chosen[self.beside])
        changed = {**self.lists(opened, arms, chosen, lang), **self.rows_of(opened, arms, lang)}
        snapshot = values[self.snapshot]
        stale = snapshot is not None and snapshot.study != opened.name
        return {**changed, **nothing} if stale else changed

    def lists(self, opened: Opened, arms: tuple[str, str], chosen: Values, lang: str) -> Values:
        """Return what can be chosen, and what is."""
        problem, called = opened.plan.study.problem, opened.names(lang)
        names = [(called[arm], arm) for arm in kept_arms(self.lab, opened)]
        labels = [(t(lang, "mattered_answered"), "")]
        labels += [(label.name, label.id) for label in problem.labels]
        label = chosen[self.label] if chosen[self.label] in problem.label_index else ""
        others = [(t(lang, "none"), ""), *names]
        return {
            self.text_b: gr.Textbox(visible=problem.inputs == "two texts"),
            self.arm: gr.Dropdown(choices=names, value=arms[0]),
            self.beside: gr.Dropdown(choices=others, value=arms[1]),
            self.label: gr.Dropdown(choices=labels, value=label),
            self.stretch: gr.Textbox(visible=task_of(problem).by_word),
            self.way: chosen[self.way] if chosen[self.way] in WAYS else WAYS[0],
        }

    def rows_of(self, opened: Opened, arms: tuple[str, str], lang: str) -> Values:
        """The examples of the open study."""
        rows, test = _examples(opened, *arms), opened.plan.study.split.test
        texts = [clip(row_text(test[i]), 90) for i in rows]
        return {self.rows: rows, self.examples: examples_html(texts, lang)}

    # --- asking ---

    def opened(self, values: Values) -> Opened:
        """The open study.

        Raises:
            UserError: none is open.
        """
        opened = open_study(self.lab, values[self.lab.study_id])
        if opened is None:
            raise UserError(say("Run a study first; then its arms predict here."))
        return opened

    def first(self, values: Values, request: gr.Request) -> Iterator[Values]:
        """The first answer to a study: a row on which two arms differ, or what a link asks."""
        given, snapshot = self.said_by_link(values, request), values[self.snapshot]
        opened = open_study(self.lab, values[self.lab.study_id])
        wanted = self.is_wanted(values, request)
        if opened is None or not wanted or (snapshot and snapshot.study == opened.name):
            return
        ready = self.prepared(values, given)
        row = opened.plan.study.split.test[ready[self.rows][0]]
        texts = {
            self.text: given.get(self.text, row.text),
            self.text_b: given.get(self.text_b, row.text_b),
        }
        problem = opened.plan.study.problem
        second = gr.Textbox(texts[self.text_b], visible=problem.inputs == "two texts")
        by_word = task_of(problem).by_word
        words = gr.Textbox(given.get(self.stretch, ""), visible=by_word)
        nothing = {self.out: "", self.chart: "", self.link: ""}
        shown = {self.text: texts[self.text], self.text_b: second, self.stretch: words}
        yield {**ready, **shown, **nothing}
        arm, beside = two_arms(self.lab, opened, values[self.arm], values[self.beside])
        chosen = {self.label: "", self.stretch: "", self.arm: arm, self.beside: beside}
        yield from self.ask({**values, **chosen, **given, **texts})

    def take_example(self, values: Values, event: gr.EventData) -> Iterator[Values]:
        """Ask about a test row."""
        what, numbers = pressed(event)
        if what == "example" and len(numbers) == 1 and numbers[0] < len(values[self.rows]):
            test = self.opened(values).plan.study.split.test
            row = test[values[self.rows][numbers[0]]]
            texts = {self.text: row.text, self.text_b: row.text_b}
            yield from self.ask(values, {**texts, self.stretch: ""})

    def ask(self, values: Values, given: Mapping[Any, Any] = NOTHING_GIVEN) -> Iterator[Values]:
        """First what every arm answers, then, arm by arm, which words that depends on."""
        opened, values = self.opened(values), {**values, **given}
        if given:
            yield dict(given)
        check, problem = self.turn(values), opened.plan.study.problem
        question = self.question_of(values).question
        answers = predictions(self.lab, opened, question["text"], question["text_b"] or None)
        row = example_of(opened, question["text"], question["text_b"] or None)
        arms = tuple(_arm_answer(problem, row, spec, scores) for spec, scores in answers)
        check()
        snapshot = ArmsSnapshot(question, opened.name, arms=arms)
        yield {self.snapshot: snapshot, **self.draw(snapshot, values)}
        looking = self.look(opened, question, values[self.lab.lang])
        assert self.wait is not None  # this view is a slow one
        found = yield from self.wait.through(looking, check)
        snapshot = dataclasses.replace(snapshot, found=found)
        yield {self.snapshot: snapshot, **self.draw(snapshot, values)}

    def look(
        self, opened: Opened, question: Mapping[str, str], lang: str
    ) -> Generator[str, None, tuple[Occluded, ...]]:
        """Return what the answers of the chosen arms depend on; both are asked about the same
        label, and about the same stretch where answers are stretches.
        """
        found: list[Occluded] = []
        place = _place(opened, question["text"], question["stretch"])
        for arm in filter(None, dict.fromkeys([question["arm"], question["beside"]])):
            steps = occlude(
                self.lab,
                opened,
                arm,
                text=question["text"],
                text_b=question["text_b"] or None,
                label=question["label"] or (found[0].label if found else ""),
                way=question["way"],
                stretch=place,
            )
            found.append((yield from following(opened.names(lang).get(arm, arm), steps, lang)))
            place = place or _asked(found[0])
        return tuple(found)

    def redraw(self, values: Values) -> Values:
        """The same answers in another language, while their study is open."""
        snapshot = values[self.snapshot]
        current = snapshot and snapshot.study == values[self.lab.study_id]
        return self.draw(snapshot, values) if current else {}

    # --- drawing ---

    def draw(self, snapshot: ArmsSnapshot, values: Values) -> Values:
        """Draw everything that is shown."""
        lang, opened = values[self.lab.lang], self.lab.studies.open(snapshot.study)
        shown = renamed(snapshot, opened.names(lang))
        return {
            self.out: _out_html(opened, shown, lang),
            self.chart: _chart(opened.plan.study.problem, shown.found, lang),
            self.link: self.link_to(snapshot, lang),
        }

    @staticmethod
    def endpoint(
        lab: Lab,
        study: str,
        arm: str,
        text: str,
        text_b: str = "",
        label: str = "",
        way: str = "remove",
        stretch: str = "",
    ) -> dict[str, Any]:
        """Return which words the answer of an arm depends on: the probability of a label without
        each word.

        Args:
            study: the name of a finished study, as it is in the page's address.
            arm: the arm that answers.
            text: the text.
            text_b: the second text, for pairs.
            label: whose probability; empty for the label that the arm answers.
            way: "remove" takes each word out, "mask" hides it behind the model's mask token.
            stretch: where answers are stretches of a text, the one to look at, as the text has
                it; empty for the one that the arm is most confident of.
        """
        opened = lab.studies.open(str(study))
        steps = occlude(
            lab,
            opened,
            str(arm),
            text=str(text),
            text_b=str(text_b or "") or None,
            label=str(label or ""),
            way=str(way),
            stretch=_place(opened, str(text), str(stretch or "")),
        )
        return dataclasses.asdict(last(steps))


def _place(opened: Opened, text: str, words: str) -> tuple[int, int] | None:
    """Where the words to look at are, where answers are stretches of a text; None for any."""
    if not (words or "").strip() or not task_of(opened.plan.study.problem).by_word:
        return None
    return place_of_words(text, words)


def _asked(found: Occluded) -> tuple[int, int] | None:
    """The stretch that the first arm was asked about, for the second; None where that was "no
    answer".
    """
    stretch = found.stretch
    return stretch if stretch and stretch[0] < stretch[1] else None


def occlude(
    lab: Lab,
    opened: Opened,
    arm: str,
    *,
    text: str,
    text_b: str | None,
    label: str,
    way: str,
    stretch: tuple[int, int] | None = None,
) -> Generator[Any, None, None]:
    """Steps, then `tl_core.views.occlusion.Occluded`: which words the answer of a kept arm hangs
    on.

    Raises:
        UserError: as `tl_core.views.occlusion.occlude`; there is no text or no such arm.
    """
    example = example_of(opened, text, text_b)
    kept = {spec.arm.id: spec for spec in lab.studies.kept(opened)}
    if arm not in kept:
        raise UserError(
            say(
                "No arm called {arm!r} of this study can be asked here; these can: {kept}.",
                arm=arm[:80],
                kept=", ".join(kept) or "none",
            )
        )
    checkpoint = Checkpoint(folder=folder_of(lab, opened), run=kept[arm].id)
    question = {"checkpoint": checkpoint, "example": example, "label": label, "way": way}
    yield from request(lab, NUMBERS, "occlude", **question, stretch=stretch)


def kept_arms(lab: Lab, opened: Opened) -> list[str]:
    """Arms that can be asked."""
    return [spec.arm.id for spec in lab.studies.kept(opened)]


def two_arms(lab: Lab, opened: Opened, arm: str | None, beside: str | None) -> tuple[str, str]:
    """Return the arms that are chosen; in place of one that is not there, the kept arms that answer
    best.
    """
    first = task_of(opened.plan.study.problem).measures[0].id
    ahead = {
        cell.arm: cell.measures[first].value
        for cell in sorted(
            opened.comparison.cells if opened.comparison else (),
            key=lambda cell: cell.measures[first].value,
        )
    }
    kept = sorted(kept_arms(lab, opened), key=lambda name: -ahead.get(name, 0))
    one = arm if arm in kept else kept[0]
    others = [name for name in kept if name != one]
    return one, beside if beside in others else others[0] if others and beside != "" else ""


def _arm_answer(problem: Problem, example: Example, spec: RunSpec, scores: np.ndarray) -> ArmAnswer:
    task = task_of(problem)
    decided = task.decide(scores[None])
    if task.by_word or task.writes:
        said = ", ".join(task.phrases(problem, [example], decided)[0])
        sure = float(task.chance_of(decided, scores[None])[0]) if task.alternatives else None
        return ArmAnswer(spec.arm.id, said or "–", sure)
    ids = task.names(problem, decided)[0]
    return ArmAnswer(spec.arm.id, label_name(problem, ids) or "–", float(scores.max()))


def _examples(opened: Opened, arm: str, beside: str) -> tuple[int, ...]:
    """Places of test rows: some on which the two arms differ, then some of every label."""
    runs = [
        next(
            (
                s
                for s in opened.plan.specs
                if s.id in opened.plan.keep and s.arm.id == name and opened.is_done(s.id)
            ),
            None,
        )
        for name in (arm, beside)
    ]
    differ: Sequence[int] = ()
    one, other = runs
    if one and other:
        task = task_of(opened.plan.study.problem)
        a, b = (task.decide(opened.results[run.id].test_scores) for run in (one, other))
        differ = np.flatnonzero(~task.same(a, b)).tolist()
    return tuple(dict.fromkeys([*differ[:DISAGREED], *some_rows(opened)]))[:EXAMPLES]


# --- drawing --------------------------------------------------------------------------------------


def _no_study_html(lang: str) -> str:
    head, about = t(lang, "try_none_head"), t(lang, "mattered_none")
    return (
        f"<section class='tl-card tl-empty'><h3>{escaped(head)}</h3><p>{escaped(about)}</p>"
        "</section>"
    )


def _out_html(opened: Opened, snapshot: ArmsSnapshot, lang: str) -> str:
    """Show what every arm answers, and the words of two."""
    away, problem = sent_away(opened), opened.plan.study.problem
    notes = notes_html([t(lang, "mattered_away", arms=", ".join(away))] if away else [], lang)
    changes = [abs(piece.change) for one in snapshot.found for piece in one.pieces]
    scale = max([LEAST_SCALE, *changes])
    text = snapshot.question["text"]
    cards = "".join(_card(problem, one, text, scale, lang) for one in snapshot.found)
    answers = _answers_html(snapshot.arms, lang)
    return f"{answers}{notes}<div class='tl-sides' role='status'>{cards}</div>"


def _chart(problem: Problem, found: Sequence[Occluded], lang: str) -> str:
    if not found:
        return ""
    return drawing(
        words_changed([(one.arm, one) for one in found], language=lang),
        t(lang, "mattered_chart", label=label_name(problem, [found[0].label])),
        picture=("words-that-mattered", t(lang, "picture")),
    )


def _answers_html(arms: Sequence[ArmAnswer], lang: str) -> str:
    """Show what every kept arm answers."""
    rows = "".join(
        f"<tr><th scope='row'>{escaped(one.arm)}</th><td>{escaped(one.labels)}</td>"
        f"{_sure_html(one.probability)}</tr>"
        for one in arms
    )
    head = f"<caption>{escaped(t(lang, 'mattered_answers'))}</caption>"
    return (
        "<section class='tl-card'><table class='tl-balance"
        f" tl-answers-of'>{head}<tbody>{rows}</tbody></table></section>"
    )


def _sure_html(probability: float | None) -> str:
    if probability is None:
        return ""
    return (
        "<td class='tl-wide'><div class='tl-bar' aria-hidden='true'>"
        f"<i style='width:{100 * probability:.1f}%'></i></div></td>"
        f"<td class='tl-num'>{escaped(percent(probability, 0))}</td>"
    )


def _card(problem: Problem, found: Occluded, text: str, scale: float, lang: str) -> str:
    about = _about(problem, found, text, lang)
    chips = [_chip(piece, found, scale, problem, lang) for piece in found.pieces]
    between = next((i for i, piece in enumerate(found.pieces) if piece.side == 1), None)
    if between is not None:
        chips.insert(between, "<span class='tl-fine'>∥</span>")
    if (stretch := _asked(found)) and found.way == "remove":  # it stays, so it is no piece
        at = sum(p.side == 0 and p.end <= stretch[0] for p in found.pieces)
        chips.insert(at, f"<span class='tl-token'><b>{escaped(text[slice(*stretch)])}</b></span>")
    return (
        f"<section class='tl-card'><h4>{escaped(found.arm)}</h4><p"
        f" class='tl-fine'>{escaped(about)}</p><p class='tl-tokens'>{''.join(chips)}</p><p"
        f" class='tl-fine'>{escaped(t(lang, 'mattered_legend'))}</p>"
        f"{notes_html(found.notes, lang)}</section>"
    )


def _about(problem: Problem, found: Occluded, text: str, lang: str) -> str:
    """What is looked at, how likely it is, and the arm's own answer where that is another."""
    name, share = label_name(problem, [found.label]), percent(found.probability)
    if stretch := _asked(found):
        words = text[slice(*stretch)]
        said = t(lang, "mattered_said_of", stretch=words, label=name, share=share)
        own = words if task_of(problem).alternatives else f"{words} ({name})"
        if not found.answered:
            return f"{said} {t(lang, 'mattered_finds_nothing')}"
        if found.answered != own:
            return f"{said} {t(lang, 'mattered_finds', said=found.answered)}"
        return said
    said = t(lang, "mattered_said", label=name, share=share)
    likeliest = max(found.scores, key=found.scores.__getitem__)
    if likeliest != found.label:
        name, share = label_name(problem, [likeliest]), percent(found.scores[likeliest])
        said += f" {t(lang, 'mattered_other', label=name, share=share)}"
    return said


def _flips(piece: Piece, found: Occluded, problem: Problem, lang: str) -> str:
    """What would be predicted without a word, where that is something else; else ""."""
    if found.stretch is not None:
        same = piece.answer == found.answered
        return "" if same else piece.answer or t(lang, "mattered_nothing")
    likeliest = max(found.scores, key=found.scores.__getitem__)
    if piece.answer in problem.label_index and piece.answer != likeliest:
        return label_name(problem, [piece.answer])
    return ""


def _chip(piece: Piece, found: Occluded, scale: float, problem: Problem, lang: str) -> str:
    """A word with the points it gives or takes; distinguished by sign and border as well as by
    colour.
    """
    points = f"{100 * piece.change:+.0f}".replace("-", "−")
    points_text = "0" if points in ("+0", "−0") else points
    about = t(lang, "mattered_without", word=piece.text, share=percent(piece.probability))
    if instead := _flips(piece, found, problem, lang):
        points_text += " ⇄"
        about += " " + t(lang, "mattered_flips", label=instead)
    heat = MOST_HEAT * min(1.0, abs(piece.change) / scale)
    side = "for" if piece.change > 0 else "against"
    return (
        f"<span class='tl-token tl-{side}' style='--heat:{heat:.0f}%'"
        f" title='{escaped(about)}'>{escaped(piece.text)}<small>{points_text}</small></span>"
    )


# --- figures --------------------------------------------------------------------------------------


def words_changed(
    found: Sequence[tuple[str, Occluded]], most: int = 12, *, language: str = "en"
) -> go.Figure:
    """Draw by how many points the probability falls without each word: those that change most, a
    marker for each arm.

    Args:
        found: (name of an arm, its prediction), of one text.
    """
    pieces = found[0][1].pieces
    largest = np.max([[abs(p.change) for p in one.pieces] for _, one in found], axis=0)
    order = sorted(np.argsort(-largest, kind="stable")[:most].tolist())
    figure = empty(height=120 + 24 * max(3, len(order)))
    for place, (arm, one) in enumerate(found):
        values = [100 * one.pieces[i].change for i in order]
        colour = PALETTE[place % len(PALETTE)]
        figure.add_trace(
            go.Scatter(
                x=values,
                y=list(range(len(order))),
                mode="markers",
                name=clipped(arm),
                marker={"color": colour, "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 11},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [max(0.0, -v) for v in values],
                    "arrayminus": [max(0.0, v) for v in values],
                    "color": colour,
                    "thickness": 2,
                    "width": 0,
                },
                customdata=order,
                hoverinfo="text",
                hovertext=[
                    f"<b>{folded(pieces[i].text)}</b><br>{folded(arm)}: {number(v)}"
                    for i, v in zip(order, values, strict=True)
                ],
            )
        )
    figure.add_vline(x=0, line_color=MUTED, line_width=1)
    figure.update_xaxes(title_text=phrase(language, "axis_change"), nticks=6)
    figure.update_yaxes(
        tickvals=list(range(len(order))),
        ticktext=[clipped(pieces[i].text, 18) for i in order],
        range=[len(order) - 0.4, -0.6],
        showgrid=False,
    )
    return figure.update_layout(showlegend=len(found) > 1)


VIEW = WordsThatMattered
