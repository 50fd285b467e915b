"""From finished runs to an honest comparison: a pure function of stored per-item scores.

Every mean carries the crossed seed x item interval of `tl_core.statistics`. Which arms could be the
best is asked of each at the most labels it was given, and which could be the best at a number of
labels of those that had no
more: asked of all lines
together, so many comparisons would have to be allowed for that nothing could ever be left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tl_core.api.task import Measure
from tl_core.api.types import Arm, Problem, RunResult, RunSpec
from tl_core.statistics.best_set import Contender, best_set
from tl_core.statistics.crossed import difference_interval, spread_seen
from tl_core.statistics.design import (
    PLAIN,
    Design,
    Spread,
    groups_of,
    pooled_spread,
    usual_variance,
)
from tl_core.statistics.intervals import FAILED_RUNS, Interval
from tl_core.studies import arms as of_arm
from tl_core.studies.plan import Plan
from tl_core.tasks import task_of

CONSTANT = "majority"  # answers the same for every row, so it says nothing about any


@dataclass(frozen=True)
class Cell:
    """An arm at a number of shots: its runs and what they say together."""

    arm: str
    strategy: str
    shots: int | None
    seeds: tuple[int, ...]  # of the finished runs, in order
    runs: tuple[str, ...]
    measures: dict[str, Interval]  # by the id of the task's measures
    labels: float  # rows labelled for it, to train on or to choose settings by; mean over runs
    fit_seconds: float  # mean over runs
    predict_seconds: float
    peak_bytes: float
    trainable_parameters: int
    failed: int
    collapsed: int = 0  # runs that did not train; they are in every mean
    mean_trained: dict[str, float] = field(
        default_factory=dict
    )  # the measures of the runs that trained, where some did not
    could_be_best: bool = (
        False  # of all arms, each with the most labels it was given; False for a line with fewer
    )
    best_at_shots: bool = False  # of all lines with as many labels a class, or none
    once: bool = (
        False  # the same rows always give the same scores: no draw of rows, no random weights
    )
    usual: float = 0.0  # variance between draws of as many labels, as it usually is
    text_seconds: float | None = (
        None  # that a text never read before takes, the model in memory; of the arm's kept run
    )
    # (median, 95th percentile) of the seconds of such a text that is asked alone
    alone_seconds: tuple[float, float] | None = None
    alone: tuple[float, ...] = ()  # of each of the first test rows; means over the arm's kept runs
    per: str = "class"  # what a number of shots counts, see `Task.shots_per`
    budget: dict[str, float] = field(
        default_factory=dict
    )  # rows and texts by what they were used for, as in `RunResult`; means over runs

    @property
    def shots_name(self) -> int | str:
        """Return the number of shots, or "all" where it is None."""
        return "all" if self.shots is None else self.shots


@dataclass(frozen=True)
class Comparison:
    """A leaderboard with intervals, the lines that could be the best, and differences to the
    leading one.
    """

    metric: str  # id of the measure by which it is sorted
    why_metric: str
    cells: tuple[Cell, ...]  # best first
    best: tuple[
        tuple[str, int | None], ...
    ]  # (arm, shots) of the arms that could be the best, at the most labels each was given
    differences: dict[tuple[str, int | None], Interval]  # leading cell minus this one, paired
    notes: tuple[str, ...]
    problem: Problem
    chance: float  # what the best answer that is the same for all has, by the task's first measure
    design: Design = PLAIN  # which test rows belong together, and how much draws vary in this study
    arms: tuple[tuple[str, str], ...] = ()  # (id, strategy) of all that were asked for, in order

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Return the task's measures."""
        return task_of(self.problem).measures

    def cell(self, arm: str, shots: int | None) -> Cell | None:
        """Return the line of an arm at so many shots; None where there is none."""
        return next((c for c in self.cells if (c.arm, c.shots) == (arm, shots)), None)


def run_metrics(plan: Plan, result: RunResult) -> dict[str, Interval]:
    """Every measure of one run, with intervals over the test rows."""
    problem, design = plan.study.problem, grouping(plan)
    task = task_of(problem)
    gold, decided = task.gold(problem, plan.study.split.test), task.decide(result.test_scores[None])
    return {m.id: m.interval(problem, gold, decided, design=design) for m in task.measures}


def grouping(plan: Plan) -> Design:
    """Return the design of the test rows: which belong together, as their groups were given."""
    return Design(groups_of([e.group for e in plan.study.split.test]))


