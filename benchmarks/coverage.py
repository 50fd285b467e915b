"""How often do nominal 95 % intervals hold the truth? Simulated runs whose truth is known.

    python -m benchmarks.coverage [--repetitions 3000] [--seed 0]

A row is right with probability expit(level + item + own item + seed): `item` is how hard a row is for every
strategy, `own` how hard for this one, `seed` how lucky a run is. The truth is the mean over all rows and all seeds.
Beside the crossed interval stand the ones it replaces: rows only, t over seeds, and Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, special

from tl_core.statistics.crossed import difference_interval, mean_interval

METHODS = ("rows only", "seed t", "Satterthwaite", "crossed")


@dataclass(frozen=True)
class Arm:
    """A strategy to draw: its accuracy over all rows and seeds, and its spreads on the logit scale."""

    accuracy: float
    item_sd: float = 2.0  # shared with the other strategies
    own_sd: float = 1.0
    seed_sd: float = 0.35
    deterministic: bool = False


@dataclass(frozen=True)
class Case:
    """One line of the table: one arm (its accuracy) or two (their difference)."""

    name: str
    S: int
    n: int
    arms: tuple[Arm, ...]

    @property
    def truth(self) -> float:
        return self.arms[-1].accuracy - (self.arms[0].accuracy if len(self.arms) == 2 else 0.0)


@cache
def level_of(arm: Arm) -> float:
    """The logit that gives the wanted accuracy, by Gauss-Hermite quadrature over all effects together."""
    z, w = np.polynomial.hermite_e.hermegauss(80)
    sd = math.sqrt(arm.item_sd**2 + arm.own_sd**2 + (0.0 if arm.deterministic else arm.seed_sd**2))

    def excess(level: float) -> float:
        return float(w @ special.expit(level + sd * z) / w.sum() - arm.accuracy)

    return optimize.brentq(excess, -40, 40)


def draw(arms: tuple[Arm, ...], S: int, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Scores of 0 and 1 for each arm, (S, n), or (1, n) where it is deterministic; the same rows for all."""
    item = rng.standard_normal(n)
    return [_draw(arm, item, 1 if arm.deterministic else S, rng) for arm in arms]


def _draw(arm: Arm, item: np.ndarray, S: int, rng: np.random.Generator) -> np.ndarray:
    logit = level_of(arm) + arm.item_sd * item + arm.own_sd * rng.standard_normal(len(item))
    seed = 0.0 if arm.deterministic else arm.seed_sd * rng.standard_normal((S, 1))
    return (rng.random((S, len(item))) < special.expit(logit + seed)).astype(float)


def half_widths(D: np.ndarray) -> dict[str, float]:
    """The intervals the crossed one replaces, by their own formulas. NaN: Satterthwaite found no degrees of freedom."""
    S, n = D.shape
    d_s, d_i, m = D.mean(1), D.mean(0), D.mean()
    ms_s, ms_i = n * d_s.var(ddof=1), S * d_i.var(ddof=1)
    ms_e = ((D - d_s[:, None] - d_i + m) ** 2).sum() / ((S - 1) * (n - 1))
    top = ms_s + ms_i - ms_e
    df = top**2 / (ms_s**2 / (S - 1) + ms_i**2 / (n - 1) + ms_e**2 / ((S - 1) * (n - 1))) if top > 0 else np.nan
    return {
        "rows only": t_975(n - 1) * math.sqrt(ms_i / (S * n)),
        "seed t": t_975(S - 1) * math.sqrt(ms_s / (S * n)),
        "Satterthwaite": t_975(df) * math.sqrt(max(top, 0) / (S * n)),
    }


def t_975(df: float) -> float:
    return float(special.stdtrit(df, 0.975)) if not math.isnan(df) else math.nan


def covered(case: Case, rng: np.random.Generator) -> dict[str, bool]:
    """One study: which intervals hold the truth. An interval that cannot be computed counts as holding it."""
    arms = draw(case.arms, case.S, case.n, rng)
    if len(arms) == 2:
        a, b = case.arms
        interval = difference_interval(*arms, a_deterministic=a.deterministic, b_deterministic=b.deterministic)
        D = arms[1] - arms[0]
    else:
        interval, D = mean_interval(arms[0]), arms[0]
    off = abs(D.mean() - case.truth)
    held = {name: not off > h for name, h in half_widths(D).items()}
    return held | {"crossed": interval.low <= case.truth <= interval.high}


def coverage(case: Case, repetitions: int, seed: int = 0) -> dict[str, float]:
    """Share of simulated studies whose interval holds the truth, by method."""
    rng = np.random.default_rng(seed)
    held = [covered(case, rng) for _ in range(repetitions)]
    return {name: float(np.mean([h[name] for h in held])) for name in METHODS}


def two_trained(S: int, n: int, seed_sd: float) -> Case:
    name = f"two trained, seed SD {seed_sd:g}"
    return Case(name, S, n, (Arm(0.75, seed_sd=seed_sd), Arm(0.80, seed_sd=seed_sd)))


def zero_shot(S: int, n: int, seed_sd: float) -> Case:
    name = f"zero-shot against trained, seed SD {seed_sd:g}"
    return Case(name, S, n, (Arm(0.75, deterministic=True), Arm(0.80, seed_sd=seed_sd)))


def one_mean(S: int, n: int, accuracy: float, item_sd: float, seed_sd: float = 0.35) -> Case:
    name = f"mean {accuracy:g}, item SD {item_sd:g}"
    return Case(name, S, n, (Arm(accuracy, item_sd=item_sd, own_sd=0.0, seed_sd=seed_sd),))


TABLE = (
    two_trained(3, 500, 0.35), two_trained(5, 500, 0.35), two_trained(10, 500, 0.35),
    two_trained(3, 100, 0), two_trained(5, 500, 0),
    zero_shot(3, 500, 0.35), zero_shot(3, 2000, 0.35), zero_shot(5, 500, 0.35), zero_shot(10, 500, 0.35),
    zero_shot(3, 500, 1), zero_shot(5, 2000, 1),
    one_mean(3, 2000, 0.80, 4), one_mean(5, 100, 0.95, 4), one_mean(10, 100, 0.95, 4),
    one_mean(5, 2000, 0.95, 1.5), one_mean(10, 100, 0.99, 4),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3000, help="simulated studies per line (3000)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start = time.perf_counter()
    print("| what | S, n |" + "".join(f" {name} |" for name in METHODS))
    print("|--|--|" + "--|" * len(METHODS))
    for case in TABLE:
        shares = coverage(case, args.repetitions, args.seed)
        print(f"| {case.name} | {case.S}, {case.n} |" + "".join(f" {shares[m]:.3f} |" for m in METHODS), flush=True)
    error = math.sqrt(0.95 * 0.05 / args.repetitions)
    print(f"\n{args.repetitions} studies per line; simulation error (1 SD) at .95: {error:.4f}; "
          f"{time.perf_counter() - start:.0f} seconds.")  # fmt: skip


if __name__ == "__main__":
    main()
