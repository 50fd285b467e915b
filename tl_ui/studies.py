"""Studies as the page reads them: opened once, compared again only when something new is finished."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from tl_core.experiments.compare import Comparison, compare
from tl_core.experiments.consent import stays
from tl_core.experiments.plan import Plan, plan
from tl_core.experiments.queue import StudyQueue
from tl_core.types import RunResult, RunSpec

OPEN_AT_A_TIME = 16


@dataclass
class Opened:
    """A study in memory: what was asked, what is finished, and what that says."""

    name: str
    plan: Plan
    results: dict[str, RunResult] = field(default_factory=dict)
    comparison: Comparison | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run_of(self, arm: str, shots: int | None) -> RunSpec | None:
        """The first finished run of an arm at a number of shots: whose answers are shown row by row."""
        return next((s for s in self.plan.specs if (s.arm.id, s.shots) == (arm, shots) and self.is_done(s.id)), None)

    def is_done(self, run: str) -> bool:
        """Whether a run has scores."""
        return run in self.results and self.results[run].status == "done"


class Studies:
    """The studies visitors look at. Every method may be called from any thread."""

    def __init__(self, queue: StudyQueue):
        self.queue = queue
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, name: str) -> Opened:
        """A study with everything finished so far.

        Raises:
            UserError: there is no such study.
        """
        store = self.queue.store(name)  # also when it is in memory: it may have been removed
        with self._lock:
            opened = self._opened.get(name)
        if opened is None:
            opened = Opened(name, plan(store.load_study()))
            with self._lock:
                opened = self._opened.setdefault(name, opened)
                while len(self._opened) > OPEN_AT_A_TIME:
                    self._opened.popitem(last=False)
        with opened.lock:
            missing = [s.id for s in opened.plan.specs if not opened.is_done(s.id)]  # a failed run may have been done again
            new = store.results(missing)
            told = lambda result: result and (result.status, result.error)  # noqa: E731  scores are arrays
            if opened.comparison is None or any(told(opened.results.get(run)) != told(result) for run, result in new.items()):
                opened.results.update(new)
                opened.comparison = compare(opened.plan, opened.results)
        return opened

    def kept(self, opened: Opened) -> list[RunSpec]:
        """Runs whose trained state can answer here, without sending texts elsewhere: one per arm."""
        store = self.queue.store(opened.name)
        return [s for s in opened.plan.specs if s.id in opened.plan.keep and opened.is_done(s.id) and store.model_folder(s.id).is_dir() and stays(s.arm)]

    def forget(self, name: str) -> None:
        """Drop a study from memory."""
        with self._lock:
            self._opened.pop(name, None)
