"""Masked-language training: a model learns a language, or the language of a domain, from plain
text.

15% of the tokens are asked for; of these 80% are shown as [MASK], 10% as another token, 10% as
they are (Devlin et al. 2019). The vocabulary's vectors stay as they are, so what changes is small
and trains fast.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file, save_file
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.params import param
from tl_core.api.sentences import Setting, say
from tl_core.models.catalog import Source
from tl_core.models.corpus import Corpus
from tl_core.models.delta_weights import FILE, LEFT, RIGHT, write_changed
from tl_core.models.embedding_cache import home
from tl_core.models.loading import copy_pooling
from tl_core.models.masked_lm import MaskedLM
from tl_core.models.number_formats import EXACT, formats
from tl_core.models.pretraining.alignment import Alignment, Teacher
from tl_core.models.pretraining.pairs import Pairs
from tl_core.models.pretraining.pieces import grown, settle
from tl_core.models.training.loop import descend

if TYPE_CHECKING:
    from transformers import PreTrainedModel


COUNTED = 5_000_000  # tokens of the text that are counted to know which are rare
MOST_WEIGHT = 3.0
NOT_ASKED = -100  # torch's own mark for positions that do not count
BATCH_ON_CPU, BATCH_ON_GPU = 48, 512
PAIRS_ON_CPU, PAIRS_ON_GPU = 72, 512
CHECKS = 24  # measurements on held-out text, and checkpoints, in a run


@dataclass(frozen=True)
class Recipe:
    """Settings of a run."""

    length: int = param(96, "Tokens in a sequence", low=8, high=512)
    batch: int = param(
        0, "Sequences in an optimizer step; 0: 48 on a processor, 512 on a GPU", low=0, high=4096
    )
    rate: float = param(5e-4, "Highest learning rate of the body", low=0.0, high=1.0)
    head_rate: float = param(1e-3, "Highest learning rate of the head", low=0.0, high=1.0)
    warmup: float = param(
        0.03, "Share of the run in which the rates rise; then they fall to zero", low=0.0, high=0.5
    )
    masked: float = param(0.15, "Share of the tokens that are asked for", low=0.01, high=0.9)
    sentences: float = param(
        0.5,
        "Share of the steps that read sentence by sentence and hide rare words more often than"
        " common ones",
        low=0.0,
        high=1.0,
    )
    pieces_rate: float = param(
        1e-3, "Highest learning rate of the vectors of new pieces", low=0.0, high=1.0
    )
    pairs: int = param(
        0, "Pairs in an optimizer step; 0: 72 on a processor, 512 on a GPU", low=0, high=4096
    )
    pairs_weight: float = param(
        3.0, "Weight of the pairs' loss beside that of the text", low=0.0, high=100.0
    )
    weight_decay: float = param(0.01, "Pull of weight matrices towards zero", low=0.0, high=1.0)
    seed: int = param(0, "Decides masks and order", low=0)


@dataclass(frozen=True)
class Mark:
    """Progress of a run."""

    steps: int  # optimizer steps
    tokens: int  # read in training, repetitions counted
    seconds: float  # spent training
    share: float  # of the run, 0 to 1
    loss: float  # mean cross-entropy of the last steps, nats a masked token
    accuracy: float | None = None  # on held-out text, where it was just measured


@dataclass
class _State:
    """The state that a run needs to continue, alongside weights and moments."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    began: float = 0.0  # seconds at which the present schedule of rates began
    finished: bool = False
    base: str = ""  # digest of the model that was begun from
    marks: list[dict] = field(default_factory=list)


