"""What tests of commands share; each of their modules makes its own `place`, a folder with a
study.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.command import environment


@pytest.fixture
def here(place, monkeypatch) -> Path:
    """The place, for commands run in this process."""
    monkeypatch.chdir(place)
    for name, value in environment(place / "home").items():
        monkeypatch.setenv(name, value)
    return place


@pytest.fixture
def copy(here, tmp_path) -> Path:
    """The study of the place, to be changed."""
    return Path(shutil.copytree(here / "study", tmp_path / "copy"))
