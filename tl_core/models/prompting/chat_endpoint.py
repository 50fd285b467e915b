"""An endpoint that speaks OpenAI's chat protocol: where it is, how it is called, and what is done
when it does not answer.

Its address is in the environment and nowhere else, so that no study, report or message of a
fault holds it:

    TL_CHAT_URL       base address, such as http://127.0.0.1:8000/v1
    TL_CHAT_KEY       its key, if it wants one
    TL_CHAT_MODEL     the model that answers where an arm names none
    TL_CHAT_PARALLEL  requests under way at a time (8)
    TL_CHAT_TIMEOUT   seconds that one answer may take (60)
    TL_CHAT_ATTEMPTS  how often one request is tried where trouble may pass (8, which takes one to
                      two minutes)
    TL_CHAT_PRICE     what a million tokens cost, in and out, as in 0.15,0.60

Source: OpenAI API reference, "Create chat completion" (2026). Servers take less than all of it;
    `probe` finds out what.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import json
import math
import os
import queue
import random
import re
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from tl_core.api.errors import Unreachable, UserError, raise_all
from tl_core.api.sentences import say, together
from tl_core.api.types import Step, Steps, digest

if TYPE_CHECKING:
    import httpx

THE_ENDPOINT = say("The endpoint in TL_CHAT_URL")
MOST_PARALLEL = 256
MOST_ATTEMPTS = 50
MOST_BYTES = 2**20  # of one answer; a label is some bytes
TICK_SECONDS = 0.2  # between signs of life while nothing arrives
END_SECONDS = 1.0  # given to requests under way to close their connections
COMPLAINT_CHARACTERS = 200
MOST_ALTERNATIVES = 20  # OpenAI's limit of top_logprobs; some servers allow 5
FEWER_ALTERNATIVES = 5


# --- where it is ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Endpoint:
    """An address with what is needed to ask there. Neither address nor key is in its repr."""

    base: str = field(repr=False)
    key: str = field(default="", repr=False)
    model: str = ""
    parallel: int = 8
    timeout: float = 60.0
    attempts: int = 8
    price: tuple[float, float] | None = None  # of a million tokens in, and out

    @property
    def host(self) -> str:
        """As a person is asked about it; never written to a file."""
        return _split(self.base).netloc

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, so that nothing leaves it."""
        name = _split(self.base).hostname or ""
        with suppress(ValueError):
            return ipaddress.ip_address(name).is_loopback
        return name == "localhost" or name.endswith(".localhost")

    @property
    def is_encrypted(self) -> bool:
        """Whether no one on the way can read along."""
        return self.base.startswith("https:")

    @property
    def mark(self) -> str:
        """Return the mark that a consent names: equal for equal hosts, and the host cannot be read
        from it.
        """
        return digest(["chat endpoint", _split(self.base).scheme, self.host.lower()])[:16]

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return what so many tokens cost, in the currency of TL_CHAT_PRICE; None where it is not
        set.
        """
        return (
            None
            if self.price is None
            else (tokens_in * self.price[0] + tokens_out * self.price[1]) / 1e6
        )


def endpoint_of(environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The endpoint that the environment names.

    Raises:
        UserError: it names none, or something of it is wrong; values are not repeated, for they may
            be secret.
    """
    said = {
        name: environ.get(f"TL_CHAT_{name}", "").strip()
        for name in ("URL", "KEY", "MODEL", "PARALLEL", "TIMEOUT", "ATTEMPTS")
    }
    faults = _faults_of_address(said["URL"])
    if not all(33 <= ord(c) <= 126 for c in said["KEY"]):
        faults.append(say("TL_CHAT_KEY holds spaces or characters that no key has. Set it again."))
    parallel = _number(said["PARALLEL"] or "8")
    if not 1 <= parallel <= MOST_PARALLEL or parallel != int(parallel):
        faults.append(
            say(
                "TL_CHAT_PARALLEL must be a whole number from 1 to {most_parallel}: requests"
                " under way at a time.",
                most_parallel=MOST_PARALLEL,
            )
        )
    timeout = _number(said["TIMEOUT"] or "60")
    if not 0 < timeout <= 3600:
        faults.append(
            say(
                "TL_CHAT_TIMEOUT must be a number of seconds, up to 3600: how long one answer"
                " may take."
            )
        )
    attempts = _number(said["ATTEMPTS"] or "8")
    if not 1 <= attempts <= MOST_ATTEMPTS or attempts != int(attempts):
        faults.append(
            say(
                "TL_CHAT_ATTEMPTS must be a whole number from 1 to {most_attempts}: how often"
                " one request is tried.",
                most_attempts=MOST_ATTEMPTS,
            )
        )
    price = None
    try:
        price = token_price(environ)
    except UserError as fault:
        faults.append(str(fault))
    raise_all(faults)
    base = said["URL"].rstrip("/").removesuffix("/chat/completions")
    return Endpoint(base, said["KEY"], said["MODEL"], int(parallel), timeout, int(attempts), price)


