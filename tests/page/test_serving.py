"""What the server answers to whom, and what it keeps of them: the page in this process, asked
without a browser.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.context import LocalContext

from benchmarks.served import free_port
from spaces_config.profiles import profile_named
from tests.loops import in_a_loop
from tl_core.running.quotas import Room
from tl_core.running.turns import Visitor
from tl_core.strategies import strategies
from tl_ui.serving.document import SEARCH, as_sent
from tl_ui.serving.guard import ON_SPACES, Guard, Uploads, allowed_hosts, is_allowed
from tl_ui.serving.sessions import Sessions, keep_little
from tl_ui.serving.visitors import visitors
from tl_ui.shell import SESSIONS, build, launch_kwargs
from tl_ui.words import t


@dataclass(frozen=True)
class Here:
    """A page whose workers were never started."""

    page: gr.Blocks
    home: Path
    url: str
    sessions: Sessions

    def ask(self, path: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=60, **more)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    home, profile = tmp_path_factory.mktemp("home"), profile_named("local")
    page, _ = build(home, profile)
    port = free_port()
    page.launch(**launch_kwargs(profile), prevent_thread_lock=True, server_port=port, quiet=True)
    yield Here(page, home, f"http://127.0.0.1:{port}", keep_little(page))
    page.close()


def call(here: Here, name: str, data: list) -> list:
    """As any program asks."""
    event = here.ask(f"/gradio_api/call/{name}", method="POST", json={"data": data}).json()[
        "event_id"
    ]
    answer = here.ask(f"/gradio_api/call/{name}/{event}").text
    assert "event: complete" in answer, answer
    return json.loads(answer.split("data: ")[-1])


# --- names and headers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:7860", "127.0.0.1", "[::1]:7860", "192.168.7.3:7860"]
)
def test_it_answers_under_its_own_names_and_numbers(here, host):
    assert here.ask("/healthz", headers={"host": host}).status_code in (200, 503)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[",
        "a b",
        "127.0.0.1@evil.example",
    ],
)
def test_it_does_not_answer_under_the_name_of_somebody_else(here, host):
    for path in ("/", "/config", "/healthz", "/gradio_api/info"):
        answer = here.ask(path, headers={"host": host})
        assert answer.status_code in (400, 421), (host, path)
    assert here.ask("/", headers={"host": "evil.example"}).text.endswith(
        "TL_ALLOWED_HOSTS=evil.example\n"
    )


def test_which_names_are_its_own():
    hosts = allowed_hosts(
        {
            "TL_ALLOWED_HOSTS": "lab.example.org, *.team.example",
            "GRADIO_ROOT_PATH": "https://proxy.example/lab",
        }
    )
    assert all(
        is_allowed(name, hosts)
        for name in (
            "lab.example.org",
            "a.team.example",
            "proxy.example",
            "localhost",
            "10.0.0.1",
            "::1",
        )
    )
    assert not any(
        is_allowed(name, hosts)
        for name in ("example.org", "team.example", "xteam.example", "me-lab.hf.space", "")
    )
    assert is_allowed("me-lab.hf.space", allowed_hosts({"SPACE_ID": "me/lab"})) and is_allowed(
        "any.thing", allowed_hosts({"TL_ALLOWED_HOSTS": "*"})
    )


def test_headers_of_every_answer(here):
    for path in ("/", "/config", "/healthz", "/robots.txt", "/gradio_api/nothing"):
        headers = here.ask(path).headers
        assert (
            headers["x-content-type-options"] == "nosniff"
            and headers["referrer-policy"] == "no-referrer"
        )
        assert "default-src 'self'" in headers["content-security-policy"] and headers[
            "content-security-policy"
        ].endswith("frame-ancestors 'self'")
        assert "x-robots-tag" not in headers
    assert "noindex" in here.ask("/?study=abc").headers["x-robots-tag"]
    assert "Disallow: /*study=" in here.ask("/robots.txt").text


def test_a_space_may_be_framed_where_spaces_are_shown():
    policies = {
        name: dict(Guard(None, profile_named(name), ()).headers)[
            b"content-security-policy"
        ].decode()
        for name in ("local", "cpu", "zerogpu")
    }
    assert [policies[name].endswith(ON_SPACES) for name in ("local", "cpu", "zerogpu")] == [
        False,
        True,
        True,
    ]


def test_pages_of_others_cannot_write_here(here):
    files = {"files": ("a.csv", b"text,label\n")}
    assert (
        here.ask(
            "/gradio_api/upload",
            method="POST",
            files=files,
            headers={"sec-fetch-site": "cross-site"},
        ).status_code
        == 403
    )
    assert (
        here.ask(
            "/gradio_api/upload",
            method="POST",
            files=files,
            headers={"sec-fetch-site": "same-origin"},
        ).status_code
        == 200
    )


def test_uploads_are_bounded_for_each_address_and_by_the_disk(tmp_path):
    now = [0.0]
    uploads = Uploads(10, seconds=60, clock=lambda: now[0])
    assert (
        uploads.take("a", 6)
        and not uploads.take("a", 5)
        and uploads.take("a", 4)
        and uploads.take("b", 10)
    )
    now[0] = 61.0
    assert uploads.take("a", 10)
    sent = []

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/gradio_api/upload",
        "query_string": b"",
        "client": ("10.0.0.1", 1),
        "headers": [(b"host", b"localhost"), (b"content-length", b"4000000")],
    }
    full = Guard(
        None,
        profile_named("cpu"),
        ("localhost",),
        Room(tmp_path, least_free=shutil.disk_usage(tmp_path).total),
    )
    in_a_loop(full(scope, None, send))
    busy = Guard(None, profile_named("cpu"), ("localhost",))
    busy.uploads.take("10.0.0.1", 200 * 2**20 - 3_000_000)
    in_a_loop(busy(scope, None, send))
    assert [m["status"] for m in sent if "status" in m] == [507, 429]


def test_who_asks_is_an_address_that_nobody_can_read(tmp_path):
    who = visitors(tmp_path, {})
    assert who().name == "" and not who().gone()

    def asked(address: str, forwarded: str = "", of=who) -> Visitor:
        token = LocalContext.request.set(
            SimpleNamespace(
                client=SimpleNamespace(host=address),
                headers={"x-forwarded-for": forwarded} if forwarded else {},
            )
        )
        try:
            return of()
        finally:
            LocalContext.request.reset(token)

    one = asked("192.0.2.1").name
    assert (
        one
        and one == asked("192.0.2.1", "192.0.2.9").name != asked("192.0.2.2").name
        and "192" not in one
    )
    assert asked("192.0.2.1", of=visitors(tmp_path, {})).name == one, "also after a restart"
    on_space = visitors(tmp_path, {"SPACE_ID": "me/lab"})
    assert asked("10.0.0.1", "192.0.2.1, 10.1.1.1", of=on_space).name == one
    assert (tmp_path / "visitors.secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("path", ["no_such_endpoint", "list_strategies", "fill_mask"])
def test_wrong_names_are_a_sentence(here, path):
    answer = here.ask(f"/gradio_api/call/v2/{path}", method="POST", json={"nothing_like_it": 1})
    assert answer.status_code < 500


def test_what_visitors_bring_is_nobody_elses(here):
    for name in ("studies", "uploads", "cache"):
        assert (here.home / name).stat().st_mode & 0o777 == 0o700


# --- sessions -------------------------------------------------------------------------------------


def test_nobody_passes_the_queue_by(here):
    answer = here.ask("/gradio_api/run/list_strategies", method="POST", json={"data": []})
    assert answer.status_code == 404 and "Please join the queue" in answer.text
    assert len(call(here, "list_strategies", [])[0]) == len(strategies())


def test_what_is_kept_of_a_session_is_little(here):
    call(here, "list_strategies", [])
    session = here.sessions[next(reversed(here.sessions.session_data))]
    assert session.config_values == {}
    button, choice = (
        next(b for b in here.page.blocks.values() if isinstance(b, kind))
        for kind in (gr.Button, gr.Dropdown)
    )
    session[button._id] = pressed = gr.Button("changed", render=False)
    assert session[button._id] is pressed, "what is sent is read from it"
    session[choice._id] = changed = gr.Dropdown(["changed"], render=False)
    other = next(
        b for b in here.page.blocks.values() if isinstance(b, gr.Button) and b is not button
    )
    session[other._id] = gr.Button("changed", render=False)
    assert session[button._id] is button and session[choice._id] is changed, (
        "choices are needed to check what comes back"
    )
    assert session.config_values == {}
    assert here.page.state_holder is here.sessions and here.sessions.capacity == SESSIONS


@pytest.mark.parametrize(
    ("kind", "more", "came", "taken"),
    [
        (gr.CheckboxGroup, {}, ["1", "16"], ["1"]),
        (gr.CheckboxGroup, {}, [["16"], "1"], ["1"]),
        (gr.Dropdown, {}, "16", None),
        (gr.Dropdown, {"multiselect": True}, ["1", "16"], ["1"]),
        (gr.Dropdown, {"allow_custom_value": True}, "16", "16"),
        (gr.Radio, {}, "16", None),
        (gr.Radio, {}, "1", "1"),
    ],
)
def test_a_choice_that_was_replaced_meanwhile_is_none_and_no_error(here, kind, more, came, taken):
    shots = next(b for b in here.page.blocks.values() if isinstance(b, gr.CheckboxGroup))
    session = here.sessions["choosing"]
    for _ in range(3):  # it is set again at every event
        session[shots._id] = kind(["0", "1"], render=False, **more)
        session[shots._id] = session[shots._id]
    assert session[shots._id].preprocess(came) == taken


def test_what_is_changed_reaches_the_page(here):
    switch = next(fn for fn in here.page.fns.values() if fn.name == "switch")
    here.ask(
        "/gradio_api/queue/join",
        method="POST",
        json={"data": ["ko"], "fn_index": switch._id, "session_hash": "switching"},
    )
    with httpx.stream(
        "GET", f"{here.url}/gradio_api/queue/data?session_hash=switching", timeout=60
    ) as lines:
        said = next(line for line in lines.iter_lines() if "process_completed" in line)
    sent = json.loads(said.removeprefix("data: "))["output"]["data"]
    labels = {change["label"] for change in sent if isinstance(change, dict) and "label" in change}
    assert (
        t("ko", "tab_compare") in labels
        and t("ko", "tab_results") in labels
        and not any(str(label).startswith("__i18n__") for label in labels)
    )


def test_sessions_of_those_who_left_are_forgotten(here):
    for name in ("left", "here"):
        here.sessions[name]
        here.sessions.time_last_used[name] = datetime.now() - timedelta(hours=2)
    here.sessions["left"].is_closed = True
    here.sessions.time_last_used["left"] = datetime.now() - timedelta(hours=2)
    assert here.sessions.forget() == 1
    assert (
        "left" not in here.sessions
        and "here" in here.sessions
        and "left" not in here.sessions.time_last_used
    )


def test_a_session_makes_no_lasting_copy_of_a_page(here):
    here.sessions["somebody"]
    assert here.ask("/gradio_api/deep_link?session_hash=somebody").status_code == 404


def test_a_page_that_nobody_touches_draws_hardly_ever(chromium, visit):
    """Sixty frames a second would take some per cent of a visitor's processor for nothing."""
    context = chromium.new_context()
    context.add_init_script(
        "{ const draw = window.requestAnimationFrame.bind(window); window.frames_drawn = 0;"
        " window.requestAnimationFrame = f => { window.frames_drawn++; return draw(f); }; }"
    )
    page = visit("/", context=context, tab=None)
    count = "() => new Promise(r => { const n = window.frames_drawn;"
    count += " setTimeout(() => r(window.frames_drawn - n), 2000); })"
    for _ in range(20):  # until all is drawn
        drawn = page.evaluate(count)
        if drawn < 20:
            break
    context.close()
    assert drawn < 20


