"""A chat endpoint on loopback that plays a deterministic model: it picks the label whose
description and shown rows share most words with the text. Real sockets and HTTP; how it misbehaves
is chosen by name."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-a-key-that-must-not-be-found"


@dataclass
class Served:
    """A running endpoint: what it was sent, and how it behaves."""

    url: str
    mode: str = "normal"
    key: str = ""  # that it wants
    requests: list[dict] = field(default_factory=list)
    seen: Counter = field(default_factory=Counter)  # requests by what they hold
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to ask it."""
        return {"TL_CHAT_URL": self.url, "TL_CHAT_KEY": KEY, "TL_CHAT_MODEL": "tiny-chat"}


@contextmanager
def serving(mode: str = "normal", key: str = "") -> Iterator[Served]:
    """An endpoint on a free port, ended with the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.served = served = Served(f"http://127.0.0.1:{server.server_address[1]}/v1", mode, key)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of connections not yet taken; with the usual 5, others wait a second


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        served: Served = self.server.served
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with served.lock:
            served.requests.append(body)
            served.seen[json.dumps(body["messages"])] += 1
            times = served.seen[json.dumps(body["messages"])]
            served.at_once += 1
            served.most_at_once = max(served.most_at_once, served.at_once)
        with suppress(BrokenPipeError, ConnectionResetError):  # nobody waits for it any more
            self._answer(served, body, times)

    def _answer(self, served: Served, body: dict, times: int) -> None:
        mode, probed = served.mode, is_probe(body)
        if self.path != "/v1/chat/completions":
            return self._send(404, {"detail": "Not Found"})
        if served.key and self.headers["Authorization"] != f"Bearer {served.key}":
            return self._send(
                401,
                {
                    "error": {
                        "message": f"Incorrect API key provided: {self.headers['Authorization']}"
                    }
                },
            )
        if mode == "busy" or (mode == "busy once" and times == 1):
            return self._send(
                429,
                {"error": {"message": "slow down"}},
                {"Retry-After": "0"} if mode == "busy once" else {},
            )
        if mode == "busy for an hour":
            return self._send(429, {}, {"Retry-After": "3600"})
        if mode == "unpaid":
            return self._send(429, {"error": {"code": "insufficient_quota"}})
        if mode == "broken" or (mode == "broken later" and not probed):
            return self._send(500, {"error": f"see http://{self.headers['Host']}/logs"})
        if mode == "moved":
            return self._send(302, {}, {"Location": "http://127.0.0.1:9/v1"})
        if mode == "cuts off" or (mode == "cuts off once" and times == 1):
            self.close_connection = True
            return self.connection.close()
        if mode == "slow":
            time.sleep(20)
        if mode == "takes a moment":
            time.sleep(0.05)
        if mode == "drips":
            return self._drip()
        if mode == "huge":
            return self._send(200, {"choices": [{"message": {"content": "A" * 2_000_000}}]})
        if mode == "no JSON":
            return self._send(200, b"<html>Welcome</html>")
        if mode == "other JSON":
            return self._send(200, {"choices": []})
        if mode == "deep JSON":
            return self._send(200, b"[" * 200_000)
        if complaint := _complaint(mode, body):
            return self._send(400, {"error": {"message": complaint}})
        self._send(200, completion(mode, body))

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b" ")
            time.sleep(0.05)

    def _send(self, status: int, answer: dict | bytes, headers: dict | None = None) -> None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        with self.server.served.lock:
            self.server.served.at_once -= 1
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at `Served`."""


def _complaint(mode: str, body: dict) -> str:
    if mode == "plain" and "logprobs" in body:
        return "logprobs is not supported"
    if mode == "five at most" and body.get("top_logprobs", 0) > 5:
        return "top_logprobs must be at most 5"
    if mode == "newest":
        if "max_tokens" in body:
            return "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        if "temperature" in body:
            return "Unsupported value: 'temperature' does not support 0 with this model."
    if mode == "no system" and body["messages"][0]["role"] == "system":
        return "System role not supported"
    if mode == "takes nothing":
        return f"Invalid request: {KEY} was sent"
    if mode == "too long" and len(body["messages"][-1]["content"]) > 120:
        return "maximum context length exceeded"
    return ""


