"""Jobs of a worker process, by name: the jobs of studies below, and those that each view of
`tl_core.views` and each file of `PLACES` brings. A job is a generator; what it yields reaches the
caller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tl_core.api.plugins import found, is_from_outside, trouble, troubles
from tl_core.api.types import Event, Example, Step, Steps
from tl_core.api.view import Checkpoint, Job
from tl_core.data.tables import well_formed
from tl_core.running.warm_models import WarmModels, kept_run

TIMED = "I was charged twice this month, and I got no answer to my messages. Please look into it."
TIMED_ROWS, TIMED_STEPS = 8, 8
# seconds between steps: at a start other processes are busy too, and the quickest step counts
TIMED_PAUSE = 0.3
# rooms that bring jobs, in files that set JOBS; views, which may come from outside, set NUMBERS
PLACES = ("tl_core.exports",)
PART = 256  # texts counted between two signs of life


def warm(models: WarmModels, model: str) -> Iterator[str]:
    """Load a model, so that the first study does not wait for it."""
    encoder = models.encoder(Checkpoint(model))
    for _ in encoder.embed(["A first text.", "Another one, so that every library is awake."]):
        pass
    import peft  # noqa: F401  slow to import, and wanted soon
    import scipy.optimize  # noqa: F401

    yield models.encoders.device


def time_training(models: WarmModels, model: str, pause: float = TIMED_PAUSE) -> Iterator[float]:
    """How fast this machine trains now, in parameter-tokens a second: a few steps on short texts,
    the way fine-tuning takes them. About three seconds, most of them pauses in which others work.
    """
    import copy
    import time

    from tl_core.studies.estimate import multiplied

    encoder = models.encoder(Checkpoint(model))
    source = encoder.source
    if source is None or encoder.device != "cpu":
        return
    network = copy.deepcopy(encoder.model.network).train().requires_grad_(True)
    batch = encoder.model.tokenizer([TIMED] * TIMED_ROWS, return_tensors="pt")
    seconds = []
    for _ in range(TIMED_STEPS):
        began = time.perf_counter()
        with encoder.products(training=True):
            network(**batch).last_hidden_state.float().mean().backward()
        seconds.append(time.perf_counter() - began)
        time.sleep(pause)
    passes = 3.0 * TIMED_ROWS  # forwards, and twice that for the way back
    yield passes * batch["input_ids"].shape[1] * multiplied(source.folder) / min(seconds)


def run_study(
    models: WarmModels, folder: str, skip: Sequence[str], keep: str, consent: str = ""
) -> Iterator[Event]:
    """Run what is missing of the study kept in a folder."""
    from tl_core.running.run import run
    from tl_core.studies.plan import plan
    from tl_core.studies.store import Store

    store = Store(Path(folder))
    yield from run(
        plan(store.load_study()),
        skip=set(skip),
        model_folder=store.model_folder,
        keep=keep,
        encoders=models.encoders,
        consent=consent,
    )


def token_reports(
    warm_models: WarmModels, models: Sequence[str], texts: Sequence[str], hub: bool
) -> Iterator[Any]:
    """Report how each model's tokenizer takes these texts: one `TokenReport` a model."""
    from tl_core.data.tokens_read import token_report

    for name in models:
        tokenizer, limit = warm_models.tokenizer(Checkpoint(name, hub=hub))
        yield token_report(
            name,
            texts,
            partial(_token_ids, tokenizer),
            tokenizer.unk_token_id,
            limit,
        )


def _token_ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, truncation=False, verbose=False)["input_ids"]


def predict(
    models: WarmModels,
    folder: str,
    runs: Sequence[str],
    examples: Sequence[Example],
    consent: str = "",
) -> Iterator[Any]:
    """(run id, scores) for each kept run: (n, C) float32, columns in label order."""
    from tl_core.studies.consent import check as check_consent
    from tl_core.studies.plan import plan
    from tl_core.studies.store import Store

    study, examples = Store(Path(folder)).load_study(), _as_sent(examples)
    specs = {spec.id: spec for spec in plan(study).specs}
    for run in runs:
        check_consent(specs[run].arm, consent)
        predictor = models.predictor_of(folder, study, specs[run])
        yield run, (yield from predictor.predict(examples))


