"""The tokenizer view: what a model sees instead of letters."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import gradio as gr

from tl_core.api.sentences import Sentence, say
from tl_core.models.embedded import EMBEDDED
from tl_core.views.tokens import NUMBERS, SPECIAL, Cut, Piece
from tl_ui.components.html import escaped, table_html
from tl_ui.errors import notice_html
from tl_ui.lab import Lab
from tl_ui.views._base import Snapshot, Values, View
from tl_ui.views._shared.answers import answer_to
from tl_ui.views._shared.model_picker import (
    FIRST,
    ModelPicker,
    Pick,
    in_order,
    reader_of,
    resolve,
)
from tl_ui.words import t, word

FIRST_TEXT = "The unbelievably fluffy cat sat on the mat."
EXAMPLES = (  # text, second text
    (FIRST_TEXT, ""),
    ("고양이가 매트 위에 앉아 있었다.", ""),
    ("The film was great.", "I liked the movie."),
    ("Tokenizers split 2,718,281 and e-mail@example.org, don't they?", ""),
    ("I love it 😀", ""),
)
PIECES_SHOWN = 600


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "tokens_title": say("How the tokenizer splits it"),
    "tokens_about": say(
        "A model does not read letters. Its tokenizer splits a text into tokens from a fixed "
        "vocabulary, and all the model sees is their ids. Common words are one token; rare "
        "ones break into pieces (## marks a piece that continues a word). What the vocabulary "
        "cannot write becomes an unknown token, and the original text is lost: no training "
        "brings it back. More tokens per word mean more to read and less context at a time."
    ),
    "tokens_ask": say("Tokenize"),
    "tokens_sizes": say("{vocabulary} tokens in the vocabulary, context length {most}"),
    "tokens_count": say("{n} tokens including special ones; {per_word} per word ({words} words)"),
    "tokens_unknown": say(
        "{unknown} of {n} tokens are unknown: this vocabulary cannot write them."
    ),
    "tokens_too_long": say("{n} tokens lie beyond the context length of {most} and are cut off."),
    "tokens_first": say("Showing the first {n} tokens."),
    "tokens_one": say("{token} · id {id} · position {position} · segment {segment}"),
    "tokens_table": say("The same as a table"),
    "tokens_position": say("Position"),
    "tokens_token": say("Token"),
    "tokens_id": say("Id"),
    "tokens_stands_for": say("Stands for"),
    "tokens_segment": say("Segment"),
}


# --- the view -------------------------------------------------------------------------------------


class Tokens(View):
    """The view."""

    words = WORDS
    id, order, title, about = "tokens", 30, "tokens_title", "tokens_about"
    ask_label, numbers, links_study = "tokens_ask", NUMBERS, False

    def draw_question(self) -> None:
        """A text, or two."""
        self.text = gr.Textbox(
            FIRST_TEXT, label=word("look_text"), lines=1, max_lines=8, elem_id="tokens-text"
        )
        self.text_b = gr.Textbox(
            label=word("tokens_text_b"),
            info=word("tokens_text_b_info"),
            lines=1,
            max_lines=8,
            elem_id="tokens-text-b",
        )

    def draw_options(self) -> None:
        """Models: training changes no tokenizer."""
        self.picker = ModelPicker(self.lab, "tokens", runs=False)

    def link_fields(self) -> dict[str, Any]:
        """Return the fields that a link holds."""
        return {"text": self.text, "text_b": self.text_b, **self.picker.fields}

    def example_list(self, lang: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Texts that are cut in remarkable ways."""
        return [
            (
                " ∥ ".join(filter(None, pair)),
                {
                    **dict(zip(("text", "text_b"), pair, strict=True)),
                    "model": reader_of(pair[0]),
                    "beside": EMBEDDED.name if reader_of(pair[0]) != FIRST else "",
                },
            )
            for pair in in_order(EXAMPLES, lang, lambda pair: pair[0])
        ]

    def ask_model(self, pick: Pick, values: Values) -> Generator[Cut, None, None]:
        """Return how its tokenizer cuts the text."""
        text, text_b = values[self.text] or "", values[self.text_b] or None
        return self.question("cut_text", checkpoint=pick.checkpoint, text=text, text_b=text_b)

    def about_answer(self, answer: Cut, lang: str) -> str:
        """Say how large the vocabulary is."""
        vocabulary, most = f"{answer.vocabulary:,}", f"{answer.max_tokens:,}"
        return t(lang, "tokens_sizes", vocabulary=vocabulary, most=most)

    def answer_html(self, answer: Cut, snapshot: Snapshot, lang: str) -> str:
        """The tokens, and how many there are for a word."""
        words = sum(len(snapshot.question[name].split()) for name in ("text", "text_b"))
        return _answer_html(words, answer, lang)

    @staticmethod
    def endpoint(lab: Lab, text: str, model: str = FIRST, text_b: str = "") -> dict[str, Any]:
        """A text as a model's tokenizer cuts it.

        Args:
            text: the text.
            model: whose tokenizer.
            text_b: a second text, read together with the first.
        """
        checkpoint, second = resolve(lab, str(model)).checkpoint, str(text_b or "") or None
        found = answer_to(
            lab, NUMBERS, "cut_text", checkpoint=checkpoint, text=str(text), text_b=second
        )
        return dataclasses.asdict(found)


