"""Decompositions on one thread.

LAPACK's threads meet thousands of times in one decomposition. Where another process has one of the
cores they wait for each other: `eigh` of 384 x 384 took 2.3 s on two threads of a busy machine with
two cores, and 0.03 s on one; of 1,200 x 1,200, 11.6 s and 0.3 s. Products don't suffer and keep
their threads.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np


def one_thread() -> AbstractContextManager:
    """Within it numpy's and scipy's products and decompositions use one thread."""
    return _blas().limit(limits=1, user_api="blas")


def eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((n,), (n, n)): `numpy.linalg.eigh` of a symmetric (n, n) matrix."""
    with one_thread():
        values, vectors = np.linalg.eigh(matrix)
    return values, vectors


@cache
def _blas() -> Any:
    """What sets the threads; looking for the libraries takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
