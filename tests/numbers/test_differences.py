"""Where arms differ, what stands out, which labels look wrong, what to label next: known
answers.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score
from statsmodels.stats.multitest import multipletests

from benchmarks.coverage import Arm as Simulated
from benchmarks.coverage import draw
from tests.numbers.made import problem, rows
from tl_core.analysis.compare import compare
from tl_core.analysis.differences import StudyPredictions
from tl_core.analysis.differences.as_json import plain
from tl_core.analysis.differences.disagreement import (
    PARTS,
    costliest,
    disagreement,
    right_sets,
    square,
    surely_wrong,
)
from tl_core.analysis.differences.label_errors import suspicious
from tl_core.analysis.differences.slices import (
    LABEL,
    LEAST_ROWS,
    LONG,
    NUMBER,
    QUESTION,
    SCRIPT,
    SHORT,
    TOPIC,
    WORD,
    find,
    slices_of,
)
from tl_core.analysis.differences.tables import doubts_table, write_csv
from tl_core.analysis.differences.topics import grouped, keep, stored_topics
from tl_core.api.errors import UserError
from tl_core.api.types import Arm, Example, Problem, RunResult, Split
from tl_core.running.label_next import unlabelled
from tl_core.statistics.against_rest import against_rest
from tl_core.statistics.classification.counts import confusion
from tl_core.statistics.classification.label_errors import doubted
from tl_core.statistics.classification.next_labels import badge
from tl_core.statistics.classification.thresholds import moved
from tl_core.statistics.crossed import p_of
from tl_core.statistics.many_tests import false_discovery
from tl_core.studies.plan import Plan, Study, plan
from tl_core.studies.store import Store
from tl_core.tasks.single_label import TASK as SINGLE
from tl_core.words import differences as said


def accuracy(cell):
    return cell.measures["accuracy"]


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def made(
    test: Sequence[Example], names: Sequence[str], *, seeds: int = 3, of: Problem | None = None
) -> Plan:
    arms = tuple(Arm(name, "tfidf", 1, {"strength": 1.0 + i}) for i, name in enumerate(names))
    pool = [replace(e, row=10_000 + e.row) for e in rows(400)[-60:]]
    return plan(
        Study(
            "made",
            of or problem(),
            Split(tuple(test), tuple(pool)),
            arms,
            (1,),
            tuple(range(seeds)),
            {},
        )
    )


def studied(made: Plan, scores: dict[str, np.ndarray], **more) -> StudyPredictions:
    """scores: (S, n, C) by arm."""
    results = {}
    for spec in made.specs:
        given = scores[spec.arm.id][made.study.seeds.index(spec.seed)].astype(np.float32)
        results[spec.id] = RunResult(
            spec.id,
            "done",
            given,
            {"train": 3},
            {"fit": 1.0, "predict": 1.0},
            peak_bytes=1,
            trainable_parameters=1,
            **more,
        )
    return StudyPredictions.of(made, results, compare(made, results))


def says(answers: np.ndarray, sure: float = 0.8, labels: int = 3) -> np.ndarray:
    """(..., n) answers to (..., n, C) probabilities."""
    out = np.full((*np.shape(answers), labels), (1 - sure) / (labels - 1))
    np.put_along_axis(out, np.asarray(answers)[..., None], sure, -1)
    return out


GOLD = np.arange(1, 31) % 3  # the labels of rows(30), which take turns


@pytest.fixture
def two() -> StudyPredictions:
    """a: right on the first 20 rows, b on the last 20; in draw 2 of 3 both say something else,
    which is outvoted.
    """
    wrong = (GOLD + 1) % 3
    a, b = np.where(np.arange(30) < 20, GOLD, wrong), np.where(np.arange(30) >= 10, GOLD, wrong)
    scores = {"a": says(np.stack([a, (a + 1) % 3, a])), "b": says(np.stack([b, (b + 1) % 3, b]))}
    return studied(made(rows(30), "ab"), scores)


# --- two arms -------------------------------------------------------------------------------------


def test_every_row_is_in_one_part_by_usual_answers(two):
    d = disagreement(two.find("a"), two.find("b"))
    assert {part: len(at) for part, at in d.parts.items()} == dict(zip(PARTS, (10, 10, 10, 0, 0)))
    assert d.parts["only_a"].tolist() == list(range(10)) and d.parts["only_b"].tolist() == list(
        range(20, 30)
    )
    assert d.ahead.value == 0 and d.ahead.seeds == 3
    sentences = said.pair(d)
    assert (
        "a (1 text per label) alone is correct on 10" in sentences[0]
        and "both on 10 and neither on 0" in sentences[0]
        and "the same" in sentences[1]
    )


def test_the_same_mistake_is_not_another_mistake():
    wrong = (GOLD + 1) % 3
    b = np.where(np.arange(30) < 12, wrong, (GOLD + 2) % 3)
    d = disagreement(
        *(
            studied(
                made(rows(30), "ab"),
                {"a": says(np.tile(wrong, (3, 1))), "b": says(np.tile(b, (3, 1)))},
            ).find(x)
            for x in "ab"
        )
    )
    assert (d.count("same_mistake"), d.count("other_mistake")) == (12, 18)


def test_a_lead_has_the_sign_and_interval_of_all_draws():
    wrong = (GOLD + 1) % 3

    def right_in(*counts):
        return says(np.stack([np.where(np.arange(30) < c, GOLD, wrong) for c in counts]))

    s = studied(made(rows(30), "ab"), {"a": right_in(10, 12, 14), "b": right_in(28, 27, 29)})
    d = disagreement(s.find("a"), s.find("b"))
    assert d.ahead.value == pytest.approx((36 - 84) / 90) and d.ahead.high < 0
    told = said.pair(d)[1]
    assert (
        "b (1 text per label) is 53.3 points ahead of a" in told
        and "chance" not in told
        and "−" not in told
    )


def test_equal_votes_are_decided_by_the_mean_probability():
    s = studied(
        made(rows(30), "a", seeds=2), {"a": np.stack([says(GOLD, 0.9), says((GOLD + 1) % 3, 0.6)])}
    )
    assert s.find("a").right.all() and s.find("a").sure == pytest.approx(
        np.full(30, (0.9 + 0.2) / 2)
    )


def test_confusions_and_the_rows_behind_a_square(two):
    a, b = two.find("a"), two.find("b")
    counts, of_b = (confusion(x.line.gold, x.answer, x.chances.shape[1]) for x in (a, b))
    assert counts.sum() == 30 and np.trace(counts) == 20 and (counts - of_b).sum() == 0
    behind = square(disagreement(a, b), 0, 1)
    assert sorted(behind) == [i for i in range(30) if GOLD[i] == 0 and (i < 10 or i >= 20)]


def test_which_arms_get_which_rows_right(two):
    assert {(x.arms, len(x.rows)) for x in right_sets(two)} == {
        (("a", "b"), 10),
        (("a",), 10),
        (("b",), 10),
    }
    told = {said.right_set(x, ["a", "b"]) for x in right_sets(two)}
    assert told == {"All 2 arms", "Only a", "Only b"}


def test_a_set_of_many_arms_is_told_by_the_shorter_list():
    names = [f"arm{i}" for i in range(9)]
    answers = {
        name: says(np.tile(GOLD if name != "arm4" else (GOLD + 1) % 3, (3, 1))) for name in names
    }
    (only,) = right_sets(studied(made(rows(30), names), answers))
    assert len(only.arms) == 8 and said.right_set(only, names) == "All but arm4"
    assert said.right_set(replace(only, arms=()), names) == "No arm" and said.right_set(
        replace(only, arms=(), rows=only.rows), names, "ko"
    )


def test_sure_and_wrong_comes_first():
    sure = np.linspace(0.4, 0.99, 30)
    scores = np.stack([says(np.array([(GOLD[i] + (i % 2)) % 3]), sure[i])[0] for i in range(30)])
    one = studied(made(rows(30), "a"), {"a": np.tile(scores, (3, 1, 1))}).find("a")
    assert surely_wrong(one).tolist() == list(range(29, 0, -2))
    assert costliest(one)[0] == 29 and one.of_given[29] == pytest.approx((1 - 0.99) / 2, rel=1e-4)


def test_an_arm_can_be_named_with_its_shots_and_an_unknown_one_cannot(two):
    assert two.find("a@1").name == two.find("a").name == "a\t1"
    with pytest.raises(UserError, match="Did you mean"):
        two.find("a@2")


# --- groups of rows -------------------------------------------------------------------------------


def test_a_group_of_a_share_is_tested_as_pearsons_chi_square(rng):
    Y = rng.random(400) < 0.7
    inside = np.arange(400) < 90
    (x,) = against_rest(Y[None].astype(float), inside[None], deterministic=True)
    table = [[(Y & inside).sum(), (~Y & inside).sum()], [(Y & ~inside).sum(), (~Y & ~inside).sum()]]
    z2 = (x.difference.mean**2) / x.difference.C
    assert z2 == pytest.approx(
        stats.chi2_contingency(table, correction=False).statistic * 399 / 400
    )
    assert x.difference.mean == pytest.approx(
        Y[inside].mean() - Y[~inside].mean()
    ) and x.inside == pytest.approx(Y[inside].mean())


def test_too_little_variance_is_not_tested():
    Y = np.ones((3, 200))
    Y[:, :4] = 0
    assert against_rest(Y, np.stack([np.arange(200) < 30, np.arange(200) < 100])) == [None, None]


def test_seeds_count_in_a_group(rng):
    """Which seed it is decides on whom the group falls: one seed alone would be sure, five
    are not.
    """
    inside = np.arange(400) < 100
    Y = np.where(
        inside, (np.arange(5) < 3)[:, None], (np.arange(5) >= 3)[:, None]
    ) * 0.8 + 0.1 > rng.random((5, 400))
    alone, together = (
        against_rest(y.astype(float), inside[None])[0].difference for y in (Y[:1], Y)
    )
    assert p_of(alone) < 1e-6 and p_of(together) > 0.05


def test_false_discoveries_are_benjamini_and_hochbergs(rng):
    p = rng.random(50) ** 3
    assert (
        np.allclose(false_discovery(p), multipletests(p, method="fdr_bh")[1])
        and false_discovery(np.array([])).size == 0
    )


def test_where_nothing_differs_little_is_found():
    """60 groups, two arms and their difference: a find in few of 60 studies (measured: 0 to 1 of
    100).
    """
    rng, found = np.random.default_rng(2), 0
    for _ in range(60):
        a, b = draw((Simulated(0.8, seed_sd=0.3), Simulated(0.8, seed_sd=0.3)), 5, 300, rng)
        groups = np.stack(
            [rng.permutation(300) < size for size in np.linspace(LEAST_ROWS, 150, 60)]
        )
        tests = [x.difference for Y in (a, b, a - b) for x in against_rest(Y, groups) if x]
        found += bool(
            (
                false_discovery(
                    np.array([p_of(c) if abs(c.mean) > c.half_width() else 1.0 for c in tests])
                )
                < 0.05
            ).any()
        )
    assert found <= 4


def texts() -> list[Example]:
    """240 rows; every third has "refund" in it and is longer, every fourth is in Korean."""
    out = []
    for i, e in enumerate(rows(240)):
        text = (
            "배송이 너무 늦어요 "
            + " ".join("가나다라마바사"[(i * 7 + k) % 7] * 3 for k in range(4))
            if i % 4 == 0
            else e.text
        )
        out.append(replace(e, text=text + (" about my refund of 20 today?" if i % 3 == 0 else "")))
    return out


def test_groups_are_made_of_texts_and_labels():
    found = {(s.kind, s.value): int(s.inside.sum()) for s in slices_of(problem(), texts())}
    assert found[SCRIPT, "HANGUL"] == 60 and found[SCRIPT, "LATIN"] == 180
    assert found[WORD, "refund"] == found[NUMBER, ""] == found[QUESTION, ""] == 80
    assert found[LABEL, "a"] == 80 and {SHORT, LONG} <= {kind for kind, _ in found}
    assert min(found.values()) >= LEAST_ROWS and max(found.values()) <= 240 - LEAST_ROWS
    assert slices_of(problem(), []) == () and slices_of(problem(), rows(5)) == ()


def test_a_weak_spot_and_a_lead_are_found_and_told():
    test = texts()
    gold = np.array([problem().label_index[e.labels[0]] for e in test])
    rng = np.random.default_rng(1)
    weak = np.array(["refund" in e.text for e in test])
    a = np.stack(
        [
            np.where(rng.random(240) < np.where(weak, 0.3, 0.9), gold, (gold + 1) % 3)
            for _ in range(5)
        ]
    )
    b = np.stack([np.where(rng.random(240) < 0.8, gold, (gold + 1) % 3) for _ in range(5)])
    s = studied(made(test, "ab", seeds=5), {"a": says(a), "b": says(b)})
    slices = slices_of(problem(), test)
    tests = find(s, slices, (s.find("a"), s.find("b")))
    found = {(x.a, x.b, slices[x.of].kind, slices[x.of].value) for x in tests if x.found}
    assert (
        ("a", "", WORD, "refund") in found
        and ("a", "b", WORD, "refund") in found
        and not any(x[:2] == ("b", "") for x in found)
    )
    told = [
        said.finding(x, slices[x.of], problem()) for x in tests if slices[x.of].value == "refund"
    ]
    assert any("80 rows that contain “refund”" in x and "lead of a over b is −" in x for x in told)
    assert "stand out" in said.findings(slices, tests) and said.findings(slices, ()).startswith(
        "No group"
    )
    assert {x.a for x in find(s, slices)} == {"a", "b"} and not any(x.b for x in find(s, slices))


# --- topics ---------------------------------------------------------------------------------------


def test_topics_part_what_is_apart_and_are_called_by_what_stands_out(rng, tmp_path):
    words = ("parcel courier late", "refund card charged", "password login locked")
    said_in = [
        f"{' '.join(rng.permutation(words[i % 3].split()))} please the {i}" for i in range(180)
    ]
    centres = np.eye(8)[:3]
    vectors = centres[np.arange(180) % 3] + 0.1 * rng.normal(size=(180, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for given in (vectors, TfidfVectorizer().fit_transform(said_in)):
        topics = grouped(given, said_in)
        assert adjusted_rand_score(np.arange(180) % 3, topics.of) == 1
        assert {frozenset(w.split(", ")) for w in topics.words} == {
            frozenset(w.split()) for w in words
        }
        assert np.array_equal(grouped(given, said_in).of, topics.of)
    assert grouped(np.ones((50, 4)) / 2, ["same"] * 50).words == ("same",), (
        "texts that are all alike have one topic"
    )

    test = [replace(e, text=text) for e, text in zip(rows(180), said_in, strict=True)]
    plan, store = made(test, "ab"), Store(tmp_path)
    store.prepare()
    assert stored_topics(store, plan) is None
    keep(store, plan, topics)
    again = stored_topics(store, plan)
    assert np.array_equal(again.of, topics.of) and again.words == topics.words
    slices = slices_of(problem(), test, again)
    assert [int(s.inside.sum()) for s in slices if s.kind == TOPIC] == [60] * 3
    assert said.where(next(s for s in slices if s.kind == TOPIC), problem()).startswith(
        "of the topic “"
    )
    other = made(test[:-1], "ab")
    assert stored_topics(store, other) is None, "of other test rows"
    for wrong in (
        {},
        [],
        {"version": 1, "test": plan.study.split.test_digest, "of": [9] * 180, "words": ["x"]},
    ):
        store.write_json("topics.json", wrong)
        assert stored_topics(store, plan) is None


# --- labels that look wrong -----------------------------------------------------------------------


def test_confident_is_as_confident_as_the_model_usually_is():
    gold = np.array([0, 0, 1, 1, 1])
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.2, 0.8], [0.45, 0.55]])
    assert doubted(gold, p).tolist() == [
        [False, False],
        [False, True],
        [False] * 2,
        [False] * 2,
        [False] * 2,
    ]  # .8 is more than the mean of .9, .8 and .55
    assert not doubted(gold, np.where(p == 0.8, 0.7, p)).any()
    many = doubted(np.eye(2, dtype=bool)[gold], p, many=True)
    assert many.tolist()[1] == [True, True] and many.sum() == 2


def test_wrong_labels_are_found_only_where_all_who_know_agree():
    test = rows(60)
    gold = np.arange(1, 61) % 3
    shown = [
        replace(e, labels=("abc"[(gold[i] + 1) % 3],)) if i in (7, 20) else e
        for i, e in enumerate(test)
    ]
    unsure = says(gold, 0.8)
    unsure[20] = says(np.array([(gold[20] + 1) % 3]), 0.8)[0]
    never = np.full((60, 3), 1 / 3)
    s = studied(
        made(shown, ["sure", "unsure", "lost"]),
        {
            "sure": np.tile(says(gold, 0.95), (3, 1, 1)),
            "unsure": np.tile(unsure, (3, 1, 1)),
            "lost": np.tile(never, (3, 1, 1)),
        },
    )
    found = suspicious(s)
    assert {x.arm for x in found.asked} == {"sure", "unsure"}
    assert [(d.at, d.instead, d.arms) for d in found.rows] == [(7, ("abc"[gold[7]],), 2)]
    assert (
        "label of 1 of 60 test rows" in said.doubts(found, 60)[0]
        and len(said.doubts(found, 60)) == 1
    )
    table = list(doubts_table(s, found))
    assert (
        table[0][:3] == ["row", "text", "label"]
        and table[1][0] == "8"
        and "abc"[gold[7]] in table[1]
        and table[1][-1] == ""
    )
    record = plain(s, disagreement(s.find("sure"), s.find("unsure")), right_sets(s), (), (), found)
    assert record["suspicious"]["rows"][0]["row"] == 8 and record["pair"]["rows"]["only_b"] == [21]
    assert record["pair"]["highest_loss"]["a"][0] == 8 and record["pair"]["surest_mistakes"] == {
        "a": [8, 21],
        "b": [8],
    }


def test_nobody_is_asked_who_knows_nothing_or_tells_no_chances():
    gold = np.arange(1, 61) % 3
    lost = studied(made(rows(60), "a"), {"a": np.full((3, 60, 3), 1 / 3)})
    mute = studied(
        made(rows(60), "a"), {"a": np.tile(says(gold, 1.0), (3, 1, 1))}, choices_only=True
    )
    for s in (lost, mute):
        assert suspicious(s).asked == () and "none was asked" in said.doubts(suspicious(s), 60)[0]
    assert list(doubts_table(lost, suspicious(lost)))[1:] == []


def test_several_labels_per_row():
    of = problem(target="many labels")
    test = [
        replace(e, labels=(*e.labels, "a") if i % 2 else e.labels) for i, e in enumerate(rows(60))
    ]
    test = [replace(e, labels=tuple(dict.fromkeys(e.labels))) for e in test]
    gold = np.array([[x in e.labels for x in "abc"] for e in test])
    p = np.where(gold, 0.9, 0.1)
    p[5] = 1 - p[5]
    s = studied(
        made(test, "ab", of=of),
        {"a": np.tile(p, (3, 1, 1)), "b": np.tile(np.where(gold, 0.8, 0.2), (3, 1, 1))},
    )
    d = disagreement(s.find("a"), s.find("b"))
    assert (d.count("both"), d.count("only_b")) == (59, 1) and d.parts["only_b"].tolist() == [5]
    assert s.find("a").sure[0] == pytest.approx(0.9**3) and suspicious(s).rows == ()
    s = studied(made(test, "a", of=of), {"a": np.tile(p, (3, 1, 1))})
    (doubt,) = suspicious(s).rows
    assert doubt.at == 5 and set(doubt.instead) == set("abc") - set(test[5].labels)


def test_with_several_labels_those_are_asked_who_know_more_than_every_label_for_every_row():
    """Cuts for macro-F1 give a label more than a row carries: hardly a set is exact, and yet they
    know something.
    """
    of, test = problem("abcdef", target="many labels"), rows(120, "abcdef")
    gold = np.array([[x in e.labels for x in "abcdef"] for e in test])
    p = np.where(gold | np.roll(gold, 1, axis=1), 0.6, 0.1)
    p[gold] = 0.9
    p[7, gold[7]] = 0.01
    s = studied(
        made(test, "ab", of=of), {"a": np.tile(p, (3, 1, 1)), "b": np.full((3, 120, 6), 0.7)}
    )
    assert accuracy(s.find("a").line.cell).value < s.comparison.chance
    cut = studied(
        made(test, "ab", of=of),
        {
            name: moved(x, np.full(6, 0.2))
            for name, x in (("a", np.tile(p, (3, 1, 1))), ("b", np.full((3, 120, 6), 0.1)))
        },
        cuts=(0.2,) * 6,
    )
    assert np.allclose(cut.find("a").chances, p, atol=1e-4), (
        "doubts go by probabilities, wherever the cuts lie"
    )
    assert np.array_equal(cut.find("a").answer, p >= 0.2)
    found = suspicious(s)
    assert [x.arm for x in found.asked] == ["a"] and 7 in [d.at for d in found.rows]


# --- tables ---------------------------------------------------------------------------------------


def test_cells_run_no_formula(tmp_path):
    write_csv(tmp_path / "a.csv", [["text"], ["=1+1"], ["@x"], ["a, \ud83d"]])
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["text"], ["'=1+1"], ["'@x"], ["a, ?"]]
    with pytest.raises(UserError):
        write_csv(tmp_path / "no" / "a.csv", [])


# --- what to label next ---------------------------------------------------------------------------


def test_unsure_texts_come_first_and_none_twice():
    p = np.array([[0.5, 0.5], [0.51, 0.49], [0.6, 0.4], [0.99, 0.01], [1.0, 0.0]])
    p, same = SINGLE.answer_errors(p), np.eye(4)[[0, 0, 1, 2, 3]]
    for seed in range(20):
        order = badge(p, same, 2, seed=seed).tolist()
        assert order[0] == 0 and order[1] in (2, 3)  # 1 says what 0 says, 4 is sure
    assert badge(p, same, 9).tolist()[0] == 0 and 4 not in badge(p, same, 9)
    assert badge(p, same, 3, seed=1).tolist() == badge(p, csr_matrix(same), 3, seed=1).tolist()
    assert (
        badge(np.zeros((0, 2)), np.zeros((0, 3)), 5).size == 0
        and badge(SINGLE.answer_errors(np.eye(2)), np.eye(2), 2).size == 0
    )


def test_draws_are_those_of_k_means_plus_plus():
    """Squared distances of the gradient embeddings themselves, worked out in full."""
    rng = np.random.default_rng(0)
    p, h = rng.dirichlet([1, 1, 1], 6), rng.normal(size=(6, 4))
    h /= np.linalg.norm(h, axis=1, keepdims=True)
    e = SINGLE.answer_errors(p)
    g = ((p - np.eye(3)[p.argmax(1)])[:, :, None] * h[:, None]).reshape(6, -1)
    first = (g**2).sum(1).argmax()
    chances = ((g - g[first]) ** 2).sum(1)
    chances = np.minimum(chances, (g**2).sum(1))
    second = np.bincount([badge(e, h, 2, seed=s)[1] for s in range(3000)], minlength=6) / 3000
    expected = chances * (np.arange(6) != first)
    assert second == pytest.approx(expected / expected.sum(), abs=0.04)


def test_what_is_known_repeated_or_empty_is_left_out():
    split = Split(tuple(rows(5)), ())
    given = [
        Example(i, text)
        for i, text in enumerate([rows(5)[2].text, "new", "new", " ", "other"], start=1)
    ]
    left = unlabelled(given, split, "a.csv")
    assert [e.text for e in left.examples] == [
        "new",
        "other",
    ] and "1 in the study already, 1 repeated, 1 empty" in left.note
    with pytest.raises(UserError, match="a.csv has no text to choose from: 1 are in the study"):
        unlabelled(given[:1], split, "a.csv")
