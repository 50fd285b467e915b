"""Runs specs, one after another, and says what happens. A failing run ends itself and nothing
else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib.metadata
import logging
import math
import os
import platform
import re
import shutil
import time
import traceback
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tl_core.api.errors import Unreachable, UserError
from tl_core.api.sentences import say
from tl_core.api.types import (
    Event,
    Example,
    Finished,
    Fitted,
    Job,
    Note,
    Progress,
    RunResult,
    RunSpec,
    Steps,
)
from tl_core.running import fit_arm
from tl_core.running.memory import PeakMemory
from tl_core.strategies import strategies
from tl_core.studies.arms import sees_test_texts
from tl_core.studies.consent import check as check_consent
from tl_core.studies.plan import Plan, Study, examples_by_row, labels_a_text, texts_for
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.models.catalog import Source
    from tl_core.models.encoding import Encoder

T = TypeVar("T")
log = logging.getLogger("transfer-lab")
FIRST_TIMED, MOST_TIMED, TIMED_SECONDS = (
    8,
    64,
    2.0,
)  # texts that an arm's speed is measured on, within about so long
# texts that are asked one at a time, within about so long; a few at least
FEWEST_ALONE, MOST_ALONE, ALONE_SECONDS = 5, 40, 0.4
MAX_LOOKED_AT = 500  # training rows of a finished run that it is asked about
PACKAGES = ("torch", "transformers", "sentence-transformers", "peft", "scikit-learn", "numpy")


def run(
    plan: Plan,
    *,
    skip: Collection[str] = (),
    model_folder: Callable[[str], Path] | None = None,
    keep: str = "best",
    encoders: Encoders | None = None,
    device: str | None = None,
    consent: str = "",
) -> Generator[Event, None, None]:
    """Run what the plan holds and `skip` does not; closing the iterator stops at the next step.

    Args:
        model_folder: where to put the trained state of run ids that are kept; None keeps nothing.
        keep: `best` (the plan's choice), `all` or `none`.
        consent: to which endpoint texts may be sent, see `tl_core.studies.consent`; empty: to none.
    """
    encoders = encoders or Encoders(device)
    split = plan.study.split
    pool = examples_by_row(split.pool)
    waiting = [spec for spec in plan.specs if spec.id not in skip]
    silent = yield from _silent(waiting, plan, consent)
    for spec in sorted(
        waiting, key=lambda s: s.arm.id not in silent
    ):  # what cannot be done is reported first
        if spec.id in plan.refused:
            yield Finished(spec.id, RunResult(spec.id, "refused", error=plan.refused[spec.id]))
            continue
        if spec.arm.id in silent:
            yield Finished(spec.id, RunResult(spec.id, "failed", error=silent[spec.arm.id]))
            continue
        kept = keep == "all" or (keep == "best" and spec.id in plan.keep)
        folder = model_folder(spec.id) if kept and model_folder else None
        if unreachable := (yield from _one(spec, plan, pool, encoders, folder)):
            silent[spec.arm.id] = unreachable
        if trouble := encoders.new_trouble():
            yield Note(trouble)


def _silent(
    waiting: Sequence[RunSpec], plan: Plan, consent: str
) -> Generator[Event, None, dict[str, str]]:
    """Arm ids with the reason, for arms that ask somebody outside and may not, or get no answer:
    known before anyone waits.
    """
    silent: dict[str, str] = {}
    for spec in {s.arm.id: s for s in reversed(waiting) if s.id not in plan.refused}.values():
        strategy = strategies()[spec.arm.strategy]
        if not strategy.sends_texts:
            continue
        try:
            check_consent(spec.arm, consent)
            for step in strategy.probe(strategy.settings(**spec.arm.settings)):
                yield Progress(spec.id, step)
        except UserError as fault:
            silent[spec.arm.id] = str(fault)
    return silent


def _one(
    spec: RunSpec, plan: Plan, pool: dict, encoders: Encoders, folder: Path | None
) -> Generator[Event, None, str]:
    """Returns why the endpoint that the run asks cannot be reached, if that is what ended it."""
    unreachable = ""
    problem, test = plan.study.problem, plan.study.split.test
    train, selection = ([pool[row] for row in rows] for rows in (spec.train, spec.selection))
    try:
        encoder = encoders.get(
            spec.arm.model.digest if spec.arm.model else None, plan.study.model_folders
        )
        texts = texts_for(plan.study.split, spec.arm, problem)
        seen = len(test) if texts and sees_test_texts(spec.arm) else 0
        job = Job(
            problem,
            train,
            None,
            spec.seed,
            encoder,
            encoders.device,
            texts,
            selection,
            seen,
            labels_a_text=labels_a_text(plan.study.split, spec.arm, problem),
        )
        with PeakMemory(encoders.device) as memory:
            fitted, fit_seconds = yield from _timed(spec.id, fit_arm.fit(spec.arm, job), encoder)
            scores, predict_seconds = yield from _timed(
                spec.id, fitted.predictor.predict(test), encoder
            )
        result = _result(spec, fitted, scores, job)
        if folder is not None:
            result = _kept(result, fitted, folder)
        result = dataclasses.replace(
            result,
            seconds={"fit": fit_seconds, "predict": predict_seconds},
            peak_bytes=memory.peak_bytes,
        )
        if fitted.optimizer_steps and train:
            result = yield from _looked_at(result, fitted, job)
        if spec.id in plan.keep and not strategies()[spec.arm.strategy].sends_texts:
            new, alone = yield from _new_texts(spec.id, fitted, test, encoder)
            result = dataclasses.replace(result, seconds=result.seconds | new, alone=alone)
    except UserError as fault:
        result = RunResult(spec.id, "failed", error=_without_folders(str(fault), plan.study))
        unreachable = str(fault) if isinstance(fault, Unreachable) else ""
    except Exception as fault:
        log.exception("run %s (%s) failed", spec.id, spec.arm.id)
        result = RunResult(spec.id, "failed", error=_bug(fault, plan.study))
    yield Finished(spec.id, result)
    if result.optimizer_steps:
        gc.collect()  # a trained network holds cycles; for anything else this is 0.2 s for nothing
    return unreachable


def _bug(fault: Exception, study: Study) -> str:
    where = traceback.extract_tb(fault.__traceback__)[-1]
    said = _without_folders(str(fault), study)
    return f"{type(fault).__name__}: {said} (in {Path(where.filename).name}, line {where.lineno})"


def _without_folders(said: str, study: Study) -> str:
    """A model goes by its name: where it lies on this machine is no one's business who opens the
    study, or its archive.
    """
    names = {arm.model.digest: Path(arm.model.name).name for arm in study.arms if arm.model}
    for digest, folder in sorted(study.model_folders.items(), key=lambda item: -len(item[1])):
        said = said.replace(folder, names.get(digest, "the model")) if len(folder) > 1 else said
    return said


def _looked_at(result: RunResult, fitted: Fitted, job: Job) -> Generator[Event, None, RunResult]:
    """The result, marked where training did not take hold. It is asked about its own training rows,
    in time that is not the run's.
    """
    task = task_of(job.problem)
    rows = job.train[:: math.ceil(len(job.train) / MAX_LOOKED_AT)]
    scores, _ = yield from _timed(result.spec_id, fitted.predictor.predict(rows), job.encoder)
    gold = task.gold(job.problem, rows)
    if not task.untrained(gold, scores):
        return result
    right = int(task.correct(gold, scores).sum())
    note = say(
        "It collapsed: it predicts {right:,} of {rows:,} of its own training rows correctly, no"
        " better than one prediction for all of them. Try another learning rate or more steps.",
        rows=len(rows),
        right=right,
    )
    return dataclasses.replace(result, collapsed=True, notes=(*result.notes, note))


def _new_texts(
    run: str, fitted: Fitted, test: Sequence[Example], encoder: Encoder
) -> Generator[Event, None, tuple[dict[str, float], tuple[float, ...]]]:
    """Seconds that a text never read before takes, the model being in memory ("warm"), in time that
    is not the run's: `a_text` of many at a time, `one_p50` and `one_p95` of one that is asked
    alone; and those of each of these, in the order of the test rows.

    A run on the test rows says that badly: some runs read them for the first time, cold, and others
    find their vectors.
    """
    from tl_core.models.encoding import nothing_remembered

    def fresh(rows: Sequence[Example]) -> Steps[np.ndarray]:
        steps = fitted.predictor.predict(rows)
        while True:
            with nothing_remembered():
                try:
                    step = next(steps)
                except StopIteration as end:
                    return end.value
            yield step

    few = test[:FIRST_TIMED]
    _, seconds = yield from _timed(run, fresh(few), encoder)
    more = test[: int(min(MOST_TIMED, TIMED_SECONDS * len(few) / max(seconds, 1e-9)))]
    if len(more) > len(few):
        few, (_, seconds) = more, (yield from _timed(run, fresh(more), encoder))
    alone: list[float] = []
    for row in test[:MOST_ALONE]:
        if len(alone) >= FEWEST_ALONE and sum(alone) > ALONE_SECONDS:
            break
        alone.append((yield from _timed(run, fresh([row]), encoder))[1])
    p50, p95 = np.quantile(alone, (0.5, 0.95))
    found = {"a_text": seconds / len(few), "one_p50": float(p50), "one_p95": float(p95)}
    return found, tuple(alone)


def _timed(run: str, steps: Steps[T], encoder: Encoder) -> Generator[Event, None, tuple[T, float]]:
    """Pass steps on as progress; return what they return and the seconds it would have taken
    alone.
    """
    encoder.borrowed_seconds = 0.0
    spent, started = 0.0, time.perf_counter()
    try:
        while True:
            step = next(steps)
            spent += time.perf_counter() - started
            yield Progress(run, step)
            started = (
                time.perf_counter()
            )  # time in which somebody else looks at the step is not the run's
    except StopIteration as end:
        return end.value, spent + time.perf_counter() - started + encoder.borrowed_seconds
    finally:
        steps.close()


def _result(spec: RunSpec, fitted: Fitted, scores: np.ndarray, job: Job) -> RunResult:
    if not np.isfinite(scores).all():
        raise UserError(
            say(
                "{arm} ended in numbers that are not finite: training went astray. Choose a"
                " lower learning rate.",
                arm=spec.arm.id,
            )
        )
    return RunResult(
        spec.id,
        "done",
        scores=scores.astype(np.float32),
        budget=_budget(job) | getattr(fitted.predictor, "spent", {}),
        trainable_parameters=fitted.trainable_parameters,
        optimizer_steps=fitted.optimizer_steps,
        curve=tuple(round(x, 5) for x in fitted.curve),
        notes=(*fitted.notes, *getattr(fitted.predictor, "notes", ())),
        versions=versions() | {"numbers": str(job.encoder.numbers)} | _gpu(job.device),
        device=job.device,
        choices_only=getattr(fitted.predictor, "choices_only", False),
        cuts=getattr(fitted.predictor, "cuts", ()),
    )


def _budget(job: Job) -> dict[str, int]:
    """Rows and texts by what they were used for."""
    unlabelled = len(job.unlabelled) - job.test_texts
    return {
        "train": len(job.train),
        "selection": len(job.selection),
        "unlabelled": unlabelled,
        "test_texts": job.test_texts,
    }


def _kept(result: RunResult, fitted: Fitted, folder: Path) -> RunResult:
    """The result, with its trained state kept; or with a note that the disk did not take it: the
    scores are there all the same.
    """
    from tl_core.studies.store import file_errors_as_user_errors

    try:
        with file_errors_as_user_errors(folder):
            _save(fitted, folder)
    except UserError as fault:
        if isinstance(fault.__cause__, OSError):
            why = fault.__cause__.strerror or say("it could not be written")
            return dataclasses.replace(
                result,
                notes=(
                    *result.notes,
                    say(
                        "Its checkpoint was not saved ({why}), so it cannot predict new texts."
                        " Free some space and continue the study.",
                        why=why,
                    ),
                ),
            )
        raise
    return result


def _save(fitted: Fitted, folder: Path) -> None:
    """Trained state appears whole or not at all."""
    from safetensors import SafetensorError

    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        fitted.predictor.save(beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    except SafetensorError as fault:
        if found := re.search(r"os error (\d+)", str(fault)):  # how it reports the disk's error
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from fault
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def versions() -> dict[str, str]:
    """Return the versions of what computed this."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def _gpu(device: str) -> dict[str, str]:
    """The name of the GPU, where one computes and says it."""
    if not device.startswith("cuda"):
        return {}
    import torch

    with contextlib.suppress(RuntimeError, AssertionError):  # lent for a moment, and gone
        return {"gpu": torch.cuda.get_device_name(device)}
    return {}


class Encoders:
    """The models in memory, each loaded once; `None` is the encoder that only counts n-grams."""

    def __init__(self, device: str | None = None, cache_folder: Path | None = None):
        from tl_core.models.embedding_cache import EmbeddingCache, home
        from tl_core.models.loading import choose_device

        self.device = choose_device(device)
        self._cache = EmbeddingCache(cache_folder or home() / "cache")
        self._told = ""
        self._loaded: dict[str | None, Encoder] = {}

    def new_trouble(self) -> str:
        """Return why the cache cannot be used, as a sentence, the first time it is asked for; else
        "".
        """
        trouble, self._told = (
            ("" if self._cache.trouble == self._told else self._cache.trouble),
            self._cache.trouble,
        )
        return trouble

    def get(self, digest: str | None, folders: dict[str, str]) -> Encoder:
        """The encoder of a model.

        Raises:
            UserError: its folder is gone or holds another model now.
        """
        from tl_core.models.encoding import Encoder
        from tl_core.models.loading import load_model

        if digest not in self._loaded:
            if digest is None:
                self._loaded[None] = Encoder(None)
            else:
                source = source_of(digest, folders)
                self._loaded[digest] = Encoder(load_model(source), self._cache, self.device, source)
        return self._loaded[digest]


def source_of(digest: str, folders: dict[str, str]) -> Source:
    """The model of this digest.

    Args:
        folders: of models by digest, as a study keeps them.

    Raises:
        UserError: its folder is gone or holds another model now.
    """
    from tl_core.models.catalog import find

    source = find(folders[digest])
    if source.ref.digest != digest:
        raise UserError(
            say(
                "The model in {folder} has changed since the study was planned. Start the study"
                " again.",
                folder=folders[digest],
            )
        )
    return source
