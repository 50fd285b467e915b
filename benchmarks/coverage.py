"""How often do nominal 95% intervals hold the truth? Simulated runs whose truth is known.

    python -m benchmarks.coverage [--repetitions 3000] [--seed 0]

A row is right with probability expit(level + item + own item + seed): `item` is how hard a row is
for every strategy, `own` how hard for this one, `seed` how lucky a run is; rows that come in groups
share a further part of both. The truth is the mean over all rows and all seeds. A second table is
of whole studies, in which spreads between seeds are pooled; a third of spans, answers and texts
that are written (`benchmarks.coverage_of_stretches`). Alongside the crossed interval are the
ones it replaces: rows only, t over seeds, and Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, special

from benchmarks.coverage_of_stretches import STRETCHES, share_held, truth
from tl_core.statistics.crossed import difference_interval, mean_interval, spread_seen
from tl_core.statistics.design import PLAIN, Design, groups_of, pooled_spread, usual_variance

METHODS = ("rows only", "seed t", "Satterthwaite", "crossed")


@dataclass(frozen=True)
class Arm:
    """A strategy to draw: its accuracy over all rows and seeds, and its spreads on the logit
    scale.
    """

    accuracy: float
    item_sd: float = 2.0  # shared with the other strategies
    own_sd: float = 1.0
    seed_sd: float = 0.35
    deterministic: bool = False
    group_sd: float = 0.0  # how hard a group of rows is, shared with the other strategies
    own_group_sd: float = 0.0


@dataclass(frozen=True)
class Case:
    """One line of the table: one arm (its accuracy) or two (their difference)."""

    name: str
    S: int
    n: int
    arms: tuple[Arm, ...]
    sizes: tuple[
        int, ...
    ] = ()  # of groups of rows; ones that differ are drawn anew for every study, with the same mean

    def grouped(self, rng: np.random.Generator) -> np.ndarray | None:
        """(n,) the group of each row."""
        if not self.sizes:
            return None
        sizes = np.array(self.sizes)
        if np.ptp(sizes):
            sizes = np.maximum(
                1, np.round(np.exp(rng.standard_normal(len(sizes))) * sizes.mean() / math.exp(0.5))
            ).astype(int)
        return np.repeat(np.arange(len(sizes)), sizes)

    @property
    def truth(self) -> float:
        return self.arms[-1].accuracy - (self.arms[0].accuracy if len(self.arms) == 2 else 0.0)


@cache
def level_of(arm: Arm) -> float:
    """The logit that gives the wanted accuracy, by Gauss-Hermite quadrature over all effects
    together.
    """
    z, w = np.polynomial.hermite_e.hermegauss(80)
    sd = math.sqrt(
        arm.item_sd**2
        + arm.own_sd**2
        + arm.group_sd**2
        + arm.own_group_sd**2
        + (0.0 if arm.deterministic else arm.seed_sd**2)
    )

    def excess(level: float) -> float:
        return float(w @ special.expit(level + sd * z) / w.sum() - arm.accuracy)

    return optimize.brentq(excess, -40, 40)


def draw(
    arms: tuple[Arm, ...],
    S: int,
    n: int,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Scores of 0 and 1 for each arm, (S, n), or (1, n) where it is deterministic; the same rows
    for all.

    groups: (n,) the group of each row.
    """
    item = rng.standard_normal(n if groups is None else len(groups))
    shared = None if groups is None else rng.standard_normal(groups.max() + 1)[groups]
    return [_draw(arm, item, 1 if arm.deterministic else S, rng, groups, shared) for arm in arms]


def _draw(
    arm: Arm,
    item: np.ndarray,
    S: int,
    rng: np.random.Generator,
    groups: np.ndarray | None,
    shared: np.ndarray | None,
) -> np.ndarray:
    logit = level_of(arm) + arm.item_sd * item + arm.own_sd * rng.standard_normal(len(item))
    if groups is not None:
        logit = (
            logit
            + arm.group_sd * shared
            + arm.own_group_sd * rng.standard_normal(groups.max() + 1)[groups]
        )
    seed = 0.0 if arm.deterministic else arm.seed_sd * rng.standard_normal((S, 1))
    return (rng.random((S, len(item))) < special.expit(logit + seed)).astype(float)


