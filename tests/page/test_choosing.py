"""Choosing what to compare: what cannot run says so beforehand, and an arm of one's own has
everything the engine knows.
"""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest

from spaces_config.profiles import profile_named
from tests.page.visiting import (
    WORDS,
    choose,
    expect,
    only,
    open_drawer,
    open_section,
    own_file,
    preset,
    to_tab,
)
from tl_core.api.params import declared
from tl_core.api.types import Label, Problem
from tl_core.strategies import strategies
from tl_core.studies.arms import Recipe
from tl_core.studies.estimate import Estimate
from tl_core.studies.plan import suiting
from tl_ui.app import build
from tl_ui.components.forms import Section, changed, form
from tl_ui.components.strategy_chooser import WAYS, Chooser, cannot
from tl_ui.state.datasets import FIRST, Datasets, sample_ids
from tl_ui.state.first_study import EVERYDAY, PRESETS, QUICK
from tl_ui.tabs.compare import COSTS_SHOWN, costs_html, preset_of

NAMED = Problem("one text", "one label", (Label("a", "billing"), Label("b", "login")))


# --- without a browser ----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_endpoint(monkeypatch):
    monkeypatch.delenv("TL_CHAT_URL", raising=False)


@pytest.fixture
def datasets(tmp_path):
    return Datasets(tmp_path, profile_named("cpu"), lambda models, texts: [])


def test_the_everyday_ones_are_there_and_run_on_any_model():
    assert set(EVERYDAY) <= set(strategies()) and set(QUICK) <= set(EVERYDAY)
    assert (
        {s.needs for s in strategies().values()}
        == set(WAYS)
        == {strategies()[id].needs for id in EVERYDAY}
    )
    assert not set(EVERYDAY) & set(cannot(NAMED, "minilm", hub=False))


def test_a_form_is_a_preset_where_it_asks_what_the_preset_asks_of_the_data(datasets):
    for id in (FIRST, sample_ids()["support_entities"]):
        held = datasets.get(id)
        problem = held.loaded.dataset.problem
        for wanted in PRESETS.values():
            ticked = suiting(wanted.strategies, problem)
            assert all(strategies()[one].can_do(problem) for one in ticked)
            shots = wanted.fitting(held.least_rows)[::-1]
            assert preset_of(held, ticked, shots, wanted.seeds) == wanted.id
            assert preset_of(held, ticked[1:], shots, wanted.seeds) is None
            assert preset_of(held, ticked, shots[1:], wanted.seeds) is None


def test_what_fills_the_form_does_not_say_which_preset_is_marked(tmp_path):
    """What a visitor has pressed meanwhile would be lost."""
    page, _ = build(tmp_path, profile_named("cpu"))
    (preset,) = [b for b in page.blocks.values() if getattr(b, "elem_id", None) == "preset"]
    marking = [f for f in page.fns.values() if preset in f.outputs]
    filled = [f for f in page.fns.values() if (preset._id, "input") in f.targets]
    assert len(filled) == 1 and filled[0].trigger_mode == "always_last"
    assert filled[0] not in marking and "press" in {f.name for f in marking}
    for f in marking:
        if f.name == "mark":
            assert {event for _, event in f.targets} == {"input", "blur", "release"}


def test_what_a_model_reads_is_asked_once_however_many_ask(tmp_path):
    asked, may = [], threading.Event()

    def ask(models, texts):
        asked.append(models)
        assert may.wait(60)
        return [f"{models[0]} reads {len(texts)}"]

    datasets = Datasets(tmp_path, profile_named("cpu"), ask)
    held = datasets.get(FIRST)
    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(datasets.tokens, held, "minilm") for _ in range(3)]
        may.set()
        assert len({answer.result() for answer in answers}) == 1 == len(asked)
    datasets = Datasets(tmp_path, profile_named("cpu"), lambda models, texts: ())
    for _ in range(2):  # a failure is not remembered
        with pytest.raises(ValueError, match="not enough values"):
            datasets.tokens(held, "minilm")


