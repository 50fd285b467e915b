"""A transformer body with a linear head: what LoRA, full fine-tuning and training from scratch have
in common.

Layers below `start` stay frozen; their outputs come from the encoder's cache. The head begins as
the probe on
the untrained features (Kumar et al. 2022): training starts from the probe's accuracy instead of
from chance.

Two texts are read together, as one sequence, or apart: each alone, and the head sees what the probe
sees,
|u - v| and u * v (Conneau et al. 2017; trained so by Reimers & Gurevych 2019).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Fitted, Problem, Step, Steps
from tl_core.models import layers
from tl_core.models.encoding import Encoder, Tokens
from tl_core.models.saved import read_settings, write_settings
from tl_core.models.training.heads import LinearHead
from tl_core.models.training.loop import fit, shuffled
from tl_core.models.training.settings import reads_apart
from tl_core.models.training.stopping import HeldOut
from tl_core.models.training.task_heads import plain_head
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Row = Tokens | tuple[Tokens, Tokens]  # a row as one sequence, or its two texts apart


class TextClassifier(nn.Module):
    """Examples in, logits out. `body` and `head` are its own; nothing of the shared model
    changes.
    """

    def __init__(
        self,
        encoder: Encoder,
        problem: Problem,
        *,
        start: int,
        pairs: str = "auto",
        random_weights: int | None = None,
    ):
        """
        Args:
            pairs: how two texts are read: apart, together, or as suits the model (auto).
            start: the first layer that may change; 0 changes everything, embeddings included.
            random_weights: a seed to draw the whole body from its configuration's start instead of
                pre-training.
        """
        super().__init__()
        self.encoder, self.problem = encoder, problem
        self.most_tokens: int | None = (
            None  # that fit alongside what an adapter puts before a text; None: all the model reads
        )
        # whether the body is told which of two texts a token is of; behind a soft prompt it cannot
        # be
        self.segments = True
        self.adapter: Any = None  # the configuration of what peft put into the body
        self.apart = reads_apart(problem, pairs, encoder.model)
        self.start = start if encoder.can_cut else 0
        self.body: PreTrainedModel
        self.given: layers.Given | None = None
        network = (
            encoder.model.network
            if random_weights is None
            else _drawn(encoder.model.network, random_weights)
        )
        if self.start:
            self.body, self.given = layers.upper(network, encoder.stack, self.start)
        else:
            self.body = layers.copied(network)
        if isinstance(getattr(self.body, "pooler", None), nn.Module):
            self.body.pooler.requires_grad_(False)  # BERT's own pooler is not what is read here
        with seeded(random_weights or 0):
            self.head = nn.Linear(self.width, task_of(problem).outputs(problem))
        self.to(encoder.device)

    @property
    def width(self) -> int:
        """Return how many numbers the head sees."""
        return self.encoder.model.width * (2 if self.apart else 1)

    def prepare(self, examples: Sequence[Example]) -> Steps[None]:
        """Compute what `parts` needs to know of these rows."""
        yield from ()

    def parts(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The rows as the network reads them: as they are."""
        return examples

    def gold(self, parts: Sequence[Example]) -> list[np.ndarray]:
        """What is correct, of each part."""
        return list(task_of(self.problem).gold(self.problem, parts))

    def together(self, found: Sequence[np.ndarray]) -> np.ndarray:
        """What was found for each part, or is correct there, in one array."""
        return np.stack(found)

    def each_part(self, found: torch.Tensor, tokens: list[Row]) -> Sequence[torch.Tensor]:
        """What was found for a batch, part by part."""
        return list(found)

    def tokens(self, examples: Sequence[Example]) -> list[Row]:
        """Token ids of each row."""
        if not self.apart:
            return [*self.encoder.tokens(examples)]
        first, second = map(self.encoder.tokens, _sides(examples))
        return list(zip(first, second, strict=True))

    def inputs(self, examples: Sequence[Example]) -> Steps[list]:
        """Return the input of `logits` for each example: frozen lower-layer states, or token ids;
        of both texts where they are read apart.
        """
        if not self.start:
            return self.tokens(examples)
        if not self.apart:
            return (yield from self.encoder.states(examples, self.start))
        first, second = _sides(examples)
        return list(
            zip(
                (yield from self.encoder.states(first, self.start)),
                (yield from self.encoder.states(second, self.start)),
                strict=True,
            )
        )

    def pooled(self, inputs: list, tokens: list[Row]) -> torch.Tensor:
        """(B, width); of texts read apart (B, 2 width), |u - v| and u * v."""
        if not self.apart:
            return self._vectors(inputs, cast("list[Tokens]", tokens))  # no row is a pair
        u, v = self.both(inputs, tokens)
        return torch.cat([(u - v).abs(), u * v], dim=1)

    def both(self, inputs: list, tokens: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, width) twice: the first texts and the second, read apart."""
        first, second = ([row[side] for row in inputs] for side in (0, 1))
        pairs = cast("list[tuple[Tokens, Tokens]]", tokens)  # every row is one
        both = [pair[side] for side in (0, 1) for pair in pairs]
        u, v = self._vectors([*first, *second], both).chunk(2)
        return u, v

    def _vectors(self, inputs: list, tokens: list[Tokens]) -> torch.Tensor:
        """(B, width)."""
        return self.encoder.model.pool(*self.states(inputs, tokens))

    def states(self, inputs: list, tokens: list[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, d) float32 of the last layer, and (B, T) which of them are of tokens."""
        batch = self.encoder.batch([self._fitting(row) for row in tokens])
        if not self.segments:
            batch.pop("token_type_ids", None)
        if self.given is not None:
            hidden = nn.utils.rnn.pad_sequence(inputs, batch_first=True).to(self.encoder.device)
            self.given.hidden = hidden
        with self.encoder.products(training=self.training):
            hidden = self._read(batch)
        return hidden.float(), batch["attention_mask"]

    def _fitting(self, row: Tokens) -> Tokens:
        """Cut a row to fit: where a soft prompt takes some of the model's positions, a long text
        loses its end, and keeps the token that ends it.
        """
        if self.most_tokens is None or len(row) <= self.most_tokens:
            return row
        cut = Tokens([*row[: self.most_tokens - 1], row[-1]])
        cut.second = (
            row.second if row.second is not None and row.second < self.most_tokens else None
        )
        return cut

    def _read(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """(B, T, d); what a soft prompt put before the text is no part of it."""
        return self.body(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]

    @torch.inference_mode()
    def hidden(self, **batch: torch.Tensor) -> torch.Tensor:
        """Token ids (B, T) to the last layer's states (B, T, d): the trained body as a reader of
        texts.
        """
        if self.given is not None:
            self.given.hidden = layers.lower(
                self.encoder.model.network.to(self.encoder.device), self.encoder.stack, self.start
            )(**batch).last_hidden_state
        return self._read(batch)

    def logits(self, inputs: list, tokens: list[Row]) -> torch.Tensor:
        """(B, C)."""
        return self.head(self.pooled(inputs, tokens))

    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """As the task trains."""
        return task_of(self.problem).loss(logits, gold)

    def loss_on(self, examples: Sequence[Example]) -> Steps[float]:
        """Mean loss of examples that are not trained on."""
        yield from self.prepare(examples)
        parts = self.parts(examples)
        logits = yield from self._each(parts, self.logits)
        gold = self.together(self.gold(parts))
        return self.loss(torch.as_tensor(self.together(logits)), torch.as_tensor(gold)).item()

    def start_head_from_probe(self, examples: Sequence[Example]) -> Steps[None]:
        """Fit the head on the features as they are now."""
        parts = self.parts(examples)
        features = yield from self._each(parts, self.pooled)
        gold = self.together(self.gold(parts))
        self.set_head(plain_head(self.problem, self.together(features), gold, HEAD_STRENGTH))

    def set_head(self, head: LinearHead) -> None:
        """Take over a fitted head."""
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(head.weight))
            self.head.bias.copy_(torch.as_tensor(head.bias))

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        logits = self.together((yield from self._each(examples, self.logits)))
        return task_of(self.problem).probabilities(logits.astype(np.float64)).astype(np.float32)

    def _each(self, examples: Sequence[Example], function) -> Steps[list[np.ndarray]]:
        """float32, of each example: `function` over all of them, in batches of like length, in
        their order.
        """
        self.eval()
        tokens = self.tokens(examples)
        out: list = [None] * len(examples)
        done = 0
        for positions in self.encoder.batches(lengths(tokens)):
            inputs = yield from self.inputs([examples[i] for i in positions])
            some = [tokens[i] for i in positions]
            with torch.inference_mode():
                found = function(inputs, some).float().cpu()
            for i, row in zip(positions, self.each_part(found, some), strict=True):
                out[i] = row.numpy()
            done += len(positions)
            yield Step(done, len(examples), phase="predict")
        return out

    def trained(self, examples: Sequence[Example]) -> Steps[None]:
        """Decide after training what is left to decide on its rows."""
        yield from ()

    def trainable(self) -> dict[str, torch.Tensor]:
        """Names and tensors of what training may change."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def freeze_embeddings(self) -> None:
        """Leave what is below the first layer as it is; where lower layers are frozen, it is
        already.
        """
        if self.encoder.parts is None:
            self.body.get_input_embeddings().requires_grad_(False)
        elif not self.start:
            for tensor in floors(self)[-1]:
                tensor.requires_grad_(False)

    def save(self, folder: Path) -> None:
        """Write the changed weights and what is needed to put them back."""
        from safetensors.torch import save_file

        changed = {name: p.detach().cpu().contiguous() for name, p in self.trainable().items()}
        save_file(changed, str(folder / "weights.safetensors"))
        meta = {"start": self.start, "apart": self.apart, "base": self.encoder.model.ref.digest}
        (folder / "classifier.json").write_text(json.dumps(meta), encoding="utf-8")

    def restore(self, folder: Path) -> None:
        """Put saved weights back.

        Raises:
            UserError: they were trained on another model.
            ValueError: the file does not hold exactly the weights this classifier trains.
        """
        from safetensors.torch import load_file

        meta = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        if meta["base"] != self.encoder.model.ref.digest:
            raise UserError(
                say(
                    "These weights were trained on another model than {model} is now. Run the"
                    " study again.",
                    model=self.encoder.model.ref.name,
                )
            )
        saved = load_file(str(folder / "weights.safetensors"))
        own = self.trainable()
        if saved.keys() != own.keys():
            raise ValueError(f"saved weights do not fit: {sorted(saved.keys() ^ own.keys())[:3]}")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(saved[name])


def _sides(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """First and second texts, each as a row of its own."""
    return [Example(e.row, e.text) for e in examples], [
        Example(e.row, e.text_b or "") for e in examples
    ]


def lengths(tokens: Sequence[Row]) -> list[int]:
    """Tokens that a row takes in a batch: of two texts read apart, both take as much as the longer
    one.
    """
    return [2 * max(map(len, row)) if isinstance(row, tuple) else len(row) for row in tokens]


def saved_params(settings: type, folder: Path):
    """The settings a classifier was trained with; before it could be chosen, two texts were read
    together.
    """
    return settings(**{"pairs": "together", **read_settings(folder)})


def fitted(
    model: TextClassifier, params: Any, curve: tuple[float, ...], notes: Sequence[str] = ()
) -> Fitted:
    """What a classifier's training leaves behind, with the loss of every optimizer step."""
    return Fitted(
        ClassifierPredictor(model, params),
        optimizer_steps=len(curve),
        trainable_parameters=sum(t.numel() for t in model.trainable().values()),
        curve=curve,
        notes=tuple(notes),
    )