def half_widths(D: np.ndarray) -> dict[str, float]:
    """The intervals the crossed one replaces, by their own formulas. NaN: Satterthwaite found no
    degrees of freedom.
    """
    S, n = D.shape
    d_s, d_i, m = D.mean(1), D.mean(0), D.mean()
    ms_s, ms_i = n * d_s.var(ddof=1), S * d_i.var(ddof=1)
    ms_e = ((D - d_s[:, None] - d_i + m) ** 2).sum() / ((S - 1) * (n - 1))
    top = ms_s + ms_i - ms_e
    df = (
        top**2 / (ms_s**2 / (S - 1) + ms_i**2 / (n - 1) + ms_e**2 / ((S - 1) * (n - 1)))
        if top > 0
        else np.nan
    )
    return {
        "rows only": t_975(n - 1) * math.sqrt(ms_i / (S * n)),
        "seed t": t_975(S - 1) * math.sqrt(ms_s / (S * n)),
        "Satterthwaite": t_975(df) * math.sqrt(max(top, 0) / (S * n)),
    }


def t_975(df: float) -> float:
    return float(special.stdtrit(df, 0.975)) if not math.isnan(df) else math.nan


def covered(case: Case, rng: np.random.Generator) -> dict[str, bool]:
    """One study: which intervals hold the truth. An interval that cannot be computed counts as
    holding it.
    """
    groups = case.grouped(rng)
    arms = draw(case.arms, case.S, case.n, rng, groups)
    design = PLAIN if groups is None else Design(groups_of(groups.tolist()))
    if len(arms) == 2:
        a, b = case.arms
        interval = difference_interval(
            *arms, a_deterministic=a.deterministic, b_deterministic=b.deterministic, design=design
        )
        D = arms[1] - arms[0]
    else:
        interval, D = (
            mean_interval(arms[0], deterministic=case.arms[0].deterministic, design=design),
            arms[0],
        )
    if len(D) < 2:
        return dict.fromkeys(METHODS[1:3], True) | {
            "rows only": _held_by_rows(D, case.truth),
            "crossed": interval.low <= case.truth <= interval.high,
        }
    off = abs(D.mean() - case.truth)
    held = {name: not off > h for name, h in half_widths(D).items()}
    return held | {"crossed": interval.low <= case.truth <= interval.high}


def _held_by_rows(D: np.ndarray, truth: float) -> bool:
    return bool(abs(D.mean() - truth) <= t_975(D.size - 1) * D.std(ddof=1) / math.sqrt(D.size))


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


def in_groups(
    S: int, G: int, size: int, *, equal: bool, two: bool, deterministic: bool = False
) -> Case:
    """Rows in groups of one size, or of log-normal sizes (SD 1 of the logarithm: the largest of 25
    has about eight times the median).
    """
    how = {
        "item_sd": 1.5,
        "group_sd": 1.0,
        "own_group_sd": 1.0,
        "seed_sd": 0.0 if deterministic else 0.35,
        "deterministic": deterministic,
    }
    arms = (Arm(0.75, **how), Arm(0.80, **how)) if two else (Arm(0.80, **how),)
    kind = (
        f"{'difference' if two else 'mean'}, {G} groups of"
        f" {'' if equal else 'about '}{size}{', no seeds' if deterministic else ''}"
    )
    return Case(
        kind,
        1 if deterministic else S,
        G * size,
        arms,
        (size,) * G if equal else (size - 1, size + 1, *[size] * (G - 2)),
    )


GROUPED = tuple(
    in_groups(S, G, size, equal=equal, two=two)
    for S, G, size, equal in (
        (5, 25, 20, True),
        (5, 25, 20, False),
        (3, 100, 5, False),
        (5, 8, 50, True),
        (5, 8, 50, False),
        (5, 5, 60, False),
    )
    for two in (False, True)
) + tuple(
    in_groups(1, 25, 20, equal=equal, two=two, deterministic=True)
    for equal in (True, False)
    for two in (False, True)
)

SHOTS = (4, 16, 64)


@dataclass(frozen=True)
class Whole:
    """A study of arms along a curve, each with its seeds' spread at 8 labels (logit scale);
    `shrinks`: with more labels it falls.
    """

    name: str
    S: int
    n: int
    seed_sds: tuple[float, ...]
    shrinks: bool = True


WHOLE = tuple(
    Whole(name, S, n, sds, shrinks)
    for S, n in ((3, 300), (3, 2000), (5, 300), (5, 2000))
    for name, sds, shrinks in (
        ("4 arms, hardly any spread", (0.02,) * 4, True),
        ("4 arms, usual spread", (0.2,) * 4, True),
        ("4 arms, five times that", (1.0,) * 4, True),
        ("4 arms, spread that more labels do not lower", (0.3,) * 4, False),
        ("4 unlike arms, one with eight times another's", (0.1, 0.2, 0.4, 0.8), True),
        ("2 arms, five times the usual", (1.0,) * 2, True),
    )
)


