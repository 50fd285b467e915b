"""Studies as the page reads them: opened once, and computed alongside the page, which never waits
for it.

A large study takes seconds to compare and to weigh. Both happen in a thread of their own;
`Opened.version` rises with everything that gets ready, and `Opened.behind` says that more is to
come.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property

from tl_core.analysis.compare import Comparison, compare
from tl_core.analysis.decision import Decision, Prices, decide, priced
from tl_core.analysis.decision.entries import Entry, entries_of
from tl_core.analysis.differences import StudyPredictions
from tl_core.analysis.differences.slices import Slice, slices_of
from tl_core.analysis.differences.topics import Topics, stored_topics
from tl_core.api.types import RunResult, RunSpec
from tl_core.running.queue import StudyQueue
from tl_core.running.study_records import OPEN
from tl_core.studies.consent import stays
from tl_core.studies.plan import Plan, plan
from tl_core.studies.title import About, read_about
from tl_core.words.names import arm_names

OPEN_AT_A_TIME = 16
AT_A_TIME = 2  # studies that are computed
SOON = 0.1  # seconds; most studies are computed by then, and no one need look twice
PRICES_KEPT = 8
NEWS_SECONDS = 8


@dataclass(frozen=True)
class Weighed:
    """The findings from some results."""

    results: dict[str, RunResult]
    comparison: Comparison
    lines: tuple[Entry, ...]
    studied: StudyPredictions
    decisions: dict[Prices, Decision] = field(
        default_factory=dict
    )  # none before every run has ended, or the study was stopped


@dataclass
class Opened:
    """A study in memory: what was asked, what is finished, and what that says."""

    name: str
    plan: Plan
    about: About = About()
    ended: bool = False  # no run is to come
    results: dict[str, RunResult] = field(default_factory=dict)  # replaced, never changed
    weighed: Weighed | None = None  # the newest; its results may be older
    topics: Topics | None = None  # of the test rows, where somebody asked
    version: int = 0
    told: tuple[int, float] = (
        0,
        float("-inf"),
    )  # the version that pages were notified of last, and when
    packed: tuple[object, str] | None = None  # what was packed last, and the path of its archive
    jobs: dict[Prices | None, Future] = field(
        default_factory=dict
    )  # by what they work out; None: the study itself
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def title(self) -> str:
        """Return the study's given title, or the name of its file."""
        return self.about.title or self.plan.study.name

    def names(self, lang: str) -> dict[str, str]:
        """Return the name of each arm by its id."""
        study = self.plan.study
        return arm_names([(arm.id, arm.strategy) for arm in study.arms], study.problem, lang)

    @property
    def comparison(self) -> Comparison | None:
        """Return the leaderboard; None while there is none."""
        return self.weighed.comparison if self.weighed else None

    @property
    def decision(self) -> Decision | None:
        """Return the decision without prices."""
        return self.weighed.decisions.get(Prices()) if self.weighed else None

    def news(self, going: bool) -> int:
        """The version that pages are told of: while runs come in a new one every few seconds, for a
        browser is busy for a second with each, and could not even be stopped meanwhile."""
        if self.version != self.told[0] and (
            not going or time.monotonic() - self.told[1] > NEWS_SECONDS
        ):
            self.told = self.version, time.monotonic()
        return self.told[0]

    @property
    def behind(self) -> bool:
        """Whether there is more to work out."""
        return bool(self.jobs) or self.stale

    @property
    def stale(self) -> bool:
        """Whether results have come, or the study has ended, since it was computed."""
        return (
            self.weighed is None
            or self.weighed.results is not self.results
            or (self.ended and self.decision is None)
        )

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        """Groups of test rows, which no result changes; topics do, see `Studies.renew`."""
        return slices_of(self.plan.study.problem, self.plan.study.split.test, self.topics)

    def run_of(self, arm: str, shots: int | None) -> RunSpec | None:
        """The first finished run of an arm at a number of shots: whose answers are shown row by
        row.
        """
        return next(
            (
                s
                for s in self.plan.specs
                if (s.arm.id, s.shots) == (arm, shots) and self.is_done(s.id)
            ),
            None,
        )

    def is_done(self, run: str) -> bool:
        """Whether a run has scores."""
        return run in self.results and self.results[run].status == "done"


