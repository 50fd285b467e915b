"""Sentence surprise: how likely every token of a text was, and the text as a whole."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import gradio as gr

from tl_core.api.sentences import Sentence, say
from tl_core.views.surprise import NUMBERS, Seen, Surprise
from tl_ui.components.html import escaped, table_html
from tl_ui.lab import Lab
from tl_ui.views._base import Snapshot, Values, View
from tl_ui.views._shared.answers import answer_to, family_name, notes_html
from tl_ui.views._shared.model_picker import FIRST, Pick, resolve
from tl_ui.words import t, word

FIRST_TEXT = "The cat sat on the mat."
EXAMPLES = (
    FIRST_TEXT,
    "The mat sat on the cat.",
    "The dog barked at the postman.",
    "She drank a cup of hot gravel.",
    "Time flies like an arrow; fruit flies like a banana.",
)
SHADES = (
    1.0,
    0.1,
    0.01,
    0.001,
    0.0001,
)  # probabilities of the legend; the last and anything below has the full colour


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "surprise_title": say("Sentence surprise"),
    "surprise_about": say(
        "Each token is hidden in turn, and the model says how likely it was: pale tokens were "
        "expected, dark ones come as a surprise. Surprise is −log of the probability, in nats. "
        "The mean over a text, exponentiated, is its (pseudo-)perplexity (Salazar et al. "
        "2020): low for a plausible sentence, high for word salad. Compare texts under one "
        "model; models split texts into different tokens, so values of different models are "
        "not comparable."
    ),
    "surprise_ask": say("Score"),
    "surprise_legend": say("Probability of a token:"),
    "surprise_token": say("{token}: probability {share}, surprise {nats} nats"),
    "surprise_table": say("The same as a table"),
    "surprise_nats": say("Surprise (nats)"),
}


# --- the view -------------------------------------------------------------------------------------


class SentenceSurprise(View):
    """The view."""

    words = WORDS
    id, order, title, about = "surprise", 20, "surprise_title", "surprise_about"
    ask_label, numbers, slow = "surprise_ask", NUMBERS, True

    def draw_question(self) -> None:
        """A text."""
        self.text = gr.Textbox(
            FIRST_TEXT, label=word("look_text"), lines=1, max_lines=8, elem_id="surprise-text"
        )

    def link_fields(self) -> dict[str, Any]:
        """Return the fields that a link holds."""
        return {"text": self.text, **self.picker.fields}

    def example_list(self, lang: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Texts with something surprising in them."""
        return [(text, {"text": text}) for text in EXAMPLES]

    def ask_model(self, pick: Pick, values: Values) -> Generator[Any, None, None]:
        """Steps, then how surprising each token is."""
        text = values[self.text] or ""
        return self.question("surprise", checkpoint=pick.checkpoint, text=text)

    def about_answer(self, answer: Surprise, lang: str) -> str:
        """Describe what its family of models sees."""
        return family_name(answer.family, lang)

    def html(self, snapshot: Snapshot, lang: str) -> str:
        """The legend, and every model's tokens."""
        return _legend_html(lang) + super().html(snapshot, lang)

    def answer_html(self, answer: Surprise, snapshot: Snapshot, lang: str) -> str:
        """The perplexity, and every token in its shade."""
        return _answer_html(answer, lang)

    @staticmethod
    def endpoint(lab: Lab, text: str, model: str = FIRST) -> dict[str, Any]:
        """The log-probability (nats) of every token of a text, and its (pseudo-)perplexity.

        Args:
            text: the text.
            model: the model that answers.
        """
        checkpoint = resolve(lab, str(model)).checkpoint
        found = answer_to(lab, NUMBERS, "surprise", checkpoint=checkpoint, text=str(text))
        return dataclasses.asdict(found)


# --- drawing --------------------------------------------------------------------------------------


def _legend_html(lang: str) -> str:
    steps = "".join(
        f"<span class='tl-shade' style='--heat:{_heat(math.log(p))}%'>{100 * p:g}%"
        f"{'' if p > SHADES[-1] else ' ↓'}</span>"
        for p in SHADES
    )
    return (
        "<div class='tl-legend'><span"
        f" class='tl-fine'>{escaped(t(lang, 'surprise_legend'))}</span><span"
        f" class='tl-scale'>{steps}</span></div>"
    )


def _answer_html(answer: Surprise, lang: str) -> str:
    one_way = answer.family == "causal"
    figure = f"{answer.perplexity:,.1f}" if answer.perplexity < 100 else f"{answer.perplexity:,.0f}"
    named = t(lang, "perplexity" if one_way else "pseudo_perplexity")
    meaning = t(
        lang, "perplexity_means", n=f"{answer.perplexity:,.0f}" if answer.perplexity >= 1.5 else "1"
    )
    return (
        f"<p class='tl-figure'><b>{escaped(figure)}</b> {escaped(named)}</p><p"
        f" class='tl-fine'>{escaped(meaning)}</p>"
        f"<p class='tl-tokens'>{_chips_html(answer.tokens, lang)}</p>"
        f"{notes_html(answer.notes, lang)}{_table_html(answer.tokens, lang)}"
    )


def _chips_html(tokens: tuple[Seen, ...], lang: str) -> str:
    """Tokens with nothing between them stay together and break the line together where they
    can.
    """
    groups, end = [], None
    for token in tokens:
        if token.start != end:
            groups.append("")
        groups[-1] += _chip(token, lang)
        end = token.end
    return "".join(f"<span class='tl-joined'>{group}</span>" for group in groups)


def _chip(token: Seen, lang: str) -> str:
    number, mark = _probability(token.log_probability), " tl-unknown" if token.unknown else ""
    about = t(
        lang, "surprise_token", token=token.token, share=number, nats=_nats(token.log_probability)
    )
    heat = _heat(token.log_probability)
    return (
        f"<span class='tl-token{mark}' style='--heat:{heat}%'"
        f" title='{escaped(about)}'>{escaped(token.text or token.token)}<small>"
        f"{escaped(number)}</small></span>"
    )


def _table_html(tokens: tuple[Seen, ...], lang: str) -> str:
    """The same for those who cannot see colours."""
    rows = [
        (
            escaped(s.text or s.token),
            escaped(s.token),
            escaped(_probability(s.log_probability)),
            escaped(_nats(s.log_probability)),
        )
        for s in tokens
    ]
    head = [
        t(lang, "head_text"),
        t(lang, "token"),
        t(lang, "probability"),
        t(lang, "surprise_nats"),
    ]
    return (
        f"<details><summary>{escaped(t(lang, 'surprise_table'))}</summary>"
        f"{table_html(t(lang, 'surprise_table'), head, rows)}</details>"
    )


def _heat(log_probability: float | None) -> int:
    """Percent of the full colour."""
    return (
        0
        if log_probability is None
        else round(100 * min(1.0, log_probability / math.log(SHADES[-1])))
    )


def _nats(log_probability: float | None) -> str:
    return "–" if log_probability is None else f"{max(0.0, -log_probability):.2f}"


def _probability(log_probability: float | None) -> str:
    if log_probability is None:
        return "–"
    share = 100 * math.exp(log_probability)
    return (
        f"{share:.0f}%"
        if share >= 9.5
        else (
            f"{share:.1f}%" if share >= 0.095 else f"{share:.2f}%" if share >= 0.0095 else "< 0.01%"
        )
    )


VIEW = SentenceSurprise
