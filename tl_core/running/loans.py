"""Studies of the page for which a visitor has been lent a GPU: what trains a network is done on it,
call after call, while the study keeps its place in the line for everything else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.types import FINAL, Event
from tl_core.running.lent_gpu import Borrower, Lend, NotLent, lent_runs
from tl_core.running.runner import StudyRunner
from tl_core.running.study_line import StudyLine
from tl_core.running.study_records import StudyRecords, bug
from tl_core.studies.plan import Plan, plan

log = logging.getLogger("transfer-lab")
LOOK_SECONDS = 0.5  # between two looks whether the line has finished with a study


class Loans:
    """Studies that a visitor's own event is busy with, or will be next."""

    def __init__(self, line: StudyLine, records: StudyRecords, *, lends: bool):
        """Loans beside a line of studies; where a place never `lends`, nothing is left for them."""
        self._line, self._records, self.lends = line, records, lends
        self.borrowers: dict[str, Borrower] = {}  # read and changed by whoever holds `line.changed`

    def shares(self, state: dict[str, Any], made: Plan) -> tuple[frozenset[str], frozenset[str]]:
        """(runs that are done in the line, runs that are left for a lent GPU)."""
        lent = lent_runs(made) if self.lends and not state.get("without_gpu") else frozenset()
        return frozenset(s.id for s in made.specs) - lent, lent

    def stop(self) -> None:
        """Stop all of them."""
        for borrower in list(self.borrowers.values()):
            borrower.stop()

    def borrow(self, name: str, key: str, lend: Lend) -> Generator[Event | None, None, None]:
        """As `StudyQueue.borrow`."""
        line, records = self._line, self._records
        records.check_may_run(name, key)
        store = records.store(name)
        made = plan(store.load_study())
        others, lent = self.shares(records.state(name), made)
        borrower = Borrower(made, lend, records.folder.parent)
        with line.changed:
            if name in self.borrowers or line.closing:
                return  # another event of the same visitor does it
            self.borrowers[name] = borrower  # from here on, the line begins nothing of it
        why, error = "", None
        try:
            while name == line.current:
                with line.changed:
                    line.changed.wait(LOOK_SECONDS)
                yield None
            done = {run for run, r in store.results(lent).items() if r.status == "done"}
            if lent - done and not borrower.stopping:  # what failed has another chance
                state = records.state(name)
                records.note(name, "running", began=time.time(), lent=None)
                conductor = StudyRunner(
                    store,
                    made,
                    borrower,
                    keep=state["keep"],
                    context=state["context"],
                    leave=others,
                )
                with closing(conductor.events()) as events:
                    yield from events
        except NotLent as fault:
            log.info("study %s: %s", name[:4], fault)
            why = fault.why
        except UserError as fault:
            error = str(fault)
        except Exception as fault:
            log.exception("study %s failed on the lent GPU", name[:4])
            error = bug(fault)
        finally:
            self._hand_back(name, made, borrower, why, error)

    def _hand_back(
        self, name: str, made: Plan, borrower: Borrower, why: str, error: str | None
    ) -> None:
        """The line takes a study over again: what became of it, and what of it still waits for a
        GPU.
        """
        line, records = self._line, self._records
        with line.changed:
            del self.borrowers[name]
            line.changed.notify_all()
            if name == line.current:
                return  # the line has it in hand, and says at its end what is left
            if name in records.deleted:
                return records.remove(name)
            try:
                others, lent = self.shares(records.state(name), made)
            except UserError:
                return  # it is no longer there
            results = records.store(name).results(others | lent)
            ended = {run for run, result in results.items() if result.status in FINAL}
            if borrower.stopping or not others - ended:
                line.waiting.remove(name)
            left = {"left": len(lent - ended), "why": why} if lent - ended else None
            failed = sum(1 for result in results.values() if result.status == "failed")
            status = (
                "queued"
                if name in line.waiting or (line.closing and others - ended)
                else "failed"
                if error
                else "stopped"
                if (others | lent) - ended
                else "done"
            )
            records.note(name, status, error=error, lent=left, failed=failed)
