"""The parts of the page that need no browser: words, the guard, figures, files."""

from __future__ import annotations

import ast
import dataclasses
import html
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest

from spaces_config.profiles import profile_named
from tests.numbers.test_report import finished, study
from tl_core.analysis.compare import compare
from tl_core.api.errors import Faults, UserError
from tl_core.api.plugins import found
from tl_core.api.sentences import Setting, in_language, say
from tl_core.api.types import Example, Label, Problem, Split, rows_digest
from tl_core.data.spreadsheet import harmless
from tl_core.data.tables import ReadOptions
from tl_core.strategies import strategies
from tl_core.studies.estimate import remember
from tl_core.studies.plan import ArmRequest, make_study, plan
from tl_core.tasks import tasks
from tl_ui.components.arm_editor import request
from tl_ui.components.downloads import hand_out, harmless_csv
from tl_ui.components.html import clip, duration, escaped, shots_text
from tl_ui.components.permalinks import link_html, linked, view_of
from tl_ui.components.plotly_view import drawing, plotly_view, script_folder
from tl_ui.errors import notice_html, on_page, plain_errors, shown
from tl_ui.lab import key_of, remembered, with_key
from tl_ui.results import parts_of
from tl_ui.results.leaderboard import leaderboard_rows, learnt_html
from tl_ui.serving.agents import offers_tools
from tl_ui.shell import (
    TIMING_LOOKS,
    TIMING_SECONDS,
    _marked,
    _said,
    build,
    launch_kwargs,
    preferred_language,
)
from tl_ui.state.clone_study import dataset_of, wishes, with_ways
from tl_ui.state.datasets import FIRST, Datasets, sample_ids
from tl_ui.tabs.try_it import _card
from tl_ui.words import CONTROLS, EN, KEY, t, word

ROOT = Path(__file__).parents[2]
found("tl_ui.views", "VIEW")  # views bring their own words
ENDPOINTS = {
    "/list_strategies",
    "/predict",
    "/study",
    "/start_study",
    "/study_status",
    "/stop_study",
    "/fill_mask",
    "/surprise",
    "/tokens",
    "/word_senses",
    "/attention",
    "/words_that_mattered",
    "/map_texts",
    "/layers",
}


# --- words ----------------------------------------------------------------------------------------


def test_every_key_the_page_says_has_words():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tl_ui").rglob("*.py"))
    said = set(
        re.findall(r"""(?:\bword\(|\bt\([^"'()]*(?:\[[^]]*\])?, )["']([a-z_0-9]+)["']""", code)
    )
    assert len(said) > 80
    assert {
        key
        for key in said
        if not any(known == key or (key.endswith("_") and known.startswith(key)) for known in EN)
    } == set()
    assert set(CONTROLS.values()) <= set(EN)


def test_every_section_of_the_results_has_a_title_and_one_place():
    sections = found("tl_ui.results", "SECTION")
    assert {"pictures", "pays", "more-labels", "costs", "trust", "board", "rows"} <= set(sections)
    assert {s.title for s in sections.values()} <= set(EN) and len(
        {s.order for s in sections.values()}
    ) == len(sections)
    assert [id for id, s in sections.items() if s.open] == ["pictures"]


def test_every_section_belongs_to_a_part_of_the_answer():
    class Outside:
        id, order, title = "extra", 99, "My own"

    sections = [*found("tl_ui.results", "SECTION").values(), Outside]
    parts = parts_of(sections, {"answer": ("because",)})
    assert [part.id for part in parts] == [
        *("answer", "labels", "costs", "trust", "board", "rows"),
        *("differences", "robust", "next", "share", "extra"),
    ]
    assert parts[0].holds == ("section-pictures", "because")
    assert parts[1].holds == ("section-pays", "section-more-labels")
    assert (parts[5].title, parts[-1].title) == ("rail_rows", "My own")
    held = [id for part in parts for id in part.holds if id.startswith("section-")]
    assert sorted(held) == sorted(f"section-{section.id}" for section in sections)