def token_price(environ: Mapping[str, str] = os.environ) -> tuple[float, float] | None:
    """Return what a million tokens cost, in and out, by TL_CHAT_PRICE; None where it is not set.

    Raises:
        UserError: it is not two numbers.
    """
    said = environ.get("TL_CHAT_PRICE", "").strip()
    if not said:
        return None
    price = [_number(part) for part in said.split(",")]
    if len(price) != 2 or not all(0 <= p < math.inf for p in price):
        raise UserError(
            say(
                "TL_CHAT_PRICE must be two numbers, as in 0.15,0.60: what a million tokens cost,"
                " in and out."
            )
        )
    return price[0], price[1]


def _faults_of_address(url: str) -> list[str]:
    if not url:
        return [
            say(
                "chat asks a model through an endpoint, and none is set. Put its base address"
                " into the environment variable TL_CHAT_URL (as in http://127.0.0.1:8000/v1),"
                " its key into TL_CHAT_KEY and start again; or leave chat out."
            )
        ]
    try:
        parts = urlsplit(url)
        whole = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        whole = False
    if not whole or any(c.isspace() for c in url):
        return [
            say(
                "TL_CHAT_URL is no address of the form http://host:port/v1 or https://host/v1."
                " Set it again."
            )
        ]
    if parts.username or parts.password or parts.query or parts.fragment:
        return [
            say(
                "TL_CHAT_URL holds more than an address (a name and password, or something after"
                " ? or #). Put a key into TL_CHAT_KEY."
            )
        ]
    return []


def _split(url: str) -> SplitResult:
    return urlsplit(url)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


# --- what is asked, and what comes back -----------------------------------------------------------


@dataclass(frozen=True)
class Manner:
    """The features of the protocol that an endpoint supports."""

    alternatives: int = (
        MOST_ALTERNATIVES  # likeliest tokens returned for each place of the answer; 0: none
    )
    limit: str = "max_tokens"  # what it calls the most tokens of an answer
    temperature: bool = True  # may be set, to 0
    system: bool = True  # takes a message of the system

    def request(
        self, model: str, messages: Sequence[Mapping[str, str]], tokens: int
    ) -> dict[str, Any]:
        """The body of a request; the first message is the system's."""
        if not self.system:
            first, second, *rest = messages
            messages = [
                {"role": "user", "content": f"{first['content']}\n\n{second['content']}"},
                *rest,
            ]
        body: dict[str, Any] = {"model": model, "messages": list(messages), self.limit: tokens}
        if self.temperature:
            body["temperature"] = 0
        if self.alternatives:
            body |= {"logprobs": True, "top_logprobs": self.alternatives}
        return body

    def simpler(self, complaint: str) -> Manner | None:
        """The manner to try after this complaint: without what it names, else without what most
        servers lack; None at the end.
        """
        fewer = FEWER_ALTERNATIVES if self.alternatives > FEWER_ALTERNATIVES else 0
        ways: dict[str, tuple[bool, dict[str, Any]]] = {
            "logprobs": (self.alternatives > 0, {"alternatives": fewer}),
            "max_tokens": (self.limit == "max_tokens", {"limit": "max_completion_tokens"}),
            "temperature": (self.temperature, {"temperature": False}),
            "system": (self.system, {"system": False}),
        }
        possible = {name: change for name, (can, change) in ways.items() if can}
        named = [name for name in possible if name in complaint.lower()]
        return (
            dataclasses.replace(self, **possible[(named or list(possible))[0]])
            if possible
            else None
        )


@dataclass(frozen=True)
class Reply:
    """One answer."""

    text: str  # as it was written; "" where nothing was
    refused: bool = False  # the endpoint itself says that the model or a filter refused
    tokens: tuple[
        tuple[str, tuple[tuple[str, float], ...]], ...
    ] = ()  # each token with (token, log-probability) of the likeliest there
    tokens_in: int = 0
    tokens_out: int = 0
    model: str = ""  # who answered, as the endpoint says


@dataclass(frozen=True)
class Rejected:
    """A request that the endpoint would not take: too long, filtered, or not in its manner."""

    complaint: str


