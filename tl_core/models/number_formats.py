"""The number format a processor multiplies matrices in, found by trying which is faster.

Weights, optimizer state and everything between two products stay float32; only what goes into a
product is rounded (torch's autocast). Processors that multiply bfloat16 do so two to five times as
fast; on others it is many times slower. x86 says which it is; where nothing is said it is timed.
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.sentences import say

VARIABLE = "TL_NUMBERS"
CHOICES = ("auto", "float32", "bfloat16")
FILE = "number-formats.json"
TURNS, MOST_SECONDS = 8, 0.4
NATIVE = ("amx_bf16", "avx512_bf16", "bf16")  # a processor that has one multiplies in bfloat16
# How many times as fast bfloat16 must be: timings of a busy machine differ by this much, so that
# what a processor says of itself counts as well.
DECLARED, UNDECLARED = 0.9, 1.25


@dataclass(frozen=True)
class Formats:
    """By kind of work."""

    reading: torch.dtype  # weights that stay as they are
    training: torch.dtype  # forwards and backwards

    @property
    def names(self) -> list[str]:
        """Return the names of both, without their library's."""
        return [str(kind).removeprefix("torch.") for kind in (self.reading, self.training)]

    def __str__(self) -> str:
        names = self.names
        return names[0] if names[0] == names[1] else "{} read, {} trained".format(*names)


EXACT = Formats(torch.float32, torch.float32)
HALF = Formats(torch.bfloat16, torch.bfloat16)


def formats(device: str, folder: Path | None = None) -> Formats:
    """The formats for a device: what TL_NUMBERS asks for, else the faster.

    Args:
        folder: where a processor's answer is kept, so that a run gives the same numbers after a
            restart.

    Raises:
        UserError: TL_NUMBERS says something else.
    """
    asked = os.environ.get(VARIABLE) or "auto"
    if asked not in CHOICES:
        raise UserError(
            say(
                "{variable} is {asked!r}. Choose one of: {choices}.",
                variable=VARIABLE,
                asked=asked,
                choices=", ".join(CHOICES),
            )
        )
    if asked != "auto":
        return EXACT if asked == "float32" else HALF
    if device.startswith("cuda"):
        return HALF if torch.cuda.is_bf16_supported() else EXACT
    return _kept(folder) if device == "cpu" else EXACT


def _kept(folder: Path | None) -> Formats:
    """What was found on this processor, with these threads, before; else what is found now."""
    key = "/".join([processor(), f"{torch.get_num_threads()} threads", torch.__version__])
    file = folder / FILE if folder else None
    known: dict = {}
    if file is not None:
        with suppress(OSError, ValueError):
            known = json.loads(file.read_text(encoding="utf-8"))
    kept = known.get(key) if isinstance(known, dict) else None
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if isinstance(kept, list) and len(kept) == 2 and set(kept) <= names.keys():
        return Formats(*(names[name] for name in kept))
    found = measured()
    if file is not None:  # a folder that takes no file: it is found again at the next start
        beside = file.with_name(f".{os.getpid()}.{FILE}")
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({key: found.names}), encoding="utf-8")
            beside.replace(file)
    return found


@cache
def measured() -> Formats:
    """The faster format of this processor for each kind of work, in about 0.2 s; x86 says itself
    that it cannot multiply bfloat16, and imitating it would take seconds to time.
    """
    able = torch.cpu.get_capabilities()
    if able.get("architecture") == "x86_64" and not _native(able):
        return EXACT
    layer = nn.Sequential(nn.Linear(384, 1536), nn.GELU(), nn.Linear(1536, 384))
    texts = torch.randn(512, 384, generator=torch.Generator().manual_seed(0))

    def read() -> None:
        with torch.inference_mode():
            layer(texts)

    def train() -> None:
        layer(texts).sum().backward()
        layer.zero_grad()

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for each other where the machine is busy
    try:
        return Formats(_faster(read), _faster(train))
    finally:
        torch.set_num_threads(threads)


def _faster(work: Callable[[], None]) -> torch.dtype:
    """The quickest of several tries by turns: whoever else uses the machine only ever adds."""
    quickest = {torch.float32: math.inf, torch.bfloat16: math.inf}
    began = time.perf_counter()
    for turn in range(TURNS):
        for kind in quickest:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind is torch.bfloat16):
                started = time.perf_counter()
                work()
                took = time.perf_counter() - started
            if turn:  # the first call prepares
                quickest[kind] = min(quickest[kind], took)
        if turn and time.perf_counter() - began > MOST_SECONDS:
            break
    needed = DECLARED if _native(torch.cpu.get_capabilities()) else UNDECLARED
    faster = quickest[torch.bfloat16] * needed < quickest[torch.float32]
    return torch.bfloat16 if faster else torch.float32


def _native(able: Mapping[str, Any]) -> bool:
    return any(able.get(name) for name in NATIVE)


def processor() -> str:
    """The processor's name and what it can do, as far as the system says."""
    able = sorted(name for name, yes in torch.cpu.get_capabilities().items() if yes is True)
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({' '.join(able)})"
    return f"{platform.processor() or platform.machine()} ({' '.join(able)})"