def pretrain(
    model: MaskedLM,
    corpus: Corpus,
    held_out: Corpus,
    recipe: Recipe,
    folder: Path,
    *,
    seconds: float = math.inf,
    steps: int = 0,
    checks: int = CHECKS,
    device: str,
    resume: bool = False,
    pairs: Pairs | None = None,
    teacher: Teacher | None = None,
) -> Generator[Mark, None, None]:
    """Train, measure and keep checkpoints; closing the generator keeps where it is.

    Args:
        seconds: how long to train, measuring and saving included. With `resume`, of the schedule
            that is gone on with; a finished run begins another schedule from its weights.
        steps: optimizer steps instead of a time: then the same texts and seed give the same
            weights.
        checks: measurements on held-out text, and checkpoints, in a run.
        pairs: sentences and translations that learn from `teacher` beside the text.

    Raises:
        UserError: there is nothing to continue with, its time is over, or the sequences are longer
            than the model reads.
    """
    if corpus.length > model.max_tokens:
        raise UserError(
            say(
                "{model} reads {max_tokens} tokens, so it cannot learn from sequences of"
                " {length}. Set length to {max_tokens} or less.",
                model=model.ref.name,
                max_tokens=model.max_tokens,
                length=corpus.length,
            )
        )
    network = model.network.to(device)
    if device == "cpu":
        _suit_processor(network)
    _choose_trained(network)
    optimizer = torch.optim.AdamW(_groups(network, recipe), betas=(0.9, 0.98), eps=1e-6, fused=True)
    state = _go_on(folder, model, optimizer) if resume else _State(base=model.ref.digest)
    if (spent := state.seconds - state.began) >= seconds:
        raise UserError(
            say(
                "The run in {folder} has trained for {spent:.2f} minutes already, and"
                " {seconds:.2f} were given for all of it. Give more.",
                folder=folder,
                spent=spent / 60,
                seconds=seconds / 60,
            )
        )
    first, started = state.steps, time.monotonic() - state.seconds
    asked = mask(
        held_out.sequences(range(len(held_out))), model, recipe.masked, np.random.default_rng(0)
    )
    batch = recipe.batch or (BATCH_ON_CPU if device == "cpu" else BATCH_ON_GPU)
    pad, ends = model.tokenizer.pad_token_id, _sentence_ends(model.tokenizer)
    weights = rarity(corpus, len(model.tokenizer))
    losses: list[float] = []
    alignment = None
    if pairs is not None and teacher is not None:
        size = recipe.pairs or (PAIRS_ON_CPU if device == "cpu" else PAIRS_ON_GPU)
        alignment = Alignment(model, teacher, pairs, batch=size, seed=recipe.seed, device=device)

    def share() -> float:
        return (
            state.steps / steps if steps else (time.monotonic() - started - state.began) / seconds
        )

    def factors() -> Iterator[float]:
        while (at := share()) < 1:
            yield min(at / recipe.warmup if recipe.warmup else 1.0, (1 - at) / (1 - recipe.warmup))

    def loss_of(rows: np.ndarray) -> torch.Tensor:
        random = np.random.default_rng(
            (recipe.seed, state.steps)
        )  # a run that continues draws what it would have drawn
        apart = ends and pad is not None and random.random() < recipe.sentences
        ids = corpus.sentences(rows, ends, pad) if apart else corpus.sequences(rows)
        seen = ids != pad if apart else np.ones_like(ids, bool)
        state.tokens += int(seen.sum())
        shown, gold = mask(ids, model, recipe.masked, random, weights if apart else None)
        loss = masked_loss(
            model,
            shown.to(device),
            gold.to(device),
            torch.from_numpy(seen).to(device) if apart else None,
        )
        if alignment:
            loss = loss + recipe.pairs_weight * alignment.loss(state.steps)
            state.tokens += alignment.tokens
        return loss

    def mark(accuracy: float | None = None) -> Mark:
        return Mark(
            state.steps,
            state.tokens,
            state.seconds,
            min(1.0, max(0.0, share())),
            float(np.mean(losses[-100:])) if losses else math.nan,
            accuracy,
        )

    def keep() -> Mark:
        state.seconds = time.monotonic() - started
        found = mark(masked_accuracy(model, *asked, device))
        state.marks.append(asdict(found))
        _checkpoint(folder, network, optimizer, state)
        return found

    network.train(False)  # no dropout: the text is hardly seen twice
    batches = _batches(len(corpus), batch, recipe.seed, skip=first)
    marks_due = itertools.count(math.floor(share() * checks) + 1)
    due = next(marks_due)
    try:
        for loss in descend(optimizer, loss_of, batches, factors(), 1.0):
            losses.append(loss)
            state.steps += 1
            state.seconds = time.monotonic() - started
            if due <= share() * checks < checks:  # the last measurement is the one below
                due = next(marks_due)
                yield keep()
            else:
                yield mark()
        state.finished = True
        yield keep()
    except (
        GeneratorExit,
        KeyboardInterrupt,
    ):  # Ctrl-C falls into a step more often than between two
        keep()
        raise


