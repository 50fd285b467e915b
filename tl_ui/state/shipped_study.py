"""The finished study that comes with the page: what a visitor sees before anything was computed.

`python -m benchmarks.shipped_study` makes its file, from the bundled support tickets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_suffix(".json")
# the folder of a study with those of its trained arms that are small enough to come along
MODELS = Path(__file__).with_name("shipped_models")


@dataclass(frozen=True)
class Point:
    """The accuracy of a strategy at a number of labels, 0 to 1, with its 95% interval."""

    strategy: str
    shots: int | str  # per class, or "all"
    labels: int  # in all
    draws: int  # of the labels, or runs with other seeds where all labels are used
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Side:
    """The texts as one model places them."""

    strategy: str  # "" is the model as it comes
    shots: int | str
    near: float  # share of texts whose five nearest vote for their own label, 0 to 1
    places: tuple[tuple[float, float], ...]  # (n, 2), 0 to 1


@dataclass(frozen=True)
class Kept:
    """A run whose trained state lies in `MODELS`."""

    way: str  # "none", "few" or "all"
    strategy: str
    labels: int  # in all
    run: str


@dataclass(frozen=True)
class ShippedStudy:
    """What the page shows of it."""

    sample: str
    version: str  # of the program that made it
    test_rows: int
    seeds: int
    runs: tuple[str, ...]  # their ids: a digest of everything that decides their numbers
    points: tuple[Point, ...]
    rows: tuple[int, ...]  # of the sample, in the order of the places
    sides: tuple[Side, ...]  # untrained, LoRA, full
    kept: tuple[Kept, ...]  # one for each of the three ways

    def curve(self, strategy: str) -> tuple[Point, ...]:
        """The points of a strategy, fewest labels first."""
        return tuple(
            sorted((p for p in self.points if p.strategy == strategy), key=lambda p: p.labels)
        )

    def at(self, strategy: str, shots: int | str) -> Point:
        """The point of a strategy at so many labels per class.

        Raises:
            StopIteration: there is none.
        """
        return next(p for p in self.points if (p.strategy, p.shots) == (strategy, shots))


@cache
def shipped_study() -> ShippedStudy:
    """Read it; the file comes with the program."""
    made = json.loads(PATH.read_text(encoding="utf-8"))
    return ShippedStudy(
        **{name: made[name] for name in ("sample", "version", "test_rows", "seeds")},
        runs=tuple(made["runs"]),
        points=tuple(Point(**p) for p in made["points"]),
        rows=tuple(made["map"]["rows"]),
        kept=tuple(Kept(**kept) for kept in made["kept"]),
        sides=tuple(
            Side(**{**side, "places": tuple(map(tuple, side["places"]))})
            for side in made["map"]["sides"]
        ),
    )
