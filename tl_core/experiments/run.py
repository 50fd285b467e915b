"""Runs specs, one after another, and says what happens. A failing run ends itself and nothing else."""

from __future__ import annotations

import dataclasses
import gc
import importlib.metadata
import logging
import platform
import shutil
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np

from tl_core.errors import UserError
from tl_core.experiments.memory import PeakMemory
from tl_core.experiments.plan import Plan, examples_by_row, unlabelled, uses_unlabelled
from tl_core.strategies import strategies
from tl_core.types import Event, Finished, Fitted, Job, Note, Progress, RunResult, RunSpec, Steps

log = logging.getLogger("transfer-lab")
PACKAGES = ("torch", "transformers", "sentence-transformers", "peft", "scikit-learn", "numpy")


def run(
    plan: Plan,
    *,
    skip: Collection[str] = (),
    model_folder: Callable[[str], Path] | None = None,
    keep: str = "best",
    encoders: Encoders | None = None,
    device: str | None = None,
) -> Iterator[Event]:
    """Run what the plan holds and `skip` does not; closing the iterator stops at the next step.

    Args:
        model_folder: where to put the trained state of run ids that are kept; None keeps nothing.
        keep: `best` (the plan's choice), `all` or `none`.
    """
    encoders = encoders or Encoders(device)
    split = plan.study.split
    pool = examples_by_row(split.pool)
    for spec in plan.specs:
        if spec.id in skip:
            continue
        if spec.id in plan.refused:
            yield Finished(spec.id, RunResult(spec.id, "refused", error=plan.refused[spec.id]))
            continue
        kept = model_folder is not None and (keep == "all" or (keep == "best" and spec.id in plan.keep))
        yield from _one(spec, plan, pool, encoders, model_folder(spec.id) if kept else None)
        if trouble := encoders.new_trouble():
            yield Note(trouble)


def _one(spec: RunSpec, plan: Plan, pool: dict, encoders: Encoders, folder: Path | None) -> Iterator[Event]:
    strategy = strategies()[spec.arm.strategy]
    problem, test = plan.study.problem, plan.study.split.test
    train = [pool[row] for row in spec.train]
    try:
        encoder = encoders.get(spec.arm.model.digest if spec.arm.model else None, plan.study.model_folders)
        without_labels = unlabelled(plan.study.split.pool) if uses_unlabelled(spec.arm) else ()
        job = Job(problem, train, strategy.Params(**spec.arm.settings), spec.seed, encoder, encoders.device, without_labels)
        with PeakMemory(encoders.device) as memory:
            fitted, fit_seconds = yield from _timed(spec.id, strategy.fit(job), encoder)
            scores, predict_seconds = yield from _timed(spec.id, fitted.predictor.predict(test), encoder)
        if folder is not None:
            _save(fitted, folder)
        result = _result(spec, fitted, scores, job)
        result = dataclasses.replace(result, seconds={"fit": fit_seconds, "predict": predict_seconds}, peak_bytes=memory.peak_bytes)
    except UserError as fault:
        result = RunResult(spec.id, "failed", error=str(fault))
    except Exception as fault:
        log.exception("run %s (%s) failed", spec.id, spec.arm.id)
        where = traceback.extract_tb(fault.__traceback__)[-1]
        result = RunResult(spec.id, "failed", error=f"{type(fault).__name__}: {fault} (in {Path(where.filename).name}, line {where.lineno})")
    yield Finished(spec.id, result)
    if result.optimizer_steps:
        gc.collect()  # a trained network holds cycles; for anything else this is 0.2 s for nothing


def _timed(run: str, steps: Steps, encoder) -> Iterator[Event]:
    """Pass steps on as progress; return what they return and the seconds it would have taken alone."""
    encoder.borrowed_seconds = 0.0
    spent, started = 0.0, time.perf_counter()
    try:
        while True:
            step = next(steps)
            spent += time.perf_counter() - started
            yield Progress(run, step)
            started = time.perf_counter()  # time in which somebody else looks at the step is not the run's
    except StopIteration as end:
        return end.value, spent + time.perf_counter() - started + encoder.borrowed_seconds
    finally:
        steps.close()


def _result(spec: RunSpec, fitted: Fitted, scores: np.ndarray, job: Job) -> RunResult:
    if not np.isfinite(scores).all():
        raise UserError(f"{spec.arm.id} ended in numbers that are not finite: training went astray. Choose a lower learning rate.")
    return RunResult(
        spec.id,
        "done",
        scores=scores.astype(np.float32),
        budget={"train": len(job.train), "selection": 0, "unlabelled": len(job.unlabelled), "pretraining": 0},
        trainable_parameters=fitted.trainable_parameters,
        optimizer_steps=fitted.optimizer_steps,
        curve=tuple(round(x, 5) for x in fitted.curve),
        notes=(*fitted.notes, *getattr(fitted.predictor, "notes", ())),
        versions=versions(),
        device=job.device,
    )


def _save(fitted: Fitted, folder: Path) -> None:
    """Trained state appears whole or not at all."""
    from tl_core.experiments.store import told

    beside = folder.with_name(f".{folder.name}")
    with told(folder):
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        fitted.predictor.save(beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)


def versions() -> dict[str, str]:
    """What computed this."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in PACKAGES}}


class Encoders:
    """The models in memory, each loaded once; `None` is the encoder that only counts n-grams."""

    def __init__(self, device: str | None = None, cache_folder: Path | None = None):
        from tl_core.models.cache import EmbeddingCache, home
        from tl_core.models.loading import choose_device

        self.device = choose_device(device)
        self._cache = EmbeddingCache(cache_folder or home() / "cache")
        self._told = ""
        self._loaded: dict[str | None, object] = {}

    def new_trouble(self) -> str:
        """Why the cache cannot be used, as a sentence, the first time it is asked for; else ""."""
        trouble, self._told = ("" if self._cache.trouble == self._told else self._cache.trouble), self._cache.trouble
        return trouble

    def get(self, digest: str | None, folders: dict[str, str]):
        """The encoder of a model.

        Raises:
            UserError: its folder is gone or holds another model now.
        """
        from tl_core.models.catalog import find
        from tl_core.models.encoding import Encoder
        from tl_core.models.loading import load_model

        if digest not in self._loaded:
            if digest is None:
                self._loaded[None] = Encoder(None)
            else:
                source = find(folders[digest])
                if source.ref.digest != digest:
                    raise UserError(f"The model in {folders[digest]} has changed since the study was planned. Start the study again.")
                self._loaded[digest] = Encoder(load_model(source), self._cache, self.device, source)
        return self._loaded[digest]
