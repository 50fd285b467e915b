"""What differences a study could find, before it is run."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

from tl_core.errors import raise_all

SEED_SDS = (0.0, 0.02, 0.04)  # of the difference, as a share
SEEDS, ROWS = (3, 5, 10, 20), (100, 200, 500, 1000, 2000, 5000)
USUAL_SD = 0.02


@dataclass(frozen=True)
class _Command:
    id: str = "power"
    order: int = 36
    help: str = "what differences this many test rows and seeds can find, before a study is run"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("--rows", type=int, required=True, metavar="N", help="test rows")
        command.add_argument("--seeds", type=int, default=5, metavar="N", help="draws of the labelled rows (default: 5)")
        command.add_argument("--classes", type=int, default=2, metavar="N", help="labels there are (default: 2)")
        command.add_argument("--json", action="store_true", help="print the numbers as JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Work it out and print it. Nothing is read."""
        asked = (("--rows", a.rows, 2), ("--seeds", a.seeds, 1), ("--classes", a.classes, 2))
        raise_all(f"{name} is {value}; it must be {least} or more." for name, value, least in asked if value < least)
        found = _found(a.rows, a.seeds, a.classes)
        if a.json:
            print(json.dumps(found, allow_nan=False, indent=1))
        else:
            _print(found)


def _found(rows: int, seeds: int, classes: int) -> dict[str, Any]:
    """Shares of 0..1; null where no difference is large enough."""
    from tl_core.statistics.power import USUAL_DISCORDANCE, detectable_difference, detectable_of_two_models, usual_spread, wilson_half_width

    return {
        "rows": rows,
        "seeds": seeds,
        "classes": classes,
        "discordance": USUAL_DISCORDANCE,
        "methods": [{"seed_sd": sd, "difference": _number(detectable_difference(seeds, rows, usual_spread(sd)))} for sd in SEED_SDS],
        "two_models": _number(detectable_of_two_models(rows, USUAL_DISCORDANCE)),
        "half_width_at_80": wilson_half_width(0.8, rows),
        "rows_per_class": rows // classes,
        "half_width_of_a_class_at_80": wilson_half_width(0.8, rows // classes) if rows >= classes else None,
        "more_seeds": {s: _number(detectable_difference(s, rows, usual_spread(USUAL_SD))) for s in SEEDS if s > seeds},
        "more_rows": {n: _number(detectable_difference(seeds, n, usual_spread(USUAL_SD))) for n in ROWS if n > rows},
    }


def _print(found: dict[str, Any]) -> None:
    rows, seeds, classes = found["rows"], found["seeds"], found["classes"]
    print(f"With {rows:,} test rows and {seeds} {'seed' if seeds == 1 else 'seeds'}, found in 8 of 10 studies (95 %):")
    if seeds == 1:
        print("  no difference of two strategies, whatever its size: one seed does not show how much they vary. Run 3 seeds or more.")
    for line in found["methods"] if seeds > 1 else ():
        told = "no difference of two strategies" if line["difference"] is None else f"a difference of two strategies of {_points(line['difference'])}"
        print(f"  {told}, if it varies by {100 * line['seed_sd']:.0f} points between seeds")
    two_models = found["two_models"]
    print("  no difference of two trained models" if two_models is None else f"  a difference of two trained models of {_points(two_models)}")
    print(f"An accuracy of 80 % will carry about ± {_points(found['half_width_at_80'])}, from the choice of test rows alone.")
    if found["rows_per_class"] < 10:
        print(f"With {classes} labels there are about {found['rows_per_class']} test rows of each: too few for macro-F1 and for any label by itself; 10 is the least.")
    else:
        print(f"With {classes} labels there are about {found['rows_per_class']:,} of each; a label found in 80 % of its rows carries about ± {_points(found['half_width_of_a_class_at_80'])}.")
    for what, more in (("seeds", found["more_seeds"]), ("test rows", found["more_rows"])):
        shown = {n: x for n, x in more.items() if x is not None}
        if shown:
            print(f"With more {what}: " + ", ".join(f"{int(n):,}: {_points(x)}" for n, x in shown.items()) + f" (varying by {100 * USUAL_SD:.0f} points between seeds).")
    print(f"Assumed: one of two strategies is right and the other wrong on {100 * found['discordance']:.0f} % of the rows.")


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _number(x: float) -> float | None:
    return round(x, 6) if x < 1 else None


COMMAND = _Command()
