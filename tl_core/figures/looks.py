"""How each method looks: one colour, marker and dash in every figure of a study, whatever its rank,
and for the usual methods in every study.
"""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.analysis.compare import Comparison
from tl_core.api.sentences import in_language
from tl_core.api.types import Problem
from tl_core.strategies import strategies

# Okabe & Ito (2008), told apart by most colour-blind people; without yellow and black, of which one
# is lost on white and the other on black.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C8C8C")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
USUAL = ("full", "lora", "probe", "similarity", "prior-probe", "tfidf", "majority")


@dataclass(frozen=True)
class Look:
    """The look of one arm; colour, marker and dash each tell it from its neighbours."""

    name: str  # its strategy's title, or its own name where it was given one
    group: str  # its place in the study, which holds nothing that a person wrote
    colour: str
    symbol: str
    dash: str


def looks(comparison: Comparison, language: str = "en") -> dict[str, Look]:
    """The look of every arm of the study, by its id.

    The usual strategies have their own colours; every other arm, in the order of the study, takes
    the first one that is free, and shares colours by turns where none is.
    """
    own = {strategy: place for place, strategy in enumerate(USUAL)}
    slots: dict[str, int] = {}
    for arm, strategy in comparison.arms:
        if arm == strategy and strategy in own:
            slots[arm] = own[strategy]
    free = [k for k in range(len(USUAL) - 1) if k not in slots.values()]  # grey is the last resort
    turn = len(USUAL)
    for arm, _ in comparison.arms:
        if arm in slots:
            continue
        if free:
            slots[arm] = free.pop(0)
        else:
            slots[arm], turn = turn, turn + 1
    return {
        arm: Look(
            _name(arm, strategy, comparison.problem, language), str(place), *_slot(slots[arm])
        )
        for place, (arm, strategy) in enumerate(comparison.arms)
    }


def _slot(place: int) -> tuple[str, str, str]:
    return (
        PALETTE[place % len(PALETTE)],
        SYMBOLS[place % len(SYMBOLS)],
        DASHES[place % len(DASHES)],
    )


def _name(arm: str, strategy: str, problem: Problem, language: str) -> str:
    known = strategies().get(strategy)
    return in_language(known.title_for(problem), language) if known and arm == strategy else arm
