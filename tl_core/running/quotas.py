"""Disk quotas of visitors: each of them, all together, and what stays free in any case."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.studies.store import file_errors_as_user_errors

OWNED = (
    ("studies", "state.json"),
    ("uploads", "names.json"),
)  # folders of a home, and the file in each of theirs that says whose it is
LOOK_SECONDS = 10.0  # between two counts; what is taken in between is added
FILE_BYTES = 512  # that a file takes alongside its content
FULL = (errno.ENOSPC, errno.EDQUOT)


class Room:
    """A count of what is in a home. Every method may be called from any thread.

    Args:
        most, most_each: bytes of all visitors, and of one.
        least_free: bytes of the disk that no one may take.
    """

    def __init__(
        self,
        home: Path,
        *,
        most: float = math.inf,
        most_each: float = math.inf,
        least_free: float = 0,
    ):
        self.home, self.most, self.most_each, self.least_free = home, most, most_each, least_free
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._counted = -math.inf

    def take(self, visitor: str, more: int) -> None:
        """See that a visitor may have so many bytes more, and count them.

        Raises:
            UserError: there is no room for them.
        """
        self.check_free(more)
        if math.isinf(self.most) and math.isinf(self.most_each):
            return
        with self._lock:
            if time.monotonic() - self._counted > LOOK_SECONDS:
                self._used, self._counted = self._count(), time.monotonic()
            if self._used[visitor] + more > self.most_each:
                raise UserError(
                    say(
                        "Your studies and files take {used} here, and {most_each} is the most a"
                        " visitor may have. Delete some (About), then try again.",
                        used=_mb(self._used[visitor]),
                        most_each=_mb(self.most_each),
                    )
                )
            if self._used.total() + more > self.most:
                raise UserError(
                    say(
                        "There is no room here for further studies and files at the moment."
                        " Delete some of yours (About), or try again later."
                    )
                )
            self._used[visitor] += more

    def check_free(self, more: int = 0) -> None:
        """See that the disk keeps what must stay free.

        Raises:
            UserError: it does not.
        """
        with file_errors_as_user_errors(self.home):
            free = shutil.disk_usage(self.home).free
        if free - more < self.least_free:
            raise UserError(
                say(
                    "The disk of this place is nearly full, so nothing new is taken. Delete"
                    " studies and files of yours (About), or try again later."
                )
            )

    def _count(self) -> Counter[str]:
        used: Counter[str] = Counter()
        for kind, name in OWNED:
            for folder in _listed(self.home / kind):
                used[_owner(Path(folder.path) / name)] += size_of(Path(folder.path))
        return used


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; one that several folders share counts for each by its
    share.
    """
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))
            except OSError:
                continue  # removed meanwhile
            total += found.st_size // max(1, found.st_nlink) + FILE_BYTES
    return total


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A new folder that is gone again if anything goes wrong.

    Raises:
        UserError: the disk does not take it; without the names of this place's folders, which are
            no one's business.
    """
    try:
        with file_errors_as_user_errors(folder):
            yield folder
    except BaseException as fault:
        shutil.rmtree(folder, ignore_errors=True)
        cause = fault.__cause__
        if isinstance(fault, UserError) and isinstance(cause, OSError) and cause.errno in FULL:
            raise UserError(
                say(
                    "The disk of this place is full: nothing was kept. Delete studies and files"
                    " of yours (About), or try again later."
                )
            ) from fault
        raise


def _listed(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as found:
            return [entry for entry in found if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _owner(path: Path) -> str:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return ""
    owner = said.get("visitor") if isinstance(said, dict) else ""
    return owner if isinstance(owner, str) else ""


def _mb(size: float) -> str:
    return f"{size / 2**20:,.0f} MB"
