"""The advice of a study on a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tl_core.commands import shown

if TYPE_CHECKING:
    from tl_core.experiments.decision import Decision

WIDTH = 110


def print_advice(decision: Decision, language: str = "en") -> None:
    """What to do, when labelling pays, and what to know before trusting it."""
    from tl_core.report import advice

    said = " ".join(advice.advice(decision, language))
    _print(said)
    for against in decision.break_even:
        _print(advice.break_even(against, language), "- ")
    for warning in advice.warnings(decision, language):
        _print(warning, "! ")


def _print(text: str, mark: str = "") -> None:
    print(textwrap.fill(shown(text), WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)))
