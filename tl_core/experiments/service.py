"""What a worker process can be asked for. Each function is a generator; what it yields reaches the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.models.catalog import Source
from tl_core.models.recent import Recent
from tl_core.types import Event, Example, RunSpec


class State:
    """What a worker keeps warm between calls: models and predictors."""

    def __init__(self, device: str | None):
        from tl_core.experiments.run import Encoders

        self.encoders = Encoders(device)
        self.predictors: dict[tuple[str, str], Any] = {}
        self.language_models: Recent[Any] = Recent(LANGUAGE_MODEL_BYTES)


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

    study = Store(Path(folder)).load_study()
    examples = [replace(e, text=well_formed(e.text), text_b=e.text_b and well_formed(e.text_b)) for e in examples]
    specs = {spec.id: spec for spec in plan(study).specs}
    for run in runs:
        yield run, (yield from _predictor(state, folder, study, specs[run]).predict(examples))


def _predictor(state: State, folder: str, study: Any, spec: RunSpec) -> Any:
    """What a run left behind, loaded once."""
    from tl_core.experiments.store import Store
    from tl_core.strategies import strategies

    key = (folder, spec.id)
    if key not in state.predictors:
        if len(state.predictors) >= MAX_PREDICTORS:
            state.predictors.pop(next(iter(state.predictors)))
        encoder = state.encoders.get(spec.arm.model.digest if spec.arm.model else None, study.model_folders)
        state.predictors[key] = strategies()[spec.arm.strategy].load(Store(Path(folder)).model_folder(spec.id), study.problem, encoder)
    return state.predictors[key]


# --- looking inside -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Who looks at a text: a model by name, or what a run of a study left of its model."""

    model: str = ""
    folder: str = ""  # of the study
    run: str = ""


def fill_blanks(
    state: State, reader: Reader, text: str, top: int, together: bool, candidates: Sequence[str], hub: bool
) -> Iterator[Any]:
    """One `tl_core.views.fill_mask.Filled`."""
    from tl_core.data.tables import well_formed
    from tl_core.views.fill_mask import fill

    yield fill(_language_model(state, reader, hub), well_formed(text), top=top, together=together, candidates=[well_formed(c) for c in candidates])


def surprise(state: State, reader: Reader, text: str, hub: bool) -> Iterator[Any]:
    """Steps, then one `tl_core.views.surprise.Surprise`."""
    from tl_core.data.tables import well_formed
    from tl_core.views.surprise import surprise as score

    yield (yield from score(_language_model(state, reader, hub), well_formed(text)))


def cut_text(state: State, model: str, text: str, text_b: str | None, hub: bool) -> Iterator[Any]:
    """One `tl_core.views.tokens.Cut`; only the tokenizer is loaded."""
    from tl_core.data.tables import well_formed
    from tl_core.models.catalog import find
    from tl_core.models.loading import load_tokenizer
    from tl_core.views.tokens import cut

    source = find(model, hub=hub)
    tokenizer, max_tokens = _remembered(state, ("tokenizer", source.ref.digest), lambda: load_tokenizer(source), 10 * 2**20)
    yield cut(model, tokenizer, max_tokens, well_formed(text), text_b and well_formed(text_b))


def _language_model(state: State, reader: Reader, hub: bool) -> Any:
    """The model that reads; a run's trained body goes under the head of the model it was trained from.

    Raises:
        UserError: the model has no head, or the run trains no body of its own.
    """
    from tl_core.experiments.plan import plan
    from tl_core.experiments.store import Store
    from tl_core.models.catalog import find

    if not reader.run:
        return _opened(state, find(reader.model, hub=hub))
    study = Store(Path(reader.folder)).load_study()
    spec = next((s for s in plan(study).specs if s.id == reader.run), None)
    if spec is None or spec.arm.model is None:
        raise UserError("This arm reads with no model, so there is nothing to look into. Choose one that trains a model, such as lora or full.")
    source = find(study.model_folders[spec.arm.model.digest], hub=hub)
    base = _opened(state, replace(source, ref=replace(source.ref, name=spec.arm.model.name)))
    predictor = _predictor(state, reader.folder, study, spec)
    if base.family != "masked" or not hasattr(predictor, "model"):
        raise UserError(f"{spec.arm.id} changes nothing inside a masked language model. Choose an arm that does: lora, full, contrastive or scratch.")
    return base.with_body(predictor.model.hidden, replace(base.ref, name=spec.arm.id))


def _opened(state: State, source: Source) -> Any:
    from tl_core.models.language_models import open_language_model

    key = source.ref.digest, source.ref.name  # the same weights may go by several names
    return _remembered(state, key, lambda: open_language_model(source, state.encoders.device), 4 * source.bytes)


def _remembered(state: State, key: Any, load: Callable[[], Any], size: int) -> Any:
    known = state.language_models.get(key)
    if known is None:
        known = load(), 0.0
        state.language_models.put(key, known[0], size)
    return known[0]


LANGUAGE_MODEL_BYTES = 4 * 2**30  # of models that look into texts; what was not used for longest goes first
MAX_PREDICTORS = 24  # kept warm at a time; a fully fine-tuned MiniLM is 90 MB
FUNCTIONS: dict[str, Callable[..., Iterator[Any]]] = {f.__name__: f for f in (warm, run_study, token_reports, predict, fill_blanks, surprise, cut_text)}