@dataclass(frozen=True)
class Patience:
    """The number of tries of one request, and their time limits."""

    attempts: int = 8
    late: int = (
        2  # attempts where an answer does not come in time, for each of these costs the whole time
    )
    # seconds before the second attempt; then twice as long each time, and up to as much again by
    # chance
    first: float = 0.5
    longest: float = 60.0  # wait between two attempts; an endpoint that asks for more is given up

    @property
    def when_probed(self) -> Patience:
        """Little, for somebody waits."""
        return dataclasses.replace(
            self, attempts=min(3, self.attempts), late=1, longest=min(10.0, self.longest)
        )


@dataclass(frozen=True)
class _Trouble:
    sentence: str
    again: bool = False  # may pass by itself
    late: bool = False
    wait: float | None = None  # seconds that the endpoint asks for


class Client:
    """A client of one endpoint."""

    def __init__(self, endpoint: Endpoint, patience: Patience | None = None):
        self.endpoint, self.patience = endpoint, patience or Patience(endpoint.attempts)
        self._resume = (
            0.0  # monotonic time before which nothing is sent, because the endpoint asked for quiet
        )

    def probe(self, model: str, tokens: int, manner: Manner) -> Steps[Manner]:
        """Ask something short that holds no text of anybody; as much of `manner` as the endpoint
        takes.

        Raises:
            Unreachable: it is down, slow, refuses the key or answers nonsense.
        """
        messages = (
            {"role": "system", "content": "Answer with the letter A and nothing else."},
            {"role": "user", "content": "A"},
        )
        while True:
            answer: Any = None
            with closing(
                self.ask_each([manner.request(model, messages, tokens)], self.patience.when_probed)
            ) as answers:
                for item in answers:
                    answer = item[1] if item else answer
                    yield Step(0, 1)
            if isinstance(answer, Reply):
                return manner if answer.tokens else dataclasses.replace(manner, alternatives=0)
            simpler = manner.simpler(answer.complaint)
            if simpler is None:
                raise Unreachable(
                    say(
                        "{the_endpoint} takes no request, not even the plainest. It says:"
                        " {complaint}",
                        the_endpoint=THE_ENDPOINT,
                        complaint=answer.complaint,
                    )
                )
            manner = simpler

    def ask_each(
        self, bodies: Iterable[dict[str, Any]], patience: Patience | None = None
    ) -> Generator[tuple[int, Reply | Rejected] | None, None, None]:
        """(position, answer) as answers come, and None now and then while none does. Closing ends
        what is under way.

        Raises:
            Unreachable: one request could not be answered, whatever was tried; the others are given
                up.
        """
        patience = patience or self.patience
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        stop = threading.Event()

        def work() -> None:
            try:
                asyncio.run(self._work(bodies, patience, arrived, stop))
                arrived.put(None)
            except Exception as fault:  # noqa: BLE001  raised where the answers are read
                arrived.put(fault)

        thread = threading.Thread(
            target=work, name="chat", daemon=True
        )  # the caller's may run an event loop already, as notebooks do
        thread.start()
        try:
            while True:
                try:
                    item = arrived.get(timeout=TICK_SECONDS)
                except queue.Empty:
                    yield None
                    continue
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            thread.join(END_SECONDS)

    async def _work(
        self,
        bodies: Iterable[dict[str, Any]],
        patience: Patience,
        arrived: queue.SimpleQueue,
        stop: threading.Event,
    ) -> None:
        import httpx

        waiting = enumerate(bodies)
        endpoint = self.endpoint
        headers = {
            "Accept-Encoding": "identity",
            **({"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}),
        }
        # What stays on this machine goes through no proxy; a redirect is not followed, for it may
        # lead the texts elsewhere.
        client = httpx.AsyncClient(
            headers=headers,
            timeout=endpoint.timeout,
            trust_env=not endpoint.is_here,
            follow_redirects=False,
            verify=endpoint.is_encrypted
            or not endpoint.is_here,  # reading all certificates takes longer than many an answer
            limits=httpx.Limits(
                max_connections=endpoint.parallel, max_keepalive_connections=endpoint.parallel
            ),
        )

        async def one_after_another() -> None:
            for position, body in waiting:
                arrived.put((position, await self._ask(client, body, patience)))

        async def until_stopped() -> None:
            while not stop.is_set():
                await asyncio.sleep(TICK_SECONDS / 2)

        tasks = [asyncio.ensure_future(one_after_another()) for _ in range(endpoint.parallel)]
        everything = asyncio.gather(*tasks)
        stopped = asyncio.ensure_future(until_stopped())
        both: list[asyncio.Future[Any]] = [everything, stopped]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if everything.done():
                everything.result()
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, everything, stopped, return_exceptions=True)
            await client.aclose()

    async def _ask(
        self, client: httpx.AsyncClient, body: dict[str, Any], patience: Patience
    ) -> Reply | Rejected:
        late = 0
        for attempt in range(1, patience.attempts + 1):
            await asyncio.sleep(max(0.0, self._resume - time.monotonic()))
            answer = await self._once(client, body)
            if not isinstance(answer, _Trouble):
                return answer
            late += answer.late
            wait = patience.first * 2 ** (attempt - 1)
            wait = max(
                answer.wait or 0.0,
                min(patience.longest, wait + random.SystemRandom().uniform(0, wait)),
            )
            if (
                not answer.again
                or attempt == patience.attempts
                or late >= patience.late
                or wait > patience.longest
            ):
                tried = say("It was tried {attempt} times.", attempt=attempt) if attempt > 1 else ""
                asked = (
                    say("It asks to wait {wait:,.0f} s.", wait=wait)
                    if wait > patience.longest
                    else ""
                )
                raise Unreachable(together((answer.sentence, tried, asked)))
            if answer.wait is not None:
                self._resume = max(self._resume, time.monotonic() + wait)
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, client: httpx.AsyncClient, body: dict[str, Any]
    ) -> Reply | Rejected | _Trouble:
        import httpx

        try:
            async with asyncio.timeout(self.endpoint.timeout):
                async with client.stream(
                    "POST", f"{self.endpoint.base}/chat/completions", json=body
                ) as response:
                    content = bytearray()
                    async for part in response.aiter_bytes():
                        content += part
                        if len(content) > MOST_BYTES:
                            return _Trouble(
                                say(
                                    "{the_endpoint} answers with more than {most_bytes} MB,"
                                    " which is no label. {no_endpoint}",
                                    the_endpoint=THE_ENDPOINT,
                                    most_bytes=MOST_BYTES // 2**20,
                                    no_endpoint=NO_ENDPOINT,
                                )
                            )
        except (TimeoutError, httpx.TimeoutException):
            sentence = say(
                "{the_endpoint} did not answer within {timeout:g} s. Raise TL_CHAT_TIMEOUT,"
                " lower TL_CHAT_PARALLEL (now {parallel}), or choose a faster model.",
                the_endpoint=THE_ENDPOINT,
                timeout=self.endpoint.timeout,
                parallel=self.endpoint.parallel,
            )
            return _Trouble(sentence, again=True, late=True)
        except httpx.ConnectError as fault:
            if "CERTIFICATE" in str(fault).upper():
                return _Trouble(
                    say(
                        "{the_endpoint} shows a certificate that this machine does not trust."
                        " Name the right host, or set SSL_CERT_FILE.",
                        the_endpoint=THE_ENDPOINT,
                    )
                )
            return _Trouble(
                say(
                    "{the_endpoint} cannot be reached: nothing answers there. Start it, or"
                    " correct the address.",
                    the_endpoint=THE_ENDPOINT,
                ),
                again=True,
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return _Trouble(
                say(
                    "{the_endpoint} broke off the connection before it had answered. Look into"
                    " its log, then start again.",
                    the_endpoint=THE_ENDPOINT,
                ),
                again=True,
            )
        return self._read(response.status_code, response.headers, bytes(content))

    def _read(
        self, status: int, headers: Mapping[str, str], content: bytes
    ) -> Reply | Rejected | _Trouble:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        complaint = self._harmless(_complaint(answer))
        if status == 200:
            return read_reply(answer) or _Trouble(
                say(
                    "{the_endpoint} answers with something that is no chat completion."
                    " {no_endpoint}",
                    the_endpoint=THE_ENDPOINT,
                    no_endpoint=NO_ENDPOINT,
                ),
                again=True,
            )
        if status in (401, 403):
            if self.endpoint.key:
                wrong = say(
                    "{the_endpoint} does not take the key in TL_CHAT_KEY ({status}).",
                    the_endpoint=THE_ENDPOINT,
                    status=status,
                )
            else:
                wrong = say(
                    "{the_endpoint} needs a key. Put it into TL_CHAT_KEY ({status}).",
                    the_endpoint=THE_ENDPOINT,
                    status=status,
                )
            return _Trouble(wrong)
        if status == 402 or (status == 429 and _code(answer) == "insufficient_quota"):
            return _Trouble(
                say(
                    "{the_endpoint} says that nothing is left to pay with ({status}). Look into"
                    " your account there.",
                    the_endpoint=THE_ENDPOINT,
                    status=status,
                )
            )
        if status == 404:
            return _Trouble(
                say(
                    "{the_endpoint} knows no such model or page (404). {complaint} See"
                    " endpoint_model and TL_CHAT_URL, which often ends with /v1.",
                    the_endpoint=THE_ENDPOINT,
                    complaint=complaint or NO_ENDPOINT,
                )
            )
        if status in (400, 413, 422):
            return Rejected(complaint or say("status {status}, without a word.", status=status))
        if status in (408, 409, 425, 429) or status >= 500:
            about = {"the_endpoint": THE_ENDPOINT, "status": status}
            if status == 429:
                what = say("{the_endpoint} asks for fewer requests ({status}).", **about)
            elif status >= 500:
                what = say("{the_endpoint} has a fault of its own ({status}).", **about)
            else:
                what = say("{the_endpoint} did not take the request in time ({status}).", **about)
            hint = (
                say(
                    "Lower TL_CHAT_PARALLEL (now {parallel}), or start again later.",
                    parallel=self.endpoint.parallel,
                )
                if status == 429
                else say("Look into its log, then start again.")
            )
            return _Trouble(together((what, hint)), again=True, wait=_retry_after(headers))
        return _Trouble(
            say(
                "{the_endpoint} answers with status {status}. {no_endpoint}",
                the_endpoint=THE_ENDPOINT,
                status=status,
                no_endpoint=NO_ENDPOINT,
            )
        )

    def _harmless(self, words: str) -> str:
        """The beginning of what the endpoint says, as a sentence, without its address and key."""
        parts = _split(self.endpoint.base)
        for secret in filter(
            None, (self.endpoint.key, self.endpoint.base, parts.netloc, parts.hostname)
        ):
            words = re.sub(re.escape(secret), "…", words, flags=re.IGNORECASE)
        words = " ".join(words.split())
        words = (
            words if len(words) <= COMPLAINT_CHARACTERS else words[: COMPLAINT_CHARACTERS - 1] + "…"
        )
        return words if not words or words[-1] in ".!?…" else f"{words}."


NO_ENDPOINT = say(
    "See that TL_CHAT_URL is the base address of an OpenAI-compatible endpoint; it often ends"
    " with /v1."
)


def read_reply(answer: Any) -> Reply | None:
    """A chat completion as it was parsed; None where it is none. Whatever is optional may be
    missing or odd.
    """
    try:
        choice = answer["choices"][0]
        message, text = choice["message"], choice["message"].get("content")
        if not isinstance(text, str | None):
            return None
        refused = bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter"
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    usage = answer.get("usage")
    counts = [
        usage.get(name) if isinstance(usage, dict) else 0
        for name in ("prompt_tokens", "completion_tokens")
    ]
    tokens_in, tokens_out = (n if isinstance(n, int) and n >= 0 else 0 for n in counts)
    model = answer.get("model")
    return Reply(
        text or "",
        refused,
        _tokens(choice),
        tokens_in,
        tokens_out,
        model if isinstance(model, str) else "",
    )


def _tokens(choice: dict[str, Any]) -> tuple:
    try:
        return tuple(
            (
                str(place["token"]),
                tuple((str(x["token"]), float(x["logprob"])) for x in place["top_logprobs"]),
            )
            for place in choice["logprobs"]["content"]
        )
    except (KeyError, TypeError, ValueError):
        return ()  # it does not tell them, or in a way of its own


def _complaint(answer: Any) -> str:
    """Return the endpoint's error message; servers put it in one of four places."""
    for path in (("error", "message"), ("error",), ("detail",), ("message",)):
        found = answer
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found:
            return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return ""


def _code(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("code") or error.get("type")) if isinstance(error, dict) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number or a date; None where neither is there."""
    said = headers.get("retry-after", "").strip()
    seconds = _number(said)
    if math.isnan(seconds):
        try:
            seconds = parsedate_to_datetime(said).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def settled_model(named: str, endpoint: Endpoint) -> str:
    """The name of the model that answers.

    Raises:
        UserError: neither the arm nor the environment names one.
    """
    if name := named.strip() or endpoint.model:
        return name
    raise UserError(
        say(
            "chat needs the name of a model. Give the arm endpoint_model=NAME, as the endpoint"
            " calls it, or set TL_CHAT_MODEL."
        )
    )
