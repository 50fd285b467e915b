"""The report and its figures: nothing from outside, nothing from a person taken for HTML, every
number there.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import html
import json
import re

import numpy as np
import pytest

from tl_core.analysis.compare import compare
from tl_core.analysis.record import record
from tl_core.api.types import Arm, Example, Label, ModelRef, Problem, RunResult, Split
from tl_core.commands.compare import print_leaderboard
from tl_core.figures import results as figures
from tl_core.figures.looks import looks
from tl_core.report.html import report_html, write_report
from tl_core.report.html_helpers import SAVING
from tl_core.report.page import plotly
from tl_core.statistics.intervals import Interval
from tl_core.studies.plan import Plan, Study, plan
from tl_core.studies.store import Store
from tl_core.words.budget import beside, remarks
from tl_core.words.phrases import cell_name, limits, number, percent
from tl_core.words.verdict import method_name


def accuracy(cell):
    return cell.measures["accuracy"]


def macro(cell):
    return cell.measures["macro_f1"]


EVIL = "<script>alert(1)</script>"
LINK = "<a href='https://example.org'>x</a><b>"
MODEL = ModelRef("minilm", "0" * 32)
# how often each strategy is right, by labels per class
SKILL = {
    "majority": {},
    "similarity": {0: 0.62},
    "tfidf": {1: 0.35, 4: 0.5, 16: 0.66, None: 0.8},
    "probe": {1: 0.6, 4: 0.71, 16: 0.8, None: 0.83},
    "lora": {1: 0.55, 4: 0.7, 16: 0.81, None: 0.86},
}
WORDS = (
    "the a parcel invoice login page order box late broken please why how when my your again money"
    " app screen".split()
)


def study(
    *,
    strategies=tuple(SKILL),
    shots=(0, 1, 4, 16, None),
    seeds=3,
    test=120,
    pool=240,
    labels=("billing", "shipping", "bug"),
    target="one label",
    arms=(),
):
    """A study on made-up texts; `arms` are (name, strategy)."""
    rng = np.random.default_rng(7)
    named = tuple(Label(name, name.capitalize(), (), ()) for name in labels)
    examples = [
        Example(
            i + 1,
            " ".join(rng.choice(WORDS, 12)) + f" {i}",
            None,
            (labels[i % len(labels)],)
            + ((labels[(i + 1) % len(labels)],) if target == "many labels" and i % 5 == 0 else ()),
        )
        for i in range(test + pool)
    ]
    problem = Problem("one text", target, named)
    made = [
        Arm(name, strategy, 1, {}, None if strategy in ("majority", "tfidf") else MODEL)
        for name, strategy in arms or [(s, s) for s in strategies]
    ]
    return Study(
        "tickets.csv",
        problem,
        Split(tuple(examples[:test]), tuple(examples[test:]), 2),
        tuple(made),
        tuple(shots),
        tuple(range(seeds)),
    )


def finished(made: Plan, *, skip=()) -> dict[str, RunResult]:
    """Scores as a strategy of some skill would give them; rows differ in difficulty, seeds in
    luck.
    """
    rng = np.random.default_rng(11)
    problem, test = made.study.problem, made.study.split.test
    C, n = len(problem.labels), len(test)
    gold = np.array([problem.label_index[e.labels[0]] for e in test])
    hard = rng.normal(0, 0.2, n)
    results = {}
    for spec in made.specs:
        if spec.id in made.refused or spec.arm.id in skip:
            continue
        scores = rng.random((n, C)) * 0.1
        if spec.arm.strategy == "majority":
            scores[:, 0] = 1
        else:
            skill = SKILL[spec.arm.strategy].get(spec.shots, 0.7) + (
                0 if spec.shots == 0 else rng.normal(0, 0.02)
            )
            right = skill + hard > rng.random(n)
            scores[np.arange(n), np.where(right, gold, (gold + 1) % C)] = 1
        scores = scores / scores.sum(1, keepdims=True)
        results[spec.id] = RunResult(
            spec.id,
            "done",
            scores.astype(np.float32),
            {"train": len(spec.train)},
            {"fit": 0.31 + len(spec.train) / 50, "predict": 0.86},
            20_000_000,
            2304,
            10,
            versions={"python": "3.12.1", "torch": "2.13.0"},
            device="cpu",
        )
    return results


CONTEXT = {
    "dataset": {
        "source": "tickets.csv",
        "guesses": [{"what": "label", "value": "label", "why": "its name", "option": "--label"}],
        "notes": ["2 rows are used for neither."],
        "tokens": [
            {
                "model": "minilm",
                "sentence": "minilm cannot read 38% of the words: choose another model.",
            }
        ],
        "unlabelled": 3,
    },
    "command": "python -m tl_core compare tickets.csv --seeds 3",
    "wall_seconds": 61.0,
}


@functools.cache
def example():
    """The ordinary case: plan, results, comparison."""
    made = plan(study())
    results = finished(made)
    return made, results, compare(made, results)


@functools.cache
def page(language: str = "en") -> str:
    return report_html(*example(), context=CONTEXT, language=language)


def visible(page: str) -> str:
    """What a reader without scripts sees, as text."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page[page.index("<body>") :])
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


