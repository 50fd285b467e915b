"""What a worker process can be asked for. Each function is a generator; what it yields reaches the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.models.catalog import Source
from tl_core.models.recent import Recent
from tl_core.types import Event, Example, Problem, RunSpec, Step


class State:
    """What a worker keeps warm between calls: models and predictors."""

    def __init__(self, device: str | None):
        from tl_core.experiments.run import Encoders
        from tl_core.models.array_cache import ArrayCache
        from tl_core.models.cache import EmbeddingCache, home

        self.encoders = Encoders(device)
        self.vectors = EmbeddingCache(home() / "cache")  # of texts at every depth of a model
        self.maps = ArrayCache(home() / "cache" / "maps")
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


def run_study(state: State, folder: str, skip: Sequence[str], keep: str, consent: str = "") -> Iterator[Event]:
    """Run what is missing of the study kept in a folder."""
    from tl_core.experiments.plan import plan
    from tl_core.experiments.run import run
    from tl_core.experiments.store import Store

    store = Store(Path(folder))
    yield from run(plan(store.load_study()), skip=set(skip), model_folder=store.model_folder, keep=keep, encoders=state.encoders, consent=consent)


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


def predict(state: State, folder: str, runs: Sequence[str], examples: Sequence[Example], consent: str = "") -> Iterator[Any]:
    """(run id, scores) for each kept run: (n, C) float32, columns in label order."""
    from tl_core.data.tables import well_formed
    from tl_core.experiments.consent import check as check_consent
    from tl_core.experiments.plan import plan
    from tl_core.experiments.store import Store

    study = Store(Path(folder)).load_study()
    examples = [replace(e, text=well_formed(e.text), text_b=e.text_b and well_formed(e.text_b)) for e in examples]
    specs = {spec.id: spec for spec in plan(study).specs}
    for run in runs:
        check_consent(specs[run].arm, consent)
        yield run, (yield from _predictor(state, folder, study, specs[run]).predict(examples))


def choose_next(state: State, folder: str, run: str, examples: Sequence[Example], count: int, consent: str = "") -> Iterator[Any]:
    """Steps, then (positions of the texts to label next, scores of all texts (n, C))."""
    from tl_core.experiments.consent import check as check_consent
    from tl_core.statistics.next_labels import badge

    study, spec = _run(Reader(folder=folder, run=run))
    check_consent(spec.arm, consent)
    examples = _well_formed(examples)
    scores = yield from _predictor(state, folder, study, spec).predict(examples)
    features = yield from _features(state.encoders.get(spec.arm.model.digest if spec.arm.model else None, study.model_folders), examples)
    yield badge(scores, features, count, many=study.problem.target == "many labels"), scores


def group_rows(state: State, folder: str) -> Iterator[Any]:
    """Steps, then the `tl_core.experiments.differences.topics.Topics` of a study's test rows, as the model that most of its arms have
    reads them; without a model by their n-grams."""
    from tl_core.experiments.differences.topics import grouped
    from tl_core.experiments.store import Store

    study = Store(Path(folder)).load_study()
    models = [arm.model.digest for arm in study.arms if arm.model]
    encoder = state.encoders.get(max(models, key=models.count) if models else None, study.model_folders)
    rows = _well_formed(study.split.test)
    vectors = yield from _features(encoder, rows)
    yield grouped(vectors, [e.text if e.text_b is None else f"{e.text}\n{e.text_b}" for e in rows])


def _features(encoder: Any, examples: Sequence[Example]) -> Iterator[Any]:
    """Steps; returns what the texts are about, rows of length 1: their embeddings, without a model their n-grams."""
    from scipy.sparse import vstack
    from sklearn.preprocessing import normalize

    if encoder.model is not None:
        return normalize((yield from encoder.features(examples)))
    parts = []
    for start in range(0, len(examples), PART):
        parts.append(encoder.ngrams([e.text if e.text_b is None else f"{e.text} {e.text_b}" for e in examples[start : start + PART]]))
        yield Step(min(start + PART, len(examples)), len(examples), phase="embed")
    return normalize(vstack(parts, format="csr"))


def _predictor(state: State, folder: str, study: Any, spec: RunSpec) -> Any:
    """What a run left behind, loaded once."""
    from tl_core.experiments import arms
    from tl_core.experiments.store import Store

    key = (folder, spec.id)
    if key not in state.predictors:
        if len(state.predictors) >= MAX_PREDICTORS:
            state.predictors.pop(next(iter(state.predictors)))
        encoder = state.encoders.get(spec.arm.model.digest if spec.arm.model else None, study.model_folders)
        state.predictors[key] = arms.load(spec.arm, Store(Path(folder)).model_folder(spec.id), study.problem, encoder)
    return state.predictors[key]


# --- looking inside -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Who looks at a text: a model by name, or what a run of a study left of its model."""

    model: str = ""
    folder: str = ""  # of the study
    run: str = ""
    untrained: bool = False  # the model that the run began from


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


