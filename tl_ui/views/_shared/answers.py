"""Questions of a view to its worker job, one model after another; their answers side by side."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.view import Numbers
from tl_ui.components.html import escaped
from tl_ui.components.progress import following
from tl_ui.errors import notice_html, on_page
from tl_ui.lab import Lab
from tl_ui.views._shared.model_picker import Pick
from tl_ui.words import t


@dataclass(frozen=True)
class Answer:
    """A model's answer, or why there is no answer."""

    title: str
    value: Any = None
    fault: str = ""


def request(lab: Lab, numbers: Numbers, job: str, **arguments: Any) -> Generator[Any, None, None]:
    """Run a job of a view: yield its steps, then the answer.

    Raises:
        UserError: what is asked about is too long, or as the job says.
    """
    numbers.check(arguments)
    return lab.queue.ask(job, **arguments)


def answer_to(lab: Lab, numbers: Numbers, job: str, **arguments: Any) -> Any:
    """The answer alone.

    Raises:
        UserError: as `request`.
    """
    return last(request(lab, numbers, job, **arguments))


def last(items: Iterator[Any]) -> Any:
    """The last of them."""
    *_, found = items
    return found


def ask_each(
    picks: Sequence[Pick], ask: Callable[[Pick], Generator[Any, None, None]], lang: str
) -> Generator[str, None, tuple[Answer, ...]]:
    """Every model's answer; yields how far it is, as HTML. A model that cannot answer says so
    alongside the other; when none can, it is a fault.

    Raises:
        UserError: no model could answer.
    """
    answers, faults = [], []
    for pick in picks:
        try:
            value = yield from following(pick.title, ask(pick), lang)
            answers.append(Answer(pick.title, value))
        except UserError as fault:
            faults.append(fault)
            answers.append(Answer(pick.title, fault=fault.sentence))
    if len(faults) == len(answers):
        raise faults[0]
    return tuple(answers)


def side_by_side(
    answers: Sequence[Answer],
    draw: Callable[[int, Any], str],
    about: Callable[[Any], str],
    lang: str,
) -> str:
    """A column for each: title, the line about it, what `draw` makes of the answer."""
    cards = []
    for i, one in enumerate(answers):
        inside = (
            notice_html(on_page(one.fault, lang), kind="note")
            if one.fault
            else f"{_line('p', about(one.value))}{draw(i, one.value)}"
        )
        cards.append(f"<section class='tl-card'>{_line('h4', one.title)}{inside}</section>")
    return f"<div class='tl-sides' role='status'>{''.join(cards)}</div>"


def _line(tag: str, said: str) -> str:
    fine = " class='tl-fine'" if tag == "p" else ""
    return f"<{tag}{fine}>{escaped(said)}</{tag}>" if said else ""


def unreadable_html(lab: Lab, picks: Sequence[Pick], texts: Sequence[str], lang: str) -> str:
    """A sentence for each model that cannot read these texts."""
    lines = []
    for name in dict.fromkeys(pick.model for pick in picks):
        hub = lab.profile.allow_hub_models
        report = last(lab.queue.ask("token_reports", models=[name], texts=list(texts), hub=hub))
        if not report.readable:
            share = percent(report.unknown_rate, 0)
            lines.append(t(lang, "cannot_read", model=name, share=share))
    return notice_html("\n".join(lines), kind="note")


def notes_html(notes: Sequence[str], lang: str) -> str:
    """Show what a reader must know to read the numbers correctly."""
    if not notes:
        return ""
    return (
        "<ul class='tl-fine tl-remarks'>"
        f"{''.join(f'<li>{escaped(on_page(note, lang))}</li>' for note in notes)}</ul>"
    )


def family_name(family: str, lang: str) -> str:
    """Describe what a family of models sees."""
    return t(lang, f"family_{family}")


def whole_number(given: Any) -> int:
    """Return the whole number that a program sent.

    Raises:
        UserError: it is none.
    """
    try:
        return int(given)
    except (TypeError, ValueError, OverflowError):
        raise UserError(say("{given!r} is no whole number.", given=str(given)[:40])) from None
