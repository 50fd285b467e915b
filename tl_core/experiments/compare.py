"""From finished runs to an honest comparison: a pure function of stored per-item scores.

Every mean carries the crossed seed x item interval of `tl_core.statistics`, and the leaderboard says which
lines could be the best instead of ranking noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tl_core.experiments.plan import Plan
from tl_core.statistics.best_set import best_set
from tl_core.statistics.crossed import difference_interval, mean_interval
from tl_core.statistics.intervals import FAILED_RUNS, Interval
from tl_core.statistics.metrics_f1 import macro_f1_interval, macro_f1_pseudo
from tl_core.tasks import task_of
from tl_core.types import Arm, RunResult, RunSpec

CONSTANT = "majority"  # answers the same for every row, so it says nothing about any


@dataclass(frozen=True)
class Cell:
    """An arm at a number of shots: its runs and what they say together."""

    arm: str
    strategy: str
    shots: int | None
    seeds: tuple[int, ...]  # of the finished runs, in order
    runs: tuple[str, ...]
    accuracy: Interval
    macro_f1: Interval
    labels: float  # rows labelled for it, to train on or to choose settings by; mean over runs
    fit_seconds: float  # mean over runs
    predict_seconds: float
    peak_bytes: float
    trainable_parameters: int
    failed: int
    collapsed: int = 0  # runs that did not train; they are in every mean
    mean_trained: dict[str, float] = field(default_factory=dict)  # accuracy and macro-F1 of the runs that trained, where some did not
    could_be_best: bool = False
    budget: dict[str, float] = field(default_factory=dict)  # rows and texts by what they were used for, as in `RunResult`; means over runs

    @property
    def shots_name(self) -> int | str:
        return "all" if self.shots is None else self.shots


@dataclass(frozen=True)
class Comparison:
    """A leaderboard with intervals, the lines that could be the best, and differences to the leading one."""

    metric: str  # "accuracy" or "macro_f1": by which it is sorted
    why_metric: str
    cells: tuple[Cell, ...]  # best first
    best: tuple[tuple[str, int | None], ...]  # (arm, shots)
    differences: dict[tuple[str, int | None], Interval]  # leading cell minus this one, paired
    notes: tuple[str, ...]
    chance: float  # share of the largest class in the test rows

    def cell(self, arm: str, shots: int | None) -> Cell | None:
        return next((c for c in self.cells if (c.arm, c.shots) == (arm, shots)), None)


def run_metrics(plan: Plan, result: RunResult) -> dict[str, Interval]:
    """Accuracy and macro-F1 of one run, with intervals over the test rows."""
    task, split = task_of(plan.study.problem), plan.study.split
    gold = task.gold(plan.study.problem, split.test)
    scores = result.scores[None]
    return {
        "accuracy": mean_interval(task.correct(gold, scores)),
        "macro_f1": macro_f1_interval(gold, task.decide(scores), len(plan.study.problem.labels)),
    }


def compare(plan: Plan, results: Mapping[str, RunResult]) -> Comparison:
    """Put finished runs side by side. Runs that failed are counted, never averaged in or silently left out."""
    problem, split = plan.study.problem, plan.study.split
    task, n_labels = task_of(problem), len(problem.labels)
    gold = task.gold(problem, split.test)
    groups: dict[tuple[str, int | None], list[RunSpec]] = {}
    for spec in plan.specs:
        groups.setdefault((spec.arm.id, spec.shots), []).append(spec)
    cells, right, pseudo = [], {}, {}
    for key, specs in groups.items():
        done = [s for s in specs if s.id in results and results[s.id].status == "done"]
        if not done:
            continue
        scores = np.stack([results[s.id].scores for s in done])  # (S, n, C)
        right[key] = task.correct(gold, scores)
        decided = task.decide(scores)
        pseudo[key] = macro_f1_pseudo(gold, decided, n_labels)
        cells.append(_cell(key, specs, done, results, right[key], gold, decided, n_labels, _overlap(plan, done)))
    metric, why = _metric(gold)
    cells.sort(key=lambda c: (-getattr(c, metric).value, c.labels, c.fit_seconds))
    per_item = right if metric == "accuracy" else pseudo
    best, reasons = _best(cells, per_item, plan) if cells else ([], [])
    cells = [_marked(c, (c.arm, c.shots) in best) for c in cells]
    return Comparison(metric, why, tuple(cells), tuple(best), _differences(cells, per_item, len(split.pool)), tuple(dict.fromkeys(reasons)), chance(gold))


def deterministic(cell: Cell) -> bool:
    """Whether the same rows always give the same scores: no draw of rows, no random weights."""
    return cell.shots == 0


def _cell(key, specs, done, results, right, gold, decided, n_labels, overlap) -> Cell:
    once = key[1] == 0
    finished = [results[s.id] for s in done]
    trained = np.array([not r.collapsed for r in finished])
    cell = Cell(
        arm=key[0], strategy=specs[0].arm.strategy, shots=key[1], seeds=tuple(s.seed for s in done), runs=tuple(s.id for s in done),
        accuracy=mean_interval(right, overlap=overlap, deterministic=once),
        macro_f1=macro_f1_interval(gold, decided, n_labels, overlap=overlap, deterministic=once),
        labels=float(np.mean([_labels(r, specs[0].arm) for r in finished])),
        fit_seconds=float(np.mean([r.seconds.get("fit", 0.0) for r in finished])),
        predict_seconds=float(np.mean([r.seconds.get("predict", 0.0) for r in finished])),
        peak_bytes=float(np.mean([r.peak_bytes or 0 for r in finished])),
        trainable_parameters=int(finished[0].trainable_parameters or 0),
        failed=sum(s.id in results and results[s.id].status == "failed" for s in specs),
        collapsed=int((~trained).sum()),
        budget={name: float(np.mean([r.budget.get(name, 0) for r in finished])) for name in dict.fromkeys(n for r in finished for n in r.budget)},
    )  # fmt: skip
    if trained.all():
        return cell
    kept = {"accuracy": float(right[trained].mean()), "macro_f1": macro_f1_interval(gold, decided[trained], n_labels).value} if trained.any() else {}
    return replace(cell, accuracy=_badged(cell.accuracy), macro_f1=_badged(cell.macro_f1), mean_trained=kept)


def _badged(interval: Interval) -> Interval:
    """Runs that trained and runs that did not are two kinds: no interval over both holds the truth as often as it says."""
    return replace(interval, notes=(*interval.notes, FAILED_RUNS))


def _labels(result: RunResult, arm: Arm) -> int:
    """What was labelled to have this run, selection included. An oracle's labels are beyond any budget: its arm is marked optimistic instead."""
    return result.budget.get("train", 0) + (0 if arm.selection == "oracle" else result.budget.get("selection", 0))


