"""The HTTP service: the schema of the inference API, for several arms by name."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.serving.arms import Served
from tl_core.serving.asking import Asked, Limits, Refused, read_asked
from tl_core.serving.batching import Batcher

log = logging.getLogger("transfer-lab.serve")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
LOOK = 0.25  # seconds between looks whether a client is still there
OPEN = ("/health", "/ready")  # asked by machines that have no token
SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "inputs": {
                            "description": "a text, or a list; of pairs objects with text and"
                            " text_pair; of questions objects with question and context"
                        },
                        "parameters": {
                            "type": "object",
                            "properties": {
                                "model": {"type": "string"},
                                "top_k": {"type": "integer", "minimum": 1},
                                "answers": {"type": "boolean"},
                            },
                        },
                    },
                },
                "example": {"inputs": "a text", "parameters": {"top_k": 2}},
            }
        },
    }
}


@dataclass
class Service:
    """What answers: arms by name, and how far each may be asked."""

    arms: dict[str, Served]
    limits: Limits = Limits()
    token: str | None = None  # None: whoever reaches the port may ask
    renew: Callable[[], Mapping[str, Served]] | None = None  # looks for promoted versions
    renew_seconds: float = 2.0
    batcher: Batcher = field(init=False)
    metrics: Any = None

    def __post_init__(self) -> None:
        self.batcher = Batcher(self.limits.waiting)

    def arm(self, name: str | None) -> Served:
        """An arm by its name; the only one where none is named.

        Raises:
            Refused: there is none, or several.
        """
        if name is None and len(self.arms) == 1:
            return next(iter(self.arms.values()))
        known = ", ".join(self.arms)
        if name is None:
            raise Refused(
                422, say('Several models answer here: name one with "model": {known}.', known=known)
            )
        if name not in self.arms:
            raise Refused(
                404,
                say("There is no model {name!r}; there are {known}.", name=name[:100], known=known),
            )
        return self.arms[name]


def make_app(service: Service) -> FastAPI:
    """The application."""
    app = FastAPI(
        title="Transfer Lab",
        description="Labels for texts, from arms that a study trained.",
        lifespan=lambda app: _running(app, service),
    )
    app.state.ready = False
    service.metrics = _metrics(service)

    app.add_middleware(_Around, service=service)

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process lives."""
        return {"status": "ok"}

    @app.get("/ready")
    async def ready() -> Response:
        """Whether it answers."""
        if not app.state.ready:
            return JSONResponse({"status": "starting"}, 503, {"Retry-After": "1"})
        return JSONResponse({"status": "ready", "models": list(service.arms)})

    @app.get("/models")
    async def models() -> list[dict[str, Any]]:
        """What answers here, with its labels."""
        return [
            {
                **arm.about,
                "labels": list(arm.problem.label_ids),
                "inputs": arm.problem.inputs,
                "task": arm.problem.task,
            }
            for arm in service.arms.values()
        ]

    @app.post("/", openapi_extra=SCHEMA)
    async def label(request: Request) -> Response:
        """Labels for texts, from the likeliest down."""
        return await _label(service, request, None)

    @app.post("/models/{name}", openapi_extra=SCHEMA)
    async def label_by(request: Request, name: str) -> Response:
        """The same, by the arm of this name."""
        return await _label(service, request, name)

    if service.metrics is not None:

        @app.get("/metrics")
        async def metrics() -> Response:
            """For Prometheus."""
            return Response(service.metrics.text(), media_type=service.metrics.media_type)

    return app


@asynccontextmanager
async def _running(app: FastAPI, service: Service) -> AsyncIterator[None]:
    service.batcher.start()
    renewing = asyncio.create_task(_renew(service)) if service.renew else None
    app.state.ready = True
    yield
    app.state.ready = False
    if renewing is not None:
        renewing.cancel()
    await service.batcher.close()


async def _renew(service: Service) -> None:
    """Put promoted versions in place of those before, once they are loaded: no request waits, and
    each is answered by the version it came to.
    """
    assert service.renew is not None
    while True:
        await asyncio.sleep(service.renew_seconds)
        try:
            fresh = await asyncio.to_thread(service.renew)
        except Exception as fault:  # noqa: BLE001  what answers now goes on answering
            log.error("A new version could not be loaded: %s", fault)
            continue
        for name, arm in fresh.items():
            service.arms[name] = arm
            log.info("%s answers with run %s now.", name, arm.about.get("run"))


# --- one request ----------------------------------------------------------------------------------


class _Around:
    """What every request has: an id, a token, a line in the log, and for every fault a sentence.

    A layer of plain ASGI: Starlette's own kind gives each request tasks and streams of its own.
    """

    def __init__(self, app: Any, service: Service):
        self.app, self.service = app, service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get("x-request-id", "")
        request.state.id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:16]
        started, answer = time.perf_counter(), _Answer(request, send)
        try:
            _see_token(self.service, request)
            await self.app(scope, receive, answer.send)
        except Exception as fault:
            if answer.status and not answer.unknown:
                raise  # half of it is on its way
            await _said(fault, request)(scope, receive, answer.send_it)
        else:
            if answer.unknown:
                refused = Refused(answer.status, _no_such(request))
                await _refusal(refused, request)(scope, receive, answer.send_it)
        seconds, texts = time.perf_counter() - started, getattr(request.state, "texts", 0)
        log.info(
            "%s %s %s %d texts=%d ms=%.0f",
            request.state.id,
            request.method,
            request.url.path[:100].encode("ascii", "backslashreplace").decode(),
            answer.status,
            texts,
            1000 * seconds,
        )
        if self.service.metrics is not None:
            self.service.metrics.seen(answer.status, texts, seconds)


