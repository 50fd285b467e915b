"""What a Space with a shared GPU wants before it starts: one function that may borrow the GPU.

Studies there run on the Space's processors for now. Work in a queue has no visitor whose quota of GPU seconds it could
use, and a worker process that `spaces` did not fork gets no GPU; borrowing it needs the study inside the visitor's own
event.
"""

from __future__ import annotations

from collections.abc import Callable


def register() -> Callable[[], str]:
    """Register the function; `spaces` must be imported before anything touches CUDA, so this comes first."""
    import spaces

    @spaces.GPU(duration=5)
    def gpu_name() -> str:
        import torch

        return torch.cuda.get_device_name(0)

    return gpu_name
