"""Runs on a GPU that is lent for seconds at a time, as a ZeroGPU is lent to whoever visits a Space.

A person is lent so many seconds a day, and what counts is what a call asks for before it begins. So
only what trains a network goes there, as many runs in a call as fit; everything else takes a
processor tens of milliseconds and stays with the worker. Whoever lends, forks a process, runs
`answers` in it and passes on what that yields; nothing else comes back but the trained states in
the study's folder, and all of it on the processor.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
import traceback
from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from tl_core.api.errors import UserError, WorkerDied
from tl_core.api.sentences import say
from tl_core.api.types import Arm, Event, Finished, Progress, RunSpec
from tl_core.running.worker import Stopped
from tl_core.strategies import strategies
from tl_core.studies import arms
from tl_core.studies.estimate import mean_tokens, parameters
from tl_core.studies.plan import Plan

log = logging.getLogger("transfer-lab")

# A second that is asked for counts as 1.5 where the GPU is half of a large one (`spaces` 0.51,
# configs.json), and a call may count no more than about 120 seconds for people without a
# subscription.
COUNTED = 1.5
MOST_SECONDS = int(110 / COUNTED)  # that a call asks for
SAFETY, SPARE_SECONDS = (
    1.3,
    5,
)  # what a call asks for beyond its estimate: a call that takes longer is ended
# Not measured on such a GPU; from the first finished run on, what was measured is in for them
# (`Speed`).
START_SECONDS = 5.0  # the process, the model, and the rows it reads first
RUN_SECONDS = 1.0  # what any run costs: a copy of the model, a head fitted on the processor, saving
PASS_SECONDS = (
    0.001  # a text through a small network, in batches of 16: then a GPU waits for Python
)
GPU_RATE = 5e12  # parameter-tokens a second, for networks large enough to keep it busy
BEATS = 0.1  # seconds between two signs of life

Refusal = Literal["quota", "too long", "waited", "credits", "ended", "refused"]
# times that the process may be ended in the middle of a run before the others continue without it
MOST_ENDED = 2


class NotLent(UserError):
    """No GPU was lent, or not for long enough, and why: the quota of today is used up, a call asked
    for more than is allowed, none was free in time, the credits are bound in other calls, the
    process was ended in the middle of a run again and again, or for another reason."""

    def __init__(self, why: Refusal, said: str):
        super().__init__(
            say(
                "There is no GPU for what is left ({said}). Finished runs are kept. Continue"
                " later, or continue without the GPU.",
                said=said,
            )
        )
        self.why = why


class Lend(Protocol):
    """The way a place lends its GPU."""

    def __call__(
        self, folder: str, runs: Sequence[str], keep: str, seconds: int
    ) -> Generator[tuple[str, Any], None, None]:
        """Yield what `answers` yields, from a process that has the GPU for so many seconds.

        Raises:
            NotLent: it has no GPU for this caller.
            WorkerDied: the process was ended, because it took too long or for another reason.
        """


def wants_gpu(arm: Arm) -> bool:
    """Whether the arm trains a network. Decided for all runs of an arm at once: a GPU rounds in
    another way than a processor.
    """
    strategy = strategies()[arm.strategy]
    return arm.base is not None or (arm.model is not None and strategy.trains)


def lent_runs(plan: Plan) -> frozenset[str]:
    """Ids of the runs that a lent GPU is to do."""
    return frozenset(s.id for s in plan.specs if s.id not in plan.refused and wants_gpu(s.arm))


# --- how long, and what fits into a call ----------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """Runs that are done in one go, and the seconds that are asked for."""

    runs: tuple[str, ...]
    seconds: int

    @property
    def counted(self) -> int:
        """Seconds by which a visitor's quota may shrink, at most."""
        return math.ceil(self.seconds * COUNTED)


