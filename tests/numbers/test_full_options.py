"""Options of full fine-tuning, and runs whose training did not take hold."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.numbers.made import answered, arm, planned
from tests.tiny_models import drain, text
from tl_core.analysis.compare import compare
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Finished, Job, Label, Problem, Split
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.training.classifier import TextClassifier, floors
from tl_core.models.training.stopping import HeldOut, hold_out
from tl_core.running.run import Encoders, run
from tl_core.statistics.classification.collapse import collapsed, ranks_nothing
from tl_core.statistics.intervals import FAILED_RUNS
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, make_study, plan
from tl_core.studies.store import Store


def accuracy(cell):
    return cell.measures["accuracy"]


def macro(cell):
    return cell.measures["macro_f1"]


PROBLEM = Problem("one text", "one label", tuple(Label(t, t) for t in ("sea", "bread")))
MANY = dataclasses.replace(PROBLEM, target="many labels")
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folder(tiny_models):
    return tiny_models.body(worn=False)


@pytest.fixture(scope="module")
def encoder(folder):
    return Encoder(load_model(find(str(folder))))


def rows(shots: int = 8, seed: int = 0) -> list[Example]:
    random = np.random.default_rng(seed)
    return [
        Example(i, text(t, random), labels=(t,))
        for i, t in enumerate(("sea", "bread") * shots, start=1)
    ]


def fit(id: str, encoder, train, **settings):
    params = strategies()[id].settings(**settings)
    return drain(strategies()[id].fit(Job(PROBLEM, train, params, 3, encoder)))


def moved(fitted, encoder) -> set[str]:
    """Names of the body's weights that are not as they were."""
    before = encoder.model.network.state_dict()
    return {
        n
        for n, t in fitted.predictor.model.body.state_dict().items()
        if not torch.equal(t, before[n])
    }


def numbers_of_layers(names) -> set[int]:
    return {int(n.split("layer.")[1].split(".")[0]) for n in names if "layer." in n}


# --- what learns when -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "epochs,learning", [(1, {3}), (2, {2, 3}), (4, {0, 1, 2, 3}), (5, {0, 1, 2, 3})]
)
def test_gradual_unfreezing_wakes_one_layer_an_epoch(epochs, learning, encoder):
    """16 rows in batches of 4: an epoch is 4 steps. The embeddings come last."""
    steps = 4 * epochs
    fitted = fit(
        "full",
        encoder,
        rows(),
        unfreezing="gradual",
        batch=4,
        min_steps=steps,
        max_steps=steps,
        weight_decay=0.5,
    )
    names = moved(fitted, encoder)
    assert numbers_of_layers(names) == learning
    assert any("embeddings" in n for n in names) == (epochs == 5)
    assert len(fitted.notes) == (epochs < 5) and all(
        "had begun to learn." in n for n in fitted.notes
    )
    assert all(
        p.requires_grad for n, p in fitted.predictor.model.named_parameters() if "pooler" not in n
    )


def test_all_at_once_is_all_at_once(encoder):
    assert numbers_of_layers(
        moved(fit("full", encoder, rows(), batch=4, min_steps=2, max_steps=2), encoder)
    ) == {0, 1, 2, 3}


def test_gradual_unfreezing_begins_above_frozen_layers(encoder):
    fitted = fit(
        "full",
        encoder,
        rows(),
        unfreezing="gradual",
        frozen_layers=2,
        batch=4,
        min_steps=4,
        max_steps=4,
    )
    names = {
        n
        for n, t in fitted.predictor.model.body.named_parameters()
        if not torch.equal(t, encoder.model.network.get_parameter(n))
    }
    assert numbers_of_layers(names) == {3} and "lowest 1 layers" in fitted.notes[0]


@pytest.mark.parametrize("kind", ["bert", "gpt2", "deberta-v2", "mpnet", "modernbert"])
def test_floors_hold_every_weight_once_and_the_embeddings_last(kind, tiny_models):
    model = TextClassifier(Encoder(load_model(find(str(tiny_models.body(kind))))), PROBLEM, start=0)
    found = floors(model)
    names = {id(t): n for n, t in model.trainable().items() if not n.startswith("head.")}
    assert len(found) == 5 and sorted(id(t) for part in found for t in part) == sorted(names)
    lowest = {names[id(t)] for t in found[-1]}
    assert id(model.body.get_input_embeddings().weight) in {id(t) for t in found[-1]}
    assert not any(f"{model.encoder.parts.layers}." in n for n in lowest)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "albert"])
