"""A visitor of a Space with a ZeroGPU: told of the quota beforehand, refused, told what to do, and
lent a GPU in the end.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.page.serving import serving
from tests.page.visiting import expect, only, open_drawer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.name != "posix", reason="a GPU is lent by forking, which is of POSIX"),
]
STANDIN = Path(__file__).parents[1] / "standin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("zerogpu")


@pytest.fixture(scope="module")
def served(folder):
    """The page with this profile, and a stand-in for what lends."""
    place = {
        "TL_PROFILE": "zerogpu",
        "SPACES_ZERO_GPU": "true",
        "PYTHONPATH": str(STANDIN),
        "STANDIN_LOG": str(folder / "calls.jsonl"),
        "STANDIN_RULES": str(folder / "rules.json"),
    }
    (folder / "rules.json").write_text(
        json.dumps({"refuse": ["ZeroGPU quota exceeded"], "patience": 30})
    )
    with serving(folder, **place) as page:
        yield page


def test_a_visitor_is_told_of_the_quota_refused_and_lent_a_gpu_in_the_end(visit, served, folder):
    page = visit()
    only(page, "majority", "lora")
    for shots, wanted in (("0", False), ("1", True), ("8", False), ("all", False)):
        page.locator(f"#shots input[name='{shots}']").set_checked(wanted)
    open_drawer(page)
    for place, number in (("#seeds input[type=number]", "1"), ("#test-size input", "30")):
        page.locator(place).fill(number)
        page.locator(place).press("Tab")
    expect(page.locator("#gpu-estimate")).to_contain_text(
        "Without an account you have 2 min a day, with a free account 5 min, with PRO 40 min"
    )

    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("Your GPU quota for today is used up")
    expect(page.locator("#without-gpu")).to_be_visible()
    page.locator("#lang label").nth(1).click()
    expect(page.locator("#status")).to_contain_text("오늘의 GPU 할당량을 다 썼거나")
    expect(page.locator("#gpu-estimate")).to_contain_text("무료 계정은 5분")

    page.locator("#go-on").click()
    expect(page.locator("#status")).to_contain_text("2번 모두 마쳤습니다")
    expect(page.locator("#without-gpu")).not_to_be_visible()
    (study,) = (served.home / "studies").iterdir()
    runs = json.loads((study / "study.json").read_text(encoding="utf-8"))["runs"]
    assert {run["arm"]: (run["status"], run["device"]) for run in runs} == {
        "majority": ("done", "cpu"),
        "lora": ("done", "cuda"),
    }
    calls = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
    asked = [call for call in calls if "arguments" in call]
    assert [call["refused"] for call in asked] == ["ZeroGPU quota exceeded", None]
    assert all(
        call["visitor"] for call in asked
    )  # from the visitor's own event, so out of the visitor's quota
