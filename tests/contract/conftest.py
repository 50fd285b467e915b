"""A tiny model on disk, found, loaded and encoding as a real one would be."""

from __future__ import annotations

import pytest

from tests.tiny_models import make


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny matrices are faster on one thread, and much faster where the machine is busy."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


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