def test_korean_is_korean():
    latin = {key for key, text in EN.items() if not re.search("[가-힣]", text.to("ko"))}
    assert latin <= {"lede"} | {key for key in EN if len(EN[key]) < 12} and len(EN) > 500


def test_every_strategy_is_called_something_in_korean():
    """Those that come with this program; another one may stay in English."""
    said = [s.id for s in strategies().values() if in_language(s.about, "ko") != s.about]
    titled = [s.id for s in strategies().values() if in_language(s.title, "ko") != s.title]
    assert len(said) >= 25 and len(titled) >= 24  # BitFit is called so everywhere


def test_an_unknown_key_is_found_at_build_time():
    with pytest.raises(KeyError):
        word("no such words")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("fr-FR,fr;q=0.9,ko;q=0.3", "ko"),
        ("de", "en"),
        ("", "en"),
        ("en,ko", "en"),
    ],
)
def test_language_of_the_browser(header, language):
    assert preferred_language(header) == language


def test_small_words():
    assert [duration(s, "en") for s in (0.5, 42, 300, 7200)] == ["0.5 s", "42 s", "5 min", "2.0 h"]
    assert [shots_text(s, "en", "class") for s in (0, 1, 8, None)] == [
        "no labelled texts",
        "1 text per label",
        "8 texts per label",
        "all rows",
    ]
    for task in tasks().values():
        assert "8" in shots_text(8, "ko", task.shots_per), task.id
    assert clip("a" * 500, 10) == "a" * 9 + "…"
    assert escaped("<img src=x onerror=alert(1)>") == "&lt;img src=x onerror=alert(1)&gt;"
    assert escaped("half \ud83d pair").encode()  # can be sent


# --- the guard ------------------------------------------------------------------------------------


@pytest.fixture
def components():
    with gr.Blocks():
        yield gr.Radio(["en", "ko"]), gr.HTML(), gr.Textbox()


def test_guard_passes_changes_on_and_clears_the_notice(components):
    lang, notice, out = components
    assert shown(lambda values: {out: values[out] + "!"}, lang, [out], notice)(
        {lang: "en", out: "a"}
    ) == {out: "a!", notice: ""}


def test_guard_tells_every_fault_and_changes_nothing_else(components):
    lang, notice, out = components

    def fails(values):
        raise Faults(
            ["First <b>fault</b>.", say("Name it with {option}.", option=Setting("label"))]
        )

    told = shown(fails, lang, [out], notice)({lang: "en"})
    assert set(told) == {notice}
    assert (
        "&lt;b&gt;" in told[notice]
        and "“Label column”" in told[notice]
        and "role='alert'" in told[notice]
    )


def test_what_a_handler_puts_back_at_its_end_reaches_the_page_with_the_fault(components):
    """A browser may pass over all but the last of several answers."""
    lang, notice, out = components

    def fails(values):
        yield {out: "at work"}
        try:
            raise UserError("No such file.")
        finally:
            yield {out: ""}

    *_, last = shown(fails, lang, [out], notice)({lang: "en"})
    assert last[out] == "" and "No such file" in last[notice]


def test_a_choice_that_is_given_back_is_not_written_over_a_newer_one(components):
    """Its list is drawn in another language while the visitor chooses."""
    lang, notice, out = components
    with gr.Blocks():
        one, several = gr.Radio(["a", "b"]), gr.CheckboxGroup(["a", "b"])
    told = {lang: "en", one: "a", several: ["b"]}

    def guarded(changed: dict, values: dict = told) -> dict:
        return shown(lambda values: changed, lang, [one, several, out], notice)(values)

    said = guarded({one: gr.Radio(choices=["a", "b"], value="a"), several: ["b"], out: "new"})
    assert said[one]["choices"] == ["a", "b"] and "value" not in said[one]
    assert said[several] == gr.skip() and said[out] == "new"
    said = guarded({one: gr.Radio(choices=["b"], value="b"), several: []})
    assert said[one]["value"] == "b" and said[several] == []
    said = guarded({one: gr.Radio(choices=["b"], value=None)}, {**told, one: None})
    assert said[one].constructor_args["value"] is None  # of a choice that is not offered any more


