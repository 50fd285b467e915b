"""Whoever reads Korean meets no English sentence but users' own texts and names: not in the report,
not in the sections of the results, not in a fault.
"""

import dataclasses
import html
import re

import pytest

from tests.numbers.test_report import finished, study
from tl_core.analysis.compare import compare
from tl_core.analysis.decision import decide
from tl_core.api.plugins import found
from tl_core.data.audit import audit
from tl_core.data.duplicates import find_duplicates
from tl_core.data.load import load
from tl_core.data.samples import sample_names
from tl_core.report.html import report_html
from tl_core.strategies import strategies
from tl_core.studies.plan import plan

# three words in small letters side by side; names of settings, files and people have none such
SENTENCE = re.compile(r"(?<![\w=/.\-])[a-z]{2,}(?:[,;:]? [a-z]{2,}){2,}(?![\w=/])")


NAMES = {word for id in strategies() for word in id.split("-")} | {
    *("minilm", "inside", "none"),
    *("pool", "adjacent", "violators"),  # of a paper
}


def english(shown: str, own: str = "") -> list[str]:
    """English sentences in HTML or text, leaving out what a user wrote (`own`)."""
    shown = re.sub(r"(?s)<(script|style|code|pre)\b.*?</\1>", " ", shown)
    said = html.unescape(re.sub(r"<[^>]+>", "\n", shown))
    kept = {*re.findall(r"\w+", own), *NAMES}
    return [x for x in SENTENCE.findall(said) if not set(re.findall(r"\w+", x)) <= kept]


def own(made) -> str:
    """What the texts of a study are made of."""
    rows = (*made.study.split.test, *made.study.split.pool)
    return " ".join({word for e in rows for word in re.findall(r"\w+", e.text)})


def test_english_is_found():
    assert english("<p>a text of mine is here</p>") and not english("<b>모델</b> minilm lora tfidf")
    assert not english("the parcel is late", own="the parcel is late") and not english(
        "<code>give the model a name</code>"
    )


def with_everything():
    """A study with something to say in every place: a refused run, failed ones, notes, a file."""
    made = plan(study(strategies=("majority", "similarity", "tfidf", "lora", "contrastive")))
    results = finished(made, skip=("contrastive",))
    loaded = load("sample:support_tickets")
    looked = audit(
        loaded.dataset,
        duplicates=find_duplicates(loaded.dataset.examples),
        hints=loaded.hints,
    )
    ids = list(results)
    results[ids[0]] = dataclasses.replace(
        results[ids[0]], notes=tuple(f.detail for f in looked.findings)
    )
    results[ids[-1]] = dataclasses.replace(
        results[ids[-1]],
        status="failed",
        scores=None,
        error=strategies()["lora"].why_not(_no_labels(made)),
    )
    context = {
        "dataset": {
            "source": "tickets.csv",
            "guesses": [dataclasses.asdict(g) for g in loaded.guesses],
            "notes": [f.detail for f in looked.findings],
            "tokens": [],
            "unlabelled": 3,
        },
        "command": "python -m tl_core compare tickets.csv",
        "wall_seconds": 61.0,
    }
    return made, results, context


def _no_labels(made):
    from tl_core.api.types import Facts

    return Facts(made.study.problem, 0, None, True)


def test_the_report():
    made, results, context = with_everything()
    comparison = compare(made, results)
    said = report_html(
        made,
        results,
        comparison,
        context=context,
        language="ko",
        decision=decide(made, results, comparison),
    )
    assert len(said) > 20_000
    labels = " ".join(x.name for x in load("sample:support_tickets").dataset.problem.labels)
    assert english(said, f"{own(made)} {labels}") == []


@pytest.mark.parametrize("id", sorted(strategies()))
def test_a_strategy(id):
    strategy = strategies()[id]
    said = [strategy.title, strategy.about]
    said += [f.metadata["help"] for f in dataclasses.fields(strategy.settings)]
    for text in said:
        assert not english(text.to("ko")), text


def test_every_fault_of_the_page_and_every_word_of_it():
    from tl_ui.words import ABOUT, EN

    assert len(found("tl_ui.views", "VIEW")) >= 8  # they bring their own words
    example = EN["ticket_example"]  # in the language of the messages that the shipped study is of
    words = [text for text in EN.values() if text is not example]
    texts = [*words, *(x for pair in ABOUT for x in pair)]
    assert len(texts) > 500
    assert [x for text in texts for x in english(re.sub(r"`[^`]*`", "", text.to("ko")))] == []


def test_the_audit_of_every_sample():
    for name in sample_names():
        loaded = load(f"sample:{name}")
        looked = audit(
            loaded.dataset,
            duplicates=find_duplicates(loaded.dataset.examples),
            hints=loaded.hints,
        )
        said = [x for f in looked.findings for x in (f.title, f.detail, f.action)]
        said += [x for g in loaded.guesses for x in (g.what, g.why)]
        labels = " ".join(w for x in loaded.dataset.problem.labels for w in (x.name, *x.words))
        assert len(said) > 20
        assert [x for text in said for x in english(text.to("ko"), labels)] == []


def test_the_sections_of_the_results_have_korean_titles():
    from tl_ui.words import t

    sections = found("tl_ui.results", "SECTION")
    assert len(sections) > 5 and all(
        re.search("[가-힣]", t("ko", s.title)) for s in sections.values()
    )
