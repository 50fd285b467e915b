"""From finished runs to an honest comparison: a pure function of stored per-item scores.

Every mean carries the crossed seed x item interval of `tl_core.statistics`. Which arms could be the best is asked of each at
the most labels it was given, and which could be the best at a number of labels of those that had no more: asked of all lines
together, so many comparisons would have to be allowed for that nothing could ever be left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tl_core.experiments import arms as of_arm
from tl_core.experiments.plan import Plan
from tl_core.statistics.best_set import best_set
from tl_core.statistics.crossed import difference_interval, mean_interval, spread_seen
from tl_core.statistics.design import PLAIN, Design, Spread, groups_of, pooled_spread, usual_variance
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
    could_be_best: bool = False  # of all arms, each with the most labels it was given; False for a line with fewer
    best_at_shots: bool = False  # of all lines with as many labels a class, or none
    once: bool = False  # the same rows always give the same scores: no draw of rows, no random weights
    usual: float = 0.0  # variance between draws of as many labels, as it usually is
    text_seconds: float | None = None  # that a text never read before takes, the model in memory; of the arm's kept run
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
    best: tuple[tuple[str, int | None], ...]  # (arm, shots) of the arms that could be the best, at the most labels each was given
    differences: dict[tuple[str, int | None], Interval]  # leading cell minus this one, paired
    notes: tuple[str, ...]
    chance: float  # share of the largest class in the test rows
    design: Design = PLAIN  # which test rows belong together, and how much draws vary in this study

    def cell(self, arm: str, shots: int | None) -> Cell | None:
        return next((c for c in self.cells if (c.arm, c.shots) == (arm, shots)), None)


def run_metrics(plan: Plan, result: RunResult) -> dict[str, Interval]:
    """Accuracy and macro-F1 of one run, with intervals over the test rows."""
    task, split = task_of(plan.study.problem), plan.study.split
    gold = task.gold(plan.study.problem, split.test)
    scores, design = result.scores[None], grouping(plan)
    return {
        "accuracy": mean_interval(task.correct(gold, scores), design=design),
        "macro_f1": macro_f1_interval(gold, task.decide(scores), len(plan.study.problem.labels), design=design),
    }


def grouping(plan: Plan) -> Design:
    """Which test rows belong together, as their groups were given."""
    return Design(groups_of([e.group for e in plan.study.split.test]))


def compare(plan: Plan, results: Mapping[str, RunResult]) -> Comparison:
    """Put finished runs side by side. Runs that failed are counted, never averaged in or silently left out."""
    problem, split = plan.study.problem, plan.study.split
    task, n_labels = task_of(problem), len(problem.labels)
    gold = task.gold(problem, split.test)
    groups: dict[tuple[str, int | None], list[RunSpec]] = {}
    for spec in plan.specs:
        groups.setdefault((spec.arm.id, spec.shots), []).append(spec)
    cells, right, pseudo = [], {}, {}
    design = grouping(plan)
    for key, specs in groups.items():
        done = [s for s in specs if s.id in results and results[s.id].status == "done"]
        if not done:
            continue
        scores = np.stack([results[s.id].scores for s in done])  # (S, n, C)
        right[key] = task.correct(gold, scores)
        decided = task.decide(scores)
        pseudo[key] = macro_f1_pseudo(gold, decided, n_labels)
        cells.append(_cell(key, specs, done, results, right[key], gold, decided, n_labels, _overlap(plan, done), design))
    timed = [(s.arm.id, results[s.id].seconds["a_text"]) for s in plan.specs if s.id in results and "a_text" in results[s.id].seconds]
    a_text = {arm: float(np.mean([x for of, x in timed if of == arm])) for arm, _ in timed}
    metric, why = _metric(gold)
    cells.sort(key=lambda c: (-getattr(c, metric).value, c.labels, c.fit_seconds))
    per_item = right if metric == "accuracy" else pseudo
    design = replace(design, spread=_spread(cells, per_item, design))
    weighed = _Weighed(cells, per_item, len(split.pool), design)
    most = {c.arm: c for c in sorted(cells, key=lambda c: c.labels)}
    best, reasons = weighed.best([c for c in cells if c is most[c.arm]]) if cells else ([], [])
    at_shots = {key for shots in {c.shots for c in cells} for key in weighed.best([c for c in cells if c.shots in (shots, 0)])[0] if key[1] == shots}
    cells = [replace(c, could_be_best=(c.arm, c.shots) in best, best_at_shots=(c.arm, c.shots) in at_shots, text_seconds=a_text.get(c.arm)) for c in cells]
    return Comparison(metric, why, tuple(cells), tuple(best), weighed.behind(), tuple(dict.fromkeys(reasons)), chance(gold), design)


def deterministic(cell: Cell) -> bool:
    """Whether the same rows always give the same scores: no draw of rows, no random weights."""
    return cell.once


def _spread(cells: Sequence[Cell], per_item: Mapping, design: Design) -> Spread | None:
    """What the lines that were drawn more than once say together of the variance between draws."""
    drawn = [c for c in cells if not c.once and len(c.seeds) > 1]
    if not drawn:
        return None
    seen = [spread_seen(per_item[c.arm, c.shots], design) for c in drawn]
    arms, shots = ({getattr(c, of) for c in drawn} for of in ("arm", "shots"))
    return pooled_spread([v for v, _ in seen], [c.usual + rest for c, (_, rest) in zip(drawn, seen)], [len(c.seeds) for c in drawn], len(arms) + len(shots) - 2)


def _cell(key, specs, done, results, right, gold, decided, n_labels, overlap, design) -> Cell:
    once = not of_arm.draws(specs[0].arm, key[1])
    finished = [results[s.id] for s in done]
    trained = np.array([not r.collapsed for r in finished])
    cell = Cell(
        arm=key[0], strategy=specs[0].arm.strategy, shots=key[1], seeds=tuple(s.seed for s in done), runs=tuple(s.id for s in done),
        accuracy=mean_interval(right, overlap=overlap, deterministic=once, design=design),
        macro_f1=macro_f1_interval(gold, decided, n_labels, overlap=overlap, deterministic=once, design=design),
        labels=(labels := float(np.mean([_labels(r, specs[0].arm) for r in finished]))),
        fit_seconds=float(np.mean([r.seconds.get("fit", 0.0) for r in finished])),
        predict_seconds=float(np.mean([r.seconds.get("predict", 0.0) for r in finished])),
        peak_bytes=float(np.mean([r.peak_bytes or 0 for r in finished])),
        trainable_parameters=int(finished[0].trainable_parameters or 0),
        failed=sum(s.id in results and results[s.id].status == "failed" for s in specs),
        collapsed=int((~trained).sum()), once=once, usual=0.0 if once else usual_variance(labels / n_labels if key[1] is None else key[1]),
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


@dataclass(frozen=True)
class _Weighed:
    """Lines with the score of every test row, to be held against each other."""

    cells: Sequence[Cell]
    per_item: Mapping[tuple[str, int | None], np.ndarray]
    pool: int
    design: Design

    def best(self, cells: Sequence[Cell]) -> tuple[list[tuple[str, int | None]], list[str]]:
        """(arm, shots) of those among `cells` that could be the best of them, and sentences."""
        names = {f"{c.arm} at {c.shots_name}": c for c in cells}
        chosen, reasons = best_set(
            {name: self.per_item[c.arm, c.shots] for name, c in names.items()},
            {name for name, c in names.items() if c.once},
            overlap={name: share(c, self.pool) for name, c in names.items()},
            seeds={name: c.seeds for name, c in names.items()},
            design=self.design,
            usual={name: c.usual for name, c in names.items()},
        )
        return [(names[name].arm, names[name].shots) for name in chosen], reasons

    def behind(self) -> dict[tuple[str, int | None], Interval]:
        """Leading cell minus each other one, on the seeds they share."""
        out: dict[tuple[str, int | None], Interval] = {}
        for cell in self.cells[1:]:
            lead = self.cells[0]
            a, b = self.per_item[cell.arm, cell.shots], self.per_item[lead.arm, lead.shots]
            if not cell.once and not lead.once:
                common = [s for s in lead.seeds if s in cell.seeds]
                if not common:
                    continue
                a, b = a[[cell.seeds.index(s) for s in common]], b[[lead.seeds.index(s) for s in common]]
            overlap = max(share(cell, self.pool), share(lead, self.pool))
            out[cell.arm, cell.shots] = difference_interval(
                a, b, a_deterministic=cell.once, b_deterministic=lead.once, overlap=overlap, design=self.design, usual=cell.usual + lead.usual
            )
        return out


def share(cell: Cell, pool: int) -> float:
    """Share of the pool that one sample of the cell takes; all of it is no sample."""
    return 0.0 if cell.shots is None else cell.labels / pool


def plain(interval: Interval, **more) -> dict:
    """As it stands in study.json; what is not finite is null."""
    number = lambda x: float(x) if math.isfinite(x) else None  # noqa: E731
    return {"value": number(interval.value), "low": number(interval.low), "high": number(interval.high), "n": interval.n, **more}
