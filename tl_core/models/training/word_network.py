"""Word vectors, one gated recurrent layer that reads both ways, and a linear head: how texts were
read before transformers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem, Step, Steps
from tl_core.models.saved import write_settings
from tl_core.models.training.classifier import seeded
from tl_core.models.training.loop import fit, shuffled
from tl_core.models.word_vectors import UNKNOWN, FileVectors, OwnVectors
from tl_core.tasks import task_of

Words = list[list[int]]  # positions of its words, of each text


class WordNetwork(nn.Module):
    """Words in, logits out. The table of vectors is shared and stays; `own` are those of the
    training words, where they train.
    """

    def __init__(
        self,
        vectors: FileVectors | OwnVectors,
        problem: Problem,
        p: Any,
        own_words: np.ndarray | None,
        seed: int = 0,
    ):
        """
        Args:
            p: the settings of `word-rnn`.
            own_words: ascending positions of the words whose vectors train; None trains none.
        """
        super().__init__()
        self.vectors, self.problem, self.p, self.own_words = vectors, problem, p, own_words
        table = vectors.table
        spread = float(np.sqrt(np.mean(np.square(table[:: max(1, len(table) // 20_000)]))))
        self.scale = (
            1.0 / spread if spread > 0 else 1.0
        )  # so that every table reads like numbers around 1, whatever it was trained with
        sides = 4 if problem.inputs == "two texts" else 1
        with seeded(seed):
            self.reader = nn.GRU(table.shape[1], p.hidden, batch_first=True, bidirectional=True)
            self.head = nn.Linear(sides * 2 * p.hidden, len(problem.labels))
        self.dropout = nn.Dropout(p.dropout)
        if own_words is not None:
            self.own = nn.Embedding.from_pretrained(
                torch.from_numpy(table[own_words] * self.scale), freeze=False
            )

    def logits(self, rows: Sequence[Words]) -> torch.Tensor:
        """(B, C)."""
        u, *rest = (self._vector([row[side] for row in rows]) for side in range(len(rows[0])))
        for v in rest:
            u = torch.cat([(u - v).abs(), u * v, u, v], dim=1)
        return self.head(self.dropout(u))

    def _vector(self, texts: Words) -> torch.Tensor:
        """(B, 2 hidden): the largest, or the mean, of what was read at each word; padding is
        none.
        """
        looked_up, lengths = self._looked_up([row[: self.p.most_words] for row in texts])
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(looked_up), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.reader(packed)[0], batch_first=True
        )  # (B, T, 2 hidden)
        there = (torch.arange(states.shape[1]) < lengths[:, None])[..., None].to(states.device)
        if self.p.pooling == "max":
            return states.masked_fill(~there, -torch.inf).amax(1)
        return (states * there).sum(1) / lengths[:, None].to(states.device)

    def _looked_up(self, texts: Words) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, d) vectors, zero for words without one, and (B,) lengths; a text without words is
        one of these.
        """
        lengths = torch.tensor([max(1, len(row)) for row in texts])
        ids = np.full((len(texts), int(lengths.max())), UNKNOWN)
        for row, text in zip(ids, texts, strict=True):
            row[: len(text)] = text
        device = self.head.weight.device
        found = torch.from_numpy(
            self.vectors.table[np.maximum(ids, 0)]
            * (self.scale * (ids != UNKNOWN)[..., None]).astype(np.float32)
        ).to(device)
        if self.own_words is None:
            return found, lengths
        slots = np.minimum(np.searchsorted(self.own_words, ids), len(self.own_words) - 1)
        trained = torch.from_numpy(self.own_words[slots] == ids).to(device)
        return (
            torch.where(trained[..., None], self.own(torch.from_numpy(slots).to(device)), found),
            lengths,
        )


def words_of(
    vectors: FileVectors | OwnVectors, problem: Problem, examples: Sequence[Example]
) -> list[Words]:
    """Return for each example the words of its text, or of both."""
    sides = [[e.text for e in examples]]
    if problem.inputs == "two texts":
        sides.append([e.text_b or "" for e in examples])
    return [list(row) for row in zip(*(vectors.read(texts) for texts in sides), strict=True)]


def with_vectors(rows: Sequence[Words]) -> np.ndarray | None:
    """Ascending positions of every word that has a vector; None where no word has."""
    found = sorted({i for row in rows for side in row for i in side} - {UNKNOWN})
    return np.array(found, dtype=np.int64) if found else None


