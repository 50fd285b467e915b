"""How the tokenizer cuts it: what a model sees instead of letters."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr

from tl_core.views.tokens import SPECIAL, Cut, Piece
from tl_ui.lab import Lab
from tl_ui.links import link_of, linked
from tl_ui.pieces import escaped, table_html
from tl_ui.press import examples_html, pressable, pressed_example
from tl_ui.readers import Choice, ask_each, choice, cut, side_by_side, sides
from tl_ui.shown import notice_html
from tl_ui.views import Choose
from tl_ui.words import SPECIAL_TOKENS, t, word

FIRST_TEXT = "The unbelievably fluffy cat sat on the mat."
EXAMPLES = (  # text, second text
    (FIRST_TEXT, ""),
    ("고양이가 매트 위에 앉아 있었다.", ""),
    ("The film was great.", "I liked the movie."),
    ("Tokenizers split 2,718,281 and e-mail@example.org, don't they?", ""),
    ("I love it 😀", ""),
)
PIECES_SHOWN = 600


@dataclasses.dataclass(frozen=True)
class Tokens:
    """The view."""

    id: str = "tokens"
    order: int = 30
    title: str = "tokens_title"
    about: str = "tokens_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="tokens-notice")
        with gr.Row(elem_classes="tl-look"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                text = gr.Textbox(FIRST_TEXT, label=word("look_text"), lines=1, max_lines=8, elem_id="tokens-text")
                text_b = gr.Textbox(label=word("tokens_text_b"), info=word("tokens_text_b_info"), lines=1, max_lines=8, elem_id="tokens-text-b")
                ask = gr.Button(word("tokens_ask"), variant="primary", elem_id="tokens-ask")
                examples = lab.in_language(pressable(value=_examples_html("en"), elem_id="tokens-examples"), _examples_html)
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                out = gr.HTML(elem_id="tokens-out")
                link = gr.HTML(elem_id="tokens-link")
            with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                models = choice(lab, "tokens", runs=False)
        _wire(lab, choose, Form(text, text_b, ask, examples, models, out, link, gr.State(None)), notice)


@dataclasses.dataclass(frozen=True)
class Form:
    text: gr.Textbox
    text_b: gr.Textbox
    ask: gr.Button
    examples: gr.HTML
    models: Choice
    out: gr.HTML
    link: gr.HTML
    asked: gr.State  # (words of the texts, what was said) that are on show; None before the first

    @property
    def named(self) -> dict[str, Any]:
        """What a link holds."""
        return {"text": self.text, "text_b": self.text_b, "model": self.models.reader, "beside": self.models.beside}


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def first(values: dict) -> dict:
        return ask(values) if values[choose.view] == VIEW.id and values[form.asked] is None else {}

    def from_link(values: dict, request: gr.Request) -> dict:
        given = linked(request, VIEW.id, form.named)
        return {**given, **ask({**values, **given})} if given else {}

    def ask(values: dict) -> dict:
        text, text_b, check = values[form.text] or "", values[form.text_b] or "", values[lab.turns].take(VIEW.id)
        said = ask_each(sides(lab, form.models, values), lambda side: cut(lab, side.reader, text, text_b))
        check()
        asked = len(text.split()) + len(text_b.split()), said
        return {form.asked: asked, form.out: out_html(*asked, values[lab.lang]), form.link: told(values)}

    def take_example(values: dict, event: gr.EventData) -> dict:
        example = pressed_example(event, EXAMPLES)
        if not example:
            return {}
        given = {form.text: example[0], form.text_b: example[1]}
        return {**given, **ask({**values, **given})}

    def redraw(values: dict) -> dict:
        return {form.out: out_html(*values[form.asked], values[lab.lang]), form.link: told(values)} if values[form.asked] else {}

    def told(values: dict) -> str:
        return link_of(VIEW.id, form.named, values, values[lab.lang])

    inputs = [form.text, form.text_b, *form.models.asked, form.asked, lab.study_id, lab.turns]
    outputs = [*form.named.values(), form.out, form.link, form.asked]
    quick = {"show_progress": "minimal", "show_progress_on": form.out}
    lab.on(choose.events, first, [choose.view, *inputs], outputs, notice, **quick)
    lab.on(lab.linked.change, from_link, inputs, outputs, notice)
    again = [form.ask.click, form.text.submit, form.text_b.submit, form.models.reader.input, form.models.beside.input]
    lab.on(again, ask, inputs, outputs, notice, trigger_mode="always_last", **quick)
    lab.on(form.examples.select, take_example, inputs, outputs, notice, **quick)
    lab.draw_on(("lang",), redraw, [form.asked, *form.named.values()], [form.out, form.link])


# --- drawing -------------------------------------------------------------------------------------------


def _examples_html(lang: str) -> str:
    return examples_html([" ∥ ".join(filter(None, texts)) for texts in EXAMPLES], lang)


def out_html(words: int, said: Any, lang: str) -> str:
    """Every tokenizer's tokens."""
    return side_by_side(said, lambda _, answer: _answer_html(words, answer, lang), lambda a: _sizes(a, lang))