# --- words ----------------------------------------------------------------------------------------


def test_a_number_that_is_not_there_is_a_dash():
    assert (
        number(float("nan"))
        == number(float("inf"))
        == limits(Interval(0.5, -np.inf, np.inf, 1, 1), "en")
        == "–"
    )
    assert (
        number(-0.04) == "0.0"
        and number(-1.25) == "−1.3"
        and number(12345, 0) == "12,345"
        and number(0, 0) == "0"
    )
    assert (
        number(100 * 0.8305) == number(83.05) == number(np.mean([0.8305] * 3) * 100) == "83.1"
    )  # half a step up, whatever the last bits say


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_word_is_missing_on_the_page(language):
    said = visible(page(language))
    assert not re.search(r"\{\w+\}", said)
    if language == "ko":
        assert "어떤" not in page("en") and "라벨" in said and "lang='ko'" in page("ko")


# --- the whole page -------------------------------------------------------------------------------


def test_nothing_is_loaded_from_outside():
    found = re.sub(r"(?s)<script type='application/gzip'.*?</script>", "", page()).replace(
        SAVING, ""
    )  # which makes files, and their addresses
    assert not re.search(r"""(?i)(src|href|action)\s*=|url\(|@import|https?://""", found)
    assert "default-src 'none'" in found


def test_every_number_of_the_leaderboard_is_in_words_too():
    comparison, said = example()[2], visible(page())
    assert len(comparison.cells) == 17
    for cell in comparison.cells:
        behind = comparison.differences.get((cell.arm, cell.shots))
        for shown in (accuracy(cell), macro(cell)):
            assert f"{percent(shown.value, 'en')} {limits(shown, 'en')}" in said
        assert behind is None or f"{number(100 * behind.value)} {limits(behind, 'en')}" in said
        row = (
            f" {method_name(cell.arm, cell.strategy, 'en', comparison.problem)}"
            f" {'all rows' if cell.shots is None else cell.shots} {cell.labels:,.0f}"
            f" {percent(cell.measures['accuracy'].value, 'en')}"
        )
        assert row in said, row
        assert f"{cell.fit_seconds:.2f}" in said and f"{cell.trainable_parameters:,}" in said


