"""A home of their own for tests of the library; all of them share the embedding cache in it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """Nothing of this machine's own studies is read or changed, and nothing is looked up."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TL_HOME", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder
