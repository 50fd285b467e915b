"""Fill a blank: a word is hidden, and the model says what could go there."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.models.language_models.blanks import BLANK, split_at_blanks
from tl_core.views.fill_mask import NUMBERS, Candidate, Filled, Guess, Together
from tl_ui.components.clickable import at, button, pressable, pressed, pressed_example
from tl_ui.components.html import escaped
from tl_ui.errors import notice_html, on_page
from tl_ui.lab import Lab
from tl_ui.views._base import NOTHING_GIVEN, Snapshot, Values, View
from tl_ui.views._shared.answers import (
    answer_to,
    family_name,
    notes_html,
    side_by_side,
    whole_number,
)
from tl_ui.views._shared.model_picker import FIRST, ModelPicker, Pick, resolve
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


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "fill_title": say("Fill a blank"),
    "fill_about": say(
        "Hide a word, and the model says which words could go in its place, each with a "
        "probability: of 100 such places, about that many would hold the word. Nothing is "
        "looked up; all the model has are the words around the blank and what it learned from "
        "reading. Guessing like this is how models such as BERT are trained, and what "
        "zero-shot prompting builds on: ask for “great” or “terrible” in “It was [MASK].”, and "
        "you have a classifier without a single label.\n\nA guess that begins with … continues "
        "the word before it. A model that reads only English makes no sense in other "
        "languages, which is worth seeing too."
    ),
    "fill_text": say("Text with [MASK] where a word is missing"),
    "fill_text_info": say("Or write a sentence without it and click the word to hide."),
    "fill_ask": say("Fill"),
    "fill_undo": say("Undo"),
    "fill_candidates": say("Your own words, separated by commas"),
    "fill_candidates_info": say("How the model divides 100% among these words alone."),
    "fill_top": say("Words per blank"),
    "fill_together": say("Fill all blanks together"),
    "fill_together_info": say("Otherwise each blank is filled as if the others stayed empty."),
    "fill_press": say("Click a word to hide it:"),
    "fill_hide": say("hide “{word}”"),
    "fill_put": say("insert “{word}” ({share})"),
    "fill_blank_n": say("Blank {n}"),
    "fill_all_at_once": say("All blanks together"),
    "fill_yours": say("Among your words:"),
    "fill_any": say("Among all words:"),
    "fill_cut": say("{tokens} · {nats} nats per token"),
}


# --- the view -------------------------------------------------------------------------------------


class FillABlank(View):
    """The view."""

    words = WORDS
    id, order, title, about = "fill", 10, "fill_title", "fill_about"
    ask_label, numbers, endpoint_name = "fill_ask", NUMBERS, "fill_mask"

    def draw_question(self) -> None:
        """A text with blanks."""
        self.text = gr.Textbox(
            FIRST_TEXT,
            label=word("fill_text"),
            info=word("fill_text_info"),
            lines=1,
            max_lines=8,
            elem_id="fill-text",
        )

    def draw_buttons(self) -> None:
        """Ask, and take a press back."""
        with gr.Row(elem_classes="tl-actions"):
            self.button = self.ask_button(min_width=120)
            self.undo = gr.Button(
                word("fill_undo"),
                variant="secondary",
                interactive=False,
                elem_id="fill-undo",
                min_width=120,
            )

    def draw_answer(self) -> None:
        """Words and guesses, to be pressed."""
        self.out = pressable(elem_id="fill-out")

    def draw_options(self) -> None:
        """Words to compare, models, how many guesses."""
        self.candidates = gr.Textbox(
            label=word("fill_candidates"),
            info=word("fill_candidates_info"),
            max_lines=1,
            elem_id="fill-candidates",
        )
        self.picker = ModelPicker(self.lab, "fill")
        self.top = gr.Slider(
            1, MOST_SHOWN, value=5, step=1, label=word("fill_top"), elem_id="fill-top"
        )
        self.together = gr.Checkbox(
            False,
            label=word("fill_together"),
            info=word("fill_together_info"),
            elem_id="fill-together",
        )
        self.former = gr.State([])  # texts that presses have changed, the latest last

    def link_fields(self) -> dict[str, Any]:
        """Return the fields that a link holds."""
        return {"text": self.text, "candidates": self.candidates, **self.picker.fields}

    def further_inputs(self) -> list[Any]:
        """Settings, and the texts before."""
        return [self.top, self.together, self.former]

    def further_outputs(self) -> list[Any]:
        """The texts before, and whether there are any."""
        return [self.former, self.undo]

    def events_that_ask(self) -> list[Any]:
        """Settings too."""
        return [*super().events_that_ask(), self.top.release, self.together.input]

    def wire_more(self, asking: list[Any]) -> None:
        """Presses."""
        self.on(self.out.select, self.press)
        self.on(self.undo.click, self.take_back)

    def example_list(self, lang: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Texts in English, and in the visitor's language."""
        own = EXAMPLES[lang] if lang != "en" else ()
        return [
            (text, {"text": text, "candidates": candidates})
            for text, candidates in (*EXAMPLES["en"], *own)
        ]

    def ask(self, values: Values, given: Mapping[Any, Any] = NOTHING_GIVEN) -> Iterator[Values]:
        """As every view; without a blank the words are there to be hidden, with a sentence that
        says so.
        """
        question = {**values, **given}
        try:
            split_at_blanks(question[self.text] or "")
        except UserError as fault:
            self.turn(values)
            snapshot, lang = self.question_of(question), values[self.lab.lang]
            note = notice_html(on_page(fault.sentence, lang), kind="note")
            drawn = self.draw(snapshot, values)
            yield {**given, self.snapshot: snapshot, **drawn, self.notice: note}
        else:
            yield from super().ask(values, given)

    def ask_model(self, pick: Pick, values: Values) -> Generator[Filled, None, None]:
        """Return what the model puts into the blanks."""
        return self.question(
            "fill_blanks",
            checkpoint=pick.checkpoint,
            text=values[self.text] or "",
            top=int(min(MOST_SHOWN, values[self.top] or 5)),
            together=bool(values[self.together]),
            candidates=words_given(values[self.candidates]),
        )

    def take_example(self, values: Values, event: gr.EventData) -> Iterator[Values]:
        """Ask what an example asks; the text before can be restored."""
        example = pressed_example(event, self.example_list(values[self.lab.lang]))
        if example is not None:
            _, given = example
            yield from self.change(values, {self.fields[name]: v for name, v in given.items()})

    def press(self, values: Values, event: gr.EventData) -> Iterator[Values]:
        """A word becomes a blank; a guess goes into its blank."""
        text = _after(values[self.snapshot], *pressed(event))
        if text is not None:
            yield from self.change(values, {self.text: text})

    def change(self, values: Values, given: Mapping[Any, Any]) -> Iterator[Values]:
        """Another text by a press: it is asked about if it has blanks, and the one before can be
        had back.
        """
        for changes in self.ask(values, given):
            # who puts in the last word knows that no blank is left
            yield {k: v for k, v in changes.items() if k is not self.notice}
        yield self.remembered([*values[self.former], values[self.text] or ""])

    def take_back(self, values: Values) -> Iterator[Values]:
        """The text before the last press."""
        if values[self.former]:
            *rest, text = values[self.former]
            yield from self.ask(values, {self.text: text})
            yield self.remembered(rest)

    def remembered(self, former: list[str]) -> Values:
        """The texts before, as changes of the page."""
        return {
            self.former: former[-FORMER_TEXTS:],
            self.undo: gr.Button(interactive=bool(former)),
        }

    def about_answer(self, answer: Filled, lang: str) -> str:
        """Describe what its family of models sees."""
        return family_name(answer.family, lang)

    def html(self, snapshot: Snapshot, lang: str) -> str:
        """The sentence with its words to press, and under it what every model says."""
        return out_html(snapshot, lang)

    @staticmethod
    def endpoint(
        lab: Lab,
        text: str,
        model: str = FIRST,
        top: int = 5,
        together: bool = False,
        candidates: str = "",
    ) -> dict[str, Any]:
        """Words for every blank of a text, with their probabilities.

        Args:
            text: a text with [MASK] wherever a word is missing.
            model: the model that answers.
            top: how many words for each blank.
            together: also fill all blanks at once.
            candidates: words to compare in every blank, with commas between.
        """
        found = answer_to(
            lab,
            NUMBERS,
            "fill_blanks",
            checkpoint=resolve(lab, str(model)).checkpoint,
            text=str(text),
            top=whole_number(top),
            together=bool(together),
            candidates=words_given(str(candidates)),
        )
        return dataclasses.asdict(found)


# --- texts ----------------------------------------------------------------------------------------


def words_given(text: str | None) -> list[str]:
    """Words between commas; two commas in a row leave nothing between them."""
    return [w.strip() for w in (text or "").replace("，", ",").split(",") if w.strip()]


def _after(snapshot: Snapshot | None, what: str, numbers: tuple[int, ...]) -> str | None:
    """The text after a press; None for a press on nothing."""
    if snapshot is None:
        return None
    text = snapshot.question["text"]
    if what == "word" and len(numbers) == 1:
        found = at(_words(text), *numbers)
        return found and text[: found.start()] + BLANK + text[found.end() :]
    side, *place = numbers or (-1,)
    answer = at(snapshot.answers, side)
    if answer is None or answer.value is None or not place:
        return None
    filled = answer.value
    if what == "guess" and isinstance(thing := at(filled.alone, *place), Guess):
        return put(text, place[0], thing.word, thing.begins_word)
    if what == "candidate" and isinstance(thing := at(filled.candidates, *place), Candidate):
        return put(text, place[0], thing.word, True)
    if what == "together" and isinstance(thing := at(filled.together, *place), Together):
        return _put_all(text, thing)
    return None


def put(text: str, blank: int, filler: str, begins_word: bool) -> str:
    """The text with a word in one of its blanks; a piece that continues with a word stands right
    behind it.
    """
    parts = split_at_blanks(text)
    before, after = BLANK.join(parts[: blank + 1]), BLANK.join(parts[blank + 1 :])
    if not begins_word:
        before = before.rstrip()
    elif before.endswith(BLANK):
        before += " "
    return before + filler + after


def _put_all(text: str, fill: Together) -> str:
    """Put in fills from the last blank to the first, so that the places of those before stay."""
    for blank in reversed(range(len(fill.words))):
        text = put(text, blank, fill.words[blank], fill.begins_word[blank])
    return text


def _words(text: str) -> list[re.Match]:
    return [found for found in _PIECE.finditer(text) if found["word"]][:WORDS_SHOWN]


# --- drawing --------------------------------------------------------------------------------------


def out_html(snapshot: Snapshot, lang: str) -> str:
    """The sentence with its words to press, and under it what every model says."""
    sentence = _sentence_html(snapshot.question["text"], lang)
    if not snapshot.answers:
        return sentence
    return sentence + side_by_side(
        snapshot.answers,
        lambda place, answer: _answer_html(place, answer, lang),
        lambda answer: family_name(answer.family, lang),
        lang,
    )


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
            pieces.append(
                f"<span class='tl-blank'>{BLANK}{f'<sub>{blanks}</sub>' if several else ''}</span>"
            )
            continue
        if words == WORDS_SHOWN:
            return _sentence_card("".join(pieces) + "…", lang)
        pieces.append(
            button(
                escaped(found[0]),
                "word",
                words,
                kind="tl-word",
                label=t(lang, "fill_hide", word=found[0]),
            )
        )
        words += 1
    return _sentence_card("".join(pieces) + escaped(text[done:]), lang)


def _sentence_card(inside: str, lang: str) -> str:
    return (
        "<section class='tl-card tl-sentence'><p"
        f" class='tl-fine'>{escaped(t(lang, 'fill_press'))}</p><p"
        f" class='tl-words'>{inside}</p></section>"
    )


def _answer_html(side: int, answer: Filled, lang: str) -> str:
    several = len(answer.alone) > 1
    parts = []
    if answer.together:
        parts.append(
            f"<h5>{escaped(t(lang, 'fill_all_at_once'))}</h5>"
            + "".join(_together_html(side, i, fill, lang) for i, fill in enumerate(answer.together))
        )
    for i in range(len(answer.alone)):
        if several:
            parts.append(f"<h5>{escaped(t(lang, 'fill_blank_n', n=i + 1))}</h5>")
        if answer.candidates:
            parts.append(f"<p class='tl-fine tl-over'>{escaped(t(lang, 'fill_yours'))}</p>")
            parts += [
                _candidate_html(side, i, j, one, lang) for j, one in enumerate(answer.candidates[i])
            ]
            parts.append(f"<p class='tl-fine tl-over'>{escaped(t(lang, 'fill_any'))}</p>")
        parts += [_guess_html(side, i, j, guess, lang) for j, guess in enumerate(answer.alone[i])]
    return "".join(parts) + notes_html(answer.notes, lang)


def _guess_html(side: int, blank: int, rank: int, guess: Guess, lang: str) -> str:
    words = guess.word if guess.begins_word else f"…{guess.word}"
    return _row(words, guess.probability, lang, "guess", side, blank, rank)


def _together_html(side: int, rank: int, fill: Together, lang: str) -> str:
    words = " · ".join(
        w if begins else f"…{w}" for w, begins in zip(fill.words, fill.begins_word, strict=True)
    )
    return _row(words, fill.probability, lang, "together", side, rank)


def _candidate_html(side: int, blank: int, rank: int, one: Candidate, lang: str) -> str:
    about = t(
        lang, "fill_cut", tokens=" ".join(one.tokens), nats=f"{one.per_token:.2f}".replace("-", "−")
    )
    return (
        _row(one.word, one.share, lang, "candidate", side, blank, rank)
        + f"<p class='tl-fine tl-under'>{escaped(about)}</p>"
    )


def _row(words: str, share: float, lang: str, *marks: str | int) -> str:
    """A word, a bar and a number, to be pressed."""
    number = "< 0.1%" if 0 < share < 0.001 else percent(share)
    inside = (
        f"<b>{escaped(words)}</b><span class='tl-bar' aria-hidden='true'><i"
        f" style='width:{100 * share:.1f}%'></i></span><span"
        f" class='tl-num'>{escaped(number)}</span>"
    )
    return button(
        inside, *marks, kind="tl-guess", label=t(lang, "fill_put", word=words, share=number)
    )


VIEW = FillABlank
