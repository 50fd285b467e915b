"""The page's studies: a line of them, run one after another by one worker, whatever happens to any browser.

Each study is a folder under an unguessable name; whoever has the name may read it, whoever has its key may
stop it. After a restart the line goes on where it was. Nothing that happens to one study, its folder or the disk
ends the thread that runs them; should it or a worker die all the same, it is started again.
"""

from __future__ import annotations

import hmac
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.experiments.about import About, write_about
from tl_core.experiments.allowed import TakenIn
from tl_core.experiments.conduct import Conductor
from tl_core.experiments.keeper import Keeper
from tl_core.experiments.lent import Borrower, Lend, NotLent, lent_runs
from tl_core.experiments.plan import Plan, Study, plan
from tl_core.experiments.questions import STUDIES_NICE, Questions, warm_up
from tl_core.experiments.room import Room, size_of, whole
from tl_core.experiments.store import Store, told
from tl_core.experiments.turns import Line, Visitor
from tl_core.experiments.worker import Worker
from tl_core.types import FINAL, Event

log = logging.getLogger("transfer-lab")
ID_BYTES = 12
OPEN = ("queued", "running")
BUG = "This is a bug ({kind}); the log of the program has its details."
TEND_SECONDS = 2.0
LOOK_SECONDS = 0.5  # between two looks whether the line has finished with a study
NAME = re.compile(r"[\w-]{1,64}", re.ASCII)  # of a study's folder, as `secrets.token_urlsafe` makes it
NONE = "There is no such study here. It may have been removed; start it again."
GONE = ".gone."  # before the name of a folder that is being removed
STATE = {"status": str, "key": str, "keep": str, "context": dict, "runs": int, "made": (int, float)}  # of state.json, what must be there


class Damaged(UserError):
    """The folder of a study is there, but what the line of studies needs to know of it cannot be read."""