def test_guard_gives_a_bug_a_number_that_stands_in_the_log(components, caplog):
    lang, notice, out = components

    def breaks(values):
        return {}["secret path"]

    told = shown(breaks, lang, [out], notice)({lang: "en"})[notice]
    number = re.search(r"bug ([0-9a-f]{6})", told)[1]
    assert "secret path" not in told
    assert number in caplog.text and "secret path" in caplog.text


def test_api_errors_are_sentences():
    @plain_errors
    def asked():
        raise UserError("There is no such study here.")

    with pytest.raises(gr.Error, match="no such study"):
        asked()


def test_options_are_called_as_on_the_page():
    assert (
        on_page(
            say(
                "Correct {a}, or use {b}. Add {c} x.",
                a=Setting("text_b"),
                b=Setting("multi_label"),
                c=Setting("unknown"),
            ),
            "ko",
        )
        == "Correct “두 번째 텍스트 열”, or use “한 텍스트에 라벨이 여러 개일 수 있음”. Add"
        " unknown x."
    )
    assert notice_html("") == ""


# --- figures --------------------------------------------------------------------------------------


def test_drawing_says_what_it_shows():
    import plotly.graph_objects as go

    made = json.loads(
        drawing(go.Figure(go.Scatter(x=[1], y=[2], customdata=[["lora", 8]])), "Two points", 300)
    )
    assert made["label"] == "Two points" and made["height"] == 300
    assert "template" not in made["figure"]["layout"]


def test_a_drawing_with_steps_says_only_what_they_change():
    import plotly.graph_objects as go

    steps = [
        go.Figure(go.Scatter(x=[at], y=[2], hovertext=["a long text"]), layout={"height": 300})
        for at in (1, 2)
    ]
    made = json.loads(
        drawing(steps[0], "Two points", picture=("two", "Save it"), steps=steps, at=1)
    )
    assert (
        made["steps"] == [{"data": [{}], "layout": {}}, {"data": [{"x": [2]}], "layout": {}}]
        and made["at"] == 1
    )
    assert made["picture"] == {"name": "two", "says": "Save it"}


def test_plotly_view_escapes_its_label_and_can_be_listened_to():
    with gr.Blocks():
        view = plotly_view(label="a'><script>")
        view.select(lambda: None)
    assert "<script>" not in view.html_template.replace("<script src", "")


def test_plotly_script_is_the_installed_one():
    assert (script_folder() / "plotly.min.js").stat().st_size > 1_000_000


# --- links ----------------------------------------------------------------------------------------


def _request(address: str):
    return SimpleNamespace(query_params=dict(parse_qsl(address.partition("?")[2])))


def test_a_link_holds_what_was_asked_and_gives_it_back():
    asked = {"text": "<b>&'\"고양이 🙂 \ud83d", "model": "minilm", "beside": ""}
    made = link_html("attention", asked, "en", study="abc")
    assert "<b>" not in made and "beside" not in made
    request = _request(html.unescape(re.search("href='([^']*)'", made)[1]))
    assert view_of(request) == "attention" and request.query_params["study"] == "abc"
    text, model, beside = object(), object(), object()
    form = {"text": text, "model": model, "beside": beside}
    assert linked(request, "attention", form) == {text: "<b>&'\"고양이 🙂 ?", model: "minilm"}
    assert linked(request, "senses", form) == {} and linked(_request("/"), "attention", form) == {}
    assert "too long" in link_html("attention", {"text": "x" * 10_000}, "en")


# --- files ----------------------------------------------------------------------------------------


