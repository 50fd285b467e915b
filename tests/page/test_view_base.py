"""What the base of views does for each of them, without a browser: handlers are called as a browser
calls them, and a model in this process answers.
"""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace

import gradio as gr
import pytest

from spaces_config.profiles import profile_named
from tests.page.visiting import EVIL
from tl_core.api.errors import UserError
from tl_core.api.plugins import forget, found, troubles
from tl_core.api.sentences import say
from tl_core.api.view import Job, Models, Numbers
from tl_core.running import jobs
from tl_core.running.questions import is_short
from tl_core.running.warm_models import WarmModels
from tl_ui.shell import build
from tl_ui.words import EN, declare

OUT = {  # where each view draws its answer
    "fill": "fill-out",
    "surprise": "surprise-out",
    "tokens": "tokens-out",
    "senses": "senses-told",
    "attention": "attention-out",
    "map": "map-told",
    "layers": "layers-out",
    "mattered": "mattered-out",
}
WITHOUT_STUDY = {"mattered": "Run a study first"}


class Visit:
    """A page, and what a visitor's browser holds of it."""

    def __init__(self, page: gr.Blocks):
        self.page = page
        blocks = page.blocks.values()
        self.by_id = {b.elem_id: b for b in blocks if getattr(b, "elem_id", None)}
        self.values: dict = {}
        self.changes: dict = {}  # of the last event, by component

    def do(
        self, id: str, event: str, does: str, data: dict | None = None, changing: str = ""
    ) -> str:
        """Call a handler, of several the one that may change a component; returns what it tells in
        a notice.
        """
        fn = self._handler(id, event, does, changing)
        values = {c: self.values.get(c, _first_value(c)) for c in fn.inputs}
        more = []
        for name in list(inspect.signature(fn.fn).parameters)[1:]:
            if name == "event":
                more.append(gr.EventData(None, data or {}))
            elif name == "request":
                more.append(SimpleNamespace(query_params={}))
        self.changes = {}
        answer = fn.fn(values, *more)
        for changes in answer if inspect.isgenerator(answer) else [answer]:
            assert set(changes or {}) <= set(fn.outputs), (id, does)
            self.changes |= changes or {}
        for component, value in self.changes.items():
            if isinstance(value, gr.components.Component):
                value = value.value if "value" in value.constructor_args else None
            if value is not None:
                self.values[component] = value
        notices = [v for c, v in self.changes.items() if (c.elem_id or "").endswith("-notice")]
        return "".join(filter(None, notices))

    def shows(self, id: str) -> str:
        return str(self.values.get(self.by_id[id], ""))

    def says(self, **said) -> None:
        for id, value in said.items():
            self.values[self.by_id[id.replace("_", "-")]] = value

    def _handler(self, id: str, event: str, does: str, changing: str):
        trigger, wanted = self.by_id[id]._id, self.by_id.get(changing)
        return next(
            fn
            for fn in self.page.fns.values()
            if (trigger, event) in fn.targets
            and getattr(fn.fn, "__name__", "") == does
            and (wanted is None or wanted in fn.outputs)
        )


def _first_value(component):
    return getattr(component, "value", None)


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    page, queue = build(tmp_path_factory.mktemp("home"), profile_named("local"))
    models = WarmModels("cpu")
    queue.ask = lambda job, **arguments: jobs.answer(models, job, **arguments)
    made = Visit(page)
    made.says(lang="en")
    return made


@pytest.mark.parametrize("view", OUT)
def test_every_view_answers_when_it_is_seen_asks_again_and_is_redrawn(view, visit):
    visit.says(look_view=view)
    fault = visit.do("look-view", "input", "first", changing=OUT[view])
    if view in WITHOUT_STUDY:
        button = f"{view}-ask"
        assert WITHOUT_STUDY[view] in visit.do(button, "click", "ask")
        return
    assert not fault and len(visit.shows(OUT[view])) > 100
    link = re.search(rf"href='\?look={view}[^']*", visit.shows(f"{view}-link"))
    assert link, "what was asked is in the link"
    assert not visit.do("map-draw" if view == "map" else f"{view}-ask", "click", "ask")


