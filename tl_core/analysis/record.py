"""The files a study leaves for others: `study.json` (the record), `predictions.parquet` and
`samples.parquet`.

The order of fields is part of the format; `schema` changes when their meaning does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tl_core.analysis.compare import Comparison, plain, run_metrics
from tl_core.analysis.decision import Decision
from tl_core.analysis.decision.as_json import plain as plain_decision
from tl_core.api.task import Measure
from tl_core.api.types import Arm, Interval, Problem, RunResult, RunSpec, Status
from tl_core.data.split import lock_key
from tl_core.studies.plan import Plan
from tl_core.studies.store import SCHEMA, Store
from tl_core.tasks import task_of


def record(
    plan: Plan,
    results: Mapping[str, RunResult],
    comparison: Comparison,
    *,
    statuses: Mapping[str, Status],
    context: Mapping[str, Any],
    decision: Decision | None = None,
) -> dict[str, Any]:
    """The study as plain values.

    Args:
        statuses: of runs without a result: queued, running or stopped.
        context: what only the caller knows: `dataset` (source, guesses, notes, tokens),
            `wall_seconds`, `command`.
        decision: of the finished study; None while runs are to come.
    """
    study = plan.study
    problem, measures = study.problem, comparison.measures
    return {
        "schema": SCHEMA,
        "id": study.id,
        "name": study.name,
        "problem": {
            "inputs": study.problem.inputs,
            "target": study.problem.target,
            "labels": [
                {
                    "id": x.id,
                    "name": x.name,
                    "descriptions": list(x.descriptions),
                    "words": list(x.words),
                }
                for x in study.problem.labels
            ],
        },
        "dataset": {
            "rows": len(study.split.pool) + len(study.split.test),
            "dropped": study.split.dropped,
            **context.get("dataset", {}),
        },
        "split": {
            "test_digest": study.split.test_digest,
            "n_test": len(study.split.test),
            "n_pool": len(study.split.pool),
            "locked": [lock_key(e) for e in study.split.test],
        },
        "shots": ["all" if s is None else s for s in study.shots],
        "seeds": list(study.seeds),
        "arms": [_arm(arm) for arm in study.arms],
        "seen": list(
            dict.fromkeys(
                (
                    *study.seen,
                    *(
                        s.arm.digest
                        for s in plan.specs
                        if s.id in results and results[s.id].status == "done"
                    ),
                )
            )
        ),
        "runs": [
            _run(spec, plan, results.get(spec.id), statuses.get(spec.id, "queued"))
            for spec in plan.specs
        ],
        "summary": [
            {
                "arm": c.arm,
                "strategy": c.strategy,
                "shots": c.shots_name,
                "labels": c.labels,
                "budget": c.budget,
                **{
                    m.id: _mean(_plain(m, problem, c.measures[m.id]), len(c.seeds))
                    for m in measures
                },
                "seconds": {"fit": round(c.fit_seconds, 4), "predict": round(c.predict_seconds, 4)},
                "peak_bytes": round(c.peak_bytes),
                "trainable_parameters": c.trainable_parameters,
                "failed": c.failed,
                "collapsed": c.collapsed,
                "mean_trained": {
                    m.id: m.plain(problem, c.mean_trained[m.id])
                    for m in measures
                    if m.id in c.mean_trained
                },
                "could_be_best": c.could_be_best,
                "best_at_shots": c.best_at_shots,
            }
            for c in comparison.cells
        ],
        "metric": comparison.metric,
        "why_metric": comparison.why_metric,
        "chance": measures[0].plain(problem, comparison.chance),
        "notes": list(comparison.notes),
        "wall_seconds": context.get("wall_seconds"),
        "command": context.get("command"),
        "request": context.get("request"),
        "decision": decision and plain_decision(decision),
    }


def write_tables(store: Store, plan: Plan, results: Mapping[str, RunResult]) -> None:
    """`predictions.parquet` (run, part, row, scores or text) and `samples.parquet` (seed, row,
    label, order): the k-shot sample of a seed is the rows whose order is below k.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = np.array([e.row for e in plan.study.split.test], dtype=np.int64)
    done = [s for s in plan.specs if s.id in results and results[s.id].status == "done"]
    predictions = pa.table(
        {
            "run": pa.array(
                np.repeat([s.id for s in done], len(rows)) if done else [], pa.string()
            ).dictionary_encode(),
            "part": pa.array(["test"] * (len(done) * len(rows)), pa.string()).dictionary_encode(),
            "row": pa.array(np.tile(rows, len(done))),
            **_answers(plan, [results[s.id].test_scores for s in done], pa),
        }
    )
    _write(store, "predictions.parquet", predictions, pq, pa)
    _write(store, "samples.parquet", pa.table(_samples(plan)), pq, pa)


