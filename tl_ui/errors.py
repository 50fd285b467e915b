"""The one guard on every handler: each failure is reported in words, none is swallowed.

What a visitor can fix is shown as its sentences. A bug is shown as a reference number; the
traceback is in the log alongside that number.
"""

from __future__ import annotations

import functools
import html
import inspect
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.sentences import in_language
from tl_ui.words import controls, t

log = logging.getLogger("transfer-lab")

CHOOSING = (gr.Dropdown, gr.Radio, gr.CheckboxGroup)


class Overtaken(Exception):
    """The visitor has asked something newer, so what was found is not shown any more."""


class Turns:
    """A visitor's last question, by the place that answers: answers may come in another order than
    questions.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def take(self, place: str) -> Callable[[], None]:
        """A new question; the function it gives raises `Overtaken` once there is a newer one."""
        turn = self._last[place] = self._last.get(place, 0) + 1

        def check() -> None:
            if self._last[place] != turn:
                raise Overtaken

        return check

    def asked(self, place: str) -> bool:
        """Whether the visitor has asked it anything."""
        return place in self._last

    def behind(self) -> Turns:
        """Turns of what asks by itself: it overtakes no question of the visitor's."""
        return _Behind(self._last)


class _Behind(Turns):
    def __init__(self, last: dict[str, int]) -> None:
        self._last = last

    def take(self, place: str) -> Callable[[], None]:
        turn = self._last.get(place)

        def check() -> None:
            if self._last.get(place) != turn:
                raise Overtaken

        return check


def shown(
    handler: Callable,
    lang: Any,
    outputs: Sequence[Any],
    notice: Any | None = None,
    *,
    clears: bool = True,
) -> Callable:
    """`handler`, but its failures appear in `notice` (or as a toast) and leave every other output
    as it was.

    Args:
        handler: takes the values by component, perhaps an event or a request; returns new values by
            component, or yields them where it shows how far it is.
        lang: the component that holds the visitor's language.
        outputs: what the event may change.
        notice: a gr.HTML of the tab; None: a toast.
        clears: whether success takes away what `notice` says: not where something is only drawn
            again, which may come after the answer to what a visitor did meanwhile.
    """

    @functools.wraps(handler)
    def guarded(values: dict, *more: Any) -> Any:
        try:
            return told(_news(handler(values, *more) or {}, values))
        except Overtaken:
            return nothing()
        except Exception as fault:  # noqa: BLE001  reported by `failed`, and a bug logged
            return failed(fault, values)

    @functools.wraps(handler)
    def guarded_steps(values: dict, *more: Any) -> Any:
        changed = None
        try:
            for changed in handler(values, *more):
                yield told(changed)
            if changed is None and outputs:
                yield told(
                    {outputs[0]: gr.skip()}
                )  # a generator that yields nothing empties its outputs
        except Overtaken:
            yield nothing()
        except Exception as fault:  # noqa: BLE001  reported by `failed`, and a bug logged
            yield {
                **(failed(fault, values) or {}),
                **(changed or {}),
            }  # what a handler puts back last may still be on its way

    def told(changed: dict) -> Any:
        return {notice: "", **changed} if clears and notice is not None else changed or nothing()

    def failed(fault: Exception, values: dict) -> Any:
        if isinstance(fault, UserError):
            return tell(fault.sentence, values)
        reference = secrets.token_hex(3)  # a bug: the visitor gets a number, the log the rest
        log.error("reference %s, in %s", reference, handler.__qualname__, exc_info=fault)
        return tell(t(values[lang], "bug", reference=reference), values)

    def tell(sentences: str, values: dict) -> Any:
        if notice is None:
            gr.Warning(html.escape(on_page(sentences, values[lang])), duration=12)
            return nothing()
        return {notice: notice_html(on_page(sentences, values[lang]))}

    def nothing() -> Any:
        return {outputs[0]: gr.skip()} if outputs else None

    return guarded_steps if inspect.isgeneratorfunction(handler) else guarded


def _news(changed: dict, values: dict) -> dict:
    """What a handler changes, without the choices it was told and gives back: the visitor may have
    chosen otherwise meanwhile, and that must stay. Nothing chosen is given back: a choice that is
    not offered any more was told as none.
    """
    news = {}
    for component, change in changed.items():
        told = values.get(component) if isinstance(component, CHOOSING) else None
        if told is None or told == []:
            news[component] = change
        elif isinstance(change, CHOOSING):
            args = dict(change.constructor_args)
            if args.get("value") == told:
                del args["value"]
            news[component] = gr.update(**args)
        else:
            news[component] = gr.skip() if change == told else change
    return news


def plain_errors(function: Callable) -> Callable:
    """Wrap a function of the public API: a UserError reaches the client as its sentence, a bug as a
    reference number.
    """

    @functools.wraps(function)
    def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except UserError as fault:
            raise gr.Error(str(fault), print_exception=False) from None
        except Exception:
            reference = secrets.token_hex(3)
            log.exception("reference %s, in %s", reference, function.__qualname__)
            raise gr.Error(t("en", "bug", reference=reference), print_exception=False) from None

    return guarded


def notice_html(sentences: str, kind: str = "fault") -> str:
    """A box with one line per sentence given on its own line; nothing in it is markup."""
    if not sentences:
        return ""
    lines = [line for line in sentences.splitlines() if line.strip()]
    body = (
        f"<p>{html.escape(lines[0])}</p>"
        if len(lines) == 1
        else "<ul>" + "".join(f"<li>{html.escape(x)}</li>" for x in lines) + "</ul>"
    )
    role = "alert" if kind == "fault" else "status"
    return f"<div class='tl-notice tl-{kind}' role='{role}'>{body}</div>"


def on_page(said: str, lang: str) -> str:
    """Return a sentence of the engine in the visitor's language; settings are named as their
    controls are on the page.
    """
    return in_language(said, lang, controls(lang))
