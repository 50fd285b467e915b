"""Texts leave this machine only with a person's consent.

A strategy that asks somebody else `sends_texts`, and `sends_to()` gives the endpoint. A consent is
the mark of that endpoint: the code that asked the person hands it to the worker, and the worker
runs nothing that sends texts elsewhere without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, listed, say, say_n, together
from tl_core.api.strategy import Destination
from tl_core.api.types import Arm, RunSpec
from tl_core.strategies import strategies
from tl_core.studies.plan import Plan, examples_by_row


def destination(arms: Iterable[Arm]) -> Destination | None:
    """Return where the texts of these arms would leave this machine for; None when they stay on it.

    Raises:
        UserError: an arm has no one to ask.
    """
    for arm in arms:
        strategy = strategies()[arm.strategy]
        if strategy.sends_texts and not (endpoint := strategy.sends_to()).is_here:
            return endpoint
    return None


def stays(arm: Arm) -> bool:
    """Whether the arm can be asked about a text without sending it anywhere."""
    try:
        return destination([arm]) is None
    except UserError:
        return False  # it has no one to ask


def check(arm: Arm, consent: str) -> None:
    """See that this arm may run.

    Raises:
        UserError: its texts would leave this machine and sending them was not agreed to, or only to
            another place.
    """
    endpoint = destination([arm])
    if endpoint is not None and endpoint.mark != consent:
        nobody = say(
            "{arm} sends texts to the endpoint in TL_CHAT_URL, and sending them was not agreed to.",
            arm=arm.id,
        )
        raise UserError(
            together(
                (
                    nobody,
                    say("What was agreed to was another one.") if consent else "",
                    say("Agree on the page, or with {option}.", option=Setting("send_texts")),
                )
            )
        )


def agreed(arm: Arm, asking: Callable[[Destination], str], may_send: Callable[[str], bool]) -> str:
    """Return the consent to send an arm's texts, once a person gave it; "" where they stay here.

    Args:
        asking: what would be sent to an endpoint, as a sentence.

    Raises:
        UserError: the texts would have to be sent somewhere, and may not.
    """
    endpoint = destination([arm])
    if endpoint is None:
        return ""
    if not may_send(asking(endpoint)):
        raise UserError(
            say(
                "{arm} sends texts to {host}. Nothing was sent. Add {send_texts} if they may"
                " leave this machine, or choose another {run}.",
                arm=arm.id,
                host=endpoint.host,
                send_texts=Setting("send_texts"),
                run=Setting("run"),
            )
        )
    return endpoint.mark


def question(plan: Plan, done: Collection[str] = ()) -> tuple[str, str]:
    """(what would be sent where, as a sentence; the consent to it). Both are empty when no text
    leaves this machine.

    Args:
        done: runs that need nothing any more.
    """
    specs = [
        s
        for s in plan.specs
        if s.id not in done and s.id not in plan.refused and destination([s.arm])
    ]
    if not specs:
        return "", ""
    endpoint, test = destination([specs[0].arm]), len(plan.study.split.test)
    assert endpoint is not None  # these arms send texts
    tokens = sum(_tokens(plan, spec) for spec in specs)
    cost = endpoint.cost(round(tokens), len(specs) * test)
    values = {
        "arms": listed(dict.fromkeys(s.arm.id for s in specs)),
        "host": endpoint.host,
        "test": test,
        "often": say_n("once", "{n:,} times", len(specs)),
    }
    if endpoint.is_encrypted:
        sends = say(
            "{arms} sends your texts to {host}: the {test:,} test rows {often}, and the labelled"
            " rows that are shown with them.",
            **values,
        )
    else:
        sends = say(
            "{arms} sends your texts to {host}, over a connection that is not encrypted: the"
            " {test:,} test rows {often}, and the labelled rows that are shown with them.",
            **values,
        )
    if cost:
        charge = say(
            "That is about {tokens:,.0f} tokens, at the price in TL_CHAT_PRICE about {cost:.2g}.",
            tokens=tokens,
            cost=cost,
        )
    else:
        charge = say("That is about {tokens:,.0f} tokens.", tokens=tokens)
    said = together((sends, charge))
    return said, endpoint.mark


def _tokens(plan: Plan, spec: RunSpec) -> float:
    strategy, pool = strategies()[spec.arm.strategy], examples_by_row(plan.study.split.pool)
    train = [pool[row] for row in spec.train]
    return strategy.tokens(
        strategy.settings(**spec.arm.settings), plan.study.problem, train, plan.study.split.test
    )
