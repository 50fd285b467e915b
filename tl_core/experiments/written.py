"""A study as plain values, and back. What comes back may have been written by anybody: every part of it is looked at before it is
used, and whatever is not as this program writes it is a ValueError.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import numpy as np

from tl_core.errors import UserError
from tl_core.experiments.arms import Recipe
from tl_core.experiments.plan import Study
from tl_core.params import declared
from tl_core.strategies import strategies
from tl_core.types import Arm, Example, Inputs, Label, ModelRef, Problem, RunResult, Split, Status, Target

MOST_SEED = 2**63
RESULT_FIELDS = {f.name for f in dataclasses.fields(RunResult)} - {"scores"}
CHOICES = {s["name"]: s["choices"] for s in declared(Recipe)}  # of what stands around a strategy


def plain(study: Study) -> dict[str, Any]:
    """Everything but the rows."""
    return {
        "name": study.name,
        "problem": dataclasses.asdict(study.problem),
        "arms": [dataclasses.asdict(arm) for arm in study.arms],
        "shots": ["all" if s is None else s for s in study.shots],
        "seeds": list(study.seeds),
        "model_folders": study.model_folders,
        "dropped": study.split.dropped,
        "carried": {arm: [["all" if shots is None else shots, seed] for shots, seed in cells] for arm, cells in study.carried.items()},
        "not_asked": list(study.not_asked),
        "seen": list(study.seen),
    }


def study_of(asked: dict[str, Any], pool: tuple[Example, ...], test: tuple[Example, ...]) -> Study:
    """The study.

    Raises:
        UserError: it uses a strategy that is not here.
        KeyError, TypeError, ValueError, AttributeError: a part is not there, or is not what it should be.
    """
    problem = _problem(asked["problem"])
    arms = tuple(_arm(arm) for arm in _listed("arms", asked["arms"]))
    _see(len({arm.id for arm in arms}) == len(arms), "two arms have one name")
    shots = tuple(None if s == "all" else _whole("shots", s) for s in _listed("shots", asked["shots"]))
    seeds = tuple(_whole("a seed", s) for s in _listed("seeds", asked["seeds"]))
    _see(len(set(shots)) == len(shots) and len(set(seeds)) == len(seeds), "shots or seeds are there twice")
    folders = asked["model_folders"]
    _see(isinstance(folders, dict) and all(map(_is_text, (*folders, *folders.values()))), "model_folders are no folders")
    for rows, where in ((pool, "pool"), (test, "test")):
        _see_rows(rows, where, problem)
    split = Split(test, pool, _whole("dropped", asked["dropped"]))
    carried = _carried(asked.get("carried", {}), arms)
    not_asked, seen = _texts("not_asked", asked.get("not_asked", [])), _texts("seen", asked.get("seen", []))
    _see(set(not_asked) <= carried.keys(), "arms that were not asked for")
    return Study(_text("name", asked["name"]), problem, split, arms, shots, seeds, folders, carried, not_asked, seen)


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
    _see(all(isinstance(x, (int, float)) for x in given["curve"]) and isinstance(given["curve"], list), "curve")
    _texts("notes", given["notes"])
    cuts = given.get("cuts", [])
    _see(isinstance(cuts, list) and all(map(_is_number, cuts)), "cuts")
    if given["status"] == "done":
        _see(scores is not None and scores.ndim == 2 and scores.dtype.kind == "f" and bool(np.isfinite(scores).all()), "scores")
    return RunResult(**{**given, "scores": scores, "curve": tuple(given["curve"]), "notes": tuple(given["notes"]), "cuts": tuple(cuts)})


def dataset_of(record: Any) -> dict[str, Any]:
    """What study.json says of the file that the study was made from, as far as it is what it should be."""
    given = record.get("dataset") if isinstance(record, dict) else None
    if not isinstance(given, dict):
        return {}
    lists = {"guesses": _is_guess, "notes": _is_text, "tokens": lambda token: isinstance(token, dict) and _is_text(token.get("sentence") or "")}
    kept = {name: [item for item in given[name] if fits(item)] for name, fits in lists.items() if isinstance(given.get(name), list)}
    kept |= {name: given[name] for name in ("source", "test_file") if _is_text(given.get(name))}
    if isinstance(given.get("columns"), dict):
        kept["columns"] = {role: column for role, column in given["columns"].items() if column is None or _is_text(column)}
    return kept | ({"unlabelled": given["unlabelled"]} if _is_number(given.get("unlabelled")) else {})


def _carried(given: Any, arms: Sequence[Arm]) -> dict[str, tuple[tuple[int | None, int], ...]]:
    """What was finished before a further comparison: (shots, seed) by arm. Studies of older programs have none."""
    _see(isinstance(given, dict) and given.keys() <= {arm.id for arm in arms}, "what was finished before")
    cells = {arm: _listed("what was finished before", given[arm]) for arm in given}
    _see(all(isinstance(cell, list) and len(cell) == 2 for some in cells.values() for cell in some), "what was finished before")
    return {arm: tuple((None if shots == "all" else _whole("shots", shots), _whole("a seed", seed)) for shots, seed in some) for arm, some in cells.items()}


# --- parts ---------------------------------------------------------------------------------------------


def _problem(given: dict[str, Any]) -> Problem:
    _see(given["inputs"] in get_args(Inputs) and given["target"] in get_args(Target), "what goes in or comes out")
    labels = tuple(
        Label(_text("a label", x["id"]), _text("a label's name", x["name"]), _texts("descriptions", x["descriptions"]), _texts("words", x["words"]))
        for x in _listed("labels", given["labels"])
    )
    _see(len({x.id for x in labels}) == len(labels) > 1, "fewer than two labels, or one of them twice")
    return Problem(given["inputs"], given["target"], labels)


def _arm(given: dict[str, Any], *, is_base: bool = False) -> Arm:
    _text("an arm's name", given["id"])
    if _text("a strategy", given["strategy"]) not in strategies():
        raise UserError(f"It uses the strategy {given['strategy']!r}, which this program does not have. Update, then open it again.")
    _whole("a version", given["strategy_version"])
    settings = given["settings"]
    _see(isinstance(settings, dict) and all(value is None or isinstance(value, bool) or _is_text(value) or _is_number(value) for value in settings.values()), "settings")
    for name, choices in CHOICES.items():
        _see(given.get(name, choices[0]) in choices, name)
    model, base = given["model"], given.get("base")
    if model:
        model = ModelRef(**model)
        _see(all(map(_is_text, (model.name, model.digest, model.kind, model.speaks, model.supervised))) and isinstance(model.entails, bool), "a model")
    _see(base is None or not is_base, "the base of a base")
    return Arm(**{**given, "model": model or None, "base": _arm(base, is_base=True) if base else None})


def _see_rows(rows: Sequence[Example], where: str, problem: Problem) -> None:
    known, one, pair = set(problem.label_ids), problem.target == "one label", problem.inputs == "two texts"
    _see(len(rows) > 0, f"no row in the {where}")
    _see(len({e.row for e in rows}) == len(rows) and all(isinstance(e.row, int) for e in rows), f"a row of the {where} is there twice")
    for e in rows:
        _see(known.issuperset(e.labels) and (len(e.labels) == 1 or not one), f"row {e.row}: labels that the study has not")
        _see(e.text_b is not None or not pair, f"row {e.row}: one text where there should be two")
        _see(e.group is None or _is_text(e.group), f"row {e.row}: a group")


def _see(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_guess(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"what", "value", "why", "option"} and all(map(_is_text, value.values()))


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
