"""The parts of the page that need no browser: words, the guard, figures, files."""

from __future__ import annotations

import ast
import dataclasses
import html
import json
import re
import string
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
from tl_core.data.tables import ReadOptions
from tl_core.errors import Faults, UserError
from tl_core.experiments.compare import compare
from tl_core.experiments.plan import ArmRequest, make_study, plan
from tl_core.experiments.predicting import harmless
from tl_core.plugins import found
from tl_core.strategies import strategies
from tl_core.types import Example, Label, Problem, Split, rows_digest
from tl_ui.datasets import FIRST, Datasets, sample_ids
from tl_ui.downloads import hand_out, harmless_csv
from tl_ui.from_study import dataset_of, wishes
from tl_ui.lab import key_of, remembered, with_key
from tl_ui.links import link_html, linked, view_of
from tl_ui.own_arm import request
from tl_ui.pieces import clip, duration, escaped, shots_text
from tl_ui.plotly_view import drawing, plotly_view, script_folder
from tl_ui.results.leaderboard import leaderboard_rows, learnt_html
from tl_ui.shell import _marked, _said, build, launch_kwargs, preferred_language
from tl_ui.shown import notice_html, on_page, plain_errors, shown
from tl_ui.tabs.try_it import _card
from tl_ui.words import ABOUT, CONTROLS, EN, KEY, KO, LABELS_OF_STRATEGIES, t, word

ROOT = Path(__file__).parents[2]
ENDPOINTS = {
    "/list_strategies", "/predict", "/study",
    "/fill_mask", "/surprise", "/tokens",
    "/word_senses", "/attention", "/words_that_mattered", "/map_texts", "/layers",
}  # fmt: skip


# --- words ---------------------------------------------------------------------------------------------


def test_both_languages_have_the_same_keys_with_the_same_insertions():
    assert set(EN) == set(KO)
    named = lambda text: {name for _, name, _, _ in string.Formatter().parse(text) if name}  # noqa: E731
    assert {key for key in EN if named(EN[key]) != named(KO[key])} == set()
    assert len(ABOUT["en"]) == len(ABOUT["ko"])


def test_every_key_the_page_says_has_words():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tl_ui").rglob("*.py"))
    said = set(re.findall(r"""(?:\bword\(|\bt\([^"'()]*(?:\[[^]]*\])?, )["']([a-z_0-9]+)["']""", code))
    assert len(said) > 80
    assert {key for key in said if not any(known == key or (key.endswith("_") and known.startswith(key)) for known in EN)} == set()
    assert set(CONTROLS.values()) <= set(EN)


def test_every_section_of_the_results_has_a_title_and_one_place():
    sections = found("tl_ui.results", "SECTION")
    assert {"pictures", "pays", "more-labels", "costs", "trust", "board", "rows"} <= set(sections)
    assert {s.title for s in sections.values()} <= set(EN) and len({s.order for s in sections.values()}) == len(sections)
    assert [id for id, s in sections.items() if s.open] == ["pictures"]


def test_korean_is_korean():
    latin = {key for key, text in KO.items() if not re.search("[가-힣]", text)}
    assert latin <= {"lede"} | {key for key in EN if len(EN[key]) < 12}


def test_every_strategy_is_called_something_in_korean():
    assert set(strategies()) <= set(LABELS_OF_STRATEGIES["ko"])


def test_an_unknown_key_is_found_at_build_time():
    with pytest.raises(KeyError):
        word("no such words")


@pytest.mark.parametrize(("header", "language"), [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("fr-FR,fr;q=0.9,ko;q=0.3", "ko"), ("de", "en"), ("", "en"), ("en,ko", "en")])
def test_language_of_the_browser(header, language):
    assert preferred_language(header) == language


def test_small_words():
    assert [duration(s, "en") for s in (0.5, 42, 300, 7200)] == ["0.5 s", "42 s", "5 min", "2.0 h"]
    assert [shots_text(s, "en") for s in (0, 1, 8, None)] == ["no labels", "1 label per class", "8 labels per class", "all rows"]
    assert clip("a" * 500, 10) == "a" * 9 + "…"
    assert escaped("<img src=x onerror=alert(1)>") == "&lt;img src=x onerror=alert(1)&gt;"
    assert escaped("half \ud83d pair").encode()  # can be sent


