"""Limits on how much of a file is read. A reader looks at what a file says of its own size before
it reads, counts while it reads, and stops as soon as one of these limits is passed: a small file
can unpack to more than any memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, together

# characters; a longer cell is a file swallowed by one open quote, or no text to label
MAX_CELL = 1_000_000


@dataclass(frozen=True)
class Limits:
    """The defaults are those of the command line: about what a usual machine can hold in memory."""

    rows: int = 5_000_000  # at 240 characters a row this is about 2 GB of memory
    columns: int = 4_096  # JSON rows may each bring new keys
    cells: int = (
        200_000_000  # rows times columns, since a missing cell takes room too; and entries of lists
    )
    # of all cells together, where a file packs them: text files are as long as they are
    characters: int = 4_000_000_000
    unpacked: int = 4 << 30  # bytes of a workbook, a Parquet file or an archive
    answers: int = 100_000_000  # runs times test rows of an archive: what it takes to compare them


USUAL = Limits()


class Budget:
    """A count of what is read of one file, which ends the reading with a sentence once it is too
    much.
    """

    def __init__(self, name: str, limits: Limits):
        self.name, self.limits = name, limits
        self.rows = self.cells = self.characters = 0

    def columns(self, count: int) -> None:
        """A file has so many columns.

        Raises:
            UserError: they are too many.
        """
        if count > self.limits.columns:
            raise UserError(
                say(
                    "{name} has {count:,} columns; at most {columns:,} can be read here. Keep those"
                    " with texts and labels.",
                    name=self.name,
                    count=count,
                    columns=self.limits.columns,
                )
            )

    def unpacks_to(self, size: int) -> None:
        """A file unpacks to so many bytes.

        Raises:
            UserError: they are too many.
        """
        if size > self.limits.unpacked:
            raise UserError(
                say(
                    "{name} unpacks to more than {bytes}. Keep only the columns of texts and"
                    " labels, or a part of the rows.",
                    name=self.name,
                    bytes=_bytes(self.limits.unpacked),
                )
            )

    def take(self, rows: int, cells: int, characters: int = 0) -> None:
        """Count so many more rows, about to be kept, with so many cells and characters in them.

        Raises:
            UserError: with them it is too much.
        """
        self.rows += rows
        self.cells += cells
        self.characters += characters
        if self.rows > self.limits.rows:
            raise UserError(
                say(
                    "{name} has more than {rows:,} rows, the most that can be read here. Draw a"
                    " sample of them: far fewer are needed to compare strategies.",
                    name=self.name,
                    rows=self.limits.rows,
                )
            )
        if self.cells > self.limits.cells:
            raise UserError(
                say(
                    "{name} has more than {cells:,} cells, the most that can be read here. Keep"
                    " only the columns of texts and labels.",
                    name=self.name,
                    cells=self.limits.cells,
                )
            )
        if self.characters > self.limits.characters:
            raise UserError(
                say(
                    "{name} holds more than {characters:,} characters, the most that can be read"
                    " here. Keep only the columns of texts and labels, or a part of the rows.",
                    name=self.name,
                    characters=self.limits.characters,
                )
            )


class Few:
    """The first few of what may be very many, and how many they are."""

    def __init__(self, most: int = 10):
        self.most, self.count = most, 0
        self.first: list[str] = []

    @property
    def shows(self) -> bool:
        """Whether the next one will be shown; only then it has to be put in words."""
        return self.count < self.most

    def add(self, said: str) -> None:
        """Count one more."""
        self.count += 1
        if self.count <= self.most:
            self.first.append(said)

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        more = self.count - len(self.first)
        first = together(self.first, ", ")
        return say("{first} and {n:,} more", first=first, n=more) if more else first


def _bytes(size: int) -> str:
    if size >= 1 << 30:
        return f"{size >> 30} GB"
    return f"{size >> 20} MB" if size >= 1 << 20 else say("{n:,} bytes", n=size)