def map_texts(
    state: State, readers: Sequence[Reader], examples: Sequence[Example], problem: Problem | None, method: str, layer: int | None, by_layer: bool,
    seed: int, hub: bool,
) -> Iterator[Any]:  # fmt: skip
    """Steps and a first `tl_core.views.embedding_map.EmbeddingMap` by PCA, then the one asked for. Two readers: before and
    after training."""
    from tl_core.views.embedding_map import map_texts as draw

    deeps = [_deep(state, reader, hub) for reader in readers]
    yield (yield from draw(deeps, _well_formed(examples), problem, method=method, layer=layer, by_layer=by_layer, seed=seed, kept=state.maps))


def place_texts(
    state: State, readers: Sequence[Reader], examples: Sequence[Example], new: Sequence[Example], method: str, layer: int | None, seed: int, hub: bool
) -> Iterator[Any]:
    """Steps, then one `tl_core.views.embedding_map.Placed` a reader: where further texts lie on the map of these examples."""
    from tl_core.views.embedding_map import place_texts as place

    deeps = [_deep(state, reader, hub) for reader in readers]
    yield (yield from place(deeps, _well_formed(examples), _well_formed(new), method=method, layer=layer, seed=seed, kept=state.maps))


def warm_maps(_state: State) -> Iterator[None]:
    """Begin to compile what UMAP needs, so that the first map does not wait for it. It goes on beside whatever is asked next."""
    import threading

    import numpy as np

    from tl_core.views.embedding_map import layout

    def compile_it() -> None:
        points = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
        for _ in layout([points / np.linalg.norm(points, axis=1, keepdims=True)], "umap"):
            pass

    threading.Thread(target=compile_it, name="maps", daemon=True).start()
    yield None


def word_senses(
    state: State, reader: Reader, word: str, examples: Sequence[Example], senses: Sequence[str], test: Sequence[Example], test_senses: Sequence[str], hub: bool
) -> Iterator[Any]:
    """Steps, then one `tl_core.views.senses.Senses`. Test rows, where there are any, are told by the others."""
    from tl_core.views.senses import mentions
    from tl_core.views.senses import senses as look

    found = mentions(word, _well_formed(examples), senses)
    further = mentions(word, _well_formed(test), test_senses) if test else ()
    yield (yield from look(_deep(state, reader, hub), word.strip(), found, further))


def layer_changes(state: State, reader: Reader, hub: bool) -> Iterator[Any]:
    """Steps, then one `tl_core.views.layers.Layers` of a kept run that trained its model."""
    from tl_core.experiments.plan import examples_by_row
    from tl_core.views.layers import layers

    study, spec = _run(reader)
    pool = examples_by_row(study.split.pool)
    before, after = (_deep(state, replace(reader, untrained=untrained), hub) for untrained in (True, False))
    if before.network is after.network:
        raise UserError(f"{spec.arm.id} changes nothing inside its model. Choose an arm that does, such as lora or full.")
    yield (yield from layers(before, after, study.problem, [pool[row] for row in spec.train], study.split.test))


