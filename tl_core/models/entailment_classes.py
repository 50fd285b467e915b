"""Find the class of a classifier of pairs of texts means entailment: its name says so."""

from __future__ import annotations

import re
from typing import Any

ENTAILS = ("entailment", "entail", "entails", "entailed")
CONTRADICTS = ("contradiction", "contradict", "contradicts", "contradicted", "contradictory")
NOT_ENTAILS = ("notentailment", "nonentailment", "notentail", "notentails", "notentailed")


def entailment_classes(id2label: Any) -> tuple[int, int] | None:
    """(class of entailment, class of its opposite: contradiction, or not-entailment where there are
    two classes), by name.

    Args:
        id2label: as config.json holds it. None comes back where it names no such classes, or one of
            them twice.
    """
    if not isinstance(id2label, dict):
        return None
    named: dict[str, list[int]] = {}
    for number, name in id2label.items():
        if not str(number).isdecimal():
            return None
        named.setdefault(re.sub(r"[\W_]+", "", str(name)).casefold(), []).append(int(number))
    entails, contradicts, otherwise = (
        [i for name in names for i in named.get(name, [])]
        for names in (ENTAILS, CONTRADICTS, NOT_ENTAILS)
    )
    against = contradicts or otherwise
    return (entails[0], against[0]) if len(entails) == len(against) == 1 else None
