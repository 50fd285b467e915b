"""Starts the page: `python app.py`, then open the address it prints."""

from __future__ import annotations

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import gradio as gr

    from spaces_config import Profile
    from tl_core.experiments.lent import Lend


def build(home: Path | None = None, profile: Profile | None = None, lend: Lend | None = None) -> tuple[gr.Blocks, Any]:
    """The page and its (not yet started) queue of studies. Nothing is computed and nobody is listened to.

    Args:
        home: where studies and uploads lie; None: `tl_core.models.cache.home()`.
        profile: the limits of this place; None: `spaces_config.current_profile()`.
        lend: how this place lends visitors a GPU; None: it does not.

    Raises:
        UserError: TL_PROFILE names no profile, or the home folder cannot be written to.
    """
    from spaces_config import current_profile
    from tl_core.models.cache import home as usual_home
    from tl_ui.shell import build as build_page

    return build_page(home or usual_home(), profile or current_profile(), lend)


def launch_kwargs(profile: Profile | None = None, faults: Callable[[], list[str]] = list) -> dict[str, Any]:
    """What `launch` is given: look, words, routes, and what strangers may not do. `faults`: what /healthz is to complain of."""
    from spaces_config import current_profile
    from tl_ui.shell import launch_kwargs as page_launch_kwargs

    return page_launch_kwargs(profile or current_profile(), faults)


def main() -> None:
    """Serve until Ctrl-C; unfinished studies go on at the next start."""
    from spaces_config import current_profile
    from tl_ui import zero_gpu
    from tl_ui.sessions import keep_little

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    lend = zero_gpu.register() if current_profile().zero_gpu else None  # before gradio is imported
    page, queue = build(lend=lend)
    queue.start(warm=["minilm"])
    try:
        page.launch(**launch_kwargs(faults=queue.faults), prevent_thread_lock=True)
        sessions = keep_little(page)
        queue.keeper.every(60.0, sessions.forget)
        page.block_thread()
    finally:
        queue.close()


if __name__ == "__main__":
    main()
