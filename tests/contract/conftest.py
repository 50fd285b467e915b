"""Tiny models on disk, found, loaded and encoding as real ones would be."""

from __future__ import annotations

import pytest

from tests.chat_server import serving
from tests.tiny_models import one_thread
from tl_core.strategies import strategies
from tl_core.testing import Bench


@pytest.fixture(scope="module", autouse=True)
def quick():
    with one_thread():
        yield


@pytest.fixture(scope="module", autouse=True)
def endpoint():
    """Somebody for chat to ask, on this machine."""
    with serving() as served, pytest.MonkeyPatch.context() as environment:
        for name, value in served.environment.items():
            environment.setenv(name, value)
        yield served


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="session")
def tiny_folder(bench):
    return bench.model("encoder")


@pytest.fixture
def encoder(bench):
    """The sentence encoder that all questions share."""
    return bench.encoder(strategies()["probe"])