def test_components_are_found_by_the_way_to_them(chromium, here):
    """What a browser is given in place of Gradio's search, in the version that is installed."""
    assets = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    (script,) = assets.glob("core-*.js")
    assert len(SEARCH.findall(script.read_bytes())) == 1, "Gradio searches in another way now"
    given = here.ask(f"/assets/{script.name}").text
    name = SEARCH.search(script.read_bytes())[1].decode()
    own = given[given.index(f"function {name}(root,id)") :]
    own = own[: own.index("at(ways.get(id))}") + len("at(ways.get(id))}")]
    page = chromium.new_page()
    found = page.evaluate(
        f"""() => {{ {own}
        const leaf = id => ({{id}}), root = {{id: 0, children: [
            {{id: 1, children: [leaf(2), leaf(3)]}}, {{id: 4, children: null}}, leaf(5)]}};
        const said = [0, 3, 5, 9].map(id => {name}(root, id)?.id ?? null);
        const [left] = root.children.splice(0, 1);
        said.push({name}(root, 3), {name}(root, 5).id);
        root.children.push({{id: 6, children: [left]}});
        said.push({name}(root, 3) === left.children[1], {name}(leaf(3), 5));
        root.children = [leaf(3)];
        said.push({name}(root, 3) === root.children[0], {name}(root, 5));
        return said; }}"""
    )
    page.close()
    assert found == [0, 3, 5, None, None, 5, True, None, True, None]


def test_a_script_that_looks_another_way_stays_as_it_is():
    script = b"function Z(e,t){return e.find(t)}"
    assert as_sent(script) == script
