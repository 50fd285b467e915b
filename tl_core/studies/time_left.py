"""How long the rest of a study takes, corrected while it runs.

What was estimated for each run is corrected by the pace so far: of the runs that are finished, and
of the one under way by the steps it has taken. A run that says nothing is not waited for longer
than it was estimated, so that between two events the time left only falls. Runs that were estimated
at next to nothing, as those without a model are, say nothing about the pace of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from tl_core.api.types import Event, Finished, Progress
from tl_core.studies.estimate import START_SECONDS, run_seconds
from tl_core.studies.plan import Plan

# Seconds for which the estimate counts beside what was seen: a first run of a second says little
# about an hour.
ESTIMATE_COUNTS = 10.0
ENOUGH_SECONDS, ENOUGH_SHARE = 2.0, 0.05  # of a phase, before it is extrapolated
TELLS = 1.0  # seconds that a run was estimated at, at least, for its pace to count
MOST_PACE = 10.0


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
        # seconds that the start and runs took which tell a pace, and what was expected of them
        self._took, self._of_those = 0.0, START_SECONDS
        self._heard = False
        self._since = clock()  # when the run under way began, as far as that is known
        self._running: str | None = None
        self._phase: tuple[str, float, int] = ("", self._since, 0)  # name, begin, steps then
        self._share = 0.0  # of the phase, since it was first heard of

    def saw(self, event: Event) -> None:
        """Take note of an event."""
        now = self._clock()
        if not self._heard:  # the process has started, which is waited for as well
            self._heard, self._took = True, now - self._since
            if isinstance(event, Progress):
                self._since = now
        if isinstance(event, Finished):
            expected = self._expected.pop(event.run, 0.0)
            if expected >= TELLS:
                self._took += now - self._since
                self._of_those += expected
            self._since, self._running, self._share = now, None, 0.0
        elif isinstance(event, Progress) and event.run in self._expected:
            step = event.step
            if (event.run, step.phase) != (self._running, self._phase[0]):
                self._running, self._phase = event.run, (step.phase, now, step.done)
            _, _, first = self._phase
            self._share = (step.done - first) / max(1, step.total - first)

    def seconds(self) -> float | None:
        """Seconds left; None while nothing was heard of the study."""
        if not self._heard:
            return None
        now = self._clock()
        others = sum(s for run, s in self._expected.items() if run != self._running)
        own = self._expected.get(self._running or "", 0.0)
        took, in_phase = now - self._since, now - self._phase[1]
        left = max(0.0, own * self._pace() - took)
        if self._running and in_phase >= ENOUGH_SECONDS and self._share >= ENOUGH_SHARE:
            left = max(left * (1 - self._share), in_phase * (1 - self._share) / self._share)
            if own >= TELLS:
                return left + self._pace(took + left, own) * others
        return left + self._pace() * others

    def _pace(self, took: float = 0.0, expected: float = 0.0) -> float:
        """Seconds for each that was expected, with a run that takes so many."""
        seen = self._took + took + ESTIMATE_COUNTS
        return min(MOST_PACE, seen / (self._of_those + expected + ESTIMATE_COUNTS))