def test_a_line_says_what_it_had_beside_its_rows_and_what_its_model_had_learnt(capsys):
    asked = study(strategies=("tfidf", "lora", "probe"), shots=(4,))
    made = plan(
        dataclasses.replace(
            asked,
            arms=tuple(
                dataclasses.replace(
                    a, model=a.model and dataclasses.replace(a.model, supervised=LINK)
                )
                for a in asked.arms
            ),
        )
    )
    results = finished(made)
    for spec in made.specs:
        if spec.arm.id == "lora":
            budget = {"train": 12, "selection": 12, "unlabelled": 40, "test_texts": 120}
            results[spec.id] = dataclasses.replace(
                results[spec.id], budget=budget, collapsed=spec.seed == 0
            )
    comparison = compare(made, results)
    lora = comparison.cell("lora", 4)
    mean = percent(lora.mean_trained["accuracy"], "en")
    beside = [
        "12 of the labels were used to choose settings",
        "40 texts without labels",
        "120 test texts seen, without labels",
    ]
    told = ["1 of 3 runs collapsed", f"mean of the others {mean}", *beside]
    assert (
        remarks(lora, comparison, "en") == told
        and remarks(comparison.cell("tfidf", 4), comparison, "en") == []
    )
    shown = report_html(made, results, comparison)
    assert (
        "; ".join(told) in visible(shown)
        and visible(shown).count(f"minilm {LINK}") == 2
        and LINK not in shown
    )
    assert "학습이 무너짐" in visible(
        report_html(made, results, comparison, language="ko")
    ) and ">Notes<" not in visible(page())

    print_leaderboard(record(made, results, comparison, statuses={}, context={}))
    printed = capsys.readouterr().out
    assert (
        "  ".join(beside) in printed and f"Labelled data minilm had seen before: {LINK}" in printed
    )


def test_labels_of_an_oracle_are_not_counted_and_said_to_be_so():
    assert beside({"train": 12, "selection": 500}, 12, "en") == [
        "500 further labels used to choose settings, not counted"
    ]
    assert (
        beside({"train": 12, "selection": 0, "requests": 40}, 12, "en") == [] == beside({}, 0, "ko")
    )


def test_what_is_known_is_told():
    made, said = example()[0], visible(page())
    for text in (
        made.study.split.test_digest,
        CONTEXT["command"],
        "minilm cannot read 38% of the words",
        "2 rows are used for neither.",
        "360 in use: 120 test rows, 240 available for training; 2 left out",
        "2.13.0",
        "Cochran and Cox",
        "--label",
    ):
        assert text in said, text
    assert re.search(r"<div class='warning'[^>]*>.{0,60}minilm cannot read", page())


def test_the_same_study_gives_the_same_page():
    assert page() == report_html(*example(), context=CONTEXT)


def test_it_is_written_beside_the_study(tmp_path):
    store = Store(tmp_path / "study")
    store.folder.mkdir()
    written = write_report(store, *example(), context={})
    assert (store.folder / "report.html").read_text(encoding="utf-8") == written


def test_what_a_person_wrote_is_never_html():
    made = study(
        arms=((EVIL, "probe"), ("%{x} " + LINK, "tfidf")),
        shots=(4,),
        labels=(EVIL, LINK, "a\ud800\0"),
    )
    split = dataclasses.replace(
        made.split,
        test=tuple(
            dataclasses.replace(e, text=f"{EVIL} {i} \ud800" + " long" * (99 * (i == 0)))
            for i, e in enumerate(made.split.test)
        ),
    )
    made = plan(dataclasses.replace(made, name=EVIL, split=split))
    results = {
        k: dataclasses.replace(r, scores=np.roll(r.scores, 1, axis=1))
        for k, r in finished(made).items()
    }
    failed = made.specs[0].id
    results[failed] = RunResult(failed, "failed", error=EVIL)
    tokens = [{"model": "m", "sentence": EVIL}]
    guesses = [dict.fromkeys(("what", "value", "why", "option"), EVIL)]
    shown = report_html(
        made,
        results,
        compare(made, results),
        context={
            "dataset": {
                "source": EVIL + "x",
                "notes": [EVIL + "y"],
                "tokens": tokens,
                "guesses": guesses,
            },
            "command": EVIL,
        },
    )
    shown.encode("utf-8")
    assert EVIL not in shown and "<a href" not in shown and "\0" not in shown
    assert shown.count(html.escape(EVIL)) > 40
    assert (
        len(re.findall(r"<script\b", shown)) == 4
    )  # figures, plotly, what draws them, what saves tables


def test_long_texts_are_cut_and_kept_behind_a_click():
    made = study(strategies=("tfidf",), shots=(1,))
    texts = ("x" * 290, "y" * 5000, "z" * 50_000)
    split = dataclasses.replace(
        made.split,
        test=tuple(
            dataclasses.replace(e, text=texts[i % 3] + str(i))
            for i, e in enumerate(made.split.test)
        ),
    )
    made = plan(dataclasses.replace(made, split=split))
    results = {
        k: dataclasses.replace(r, scores=np.roll(r.scores, 1, axis=1) + 0 * r.scores)
        for k, r in finished(made).items()
    }
    shown = report_html(made, results, compare(made, results))
    assert "y" * 5000 in shown and "the whole text, 5,00" in shown
    assert (
        "z" * 10_000 in shown and "z" * 10_001 not in shown and "the first 10,000 of 50,00" in shown
    )


# --- what is said is never more than is known -----------------------------------------------------


def said_of(made: Study, **more) -> str:
    planned = plan(made)
    results = finished(planned, **more)
    return visible(report_html(planned, results, compare(planned, results)))


def test_a_tie_is_called_one():
    said = said_of(study(strategies=("probe", "lora"), shots=(16,)))
    assert (
        "it did best here, but another method may turn out to be better" in said
        and "2 of 2 arms could be (LoRA adapter, Linear probe)" in said
        and "it beats every other arm" not in said
    )
    assert "3 seeds (draws of the training rows) and 120 test rows" in said


def test_a_clear_lead_is_called_one_and_seeds_are_asked_for():
    many = said_of(study(strategies=("tfidf", "lora"), shots=(1,), test=600, pool=60))
    assert (
        "it beats every other arm here by more than chance allows" in many
        and "Use LoRA adapter on 3 labelled texts: it beats every other method tried here." in many
    )
    one = said_of(study(strategies=("tfidf", "lora"), shots=(1,), seeds=1, test=600, pool=60))
    assert "with only one training run of each method that may be luck" in one
    assert "it beats every other arm" not in one
    assert (
        "fewer than 3 seeds the variation between seeds is unknown" in one
        and "variation between seeds unknown: one seed" in one
    )


def test_an_arm_that_learnt_nothing_is_not_praised():
    said = said_of(study(strategies=("majority",), shots=(1,)))
    assert (
        "No method tried here does better than giving every text the most frequent label." in said
        and "Use majority" not in said
    )


def test_macro_f1_of_the_constant_answer_is_known_by_hand():
    """40 of 120 rows are right: F1 of that label is 2/(1 + 3) = .5, of the two others 0; mean 16.7
    %.
    """
    assert "would reach 33.3% accuracy and 16.7% macro-F1" in visible(page())


# --- studies that went wrong ----------------------------------------------------------------------


def test_a_study_with_nothing_finished_says_so():
    made = plan(study(strategies=("majority", "probe"), shots=(0,)[:1] + (4,)))
    said = visible(report_html(made, {}, compare(made, {})))
    assert "No run has finished yet" in said and "not finished" in said


def test_failed_and_refused_runs_are_listed_with_their_sentences():
    made = plan(
        study(strategies=("majority", "similarity", "probe"), shots=(0,))
    )  # the trained ones need rows
    assert made.refused
    results = {
        s.id: RunResult(s.id, "failed", error="The disk went away.")
        for s in made.specs
        if s.id not in made.refused
    }
    said = visible(report_html(made, results, compare(made, results)))
    assert "The disk went away." in said and "majority needs labelled rows" in said
    assert (
        f"None of the {len(made.specs)} runs gave a result: {len(results)} failed,"
        f" {len(made.refused)} were refused." in said
    )


def test_failed_runs_beside_finished_ones_are_counted():
    made, results, _ = example()
    lost = next(s.id for s in made.specs if s.arm.id == "lora")
    results = {**results, lost: RunResult(lost, "failed", error="Out of memory.")}
    said = visible(report_html(made, results, compare(made, results)))
    assert (
        f"1 of {len(made.specs)} runs failed and 0 were refused" in said
        and "Out of memory." in said
    )


def test_several_labels_per_text():
    made = plan(study(strategies=("majority", "tfidf"), shots=(4,), target="many labels"))
    results = finished(made)
    said = visible(report_html(made, results, compare(made, results)))
    assert "False positives" in said and "any number of labels each" in said
    assert (
        "Giving every row every label would reach" in said and "Probability thresholds" not in said
    ), "older runs have no cuts"
    cut = {
        run: dataclasses.replace(r, cuts=(0.031, *(0.4,) * (len(made.study.problem.labels) - 1)))
        for run, r in results.items()
    }
    said = visible(report_html(made, cut, compare(made, cut)))
    assert "Probability thresholds for assigning a label" in said and "3.1%" in said
    assert "라벨을 주는 확률 기준" in visible(
        report_html(made, cut, compare(made, cut), language="ko")
    )


def test_thirty_arms_stay_below_six_megabytes():
    made = plan(
        study(
            arms=tuple((f"probe {i}", "probe") for i in range(30)),
            shots=(4,),
            seeds=5,
            test=2000,
            pool=300,
        )
    )
    results = finished(made)
    shown = report_html(made, results, compare(made, results))
    assert len(shown.encode()) < 6_000_000
    assert len(plotly().packed) < 2_500_000


# --- figures --------------------------------------------------------------------------------------


def traces(figure) -> list[dict]:
    return json.loads(figure.to_json())["data"]


def test_a_click_on_a_point_names_its_cell():
    comparison = example()[2]
    ids = {f"{c.arm}|{c.shots_name}" for c in comparison.cells}
    for figure in (
        figures.leaderboard(comparison, "accuracy", limit=99),
        figures.learning_curves(comparison, "accuracy"),
    ):
        assert {x for t in traces(figure) for x in t.get("customdata", [])} == ids


def test_the_best_is_on_top_with_its_limits_and_filled():
    comparison = example()[2]
    figure = figures.leaderboard(comparison, "accuracy")
    best, lead = traces(figure)[0], comparison.cells[0]
    assert (
        best["y"][0] == 0
        and best["customdata"][0] == f"{lead.arm}|{lead.shots_name}"
        and best["marker"]["symbol"][0] == "circle"
    )
    assert best["x"][0] + best["error_x"]["array"][0] == pytest.approx(100 * accuracy(lead).high)
    assert best["x"][0] - best["error_x"]["arrayminus"][0] == pytest.approx(
        100 * accuracy(lead).low
    )
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert any("LoRA adapter" in x for t in traces(figure) for x in t.get("hovertext", ()))


def _mixed(result: RunResult, rng: np.random.Generator) -> RunResult:
    """Some rows of a result with the scores of other rows."""
    scores = result.scores
    luck = rng.random((len(scores), 1)) < 0.2
    mixed = np.where(luck, scores[rng.permutation(len(scores))], scores)
    return dataclasses.replace(result, scores=mixed)


def test_the_best_of_each_method_never_has_a_grey_dot_above_one_that_could_be_best():
    for seed in range(6):
        made = plan(study(seeds=3, test=90))
        results = finished(made)
        rng = np.random.default_rng(seed)
        luck = {k: rng.permutation(len(r.scores)) for k, r in results.items()}
        results = {
            k: dataclasses.replace(
                r, scores=np.where(rng.random((90, 1)) < 0.2, r.scores[luck[k]], r.scores)
            )
            for k, r in results.items()
        }
        comparison = compare(made, results)
        figure = figures.best_of_each(comparison, "accuracy")
        dots = [t for t in traces(figure) if "customdata" in t]
        row = {t["customdata"][0]: t["y"][0] for t in dots}
        could = {f"{c.arm}|{c.shots_name}": c.could_be_best for c in comparison.cells}
        assert len(dots) == len(comparison.arms) == len(row)
        assert max(y for x, y in row.items() if could[x]) < min(
            y for x, y in row.items() if not could[x]
        )
        filled = {t["customdata"][0]: t["marker"]["symbol"][0] == "circle" for t in dots}
        assert filled == {x: could[x] for x in row}
        assert any("Ruled out" in a.text for a in figure.layout.annotations)


