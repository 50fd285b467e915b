"""Word vectors and a small bidirectional GRU: the way before transformers (Cho et al. 2014; Conneau et al. 2017).

The vectors are those of a file (GloVe, word2vec, fastText as text) or the model's own input embeddings, so that what
they bring can be told from what the transformer above them adds.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from tl_core.errors import UserError
from tl_core.models.recipes import TRIES
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class Params:
    vectors: str = param("", "Text file of word vectors, a word and its numbers on every line; empty takes the model's own input vectors")
    vectors_digest: str = param("", "What the file must hold, so that a changed one is noticed; filled in by itself")
    hidden: int = param(64, "Numbers that the reader keeps of what it has read, in each direction", low=1, high=2048)
    pooling: str = param("max", "What of all words reaches the head: the largest of each number, or the mean", choices=("max", "mean"))
    most_words: int = param(256, "Words read of a text; what follows is left out", low=1, high=10_000)
    learning_rate: float = param(3e-3, "Step size of reader and head", low=1e-6, high=1.0)
    unfreeze: bool = param(False, "The vectors of the words in the training rows are trained too")
    vectors_learning_rate: float = param(1e-3, "Step size of the vectors, when they are trained", low=1e-7, high=1.0)
    dropout: float = param(0.3, "Share of the numbers that is blanked out at random while it trains", low=0.0, high=0.9)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(60, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(1000, "At most so many optimizer steps", low=1, high=1_000_000)


class WordRnn:
    id = "word-rnn"
    version = 2
    order = 25
    title = "Word vectors + GRU"
    about = "Reads frozen word vectors one after another, as was usual before transformers. Shows what a transformer adds; wants many labels."
    needs = "all labels"
    uses_model = True
    Params = Params
    tries = TRIES
    opens_files = ("vectors",)

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return "word-rnn needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def settled(self, params: Params) -> Params:
        """With the digest of its file, so that equal settings mean equal vectors.

        Raises:
            UserError: the file is missing, damaged, or not the one that was settled on.
        """
        from tl_core.models.word_vectors import read_vectors

        if not params.vectors:
            return dataclasses.replace(params, vectors_digest="")
        found = read_vectors(params.vectors).digest
        if params.vectors_digest not in ("", found):
            raise UserError(f"word-rnn: {params.vectors} is not the file it was: it has the digest {found}, not {params.vectors_digest}. Leave vectors_digest out to take it as it is.")
        return dataclasses.replace(params, vectors_digest=found)

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every step trains a batch, then the test rows: one narrow layer is a small part of a whole network."""
        from tl_core.models.recipes import steps_for

        steps = steps_for(train, params.batch, epochs=params.epochs, low=params.min_steps, high=params.max_steps)
        return SHARE * (3.0 * steps * min(params.batch, train) + test)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Reader and head from random weights, drawn by the run's seed."""
        from tl_core.models.recipes import steps_for
        from tl_core.models.word_network import WordNetwork, WordPredictor, train_words, what_was_missed, with_vectors, words_of
        from tl_core.models.word_vectors import vectors_for
        from tl_core.tasks import task_of

        p: Params = job.params
        yield Step(0, 1, phase="read")
        vectors = vectors_for(job.encoder, p.vectors, p.vectors_digest)
        rows = words_of(vectors, job.problem, job.train)
        network = WordNetwork(vectors, job.problem, p, with_vectors(rows) if p.unfreeze else None, job.seed).to(job.encoder.device)
        steps = steps_for(len(rows), p.batch, epochs=p.epochs, low=p.min_steps, high=p.max_steps)
        curve = yield from train_words(network, rows, task_of(job.problem).gold(job.problem, job.train), steps=steps, seed=job.seed)
        count = sum(t.numel() for t in network.parameters())
        notes = what_was_missed(network, rows, "training texts")
        return Fitted(WordPredictor(network, job.encoder), optimizer_steps=steps, trainable_parameters=count, curve=curve, notes=notes)

    def load(self, folder: Path, problem: Problem, encoder):
        """Weights as saved, on the same vectors."""
        from tl_core.models.saved import read_settings
        from tl_core.models.word_network import load_words
        from tl_core.models.word_vectors import vectors_for

        params = Params(**read_settings(folder))
        return load_words(folder, problem, params, vectors_for(encoder, params.vectors, params.vectors_digest), encoder)


SHARE = 0.05  # of a whole network's time
STRATEGY = WordRnn()
