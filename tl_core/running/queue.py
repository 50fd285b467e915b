"""The page's studies: a line of them, run one after another by one worker, whatever happens to any
browser.

Each study is a folder under an unguessable name; whoever has the name may read it, whoever has its
key may stop it. After a restart the line continues where it was. Nothing that happens to one study,
its folder or the disk ends the thread that runs them; should it or a worker die all the same, it is
started again.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Event
from tl_core.running.keeper import Keeper
from tl_core.running.lent_gpu import Lend
from tl_core.running.loans import Loans
from tl_core.running.questions import STUDIES_NICE, Questions, warm_up
from tl_core.running.quotas import Room, size_of, whole
from tl_core.running.runner import StudyRunner
from tl_core.running.study_line import StudyLine
from tl_core.running.study_records import OPEN, StudyRecords, bug
from tl_core.running.turns import Visitor
from tl_core.running.worker import Worker
from tl_core.studies.allowed import TakenIn
from tl_core.studies.estimate import known, learn, remember
from tl_core.studies.plan import Plan, Study, plan
from tl_core.studies.store import Store
from tl_core.studies.title import About, write_about

log = logging.getLogger("transfer-lab")
ID_BYTES = 12
TEND_SECONDS = 2.0


class StudyQueue:
    """Studies of many visitors, one worker. Every method may be called from any thread."""

    def __init__(
        self,
        home: Path,
        *,
        max_waiting: int = 64,
        max_seconds: float | None = None,
        device: str | None = None,
        who: Callable[[], Visitor] = Visitor,
        max_waiting_each: int = 64,
        max_question_seconds: float | None = None,
        max_questions_each: int = 64,
        room: Room | None = None,
        lends: bool = False,
    ):
        """Limits: studies that wait, in all and of one visitor; seconds of a study and of a
        question; questions of one visitor.

        Args:
            who: the visitor on whose behalf the calling thread asks.
            room: how much of the disk studies may take.
            lends: what trains a network is left for a GPU that is lent to whoever calls `borrow`.
        """
        self.records = StudyRecords(home / "studies")
        self.folder = self.records.folder
        self.max_seconds = max_seconds
        self._who, self.room = who, room or Room(home)
        self.worker = Worker(device, nice=STUDIES_NICE, one_of_several=True)  # runs studies
        self.questions = Questions(
            device, who=who, most_seconds=max_question_seconds, most_each=max_questions_each
        )
        self.ask = self.questions.ask
        self.line = StudyLine(max_waiting, max_waiting_each)
        self._loans = Loans(self.line, self.records, lends=lends)
        self._once_more: set[str] = set()  # asked to continue while they were still being stopped
        self._models: list[str] = []
        for name, visitor in self.records.left_over():
            self.line.add(name, visitor)
        self._thread: threading.Thread | None = None
        self.keeper = Keeper()
        self.keeper.every(TEND_SECONDS, self._tend)

    def start(self, *, warm: Sequence[str] = ()) -> None:
        """Begin to work; the workers load these models first, so that the first study does not
        wait.
        """
        self._models = list(warm)
        self._start_thread()
        if self._models:
            threading.Thread(target=self.questions.warm, args=[self._models], daemon=True).start()
        self.keeper.start()

    def close(self) -> None:
        """Stop working; unfinished studies continue at the next start."""
        self.keeper.close()
        self.line.close()
        self.worker.stop()
        self._loans.stop()
        if self._thread:
            self._thread.join(5)
        self.worker.end()
        self.questions.end()

    def faults(self) -> list[str]:
        """Return what does not work at the moment, in sentences; none when all is well."""
        found: list[str] = []
        if self._thread is None or not self._thread.is_alive():
            found.append(say("The thread that runs studies is not there."))
        if not self.keeper.alive:
            found.append(say("The thread that looks after the others is not there."))
        workers = (
            (say("runs studies"), self.worker),
            (say("answers short questions"), self.questions.short.worker),
            (say("answers long questions"), self.questions.long.worker),
        )
        return found + [
            say(
                "The process that {does} is not there: {trouble}", does=does, trouble=worker.trouble
            )
            for does, worker in workers
            if worker.trouble
        ]

    # --- what a visitor does ----------------------------------------------------------------------

    def submit(
        self,
        study: Study,
        *,
        keep: str = "best",
        context: dict[str, Any] | None = None,
        consent: str = "",
    ) -> tuple[str, str]:
        """Put a study in line; returns its name and the key that may stop it.

        Args:
            consent: to which endpoint its texts may be sent, now and when it continues; see
                `tl_core.studies.consent`.

        Raises:
            UserError: nothing in it can run, the line is full or this visitor's part of it, or so
                is the disk.
        """
        name, key, visitor = (
            secrets.token_urlsafe(ID_BYTES),
            secrets.token_urlsafe(ID_BYTES),
            self._who().name,
        )
        with self.line.place(visitor):
            made = plan(study)
            self.room.take(visitor, _size_of_texts(study))
            with whole(self.folder / name) as folder:
                store = Store(folder)
                store.prepare()
                store.save_study(study)
                self.records.create(
                    store,
                    key,
                    "queued",
                    visitor=visitor,
                    runs=len(made.specs),
                    context=context or {},
                    keep=keep,
                    consent=consent,
                )
            self.line.add(name, visitor)
        return name, key

    def adopt(self, take_in: Callable[[Path], TakenIn]) -> tuple[str, str]:
        """Take in an archive as a study that has ended, to be read; returns its name and key. Its
        runs may be started only where all that it asks for is allowed.

        Args:
            take_in: lays the archive out in a folder, see `tl_core.studies.allowed`.

        Raises:
            UserError: it cannot be opened; nothing of it is left then.
        """
        name, key = secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES)
        with whole(self.folder / name) as folder:
            taken = take_in(folder)
            self.room.take(self._who().name, size_of(folder))
            self.records.create(
                Store(folder),
                key,
                "done",
                visitor=self._who().name,
                runs=taken.runs,
                context={"dataset": taken.dataset},
                adopted=True,
                only_read=taken.only_read,
            )
        return name, key

    def duplicate(self, name: str) -> tuple[str, str]:
        """A study once more, with all that is finished of it, for somebody to change as their own;
        returns its name and key.

        Raises:
            UserError: there is no such study, or it is not at its end.
        """
        source, state = self.store(name).folder, self.records.state(name)
        if state["status"] in OPEN:
            raise UserError(
                say(
                    "This study is still being computed. Wait for its end, or stop it, then"
                    " duplicate it."
                )
            )
        other, key = secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES)
        self.room.take(
            self._who().name, size_of(source) // 2
        )  # what is shared counts for both by halves
        with whole(self.folder / other) as folder:
            shutil.copytree(
                source,
                folder,
                ignore=shutil.ignore_patterns("state.json", "progress.json", ".*"),
                copy_function=_link,
            )
            origin = {part: state[part] for part in ("adopted", "only_read") if part in state}
            self.records.create(
                Store(folder),
                key,
                state["status"],
                visitor=self._who().name,
                runs=state["runs"],
                context=state["context"],
                keep=state["keep"],
                **origin,
            )
        return other, key

    def describe(self, name: str, key: str, about: About) -> None:
        """Give a study a title and a note.

        Raises:
            UserError: it is somebody else's, or one of them is too long.
        """
        self.records.check_key(name, key)
        write_about(self.store(name), about)

    def again(self, name: str, key: str, *, without_gpu: bool = False) -> None:
        """Put a stopped or failed study back in line; only what is missing is computed.

        Args:
            without_gpu: what was left for a lent GPU is computed as everything else.

        Raises:
            UserError: it is somebody else's, or came as an archive that asks for what is not
                allowed here; or the line is full or this visitor's part of it.
        """
        self.records.check_may_run(name, key)
        visitor = self._who().name
        with self.line.place(visitor), self.line.changed:
            if without_gpu:
                self.records.mark(name, self.records.state(name)["status"], without_gpu=True)
            if name == self.line.current:
                self._once_more.add(name)  # perhaps it is just being stopped
            elif name not in self.line.waiting:
                self.records.mark(name, "queued", lent=None, visitor=visitor)
                self.line.add(name, visitor)

    def stop(self, name: str, key: str) -> None:
        """Stop a study within two seconds; what is finished is kept."""
        self.records.check_key(name, key)
        with self.line.changed:
            self._once_more.discard(name)
            if self.line.waiting.remove(name):
                self.records.note(name, "stopped")
            elif name == self.line.current:
                self.worker.stop()
            if name in self._loans.borrowers:
                self._loans.borrowers[name].stop()

    def borrow(self, name: str, key: str, lend: Lend) -> Generator[Event | None, None, None]:
        """Do what of a study is left for a lent GPU, here and now, in the thread of the visitor
        lent it; meanwhile the study keeps its place in the line for everything else.

        Yields what happens, and None while everything else is being computed. Closing the iterator
        stops; what is finished is kept, and `status` says how much still waits for a GPU, and why.

        Raises:
            UserError: it is somebody else's, or not here, or came as an archive that asks for what
                is not allowed here.
        """
        return self._loans.borrow(name, key, lend)

    def delete(self, name: str, key: str) -> None:
        """Remove a study. It is gone for everybody at once, and its folder as soon as nothing
        writes to it.

        Raises:
            UserError: it is somebody else's, or not here.
        """
        self.records.check_key(name, key)
        # should this process end now, the next one removes the folder
        self.records.note(name, "deleted")
        with self.line.changed:
            self.records.deleted.add(name)
            self._once_more.discard(name)
            if name == self.line.current:
                self.worker.stop()
                return
            self.line.waiting.remove(name)
            if name in self._loans.borrowers:
                return self._loans.borrowers[name].stop()  # the borrower removes it
        self.records.remove(name)

    def put_away(self, name: str, key: str) -> None:
        """Remove a study as `delete` does, but for some minutes `bring_back` gives it back.

        Raises:
            UserError: it is somebody else's, not here, or not at its end.
        """
        self.records.check_key(name, key)
        if self.records.state(name)["status"] in OPEN:
            raise UserError(
                say("This study is still being computed. Stop it, or wait for its end.")
            )
        self.records.put_away(name)

    def bring_back(self, name: str, key: str) -> None:
        """Give back a study that was put away.

        Raises:
            UserError: it is somebody else's, or gone for good.
        """
        self.records.bring_back(name, key)

    def status(self, name: str) -> dict[str, Any]:
        """`status` (queued, running, done, stopped, failed), `ahead` in line, `done` and `total`
        runs, `failed` ones at its last end, `progress`, `error`, whether it was `adopted` from an
        archive and why it can `only_read` be read.

        Raises:
            UserError: there is no such study.
        """
        state = self.records.state(name)
        store = self.store(name)
        finished = sum(1 for _ in (store.folder / "runs").glob("*.json"))
        return {
            "status": state["status"],
            "ahead": self.line.ahead(name),
            "done": min(finished, state["runs"]),
            "total": state["runs"],
            "progress": store.read_json("progress.json"),
            "error": state.get("error"),
            "began": state.get("began"),
            "made": state["made"],
            "failed": state.get("failed", 0),
            "lent": state.get("lent"),
            "adopted": bool(state.get("adopted")),
            "only_read": state.get("only_read", ""),
        }

    def store(self, name: str) -> Store:
        """The folder of a study, to read.

        Raises:
            UserError: there is no such study.
        """
        return self.records.store(name)

    def sweep(self, days: float) -> int:
        """Remove studies that no one has touched for so many days; returns how many. Damaged ones
        count as touched when they were.
        """
        return self.records.sweep(days)

    # --- the thread that works --------------------------------------------------------------------

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="studies", daemon=True)
        self._thread.start()

    def _tend(self) -> None:
        """Start again what should be there and is not."""
        if (self._thread is None or not self._thread.is_alive()) and not self.line.closing:
            log.error("the thread that runs studies had ended; it is started again")
            with self.line.changed:
                self.line.current = None
            self._start_thread()
        self.questions.tend(self._models)

    def _run(self) -> None:
        self._warm_worker()
        while not self.line.closing:
            try:
                if name := self._next():
                    self._run_one(name)
                elif self.worker.trouble:
                    self._warm_worker()
            except Exception:
                log.exception("the line of studies stumbled")

    def _next(self) -> str | None:
        """The study whose turn it is; None after a while in which there was none."""
        with self.line.changed:
            if name := self.line.take(self._loans.borrowers, TEND_SECONDS):
                self.worker.unstop()
            return name

    def _run_one(self, name: str) -> None:
        try:
            self._conduct(name)
        except UserError as fault:
            self.records.note(
                name,
                "failed",
                error=fault.sentence.replace(str(self.folder / name), say("its folder")),
            )
        except Exception as fault:
            log.exception("study %s failed", name[:4])
            self.records.note(name, "failed", error=bug(fault))
        finally:
            with self.line.changed:
                self.line.current = None
                again = name in self._once_more
                self._once_more.discard(name)
                if again and self.records.status(name) not in OPEN:
                    self.records.note(name, "queued")
                    self.line.waiting.add(name, self.records.state(name).get("visitor") or "")
            if name in self.records.deleted:
                self.records.remove(name)

    def _conduct(self, name: str) -> None:
        store, state = self.store(name), self.records.state(name)
        self.room.check_free()
        began = time.time()
        self.records.note(name, "running", began=began)
        made = self._plan(store)
        _, lent = self._loans.shares(state, made)
        conductor = StudyRunner(
            store,
            made,
            self.worker,
            keep=state["keep"],
            context=state["context"],
            consent=state.get("consent", ""),
            leave=lent,
            where=self.folder.parent,
        )
        with self._time_limit() as over, closing(conductor.events()) as events:
            for _ in events:
                pass
        learn(made, conductor.results, self.folder.parent)
        failed = sum(1 for result in conductor.results.values() if result.status == "failed")
        left = len(lent - conductor.results.keys())
        earlier = self.records.state(name).get("lent") or {}
        waits = {"why": "", **earlier, "left": left} if left else None
        if not conductor.missing and not left:
            self.records.note(name, "done", failed=failed)
        elif not conductor.missing:
            # whoever borrows has waited for this, or no one does and somebody may later
            with self.line.changed:
                self.line.current = None
                self.records.note(
                    name,
                    "running" if name in self._loans.borrowers else "stopped",
                    failed=failed,
                    lent=waits,
                )
        elif self.line.closing:
            self.records.note(name, "queued")
        elif over.is_set():
            error = say(
                "The time a study may take here ({max_seconds:.0f} s) is used up. Finished runs"
                " are kept.",
                max_seconds=self.max_seconds,
            )
            self.records.note(name, "stopped", error=error, failed=failed, lent=waits)
        else:
            self.records.note(name, "stopped", failed=failed, lent=waits)

    @contextmanager
    def _time_limit(self) -> Iterator[threading.Event]:
        """Stops the worker when a study has had its time, also if it says nothing any more; the
        event tells that it was so. The clock on the wall, which may be set meanwhile, plays no
        part."""
        over = threading.Event()

        def end() -> None:
            over.set()
            self.worker.stop()

        timer = threading.Timer(self.max_seconds or 0, end)
        timer.daemon = True
        if self.max_seconds:
            timer.start()
        try:
            yield over
        finally:
            timer.cancel()

    def _plan(self, store: Store) -> Plan:
        return plan(store.load_study())

    def _warm_worker(self) -> None:
        warm_up(self.worker, [("warm", {"model": model}) for model in self._models])
        home = self.folder.parent
        if self._models and not known(home):
            for rate in warm_up(self.worker, [("time_training", {"model": self._models[0]})]):
                remember(rate, home)


def _link(source: str, target: str) -> None:
    """A second name for a file, which takes no room: files of a study are replaced, never changed.
    Where there are no such names, a copy.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _size_of_texts(study: Study) -> int:
    return sum(
        len(e.text) + len(e.text_b or "")
        for part in (study.split.pool, study.split.test)
        for e in part
    )