def is_probe(body: dict) -> bool:
    """Whether this is the question without a text."""
    return body["messages"][-1]["content"].rpartition("\n\n")[2] == "A"


def completion(mode: str, body: dict) -> dict:
    """The answer of the model that is played."""
    told = "" if is_probe(body) else _answer_of(body["messages"])
    shares: dict[str, float] = {}
    if isinstance(told, tuple):
        told, shares = told
    odd = sum(map(ord, body["messages"][-1]["content"])) % 3 == 0
    message: dict = {"role": "assistant", "content": told or "A"}
    finish = "stop"
    if mode == "talks" or (mode == "talks at times" and odd):
        message["content"] = f"I think that the answer could be {told}, but who knows?"
    elif mode == "refuses" or (mode == "refuses at times" and odd):
        message |= {"content": None, "refusal": "I cannot help with that."}
    elif mode == "filtered":
        message["content"], finish = "", "content_filter"
    elif mode == "thinks":
        message["content"] = f"<think>A? B? Hm.</think>\n\n**{told}**"
    choice: dict = {"index": 0, "message": message, "finish_reason": finish}
    if body.get("logprobs") and mode != "choices":
        alternatives = [
            {"token": t, "logprob": math.log(p)} for t, p in (shares or {told or "A": 0.9}).items()
        ][: body["top_logprobs"]]
        choice["logprobs"] = {
            "content": [{"token": told or "A", "logprob": 0.0, "top_logprobs": alternatives}]
        }
    usage = {
        "prompt_tokens": sum(len(m["content"].split()) for m in body["messages"]),
        "completion_tokens": 1,
    }
    return {
        "object": "chat.completion",
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }


def _answer_of(messages: list[dict]) -> str | tuple[str, dict[str, float]]:
    """The mark of the best label with the chance of each, or a list of the marks of those that
    share a word.
    """
    system = (
        "\n".join(m["content"] for m in messages if m["role"] == "system") or messages[0]["content"]
    )
    if system.startswith("You write"):  # it says the first two words of the text
        return " ".join(json.loads(messages[-1]["content"])["text"].split()[:2])
    if system.startswith("You mark"):  # it marks what was marked in the rows shown
        marked = {}
        for message in messages:
            if message["role"] == "assistant":
                marked |= {x["span"]: x["type"] for x in json.loads(message["content"])}
        text = json.loads(messages[-1]["content"])["text"]
        there = sorted((s for s in marked if s in text), key=text.find)
        return json.dumps([{"span": span, "type": marked[span]} for span in there])
    if system.startswith("You answer"):  # with the word behind the last one of the question
        asked = json.loads(messages[-1]["content"])
        said, last = asked["text"].split(), asked["question"].split()[-1]
        at = said.index(last) + 1 if last in said else len(said)
        return json.dumps({"answer": said[at] if at < len(said) else None})
    labels = [
        json.loads(line)
        for line in system.splitlines()
        if line.startswith('{"letter"') or line.startswith('{"number"')
    ]
    known = {
        str(x.get("letter") or x["number"]): words(x["label"] + " " + x.get("description", ""))
        for x in labels
    }
    many = "JSON list" in system
    for asked, answered in zip(messages, messages[1:], strict=False):
        if answered["role"] == "assistant":
            for mark in json.loads(answered["content"]) if many else [answered["content"]]:
                known[mark] |= words(asked["content"])
    text = words(messages[-1]["content"].rpartition("\n\n")[2])
    shared = {mark: len(text & said) for mark, said in known.items()}
    if many:
        return json.dumps([mark for mark, n in shared.items() if n])
    best = max(shared, key=lambda mark: shared[mark])
    total = sum(math.exp(n) for n in shared.values())
    return best, {
        mark: 0.99 * math.exp(n) / total
        for mark, n in sorted(shared.items(), key=lambda item: -item[1])
    }


def words(text: str) -> set[str]:
    """The longer words of a text."""
    return set(re.findall(r"\w{3,}", text.lower())) - {"text", "second", "the"}
