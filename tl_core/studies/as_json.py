"""A study as plain values, and back. What comes back may have been written by anybody: every part
of it is looked at before it is used, and whatever is not as this program writes it is a ValueError.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.params import declared
from tl_core.api.sentences import say
from tl_core.api.types import (
    Arm,
    Example,
    Inputs,
    Label,
    ModelRef,
    Problem,
    RunResult,
    Split,
    Status,
)
from tl_core.strategies import strategies
from tl_core.studies.arms import Recipe
from tl_core.studies.plan import Study
from tl_core.tasks import targets, task_of, with_target

MOST_SEED = 2**63
RESULT_FIELDS = {f.name for f in dataclasses.fields(RunResult)} - {"scores"}
CHOICES = {s["name"]: s["choices"] for s in declared(Recipe)}  # of what is around a strategy


def plain(study: Study) -> dict[str, Any]:
    """Return a study as data, everything but the rows."""
    return {
        "name": study.name,
        "problem": dataclasses.asdict(study.problem),
        "arms": [dataclasses.asdict(arm) for arm in study.arms],
        "shots": ["all" if s is None else s for s in study.shots],
        "seeds": list(study.seeds),
        "model_folders": study.model_folders,
        "dropped": study.split.dropped,
        "carried": {
            arm: [["all" if shots is None else shots, seed] for shots, seed in cells]
            for arm, cells in study.carried.items()
        },
        "not_asked": list(study.not_asked),
        "seen": list(study.seen),
        "task_version": study.task_version,
    }


def study_of(asked: dict[str, Any], pool: tuple[Example, ...], test: tuple[Example, ...]) -> Study:
    """The study.

    Raises:
        UserError: it uses a strategy that is not here.
        KeyError, TypeError, ValueError, AttributeError: a part is not there, or is not what it
        should be.
    """
    problem = problem_of(asked["problem"])
    arms = tuple(arm_of(arm) for arm in _listed("arms", asked["arms"]))
    _see(len({arm.id for arm in arms}) == len(arms), "two arms have one name")
    shots = tuple(
        None if s == "all" else _whole("shots", s) for s in _listed("shots", asked["shots"])
    )
    seeds = tuple(_whole("a seed", s) for s in _listed("seeds", asked["seeds"]))
    _see(
        len(set(shots)) == len(shots) and len(set(seeds)) == len(seeds),
        "shots or seeds are there twice",
    )
    folders = asked["model_folders"]
    _see(
        isinstance(folders, dict) and all(map(_is_text, (*folders, *folders.values()))),
        "model_folders are no folders",
    )
    for rows, where in ((pool, "pool"), (test, "test")):
        _see_rows(rows, where, problem)
    split = Split(test, pool, _whole("dropped", asked["dropped"]))
    carried = _carried(asked.get("carried", {}), arms)
    not_asked, seen = (
        _texts("not_asked", asked.get("not_asked", [])),
        _texts("seen", asked.get("seen", [])),
    )
    _see(set(not_asked) <= carried.keys(), "arms that were not asked for")
    version = _whole("task_version", asked.get("task_version", 1))
    _see(1 <= version <= task_of(problem).version, "task_version is not known here")
    return Study(
        _text("name", asked["name"]),
        problem,
        split,
        arms,
        shots,
        seeds,
        folders,
        carried,
        not_asked,
        seen,
        version,
    )


def result_of(record: dict[str, Any], scores: np.ndarray | None) -> RunResult:
    """A finished run.

    Raises:
        KeyError, TypeError, ValueError: a part is not there, or is not what it should be.
    """
    given = {name: value for name, value in record.items() if name in RESULT_FIELDS}
    _see(given["status"] in get_args(Status), "status")
    _text("spec_id", given["spec_id"])
    for name in ("device", "error"):
        _see(given.get(name) is None or _is_text(given[name]), name)
    for name in ("peak_bytes", "trainable_parameters", "optimizer_steps"):
        _see(given.get(name) is None or _is_number(given[name]), name)
    for name in ("collapsed", "choices_only"):
        _see(isinstance(given.get(name, False), bool), name)
    for name, fits in (("budget", _is_number), ("seconds", _is_number), ("versions", _is_text)):
        parts = given.get(name, {})
        _see(isinstance(parts, dict) and all(fits(value) for value in parts.values()), name)
    _see(
        all(isinstance(x, (int, float)) for x in given["curve"])
        and isinstance(given["curve"], list),
        "curve",
    )
    _texts("notes", given["notes"])
    cuts = given.get("cuts", [])
    _see(isinstance(cuts, list) and all(map(_is_number, cuts)), "cuts")
    alone = given.get("alone", [])
    _see(isinstance(alone, list) and all(_is_number(x) and x >= 0 for x in alone), "alone")
    if given["status"] == "done":
        _see(
            scores is not None
            and scores.ndim in (2, 3)
            and scores.dtype.kind == "f"
            and bool(np.isfinite(scores).all()),
            "scores",
        )
    return RunResult(
        **{
            **given,
            "scores": scores,
            "curve": tuple(given["curve"]),
            "notes": tuple(given["notes"]),
            "cuts": tuple(cuts),
            "alone": tuple(alone),
        }
    )


def dataset_of(record: Any) -> dict[str, Any]:
    """Return what study.json records of the file that the study was made from, as far as it is
    valid.
    """
    given = record.get("dataset") if isinstance(record, dict) else None
    if not isinstance(given, dict):
        return {}
    lists = {
        "guesses": _is_guess,
        "notes": _is_text,
        "tokens": lambda token: isinstance(token, dict) and _is_text(token.get("sentence") or ""),
    }
    kept: dict[str, Any] = {
        name: [item for item in given[name] if fits(item)]
        for name, fits in lists.items()
        if isinstance(given.get(name), list)
    }
    kept |= {name: given[name] for name in ("source", "test_file") if _is_text(given.get(name))}
    if isinstance(given.get("columns"), dict):
        kept["columns"] = {
            role: column
            for role, column in given["columns"].items()
            if column is None or _is_text(column)
        }
    return kept | (
        {"unlabelled": given["unlabelled"]} if _is_number(given.get("unlabelled")) else {}
    )


def _carried(given: Any, arms: Sequence[Arm]) -> dict[str, tuple[tuple[int | None, int], ...]]:
    """Return what was finished before a further comparison: (shots, seed) by arm.

    Studies of older programs have none.
    """
    _see(
        isinstance(given, dict) and given.keys() <= {arm.id for arm in arms},
        "what was finished before",
    )
    cells = {arm: _listed("what was finished before", given[arm]) for arm in given}
    _see(
        all(isinstance(cell, list) and len(cell) == 2 for some in cells.values() for cell in some),
        "what was finished before",
    )
    return {
        arm: tuple(
            (None if shots == "all" else _whole("shots", shots), _whole("a seed", seed))
            for shots, seed in some
        )
        for arm, some in cells.items()
    }


# --- parts ----------------------------------------------------------------------------------------


def problem_of(given: dict[str, Any]) -> Problem:
    """What goes in and what comes out.

    Raises:
        KeyError, TypeError, ValueError: a part is not there, or is not what it should be.
    """
    _see(
        given["inputs"] in get_args(Inputs) and given["target"] in targets(),
        "what goes in or comes out",
    )
    labels = tuple(
        Label(
            _text("a label", x["id"]),
            _text("a label's name", x["name"]),
            _texts("descriptions", x["descriptions"]),
            _texts("words", x["words"]),
        )
        for x in _listed("labels", given["labels"])
    )
    _see(
        len({x.id for x in labels}) == len(labels) >= with_target(given["target"]).least_labels,
        "too few labels, or one of them twice",
    )
    return Problem(given["inputs"], given["target"], labels)


def arm_of(given: dict[str, Any], *, is_base: bool = False) -> Arm:
    """An arm.

    Raises:
        UserError: it uses a strategy that is not here.
        KeyError, TypeError, ValueError: a part is not there, or is not what it should be.
    """
    _text("an arm's name", given["id"])
    if _text("a strategy", given["strategy"]) not in strategies():
        raise UserError(
            say(
                "It uses the strategy {strategy!r}, which this program does not have. Update"
                " it, or install the plug-in that brings the strategy, then open it again.",
                strategy=given["strategy"],
            )
        )
    _whole("a version", given["strategy_version"])
    settings = given["settings"]
    _see(
        isinstance(settings, dict)
        and all(
            value is None or isinstance(value, bool) or _is_text(value) or _is_number(value)
            for value in settings.values()
        ),
        "settings",
    )
    for name, choices in CHOICES.items():
        _see(given.get(name, choices[0]) in choices, name)
    model, base = given["model"], given.get("base")
    if model:
        model = ModelRef(**model)
        _see(
            all(
                map(
                    _is_text, (model.name, model.digest, model.kind, model.speaks, model.supervised)
                )
            )
            and isinstance(model.entails, bool),
            "a model",
        )
    _see(base is None or not is_base, "the base of a base")
    return Arm(
        **{**given, "model": model or None, "base": arm_of(base, is_base=True) if base else None}
    )


def _see_rows(rows: Sequence[Example], where: str, problem: Problem) -> None:
    known, task, pair = set(problem.label_ids), task_of(problem), problem.inputs == "two texts"
    _see(len(rows) > 0, f"no row in the {where}")
    _see(
        len({e.row for e in rows}) == len(rows) and all(isinstance(e.row, int) for e in rows),
        f"a row of the {where} is there twice",
    )
    for e in rows:
        _see(
            known.issuperset(e.labels) and task.allows(e.labels),
            f"row {e.row}: labels that the study has not",
        )
        _see(e.text_b is not None or not pair, f"row {e.row}: one text where there should be two")
        _see(e.group is None or _is_text(e.group), f"row {e.row}: a group")
        if task.writes:
            _see(
                len(e.answer) == 1 and _is_text(e.answer[0]), f"row {e.row}: no text that is right"
            )
        if task.by_word:
            _see(_are_words(e), f"row {e.row}: words that are not in its text")
            spans = _are_answers(e, known) if task.alternatives else _are_spans(e, known)
            _see(spans, f"row {e.row}: spans that are not in its text")


def _are_words(e: Example) -> bool:
    """Whether the words of a row are (start, end) in its text, one after another."""
    return e.words is None or _in_order(e.words, len(e.text))


def _are_spans(e: Example, known: set[str]) -> bool:
    """Whether the answer of a row is (start, end, label) in its text, one after another."""
    return (
        all(isinstance(x, tuple) and len(x) == 3 and x[2] in known for x in e.answer)
        and _in_order([x[:2] for x in e.answer], len(e.text))
        and {x[2] for x in e.answer} == set(e.labels)
    )


def _are_answers(e: Example, known: set[str]) -> bool:
    """Whether each answer of a row is (start, end, label) in its text."""
    return all(
        isinstance(x, tuple) and len(x) == 3 and x[2] in known and _in_order([x[:2]], len(e.text))
        for x in e.answer
    ) and (not e.answer or {x[2] for x in e.answer} == set(e.labels))


def _in_order(places: Sequence[tuple[Any, ...]], end: int) -> bool:
    at = [x for place in places for x in place]
    return (
        all(isinstance(place, tuple) and len(place) == 2 for place in places)
        and all(type(x) is int for x in at)
        and at == sorted(at)
        and all(a < b for a, b in places)
        and (not at or (at[0] >= 0 and at[-1] <= end))
    )


def _see(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_guess(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"what", "value", "why", "option"}
        and all(map(_is_text, value.values()))
    )


def _text(what: str, value: Any) -> str:
    _see(_is_text(value) and (value != "" or what == "a label's name" or what == "name"), what)
    return value


def _texts(what: str, value: Any) -> tuple[str, ...]:
    _see(isinstance(value, (list, tuple)) and all(map(_is_text, value)), what)
    return tuple(value)


def _whole(what: str, value: Any) -> int:
    _see(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_SEED, what)
    return value


def _listed(what: str, value: Any) -> Iterable[Any]:
    _see(isinstance(value, list) and len(value) > 0, what)
    return value