def test_frozen_embeddings_stay_and_are_not_saved(kind, tiny_models, tmp_path):
    encoder = Encoder(load_model(find(str(tiny_models.body(kind)))))
    fitted = fit("full", encoder, rows(), frozen_embeddings=True, min_steps=3, max_steps=3)
    body, before = fitted.predictor.model.body, encoder.model.network
    assert torch.equal(body.get_input_embeddings().weight, before.get_input_embeddings().weight)
    assert len(moved(fitted, encoder)) > 5
    fitted.predictor.save(tmp_path)
    again = strategies()["full"].load(tmp_path, PROBLEM, encoder)
    test = rows(seed=4)
    assert np.array_equal(drain(again.predict(test)), drain(fitted.predictor.predict(test)))


def test_what_a_model_cannot_do_is_told_together(tiny_models):
    encoder = Encoder(load_model(find(str(tiny_models.body("albert")))))
    with pytest.raises(UserError, match="cannot be cut(.|\n)*one stack of layers"):
        fit("full", encoder, rows(), unfreezing="gradual", frozen_layers=1)


# --- stopping early -------------------------------------------------------------------------------


@pytest.mark.parametrize("share,held", [(0.01, 1), (0.25, 2), (0.5, 4)])
def test_held_out_rows_are_a_share_of_every_label(share, held):
    given = rows()
    train, by = hold_out(PROBLEM, given, share, seed=0)
    assert [sum(label in e.labels for e in by) for label in PROBLEM.label_ids] == [held, held]
    assert sorted(e.row for e in (*train, *by)) == [e.row for e in given]
    assert hold_out(PROBLEM, given[::-1], share, seed=0)[1] == by, (
        "the order of the rows decides nothing"
    )
    assert any(hold_out(PROBLEM, given, share, seed=s)[1] != by for s in range(1, 5))


def test_made_up_copies_go_with_the_row_they_were_made_of():
    given = rows()
    copies = [dataclasses.replace(e, text=f"{e.text} again") for e in given for _ in range(3)]
    train, by = hold_out(PROBLEM, [*given, *copies], 0.25, seed=0)
    assert len(by) == 4 and set(by) <= set(given)
    assert not {e.row for e in train} & {e.row for e in by} and len(train) == 4 * 12


def test_with_many_labels_a_row_may_stand_for_two_and_none_is_left_without():
    given = [
        Example(1, "a", labels=("sea", "bread")),
        Example(2, "b", labels=("sea",)),
        Example(3, "c", labels=("bread",)),
        Example(4, "d"),
    ]
    train, by = hold_out(MANY, given, 0.2, seed=1)
    for part in (train, by):
        assert {label for e in part for label in e.labels} == {"sea", "bread"}


@pytest.mark.parametrize("id", ["full", "scratch"])
def test_too_few_rows_to_hold_one_out_is_told(id, encoder):
    with pytest.raises(
        UserError,
        match=(
            r"'sea', 'bread': each needs one to train on and one to stop by\. Choose 2 or more"
            r" shots"
        ),
    ):
        fit(id, encoder, rows(shots=1), early_stopping=0.2)