class Studies:
    """The studies visitors look at. Every method may be called from any thread."""

    def __init__(self, queue: StudyQueue):
        self.queue = queue
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="working-out")

    def open(self, name: str) -> Opened:
        """A study with everything finished so far; what that says may be `behind`.

        Raises:
            UserError: there is no such study.
        """
        store = self.queue.store(name)  # also when it is in memory: it may have been removed
        with self._lock:
            opened = self._opened.get(name)
        if opened is None:
            made = plan(store.load_study())
            opened = Opened(name, made, topics=stored_topics(store, made))
            with self._lock:
                opened = self._opened.setdefault(name, opened)
                while len(self._opened) > OPEN_AT_A_TIME:
                    self._opened.popitem(last=False)
        ended = self.queue.status(name)["status"] not in OPEN
        with opened.lock:
            opened.ended, opened.about = ended, read_about(store)
            missing = [
                s.id for s in opened.plan.specs if not opened.is_done(s.id)
            ]  # a failed run may have been done again
            new = store.results(missing)

            def told(result):
                return result and (
                    result.status,
                    result.error,
                )

            if any(told(opened.results.get(run)) != told(result) for run, result in new.items()):
                opened.results = {**opened.results, **new}
            if opened.stale and None not in opened.jobs:
                opened.jobs[None] = self._pool.submit(_weigh, opened)
        _wait(opened, None)
        return opened

    def decided(self, opened: Opened, prices: Prices) -> Decision | None:
        """Return the decision at these prices; None while it is being computed, and before the
        study has ended.
        """
        with opened.lock:
            weighed = opened.weighed
            if weighed is None or opened.decision is None:
                return None
            if prices not in weighed.decisions and prices not in opened.jobs:
                opened.jobs[prices] = self._pool.submit(_price, opened, weighed, prices)
        _wait(opened, prices)
        return weighed.decisions.get(prices)

    def kept(self, opened: Opened) -> list[RunSpec]:
        """Runs whose trained state can answer here, without sending texts elsewhere: one per
        arm.
        """
        store = self.queue.store(opened.name)
        return [
            s
            for s in opened.plan.specs
            if s.id in opened.plan.keep
            and opened.is_done(s.id)
            and store.model_folder(s.id).is_dir()
            and stays(s.arm)
        ]

    def renew(self, opened: Opened) -> None:
        """Something alongside the results is new: whatever is made of the study is made again."""
        with opened.lock:
            opened.version += 1
            opened.topics = stored_topics(self.queue.store(opened.name), opened.plan)
            opened.__dict__.pop("slices", None)

    def forget(self, name: str) -> None:
        """Drop a study from memory."""
        with self._lock:
            self._opened.pop(name, None)


def _wait(opened: Opened, key: Prices | None) -> None:
    """Wait a moment for what is being computed, and tell what went wrong with it."""
    job = opened.jobs.get(key)
    if job and wait([job], SOON).done:
        opened.jobs.pop(key, None)
        job.result()


def _weigh(opened: Opened) -> None:
    """Compare what is finished; and weigh it, once nothing more is to come."""
    results, ended, weighed = opened.results, opened.ended, opened.weighed
    if weighed is None or weighed.results is not results:
        comparison = compare(opened.plan, results)
        lines = entries_of(opened.plan, results, comparison)
        opened.weighed = weighed = Weighed(
            results, comparison, lines, StudyPredictions(opened.plan, comparison, lines)
        )
        opened.version += 1
    if ended:
        _ = opened.slices  # made alongside the page, so that no one waits for them at a press
        weighed.decisions[Prices()] = decide(
            opened.plan, results, weighed.comparison, lines=weighed.lines
        )
        opened.version += 1


def _price(opened: Opened, weighed: Weighed, prices: Prices) -> None:
    found = priced(
        weighed.decisions[Prices()], opened.plan, weighed.comparison, weighed.lines, prices
    )
    if len(weighed.decisions) >= PRICES_KEPT:
        del weighed.decisions[next(p for p in weighed.decisions if p != Prices())]
    weighed.decisions[prices] = found
    opened.version += 1