def compare(plan: Plan, results: Mapping[str, RunResult]) -> Comparison:
    """Put finished runs side by side. Runs that failed are counted, never averaged in or silently
    left out.
    """
    problem, split = plan.study.problem, plan.study.split
    task = task_of(problem)
    gold = task.gold(problem, split.test)
    groups: dict[tuple[str, int | None], list[RunSpec]] = {}
    for spec in plan.specs:
        groups.setdefault((spec.arm.id, spec.shots), []).append(spec)
    metric, why = task.sorts(gold, len(problem.labels))
    cells, per_item = [], {}
    design = grouping(plan)
    for key, specs in groups.items():
        done = [s for s in specs if s.id in results and results[s.id].status == "done"]
        if not done:
            continue
        scores = task.stacked([results[s.id].test_scores for s in done])  # (S, n, C)
        decided = task.decide(scores)
        per_item[key] = task.measure(metric).rows(problem, gold, decided)
        cells.append(
            _cell(key, specs, done, results, gold, decided, problem, _overlap(plan, done), design)
        )
    a_text, p50, p95 = (_seconds(plan, results, of) for of in ("a_text", "one_p50", "one_p95"))
    cells.sort(key=lambda c: (-c.measures[metric].value, c.labels, c.fit_seconds))
    design = replace(design, spread=_spread(cells, per_item, design))
    weighed = _Weighed(
        cells, per_item, len(split.pool), design, task.measure(metric).scale(problem)
    )
    most = {c.arm: c for c in sorted(cells, key=lambda c: c.labels)}
    best, reasons = weighed.best([c for c in cells if c is most[c.arm]]) if cells else ([], [])
    at_shots = {
        key
        for shots in {c.shots for c in cells}
        for key in weighed.best([c for c in cells if c.shots in (shots, 0)])[0]
        if key[1] == shots
    }
    cells = [
        replace(
            c,
            could_be_best=(c.arm, c.shots) in best,
            best_at_shots=(c.arm, c.shots) in at_shots,
            text_seconds=a_text.get(c.arm),
            alone_seconds=(p50[c.arm], p95[c.arm]) if c.arm in p50 and c.arm in p95 else None,
            alone=_alone(c.arm, plan, results),
        )
        for c in cells
    ]
    return Comparison(
        metric,
        why,
        tuple(cells),
        tuple(best),
        weighed.behind(),
        tuple(dict.fromkeys(reasons)),
        problem,
        chance(problem, gold),
        design,
        tuple((arm.id, arm.strategy) for arm in plan.study.arms),
    )


def _seconds(plan: Plan, results: Mapping[str, RunResult], of: str) -> dict[str, float]:
    """Seconds of each arm that were measured with a run of it; means over runs."""
    timed = [
        (s.arm.id, results[s.id].seconds[of])
        for s in plan.specs
        if s.id in results and of in results[s.id].seconds
    ]
    return {arm: float(np.mean([x for a, x in timed if a == arm])) for arm, _ in timed}


def _alone(arm: str, plan: Plan, results: Mapping[str, RunResult]) -> tuple[float, ...]:
    """Seconds of each test row that was asked alone; means over runs, as far as all of them go."""
    found = [results[s.id].alone for s in plan.specs if s.arm.id == arm and s.id in results]
    timed = [seconds for seconds in found if seconds]
    return tuple(float(np.mean(row)) for row in zip(*timed))


def _spread(cells: Sequence[Cell], per_item: Mapping, design: Design) -> Spread | None:
    """Pool the variance between draws over the lines that were drawn more than once."""
    drawn = [c for c in cells if not c.once and len(c.seeds) > 1]
    if not drawn:
        return None
    seen = [spread_seen(per_item[c.arm, c.shots], design) for c in drawn]
    arms, shots = ({getattr(c, of) for c in drawn} for of in ("arm", "shots"))
    return pooled_spread(
        [v for v, _ in seen],
        [c.usual + rest for c, (_, rest) in zip(drawn, seen)],
        [len(c.seeds) for c in drawn],
        len(arms) + len(shots) - 2,
    )


