"""The advice of a study on a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tl_core.commands import language, shown

if TYPE_CHECKING:
    from tl_core.analysis.decision import Decision

WIDTH = 110


def print_advice(decision: Decision) -> None:
    """Print the verdict, then the numbers behind it: what to do, when labelling pays, and what to
    know before trusting it.
    """
    from tl_core.words import advice
    from tl_core.words.phrases import say
    from tl_core.words.verdict import verdict

    found = verdict(decision, language.get())
    _print(f"[{found.said}] {found.sentence}")
    if found.reach:
        _print(found.reach)
    for head, lines in (("verdict_why", found.why), ("verdict_change", found.change)):
        if lines:
            _print(f"{say(language.get(), head)}:")
        for line in lines:
            _print(line, "- ")
    if decision.advice is None:
        return
    print()
    _print(" ".join(advice.advice(decision, language.get())))
    for against in decision.break_even:
        _print(advice.break_even(against, language.get()), "- ")
    for warning in advice.warnings(decision, language.get()):
        _print(warning, "! ")


def _print(text: str, mark: str = "") -> None:
    print(textwrap.fill(shown(text), WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)))
