"""Embedding map and layers as a visitor has them: in a real browser, answered by the real model."""

from __future__ import annotations

import base64
import json
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

from spaces_config.profiles import profile_named
from tests.page.looking import box, to_look
from tests.page.visiting import EVIL, choose, expect, own_file, press_until
from tests.tiny_models import make_headed
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Label, Problem
from tl_core.running.queue import StudyQueue
from tl_core.studies.plan import ArmRequest, make_study
from tl_core.views.embedding_map import EmbeddingMap, Placed, Side
from tl_core.views.layers import NUMBERS, Layer, Layers
from tl_core.views.nearest import Apart
from tl_ui.state.datasets import FIRST as FIRST_DATA
from tl_ui.state.datasets import Datasets
from tl_ui.state.studies import Studies
from tl_ui.views._shared.answers import answer_to
from tl_ui.views._shared.map_figures import MOST_GROUPS, coloured, layers_changed, right_or_wrong
from tl_ui.views._shared.map_rows import (
    ALL,
    DATA,
    TEST,
    Texts,
    checkpoints_of,
    choices,
    colouring,
    map_of,
    place_of,
    texts_of,
)
from tl_ui.views._shared.map_view import Marked, map_update, marks_update, texts_update
from tl_ui.views._shared.model_picker import runs_of
from tl_ui.views.embedding_map import MapSnapshot, _nearest, summary_html
from tl_ui.views.layers import LayersSnapshot, out_html, table_of

# Where on the screen the first points of the first label are.
SPOTS = """count => {
  const plot = document.querySelector('#map-view .tl-plot'), at = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  const [trace] = plot.data;
  return [...Array(count).keys()].map(i =>
    [at.x + xaxis._offset + xaxis.l2p(trace.x[i]), at.y + yaxis._offset + yaxis.l2p(trace.y[i])]);
}"""
# Where the points of the groups lie, whatever rings and lines are drawn about some of them.
PLACES = (
    "() => document.querySelector('#map-view .tl-plot').data.filter(trace =>"
    " trace.legendgroup).flatMap(trace => [...trace.x]).join()"
)
# Remembers that the points were sketched, however soon the sketch is gone again.
WATCH = """() => new MutationObserver(() => {
  window.sketched ||= !!document.querySelector('#map-view .tl-moving');
}).observe(
  document.querySelector('#map-view'), {subtree: true, childList: true, attributes: true})"""


def at_rest(page) -> str:
    """Where the points lie once nothing is drawn any more."""
    seen = None
    while seen != (seen := page.evaluate(PLACES)):
        page.wait_for_timeout(1000)
    return seen


def drag(page, path) -> None:
    page.mouse.move(*path[0])
    page.mouse.down()
    for spot in path[1:]:
        page.mouse.move(*spot, steps=4)
    page.mouse.up()


