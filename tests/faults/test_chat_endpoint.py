"""A chat endpoint that is down, slow, busy, broken or talks nonsense; texts that may not leave;
keys that must not be found.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chat_server import KEY, Served, is_probe, serving
from tests.faults.command import command, environment, rows, sentences, study_of, write
from tests.tiny_models import drain
from tl_core.api.errors import Unreachable, UserError
from tl_core.commands._sending import may_send
from tl_core.models.prompting.chat_endpoint import (
    Client,
    Endpoint,
    Manner,
    Patience,
    Rejected,
    Reply,
    endpoint_of,
)
from tl_core.running.queue import StudyQueue
from tl_core.studies.store import Store

QUICK = Patience(attempts=3, late=1, first=0.01, longest=0.2)
ELSEWHERE = "http://texts-leave-for.invalid:8123/v1"  # a name that no machine ever has
MANNER = Manner()


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


def client(served: Served, **changes) -> Client:
    return Client(dataclasses.replace(endpoint_of(served.environment), **changes), QUICK)


def bodies(n: int) -> list[dict]:
    """Requests that differ."""
    system = (
        'Answer with a letter.\n{"letter": "A", "label": "odd"}\n{"letter": "B", "label": "even"}'
    )
    return [
        MANNER.request(
            "m",
            [{"role": "system", "content": system}, {"role": "user", "content": f"text {i}"}],
            4,
        )
        for i in range(n)
    ]


# --- the environment ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", ""),
        ("URL", "example.org/v1"),
        ("URL", "ftp://example.org"),
        ("URL", "http://me:secret@example.org/v1"),
        ("URL", "http://example.org/v1?key=secret"),
        ("URL", "http://[::1/v1"),
        ("URL", "http://example.org:99999/v1"),
        ("URL", "http://exa mple.org"),
        ("KEY", "two words"),
        ("KEY", "line\nline"),
        ("PARALLEL", "0"),
        ("PARALLEL", "many"),
        ("PARALLEL", "2.5"),
        ("ATTEMPTS", "0"),
        ("TIMEOUT", "0"),
        ("TIMEOUT", "nan"),
        ("PRICE", "1"),
        ("PRICE", "1,-1"),
        ("PRICE", "a,b"),
    ],
)
def test_what_is_wrong_in_the_environment_is_told_without_its_value(name, value):
    with pytest.raises(UserError, match=f"TL_CHAT_{name}") as fault:
        endpoint_of({"TL_CHAT_URL": "http://example.org/v1", f"TL_CHAT_{name}": value})
    sentences(str(fault.value))
    assert "secret" not in str(fault.value) and (len(value) < 4 or value not in str(fault.value))


def test_all_of_it_is_told_at_once():
    with pytest.raises(UserError) as fault:
        endpoint_of({"TL_CHAT_URL": "x", "TL_CHAT_PARALLEL": "0", "TL_CHAT_PRICE": "free"})
    assert len(sentences(str(fault.value))) == 3


def test_which_places_are_this_machine():
    here = [
        "http://127.0.0.1:8000/v1",
        "http://localhost/v1",
        "http://[::1]:8000",
        "http://127.8.8.8",
        "http://LOCALHOST:1/v1",
    ]
    away = [
        "http://10.0.0.1",
        "https://localhost.example.org/v1",
        "https://example.org",
        "http://0.0.0.0:8000",
        "http://127.0.0.1.example.org",
        "http://[::2]",
    ]
    assert [Endpoint(url).is_here for url in (*here, *away)] == [True] * len(here) + [False] * len(
        away
    )


def test_a_consent_names_the_host_and_does_not_tell_it():
    one, same, other = (
        endpoint_of({"TL_CHAT_URL": u})
        for u in (
            "https://example.org/v1/chat/completions",
            "https://EXAMPLE.org/v2",
            "https://example.org:444/v1",
        )
    )
    assert one.base == "https://example.org/v1"
    assert one.mark == same.mark != other.mark and "example" not in one.mark
    assert "example" not in repr(one) and "secret" not in repr(
        dataclasses.replace(one, key="secret")
    )


# --- an endpoint that does not behave -------------------------------------------------------------

FAULTS = {
    "busy": ("fewer requests", 3),
    "busy for an hour": ("asks to wait 3,600 s", 1),
    "unpaid": ("nothing is left to pay with", 1),
    "broken": ("fault of its own", 3),
    "moved": ("status 302", 1),
    "cuts off": ("broke off", 3),
    "drips": ("did not answer within 0.4 s", 1),
    "slow": ("did not answer within 0.4 s", 1),
    "huge": ("more than 1 MB", 1),
    "no JSON": ("no chat completion", 3),
    "other JSON": ("no chat completion", 3),
    "deep JSON": ("no chat completion", 3),
}


@pytest.mark.parametrize("mode", FAULTS)
def test_each_fault_is_a_sentence_without_address_or_key(served, mode):
    served.mode = mode
    words, tries = FAULTS[mode]
    with pytest.raises(Unreachable, match=words) as fault:
        drain(client(served, timeout=0.4).probe("m", 4, MANNER))
    sentences(str(fault.value))
    assert len(served.requests) == tries
    assert (
        KEY not in str(fault.value)
        and "127.0.0.1" not in str(fault.value)
        and "TL_CHAT" in str(fault.value)
    )


def test_one_that_is_down():
    with serving() as gone:
        pass
    with pytest.raises(Unreachable, match="cannot be reached"):
        drain(client(gone).probe("m", 4, MANNER))


def test_a_host_that_nobody_knows():
    with pytest.raises(Unreachable, match="cannot be reached") as fault:
        drain(Client(Endpoint(ELSEWHERE), QUICK).probe("m", 4, MANNER))
    assert "invalid" not in str(fault.value)


def test_keys(served):
    served.key = "another"
    with pytest.raises(Unreachable, match="does not take the key in TL_CHAT_KEY") as fault:
        drain(client(served).probe("m", 4, MANNER))
    assert KEY not in str(fault.value) and len(served.requests) == 1
    with pytest.raises(Unreachable, match="needs a key"):
        drain(client(served, key="").probe("m", 4, MANNER))
    served.key = KEY
    assert drain(client(served).probe("m", 4, MANNER)) == MANNER


def test_a_wrong_page(served):
    with pytest.raises(Unreachable, match="404.*often ends with /v1"):
        drain(client(served, base=served.url.removesuffix("/v1")).probe("m", 4, MANNER))


def test_one_that_takes_nothing_says_why_but_no_key(served):
    served.mode = "takes nothing"
    with pytest.raises(Unreachable, match="Invalid request: … was sent"):
        drain(client(served).probe("m", 4, MANNER))
    manners = [set(r) for r in served.requests]
    assert len(manners) > 4 and manners[-1] == {
        "model",
        "messages",
        "max_completion_tokens",
    }, "everything that can be left out was"


@pytest.mark.parametrize("mode", ["busy once", "cuts off once"])
def test_what_passes_by_itself_is_tried_again(served, mode):
    served.mode = mode
    answers = [item for item in client(served).ask_each(bodies(6)) if item]
    assert sorted(i for i, _ in answers) == list(range(6)) and all(
        isinstance(a, Reply) for _, a in answers
    )
    assert set(served.seen.values()) == {2}


def test_one_request_that_is_not_taken_leaves_the_others(served):
    served.mode = "too long"
    asked = bodies(4)
    asked[2]["messages"][-1]["content"] = "x" * 500
    answers = dict(item for item in client(served).ask_each(asked) if item)
    assert [isinstance(answers[i], Rejected) for i in range(4)] == [False, False, True, False]
    assert answers[2].complaint == "maximum context length exceeded."


def test_as_many_are_under_way_as_may_be(served):
    served.mode = "takes a moment"
    list(client(served, parallel=3).ask_each(bodies(12)))
    assert 1 < served.most_at_once <= 3
    served.most_at_once = 0
    list(client(served, parallel=1).ask_each(bodies(3)))
    assert served.most_at_once == 1


def test_closing_ends_what_is_under_way_at_once(served):
    served.mode = "slow"
    began = time.monotonic()
    with closing(client(served, timeout=30).ask_each(bodies(50))) as answers:
        assert next(answers) is None, "a sign of life while nothing arrives"
    assert time.monotonic() - began < 15  # an answer takes twenty
    sent = len(served.requests)
    time.sleep(0.3)
    assert len(served.requests) == sent <= 8


def test_what_cannot_even_be_begun_ends(monkeypatch):
    """A proxy of no known kind: the fault is raised, nobody waits for ever."""
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:9")
    with pytest.raises(Exception, match="(?i)proxy"):
        list(Client(Endpoint(ELSEWHERE), QUICK).ask_each(bodies(1)))


def test_a_local_endpoint_is_asked_past_any_proxy(served, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert drain(client(served).probe("m", 4, MANNER)) == MANNER


# --- in a study, on the command line --------------------------------------------------------------


@pytest.fixture
def place(tmp_path) -> Path:
    write(tmp_path / "rows.csv", rows(60))
    return tmp_path


ASK = (
    "compare",
    "rows.csv",
    "--strategies",
    "majority,chat",
    "--shots",
    "0,2",
    "--seeds",
    "2",
    "--test-size",
    "12",
    "--out",
    "study",
)


def started(place: Path, url: str, *arguments: object, key: str = KEY, **how):
    told = {
        **environment(place / "home"),
        "TL_CHAT_URL": url,
        "TL_CHAT_KEY": key,
        "TL_CHAT_MODEL": "tiny-chat",
        "TL_CHAT_TIMEOUT": "2",
        "TL_CHAT_ATTEMPTS": "2",
    }
    return subprocess.run(
        command(*arguments),
        cwd=place,
        env=told,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
        **{"stdin": subprocess.DEVNULL, **how},
    )


def nowhere(folder: Path, *secrets: str) -> None:
    """No file below the folder holds any of these."""
    read = 0
    for path in folder.rglob("*"):
        if path.is_file():
            content, read = path.read_bytes(), read + 1
            assert not [s for s in secrets if s.encode() in content], path
    assert read


def test_a_study_holds_neither_address_nor_key_and_its_arm_answers_again_where_texts_may_go(
    place, served
):
    served.key = KEY
    done = started(place, served.url, *ASK)
    assert done.returncode == 0, done.stderr
    study = study_of(place / "study")
    chat = [r for r in study["runs"] if r["arm"] == "chat"]
    assert [(r["shots"], r["status"], r["choices_only"]) for r in chat] == [
        (0, "done", False),
        (2, "done", False),
        (2, "done", False),
    ]
    assert all(
        r["budget"]["tokens_in"] > 0 and any("tokens sent" in n for n in r["notes"]) for r in chat
    )
    port = served.url.split(":")[2].split("/")[0]
    nowhere(place / "study", KEY, served.url, f"127.0.0.1:{port}")
    nowhere(place / "home", KEY, served.url, f"127.0.0.1:{port}")
    assert KEY not in done.stdout + done.stderr
    again = started(
        place,
        served.url,
        "predict",
        "study",
        "--run",
        "chat",
        "--text",
        "my parcel is late",
        "--json",
    )
    assert (
        again.returncode == 0 and len(json.loads(again.stdout)["predictions"][0]["scores"]) == 3
    ), again.stderr
    elsewhere = started(
        place, ELSEWHERE, "predict", "study", "--run", "chat", "--text", "my parcel is late"
    )
    assert (
        elsewhere.returncode == 2
        and "chat sends texts to texts-leave-for.invalid:8123" in elsewhere.stderr
    )


@pytest.mark.parametrize("mode", ["down", "broken later"])
def test_the_rest_of_a_study_goes_on_and_what_failed_is_done_at_the_next_start(place, served, mode):
    served.mode = mode
    done = started(place, "http://127.0.0.1:9/v1" if mode == "down" else served.url, *ASK)
    assert done.returncode == 0, done.stderr
    study = study_of(place / "study")
    assert {(r["arm"], r["status"]) for r in study["runs"]} == {
        ("majority", "done"),
        ("chat", "failed"),
    }
    errors = {r["error"] for r in study["runs"] if r["arm"] == "chat"}
    assert len(errors) == 1 and "TL_CHAT" in min(errors)
    said = [line for line in done.stderr.splitlines() if line.startswith("failed   chat")]
    assert len(said) == 3
    nowhere(place / "study", KEY, "127.0.0.1")
    if mode == "broken later":  # the first run found out; the others were not tried
        assert len({json.dumps(r) for r in served.requests if not is_probe(r)}) <= 8
        served.mode = "normal"
        started(place, served.url, *ASK)
        assert {r["status"] for r in study_of(place / "study")["runs"]} == {"done"}


def test_a_study_without_a_result_ends_as_a_fault(place, served):
    served.mode = "broken later"
    alone = [word.replace("majority,chat", "chat") for word in ASK]
    assert alone != list(ASK)
    done = started(place, served.url, *alone)
    assert (
        done.returncode == 2
        and "No run was finished, so nothing is compared." in done.stderr
        and "TL_CHAT" in done.stderr
    )
    assert (place / "study" / "report.html").is_file()


def test_a_missing_endpoint_is_said_before_anything_is_made(place):
    done = started(place, "", *ASK)
    assert done.returncode == 2 and "TL_CHAT_URL" in done.stderr and not (place / "study").exists()
    sentences(done.stderr)


# --- texts that leave -----------------------------------------------------------------------------


def test_without_a_word_no_text_leaves_and_nothing_is_begun(place):
    done = started(place, ELSEWHERE, *ASK)
    assert done.returncode == 2 and not (place / "study").exists()
    assert (
        "chat sends your texts to texts-leave-for.invalid:8123, over a connection that is not"
        " encrypted: the 12 test rows 3 times" in done.stderr
    )
    assert "--send-texts" in done.stderr


def test_with_the_option_they_may(place):
    done = started(place, ELSEWHERE, *ASK, "--send-texts")
    assert done.returncode == 0 and "cannot be reached" in done.stderr, (
        done.stderr
    )  # as far as a machine without a network gets
    nowhere(place / "study", "texts-leave-for", KEY)


def test_a_person_at_a_terminal_is_asked(place):
    outer, inner = pty.openpty()
    os.write(outer, b"n\n")
    try:
        done = started(place, ELSEWHERE, *ASK, stdin=inner)
    finally:
        os.close(inner), os.close(outer)
    assert (
        "Send them? [y/N]" in done.stderr
        and done.returncode == 2
        and not (place / "study").exists()
    )


@pytest.mark.parametrize(
    ("typed", "may"), [("y", True), ("YES", True), ("n", False), ("", False), ("yesterday", False)]
)
def test_only_yes_is_yes(monkeypatch, typed, may):
    outer, inner = pty.openpty()
    os.write(outer, f"{typed}\n".encode())
    with os.fdopen(inner) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        assert may_send(False)("There?") is may
    os.close(outer)


def test_the_worker_itself_sends_nothing_without_a_consent(place, served, monkeypatch):
    """Past every question, and with a consent to another place."""
    monkeypatch.setenv("TL_HOME", str(place / "home"))
    study = _planned(place, served, monkeypatch)
    monkeypatch.setenv("TL_CHAT_URL", ELSEWHERE)
    queue = StudyQueue(place / "home", device="cpu")
    try:
        queue.start()
        names = [queue.submit(study, consent=consent)[0] for consent in ("", "mark-of-another")]
        for name, words in zip(names, ("not agreed to", "was another one"), strict=True):
            while queue.status(name)["status"] in ("queued", "running"):
                time.sleep(0.05)
            store = Store(queue.folder / name)
            results = store.results(run["id"] for run in store.read_json("study.json")["runs"])
            assert {r.status for r in results.values()} == {"failed"} and all(
                words in r.error for r in results.values()
            )
            nowhere(queue.folder / name, "texts-leave-for", KEY)
    finally:
        queue.close()
    assert not served.requests


def _planned(place: Path, served: Served, monkeypatch):
    from tl_core.data.load import load
    from tl_core.studies.plan import ArmRequest, make_split, make_study

    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    loaded = load(place / "rows.csv")
    split, _ = make_split(loaded, size=12)
    return make_study(
        "made", loaded.dataset.problem, split, arms=[ArmRequest("chat")], shots=(0,), seeds=1
    )