def attention(state: State, reader: Reader, text: str, text_b: str | None, hub: bool) -> Iterator[Any]:
    """One `tl_core.views.attention.Attention`."""
    from tl_core.data.tables import well_formed
    from tl_core.views.attention import attention as look

    yield look(_deep(state, reader, hub), well_formed(text), text_b and well_formed(text_b))


def occlude(state: State, folder: str, runs: Sequence[str], example: Example, label: str, way: str, consent: str = "") -> Iterator[Any]:
    """Steps, then (run id, `tl_core.views.occlusion.Occluded`) for each kept run."""
    from tl_core.experiments.consent import check as check_consent
    from tl_core.views.occlusion import occlude as look

    (example,) = _well_formed([example])
    for run in runs:
        study, spec = _run(Reader(folder=folder, run=run))
        check_consent(spec.arm, consent)
        predictor = _predictor(state, folder, study, spec)
        hide = ""
        if spec.arm.model is not None:
            hide = state.encoders.get(spec.arm.model.digest, study.model_folders).model.tokenizer.mask_token or ""
        yield run, (yield from look(spec.arm.id, predictor, study.problem, example, label=label, way=way, hide=hide))


def _deep(state: State, reader: Reader, hub: bool) -> Any:
    """A model, or what a run has made of its own, to be read at every depth.

    Raises:
        UserError: the run reads with no model, or with one in a way that is not shown.
    """
    from tl_core.experiments import arms
    from tl_core.models.catalog import find
    from tl_core.models.classifier import TextClassifier
    from tl_core.models.depths import Deep
    from tl_core.strategies import strategies

    if not reader.run:
        source = find(reader.model, hub=hub)
        deep = Deep.of(state.encoders.get(source.ref.digest, {source.ref.digest: str(source.folder)}), state.vectors)
        return replace(deep, name=source.ref.name)
    study, spec = _run(reader)
    if spec.arm.model is None:
        raise UserError(f"{spec.arm.id} reads with no model, so there is nothing to look into. Choose an arm with a model, such as probe or lora.")
    untrained = replace(Deep.of(state.encoders.get(spec.arm.model.digest, study.model_folders), state.vectors), name=spec.arm.model.name)
    if reader.untrained:
        return untrained
    classifier = getattr(_predictor(state, reader.folder, study, spec), "model", None)
    if isinstance(classifier, TextClassifier):
        return Deep.of_trained(classifier, spec.arm.id, spec.id, state.vectors)
    if spec.arm.base is not None or arms.trains(strategies()[spec.arm.strategy]):
        raise UserError(f"{spec.arm.id} trains its model in a way that cannot be looked into. Choose lora, full, contrastive or another adapter.")
    return replace(untrained, name=f"{spec.arm.model.name} ({spec.arm.id})")


def _run(reader: Reader) -> tuple[Any, RunSpec]:
    """The study and the run that are meant.

    Raises:
        UserError: there is no such run, or what it trained was not kept.
    """
    from tl_core.experiments.plan import plan
    from tl_core.experiments.store import Store

    store = Store(Path(reader.folder))
    study = store.load_study()
    spec = next((s for s in plan(study).specs if s.id == reader.run), None)
    if spec is None or not store.model_folder(spec.id).is_dir():
        raise UserError(f"The study keeps no weights of the run {reader.run}. Run the comparison again with --keep all, or choose another run.")
    return study, spec


def _well_formed(examples: Sequence[Example]) -> list[Example]:
    from tl_core.data.tables import well_formed

    return [replace(e, text=well_formed(e.text), text_b=e.text_b and well_formed(e.text_b)) for e in examples]


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
PART = 256  # texts counted between two signs of life
MAX_PREDICTORS = 24  # kept warm at a time; a fully fine-tuned MiniLM is 90 MB
FUNCTIONS: dict[str, Callable[..., Iterator[Any]]] = {
    f.__name__: f
    for f in (
        warm, run_study, token_reports, predict, choose_next, group_rows, fill_blanks, surprise, cut_text, map_texts, place_texts, warm_maps, word_senses, layer_changes, attention,
        occlude,
    )
}  # fmt: skip
