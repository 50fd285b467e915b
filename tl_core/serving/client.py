"""Asks a service on this machine, as `transfer-lab serve` starts one.

Loopback addresses only, no redirects, no proxies: what somebody types into a page must not make
this program ask other machines on their behalf. Nothing of an answer is passed on but what a
service of this program says.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.json_text import parsed
from tl_core.tasks import ASKS, TAGS

SECONDS = 40.0  # until an answer; a service gives up after 30 by itself
MOST_BYTES = 4_000_000  # of an answer
MOST_MODELS = 20
MOST_SAID = 500  # characters of a fault that are passed on
LOCALHOST = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Address:
    """Where a service on this machine listens."""

    hosts: tuple[str, ...]  # numbers; the first that answers is asked
    port: int
    url: str  # as a person writes it, without a slash at its end


@dataclass(frozen=True)
class Heard:
    """What a model of a service says about a text."""

    model: str
    about: dict[str, Any]  # as `GET /models` says it
    ranked: tuple[tuple[str, float], ...] = ()  # labels with their scores, from the likeliest down
    given: tuple[str, ...] = ()  # the labels that the task gives
    seconds: float = 0.0  # from the question to the answer
    why_not: str = ""  # a sentence; "" where it answered


def address(text: str) -> Address:
    """An address that somebody wrote: http://127.0.0.1:8080, localhost:8080, http://[::1]:8080.

    Raises:
        UserError: it is none, or not one of this machine.
    """
    written = text.strip()
    try:
        parts = urlsplit(written if "://" in written else f"http://{written}")
        host, port = (parts.hostname or "").lower(), parts.port or 80
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    beside = (parts.username, parts.password, parts.query, parts.fragment)
    if not host or any(beside) or parts.path not in ("", "/"):
        raise UserError(
            say(
                "{given} is no address of a service. Write it like http://127.0.0.1:8080.",
                given=repr(written[:100]),
            )
        )
    if parts.scheme != "http" or not (host == "localhost" or _is_loopback(host)):
        raise UserError(
            say(
                "Only a service on this machine can be asked, by http and under 127.0.0.1,"
                " localhost or [::1]; {given} is none.",
                given=repr(written[:100]),
            )
        )
    shown = f"[{host}]" if ":" in host else host
    hosts = LOCALHOST if host == "localhost" else (host,)
    return Address(hosts, port, f"http://{shown}:{port}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def ask_service(
    where: Address, text: str, text_b: str | None = None, *, token: str = ""
) -> tuple[Heard, ...]:
    """What each model of a service says about a text.

    Args:
        text_b: the second text, for models that take two.

    Raises:
        UserError: nothing answers there, it is no service of this program, or it asks for a token.
    """
    if not text.strip():
        raise UserError(say("There is no text to label."))
    if not (token.isascii() and token.isprintable()):
        raise UserError(say("The token holds characters that no token has."))
    there = _asked(where, "GET", "/models", None, token)
    return tuple(
        _heard(where, about, text, text_b, token) for about in _models(where, there)[:MOST_MODELS]
    )


def _models(where: Address, there: Any) -> list[dict[str, Any]]:
    if isinstance(there, list) and there and all(map(_is_model, there)):
        return there
    raise UserError(_no_service(where))


def _is_model(given: Any) -> bool:
    return isinstance(given, dict) and all(
        isinstance(given.get(x), str) for x in ("name", "inputs")
    )


def _heard(
    where: Address, about: dict[str, Any], text: str, text_b: str | None, token: str
) -> Heard:
    name = about["name"]
    if about["inputs"] == "two texts" and not (text_b or "").strip():
        return Heard(name, about, why_not=say("It takes two texts, and there is one."))
    stretches = about.get("task") in (TAGS, ASKS)
    parameters = {"model": name} if stretches else {"model": name, "answers": True}
    asked = {"inputs": inputs_of(about, text, text_b), "parameters": parameters}
    started = time.perf_counter()
    try:
        found = _asked(where, "POST", "/", asked, token)
    except UserError as fault:
        return Heard(name, about, why_not=fault.sentence)
    seconds = time.perf_counter() - started
    try:
        if stretches:
            ranked = _stretches(found)
            return Heard(name, about, ranked, tuple(said for said, _ in ranked), seconds)
        ranked = tuple((str(x["label"]), float(x["score"])) for x in found[0]["scores"])
        return Heard(name, about, ranked, tuple(map(str, found[0]["labels"])), seconds)
    except (LookupError, TypeError, ValueError):
        raise UserError(_no_service(where)) from None


def inputs_of(about: dict[str, Any], text: str, text_b: str | None) -> Any:
    """What a model is asked with, as it says of itself what it takes."""
    if about["inputs"] != "two texts":
        return text
    if about.get("task") == ASKS:
        return {"question": text_b or "", "context": text}
    return {"text": text, "text_pair": text_b or ""}


def _stretches(found: Any) -> tuple[tuple[str, float], ...]:
    """Spans with their types, or the answer to a question, each with its score."""
    if isinstance(found, dict):
        return ((str(found["answer"]) or "–", float(found["score"])),)
    return tuple((f"{x['word']} ({x['entity_group']})", float(x["score"])) for x in found)


def _asked(where: Address, method: str, path: str, asked: Any, token: str) -> Any:
    """The JSON of an answer.

    Raises:
        UserError: there is no answer, or it is a refusal.
    """
    body = None if asked is None else json.dumps(asked).encode("ascii")
    headers = {"Content-Type": "application/json"} if body else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    status, said = _exchanged(where, method, path, body, headers)
    try:
        found = parsed(said.decode("utf-8"))
    except ValueError:
        raise UserError(_no_service(where)) from None
    if status == 200:
        return found
    if status == 401:
        raise UserError(say("The service at {url} asks for its token.", url=where.url))
    if not (isinstance(found, dict) and isinstance(found.get("error"), str)):
        raise UserError(_no_service(where))
    raise UserError(
        say(
            "The service at {url} answered {status}: {said}",
            url=where.url,
            status=status,
            said=found["error"][:MOST_SAID],
        )
    )


def _exchanged(
    where: Address, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    fault: Exception | None = None
    for host in where.hosts:
        connection = http.client.HTTPConnection(host, where.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            said = answer.read(MOST_BYTES + 1)
        except ConnectionRefusedError as refused:
            fault = refused
            continue
        except (OSError, http.client.HTTPException) as broken:
            fault = broken
            break
        finally:
            connection.close()
        if len(said) > MOST_BYTES:
            raise UserError(_no_service(where))
        return answer.status, said
    raise UserError(
        say(
            "Nothing answers at {url} ({fault}). Start a service in a terminal: transfer-lab serve"
            " STUDY",
            url=where.url,
            fault=type(fault).__name__,
        )
    ) from fault


def _no_service(where: Address) -> Sentence:
    return say(
        "What answers at {url} is no service of this program. Start one: transfer-lab serve STUDY",
        url=where.url,
    )