def test_examples_links_and_faults(visit):
    assert not visit.do("tokens-examples", "select", "take_example", {"id": "example|4"})
    assert "고양이" in visit.shows("tokens-text") and "[UNK]" in visit.shows("tokens-out")
    assert visit.do("tokens-examples", "select", "take_example", {"id": "example|99"}) == ""
    assert all(value in ("", gr.skip()) for value in visit.changes.values())

    visit.says(tokens_text=EVIL, tokens_text_b="")
    assert not visit.do("tokens-ask", "click", "ask")
    assert "<img" not in visit.shows("tokens-out")
    visit.says(tokens_text=" ")
    assert "Write a text first." in visit.do("tokens-ask", "click", "ask")
    visit.says(surprise_text="x" * 20_001)
    assert "20,000" in visit.do("surprise-ask", "click", "ask")


def test_a_guess_goes_into_its_blank_and_can_be_had_back(visit):
    visit.says(fill_text="The cat is on the [MASK].")
    assert not visit.do("fill-ask", "click", "ask")
    assert not visit.do("fill-out", "select", "press", {"id": "guess|0|0|0"})
    filled = visit.shows("fill-text")
    assert "[MASK]" not in filled and filled.startswith("The cat is on the ")
    assert not visit.do("fill-out", "select", "press", {"id": "word|1"})
    assert visit.shows("fill-text") == filled.replace("cat", "[MASK]")
    visit.do("fill-undo", "click", "take_back")
    assert visit.shows("fill-text") == filled
    visit.says(fill_text="no blank")
    assert "no [MASK]" in visit.do("fill-ask", "click", "ask")
    assert "data-press='word|0'" in visit.shows("fill-out")


def test_views_write_their_own_words_and_change_no_others():
    with pytest.raises(ValueError, match="other words already: none, yes"):
        declare({"none": say("Nobody"), "yes": say("Aye"), "mine_title": say("Mine")})
    assert "mine_title" not in EN
    for id, view in found("tl_ui.views", "VIEW").items():
        assert {f"{id}_title", f"{id}_about"} <= set(view.words) <= set(EN)
        assert all(key.startswith(f"{id}_") for key in view.words)


# --- jobs -----------------------------------------------------------------------------------------


def _job(models: Models):
    yield 1


def test_a_job_is_found_by_its_name_and_no_two_have_one(monkeypatch):
    assert {"cut_text", "map_texts", "occlude"} <= set(jobs.jobs_by_name())
    assert is_short("cut_text", {}) and not is_short("map_texts", {})
    views = found("tl_core.views", "NUMBERS")
    for name in ("predict", "cut_text"):
        brought = {**views, "zz": Numbers("zz", (Job(name, _job),))}
        monkeypatch.setattr(
            jobs, "found", lambda _, name, brought=brought: brought if name == "NUMBERS" else {}
        )
        with pytest.raises(ValueError, match=f"'zz' brings a job called '{name}'"):
            jobs.jobs_by_name()


def test_a_job_from_outside_takes_no_name_away(monkeypatch):
    """Another's job is left out, and said; a list that is none, too."""
    forget()
    views = found("tl_core.views", "NUMBERS")
    for jobs_of in ((Job("cut_text", _job),), 7):
        brought = {"aa": Numbers("aa", jobs_of), **views}
        monkeypatch.setattr(
            jobs, "found", lambda _, name, brought=brought: brought if name == "NUMBERS" else {}
        )
        monkeypatch.setattr(jobs, "is_from_outside", lambda _, id: id == "aa")
        assert jobs.jobs_by_name()["cut_text"].answer is not _job
        jobs.jobs_by_name()
    assert len(troubles("NUMBERS")) == 2 and "'cut_text'" in troubles("NUMBERS")[0]
    forget()


def test_too_much_text_is_refused_before_it_is_sent():
    numbers = Numbers("mine", max_characters=10)
    numbers.check({"text": "x" * 5, "text_b": "x" * 5, "top": 11})
    with pytest.raises(UserError, match="longer than 10 characters"):
        numbers.check({"text": "x" * 5, "text_b": "x" * 6})


@pytest.mark.parametrize("given", ["a\ud83d", ["\ud83d"], ("\udc00",)])
def test_broken_characters_reach_no_job(given, monkeypatch):
    def seen(models: Models, text):
        yield text

    brought = {"mine": Numbers("mine", (Job("seen", seen),))}
    monkeypatch.setattr(jobs, "found", lambda _, name: brought if name == "NUMBERS" else {})
    (got,) = jobs.answer(None, "seen", text=given)
    assert type(got) is type(given) and "".join(got).encode()
