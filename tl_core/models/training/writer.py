"""Trains models that write texts: all weights, low-rank adapters, or a small network from
nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import say
from tl_core.api.types import Example, Fitted, Job, Problem, Steps
from tl_core.api.written import as_numbers
from tl_core.models.encoding import Encoder
from tl_core.models.saved import read_settings, write_settings
from tl_core.models.training.classifier import seeded
from tl_core.models.training.loop import fit, shuffled
from tl_core.models.writing import MOST_TOKENS, Writer, budget_of, open_writer, written_notes
from tl_core.tasks import task_of

UNSEEN = -100  # in targets: a place that teaches nothing
BLOCK = re.compile(r"\.(?:block|blocks|layers|layer|h)\.(\d+)\.")
# of the network that begins with nothing, and of its vocabulary
SCRATCH_SHAPE = {"d_model": 128, "d_kv": 32, "d_ff": 256, "num_heads": 4, "num_layers": 2}
SCRATCH_TOKENS = 4000


class WriterPredictor:
    """A trained writer, and the settings that shape it."""

    choices_only = True

    def __init__(self, writer: Writer, params: Any, budget: int, base: str, whole: bool = False):
        """
        Args:
            base: digest of the model it was trained on; "" for none.
            whole: all weights are saved with the tokenizer, not only those that were trained.
        """
        self.writer, self.params, self.budget, self.base = writer, params, budget, base
        self.whole = whole
        self.notes: tuple[str, ...] = ()

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, L) float32 characters."""
        found, short, full = yield from self.writer.write([e.text for e in examples], self.budget)
        self.notes = written_notes(self.writer.name, len(found), short, full, self.budget)
        return as_numbers(found)

    def save(self, folder: Path) -> None:
        """Changed weights and settings."""
        from safetensors.torch import save_file

        write_settings(folder, self.params)
        about = {"base": self.base, "budget": self.budget}
        (folder / "writer.json").write_text(json.dumps(about), encoding="utf-8")
        if self.whole:
            self.writer.network.save_pretrained(folder / "network")
            self.writer.tokenizer.save_pretrained(folder / "network")
            return
        changed = {
            name: p.detach().cpu().contiguous() for name, p in _trainable(self.writer).items()
        }
        save_file(changed, str(folder / "weights.safetensors"))

    def restore(self, folder: Path) -> None:
        """Put saved weights back.

        Raises:
            UserError: they were trained on another model.
            ValueError: the file does not hold exactly the weights that are trained.
        """
        from safetensors.torch import load_file

        about = json.loads((folder / "writer.json").read_text(encoding="utf-8"))
        if about["base"] != self.base:
            raise UserError(
                say(
                    "These weights were trained on another model than {model} is now. Run the"
                    " study again.",
                    model=self.writer.name,
                )
            )
        self.budget = int(about["budget"])
        saved, own = load_file(str(folder / "weights.safetensors")), _trainable(self.writer)
        if saved.keys() != own.keys():
            raise ValueError(f"saved weights do not fit: {sorted(saved.keys() ^ own.keys())[:3]}")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(saved[name])


def _trainable(writer: Writer) -> dict[str, torch.Tensor]:
    """What learns, each tensor once."""
    return {name: p for name, p in writer.network.named_parameters() if p.requires_grad}


# --- strategies -----------------------------------------------------------------------------------


def fit_full(job: Job, layer_decay: float, refused: Sequence[str]) -> Steps[Fitted]:
    """All weights, lower layers more slowly.

    Args:
        refused: settings that mean nothing here, in sentences.

    Raises:
        UserError: there are such.
    """
    raise_all(list(refused))
    writer, p = open_writer(job.encoder, job.problem), job.params
    groups = _layer_groups(writer, p.learning_rate, layer_decay, p.weight_decay)
    return (yield from _trained(writer, job, groups, _digest(job.encoder)))


def load_full(folder: Path, problem: Problem, encoder: Encoder, settings: type) -> WriterPredictor:
    """All weights as saved."""
    params = settings(**read_settings(folder))
    found = WriterPredictor(open_writer(encoder, problem), params, 0, _digest(encoder))
    found.restore(folder)
    return found


Adapt = Callable[[list[str], Any], Any]  # peft's configuration for linear maps of these names


def fit_low_rank(job: Job, adapt: Adapt) -> Steps[Fitted]:
    """Low-rank updates of the linear maps of the upper half of the layers; the head stays."""
    p = job.params
    writer = open_writer(job.encoder, job.problem)
    with seeded(job.seed):
        _inject(writer, p, adapt)
    adapters = list(_trainable(writer).values())
    groups = [{"params": adapters, "lr": p.learning_rate, "weight_decay": 0.0}]
    return (yield from _trained(writer, job, groups, _digest(job.encoder)))


def load_low_rank(
    folder: Path, problem: Problem, encoder: Encoder, settings: type, adapt: Adapt
) -> WriterPredictor:
    """Adapters as saved, on the same model."""
    params = settings(**read_settings(folder))
    writer = open_writer(encoder, problem)
    _inject(writer, params, adapt)
    found = WriterPredictor(writer, params, 0, _digest(encoder))
    found.restore(folder)
    return found


def _inject(writer: Writer, p: Any, adapt: Adapt) -> None:
    from peft import inject_adapter_in_model
    from transformers.pytorch_utils import Conv1D

    linear = {
        name: int(block[1]) if (block := BLOCK.search(name + ".")) else -1
        for name, module in writer.network.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D))
    }
    count = max(linear.values()) + 1
    first = max(0, count - p.layers) if p.layers else count // 2
    names = [name for name, block in linear.items() if block >= first]
    inject_adapter_in_model(adapt(names, p), writer.network)


