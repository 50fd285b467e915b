"""A text of the visitor's own on the first screen: what three kept arms of the shipped study answer
as it is written, side by side, with the words that mattered tinted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from tl_core.api.amounts import percent
from tl_core.api.types import Example, Problem
from tl_core.api.view import Checkpoint
from tl_core.running.queue import StudyQueue
from tl_core.strategies import strategies
from tl_core.views.occlusion import Occluded
from tl_ui.components.html import escaped, in_both, strategy_title
from tl_ui.state.shipped_study import MODELS, Kept
from tl_ui.words import t

SCRIPT = Path(__file__).with_suffix(".js")
LONGEST = 300  # characters
LEAST_CHANGE = 0.02  # of a probability, for a word to be tinted
FULL_CHANGE = 0.4  # at which it is tinted most


def ticket_view() -> gr.HTML:
    """The box and the place of its answers; its `select` event brings what is written."""
    box = in_both(
        lambda lang: (
            f"<label class='tl-ticket'><b>{escaped(t(lang, 'ticket'))}</b>"
            f"<input type='text' maxlength='{LONGEST}' autocomplete='off'"
            f" placeholder='{escaped(t(lang, 'ticket_example'))}'></label>"
            f"<p class='tl-fine'>{escaped(t(lang, 'ticket_about'))}</p>"
        )
    )
    return gr.HTML(
        html_template=f"{box}<div class='tl-three' role='status'></div>",
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="ticket",
    )


def ask_all(queue: StudyQueue, kept: Sequence[Kept], text: str) -> list[Occluded]:
    """What each kept arm answers, with and without each word.

    Raises:
        UserError: a visitor asks too much at a time, or the helper process ended.
    """
    found = []
    for one in kept:
        checkpoint = Checkpoint(folder=str(MODELS), run=one.run)
        answers = queue.ask("occlude", checkpoint=checkpoint, example=Example(1, text))
        found += [answer for answer in answers if isinstance(answer, Occluded)]
    return found


def answers_html(
    kept: Sequence[Kept], found: Sequence[Occluded], problem: Problem, text: str, lang: str
) -> str:
    """The answers side by side."""
    return "".join(
        _answer(one, answer, problem, text, lang) for one, answer in zip(kept, found, strict=True)
    )


def _answer(one: Kept, found: Occluded, problem: Problem, text: str, lang: str) -> str:
    label = problem.labels[problem.label_index[found.label]].name
    name = strategy_title(strategies()[one.strategy], lang)
    labels = t(lang, "ticket_labels", n=f"{one.labels:,}") if one.labels else ""
    about = " · ".join(filter(None, (name, labels)))
    return (
        f"<section class='tl-way-{one.way}'><h3>{escaped(t(lang, f'way_{one.way}'))}</h3>"
        f"<p class='tl-fine'>{escaped(about)}</p><p class='tl-said-label'><b>{escaped(label)}</b> "
        f"{percent(found.probability, 0)}</p><p dir='auto'>{tinted(text, found)}</p></section>"
    )


def tinted(text: str, found: Occluded) -> str:
    """The text, its words tinted by how much less likely the answer is without them."""
    out, at = "", 0
    for piece in found.pieces:
        out += escaped(text[at : piece.start])
        word, at = escaped(text[piece.start : piece.end]), piece.end
        if piece.change < LEAST_CHANGE:
            out += word
        else:
            heat = round(70 * min(1.0, piece.change / FULL_CHANGE)) + 15
            out += f"<mark style='--heat:{heat}%'>{word}</mark>"
    return out + escaped(text[at:])
