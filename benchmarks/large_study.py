"""How long the page waits for a large study: it never should.

    python -m benchmarks.large_study [--arms 30] [--seeds 5] [--rows 10000] [--shots 16]

Makes a finished study, opens it as the page does, and prints how long the page's own calls take
while the study is compared and weighed beside them, how long that takes, and what each section then
takes to draw.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from tl_core.analysis.decision import Prices
from tl_core.analysis.decision.curves import ahead, learners, pair
from tl_core.api.types import Arm, Example, Label, Problem, RunResult, Split
from tl_core.figures import decision as decision_figures
from tl_core.figures import results as figures
from tl_core.report.sections.decision import Told, costs_table, trust_table
from tl_core.running.queue import StudyQueue
from tl_core.studies.plan import Plan, Study, plan
from tl_core.studies.store import Store
from tl_ui.results._listed import ROWS_SHOWN
from tl_ui.results._picked import Two, picked_rows, rows_table
from tl_ui.state.studies import Studies

LABELS, POOL = 4, 3000


def main() -> None:
    """Print one line per thing that a visitor may wait for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--shots", default="16", help="with commas between")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        queue = StudyQueue(Path(home))
        made = stored(
            queue.folder / "large",
            asked.arms,
            asked.seeds,
            asked.rows,
            [int(s) for s in asked.shots.split(",")],
        )
        print(
            f"{asked.arms} arms, {asked.seeds} seeds, {asked.rows:,} test rows, shots"
            f" {asked.shots}: {len(made.specs)} runs"
        )
        studies = Studies(queue)
        _timed("first call of the page, which reads the study", lambda: studies.open("large"))
        began, calls = time.perf_counter(), []
        while studies.open("large").behind:
            calls.append(_seconds(lambda: studies.open("large")))
            time.sleep(0.05)
        print(
            f"compared and weighed beside the page: {time.perf_counter() - began:.1f} s; longest of"
            f" {len(calls)} calls meanwhile {1000 * max(calls, default=0):.0f} ms"
        )
        _sections(studies)


def _sections(studies: Studies) -> None:
    opened = studies.open("large")
    weighed, decision = opened.weighed, opened.decision
    comparison, lines = weighed.comparison, weighed.lines
    figures.leaderboard(comparison, "accuracy")  # the first figure of a process takes a moment more
    _timed(
        "learning curves and leaderboard",
        lambda: (
            figures.learning_curves(comparison, "accuracy"),
            figures.leaderboard(comparison, "accuracy"),
        ),
    )
    able = learners(lines)
    if len(able) > 1:
        _timed(
            "any two arms", lambda: (pair(lines, able[1], able[0]), ahead(lines, able[1], able[0]))
        )
    _timed(
        "cost against quality",
        lambda: (
            decision_figures.pareto(decision.costs, comparison),
            costs_table(Told(decision, "en")),
        ),
    )
    _timed("other prices, first call", lambda: studies.decided(opened, Prices(0.1)))
    _timed("metrics and calibration", lambda: trust_table(Told(decision, "en")))
    _timed("groups of rows, made when the study was opened", lambda: opened.slices)
    if len(weighed.studied.arms) > 1:
        a, b = weighed.studied.arms[:2]
        two = Two(weighed.studied, opened.slices, a, b)
        _timed("where two arms differ", lambda: two.disagreement)
        _timed("groups that stand out", lambda: two.tested)
        _timed("who gets which rows right", lambda: two.sets)
        _timed("labels that look wrong", lambda: two.doubts)
        _timed(
            "the rows of a pick",
            lambda: rows_table(
                two, ("part", (0,)), picked_rows(two, ("part", (0,)))[:ROWS_SHOWN], "en"
            ),
        )


def _timed(what: str, call) -> None:
    print(f"{what}: {1000 * _seconds(call):.0f} ms")


def _seconds(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def stored(folder: Path, arms: int, seeds: int, rows: int, shots: list[int]) -> Plan:
    """A finished study as the page keeps it: arms of different skill, rows of different
    difficulty.
    """
    rng = np.random.default_rng(0)
    examples = [
        Example(i + 1, f"text number {i}", None, (f"label {i % LABELS}",))
        for i in range(rows + POOL)
    ]
    problem = Problem(
        "one text", "one label", tuple(Label(f"label {i}", f"label {i}") for i in range(LABELS))
    )
    named = tuple(Arm(f"arm {i}", "tfidf", 1, {"c": float(i + 1)}, None) for i in range(arms))
    made = plan(
        Study(
            "large.csv",
            problem,
            Split(tuple(examples[:rows]), tuple(examples[rows:])),
            named,
            tuple(shots),
            tuple(range(seeds)),
        )
    )
    store = Store(folder)
    store.prepare()
    store.save_study(made.study)
    gold, hard, skill = (
        np.arange(rows) % LABELS,
        rng.normal(0, 1, rows),
        rng.normal(1.2, 0.15, arms),
    )
    for spec in made.specs:
        z = rng.normal(0, 1, (rows, LABELS))
        z[np.arange(rows), gold] += (
            skill[int(spec.arm.id.split()[1])]
            + 0.2 * np.log2(1 + spec.shots)
            + hard
            + rng.normal(0, 0.1)
        )
        scores = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        store.save_result(
            RunResult(
                spec.id,
                "done",
                scores.astype(np.float32),
                {"train": len(spec.train)},
                {"fit": 1.0, "predict": 2.0},
                1,
                1,
                1,
            )
        )
    store.write_json(
        "state.json",
        {
            "status": "done",
            "key": "",
            "keep": "best",
            "context": {},
            "runs": len(made.specs),
            "made": 0,
        },
    )
    return made


if __name__ == "__main__":
    main()
