"""Which network learns a problem."""

from __future__ import annotations

from tl_core.api.types import Problem
from tl_core.models.encoding import Encoder
from tl_core.models.training.answer_finder import AnswerFinder
from tl_core.models.training.classifier import TextClassifier
from tl_core.models.training.settings import ALL_LAYERS
from tl_core.models.training.word_tagger import WordTagger
from tl_core.tasks import task_of


def network_for(
    encoder: Encoder,
    problem: Problem,
    *,
    start: int,
    pairs: str = "auto",
    reads: str = ALL_LAYERS,
    random_weights: int | None = None,
    pretrained: bool = True,
) -> TextClassifier:
    """The network that learns this problem; see `TextClassifier`.

    Args:
        reads: what words are decided by; see `reads_param`.
        pretrained: whether it may know anything before it learns; False also where random weights
            were drawn and trained ones are about to be put in.
    """
    if task_of(problem).head == "answer":
        return AnswerFinder(
            encoder,
            problem,
            start=start,
            pairs=pairs,
            reads=reads,
            random_weights=random_weights,
            near=pretrained and reads == ALL_LAYERS,
        )
    if task_of(problem).by_word:
        return WordTagger(
            encoder,
            problem,
            start=start,
            pairs=pairs,
            reads=reads,
            random_weights=random_weights,
        )
    return TextClassifier(encoder, problem, start=start, pairs=pairs, random_weights=random_weights)
