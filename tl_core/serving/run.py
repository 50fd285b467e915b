"""Starts the service: loads the arms, opens the port, and ends gracefully."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.api.errors import UserError
from tl_core.api.sentences import say as sentence
from tl_core.api.sentences import together
from tl_core.registry import Registry, is_reference
from tl_core.serving.arms import Bases, Served, open_served
from tl_core.serving.asking import Limits

if TYPE_CHECKING:
    from tl_core.serving.app import Service

GRACE = 30  # seconds that open requests have after SIGTERM


def serve(
    arms: Sequence[str],
    *,
    host: str,
    port: int,
    limits: Limits,
    token_file: str | None,
    device: str | None,
    may_send: Callable[[str], bool],
    say: Callable[[str], None],
) -> None:
    """Answer until the process is told to end.

    Raises:
        UserError: an arm cannot be loaded, or the port is taken.
    """
    import uvicorn

    from tl_core.serving.app import make_app

    token = token_of(token_file)
    service = service_of(arms, limits=limits, token=token, device=device, may_send=may_send)
    listening = _listening(host, port)
    port = listening.getsockname()[1]
    log_to_stderr()
    announce(list(service.arms), host, port, token, say)
    config = uvicorn.Config(
        make_app(service),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )
    # uvicorn ends gracefully on SIGTERM and then sends it to the process again
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)
        listening.close()


def service_of(
    arms: Sequence[str],
    *,
    limits: Limits,
    token: str | None,
    device: str | None,
    may_send: Callable[[str], bool],
) -> Service:
    """The service of the arms that are named, loaded; it goes over to promoted versions by itself.

    Raises:
        UserError: an arm cannot be loaded.
    """
    from tl_core.serving.app import Service

    bases = Bases(device)
    service = Service({arm.name: arm for arm in open_all(arms, bases, may_send)}, limits, token)
    if any(asked(given).registered for given in arms):
        service.renew = lambda: renewed(service.arms, arms, bases)
    return service


def announce(
    names: Sequence[str], host: str, port: int, token: str | None, say: Callable[[str], None]
) -> None:
    """Say where what answers, and who may ask."""
    if token is None and host not in ("127.0.0.1", "localhost", "::1"):
        say(
            sentence(
                "Whoever reaches {host}:{port} may ask: give a token with --token-file, or put it"
                " behind something that asks for one.",
                host=host,
                port=port,
            )
        )
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    said = ", ".join(names)
    say(sentence("{names} answer at {url}; {url}/docs says how.", names=said, url=url))


def renewed(now: Mapping[str, Served], arms: Sequence[str], bases: Bases) -> dict[str, Served]:
    """The arms whose version in the registry is another one than what answers, loaded.

    Raises:
        UserError: a version cannot be loaded.
    """
    fresh = {}
    for given in arms:
        wanted = asked(given)
        if wanted.registered:
            version = Registry().find(wanted.place)
            name = wanted.name or version.name
            if now[name].about.get("version") != version.version:
                found = _opened(given, bases)
                if not now[name].sends_texts:  # else it was agreed to when the service began
                    _see_consent(found, lambda question: False)
                fresh[name] = found
    return fresh


def open_all(arms: Sequence[str], bases: Bases, may_send: Callable[[str], bool]) -> list[Served]:
    """Load the arms that are named on the command line.

    Raises:
        UserError: with everything that is wrong.
    """
    found: list[Served] = []
    faults: list[str] = []
    for given in arms:
        try:
            arm = _opened(given, bases)
            _see_consent(arm, may_send)
            if any(arm.name == other.name for other in found):
                raise UserError(
                    sentence(
                        "Two arms would answer as {name}. Name them: NAME={given}.",
                        name=arm.name,
                        given=given,
                    )
                )
            found.append(arm)
        except UserError as fault:
            faults += fault.faults
    if faults:
        raise UserError(together(faults))
    return found


@dataclass(frozen=True)
class Asked:
    """An arm as the command line names it: NAME=PLACE or PLACE, a place being NAME@VERSION of the
    registry, or a folder, with :RUN behind it for one run of a study.
    """

    name: str  # "": as it is called itself
    place: str  # without the run
    run: str | None
    registered: bool


def asked(given: str) -> Asked:
    """Take apart what the command line says of an arm."""
    name, _, place = given.rpartition("=")
    if name and Path(given).exists():  # a folder whose name has one
        name, place = "", given
    if is_reference(place):
        return Asked(name, place, None, True)
    run = None
    if not Path(place).exists() and ":" in place:
        place, _, run = place.rpartition(":")
    return Asked(name, place, run, False)


def _opened(given: str, bases: Bases) -> Served:
    wanted = asked(given)
    if wanted.registered:
        version, folder = Registry().opened(wanted.place)
        served = open_served(folder, bases, name=wanted.name or version.name)
        served.about["version"] = version.version
        return served
    return open_served(Path(wanted.place), bases, run=wanted.run, name=wanted.name)


def _see_consent(arm: Served, may_send: Callable[[str], bool]) -> None:
    """Texts that are asked about leave this machine only where somebody says that they may."""
    if not arm.sends_texts:
        return
    question = sentence("{name} sends every text that it is asked about away.", name=arm.name)
    if not may_send(question):
        raise UserError(
            sentence(
                "{name} sends texts to a chat endpoint. Say --send-texts if those it is asked"
                " about may leave this machine.",
                name=arm.name,
            )
        )


def token_of(file: str | None) -> str | None:
    """The token: the first line of the file, or TL_SERVE_TOKEN; None where neither is given.

    Raises:
        UserError: the file cannot be read, or is empty.
    """
    if file is None:
        return os.environ.get("TL_SERVE_TOKEN") or None
    try:
        token = (Path(file).read_text(encoding="utf-8").splitlines() or [""])[0].strip()
    except (OSError, ValueError) as fault:
        raise UserError(
            sentence("{file} cannot be read: {fault}", file=file, fault=fault)
        ) from None
    if not token:
        raise UserError(sentence("{file} holds no token in its first line.", file=file))
    return token


def _listening(host: str, port: int) -> socket.socket:
    try:
        kind = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(kind[0], socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(kind[4])
        made.listen(1024)
        return made
    except OSError as fault:
        raise UserError(
            sentence(
                "{host}:{port} cannot be listened on: {reason}. Choose another --port or --host.",
                host=host,
                port=port,
                reason=fault.strerror or fault,
            )
        ) from None


def log_to_stderr() -> None:
    """Let the service log a line a request, and the server what goes wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in ("transfer-lab.serve", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if name.startswith("transfer") else logging.WARNING)
