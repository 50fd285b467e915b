"""Prices of machines by the hour: some that were published, and those that a user writes down.

`machines.csv` in TL_HOME has the columns of the file beside this one; a name that is in both is the
user's. A price is of that machine, the seconds of a study are of the one it ran on: choose one that
is alike.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError, raise_all, unknown
from tl_core.api.sentences import say

FILE = "machines.csv"
COLUMNS = ("name", "price_hour", "currency", "date", "about")
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Machine:
    """What an hour of a machine costs."""

    name: str
    price_hour: float
    currency: str
    date: str  # when that was its price
    about: str


def machines(home: Path | None = None) -> dict[str, Machine]:
    """Every machine by its name: the user's first.

    Args:
        home: the folder of the user's file; None: TL_HOME.

    Raises:
        UserError: the user's file cannot be read, with all its faults.
    """
    from tl_core.models import embedding_cache

    own = (home or embedding_cache.home()) / FILE
    mine = {m.name: m for m in _read(own)} if own.is_file() else {}
    published = {m.name: m for m in _read(Path(__file__).with_name(FILE))}
    return mine | {name: m for name, m in published.items() if name not in mine}


def machine_named(name: str, home: Path | None = None) -> Machine:
    """A machine by its name.

    Raises:
        UserError: there is none.
    """
    there = machines(home)
    if name not in there:
        raise UserError(unknown(say("machine"), name, there))
    return there[name]


def _read(path: Path) -> list[Machine]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(say("it is larger than {n:,} bytes", n=MOST_BYTES))
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as fault:
        raise UserError(say("{file} cannot be read: {fault}.", file=path, fault=fault)) from fault
    faults = list(_faults(path, rows))
    raise_all(faults)
    return [
        Machine(
            row["name"].strip(),
            float(row["price_hour"]),
            *((row.get(column) or "").strip() for column in COLUMNS[2:]),
        )
        for row in rows
    ]


def _faults(path: Path, rows: list[dict[str, str]]) -> Iterator[str]:
    for line, row in enumerate(rows, start=2):
        if not (row.get("name") or "").strip():
            yield say(
                "{file}, line {line}: a machine has no name. The columns are {columns}.",
                file=path.name,
                line=line,
                columns=", ".join(COLUMNS),
            )
        try:
            price = float(row.get("price_hour") or "")
        except ValueError:
            price = math.nan
        if not (price > 0 and math.isfinite(price)):
            yield say(
                "{file}, line {line}: price_hour is {price!r}, and must be a number above 0.",
                file=path.name,
                line=line,
                price=row.get("price_hour") or "",
            )
