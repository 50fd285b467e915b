"""Texts of many requests answered together: one thread predicts, what comes in meanwhile waits and
goes as one batch. Padding is small, because encoders batch by length.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.serving.arms import Served
from tl_core.serving.asking import Refused

BATCH_CHARACTERS = 32_000  # about 8,000 tokens: what one round of the thread takes
LINGER = 0.002  # seconds that a lone request waits for company


@dataclass
class _Ask:
    arm: Served
    examples: Sequence[Example]
    answer: asyncio.Future
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(len(e.text) + len(e.text_b or "") for e in self.examples)


class Batcher:
    """A line of requests and the thread that answers them."""

    def __init__(self, waiting: int):
        self.most = waiting
        self.count = 0  # texts that wait or are answered now
        self.pace = 0.05  # seconds a text, as the last rounds took them
        self.sizes: Callable[[int], Any] = lambda texts: None  # is told of every round
        self._line: deque[_Ask] = deque()
        self._some = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._loop: asyncio.Task | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to answer."""
        self._loop = asyncio.get_running_loop().create_task(self._answer_all())

    async def close(self) -> None:
        """Answer what waits, then end."""
        self._closing = True
        self._some.set()
        if self._loop is not None:
            await self._loop
        self._thread.shutdown()

    async def ask(self, arm: Served, examples: Sequence[Example]) -> np.ndarray:
        """(n, C) scores.

        Raises:
            Refused: too many texts wait already.
        """
        if self.count + len(examples) > self.most:
            seconds = max(1, math.ceil(self.count * self.pace))
            raise Refused(
                429,
                say(
                    "{n:,} texts wait for an answer already. Try again in {seconds} seconds.",
                    n=self.count,
                    seconds=seconds,
                ),
                retry_after=seconds,
            )
        ask = _Ask(arm, examples, asyncio.get_running_loop().create_future())
        self.count += len(examples)
        self._line.append(ask)
        self._some.set()
        try:
            return await ask.answer
        finally:  # also where the client went away or time is up
            self.count -= len(examples)

    async def _answer_all(self) -> None:
        while True:
            if not self._line:
                if self._closing:
                    return
                self._some.clear()
                await self._some.wait()
                continue
            if len(self._line) == 1:
                await asyncio.sleep(LINGER)
            await self._round(self._taken())

    def _taken(self) -> list[_Ask]:
        """The oldest requests that fit into one round; at least one."""
        taken: list[_Ask] = []
        size = 0
        while self._line and (not taken or size + self._line[0].size <= BATCH_CHARACTERS):
            ask = self._line.popleft()
            if not ask.answer.done():  # else its client went away
                taken.append(ask)
                size += ask.size
        return taken

    async def _round(self, asks: list[_Ask]) -> None:
        by_arm: dict[int, list[_Ask]] = {}
        for ask in asks:
            by_arm.setdefault(id(ask.arm), []).append(ask)
        for same in by_arm.values():
            examples = [e for ask in same for e in ask.examples]
            self.sizes(len(examples))
            started = time.perf_counter()
            try:
                scores = await asyncio.get_running_loop().run_in_executor(
                    self._thread, same[0].arm.scores, examples
                )
            except Exception as fault:  # noqa: BLE001  each request tells it as its own
                for ask in same:
                    if not ask.answer.done():
                        ask.answer.set_exception(fault)
                continue
            a_text = (time.perf_counter() - started) / len(examples)
            self.pace = 0.8 * self.pace + 0.2 * a_text
            start = 0
            for ask in same:
                if not ask.answer.done():
                    ask.answer.set_result(scores[start : start + len(ask.examples)])
                start += len(ask.examples)
