"""Every strategy that is found is asked every question of `tl_core.testing`; a new one needs no
line here.
"""

from __future__ import annotations

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest

from tests.tiny_models import drain
from tl_core.api.errors import UserError
from tl_core.api.params import declared
from tl_core.api.types import Example, Finished, Job, Label, Problem
from tl_core.data.load import load
from tl_core.running.run import Encoders, run
from tl_core.strategies import strategies
from tl_core.strategies.contrastive import pair_stream
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan
from tl_core.testing import QUESTIONS, NotAsked
from tl_core.testing import strategies as asking
from tl_core.testing.strategies import problem_of, rows_of

SLOW = "so_many_labels_work (200)"
LEARNING = sorted(
    id for id, s in strategies().items() if not s.takes_base and s.can_do(problem_of())
)


@pytest.mark.parametrize(
    "question", [pytest.param(q, marks=pytest.mark.slow) if q == SLOW else q for q in QUESTIONS]
)
@pytest.mark.parametrize("id", sorted(strategies()))
def test_every_strategy_is_asked(id, question, bench):
    try:
        QUESTIONS[question](strategies()[id], bench)
    except NotAsked as reason:
        pytest.skip(str(reason))


def test_it_is_said_how_many_are_asked(record_property):
    """A contract that asks nobody would pass as well."""
    asked = len(strategies()) * len(QUESTIONS)
    record_property("strategies", len(strategies()))
    print(f"{len(strategies())} strategies are asked {len(QUESTIONS)} questions each: {asked}")
    assert len(strategies()) > 20 and len(QUESTIONS) > 20


def test_they_are_explained_in_order():
    assert list(strategies())[0] == "majority" and list(strategies())[-1] == "scratch"


def settings_of(id: str, steps: int = asking.STEPS, **changes):
    return asking.settings_of(strategies()[id], steps, **changes)


def scores_of(id: str, *what, **how) -> np.ndarray:
    return asking.scores_of(strategies()[id], *what, **how)


def test_the_majority_gives_every_text_the_same_answer(encoder):
    scores = scores_of("majority", problem_of(), rows_of(shots=8), rows_of(shots=30), encoder)
    assert len(set(scores.argmax(1))) == 1


def test_scratch_learns_an_easy_language_where_it_takes_larger_steps(encoder):
    problem, train, test = problem_of(), rows_of(shots=8), rows_of(shots=30, seed=7)
    scratch = strategies()["scratch"]
    params = scratch.settings(learning_rate=5e-3, head_learning_rate=5e-2)
    fitted = drain(scratch.fit(Job(problem, train, params, 0, encoder)))
    scores = drain(fitted.predictor.predict(test))
    gold = [problem.label_index[e.labels[0]] for e in test]
    assert np.mean(scores.argmax(1) == gold) > 0.85
    assert np.mean(fitted.curve[-5:]) < np.mean(fitted.curve[:5])


def test_equal_counts_are_decided_by_the_seed_however_many_rows_there_are(encoder):
    topics = ("sea", "bread", "music")
    for shots in (1, 64, 1000):
        train = [Example(i, "", labels=(t,)) for i, t in enumerate(topics * shots)]
        winners = {
            int(
                scores_of(
                    "majority", problem_of(topics), train, train[:1], encoder, seed=seed
                ).argmax()
            )
            for seed in range(30)
        }
        assert winners == {0, 1, 2}
    more = [*train, Example(0, "", labels=("music",))]
    assert {
        int(scores_of("majority", problem_of(topics), more, train[:1], encoder, seed=s).argmax())
        for s in range(30)
    } == {2}


def test_majority_without_smoothing_stays_a_probability(encoder):
    many = Problem("one text", "many labels", tuple(Label(str(i), f"name {i}") for i in range(200)))
    train = [Example(i, "", labels=many.label_ids) for i in range(3)]
    params = settings_of("majority", smoothing=0.0)
    scores = drain(
        drain(strategies()["majority"].fit(Job(many, train, params, 0, encoder))).predictor.predict(
            train
        )
    )
    assert (scores <= 1).all() and (scores > 0.99).all()


