"""A tiny model on disk, found, loaded and encoding as a real one would be."""

from __future__ import annotations

import pytest

from tests.tiny_models import make, one_thread


@pytest.fixture(scope="module", autouse=True)
def quick():
    with one_thread():
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("model") / "tiny", worn=False)


@pytest.fixture(scope="session")
def new_encoder(tiny_folder):
    """Makes an encoder with a network of its own and nothing remembered."""
    from tl_core.models.catalog import find
    from tl_core.models.encoding import Encoder
    from tl_core.models.loading import load_model

    source = find(str(tiny_folder))
    return lambda: Encoder(load_model(source))


@pytest.fixture(scope="session")
def encoder(new_encoder):
    """One encoder that all questions share, as the arms of a study do."""
    return new_encoder()
