"""A guard before every request: it answers only under names of this place, and sends the headers a
browser should have.

A page that answers under any name can be reached from a stranger's web page whose name suddenly
points to this machine (DNS rebinding). Numbers cannot be turned so; of names only known ones are
answered. Whoever serves the page under a name of their own sets TL_ALLOWED_HOSTS.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from spaces_config import Profile
from tl_core.api.errors import UserError
from tl_core.running.quotas import Room

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
CLOSED = (
    "/gradio_api/deep_link",
)  # would make a lasting copy of somebody's page for whoever knows their session
UPLOAD, UPLOADS = "/gradio_api/upload", 40  # so many files of the largest size in an hour
# Gradio looks up whatever name is given, and fails at one that is not there
BY_NAME = "/gradio_api/call/v2/"
# Gradio's page makes its functions from text, and writes styles and scripts into the document; what
# matters here is that nothing is loaded from, sent to, or framed by anybody else.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self'"
    " 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data:"
    " blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri"
    " 'self'; form-action 'self'; frame-ancestors 'self'"
)
ON_SPACES = " https://huggingface.co https://*.hf.space"  # a Space is shown in a frame there


def allowed_hosts(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names under which this place answers, alongside numbers: its own, those of a Space, and those
    of TL_ALLOWED_HOSTS, where *.example.org stands for every name below it and * for any."""
    own = [
        "localhost",
        socket.gethostname(),
        environ.get("GRADIO_SERVER_NAME", ""),
        urlsplit(environ.get("GRADIO_ROOT_PATH", "")).hostname or "",
    ]
    space = (
        [*environ.get("SPACE_HOST", "").split(","), "*.hf.space"] if environ.get("SPACE_ID") else []
    )
    return tuple(
        dict.fromkeys(
            name.strip().lower()
            for name in (*own, *space, *environ.get("TL_ALLOWED_HOSTS", "").split(","))
            if name.strip()
        )
    )


class Uploads:
    """The bytes that each address has uploaded within the last hour."""

    def __init__(
        self,
        most_bytes: float,
        seconds: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.most_bytes, self.seconds, self.clock = most_bytes, seconds, clock
        self._taken: dict[str, deque[tuple[float, int]]] = {}

    def take(self, address: str, size: int) -> bool:
        """Whether an address may upload so much more; then it is counted."""
        now = self.clock()
        for other in [
            other for other, taken in self._taken.items() if taken[-1][0] < now - self.seconds
        ]:
            del self._taken[other]
        taken = self._taken.get(address, deque())
        while taken and taken[0][0] < now - self.seconds:
            taken.popleft()
        if sum(n for _, n in taken) + size > self.most_bytes:
            return False
        taken.append((now, size))
        self._taken[address] = taken
        return True


class Guard:
    """The outermost layer of the page's server."""

    def __init__(
        self, app: Any, profile: Profile, hosts: tuple[str, ...], room: Room | None = None
    ):
        self.app, self.profile, self.hosts, self.room = app, profile, hosts, room
        self.uploads = Uploads(UPLOADS * profile.max_upload_mb * 2**20)
        policy = POLICY + (ON_SPACES if profile.card is not None else "")
        self.headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),  # the address holds a study's name
            (b"content-security-policy", policy.encode()),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        more = (
            [(b"x-robots-tag", b"noindex, nofollow")]
            if b"study=" in scope.get("query_string", b"")
            else []
        )

        begun: list[bool] = []

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.append(True)
                message = {**message, "headers": [*message["headers"], *self.headers, *more]}
            await send(message)

        refusal = self._refusal(scope)
        try:
            await (refusal or self.app)(scope, receive, sending)
        except (KeyError, TypeError, ValueError):
            if BY_NAME not in scope["path"] or begun:
                raise
            await PlainTextResponse(
                "There is no such endpoint, or it has no such parameters. See /gradio_api/info.\n",
                400,
            )(scope, receive, sending)

    def _refusal(self, scope: Any) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = _name(headers.get("host", ""))
        if not is_allowed(host, self.hosts):
            said = (
                f"This page does not answer under the name {host[:200]!r}. Whoever runs it can"
                f" allow the name: TL_ALLOWED_HOSTS={host[:200]}"
            )
            return PlainTextResponse(said + "\n", 421)
        # A page for one person is not to be used by the pages of others that this person looks at.
        if (
            not self.profile.public
            and scope.get("method") in UNSAFE
            and headers.get("sec-fetch-site") == "cross-site"
        ):
            return PlainTextResponse("Requests from other pages are not answered here.\n", 403)
        if scope.get("method") == "POST" and UPLOAD in scope["path"]:
            return self._no_upload(scope, headers)
        if scope["path"].rstrip("/").endswith(CLOSED):
            return PlainTextResponse("There are no such links here.\n", 404)
        return None

    def _no_upload(self, scope: Any, headers: Headers) -> PlainTextResponse | None:
        """Files go to the disk before anybody looks at them."""
        size = headers.get("content-length", "")
        most = self.profile.max_upload_mb * 2**20  # the most Gradio takes where no size is given
        count = int(size) if size.isdecimal() else most
        if not self.uploads.take((scope.get("client") or ("",))[0], count):
            return PlainTextResponse(
                "That is more than one visitor may upload here in an hour. Try again later.\n", 429
            )
        try:
            if self.room:
                self.room.check_free(min(count, most))
        except UserError as fault:
            return PlainTextResponse(f"{fault}\n", 507)
        return None


def is_allowed(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether a name, without its port, is one of these; every number is."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return any(
            name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:]))
            for name in hosts
        )
    return True


def _name(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""
