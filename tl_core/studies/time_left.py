"""How long the rest of a study takes, corrected while it runs.

What was estimated for each run is corrected by the pace of the runs that are done, and for the run
under way by the steps it has taken. Between two events the time left only falls. Runs that were
estimated at next to nothing, as those without a model are, say nothing about the pace of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from tl_core.api.types import Event, Finished, Progress
from tl_core.studies.estimate import run_seconds
from tl_core.studies.plan import Plan

# Seconds for which the estimate counts beside what was seen: a run of a second says little about
# an hour.
ESTIMATE_COUNTS = 10.0
ENOUGH_SECONDS, ENOUGH_SHARE = 2.0, 0.05  # of a phase, before it is extrapolated
TELLS = 1.0  # seconds that a run was estimated at, at least, for its pace to count
LEAST_PACE, MOST_PACE = 0.5, 10.0  # texts that were read before make a run quicker than the next
AFTER = 0.2  # of a run, about, that follows its training: the test rows


class TimeLeft:
    """Watches the events of a study."""

    def __init__(
        self,
        plan: Plan,
        done: Collection[str] = (),
        where: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        """A study in which the runs in `done` are not waited for; `where` as for `estimate`."""
        self._clock = clock
        self._expected = run_seconds(plan, done=done, where=where)  # of what is to come
        self._took = self._of_those = 0.0  # by runs that tell a pace, and what was expected of them
        self._since: float | None = None  # when the run under way began, as far as that is known
        self._running: str | None = None
        self._phase, self._phase_began, self._first = "", 0.0, 0  # its name, begin and step then
        self._seen, self._step, self._share = 0.0, 0, 0.0  # of its last step: when, number, share
        self._trains = False

    def saw(self, event: Event) -> None:
        """Take note of an event."""
        now = self._clock()
        since, self._since = self._since, now if self._since is None else self._since
        if isinstance(event, Finished):
            expected = self._expected.pop(event.run, 0.0)
            if since is not None and event.result.status == "done" and expected >= TELLS:
                self._took += now - since
                self._of_those += expected
            self._since, self._running, self._share = now, None, 0.0
        elif isinstance(event, Progress) and event.run in self._expected:
            step = event.step
            # a step that was taken before: the run began again in another process
            anew = step.done < self._step or step.phase != self._phase
            if event.run != self._running or anew:
                self._running, self._phase = event.run, step.phase
                self._phase_began, self._first = now, step.done
            self._seen, self._step, self._trains = now, step.done, step.loss is not None
            self._share = (step.done - self._first) / max(1, step.total - self._first)

    def seconds(self) -> float | None:
        """Seconds left; None while nothing was heard of the study."""
        if self._since is None:
            return None
        now, own = self._clock(), self._expected.get(self._running or "", 0.0)
        others = sum(s for run, s in self._expected.items() if run != self._running)
        pace, silent = self._pace(), now - self._seen
        left = max(0.0, own * pace - (now - self._since))
        in_phase = self._seen - self._phase_began
        if self._running and in_phase >= ENOUGH_SECONDS and self._share >= ENOUGH_SHARE:
            by_steps = in_phase * (1 - self._share) / self._share  # as of the last step
            if self._trains:
                to_come = by_steps + AFTER * own * pace
                left = max(0.0, to_come - silent)
                if own >= TELLS:
                    pace = self._pace(self._seen - self._since + to_come, own)
            else:
                left = max(left, by_steps - silent)
        return left + pace * others

    def _pace(self, took: float = 0.0, expected: float = 0.0) -> float:
        """Seconds for each that was expected, with a run that takes so many."""
        seen = self._took + took + ESTIMATE_COUNTS
        of = self._of_those + expected + ESTIMATE_COUNTS
        return min(MOST_PACE, max(LEAST_PACE, seen / of))
