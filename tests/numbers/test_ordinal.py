"""Ratings: the measures against another implementation, the bootstrap and simulation; the head; a
study from file to report.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tl_core import cli
from tl_core.analysis.compare import compare
from tl_core.analysis.decision import decide
from tl_core.api.errors import UserError
from tl_core.api.types import Arm, Example, Fitted, Job, Label, Problem, RunResult, RunSpec
from tl_core.data.load import load, to_dataset
from tl_core.data.tables import ReadOptions, read_table
from tl_core.models.training.heads import softmax
from tl_core.models.training.ordinal_head import fit_ordinal_head
from tl_core.running.label_next import NextRows, Unlabelled
from tl_core.running.predict import Answer
from tl_core.statistics.classification.next_labels import badge
from tl_core.statistics.ordinal import (
    closeness,
    closeness_interval,
    no_closer,
    weighted_kappa,
    weighted_kappa_interval,
    weighted_kappa_pseudo,
)
from tl_core.strategies import strategies
from tl_core.studies.arms import for_problem
from tl_core.studies.plan import ArmRequest, Study, check_arms, make_split, plan
from tl_core.tasks import task_of, task_to_read
from tl_core.testing import strategies as asking
from tl_core.testing.tiny_models import drain
from tl_core.words import advice
from tl_core.words.units import unit_of

SCALE = Problem("one text", "ordinal", tuple(Label(str(i), f"{i} stars") for i in range(1, 6)))
TASK = task_of(SCALE)
POINTS = np.arange(1.0, 6.0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rated(rng, n: int, S: int = 1, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(n,) ratings and (S, n) answers, each run with an error of its own; rows are hard or easy."""
    gold = rng.integers(1, 6, n).astype(float)
    hard = rng.normal(size=n) * noise
    said = gold + hard + rng.normal(size=(S, n)) * 0.7 + rng.normal(size=(S, 1)) * 0.3
    return gold, np.clip(np.round(said), 1, 5)


# --- measures -------------------------------------------------------------------------------------


def test_weighted_kappa_is_sklearns_and_its_pseudo_values_leave_rows_out(rng):
    gold, runs = rated(rng, 60, 3)
    theirs = [cohen_kappa_score(gold, run, weights="quadratic") for run in runs]
    assert np.allclose(weighted_kappa(gold, runs), theirs)
    without = [
        cohen_kappa_score(np.delete(gold, i), np.delete(runs[0], i), weights="quadratic")
        for i in range(60)
    ]
    assert np.allclose(
        weighted_kappa_pseudo(gold, runs)[0], 60 * theirs[0] - 59 * np.array(without)
    )
    assert weighted_kappa(gold, np.full(60, 3.0)) == pytest.approx(0.0)
    assert weighted_kappa(gold, gold) == 1.0 and weighted_kappa(gold, 6 - gold) < 0


def test_limits_of_one_run_are_those_of_the_bootstrap(rng):
    gold, runs = rated(rng, 400)
    drawn = rng.integers(0, 400, (800, 400))
    for found, of in (
        (
            closeness_interval(closeness(gold, runs, 4.0)),
            lambda r: closeness(gold[r], runs[0, r], 4.0).mean(),
        ),
        (weighted_kappa_interval(gold, runs), lambda r: weighted_kappa(gold[r], runs[0, r])),
    ):
        spread = np.std([of(r) for r in drawn])
        assert (found.high - found.low) / 2 == pytest.approx(1.96 * spread, rel=0.15)


@pytest.mark.parametrize(("S", "n"), [(5, 60), (5, 200)])
def test_intervals_hold_the_truth(rng, S, n):
    """The mean over rows and runs of all there could be, in at least 91 of 100 studies."""
    gold, runs = rated(rng, 40_000, 40)
    errors, kappa = closeness(gold, runs, 4.0).mean(), weighted_kappa(gold, runs).mean()
    held = []
    for _ in range(200):
        gold, runs = rated(rng, n, S)
        near = closeness_interval(closeness(gold, runs, 4.0))
        agreed = weighted_kappa_interval(gold, runs)
        held.append((near.low <= errors <= near.high, agreed.low <= kappa <= agreed.high))
    assert (np.mean(held, axis=0) >= 0.91).all()


def test_no_error_at_all_is_not_certain():
    gold = np.array([1.0, 2, 3, 4, 5] * 6)
    runs = np.tile(gold, (4, 1))
    found = closeness_interval(closeness(gold, runs, 4.0))
    assert found.high == found.value == 1.0 and 0.7 < found.low < 0.95
    assert weighted_kappa_interval(gold, runs).low < 0.95