def fit_scratch(job: Job) -> Steps[Fitted]:
    """A small encoder and decoder of random weights, with a vocabulary of the training rows."""
    writer = _fresh(job.train, job.seed, job.device)
    p = job.params
    groups = _layer_groups(writer, p.learning_rate, 1.0, p.weight_decay)
    return (yield from _trained(writer, job, groups, "", whole=True))


def load_scratch(folder: Path, settings: type, device: str) -> WriterPredictor:
    """Network, vocabulary and settings as saved."""
    from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

    about = json.loads((folder / "writer.json").read_text(encoding="utf-8"))
    network = T5ForConditionalGeneration.from_pretrained(folder / "network", use_safetensors=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "network")
    writer = Writer(
        "scratch", network.eval().to(device), tokenizer, causal=False, max_tokens=MOST_TOKENS
    )
    params = settings(**read_settings(folder))
    return WriterPredictor(writer, params, int(about["budget"]), "", whole=True)


def _fresh(train: Sequence[Example], seed: int, device: str) -> Writer:
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = vocabulary_of([x for e in train for x in (e.text, *e.answer)])
    config = T5Config(
        vocab_size=len(tokenizer),
        **SCRATCH_SHAPE,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    with seeded(seed):
        network = T5ForConditionalGeneration(config)
    return Writer("scratch", network.to(device), tokenizer, causal=False, max_tokens=MOST_TOKENS)


def vocabulary_of(texts: Sequence[str]) -> Any:
    """Pieces of bytes that come together often (Sennrich et al. 2016): every text has tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SCRATCH_TOKENS,
        special_tokens=["<pad>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(texts), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<pad>"
    )


# --- training -------------------------------------------------------------------------------------


def _trained(
    writer: Writer, job: Job, groups: list[dict[str, Any]], base: str, *, whole: bool = False
) -> Steps[Fitted]:
    p, train = job.params, job.train
    targets = writer.targets([e.answer[0] for e in train])
    budget = budget_of([len(ids) for ids in targets])
    sources, short = writer.sources([e.text for e in train], writer.room(budget))
    cut = sum(len(ids) > budget for ids in targets)
    targets = [ids[:budget] for ids in targets]
    loss_of = _causal_loss if writer.causal else _seq2seq_loss
    lengths = [len(a) + len(b) for a, b in zip(sources, targets, strict=True)]
    task = task_of(job.problem)
    writer.network.train()
    with seeded(job.seed):
        try:
            curve = yield from fit(
                groups,
                lambda rows: loss_of(
                    writer, task, [sources[i] for i in rows], [targets[i] for i in rows]
                ),
                shuffled(lengths, p.batch, job.seed),
                steps=p.steps(len(train)),
            )
        finally:
            writer.network.eval()
    notes = [say("It writes up to {budget} tokens for a text.", budget=budget)]
    if short:
        notes.append(
            say(
                "{short:,} of {rows:,} training texts were longer than what {name} reads; their"
                " ends were not read.",
                short=short,
                rows=len(train),
                name=writer.name,
            )
        )
    if cut:
        notes.append(
            say(
                "{cut:,} of {rows:,} training targets were longer than {budget} tokens; their ends"
                " were left out.",
                cut=cut,
                rows=len(train),
                budget=budget,
            )
        )
    return Fitted(
        WriterPredictor(writer, p, budget, base, whole),
        optimizer_steps=len(curve),
        trainable_parameters=sum(t.numel() for t in _trainable(writer).values()),
        curve=curve,
        notes=tuple(notes),
    )


def _seq2seq_loss(
    writer: Writer, task: Any, sources: list[list[int]], targets: list[list[int]]
) -> torch.Tensor:
    ids, seen = _filled(sources, writer.pad, writer.device)
    wanted, _ = _filled(targets, UNSEEN, writer.device)
    out = writer.network(input_ids=ids, attention_mask=seen, labels=wanted, use_cache=False)
    return task.loss(out.logits, wanted)


def _causal_loss(
    writer: Writer, task: Any, sources: list[list[int]], targets: list[list[int]]
) -> torch.Tensor:
    ids, seen = _filled(
        [[*a, *b] for a, b in zip(sources, targets, strict=True)], writer.pad, writer.device
    )
    wanted, _ = _filled(
        [[UNSEEN] * len(a) + b for a, b in zip(sources, targets, strict=True)],
        UNSEEN,
        writer.device,
    )
    out = writer.network(input_ids=ids, attention_mask=seen, use_cache=False)
    return task.loss(out.logits[:, :-1], wanted[:, 1:])


def _filled(rows: list[list[int]], empty: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """((B, T) ids, (B, T) 1 where one is), empty places behind."""
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[empty] * (width - len(row))] for row in rows], device=device)
    seen = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device)
    return ids, seen


def _layer_groups(
    writer: Writer, rate: float, decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Parameters with their learning rate: each block `decay` times that of the one above it in its
    stack, embeddings below all of them.
    """
    own = _trainable(writer)
    blocks = {name: int(b[1]) for name in own if (b := BLOCK.search(name))}
    count = max(blocks.values(), default=-1) + 1
    embeddings = {
        id(module.weight)
        for module in writer.network.modules()
        if isinstance(module, torch.nn.Embedding)
    }
    groups: dict[tuple[int, bool], list[torch.Tensor]] = {}
    for name, tensor in own.items():
        below = count - 1 - blocks[name] if name in blocks else 0
        below = count if id(tensor) in embeddings else below
        groups.setdefault((below, tensor.ndim > 1), []).append(tensor)
    return [
        {
            "params": tensors,
            "lr": rate * decay**below,
            "weight_decay": weight_decay if matrix else 0.0,
        }
        for (below, matrix), tensors in groups.items()
    ]


def _digest(encoder: Encoder) -> str:
    assert encoder.source is not None
    return encoder.source.ref.digest
