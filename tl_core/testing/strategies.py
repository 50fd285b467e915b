"""The questions every strategy is asked. A failed question says what is wrong and what to do."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.declarations import is_sentence, strategy_faults
from tl_core.api.errors import UserError
from tl_core.api.params import build, declared
from tl_core.api.strategy import Strategy
from tl_core.api.types import Example, Facts, Fitted, Inputs, Job, Label, ModelRef, Problem
from tl_core.api.words import words_of
from tl_core.tasks import ANSWER, ASKS, NO_ANSWER, RATINGS, TAGS, task_of
from tl_core.testing.tiny_models import (
    COMMON,
    TOPICS,
    WORDS,
    drain,
    make,
    make_entailing,
    make_headed,
    one_thread,
    text,
)

if TYPE_CHECKING:
    from tl_core.models.encoding import Encoder

STEPS = 6  # optimizer steps of most questions, where the settings say how many
ODD_TEXTS = (
    "",
    " ",
    "?",
    "한국어 문장",
    "🙂🙂",
    "ship " * 500,
    "x" * 3000,
    "a [SEP] b [PAD] [CLS]",
    "\u200b\x07",
    "tab\tnew\nline",
)
# every way a model may have learned language, for strategies that look for one
REFS = tuple(
    ModelRef("tiny", "0" * 32, kind="bert", speaks=speaks, entails=True)
    for speaks in ("sentinel", "masked", "causal", "permutation", "")
)


class NotAsked(Exception):
    """The question says nothing about this strategy; the message says why."""


# --- what the questions are asked with ------------------------------------------------------------


def problem_of(
    topics: Sequence[str] = ("sea", "bread"),
    inputs: Inputs = "one text",
    target: str = "one label",
) -> Problem:
    """A problem whose labels are topics of the made-up language; ratings are topics by number."""
    ids = [str(i) for i in range(1, len(topics) + 1)] if target == RATINGS else topics
    labels = (Label(i, t, (" ".join(TOPICS[t]),)) for i, t in zip(ids, topics, strict=True))
    return Problem(inputs, target, tuple(labels))


def rows_of(
    topics: Sequence[str] = ("sea", "bread"), shots: int = 4, seed: int = 0, pairs: bool = False
) -> list[Example]:
    """Rows of each topic; of two texts, the second is another text of the same topic."""
    random = np.random.default_rng(seed)
    named = [t for _ in range(shots) for t in topics]
    return [
        Example(i, text(t, random), text(t, random) if pairs else None, (t,))
        for i, t in enumerate(named, start=1)
    ]


def tagged_rows(count: int = 32, seed: int = 0) -> list[Example]:
    """Rows with two spans each, a word of a topic, between words that are of none."""
    random = np.random.default_rng(seed)
    rows = []
    for row in range(1, count + 1):
        said, spans = "", []
        for topic in random.permutation(("sea", "bread")):
            said += " ".join(random.choice(COMMON, random.integers(1, 3))) + " "
            name = str(random.choice(TOPICS[topic]))
            spans.append((len(said), len(said) + len(name), str(topic)))
            said += name + " "
        said += str(random.choice(COMMON))
        rows.append(Example(row, said, labels=("sea", "bread"), answer=tuple(spans)))
    return rows


def asked_rows(count: int = 8, seed: int = 0) -> list[Example]:
    """The same texts, each with a question that names a topic; of every fourth it has no word."""
    rows = []
    for e in tagged_rows(count, seed):
        topic, (start, end, of) = ("music" if e.row % 4 == 0 else e.answer[0][2]), e.answer[0]
        found = ((start, end, ANSWER),) if topic == of else ()
        label = ANSWER if found else NO_ANSWER
        rows.append(Example(e.row, e.text, topic, (label,), answer=found))
    return rows


ASKED = Problem("two texts", ASKS, (Label(ANSWER, "answer"), Label(NO_ANSWER, "no answer")))


def as_labels_of(problem: Problem, rows: Sequence[Example]) -> list[Example]:
    """The rows with the ids that their topics have in the problem."""
    ids = {label.name: label.id for label in problem.labels}
    return [dataclasses.replace(e, labels=tuple(ids[t] for t in e.labels)) for e in rows]


def facts_for(
    strategy: Strategy, problem: Problem, shots: int | None = 4, named: bool = True
) -> Facts:
    """Facts with a model that the strategy can use, if there is one."""
    usual = problem_of()
    ref = next((ref for ref in REFS if not strategy.why_not(Facts(usual, 4, ref, True))), REFS[0])
    return Facts(problem, shots, ref, named)


def settings_of(strategy: Strategy, steps: int = STEPS, **changes: Any) -> Any:
    """Return its settings with so many optimizer steps, where it takes any, and little else that
    costs.
    """
    names = {f.name for f in dataclasses.fields(strategy.settings)}
    few: dict[str, Any] = {n: steps for n in ("min_steps", "max_steps") if n in names}
    if "orders" in names:  # each order asks every text again
        few |= {"orders": 2, "calibration": "contextual"}
    return strategy.settings(**few, **changes)


class Bench:
    """Tiny models in a folder, opened when they are first wanted."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._folders: dict[str, Path] = {}
        self._shared: dict[str, Encoder] = {}

    MODELS: dict[str, Callable[[Path], Path]] = {
        "encoder": lambda place: make(place, worn=False),
        "masked": lambda place: make_headed(place, "bert", worn=False),
        "causal": lambda place: make_headed(place, "gpt2", worn=False, reads=160, n_positions=160),
        "entailing": lambda place: make_entailing(place, worn=False),
    }

    def model(self, kind: str) -> Path:
        """The folder of a tiny model of this kind."""
        if kind not in self._folders:
            self._folders[kind] = self.MODELS[kind](self.folder / kind)
        return self._folders[kind]

    def kind_for(self, strategy: Strategy) -> str:
        """The first kind of tiny model that the strategy doesn't refuse."""
        from tl_core.models.catalog import find

        if not strategy.uses_model:
            return "encoder"
        for kind in self.MODELS:
            ref = find(str(self.model(kind))).ref
            if not strategy.why_not(Facts(problem_of(), 4, ref, True)):
                return kind
        raise AssertionError(
            f"{strategy.id} refuses every tiny model ({', '.join(self.MODELS)}): "
            f"{strategy.why_not(Facts(problem_of(), 4, ref, True))} Hand check_strategy the folder"
            " of a model it can use, as model=."
        )

    def new_encoder(self, strategy: Strategy) -> Encoder:
        """An encoder with a network of its own and nothing remembered."""
        from tl_core.models.catalog import find
        from tl_core.models.encoding import Encoder
        from tl_core.models.loading import load_model
        from tl_core.models.number_formats import EXACT

        source = find(str(self.model(self.kind_for(strategy))))
        return Encoder(load_model(source), source=source, numbers=EXACT)

    def encoder(self, strategy: Strategy) -> Encoder:
        """One encoder that all questions share, as the arms of a study do."""
        kind = self.kind_for(strategy)
        if kind not in self._shared:
            self._shared[kind] = self.new_encoder(strategy)
        return self._shared[kind]

    @contextmanager
    def place(self) -> Iterator[Path]:
        """An empty folder."""
        with tempfile.TemporaryDirectory(dir=self.folder) as made:
            yield Path(made)