def test_a_method_has_one_colour_in_every_figure_and_whatever_its_rank():
    comparison = example()[2]
    seen = looks(comparison)
    assert len({(x.colour, x.symbol, x.dash) for x in seen.values()}) == len(comparison.arms)
    for metric in ("accuracy", "macro_f1"):
        for figure in (
            figures.learning_curves(comparison, metric),
            figures.best_of_each(comparison, metric),
            figures.leaderboard(comparison, metric, limit=99),
        ):
            for trace in traces(figure):
                for mark in trace.get("customdata", ()):
                    colour = trace.get("marker", trace["line"] if "line" in trace else {})["color"]
                    assert colour == seen[mark.rpartition("|")[0]].colour
    fewer = dataclasses.replace(comparison, arms=comparison.arms[1:])
    assert all(looks(fewer)[arm].colour == seen[arm].colour for arm, _ in fewer.arms)
    many = dataclasses.replace(comparison, arms=tuple((f"probe {i}", "probe") for i in range(40)))
    assert len({(x.colour, x.symbol, x.dash) for x in looks(many).values()}) == 40


def test_the_line_of_the_largest_class_is_an_accuracy():
    comparison = example()[2]
    drawn = [
        [
            t
            for t in traces(figures.leaderboard(comparison, metric))
            if "most frequent label" in t["name"]
        ]
        for metric in ("accuracy", "macro_f1")
    ]
    assert drawn[0][0]["x"] == [pytest.approx(100 / 3)] * 2 and drawn[1] == []


def test_the_leaderboard_says_what_it_leaves_out():
    figure = figures.leaderboard(example()[2], "accuracy", limit=5)
    assert "first 5 of 17" in figure.layout.title.text and len(figure.layout.yaxis.ticktext) == 5


def test_curves_use_labels_in_all_and_level_lines_without():
    comparison = example()[2]
    drawn = [
        t for t in traces(figures.learning_curves(comparison, "accuracy")) if "customdata" in t
    ]
    by_name = {t["name"]: t for t in drawn}
    assert by_name["LoRA adapter"]["x"] == [3, 12, 48, 240]
    level = by_name["Zero-shot by label names (no labelled texts)"]
    assert len(set(level["y"])) == 1 and level["line"]["dash"] == "dash"
    assert len({(t["line"]["color"], t["line"]["dash"]) for t in drawn}) == len(drawn)
    assert len({t["marker"]["symbol"] for t in drawn if "marker" in t}) == len(drawn) - 1


def test_many_arms_wait_in_the_legend_but_the_one_without_labels_is_drawn():
    made = plan(
        study(
            arms=(*((f"probe {i}", "probe") for i in range(9)), ("names only", "similarity")),
            shots=(0, 1, 4),
        )
    )
    results = {
        k: (
            dataclasses.replace(r, scores=r.scores[:, ::-1])
            if len(r.scores) and r.budget["train"] == 0
            else r
        )
        for k, r in finished(made).items()
    }
    named = [
        t
        for t in traces(figures.learning_curves(compare(made, results), "accuracy"))
        if "customdata" in t
    ]
    shown = [t["name"] for t in named if t["visible"] is True]
    assert (
        len(named) == 10
        and len(shown) == figures.ARMS_DRAWN
        and "names only (no labelled texts)" in shown
    )


