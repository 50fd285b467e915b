"""The folders of the page's studies: what each is doing, whose it is, and how it goes away.

Each study is a folder under an unguessable name; whoever has the name may read it, whoever has its
key may change it.
"""

from __future__ import annotations

import hmac
import logging
import re
import shutil
import time
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.studies.store import Store, file_errors_as_user_errors

log = logging.getLogger("transfer-lab")
OPEN = ("queued", "running")
NAME = re.compile(
    r"[\w-]{1,64}", re.ASCII
)  # of a study's folder, as `secrets.token_urlsafe` makes it
NONE = say("There is no such study here. It may have been removed; start it again.")
UNDO_SECONDS = 600.0  # for which a study that was put away can be brought back
GONE = ".gone."  # before the name of a folder that is being removed
STATE: dict[str, type | tuple[type, ...]] = {
    "status": str,
    "key": str,
    "keep": str,
    "context": dict,
    "runs": int,
    "made": (int, float),
}  # of state.json, what must be there


class Damaged(UserError):
    """The folder of a study is there, but what the line of studies needs to know of it cannot be
    read.
    """


class StudyRecords:
    """Studies on disk, by name. Every method may be called from any thread."""

    def __init__(self, folder: Path):
        """Make the folder of all studies.

        Raises:
            UserError: it cannot be made.
        """
        self.folder = folder
        with file_errors_as_user_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        # gone for everybody; the folder of one that is being run waits for its conductor
        self.deleted: set[str] = set()
        self.away: dict[str, float] = {}  # when each was put away; they are among `deleted`
        self._unwritten: dict[str, dict[str, Any]] = {}  # states that the disk would not take

    def store(self, name: str) -> Store:
        """The folder of a study, to read.

        Raises:
            UserError: there is no such study.
        """
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(NONE)
        folder = self.folder / name
        if name in self.deleted or not (folder / "state.json").is_file():
            raise UserError(NONE)
        return Store(folder)

    def state(self, name: str) -> dict[str, Any]:
        """What `create` and `mark` wrote of a study.

        Raises:
            Damaged: it cannot be read.
            UserError: there is no such study.
        """
        store = self.store(name)
        if name in self._unwritten:
            return self._unwritten[name]
        state = store.read_json("state.json")
        if not isinstance(state, dict) or any(
            not isinstance(state.get(part), kind) for part, kind in STATE.items()
        ):
            raise Damaged(
                say(
                    "This study is damaged: what it was doing can no longer be read. Start it"
                    " again."
                )
            )
        return state

    def status(self, name: str) -> str:
        """The status of a study, or "damaged", "deleted" or "none"."""
        try:
            return self.state(name)["status"]
        except Damaged:
            return "damaged"
        except UserError:
            return "deleted" if name in self.deleted else "none"

    def create(
        self,
        store: Store,
        key: str,
        status: str,
        *,
        visitor: str,
        runs: int,
        context: dict[str, Any],
        keep: str = "best",
        consent: str = "",
        **more: Any,
    ) -> None:
        """Write what the line needs to know; from then on the study is there."""
        state = {
            "status": status,
            "key": key,
            "keep": keep,
            "context": context,
            "consent": consent,
            "runs": runs,
            "made": time.time(),
            "visitor": visitor,
            **more,
        }
        store.write_json("state.json", state)

    def mark(self, name: str, status: str, **more: Any) -> None:
        """Write the status of a study.

        Raises:
            UserError: it is no longer here, or the disk does not take it.
        """
        state = {**self.state(name), "error": None, **more, "status": status}
        self.store(name).write_json("state.json", state)
        self._unwritten.pop(name, None)

    def note(self, name: str, status: str, **more: Any) -> None:
        """As `mark`, but what the disk does not take is remembered: the line continues, and
        visitors see the true state.
        """
        try:
            self.mark(name, status, **more)
        except UserError as fault:
            if name in self.deleted:
                return
            try:
                self._unwritten[name] = {
                    **self.state(name),
                    "error": None,
                    **more,
                    "status": status,
                }
            except UserError:
                log.warning("study %s… is no longer there: %s", name[:4], fault)
            else:
                log.warning(
                    "study %s… is %s, which could not be written: %s", name[:4], status, fault
                )

    def check_key(self, name: str, key: str) -> None:
        """See that a study may be changed with this key.

        Raises:
            UserError: it is somebody else's, or not here.
        """
        if not isinstance(key, str) or not hmac.compare_digest(
            self.state(name)["key"].encode(), key.encode("utf-8", "replace")
        ):
            raise UserError(
                say(
                    "This study was started in another browser; only there can it be stopped or"
                    " changed."
                )
            )

    def check_may_run(self, name: str, key: str) -> None:
        """See that the runs of a study may be started with this key.

        Raises:
            UserError: it is somebody else's, or not here, or came as an archive that asks for what
                is not allowed here.
        """
        self.check_key(name, key)
        if why := self.state(name).get("only_read"):
            raise UserError(
                say("This study came as an archive and can only be read here. {why}", why=why)
            )

    def remove(self, name: str) -> None:
        """Take a study away: in one step for any reader, then file by file."""
        gone = self.folder / f"{GONE}{name}"
        try:
            (self.folder / name).rename(gone)
        except FileNotFoundError:
            pass
        except OSError as fault:
            log.warning("the folder of study %s… could not be removed: %s", name[:4], fault)
        self._unwritten.pop(name, None)
        shutil.rmtree(gone, ignore_errors=True)

    def put_away(self, name: str) -> None:
        """Take a study away from everybody, and keep its folder for a while. Should this process
        end meanwhile, the next one removes it.
        """
        state = self.state(name)
        self.note(name, "deleted", was=state["status"], error=state.get("error"))
        self.away[name] = time.time()
        self.deleted.add(name)

    def bring_back(self, name: str, key: str) -> None:
        """Undo `put_away`.

        Raises:
            UserError: it is somebody else's, or gone for good.
        """
        if name not in self.away:
            raise UserError(NONE)
        self.deleted.discard(name)
        try:
            self.check_key(name, key)
            state = self.state(name)
            self.mark(name, str(state.get("was") or "stopped"), error=state.get("error"))
        except UserError:
            self.deleted.add(name)
            raise
        self.away.pop(name, None)

    def clear_away(self, seconds: float = UNDO_SECONDS) -> None:
        """Remove for good what was put away longer ago."""
        for name, since in list(self.away.items()):
            if time.time() - since >= seconds and self.away.pop(name, None) is not None:
                self.remove(name)

    def sweep(self, days: float) -> int:
        """Remove studies that no one has touched for so many days; returns how many. Damaged ones
        count as touched when they were.
        """
        removed = 0
        for folder in list(self.folder.iterdir()):
            if folder.name.startswith(GONE):
                shutil.rmtree(folder, ignore_errors=True)  # a removal that was cut off
                continue
            try:
                status, touched = (
                    self.status(folder.name),
                    (folder / "state.json").stat().st_mtime,
                )
            except OSError:
                continue  # no study, or just being made or removed
            if folder.name in self.away:
                continue
            if status == "deleted" or (status not in OPEN and time.time() - touched > days * 86400):
                self.remove(folder.name)
                removed += 1
        return removed

    def left_over(self) -> list[tuple[str, str]]:
        """Studies that an earlier process did not end and whose they are, the oldest first. Folders
        that are damaged are left as they are, and logged.
        """
        found = []
        for folder in list(self.folder.iterdir()):
            if not folder.is_dir() or folder.name.startswith("."):
                continue
            try:
                state = self.state(folder.name)
            except Damaged:
                log.warning(
                    "the folder of study %s… is damaged and left alone: its state.json cannot be"
                    " read",
                    folder.name[:4],
                )
                continue
            except UserError:
                continue  # no study
            if state["status"] in OPEN:
                found.append((state["made"], folder.name, str(state.get("visitor") or "")))
            elif state["status"] == "deleted":
                self.remove(folder.name)
        return [(name, visitor) for _, name, visitor in sorted(found)]


def bug(fault: BaseException) -> Sentence:
    """What a study says of a fault that no one expected."""
    return say(
        "This is a bug ({kind}); the log of the program has its details.",
        kind=type(fault).__name__,
    )
