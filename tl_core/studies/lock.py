"""One process at a time for a folder: the second one learns which is there.

The lock is the system's, on a file that the holder's process has open: however a process ends, its
lock ends with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, together

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

NAME = ".lock"
BESIDE = 2**30  # the byte that is locked on Windows, where no one can read what is locked


class Lock:
    """Held from `take` to `release`, or to the end of the process.

    Args:
        what: what may be done by one process only, as in "a comparison that writes to results".
        instead: what else can be done, as in "choose another folder".
    """

    def __init__(self, folder: Path, what: str, instead: str):
        self.path, self.what, self.instead = folder / NAME, what, instead
        self._file: Any = None

    def take(self) -> None:
        """Become the one.

        Raises:
            UserError: another process is; the sentence says which.
            OSError: the folder cannot be written to.
        """
        while self._file is None:
            file = open(self.path, "a+b")
            if not _locked(file):
                who = _holder(file)
                file.close()
                raise UserError(
                    together(
                        (
                            say("There is {what} already: {who}.", what=self.what, who=who)
                            if who
                            else say("There is {what} already.", what=self.what),
                            say("Wait for its end or stop it, or {instead}.", instead=self.instead),
                        )
                    )
                )
            if _is_there(file, self.path):  # else its last holder has just removed it
                self._file = file
            else:
                file.close()
        self._file.truncate(0)
        self._file.write(
            json.dumps({"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}).encode()
        )
        self._file.flush()

    def release(self) -> None:
        """Release it to others."""
        if self._file is None:
            return
        if os.name == "posix":
            self.path.unlink(
                missing_ok=True
            )  # before it is unlocked, so that no one locks a file that goes
        self._file.close()
        self._file = None

    def __enter__(self) -> Lock:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _locked(file: Any) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(BESIDE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _holder(file: Any) -> str:
    try:
        file.seek(0)
        said = json.loads(file.read())
        return say("process {id}, since {since}", id=int(said["pid"]), since=str(said["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _is_there(file: Any, path: Path) -> bool:
    try:
        return os.name != "posix" or os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
