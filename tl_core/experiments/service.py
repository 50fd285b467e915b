"""What a worker process can be asked for. Each function is a generator; what it yields reaches the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tl_core.types import Event, Example


class State:
    """What a worker keeps warm between calls: models and predictors."""

    def __init__(self, device: str | None):
        from tl_core.experiments.run import Encoders

        self.encoders = Encoders(device)
        self.predictors: dict[tuple[str, str], Any] = {}


def warm(state: State, model: str) -> Iterator[str]:
    """Load a model, so that the first study does not wait for it."""
    from tl_core.models.catalog import find

    source = find(model)
    encoder = state.encoders.get(source.ref.digest, {source.ref.digest: str(source.folder)})
    for _ in encoder.embed(["A first text.", "Another one, so that every library is awake."]):
        pass
    import peft  # noqa: F401  slow to import, and wanted soon
    import sklearn.linear_model  # noqa: F401

    yield state.encoders.device


def run_study(state: State, folder: str, skip: Sequence[str], keep: str) -> Iterator[Event]:
    """Run what is missing of the study kept in a folder."""
    from tl_core.experiments.plan import plan
    from tl_core.experiments.run import run
    from tl_core.experiments.store import Store

    store = Store(Path(folder))
    yield from run(plan(store.load_study()), skip=set(skip), model_folder=store.model_folder, keep=keep, encoders=state.encoders)


def token_reports(state: State, models: Sequence[str], texts: Sequence[str], hub: bool) -> Iterator[Any]:
    """How each model's tokenizer takes these texts: one `TokenReport` a model."""
    from tl_core.data.audit import token_report
    from tl_core.models.catalog import find

    for name in models:
        source = find(name, hub=hub)
        model = state.encoders.get(source.ref.digest, {source.ref.digest: str(source.folder)}).model
        yield token_report(
            name, texts, lambda part, t=model.tokenizer: t(part, truncation=False, verbose=False)["input_ids"], model.tokenizer.unk_token_id, model.max_tokens
        )


def predict(state: State, folder: str, runs: Sequence[str], examples: Sequence[Example]) -> Iterator[Any]:
    """(run id, scores) for each kept run: (n, C) float32, columns in label order."""
    from tl_core.data.tables import well_formed
    from tl_core.experiments.plan import plan
    from tl_core.experiments.store import Store
    from tl_core.strategies import strategies

    store = Store(Path(folder))
    study = store.load_study()
    examples = [replace(e, text=well_formed(e.text), text_b=e.text_b and well_formed(e.text_b)) for e in examples]
    specs = {spec.id: spec for spec in plan(study).specs}
    for run in runs:
        spec = specs[run]
        key = (folder, run)
        if key not in state.predictors:
            if len(state.predictors) >= MAX_PREDICTORS:
                state.predictors.pop(next(iter(state.predictors)))
            encoder = state.encoders.get(spec.arm.model.digest if spec.arm.model else None, study.model_folders)
            state.predictors[key] = strategies()[spec.arm.strategy].load(store.model_folder(run), study.problem, encoder)
        steps = state.predictors[key].predict(examples)
        try:
            while True:
                yield next(steps)
        except StopIteration as end:
            yield run, end.value


MAX_PREDICTORS = 24  # kept warm at a time; a fully fine-tuned MiniLM is 90 MB
FUNCTIONS: dict[str, Callable[..., Iterator[Any]]] = {f.__name__: f for f in (warm, run_study, token_reports, predict)}