def test_csv_runs_no_formula():
    assert (
        harmless("hello;=1+1") == "hello;'=1+1"
        and harmless('a;"=1') == "a;\"'=1"
        and harmless("x\t@SUM(A1)") == "x\t'@SUM(A1)"
        and harmless("x;+1") == "x;'+1"
    )
    assert [harmless(text) for text in ("nice ;-) film", "a; b", "3=1+2", "=1")] == [
        "nice ;-) film",
        "a; b",
        "3=1+2",
        "'=1",
    ]
    made = harmless_csv([["=1+1", "-2", -2, "ok", "@x"]]).decode("utf-8-sig")
    assert made == "'=1+1,'-2,-2,ok,'@x\r\n"


def test_files_are_handed_out_under_names_nobody_can_guess():
    first, second = Path(hand_out("a.csv", b"1")), Path(hand_out("a.csv", b"1"))
    assert first != second and first.name == "a.csv" and len(first.parent.name) == 24


# --- datasets -------------------------------------------------------------------------------------


@pytest.fixture
def datasets(tmp_path):
    return Datasets(tmp_path, profile_named("cpu"), lambda models, texts: [])


def test_samples_are_ready(datasets):
    assert len(sample_ids()) == 10
    for id in sample_ids().values():
        assert len(datasets.get(id).loaded.dataset) >= 200
    assert datasets.get(FIRST).least_rows >= 16


def test_an_upload_is_kept_and_found_again(datasets, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "text,label,other\n"
        + "".join(f"text number {i},{'ab'[i % 2]},x{i % 3}\n" for i in range(60)),
        encoding="utf-8",
    )
    files = datasets.add(path)
    id = datasets.choose(files, ReadOptions())
    again = Datasets(tmp_path, profile_named("cpu"), lambda models, texts: [])  # as after a restart
    assert again.get(id).name == "mine.csv" and len(again.get(id).loaded.dataset) == 60
    other = again.choose(files, ReadOptions(label="other"))
    assert other != id and len(again.get(other).loaded.dataset.problem.labels) == 3
    again.forget(id)
    assert not again.here(id) and not again.here(other)


@pytest.mark.parametrize(
    "id",
    [
        "",
        "../../etc/passwd/as-is",
        "sample:nope/as-is",
        "a" * 22 + "/" + "b" * 12,
        "sample:support_tickets/../../x",
    ],
)
def test_ids_that_are_none(datasets, id):
    assert not datasets.here(id)


def test_limits_are_kept_on_the_server(datasets, tmp_path):
    big = tmp_path / "big.csv"
    big.write_bytes(b"text,label\n" + b"x,y\n" * (profile_named("cpu").max_rows + 1))
    with pytest.raises(UserError, match="more than 5,000 rows"):
        datasets.choose(datasets.add(big))
    big.write_bytes(b"x" * (profile_named("cpu").max_upload_mb * 2**20 + 1))
    with pytest.raises(UserError, match="larger than the 5 MB"):
        datasets.add(big)
    with pytest.raises(UserError, match="more than the 500 allowed"):
        rows = tmp_path / "rows.csv"
        rows.write_text(
            "text,label\n"
            + "".join(
                f"some text number {i} {i * 7919 % 1009},{'ab'[i % 2]}\n" for i in range(1500)
            ),
            encoding="utf-8",
        )
        datasets.get(datasets.choose(datasets.add(rows))).split(600)


# --- the whole ------------------------------------------------------------------------------------


def test_tabs_are_found_and_few():
    assert list(found("tl_ui.tabs", "TAB")) == [
        "start",
        "data",
        "compare",
        "results",
        "studies",
        "try",
        "look",
        "about",
    ]


