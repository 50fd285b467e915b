"""A ZeroGPU: a GPU that `spaces` lends to one function at a time, for seconds, out of the quota of
whoever visits.

The function is called from the visitor's own event, never from a thread of ours, which has no
visitor. `spaces` forks this process for it, so the libraries are imported here beforehand: imported
there, they would cost the visitor's seconds. No model is put on "cuda" here, where that is an
imitation whose answers are zeros, and whether there is a GPU is never asked, for here the answer is
always yes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

from tl_core.api.errors import WorkerDied
from tl_core.running.lent_gpu import Lend, NotLent, Refusal, answers

log = logging.getLogger("transfer-lab")

# Titles of the errors by which `spaces` refuses (spaces/zero/client.py of 0.51); any other is an
# accident of the process.
REFUSALS: dict[str, Refusal] = {
    "ZeroGPU quota exceeded": "quota",
    "ZeroGPU illegal duration": "too long",
    "ZeroGPU queue timeout": "waited",
    "ZeroGPU pending credits exceeded": "credits",
    "ZeroGPU client error": "refused",
}
YES = ("true", "t", "1")  # what `spaces` reads as one
# GPU seconds a day, as documented in August 2026; `spaces_config/README.md` says where.
QUOTA_SECONDS = {"anonymous": 120, "free": 300, "pro": 2400}


def register(environ: Mapping[str, str] = os.environ) -> Lend | None:
    """Register the function; `spaces` must be imported before gradio and before anything touches
    CUDA, so this comes first. None
    where no one lends: the page is tried elsewhere, and everything is computed on the processor."""
    if environ.get("SPACES_ZERO_GPU", "").lower() not in YES:
        log.warning(
            "SPACES_ZERO_GPU is not set: there is no ZeroGPU to borrow, and networks are trained on"
            " the processor."
        )
        return None
    import spaces

    _import_what_training_needs()

    @spaces.GPU(duration=asked_seconds)
    def train(
        folder: str, runs: Sequence[str], keep: str, seconds: int
    ) -> Generator[tuple[str, Any], None, None]:
        yield from answers(folder, runs, keep, "cuda")

    def lend(
        folder: str, runs: Sequence[str], keep: str, seconds: int
    ) -> Generator[tuple[str, Any], None, None]:
        import gradio as gr
        import httpx

        try:
            with closing(train(folder, tuple(runs), keep, seconds)) as said:
                yield from said
        except gr.Error as fault:
            title = str(getattr(fault, "title", ""))
            if why := REFUSALS.get(title):
                raise NotLent(why, f"{title}: {fault.message}") from fault
            raise WorkerDied(f"The process on the GPU ended ({title}: {fault.message}).") from fault
        except (
            RuntimeError,
            httpx.HTTPError,
        ) as fault:  # the lender does not answer, or what it answers makes no sense
            raise NotLent("refused", f"{type(fault).__name__}: {fault}") from fault

    return lend


def asked_seconds(folder: str, runs: Sequence[str], keep: str, seconds: int) -> int:
    """Return how long the GPU is wanted; `spaces` calls it with the arguments of the call."""
    return seconds


def _import_what_training_needs() -> None:
    import peft  # noqa: F401
    import sentence_transformers  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    from tl_core.strategies import strategies

    strategies()
