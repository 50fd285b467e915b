"""The finished study that the page opens on is what today's strategies would make of the sample."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

import tl_core as tl
from benchmarks.shipped_study import KEPT, SIDES, TEXTS, planned, points, texts_of
from tl_core.api.types import Example
from tl_core.models.embedded import EMBEDDED
from tl_ui.components.first_picture import WAYS, said_html
from tl_ui.components.ticket import tinted
from tl_ui.state.shipped_study import MODELS, shipped_study

TOLERANCE = 0.006  # of a share: one of 200 rows answered otherwise, on other processors


def test_its_runs_are_those_of_todays_strategies():
    """A run's id is a digest of all that decides its numbers: version, settings, rows, model."""
    assert set(shipped_study().runs) == set(planned().run_ids), (
        "run python -m benchmarks.shipped_study"
    )


def test_a_fresh_run_comes_to_the_same(tmp_path):
    """The quick strategies at two numbers of labels; what trains a network takes minutes."""
    asked = planned(("majority", "similarity", "probe"), (0, 8), out=tmp_path / "study")
    assert set(asked.run_ids) <= set(shipped_study().runs)
    fresh = points(tl.run(asked, progress=False))
    assert len(fresh) == 3
    for point in fresh:
        shipped = shipped_study().at(point["strategy"], point["shots"])
        assert shipped.labels == point["labels"]
        for name in ("value", "low", "high"):
            assert getattr(shipped, name) == pytest.approx(point[name], abs=TOLERANCE), point
    again = 0
    for path in sorted((MODELS / "models").glob("*/*.safetensors")):
        made = tmp_path / "study" / "models" / path.parent.name / path.name
        if made.exists():  # all rows are not learned here
            again += 1
            shipped, fresh = load_file(path), load_file(made)
            assert shipped.keys() == fresh.keys()
            for name, values in shipped.items():
                np.testing.assert_allclose(values, fresh[name], atol=0.01)
    assert again == 2


def test_what_comes_along_is_of_the_study_and_marks_the_words_that_matter():
    from tl_core.running.jobs import predict
    from tl_core.running.warm_models import WarmModels
    from tl_core.views.occlusion import Occluded, Piece

    study = shipped_study()
    assert [(one.way, one.strategy, one.labels) for one in study.kept] == [
        (way, arm, study.at(arm, shots).labels) for way, arm, shots in KEPT
    ]
    assert {one.run for one in study.kept} <= set(study.runs)
    folders = json.loads((MODELS / "plan.json").read_text(encoding="utf-8"))["model_folders"]
    assert list(folders.values()) == [EMBEDDED.name], "a folder of this machine is on no other"
    asked = [one.run for one in study.kept]
    example = Example(1, "I was charged twice for one month")
    answers = list(predict(WarmModels("cpu"), str(MODELS), asked, [example]))
    scores = [scores for run, scores in filter(lambda a: isinstance(a, tuple), answers)]
    assert len(scores) == 3 and all(one[0].argmax() == 0 for one in scores)  # billing
    piece = Piece("twice", 0, 3, 8, 0.5, 0.4, "billing")
    found = Occluded("probe", "billing", 0.9, {}, "remove", (piece,), ())
    assert tinted("<b twice", found) == "&lt;b <mark style='--heat:85%'>twice</mark>"


def test_the_map_shows_rows_that_nothing_was_trained_on():
    study, plan = shipped_study(), planned().draft.plan
    assert study.rows == tuple(e.row for e in texts_of(plan)) and len(study.rows) == TEXTS
    assert not set(study.rows) & {e.row for e in plan.study.split.pool}
    assert tuple((side.strategy, side.shots) for side in study.sides) == SIDES
    for side in study.sides:
        assert len(side.places) == TEXTS and 0 < side.near <= 1
        assert all(0 <= x <= 1 for place in side.places for x in place)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_sentence_has_the_numbers_of_the_study(lang, first_dataset):
    said = said_html(shipped_study(), first_dataset.loaded.dataset, lang)
    for way in WAYS:
        point = shipped_study().at(way.strategy, way.shots)
        assert f"<b class='tl-way-{way.id}'>{100 * point.value:.0f}</b>" in said
        assert not point.labels or str(point.labels) in said
    assert "{" not in said and "[" not in said


@pytest.fixture(scope="module")
def first_dataset(tmp_path_factory):
    from spaces_config.profiles import profile_named
    from tl_ui.state.datasets import FIRST, Datasets

    home = tmp_path_factory.mktemp("home")
    return Datasets(home, profile_named("local"), lambda models, texts: []).get(FIRST)
