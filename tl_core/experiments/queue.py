"""The page's studies: a line of them, run one after another by one worker, whatever happens to any browser.

Each study is a folder under an unguessable name; whoever has the name may read it, whoever has its key may
stop it. After a restart the line goes on where it was.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.experiments.about import About, write_about
from tl_core.experiments.archive import MOST_BYTES, unpack
from tl_core.experiments.conduct import Conductor
from tl_core.experiments.plan import Plan, Study, plan
from tl_core.experiments.store import Store, told
from tl_core.experiments.worker import Stopped, Worker, WorkerDied
from tl_core.types import Progress

log = logging.getLogger("transfer-lab")
ID_BYTES = 12
OPEN = ("queued", "running")


class StudyQueue:
    """Studies of many visitors, one worker. Every method may be called from any thread."""

    def __init__(self, home: Path, *, max_waiting: int = 64, max_seconds: float | None = None, device: str | None = None):
        self.folder = home / "studies"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.max_waiting, self.max_seconds = max_waiting, max_seconds
        self.worker = Worker(device)  # runs studies
        self.helper = Worker(device)  # answers short questions while a study runs: token checks, trying a text
        self._helper_lock = threading.Lock()
        self._wake = threading.Condition()
        self._current: str | None = None
        self._closing = False
        self._models: list[str] = []
        self._waiting: list[str] = self._left_over()
        self._thread = threading.Thread(target=self._run, name="studies", daemon=True)

    def start(self, *, warm: Sequence[str] = ()) -> None:
        """Begin to work; the workers load these models first, so that the first study does not wait."""
        self._models = list(warm)
        self._thread.start()
        threading.Thread(target=self._warm_helper, daemon=True).start()

    def close(self) -> None:
        """Stop working; unfinished studies go on at the next start."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self.worker.stop()
        self._thread.join(5)
        self.worker.end()
        self.helper.end()

    # --- what a visitor does -----------------------------------------------------------------------

    def submit(self, study: Study, *, keep: str = "best", context: dict[str, Any] | None = None, consent: str = "") -> tuple[str, str]:
        """Put a study in line; returns its name and the key that may stop it.

        Args:
            consent: to which endpoint its texts may be sent, now and when it goes on; see `tl_core.experiments.consent`.

        Raises:
            UserError: nothing in it can run, the line is full, or the disk is.
        """
        made = plan(study)
        name, key = secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES)
        with self._wake:
            if len(self._waiting) >= self.max_waiting:
                raise UserError(f"{len(self._waiting)} studies are waiting already, and no more are taken. Try again in some minutes.")
        store = Store(self.folder / name)
        store.prepare()
        store.save_study(study)
        self._put(store, key, "queued", runs=len(made.specs), context=context or {}, keep=keep, consent=consent)
        with self._wake:
            self._waiting.append(name)
            self._wake.notify_all()
        return name, key

    def adopt(self, source: Path, *, most_bytes: int = MOST_BYTES) -> tuple[str, str]:
        """Take in an archive as a study that has ended, to be read; returns its name and key.

        Raises:
            UserError: it cannot be opened; nothing of it is left then.
        """
        name, key = secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES)
        with self._whole(self.folder / name) as folder:
            made, store = unpack(source, folder, most_bytes=most_bytes), Store(folder)
            record = store.read_json("study.json")
            context = {"dataset": record.get("dataset") or {}} if isinstance(record, dict) else {}
            self._put(store, key, "done", runs=len(made.specs), context=context)
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
        with self._whole(self.folder / other) as folder:
            shutil.copytree(source, folder, ignore=shutil.ignore_patterns("state.json", "progress.json", ".*"))
            self._put(Store(folder), key, state["status"], runs=state["runs"], context=state["context"], keep=state["keep"])
        return other, key

    def describe(self, name: str, key: str, about: About) -> None:
        """Give a study a title and a note.

        Raises:
            UserError: it is somebody else's, or one of them is too long.
        """
        self._may(name, key)
        write_about(self.store(name), about)

    def again(self, name: str, key: str) -> None:
        """Put a stopped or failed study back in line; only what is missing is computed."""
        self._may(name, key)
        with self._wake:
            if name not in self._waiting and name != self._current:
                self._mark(name, "queued")
                self._waiting.append(name)
                self._wake.notify_all()

    def stop(self, name: str, key: str) -> None:
        """Stop a study within two seconds; what is finished is kept."""
        self._may(name, key)
        with self._wake:
            if name in self._waiting:
                self._waiting.remove(name)
                self._mark(name, "stopped")
            elif name == self._current:
                self.worker.stop()

    def status(self, name: str) -> dict[str, Any]:
        """`status` (queued, running, done, stopped, failed), `ahead` in line, `done` and `total` runs, `progress`, `error`.

        Raises:
            UserError: there is no such study.
        """
        state = self._state(name)
        store = self.store(name)
        finished = sum(1 for _ in (store.folder / "runs").glob("*.json"))
        with self._wake:
            ahead = self._waiting.index(name) + (self._current is not None) if name in self._waiting else 0
        return {
            "status": state["status"], "ahead": ahead, "done": min(finished, state["runs"]), "total": state["runs"],
            "progress": store.read_json("progress.json"), "error": state.get("error"), "began": state.get("began"), "made": state["made"],
        }  # fmt: skip

    def store(self, name: str) -> Store:
        """The folder of a study, to read.

        Raises:
            UserError: there is no such study.
        """
        folder = self.folder / name
        if not name or Path(name).name != name or not (folder / "state.json").is_file():
            raise UserError("There is no such study here. It may have been removed; start it again.")
        return Store(folder)

    def ask(self, function: str, **arguments: Any) -> Iterator[Any]:
        """Ask the helper process: `token_reports`, `predict`. One question at a time.

        Raises:
            UserError: as the function says, or the process died.
        """
        with self._helper_lock:
            try:
                with closing(self.helper.call(function, **arguments)) as answers:
                    yield from answers
            except WorkerDied as fault:
                raise UserError(f"{fault} Try again; if it happens again, choose a smaller model.") from fault

    def sweep(self, days: float) -> int:
        """Remove studies that nobody has touched for so many days; returns how many."""
        removed = 0
        for folder in self.folder.iterdir():
            state = folder / "state.json"
            if state.is_file() and self._state(folder.name)["status"] not in OPEN and time.time() - state.stat().st_mtime > days * 86400:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed

    # --- the thread that works ---------------------------------------------------------------------

    def _run(self) -> None:
        self._warm_worker()
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if self._closing:
                    return
                self._current = name = self._waiting.pop(0)
            try:
                self._conduct(name)
            except UserError as fault:
                self._mark(name, "failed", error=str(fault))
            except Exception as fault:
                log.exception("study %s failed", name)
                self._mark(name, "failed", error=f"This is a bug ({type(fault).__name__}); the log of the program has its details.")
            finally:
                with self._wake:
                    self._current = None

    def _conduct(self, name: str) -> None:
        store, state = self.store(name), self._state(name)
        began = time.time()
        self._mark(name, "running", began=began)
        conductor = Conductor(store, self._plan(store), self.worker, keep=state["keep"], context=state["context"], consent=state.get("consent", ""))
        ended = "done"
        with closing(conductor.events()) as events:
            for event in events:
                if isinstance(event, Progress) and self.max_seconds and time.time() - began > self.max_seconds:
                    ended, error = "stopped", f"The time a study may take here ({self.max_seconds:.0f} s) is used up. Finished runs are kept."
                    self._mark(name, ended, error=error)
                    return
        missing = [s for s in conductor.plan.specs if s.id not in conductor.results]
        if self._closing and missing:
            ended = "queued"
        elif missing:
            ended = "stopped"
        self._mark(name, ended)

    def _plan(self, store: Store) -> Plan:
        return plan(store.load_study())

    def _warm_worker(self) -> None:
        for model in self._models:
            try:
                list(self.worker.call("warm", model=model))
            except (WorkerDied, Stopped, UserError, RuntimeError) as fault:
                log.warning("the worker could not be warmed: %s", fault)

    def _warm_helper(self) -> None:
        calls = [("warm", {"model": model}) for model in self._models]
        with self._helper_lock:
            for function, arguments in [*calls, ("warm_maps", {})] if calls else ():
                try:
                    list(self.helper.call(function, **arguments))
                except (WorkerDied, Stopped, UserError, RuntimeError) as fault:
                    log.warning("the helper could not be warmed: %s", fault)

    def _left_over(self) -> list[str]:
        states = [(folder.name, Store(folder).read_json("state.json")) for folder in self.folder.iterdir()]
        return [name for name, state in sorted(states, key=lambda s: (s[1] or {}).get("made", 0)) if state and state["status"] in OPEN]

    def _state(self, name: str) -> dict[str, Any]:
        state = self.store(name).read_json("state.json")
        if state is None:
            raise UserError("This study is damaged. Start it again.")
        return state

    def _put(self, store: Store, key: str, status: str, *, runs: int, context: dict[str, Any], keep: str = "best", consent: str = "") -> None:
        """Write what the line needs to know; from then on the study is there."""
        state = {"status": status, "key": key, "keep": keep, "context": context, "consent": consent, "runs": runs, "made": time.time()}
        store.write_json("state.json", state)

    @contextmanager
    def _whole(self, folder: Path) -> Iterator[Path]:
        """A new folder that is gone again if anything goes wrong."""
        try:
            with told(folder):
                yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _may(self, name: str, key: str) -> None:
        if not hmac.compare_digest(self._state(name)["key"], key or ""):
            raise UserError("This study was started in another browser; only there can it be stopped or changed.")

    def _mark(self, name: str, status: str, **more: Any) -> None:
        store = self.store(name)
        store.write_json("state.json", {**self._state(name), "error": None, **more, "status": status})