def choose_next(
    models: WarmModels,
    folder: str,
    run: str,
    examples: Sequence[Example],
    count: int,
    consent: str = "",
) -> Iterator[Any]:
    """Steps, then (positions of the texts to label next, scores of all texts (n, C))."""
    from tl_core.statistics.classification.next_labels import badge
    from tl_core.studies.consent import check as check_consent
    from tl_core.tasks import task_of

    study, spec = kept_run(Checkpoint(folder=folder, run=run))
    check_consent(spec.arm, consent)
    examples = _as_sent(examples)
    scores = yield from models.predictor_of(folder, study, spec).predict(examples)
    features = yield from _features(
        models.encoders.get(spec.arm.model.digest if spec.arm.model else None, study.model_folders),
        examples,
    )
    yield badge(task_of(study.problem).answer_errors(scores), features, count), scores


def group_rows(models: WarmModels, folder: str) -> Iterator[Any]:
    """Steps, then the `tl_core.analysis.differences.topics.Topics` of a study's test rows, as the
    model that most of its arms have reads them; without a model by their n-grams."""
    from tl_core.analysis.differences.topics import grouped
    from tl_core.studies.store import Store

    study = Store(Path(folder)).load_study()
    of_arms = [arm.model.digest for arm in study.arms if arm.model]
    encoder = models.encoders.get(
        max(of_arms, key=of_arms.count) if of_arms else None, study.model_folders
    )
    rows = _as_sent(study.split.test)
    vectors = yield from _features(encoder, rows)
    yield grouped(vectors, [e.text if e.text_b is None else f"{e.text}\n{e.text_b}" for e in rows])


def _features(encoder: Any, examples: Sequence[Example]) -> Steps[Any]:
    """Steps; returns what the texts are about, rows of length 1: their embeddings, without a model
    their n-grams.
    """
    from scipy.sparse import vstack
    from sklearn.preprocessing import normalize

    if encoder.has_model:
        return normalize((yield from encoder.features(examples)))
    parts = []
    for start in range(0, len(examples), PART):
        parts.append(
            encoder.ngrams(
                [
                    e.text if e.text_b is None else f"{e.text} {e.text_b}"
                    for e in examples[start : start + PART]
                ]
            )
        )
        yield Step(min(start + PART, len(examples)), len(examples), phase="embed")
    return normalize(vstack(parts, format="csr"))


# --- finding and answering ------------------------------------------------------------------------

_OF_STUDIES = {
    f.__name__: f
    for f in (warm, time_training, run_study, token_reports, predict, choose_next, group_rows)
}


def jobs_by_name() -> dict[str, Job]:
    """The jobs of every view and of the rooms that bring some, by name.

    Those of a view from outside are left out when one has a name that is taken; see
    `tl_core.api.plugins.troubles`.

    Raises:
        ValueError: a name is taken already.
    """
    known = {
        job.name: job
        for place in PLACES
        for bringing in found(place, "JOBS").values()
        for job in bringing.jobs
    }
    views = found("tl_core.views", "NUMBERS").values()
    for view in sorted(views, key=lambda view: is_from_outside("NUMBERS", view.id)):
        try:
            own = {job.name: job for job in view.jobs}
            for name in own:
                if name in known or name in _OF_STUDIES:
                    raise ValueError(
                        f"The view {view.id!r} brings a job called {name!r}, and there is another"
                        " one of that name. Rename it."
                    )
        except Exception as fault:
            if not is_from_outside("NUMBERS", view.id):
                raise
            _note(view.id, fault)
        else:
            known |= own
    return known


def _note(id: str, fault: Exception) -> None:
    """A view from outside whose jobs cannot be used, once."""
    if not any(str(fault) in line for line in troubles("NUMBERS")):
        trouble("NUMBERS", id, fault)


def answer(models: WarmModels, name: str, /, **arguments: Any) -> Iterator[Any]:
    """Yield what a job yields.

    Texts for the job of a view are made well-formed first: half a surrogate pair, which a browser
    or a file may bring, reaches no tokenizer.
    """
    if name in _OF_STUDIES:
        yield from _OF_STUDIES[name](models, **arguments)
    else:
        arguments = {key: _as_sent(value) for key, value in arguments.items()}
        yield from jobs_by_name()[name].answer(models, **arguments)


def _as_sent(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Example):
        second = None if value.text_b is None else well_formed(value.text_b)
        return dataclasses.replace(value, text=well_formed(value.text), text_b=second)
    if isinstance(value, list | tuple):
        return type(value)(map(_as_sent, value))
    return value