class StudyQueue:
    """Studies of many visitors, one worker. Every method may be called from any thread."""

    def __init__(
        self, home: Path, *, max_waiting: int = 64, max_seconds: float | None = None, device: str | None = None, who: Callable[[], Visitor] = Visitor,
        max_waiting_each: int = 64, max_question_seconds: float | None = None, max_questions_each: int = 64, room: Room | None = None,
        lends: bool = False,
    ):  # fmt: skip
        """Limits: studies that wait, in all and of one visitor; seconds of a study and of a question; questions of one visitor.

        Args:
            who: the visitor on whose behalf the calling thread asks.
            room: how much of the disk studies may take.
            lends: what trains a network is left for a GPU that is lent to whoever calls `borrow`.
        """
        self.folder = home / "studies"
        with told(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.max_waiting, self.max_waiting_each, self.max_seconds = max_waiting, max_waiting_each, max_seconds
        self.lends = lends
        self._who, self.room = who, room or Room(home)
        self.worker = Worker(device, nice=STUDIES_NICE)  # runs studies
        self.questions = Questions(device, who=who, most_seconds=max_question_seconds, most_each=max_questions_each)
        self.ask = self.questions.ask
        self._wake = threading.Condition()
        self._current: str | None = None
        self._borrowing: dict[str, Borrower] = {}  # studies that a visitor's own event is busy with, or will be next
        self._once_more: set[str] = set()  # asked to go on while they were still being stopped
        self._deleted: set[str] = set()  # gone for everybody; the folder of the current one waits for its conductor
        self._unwritten: dict[str, dict[str, Any]] = {}  # states that the disk would not take
        self._closing = False
        self._models: list[str] = []
        self._coming: list[str] = []  # visitors whose studies are being made ready for the line
        self._waiting = Line()
        for name, visitor in self._left_over():
            self._waiting.add(name, visitor)
        self._thread: threading.Thread | None = None
        self.keeper = Keeper()
        self.keeper.every(TEND_SECONDS, self._tend)

    def start(self, *, warm: Sequence[str] = ()) -> None:
        """Begin to work; the workers load these models first, so that the first study does not wait."""
        self._models = list(warm)
        self._start_thread()
        if self._models:
            threading.Thread(target=self.questions.warm, args=[self._models], daemon=True).start()
        self.keeper.start()

    def close(self) -> None:
        """Stop working; unfinished studies go on at the next start."""
        self.keeper.close()
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self.worker.stop()
        for borrower in list(self._borrowing.values()):
            borrower.stop()
        if self._thread:
            self._thread.join(5)
        self.worker.end()
        self.questions.end()

    def faults(self) -> list[str]:
        """What does not work at the moment, in sentences; none when all is well."""
        found = []
        if self._thread is None or not self._thread.is_alive():
            found.append("The thread that runs studies is not there.")
        if not self.keeper.alive:
            found.append("The thread that looks after the others is not there.")
        workers = (("runs studies", self.worker), ("answers short questions", self.questions.short.worker), ("answers long questions", self.questions.long.worker))
        return found + [f"The process that {does} is not there: {worker.trouble}" for does, worker in workers if worker.trouble]

    # --- what a visitor does -----------------------------------------------------------------------

    def submit(self, study: Study, *, keep: str = "best", context: dict[str, Any] | None = None, consent: str = "") -> tuple[str, str]:
        """Put a study in line; returns its name and the key that may stop it.

        Args:
            consent: to which endpoint its texts may be sent, now and when it goes on; see `tl_core.experiments.consent`.

        Raises:
            UserError: nothing in it can run, the line is full or this visitor's part of it, or so is the disk.
        """
        name, key, visitor = secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES), self._who().name
        with self._place(visitor):
            made = plan(study)
            self.room.take(visitor, _size_of_texts(study))
            with whole(self.folder / name) as folder:
                store = Store(folder)
                store.prepare()
                store.save_study(study)
                self._put(store, key, "queued", runs=len(made.specs), context=context or {}, keep=keep, consent=consent)
            with self._wake:
                self._waiting.add(name, visitor)
                self._wake.notify_all()
        return name, key

    def adopt(self, take_in: Callable[[Path], TakenIn]) -> tuple[str, str]:
        """Take in an archive as a study that has ended, to be read; returns its name and key. Its runs may be started only where
        all that it asks for is allowed.

        Args:
            take_in: lays the archive out in a folder, see `tl_core.experiments.allowed`.

        Raises:
            UserError: it cannot be opened; nothing of it is left then.
        """
        name, key = secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES)
        with whole(self.folder / name) as folder:
            taken = take_in(folder)
            self.room.take(self._who().name, size_of(folder))
            self._put(Store(folder), key, "done", runs=taken.runs, context={"dataset": taken.dataset}, adopted=True, only_read=taken.only_read)
        return name, key

    def duplicate(self, name: str) -> tuple[str, str]:
        """A study once more, with all that is finished of it, for somebody to change as their own; returns its name and key.

        Raises:
            UserError: there is no such study, or it is not at its end.
        """
        source, state = self.store(name).folder, self._state(name)
        if state["status"] in OPEN:
            raise UserError("This study is still being computed. Wait for its end, or stop it, then duplicate it.")
        other, key = secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES)
        self.room.take(self._who().name, size_of(source) // 2)  # what is shared counts for both by halves
        with whole(self.folder / other) as folder:
            shutil.copytree(source, folder, ignore=shutil.ignore_patterns("state.json", "progress.json", ".*"), copy_function=_link)
            origin = {part: state[part] for part in ("adopted", "only_read") if part in state}
            self._put(Store(folder), key, state["status"], runs=state["runs"], context=state["context"], keep=state["keep"], **origin)
        return other, key

    def describe(self, name: str, key: str, about: About) -> None:
        """Give a study a title and a note.

        Raises:
            UserError: it is somebody else's, or one of them is too long.
        """
        self._may(name, key)
        write_about(self.store(name), about)

    def again(self, name: str, key: str, *, without_gpu: bool = False) -> None:
        """Put a stopped or failed study back in line; only what is missing is computed.

        Args:
            without_gpu: what was left for a lent GPU is computed as everything else.

        Raises:
            UserError: it is somebody else's, or came as an archive that asks for what is not allowed here; or the line is full or
                this visitor's part of it.
        """
        self._may_run(name, key)
        visitor = self._who().name
        with self._place(visitor), self._wake:
            if without_gpu:
                self._mark(name, self._state(name)["status"], without_gpu=True)
            if name == self._current:
                self._once_more.add(name)  # perhaps it is just being stopped
            elif name not in self._waiting:
                self._mark(name, "queued", lent=None, visitor=visitor)
                self._waiting.add(name, visitor)
                self._wake.notify_all()

    def stop(self, name: str, key: str) -> None:
        """Stop a study within two seconds; what is finished is kept."""
        self._may(name, key)
        with self._wake:
            self._once_more.discard(name)
            if self._waiting.remove(name):
                self._note(name, "stopped")
            elif name == self._current:
                self.worker.stop()
            if name in self._borrowing:
                self._borrowing[name].stop()

    def borrow(self, name: str, key: str, lend: Lend) -> Iterator[Event | None]:
        """Do what of a study is left for a lent GPU, here and now, in the thread of whoever is lent it; meanwhile the study keeps
        its place in the line for everything else.

        Yields what happens, and None while everything else is being computed. Closing the iterator stops; what is finished is
        kept, and `status` says how much still waits for a GPU, and why.

        Raises:
            UserError: it is somebody else's, or not here, or came as an archive that asks for what is not allowed here.
        """
        self._may_run(name, key)
        store, made = self.store(name), self._plan(self.store(name))
        others, lent = self._shares(self._state(name), made)
        borrower = Borrower(made, lend, self.folder.parent)
        with self._wake:
            if name in self._borrowing or self._closing:
                return  # another event of the same visitor does it
            self._borrowing[name] = borrower  # from here on, the line begins nothing of it
        why, error = "", None
        try:
            while name == self._current:
                with self._wake:
                    self._wake.wait(LOOK_SECONDS)
                yield None
            if lent - {run for run, result in store.results(lent).items() if result.status == "done"} and not borrower.stopping:  # what failed has another chance
                state = self._state(name)
                self._note(name, "running", began=time.time(), lent=None)
                conductor = Conductor(store, made, borrower, keep=state["keep"], context=state["context"], leave=others)
                with closing(conductor.events()) as events:
                    yield from events
        except NotLent as fault:
            log.info("study %s: %s", name[:4], fault)
            why = fault.why
        except UserError as fault:
            error = str(fault)
        except Exception as fault:
            log.exception("study %s failed on the lent GPU", name[:4])
            error = BUG.format(kind=type(fault).__name__)
        finally:
            self._hand_back(name, made, borrower, why, error)

    def _hand_back(self, name: str, made: Plan, borrower: Borrower, why: str, error: str | None) -> None:
        """The line takes a study over again: what became of it, and what of it still waits for a GPU."""
        with self._wake:
            del self._borrowing[name]
            self._wake.notify_all()
            if name == self._current:
                return  # the line has it in hand, and says at its end what is left
            if name in self._deleted:
                return self._remove(name)
            try:
                others, lent = self._shares(self._state(name), made)
            except UserError:
                return  # it is not there any more
            results = self.store(name).results(others | lent)
            ended = {run for run, result in results.items() if result.status in FINAL}
            if borrower.stopping or not others - ended:
                self._waiting.remove(name)
            left = {"left": len(lent - ended), "why": why} if lent - ended else None
            failed = sum(1 for result in results.values() if result.status == "failed")
            status = "queued" if name in self._waiting or (self._closing and others - ended) else "failed" if error else "stopped" if (others | lent) - ended else "done"
            self._note(name, status, error=error, lent=left, failed=failed)

    def delete(self, name: str, key: str) -> None:
        """Remove a study. It is gone for everybody at once, and its folder as soon as nothing writes to it.

        Raises:
            UserError: it is somebody else's, or not here.
        """
        self._may(name, key)
        self._note(name, "deleted")  # should this process end now, the next one removes the folder
        with self._wake:
            self._deleted.add(name)
            self._once_more.discard(name)
            if name == self._current:
                self.worker.stop()
                return
            self._waiting.remove(name)
            if name in self._borrowing:
                return self._borrowing[name].stop()  # whoever borrows removes it
        self._remove(name)

    def status(self, name: str) -> dict[str, Any]:
        """`status` (queued, running, done, stopped, failed), `ahead` in line, `done` and `total` runs, `failed` ones at its last
        end, `progress`, `error`, whether it was `adopted` from an archive and why it can `only_read` be read.

        Raises:
            UserError: there is no such study.
        """
        state = self._state(name)
        store = self.store(name)
        finished = sum(1 for _ in (store.folder / "runs").glob("*.json"))
        with self._wake:
            ahead = list(self._waiting).index(name) + (self._current is not None) if name in self._waiting else 0
        return {
            "status": state["status"], "ahead": ahead, "done": min(finished, state["runs"]), "total": state["runs"],
            "progress": store.read_json("progress.json"), "error": state.get("error"), "began": state.get("began"), "made": state["made"],
            "failed": state.get("failed", 0), "lent": state.get("lent"), "adopted": bool(state.get("adopted")), "only_read": state.get("only_read", ""),
        }  # fmt: skip

    def store(self, name: str) -> Store:
        """The folder of a study, to read.

        Raises:
            UserError: there is no such study.
        """
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(NONE)
        folder = self.folder / name
        if name in self._deleted or not (folder / "state.json").is_file():
            raise UserError(NONE)
        return Store(folder)

    @contextmanager
    def _place(self, visitor: str) -> Iterator[None]:
        """A place in the line for a study that is being made ready: no two can be promised the same one.

        Raises:
            UserError: there is none.
        """
        with self._wake:
            waiting, own = len(self._waiting) + len(self._coming), self._waiting.of(visitor) + self._coming.count(visitor)
            if waiting >= self.max_waiting:
                raise UserError(f"{waiting} studies are waiting already, and no more are taken. Try again in some minutes.")
            if own >= self.max_waiting_each:
                raise UserError(f"{own} of your studies are waiting already, and no more of one visitor are taken. Wait until one has begun, or stop one.")
            self._coming.append(visitor)
        try:
            yield
        finally:
            with self._wake:
                self._coming.remove(visitor)

    def sweep(self, days: float) -> int:
        """Remove studies that nobody has touched for so many days; returns how many. Damaged ones count as touched when they were."""
        removed = 0
        for folder in list(self.folder.iterdir()):
            if folder.name.startswith(GONE):
                shutil.rmtree(folder, ignore_errors=True)  # a removal that was cut off
                continue
            try:
                status, touched = self._status_of(folder.name), (folder / "state.json").stat().st_mtime
            except OSError:
                continue  # no study, or just being made or removed
            if status == "deleted" or (status not in OPEN and time.time() - touched > days * 86400):
                self._remove(folder.name)
                removed += 1
        return removed

    # --- the thread that works ---------------------------------------------------------------------

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="studies", daemon=True)
        self._thread.start()

    def _tend(self) -> None:
        """Start again what should be there and is not."""
        if not self._thread.is_alive() and not self._closing:
            log.error("the thread that runs studies had ended; it is started again")
            with self._wake:
                self._current = None
            self._start_thread()
        self.questions.tend(self._models)

    def _run(self) -> None:
        self._warm_worker()
        while not self._closing:
            try:
                if name := self._next():
                    self._run_one(name)
                elif self.worker.trouble:
                    self._warm_worker()
            except Exception:
                log.exception("the line of studies stumbled")

    def _next(self) -> str | None:
        """The study whose turn it is; None after a while in which there was none."""
        with self._wake:
            if not self._free() and not self._closing:
                self._wake.wait(TEND_SECONDS)
            if self._closing or (name := self._waiting.take(self._borrowing)) is None:
                return None
            self._current = name
            self.worker.unstop()
            return name

    def _free(self) -> list[str]:
        """Waiting studies that nobody is busy with."""
        return [name for name in self._waiting if name not in self._borrowing]

    def _run_one(self, name: str) -> None:
        try:
            self._conduct(name)
        except UserError as fault:
            self._note(name, "failed", error=str(fault).replace(str(self.folder / name), "its folder"))
        except Exception as fault:
            log.exception("study %s failed", name[:4])
            self._note(name, "failed", error=BUG.format(kind=type(fault).__name__))
        finally:
            with self._wake:
                self._current = None
                again = name in self._once_more
                self._once_more.discard(name)
                if again and self._status_of(name) not in OPEN:
                    self._note(name, "queued")
                    self._waiting.add(name, self._state(name).get("visitor") or "")
            if name in self._deleted:
                self._remove(name)

    def _conduct(self, name: str) -> None:
        store, state = self.store(name), self._state(name)
        self.room.check_free()
        began = time.time()
        self._note(name, "running", began=began)
        made = self._plan(store)
        _, lent = self._shares(state, made)
        conductor = Conductor(store, made, self.worker, keep=state["keep"], context=state["context"], consent=state.get("consent", ""), leave=lent)
        with self._time_limit() as over, closing(conductor.events()) as events:
            for _ in events:
                pass
        failed = sum(1 for result in conductor.results.values() if result.status == "failed")
        left = len(lent - conductor.results.keys())
        waits = {"why": "", **(self._state(name).get("lent") or {}), "left": left} if left else None
        if not conductor.missing and not left:
            self._note(name, "done", failed=failed)
        elif not conductor.missing:
            with self._wake:  # whoever borrows has waited for this, or nobody does and somebody may later
                self._current = None
                self._note(name, "running" if name in self._borrowing else "stopped", failed=failed, lent=waits)
        elif self._closing:
            self._note(name, "queued")
        elif over.is_set():
            error = f"The time a study may take here ({self.max_seconds:.0f} s) is used up. Finished runs are kept."
            self._note(name, "stopped", error=error, failed=failed, lent=waits)
        else:
            self._note(name, "stopped", failed=failed, lent=waits)

    def _shares(self, state: dict[str, Any], made: Plan) -> tuple[frozenset[str], frozenset[str]]:
        """(runs that are done in the line, runs that are left for a lent GPU)."""
        lent = lent_runs(made) if self.lends and not state.get("without_gpu") else frozenset()
        return frozenset(s.id for s in made.specs) - lent, lent

    @contextmanager
    def _time_limit(self) -> Iterator[threading.Event]:
        """Stops the worker when a study has had its time, also if it says nothing any more; the event tells that it was so. The
        clock on the wall, which may be set meanwhile, plays no part."""
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

    def _left_over(self) -> list[tuple[str, str]]:
        """Studies that an earlier process did not end and whose they are, the oldest first. Folders that are damaged are left as they are, and logged."""
        found = []
        for folder in list(self.folder.iterdir()):
            if not folder.is_dir() or folder.name.startswith("."):
                continue
            try:
                state = self._state(folder.name)
            except Damaged:
                log.warning("the folder of study %s… is damaged and left alone: its state.json cannot be read", folder.name[:4])
                continue
            except UserError:
                continue  # no study
            if state["status"] in OPEN:
                found.append((state["made"], folder.name, str(state.get("visitor") or "")))
            elif state["status"] == "deleted":
                self._remove(folder.name)
        return [(name, visitor) for _, name, visitor in sorted(found)]

    def _state(self, name: str) -> dict[str, Any]:
        store = self.store(name)
        if name in self._unwritten:
            return self._unwritten[name]
        state = store.read_json("state.json")
        if not isinstance(state, dict) or any(not isinstance(state.get(part), kind) for part, kind in STATE.items()):
            raise Damaged("This study is damaged: what it was doing cannot be read any more. Start it again.")
        return state

    def _status_of(self, name: str) -> str:
        try:
            return self._state(name)["status"]
        except Damaged:
            return "damaged"
        except UserError:
            return "deleted" if name in self._deleted else "none"

    def _put(self, store: Store, key: str, status: str, *, runs: int, context: dict[str, Any], keep: str = "best", consent: str = "", **more: Any) -> None:
        """Write what the line needs to know; from then on the study is there."""
        state = {"status": status, "key": key, "keep": keep, "context": context, "consent": consent, "runs": runs, "made": time.time(), "visitor": self._who().name, **more}
        store.write_json("state.json", state)

    def _may(self, name: str, key: str) -> None:
        if not isinstance(key, str) or not hmac.compare_digest(self._state(name)["key"].encode(), key.encode("utf-8", "replace")):
            raise UserError("This study was started in another browser; only there can it be stopped or changed.")

    def _may_run(self, name: str, key: str) -> None:
        self._may(name, key)
        if why := self._state(name).get("only_read"):
            raise UserError(f"This study came as an archive and can only be read here. {why}")

    def _mark(self, name: str, status: str, **more: Any) -> None:
        """Write how it stands with a study.

        Raises:
            UserError: it is not here any more, or the disk does not take it.
        """
        state = {**self._state(name), "error": None, **more, "status": status}
        self.store(name).write_json("state.json", state)
        self._unwritten.pop(name, None)

    def _note(self, name: str, status: str, **more: Any) -> None:
        """As `_mark`, but what the disk does not take is remembered: the line goes on, and visitors are told the truth."""
        try:
            self._mark(name, status, **more)
        except UserError as fault:
            if name in self._deleted:
                return
            try:
                self._unwritten[name] = {**self._state(name), "error": None, **more, "status": status}
            except UserError:
                log.warning("study %s… is not there any more: %s", name[:4], fault)
            else:
                log.warning("study %s… is %s, which could not be written: %s", name[:4], status, fault)

    def _remove(self, name: str) -> None:
        """Take a study away: in one step for whoever looks, then file by file."""
        gone = self.folder / f"{GONE}{name}"
        try:
            (self.folder / name).rename(gone)
        except FileNotFoundError:
            pass
        except OSError as fault:
            log.warning("the folder of study %s… could not be removed: %s", name[:4], fault)
        self._unwritten.pop(name, None)
        shutil.rmtree(gone, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """A second name for a file, which takes no room: files of a study are replaced, never changed. Where there are no such names, a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _size_of_texts(study: Study) -> int:
    return sum(len(e.text) + len(e.text_b or "") for part in (study.split.pool, study.split.test) for e in part)
