"""A service on this machine, asked as the page asks it, and by the lines that it shows."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.numbers.test_serving import arm, finds_capitals, says_second_word
from tl_core.api.errors import UserError
from tl_core.api.types import Label, Problem
from tl_core.serving.app import Service, make_app
from tl_core.serving.arms import Served
from tl_core.serving.client import address, ask_service, inputs_of
from tl_core.serving.lines import lines

ODD = 'it\'s "so" $HOME `id` \\n </pre> 환불 \n!'


@contextmanager
def running(*arms, token=None):
    """A service on a port of its own; its address."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(Service({x.name: x for x in arms}, token=token)))
    config.log_config = None
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture(scope="module")
def service():
    with running(arm("a/b"), arm("pairs", inputs="two texts")) as url:
        yield url


@pytest.mark.parametrize(
    "given",
    [
        "http://10.0.0.1:8080",
        "http://192.168.1.7",
        "http://169.254.169.254/latest",
        "http://example.org:8080",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://0.0.0.0:8080",
        "http://[::ffff:10.0.0.1]:80",
        "http://2130706433:80",
        "http://127.0.0.1@example.org",
        "http://me:secret@127.0.0.1",
        "http://127.0.0.1:8080/../admin",
        "http://127.0.0.1:8080?x=1",
        "https://127.0.0.1",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70",
        "http://127.0.0.1:99999",
        "http://[::1",
        "",
        "\n",
    ],
)
def test_only_this_machine_is_asked(given):
    with pytest.raises(UserError, match="(Only a service on this machine|no address)"):
        address(given)


def test_addresses_of_this_machine():
    assert address(" localhost:8080/ ").hosts == ("127.0.0.1", "::1")
    assert address("http://127.0.0.1:80").url == "http://127.0.0.1:80"
    assert address("[::1]:8081").url == "http://[::1]:8081"


def test_what_finds_spans_and_answers_is_asked_as_it_takes_it():
    sea, answers = Label("sea", "sea"), (Label("answer", "answer"), Label("no answer", "none"))
    tags, asks = (
        Served(name, Problem(inputs, target, labels), says, {"name": name})
        for name, inputs, target, labels, says in (
            ("tags", "one text", "tagging", (sea,), finds_capitals),
            ("asks", "two texts", "extractive-qa", answers, says_second_word),
        )
    )
    with running(tags, asks) as url:
        found, said = ask_service(address(url), "so Ann left", "who?")
        (none, _) = ask_service(address(url), "so", "nothing?")
    assert found.ranked == (("Ann (sea)", pytest.approx(0.7)),) and not found.why_not
    assert said.ranked == (("Ann", pytest.approx(0.25)),) and none.ranked == ()
    asked = inputs_of(said.about, "so Ann left", "who?")
    assert asked == {"question": "who?", "context": "so Ann left"}


def test_every_model_of_a_service_answers(service):
    one, pair = ask_service(address(service.replace("127.0.0.1", "localhost")), "abc")
    assert (one.model, one.given) == ("a/b", ("bread",)) and one.seconds > 0
    assert one.ranked == (("bread", pytest.approx(0.7)), ("sea", pytest.approx(0.3)))
    assert not pair.ranked and "two texts" in pair.why_not
    both = ask_service(address(service), "abc", "d")
    assert both[0].ranked and both[1].ranked[0] == ("bread", pytest.approx(0.7))
    assert "422: Text 1 has" in ask_service(address(service), "x" * 200_000)[0].why_not
    with pytest.raises(UserError, match="no text"):
        ask_service(address(service), " ")


def test_a_token_is_sent_and_asked_for():
    with running(arm(), token="a-secret") as url:
        assert ask_service(address(url), "abc", token="a-secret")[0].ranked
        for wrong in ("", "other"):
            with pytest.raises(UserError, match="asks for its token"):
                ask_service(address(url), "abc", token=wrong)
        with pytest.raises(UserError, match="no token has"):
            ask_service(address(url), "abc", token="a\r\nHost: x")
        assert_lines_answer(lines(url, "abc", token=True), TL_SERVE_TOKEN="a-secret")


@pytest.mark.parametrize(
    "status, said",
    [
        (200, b"<html>a page</html>"),
        (200, b"[]"),
        (200, b'[{"name": 3}]'),
        (200, b"[" * 100_000),
        (200, b"x" * 5_000_000),
        (500, b"secret of another program"),
        (302, b""),
    ],
)
def test_what_is_no_service_is_said_and_nothing_of_it_is_shown(status, said):
    asked = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with pytest.raises(UserError, match="is no service of this program") as fault:
            ask_service(address(f"http://127.0.0.1:{server.server_port}"), "abc")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["/models"] and "secret" not in str(fault.value)


def test_where_nothing_answers_it_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UserError, match=f"Nothing answers at http://localhost:{port}"):
        ask_service(address(f"localhost:{port}"), "abc")


def test_the_lines_ask_what_the_page_asks(service):
    assert_lines_answer(lines(service, ODD, model="a/b"))
    assert_lines_answer(lines(service, {"text": ODD, "text_pair": "d"}, model="pairs"))


def assert_lines_answer(shown: dict[str, str], **environment: str) -> None:
    """Each is run as it is, by what it is for."""
    assert list(shown) == ["curl", "Python", "JavaScript"]
    ways = {
        "curl": ["bash", "-c", f"{shown['curl']} -sS"],
        "Python": [sys.executable, "-c", shown["Python"]],
        "JavaScript": [_node(), "--input-type=module", "-e", shown["JavaScript"]],
    }
    for name, command in ways.items():
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, **environment},
        )
        assert done.stdout.count("label") == 2 and "bread" in done.stdout, (name, done.stdout)
        if name == "curl":
            assert {x["label"] for x in json.loads(done.stdout)[0]} == {"sea", "bread"}


def _node() -> str:
    """Node, or the one that Playwright brings."""
    from playwright._impl._driver import compute_driver_executable

    return shutil.which("node") or compute_driver_executable()[0]
