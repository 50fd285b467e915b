"""Memory a run took above what was in use when it began."""

from __future__ import annotations

import threading

SAMPLE_SECONDS = 0.02


class PeakMemory:
    """Watches the process tree's resident memory (on a GPU: what torch allocated there) while it is
    open.
    """

    def __init__(self, device: str):
        self.device = device
        self.peak_bytes = 0

    def __enter__(self) -> PeakMemory:
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
            return self
        self._before = self._peak = resident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        if self.device.startswith("cuda"):
            import torch

            self.peak_bytes = max(0, torch.cuda.max_memory_allocated() - self._before)
            return
        self._ended.set()
        self._thread.join()
        self.peak_bytes = max(self._peak, resident()) - self._before

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, resident())


def resident() -> int:
    """Bytes of this process and its children."""
    import psutil

    me = psutil.Process()
    total = me.memory_info().rss
    for child in me.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