def test_curves_of_only_zero_shot_arms_and_of_one_number_of_labels():
    for chosen in (
        {"strategies": ("similarity",), "shots": (0,)},
        {"strategies": ("probe",), "shots": (4,)},
    ):
        made = plan(study(**chosen))
        figure = figures.learning_curves(compare(made, finished(made)), "macro_f1")
        assert [t for t in traces(figure) if "customdata" in t] and np.isfinite(
            figure.layout.xaxis.range
        ).all()
    made = plan(study(strategies=("probe", "tfidf", "majority"), shots=(4,)))
    comparison = compare(made, finished(made))
    dots = [t["x"] for t in traces(figures.learning_curves(comparison, "accuracy"))]
    labels = comparison.cells[0].labels
    beside = [np.log10(x[0] / labels) for x in dots]
    assert len(set(beside)) == 3 and abs(sum(beside)) < 1e-9 and max(beside) < 0.1


def test_the_matrix_shows_counts_and_shares_of_the_row():
    counts = np.array([[8, 2], [0, 0]])
    heat, text = traces(figures.confusion(counts, ["yes", "no"], ids=["y", "n"]))
    assert heat["z"] == [[80, 20], [0, 0]] and heat["customdata"] == [
        ["y|y", "y|n"],
        ["n|y", "n|n"],
    ]
    assert text["text"] == ["8", "2"] and (text["x"], text["y"]) == ([0, 1], [0, 0])
    assert len(figures.confusion(np.eye(31, dtype=int), [str(i) for i in range(31)]).data) == 1


def test_names_are_escaped_and_kept_short_in_figures():
    made = plan(
        study(arms=((EVIL, "probe"), ("n" * 500, "tfidf")), shots=(1, 4), labels=(EVIL, LINK, "c"))
    )
    comparison = compare(made, finished(made))
    drawn = [
        figures.leaderboard(comparison, "accuracy"),
        figures.best_of_each(comparison, "accuracy"),
        figures.learning_curves(comparison, "accuracy"),
        figures.confusion(np.eye(2, dtype=int), [EVIL, LINK]),
        figures.probabilities([EVIL, LINK], {EVIL: np.array([0.4, 0.6])}),
    ]
    for figure in drawn:
        plain = json.loads(figure.to_json())
        for trace in plain["data"]:
            trace.pop("customdata", None)  # an id for whoever asks, never drawn
        shown = json.dumps(plain).replace("\\u003c", "<")
        assert (
            "<script" not in shown
            and "<a href" not in shown
            and "template" not in str(plain["data"])
            and "n" * 60 not in shown
        )


def test_figures_bring_no_ground_and_no_ink():
    for figure in (
        figures.leaderboard(example()[2], "accuracy"),
        figures.learning_curves(example()[2], "macro_f1", language="ko"),
        figures.confusion(np.eye(3), list("abc")),
    ):
        layout = figure.layout
        assert (
            layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
            and layout.font.color is None
            and layout.width is None
        )


def test_limits_that_are_not_finite_leave_figures_whole():
    made, results, comparison = example()
    wide = Interval(0.9, -np.inf, np.inf, 1, 1)
    first = comparison.cells[0]
    odd = dataclasses.replace(first, measures=first.measures | {"accuracy": wide})
    broken = dataclasses.replace(comparison, cells=(odd, *comparison.cells[1:]))
    for figure in (
        figures.leaderboard(broken, "accuracy"),
        figures.learning_curves(broken, "accuracy"),
    ):
        assert "Infinity" not in figure.to_json() and "NaN" not in figure.to_json()
    assert cell_name(odd, "en") in visible(report_html(made, results, broken))


# --- in a browser ---------------------------------------------------------------------------------


def opened(chromium, path, *, width: int = 1100, scheme: str = "light", scripts: bool = True):
    """The page, and what went wrong in it."""
    shown = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
    ).new_page()
    wrong: list[str] = []
    shown.on("pageerror", lambda e: wrong.append(str(e)))
    shown.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    shown.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else wrong.append(r.url),
    )
    shown.on("dialog", lambda d: wrong.append(d.message))
    shown.goto(path.as_uri())
    if scripts:
        shown.locator("#plot-matrix .main-svg").first.wait_for(
            timeout=20_000
        )  # wait_for_function needs eval, which the page forbids
    return shown, wrong