class Speed:
    """Estimates of how long the runs of a plan take on the GPU of this place: expected seconds
    times a measured factor.
    """

    def __init__(self, plan: Plan, where: Path):
        self._plan, self._file = plan, where / "gpu-speed.json"
        self._tokens = mean_tokens(plan.study.split.test)
        self._weights: dict[str, float] = {}
        try:
            self.scale = _scale(float(json.loads(self._file.read_text())["scale"]))
        except (OSError, ValueError, KeyError, TypeError):
            self.scale = 1.0

    def seconds(self, spec: RunSpec) -> float:
        """Return the seconds of one run, without the start of its call."""
        return self.scale * self._thought(spec)

    def learn(self, spec: RunSpec, seconds: float) -> None:
        """Remember how long a run has taken."""
        self.scale = _scale(0.7 * self.scale + 0.3 * seconds / self._thought(spec))

    def keep(self) -> None:
        """Keep the measured speed for the next study."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps({"scale": self.scale}))
        except OSError:
            return  # the next estimate is a little worse

    def _thought(self, spec: RunSpec) -> float:
        assert spec.arm.model is not None  # only what trains a network wants a GPU
        digest = spec.arm.model.digest
        if digest not in self._weights:
            self._weights[digest] = parameters(self._plan, digest)
        passes = arms.passes(
            spec.arm, len(spec.train), len(self._plan.study.split.test), len(spec.selection)
        )
        return RUN_SECONDS + passes * max(
            PASS_SECONDS, self._tokens * self._weights[digest] / GPU_RATE
        )


def _scale(found: float) -> float:
    return min(20.0, max(0.1, found)) if math.isfinite(found) else 1.0


def first_call(
    waiting: Sequence[RunSpec],
    speed: Speed,
    *,
    limit: int = MOST_SECONDS,
    slower: Mapping[str, float] = MappingProxyType({}),
) -> Call:
    """The first of these runs and as many of the next as fit into `limit` seconds with it.

    Args:
        slower: runs that were ended before, and how much longer they are to be given.
    """
    runs: list[str] = []
    asked, total = 0, float(START_SECONDS)
    for spec in waiting:
        total += speed.seconds(spec) * slower.get(spec.id, 1.0)
        needed = math.ceil(SAFETY * total) + SPARE_SECONDS
        if runs and needed > limit:
            break
        runs.append(spec.id)
        asked = min(MOST_SECONDS, needed)
    return Call(tuple(runs), asked)


def calls(plan: Plan, *, where: Path) -> list[Call]:
    """Divide the runs that want a GPU into calls, as things look now. Empty: none wants one."""
    lent = lent_runs(plan)
    if not lent:
        return []
    speed, waiting = Speed(plan, where), [s for s in plan.specs if s.id in lent]
    made: list[Call] = []
    while waiting:
        made.append(first_call(waiting, speed))
        waiting = waiting[len(made[-1].runs) :]
    return made


# --- where the work is asked for ------------------------------------------------------------------


class Borrower:
    """A stand-in for the worker of a `StudyRunner`: it does the runs of a plan that want a GPU,
    call after call.
    """

    def __init__(self, plan: Plan, lend: Lend, where: Path):
        """Begin with the measured speed in the folder `where`."""
        self.plan, self.lend = plan, lend
        self.speed = Speed(plan, where)
        self.limit = MOST_SECONDS  # of a call; less after a refusal
        self._slower: dict[str, float] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the reader of `call` to stop; may be called from another thread."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stopping.is_set()

    def call(
        self, name: str, *, folder: str, skip: Collection[str], keep: str, consent: str = ""
    ) -> Generator[Event, None, None]:
        """Yield what `Worker.call` yields when it runs a study. What trains a network sends no
        texts anywhere, so consent is not needed.

        Raises:
            NotLent: and nothing more can be done today, or now.
            Stopped: by `stop`.
        """
        done, ended = set(skip), Counter[str]()
        try:
            while waiting := [
                s for s in self.plan.specs if s.id not in done and ended[s.id] < MOST_ENDED
            ]:
                slower = {run: 2.0**times for run, times in ended.items()}
                call = first_call(waiting, self.speed, limit=self.limit, slower=slower)
                rest = list(call.runs)
                try:
                    for event in self._one(call, rest, folder, keep):
                        if isinstance(event, Finished):
                            done.add(event.run)
                        yield event
                    if len(rest) == len(call.runs):
                        raise WorkerDied(say("It ended without a result."))
                except NotLent as fault:
                    if fault.why not in ("quota", "too long") or len(call.runs) == 1:
                        raise
                    self.limit = 2 * call.seconds // 3  # fewer runs may still be allowed
                except WorkerDied as fault:
                    log.warning("a process on the lent GPU ended: %s", fault)
                    if rest:
                        ended[rest[0]] += 1
            if ended and not all(run in done for run in ended):
                raise NotLent(
                    "ended", say("the process was ended in the middle of a run, more than once")
                )
        finally:
            self.speed.keep()

    def _one(
        self, call: Call, rest: list[str], folder: str, keep: str
    ) -> Generator[Event, None, None]:
        """One call; what ends is taken off `rest`."""
        specs = {s.id: s for s in self.plan.specs}
        began: float | None = None
        try:
            with closing(self.lend(folder, call.runs, keep, call.seconds)) as said:
                for kind, value in said:
                    if self._stopping.is_set():
                        raise Stopped
                    if kind == "user error":
                        raise UserError(value)
                    if kind == "bug":
                        raise RuntimeError(value)
                    if isinstance(value, Progress):
                        began = began or time.monotonic()
                    elif isinstance(value, Finished):
                        rest.remove(value.run)
                        if began:
                            self.speed.learn(specs[value.run], time.monotonic() - began)
                        began = None
                    yield value
        except WorkerDied:
            if began and rest:
                self.speed.learn(
                    specs[rest[0]], time.monotonic() - began
                )  # it takes at least as long
            raise


# --- where the work is done -----------------------------------------------------------------------


def answers(
    folder: str, runs: Collection[str], keep: str, device: str
) -> Generator[tuple[str, Any], None, None]:
    """Do these runs of the study in a folder, on a device that is there now. Everything is loaded
    here and dropped again, since the process may serve somebody else next; models on the processor
    are never changed in place.

    Yields:
        ("event", a sign of life every tenth of a second or a finished run), and at the end perhaps
        ("user error", sentences) or
        ("bug", traceback): what is raised would reach the other side as the name of its class
        alone.
    """
    from tl_core.models.embedding_cache import home
    from tl_core.running.run import Encoders, run
    from tl_core.studies.plan import plan
    from tl_core.studies.store import Store

    told = 0.0
    try:
        store = Store(Path(folder))
        made = plan(store.load_study())
        # Vectors apart from those of the processor: a GPU rounds them in another way.
        encoders = Encoders(device, home() / "cache" / device)
        others = {s.id for s in made.specs} - set(runs)
        with closing(
            run(made, skip=others, model_folder=store.model_folder, keep=keep, encoders=encoders)
        ) as events:
            for event in events:
                if isinstance(event, Progress):
                    if time.monotonic() - told < BEATS:
                        continue
                    told = time.monotonic()
                yield "event", event
    except UserError as fault:
        yield "user error", str(fault)
    except Exception:  # noqa: BLE001  the caller gets the traceback
        yield "bug", traceback.format_exc()
    finally:
        if device.startswith("cuda"):
            import torch

            if torch.cuda.is_initialized():
                torch.cuda.empty_cache()
