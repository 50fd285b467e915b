"""What browser tests of the page and of the report share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # several processes share the cores, and threads of each would stand in the others' way
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Exact numbers are compared; tests/numbers/test_number_formats.py compares formats.
os.environ.setdefault("TL_NUMBERS", "float32")

# What `-m "not slow"` leaves out: files and tests that start processes or a browser, train or draw
# for more than a second, or ask what `make check` asks by itself.
SLOW = (
    "contract/test_outside.py",
    "contract/test_strategies.py",
    "docs/test_labs.py",
    "docs/test_package.py",
    "docs/test_project.py::test_everything_is_formatted",
    "docs/test_project.py::test_imports_go_the_way_they_should",
    "docs/test_project.py::test_ruff_finds_nothing",
    "docs/test_project.py::test_the_readmes_commands_run",
    "docs/test_project.py::test_types_fit",
    "docs/test_site.py",
    "docs/test_spaces_config.py::test_built_folder_starts",
    "faults",
    "library",
    "numbers/test_adapters.py",
    "numbers/test_another_script.py",
    "numbers/test_archive.py",
    "numbers/test_arms.py",
    "numbers/test_calibrated.py",
    "numbers/test_chat.py",
    "numbers/test_convert.py",
    "numbers/test_coverage.py",
    "numbers/test_deciding.py",
    "numbers/test_decision_scores.py::test_holm_is_statsmodels",
    "numbers/test_decision_simulated.py",
    "numbers/test_estimate.py::test_a_timing_makes_the_estimate_of_what_trains",
    "numbers/test_exports.py",
    "numbers/test_full_options.py",
    "numbers/test_hub.py",
    "numbers/test_in_context.py",
    "numbers/test_language_models.py",
    "numbers/test_models.py",
    "numbers/test_nli.py",
    "numbers/test_number_formats.py",
    "numbers/test_ordinal.py",
    "numbers/test_other_devices.py",
    "numbers/test_pairs.py",
    "numbers/test_pretraining.py",
    "numbers/test_prompt_tune.py",
    "numbers/test_prompting.py",
    "numbers/test_real_causal.py",
    "numbers/test_registry.py",
    "numbers/test_report.py",
    "numbers/test_robustness.py",
    "numbers/test_sentences.py::test_the_commands_say_what_is_untranslated",
    "numbers/test_serving.py",
    "numbers/test_shipped_study.py::test_a_fresh_run_comes_to_the_same",
    "numbers/test_static.py",
    "numbers/test_views.py",
    "numbers/test_views_inside.py",
    "numbers/test_views_map.py",
    "numbers/test_views_senses.py",
    "numbers/test_word_rnn.py",
    "numbers/test_yes_no.py::test_cuts_give_rare_labels_to_new_rows",
    "page",
)

# Run first, so that side by side nobody waits for one of them at the end.
LONG = (
    "page/test_visits.py",
    "page/test_visit.py",
    "numbers/test_exports.py",
    "docs/test_project.py",
    "page/test_look_inside.py",
    "contract/test_strategies.py",
    "page/test_look_inside_views.py",
    "page/test_accessible.py",
    "page/test_korean_page.py",
    "faults/test_kill.py",
    "page/test_look_inside_maps.py",
    "page/test_zero_gpu.py",
    "faults/test_lent_gpu.py",
    "page/test_choosing.py",
    "faults/test_going_on.py",
    "page/test_start.py",
    "page/test_differences_page.py",
    "page/test_view_from_outside.py",
    "docs/test_site.py",
    "numbers/test_pretraining.py",
    "faults/test_command_line.py",
    "numbers/test_static.py",
    "library/test_studies.py",
    "numbers/test_written.py",
    "numbers/test_questions.py",
    "numbers/test_tagging.py",
    "numbers/test_arms.py",
    "faults/test_chat_endpoint.py",
    "docs/test_labs.py",
    "docs/test_package.py",
)


def pytest_configure(config):
    # pytest-xdist would begin with the files of most tests, which are seldom the longest
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(_file(item), len(LONG)))
    for item in items:
        name = _file(item)
        function = getattr(item, "originalname", None) or item.name
        if any(
            f"{name}::{function}" == slow or name == slow or name.startswith(f"{slow}/")
            for slow in SLOW
        ):
            item.add_marker("slow")


def _file(item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """Tiny models on disk that tests share and only read."""
    from tests.tiny_models import TinyModels

    made = TinyModels(tmp_path_factory.mktemp("tiny_models"))
    yield made
    assert made.changed() == [], "a test has written into a model that others read"


@pytest.fixture(scope="session", autouse=True)
def nursery():
    """Workers of commands and pages under test are forked from one process, see
    `tl_core.running.nursery`: each would spend most of its time importing.
    """
    import huggingface_hub  # noqa: F401  it asks for the next line while it is imported

    from tl_core.running.nursery import POSSIBLE, WHERE, Nursery

    made = Nursery()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_HUB_OFFLINE", "1")  # of processes that tests start
        environment.setenv("HF_HUB_DISABLE_TELEMETRY", "True")  # as gradio sets it in a page
        if POSSIBLE:
            environment.setenv(WHERE, made.start())
        yield
    made.end()


@pytest.fixture
def workers_alone(monkeypatch):
    """Workers are processes below those that ask them, as from the command line."""
    from tl_core.running.nursery import WHERE

    monkeypatch.delenv(WHERE, raising=False)


BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium. Missing, it is a failure on CI and a reason to skip elsewhere."""
    found = (
        shutil.which("chromium-headless-shell")  # the same engine, without drawing its own windows
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if not found:
        if os.environ.get("CI"):
            pytest.fail(
                "There is no Chromium on this machine; on CI the page and the report must be opened"
                " in one."
            )
        pytest.skip("There is no Chromium on this machine.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()