def _answers(plan: Plan, runs: list[np.ndarray], pa: Any) -> dict[str, Any]:
    """The scores of all rows, run by run; or the texts that were written."""
    problem, test = plan.study.problem, plan.study.split.test
    task = task_of(problem)
    if task.writes:
        texts = (x.encode("utf-8", "replace") for run in runs for x in task.decide(run).tolist())
        return {"text": pa.array(texts, pa.binary()).cast(pa.string())}
    shape = task.shape(problem, test)
    width = math.prod(shape[1:])  # of words, tag by tag, one word after another
    flat = np.concatenate([run.ravel() for run in runs]) if runs else np.zeros(0, np.float32)
    kinds = (pa.LargeListArray, pa.int64()) if len(shape) > 2 else (pa.ListArray, pa.int32())
    ends = pa.array(np.arange(0, len(flat) + 1, width), kinds[1])
    return {"scores": kinds[0].from_arrays(ends, pa.array(flat))}


def _write(store: Store, name: str, table, pq, pa) -> None:
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    store.write_bytes(name, buffer.getvalue().to_pybytes())


def _samples(plan: Plan) -> dict[str, list]:
    """Each seed's draw, in order: rows of larger samples contain those of smaller ones."""
    order: dict[tuple[int, int, str], int] = {}
    shown = {e.row: e.labels for e in plan.study.split.pool}
    for spec in sorted(plan.specs, key=lambda s: (s.shots is None, s.shots or 0)):
        if spec.shots is None:
            continue
        for row in spec.train:
            for label in shown[row]:
                order.setdefault((spec.seed, row, label), spec.shots)
    counts: dict[tuple[int, str], int] = {}
    out: dict[str, list] = {"seed": [], "row": [], "label": [], "order": []}
    for (seed, row, label), shots in sorted(
        order.items(), key=lambda item: (item[0][0], item[1], item[0][1])
    ):
        position = counts.get((seed, label), 0)
        counts[seed, label] = position + 1
        place = min(
            position, shots - 1
        )  # a row with several labels was drawn for one of them and has a place in each
        for name, value in zip(out, (seed, row, label, place), strict=True):
            out[name].append(value)
    return out


def _arm(arm: Arm) -> dict[str, Any]:
    templates = arm.settings.get("templates")
    return {
        "id": arm.id,
        "strategy": arm.strategy,
        "version": arm.strategy_version,
        "settings": arm.settings,
        "model": {
            "name": arm.model.name,
            "digest": arm.model.digest,
            "supervised": arm.model.supervised or "not known",
        }
        if arm.model
        else None,
        "calibration": arm.settings.get("calibration", "none"),
        "templates": templates.split("|") if isinstance(templates, str) else [],
        "selection": arm.selection,
        "augmentation": arm.augmentation,
        "scaling": arm.scaling,
        "base": _arm(arm.base) if arm.base else None,
    }


def _run(spec: RunSpec, plan: Plan, result: RunResult | None, status: Status) -> dict[str, Any]:
    metrics = {}
    if result is not None and result.status == "done":
        metrics = {name: plain(interval) for name, interval in run_metrics(plan, result).items()}
    return {
        "id": spec.id,
        "arm": spec.arm.id,
        "strategy": spec.arm.strategy,
        "model": spec.arm.model.name if spec.arm.model else None,
        "shots": spec.shots_name,
        "seed": spec.seed,
        "status": result.status if result else status,
        "metrics": metrics,
        "budget": result.budget if result else {},
        "seconds": {k: round(v, 4) for k, v in result.seconds.items()} if result else {},
        "peak_bytes": result.peak_bytes if result else None,
        "trainable_parameters": result.trainable_parameters if result else None,
        "optimizer_steps": result.optimizer_steps if result else None,
        "notes": list(result.notes) if result else [],
        "device": result.device if result else None,
        "versions": result.versions if result else {},
        "error": result.error if result else None,
        "collapsed": bool(result and result.collapsed),
        "choices_only": bool(result and result.choices_only),
        "cuts": list(result.cuts) if result else [],
    }


def _plain(measure: Measure, problem: Problem, found: Interval) -> Interval:
    ends = sorted((measure.plain(problem, found.low), measure.plain(problem, found.high)))
    return replace(found, value=measure.plain(problem, found.value), low=ends[0], high=ends[1])


def _mean(interval, seeds: int) -> dict[str, Any]:
    shown = plain(interval)
    return {
        "mean": shown["value"],
        "low": shown["low"],
        "high": shown["high"],
        "seeds": seeds,
        "n": shown["n"],
        "notes": list(interval.notes),
    }
