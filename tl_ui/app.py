"""The page as a program: what `python app.py` and `transfer-lab page` start."""

from __future__ import annotations

import os

from tl_core.api.sentences import Setting, say

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import ctypes
import logging
import sys
from typing import TYPE_CHECKING, Any

M_ARENA_MAX = -8  # of malloc.h
# Gradio looks every millisecond whether a visitor has asked something: 2 % of a core all day long
LOOK_SECONDS = 0.01

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import gradio as gr

    from spaces_config import Profile
    from tl_core.running.lent_gpu import Lend


def build(
    home: Path | None = None, profile: Profile | None = None, lend: Lend | None = None
) -> tuple[gr.Blocks, Any]:
    """The page and its (not yet started) queue of studies. Nothing is computed and no one is
    listened to.

    Args:
        home: where studies and uploads lie; None: `tl_core.models.embedding_cache.home()`.
        profile: the limits of this place; None: `spaces_config.current_profile()`.
        lend: how this place lends visitors a GPU; None: it does not.

    Raises:
        UserError: TL_PROFILE names no profile, or the home folder cannot be written to.
    """
    from spaces_config import current_profile
    from tl_core.models.embedding_cache import home as usual_home
    from tl_ui.shell import build as build_page

    return build_page(home or usual_home(), profile or current_profile(), lend)


def launch_kwargs(
    profile: Profile | None = None, faults: Callable[[], list[str]] = list, room: Any = None
) -> dict[str, Any]:
    """Return the arguments of `launch`: look, words, routes, and what strangers may not do.

    Args:
        faults: what /healthz is to complain of.
        room: how much of the disk uploads may take, a `tl_core.running.quotas.Room`; None: as much
            as there is.
    """
    from spaces_config import current_profile
    from tl_ui.shell import launch_kwargs as page_launch_kwargs

    return page_launch_kwargs(profile or current_profile(), faults, room)


def main() -> int:
    """Serve until Ctrl-C; unfinished studies continue at the next start. What somebody can fix
    is reported in sentences.
    """
    from tl_core.api.errors import UserError

    try:
        _serve()
    except UserError as fault:
        print(
            "\n".join(f"transfer-lab: {line}" for line in fault.to("en", _called).splitlines()),
            file=sys.stderr,
        )
        return 2
    return 0


def _few_arenas() -> None:
    """Make the threads of the page share two stores of memory. Left alone, glibc gives each its own
    and hardly anything back: a
    visit then costs 4.6 MB for good instead of 0.3 (`python -m benchmarks.sessions`)."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; others have no such stores
        if mallopt:
            mallopt(M_ARENA_MAX, 2)


def _serve() -> None:
    from spaces_config import current_profile
    from tl_core.api.errors import UserError
    from tl_core.models.embedding_cache import home
    from tl_core.studies.lock import Lock
    from tl_core.studies.store import file_errors_as_user_errors
    from tl_ui.serving import zero_gpu

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    _few_arenas()
    os.umask(
        0o077
        # what visitors bring is no one's business on this machine, be it in the home or among
        # temporary files
    )
    profile, place = current_profile(), home()
    with file_errors_as_user_errors(place):
        place.mkdir(parents=True, exist_ok=True)
    lock = Lock(
        place,
        say("a page that keeps its studies in {place}", place=place),
        say("choose another folder with {option}", option=Setting("out")),
    )
    with file_errors_as_user_errors(place):
        lock.take()
    try:
        lend = zero_gpu.register() if profile.zero_gpu else None  # before gradio is imported
        from tl_ui.serving.sessions import keep_little

        page, queue = build(place, profile, lend)
        try:
            page.launch(
                **launch_kwargs(profile, queue.faults, queue.room), prevent_thread_lock=True
            )
            page._queue.sleep_when_free = LOOK_SECONDS
            queue.start(
                warm=["minilm"]
            )  # after the page is there: models take the whole machine while they load
            sessions = keep_little(page)
            queue.keeper.every(60.0, sessions.forget)
            page.block_thread()
        except OSError as fault:
            raise UserError(say("The page could not be served: {fault}", fault=fault)) from fault
        finally:
            queue.close()
    finally:
        lock.release()


def _called(setting: str) -> str:
    """Return the name by which a setting is set when the page is started."""
    return "TL_HOME" if setting == "out" else setting