def test_a_constant_answer_has_learnt_nothing(rng):
    gold = rng.integers(0, 5, 40)
    assert no_closer(gold, np.full(40, 2), 2.0) and no_closer(gold, rng.permutation(gold), 2.0)
    assert not no_closer(gold, gold, 2.0)
    assert not no_closer(gold, np.clip(gold + 1, 0, 4), 2.0)  # hardly one is exactly right


# --- the task -------------------------------------------------------------------------------------


def test_the_answer_is_the_median_of_the_distribution():
    p = np.array([[0.4, 0.0, 0.0, 0.3, 0.3], [0.5, 0.5, 0, 0, 0], [0, 0, 0, 0, 1.0]])
    assert TASK.decide(p).tolist() == [3, 0, 4]
    best = [min(range(5), key=lambda c: (np.abs(POINTS - POINTS[c]) @ row).round(9)) for row in p]
    assert TASK.decide(p).tolist() == best


def test_majority_answers_the_median_of_its_rows(rng):
    for seed in range(20):
        gold = rng.integers(0, 5, int(rng.integers(3, 30)))
        scores = TASK.constant_scores(SCALE, gold, 1.0, seed)
        at = int(TASK.decide(scores))
        errors = np.abs(gold[:, None] - np.arange(5)).sum(0)
        assert errors[at] == errors.min() and scores.sum() == pytest.approx(1)


def test_the_loss_is_least_at_the_truth_and_knows_the_order():
    torch = pytest.importorskip("torch")
    gold = torch.tensor([4])
    near, far = torch.zeros(1, 5), torch.zeros(1, 5)
    near[0, 3], far[0, 0] = 5.0, 5.0
    assert TASK.loss(near, gold) < TASK.loss(far, gold)
    logits = torch.zeros(1, 5, requires_grad=True)
    shares = torch.tensor([0.1, 0.2, 0.4, 0.2, 0.1])
    sum(s * TASK.loss(logits, torch.tensor([c])) for c, s in enumerate(shares)).backward()
    at = torch.log(shares)[None].requires_grad_()
    sum(s * TASK.loss(at, torch.tensor([c])) for c, s in enumerate(shares)).backward()
    assert at.grad.abs().max() < 1e-6 < logits.grad.abs().max()


def test_the_head_finds_a_direction_and_is_a_logistic_regression_of_two_points(rng):
    from sklearn.linear_model import LogisticRegression

    x = rng.normal(size=(300, 6))
    level = x @ np.array([2.0, -1, 0, 0, 0, 0])
    gold = np.digitize(level, [-2, -0.7, 0.7, 2])
    head = fit_ordinal_head(x[:200], gold[:200], POINTS)
    said = TASK.decide(softmax(head.logits(x[200:])))
    assert np.abs(said - gold[200:]).mean() < 0.25
    assert np.linalg.matrix_rank(head.weight) == 1
    two = (level > 0).astype(int)
    ours = fit_ordinal_head(x, two, np.array([0.0, 1.0]), 1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-8).fit(x, two)
    assert np.allclose(softmax(ours.logits(x)), theirs.predict_proba(x), atol=1e-3)


def test_errors_are_said_in_points_and_fall():
    unit = unit_of(SCALE, "mean_absolute_error")
    assert unit.value(0.75, "en") == "1.00" and unit.points(0.03, "en") == "0.12 points"
    assert unit_of(SCALE, "accuracy").value(0.75, "en") == "75.0%"


def test_the_expected_value_lies_between_points_and_is_shown_with_the_median(tmp_path):
    scores = np.array([[0.4, 0, 0, 0.3, 0.3], [0, 0, 0, 0, 1.0]], np.float32)
    texts = (Example(1, "so so"), Example(2, ""))
    answer = Answer("run", "arm", SCALE, texts, scores)
    assert answer.expected() == pytest.approx([3.1, 5.0])
    first, empty = answer.plain()["predictions"]
    assert first["label"] == "4" and first["expected"] == pytest.approx(3.1)
    assert empty["label"] is None and empty["expected"] is None
    answer.write_csv(tmp_path / "answers.csv")
    head, line, blank = (tmp_path / "answers.csv").read_text(encoding="utf-8-sig").splitlines()
    assert head == "row,text,label,expected,1,2,3,4,5" and line.startswith("1,so so,4,3.100,0.4")
    assert blank == "2,,,,,,,,"
    classes = replace(SCALE, target="one label")
    assert Answer("run", "arm", classes, texts, scores).expected() is None