def test_the_page_never_imports_a_network_library(tmp_path):
    code = (
        "import sys, pathlib, app\nassert 'gradio' not in sys.modules\npage, queue ="
        f" app.build(pathlib.Path({str(tmp_path)!r}))\nkwargs = app.launch_kwargs()\nassert"
        " kwargs['run_history'] is False and kwargs['show_error'] is False and kwargs['ssr_mode']"
        " is False\nheavy = {'torch', 'transformers', 'sentence_transformers', 'peft'} &"
        " set(sys.modules)\nassert not heavy,"
        " heavy\nprint(sorted(page.get_api_info()['named_endpoints']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert set(ast.literal_eval(done.stdout.splitlines()[-1])) == ENDPOINTS


def test_the_docs_list_every_endpoint_with_its_types(tmp_path):
    page, _ = build(tmp_path, profile_named("local"))
    info = page.get_api_info()["named_endpoints"]
    listed = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
    for name, endpoint in info.items():
        parameters = [
            f"{p['parameter_name']}: {p['python_type']['type']}"
            + (f" = {p['parameter_default']!r}" if p.get("parameter_has_default") else "")
            for p in endpoint["parameters"]
        ]
        assert f"| `{name[1:]}({', '.join(parameters)})` |" in listed, name
    assert len(info) == len(ENDPOINTS)


def test_tools_are_offered_only_where_asked_for_and_allowed(monkeypatch):
    local, asked = profile_named("local"), {"TL_MCP": "1"}
    assert offers_tools(local, asked) and not offers_tools(local, {})
    assert launch_kwargs(local)["mcp_server"] is False
    with pytest.raises(UserError, match="a Space with two CPU cores offers no tools"):
        offers_tools(profile_named("cpu"), asked)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install 'mcp"):
        offers_tools(local, asked)


def test_strangers_may_not_name_models(tmp_path):
    page, _ = build(tmp_path, profile_named("cpu"))
    model = next(b for b in page.blocks.values() if getattr(b, "elem_id", None) == "model")
    assert not model.allow_custom_value
    with pytest.raises(gr.Error):
        model.preprocess("owner/model")
    assert launch_kwargs(profile_named("cpu"))["max_file_size"] == 5 * 2**20


def test_every_word_on_the_page_is_switched(tmp_path):
    page, _ = build(tmp_path, profile_named("local"))
    switched = {type(b).__name__ for b in page.blocks.values() if _marked(b)}
    assert {
        "Button",
        "DownloadButton",
        "Tab",
        "Radio",
        "Markdown",
        "Accordion",
        "Dataframe",
        "Slider",
    } <= switched
    for block in page.blocks.values():
        for value in _marked(block).values():
            assert "__i18n__" not in str(_said(value, "ko"))


def test_no_event_is_repeated_without_end(tmp_path):
    """A browser repeats the whole event of a component when a listener with "always_last" ends that
    was wanted again meanwhile, for all its listeners: two of these keep each other going.
    """
    page, _ = build(tmp_path, profile_named("local"))
    newest: dict[tuple, list[str]] = {}
    for dependency in page.get_config_file()["dependencies"]:
        if dependency["backend_fn"] and dependency["trigger_mode"] == "always_last":
            for target in dependency["targets"]:
                newest.setdefault(tuple(target), []).append(dependency["api_name"])
    assert len(newest) > 20
    for (component, event), names in newest.items():
        block = page.blocks.get(component)
        # changes of a state go to each listener by itself
        assert len(names) == 1 or isinstance(block, gr.State), (block, event, names)


def test_who_came_before_the_machine_was_timed_is_told_once(tmp_path):
    page, _ = build(tmp_path, profile_named("cpu"))
    (waits,) = (
        block
        for block in page.blocks.values()
        if isinstance(block, gr.Timer) and block.value == TIMING_SECONDS
    )
    fn = next(f for f in page.fns.values() if (waits._id, "tick") in f.targets)

    def tick(looks: int) -> dict:
        given = {c: looks if getattr(c, "value", None) == 0 else "en" for c in fn.inputs}
        return fn.fn(given)

    assert set(tick(0).values()) == {1}
    assert not tick(TIMING_LOOKS - 1)[waits].active  # it could not be timed
    remember(1e9, tmp_path)
    told = tick(3)
    assert True in told.values() and not told[waits].active


def test_what_visitors_write_is_no_key_of_the_page():
    """The browser translates any value that is a key: a label called "none" or "model" must not be
    one.
    """
    known = launch_kwargs(profile_named("local"))["i18n"].translations
    assert set(known) == {"en", "ko"} and all(
        key.startswith(KEY) for words in known.values() for key in words
    )
    assert word("none").key == KEY + "none" and known["en"][KEY + "none"] == EN["none"]


def test_sentences_with_insertions():
    assert (
        t("en", "rows_n", n=3) == "3 rows" and t(None, "yes") == "yes" and t("xx", "yes") == "yes"
    )


# --- a study as something to change ---------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True])
def test_a_study_becomes_a_dataset_and_what_the_form_says(tmp_path, several):
    ids = (
        "01",
        "2.50",
        "None",
        "true",
        "a|b, c",
    )  # labels that a table would read as something else
    rows = tuple(
        Example(
            i,
            f"=text {i} about {ids[i % 5]} and thing {7 * i}",
            labels=((ids[0], ids[i % 5]) if several and i % 5 else (ids[i % 5],)),
            group=f"g{i // 2}" if i % 3 else None,
        )
        for i in range(1, 101)
    )
    problem, split = (
        Problem(
            "one text",
            "many labels" if several else "one label",
            tuple(Label(i, f"{i}!") for i in ids),
        ),
        Split(rows[:30], rows[30:]),
    )
    asked = [
        ArmRequest("probe"),
        ArmRequest("lora", {"rank": 4}, "small"),
        ArmRequest("probe", {}, "other", "minilm-masked"),
        ArmRequest("adapt-then", {"base": "lora", "base.rank": 2}),
    ]
    before = make_study(
        "../a/b <x>.csv", problem, split, arms=asked, shots=[1, 3, None], seeds=2, model="minilm"
    )

    datasets = Datasets(tmp_path, profile_named("cpu"), lambda models, texts: [])
    held = datasets.get(dataset_of(datasets, before))
    after = held.usual_split[0]
    assert held.name == "b_x_.jsonl" and held.loaded.dataset.problem == problem
    assert (after.test_digest, rows_digest(after.pool)) == (split.test_digest, before.pool_digest)

    said = wishes(before, "minilm")
    assert (
        said.ticked == ("probe",)
        and said.shots == ("1", "3", "all")
        and said.draws == 2
        and said.model == "minilm"
    )
    arms = [*map(ArmRequest, said.ticked), *map(request, said.own)]
    again = make_study(
        "again", problem, after, arms=arms, shots=before.shots, seeds=said.draws, model=said.model
    )
    assert {a.id: a.digest for a in again.arms} == {a.id: a.digest for a in before.arms}

    further = with_ways(said, ["none"], before)
    assert further.shots == ("1", "3", "all", "0") and further.ticked == ("probe", "similarity")
    few = dataclasses.replace(said, shots=("0",))
    assert with_ways(few, ["few", "all"], before).shots[-1] == "all"
    assert all(int(n) <= 10 for n in with_ways(few, ["few"], before).shots)


# --- the try tab ----------------------------------------------------------------------------------


def test_every_label_that_is_given_is_marked_and_shown_however_many():
    labels = tuple(Label(f"l{i}", f"label {i}") for i in range(12))
    asked = make_study(
        "a",
        Problem("one text", "many labels", labels),
        Split(
            (Example(1, "a", labels=("l0",)),),
            (Example(2, "b", labels=tuple(x.id for x in labels)),),
        ),
        arms=[ArmRequest("tfidf")],
        shots=[1],
        seeds=1,
    )
    made = plan(asked)
    opened = SimpleNamespace(plan=made)
    scores = np.linspace(0.95, 0.4, 12, dtype=np.float32)  # ten from one half on
    shown = _card(opened, made.specs[0], "a", scores, "en")
    assert (
        shown.count("class='tl-given'") == (scores >= 0.5).sum() > 8
        and "those from 50% on" in shown
    )
    one = dataclasses.replace(
        made.study, problem=dataclasses.replace(made.study.problem, target="one label")
    )
    shown = _card(
        SimpleNamespace(plan=dataclasses.replace(made, study=one)), made.specs[0], "a", scores, "en"
    )
    assert (
        shown.count("class='tl-given'") == 1
        and shown.count("<tr") == 8
        and "those from 50% on" not in shown
    )


def test_a_rating_is_shown_along_its_scale_with_its_expected_value():
    labels = tuple(Label(str(i), f"{i} stars") for i in range(1, 11))
    asked = make_study(
        "a",
        Problem("one text", "ordinal", labels),
        Split(
            (Example(1, "a", labels=("1",)),), tuple(Example(i, f"b{i}", labels=(x.id,))
            for i, x in enumerate(labels, 2)),
        ),
        arms=[ArmRequest("tfidf")], shots=[1], seeds=1,
    )  # fmt: skip
    made = plan(asked)
    scores = np.array([0.4, 0, 0, 0.3, 0.1, 0, 0, 0, 0, 0.2], np.float32)  # the median is 4
    for lang, words in (("en", "Expected value: 4.10."), ("ko", "기댓값: 4.10.")):
        shown = _card(SimpleNamespace(plan=made), made.specs[0], "a", scores, lang)
        assert words in shown and shown.count("<tr") == 10
        assert shown.index(">1 stars<") < shown.index(">4 stars<") < shown.index(">10 stars<")
        assert shown.count("class='tl-given'") == 1
        assert "4 stars" in shown.split("class='tl-given'")[1][:80]


# --- the leaderboard ------------------------------------------------------------------------------


def test_remarks_have_a_column_where_there_are_any():
    made = plan(study(strategies=("tfidf", "lora"), shots=(4,)))
    results = finished(made)
    assert "Notes" not in leaderboard_rows(compare(made, results), "en")["headers"]
    for run in (spec.id for spec in made.specs if spec.arm.id == "lora"):
        results[run] = dataclasses.replace(
            results[run], budget={"train": 12, "unlabelled": 40, "test_texts": 120}
        )
    board = leaderboard_rows(compare(made, results), "en")
    told = [row[board["headers"].index("Notes")] for row in board["data"]]
    assert sorted(told) == ["", "40 texts without labels; 120 test texts seen, without labels"]
    assert (
        learnt_html(made.study.arms, "ko").count("<li>") == 1
        and learnt_html(made.study.arms[:1], "en") == ""
    )


@pytest.mark.parametrize(
    "saved",
    [
        None,
        7,
        "text",
        ["a"],
        {"keys": ["a"]},
        {"keys": "x", "lang": ["en"], "dataset": {"a": 1}},
        {"lang": "xx", "keys": {"a": ["k"], "b": 7}},
        {"keys": {"é": None}, "study": 7},
    ],
)
def test_whatever_a_browser_says_that_it_remembers(saved):
    assert remembered(saved) == {"lang": "", "dataset": "", "study": "", "keys": {}}
    assert key_of(saved, "a") == key_of(saved, ["a"]) == ""
    assert with_key(saved, "a", "é") == {
        "lang": "",
        "dataset": "",
        "study": "a",
        "keys": {"a": "é"},
    }


def test_a_browser_remembers_its_newest_studies():
    saved = {"lang": "ko", "dataset": "d", "keys": {str(i): "k" for i in range(100)}}
    assert len(remembered(saved)["keys"]) == 30 and list(with_key(saved, "new", "k")["keys"])[
        -2:
    ] == ["99", "new"]