class ClassifierPredictor:
    """A trained classifier and the settings that shape it: what LoRA, contrastive, full and scratch
    leave behind.
    """

    def __init__(self, model: TextClassifier, params):
        self.model, self.params = model, params

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        return self.model.predict(examples)

    def save(self, folder: Path) -> None:
        """Changed weights, head and settings."""
        write_settings(folder, self.params)
        self.model.save(folder)


# sharper than the probe's own default: its logits must leave the softmax's flat part to be trained
HEAD_STRENGTH = 10.0


def train_classifier(
    model: TextClassifier,
    examples: Sequence[Example],
    groups: list[dict],
    *,
    steps: int,
    batch: int,
    seed: int,
    clip: float = 1.0,
    held: HeldOut | None = None,
    gradual: bool = False,
) -> Steps[tuple[float, ...]]:
    """Train what the groups name on these examples; returns the loss of every step.

    Args:
        held: rows to stop by; the weights that were best on them stay.
        gradual: one floor more learns from epoch to epoch, the top layer first.
    """
    yield from model.prepare(examples)
    parts = model.parts(examples)
    tokens = model.tokens(parts)
    inputs = yield from model.inputs(parts)
    gold, device = model.gold(parts), model.encoder.device

    def loss_of(rows: list[int]) -> torch.Tensor:
        logits = model.logits([inputs[i] for i in rows], [tokens[i] for i in rows])
        wanted = model.together([gold[i] for i in rows])
        return model.loss(logits, torch.as_tensor(wanted, device=device))

    batches = shuffled(lengths(tokens), batch, seed)
    asleep = floors(model)[1:] if gradual else []
    _learn(asleep, False)
    model.train()
    with seeded(seed):
        try:
            woken = _waking(batches, asleep, math.ceil(len(examples) / batch))
            curve = yield from fit(
                groups, loss_of, woken, steps=steps, clip=clip, look=held.look if held else None
            )
            if held is not None:
                held.restore()
            yield from model.trained(examples)
            return curve
        finally:
            _learn(asleep, True)
            model.eval()


