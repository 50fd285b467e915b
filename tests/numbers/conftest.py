"""What tests of numbers share."""

from __future__ import annotations

import pytest

from tests.tiny_models import one_thread


@pytest.fixture(scope="module")
def quick():
    """For modules that compute with tiny models."""
    with one_thread():
        yield
