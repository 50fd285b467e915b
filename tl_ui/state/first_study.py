"""What is compared without being chosen one by one: the presets of the form, and the small studies
that a press starts without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tl_core.api.types import Facts
from tl_core.data.labels import are_named
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, Study, make_study, suiting
from tl_ui.state.datasets import Held

QUICK = ("majority", "tfidf", "similarity", "probe", "prior-probe")
QUICK_SHOTS = (0, 1, 2, 4, 8)
QUICK_SEEDS = 3
# one of each kind that any model can do, and what each is measured against
EVERYDAY = (*QUICK, "prototype", "contrastive", "lora", "full")
LIVE = ("majority", "similarity", "probe", "lora", "full")
LIVE_SHOTS = (0, 8)
LIVE_SEEDS = 1
LIVE_TEST_ROWS = 100


@dataclass(frozen=True)
class Preset:
    """What the form holds after one press."""

    id: str
    strategies: tuple[str, ...]
    shots: tuple[int | None, ...]  # per class; None: all rows
    seeds: int

    def fitting(self, least_rows: int) -> list[str]:
        """Its numbers of labels as far as the rows go, as the form keeps them; of those that do not
        fit, the largest that does takes their place."""
        wanted = [s for s in self.shots if s is not None]
        kept = [s for s in wanted if s <= least_rows]
        if len(kept) < len(wanted):
            kept = sorted({*kept, *[s for s in SHOTS_OFFERED if s <= least_rows][-1:]})
        return [*map(str, kept), *(["all"] if None in self.shots else [])]


SHOTS_OFFERED = (0, 1, 2, 4, 8, 16, 32)
PRESETS = {
    preset.id: preset
    for preset in (
        Preset("quick", QUICK, QUICK_SHOTS, QUICK_SEEDS),
        Preset("ways", ("majority", "similarity", "probe", "lora", "full"), (0, 8, None), 3),
        Preset("thorough", EVERYDAY, (0, 1, 2, 4, 8, 16, None), 5),
    )
}
FIRST_PRESET = PRESETS["ways"]


def first_study(held: Held) -> Study:
    """A first look: the arms that take seconds, on as many shots as the rows allow.

    Raises:
        UserError: none of them can run on these data.
    """
    return _study(held, held.usual_split[0], QUICK, QUICK_SHOTS, QUICK_SEEDS)


def live_study(held: Held) -> Study:
    """The three ways in about a minute: one number of labels, few test rows.

    Raises:
        UserError: none of them can run on these data.
    """
    return _study(held, held.split(LIVE_TEST_ROWS)[0], LIVE, LIVE_SHOTS, LIVE_SEEDS)


def _study(
    held: Held, split: Any, wanted: tuple[str, ...], shots: tuple[int, ...], seeds: int
) -> Study:
    problem = held.loaded.dataset.problem
    fitting = [s for s in shots if s <= held.least_rows]
    facts = Facts(problem, max(fitting), None, are_named(problem.labels))
    able = [i for i in suiting(wanted, problem) if not strategies()[i].refuses(facts)]
    return make_study(
        held.name,
        problem,
        split,
        arms=[ArmRequest(i) for i in able],
        shots=fitting,
        seeds=seeds,
        model=held.model,
        hub=False,
    )
