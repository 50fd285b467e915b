"""Labels as words in a template around a text, and how well a language model thinks they fit there.

A template holds {text} (and {text_b} where there are two texts) and one place for the label, which
is a blank. The text is cut short where all of it does not fit; the template never is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tl_core.api.errors import UserError, raise_all
from tl_core.api.params import param
from tl_core.api.sentences import Sentence, Setting, say, say_n
from tl_core.api.sentences import both as both_of
from tl_core.api.strategy import Needs, Strategy
from tl_core.api.types import Example, Facts, Fitted, Job, Problem, Step, Steps
from tl_core.data.labels import BARE_NUMBER
from tl_core.models.saved import read_arrays, read_settings, write_arrays, write_settings
from tl_core.models.token_names import names_of
from tl_core.statistics.classification.prompt_calibration import (
    bags_of_words,
    label_scores,
    log_shares,
    with_shares,
    without_text,
)

if TYPE_CHECKING:
    from tl_core.models.language_models import AnsweringModel, LanguageModel, Scored
    from tl_core.models.language_models.blanks import Blanked

CALIBRATIONS = ("none", "contextual", "domain", "pmi", "batch")
WITH_UNLABELLED = ("domain", "batch")
SAYS_NOTHING = (
    "N/A",
    "[MASK]",
    "",
)  # Zhao et al. 2021; [MASK] is read as text, so that it is no second blank
BAGS = 20  # Fei et al. 2023
MOST_CHARACTERS = 50  # of a text for every token the model reads: beyond, a text is not even tried
WORD_CHARACTERS = 40  # a word longer than this may be cut in its middle
NEAR = 4  # tokens left free at most, so that a cut is found in a few tries
GROUP = 100_000  # words scored before their tokens are dropped
OTHER_TASKS = say(
    "writes one label for a text; where several may apply, use cloze, label-score or lora."
)
_PLACES = re.compile(r"(\{text\}|\{text_b\})")


# --- templates ------------------------------------------------------------------------------------


def templates_of(
    setting: str, *, place: str, pairs: bool = False, at_end: bool = False
) -> list[str]:
    r"""The templates that a setting holds, cut at |, with [MASK] where the label goes.

    In them \n is a new line.

    Args:
        place: how the setting writes the label's place.
        pairs: there are two texts.
        at_end: the label's place must be the end.

    Raises:
        UserError: with every fault of them.
    """
    from tl_core.models.language_models.blanks import BLANK

    forms = [form.strip() for form in setting.replace("\\n", "\n").split("|") if form.strip()]
    wanted = [place, "{text}", *(["{text_b}"] if pairs else [])]
    faults = (
        []
        if forms
        else [say("Give at least one template with {wanted}.", wanted=" and ".join(wanted))]
    )
    for form in forms:
        faults += _template_faults(form, wanted, place, pairs, at_end)
    raise_all(faults)
    return [form.replace(place, BLANK) for form in forms]


def _template_faults(
    form: str, wanted: list[str], place: str, pairs: bool, at_end: bool
) -> list[Sentence]:
    from tl_core.models.language_models.blanks import BLANK, blanks_in

    count = {part: blanks_in(form) if part == BLANK else form.count(part) for part in wanted}
    faults = [
        say(
            "The template {form!r} must hold {part} once; it holds it {n} times.",
            form=form,
            part=part,
            n=n,
        )
        for part, n in count.items()
        if n != 1
    ]
    if not pairs and "{text_b}" in form:
        faults.append(
            say(
                "The template {form!r} holds {{text_b}}, which is the second of two texts;"
                " write it in pair_templates.",
                form=form,
            )
        )
    if place != BLANK and blanks_in(form):
        faults.append(
            say(
                "The template {form!r} holds {blank}; here the label's place is written {place}.",
                form=form,
                blank=BLANK,
                place=place,
            )
        )
    if at_end and not form.endswith(place):
        faults.append(
            say(
                "The template {form!r} must end with {place}: what is written next is compared.",
                form=form,
                place=place,
            )
        )
    return faults


def filled(template: str, example: Example, most: int) -> str:
    """The template with at most so many characters of each text in it. What looks like a blank in a
    text is text.
    """
    from tl_core.models.language_models.blanks import without_blanks

    texts = {"{text}": example.text, "{text_b}": example.text_b or ""}
    return "".join(
        without_blanks(_cut(texts[part], most)) if part in texts else part
        for part in _PLACES.split(template)
    )


def _cut(text: str, most: int) -> str:
    """The beginning of a text, up to the end of a word where one is near."""
    text = text.strip()
    if len(text) <= most:
        return text
    begun = text[:most]
    if not text[most].isspace() and re.search(r"\s", begun[-WORD_CHARACTERS:]):
        begun = re.sub(r"\S+$", "", begun)
    return begun.rstrip()


# --- settings -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BlankTemplates:
    """Settings of a strategy that has a blank filled; each adds its own behind them."""

    templates: str = param(
        "Topic: [MASK]. {text}",
        "The sentence around a text: {text} is the text, [MASK] the label's word, several are"
        " separated by |",
        korean="주제: [MASK]. {text}",
    )
    pair_templates: str = param(
        "First: {text} Second: {text_b} How they relate: [MASK].",
        "The same where a row has two texts: {text} is the first, {text_b} the second",
        korean="첫째: {text} 둘째: {text_b} 둘의 관계: [MASK].",
    )

    def __post_init__(self) -> None:
        (
            self.forms("one text"),
            self.forms("two texts"),
        )  # a bad template is reported before anyone waits

    def forms(self, inputs: str) -> list[str]:
        """The templates for such rows."""
        pairs = inputs == "two texts"
        return self._read(self.pair_templates if pairs else self.templates, pairs)

    def _read(self, setting: str, pairs: bool) -> list[str]:
        return templates_of(setting, place="[MASK]", pairs=pairs)


@dataclass(frozen=True)
class AnswerTemplates(BlankTemplates):
    """The same where the label is what a model writes next."""

    templates: str = param(
        "{text}\\nTopic: {label}",
        "The prompt: {text} is the text, {label} comes at the end, \\n is a new line, several are"
        " separated by |",
        korean="{text}\\n주제: {label}",
    )
    pair_templates: str = param(
        "First: {text}\\nSecond: {text_b}\\nHow they relate: {label}",
        "The same where a row has two texts: {text} is the first, {text_b} the second",
        korean="첫째: {text}\\n둘째: {text_b}\\n둘의 관계: {label}",
    )

    def _read(self, setting: str, pairs: bool) -> list[str]:
        return templates_of(setting, place="{label}", pairs=pairs, at_end=True)


def per_token_param() -> Any:
    """Return the parameter of how words of several tokens are compared where a model writes."""
    return param(
        False,
        "Compare the mean over a label's tokens, not their sum; with a calibration the sum already"
        " is fair to long labels",
    )


def calibration_param(default: str = "batch") -> Any:
    """Return the parameter of what labels are calibrated on."""
    return param(
        default,
        "What is subtracted from the labels' scores, learned from unlabelled texts (batch, for"
        " labels about equally frequent; domain) or from empty ones (contextual, pmi)",
        choices=CALIBRATIONS,
    )


# --- labels ---------------------------------------------------------------------------------------


def words_of(problem: Problem) -> list[tuple[str, ...]]:
    """Return for each label the words that stand for it, else its name."""
    return [label.words or (label.name,) for label in problem.labels]


def wordless(facts: Facts, strategy: str) -> str:
    """Return why labels cannot be put into words, as a sentence; "" when they can."""
    bare = [
        x.name
        for x in facts.problem.labels
        if not x.words and (not x.name.strip() or BARE_NUMBER.fullmatch(x.name.strip()))
    ]
    if bare or (not facts.named_labels and not all(x.words for x in facts.problem.labels)):
        return say(
            "{strategy} puts labels into words, and some of yours are bare numbers, which say"
            " nothing. Give them names or words in the label table ({labels}).",
            strategy=strategy,
            labels=Setting("labels"),
        )
    return ""


# --- scores ---------------------------------------------------------------------------------------


class Prompts:
    """Templates and label words for one language model, which is loaded when it is first asked."""

    told: tuple[str, ...] = ()  # sentences on the texts scored last
    by_itself = False  # whether a score is a label's own log-probability; else labels share one

    def __init__(
        self,
        problem: Problem,
        templates: Sequence[str],
        encoder: Any,
        *,
        answers: bool = False,
        per_token: bool | None = None,
    ):
        """
        Args:
            answers: the label is what the model writes after the template, not what it fills a
                blank with.
            per_token: compare the mean over a label's tokens instead of their sum; None: as the
                model's family needs.
        """
        self.problem, self.templates, self.encoder = problem, list(templates), encoder
        self.answers, self.per_token = answers, per_token
        self.words = words_of(problem)
        self.owner = [c for c, words in enumerate(self.words) for _ in words]
        self._tokens: dict[str, list[tuple[int, ...]]] = {}

    @cached_property
    def model(self) -> LanguageModel:
        """The arm's language model."""
        from tl_core.models.language_models import language_model_of

        return language_model_of(self.encoder)

    @property
    def answering(self) -> AnsweringModel:
        """The same, of a family that continues writing: what asks for answers refuses others."""
        return cast("AnsweringModel", self.model)

    def check(self) -> None:
        """
        Raises:
            UserError: a template alone is too long, or the model cannot read a label's word or tell
                two labels apart.
        """
        for template in self.templates:
            self.prompt(template, Example(0, "", ""))

    def tokens(self, follows: str) -> list[tuple[int, ...]]:
        """Every word of every label as it is cut behind this character."""
        if follows not in self._tokens:
            self._tokens[follows] = self._tokenized(follows)
        return self._tokens[follows]

    def _tokenized(self, follows: str) -> list[tuple[int, ...]]:
        from tl_core.models.language_models.blanks import word_tokens

        cut: list[tuple[int, ...]] = []
        taken: dict[tuple[int, ...], int] = {}
        faults = []
        for c, word in ((c, word) for c, words in enumerate(self.words) for word in words):
            try:
                cut.append(word_tokens(word, self.model.tokenizer, follows))
            except UserError as fault:
                faults.append(
                    say("Label “{label}”: {fault}", label=self.problem.labels[c].name, fault=fault)
                )
                continue
            other = taken.setdefault(cut[-1], c)
            if other != c:
                pieces = " ".join(names_of(self.model.tokenizer, cut[-1]))
                both = both_of(f"“{self.problem.labels[i].name}”" for i in (other, c))
                faults.append(
                    say(
                        "The labels {both} are the same to this model: both are read as"
                        " {pieces}. Give one of them other words.",
                        both=both,
                        pieces=pieces,
                    )
                )
        raise_all(faults)
        return cut

    def uneven(self) -> bool:
        """Whether words have different numbers of tokens."""
        return any(len({len(word) for word in cut}) > 1 for cut in self._tokens.values())

    @property
    def count(self) -> int:
        """Return the number of ways to ask about each text."""
        return len(self.templates)

    @property
    def ways(self) -> str:
        """The same in words."""
        return say("{count} templates", count=self.count)

    def prompt(self, template: str, example: Example) -> tuple[Blanked, bool]:
        """(the template with the text in it as tokens, whether the text was cut short).

        Raises:
            UserError: the template and the longest label alone do not fit.
        """
        longest = max(len(example.text), len(example.text_b or ""))
        most = min(longest, MOST_CHARACTERS * self.model.room)
        whole, free = self._read(template, example, most)
        if free >= 0:
            return whole, most < longest
        best, free_at_best = self._read(template, example, 0)
        if free_at_best < 0:
            raise UserError(
                say(
                    "The template {template!r} and its longest label alone are longer than the"
                    " {max_tokens} tokens {model} reads. Shorten them.",
                    template=template,
                    max_tokens=self.model.max_tokens,
                    model=self.model.ref.name,
                )
            )
        low, high, turn = 0, most, 0
        while free_at_best > NEAR and high - low > 1:
            share = (
                free_at_best / (free_at_best - free) if turn % 3 < 2 else 0.5
            )  # where the tokens would be even; now and then the middle
            at = min(high - 1, max(low + 1, low + int((high - low) * share)))
            tried, left = self._read(template, example, at)
            if left >= 0:
                best, low, free_at_best = tried, at, left
            else:
                high, free = at, left
            turn += 1
        return best, True

    def _read(
        self, template: str, example: Example, most: int, before: str = ""
    ) -> tuple[Blanked, int]:
        """(tokens, how many more would fit; negative when they do not). `before` is before the
        template.
        """
        blanked = self.model.read(before + filled(template, example, most))
        return blanked, self.left(blanked)

    def left(self, prompt: Blanked) -> int:
        """Count the tokens that would still fit alongside a prompt and the longest label."""
        return (
            self.model.room
            - len(prompt.ids)
            - prompt.left_out
            - max(map(len, self.tokens(prompt.follows[0])))
            + 1
        )

    def scores(self, examples: Sequence[Example]) -> Steps[tuple[np.ndarray, int]]:
        """((T, n, C) log-scores by template, texts that were cut short under any of them)."""
        found = np.zeros((len(self.templates), len(examples), len(self.words)))
        short: set[int] = set()
        for t, template in enumerate(self.templates):
            prompts = []
            for i, example in enumerate(examples):
                prompt, cut = self.prompt(template, example)
                prompts.append(prompt)
                short |= {i} if cut else set()
                if i % 50 == 0:
                    yield Step(i, len(examples), phase="read")
            for group in self._groups(prompts):
                words = [self.tokens(prompts[i].follows[0]) for i in group]
                ask = self.answering.answer_each if self.answers else self.model.score_each
                told = yield from ask([prompts[i] for i in group], words)
                found[t, group] = label_scores(
                    np.array([self._compared(scored) for scored in told]), self.owner
                )
        return found, len(short)

    def _groups(self, prompts: Sequence[Blanked]) -> Iterator[list[int]]:
        """Positions, texts of like length together, so many that their numbers take little
        memory.
        """
        order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i].ids), i))
        size = max(1, GROUP // len(self.owner))
        return (order[a : a + size] for a in range(0, len(order), size))

    def _compared(self, scored: Sequence[Scored]) -> list[float]:
        from tl_core.models.language_models import comparable_scores

        if self.per_token is None:
            return comparable_scores(self.model, scored)
        return [s.per_token if self.per_token else s.total for s in scored]


# --- calibration, fit and predict -----------------------------------------------------------------


def fit_prompts(
    prompts: Prompts, job: Job, predictor: type[PromptPredictor] | None = None
) -> Steps[Fitted]:
    """Check the words and learn what the model says of the labels when it has read nothing.

    Raises:
        UserError: see `Prompts.check`; or the calibration needs unlabelled texts and there are
            none.
    """
    yield Step(0, 1)
    prompts.check()
    calibration, unlabelled = job.params.calibration, job.unlabelled
    offsets = yield from _offsets(prompts, calibration, unlabelled, job.seed)
    notes = []
    if prompts.uneven() and prompts.per_token is None and not prompts.model.comparable:
        notes.append(
            say(
                "The labels' words are cut into different numbers of tokens, so they are"
                " compared by the mean over their tokens."
            )
        )
    if calibration in WITH_UNLABELLED:
        notes.append(
            say(
                "Calibrated on {unlabelled:,} texts of the training part; their labels were not"
                " seen.",
                unlabelled=len(unlabelled),
            )
        )
    yield Step(1, 1)
    return Fitted((predictor or PromptPredictor)(prompts, offsets, job.params), notes=tuple(notes))


def _offsets(
    prompts: Prompts, calibration: str, unlabelled: Sequence[Example], seed: int
) -> Steps[np.ndarray]:
    """(T, C) what is taken off every label's score under each template."""
    if calibration == "none":
        return np.zeros((prompts.count, len(prompts.words)))
    if calibration in WITH_UNLABELLED and not unlabelled:
        raise UserError(
            say(
                "calibration={calibration} learns from texts without labels, and there are none."
                " Choose contextual, pmi or none.",
                calibration=calibration,
            )
        )
    texts = (
        unlabelled
        if calibration == "batch"
        else _texts_that_say_nothing(prompts.problem, calibration, unlabelled, seed)
    )
    scores, _ = yield from prompts.scores(texts)
    return np.stack(
        [
            (with_shares if calibration == "batch" else without_text)(of_template)
            for of_template in scores
        ]
    )


def _texts_that_say_nothing(
    problem: Problem, calibration: str, unlabelled: Sequence[Example], seed: int
) -> list[Example]:
    pairs = problem.inputs == "two texts"
    if calibration != "domain":
        return [
            Example(0, text, text if pairs else None)
            for text in (SAYS_NOTHING if calibration == "contextual" else ("",))
        ]
    first = bags_of_words([e.text for e in unlabelled], BAGS, seed)
    second = (
        bags_of_words([e.text_b or "" for e in unlabelled], BAGS, seed + 1)
        if pairs
        else [None] * BAGS
    )
    return [Example(0, a, b) for a, b in zip(first, second, strict=True)]


class PromptPredictor:
    """softmax of the mean over templates of calibrated log-probabilities; or of each label by
    itself, where it has its own.
    """

    def __init__(self, prompts: Prompts, offsets: np.ndarray, params: Any):
        self.prompts, self.offsets, self.params = prompts, offsets, params  # offsets: (T, C)
        self.notes: tuple[str, ...] = ()

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        scores, short = yield from self.prompts.scores(examples)
        if self.prompts.by_itself:
            self.notes = self._notes(scores > math.log(0.5), short)
            return np.exp(scores.mean(0)).astype(np.float32)
        calibrated = np.stack(
            [log_shares(s - offset) for s, offset in zip(scores, self.offsets, strict=True)]
        )
        self.notes = self._notes(calibrated.argmax(2), short)
        return np.exp(log_shares(calibrated.mean(0))).astype(np.float32)

    def _notes(self, answers: np.ndarray, short: int) -> tuple[str, ...]:
        """answers: (T, n), or (T, n, C) where a text has many labels."""
        notes, n = list(self.prompts.told), answers.shape[1]
        if short:
            model = self.prompts.model
            notes.append(
                say_n(
                    "{n:,} of {texts:,} texts was cut short to fit into the {max_tokens} tokens"
                    " {model} reads; the template was not.",
                    "{n:,} of {texts:,} texts were cut short to fit into the {max_tokens} tokens"
                    " {model} reads; the template was not.",
                    short,
                    texts=n,
                    max_tokens=model.max_tokens,
                    model=model.ref.name,
                )
            )
        if len(answers) > 1 and n:
            apart = (answers != answers[0]).any(0).reshape(n, -1).any(1).mean()
            notes.append(
                say(
                    "The {ways} give different predictions for {apart:.0f}% of the texts.",
                    ways=self.prompts.ways,
                    apart=100 * apart,
                )
            )
        return tuple(notes)

    def save(self, folder: Path) -> None:
        """Write settings and offsets."""
        write_settings(folder, self.params)
        write_arrays(folder, offsets=self.offsets)


# --- strategies -----------------------------------------------------------------------------------


class Prompted(Strategy):
    """The common part of every strategy that prompts; a file in `strategies/` says what it asks,
    and of which models.
    """

    needs: Needs = "no labels"
    reads_label_names = True
    learns_from_few = False  # what a prompt brings is in the model

    def prompts(self, params: Any, problem: Problem, encoder: Any) -> Any:
        """`Prompts`, or what is asked alike: the labels' words in the templates of these
        settings.
        """
        raise NotImplementedError

    def uses_unlabelled(self, params: Any) -> bool:
        """Two of the calibrations learn from texts without labels."""
        return params.calibration in WITH_UNLABELLED

    def passes(self, params: Any, train: int, test: int) -> float:
        """Every text under every template, and what calibration reads; labels are short alongside
        them.
        """
        return float(
            len(params.forms("one text")) * (test + (256 if params.calibration == "batch" else 3))
        )

    def fit(self, job: Job) -> Steps[Fitted]:
        """Check the labels' words and calibrate."""
        return (yield from fit_prompts(self.prompts(job.params, job.problem, job.encoder), job))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> PromptPredictor:
        """Settings and offsets as saved."""
        params = self.settings(**read_settings(folder))
        return PromptPredictor(
            self.prompts(params, problem, encoder), read_arrays(folder)["offsets"], params
        )