def test_a_map_is_pointed_at_circled_searched_and_opened_again(visit):
    page = visit()
    to_look(page, "map")
    plot, listed = page.locator("#map-view .tl-plot"), page.locator("#map-listed")
    expect(plot).to_have_attribute("aria-label", re.compile(r"Map of \d+ texts by PCA"))
    expect(page.locator("#map-told tbody td").nth(1)).to_have_text(re.compile(r"\d+\.\d%"))

    def first_point() -> tuple[float, float]:
        plot.scroll_into_view_if_needed()
        return tuple(page.evaluate(SPOTS, 1)[0])

    press_until(
        lambda: page.mouse.move(*first_point()),
        lambda ms: expect(page.locator("#map-view .tl-tip")).to_be_visible(timeout=ms),
    )
    expect(page.locator("#map-view .tl-tip b")).not_to_be_empty()
    press_until(
        lambda: page.mouse.click(*first_point()),
        lambda ms: expect(listed).to_contain_text("Nearest to", timeout=ms),
    )
    expect(listed.locator("tbody tr")).to_have_count(10)

    area = plot.bounding_box()
    left, top, right, bottom = (
        area["x"] + 40,
        area["y"] + 20,
        area["x"] + area["width"] - 40,
        area["y"] + 300,
    )
    drag(page, [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    expect(listed).to_contain_text(re.compile(r"\d+ texts selected"))
    page.locator("#map-view [data-drag=select]").click()
    drag(page, [(left, top), ((left + right) / 2, bottom)])
    expect(listed).to_contain_text(re.compile(r"\d+ texts selected"))
    expect(listed.locator("tbody tr").first).to_be_visible()

    box(page, "map-find").press_sequentially("refund")
    expect(listed).to_contain_text(re.compile(r"\d+ texts contain “refund”"))
    expect(listed.locator("tbody tr").first).to_contain_text(re.compile("refund", re.IGNORECASE))

    choose(page, "#map-beside", "minilm-masked:", exact=False)  # two maps, brought onto each other
    slider = page.locator("#map-view input[type=range]")
    expect(slider).to_be_visible()
    before = at_rest(page)
    page.evaluate(WATCH)
    slider.fill("50")
    page.wait_for_function("window.sketched")  # while the points move, they are sketched
    expect(page.locator("#map-view .tl-moving")).to_have_count(0)
    page.wait_for_function(f"before => ({PLACES})() !== before", arg=before)
    slider.fill("0")
    page.wait_for_function(f"before => ({PLACES})() === before", arg=before)
    page.locator("#map-view [data-say=beside]").click()
    expect(slider).to_be_disabled()
    assert page.evaluate(
        "document.querySelector('#map-view .tl-plot').data.some(trace => trace.xaxis === 'x2')"
    )

    with page.context.expect_page() as opened:
        page.locator("#map-link a").click()
    again = opened.value
    expect(box(again, "map-find")).to_have_value("refund")
    expect(again.locator("#map-view input[type=range]")).to_be_visible()
    expect(again.locator("#map-listed")).to_contain_text("“refund”")


def test_sentences_of_ones_own_and_examples(visit):
    page = visit()
    to_look(page, "map")
    expect(page.locator("#map-told table")).to_be_visible()
    listed = page.locator("#map-listed")
    box(page, "map-sentence").fill(f"{EVIL} 환불해 주세요 🙂 أريد استرداد")
    page.locator("#map-place").click()
    expect(listed).to_contain_text("<img src=x onerror=")
    expect(listed.locator("tbody tr")).to_have_count(10)
    assert page.evaluate(
        "document.querySelector('#map-view .tl-plot').data.some(trace => trace.marker &&"
        " trace.marker.symbol === 'star')"
    )
    assert listed.locator("img").count() == 0 and page.title() == "Transfer Lab"

    box(page, "map-sentence").fill("x " * 50_000)
    page.locator("#map-place").click()
    expect(page.locator("#map-notice")).to_contain_text("longer than 20,000 characters")
    page.locator("#map-by input[value=right]").check()
    expect(page.locator("#map-notice")).to_contain_text("There are no predictions")

    page.locator("#map-examples button", has_text="Korean").click()
    expect(page.locator("#map-view .legendtext").first).to_contain_text(
        re.compile("부정|긍정|negative|positive")
    )
    page.locator("#map-by-layer").click()
    expect(page.locator("#map-depths .main-svg").first).to_be_visible()
    with page.expect_download() as saved:
        page.locator("#map-view .tl-picture").click()
    assert (
        saved.value.suggested_filename == "map-pca.png"
        and saved.value.path().read_bytes()[:4] == b"\x89PNG"
    )


def test_layers_of_models_as_they_are(visit, tmp_path):
    page = visit(locale="ko-KR", tab="data")
    page.locator("#upload input[type=file]").set_input_files(own_file(tmp_path, 60))
    expect(page.locator("#data-summary")).to_contain_text("mine.csv")
    to_look(page, "layers")
    expect(page.locator("#layers-out")).to_contain_text("아무것도 학습하지 않았습니다")
    expect(page.locator("#layers-figure .main-svg").first).to_be_visible()
    page.locator("#layers-examples button").nth(1).click()
    expect(page.locator("#layers-table table")).to_have_count(2)
    expect(page.locator("#layers-link a")).to_have_attribute(
        "href", re.compile("who=minilm%2Cminilm-masked")
    )


def test_programs_may_ask_for_maps(served):
    from gradio_client import Client

    client = Client(served.url, verbose=False)
    found = client.predict(beside="minilm-masked", api_name="/map_texts")
    assert found["method"] == "pca" and len(found["sides"]) == 2 and found["layers"] == 6
    assert (
        len(found["rows"]) == len(found["sides"][1]["places"])
        and 0 < found["sides"][0]["apart"]["accuracy"] < 1
    )
    for wrong, said in (
        ({"rows": "nothing"}, "no choice of texts"),
        ({"method": "x"}, "no method"),
        ({"layer": 99}, "6 layers"),
        ({"rows": "test"}, "No study is open"),
    ):
        with pytest.raises(Exception, match=said):
            client.predict(**wrong, api_name="/map_texts")
    with pytest.raises(Exception, match="no longer here"):
        client.predict("", "run:x", api_name="/layers")
    client.close()


# --- parts that need no browser -------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A page's queue with a finished comparison of a tiny model: what it trained, and what the page
    knows of it.
    """
    home = tmp_path_factory.mktemp("home")
    queue = StudyQueue(home)
    queue.start()
    try:
        datasets = Datasets(home, profile_named("cpu"), lambda models, texts: [])
        held = datasets.get(FIRST_DATA)
        model = make_headed(home / "tiny", "bert")
        arms = [ArmRequest("lora"), ArmRequest("full"), ArmRequest("majority")]
        name, _ = queue.submit(
            make_study(
                "x",
                held.loaded.dataset.problem,
                held.split(40)[0],
                arms=arms,
                shots=[1],
                seeds=1,
                model=str(model),
                hub=False,
            )
        )
        deadline = time.monotonic() + 120
        while queue.status(name)["status"] in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert queue.status(name)["status"] == "done"
        yield SimpleNamespace(
            lab=SimpleNamespace(
                profile=profile_named("cpu"), queue=queue, studies=Studies(queue), datasets=datasets
            ),
            study=name,
        )
    finally:
        queue.close()


def test_rows_of_a_study_before_and_after(trained):
    lab, study = trained.lab, trained.study
    assert [value for _, value in choices(lab, study, "ko")][:3] == [TEST, ALL, DATA] and choices(
        lab, "", "en"
    )[0][1] == DATA
    texts = texts_of(lab, TEST, FIRST_DATA, study)
    assert len(texts.examples) == 40 and set(texts.scores) == {"lora", "full", "majority"}
    assert len(texts_of(lab, ALL, FIRST_DATA, study).examples) > 40
    with pytest.raises(UserError, match="No study is open"):
        texts_of(lab, TEST, FIRST_DATA, "")

    runs = runs_of(lab, study, headed=False)
    assert [title for title, _ in runs] == [
        "LoRA adapter, trained in this study",
        "Full fine-tuning, trained in this study",
    ]
    readers, names = checkpoints_of(lab, [runs[1][1], ""], study)
    assert readers[0].untrained
    assert names == ["before", "after: Full fine-tuning, trained in this study"]
    assert len(checkpoints_of(lab, [runs[0][1], runs[1][1]], study)[0]) == 2
    quick, found = [
        item
        for item in map_of(lab, readers, texts, method="pca", by_layer=True)
        if isinstance(item, EmbeddingMap)
    ]
    assert np.array_equal(quick.sides[0].places, found.sides[0].places)
    assert not np.allclose(found.sides[0].places, found.sides[1].places)
    shown = MapSnapshot(texts, tuple(readers), tuple(names), "pca", None, found)
    assert [i for i, _ in _nearest(lab, shown, 3)[1]] == found.sides[1].near[3].tolist()
    many = MapSnapshot(
        texts,
        tuple(readers),
        tuple(names),
        "pca",
        None,
        EmbeddingMap("pca", None, found.rows, quick.sides, found.share, found.layers),
    )
    assert [[i for i, _ in side][:5] for side in _nearest(lab, many, 3)] == [
        side.near[3, :5].tolist() for side in found.sides
    ]  # asked for, of very many texts
    before, after = place_of(lab, readers, texts, texts.examples[5], method="pca")
    assert (
        np.allclose(after.places[0], found.sides[1].places[5], atol=1e-4) and before.near[0, 0] == 5
    )
    for new, said in (
        (Example(0, " "), "Write a sentence"),
        (Example(0, "x" * 20_001), "longer than"),
    ):
        with pytest.raises(UserError, match=said):
            place_of(lab, readers, texts, new, method="pca")
    with pytest.raises(UserError, match="Choose PCA or UMAP"):
        place_of(lab, readers, texts, Example(0, "x"), method="tsne")


def test_colours_of_answers(trained):
    texts = texts_of(trained.lab, ALL, FIRST_DATA, trained.study)
    right = np.array([texts.right(arm)[:40] for arm in texts.scores])
    for arm in texts.scores:
        assert texts.right(arm)[:40].tolist() == [
            float(texts.label(i) == texts.predictions(arm)[i]) for i in range(40)
        ]
    by = colouring(texts, "right", "lora", "en")
    assert [g.name for g in by.groups] == ["correct", "wrong", "no prediction"]
    assert by.of[:40].tolist() == (1 - texts.right("lora")[:40]).astype(int).tolist() and set(
        by.of[40:]
    ) == {2}
    said, given = (
        colouring(texts, "prediction", "majority", "en"),
        colouring(texts, "label", "", "en"),
    )
    colours = {g.name: g.colour for g in given.groups}
    assert {g.name: g.colour for g in said.groups if g.name in colours} == colours and len(
        set(said.of[:40])
    ) == 1
    arms = colouring(texts, "arms", "", "en")
    names = [arms.groups[i].name for i in arms.of[:40]]
    called = {arm: name for name, arm in texts.chosen_by("en")}
    assert called["majority"] == "Most frequent label"
    for i, name in enumerate(names):
        alone = [arm for arm, yes in zip(texts.scores, right[:, i], strict=True) if yes]
        assert (
            name
            == {
                0: "none correct",
                1: f"only {called[alone[0]]} correct" if alone else "",
                2: "some correct",
                3: "all arms correct",
            }[len(alone)]
        )


def test_layers_of_trained_arms(trained):
    (_, lora), (_, full) = runs_of(trained.lab, trained.study, headed=False)
    found = []
    for run in (lora, full):
        readers, _ = checkpoints_of(trained.lab, [run, ""], trained.study)
        found.append(answer_to(trained.lab, NUMBERS, "layer_changes", checkpoint=readers[-1]))
    assert all(layer.moved > 0 for layer in found[1].layers[1:]) and found[0].layers[0].moved == 0
    figure = layers_changed(found)
    before, *after = [trace.name for trace in figure.data if trace.showlegend]
    assert before.endswith(", before training") and after == ["lora", "full"]


def test_figures_and_words_are_escaped():
    evil = "<b>x</b><script>"
    layer = Layer(0, 0.2, 0.5, 0.1, None, 0)
    one = Layers(evil, evil, (layer, Layer(1, 0.2, 0.7, 0.3, 0.004, 12)), 8, 20, (evil,))
    assert "<script" not in layers_changed([one]).to_json().replace("\\u003c", "<")
    shown = LayersSnapshot((one,), (), evil, (evil,))
    for lang in ("en", "ko"):
        drawn = out_html(shown, lang) + table_of(shown, lang)
        assert "<script" not in drawn and "50.0" in drawn and "0.40%" in drawn
    side = Side(
        evil,
        np.zeros((1, 2), np.float32),
        np.zeros((0, 0), np.int32),
        np.zeros((0, 0), np.float32),
        Apart(0.5, 0.25, None, 1),
    )
    texts = Texts(
        "x",
        [Example(0, evil, labels=("a",))],
        Problem("one text", "one label", (Label("a", evil),)),
    )
    found = EmbeddingMap("pca", None, np.arange(1), (side,), (0.5, 0.1), 2, (evil,))
    assert "<script" not in summary_html(MapSnapshot(texts, (), (evil,), "pca", None, found), "en")
    sent = json.loads(
        map_update(found, id="1", total=1, names=[evil], axes=None, label="x", words={})
    )
    assert "<" not in sent["sides"][0]["name"] and sent["rows"] is None
    assert all("<" not in group.shown for group in colouring(texts, "label", "", "en").groups)


def test_what_is_sent_of_many_texts():
    assert sum(map(len, json.loads(texts_update(["x" * 500] * 50_000)))) <= 4_000_000
    assert json.loads(texts_update(["a\ud83d", "ب" * 200]))[0] == "a?"
    marks = json.loads(
        marks_update(
            Marked(
                rows=[np.int64(3)],
                start=2,
                near=[1],
                placed=[(Placed("m", np.ones((1, 2)), np.zeros((1, 0)), np.zeros((1, 0))),)],
            )
        )
    )
    assert marks == {"rows": [3], "near": [1], "from": 2, "placed": [{"places": [[1.0, 1.0]]}]}
    side = Side(
        "m",
        np.arange(4, dtype=np.float32).reshape(2, 2),
        np.zeros((0, 0), np.int32),
        np.zeros((0, 0), np.float32),
    )
    some = json.loads(
        map_update(
            EmbeddingMap("umap", None, np.array([0, 4]), (side,), None, 2),
            id="1",
            total=9,
            names=["m"],
            axes=None,
            label="",
            words={},
        )
    )
    assert np.frombuffer(base64.b64decode(some["rows"]), "<i4").tolist() == [0, 4]
    assert np.frombuffer(base64.b64decode(some["sides"][0]["places"]), "<f4").tolist() == [
        0,
        1,
        2,
        3,
    ]


def test_very_many_labels_and_no_answers():
    many = coloured(list(range(40)) + [0, -1], [f"label {i}" for i in range(40)])
    assert (
        len(many.groups) == MOST_GROUPS + 1
        and many.groups[-1].name == "all other labels"
        and many.of[-1] == MOST_GROUPS
    )
    assert len({(g.colour, g.symbol) for g in many.groups}) == len(many.groups)
    assert right_or_wrong([1, 0, np.nan], ("r", "w")).of.tolist() == [0, 1, 2]
    assert [g.name for g in right_or_wrong([1, 0], ("r", "w")).groups] == ["r", "w"]
    texts = Texts(
        "x",
        [Example(0, "Große ﬁne"), Example(1, "b")],
        Problem("one text", "many labels", (Label("a", "a"),)),
    )
    assert (
        texts.holding("FINE") == [0]
        and texts.holding("  ") == []
        and texts.label(0) == "–"
        and texts.predictions("nobody") == [None, None]
    )
