"""Arms by the names a reader knows, for whoever shows results to one; commands and exports keep
their ids, by which they are asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from tl_core.api.types import Problem
from tl_core.words.verdict import method_name

T = TypeVar("T")

# fields of findings that hold the id of an arm, or several
ONE = frozenset({"arm", "a", "b", "learner", "other", "choice", "winner", "leader", "runner_up"})
MANY = frozenset({"arms", "best", "strict", "as_good", "doubted", "above"})
LARGE = frozenset({"plan", "problem", "results", "studied", "design"})  # and nothing said of them


def arm_names(
    arms: Iterable[tuple[str, str]], problem: Problem, language: str = "en"
) -> dict[str, str]:
    """The name of each arm by its id.

    Args:
        arms: (id, strategy) of each.
    """
    return {arm: method_name(arm, strategy, language, problem) for arm, strategy in arms}


def renamed(found: T, names: Mapping[str, str]) -> T:
    """The same finding with names in the place of ids, to be put into words. It is no more to be
    looked up by: a study knows its arms by their ids.
    """
    made: Any = found
    if isinstance(found, tuple | list):
        return type(found)(renamed(x, names) for x in found) if _may_hold(found) else made
    if not is_dataclass(found) or isinstance(found, type):
        return made
    made = copy.copy(found)
    for field in fields(found):
        value = getattr(found, field.name)
        if field.name in LARGE:
            continue
        if field.name in ONE and isinstance(value, str):
            value = names.get(value, value)
        elif field.name in MANY and isinstance(value, tuple) and all(map(_is_text, value)):
            value = tuple(names.get(x, x) for x in value)
        else:
            value = renamed(value, names)
        object.__setattr__(made, field.name, value)
    return made


def _may_hold(found: tuple | list) -> bool:
    return any(is_dataclass(x) or isinstance(x, tuple | list) for x in found)


def _is_text(x: object) -> bool:
    return isinstance(x, str)
