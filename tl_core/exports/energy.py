"""An estimate of the energy that training took, for the card: seconds times watts.

The seconds are measured, the watts are not: for a GPU the most that its maker lets the board draw,
else what TL_WATTS says. Where neither is known there is no estimate.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import RunResult

HOUR = 3600.0
WATTS = "TL_WATTS"
# Watts of a whole board, from its maker's data sheet, by how its driver names it; the longest name
# that fits is taken.
BOARDS = {
    "Tesla T4": 70,
    "Tesla P100-PCIE": 250,
    "Tesla V100-PCIE": 250,
    "Tesla V100-SXM2": 300,
    "NVIDIA A100-PCIE-40GB": 250,
    "NVIDIA A100 80GB PCIe": 300,
    "NVIDIA A100-SXM4": 400,
    "NVIDIA L4": 72,
    "NVIDIA L40S": 350,
    "NVIDIA H100 PCIe": 350,
    "NVIDIA H100 80GB HBM3": 700,
    "NVIDIA H200": 700,
    "NVIDIA H200 NVL": 600,
    "NVIDIA RTX A6000": 300,
    "NVIDIA GeForce RTX 3090": 350,
    "NVIDIA GeForce RTX 4090": 450,
}


@dataclass(frozen=True)
class Power:
    """What a machine may draw."""

    watts: float
    source: str  # as part of a sentence


def power_of(result: RunResult, environ: Mapping[str, str] = os.environ) -> Power | None:
    """The power of the machine that a run trained on; None where it is not known.

    Raises:
        UserError: TL_WATTS is no number above 0.
    """
    if given := environ.get(WATTS, "").strip():
        try:
            watts = float(given)
        except ValueError:
            watts = math.nan
        if not (watts > 0 and math.isfinite(watts)):
            raise UserError(
                say(
                    "{variable} is {given!r}; it must be the watts of the machine, a number above"
                    " 0.",
                    variable=WATTS,
                    given=given,
                )
            )
        return Power(watts, f"which {WATTS} gave for the machine")
    gpu = result.versions.get("gpu", "")
    fits = [name for name in BOARDS if gpu == name or gpu.startswith((f"{name} ", f"{name}-"))]
    if not fits:
        return None
    said = f"the most that one {gpu} may draw by its data sheet; nothing else is counted"
    return Power(BOARDS[max(fits, key=len)], said)


def seconds_of(results: Iterable[RunResult]) -> float:
    """Seconds that runs trained and predicted."""
    return sum(r.seconds.get("fit", 0.0) + r.seconds.get("predict", 0.0) for r in results)


def energy(
    result: RunResult, of_study: Iterable[RunResult], environ: Mapping[str, str] = os.environ
) -> str:
    """What a card says of the energy of a run and of the study that it was chosen in.

    Raises:
        UserError: TL_WATTS is no number above 0.
    """
    runs = list(of_study)
    power = power_of(result, environ)
    own, all_of_them = seconds_of([result]), seconds_of(runs)
    took = (
        f"This run took {own:,.1f} s to train and to predict, all {len(runs):,} runs of its study"
        f" {all_of_them:,.1f} s."
    )
    if power is None:
        return (
            f"{took} The energy was not measured, and is not estimated: what the machine drew is"
            f" not known. With {WATTS}, the watts of the machine, an export estimates it."
        )
    return (
        f"{took} Energy, estimated and not measured: {_amount(own, power)} for this run and"
        f" {_amount(all_of_them, power)} for the study, as these seconds times"
        f" {power.watts:,g} W ({power.source})."
    )


def _amount(seconds: float, power: Power) -> str:
    hours = power.watts * seconds / HOUR
    return f"{hours / 1000:,.2f} kWh" if hours >= 1000 else f"{hours:,.3g} Wh"