def _cell(key, specs, done, results, gold, decided, problem, overlap, design) -> Cell:
    task = task_of(problem)
    once = not of_arm.draws(specs[0].arm, key[1])
    finished = [results[s.id] for s in done]
    trained = np.array([not r.collapsed for r in finished])
    cell = Cell(
        arm=key[0],
        strategy=specs[0].arm.strategy,
        shots=key[1],
        seeds=tuple(s.seed for s in done),
        runs=tuple(s.id for s in done),
        measures={
            m.id: m.interval(
                problem, gold, decided, overlap=overlap, deterministic=once, design=design
            )
            for m in task.measures
        },
        labels=(labels := float(np.mean([_labels(r, specs[0].arm) for r in finished]))),
        fit_seconds=float(np.mean([r.seconds.get("fit", 0.0) for r in finished])),
        predict_seconds=float(np.mean([r.seconds.get("predict", 0.0) for r in finished])),
        peak_bytes=float(np.mean([r.peak_bytes or 0 for r in finished])),
        trainable_parameters=int(finished[0].trainable_parameters or 0),
        failed=sum(s.id in results and results[s.id].status == "failed" for s in specs),
        collapsed=int((~trained).sum()),
        once=once,
        per=task.shots_per,
        usual=0.0
        if once
        else usual_variance(labels / len(problem.labels) if key[1] is None else key[1]),
        budget={
            name: float(np.mean([r.budget.get(name, 0) for r in finished]))
            for name in dict.fromkeys(n for r in finished for n in r.budget)
        },
    )
    if trained.all():
        return cell
    kept = (
        {m.id: m.interval(problem, gold, decided[trained]).value for m in task.measures}
        if trained.any()
        else {}
    )
    badged = {name: _badged(x) for name, x in cell.measures.items()}
    return replace(cell, measures=badged, mean_trained=kept)


def _badged(interval: Interval) -> Interval:
    """Runs that trained and runs that did not are two kinds: no interval over both holds the truth
    as often as it says.
    """
    return replace(interval, notes=(*interval.notes, FAILED_RUNS))


def _labels(result: RunResult, arm: Arm) -> int:
    """Count the labels that this run cost, selection included.

    An oracle's labels are beyond any budget: its arm is marked optimistic instead.
    """
    return result.budget.get("train", 0) + (
        0 if arm.selection == "oracle" else result.budget.get("selection", 0)
    )


def _overlap(plan: Plan, done: list[RunSpec]) -> float:
    """Share of the pool that one sample takes. All of it is no sample: then only initial weights
    and order vary.
    """
    if done[0].shots is None:
        return 0.0
    return float(np.mean([len(s.train) for s in done])) / len(plan.study.split.pool)


def chance(problem: Problem, gold: np.ndarray) -> float:
    """Score the best answer that is the same for all test rows, by the task's first measure."""
    first = task_of(problem).measures[0]
    return float(first.of_constant(problem, gold).mean())


@dataclass(frozen=True)
class _Weighed:
    """Lines with the score of every test row, to be compared with each other."""

    cells: Sequence[Cell]
    per_item: Mapping[tuple[str, int | None], np.ndarray]
    pool: int
    design: Design
    points: float  # what 1 is as it is said

    def best(self, cells: Sequence[Cell]) -> tuple[list[tuple[str, int | None]], list[str]]:
        """(arm, shots) of those among `cells` that could be the best of them, and sentences."""
        names = {f"{c.arm} at {c.shots_name}": c for c in cells}
        chosen, reasons = best_set(
            [self._contender(c, name) for name, c in names.items()],
            design=self.design,
            points=self.points,
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
                a, b = (
                    a[[cell.seeds.index(s) for s in common]],
                    b[[lead.seeds.index(s) for s in common]],
                )
            overlap = max(share(cell, self.pool), share(lead, self.pool))
            out[cell.arm, cell.shots] = difference_interval(
                a,
                b,
                a_deterministic=cell.once,
                b_deterministic=lead.once,
                overlap=overlap,
                design=self.design,
                usual=cell.usual + lead.usual,
            )
        return out

    def _contender(self, cell: Cell, name: str) -> Contender:
        per_row = self.per_item[cell.arm, cell.shots]
        return contender_of(cell, name, per_row, share(cell, self.pool))


def contender_of(cell: Cell, name: str, per_row: np.ndarray, overlap: float) -> Contender:
    """A cell with its scores (S, n) by some measure and its share of the pool, to be compared with
    others.
    """
    return Contender(name, per_row, cell.once, overlap, cell.seeds, cell.usual)


def share(cell: Cell, pool: int) -> float:
    """Share of the pool that one sample of the cell takes; all of it is no sample."""
    return 0.0 if cell.shots is None else cell.labels / pool


def plain(interval: Interval, **more) -> dict:
    """As it is in study.json; what is not finite is null."""
    number = lambda x: float(x) if math.isfinite(x) else None  # noqa: E731
    return {
        "value": number(interval.value),
        "low": number(interval.low),
        "high": number(interval.high),
        "n": interval.n,
        **more,
    }