def test_a_preset_holds_what_it_says_and_fits_few_rows():
    assert {id for preset in PRESETS.values() for id in preset.strategies} <= set(strategies())
    assert PRESETS["ways"].fitting(49) == ["0", "8", "all"]
    assert PRESETS["ways"].fitting(5) == ["0", "4", "all"]
    assert PRESETS["quick"].fitting(2) == ["0", "1", "2"]
    for _, usual in WAYS.values():
        assert usual in PRESETS["ways"].strategies


def test_what_the_model_cannot_do_is_known():
    plain, masked = cannot(NAMED, "minilm", hub=False), cannot(NAMED, "minilm-masked", hub=False)
    assert {"cloze", "label-score", "nli", "in-context", "prompt-tune"} <= set(plain)
    assert (
        "minilm" in plain["cloze"]
        and "cloze" not in masked
        and "prompt-tune" not in masked
        and "label-score" in masked
    )


def test_what_the_data_do_not_allow_is_known():
    pairs = Problem("two texts", "one label", NAMED.labels)
    assert {"similarity", "prior-probe", "nli"} <= set(cannot(pairs, "minilm", hub=False))
    told = Problem("two texts", "one label", (Label("a", "paraphrase"), Label("b", "different")))
    assert not {"similarity", "contrastive", "probe", "lora"} & set(
        cannot(told, "minilm", hub=False)
    )
    numbers = Problem("one text", "one label", (Label("0", "0"), Label("1", "1")))
    assert "label table" in cannot(numbers, "minilm", hub=False)["similarity"]


