"""Before texts leave for a chat endpoint the page asks, and what a browser sends is not
believed.
"""

from __future__ import annotations

import pytest

from spaces_config.profiles import profile_named
from tl_ui.shell import build

ELSEWHERE = "https://texts-leave-for.invalid/v1"  # a name that no machine ever has


class Form:
    """The page's handlers, called with values as a browser sends them."""

    def __init__(self, folder, profile: str):
        self.page, self.queue = build(folder, profile_named(profile))
        self.by_id = {
            b.elem_id: b for b in self.page.blocks.values() if getattr(b, "elem_id", None)
        }
        self.said = {self.by_id["arm-chat"]: True, self.by_id["shots"]: ["0"]}

    def call(self, name: str, event: str, does: str, **said) -> dict:
        """What the handler changes, by elem_id."""
        trigger = self.by_id[name]._id
        fn = next(
            f
            for f in self.page.fns.values()
            if (trigger, event) in f.targets and getattr(f.fn, "__name__", "") == does
        )
        given = {**self.said, **{self.by_id[k.replace("_", "-")]: v for k, v in said.items()}}
        values = {c: given.get(c, getattr(c, "value", None)) for c in fn.inputs}
        return {getattr(c, "elem_id", None): v for c, v in fn.fn(values).items()}

    def studies(self) -> list:
        return list(self.queue.folder.iterdir())


@pytest.fixture
def form(tmp_path, monkeypatch):
    def opened(url: str = ELSEWHERE, profile: str = "local") -> Form:
        monkeypatch.setenv("TL_CHAT_MODEL", "tiny-chat")
        monkeypatch.setenv("TL_CHAT_KEY", "sk-a-key")
        monkeypatch.setenv("TL_CHAT_URL", url)
        return Form(tmp_path, profile)

    return opened


def test_the_box_says_what_goes_where_and_is_never_ticked_beforehand(form):
    page = form()
    box = page.call("arm-chat", "input", "press", send_texts=True)["send-texts"]
    assert (
        box.visible
        and box.value is False
        and "to texts-leave-for.invalid" in box.info
        and "test rows once" in box.info
    )
    assert not page.call("arm-chat", "input", "press", arm_chat=False)["send-texts"].visible


def test_what_stays_on_this_machine_is_not_asked_about(form):
    assert (
        not form("http://127.0.0.1:9/v1").call("arm-chat", "input", "press")["send-texts"].visible
    )


@pytest.mark.parametrize("profile", ["local", "cpu"])
def test_nothing_begins_until_the_box_is_ticked(form, profile):
    page = form(profile=profile)
    told = page.call("run", "click", "run")["compare-notice"]
    assert "texts-leave-for.invalid" in told and "Tick" in told and not page.studies()
    page.call("run", "click", "run", send_texts=True)
    [folder] = page.studies()
    for path in folder.rglob("*"):
        assert not path.is_file() or (
            b"texts-leave-for" not in path.read_bytes() and b"sk-a-key" not in path.read_bytes()
        ), path


def test_strangers_choose_no_other_model(form):
    own = [{"name": "dear", "strategy": "chat", "settings": {"endpoint_model": "the-dearest"}}]
    for profile, refused in (("cpu", True), ("local", False)):
        page = form(profile=profile)
        page.said |= {
            c: own
            for f in page.page.fns.values()
            for c in f.inputs
            if getattr(f.fn, "__name__", "") == "run" and getattr(c, "value", None) == []
        }
        told = page.call("run", "click", "run", send_texts=True).get("compare-notice", "")
        assert ("Only the chat model that this place offers" in told) == refused


def test_without_an_endpoint_the_form_says_so(form):
    assert "TL_CHAT_URL" in form("").call("arm-chat", "input", "press")["advice"]