def mask(
    ids: np.ndarray,
    model: MaskedLM,
    share: float,
    random: np.random.Generator,
    weights: np.ndarray | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(what the model is shown, what is asked for; NOT_ASKED elsewhere), both (B, T). Special
    tokens are never asked for.

    Args:
        weights: (V,) how much likelier than others a token is asked for; None: all alike.
    """
    special = np.isin(ids, model.tokenizer.all_special_ids)
    drawn = random.random(ids.shape)
    asked = (drawn < (share if weights is None else share * weights[ids])) & ~special
    if not asked.any():
        asked[np.unravel_index(np.argmin(np.where(special, 2.0, drawn)), ids.shape)] = True
    how = random.random(ids.shape)
    shown = np.where(asked & (how < 0.8), model.tokenizer.mask_token_id, ids)
    shown = np.where(
        asked & (how >= 0.9), random.integers(0, len(model.tokenizer), ids.shape), shown
    )
    return torch.from_numpy(shown), torch.from_numpy(np.where(asked, ids, NOT_ASKED))


def rarity(corpus: Corpus, vocabulary: int) -> np.ndarray:
    """(V,) weights that ask more often for rare tokens: what a text is about teaches more than
    "the" (Zhang et al. 2023, weighted sampling). Their mean over the text is about 1, so that the
    share asked for stays what it is."""
    tokens = corpus.tokens[:: -(-len(corpus.tokens) // COUNTED)]  # of all texts, not of the first
    counts = np.bincount(tokens, minlength=vocabulary).astype(np.float64)
    weights = 1 / np.sqrt(counts + 10)
    return np.minimum(weights * counts.sum() / (weights * counts).sum(), MOST_WEIGHT)


def masked_loss(
    model: MaskedLM, shown: torch.Tensor, gold: torch.Tensor, seen: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean cross-entropy over what is asked for, in nats; `seen` (B, T) is False on padding."""
    logits = _asked_logits(model, shown, gold, seen)
    return nn.functional.cross_entropy(logits.float(), gold[gold != NOT_ASKED])


@torch.inference_mode()
def masked_accuracy(
    model: MaskedLM, shown: torch.Tensor, gold: torch.Tensor, device: str, *, exact: bool = False
) -> float:
    """Share of what is asked for whose likeliest token is the right one; `exact`: in float32."""
    right = total = 0
    for some, wanted in zip(shown.split(32), gold.split(32), strict=True):
        best = (
            _asked_logits(model, some.to(device), wanted.to(device), exact=exact).argmax(-1).cpu()
        )
        right += int((best == wanted[wanted != NOT_ASKED]).sum())
        total += len(best)
    return right / total


def _asked_logits(
    model: MaskedLM,
    shown: torch.Tensor,
    gold: torch.Tensor,
    seen: torch.Tensor | None = None,
    *,
    exact: bool = False,
) -> torch.Tensor:
    kind = (EXACT if exact else formats(str(shown.device), home() / "cache")).training
    half = kind is not torch.float32
    with torch.autocast(shown.device.type, dtype=kind if half else None, enabled=half):
        batch = (
            {"input_ids": shown}
            if seen is None
            else {"input_ids": shown, "attention_mask": seen.long()}
        )
        return model.head(model.hidden(**batch)[gold != NOT_ASKED])


def _sentence_ends(tokenizer: Any) -> tuple[int, ...]:
    """Tokens that end a sentence, as far as this vocabulary has them."""
    vocabulary = tokenizer.get_vocab()
    return tuple(vocabulary[mark] for mark in (".", "!", "?", "。") if mark in vocabulary)


def _choose_trained(network: PreTrainedModel) -> None:
    """Choose to train everything but the embeddings, and the output matrix where it is tied to
    them; of a grown vocabulary the new rows.
    """
    vocabulary, new = network.get_input_embeddings().weight, _of_new_pieces(network)
    for name, parameter in network.named_parameters():
        fixed = ".embeddings." in f".{name}" or parameter is vocabulary
        parameter.requires_grad_(id(parameter) in new or not fixed)


def _of_new_pieces(network: PreTrainedModel) -> set[int]:
    table = grown(network)
    return {id(table.left), id(table.right)} if table else set()


def _suit_processor(network: PreTrainedModel) -> None:
    """Two habits that made training 1.6 times as fast on two cores: attention as plain matrix
    products (the fused kernel's backward pass is slow at short lengths), and memory that was freed
    is kept, since getting the same large blocks from the system again at every step costs more than
    some of the arithmetic."""
    network.set_attn_implementation("eager")
    if sys.platform == "linux" and (libc := ctypes.util.find_library("c")):
        mallopt = getattr(ctypes.CDLL(libc), "mallopt", None)  # glibc has it, musl has not
        if mallopt:
            mallopt(M_MMAP_MAX, 0)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def _groups(network: PreTrainedModel, recipe: Recipe) -> list[dict]:
    """Body and head with their own rates; biases and norms are not pulled to zero."""
    body = f"{network.base_model_prefix}."
    new = _of_new_pieces(network)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            rate = recipe.rate if name.startswith(body) else recipe.head_rate
            rate = recipe.pieces_rate if id(parameter) in new else rate
            groups.setdefault(
                (rate, recipe.weight_decay if parameter.ndim > 1 else 0.0), []
            ).append(parameter)
    return [
        {"params": parameters, "lr": rate, "weight_decay": pull}
        for (rate, pull), parameters in groups.items()
    ]


def _batches(count: int, size: int, seed: int, skip: int) -> Iterator[np.ndarray]:
    """Endless batches: every sequence once an epoch, in an order of its own; the first `skip` are
    left out.
    """
    per_epoch = max(1, count // size)
    for epoch in itertools.count(skip // per_epoch):
        order = np.random.default_rng((seed, epoch)).permutation(count)
        for i in range(skip % per_epoch if epoch == skip // per_epoch else 0, per_epoch):
            yield order[i * size : (i + 1) * size]


# --- checkpoints ----------------------------------------------------------------------------------


def _checkpoint(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, state: _State
) -> None:
    """Weights that train, their moments and the progress of the run; whole or not at all."""
    names: dict[torch.Tensor, str] = {
        p: n for n, p in network.named_parameters() if p.requires_grad
    }
    tensors = {f"weight.{n}": p.detach().cpu().contiguous() for p, n in names.items()}
    for parameter, moments in optimizer.state.items():
        for kind in ("exp_avg", "exp_avg_sq", "step"):
            tensors[f"{kind}.{names[parameter]}"] = moments[kind].detach().cpu().contiguous()
    whole, new = folder / "training", folder / "training.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    save_file(tensors, str(new / "state.safetensors"))
    (new / "state.json").write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    if whole.is_dir():
        shutil.rmtree(
            folder / "training.old", ignore_errors=True
        )  # a run that was killed may have left it
        os.replace(whole, folder / "training.old")
    os.replace(new, whole)
    shutil.rmtree(folder / "training.old", ignore_errors=True)


def _go_on(folder: Path, model: MaskedLM, optimizer: torch.optim.Optimizer | None) -> _State:
    kept = next(
        (f for f in (folder / "training", folder / "training.old") if (f / "state.json").is_file()),
        None,
    )
    if kept is None:
        raise UserError(
            say(
                "{folder} holds no run to resume. Leave out {resume} to start one.",
                folder=folder,
                resume=Setting("resume"),
            )
        )
    state = _State(**json.loads((kept / "state.json").read_text(encoding="utf-8")))
    tensors = load_file(str(kept / "state.safetensors"))
    _choose_trained(model.network)
    names = {n: p for n, p in model.network.named_parameters() if p.requires_grad}
    shapes = {
        n.removeprefix("weight."): tensor.shape
        for n, tensor in tensors.items()
        if n.startswith("weight.")
    }
    if shapes != {n: p.shape for n, p in names.items()} or state.base not in ("", model.ref.digest):
        raise UserError(
            say(
                "The run in {folder} trained another model. Give the same {base}, or another"
                " {out}.",
                folder=folder,
                base=Setting("base"),
                out=Setting("out"),
            )
        )
    with torch.no_grad():
        for name, parameter in names.items():
            parameter.copy_(tensors[f"weight.{name}"])
            if optimizer and f"step.{name}" in tensors:
                optimizer.state[parameter] = {
                    kind: tensors[f"{kind}.{name}"].to(parameter.device)
                    for kind in ("exp_avg", "exp_avg_sq", "step")
                }
    if state.finished:
        state.began, state.finished = state.seconds, False
    return state


# --- the finished model ---------------------------------------------------------------------------


def restore(model: MaskedLM, folder: Path) -> None:
    """Put the newest checkpoint of a run into the model.

    Raises:
        UserError: there is none, or it is of another model.
    """
    _go_on(folder, model, None)


def save_model(model: MaskedLM, base: Source, folder: Path, *, changed_only: bool) -> None:
    """Write the model: a folder any command takes with --model.

    Args:
        changed_only: only what differs from the base, in half precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if changed_only:
        weights = {name: p.detach().cpu().numpy() for name, p in model.network.named_parameters()}
        names = {id(p): name for name, p in model.network.named_parameters()}
        table, of_table = grown(model.network), ""
        if table:  # the base's own vectors stay, the new ones are kept as their two factors
            for part, name in ((table.left, LEFT), (table.right, RIGHT)):
                weights[name] = weights.pop(names[id(part)])
            first = names[id(table.first.weight)]
            of_table = first.removesuffix("first.weight") + "weight"
            weights[of_table] = weights.pop(first)
        known = {
            name: tensor
            for file in base.folder.glob("*.safetensors")
            for name, tensor in load_arrays(file).items()
        }
        write_changed(
            folder / FILE,
            weights,
            known,
            base_name=base.ref.name,
            base_digest=base.ref.digest,
            prefix=model.network.base_model_prefix,
            architecture=type(model.network).__name__,
            pieces=new_pieces(model) if table else (),
            table=of_table,
        )
        return
    if grown(model.network):
        settle(model.network)
    (folder / FILE).unlink(missing_ok=True)  # of an earlier save; it would be read first
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    copy_pooling(base, folder)


def new_pieces(model: MaskedLM) -> list[str]:
    """What the vocabulary of a grown model has more than its base's, in order."""
    table = grown(model.network)
    first = table.first.num_embeddings if table else len(model.tokenizer)
    ids = sorted((i, piece) for piece, i in model.tokenizer.get_vocab().items() if i >= first)
    return [piece for _, piece in ids]