def _overlap(plan: Plan, done: list[RunSpec]) -> float:
    """Share of the pool that one sample takes. All of it is no sample: then only initial weights and order vary."""
    if done[0].shots is None:
        return 0.0
    return float(np.mean([len(s.train) for s in done])) / len(plan.study.split.pool)


def _metric(gold: np.ndarray) -> tuple[str, str]:
    counts = np.bincount(gold) if gold.ndim == 1 else gold.sum(0)
    smallest, largest = counts.min(), counts.max()
    if gold.ndim == 1 and largest <= 2 * max(1, smallest):
        return "accuracy", f"accuracy, because the labels are about balanced in the test rows ({smallest} to {largest} rows each)"
    return "macro_f1", f"macro-F1, because the labels are not balanced in the test rows ({smallest} to {largest} rows each) and accuracy would favour the large ones"


def commonest(gold: np.ndarray) -> np.ndarray:
    """The commonest label, or set of labels, of the test rows as the answer to all of them; shaped as gold."""
    values, counts = np.unique(gold, axis=0, return_counts=True)
    return np.broadcast_to(values[counts.argmax()], gold.shape)


def chance(gold: np.ndarray) -> float:
    """Accuracy of the commonest answer."""
    same = commonest(gold) == gold
    return float(same.reshape(len(gold), -1).all(1).mean())


def _best(cells: list[Cell], per_item: dict, plan: Plan):
    names = {f"{c.arm} at {c.shots_name}": (c.arm, c.shots) for c in cells}
    back = {key: name for name, key in names.items()}
    scores = {back[c.arm, c.shots]: per_item[c.arm, c.shots] for c in cells}
    seeds = {back[c.arm, c.shots]: c.seeds for c in cells}
    once = {back[c.arm, c.shots] for c in cells if deterministic(c)}
    pool = len(plan.study.split.pool)
    overlap = {back[c.arm, c.shots]: share(c, pool) for c in cells}
    chosen, reasons = best_set(scores, once, overlap=overlap, seeds=seeds)
    return [names[name] for name in chosen], reasons


def _differences(cells: list[Cell], per_item: dict, pool: int) -> dict[tuple[str, int | None], Interval]:
    """Leading cell minus each other one, on the seeds they share."""
    out: dict[tuple[str, int | None], Interval] = {}
    if not cells:
        return out
    lead = cells[0]
    for cell in cells[1:]:
        a, b = per_item[cell.arm, cell.shots], per_item[lead.arm, lead.shots]
        a_once, b_once = deterministic(cell), deterministic(lead)
        if not a_once and not b_once:
            common = [s for s in lead.seeds if s in cell.seeds]
            if not common:
                continue
            a, b = a[[cell.seeds.index(s) for s in common]], b[[lead.seeds.index(s) for s in common]]
        overlap = max(share(cell, pool), share(lead, pool))
        out[cell.arm, cell.shots] = difference_interval(a, b, a_deterministic=a_once, b_deterministic=b_once, overlap=overlap)
    return out


def share(cell: Cell, pool: int) -> float:
    """Share of the pool that one sample of the cell takes; all of it is no sample."""
    return 0.0 if cell.shots is None else cell.labels / pool


def _marked(cell: Cell, could_be_best: bool) -> Cell:
    return replace(cell, could_be_best=could_be_best)


def plain(interval: Interval, **more) -> dict:
    """As it stands in study.json; what is not finite is null."""
    number = lambda x: float(x) if math.isfinite(x) else None  # noqa: E731
    return {"value": number(interval.value), "low": number(interval.low), "high": number(interval.high), "n": interval.n, **more}