# --- the guard -----------------------------------------------------------------------------------------


@pytest.fixture
def components():
    with gr.Blocks():
        yield gr.Radio(["en", "ko"]), gr.HTML(), gr.Textbox()


def test_guard_passes_changes_on_and_clears_the_notice(components):
    lang, notice, out = components
    assert shown(lambda values: {out: values[out] + "!"}, lang, [out], notice)({lang: "en", out: "a"}) == {out: "a!", notice: ""}


def test_guard_tells_every_fault_and_changes_nothing_else(components):
    lang, notice, out = components

    def fails(values):
        raise Faults(["First <b>fault</b>.", "Name it with --label NAME."])

    told = shown(fails, lang, [out], notice)({lang: "en"})
    assert set(told) == {notice}
    assert "&lt;b&gt;" in told[notice] and "“Label column”" in told[notice] and "role='alert'" in told[notice]


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


def test_guard_gives_a_bug_a_number_that_stands_in_the_log(components, caplog):
    lang, notice, out = components

    def breaks(values):
        return {}["secret path"]

    told = shown(breaks, lang, [out], notice)({lang: "en"})[notice]
    number = re.search(r"number ([0-9a-f]{6})", told)[1]
    assert "secret path" not in told
    assert number in caplog.text and "secret path" in caplog.text


def test_api_errors_are_sentences():
    @plain_errors
    def asked():
        raise UserError("There is no such study here.")

    with pytest.raises(gr.Error, match="no such study"):
        asked()


def test_options_are_called_as_on_the_page():
    assert on_page("Correct --text-b, or use --multi-label. Add --unknown x.", "ko") == "Correct “두 번째 텍스트 열”, or use “한 텍스트에 라벨이 여러 개일 수 있음”. Add --unknown x."
    assert notice_html("") == ""


# --- figures -------------------------------------------------------------------------------------------


def test_drawing_says_what_it_shows():
    import plotly.graph_objects as go

    made = json.loads(drawing(go.Figure(go.Scatter(x=[1], y=[2], customdata=[["lora", 8]])), "Two points", 300))
    assert made["label"] == "Two points" and made["height"] == 300
    assert "template" not in made["figure"]["layout"]


def test_a_drawing_with_steps_says_only_what_they_change():
    import plotly.graph_objects as go

    steps = [go.Figure(go.Scatter(x=[at], y=[2], hovertext=["a long text"]), layout={"height": 300}) for at in (1, 2)]
    made = json.loads(drawing(steps[0], "Two points", picture=("two", "Save it"), steps=steps, at=1))
    assert made["steps"] == [{"data": [{}], "layout": {}}, {"data": [{"x": [2]}], "layout": {}}] and made["at"] == 1
    assert made["picture"] == {"name": "two", "says": "Save it"}


def test_plotly_view_escapes_its_label_and_can_be_listened_to():
    with gr.Blocks():
        view = plotly_view(label="a'><script>")
        view.select(lambda: None)
    assert "<script>" not in view.html_template.replace("<script src", "")


def test_plotly_script_is_the_installed_one():
    assert (script_folder() / "plotly.min.js").stat().st_size > 1_000_000


# --- links ---------------------------------------------------------------------------------------------


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


# --- files ---------------------------------------------------------------------------------------------


def test_csv_runs_no_formula():
    assert harmless("hello;=1+1") == "hello;'=1+1" and harmless('a;"=1') == "a;\"'=1" and harmless("x\t@SUM(A1)") == "x\t'@SUM(A1)" and harmless("x;+1") == "x;'+1"
    assert [harmless(text) for text in ("nice ;-) film", "a; b", "3=1+2", "=1")] == ["nice ;-) film", "a; b", "3=1+2", "'=1"]
    made = harmless_csv([["=1+1", "-2", -2, "ok", "@x"]]).decode("utf-8-sig")
    assert made == "'=1+1,'-2,-2,ok,'@x\r\n"