# --- drawing --------------------------------------------------------------------------------------


def _answer_html(words: int, answer: Cut, lang: str) -> str:
    ordinary = sum(1 for p in answer.pieces if p.unknown or not p.special)
    count = t(
        lang,
        "tokens_count",
        n=f"{len(answer.pieces):,}",
        per_word=f"{ordinary / max(1, words):.1f}",
        words=f"{words:,}",
    )
    warnings = []
    if answer.unknown:
        warnings.append(t(lang, "tokens_unknown", unknown=f"{answer.unknown:,}", n=f"{ordinary:,}"))
    if answer.too_long:
        warnings.append(
            t(lang, "tokens_too_long", n=f"{answer.too_long:,}", most=f"{answer.max_tokens:,}")
        )
    more = (
        f"<p class='tl-fine'>{escaped(t(lang, 'tokens_first', n=PIECES_SHOWN))}</p>"
        if len(answer.pieces) > PIECES_SHOWN
        else ""
    )
    pieces = answer.pieces[:PIECES_SHOWN]
    return (
        f"<p class='tl-count'>{escaped(count)}</p>"
        f"{notice_html(chr(10).join(warnings), kind='note')}"
        f"<p class='tl-tokens'>{''.join(_chip(p, lang) for p in pieces)}</p>"
        f"{more}{_special_html(answer, lang)}{_table_html(pieces, lang)}"
    )


def _chip(p: Piece, lang: str) -> str:
    kind = " tl-unknown" if p.unknown else " tl-special" if p.special else ""
    about = t(lang, "tokens_one", token=p.token, id=p.id, position=p.position, segment=p.segment)
    about += f" · {_explained(p.special, lang)}" if p.special else ""
    plain = f"<s>{escaped(p.text)}</s>" if p.unknown and p.text else ""
    return (
        f"<span class='tl-token tl-cut tl-segment-{min(1, p.segment)}{kind}'"
        f" title='{escaped(about)}'><i>{p.position}</i>{escaped(p.token)}{plain}<small>{p.id}"
        "</small></span>"
    )


def _explained(special: str, lang: str) -> str:
    return SPECIAL[special].to(lang)


def _special_html(answer: Cut, lang: str) -> str:
    """Explain what the special tokens that are here are for."""
    seen = {p.token: p.special for p in answer.pieces if p.special}
    lines = "".join(
        f"<li><code>{escaped(token)}</code> {escaped(_explained(special, lang))}</li>"
        for token, special in seen.items()
    )
    return f"<ul class='tl-fine tl-remarks'>{lines}</ul>" if lines else ""


def _table_html(pieces: tuple[Piece, ...], lang: str) -> str:
    rows = [
        (str(p.position), escaped(p.token), str(p.id), escaped(p.text), str(p.segment))
        for p in pieces
    ]
    head = [t(lang, f"tokens_{h}") for h in ("position", "token", "id", "stands_for", "segment")]
    return (
        f"<details><summary>{escaped(t(lang, 'tokens_table'))}</summary>"
        f"{table_html(t(lang, 'tokens_table'), head, rows)}</details>"
    )


VIEW = Tokens