@pytest.mark.browser
@pytest.mark.parametrize(
    ("scheme", "width", "language"),
    [("light", 1100, "en"), ("dark", 390, "en"), ("light", 390, "ko"), ("dark", 1100, "ko")],
)
def test_it_opens_offline_and_draws(chromium, tmp_path, scheme, width, language):
    path = tmp_path / "report.html"
    path.write_text(page(language), encoding="utf-8")
    shown, wrong = opened(chromium, path, width=width, scheme=scheme)
    assert shown.locator(".js-plotly-plot").count() == 6
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate(
        "[...document.querySelectorAll('.main-svg')].every(x => x.getBoundingClientRect().right <="
        " innerWidth + 1)"
    )
    ink = shown.evaluate(
        "getComputedStyle(document.querySelector('.js-plotly-plot .xtick text')).fill"
    )
    bright = sum(map(int, re.findall(r"\d+", ink)[:3])) / 3
    assert (bright > 180) if scheme == "dark" else (bright < 80)
    assert shown.locator("#no-plots").count() == 0 and wrong == []
    shown.screenshot(path=tmp_path / f"{scheme}-{width}-{language}.png", full_page=True)


@pytest.mark.browser
def test_it_follows_the_theme_and_prints_dark_on_light(chromium, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page(), encoding="utf-8")
    shown, wrong = opened(chromium, path, scheme="light")
    tick = "getComputedStyle(document.querySelector('.js-plotly-plot .xtick text')).fill"
    inks = [shown.evaluate(tick)]
    for change in (
        lambda: shown.emulate_media(color_scheme="dark"),
        lambda: shown.evaluate("dispatchEvent(new Event('beforeprint'))"),
    ):
        change()
        for _ in range(50):
            if shown.evaluate(tick) != inks[-1]:
                break
            shown.wait_for_timeout(100)
        inks.append(shown.evaluate(tick))
    assert inks == ["rgb(27, 31, 36)", "rgb(232, 235, 238)", "rgb(0, 0, 0)"]
    assert len(shown.pdf()) > 20_000 and wrong == []


@pytest.mark.browser
def test_a_table_is_saved_and_no_cell_of_it_runs(chromium, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page(), encoding="utf-8")
    shown, wrong = opened(chromium, path)
    shown.evaluate("document.querySelector('#board tbody th').textContent = '=1+1,'")
    with shown.expect_download() as got:
        shown.locator("#board button.csv").click()
    table = list(csv.reader(got.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert got.value.suggested_filename.endswith(".csv") and wrong == []
    assert (
        len(table) == 1 + shown.locator("#board tbody tr").count()
        and len({len(row) for row in table}) == 1
    )
    assert "'=1+1," in {row[0] for row in table} and any("%" in cell for cell in table[1])


@pytest.mark.browser
def test_without_scripts_the_tables_remain(chromium, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page(), encoding="utf-8")
    shown, wrong = opened(chromium, path, scripts=False)
    assert shown.get_by_text("The plots need a browser with JavaScript").is_visible()
    assert shown.locator("#board table tbody tr").count() == 17 and wrong == []


@pytest.mark.browser
def test_what_a_person_wrote_does_not_run_in_the_browser(chromium, tmp_path):
    made = plan(
        dataclasses.replace(
            study(
                arms=(("<img src=x onerror=alert(1)>", "probe"), (EVIL, "tfidf")),
                shots=(1, 4),
                labels=(EVIL, LINK, "c"),
            ),
            name=EVIL,
        )
    )
    results = finished(made)
    path = tmp_path / "report.html"
    path.write_text(
        report_html(made, results, compare(made, results), context={"command": EVIL}),
        encoding="utf-8",
    )
    shown, wrong = opened(chromium, path)
    assert shown.locator("main a, main img, svg a").count() == 0 and wrong == []
    assert (
        shown.locator(".js-plotly-plot .ytick text", has_text="<script>alert").count() > 0
    )  # as it was written, to be read
