"""A tiny model on disk, found, loaded and encoding as a real one would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chat_server import serving
from tests.tiny_models import make, make_entailing, make_headed, one_thread
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model

SPEAKS = {"cloze": "bert", "label-score": "gpt2", "in-context": "gpt2 that reads more", "nli": "nli", "prompt-tune": "bert"}


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
def tiny_folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("model") / "tiny", worn=False)


@pytest.fixture(scope="session")
def folder_of(tiny_folder, tmp_path_factory):
    """The model a strategy is asked on: one that speaks, for those that ask it for words."""
    made = {}

    def folder(id: str | None) -> Path:
        kind = SPEAKS.get(id)
        if kind is None:
            return tiny_folder
        if kind not in made:
            place = tmp_path_factory.mktemp("speaks") / "tiny"
            if kind == "nli":
                made[kind] = make_entailing(place, worn=False)
            elif kind == "gpt2 that reads more":
                made[kind] = make_headed(place, "gpt2", worn=False, reads=160, n_positions=160)
            else:
                made[kind] = make_headed(place, kind, worn=False)
        return made[kind]

    return folder


@pytest.fixture
def new_encoder(request, folder_of):
    """Makes an encoder with a network of its own and nothing remembered."""
    source = find(str(folder_of(_strategy(request))))
    return lambda: Encoder(load_model(source), source=source)


@pytest.fixture(scope="session")
def _encoders():
    return {}


@pytest.fixture
def encoder(request, new_encoder, _encoders):
    """One encoder that all questions share, as the arms of a study do."""
    kind = SPEAKS.get(_strategy(request))
    if kind not in _encoders:
        _encoders[kind] = new_encoder()
    return _encoders[kind]


def _strategy(request) -> str | None:
    return request.node.callspec.params.get("id") if hasattr(request.node, "callspec") else None
