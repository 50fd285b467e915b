"""What the page keeps and asks of what was trained, without a browser: the registry, and services
on this machine. Places that strangers visit have neither.
"""

from __future__ import annotations

import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from spaces_config.profiles import PROFILES, profile_named
from tests.numbers.test_arms import rows_of
from tests.numbers.test_asking_services import running
from tests.numbers.test_exports import Made, problem
from tests.numbers.test_serving import arm
from tl_core.exports.jobs import pack
from tl_core.exports.write import export
from tl_core.registry import FILE, PRODUCTION, REGISTERED, RETIRED, Registry
from tl_core.studies.plan import ArmRequest
from tl_ui.results._registered import table
from tl_ui.shell import build


class Page:
    """The page's handlers, called with values as a browser sends them."""

    def __init__(self, folder: Path, profile: str):
        self.page, self.queue = build(folder, profile_named(profile))
        self.by_id = {
            b.elem_id: b for b in self.page.blocks.values() if getattr(b, "elem_id", None)
        }

    def call(self, name: str, event: str, lang: str = "en", **said) -> dict:
        """What the handler changes, by elem_id; `archive` stands for every state that is ""."""
        trigger = self.by_id[name]._id
        fn = next(f for f in self.page.fns.values() if (trigger, event) in f.targets)
        archive = said.pop("archive", "")
        given = {self.by_id[k.replace("_", "-")]: v for k, v in said.items()}
        values = {}
        for c in fn.inputs:
            usual = archive if isinstance(c, gr.State) and c.value == "" else None
            is_language = isinstance(c, gr.Radio) and c.value in ("en", "ko")
            values[c] = given.get(c, lang if is_language else usual)
        return {getattr(c, "elem_id", None): v for c, v in fn.fn(values).items()}


@pytest.fixture(scope="module")
def archive(tiny_models, tmp_path_factory):
    """An export as the page packs it."""
    place = tmp_path_factory.mktemp("home")
    asked = [ArmRequest("majority")]
    made = Made(place / "study", tiny_models.body(), asked, rows_of(40), problem(("sea", "bread")))
    return pack(export(made.folder, place / "export", format="recipe").folder, place / "model.zip")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    page = Page(tmp_path_factory.mktemp("local"), "local")
    yield page
    page.queue.close()


@pytest.fixture
def registry(local):
    """The one of the page, empty."""
    found = Registry(local.queue.folder.parent / "registry")
    shutil.rmtree(found.folder, ignore_errors=True)
    return found


def test_what_was_made_is_registered_promoted_and_retired(local, archive, registry):
    said = local.call("models-add", "click", models_name=" tickets ", archive=str(archive))
    assert "Registered as tickets@1" in said["models-said"]
    assert "tickets@1" in said["models-table"] and "majority" in said["models-table"]
    assert said["models-version"].value == "tickets@1"
    said = local.call("models-name", "submit", models_name="tickets", archive=str(archive))
    assert said["models-version"].value == "tickets@2"
    said = local.call("models-promote", "click", models_version="tickets@1")
    assert "tickets@1 is in production" in said["models-said"]
    said = local.call("models-retire", "click", "ko", models_version="tickets@2")
    assert "tickets@2" in said["models-said"] and "운영" in said["models-table"]
    assert [v.stage for v in registry.versions()] == [PRODUCTION, RETIRED]
    assert registry.opened("tickets@production")[0].version == 1


def test_what_cannot_be_registered_or_promoted_is_said(local, archive, registry, tmp_path):
    gone = str(tmp_path / "gone.zip")
    for path in ("", gone):
        said = local.call("models-add", "click", models_name="tickets", archive=path)
        assert list(said) == ["models-said"] and "Make the archive" in said["models-said"]
    for name in ("", "../x", "<b>"):
        said = local.call("models-add", "click", models_name=name, archive=str(archive))
        assert "cannot be a name" in said["models-said"] and "<b>" not in said["models-said"]
    said = local.call("models-promote", "click", models_version="tickets@7")
    assert "tickets" in said["models-said"] and "tl-fault" in said["models-said"]
    assert registry.versions() == []
    registry.folder.mkdir(exist_ok=True)
    (registry.folder / FILE).write_text("{")
    said = local.call("models-add", "click", models_name="tickets", archive=str(archive))
    assert "is damaged" in said["models-said"]


def test_the_page_and_a_command_lose_nothing_of_each_other(local, archive, registry, tmp_path):
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    local.call("models-add", "click", models_name="t", archive=str(archive))
    with ThreadPoolExecutor(4) as threads:
        for _ in range(2):
            threads.submit(registry.add, "t", tmp_path / "model")
            threads.submit(local.call, "models-add", "click", models_name="t", archive=str(archive))
    said = local.call("models-promote", "click", models_version="t@3")
    assert [said["models-table"].count(f"t@{n}<") for n in range(1, 7)] == [1, 1, 1, 1, 1, 0]
    assert [v.stage for v in registry.versions()].count(REGISTERED) == 4


def test_names_in_the_registry_are_no_markup(archive, tmp_path):

    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    version = Registry(tmp_path / "registry").add("t", tmp_path / "model")
    odd = replace(
        version, study="<img src=x>", arm="</td>", metrics={"<i>": version.metrics["accuracy"]}
    )
    assert "<img" not in table([odd], "en") and "<i>" not in table([odd], "en")


def test_try_asks_a_running_service(local):
    with running(arm("<b>"), arm("other")) as url:
        said = local.call("service-ask", "click", try_text="<i>abc", service_address=url)
        shown = said["service-answers"]
        assert shown.count("<section") == 2 and "bread" in shown and "40%" in shown
        assert url in shown and "urllib.request" in shown and "await fetch" in shown
        assert "<b>&" not in shown and "<h3><b>" not in shown and "<i>abc" not in shown
        said = local.call("service-ask", "click", "ko", try_text=" ", service_address=url)
        assert "글" in said["service-notice"] or "텍스트" in said["service-notice"]
    for wrong in ("http://10.0.0.1:80", None):
        said = local.call("service-ask", "click", try_text="abc", service_address=wrong)
        assert list(said) == ["service-notice"] and "127.0.0.1" in said["service-notice"]


def test_where_strangers_visit_there_is_no_registry_and_no_service(tmp_path):
    assert [profile.name for profile in PROFILES.values() if not profile.public] == ["local"]
    page = Page(tmp_path, "docker")
    page.queue.close()
    assert "home-go" in page.by_id
    assert not [name for name in page.by_id if name.startswith(("models-", "service-"))]
