"""Plug-ins from outside on the page: their names need no translation, and one that fails takes
nothing else with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from tl_core.api.plugins import is_from_outside, trouble, troubles
from tl_ui.components.html import escaped
from tl_ui.lab import Lab
from tl_ui.words import EN, t, word

log = logging.getLogger("transfer-lab")


def words_of(text: str) -> Any:
    """A title or a text of a plug-in: a key of `words.py`, or the words themselves."""
    return word(text) if text in EN else text


@contextmanager
def built(lab: Lab, constant: str, id: str) -> Iterator[None]:
    """Guard the building of a plug-in: what one from outside raises is shown in its place, and
    logged.
    """
    try:
        yield
    except Exception as fault:
        if not is_from_outside(constant, id):
            raise
        log.exception("a plug-in failed")
        trouble(constant, id, fault)
        failed = gr.HTML(escaped(t("en", "outside_failed", id=id)))
        lab.drawn.append((failed, lambda lang: escaped(t(lang, "outside_failed", id=id))))


def log_troubles() -> None:
    """Log for the operator what is wrong with plug-ins, once at the start."""
    for line in troubles():
        log.warning("%s", line)
