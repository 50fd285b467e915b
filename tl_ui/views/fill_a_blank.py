"""Fill a blank: a word is hidden, and the model says what could stand there."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import gradio as gr

from tl_core.errors import UserError
from tl_core.models.language_models.blanks import BLANK, split_at_blanks
from tl_core.views.fill_mask import Candidate, Filled, Guess, Together
from tl_ui.lab import Lab
from tl_ui.links import link_of, linked
from tl_ui.pieces import escaped, percent
from tl_ui.press import at, button, examples_html, pressable, pressed, pressed_example
from tl_ui.readers import Choice, Said, ask_each, choice, family, filled, notes_html, side_by_side, sides, words_given
from tl_ui.shown import notice_html, on_page
from tl_ui.views import Choose
from tl_ui.words import t, word

FIRST_TEXT = "The cat is on the [MASK]."
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {  # text, candidates
    "en": (
        (FIRST_TEXT, ""),
        ("He poured the [MASK] into the [MASK].", ""),
        ("The train to the city leaves in the [MASK].", ""),
        ("I loved every minute of this film. It was [MASK].", "great, terrible"),
        ("I hated every minute of this film. It was [MASK].", "great, terrible"),
        ("The nurse said that [MASK] was tired.", "he, she"),
    ),
    "ko": (
        ("고양이가 [MASK] 위에 앉아 있다.", ""),
        ("서울은 대한민국의 [MASK]이다.", ""),
    ),
}
MOST_SHOWN = 20
WORDS_SHOWN = 400
FORMER_TEXTS = 30
_PIECE = re.compile(r"(?P<blank>\[mask\]|<mask>)|(?P<word>[^\W_]+(?:['’-][^\W_]+)*)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class FillABlank:
    """The view."""

    id: str = "fill"
    order: int = 10
    title: str = "fill_title"
    about: str = "fill_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="fill-notice")
        with gr.Row(elem_classes="tl-look"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                text = gr.Textbox(FIRST_TEXT, label=word("fill_text"), info=word("fill_text_info"), lines=1, max_lines=8, elem_id="fill-text")
                with gr.Row(elem_classes="tl-actions"):
                    ask = gr.Button(word("fill_ask"), variant="primary", elem_id="fill-ask", min_width=120)
                    undo = gr.Button(word("fill_undo"), variant="secondary", interactive=False, elem_id="fill-undo", min_width=120)
                examples = lab.in_language(pressable(value=_examples_html("en"), elem_id="fill-examples"), _examples_html)
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                out = pressable(elem_id="fill-out")
                link = gr.HTML(elem_id="fill-link")
            with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                candidates = gr.Textbox(label=word("fill_candidates"), info=word("fill_candidates_info"), max_lines=1, elem_id="fill-candidates")
                models = choice(lab, "fill")
                top = gr.Slider(1, MOST_SHOWN, value=5, step=1, label=word("fill_top"), elem_id="fill-top")
                together = gr.Checkbox(False, label=word("fill_together"), info=word("fill_together_info"), elem_id="fill-together")
        form = Form(text, ask, undo, examples, candidates, models, top, together, out, link, gr.State(None), gr.State([]))
        _wire(lab, choose, form, notice)


@dataclasses.dataclass(frozen=True)
class Form:
    text: gr.Textbox
    ask: gr.Button
    undo: gr.Button
    examples: gr.HTML
    candidates: gr.Textbox
    models: Choice
    top: gr.Slider
    together: gr.Checkbox
    out: gr.HTML
    link: gr.HTML
    asked: gr.State  # Asked, whose answer is on show; None before the first
    former: gr.State  # texts that presses have changed, the latest last

    @property
    def named(self) -> dict[str, Any]:
        """What a link holds."""
        return {"text": self.text, "candidates": self.candidates, "model": self.models.reader, "beside": self.models.beside}


@dataclasses.dataclass(frozen=True)
class Asked:
    """A text and what everyone put into its blanks; nobody was asked when there is none."""

    text: str
    said: tuple[Said, ...] = ()


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def first(values: dict) -> dict:
        return ask(values) if values[choose.view] == VIEW.id and values[form.asked] is None else {}

    def from_link(values: dict, request: gr.Request) -> dict:
        given = linked(request, VIEW.id, form.named)
        return {**given, **ask({**values, **given})} if given else {}

    def ask(values: dict) -> dict:
        return _answered(lab, form, values, notice)

    def take_example(values: dict, event: gr.EventData) -> dict:
        example = pressed_example(event, _examples(values[lab.lang]))
        if example is None:
            return {}
        return {form.candidates: example[1], **_changed(lab, form, {**values, form.candidates: example[1]}, example[0], notice)}

    def press(values: dict, event: gr.EventData) -> dict:
        """A word becomes a blank; a guess goes into its blank."""
        text = _after(values[form.asked], *pressed(event))
        return {} if text is None else _changed(lab, form, values, text, notice)

    def undo(values: dict) -> dict:
        if not values[form.former]:
            return {}
        *rest, text = values[form.former]
        return {form.text: text, **_answered(lab, form, {**values, form.text: text}, notice), **_remembered(form, rest)}

    def redraw(values: dict) -> dict:
        return {form.out: out_html(values[form.asked], values[lab.lang]), form.link: _link(lab, form, values)} if values[form.asked] else {}

    inputs = [form.text, form.candidates, *form.models.asked, form.top, form.together, form.asked, form.former, lab.study_id, lab.turns]
    outputs = [*form.named.values(), form.out, form.link, form.asked, form.former, form.undo]
    quick = {"show_progress": "minimal", "show_progress_on": form.out}
    lab.on(choose.events, first, [choose.view, *inputs], outputs, notice, **quick)
    lab.on(lab.linked.change, from_link, inputs, outputs, notice)
    again = [form.ask.click, form.text.submit, form.candidates.submit, form.top.release, form.together.input]
    lab.on([*again, form.models.reader.input, form.models.beside.input], ask, inputs, outputs, notice, trigger_mode="always_last", **quick)
    lab.on(form.examples.select, take_example, inputs, outputs, notice, **quick)
    lab.on(form.out.select, press, inputs, outputs, notice, **quick)
    lab.on(form.undo.click, undo, inputs, outputs, notice, **quick)
    lab.draw_on(("lang",), redraw, [form.asked, *form.named.values(), lab.study_id], [form.out, form.link])


# --- asking --------------------------------------------------------------------------------------------


def _answered(lab: Lab, form: Form, values: dict, notice: gr.HTML) -> dict:
    """The text of the form, its blanks filled; without a blank its words to be hidden, and the sentence that says so.

    The fields are left alone: who goes on writing while a model answers keeps what they wrote.
    """
    text, lang, check = values[form.text] or "", values[lab.lang], values[lab.turns].take(VIEW.id)
    link = {form.link: _link(lab, form, values)}
    try:
        split_at_blanks(text)
    except UserError as fault:
        asked = Asked(text)
        return {**link, form.asked: asked, form.out: out_html(asked, lang), notice: notice_html(on_page(str(fault), lang), kind="note")}
    given = words_given(values[form.candidates])
    settings = {"top": min(MOST_SHOWN, values[form.top] or 5), "together": values[form.together], "candidates": given}
    said = ask_each(sides(lab, form.models, values), lambda side: filled(lab, side.reader, text, **settings))
    check()
    asked = Asked(text, said)
    return {**link, form.asked: asked, form.out: out_html(asked, lang)}


def _link(lab: Lab, form: Form, values: dict) -> str:
    return link_of(VIEW.id, form.named, values, values[lab.lang], study=values[lab.study_id])


def _changed(lab: Lab, form: Form, values: dict, text: str, notice: gr.HTML) -> dict:
    """Another text by a press: it is asked about if it has blanks, and the one before can be had back."""
    changed = _answered(lab, form, {**values, form.text: text}, notice)
    if not changed[form.asked].said:
        changed.pop(notice)  # who puts in the last word knows that no blank is left
    return {form.text: text, **changed, **_remembered(form, [*values[form.former], values[form.text] or ""])}


def _remembered(form: Form, former: list[str]) -> dict:
    return {form.former: former[-FORMER_TEXTS:], form.undo: gr.Button(interactive=bool(former))}


def _after(asked: Asked | None, what: str, numbers: tuple[int, ...]) -> str | None:
    """The text after a press; None for a press on nothing."""
    if asked is None:
        return None
    if what == "word" and len(numbers) == 1:
        found = at(_words(asked.text), *numbers)
        return found and asked.text[: found.start()] + BLANK + asked.text[found.end() :]
    side, *place = numbers or (-1,)
    said = at(asked.said, side)
    if said is None or said.answer is None or not place:
        return None
    if what == "guess" and isinstance(thing := at(said.answer.alone, *place), Guess):
        return put(asked.text, place[0], thing.word, thing.begins_word)
    if what == "candidate" and isinstance(thing := at(said.answer.candidates, *place), Candidate):
        return put(asked.text, place[0], thing.word, True)
    if what == "together" and isinstance(thing := at(said.answer.together, *place), Together):
        return _put_all(asked.text, thing)
    return None


def put(text: str, blank: int, filler: str, begins_word: bool) -> str:
    """The text with a word in one of its blanks; a piece that goes on with a word stands right behind it."""
    parts = split_at_blanks(text)
    before, after = BLANK.join(parts[: blank + 1]), BLANK.join(parts[blank + 1 :])
    if not begins_word:
        before = before.rstrip()
    elif before.endswith(BLANK):
        before += " "
    return before + filler + after


def _put_all(text: str, fill: Together) -> str:
    """From the last blank to the first, so that the places of those before stay."""
    for blank in reversed(range(len(fill.words))):
        text = put(text, blank, fill.words[blank], fill.begins_word[blank])
    return text


def _words(text: str) -> list[re.Match]:
    return [found for found in _PIECE.finditer(text) if found["word"]][:WORDS_SHOWN]


# --- drawing -------------------------------------------------------------------------------------------


def _examples(lang: str) -> tuple[tuple[str, str], ...]:
    return (*EXAMPLES["en"], *(EXAMPLES[lang] if lang != "en" else ()))


def _examples_html(lang: str) -> str:
    return examples_html([text for text, _ in _examples(lang)], lang)


def out_html(asked: Asked, lang: str) -> str:
    """The sentence with its words to press, and under it what everyone says."""
    answers = side_by_side(asked.said, lambda i, answer: _answer_html(i, answer, lang), lambda a: family(a.family, lang))
    return _sentence_html(asked.text, lang) + (answers if asked.said else "")


def _sentence_html(text: str, lang: str) -> str:
    if not text.strip():
        return ""
    several = sum(1 for found in _PIECE.finditer(text) if found["blank"]) > 1
    pieces, done, words, blanks = [], 0, 0, 0
    for found in _PIECE.finditer(text):
        pieces.append(escaped(text[done : found.start()]))
        done = found.end()
        if found["blank"]:
            blanks += 1
            pieces.append(f"<span class='tl-blank'>{BLANK}{f'<sub>{blanks}</sub>' if several else ''}</span>")
            continue
        if words == WORDS_SHOWN:
            return _sentence_card("".join(pieces) + "…", lang)
        pieces.append(button(escaped(found[0]), "word", words, kind="tl-word", label=t(lang, "fill_hide", word=found[0])))
        words += 1
    return _sentence_card("".join(pieces) + escaped(text[done:]), lang)


def _sentence_card(inside: str, lang: str) -> str:
    return f"<section class='tl-card tl-sentence'><p class='tl-fine'>{escaped(t(lang, 'fill_press'))}</p><p class='tl-words'>{inside}</p></section>"


def _answer_html(side: int, answer: Filled, lang: str) -> str:
    several = len(answer.alone) > 1
    parts = []
    if answer.together:
        parts.append(f"<h5>{escaped(t(lang, 'fill_all_at_once'))}</h5>" + "".join(_together_html(side, i, fill, lang) for i, fill in enumerate(answer.together)))
    for i in range(len(answer.alone)):
        if several:
            parts.append(f"<h5>{escaped(t(lang, 'fill_blank_n', n=i + 1))}</h5>")
        if answer.candidates:
            parts.append(f"<p class='tl-fine tl-over'>{escaped(t(lang, 'fill_yours'))}</p>")
            parts += [_candidate_html(side, i, j, one, lang) for j, one in enumerate(answer.candidates[i])]
            parts.append(f"<p class='tl-fine tl-over'>{escaped(t(lang, 'fill_any'))}</p>")
        parts += [_guess_html(side, i, j, guess, lang) for j, guess in enumerate(answer.alone[i])]
    return "".join(parts) + notes_html(answer.notes)


def _guess_html(side: int, blank: int, rank: int, guess: Guess, lang: str) -> str:
    shown = guess.word if guess.begins_word else f"…{guess.word}"
    return _row(shown, guess.probability, lang, "guess", side, blank, rank)


def _together_html(side: int, rank: int, fill: Together, lang: str) -> str:
    shown = " · ".join(w if begins else f"…{w}" for w, begins in zip(fill.words, fill.begins_word, strict=True))
    return _row(shown, fill.probability, lang, "together", side, rank)


def _candidate_html(side: int, blank: int, rank: int, one: Candidate, lang: str) -> str:
    about = t(lang, "fill_cut", tokens=" ".join(one.tokens), nats=f"{one.per_token:.2f}".replace("-", "−"))
    return _row(one.word, one.share, lang, "candidate", side, blank, rank) + f"<p class='tl-fine tl-under'>{escaped(about)}</p>"


def _row(shown: str, share: float, lang: str, *marks: str | int) -> str:
    """A word, a bar and a number, to be pressed."""
    number = "< 0.1 %" if 0 < share < 0.001 else percent(share)
    inside = f"<b>{escaped(shown)}</b><span class='tl-bar' aria-hidden='true'><i style='width:{100 * share:.1f}%'></i></span><span class='tl-num'>{escaped(number)}</span>"
    return button(inside, *marks, kind="tl-guess", label=t(lang, "fill_put", word=shown, share=number))


VIEW = FillABlank()
