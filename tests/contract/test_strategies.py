"""Every strategy, found by folder, is asked the same questions."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import tracemalloc

import numpy as np
import pytest

from tests.tiny_models import TOPICS, WORDS, drain, text
from tl_core.data.columns import load
from tl_core.errors import UserError
from tl_core.experiments.plan import ArmRequest, make_split, make_study, plan
from tl_core.experiments.run import Encoders, run
from tl_core.params import build, declared
from tl_core.strategies import strategies
from tl_core.strategies.contrastive import pair_stream
from tl_core.types import Example, Facts, Finished, Job, Label, ModelRef, Problem

ADAPTERS = ("dora", "ia3", "bitfit", "bottleneck", "soft-prompt", "prefix")
ZERO_SHOT = ("cloze", "label-score", "nli")
PROMPTED = (*ZERO_SHOT, "in-context", "prompt-tune")
IDS = ("majority", "tfidf", "word-rnn", "similarity", "prototype", "knn", "probe", "prior-probe", "contrastive", "lora", *ADAPTERS, "full", "scratch", "chat", *PROMPTED)
EXACT = ("majority", "tfidf", "similarity", "prototype", "knn", "probe", "prior-probe", "chat", *ZERO_SHOT, "in-context")  # nothing is drawn at random but a tie
TRAINED = ("word-rnn", "contrastive", "lora", *ADAPTERS, "full", "scratch", "prompt-tune")
MODEL = ModelRef("tiny", "0" * 32, speaks="sentinel", entails=True)  # the family that every prompt can be put to
MODELS = {"prompt-tune": dataclasses.replace(MODEL, speaks="masked")}  # but this one

BUILT_ON = ("adapt-then",)  # needs another strategy to learn anything: numbers/test_arms.py

UNPROMPTED = tuple(id for id in IDS if id not in PROMPTED)  # what a prompt gets right is in the model: numbers/test_prompting.py

all_strategies = pytest.mark.parametrize("id", IDS)
trained_strategies = pytest.mark.parametrize("id", TRAINED)


def problem_of(topics=("sea", "bread"), inputs="one text", target="one label") -> Problem:
    return Problem(inputs, target, tuple(Label(t, t, (" ".join(TOPICS[t]),)) for t in topics))


def rows_of(topics=("sea", "bread"), shots=4, seed=0, pairs=False) -> list[Example]:
    """Rows of each topic; of two texts, the first is the topic's and the second another row's of the same topic."""
    random = np.random.default_rng(seed)
    named = [t for _ in range(shots) for t in topics]
    return [Example(i, text(t, random), text(t, random) if pairs else None, (t,)) for i, t in enumerate(named, start=1)]


def facts(id: str, problem: Problem, shots: int | None = 4, named: bool = True) -> Facts:
    return Facts(problem, shots, MODELS.get(id, MODEL), named)


def settings_of(id: str, steps: int = 6, **changes):
    """The strategy's settings with so many optimizer steps, where it takes any."""
    params = strategies()[id].Params
    names = {f.name for f in dataclasses.fields(params)}
    few = {"orders": 2, "calibration": "contextual"} if "orders" in names else {}  # each order asks every text again
    return params(**{n: steps for n in ("min_steps", "max_steps") if n in names}, **few, **changes)


def fit(id: str, problem: Problem, train, encoder, seed: int = 3, steps: int = 6):
    return drain(strategies()[id].fit(Job(problem, train, settings_of(id, steps), seed, encoder, unlabelled=train)))


def scores_of(id: str, problem: Problem, train, test, encoder, **how) -> np.ndarray:
    return drain(fit(id, problem, train, encoder, **how).predictor.predict(test))


def weights_digest(encoder) -> str:
    h = hashlib.sha256()
    for name, tensor in sorted(encoder.model.network.state_dict().items()):
        h.update(name.encode() + tensor.numpy().tobytes())
    return h.hexdigest()