def _sizes(answer: Cut, lang: str) -> str:
    return t(lang, "tokens_sizes", vocabulary=f"{answer.vocabulary:,}", most=f"{answer.max_tokens:,}")


def _answer_html(words: int, answer: Cut, lang: str) -> str:
    ordinary = sum(1 for p in answer.pieces if p.unknown or not p.special)
    count = t(lang, "tokens_count", n=f"{len(answer.pieces):,}", per_word=f"{ordinary / max(1, words):.1f}", words=f"{words:,}")
    warnings = []
    if answer.unknown:
        warnings.append(t(lang, "tokens_unknown", unknown=f"{answer.unknown:,}", n=f"{ordinary:,}"))
    if answer.too_long:
        warnings.append(t(lang, "tokens_too_long", n=f"{answer.too_long:,}", most=f"{answer.max_tokens:,}"))
    more = f"<p class='tl-fine'>{escaped(t(lang, 'tokens_first', n=PIECES_SHOWN))}</p>" if len(answer.pieces) > PIECES_SHOWN else ""
    shown = answer.pieces[:PIECES_SHOWN]
    return (
        f"<p class='tl-count'>{escaped(count)}</p>{notice_html(chr(10).join(warnings), kind='note')}"
        f"<p class='tl-tokens'>{''.join(_chip(p, lang) for p in shown)}</p>{more}{_special_html(answer, lang)}{_table_html(shown, lang)}"
    )


def _chip(p: Piece, lang: str) -> str:
    kind = " tl-unknown" if p.unknown else " tl-special" if p.special else ""
    told = t(lang, "tokens_one", token=p.token, id=p.id, position=p.position, segment=p.segment)
    told += f" · {_explained(p.special, lang)}" if p.special else ""
    said = f"<s>{escaped(p.text)}</s>" if p.unknown and p.text else ""
    return (
        f"<span class='tl-token tl-cut tl-segment-{min(1, p.segment)}{kind}' title='{escaped(told)}'><i>{p.position}</i>{escaped(p.token)}{said}<small>{p.id}</small></span>"
    )


def _explained(special: str, lang: str) -> str:
    return SPECIAL_TOKENS.get(lang, SPECIAL).get(special, SPECIAL[special])


def _special_html(answer: Cut, lang: str) -> str:
    """What the special tokens that stand here are for."""
    seen = {p.token: p.special for p in answer.pieces if p.special}
    lines = "".join(f"<li><code>{escaped(token)}</code> {escaped(_explained(special, lang))}</li>" for token, special in seen.items())
    return f"<ul class='tl-fine tl-remarks'>{lines}</ul>" if lines else ""


def _table_html(pieces: tuple[Piece, ...], lang: str) -> str:
    rows = [(str(p.position), escaped(p.token), str(p.id), escaped(p.text), str(p.segment)) for p in pieces]
    head = [t(lang, f"tokens_{h}") for h in ("position", "token", "id", "stands_for", "segment")]
    return f"<details><summary>{escaped(t(lang, 'tokens_table'))}</summary>{table_html(t(lang, 'tokens_table'), head, rows)}</details>"


VIEW = Tokens()
