"""A decision as it is in study.json: codes and numbers, and null for what is not finite."""

from __future__ import annotations

import math
from typing import Any

from tl_core.analysis.compare import plain as interval
from tl_core.analysis.decision.caveats import Failing
from tl_core.analysis.decision.costs import Cost
from tl_core.analysis.decision.curves import Against, Gain
from tl_core.analysis.decision.decide import Advice, Decision
from tl_core.analysis.decision.latency import Latency
from tl_core.analysis.decision.quality import Quality, Trust
from tl_core.analysis.decision.ways import Way
from tl_core.statistics.break_even import Labels


def plain(decision: Decision) -> dict[str, Any]:
    """Return a decision as data for json.dumps without NaN."""
    p = decision.power
    return {
        "metric": decision.metric,
        "advice": decision.advice and _advice(decision.advice),
        "break_even": [against(x) for x in decision.break_even],
        "gains": [_gain(x) for x in decision.gains],
        "prices": {
            "label": decision.prices.label,
            "hour": decision.prices.hour,
            "texts": decision.prices.texts,
            "tokens": decision.prices.tokens and list(decision.prices.tokens),
        },
        "costs": [_cost(c) for c in decision.costs],
        "latencies": [_latency(x) for x in decision.latencies],
        "quality": [_quality(q) for q in decision.quality],
        "power": p
        and {
            "seeds": p.seeds,
            "rows": p.rows,
            "before": _number(p.before),
            "after": _number(p.after),
            "half_width": _number(p.half_width),
        },
        "failing": [_failing(f) for f in decision.failing],
        "scarce": [{"shots": s.shots, "label": s.label, "rows": s.rows} for s in decision.scarce],
        "absent": list(decision.absent),
        "scored": decision.scored,
        "unfinished": decision.unfinished,
        "missing": [{"arm": x.arm, "runs": x.runs, "failed": x.failed} for x in decision.missing],
        "groups": decision.groups,
        "ways": [_way(w, decision.metric) for w in decision.ways],
    }


def _way(w: Way, metric: str) -> dict[str, Any]:
    return {
        "way": w.id,
        "arm": w.best and w.best.arm,
        "shots": w.best and _shots(w.best.shots),
        "labels": w.best and w.best.labels,
        "score": w.best and interval(w.best.measures[metric]),
        "runs": w.runs,
        "to_come": w.to_come,
        "gain": w.gain and interval(w.gain),
    }


def against(x: Against) -> dict[str, Any]:
    """One break-even; `said` is a code of `tl_core.statistics.break_even`."""
    found, worth = x.found, x.advantage
    return {
        "learner": x.learner,
        "other": x.other,
        "level": x.level,
        "labels": list(x.labels),
        "said": found and found.said,
        "value": found and _labels(found.value),
        "low": found and _labels(found.low),
        "high": found and _labels(found.high),
        "sure_from": found and found.sure_from,
        "seeds": found and found.seeds,
        "advantage": worth
        and {
            "labels": worth.labels and interval(worth.labels),
            "octaves": worth.octaves and interval(worth.octaves),
            "notes": list(worth.notes),
        },
        "refused": x.refused,
    }


def _advice(a: Advice) -> dict[str, Any]:
    f = a.found
    return {
        "choice": f.choice if f.advised else None,
        "shots": _shots(a.cell(f.choice).shots) if f.advised else None,
        "why": f.why,
        "winner": f.winner,
        "leader": f.leader,
        "runner_up": f.runner_up,
        "difference": f.difference and interval(f.difference),
        "p": _number(f.p),
        "best": list(f.best),
        "strict": list(f.strict),
        "as_good": list(f.as_good),
        "constant": _number(f.floor),
        "above_constant": list(f.above),
        "doubted": list(f.doubted),
        "changes": [{"of": c.of, "at": c.at} for c in f.changes],
        "enough": a.enough
        and {"shots": _shots(a.enough.cell.shots), "labels": a.enough.cell.labels},
        "fewer": [
            {
                "shots": _shots(x.cell.shots),
                "labels": x.cell.labels,
                "loss": x.loss and interval(x.loss),
                "margin": x.margin,
                "enough": x.enough,
            }
            for x in a.fewer
        ],
    }


def _gain(g: Gain) -> dict[str, Any]:
    return {
        "arm": g.arm,
        "labels": g.labels,
        "score": _number(g.score),
        "to": list(g.found.labels),
        "points": [interval(p) for p in g.found.points],
        "refused": g.found.refused,
    }


def _cost(c: Cost) -> dict[str, Any]:
    return {
        "arm": c.arm,
        "shots": _shots(c.shots),
        "labels": c.labels,
        "fit_seconds": _number(c.fit_seconds),
        "texts_a_second": _number(c.texts_a_second),
        "alone_seconds": c.alone_seconds and list(c.alone_seconds),
        "machines": c.machines,
        "peak_bytes": round(c.peak_bytes),
        "asks_endpoint": c.asks_endpoint,
        "total": _number(c.total),
        "front": c.front,
        "could_be_front": c.could_be_front,
    }


def _latency(x: Latency) -> dict[str, Any]:
    return {
        "arm": x.arm,
        "shots": _shots(x.shots),
        "p50": _number(x.p50),
        "p95": _number(x.p95),
        "times": interval(x.times),
        "could_be_front": x.could_be_front,
    }


def _quality(q: Quality) -> dict[str, Any]:
    metrics = q.measures | {
        name: getattr(q, name) for name in ("balanced_accuracy", "matthews", "nll", "brier", "gap")
    }
    return {
        "arm": q.arm,
        "shots": _shots(q.shots),
        **{name: found and interval(found) for name, found in metrics.items()},
        "trust": q.trust and _trust(q.trust),
    }


def _trust(t: Trust) -> dict[str, Any]:
    return {
        "seed": t.seed,
        "ece": _number(t.error.value),
        "ece_calibrated": _number(t.error.calibrated_mean),
        "ece_calibrated_95": _number(t.error.calibrated_95),
        "p": _number(t.error.p),
        "reliability": [
            [_number(x) for x in point]
            for point in zip(t.points.confidence, t.points.accuracy, t.points.rows)
        ],
        "risk_coverage": [[_number(c), _number(r)] for c, r in zip(t.coverage, t.risk)],
        "aurc": _number(t.aurc),
    }


def _failing(f: Failing) -> dict[str, Any]:
    u = f.untrained
    return {
        "arm": f.arm,
        "shots": _shots(f.shots),
        "failed": f.failed,
        "untrained": u.failed,
        "seeds": u.seeds,
        "rate_at_most": _number(u.rate_at_most),
        "accuracy": interval(u.all_runs),
        "accuracy_trained": u.trained and interval(u.trained),
    }


def _labels(x: Labels) -> dict[str, Any]:
    return {"count": _number(x.count), "censored": x.censored}


def _shots(shots: int | None) -> int | str:
    return "all" if shots is None else shots


def _number(x: float | None) -> float | None:
    return round(float(x), 6) if x is not None and math.isfinite(x) else None
