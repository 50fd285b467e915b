"""Checks of what a strategy declares, made for every plug-in from outside before it is used, and by
`tl_core.testing.check_strategy`.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any, get_args

from tl_core.api import params
from tl_core.api.sentences import say
from tl_core.api.strategy import Needs, Strategy
from tl_core.api.types import Facts, Label, ModelRef, Problem

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
KINDS = (bool, int, float, str)  # that a setting may be of


def strategy_faults(strategy: Strategy) -> list[str]:
    """Every fault of what it declares, as a sentence that says what to write instead.

    Takes no time: no model is loaded, nothing is learned.
    """
    faults = [*_says_what_it_is(strategy), *_settings(strategy)]
    return faults or [*_methods(strategy), *_answers(strategy)]


def _says_what_it_is(s: Strategy) -> Iterator[str]:
    id, title, about = (getattr(s, name, None) for name in ("id", "title", "about"))
    if not isinstance(id, str) or not ID.fullmatch(id):
        yield say(
            "Its id must be a word in lower case such as my-method, and it is {id!r}.", id=str(id)
        )
    if not isinstance(title, str) or not title or not title[0].isupper() or title.endswith("."):
        yield say(
            "Its title must be a few words that begin with a capital and end without a full stop,"
            " and it is {title!r}.",
            title=str(title),
        )
    if not isinstance(about, str) or not is_sentence(about):
        yield say(
            "Its about must be one or two sentences on what it does and when to choose it, and it"
            " is {about!r}.",
            about=str(about),
        )
    if not isinstance(s.version, int) or s.version < 1:
        yield say(
            "Its version must be a whole number from 1 on, and it is {version!r}.",
            version=str(s.version),
        )
    if s.needs not in get_args(Needs):
        yield say(
            "Its needs must be one of {known}, and it is {needs!r}.",
            known=", ".join(map(repr, get_args(Needs))),
            needs=str(s.needs),
        )
    if not isinstance(s.tasks, frozenset) or not s.tasks:
        yield say(
            "Its tasks must be a frozenset of ids of tasks, such as {example}.",
            example='frozenset({"single-label"})',
        )


def _settings(s: Strategy) -> Iterator[str]:
    made = s.settings
    if not (isinstance(made, type) and dataclasses.is_dataclass(made)):
        yield say("Its settings must be a class with @dataclass(frozen=True).")
        return
    if not made.__dataclass_params__.frozen:  # type: ignore[attr-defined]  # made by dataclasses
        yield say("Its settings must be frozen: write @dataclass(frozen=True).")
    names = {}
    for field in dataclasses.fields(made):
        if "help" not in field.metadata or type(field.default) not in KINDS:
            yield say(
                "Its setting {name} must be made with param(default, sentence), and the default be"
                " a number, a text or yes or no.",
                name=field.name,
            )
            continue
        names[field.name] = field.metadata
        if len(field.metadata["help"].split()) < 3 or not field.metadata["help"][0].isupper():
            yield say(
                "Its setting {name} must be explained in some words that begin with a capital.",
                name=field.name,
            )
        low, high = field.metadata["low"], field.metadata["high"]
        if (low is not None and field.default < low) or (high is not None and field.default > high):
            yield say("Its setting {name} has a default outside its bounds.", name=field.name)
    for name in s.tries:
        if name not in names or None in (names[name]["low"], names[name]["high"]):
            yield say(
                "Its tries name {name}, which must be a setting with a low and a high.", name=name
            )
    for name in s.opens_files:
        if name not in names:
            yield say("Its opens_files name {name}, which is no setting of it.", name=name)


def _methods(s: Strategy) -> Iterator[str]:
    base = type(s)
    wanted = ["fit", "load_on" if s.takes_base else "load"]
    wanted += ["sends_to"] if s.sends_texts else []
    for name in wanted:
        if getattr(base, name) is getattr(Strategy, name):
            yield say("It has no {name}. Define it as in {where}.", name=name, where=_EXAMPLE)
    if base.why_not is not Strategy.why_not:
        yield say("It must leave {name} as it is, and define refuses.", name="why_not")


def _answers(s: Strategy) -> Iterator[str]:
    """Ask it everything that is asked before a model is loaded, and yield the faults of its
    answers.
    """
    try:
        settings: Any = params.build(s.settings, {}, s.id)
        for task, target in (("single-label", "one label"), ("many-labels", "many labels")):
            problem = Problem("one text", target, (Label("a", "sea"), Label("b", "bread")))
            for shots in (0, 1, None):
                reason = s.why_not(Facts(problem, shots, MODEL, True))
                if not isinstance(reason, str) or (
                    reason and not (is_sentence(reason) and reason.startswith(s.id))
                ):
                    yield say(
                        "It must refuse with a sentence that begins with its id, or answer an empty"
                        " text, and it answers {answer!r}.",
                        answer=str(reason),
                    )
                    return
                if not reason and task not in s.tasks:
                    yield say("It must leave it to tasks which tasks it refuses.")
                    return
        costs = [s.passes(settings, n, 10) for n in (1, 10, 100)]
        if not all(math.isfinite(c) and c >= 0 for c in costs) or costs != sorted(costs):
            yield say(
                "Its passes must be a number from 0 on that does not fall with more rows, and they"
                " are {costs}.",
                costs=", ".join(map(str, costs)),
            )
    except Exception as fault:  # noqa: BLE001  whatever it does, others work
        yield say(
            "It fails when it is asked whether it can run ({fault}).",
            fault=f"{type(fault).__name__}: {fault}",
        )


def is_sentence(words: str) -> bool:
    """Whether a text is one or more sentences of at least four words."""
    return words.endswith((".", "!", "?")) and len(words.split()) > 3 and words == words.strip()


MODEL = ModelRef("a model", "0" * 32, "bert")
_EXAMPLE = "CONTRIBUTING.md"