def test_doubt_between_far_points_is_asked_about_first():
    doubts = np.array([[0.5, 0.5, 0, 0, 0], [0.5, 0, 0, 0, 0.5], [0, 0, 1, 0, 0]])
    length = (TASK.answer_errors(doubts) ** 2).sum(1)
    assert length[1] > length[0] > length[2] == 0
    assert badge(TASK.answer_errors(doubts), np.eye(3), 1).tolist() == [1]


def test_how_sure_a_guess_is_belongs_to_the_guess():
    """The median may be less likely than the peak of its distribution."""
    spec = RunSpec(Arm("a", "tfidf", 1), 1, 0, (), "data")
    texts = Unlabelled((Example(1, "x"),), 0, 0, 0)
    scores = np.array([[0.4, 0.0, 0.0, 0.3, 0.3]])
    found = NextRows(spec, SCALE, texts, scores, np.array([0]))
    ((_, guess, row),) = found.chosen()
    assert guess == ("4",) and found.sure_of(guess, row) == 0.3


# --- a file ---------------------------------------------------------------------------------------


def written(folder, ratings, name="rating"):
    path = folder / "ratings.jsonl"
    words = {1: "awful", 2: "poor", 3: "okay", 4: "good", 5: "superb"}
    path.write_text(
        "\n".join(
            json.dumps(
                {"text": f"The {n} thing number {i} was {words.get(n, n)}, {i % 7}", name: n}
            )
            for i, n in enumerate(ratings)
        )
    )
    return path


def test_ratings_are_proposed_and_never_assumed(tmp_path):
    path = written(tmp_path, [1, 2, 3, 4, 5] * 20)
    loaded = load(path)
    assert loaded.dataset.problem.target == "one label"
    (hint,) = (h for h in loaded.hints if h.id == "ordered_labels")
    assert hint.change == {"task": "ordinal"} and "task=" in hint.action
    read = load(path, ReadOptions(**hint.change))
    assert read.dataset.problem.target == "ordinal"
    assert [h.id for h in read.hints if h.id == "ordered_labels"] == []


@pytest.mark.parametrize(
    ("ratings", "said"),
    [(["1", "2", "bad", "3"] * 9, "'bad' is no whole number"), (list(range(30)) * 4, "at most 21")],
)
def test_what_is_no_rating_is_refused(tmp_path, ratings, said):
    with pytest.raises(UserError, match=said):
        load(written(tmp_path, ratings), ReadOptions(task="ordinal"))


def test_unknown_tasks_are_refused(tmp_path):
    path = written(tmp_path, [1, 2] * 20)
    with pytest.raises(UserError, match="ordinall"):
        load(path, ReadOptions(task="ordinall"))
    with pytest.raises(UserError, match="Leave one of the two out"):
        task_to_read("ordinal", several=True)


def test_points_stand_in_order_of_their_numbers(tmp_path):
    path = written(tmp_path, [10, 2, -1, 3] * 20)
    given = tuple(Label(str(i), f"{i} points") for i in (10, 3, 2, -1))
    problem = to_dataset(read_table(path), ReadOptions(task="ordinal"), given).dataset.problem
    assert problem.label_ids == ("-1", "2", "3", "10")
    assert TASK.measure("mean_absolute_error").scale(problem) == 11


# --- a study --------------------------------------------------------------------------------------


def test_the_smaller_error_leads_and_is_advised(tmp_path):
    """Ten rows off by one are better than five off by four, though fewer are exactly right."""
    loaded = load(written(tmp_path, [1, 2, 3, 4, 5] * 40), ReadOptions(task="ordinal"))
    split, lock = make_split(loaded, size=60)
    arms, _, faults = check_arms(
        [ArmRequest("tfidf", name="near"), ArmRequest("tfidf", {"strength": 2.0}, name="far")]
    )
    assert not faults
    arms = tuple(for_problem(arm, SCALE) for arm in arms)
    study = Study("ratings", loaded.dataset.problem, split, arms, (8,), (0, 1, 2))
    made = plan(study)
    gold, results = TASK.gold(study.problem, split.test), {}
    for spec in made.specs:
        off = gold.copy()
        if spec.arm.id == "near":
            off[:10] = np.where(gold[:10] < 4, gold[:10] + 1, gold[:10] - 1)
        else:
            off[:8] = np.where(gold[:8] < 2, 4, 0)
        results[spec.id] = RunResult(spec.id, "done", np.eye(5, dtype=np.float32)[off])
    found = compare(made, results)
    assert found.metric == "mean_absolute_error" and found.cells[0].arm == "near"
    accuracy = {c.arm: c.measures["accuracy"].value for c in found.cells}
    assert accuracy["near"] < accuracy["far"]
    unit = unit_of(study.problem, found.metric)
    assert unit.value(found.cells[0].measures[found.metric].value, "en") == "0.17"
    said = " ".join(advice.advice(decide(made, results, found)))
    assert "error" in said and "higher" not in said and "scored more" not in said