def _waking(
    batches: Iterator[list[int]], asleep: Sequence[list[torch.Tensor]], epoch: int
) -> Iterator[list[int]]:
    """The batches; before each epoch but the first, the next floor down begins to learn (Howard &
    Ruder 2018).
    """
    for step, rows in enumerate(batches):
        if step and step % epoch == 0:
            _learn(asleep[step // epoch - 1 : step // epoch], True)
        yield rows


def _learn(parts: Sequence[list[torch.Tensor]], may: bool) -> None:
    """Choose which parts learn: without a gradient a weight truly stays, as neither the step size
    nor its pull towards zero touches it.
    """
    for tensors in parts:
        for tensor in tensors:
            tensor.requires_grad_(may)


def floors(model: TextClassifier) -> list[list[torch.Tensor]]:
    """Return the parts of the body that may change, from its top layer (and whatever follows it)
    down to what lies below the first layer.
    """
    parts = model.encoder.stack
    found: dict[int, list[torch.Tensor]] = {}
    layer = -1  # below the first: embeddings, of whatever name
    for name, tensor in model.trainable().items():
        if name.startswith("head."):
            continue
        if name.startswith(f"body.{parts.layers}."):
            layer = int(name.removeprefix(f"body.{parts.layers}.").split(".")[0])
        elif layer >= 0:
            layer = parts.count - 1
        found.setdefault(layer, []).append(tensor)
    return [found[i] for i in sorted(found, reverse=True)]


def layer_groups(
    model: TextClassifier, rate: float, decay: float, head_rate: float, weight_decay: float
) -> list[dict]:
    """Parameter groups whose rate falls by `decay` from each layer to the one below it; embeddings
    learn slowest. Biases and norms are not pulled to zero."""
    parts = model.encoder.parts
    top = parts.count if parts else 0
    rates: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, tensor in model.trainable().items():
        if name.startswith("head."):
            continue
        depth = 0 if parts is None else _depth(name.removeprefix("body."), parts, top)
        pull = weight_decay if tensor.ndim > 1 else 0.0
        rates.setdefault((rate * decay**depth, pull), []).append(tensor)
    groups = [
        {"params": tensors, "lr": lr, "weight_decay": pull} for (lr, pull), tensors in rates.items()
    ]
    return [
        *groups,
        {"params": list(model.head.parameters()), "lr": head_rate, "weight_decay": 0.0},
    ]


def _depth(name: str, parts: layers.Anatomy, top: int) -> int:
    """Count the layers above: 0 for the top layer and whatever follows it."""
    if name.startswith(f"{parts.embeddings}.") or name.startswith("embeddings_project"):
        return top
    if name.startswith(f"{parts.layers}."):
        return top - 1 - int(name[len(parts.layers) + 1 :].split(".")[0])
    return 0


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Dropout and initial weights from a run's own seed; the generators of everyone else are put
    back.
    """
    gpu = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=gpu):
        torch.manual_seed(seed)
        yield


def _drawn(network: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The same architecture with the weights its configuration starts from."""
    with seeded(seed):
        return type(network)(network.config)
