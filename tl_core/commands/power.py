"""Statistical power: the differences a study could find, before it is run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tl_core.api.errors import raise_all
from tl_core.api.sentences import Sentence, listed, say, say_n
from tl_core.commands import shown

SEED_SDS = (0.0, 0.02, 0.04)  # of the difference, as a share
SEEDS, ROWS = (3, 5, 10, 20), (100, 200, 500, 1000, 2000, 5000)
USUAL_SD = 0.02


@dataclass(frozen=True)
class _Command:
    id: str = "power"
    order: int = 36
    help: str = say(
        "what differences this many test rows and seeds can find, before a study is run"
    )

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("--rows", type=int, required=True, metavar="N", help=say("test rows"))
        command.add_argument(
            "--seeds",
            type=int,
            default=5,
            metavar="N",
            help=say("number of seeds (default: 5)"),
        )
        command.add_argument(
            "--classes", type=int, default=2, metavar="N", help=say("number of labels (default: 2)")
        )
        command.add_argument("--json", action="store_true", help=say("print the numbers as JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Work it out and print it. Nothing is read."""
        asked = (("--rows", a.rows, 2), ("--seeds", a.seeds, 1), ("--classes", a.classes, 2))
        raise_all(
            say(
                "{name} is {value}; it must be {least} or more.",
                name=name,
                value=value,
                least=least,
            )
            for name, value, least in asked
            if value < least
        )
        found = _found(a.rows, a.seeds, a.classes)
        if a.json:
            print(json.dumps(found, allow_nan=False, indent=1))
        else:
            _print(found)


def _found(rows: int, seeds: int, classes: int) -> dict[str, Any]:
    """Shares of 0..1; null where no difference is large enough."""
    from tl_core.statistics.power import (
        USUAL_DISCORDANCE,
        detectable_difference,
        detectable_of_two_models,
        usual_spread,
        wilson_half_width,
    )

    return {
        "rows": rows,
        "seeds": seeds,
        "classes": classes,
        "discordance": USUAL_DISCORDANCE,
        "methods": [
            {
                "seed_sd": sd,
                "difference": _number(detectable_difference(seeds, rows, usual_spread(sd))),
            }
            for sd in SEED_SDS
        ],
        "two_models": _number(detectable_of_two_models(rows, USUAL_DISCORDANCE)),
        "half_width_at_80": wilson_half_width(0.8, rows),
        "rows_per_class": rows // classes,
        "half_width_of_a_class_at_80": (
            wilson_half_width(0.8, rows // classes) if rows >= classes else None
        ),
        "more_seeds": {
            s: _number(detectable_difference(s, rows, usual_spread(USUAL_SD)))
            for s in SEEDS
            if s > seeds
        },
        "more_rows": {
            n: _number(detectable_difference(seeds, n, usual_spread(USUAL_SD)))
            for n in ROWS
            if n > rows
        },
    }


def _print(found: dict[str, Any]) -> None:
    rows, seeds = found["rows"], found["seeds"]
    print(
        shown(
            say_n(
                "With {rows:,} test rows and {n} seed, found in 8 of 10 studies (95%):",
                "With {rows:,} test rows and {n} seeds, found in 8 of 10 studies (95%):",
                seeds,
                rows=rows,
            )
        )
    )
    for line in _differences(found):
        print(f"  {shown(line)}")
    print(
        shown(
            say(
                "An accuracy of 80% will carry about ± {points}, from the choice of test rows"
                " alone.",
                points=_points(found["half_width_at_80"]),
            )
        )
    )
    print(shown(_of_each_label(found)))
    _print_more(found)
    print(
        shown(
            say(
                "Assumed: one of two strategies is right and the other wrong on {share:.0f}% of the"
                " rows.",
                share=100 * found["discordance"],
            )
        )
    )


def _differences(found: dict[str, Any]) -> Iterator[Sentence]:
    """What can be found, a line each."""
    if found["seeds"] == 1:
        yield say(
            "no difference of two strategies, whatever its size: one seed does not show how much"
            " they vary. Run 3 seeds or more."
        )
    for line in found["methods"] if found["seeds"] > 1 else ():
        spread = 100 * line["seed_sd"]
        if line["difference"] is None:
            yield say(
                "no difference of two strategies, if it varies by {spread:.0f} points between"
                " seeds",
                spread=spread,
            )
        else:
            yield say(
                "a difference of two strategies of {points}, if it varies by {spread:.0f} points"
                " between seeds",
                points=_points(line["difference"]),
                spread=spread,
            )
    if found["two_models"] is None:
        yield say("no difference of two trained models")
    else:
        yield say(
            "a difference of two trained models of {points}", points=_points(found["two_models"])
        )


def _points(share: float) -> Sentence:
    return say("{x:.1f} points", x=100 * share)


def _number(x: float) -> float | None:
    return round(x, 6) if x < 1 else None


def _of_each_label(found: dict[str, Any]) -> Sentence:
    each = {"labels": found["classes"], "rows": found["rows_per_class"]}
    if found["rows_per_class"] < 10:
        return say(
            "With {labels} labels there are about {rows} test rows of each: too few for macro-F1"
            " and for any label by itself; 10 is the least.",
            **each,
        )
    return say(
        "With {labels} labels there are about {rows:,} of each; a label predicted correctly in"
        " 80% of its rows carries about ± {points}.",
        points=_points(found["half_width_of_a_class_at_80"]),
        **each,
    )


def _print_more(found: dict[str, Any]) -> None:
    """What more seeds or more rows would find."""
    for what, more in (("seeds", found["more_seeds"]), ("rows", found["more_rows"])):
        reached = [
            say("{n:,}: {points}", n=int(n), points=_points(x))
            for n, x in more.items()
            if x is not None
        ]
        if reached:
            said = {"found": listed(reached), "spread": 100 * USUAL_SD}
            print(
                shown(
                    say(
                        "With more seeds: {found} (varying by {spread:.0f} points between seeds).",
                        **said,
                    )
                    if what == "seeds"
                    else say(
                        "With more test rows: {found} (varying by {spread:.0f} points between"
                        " seeds).",
                        **said,
                    )
                )
            )


COMMAND = _Command()
