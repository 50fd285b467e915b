"""The picture of a view of "Look inside": its form, what it draws, its examples and its endpoint.

A subclass says what is asked and how the answer is drawn; the base does the rest: examples to
press, the answer when the view is first seen, the link that opens it again, a second model
alongside the first, progress and stop, both languages, and faults as sentences. CONTRIBUTING has a
recipe.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from tl_core.api.sentences import Sentence
from tl_core.api.view import Numbers
from tl_ui.components.clickable import examples_html, pressable, pressed_example
from tl_ui.components.outside import words_of
from tl_ui.components.permalinks import link_html, linked, view_of
from tl_ui.components.progress import wait
from tl_ui.lab import Lab
from tl_ui.views import Choose
from tl_ui.views._shared.answers import Answer, ask_each, request, side_by_side
from tl_ui.views._shared.model_picker import NO_MODEL, ModelPicker, Pick
from tl_ui.words import declare

Values = dict  # of components, by component
NOTHING_GIVEN: Mapping[Any, Any] = {}


@dataclass(frozen=True)
class Snapshot:
    """The content of a view: the question, by names of fields, and the answers."""

    question: Mapping[str, str]
    study: str  # the open study where answers come from it
    answers: tuple[Answer, ...] = ()
    warning: str = ""  # HTML above the answers


class View:
    """One view on one page: components are attributes, handlers are methods."""

    id: ClassVar[str]
    order: ClassVar[int] = 100
    words: ClassVar[Mapping[str, Sentence]] = {}  # by keys that begin with the id, for `t`, `word`
    title: ClassVar[str]
    about: ClassVar[str]  # what a visitor is looking at, as Markdown
    ask_label: ClassVar[str]  # on the button
    numbers: ClassVar[Numbers]
    slow: ClassVar[bool] = False  # answers come after steps: progress is shown, and can be stopped
    wide: ClassVar[bool] = False  # the answer needs most of the page
    models: ClassVar[bool] = True  # it asks a model; else it answers from what it is given
    options: ClassVar[bool] = True  # there is something to set, right
    links_study: ClassVar[bool] = True  # a link opens the study too
    endpoint: ClassVar[Callable[..., Any] | None] = None  # (lab, ...): what programs may ask
    endpoint_name: ClassVar[str] = ""  # "": the id of the view

    out: gr.HTML
    button: gr.Button
    examples: gr.HTML
    picker: ModelPicker
    fields: dict[str, Any]  # what a link holds: components by name

    # --- what a view says ---

    def draw_question(self) -> None:
        """Make the fields of the question, left."""

    def draw_answer(self) -> None:
        """Make the place of the answer, in the middle."""
        self.out = gr.HTML(elem_id=f"{self.id}-out")

    def draw_options(self) -> None:
        """Make what else can be set, right: here the models."""
        if self.models:
            self.picker = ModelPicker(self.lab, self.id)

    def link_fields(self) -> dict[str, Any]:
        """Components by their names in a link."""
        raise NotImplementedError

    def example_list(self, lang: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """(words on its button, values by names of fields) of each example."""
        return ()

    def ask_model(self, pick: Pick, values: Values) -> Generator[Any, None, None]:
        """Steps, then the answer of a model; see `question`."""
        raise NotImplementedError

    def about_answer(self, answer: Any, lang: str) -> str:
        """The line above an answer."""
        return ""

    def answer_html(self, answer: Any, snapshot: Snapshot, lang: str) -> str:
        """An answer, drawn."""
        raise NotImplementedError

    # --- what a view may say differently ---

    def warning(self, picks: Sequence[Pick], values: Values) -> str:
        """HTML above the answers."""
        return ""

    def draw(self, snapshot: Any, values: Values) -> Values:
        """Show this view's kind of snapshot on the page, by component."""
        lang = values[self.lab.lang]
        return {self.out: self.html(snapshot, lang), self.link: self.link_to(snapshot, lang)}

    def drawn(self) -> list[Any]:
        """The components that `draw` changes."""
        return [self.out, self.link]

    def events_that_ask(self) -> list[Any]:
        """The button, the end of a text, the choice in a list."""
        asking = [self.button.click]
        for field in self.fields.values():
            if isinstance(field, gr.Textbox):
                asking.append(field.submit)
            elif isinstance(field, gr.Dropdown | gr.Radio):
                asking.append(field.input)
        return asking

    def further_inputs(self) -> list[Any]:
        """Components besides the fields that handlers read."""
        return []

    def further_outputs(self) -> list[Any]:
        """Components besides fields and answer that handlers change."""
        return []

    def waits_on(self) -> Any:
        """Return the component where the browser shows that an answer is on its way."""
        return self.out

    def draw_buttons(self) -> None:
        """Make the button that asks, and what is next to it."""
        self.button = self.ask_button()

    def wire_examples(self) -> Any:
        """Make a press on an example ask."""
        return self.on(self.examples.select, self.take_example)

    def wire_more(self, asking: list[Any]) -> None:
        """Wire what only this view has; `asking` are the events that ask."""

    # --- what the base does ---

    def __init_subclass__(cls) -> None:
        declare(cls.words)

    @classmethod
    def build(cls, lab: Lab, choose: Choose) -> View:
        """Draw the view on a page, and wire it."""
        return cls(lab, choose)

    def __init__(self, lab: Lab, choose: Choose):
        self.lab, self.choose = lab, choose
        self.notice = gr.HTML(elem_classes="tl-notices", elem_id=f"{self.id}-notice")
        with gr.Row(elem_classes=f"tl-look{' tl-look-wide' if self.wide else ''}"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                self.draw_question()
                self.draw_buttons()
                self.examples = self.draw_examples()
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                self.wait = wait(self.id) if self.slow else None
                self.draw_answer()
                self.link = gr.HTML(elem_id=f"{self.id}-link")
            if self.options and (self.models or type(self).draw_options is not View.draw_options):
                with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                    self.draw_options()
        self.snapshot = gr.State(None)  # None before the first answer
        self.fields = self.link_fields()
        self.wire()

    def ask_button(self, **more: Any) -> gr.Button:
        """The button that asks."""
        return gr.Button(
            words_of(self.ask_label), variant="primary", elem_id=f"{self.id}-ask", **more
        )

    def draw_examples(self) -> gr.HTML:
        """Examples to press."""
        place = pressable(value=self.examples_html("en"), elem_id=f"{self.id}-examples")
        return self.lab.in_language(place, self.examples_html)

    def examples_html(self, lang: str) -> str:
        """The buttons of the examples."""
        return examples_html([words for words, _ in self.example_list(lang)], lang)

    def question(self, job: str, **arguments: Any) -> Generator[Any, None, None]:
        """Ask a worker process: what the job of this name yields."""
        return request(self.lab, self.numbers, job, **arguments)

    def html(self, snapshot: Snapshot, lang: str) -> str:
        """All answers, side by side."""
        return snapshot.warning + side_by_side(
            snapshot.answers,
            lambda _, answer: self.answer_html(answer, snapshot, lang),
            lambda answer: self.about_answer(answer, lang),
            lang,
        )

    def link_to(self, snapshot: Snapshot, lang: str, **more: Any) -> str:
        """The link that opens the view with this question again."""
        return link_html(self.id, {**snapshot.question, **more}, lang, study=snapshot.study)

    def question_of(self, values: Values) -> Snapshot:
        """Return the question in the fields, with no answers yet."""
        question = {name: values[field] or "" for name, field in self.fields.items()}
        return Snapshot(question, values[self.lab.study_id] if self.links_study else "")

    def given_by_link(self, request: gr.Request) -> Values:
        """Return the address's values of the fields, in their kinds."""
        given: Values = linked(request, self.id, self.fields)
        for field in [f for f in given if isinstance(f, gr.Slider | gr.State)]:
            if given[field].isdecimal():
                given[field] = int(given[field])
            else:
                del given[field]
        return given

    def turn(self, values: Values) -> Callable[[], None]:
        """A new question: what it gives raises once the visitor has asked a newer one."""
        return values[self.lab.turns].take(self.id)

    def first(self, values: Values, request: gr.Request) -> Iterator[Values]:
        """The first answer, when a visitor sees the view or a link asks."""
        given, turns = self.given_by_link(request), values[self.lab.turns]
        if values[self.snapshot] is not None or not self.is_wanted(values, request):
            return
        if not given:
            if turns.asked(self.id):  # a press on an example comes before the first answer
                return
            values = {**values, self.lab.turns: turns.behind()}
        yield from self.ask(values, given)

    def is_wanted(self, values: Values, request: gr.Request) -> bool:
        """Whether the visitor has chosen this view, or a link asks for its first answer. A link
        chooses the view only after it has asked, so what is chosen here may still be another one.
        """
        linked_here = values[self.snapshot] is None and view_of(request) == self.id
        return linked_here or values[self.choose.view] == self.id

    def take_example(self, values: Values, event: gr.EventData) -> Iterator[Values]:
        """Ask what an example asks."""
        example = pressed_example(event, self.example_list(values[self.lab.lang]))
        if example is not None:
            _, given = example
            yield from self.ask(values, {self.fields[name]: v for name, v in given.items()})

    def ask(self, values: Values, given: Mapping[Any, Any] = NOTHING_GIVEN) -> Iterator[Values]:
        """Put what is `given` into the form; then ask every model, and draw.

        The other fields are left alone: who continues writing meanwhile keeps what they wrote.
        """
        values, check = {**values, **given}, self.turn(values)
        if given:
            yield dict(given)
        if self.models and not hasattr(self, "picker"):
            raise TypeError(
                f"The view {self.id!r} has nothing to choose a model with. Set models = False where"
                " it asks none, or make self.picker, a ModelPicker."
            )
        picks = self.picker.picks(values) if self.models else [NO_MODEL]
        answers = yield from self.answers(picks, values, check)
        question = self.question_of(values)
        snapshot = Snapshot(question.question, question.study, answers, self.warning(picks, values))
        yield {self.snapshot: snapshot, **self.draw(snapshot, values)}

    def answers(
        self, picks: Sequence[Pick], values: Values, check: Callable[[], None]
    ) -> Generator[Values, None, tuple[Answer, ...]]:
        """Every model's answer; yields how far it is where that can take long."""
        asking = ask_each(picks, lambda pick: self.ask_model(pick, values), values[self.lab.lang])
        if self.wait:
            return (yield from self.wait.through(asking, check))
        found = _returned(asking)
        check()
        return found

    def redraw(self, values: Values) -> Values:
        """The same answers, in another language."""
        return self.draw(values[self.snapshot], values) if values[self.snapshot] else {}

    def inputs(self) -> list[Any]:
        """Return what every handler reads."""
        lab = self.lab
        return [
            *self.fields.values(),
            *self.further_inputs(),
            self.snapshot,
            lab.study_id,
            lab.turns,
        ]

    def outputs(self) -> list[Any]:
        """Return what every handler may change."""
        status = [self.wait.status] if self.wait else []
        every = [*self.fields.values(), *status, *self.drawn(), *self.further_outputs()]
        return [*dict.fromkeys(every), self.snapshot]

    def on(self, triggers: Any, handler: Callable, inputs: Sequence[Any] = (), **more: Any) -> Any:
        """Wire a handler of questions."""
        if not self.slow:
            handler = at_once(handler)
        more = {"show_progress": "minimal", "show_progress_on": self.waits_on(), **more}
        read = [*inputs, *self.inputs()]
        return self.lab.on(triggers, handler, read, self.outputs(), self.notice, **more)

    def wire(self) -> None:
        """Wire everything."""
        lab, newest = self.lab, {} if self.slow else {"trigger_mode": "always_last"}
        asking = [
            self.on([*self.choose.events, lab.linked.change], self.first, [self.choose.view]),
            self.on(self.events_that_ask(), self.ask, **newest),
            self.wire_examples(),
        ]
        if self.wait:
            self.wait.ends(lab, asking)
        read = [self.snapshot, *self.fields.values(), lab.study_id]
        lab.draw_on(("spoken",), self.redraw, read, self.drawn())
        self.wire_more(asking)


def at_once(handler: Callable) -> Callable:
    """A handler in steps as one that gives all changes together: what takes a moment needs no
    steps.
    """

    @functools.wraps(handler)
    def changed(values: Values, *more: Any) -> Values:
        together: Values = {}
        for step in handler(values, *more):
            together |= step
        return together

    return changed


def _returned(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