def test_what_this_place_does_not_have_is_known(monkeypatch):
    assert "TL_CHAT_URL" in cannot(NAMED, "minilm", hub=False)["chat"]
    monkeypatch.setenv("TL_CHAT_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("TL_CHAT_MODEL", "tiny-chat")
    assert "chat" not in cannot(NAMED, "minilm", hub=False)


def test_a_form_tells_what_differs_from_its_defaults_whatever_a_browser_sends():
    sections = [
        Section(strategies()["lora"].settings, "own-settings-lora"),
        Section(Recipe, "own-recipe", before="base."),
    ]
    drawn = form(sections)
    assert changed(sections, drawn) == {} and "data-setting='base.selection'" in drawn["form"]
    rank = declared(strategies()["lora"].settings)[0]
    written = {
        rank["name"]: f" {rank['default']}.0 ",
        "base.selection": "dev",
        "seed_of_evil": "1",
        "selection": "dev",
        "max_steps": "x" * 10_000,
    }
    assert changed(sections, {**drawn, "given": written}) == {
        "base.selection": "dev",
        "max_steps": "x" * 10_000,
    }
    assert changed(sections, {**drawn, "given": {"max_steps": " "}}) == {}
    texts = [Section(strategies()["in-context"].settings, "own-settings-in-context")]
    long = "{text} is about {label}. " * 40
    assert changed(texts, {**form(texts), "given": {"templates": long, "between": ""}}) == {
        "templates": long,
        "between": "",
    }
    for sent in (
        None,
        "text",
        [],
        {},
        {**drawn, "of": ["own-settings-full"], "given": written},
        {**drawn, "given": ["dev"]},
        {**drawn, "given": {"base.selection": None}},
    ):
        assert changed(sections, sent) in ({}, {"base.selection": "None"})


def test_a_model_that_is_not_there_hides_nothing():
    assert set(cannot(NAMED, "no/such/model", hub=False)) == {"chat", "word-shape"}


def test_only_what_changes_is_drawn_again():
    with gr.Blocks():
        ids = ("cloze", "lora")
        made = Chooser({id: gr.Checkbox() for id in ids}, {id: gr.HTML() for id in ids}, gr.State())
    stands, ticked = (
        {"lang": "en", "reasons": {"cloze": "cloze has no head."}},
        {"cloze": False, "lora": True},
    )
    assert set(made.drawn(stands, ticked, stands["reasons"], "en")) == {made.stands}
    changed = made.drawn(stands, ticked, {}, "en")
    assert (
        set(changed) == {made.stands, made.boxes["cloze"], made.reasons["cloze"]}
        and changed[made.boxes["cloze"]].interactive
    )
    said_anew = made.drawn(stands, ticked, stands["reasons"], "ko")
    assert set(said_anew) == {made.stands, made.reasons["cloze"]}, "labels follow by themselves"
    refused = made.drawn(stands, ticked, {id: f"{id} has no head." for id in ids}, "en")
    assert refused[made.boxes["lora"]].interactive, "what was chosen before can be left out"


def test_the_dear_arms_come_first_and_the_cheap_ones_together():
    arms = {"<b>mine</b>": 40.0, **{f"arm{i}": float(i) for i in range(COSTS_SHOWN + 3)}}
    told = costs_html(Estimate(100.0, arms, 5.0), "en")
    assert re.findall(r"<span>(.*?)</span>", told)[:2] == [
        "&lt;b&gt;mine&lt;/b&gt;",
        f"arm{COSTS_SHOWN + 2}",
    ]
    assert (
        told.count("<li>") == COSTS_SHOWN + 2
        and "the other 3 together" in told
        and ">40 s<" in told
    )
    assert "LoRA 어댑터" in costs_html(Estimate(9.0, {"lora": 4.0, "full": 5.0}, 0.0), "ko")
    assert costs_html(Estimate(10.0, {"alone": 4.0, "refused": 0.0}, 0.0), "en") == ""


# --- in the browser -------------------------------------------------------------------------------


def open_form(page) -> None:
    """The form of an arm of one's own, when what is drawn anew at the beginning has been."""
    expect(page.locator("#advice")).to_contain_text(re.compile("runs, about|Choose at least"))
    open_drawer(page)
    page.locator("#own button").first.click()
    page.locator("#own-strategy input").wait_for()


def set_to(page, form: str, label: str, value: str) -> None:
    page.locator(form).get_by_label(label, exact=True).fill(value)
    page.locator(form).get_by_label(label, exact=True).press("Tab")


@pytest.mark.browser
def test_from_reasons_to_a_study_with_arms_of_ones_own(visit, served, tmp_path):
    page, file = visit(), own_file(tmp_path)
    numbers = {
        label: str(number) for number, label in enumerate(WORDS)
    }  # which say nothing to a model
    file.write_text(
        re.sub(
            r",(\w+)$",
            lambda found: "," + numbers.get(found[1], found[1]),
            file.read_text(),
            flags=re.M,
        )
    )
    reasons_stand_where_a_strategy_cannot_be_chosen(page)
    own_rows_say_what_cannot_be_chosen(page, file)
    arms_of_ones_own(page)
    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("Finished")
    name = re.search(r"study=([\w-]+)", page.url)[1]
    study = json.loads((served.home / "studies" / name / "study.json").read_text(encoding="utf-8"))
    arms = {arm["id"]: arm for arm in study["arms"]}
    assert set(arms) == {"majority", "chosen by labels", "read first"}
    chosen, read = arms["chosen by labels"], arms["read first"]
    assert (chosen["selection"], chosen["augmentation"], chosen["model"]["name"]) == (
        "dev",
        "delete",
        "minilm",
    )
    assert (
        read["base"]["strategy"] == "knn"
        and read["base"]["settings"]["neighbours"] == 3
        and read["settings"]["steps"] == 1
    )
    assert read["model"]["name"] == "minilm-masked" and {
        run["status"] for run in study["runs"]
    } == {"done"}

    to_tab(
        page, "results"
    )  # the honest budget: what the runs had beside their rows, what the models had learnt before
    open_section(page, "board")
    expect(page.locator("#leaderboard")).to_contain_text(
        "6 of the labels were used to choose settings"
    )
    expect(page.locator("#leaderboard")).to_contain_text("texts without labels")
    expect(page.locator("#learnt")).to_contain_text("minilm: 1.17 billion sentence pairs")
    expect(page.locator("#learnt")).to_contain_text("minilm-masked: begins from all-MiniLM-L6-v2")


def reasons_stand_where_a_strategy_cannot_be_chosen(page) -> None:
    page.locator("#more-none > button").click()
    expect(page.locator("#cannot-cloze")).to_contain_text("minilm has no head for that")
    expect(page.locator("#arm-cloze input")).to_be_disabled()
    open_drawer(page)
    choose(page, "#model", "MiniLM with a masked-language head (minilm-masked)")
    expect(page.locator("#arm-cloze input")).to_be_enabled()
    expect(page.locator("#cannot-cloze")).not_to_be_visible()

    expect(page.locator("#cannot-similarity")).not_to_be_visible()


def own_rows_say_what_cannot_be_chosen(page, file) -> None:
    to_tab(page, "data")
    page.locator("#upload input[type=file]").set_input_files(file)
    expect(page.locator("#data-summary")).to_contain_text("mine.csv")
    to_tab(page, "compare")
    expect(page.locator("#cannot-similarity")).to_contain_text("label table")
    page.locator("#arm-similarity input").uncheck()  # what was chosen before can be left out
    expect(page.locator("#shots")).to_contain_text("The rarest label has 15 rows to train on")
    expect(page.locator("#shots").get_by_label("16", exact=True)).to_have_count(0)
    only(page, "majority")
    for number, wanted in (("0", False), ("2", True), ("8", False), ("all rows", False)):
        page.locator("#shots").get_by_label(number, exact=True).set_checked(wanted)
    page.locator("#seeds input[type=number]").fill("1")
    page.locator("#seeds input[type=number]").press("Tab")


def arms_of_ones_own(page) -> None:
    open_form(page)
    for label in ("min steps", "max steps"):
        set_to(page, "#own-settings-lora", label, "2")
    page.locator("#own-recipe-selection").select_option("dev")
    page.locator("#own-recipe-augmentation").select_option("delete")
    choose(page, "#own-model", "all-MiniLM-L6-v2 (minilm)")
    page.locator("#own-name input, #own-name textarea").fill("chosen by labels")
    page.locator("#own-add").click()
    expect(page.locator("#own-table")).to_contain_text(
        "selection = dev, augmentation = delete, model = minilm"
    )

    choose(page, "#own-strategy", "Entailment (zero-shot)")
    expect(page.locator("#own-note")).to_contain_text(
        "nli puts labels into words, and some of yours are bare numbers"
    )
    expect(page.locator("#own-recipe").first).not_to_be_visible()
    choose(page, "#own-strategy", "Read your texts first, then learn")
    expect(page.locator("#own-note .tl-notice")).to_have_count(0)
    choose(page, "#own-base", "Nearest neighbours")
    expect(page.locator("#own-recipe").first).not_to_be_visible()
    set_to(page, "#own-settings-knn", "neighbours", "3")
    set_to(page, "#own-settings-adapt-then", "steps", "1")
    choose(page, "#own-model", "same as above")
    page.locator("#own-name input, #own-name textarea").fill("read first")
    page.locator("#own-add").click()
    expect(page.locator("#own-table")).to_contain_text("base = knn, steps = 1, base.neighbours = 3")

    expect(page.locator("#advice .tl-costs")).to_contain_text("chosen by labels")


@pytest.mark.browser
def test_presets_fill_the_form_and_a_change_of_ones_own_is_none_of_them(visit, datasets):
    page = visit()
    only(page, *PRESETS["ways"].strategies)
    expect(page.locator("#preset input:checked")).to_have_value("ways")
    preset(page, "quick")
    for id in PRESETS["quick"].strategies:
        expect(page.locator(f"#arm-{id} input")).to_be_checked()
    for id in ("lora", "full"):
        expect(page.locator(f"#arm-{id} input")).not_to_be_checked()
    page.locator("#arm-knn input").check()
    expect(page.locator("#preset input:checked")).to_have_count(0)
    page.locator("#arm-knn input").uncheck()
    expect(page.locator("#preset input:checked")).to_have_value("quick")

    to_tab(page, "data")
    page.locator("#sample input[value=support_entities]").check()
    expect(page.locator("#data-summary")).to_contain_text("Order number")
    to_tab(page, "compare")
    spans = datasets.get(sample_ids()["support_entities"]).loaded.dataset.problem
    suited = suiting(PRESETS["quick"].strategies, spans)
    assert "tfidf" not in suited and "word-shape" in suited
    expect(page.locator("#arm-word-shape input")).to_be_checked()
    for id in {*PRESETS["quick"].strategies, *suited}:
        expect(page.locator(f"#arm-{id} input")).to_be_checked(checked=id in suited)
    expect(page.locator("#preset input:checked")).to_have_value("quick")
    expect(page.locator("#advice")).to_contain_text("runs, about")
