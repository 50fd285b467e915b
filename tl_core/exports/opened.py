"""An export, opened again: checked against its digests first, then loaded by the library it is
for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem
from tl_core.exports.ending import Ending
from tl_core.exports.formats import Format, Probabilities, format_of
from tl_core.exports.problem import problem_in
from tl_core.exports.write import ABOUT, SCHEMA
from tl_core.json_text import parsed
from tl_core.tasks import task_of


@dataclass(frozen=True)
class Opened:
    """An export that is ready to answer."""

    about: dict[str, Any]
    problem: Problem
    probabilities: Probabilities
    ending: Ending
    decides: bool

    def scores(self, examples: Sequence[Example]) -> np.ndarray:
        """(n, C) as the run scores them: where several labels may apply, a given one reaches one
        half.
        """
        found = np.asarray(self.probabilities(examples))
        return found if self.decides else self.ending.scores(found)


def is_export(folder: Path) -> bool:
    """Whether a folder holds an export."""
    return (folder / ABOUT).is_file()


def read_about(folder: Path) -> dict[str, Any]:
    """`export.json`, checked.

    Raises:
        UserError: it is damaged, or a newer program wrote it.
    """
    try:
        about = parsed((folder / ABOUT).read_text(encoding="utf-8"))
        if about["schema"] > SCHEMA:
            raise UserError(
                say(
                    "The export in {folder} was written by a newer version of this program."
                    " Update, then open it again.",
                    folder=folder,
                )
            )
        ids = [label["id"] for label in about["labels"]]
        wanted = (about["format"], about["inputs"], about["target"], about["run"], about["arm"])
        if not all(isinstance(x, str) for x in (*ids, *wanted)) or len(set(ids)) < len(ids):
            raise ValueError("labels or names")
        if len(ids) < task_of(problem_in(about)).least_labels:
            raise ValueError("labels")
        Ending.of(about["ending"], ids)
        dict(about["files"])
        return about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise UserError(
            say(
                "{folder} holds no export that can be read: {file} is not there or damaged."
                " Export the run again.",
                folder=folder,
                file=ABOUT,
            )
        ) from fault


def check(folder: Path, about: dict[str, Any]) -> None:
    """See that every file is as it was written, and that there is no other.

    Raises:
        UserError: with the first that is not.
    """
    files: dict[str, str] = about["files"]
    there = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).as_posix() != ABOUT
    }
    changed = sorted(files.keys() ^ there.keys()) or [
        name for name, path in sorted(there.items()) if _sha256(path) != files[name]
    ]
    if changed:
        raise UserError(
            say(
                "{folder} is not as it was exported: {file} was changed, added or removed. Export"
                " the run again.",
                folder=folder,
                file=changed[0],
            )
        )


def format_in(folder: Path, about: dict[str, Any]) -> Format:
    """The format of an export, whose library is here.

    Raises:
        UserError: it is unknown, or its library is missing.
    """
    format = format_of(about["format"], by_word=task_of(problem_in(about)).by_word)
    if missing := format.missing(reads=True):
        raise UserError(missing)
    return format


def open_export(folder: Path) -> Opened:
    """Check an export and load it.

    Raises:
        UserError: it is damaged or was changed, or its library is missing.
    """
    about = read_about(folder)
    check(folder, about)
    format = format_in(folder, about)
    return Opened(
        about,
        problem_in(about),
        format.open(folder, about),
        Ending.of(about["ending"], [label["id"] for label in about["labels"]]),
        format.decides,
    )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
