"""What the formats of arms that answer with stretches of a text share: tags of words, and answers
to questions. A foreign model says something of every token; here that becomes what the arm says of
the words, long texts in overlapping pieces as the arm reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example, Label, Problem
from tl_core.exports.formats._base import (
    Format,
    Probabilities,
    no_transformer,
    not_merged,
    not_portable,
)
from tl_core.models.training.portable import EachToken
from tl_core.models.training.settings import LAST_LAYER
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

TokenLogits = Callable[[Mapping[str, np.ndarray]], np.ndarray]  # a batch to (B, T, K)
BATCH = 32
SETTING = f"reads={LAST_LAYER}"
OUTSIDE = "O"


class NotOfWords(Format):
    """A format of other arms, which can hold none of these."""

    def __init__(self, of: Format):
        self.id, self.library, self.packages, self.extra = of.id, of.library, of.packages, of.extra

    def refuses(self, kept: Kept) -> str:
        """It labels whole texts."""
        return say(
            "{format} cannot hold {arm}: it answers with stretches of a text, and {format} labels"
            " whole texts.",
            format=self.id,
            arm=kept.arm.id,
        )


def not_each_token(kept: Kept, format: str) -> str:
    """The refusal of a run that does not decide token by token; "" for others."""
    portable = kept.portable
    if portable is None:
        return not_portable(kept, format)
    if not isinstance(portable.reads, EachToken):
        return no_transformer(kept, format)
    if portable.reads.near:
        return say(
            "{format} cannot hold {arm}: it also goes by how near each sentence is to the question,"
            " which no head of another library is told. An arm with {setting} does not.",
            format=format,
            arm=kept.arm.id,
            setting=SETTING,
        )
    return ""


def reads_more_than_last(kept: Kept, format: str) -> Sentence:
    """The refusal of a run whose head sees more than the last layer."""
    return say(
        "{format} cannot hold {arm}: it reads the mean of several layers, and a head of"
        " transformers the last one, as an arm with {setting} does.",
        format=format,
        arm=kept.arm.id,
        setting=SETTING,
    )


def beside_the_network(kept: Kept, format: str) -> str:
    """`not_merged` of a run that decides token by token."""
    portable = kept.portable
    assert portable is not None and isinstance(portable.reads, EachToken)  # else it was refused
    return not_merged(portable.reads, kept, format)


def tag_names(labels: Sequence[Label]) -> list[str]:
    """Names of the K tags in their order, as IOB2 writes them."""
    return [OUTSIDE, *(f"{side}-{label.id}" for label in labels for side in "BI")]


def named_tags(config: Any, problem: Problem) -> None:
    """Say in the configuration of a network what it tags."""
    if task_of(problem).alternatives:
        return
    names = tag_names(problem.labels)
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: i for i, name in enumerate(names)}


def about_words(kept: Kept) -> dict[str, Any]:
    """What `open` and the example need to know of how it reads."""
    portable = kept.portable
    assert portable is not None and isinstance(portable.reads, EachToken)
    classifier = portable.reads.classifier
    return {
        "max_tokens": portable.reads.most_tokens,
        "first_layer": portable.reads.first,
        "unit": portable.unit,
        "segments": classifier is None or classifier.segments,
        "no_answer": len(kept.problem.labels) > 1 if portable.pair else None,
        "no_answer_shift": portable.reads.shift,
    }


def save_tokenizer(kept: Kept, folder: Path) -> None:
    """The tokenizer, which cuts at what the arm reads at once."""
    import copy

    portable = kept.portable
    assert portable is not None and isinstance(portable.reads, EachToken)
    tokenizer = copy.deepcopy(portable.reads.encoder.model.tokenizer)
    tokenizer.model_max_length = portable.reads.most_tokens
    tokenizer.save_pretrained(folder)


def states_of(read: Any, about: Mapping[str, Any], tokens: int) -> Any:
    """(B, T, d) that the head sees, of the output of a network.

    Args:
        read: with `hidden_states`, where more than the last layer is seen.
        tokens: T; what a prompt put before the text is left out.
    """
    import torch

    first = about["first_layer"]
    if first is None:
        states = read.last_hidden_state[:, -tokens:]
    else:
        states = torch.stack([x[:, -tokens:] for x in read.hidden_states[first:]]).mean(0)
    return torch.nn.functional.normalize(states, dim=-1) if about["unit"] else states


def of_words(folder: Path, about: Mapping[str, Any], logits: TokenLogits) -> Probabilities:
    """Turn what a foreign model says of tokens into what the arm says of words: (n, W, K), or of
    questions (n, W + 1, 2).
    """
    from transformers import AutoTokenizer

    from tl_core.exports.problem import problem_in

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    tokenizer.padding_side = "right"
    model: Any = SimpleNamespace(
        tokenizer=tokenizer,
        max_tokens=about["max_tokens"],
        ref=SimpleNamespace(name=about["arm"]),
    )
    problem = problem_in(dict(about))
    asks = task_of(problem).alternatives

    def probabilities(examples: Sequence[Example]) -> np.ndarray:
        if asks:
            return _answers(model, problem, about, examples, logits)
        return _tags(model, problem, examples, logits)

    return probabilities


def _tags(
    model: Any, problem: Problem, examples: Sequence[Example], logits: TokenLogits
) -> np.ndarray:
    from tl_core.models.word_pieces import assembled, pieces_of

    task, pieces = task_of(problem), pieces_of(model, examples)
    said = _each(model, [piece.example for piece in pieces], logits)
    found = [
        task.probabilities(z[np.minimum(piece.tokens, len(z) - 1)])
        for z, piece in zip(said, pieces, strict=True)
    ]
    return assembled(examples, pieces, found, task.outputs(problem))


def _answers(
    model: Any,
    problem: Problem,
    about: Mapping[str, Any],
    examples: Sequence[Example],
    logits: TokenLogits,
) -> np.ndarray:
    from tl_core.models.question_windows import assembled, windows_of
    from tl_core.models.training.answer_finder import chances_of

    windows = windows_of(model, examples)
    said = _each(model, [window.example for window in windows], logits)
    found = [
        z[np.minimum(window.tokens, len(z) - 1)] for z, window in zip(said, windows, strict=True)
    ]
    shift = about["no_answer_shift"]
    return chances_of(
        problem, assembled(examples, windows, found, none=about["no_answer"], shift=shift)
    )


def _each(model: Any, examples: Sequence[Example], logits: TokenLogits) -> list[np.ndarray]:
    """(T, K) float64 of each, in batches of like length."""
    order = sorted(
        range(len(examples)), key=lambda i: len(examples[i].text) + len(examples[i].text_b or "")
    )
    out: list[Any] = [None] * len(examples)
    for start in range(0, len(order), BATCH):
        some = order[start : start + BATCH]
        pair = examples[some[0]].text_b is not None
        batch = model.tokenizer(
            [examples[i].text for i in some],
            [examples[i].text_b or "" for i in some] if pair else None,
            truncation=True,
            max_length=model.max_tokens,
            padding=True,
            return_tensors="np",
        )
        lengths = np.asarray(batch["attention_mask"]).sum(1)
        for i, z, length in zip(some, logits(batch), lengths, strict=True):
            out[i] = np.asarray(z, np.float64)[: int(length)]
    return out