@pytest.mark.parametrize("frozen", [0, 2, 4])
def test_full_leaves_the_layers_alone_that_it_should(frozen, encoder, tmp_path):
    from safetensors.numpy import load_file

    params = settings_of("full", frozen_layers=frozen)
    fitted = drain(strategies()["full"].fit(Job(problem_of(), rows_of(), params, 0, encoder)))
    fitted.predictor.save(tmp_path)
    changed = load_file(tmp_path / "weights.safetensors")
    assert {int(n.split("layer.")[1].split(".")[0]) for n in changed if "layer." in n} == set(
        range(frozen, 4)
    )
    assert any("word_embeddings" in n for n in changed) == (frozen == 0)
    before = encoder.model.network.state_dict()
    for name, array in changed.items():
        if name.startswith("body.") and name.endswith("query.weight"):
            assert not np.array_equal(array, before[name.removeprefix("body.")].numpy())


def test_freezing_more_layers_than_there_are_is_told(encoder):
    with pytest.raises(UserError, match="4 layers"):
        drain(
            strategies()["full"].fit(
                Job(problem_of(), rows_of(), settings_of("full", frozen_layers=5), 0, encoder)
            )
        )


def test_the_nearest_neighbour_is_the_one_asked(encoder):
    """With one neighbour each training row answers for itself, and with two of equal text both
    answer.
    """
    train = rows_of(("sea", "bread", "music"), shots=10)
    problem = problem_of(("sea", "bread", "music"))

    def asked(count: int, rows) -> np.ndarray:
        return drain(
            drain(
                strategies()["knn"].fit(
                    Job(problem, rows, settings_of("knn", neighbours=count), 0, encoder)
                )
            ).predictor.predict(train)
        )

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
    assert (
        list(itertools.islice(pair_stream(gold, 16, 0), 3))
        != list(itertools.islice(pair_stream(gold, 16, 1), 3))
        or gold.size < 3
    )


def test_pairs_of_many_rows_take_little_memory():
    """50,000 rows have 1.2 thousand million pairs; none is listed."""
    gold = np.arange(50_000) % 2
    tracemalloc.start()
    next(pair_stream(gold, 16, 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * gold.nbytes


# --- the order of the file ------------------------------------------------------------------------


def test_the_order_of_the_file_does_not_matter(bench, tmp_path):
    """Shuffled rows: the same test texts, the same samples, the same scores for each text."""
    rows = {e.text: e.labels[0] for e in rows_of(shots=30, seed=1)}
    results = []
    for turn in (0, 1):
        lines = list(rows.items())
        if turn:
            np.random.default_rng(5).shuffle(lines)
        file = tmp_path / f"{turn}.csv"
        file.write_text(
            "text,label\n" + "\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8"
        )
        results.append(_scores_by_text(load(file), bench, tmp_path / f"cache{turn}"))
    first, second = results
    assert first.keys() == second.keys() and set(LEARNING) == {id for id, _ in first}
    for (id, content), scores in first.items():
        assert np.allclose(scores, second[id, content], atol=1e-5), id


def _scores_by_text(loaded, bench, cache) -> dict[tuple[str, bytes], np.ndarray]:
    split, _ = make_split(loaded, size=12)
    few = {
        id: {
            n: 6
            for n in ("min_steps", "max_steps")
            if any(d["name"] == n for d in declared(s.settings))
        }
        for id, s in strategies().items()
        if id in LEARNING
    }
    arms = [
        ArmRequest(id, settings, model=str(bench.model(kind)) if kind != "encoder" else None)
        for id, settings in few.items()
        for kind in [bench.kind_for(strategies()[id])]
    ]
    made = plan(
        make_study(
            "order",
            loaded.dataset.problem,
            split,
            arms=arms,
            shots=(4,),
            seeds=(3,),
            model=str(bench.model("encoder")),
        )
    )
    arm_of = {spec.id: spec.arm.id for spec in made.specs}
    found = {}
    for event in run(made, encoders=Encoders("cpu", cache)):
        if isinstance(event, Finished):
            assert event.result.status == "done", event.result.error
            found.update(
                {
                    (arm_of[event.run], e.content): s
                    for e, s in zip(split.test, event.result.scores, strict=True)
                }
            )
    return found
