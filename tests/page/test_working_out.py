"""What studies say is worked out beside the page: nothing is advised before the end, and every new
result counts.
"""

from __future__ import annotations

import time

import pytest

from benchmarks.large_study import stored
from tl_core.analysis.compare import compare
from tl_core.analysis.decision import Prices, decide
from tl_core.analysis.decision.as_json import plain
from tl_core.api.errors import UserError
from tl_core.running.queue import StudyQueue
from tl_ui.state.studies import Opened, Studies


@pytest.fixture
def queue(tmp_path) -> StudyQueue:
    return StudyQueue(tmp_path)  # never started: nothing runs


def caught_up(studies: Studies) -> Opened:
    """The study when everything about it is worked out."""
    until = time.monotonic() + 60
    while (opened := studies.open("study")).behind:
        assert time.monotonic() < until
        time.sleep(0.02)
    return opened


def mark(queue: StudyQueue, status: str) -> None:
    store = queue.store("study")
    store.write_json("state.json", {**store.read_json("state.json"), "status": status})


def test_a_finished_study_is_compared_and_weighed(queue):
    made = stored(queue.folder / "study", arms=3, seeds=3, rows=200, shots=[4, 16])
    opened = caught_up(Studies(queue))
    results = {s.id: queue.store("study").result(s.id) for s in made.specs}
    comparison = compare(made, results)
    assert opened.comparison == comparison and plain(opened.decision) == plain(
        decide(made, results, comparison)
    )


def test_nothing_is_advised_before_the_end_and_new_results_count(queue):
    made = stored(queue.folder / "study", arms=3, seeds=3, rows=200, shots=[4])
    last = queue.folder / "study" / "runs" / f"{made.specs[-1].id}.json"
    kept = last.read_bytes()
    last.unlink()
    mark(queue, "running")
    studies = Studies(queue)
    opened = caught_up(studies)
    assert opened.decision is None
    seen, finished = opened.version, sum(len(c.seeds) for c in opened.comparison.cells)
    assert caught_up(studies).version == seen  # nothing new, nothing worked out
    last.write_bytes(kept)
    opened = caught_up(studies)
    assert (
        opened.version > seen
        and sum(len(c.seeds) for c in opened.comparison.cells) == finished + 1
        and opened.decision is None
    )
    mark(queue, "done")
    assert caught_up(studies).decision.advice is not None


def test_other_prices_are_worked_out_once_and_the_oldest_go(queue):
    stored(queue.folder / "study", arms=2, seeds=3, rows=100, shots=[4])
    studies = Studies(queue)
    opened = caught_up(studies)
    for price in range(1, 12):
        while studies.decided(opened, Prices(float(price))) is None:
            time.sleep(0.02)
    assert len(opened.weighed.decisions) == 8 and opened.decision.prices == Prices()
    found = studies.decided(opened, Prices(11.0))
    assert found.costs[0].total == 11 * found.costs[0].labels
    before = opened.version
    assert studies.decided(opened, Prices(11.0)) is found and opened.version == before


def test_a_study_that_is_gone_is_told(queue):
    with pytest.raises(UserError, match="no such study"):
        Studies(queue).open("study")
