"""A run's id says what is computed and nothing else; every fault of a request is found before
anyone waits.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.numbers.made import problem, rows
from tl_core.api.errors import UserError
from tl_core.api.types import Arm, Dataset, Example, Label, ModelRef, Problem, Split
from tl_core.data.loaded import Loaded
from tl_core.studies.plan import ArmRequest, Study, default_shots, make_split, make_study, plan

ROWS = rows(60)


def loaded(examples=ROWS, of: Problem = problem()) -> Loaded:
    return Loaded(Dataset("made", of, tuple(examples)), {}, (), (), 0)


def study(
    *arms: ArmRequest, shots=(1, 2), seeds=2, examples=ROWS, of: Problem = problem(), **options
) -> Study:
    split, _ = make_split(loaded(examples, of), size=20)
    return make_study(
        "made",
        of,
        split,
        arms=arms or (ArmRequest("majority"),),
        shots=shots,
        seeds=seeds,
        **options,
    )


def ids(made: Study) -> list[str]:
    return [s.id for s in plan(made).specs]


def changed(made: Study, **changes) -> Study:
    return replace(made, arms=tuple(replace(arm, **changes) for arm in made.arms))


def test_the_same_request_has_the_same_ids_whatever_order_it_came_in():
    made = study(ArmRequest("majority"), ArmRequest("tfidf", {"strength": "3"}), shots=(1, 2))
    again = study(
        ArmRequest("tfidf", {"strength": 3.0}),
        ArmRequest("majority"),
        shots=(2, 1, 2),
        examples=ROWS[::-1],
    )
    assert len(ids(made)) == len(set(ids(made))) == 8
    assert set(ids(made)) == set(ids(again))


def test_an_arms_name_and_a_models_name_are_not_in_the_id():
    made = study(ArmRequest("majority"))
    with_model = changed(made, model=ModelRef("minilm", "d1"))
    assert ids(made) == ids(study(ArmRequest("majority", name="baseline")))
    assert ids(with_model) == ids(changed(made, model=ModelRef("/a/copy", "d1")))
    assert not set(ids(with_model)) & set(ids(changed(made, model=ModelRef("minilm", "d2"))))


@pytest.mark.parametrize(
    "other",
    [
        lambda: study(ArmRequest("majority", {"smoothing": 2})),
        lambda: study(ArmRequest("tfidf")),
        lambda: study(shots=(4, 8)),
        lambda: study(examples=rows(90)[30:]),
        lambda: study(
            of=Problem(
                "one text",
                "one label",
                (Label("a", "another name"), Label("b", "b"), Label("c", "c")),
            )
        ),
        lambda: changed(study(), strategy_version=99),
        lambda: replace(study(), seeds=(7, 8)),
    ],
)
def test_settings_shots_seeds_rows_and_labels_are_in_the_id(other):
    assert not set(ids(study())) & set(ids(other()))


def test_training_rows_and_test_rows_are_in_the_id():
    made = study(shots=(None,), seeds=1)
    fewer = replace(made, split=replace(made.split, pool=made.split.pool[1:]))
    other = replace(made, split=replace(made.split, test=made.split.test[1:]))
    assert len({*ids(made), *ids(fewer), *ids(other)}) == 3


def test_all_the_rows_at_another_seed_are_the_same_rows_but_another_run():
    first, second = plan(study(ArmRequest("lora"), shots=(None,), seeds=2)).specs
    assert set(first.train) == set(second.train) and first.id != second.id


def test_all_the_rows_are_drawn_once_where_nothing_else_is_random():
    """The same rows give the same answers: counted three times they would look like three draws."""
    alike = ("majority", "tfidf", "knn", "prototype", "probe", "prior-probe")
    made = plan(study(*(ArmRequest(name) for name in (*alike, "lora")), shots=(2, None), seeds=3))
    seeds = {(s.arm.id, s.shots): 0 for s in made.specs}
    for s in made.specs:
        seeds[s.arm.id, s.shots] += 1
    assert seeds == {
        (name, shots): 3 if shots or name == "lora" else 1
        for name in (*alike, "lora")
        for shots in (2, None)
    }


def test_arms_share_their_samples():
    made = plan(study(ArmRequest("majority"), ArmRequest("tfidf"), shots=(1, 2, 4)))
    by_cell = {}
    for spec in made.specs:
        by_cell.setdefault((spec.shots, spec.seed), set()).add(spec.train)
    assert len(by_cell) == 6 and all(len(samples) == 1 for samples in by_cell.values())
    for seed in (0, 1):
        one, two, four = (set(next(iter(by_cell[k, seed]))) for k in (1, 2, 4))
        assert one < two < four and len(four) == 12


def test_zero_shot_arms_run_once_and_are_reused_when_rows_are_appended():
    arms = (
        Arm("similarity", "similarity", 1, {}, ModelRef("minilm", "d")),
        Arm("majority", "majority", 1, {"smoothing": 1.0}),
    )
    made = replace(study(shots=(0, 1, 2), seeds=3), arms=arms)
    specs = plan(made).specs
    assert [(s.shots, s.seed, s.train) for s in specs if s.arm.id == "similarity"] == [(0, 0, ())]
    assert [s.shots for s in specs if s.arm.id == "majority"] == [1, 1, 1, 2, 2, 2]
    longer = replace(made, split=replace(made.split, pool=(*made.split.pool, *rows(90)[60:])))
    assert specs[0].id == plan(longer).specs[0].id


def test_what_cannot_run_is_refused_with_its_reason_and_the_rest_runs():
    numbers = Problem("one text", "one label", tuple(Label(x, str(i)) for i, x in enumerate("abc")))
    arms = (
        Arm("similarity", "similarity", 1, {}, ModelRef("minilm", "d")),
        Arm("majority", "majority", 1, {}),
    )
    made = plan(replace(study(of=numbers), arms=arms))
    assert len(made.refused) == 1 and "bare numbers" in next(iter(made.refused.values()))
    assert not set(made.refused) & made.keep
    with pytest.raises(UserError, match="bare numbers"):
        plan(replace(study(of=numbers), arms=arms[:1]))


def test_a_study_of_zero_shots_only_refuses_what_needs_rows():
    with pytest.raises(UserError, match="choose 1 or more shots"):
        plan(study(ArmRequest("majority"), shots=(0,)))


def test_the_largest_shots_at_the_first_seed_are_kept():
    made = plan(study(ArmRequest("majority"), ArmRequest("tfidf"), shots=(1, 4, None), seeds=3))
    assert sorted((s.arm.id, s.shots, s.seed) for s in made.specs if s.id in made.keep) == [
        ("majority", None, 0),
        ("tfidf", None, 0),
    ]


def test_every_fault_is_told_at_once():
    with pytest.raises(UserError) as caught:
        study(
            ArmRequest("majoriti"),
            ArmRequest("tfidf", {"strenght": 1, "strength": -1}),
            ArmRequest("majority", model="minilm"),
            ArmRequest("majority", name="x"),
            ArmRequest("tfidf", name="x"),
            shots=(99,),
            seeds=0,
        )
    said = str(caught.value)
    for part in (
        "99 shots asked for",
        "Seeds must be from 1 to 100.",
        "Did you mean majority",
        "Did you mean strength?",
        "strength=-1",
        "majority uses no model",
        "Two arms are called 'x'",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"shots": ()}, "Shots must be"),
        ({"shots": (-1,)}, "Shots must be"),
        ({"seeds": 101}, "Seeds must be"),
        ({"seeds": ()}, "Seeds must be"),
        (
            {"seeds": 100, "arms": [ArmRequest("majority", name=str(i)) for i in range(101)]},
            "the limit is 20000",
        ),
    ],
)
def test_requests_out_of_bounds(options, part):
    arms = options.pop("arms", ())
    with pytest.raises(UserError, match=part):
        study(*arms, **options)


def test_no_arm_lists_the_strategies():
    split, _ = make_split(loaded(), size=20)
    with pytest.raises(UserError, match="Choose at least one strategy. There are: majority, "):
        make_study("made", problem(), split, arms=(), shots=None, seeds=1)


def test_default_shots_go_as_far_as_the_rows():
    from tl_core.data.split import Pool

    assert default_shots(Pool(rows(15), problem())) == (0, 1, 2, 4)
    assert default_shots(Pool(rows(60), problem())) == (0, 1, 2, 4, 8, 16)
    assert study(shots=None).shots == (0, 1, 2, 4, 8)  # 13 of each label are left to train on


# --- locking --------------------------------------------------------------------------------------


def test_a_lock_says_what_became_of_it():
    from tl_core.data.split import lock_key

    first, notes = make_split(loaded(), size=20)
    assert notes == ()
    lock = [lock_key(e) for e in first.test]
    again, notes = make_split(loaded(rows(90)), lock=lock)
    assert (
        again.test_digest == first.test_digest
        and "20 test rows of the earlier study are kept" in notes[0]
    )
    gone = first.test[0].text
    _, notes = make_split(loaded([e for e in ROWS if e.text != gone]), lock=lock)
    assert "The 19 test rows" in notes[0] and "1 of them are no longer in the file" in notes[0]
    with pytest.raises(
        UserError, match="None of the 20 test rows of the earlier study are in made"
    ):
        make_split(loaded(rows(90)[60:]), lock=lock)


def test_rows_of_the_pool_that_repeat_a_test_file_are_left_out():
    test = [
        Example(1, ROWS[0].text, None, ROWS[0].labels),
        Example(2, ROWS[1].text.upper(), None, ROWS[1].labels),
        *rows(99)[90:],
    ]
    split, notes = make_split(loaded(), test=loaded(test))
    assert [e.text for e in split.test] == [e.text for e in test]
    assert {e.row for e in ROWS} - {e.row for e in split.pool} == {1, 2}
    assert len(notes) == 1 and "2 rows repeat a row of the test file" in notes[0]


def test_every_row_that_is_left_out_is_counted_once_and_called_what_it_is():
    leaked = [
        Example(100, ROWS[0].text, None, ROWS[0].labels),
        Example(101, ROWS[0].text.upper(), None, ROWS[0].labels),
    ]  # copies of each other too
    more = [
        Example(102, " ", None, ("a",)),
        Example(103, ROWS[3].text, None, ROWS[3].labels),
        Example(104, ROWS[4].text, None, ROWS[5].labels),
    ]
    test = [
        Example(1, ROWS[0].text, None, ROWS[0].labels),
        Example(2, "", None, ("a",)),
        *rows(99)[90:],
    ]
    split, notes = make_split(loaded([*ROWS, *leaked, *more]), test=loaded(test))
    assert notes[0].startswith("3 rows repeat a row of the test file")
    assert (
        notes[1]
        == "5 more rows are used neither for training nor for testing: 2 without a text; 1 a copy"
        " of another; 2 of one text with different labels."
    )
    assert len(split.pool) + len(split.test) + split.dropped == len(ROWS) + 5 + len(test)
    _, (note,) = make_split(loaded([*ROWS, *more[:1]]))
    assert note == "1 row is used neither for training nor for testing: 1 without a text."


def test_a_label_without_rows_to_train_on_is_told():
    test = [Example(e.row, e.text, None, e.labels) for e in ROWS if e.labels == ("a",)]
    with pytest.raises(UserError, match="No row is left to train on for the labels a"):
        make_split(loaded(), test=loaded(test))


def test_the_embedded_model_is_found_once_for_all_arms():
    made = study(ArmRequest("probe"), ArmRequest("knn"), ArmRequest("tfidf"))
    assert made.arms[0].model == made.arms[1].model and made.arms[0].model.name == "minilm"
    assert made.arms[2].model is None
    (folder,) = made.model_folders.values()
    assert (Path(folder) / "model.safetensors").is_file()


def test_a_study_is_named_by_what_is_in_it():
    made = study()
    assert made.id == replace(made, name="another").id
    assert made.id != replace(made, seeds=(5,)).id
    assert made.id != replace(made, split=Split(made.split.test[1:], made.split.pool)).id
