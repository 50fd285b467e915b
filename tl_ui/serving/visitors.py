"""On whose behalf a handler works: known to Gradio for every event, and needed to share the place
fairly.

A visitor is an address, since whoever likes can have any number of sessions. What is kept is a
digest with a secret of this place, from which the address cannot be recovered. Behind a proxy of
one's own, uvicorn takes the address from X-Forwarded-For once FORWARDED_ALLOW_IPS names the proxy;
a Space is always behind one.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import gradio as gr
from gradio.context import LocalContext

from tl_core.running.turns import Visitor
from tl_core.studies.store import file_errors_as_user_errors

SECRET = "visitors.secret"


def visitors(home: Path, environ: Mapping[str, str] = os.environ) -> Callable[[], Visitor]:
    """A function that returns on whose behalf the thread that calls it works.

    Raises:
        UserError: the home cannot be written to.
    """
    secret, on_space = _secret(home / SECRET), bool(environ.get("SPACE_ID"))

    def who() -> Visitor:
        request = LocalContext.request.get(None)
        if request is None or request.client is None:
            return Visitor()
        address = (
            on_space and request.headers.get("x-forwarded-for", "").split(",")[0].strip()
        ) or request.client.host
        page, event = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
        return Visitor(digest(secret, address), lambda: _has_left(page, event))

    return who


def digest(secret: bytes, address: str) -> str:
    """Always the same for an address at a place, and nothing like it."""
    return hashlib.blake2b(address.encode(), key=secret, digest_size=9).hexdigest()


def _has_left(page: gr.Blocks | None, event: str | None) -> bool:
    """Whether a browser was closed, or a program has hung up; events that Gradio no longer knows
    count as waited for.
    """
    known = page._queue.event_ids_to_events.get(event) if page is not None and event else None
    return known is not None and (known.closed or not known.alive)


def _secret(path: Path) -> bytes:
    with file_errors_as_user_errors(path):
        if not path.is_file() or len(path.read_bytes()) != 32:
            path.write_bytes(secrets.token_bytes(32))
            path.chmod(0o600)
        return path.read_bytes()
