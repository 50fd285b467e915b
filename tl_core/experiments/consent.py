"""Texts leave this machine only where a person has said so.

A strategy that asks somebody else has `sends_to()`, which gives the endpoint. A consent is the mark of that endpoint: whoever
asked the person hands it to the worker, and the worker runs nothing that sends texts elsewhere without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from tl_core.errors import UserError
from tl_core.experiments.plan import Plan, examples_by_row
from tl_core.strategies import strategies
from tl_core.types import Arm, RunSpec

if TYPE_CHECKING:
    from tl_core.models.chat_endpoint import Endpoint


def destination(arms: Iterable[Arm]) -> Endpoint | None:
    """Where the texts of these arms would leave this machine for; None when they stay on it.

    Raises:
        UserError: an arm has nobody to ask.
    """
    for arm in arms:
        strategy = strategies()[arm.strategy]
        if hasattr(strategy, "sends_to") and not (endpoint := strategy.sends_to()).is_here:
            return endpoint
    return None


def stays(arm: Arm) -> bool:
    """Whether the arm can be asked about a text without sending it anywhere."""
    try:
        return destination([arm]) is None
    except UserError:
        return False  # it has nobody to ask


def check(arm: Arm, consent: str) -> None:
    """See that this arm may run.

    Raises:
        UserError: its texts would leave this machine and nobody has agreed to that, or only to another place.
    """
    endpoint = destination([arm])
    if endpoint is not None and endpoint.mark != consent:
        other = " What was agreed to was another one." if consent else ""
        raise UserError(f"{arm.id} sends texts to the endpoint in TL_CHAT_URL, and nobody has agreed to that.{other} Agree on the page, or with --send-texts.")


def question(plan: Plan, done: Collection[str] = ()) -> tuple[str, str]:
    """(what would be sent where, as a sentence; the consent to it). Both are empty when no text leaves this machine.

    Args:
        done: runs that need nothing any more.
    """
    specs = [s for s in plan.specs if s.id not in done and s.id not in plan.refused and destination([s.arm])]
    if not specs:
        return "", ""
    endpoint, test = destination([specs[0].arm]), len(plan.study.split.test)
    tokens = sum(_tokens(plan, spec) for spec in specs)
    cost = endpoint.cost(round(tokens), len(specs) * test)
    price = f", at the price in TL_CHAT_PRICE about {cost:.2g}" if cost else ""
    names = ", ".join(dict.fromkeys(s.arm.id for s in specs))
    often = "once" if len(specs) == 1 else f"{len(specs):,} times"
    open_way = "" if endpoint.is_encrypted else ", over a connection that is not encrypted"
    said = (
        f"{names} sends your texts to {endpoint.host}{open_way}: the {test:,} test rows {often}, and the labelled rows that are shown with them. "
        f"That is about {tokens:,.0f} tokens{price}."
    )
    return said, endpoint.mark


def _tokens(plan: Plan, spec: RunSpec) -> float:
    strategy, pool = strategies()[spec.arm.strategy], examples_by_row(plan.study.split.pool)
    train = [pool[row] for row in spec.train]
    return strategy.tokens(strategy.Params(**spec.arm.settings), plan.study.problem, train, plan.study.split.test)
