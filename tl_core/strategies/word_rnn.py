"""Word vectors and a small bidirectional GRU: the way before transformers (Cho et al. 2014; Conneau
et al. 2017).

The vectors are those of a file (GloVe, word2vec, fastText as text) or the model's own input
embeddings, so that what they bring can be separated from what the transformer above them adds.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import LABELS_AND_RATINGS, Strategy
from tl_core.api.types import Fitted, Job, Problem, Step, Steps
from tl_core.models.training.settings import TRIES, StepSettings


@dataclass(frozen=True)
class WordRnnSettings(StepSettings):
    vectors: str = param(
        "",
        "Text file of word vectors, a word and its numbers on every line; empty takes the model's"
        " own input vectors",
    )
    vectors_digest: str = param(
        "", "What the file must hold, so that a changed one is noticed; filled in by itself"
    )
    hidden: int = param(
        64, "Numbers that the reader keeps of what it has read, in each direction", low=1, high=2048
    )
    pooling: str = param(
        "max",
        "What of all words reaches the head: the largest of each number, or the mean",
        choices=("max", "mean"),
    )
    most_words: int = param(
        256, "Words read of a text; what follows is left out", low=1, high=10_000
    )
    learning_rate: float = param(3e-3, "Learning rate of reader and head", low=1e-6, high=1.0)
    unfreeze: bool = param(False, "The vectors of the words in the training rows are trained too")
    vectors_learning_rate: float = param(
        1e-3, "Learning rate of the vectors, when they are trained", low=1e-7, high=1.0
    )
    dropout: float = param(
        0.3, "Share of the numbers that is blanked out at random while it trains", low=0.0, high=0.9
    )


class WordRnn(Strategy):
    id = "word-rnn"
    tasks = LABELS_AND_RATINGS
    version = 2
    order = 25
    title = say("Word vectors + GRU")
    about = say(
        "Reads frozen word vectors one after another, as was usual before transformers. Shows"
        " what a transformer adds; needs many labels."
    )
    needs = "all labels"
    settings = WordRnnSettings
    tries = TRIES
    opens_files = ("vectors",)

    def settled(self, params: WordRnnSettings) -> WordRnnSettings:
        """Return the settings with the digest of their file, so that equal settings mean equal
        vectors.

        Raises:
            UserError: the file is missing, damaged, or not the one that was settled on.
        """
        from tl_core.models.word_vectors import read_vectors

        if not params.vectors:
            return dataclasses.replace(params, vectors_digest="")
        found = read_vectors(params.vectors).digest
        if params.vectors_digest not in ("", found):
            raise UserError(
                say(
                    "word-rnn: {vectors} is not the file it was: it has the digest {found}, not"
                    " {vectors_digest}. Leave vectors_digest out to take it as it is.",
                    vectors=params.vectors,
                    found=found,
                    vectors_digest=params.vectors_digest,
                )
            )
        return dataclasses.replace(params, vectors_digest=found)

    def passes(self, params: WordRnnSettings, train: int, test: int) -> float:
        """Every step trains a batch, then the test rows: one narrow layer is a small part of a
        whole network.
        """
        return SHARE * (params.trained_texts(train) + test)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Reader and head from random weights, drawn by the run's seed."""
        from tl_core.models.training.word_network import (
            WordNetwork,
            WordPredictor,
            train_words,
            what_was_missed,
            with_vectors,
            words_of,
        )
        from tl_core.models.word_vectors import vectors_for
        from tl_core.tasks import task_of

        p: WordRnnSettings = job.params
        yield Step(0, 1, phase="read")
        vectors = vectors_for(job.encoder, p.vectors, p.vectors_digest)
        rows = words_of(vectors, job.problem, job.train)
        network = WordNetwork(
            vectors, job.problem, p, with_vectors(rows) if p.unfreeze else None, job.seed
        ).to(job.encoder.device)
        steps = p.steps(len(rows))
        curve = yield from train_words(
            network,
            rows,
            task_of(job.problem).gold(job.problem, job.train),
            steps=steps,
            seed=job.seed,
        )
        count = sum(t.numel() for t in network.parameters())
        notes = what_was_missed(network, rows, "training texts")
        return Fitted(
            WordPredictor(network, job.encoder),
            optimizer_steps=steps,
            trainable_parameters=count,
            curve=curve,
            notes=notes,
        )

    def load(self, folder: Path, problem: Problem, encoder):
        """Weights as saved, on the same vectors."""
        from tl_core.models.saved import read_settings
        from tl_core.models.training.word_network import load_words
        from tl_core.models.word_vectors import vectors_for

        params = WordRnnSettings(**read_settings(folder))
        return load_words(
            folder,
            problem,
            params,
            vectors_for(encoder, params.vectors, params.vectors_digest),
            encoder,
        )


SHARE = 0.05  # of a whole network's time
STRATEGY = WordRnn()
