"""Texts with their spans marked, for report and page."""

from __future__ import annotations

from collections.abc import Mapping

from tl_core.api.types import Example, Problem
from tl_core.figures.looks import PALETTE
from tl_core.report.html_helpers import escaped
from tl_core.tasks import task_of

MOST_SHOWN, MOST_KEPT = 300, 10_000  # characters
AROUND = 60  # characters before and after an answer to a question
Spans = tuple[tuple[int, int, str], ...]  # (start, end, label id), none of which overlap


def marked_html(text: str, spans: Spans, problem: Problem, *, most: int | None = None) -> str:
    """The text with each span in the colour of its label, and the label's name behind it.

    Args:
        most: characters that are shown; a span that is cut by the end is not.
    """
    names = {label.id: label.name for label in problem.labels}
    shown = text if most is None or len(text) <= most else text[:most].rstrip() + "…"
    parts, at = [], 0
    for start, end, label in sorted(spans):
        if end > len(shown):
            break
        colour = PALETTE[problem.label_index[label] % len(PALETTE)]
        parts.append(escaped(shown[at:start]))
        parts.append(
            f"<mark class='span' style='--span:{colour}'>{escaped(shown[start:end])}"
            f"<small>{escaped(names[label])}</small></mark>"
        )
        at = end
    return "".join((*parts, escaped(shown[at:])))


def answers_html(
    example: Example,
    problem: Problem,
    given: Spans,
    found: Mapping[str, Spans],
    right: Mapping[str, bool],
    none: str,
) -> str:
    """A text with the spans that are given, and below it with what each arm found, those that
    found the same together; where a question is asked of the text, it is above.

    Args:
        found: the spans that each arm gives, by its name. right: whether they are correct.
        none: what is shown for no answer to a question.
    """
    asks = task_of(problem).alternatives

    def shown(answer: Spans) -> str:
        if asks:
            return answer_html(example.text, answer, none)
        return marked_html(example.text, answer, problem, most=MOST_SHOWN)

    by_answer: dict[Spans, list[str]] = {}
    for arm, spans in found.items():
        by_answer.setdefault(spans, []).append(arm)
    lines = "".join(
        f"<li><span aria-hidden='true'>{'✓' if right[arms[0]] else '✗'}</span> <span dir='auto'>"
        f"{shown(answer)}</span>"
        f" <small>{escaped(', '.join(arms))}</small></li>"
        for answer, arms in sorted(by_answer.items(), key=lambda item: (-len(item[1]), item[0]))
    )
    text = marked_html(example.text, given, problem, most=MOST_KEPT)
    question = f"<p dir='auto'><b>{escaped(example.text_b or '')}</b></p>" if asks else ""
    if asks and not given:
        question += f"<p class='fine'>{escaped(none)}</p>"
    return f"{question}<blockquote dir='auto'>{text}</blockquote><ul class='found'>{lines}</ul>"


def answer_html(text: str, answer: Spans, none: str) -> str:
    """An answer to a question with what stands around it in the text."""
    if not answer:
        return f"<i>{escaped(none)}</i>"
    start, end, _ = answer[0]
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    return (
        f"<small>{'…' if start > AROUND else ''}{escaped(before)}</small>"
        f"<b>{escaped(text[start:end])}</b>"
        f"<small>{escaped(after)}{'…' if end + AROUND < len(text) else ''}</small>"
    )
