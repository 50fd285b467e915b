"""Whether a text entails a sentence about it, as a model trained on pairs of premise and hypothesis
says (Yin et al. 2019).

The text is the premise; a template makes a hypothesis of each label's word. Such models were saved
with the names of
their classes, in any order: which one means entailment is read from the names alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError, raise_all
from tl_core.api.particles import fitted
from tl_core.api.sentences import both as both_of
from tl_core.api.sentences import say
from tl_core.api.types import Example, ModelRef, Problem, Step, Steps
from tl_core.models.entailment_classes import entailment_classes
from tl_core.models.prompting.prompts import MOST_CHARACTERS, words_of
from tl_core.statistics.classification.prompt_calibration import label_scores
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.models.catalog import Source

PLACE = "{label}"
GROUP = 4096  # pairs whose tokens are held at a time


def hypothesis_templates(setting: str) -> list[str]:
    """The templates that a setting holds, cut at |.

    Raises:
        UserError: there is none, or one does not hold {label} once.
    """
    forms = [form.strip() for form in setting.split("|") if form.strip()]
    faults = (
        []
        if forms
        else [
            say(
                "Give at least one template with {place}, such as This text is about {place}.",
                place=PLACE,
            )
        ]
    )
    faults += [
        say(
            "The template {form!r} must hold {place} once; it holds it {n} times.",
            form=form,
            place=PLACE,
            n=n,
        )
        for form in forms
        if (n := form.count(PLACE)) != 1
    ]
    raise_all(faults)
    return forms


class EntailmentModel:
    """A classifier of pairs of texts with a class for entailment."""

    def __init__(
        self, ref: ModelRef, tokenizer: Any, network: Any, max_tokens: int, classes: tuple[int, int]
    ):
        self.ref, self.tokenizer, self.network, self.max_tokens = (
            ref,
            tokenizer,
            network,
            max_tokens,
        )
        self.classes = list(classes)
        self.around = tokenizer.num_special_tokens_to_add(pair=True)

    def plain(self, text: str) -> str:
        """The text with special tokens it spells out taken apart."""
        from tl_core.models.language_models.blanks import plain

        return plain(text, self.tokenizer)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone, without special ones."""
        return (
            [
                len(ids)
                for ids in self.tokenizer(list(texts), add_special_tokens=False, verbose=False)[
                    "input_ids"
                ]
            ]
            if texts
            else []
        )

    def logits(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[list[int], np.ndarray]]:
        """(positions, (b, 2) logits of entailment and its opposite) of pairs of premise and
        hypothesis, some at a time.

        Only premises are cut. Pairs of one length go together, so that nothing is padded and
        company does not matter.
        """
        from tl_core.models.language_models.slots import of_one_length

        read = self.tokenizer(
            [premise for premise, _ in pairs],
            [hypothesis for _, hypothesis in pairs],
            truncation="only_first",
            max_length=self.max_tokens,
            verbose=False,
        )
        for positions in of_one_length([len(ids) for ids in read["input_ids"]]):
            yield (
                positions,
                self._asked({name: [rows[i] for i in positions] for name, rows in read.items()}),
            )

    def all_logits(
        self, pairs: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """(positions, (b, K) logits of every class) of pairs, some at a time; of a pair that is too
        long, the longer text is cut.
        """
        from tl_core.models.language_models.slots import of_one_length

        first, second = ([pair[side] for pair in pairs] for side in (0, 1))
        read = self.tokenizer(
            first, second, truncation="longest_first", max_length=self.max_tokens, verbose=False
        )
        for positions in of_one_length([len(ids) for ids in read["input_ids"]]):
            yield (
                positions,
                self._logits({name: [rows[i] for i in positions] for name, rows in read.items()}),
            )

    def _asked(self, rows: dict[str, list[list[int]]]) -> np.ndarray:
        return self._logits(rows)[:, self.classes]

    def _logits(self, rows: dict[str, list[list[int]]]) -> np.ndarray:
        """(b, K) float64."""
        import torch

        device = next(self.network.parameters()).device
        with torch.inference_mode():
            logits = self.network(
                **{name: torch.tensor(values, device=device) for name, values in rows.items()}
            ).logits
        return logits.double().cpu().numpy()


def open_entailment_model(source: Source, device: str = "cpu") -> EntailmentModel:
    """Load a model with its head.

    Raises:
        UserError: it has no class for entailment, or its files are damaged.
    """
    from transformers import AutoModelForSequenceClassification

    from tl_core.models.language_models.loading import load_head

    if not source.ref.entails:
        raise UserError(no_entailment(source.ref.name))
    tokenizer, network, max_tokens = load_head(
        source, AutoModelForSequenceClassification, say("a classifier of pairs of texts")
    )
    if network.config.pad_token_id is None:
        network.config.pad_token_id = (
            -1
        )  # some heads read no two pairs together without one; nothing is padded here
    classes = entailment_classes(network.config.id2label)
    if classes is None:
        raise UserError(no_entailment(source.ref.name))
    return EntailmentModel(source.ref, tokenizer, network.to(device), max_tokens, classes)


def entailment_model_of(encoder: Any) -> EntailmentModel:
    """The encoder's model with its head that says what follows from a text, loaded at first use.

    Raises:
        UserError: its files hold no such head.
    """
    return encoder.once(_opened)


def _opened(encoder: Any) -> EntailmentModel:
    return open_entailment_model(encoder.source, encoder.device)


def no_entailment(name: str) -> str:
    """The sentence that a model cannot be asked what a text entails."""
    return say(
        "{name} has no head with a class called entailment and one against it (contradiction, or"
        " not_entailment). Choose a model that was trained on natural language inference (NLI).",
        name=name,
    )


class Hypotheses:
    """Label words in templates, for one model of entailment; to `tl_core.models.prompting.prompts`
    these are prompts like others.
    """

    told: tuple[str, ...] = ()  # as of `Prompts`

    @property
    def by_itself(self) -> bool:
        """As of `Prompts`: entailment against contradiction is a probability of one label."""
        return not task_of(self.problem).exclusive

    def __init__(self, problem: Problem, templates: Sequence[str], encoder: Any):
        self.problem, self.templates, self.encoder = problem, list(templates), encoder
        self.words = words_of(problem)
        self.owner = [c for c, words in enumerate(self.words) for _ in words]

    @cached_property
    def model(self) -> EntailmentModel:
        """The arm's model, with its head."""
        return entailment_model_of(self.encoder)

    @property
    def count(self) -> int:
        """Return the number of templates for each text."""
        return len(self.templates)

    @property
    def ways(self) -> str:
        """The same in words."""
        return say("{count} templates", count=self.count)

    def uneven(self) -> bool:
        """A hypothesis is judged as a whole, however many tokens it has."""
        return False

    def check(self) -> None:
        """
        Raises:
            UserError: two labels are the same words, or a hypothesis leaves no room for a text.
        """
        taken: dict[str, int] = {}
        faults = []
        for c, word in zip(
            self.owner, (word.strip() for words in self.words for word in words), strict=True
        ):
            other = taken.setdefault(word, c)
            if other != c:
                both = both_of(f"“{self.problem.labels[i].name}”" for i in (other, c))
                faults.append(
                    say(
                        "The labels {both} are both put into words as “{word}”. Give one of them"
                        " other words.",
                        both=both,
                        word=word,
                    )
                )
        for template in self.templates:
            said = self._said(template)
            for hypothesis, length in zip(said, self.model.lengths(said), strict=True):
                if length + self.model.around >= self.model.max_tokens:
                    faults.append(
                        say(
                            "The hypothesis “{hypothesis}” leaves no room for a text in the"
                            " {max_tokens} tokens {model} reads. Shorten it.",
                            hypothesis=hypothesis,
                            max_tokens=self.model.max_tokens,
                            model=self.model.ref.name,
                        )
                    )
        raise_all(faults)

    def _said(self, template: str) -> list[str]:
        """The hypothesis of every word of every label."""
        return [
            self.model.plain(fitted("", template.replace(PLACE, word.strip())))
            for words in self.words
            for word in words
        ]

    def scores(self, examples: Sequence[Example]) -> Steps[tuple[np.ndarray, int]]:
        """((T, n, C) log-scores by template, texts that were cut short under any of them).

        One label a text: the entailment logit, of which the labels' softmax is taken. Many: log of
        the share of entailment alongside its opposite, each label for itself. Over a label's words
        it is the log of the mean.
        """
        from scipy.special import log_expit

        most = MOST_CHARACTERS * self.model.max_tokens
        texts = [self.model.plain(e.text.strip()[:most]) for e in examples]
        lengths = self.model.lengths(texts)
        short = {i for i, e in enumerate(examples) if len(e.text.strip()) > most}
        found = np.zeros((len(self.templates), len(texts), len(self.words)))
        for t, template in enumerate(self.templates):
            said = self._said(template)
            longest = max(self.model.lengths(said)) + self.model.around
            short |= {
                i for i, length in enumerate(lengths) if length + longest > self.model.max_tokens
            }
            order = sorted(range(len(texts)), key=lambda i: (lengths[i], i))
            size = max(1, GROUP // len(said))
            for a in range(0, len(order), size):
                group = order[a : a + size]
                logits = np.zeros((len(group) * len(said), 2))
                for positions, told in self.model.logits(
                    [(texts[i], hypothesis) for i in group for hypothesis in said]
                ):
                    logits[positions] = told
                    yield Step(t * len(texts) + a, len(found) * len(texts), phase="predict")
                entails, against = logits.reshape(len(group), len(said), 2).transpose(2, 0, 1)
                found[t, group] = label_scores(
                    log_expit(entails - against) if self.by_itself else entails, self.owner
                )
        return found, len(short)