class _Answer:
    """Sends an answer with the id of its request; keeps back that a path is unknown, which is said
    in a sentence instead.
    """

    def __init__(self, request: Request, send: Any):
        self._request, self._send = request, send
        self.status, self.unknown = 0, False

    async def send(self, message: Any) -> None:
        """A part of what the application answers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.unknown = self.status in (404, 405) and not hasattr(self._request.state, "texts")
        if not self.unknown:
            await self.send_it(message)

    async def send_it(self, message: Any) -> None:
        """A part of an answer, whatever it is."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = (b"x-request-id", self._request.state.id.encode())
            message = {**message, "headers": [*message.get("headers", ()), own]}
        await self._send(message)


def _said(fault: Exception, request: Request) -> Response:
    """The answer to a request that cannot have another."""
    if isinstance(fault, Refused):
        return _refusal(fault, request)
    if isinstance(fault, UserError):
        return _refusal(Refused(400, str(fault)), request)
    log.error("request %s failed", request.state.id, exc_info=fault)
    said = say("Something went wrong here; the log has it under {id}.", id=request.state.id)
    return _refusal(Refused(500, said), request)


def _no_such(request: Request) -> str:
    if request.method == "GET" and request.url.path == "/":
        return say('Send texts here with POST: {"inputs": "a text"}. GET /models has the models.')
    return say("There is nothing here. POST / labels texts; GET /docs says how.")


def _see_token(service: Service, request: Request) -> None:
    if service.token is None or request.url.path in OPEN:
        return
    given = request.headers.get("authorization", "").encode("latin-1", "replace")
    if not hmac.compare_digest(given, f"Bearer {service.token}".encode()):
        raise Refused(401, say("Send the token of this service: Authorization: Bearer TOKEN."))


def _refusal(refused: Refused, request: Request) -> Response:
    headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    said = {"error": str(refused.said), "request_id": request.state.id}
    return _json(said, refused.status, headers)


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(text, status, headers, "application/json")


async def _label(service: Service, request: Request, named: str | None) -> Response:
    body = await _body(request, service.limits.body_bytes)
    asked = read_asked(body, service.limits, lambda name: service.arm(name).takes, named)
    arm = service.arm(asked.model)
    request.state.texts = len(asked.examples)
    if arm.by_word:
        return _json(await _stretches(service, request, arm, asked))
    scores = await _answer(service, request, arm, asked)
    rows = arm.rows(scores, asked.most)
    if not asked.answers:
        return _json(rows)
    return _json(
        [
            {"labels": labels, "scores": row}
            for labels, row in zip(arm.answers(scores), rows, strict=True)
        ]
    )


async def _stretches(service: Service, request: Request, arm: Served, asked: Asked) -> Any:
    """What is in each text; of one text that came alone, not in a list."""
    if asked.most is not None or asked.answers:
        raise Refused(
            422,
            say(
                '"top_k" and "answers" are about labels of whole texts, and {name} answers with'
                " stretches of a text. Leave them out.",
                name=arm.name,
            ),
        )
    said = arm.stretches(asked.examples, await _answer(service, request, arm, asked))
    return said if asked.several else said[0]


async def _body(request: Request, most: int) -> bytes:
    """The body, read no further than it may be long."""
    too_long = Refused(413, say("The body is longer than {most:,} bytes.", most=most))
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > most):
        raise too_long
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_long
        parts.append(part)
    return b"".join(parts)


async def _answer(service: Service, request: Request, arm: Served, asked: Asked) -> Any:
    """Scores, unless time is up or the client went away."""
    answer = asyncio.ensure_future(service.batcher.ask(arm, asked.examples))
    ends = time.monotonic() + service.limits.seconds
    try:
        while not answer.done():
            await asyncio.wait([answer], timeout=min(LOOK, max(0.0, ends - time.monotonic())))
            if answer.done():
                break
            if time.monotonic() >= ends:
                raise Refused(
                    503,
                    say(
                        "No answer within {seconds:g} seconds. Send fewer texts, or try later.",
                        seconds=service.limits.seconds,
                    ),
                    retry_after=max(1, round(service.limits.seconds)),
                )
            if await request.is_disconnected():
                raise Refused(499, say("The client went away."))
        return answer.result()
    finally:
        answer.cancel()


# --- numbers --------------------------------------------------------------------------------------


def _metrics(service: Service) -> Any:
    """Counters for Prometheus where its client is installed; else None."""
    try:
        import prometheus_client as client
    except ModuleNotFoundError:
        return None
    return _Metrics(service, client)


class _Metrics:
    def __init__(self, service: Service, client: Any):
        registry = client.CollectorRegistry()
        self._client, self._registry = client, registry
        self.media_type = client.CONTENT_TYPE_LATEST
        self._requests = client.Counter(
            "requests", "Requests by status", ["status"], registry=registry
        )
        self._texts = client.Counter("texts", "Texts labelled", registry=registry)
        self._seconds = client.Histogram("request_seconds", "Seconds a request", registry=registry)
        self._batch = client.Histogram(
            "batch_texts",
            "Texts answered together",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=registry,
        )
        waiting = client.Gauge("waiting_texts", "Texts that wait", registry=registry)
        waiting.set_function(lambda: service.batcher.count)
        service.batcher.sizes = self._batch.observe

    def seen(self, status: int, texts: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(str(status)).inc()
        self._texts.inc(texts if status == 200 else 0)
        self._seconds.observe(seconds)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return self._client.generate_latest(self._registry)