def is_sentence(words: str) -> bool:
    return words.endswith((".", "!", "?")) and len(words.split()) > 3 and words == words.strip()


def test_all_strategies_are_found_and_explained_in_order():
    assert sorted(strategies()) == sorted((*IDS, *BUILT_ON))
    assert list(strategies())[0] == "majority" and list(strategies())[-1] == "scratch" and len(IDS) == 24


# --- what a stranger reads ------------------------------------------------------------------------------


@all_strategies
def test_it_says_what_it_is(id):
    strategy = strategies()[id]
    assert strategy.id == id and isinstance(strategy.version, int) and strategy.version >= 1
    assert strategy.title and strategy.title[0].isupper() and not strategy.title.endswith(".")
    assert is_sentence(strategy.about) and strategy.about[0].isupper()
    assert strategy.needs in ("no labels", "a few labels", "all labels")
    assert isinstance(strategy.uses_model, bool)


@all_strategies
def test_every_setting_is_explained_and_keeps_its_bounds(id):
    params = strategies()[id].Params
    assert declared(params), "a strategy without any setting would leave its form empty"
    assert build(params, {}, id) == params()
    for setting in declared(params):
        name, low, high = setting["name"], setting["low"], setting["high"]
        assert len(setting["help"].split()) > 2 and setting["help"][0].isupper(), name
        assert build(params, {name: str(setting["default"])}, id) == params()
        for bound, beyond in ((low, -1), (high, 1)):
            if bound is None:
                continue
            assert low <= setting["default"] <= high
            assert getattr(build(params, {name: bound}, id), name) == bound
            with pytest.raises(UserError, match=name):
                build(params, {name: bound + beyond}, id)


@all_strategies
def test_it_refuses_in_sentences_and_only_what_it_cannot_do(id):
    strategy = strategies()[id]
    refused = 0
    for inputs in ("one text", "two texts"):
        for target in ("one label", "many labels"):
            for shots in (0, 1, 4, None):
                for named in (True, False):
                    reason = strategy.refuses(facts(id, problem_of(inputs=inputs, target=target), shots, named))
                    refused += bool(reason)
                    assert reason == "" or is_sentence(reason) and reason.startswith(id)
    assert refused > 0
    assert strategy.refuses(facts(id, problem_of())) == ""
    assert bool(strategy.refuses(facts(id, problem_of(), shots=0))) == (id not in ("similarity", "chat", *ZERO_SHOT))
    assert bool(strategy.refuses(facts(id, problem_of(), named=False))) == (id in ("similarity", "prior-probe", *PROMPTED))


@all_strategies
def test_it_foretells_its_cost(id):
    strategy = strategies()[id]
    costs = [strategy.passes(strategy.Params(), train, test) for train, test in ((1, 1), (16, 200), (1000, 200))]
    assert all(math.isfinite(c) and c >= 0 for c in costs)
    assert costs == sorted(costs)
    assert (costs[0] > 0) == (id in (*TRAINED, *PROMPTED))


# --- what it computes -----------------------------------------------------------------------------------


@all_strategies
def test_the_same_seed_gives_the_same_scores(id, new_encoder):
    problem, train, test = problem_of(), rows_of(), rows_of(seed=9)
    first, again = (scores_of(id, problem, train, test, new_encoder()) for _ in range(2))
    assert np.array_equal(first, again)
    warm = new_encoder()
    scores_of(id, problem, rows_of(seed=4), test, warm, seed=8)  # another run has gone before
    assert np.allclose(first, scores_of(id, problem, train, test, warm), atol=1e-5)


@trained_strategies
def test_another_seed_gives_other_scores(id, encoder):
    problem, train, test = problem_of(), rows_of(), rows_of(seed=9)
    assert not np.array_equal(scores_of(id, problem, train, test, encoder, seed=1), scores_of(id, problem, train, test, encoder, seed=2))


