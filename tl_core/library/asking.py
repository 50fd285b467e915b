"""Strategies, shots and seeds as somebody typed them, for every verb that takes them."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tl_core.api.errors import UserError, raise_all, unknown
from tl_core.api.sentences import say
from tl_core.studies.plan import DEFAULT_STRATEGIES, MAX_SEEDS, ArmRequest

PARTS = ("strategy", "name", "model")  # of an arm as a dict; everything else is a setting


def again_request(strategies: Any, shots: Any, seeds: Any, send_texts: bool) -> dict[str, Any]:
    """Return what is to differ from a stored study, as `open_again` takes it.

    Raises:
        UserError: with every fault.
    """
    faults: list[str] = []
    arms = None if strategies is None else requests_of(strategies, faults)
    grid = shots_of(shots, faults)
    draws = None if seeds is None else seeds_of(seeds, faults)
    if faults:
        tell_all(faults, arms or (), None)
    return {
        "arms": arms,
        "shots": grid,
        "seeds": list(range(draws)) if isinstance(draws, int) else draws,
        "may_send": may_send(send_texts),
    }


def requests_of(
    strategies: Iterable[str | ArmRequest | Mapping[str, Any]] | None, faults: list[str]
) -> tuple[ArmRequest, ...]:
    """Return the arms that are asked for; faults go into `faults`."""
    if strategies is None:
        return tuple(map(ArmRequest, DEFAULT_STRATEGIES))
    if isinstance(strategies, (str, ArmRequest, Mapping)):
        strategies = [strategies]
    made: list[ArmRequest] = []
    for one in strategies:
        if isinstance(one, ArmRequest):
            made.append(one)
        elif isinstance(one, str):
            made.append(ArmRequest(one))
        elif isinstance(one, Mapping) and isinstance(one.get("strategy"), str):
            settings = {str(k): v for k, v in one.items() if k not in PARTS}
            made.append(ArmRequest(one["strategy"], settings, one.get("name"), one.get("model")))
        else:
            faults.append(
                say(
                    "strategies: {given} is no strategy. Write its id, arm('lora', rank=16), or"
                    " {{'strategy': 'lora', 'rank': 16}}.",
                    given=repr(one),
                )
            )
    return tuple(made)


def whole(value: Any) -> bool:
    """Whether it is a whole number, and not yes or no."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def shots_of(shots: Any, faults: list[str]) -> tuple[int | None, ...] | None:
    """Return the numbers of shots, None for all rows; faults go into `faults`."""
    if shots is None:
        return None
    grid: list[int | None] = []
    single = isinstance(shots, str) or not isinstance(shots, Iterable)
    for one in [shots] if single else shots:
        if one is None or (isinstance(one, str) and one.strip().lower() == "all"):
            grid.append(None)
        elif whole(one) and one >= 0:
            grid.append(int(one))
        else:
            faults.append(
                say(
                    'shots={given}: shots must be 0, positive whole numbers, or "all".',
                    given=repr(one),
                )
            )
    if not grid and not faults:
        faults.append(
            say("shots is empty. Give numbers of labelled rows per label, as in [0, 8, 32].")
        )
    return tuple(grid)


def seeds_of(seeds: Any, faults: list[str]) -> int | list[int]:
    """Return how many draws, or their seeds; faults go into `faults`."""
    if isinstance(seeds, (list, tuple, range)) and all(whole(s) and s >= 0 for s in seeds):
        if 1 <= len(seeds) <= MAX_SEEDS:
            return list(map(int, seeds))
    if not whole(seeds) or not 1 <= seeds <= MAX_SEEDS:
        faults.append(
            say(
                "seeds={given}: seeds must be a whole number from 1 to {most}.",
                given=repr(seeds),
                most=MAX_SEEDS,
            )
        )
        return 1
    return int(seeds)


def choice(what: str, value: Any, known: Sequence[str], faults: list[str]) -> None:
    """Note it as a fault where the value is not one of those known."""
    if value not in known:
        faults.append(unknown(what, str(value), known))


def tell_all(faults: list[str], requests: tuple[ArmRequest, ...], model: str | None) -> None:
    """Raise them, with what is wrong with the strategies."""
    from tl_core.models.embedded import EMBEDDED
    from tl_core.studies.plan import check_arms

    of_arms = check_arms(requests, model or EMBEDDED.name)[2] if requests else []
    raise_all([*faults, *of_arms])


def may_send(allowed: bool) -> Any:
    """Return the answer to the question whether texts may leave this machine."""

    def ask(question: str) -> bool:
        if not allowed:
            raise UserError(
                say(
                    "{question} Nothing was sent. Say send_texts=True if they may leave this"
                    " machine, or leave this strategy out.",
                    question=question,
                )
            )
        return True

    return ask