def test_files_are_handed_out_under_names_nobody_can_guess():
    first, second = Path(hand_out("a.csv", b"1")), Path(hand_out("a.csv", b"1"))
    assert first != second and first.name == "a.csv" and len(first.parent.name) == 24


# --- datasets ------------------------------------------------------------------------------------------


@pytest.fixture
def datasets(tmp_path):
    return Datasets(tmp_path, profile_named("cpu"), lambda models, texts: [])


def test_samples_are_ready(datasets):
    assert len(sample_ids()) == 4
    for id in sample_ids().values():
        assert len(datasets.get(id).loaded.dataset) > 300
    assert datasets.get(FIRST).least_rows >= 16


def test_an_upload_is_kept_and_found_again(datasets, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label,other\n" + "".join(f"text number {i},{'ab'[i % 2]},x{i % 3}\n" for i in range(60)), encoding="utf-8")
    files = datasets.add(path)
    id = datasets.choose(files, ReadOptions())
    again = Datasets(tmp_path, profile_named("cpu"), lambda models, texts: [])  # as after a restart
    assert again.get(id).name == "mine.csv" and len(again.get(id).loaded.dataset) == 60
    other = again.choose(files, ReadOptions(label="other"))
    assert other != id and len(again.get(other).loaded.dataset.problem.labels) == 3
    again.forget(id)
    assert not again.here(id) and not again.here(other)


@pytest.mark.parametrize("id", ["", "../../etc/passwd/as-is", "sample:nope/as-is", "a" * 22 + "/" + "b" * 12, "sample:support_tickets/../../x"])
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
        rows.write_text("text,label\n" + "".join(f"some text number {i} {i * 7919 % 1009},{'ab'[i % 2]}\n" for i in range(1500)), encoding="utf-8")
        datasets.get(datasets.choose(datasets.add(rows))).split(600)


# --- the whole -----------------------------------------------------------------------------------------


def test_tabs_are_found_and_few():
    assert list(found("tl_ui.tabs", "TAB")) == ["data", "compare", "results", "studies", "try", "look", "about"]


def test_the_page_never_imports_a_network_library(tmp_path):
    code = (
        "import sys, pathlib, app\n"
        "assert 'gradio' not in sys.modules\n"
        f"page, queue = app.build(pathlib.Path({str(tmp_path)!r}))\n"
        "kwargs = app.launch_kwargs()\n"
        "assert kwargs['run_history'] is False and kwargs['show_error'] is False and kwargs['ssr_mode'] is False\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'peft'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(sorted(page.get_api_info()['named_endpoints']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(ast.literal_eval(done.stdout.splitlines()[-1])) == ENDPOINTS


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
    assert {"Button", "DownloadButton", "Tab", "Radio", "Markdown", "Accordion", "Dataframe", "Slider"} <= switched
    for block in page.blocks.values():
        for value in _marked(block).values():
            assert "__i18n__" not in str(_said(value, "ko"))


def test_what_visitors_write_is_no_key_of_the_page():
    """The browser translates any value that is a key: a label called "none" or "model" must not be one."""
    known = launch_kwargs(profile_named("local"))["i18n"].translations
    assert set(known) == {"en", "ko"} and all(key.startswith(KEY) for words in known.values() for key in words)
    assert word("none").key == KEY + "none" and known["en"][KEY + "none"] == EN["none"]


def test_sentences_with_insertions():
    assert t("en", "rows_n", n=3) == "3 rows" and t(None, "yes") == "yes" and t("xx", "yes") == "yes"


# --- a study as something to change -----------------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True])
def test_a_study_becomes_a_dataset_and_what_the_form_says(tmp_path, several):
    ids = ("01", "2.50", "None", "true", "a|b, c")  # labels that a table would read as something else
    rows = tuple(
        Example(i, f"=text {i} about {ids[i % 5]} and thing {7 * i}", labels=((ids[0], ids[i % 5]) if several and i % 5 else (ids[i % 5],)), group=f"g{i // 2}" if i % 3 else None)
        for i in range(1, 101)
    )
    problem, split = Problem("one text", "many labels" if several else "one label", tuple(Label(i, f"{i}!") for i in ids)), Split(rows[:30], rows[30:])
    asked = [ArmRequest("probe"), ArmRequest("lora", {"rank": 4}, "small"), ArmRequest("probe", {}, "other", "minilm-masked"), ArmRequest("adapt-then", {"base": "lora", "base.rank": 2})]
    before = make_study("../a/b <x>.csv", problem, split, arms=asked, shots=[1, 3, None], seeds=2, model="minilm")

    datasets = Datasets(tmp_path, profile_named("cpu"), lambda models, texts: [])
    held = datasets.get(dataset_of(datasets, before))
    after = held.usual_split[0]
    assert held.name == "b_x_.jsonl" and held.loaded.dataset.problem == problem
    assert (after.test_digest, rows_digest(after.pool)) == (split.test_digest, before.pool_digest)

    said = wishes(before, "minilm")
    assert said.ticked == ("probe",) and said.shots == ("1", "3", "all") and said.draws == 2 and said.model == "minilm"
    arms = [*map(ArmRequest, said.ticked), *map(request, said.own)]
    again = make_study("again", problem, after, arms=arms, shots=before.shots, seeds=said.draws, model=said.model)
    assert {a.id: a.digest for a in again.arms} == {a.id: a.digest for a in before.arms}


# --- the try tab ---------------------------------------------------------------------------------------


def test_every_label_that_is_given_is_marked_and_shown_however_many():
    labels = tuple(Label(f"l{i}", f"label {i}") for i in range(12))
    asked = make_study("a", Problem("one text", "many labels", labels), Split((Example(1, "a", labels=("l0",)),), (Example(2, "b", labels=tuple(x.id for x in labels)),)), arms=[ArmRequest("tfidf")], shots=[1], seeds=1)
    made = plan(asked)
    opened = SimpleNamespace(plan=made)
    scores = np.linspace(0.95, 0.4, 12, dtype=np.float32)  # ten from one half on
    shown = _card(opened, made.specs[0], scores, "en")
    assert shown.count("class='tl-first'") == (scores >= 0.5).sum() > 8 and "those from 50 % on" in shown
    one = dataclasses.replace(made.study, problem=dataclasses.replace(made.study.problem, target="one label"))
    shown = _card(SimpleNamespace(plan=dataclasses.replace(made, study=one)), made.specs[0], scores, "en")
    assert shown.count("class='tl-first'") == 1 and shown.count("<tr") == 8 and "those from 50 % on" not in shown


# --- the leaderboard -----------------------------------------------------------------------------------


def test_remarks_have_a_column_where_there_are_any():
    made = plan(study(strategies=("tfidf", "lora"), shots=(4,)))
    results = finished(made)
    assert "Worth knowing" not in leaderboard_rows(compare(made, results), "en")["headers"]
    for run in (spec.id for spec in made.specs if spec.arm.id == "lora"):
        results[run] = dataclasses.replace(results[run], budget={"train": 12, "unlabelled": 40, "test_texts": 120})
    board = leaderboard_rows(compare(made, results), "en")
    told = [row[board["headers"].index("Worth knowing")] for row in board["data"]]
    assert sorted(told) == ["", "40 texts without labels; 120 test texts seen, without labels"]
    assert learnt_html(made.study.arms, "ko").count("<li>") == 1 and learnt_html(made.study.arms[:1], "en") == ""


@pytest.mark.parametrize(
    "saved", [None, 7, "text", ["a"], {"keys": ["a"]}, {"keys": "x", "lang": ["en"], "dataset": {"a": 1}}, {"lang": "xx", "keys": {"a": ["k"], "b": 7}}, {"keys": {"é": None}}]
)
def test_whatever_a_browser_says_that_it_remembers(saved):
    assert remembered(saved) == {"lang": "", "dataset": "", "keys": {}}
    assert key_of(saved, "a") == key_of(saved, ["a"]) == ""
    assert with_key(saved, "a", "é") == {"lang": "", "dataset": "", "keys": {"a": "é"}}


def test_a_browser_remembers_its_newest_studies():
    saved = {"lang": "ko", "dataset": "d", "keys": {str(i): "k" for i in range(100)}}
    assert len(remembered(saved)["keys"]) == 30 and list(with_key(saved, "new", "k")["keys"])[-2:] == ["99", "new"]
