"""Break-even of training, the worth of a prompt in labels, and what more labels would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tl_core.analysis.decision.entries import Entry, of_arm
from tl_core.api.errors import UserError, raise_all, unknown
from tl_core.api.sentences import listed, say
from tl_core.statistics.advantage import Advantage, advantage
from tl_core.statistics.break_even import Band, BreakEven, band, break_even
from tl_core.statistics.curves import above
from tl_core.statistics.extrapolation import FARTHEST, Extrapolation, extrapolate
from tl_core.studies.plan import FIRST_SEED

# why a pair has no result
NO_COMMON_LABELS = "no number of labels in common"
NO_COMMON_SEEDS = "no seed in common"
TOO_FEW_ROWS = "too few test rows"


@dataclass(frozen=True)
class Against:
    """An arm that learns compared with another one: a level that needs no labels, or a curve at the
    same labels.
    """

    learner: str
    other: str
    level: bool
    labels: tuple[float, ...]  # those tried
    found: BreakEven | None
    advantage: (
        Advantage | None
        # labels the learner needs less, of two curves; None against a level, where it is the
        # break-even
    )
    refused: str = ""  # why nothing is found


@dataclass(frozen=True)
class Gain:
    """The effect of more labels on an arm."""

    arm: str
    labels: float  # the most tried
    score: float  # there, by the metric that sorts
    found: Extrapolation


def best_level(lines: tuple[Entry, ...]) -> Entry | None:
    """The line without labels that scored highest; None where there is none."""
    return max((x for x in lines if x.cell.shots == 0), key=lambda x: x.mean, default=None)


def learners(lines: tuple[Entry, ...]) -> list[str]:
    """Arms that learn from labels, in the order of their best lines."""
    return list(dict.fromkeys(x.arm for x in lines if x.learns))


def pair(lines: tuple[Entry, ...], a: str, b: str) -> Against:
    """Find the number of labels from which on b is better than a; where b learns nothing, a than b.

    Raises:
        UserError: no finished run of such an arm, twice the same arm, or neither of them learns
            from labels.
    """
    learner, other = _sides(lines, a, b)
    if other in learners(lines):
        return _against_curve(lines, learner, other)
    return against_level(lines, learner, of_arm(lines, other)[0])


def ahead(lines: tuple[Entry, ...], a: str, b: str) -> Band | None:
    """Return the lead of the learner of a `pair` over the other, at the labels tried and between
    them; None where that is refused.

    Raises:
        UserError: as `pair`.
    """
    learner, other = _sides(lines, a, b)
    level = None if other in learners(lines) else of_arm(lines, other)[0]
    held = _at_level(lines, learner, level) if level else _at_common(lines, learner, other)
    return None if held.refused else band(np.array(held.labels), held.D, **held.options)


@dataclass(frozen=True)
class _Held:
    """A learner compared with another arm: D (G, S, n) at rising numbers of labels."""

    labels: tuple[float, ...]
    refused: str = ""
    D: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    options: dict[str, Any] = field(
        default_factory=dict
    )  # overlap, design and usual spread, as the statistics take them


def _sides(lines: tuple[Entry, ...], a: str, b: str) -> tuple[str, str]:
    """(learner, the other one)"""
    known = list(dict.fromkeys(x.arm for x in lines))
    raise_all(
        unknown(say("arm with finished runs"), name, known) for name in (a, b) if name not in known
    )
    if a == b:
        raise UserError(say("{a} was named twice. Name two arms.", a=a))
    able = learners(lines)
    if a not in able and b not in able:
        raise UserError(
            say(
                "Neither {a} nor {b} was trained on labels here, so no number of labels can be"
                " found. Arms that were: {able}.",
                a=a,
                b=b,
                able=listed(able) if able else say("none"),
            )
        )
    return (b, a) if b in able else (a, b)


def against_level(
    lines: tuple[Entry, ...], learner: str, level: Entry, together: int = 1
) -> Against:
    """A curve compared with one line: that of a prompt, or of the constant answer with the fewest
    labels.

    Args:
        together: so many curves are compared with it, and the limits are to hold for all of them
            (Bonferroni).
    """
    held = _at_level(lines, learner, level)
    found = (
        None
        if held.refused
        else break_even(np.array(held.labels), held.D, level=1 - 0.05 / together, **held.options)
    )
    if found and level.once and all(x.once for x in _points(lines, learner)):
        found = replace(found, notes=())  # no seeds, so none are missing
    return Against(learner, level.arm, True, held.labels, found, None, held.refused)


def _at_level(lines: tuple[Entry, ...], learner: str, level: Entry) -> _Held:
    points = _points(lines, learner)
    labels = tuple(x.cell.labels for x in points)
    refused, seeds = _shared([*points, level])
    if refused:
        return _Held(labels, refused)
    return _Held(
        labels,
        "",
        above(_scores(points, seeds), _of_seeds(level, seeds), deterministic=level.once),
        _options(points, [level]),
    )


def _against_curve(lines: tuple[Entry, ...], learner: str, other: str) -> Against:
    held = _at_common(lines, learner, other)
    if held.refused:
        return Against(learner, other, False, held.labels, None, None, held.refused)
    found = break_even(np.array(held.labels), held.D, **held.options)
    mine, others = _points(lines, learner), _points(lines, other)
    _, seeds = _shared([*mine, *others])
    worth = advantage(
        np.array([x.cell.labels for x in mine]),
        _scores(mine, seeds),
        np.array([x.cell.labels for x in others]),
        _scores(others, seeds),
        overlap_a=_overlap(mine),
        overlap_b=_overlap(others),
        design=mine[0].design,
        usual_a=_usual(mine),
        usual_b=_usual(others),
    )
    return Against(learner, other, False, held.labels, found, worth)


def _at_common(lines: tuple[Entry, ...], learner: str, other: str) -> _Held:
    mine, others = ({x.cell.labels: x for x in _points(lines, arm)} for arm in (learner, other))
    labels = tuple(n for n in mine if n in others)
    if not labels:
        return _Held((), NO_COMMON_LABELS)
    refused, seeds = _shared([*mine.values(), *others.values()])
    if refused:
        return _Held(labels, refused)
    points = [mine[n] for n in labels]
    return _Held(
        labels,
        "",
        above(_scores(points, seeds), _scores([others[n] for n in labels], seeds)),
        _options(points, [others[n] for n in labels]),
    )


def gains(lines: tuple[Entry, ...]) -> tuple[Gain, ...]:
    """Every learning arm extrapolated to 2 and 4 times its labels, where its curve allows."""
    out = []
    for arm in learners(lines):
        points = _points(lines, arm)
        refused, seeds = _shared(points)
        if not refused:
            labels, scores = np.array([x.cell.labels for x in points]), _scores(points, seeds)
            found = extrapolate(
                labels, scores, labels[-1] * np.array([2.0, FARTHEST]), **_options(points)
            )
            out.append(
                Gain(arm, float(labels[-1]), points[-1].cell.measures[points[-1].by].value, found)
            )
    return tuple(out)


def _points(lines: tuple[Entry, ...], arm: str) -> list[Entry]:
    """A curve by rising labels; of two points at the same labels (k shots that are all there are),
    the first.
    """
    return list({x.cell.labels: x for x in reversed(of_arm(lines, arm)) if x.learns}.values())[::-1]


def _shared(points: Sequence[Entry]) -> tuple[str, list[int]]:
    """(why they cannot be compared with each other, the seeds all of them have); what has no seeds
    has any.
    """
    drawn = [set(x.cell.seeds) for x in points if not x.once]
    seeds = sorted(set.intersection(*drawn)) if drawn else [FIRST_SEED]
    return (
        ("" if seeds else NO_COMMON_SEEDS)
        if points[0].design.units(points[0].per_row.shape[1]) > 1
        else TOO_FEW_ROWS
    ), seeds


def _scores(points: Sequence[Entry], seeds: Sequence[int]) -> np.ndarray:
    """(G, S, n)"""
    return np.stack(
        [np.broadcast_to(_of_seeds(x, seeds), (len(seeds), x.per_row.shape[1])) for x in points]
    )


def _of_seeds(line: Entry, seeds: Sequence[int]) -> np.ndarray:
    """(S, n); of a line without seeds its one row."""
    return line.per_row if line.once else line.per_row[[line.cell.seeds.index(s) for s in seeds]]


def _overlap(points: Sequence[Entry]) -> np.ndarray:
    return np.array([x.overlap for x in points])


def _usual(points: Sequence[Entry]) -> np.ndarray:
    return np.array([x.cell.usual for x in points])


def _options(points: Sequence[Entry], others: Sequence[Entry] = ()) -> dict:
    """As the statistics take them; `others`: what the points are compared with, one for all or one
    each.
    """
    usual = _usual(points) + (_usual(others) if len(others) else 0.0)
    return {"overlap": _overlap(points), "design": points[0].design, "usual": usual}