class BenchWith(Bench):
    """A bench of one model for each caller."""

    def __init__(self, folder: Path, model: Path):
        super().__init__(folder)
        self._folders["encoder"] = model

    def kind_for(self, strategy: Strategy) -> str:
        """The one there is."""
        return "encoder"


def fit(
    strategy: Strategy,
    problem: Problem,
    train: Sequence[Example],
    encoder: Encoder,
    seed: int = 3,
    steps: int = STEPS,
    unlabelled: Sequence[Example] | None = None,
) -> Fitted:
    """Fit it on these rows; without others they are also what it may read without labels."""
    settings = settings_of(strategy, steps)
    read = train if unlabelled is None else unlabelled
    return drain(strategy.fit(Job(problem, train, settings, seed, encoder, unlabelled=read)))


def scores_of(
    strategy: Strategy,
    problem: Problem,
    train: Sequence[Example],
    test: Sequence[Example],
    encoder: Encoder,
    **how: Any,
) -> np.ndarray:
    """(n, C) what it then says of the test rows."""
    return drain(fit(strategy, problem, train, encoder, **how).predictor.predict(test))


def _see(holds: Any, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _same(a: np.ndarray, b: np.ndarray, within: float) -> bool:
    return a.shape == b.shape and np.allclose(a, b, atol=within)


def _learns_itself(strategy: Strategy) -> None:
    if strategy.takes_base:
        raise NotAsked("it leaves the learning to another strategy")


def _labels_texts(strategy: Strategy) -> None:
    if not strategy.can_do(problem_of()):
        raise NotAsked("it gives no text one label")


def _can_do(strategy: Strategy, problem: Problem) -> None:
    if reason := strategy.why_not(facts_for(strategy, problem)):
        _see(is_sentence(reason), f"It refuses with {reason!r}, which is no sentence.")
        raise NotAsked(f"refused: {reason}")


# --- what a stranger reads ------------------------------------------------------------------------


def it_declares_what_it_is(strategy: Strategy, bench: Bench) -> None:
    """Name, sentences, settings, tasks."""
    faults = strategy_faults(strategy)
    _see(not faults, " ".join(faults))
    _see(
        isinstance(strategy.uses_model, bool) and isinstance(strategy.deterministic, bool),
        "What it declares as yes or no must be True or False.",
    )


def every_setting_keeps_its_bounds(strategy: Strategy, bench: Bench) -> None:
    """A value at a bound is taken, one beyond it refused with the setting's name."""
    made = strategy.settings
    _see(build(made, {}, strategy.id) == made(), "Its settings without any given are not made().")
    for setting in declared(made):
        name, low, high = setting["name"], setting["low"], setting["high"]
        given: Any = build(made, {name: str(setting["default"])}, strategy.id)
        _see(given == made(), f"{name}: its default written out is another setting.")
        for bound, beyond in ((low, -1), (high, 1)):
            if bound is None:
                continue
            _see(
                getattr(build(made, {name: bound}, strategy.id), name) == bound,
                f"{name}={bound} lies within its bounds and is not taken.",
            )
            try:
                build(made, {name: bound + beyond}, strategy.id)
            except UserError as fault:
                _see(name in str(fault), f"{name}: the refusal does not name it.")
            else:
                raise AssertionError(f"{name}={bound + beyond} lies beyond its bounds; refuse it.")


def it_refuses_in_sentences_and_only_what_it_cannot_do(strategy: Strategy, bench: Bench) -> None:
    """Tasks as declared, one that does not exist never; rows where it needs them."""
    for inputs in ("one text", "two texts"):
        for target in (
            "one label",
            "many labels",
            RATINGS,
            TAGS,
            ASKS,
            "a task that does not exist",
        ):
            problem = problem_of(inputs=inputs, target=target)
            for shots in (0, 1, 4, None):
                for named in (True, False):
                    reason = strategy.why_not(facts_for(strategy, problem, shots, named))
                    _see(
                        reason == "" or is_sentence(reason) and reason.startswith(strategy.id),
                        f"It must refuse with a sentence that begins with {strategy.id!r}, not"
                        f" {reason!r}.",
                    )
                    _see(
                        reason or strategy.can_do(problem),
                        f"It takes the task {problem.task!r}, which its tasks don't name.",
                    )
    if not strategy.can_do(problem_of()):
        return
    usual = strategy.why_not(facts_for(strategy, problem_of()))
    _see(usual == "", f"It refuses the simplest study there is: {usual}")
    bare = strategy.needs == "no labels" or strategy.also_without_labels or strategy.takes_base
    _see(
        bool(strategy.why_not(facts_for(strategy, problem_of(), shots=0))) != bare,
        "It must refuse 0 shots exactly if it needs labels: set needs, or also_without_labels, or"
        " let refuses begin with super().refuses(facts).",
    )
    _see(
        bool(strategy.why_not(facts_for(strategy, problem_of(), named=False)))
        == strategy.reads_label_names,
        "It must refuse labels that are bare numbers exactly if reads_label_names is set.",
    )


def it_says_what_it_costs(strategy: Strategy, bench: Bench) -> None:
    """`passes` is finite, grows with rows, and is above 0 where it trains."""
    _labels_texts(strategy)
    sizes = ((1, 1), (16, 200), (1000, 200))
    costs = [strategy.passes(strategy.settings(), *size) for size in sizes]
    _see(
        all(math.isfinite(c) and c >= 0 for c in costs) and costs == sorted(costs),
        f"Its passes must be finite, at least 0, and not fall with more rows; they are {costs}.",
    )
    _see(
        costs[0] > 0 or not strategy.trains,
        "It trains, so texts go through the network: let passes say about how many.",
    )


# --- what it computes -----------------------------------------------------------------------------


def equal_seeds_give_equal_scores(strategy: Strategy, bench: Bench) -> None:
    """Also after another run has gone before."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    problem, train, test = problem_of(), rows_of(), rows_of(seed=9)
    first, again = (
        scores_of(strategy, problem, train, test, bench.new_encoder(strategy)) for _ in range(2)
    )
    _see(
        np.array_equal(first, again),
        "Two runs with one seed differ. Draw everything random from job.seed: no global generator,"
        " no set or clock decides.",
    )
    warm = bench.new_encoder(strategy)
    scores_of(strategy, problem, rows_of(seed=4), test, warm, seed=8)
    _see(
        _same(first, scores_of(strategy, problem, train, test, warm), 1e-5),
        "A run gives other scores after another run on the same encoder. Leave the shared model as"
        " it was: copy what you change.",
    )


def other_seeds_give_other_scores(strategy: Strategy, bench: Bench) -> None:
    """Unless it is deterministic or trains nothing."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    problem, train, test = problem_of(), rows_of(), rows_of(seed=9)
    one, two = (
        scores_of(strategy, problem, train, test, bench.encoder(strategy), seed=seed)
        for seed in (1, 2)
    )
    if strategy.deterministic and train:
        tie = np.abs(one - two).max() < 1e-5  # a seed may decide between equals
        _see(
            tie or not strategy.learns_from_few,
            "It says it is deterministic, and two seeds give different scores. Set deterministic to"
            " False.",
        )
    elif strategy.trains:
        _see(
            not np.array_equal(one, two),
            "It trains, and two seeds give the same scores. Draw first weights and the order of"
            " rows from job.seed.",
        )
    else:
        raise NotAsked("it trains nothing")


def scores_are_probabilities(strategy: Strategy, bench: Bench, inputs: Inputs, target: str) -> None:
    """(n, C) float32 within 0 and 1; one label per text: rows sum to 1."""
    _learns_itself(strategy)
    topics, pairs = ("sea", "bread", "music"), inputs == "two texts"
    problem = problem_of(topics, inputs, target)
    _can_do(strategy, problem)
    train = rows_of(topics, pairs=pairs)
    one_answer = task_of(problem).exclusive
    if not one_answer:  # a third of the rows have both neighbours, one has none
        train = [
            dataclasses.replace(
                e, labels=() if i == 1 else e.labels + (("sea", "music") if i % 3 == 1 else ())
            )
            for i, e in enumerate(train)
        ]
    train = as_labels_of(problem, train)
    test = rows_of(topics, seed=5, pairs=pairs)
    scores = scores_of(strategy, problem, train, test, bench.encoder(strategy))
    _see(
        scores.shape == (len(test), 3) and scores.dtype == np.float32,
        f"predict must give float32 of the shape (rows, labels), here ({len(test)}, 3); it gave"
        f" {scores.dtype} of {scores.shape}.",
    )
    _see(((scores >= 0) & (scores <= 1)).all(), "Scores must lie between 0 and 1.")
    if one_answer:
        _see(np.allclose(scores.sum(1), 1, atol=1e-5), "The scores of a row must sum to 1.")


def columns_follow_the_order_of_labels(strategy: Strategy, bench: Bench) -> None:
    """Labels turned around turn the columns around, and nothing else."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    topics = ("sea", "bread", "music")
    # the last topic has a row less: no ties
    train, test = rows_of(topics, shots=6)[:-1], rows_of(topics, seed=5, shots=6)
    forward, turned = problem_of(topics), problem_of(topics[::-1])
    encoder = bench.encoder(strategy)
    ahead = scores_of(strategy, forward, train, test, encoder, steps=40)
    back = scores_of(strategy, turned, train, test, encoder, steps=40)
    if not strategy.trains:
        _see(
            _same(ahead, back[:, ::-1], 2e-5),
            "With the labels in another order it gives other probabilities. Column i must be"
            " problem.labels[i]; go by positions, not by what comes first in a set or a sort.",
        )
    if strategy.learns_from_few:
        for problem, scores in ((forward, ahead), (turned, back)):
            right = [
                problem.label_ids[i] == e.labels[0]
                for i, e in zip(scores.argmax(1), test, strict=True)
            ]
            _see(
                np.mean(right) > 0.8,
                f"Of three topics that share no word it gets {np.mean(right):.0%} right, with its"
                " columns in the order of problem.labels. If random weights or few rows cannot"
                " teach it, set learns_from_few to False.",
            )


def so_many_labels_work(strategy: Strategy, bench: Bench, count: int) -> None:
    """Two, and two hundred with two rows each."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    random = np.random.default_rng(0)
    names = [f"{a} {b}" for a in WORDS[3:17] for b in WORDS[3:21]][:count]
    problem = Problem("one text", "one label", tuple(Label(n, n) for n in names))
    train = [
        Example(i, f"{n} {random.choice(TOPICS['sea'])} {i}", labels=(n,))
        for i, n in enumerate(names * 2, start=1)
    ]
    asked = train[:6]  # a strategy that asks for every label of every text takes its time
    encoder = bench.encoder(strategy)
    scores = scores_of(strategy, problem, train, asked, encoder, steps=2, unlabelled=asked)
    _see(
        scores.shape == (min(6, 2 * count), count)
        and np.isfinite(scores).all()
        and np.allclose(scores.sum(1), 1, atol=1e-5),
        f"With {count} labels its scores are no probabilities of shape (rows, {count}).",
    )


def a_label_without_a_training_row_is_possible(strategy: Strategy, bench: Bench) -> None:
    """Small samples leave labels out."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    problem, test = problem_of(("sea", "bread", "music")), rows_of(("sea", "bread"), seed=5)
    scores = scores_of(strategy, problem, rows_of(("sea", "bread")), test, bench.encoder(strategy))
    _see(
        np.isfinite(scores).all() and np.allclose(scores.sum(1), 1, atol=1e-5),
        "Where a label has no training row, its scores are no probabilities. Give it a column of"
        " next to nothing (tl_core.models.training.heads.ABSENT is such a logit).",
    )


def odd_texts_are_scored_like_any_other(strategy: Strategy, bench: Bench) -> None:
    """Empty ones, very long ones, control characters, other scripts."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    train = [*rows_of(), *(Example(100 + i, t, labels=("sea",)) for i, t in enumerate(ODD_TEXTS))]
    test = [Example(i, t) for i, t in enumerate(ODD_TEXTS)]
    scores = scores_of(strategy, problem_of(), train, test, bench.encoder(strategy))
    wrong = ~(np.isfinite(scores).all(1) & np.isclose(scores.sum(1), 1, atol=1e-5))
    which = [ODD_TEXTS[i][:20] for i in np.flatnonzero(wrong)]
    _see(not which, f"Its scores are no probabilities for {which}.")


def company_does_not_matter(strategy: Strategy, bench: Bench) -> None:
    """A text gets the same scores alone, among short texts and among long ones."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    problem, train = problem_of(), rows_of()
    test = rows_of(seed=5) + [
        Example(90, "ship " * 50, labels=("sea",)),
        Example(91, "rye", labels=("bread",)),
    ]
    predictor = fit(strategy, problem, train, bench.encoder(strategy)).predictor
    together = drain(predictor.predict(test))
    backwards = drain(predictor.predict(test[::-1]))[::-1]
    with bench.place() as folder:
        predictor.save(folder)
        fresh = strategy.load(folder, problem, bench.new_encoder(strategy))
        alone = np.concatenate([drain(fresh.predict([e])) for e in test])
    _see(
        _same(together, backwards, 1e-5) and _same(together, alone, 1e-5),
        "A text's scores depend on the other texts of its batch. Take nothing from a batch: no"
        " mean, no normalisation over rows, no padding that is attended to.",
    )


def what_is_saved_and_loaded_gives_the_same_scores(
    strategy: Strategy, bench: Bench, inputs: Inputs = "one text", target: str = "one label"
) -> None:
    """In another process, so to speak; in files that run no code when they are opened."""
    _learns_itself(strategy)
    usual = problem_of(inputs=inputs, target=target) == problem_of()
    topics, pairs = ("sea", "bread", "music") if usual else ("sea", "bread"), inputs == "two texts"
    problem = problem_of(topics, inputs, target)
    _can_do(strategy, problem)
    train = as_labels_of(problem, rows_of(topics, pairs=pairs))
    test = rows_of(seed=5, pairs=pairs)
    predictor = fit(strategy, problem, train, bench.new_encoder(strategy)).predictor
    before = drain(predictor.predict(test))
    with bench.place() as folder:
        predictor.save(folder)
        others = [f.name for f in folder.iterdir() if f.suffix not in (".json", ".safetensors")]
        _see(
            not others,
            f"It saves {', '.join(others)}. Save .json and .safetensors only: others may run code.",
        )
        again = drain(strategy.load(folder, problem, bench.new_encoder(strategy)).predict(test))
    _see(_same(before, again, 1e-6), "What it saved and loaded gives other scores. Save all of it.")


def it_tags_words(strategy: Strategy, bench: Bench) -> None:
    """(n, W, K) float32 probabilities, zero beyond the end of a text; a long text is read whole;
    what was saved gives the same; and a few easy rows teach it.
    """
    _learns_itself(strategy)
    problem = problem_of(target=TAGS)
    _can_do(strategy, problem)
    train, test, long = tagged_rows(), tagged_rows(20, seed=5), tagged_rows(12, seed=9)
    test.append(Example(99, " ".join(e.text for e in long), labels=("sea", "bread")))
    task = task_of(problem)
    fitted = fit(strategy, problem, train, bench.new_encoder(strategy), steps=40)
    scores = drain(fitted.predictor.predict(test))
    shape = task.shape(problem, test)
    _see(
        scores.shape == shape and scores.dtype == np.float32,
        f"predict must give {shape} float32, not {scores.shape} {scores.dtype}.",
    )
    sums = scores.sum(-1)
    there = np.array([np.arange(shape[1]) < len(words_of(e)) for e in test])
    _see(
        np.allclose(sums, there, atol=1e-4) and (scores >= 0).all(),
        "The tags of a word must sum to 1, and be 0 beyond the end of a text.",
    )
    with bench.place() as folder:
        fitted.predictor.save(folder)
        again = drain(strategy.load(folder, problem, bench.new_encoder(strategy)).predict(test))
    _see(_same(scores, again, 1e-6), "What it saved and loaded gives other scores. Save all of it.")
    if strategy.learns_from_few and strategy.needs != "no labels":
        gold = task.gold(problem, test[:-1])
        found = task.measures[0].value(problem, gold, task.decide(scores[:-1, : gold.shape[1]]))
        _see(found > 0.6, f"Of spans of topics that share no word it finds {found:.0%}.")


def it_answers_questions(strategy: Strategy, bench: Bench) -> None:
    """(n, W + 1, 2) float32 probabilities, zero beyond the end of a text; a long text is read
    whole; what was saved gives the same.
    """
    _learns_itself(strategy)
    problem = ASKED
    _can_do(strategy, problem)
    train, test = asked_rows(), asked_rows(6, seed=5)
    long = "\n".join(e.text for e in asked_rows(12, seed=9))
    test.append(Example(99, long, "sea", (NO_ANSWER,)))
    fitted = fit(strategy, problem, train, bench.new_encoder(strategy), steps=5)
    scores = drain(fitted.predictor.predict(test))
    shape = task_of(problem).shape(problem, test)
    _see(
        scores.shape == shape and scores.dtype == np.float32,
        f"predict must give {shape} float32, not {scores.shape} {scores.dtype}.",
    )
    beyond = np.array([np.arange(shape[1]) > len(words_of(e)) for e in test])
    _see(
        np.allclose(scores.sum(1), 1, atol=1e-4)
        and not scores[beyond].any()
        and (scores >= 0).all(),
        "Where an answer begins must sum to 1, and where it ends; both are 0 beyond a text's end.",
    )
    with bench.place() as folder:
        fitted.predictor.save(folder)
        again = drain(strategy.load(folder, problem, bench.new_encoder(strategy)).predict(test))
    _see(_same(scores, again, 1e-6), "What it saved and loaded gives other scores. Save all of it.")


def it_learns_an_easy_language(strategy: Strategy, bench: Bench) -> None:
    """Two topics that share no content word, 8 rows each."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    if not strategy.learns_from_few:
        raise NotAsked("it says that a few rows need not teach it anything")
    problem, train, test = problem_of(), rows_of(shots=8), rows_of(shots=30, seed=7)
    fitted = drain(
        strategy.fit(Job(problem, train, strategy.settings(), 0, bench.encoder(strategy)))
    )
    scores = drain(fitted.predictor.predict(test))
    right = [
        problem.label_ids[i] == e.labels[0] for i, e in zip(scores.argmax(1), test, strict=True)
    ]
    _see(
        np.mean(right) > 0.85,
        f"Of two topics that share no word, 8 rows each, it gets {np.mean(right):.0%} right with"
        " its default settings. If that is all it can do, set learns_from_few to False.",
    )
    if strategy.trains:
        _see(
            len(fitted.curve) == fitted.optimizer_steps > 0 and fitted.trainable_parameters > 0,
            "It trains, so Fitted must hold optimizer_steps, trainable_parameters and the loss at"
            " each step as curve.",
        )
        _see(
            np.mean(fitted.curve[-5:]) < np.mean(fitted.curve[:5]),
            "Its training loss does not fall.",
        )


# --- what it leaves alone -------------------------------------------------------------------------


def it_leaves_the_shared_model_and_the_dice_alone(strategy: Strategy, bench: Bench) -> None:
    """Weights, gradients, training mode, and the global generator."""
    _labels_texts(strategy)
    import torch

    _learns_itself(strategy)
    encoder = bench.encoder(strategy)
    weights, dice = weights_digest(encoder), torch.get_rng_state()
    fitted = fit(strategy, problem_of(), rows_of(), encoder)
    drain(fitted.predictor.predict(rows_of(seed=5)))
    _left_alone(encoder, weights, dice, "A run")
    _see(not encoder.model.network.training, "The shared model is left in training mode.")
    _see(
        not any(p.grad is not None for p in encoder.model.network.parameters()),
        "Gradients are left on the shared model.",
    )


def stopping_leaves_nothing_behind(strategy: Strategy, bench: Bench, after: int) -> None:
    """A run that is closed after some steps changes no other run."""
    _labels_texts(strategy)
    import torch

    _learns_itself(strategy)
    problem, train, test = problem_of(), rows_of(), rows_of(seed=9)
    untouched = scores_of(strategy, problem, train, test, bench.new_encoder(strategy))
    encoder = bench.new_encoder(strategy)
    weights, dice = weights_digest(encoder), torch.get_rng_state()
    steps = strategy.fit(Job(problem, train, settings_of(strategy), 3, encoder, unlabelled=train))
    try:
        for _ in range(after):
            next(steps)
    except StopIteration:
        pass  # it was done before
    steps.close()
    _left_alone(encoder, weights, dice, f"A run that is stopped after {after} steps")
    _see(
        _same(scores_of(strategy, problem, train, test, encoder), untouched, 1e-5),
        "After a run was stopped, the next one gives other scores.",
    )


def loading_leaves_the_dice_alone(strategy: Strategy, bench: Bench) -> None:
    """Whoever loads a kept run draws no other numbers afterwards."""
    _labels_texts(strategy)
    import torch

    _learns_itself(strategy)
    encoder = bench.encoder(strategy)
    with bench.place() as folder:
        fit(strategy, problem_of(), rows_of(), encoder).predictor.save(folder)
        dice = torch.get_rng_state()
        strategy.load(folder, problem_of(), encoder)
    _see(
        torch.equal(torch.get_rng_state(), dice),
        "load draws from torch's global generator. Draw inside"
        " tl_core.models.training.classifier.seeded.",
    )


def it_gives_signs_of_life(strategy: Strategy, bench: Bench) -> None:
    """A Step now and then, with the loss at each optimizer step."""
    _labels_texts(strategy)
    _learns_itself(strategy)
    settings = settings_of(strategy)
    job = Job(
        problem_of(), rows_of(), settings, 0, bench.new_encoder(strategy), unlabelled=rows_of()
    )
    steps = list(strategy.fit(job))
    _see(
        steps and all(0 <= s.done <= s.total for s in steps),
        "Its fit must yield Step(done, total) at least once, with done from 0 to total: only there"
        " can it be stopped.",
    )
    losses = [s.loss for s in steps if s.loss is not None]
    _see(all(map(math.isfinite, losses)), "A loss that it yields is not finite.")
    counted = {f.name for f in dataclasses.fields(settings)} >= {"min_steps", "max_steps"}
    if strategy.trains and counted:
        _see(
            len(losses) == STEPS,
            f"With min_steps and max_steps at {STEPS} it yields {len(losses)} losses, not one at"
            " each optimizer step.",
        )
    _see(
        not losses or strategy.trains,
        "It yields losses, so it trains: let tries name the setting that a step size is, as"
        " tl_core.models.training.settings.TRIES does.",
    )


def weights_digest(encoder: Encoder) -> str:
    """Return the sha256 of all weights of the encoder's network."""
    h = hashlib.sha256()
    for name, tensor in sorted(encoder.model.network.state_dict().items()):
        h.update(name.encode() + tensor.numpy().tobytes())
    return h.hexdigest()


def _left_alone(encoder: Encoder, weights: str, dice: Any, what: str) -> None:
    import torch

    _see(
        weights_digest(encoder) == weights,
        f"{what} changes the shared model. Change a copy: TextClassifier makes one.",
    )
    _see(
        torch.equal(torch.get_rng_state(), dice),
        f"{what} draws from torch's global generator. Draw inside"
        " tl_core.models.training.classifier.seeded(job.seed).",
    )


# --- all of them ----------------------------------------------------------------------------------

Question = Callable[[Strategy, Bench], None]
_KINDS: tuple[tuple[Inputs, str], ...] = (
    ("one text", "one label"),
    ("one text", "many labels"),
    ("two texts", "one label"),
    ("one text", RATINGS),
    ("two texts", "many labels"),
)
QUESTIONS: dict[str, Question] = {
    question.__name__: question
    for question in (
        it_declares_what_it_is,
        every_setting_keeps_its_bounds,
        it_refuses_in_sentences_and_only_what_it_cannot_do,
        it_says_what_it_costs,
        equal_seeds_give_equal_scores,
        other_seeds_give_other_scores,
        columns_follow_the_order_of_labels,
        a_label_without_a_training_row_is_possible,
        odd_texts_are_scored_like_any_other,
        company_does_not_matter,
        it_learns_an_easy_language,
        it_tags_words,
        it_answers_questions,
        it_leaves_the_shared_model_and_the_dice_alone,
        loading_leaves_the_dice_alone,
        it_gives_signs_of_life,
    )
}
QUESTIONS |= {
    f"scores_are_probabilities ({inputs}, {target})": partial(
        scores_are_probabilities, inputs=inputs, target=target
    )
    for inputs, target in _KINDS
}
QUESTIONS |= {
    f"what_is_saved_and_loaded_gives_the_same_scores ({inputs}, {target})": partial(
        what_is_saved_and_loaded_gives_the_same_scores, inputs=inputs, target=target
    )
    for inputs, target in _KINDS[:4]
}
QUESTIONS |= {
    f"stopping_leaves_nothing_behind (after {after})": partial(
        stopping_leaves_nothing_behind, after=after
    )
    for after in (1, 3)
}
QUESTIONS |= {
    f"so_many_labels_work ({count})": partial(so_many_labels_work, count=count)
    for count in (2, 200)
}


def check_strategy(strategy: Strategy, *, model: str | Path | None = None) -> dict[str, str]:
    """Ask a strategy every question.

    Args:
        model: the folder of a model to ask with, where none of the tiny ones will do.

    Returns:
        Each question with "" where it was answered, or why it was not asked.

    Raises:
        AssertionError: it fails some; the message holds a paragraph for each, with what to do.
    """
    if not isinstance(strategy, Strategy):
        raise AssertionError(
            f"{strategy!r} is no tl_core.api.strategy.Strategy. Hand over an instance of a"
            " subclass, as MyStrategy()."
        )
    answers: dict[str, str] = {}
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="transfer-lab-check-") as folder, one_thread():
        bench = BenchWith(Path(folder), Path(model)) if model else Bench(Path(folder))
        for name, question in QUESTIONS.items():
            try:
                question(strategy, bench)
                answers[name] = ""
            except NotAsked as reason:
                answers[name] = str(reason)
            except AssertionError as fault:
                failed.append(f"{name}\n    {fault}")
            except Exception as fault:  # noqa: BLE001  the other questions are asked all the same
                failed.append(f"{name}\n    {type(fault).__name__}: {fault}{_where(fault)}")
            if failed and name == "it_declares_what_it_is":
                break  # nothing else can be asked
    if failed:
        raise AssertionError(
            f"{getattr(strategy, 'id', type(strategy).__name__)} fails {len(failed)} of"
            f" {len(answers) + len(failed)} questions.\n\n" + "\n\n".join(failed)
        )
    return answers


def _where(fault: BaseException) -> str:
    step = fault.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None:
        return ""
    return f" ({Path(step.tb_frame.f_code.co_filename).name} line {step.tb_lineno})"
