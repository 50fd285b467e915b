"""Conducts a study: gives the missing runs to a worker, keeps what comes back, writes the record.

This is the only writer of a study's folder. It may die at any moment; the next one continues from
the files.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tl_core.analysis.compare import compare
from tl_core.analysis.decision import Decision, decide
from tl_core.analysis.decision.caveats import unfinished
from tl_core.analysis.record import record, write_tables
from tl_core.api.sentences import say
from tl_core.api.types import FINAL, Event, Finished, Note, Progress, RunResult, Status
from tl_core.running.lent_gpu import Borrower
from tl_core.running.worker import Stopped, Worker, WorkerDied
from tl_core.studies.plan import Plan
from tl_core.studies.store import Store
from tl_core.studies.time_left import TimeLeft

PROGRESS_SECONDS = 0.25
RECORD_SECONDS = 3.0
RECORD_SHARE = 0.1  # of the time may go into rewriting the record


class StudyRunner:
    """One study being run."""

    def __init__(
        self,
        store: Store,
        plan: Plan,
        worker: Worker | Borrower,
        *,
        keep: str = "best",
        context: Mapping[str, Any] | None = None,
        consent: str = "",
        leave: Collection[str] = (),
        where: Path | None = None,
    ):
        """A study in its folder; the runs in `leave` are somebody else's to do, and `where` is the
        folder that knows how fast this machine is, as for `estimate`.
        """
        self.store, self.plan, self.worker, self.keep = store, plan, worker, keep
        self.consent = consent  # to which endpoint texts may be sent
        self.leave = frozenset(leave)
        self.context = dict(context or {})
        self.results: dict[str, RunResult] = {}
        self.decision: Decision | None = None  # None while runs are to come
        self.where = where
        self._time_left: TimeLeft | None = None
        self._running: str | None = None
        self._spent = 0.0
        self._began = time.time()
        self._next_record = self._next_progress = 0.0

    def events(self) -> Generator[Event, None, None]:
        """Run what is missing; each event is kept before it is passed on. Closing stops within two
        seconds.
        """
        self.results = {
            run: r
            for run, r in self.store.results(s.id for s in self.plan.specs).items()
            if r.status in FINAL
        }
        for run in self._to_do_again():
            if self.results.pop(run).status == "failed":
                self.store.forget(run)  # what is done stays until it is done again
        earlier = self.store.read_json("study.json")
        spent = earlier.get("wall_seconds") if isinstance(earlier, dict) else None
        self._spent = float(spent) if isinstance(spent, (int, float)) else 0.0
        self._record("queued")
        if not isinstance(self.worker, Borrower):  # of a lent GPU the pace is not known
            self._time_left = TimeLeft(self.plan, [*self.results, *self.leave], self.where)
        try:
            deaths: dict[str, int] = {}
            while self.missing:
                try:
                    yield from self._work()
                except WorkerDied as fault:
                    yield from self._died(fault, deaths)
        except Stopped:
            return
        finally:
            self._running = None
            self._record("stopped", final=True)  # whatever has no result by now

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest takes; None where that is not known yet."""
        return self._time_left.seconds() if self._time_left and self.missing else None

    @property
    def missing(self) -> list[str]:
        """Ids of the runs that are to be done here and have no result yet."""
        return [
            s.id for s in self.plan.specs if s.id not in self.results and s.id not in self.leave
        ]

    def _to_do_again(self) -> list[str]:
        """Failed runs get another chance when a person starts the study again; so do kept runs
        whose state is gone.
        """
        again = [run for run, result in self.results.items() if result.status == "failed"]
        if self.keep != "none":
            wanted = {s.id for s in self.plan.specs if self.keep == "all" or s.id in self.plan.keep}
            again += [
                r
                for r in wanted
                if r in self.results
                and self.results[r].status == "done"
                and not self.store.model_folder(r).is_dir()
            ]
        return [run for run in again if run not in self.leave]

    def _work(self) -> Generator[Event, None, None]:
        asked: dict[str, Any] = {
            "folder": str(self.store.folder.resolve()),
            "skip": [*self.results, *self.leave],
            "keep": self.keep,
            "consent": self.consent,
        }
        with closing(self.worker.call("run_study", **asked)) as events:
            for event in events:
                self._keep(event)
                yield event

    def _keep(self, event: Event) -> None:
        now = time.monotonic()
        if self._time_left is not None:
            self._time_left.saw(event)
        if isinstance(event, Finished):
            self.store.save_result(event.result)
            self.results[event.run] = event.result
            self._running = None
            if now >= self._next_record:
                self._record("queued")
                self._next_record = time.monotonic() + max(
                    RECORD_SECONDS, (time.monotonic() - now) / RECORD_SHARE
                )
        elif isinstance(event, Progress):
            self._running = event.run
            if now >= self._next_progress:
                self._next_progress = now + PROGRESS_SECONDS
                self._progress(event)

    def _progress(self, event: Progress) -> None:
        step = event.step
        self.store.write_json(
            "progress.json",
            {
                "run": event.run,
                "phase": step.phase,
                "step": step.done,
                "steps": step.total,
                "loss": step.loss,
                "done": len(self.results),
                "total": len(self.plan.specs),
                "seconds_left": self.seconds_left,
                "at": time.time(),
            },
        )

    def _died(self, fault: WorkerDied, deaths: dict[str, int]) -> Generator[Event, None, None]:
        """Try the run again once in a fresh process; a run that ends two processes has failed."""
        run = self._running or self.missing[0]
        deaths[run] = deaths.get(run, 0) + 1
        yield Note(str(fault))
        if deaths[run] > 1:
            done = Finished(
                run,
                RunResult(
                    run, "failed", error=say("{fault} It happened twice on this run.", fault=fault)
                ),
            )
            self._keep(done)
            yield done

    def _record(self, waiting: Status, final: bool = False) -> None:
        wall = self._spent + time.time() - self._began
        comparison = compare(self.plan, self.results)
        if self.decision is None and not unfinished(self.plan, self.results):
            self.decision = decide(self.plan, self.results, comparison)
        statuses: dict[str, Status] = {s.id: waiting for s in self.plan.specs}
        if self._running:
            statuses[self._running] = "running"
        context = {**self.context, "wall_seconds": round(wall, 2)}
        self.store.write_json(
            "study.json",
            record(
                self.plan,
                self.results,
                comparison,
                statuses=statuses,
                context=context,
                decision=self.decision,
            ),
        )
        if final:
            write_tables(self.store, self.plan, self.results)
            (self.store.folder / "progress.json").unlink(missing_ok=True)
