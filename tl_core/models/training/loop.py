"""The training loop: one, short, in the open.

It yields a Step at every optimizer step, so that a page, a terminal or a test can listen, and stops
when its generator is closed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TypeVar

import numpy as np
import torch

from tl_core.api.types import Step, Steps

T = TypeVar("T")


def fit(
    groups: Sequence[dict],
    loss_of: Callable[[list[int]], torch.Tensor],
    batches: Iterator[list[int]],
    *,
    steps: int,
    warmup: float = 0.1,
    clip: float = 1.0,
    look: Callable[[int, int], Steps[bool]] | None = None,
) -> Steps[tuple[float, ...]]:
    """Optimise, and return the loss of every step that was taken.

    AdamW with bias correction, linear warm-up over a share of the steps and linear decay to zero:
    what keeps
    fine-tuning on few rows from collapsing (Mosbach et al. 2021; Zhang et al. 2021).

    Args:
        groups: parameter groups with `params`, `lr` and `weight_decay`.
        loss_of: the loss of the rows at these positions.
        batches: positions of rows, one batch a step.
        look: asked after every step, with its number and how many there are to be; True ends the
            training there.
    """
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8, fused=True)
    rise = max(1, math.ceil(warmup * steps))
    factors = (
        min((t + 1) / rise, max(0.0, (steps - t) / max(1, steps - rise))) for t in range(steps)
    )
    losses: list[float] = []
    with closing(descend(optimizer, loss_of, batches, factors, clip)) as descent:
        for loss in descent:
            losses.append(loss)
            yield Step(len(losses), steps, loss)
            if look is not None and (yield from look(len(losses), steps)):
                break
    return tuple(losses)


def descend(
    optimizer: torch.optim.Optimizer,
    loss_of: Callable[[T], torch.Tensor],
    batches: Iterator[T],
    factors: Iterable[float],
    clip: float,
) -> Generator[float, None, None]:
    """One optimizer step for every factor of the learning rates; yields the loss after each."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    rates = [group["lr"] for group in optimizer.param_groups]
    try:
        for factor in factors:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            loss = loss_of(next(batches))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
            yield loss.item()
    finally:
        optimizer.zero_grad(set_to_none=True)  # give the gradients' memory back, stopped or done


def shuffled(lengths: Sequence[int], size: int, seed: int) -> Iterator[list[int]]:
    """Endless batches of `size` rows: every row once an epoch, rows of like length together,
    batches in random order.
    """
    random = np.random.default_rng(seed)
    count = len(lengths)
    while True:
        jitter = random.uniform(0.8, 1.25, count)  # so that neighbours change from epoch to epoch
        order = np.argsort(np.asarray(lengths) * jitter, kind="stable")
        parts = np.array_split(order, math.ceil(count / size))
        for i in random.permutation(len(parts)):
            yield parts[i].tolist()