@all_strategies
@pytest.mark.parametrize("pairs", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("target", ["one label", "many labels"])
def test_scores_are_probabilities_in_label_order(id, pairs, target, encoder):
    problem = problem_of(("sea", "bread", "music"), "two texts" if pairs else "one text", target)
    if strategies()[id].refuses(facts(id, problem)):
        pytest.skip("refused, in a sentence")
    train = rows_of(("sea", "bread", "music"), pairs=pairs)
    if target == "many labels":  # the third of the rows have both neighbours, one has none
        train = [dataclasses.replace(e, labels=() if i == 1 else e.labels + (("sea", "music") if i % 3 == 1 else ())) for i, e in enumerate(train)]
    test = rows_of(("sea", "bread", "music"), seed=5, pairs=pairs)
    scores = scores_of(id, problem, train, test, encoder)
    assert scores.shape == (len(test), 3) and scores.dtype == np.float32
    assert (scores >= 0).all() and (scores <= 1).all()
    if target == "one label":
        assert np.allclose(scores.sum(1), 1, atol=1e-5)


@all_strategies
def test_columns_follow_the_order_of_labels(id, encoder):
    topics = ("sea", "bread", "music")
    train, test = rows_of(topics, shots=6)[:-1], rows_of(topics, seed=5, shots=6)  # the last topic has a row less: no ties
    forward, turned = problem_of(topics), problem_of(topics[::-1])
    ahead = scores_of(id, forward, train, test, encoder, steps=40)
    back = scores_of(id, turned, train, test, encoder, steps=40)
    if id in EXACT:
        assert np.allclose(ahead, back[:, ::-1], atol=2e-5)
    if id not in ("majority", "scratch", *PROMPTED):
        for problem, scores in ((forward, ahead), (turned, back)):
            right = [problem.label_ids[i] == e.labels[0] for i, e in zip(scores.argmax(1), test, strict=True)]
            assert np.mean(right) > 0.8


@all_strategies
@pytest.mark.parametrize("count", [2, 200])
def test_two_labels_and_two_hundred_work(id, count, encoder):
    random = np.random.default_rng(0)
    names = [f"{a} {b}" for a in WORDS[3:17] for b in WORDS[3:21]][:count]
    problem = Problem("one text", "one label", tuple(Label(n, n) for n in names))
    train = [Example(i, f"{n} {random.choice(TOPICS['sea'])} {i}", labels=(n,)) for i, n in enumerate(names * 2, start=1)]
    scores = scores_of(id, problem, train, train[:30], encoder, steps=2)
    assert scores.shape == (min(30, 2 * count), count) and np.isfinite(scores).all()
    assert np.allclose(scores.sum(1), 1, atol=1e-5)


@all_strategies
def test_a_label_without_a_training_row_is_possible(id, encoder):
    problem, test = problem_of(("sea", "bread", "music")), rows_of(("sea", "bread"), seed=5)
    scores = scores_of(id, problem, rows_of(("sea", "bread")), test, encoder)
    assert np.isfinite(scores).all() and np.allclose(scores.sum(1), 1, atol=1e-5)


@all_strategies
def test_odd_texts_are_scored_like_any_other(id, encoder):
    odd = ["", " ", "?", "한국어 문장", "🙂🙂", "ship " * 500, "x" * 3000, "a [SEP] b [PAD] [CLS]", "\u200b\x07", "tab\tnew\nline"]
    train = [*rows_of(), *(Example(100 + i, t, labels=("sea",)) for i, t in enumerate(odd))]
    scores = scores_of(id, problem_of(), train, [Example(i, t) for i, t in enumerate(odd)], encoder)
    assert np.isfinite(scores).all() and np.allclose(scores.sum(1), 1, atol=1e-5)


@all_strategies
def test_company_does_not_matter(id, encoder, new_encoder, tmp_path):
    """A text gets the same scores alone, among short texts and among long ones."""
    problem, train = problem_of(), rows_of()
    test = rows_of(seed=5) + [Example(90, "ship " * 50, labels=("sea",)), Example(91, "rye", labels=("bread",))]
    predictor = fit(id, problem, train, encoder).predictor
    together = drain(predictor.predict(test))
    backwards = drain(predictor.predict(test[::-1]))[::-1]
    predictor.save(tmp_path)
    fresh = strategies()[id].load(tmp_path, problem, new_encoder())  # remembers nothing of the others
    alone = np.concatenate([drain(fresh.predict([e])) for e in test])
    assert np.allclose(together, backwards, atol=1e-5) and np.allclose(together, alone, atol=1e-5)


@all_strategies
def test_what_is_saved_and_loaded_gives_the_same_scores(id, new_encoder, tmp_path):
    problem, test = problem_of(("sea", "bread", "music")), rows_of(seed=5)
    predictor = fit(id, problem, rows_of(("sea", "bread", "music")), new_encoder()).predictor
    before = drain(predictor.predict(test))
    predictor.save(tmp_path)
    assert not [f.name for f in tmp_path.iterdir() if f.suffix not in (".json", ".safetensors")]
    again = drain(strategies()[id].load(tmp_path, problem, new_encoder()).predict(test))
    assert np.allclose(before, again, atol=1e-6)


@all_strategies
@pytest.mark.parametrize("pairs,target", [(False, "many labels"), (True, "one label")], ids=["many", "pairs"])
def test_other_problems_are_saved_and_loaded_too(id, pairs, target, new_encoder, tmp_path):
    problem = problem_of(inputs="two texts" if pairs else "one text", target=target)
    if strategies()[id].refuses(facts(id, problem)):
        pytest.skip("refused, in a sentence")
    predictor = fit(id, problem, rows_of(pairs=pairs), new_encoder()).predictor
    before = drain(predictor.predict(rows_of(seed=5, pairs=pairs)))
    predictor.save(tmp_path)
    again = drain(strategies()[id].load(tmp_path, problem, new_encoder()).predict(rows_of(seed=5, pairs=pairs)))
    assert np.allclose(before, again, atol=1e-6)


@pytest.mark.parametrize("id", UNPROMPTED)
def test_it_learns_an_easy_language(id, encoder):
    """Two topics that share no content word, 8 rows each: each strategy is right nearly always, the majority half the time."""
    problem, train, test = problem_of(), rows_of(shots=8), rows_of(shots=30, seed=7)
    strategy = strategies()[id]
    params = strategy.Params() if id != "scratch" else strategy.Params(learning_rate=5e-3, head_learning_rate=5e-2)
    fitted = drain(strategy.fit(Job(problem, train, params, 0, encoder)))
    scores = drain(fitted.predictor.predict(test))
    accuracy = np.mean([problem.label_ids[i] == e.labels[0] for i, e in zip(scores.argmax(1), test, strict=True)])
    assert accuracy == 0.5 if id == "majority" else accuracy > 0.85
    if id in TRAINED:
        assert len(fitted.curve) == fitted.optimizer_steps > 0 and fitted.trainable_parameters > 0
        assert np.mean(fitted.curve[-5:]) < np.mean(fitted.curve[:5])


def test_equal_counts_are_decided_by_the_seed_however_many_rows_there_are(encoder):
    topics = ("sea", "bread", "music")
    for shots in (1, 64, 1000):
        train = [Example(i, "", labels=(t,)) for i, t in enumerate(topics * shots)]
        winners = {int(scores_of("majority", problem_of(topics), train, train[:1], encoder, seed=seed).argmax()) for seed in range(30)}
        assert winners == {0, 1, 2}
    more = [*train, Example(0, "", labels=("music",))]
    assert {int(scores_of("majority", problem_of(topics), more, train[:1], encoder, seed=s).argmax()) for s in range(30)} == {2}


def test_majority_without_smoothing_stays_a_probability(encoder):
    many = Problem("one text", "many labels", tuple(Label(str(i), f"name {i}") for i in range(200)))
    train = [Example(i, "", labels=many.label_ids) for i in range(3)]
    params = settings_of("majority", smoothing=0.0)
    scores = drain(drain(strategies()["majority"].fit(Job(many, train, params, 0, encoder))).predictor.predict(train))
    assert (scores <= 1).all() and (scores > 0.99).all()


@pytest.mark.parametrize("frozen", [0, 2, 4])
def test_full_leaves_the_layers_alone_that_it_should(frozen, encoder, tmp_path):
    from safetensors.numpy import load_file

    params = settings_of("full", frozen_layers=frozen)
    fitted = drain(strategies()["full"].fit(Job(problem_of(), rows_of(), params, 0, encoder)))
    fitted.predictor.save(tmp_path)
    changed = load_file(tmp_path / "weights.safetensors")
    assert {int(n.split("layer.")[1].split(".")[0]) for n in changed if "layer." in n} == set(range(frozen, 4))
    assert any("word_embeddings" in n for n in changed) == (frozen == 0)
    before = encoder.model.network.state_dict()
    for name, array in changed.items():
        if name.startswith("body.") and name.endswith("query.weight"):
            assert not np.array_equal(array, before[name.removeprefix("body.")].numpy())


def test_freezing_more_layers_than_there_are_is_told(encoder):
    with pytest.raises(UserError, match="4 layers"):
        drain(strategies()["full"].fit(Job(problem_of(), rows_of(), settings_of("full", frozen_layers=5), 0, encoder)))


def test_the_nearest_neighbour_is_the_one_asked(encoder):
    """With one neighbour each training row answers for itself, and with two of equal text both answer."""
    train = rows_of(("sea", "bread", "music"), shots=10)
    problem = problem_of(("sea", "bread", "music"))

    def asked(count: int, rows) -> np.ndarray:
        return drain(drain(strategies()["knn"].fit(Job(problem, rows, settings_of("knn", neighbours=count), 0, encoder))).predictor.predict(train))

    assert [problem.label_ids[i] for i in asked(1, train).argmax(1)] == [e.labels[0] for e in train]
    doubled = [*train, *(dataclasses.replace(e, labels=("sea",)) for e in train)]
    gold = np.array([[label == e.labels[0] for label in problem.label_ids] for e in train])
    assert np.allclose(asked(2, doubled), (gold + [1, 0, 0]) / 2, atol=1e-5)


@pytest.mark.parametrize("counts", [(2, 2), (1, 5), (1, 1, 1), (4,), (3, 30, 300)])
def test_no_row_is_paired_with_itself_and_half_the_pairs_share_a_label(counts):
    gold = np.repeat(np.arange(len(counts)), counts)
    pairs = np.array(list(itertools.islice(pair_stream(gold, 16, 0), 20))).reshape(-1, 2)
    assert (pairs[:, 0] < pairs[:, 1]).all() and pairs.max() < len(gold)
    same = (gold[pairs[:, 0]] == gold[pairs[:, 1]]).mean()
    assert same == (1 if len(counts) == 1 else 0 if max(counts) == 1 else 0.5)
    if gold.size < 10:
        possible = {(i, j) for i, j in itertools.combinations(range(gold.size), 2)}
        assert set(map(tuple, pairs.tolist())) == possible, "every pair comes up"
    assert list(itertools.islice(pair_stream(gold, 16, 0), 3)) != list(itertools.islice(pair_stream(gold, 16, 1), 3)) or gold.size < 3


def test_pairs_of_many_rows_take_little_memory():
    """50,000 rows have 1.2 thousand million pairs; none is listed."""
    gold = np.arange(50_000) % 2
    tracemalloc.start()
    next(pair_stream(gold, 16, 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * gold.nbytes


# --- what it leaves alone -------------------------------------------------------------------------------


@all_strategies
def test_it_leaves_the_shared_model_and_the_dice_alone(id, encoder):
    import torch

    weights, dice = weights_digest(encoder), torch.get_rng_state()
    fitted = fit(id, problem_of(), rows_of(), encoder)
    drain(fitted.predictor.predict(rows_of(seed=5)))
    assert weights_digest(encoder) == weights
    assert torch.equal(torch.get_rng_state(), dice)
    assert not encoder.model.network.training
    assert not any(p.grad is not None for p in encoder.model.network.parameters())


@all_strategies
@pytest.mark.parametrize("after", [1, 3])
def test_stopping_leaves_nothing_behind(id, after, new_encoder):
    import torch

    problem, train, test = problem_of(), rows_of(), rows_of(seed=9)
    untouched = scores_of(id, problem, train, test, new_encoder())
    encoder = new_encoder()
    weights, dice = weights_digest(encoder), torch.get_rng_state()
    steps = strategies()[id].fit(Job(problem, train, settings_of(id), 3, encoder, unlabelled=train))
    try:
        for _ in range(after):
            next(steps)
    except StopIteration:
        pass  # it was done before
    steps.close()
    assert weights_digest(encoder) == weights and torch.equal(torch.get_rng_state(), dice)
    assert np.allclose(scores_of(id, problem, train, test, encoder), untouched, atol=1e-5)


@all_strategies
def test_loading_leaves_the_dice_alone(id, encoder, tmp_path):
    import torch

    fit(id, problem_of(), rows_of(), encoder).predictor.save(tmp_path)
    dice = torch.get_rng_state()
    strategies()[id].load(tmp_path, problem_of(), encoder)
    assert torch.equal(torch.get_rng_state(), dice)


@all_strategies
def test_it_gives_signs_of_life(id, new_encoder):
    steps = list(strategies()[id].fit(Job(problem_of(), rows_of(), settings_of(id), 0, new_encoder(), unlabelled=rows_of())))
    assert steps and all(0 <= s.done <= s.total for s in steps)
    assert all(s.loss is None or math.isfinite(s.loss) for s in steps)
    assert sum(s.loss is not None for s in steps) == (6 if id in TRAINED else 0)


# --- the order of the file ------------------------------------------------------------------------------


def test_the_order_of_the_file_does_not_matter(folder_of, tmp_path):
    """Shuffled rows: the same test texts, the same samples, the same scores for each text."""
    rows = {e.text: e.labels[0] for e in rows_of(shots=30, seed=1)}
    results = []
    for turn in (0, 1):
        lines = list(rows.items())
        if turn:
            np.random.default_rng(5).shuffle(lines)
        file = tmp_path / f"{turn}.csv"
        file.write_text("text,label\n" + "\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
        results.append(_scores_by_text(load(file), folder_of, tmp_path / f"cache{turn}"))
    first, second = results
    assert first.keys() == second.keys() and set(IDS) == {id for id, _ in first}
    for (id, content), scores in first.items():
        assert np.allclose(scores, second[id, content], atol=1e-5), id


def _scores_by_text(loaded, folder_of, cache) -> dict[tuple[str, bytes], np.ndarray]:
    split, _ = make_split(loaded, size=12)
    few = {id: {n: 6 for n in ("min_steps", "max_steps") if any(d["name"] == n for d in declared(s.Params))} for id, s in strategies().items() if id in IDS}
    arms = [ArmRequest(id, settings, model=str(folder_of(id)) if id in PROMPTED else None) for id, settings in few.items()]
    made = plan(make_study("order", loaded.dataset.problem, split, arms=arms, shots=(4,), seeds=(3,), model=str(folder_of(None))))
    arm_of = {spec.id: spec.arm.id for spec in made.specs}
    found = {}
    for event in run(made, encoders=Encoders("cpu", cache)):
        if isinstance(event, Finished):
            assert event.result.status == "done", event.result.error
            found.update({(arm_of[event.run], e.content): s for e, s in zip(split.test, event.result.scores, strict=True)})
    return found