def train_words(
    network: WordNetwork, rows: Sequence[Words], gold: np.ndarray, *, steps: int, seed: int
) -> Steps[tuple[float, ...]]:
    """Train reader, head and own vectors; returns the loss of every step."""
    p = network.p
    wanted = torch.as_tensor(gold, device=network.head.weight.device)
    rates = [(network.reader, p.learning_rate), (network.head, p.learning_rate)]
    if network.own_words is not None:
        rates.append((network.own, p.vectors_learning_rate))
    groups = [
        {"params": list(part.parameters()), "lr": rate, "weight_decay": 0.0} for part, rate in rates
    ]

    def loss_of(batch: list[int]) -> torch.Tensor:
        logits = network.logits([rows[i] for i in batch])
        return task_of(network.problem).loss(logits, wanted[batch])

    network.train()
    with seeded(seed):
        try:
            return (
                yield from fit(
                    groups, loss_of, shuffled(_lengths(rows), p.batch, seed), steps=steps
                )
            )
        finally:
            network.eval()


def _lengths(rows: Sequence[Words]) -> list[int]:
    return [max(1, *map(len, row)) for row in rows]


class WordPredictor:
    """A trained network, what it reads, and the settings that shape it."""

    def __init__(self, network: WordNetwork, encoder: Any):
        self.network, self.encoder = network, encoder
        self.notes: tuple[str, ...] = ()

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        rows = words_of(self.network.vectors, self.network.problem, examples)
        self.notes = what_was_missed(self.network, rows, say("texts to label"))
        out: list = [None] * len(rows)
        done = 0
        for positions in self.encoder.batches(_lengths(rows)):
            with torch.inference_mode():
                logits = self.network.logits([rows[i] for i in positions]).float().cpu().numpy()
            for i, row in zip(positions, logits, strict=True):
                out[i] = row
            done += len(positions)
            yield Step(done, len(rows), phase="predict")
        task, logits = task_of(self.network.problem), np.stack(out).astype(np.float64)
        return task.probabilities(logits).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Weights and settings; of the vectors only those that were trained, and which file or
        model the others are of.
        """
        from safetensors.torch import save_file

        network = self.network
        kept = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
        if network.own_words is not None:
            kept["own_words"] = torch.from_numpy(network.own_words)
        save_file(kept, str(folder / "weights.safetensors"))
        write_settings(folder, network.p)
        (folder / "vectors.json").write_text(
            json.dumps({"digest": network.vectors.digest}), encoding="utf-8"
        )


def load_words(
    folder: Path, problem: Problem, p: Any, vectors: FileVectors | OwnVectors, encoder: Any
) -> WordPredictor:
    """Load what `save` wrote, on the same vectors.

    Raises:
        UserError: they are others now.
    """
    from safetensors.torch import load_file

    if (
        json.loads((folder / "vectors.json").read_text(encoding="utf-8"))["digest"]
        != vectors.digest
    ):
        raise UserError(
            say(
                "This was trained on other word vectors than {vectors} has now. Run the study"
                " again.",
                vectors=p.vectors or encoder.model.ref.name,
            )
        )
    saved = load_file(str(folder / "weights.safetensors"))
    own_words = saved.pop("own_words", None)
    network = WordNetwork(vectors, problem, p, None if own_words is None else own_words.numpy())
    network.load_state_dict(saved)
    return WordPredictor(network.to(encoder.device).eval(), encoder)


def what_was_missed(network: WordNetwork, rows: Sequence[Words], what: str) -> tuple[str, ...]:
    """Words without a vector and texts that were cut, as sentences."""
    texts = [side for row in rows for side in row]
    words, missing = sum(map(len, texts)), sum(side.count(UNKNOWN) for side in texts)
    long = sum(len(side) > network.p.most_words for side in texts)
    notes = []
    if missing:
        share = f"{100 * missing / words:.1f}" if missing < words else "100"
        notes.append(
            say(
                "{share}% of the words of the {what} have no vector in {path}; they are read as"
                " zeros.",
                share=share,
                what=what,
                path=Path(network.vectors.name).name,
            )
        )
    if long:
        notes.append(
            say(
                "{long:,} of the {texts:,} {what} are longer than {most_words:,} words and lost"
                " their end.",
                long=long,
                texts=len(texts),
                what=what,
                most_words=network.p.most_words,
            )
        )
    return tuple(notes)