def test_early_stopping_returns_the_best(encoder):
    """Every other held-out row has the wrong label: the longer training goes on, the surer it is of
    what is wrong there.
    """
    given = rows(shots=12)
    _, by = hold_out(PROBLEM, given, 0.5, seed=3)
    wrong = {e.row for e in by[::2]}
    given = [
        (
            dataclasses.replace(e, labels=(("bread",) if e.labels == ("sea",) else ("sea",)))
            if e.row in wrong
            else e
        )
        for e in given
    ]
    train, by = hold_out(PROBLEM, given, 0.5, seed=3)
    fitted = fit(
        "full",
        encoder,
        given,
        early_stopping=0.5,
        patience=2,
        batch=4,
        learning_rate=1e-3,
        min_steps=200,
        max_steps=200,
    )
    stopped, best = (
        int(fitted.notes[0].split(word)[1].split()[0].rstrip(","))
        for word in ("after step ", "of step ")
    )
    assert (
        fitted.notes[0].startswith(f"{len(by)} of the labelled rows were held out")
        and len(fitted.curve) == fitted.optimizer_steps == stopped
    )
    assert 0 < best < stopped < 200 and stopped - best == 2 * max(5, -(-len(train) // 4))
    again = fit(
        "full",
        encoder,
        given,
        early_stopping=0.5,
        patience=2,
        batch=4,
        learning_rate=1e-3,
        min_steps=200,
        max_steps=200,
    )
    assert again.notes == fitted.notes
    assert np.array_equal(drain(again.predictor.predict(by)), drain(fitted.predictor.predict(by)))


def test_the_lowest_loss_is_what_is_put_back(encoder):
    """Weights moved by hand between the looks: 1 is the best of 5, 1, 3."""
    model = TextClassifier(encoder, PROBLEM, start=0)
    held = HeldOut(model, rows(shots=1), rows=4, batch=4, patience=2)
    ends = []
    for step, weight in ((5, 5.0), (7, 0.0), (10, 1.0), (15, 3.0), (20, 3.0)):
        with torch.no_grad():
            model.head.weight.zero_()
            model.head.bias.copy_(torch.tensor([weight, -weight]))
        ends.append(drain(held.look(step, 100)))
    assert ends == [
        False,
        False,
        False,
        False,
        True,
    ], "no look at step 7; two looks without a lower loss end it"
    held.restore()
    assert (
        model.head.bias.tolist() == [1.0, -1.0]
        and "after step 20 with the weights of step 10" in held.note
    )


def test_without_held_out_rows_nothing_changes(encoder):
    plain = fit("full", encoder, rows(), min_steps=5, max_steps=5)
    assert plain.notes == () and hold_out(PROBLEM, rows(), 0.0, seed=3) == (rows(), [])


@pytest.mark.parametrize("id", ["full", "scratch"])
def test_stopped_early_is_saved_and_loaded(id, encoder, tmp_path):
    more = {"unfreezing": "gradual"} if id == "full" else {}
    fitted = fit(
        id,
        encoder,
        rows(),
        early_stopping=0.25,
        patience=1,
        batch=4,
        min_steps=30,
        max_steps=30,
        **more,
    )
    fitted.predictor.save(tmp_path)
    again = strategies()[id].load(tmp_path, PROBLEM, encoder)
    assert np.array_equal(
        drain(again.predict(rows(seed=4))), drain(fitted.predictor.predict(rows(seed=4)))
    )


# --- training that did not take hold --------------------------------------------------------------


def gold_of(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize("counts", [(1, 1), (4, 4), (50, 50), (90, 10), (1,) * 150, (2,) * 20])
def test_one_answer_for_all_has_not_trained_and_every_answer_right_has(counts):
    gold = gold_of(*counts)
    assert collapsed(gold, np.zeros_like(gold)) and collapsed(
        gold, np.full_like(gold, len(counts) - 1)
    )
    assert not collapsed(gold, gold)
    many = np.eye(len(counts), dtype=bool)[gold]
    assert not ranks_nothing(many, many * 0.9)
    assert ranks_nothing(many, np.zeros(many.shape)) and ranks_nothing(
        many, np.tile(many.mean(0), (len(many), 1))
    )


@pytest.mark.parametrize("labels", [2, 3, 20])
def test_guesses_are_seldom_taken_for_training(labels):
    """One-sided at 5%: of 2,000 runs that guess, hardly more than that may pass."""
    random = np.random.default_rng(0)
    gold = gold_of(*[40] * labels)
    passed = sum(not collapsed(gold, random.integers(0, labels, len(gold))) for _ in range(2000))
    assert passed < 0.07 * 2000


def test_with_many_labels_a_run_that_ranks_rows_has_trained_wherever_its_cut_lies():
    """One row in fifty carries a label: no probability reaches one half, and a cut for macro-F1
    lets more wrong rows in than right ones.
    """
    random = np.random.default_rng(0)
    gold = random.random((500, 20)) < 0.02
    signal = gold + random.normal(size=gold.shape) / 2
    assert not ranks_nothing(gold, 0.3 / (1 + np.exp(-signal)))
    passed = sum(not ranks_nothing(gold, random.random(gold.shape)) for _ in range(300))
    assert passed < 0.1 * 300


def test_a_few_rare_rows_found_are_more_than_one_answer():
    gold = gold_of(95, 5)
    said = np.zeros_like(gold)
    said[-4:] = 1
    assert not collapsed(gold, said)
    said[:4] = 1  # and as many of the others taken for them
    assert collapsed(gold, said)


def test_rows_of_one_label_have_nothing_to_learn():
    assert not collapsed(gold_of(5), gold_of(5))


def planned_run(folder, strategy: str, **settings):
    random = np.random.default_rng(0)
    made = [
        Example(i, text(t, random), labels=(t,))
        for i, t in enumerate(("sea", "bread") * 30, start=1)
    ]
    split = Split(tuple(made[:20]), tuple(made[20:]))
    return plan(
        make_study(
            "made",
            PROBLEM,
            split,
            arms=[ArmRequest(strategy, settings)],
            shots=(8,),
            seeds=1,
            model=str(folder),
        )
    )


def result_of(made, cache):
    return next(
        e.result for e in run(made, encoders=Encoders("cpu", cache)) if isinstance(e, Finished)
    )


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_an_absurd_step_size_is_found_out_stored_and_counted(strategy, folder, tmp_path):
    absurd = {"learning_rate": 0.1, "head_learning_rate": 1.0, "min_steps": 30, "max_steps": 30}
    made = planned_run(folder, strategy, **absurd)
    result = result_of(made, tmp_path / "cache")
    assert result.status == "done" and result.collapsed
    assert [n.startswith("It collapsed:") for n in result.notes] == [True]
    assert result.budget["train"] == 16
    store = Store(tmp_path / "study")
    store.prepare()
    store.save_result(result)
    again = Store(tmp_path / "study").result(result.spec_id)
    assert again.collapsed and again.notes == result.notes
    (cell,) = compare(made, {result.spec_id: again}).cells
    assert cell.collapsed == 1 and cell.mean_trained == {} and FAILED_RUNS in accuracy(cell).notes


@pytest.mark.parametrize("strategy", ["full", "lora", "contrastive"])
def test_a_good_run_is_none(strategy, folder, tmp_path):
    result = result_of(planned_run(folder, strategy), tmp_path)
    assert result.status == "done" and not result.collapsed and result.notes == ()


def test_runs_that_did_not_train_are_in_the_mean_and_beside_it():
    made = planned([arm("shaky")])
    results = answered(made, {"shaky": [30, 32, 34, 14, 10]})
    for spec in made.specs[3:]:
        results[spec.id] = dataclasses.replace(results[spec.id], collapsed=True)
    (cell,) = compare(made, results).cells
    assert (cell.collapsed, cell.failed, len(cell.runs)) == (2, 0, 5)
    assert accuracy(cell).value == pytest.approx(0.6) and cell.mean_trained[
        "accuracy"
    ] == pytest.approx(0.8)
    assert FAILED_RUNS in accuracy(cell).notes and FAILED_RUNS in macro(cell).notes
    (fine,) = compare(made, answered(made, {"shaky": [30, 32, 34, 14, 10]})).cells
    assert (fine.collapsed, fine.mean_trained) == (0, {}) and FAILED_RUNS not in fine.measures[
        "accuracy"
    ].notes


def test_the_leaderboard_says_how_many(capsys):
    from tl_core.analysis.record import record
    from tl_core.commands.compare import print_leaderboard

    made = planned([arm("shaky")])
    results = answered(made, {"shaky": [30, 32, 34, 14, 10]})
    for spec in made.specs[3:]:
        results[spec.id] = dataclasses.replace(results[spec.id], collapsed=True)
    study = record(made, results, compare(made, results), statuses={}, context={})
    assert [r["collapsed"] for r in study["runs"]] == [False, False, False, True, True]
    print_leaderboard(study)
    assert "2 of 5 did not train; mean of those that did: 80.0%" in capsys.readouterr().out