def test_strategies_that_cannot_say_so_before_anything_runs():
    can = {id for id, s in strategies().items() if "ordinal" in s.tasks}
    assert {"majority", "tfidf", "knn", "probe", "similarity", "lora", "full"} <= can
    assert {"chat", "nli", "prototype"}.isdisjoint(can)


def test_from_file_to_report_and_new_texts(tmp_path, capsys):
    path, out = written(tmp_path, [1, 2, 3, 4, 5] * 30), tmp_path / "study"
    asked = ["--strategies", "majority,tfidf,prototype", "--shots", "8", "--seeds", "2"]
    arguments = ["compare", str(path), "--task", "ordinal", *asked, "--out", str(out)]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "mean absolute error" in said and "prototype cannot do the task ordinal" in said
    study = json.loads((out / "study.json").read_text(encoding="utf-8"))
    assert study["problem"]["target"] == "ordinal"
    by_arm = {line["arm"]: line["mean_absolute_error"]["mean"] for line in study["summary"]}
    assert by_arm["tfidf"] < 0.3 < 1.0 < by_arm["majority"]
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "points on the scale" in report and "median rating" in report
    assert cli.main(["predict", str(out), "--text", "It was superb", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["predictions"]
    assert row["label"] in ("4", "5") and list(row["scores"]) == ["1", "2", "3", "4", "5"]
    mean = sum(int(point) * p for point, p in row["scores"].items())
    assert row["expected"] == pytest.approx(mean, abs=1e-5) and 4 < mean < 5
    assert "Matthews" not in report and "macro-F1 is the mean" not in report.lower()
    assert "points better" in report and "points of the scale" in report


def test_strata_are_points_of_the_scale():
    example = Example(1, "a", labels=("4",))
    assert TASK.strata(example) == ("4",)


# --- networks -------------------------------------------------------------------------------------

TOPICS = ("sea", "bread", "music")
NETWORKS = sorted(
    id
    for id, s in strategies().items()
    if "ordinal" in s.tasks and not s.takes_base and s.uses_model and s.learns_from_few
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return asking.Bench(tmp_path_factory.mktemp("bench"))


def learnt(id: str, bench, steps: int = 60) -> tuple[Fitted, np.ndarray, np.ndarray]:
    """What it learns of three ratings, what it then says of other rows, and their ratings."""
    strategy, problem = strategies()[id], asking.problem_of(TOPICS, target="ordinal")
    train, test = (
        asking.as_labels_of(problem, asking.rows_of(TOPICS, shots=shots, seed=seed))
        for shots, seed in ((8, 0), (10, 7))
    )
    settings = asking.settings_of(strategy, steps)
    fitted = drain(
        strategy.fit(Job(problem, train, settings, 0, bench.encoder(strategy), unlabelled=train))
    )
    scores = drain(fitted.predictor.predict(test))
    return fitted, scores, task_of(problem).gold(problem, test)


@pytest.mark.parametrize("id", NETWORKS)
def test_what_reads_with_a_model_learns_an_order(id, bench):
    with asking.one_thread():
        fitted, scores, gold = learnt(id, bench)
    assert np.abs(TASK.decide(scores) - gold).mean() < 0.4  # the median everywhere is off by 0.67
    means = [(scores[gold == point] @ np.arange(3)).mean() for point in range(3)]
    apart = 0.1 if strategies()[id].needs == "no labels" else 0.25
    assert means[0] + apart < means[1] < means[2] - apart
    if strategies()[id].trains:
        assert np.mean(fitted.curve[-5:]) < np.mean(fitted.curve[:5])
        assert np.isfinite(fitted.curve).all()


def test_the_networks_that_are_asked_are_those_there_are():
    assert {"lora", "full", "dora", "ia3", "bitfit", "prefix", "knn", "probe"} <= set(NETWORKS)