def draw_whole(whole: Whole, rng: np.random.Generator) -> dict[tuple[int, int], np.ndarray]:
    """(arm, shots) -> (S, n). Of the luck of a run, a quarter is its draw's and the same for all
    arms, a third its arm's along the curve.
    """
    item, common, drawn = rng.standard_normal(whole.n), rng.standard_normal(whole.S), {}
    for a, sd in enumerate(whole.seed_sds):
        along, own = rng.standard_normal(whole.S), rng.standard_normal(whole.n)
        for k in SHOTS:
            at = sd * math.sqrt(8 / k) if whole.shrinks else sd
            luck = at * (
                0.5 * common
                + math.sqrt(0.35) * along
                + math.sqrt(0.4) * rng.standard_normal(whole.S)
            )
            hard = 1.5 * item + math.sqrt(0.5) * (own + rng.standard_normal(whole.n))
            logit = (
                level_of(Arm(accuracy_at(k), item_sd=1.5, own_sd=1.0, seed_sd=at))
                + hard
                + luck[:, None]
            )
            drawn[a, k] = (rng.random((whole.S, whole.n)) < special.expit(logit)).astype(float)
    return drawn


def accuracy_at(shots: int) -> float:
    """Return the accuracy of every arm of a whole study."""
    return 0.70 + 0.02 * math.log2(shots / SHOTS[0])


def whole_coverage(whole: Whole, repetitions: int, seed: int = 0) -> tuple[float, float, float]:
    """(share of differences from the first arm that hold 0 with pooled spreads, the same without
    pooling, width with / without).
    """
    rng, held, widths = np.random.default_rng(seed), [], []
    for _ in range(repetitions):
        drawn = draw_whole(whole, rng)
        seen = {key: spread_seen(Y) for key, Y in drawn.items()}
        usual = {key: usual_variance(key[1]) for key in drawn}
        arms = len(whole.seed_sds) + len(SHOTS) - 2
        spread = pooled_spread(
            [v for v, _ in seen.values()],
            [usual[key] + rest for key, (_, rest) in seen.items()],
            [whole.S] * len(seen),
            arms,
        )
        for (a, k), Y in drawn.items():
            if a:
                pooled, alone = (
                    difference_interval(drawn[0, k], Y, design=d, usual=2 * usual[a, k])
                    for d in (Design(spread=spread), PLAIN)
                )
                held.append([x.low <= 0 <= x.high for x in (pooled, alone)])
                widths.append((pooled.high - pooled.low) / (alone.high - alone.low))
    pooled, alone = np.mean(held, 0)
    return float(pooled), float(alone), float(np.median(widths))


TABLE = (
    two_trained(3, 500, 0.35),
    two_trained(5, 500, 0.35),
    two_trained(10, 500, 0.35),
    two_trained(3, 100, 0),
    two_trained(5, 500, 0),
    zero_shot(3, 500, 0.35),
    zero_shot(3, 2000, 0.35),
    zero_shot(5, 500, 0.35),
    zero_shot(10, 500, 0.35),
    zero_shot(3, 500, 1),
    zero_shot(5, 2000, 1),
    one_mean(3, 2000, 0.80, 4),
    one_mean(5, 100, 0.95, 4),
    one_mean(10, 100, 0.95, 4),
    one_mean(5, 2000, 0.95, 1.5),
    one_mean(10, 100, 0.99, 4),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--repetitions", type=int, default=3000, help="simulated studies per line (3000)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start = time.perf_counter()
    print("| what | S, n |" + "".join(f" {name} |" for name in METHODS))
    print("|--|--|" + "--|" * len(METHODS))
    for case in (*TABLE, *GROUPED):
        shares = coverage(case, args.repetitions, args.seed)
        print(
            f"| {case.name} | {case.S}, {case.n} |"
            + "".join(f" {shares[m]:.3f} |" for m in METHODS),
            flush=True,
        )
    print(
        "\n| whole studies | S, n | without pooling | pooled | width, pooled / without"
        " |\n|--|--|--|--|--|"
    )
    for whole in WHOLE:
        pooled, alone, width = whole_coverage(whole, max(args.repetitions // 6, 1), args.seed)
        print(
            f"| {whole.name} | {whole.S}, {whole.n} | {alone:.3f} | {pooled:.3f} | {width:.2f} |",
            flush=True,
        )
    print("\n| spans, answers and written texts | S, n | truth | held |\n|--|--|--|--|")
    for stretches in STRETCHES:
        share = share_held(stretches, args.repetitions, args.seed)
        print(
            f"| {stretches.name} | {stretches.S}, {stretches.n} | {truth(stretches):.3f} |"
            f" {share:.3f} |",
            flush=True,
        )
    error = math.sqrt(0.95 * 0.05 / args.repetitions)
    print(
        f"\n{args.repetitions} studies per line; simulation error (1 SD) at .95: {error:.4f}; "
        f"{time.perf_counter() - start:.0f} seconds."
    )


if __name__ == "__main__":
    main()
