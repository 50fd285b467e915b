"""Cache of a worker between questions: models, tokenizers, and what runs of studies left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.api.types import Predictor, RunSpec
from tl_core.api.view import Checkpoint, TrainedRun
from tl_core.models.catalog import Source
from tl_core.models.lru import Recent

# of models that look into texts; what was not used for longest goes first
LANGUAGE_MODEL_BYTES = 4 * 2**30
MAX_PREDICTORS = 24  # kept warm at a time; a fully fine-tuned MiniLM is 90 MB
TOKENIZER_BYTES = 10 * 2**20


class WarmModels:
    """The `tl_core.api.view.Models` of a worker process, or of a command."""

    def __init__(self, device: str | None):
        from tl_core.models.disk_cache import ArrayCache
        from tl_core.models.embedding_cache import EmbeddingCache, home
        from tl_core.running.run import Encoders

        self.encoders = Encoders(device)
        self.vectors = EmbeddingCache(home() / "cache")  # of texts at every depth of a model
        self.disk = ArrayCache(home() / "cache" / "maps")
        self.predictors: dict[tuple[str, str], Any] = {}
        self.language_models: Recent[Any] = Recent(LANGUAGE_MODEL_BYTES)

    def tokenizer(self, checkpoint: Checkpoint) -> tuple[Any, int]:
        """See `Models.tokenizer`."""
        from tl_core.models.catalog import find
        from tl_core.models.loading import load_tokenizer

        source = find(checkpoint.model, hub=checkpoint.hub)
        key = "tokenizer", source.ref.digest
        return self._remembered(key, lambda: load_tokenizer(source), TOKENIZER_BYTES)

    def encoder(self, checkpoint: Checkpoint) -> Any:
        """See `Models.encoder`."""
        if checkpoint.run:
            study, spec = kept_run(checkpoint)
            return self.encoders.get(
                spec.arm.model.digest if spec.arm.model else None, study.model_folders
            )
        source = _found(checkpoint)
        return self.encoders.get(source.ref.digest, {source.ref.digest: str(source.folder)})

    def deep(self, checkpoint: Checkpoint) -> Any:
        """See `Models.deep`.

        Raises:
            UserError: the run reads with no model, or with one in a way that is not shown.
        """
        from tl_core.models.training.classifier import TextClassifier
        from tl_core.models.training.depths import Deep
        from tl_core.strategies import strategies

        if not checkpoint.run:
            name = _found(checkpoint).ref.name
            return replace(Deep.of(self.encoder(checkpoint), self.vectors), name=name)
        study, spec = kept_run(checkpoint)
        if spec.arm.model is None:
            raise UserError(
                say(
                    "{arm} reads with no model, so there is nothing to look into. Choose an arm"
                    " with a model, such as probe or lora.",
                    arm=spec.arm.id,
                )
            )
        untrained = replace(
            Deep.of(self.encoder(checkpoint), self.vectors), name=spec.arm.model.name
        )
        if checkpoint.untrained:
            return untrained
        classifier = getattr(self.predictor_of(checkpoint.folder, study, spec), "model", None)
        if isinstance(classifier, TextClassifier):
            return Deep.of_trained(classifier, spec.arm.id, spec.id, self.vectors)
        if spec.arm.base is not None or strategies()[spec.arm.strategy].trains:
            raise UserError(
                say(
                    "{arm} trains its model in a way that cannot be looked into. Choose lora, full,"
                    " contrastive or another adapter.",
                    arm=spec.arm.id,
                )
            )
        return replace(untrained, name=f"{spec.arm.model.name} ({spec.arm.id})")

    def language_model(self, checkpoint: Checkpoint) -> Any:
        """See `Models.language_model`; a run's trained body goes under the head of the model it was
        trained from.

        Raises:
            UserError: the model has no head, or the run trains no body of its own.
        """
        from tl_core.models.catalog import find
        from tl_core.studies.plan import plan
        from tl_core.studies.store import Store

        if not checkpoint.run:
            return self._opened(_found(checkpoint))
        study = Store(Path(checkpoint.folder)).load_study()
        spec = next((s for s in plan(study).specs if s.id == checkpoint.run), None)
        if spec is None or spec.arm.model is None:
            raise UserError(
                say(
                    "This arm reads with no model, so there is nothing to look into. Choose one"
                    " that trains a model, such as lora or full."
                )
            )
        source = find(study.model_folders[spec.arm.model.digest], hub=checkpoint.hub)
        base = self._opened(replace(source, ref=replace(source.ref, name=spec.arm.model.name)))
        predictor = self.predictor_of(checkpoint.folder, study, spec)
        if base.family != "masked" or not hasattr(predictor, "model"):
            raise UserError(
                say(
                    "{arm} changes nothing inside a masked language model. Choose an arm that does:"
                    " lora, full, contrastive or scratch.",
                    arm=spec.arm.id,
                )
            )
        return base.with_body(predictor.model.hidden, replace(base.ref, name=spec.arm.id))

    def predictor(self, checkpoint: Checkpoint, consent: str = "") -> Predictor:
        """See `Models.predictor`."""
        from tl_core.studies.consent import check

        study, spec = kept_run(checkpoint)
        check(spec.arm, consent)
        return self.predictor_of(checkpoint.folder, study, spec)

    def trained_run(self, checkpoint: Checkpoint) -> TrainedRun:
        """See `Models.trained_run`."""
        from tl_core.studies.plan import examples_by_row

        study, spec = kept_run(checkpoint)
        pool = examples_by_row(study.split.pool)
        train = [pool[row] for row in spec.train]
        return TrainedRun(study.problem, spec.arm, train, study.split.test)

    def predictor_of(self, folder: str, study: Any, spec: RunSpec) -> Any:
        """Load what a run of an opened study left behind, once."""
        from tl_core.running import fit_arm
        from tl_core.studies.store import Store

        key = (folder, spec.id)
        if key not in self.predictors:
            if len(self.predictors) >= MAX_PREDICTORS:
                self.predictors.pop(next(iter(self.predictors)))
            encoder = self.encoders.get(
                spec.arm.model.digest if spec.arm.model else None, study.model_folders
            )
            self.predictors[key] = fit_arm.load(
                spec.arm, Store(Path(folder)).model_folder(spec.id), study.problem, encoder
            )
        return self.predictors[key]

    def _opened(self, source: Source) -> Any:
        from tl_core.models.language_models import open_language_model

        key = source.ref.digest, source.ref.name  # the same weights may go by several names
        return self._remembered(
            key, lambda: open_language_model(source, self.encoders.device), 4 * source.bytes
        )

    def _remembered(self, key: Any, load: Callable[[], Any], size: int) -> Any:
        known = self.language_models.get(key)
        if known is None:
            known = load(), 0.0
            self.language_models.put(key, known[0], size)
        return known[0]


def _found(checkpoint: Checkpoint) -> Source:
    from tl_core.models.catalog import find

    return find(checkpoint.model, hub=checkpoint.hub)


def kept_run(checkpoint: Checkpoint) -> tuple[Any, RunSpec]:
    """The study and the run of a checkpoint.

    Raises:
        UserError: there is no such run, or what it trained was not kept.
    """
    from tl_core.studies.plan import plan
    from tl_core.studies.store import Store

    store = Store(Path(checkpoint.folder))
    study = store.load_study()
    spec = next((s for s in plan(study).specs if s.id == checkpoint.run), None)
    if spec is None or not store.model_folder(spec.id).is_dir():
        raise UserError(
            say(
                "The run {run} has no checkpoint. Run the study again with {keep} all, or choose"
                " another run.",
                run=checkpoint.run,
                keep=Setting("keep"),
            )
        )
    return study, spec
