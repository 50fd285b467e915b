"""Trained arms behind HTTP: the schema, bad requests, many at once, and the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tests.loops import in_a_loop
from tests.numbers.made_spans import TAGS, tagged
from tests.numbers.test_arms import rows_of
from tests.numbers.test_exports import TRAINED, Made, problem
from tests.tiny_models import drain
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Label, Problem
from tl_core.api.words import most_words, words_of
from tl_core.cli import main
from tl_core.exports.kept import open_kept
from tl_core.exports.write import export
from tl_core.serving.app import Service, make_app
from tl_core.serving.arms import Bases, Served, open_served, served_name
from tl_core.serving.asking import Limits, Refused
from tl_core.serving.batching import Batcher
from tl_core.serving.run import open_all
from tl_core.studies.plan import ArmRequest

pytestmark = pytest.mark.usefixtures("quick")
ROOT = Path(__file__).parent.parent.parent


def arm(name="a", scores=None, inputs="one text", target="one label") -> Served:
    """An arm that is as sure of `sea` as a text is long."""
    of = Problem(inputs, target, (Label("sea", "sea"), Label("bread", "bread")))

    def usual(examples):
        p = np.array([min(0.9, 0.1 * len(e.text)) for e in examples])
        return np.stack([p, 1 - p], 1)

    return Served(name, of, scores or usual, {"name": name, "run": "r"})


@pytest.fixture
def ask():
    """Ask a service of these arms within this process: (status, answer, headers)."""
    from fastapi.testclient import TestClient

    opened = []

    def of(*arms, **how):
        client = TestClient(
            make_app(Service({x.name: x for x in arms or (arm(),)}, **how)),
            raise_server_exceptions=False,
        )
        client.__enter__()
        opened.append(client)

        def one(body, path="/", **headers):
            given = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = client.post(path, content=given, headers=headers)
            return answer.status_code, answer.json(), answer.headers

        one.client = client
        return one

    yield of
    for client in opened:
        client.__exit__(None, None, None)


def test_the_schema_of_the_inference_api(ask):
    one = ask()
    status, said, headers = one({"inputs": "abc"})
    assert status == 200 and headers["x-request-id"]
    assert said == [
        [
            {"label": "bread", "score": pytest.approx(0.7)},
            {"label": "sea", "score": pytest.approx(0.3)},
        ]
    ]
    _, said, _ = one({"inputs": ["abc", "abcdefg"], "parameters": {"top_k": 1}})
    assert [[x["label"] for x in row] for row in said] == [["bread"], ["sea"]]
    _, said, _ = one({"inputs": ["abc"], "parameters": {"answers": True}})
    assert said[0]["labels"] == ["bread"] and len(said[0]["scores"]) == 2
    assert one.client.get("/health").json() == {"status": "ok"}
    assert one.client.get("/ready").json()["models"] == ["a"]
    models = one.client.get("/models").json()
    assert models[0]["labels"] == ["sea", "bread"] and models[0]["inputs"] == "one text"
    assert "/models/{name}" in one.client.get("/openapi.json").json()["paths"]


def test_arms_by_name_and_pairs(ask):
    one = ask(arm("a"), arm("b", inputs="two texts"))
    pair = {"text": "abc", "text_pair": "d"}
    assert one({"inputs": "abc"}, "/models/a")[0] == 200
    assert one({"inputs": pair, "parameters": {"model": "b"}})[0] == 200
    assert one({"inputs": [["abc", "d"]]}, "/models/b")[0] == 200
    for body, path, status, word in (
        ({"inputs": "abc"}, "/", 422, "name one"),
        ({"inputs": "abc"}, "/models/c", 404, "There is no model 'c'; there are a, b."),
        ({"inputs": "abc"}, "/models/b", 422, "text_pair"),
        ({"inputs": {"text": "abc"}}, "/models/b", 422, "text_pair"),
        ({"inputs": pair}, "/models/a", 422, "must be text, not an object"),
        ({"inputs": "abc"}, "/nowhere", 404, "There is nothing here"),
    ):
        found, said, _ = one(body, path)
        assert (found, word in said["error"]) == (status, True), said


def finds_capitals(examples) -> np.ndarray:
    """(n, W, 3): a word with a capital begins a span."""
    found = np.zeros((len(examples), most_words(examples), 3), np.float32)
    for row, e in zip(found, examples, strict=True):
        for word, (a, _) in zip(row, words_of(e), strict=False):
            word[:] = (0.1, 0.7, 0.2) if e.text[a].isupper() else (0.8, 0.1, 0.1)
    return found


def says_second_word(examples) -> np.ndarray:
    """(n, W + 1, 2): the second word; nothing where the question says so."""
    found = np.zeros((len(examples), most_words(examples) + 1, 2), np.float32)
    for row, e in zip(found, examples, strict=True):
        row[:3] = 0.25
        row[0 if e.text_b == "nothing?" else 2] = 0.5
    return found


def test_spans_and_answers_as_the_inference_api_has_them(ask):
    sea, answers = Label("sea", "sea"), (Label("answer", "answer"), Label("no answer", "none"))
    tags = Served("tags", Problem("one text", "tagging", (sea,)), finds_capitals, {"name": "tags"})
    asks = Problem("two texts", "extractive-qa", answers)
    one = ask(tags, Served("asks", asks, says_second_word, {"name": "asks"}))
    _, said, _ = one({"inputs": "on the Tay we"}, "/models/tags")
    score = pytest.approx(0.7)
    assert said == [{"entity_group": "sea", "score": score, "word": "Tay", "start": 7, "end": 10}]
    _, said, _ = one({"inputs": ["none", "Ann saw Bo"]}, "/models/tags")
    assert [[x["word"] for x in row] for row in said] == [[], ["Ann", "Bo"]]
    asked = {"question": "who?", "context": "so Ann left"}
    _, said, _ = one({"inputs": asked}, "/models/asks")
    assert said == {"answer": "Ann", "score": pytest.approx(0.25), "start": 3, "end": 6}
    _, said, _ = one({"inputs": [asked, {**asked, "question": "nothing?"}]}, "/models/asks")
    assert [x["answer"] for x in said] == ["Ann", ""] and said[1]["end"] == 0
    for body, path, word in (
        ({"inputs": asked}, "/models/tags", "Text 1 must be text, not an object."),
        ({"inputs": "who?"}, "/models/asks", '"question" and "context"'),
        ({"inputs": [asked, {"question": "who?"}]}, "/models/asks", "Text 2 must be an object"),
        ({"inputs": {**asked, "question": " "}}, "/models/asks", "is empty"),
        ({"inputs": "a", "parameters": {"top_k": 2}}, "/models/tags", "labels of whole texts"),
        ({"inputs": asked, "parameters": {"answers": True}}, "/models/asks", "Leave them out"),
    ):
        status, said, _ = one(body, path)
        assert (status, word in said["error"]) == (422, True), said


def test_kept_and_exported_runs_that_answer_with_spans(tmp_path, capsys):
    shapes = [ArmRequest("word-shape"), ArmRequest("majority")]
    made = Made(tmp_path / "tags", "minilm", shapes, tagged(40), TAGS, shots=8)
    export(made.folder, tmp_path / "out", run="word-shape", format="recipe")
    texts = [e.text for e in made.plan.study.split.test]
    found = [
        arm.stretches(rows := [Example(0, t) for t in texts], arm.scores(rows))
        for arm in (
            open_served(made.folder, Bases("cpu"), run="word-shape"),
            open_served(tmp_path / "out", Bases("cpu")),
        )
    ]
    assert found[0] == found[1] and sum(map(len, found[0])) > 3
    for folder in (made.folder, tmp_path / "out"):
        run = ["--run", "word-shape"] if folder == made.folder else []
        assert main(["predict", str(folder), *run, "--text", texts[0], "--json"]) == 0
        (said,) = json.loads(capsys.readouterr().out)["predictions"]
        assert [(x["start"], x["end"], x["label"]) for x in said["spans"]] == [
            (x["start"], x["end"], x["entity_group"]) for x in found[0][0]
        ]


@pytest.mark.parametrize(
    "body,status,word",
    [
        (b"", 400, "empty"),
        (b"  ", 400, 'such as {"inputs": "a text"}.'),
        (b"{", 400, "no JSON"),
        (b"\xff\xfe", 400, "no JSON"),
        (b"[" * 200_000, 400, "no JSON"),
        ([], 400, '"inputs"'),
        ({"text": "a"}, 400, '"inputs"'),
        ({"inputs": 5}, 422, "Text 1 must be text, not a number."),
        ({"inputs": None}, 422, "not null"),
        ({"inputs": ["a", True]}, 422, "Text 2 must be text, not true or false."),
        ({"inputs": ["a", ["b"]]}, 422, "not a list"),
        ({"inputs": []}, 422, "empty"),
        ({"inputs": "  "}, 422, "Text 1 is empty."),
        ({"inputs": "x" * 2_000}, 422, "2,000 characters; 1,000 are allowed"),
        ({"inputs": ["x"] * 17}, 413, "17 texts are too many for one request; 16"),
        ({"inputs": "x" * 3_000_000}, 413, "longer than 1,000,000 bytes"),
        (b'{"inputs": "\\ud800"}', 422, "half of a surrogate pair"),
        (b'{"inputs": NaN}', 422, "not a number"),
        ({"inputs": "a", "parameters": 3}, 422, '"parameters" must be an object'),
        ({"inputs": "a", "parameters": {"temperature": 3}}, 422, "'temperature' is not known"),
        ({"inputs": "a", "parameters": {"top_k": 0}}, 422, '"top_k"'),
        ({"inputs": "a", "parameters": {"top_k": True}}, 422, '"top_k"'),
        ({"inputs": "a", "parameters": {"answers": 1}}, 422, '"answers"'),
        ({"inputs": "a", "parameters": {"model": 1}}, 422, '"model"'),
    ],
)
def test_a_bad_request_gets_a_sentence(body, status, word, ask, caplog):
    one = ask(limits=Limits(texts=16, characters=1_000))
    found, said, headers = one(body)
    assert found == status and word in said["error"] and said["error"][-1] in '."”}', said
    assert said["request_id"] == headers["x-request-id"]
    assert "Traceback" not in caplog.text


def test_odd_characters_are_text(ask):
    assert ask()({"inputs": ["a\0b", "\u202e\ufeff", "🙂"]})[0] == 200


def test_a_body_that_lies_about_its_length_is_read_no_further(ask):
    one = ask(limits=Limits(body_bytes=1_000))

    def parts():
        for _ in range(50):
            yield b"x" * 100

    answer = one.client.post("/", content=parts())
    assert answer.status_code == 413 and "1,000 bytes" in answer.json()["error"]


def test_a_token_and_request_ids(ask, caplog):
    one = ask(token="secret-ü")
    assert one.client.get("/health").status_code == 200
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}):
        status, said, headers = one({"inputs": "a"}, **given)
        assert status == 401 and headers["www-authenticate"] == "Bearer", said
    answer = one.client.post(
        "/",
        content=b'{"inputs": "a private text"}',
        headers={b"Authorization": "Bearer secret-ü".encode(), b"X-Request-ID": b"my-id.1"},
    )
    assert answer.status_code == 200 and answer.headers["x-request-id"] == "my-id.1"
    assert one({"inputs": "a"}, **{"X-Request-ID": "a b" * 50})[2]["x-request-id"] != "a b" * 50
    assert "private" not in caplog.text and "secret" not in caplog.text


def test_a_fault_of_ours_keeps_its_traceback_and_shows_none(ask, caplog):
    def broken(examples):
        raise ZeroDivisionError("a private text")

    status, said, _ = ask(arm(scores=broken))({"inputs": "a"})
    assert status == 500 and said["request_id"] in said["error"] and "private" not in str(said)
    assert "ZeroDivisionError" in caplog.text


def test_numbers_for_prometheus(ask):
    one = ask()
    one({"inputs": ["a", "b"]})
    one(b"")
    text = one.client.get("/metrics").text
    assert 'requests_total{status="200"} 1.0' in text and 'requests_total{status="400"} 1.0' in text
    assert "texts_total 2.0" in text and "batch_texts_count 1.0" in text


def test_what_comes_in_together_is_answered_together_and_to_each_its_own():
    sizes: list[int] = []
    gate = threading.Event()

    def slow(examples):
        gate.wait(5)
        return np.array([[float(len(e.text)), 0.0] for e in examples])

    async def all_at_once():
        batcher, one = Batcher(100), arm(scores=slow)
        batcher.sizes = sizes.append
        batcher.start()
        asked = [
            asyncio.ensure_future(batcher.ask(one, [Example(0, "x" * n)] * 2)) for n in range(1, 31)
        ]
        await asyncio.sleep(0.05)
        asked[5].cancel()
        gate.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(found.pop(5), asyncio.CancelledError)
        await batcher.close()
        assert batcher.count == 0
        return [f[:, 0].tolist() for f in found]

    assert in_a_loop(all_at_once()) == [[n, n] for n in map(float, range(1, 31)) if n != 6.0]
    assert len(sizes) <= 3 and sum(sizes) in (58, 60)


def test_a_full_line_is_refused_with_when_to_come_back():
    gate = threading.Event()

    def slow(examples):
        gate.wait(5)
        return np.zeros((len(examples), 2))

    async def too_many():
        batcher, one = Batcher(4), arm(scores=slow)
        batcher.start()
        first = asyncio.ensure_future(batcher.ask(one, [Example(0, "x")] * 3))
        await asyncio.sleep(0.02)
        with pytest.raises(Refused, match="wait for an answer already") as refused:
            await batcher.ask(one, [Example(0, "x")] * 2)
        assert refused.value.status == 429 and refused.value.retry_after >= 1
        gate.set()
        await first
        await batcher.ask(one, [Example(0, "x")] * 4)
        await batcher.close()

    in_a_loop(too_many())


def test_time_is_up(ask):
    gate = threading.Event()

    def slow(examples):
        gate.wait(5)
        return np.zeros((len(examples), 2))

    one = ask(arm(scores=slow), limits=Limits(seconds=0.1))
    status, said, headers = one({"inputs": "a"})
    gate.set()
    assert status == 503 and "0.1 seconds" in said["error"] and headers["retry-after"]


def test_a_promoted_version_takes_over_without_a_lost_request():
    """Requests go on while the arm is put in place; early ones get the first answer, late ones the
    other.
    """
    from httpx import ASGITransport, AsyncClient

    def always(p):
        return lambda examples: np.tile([p, 1 - p], (len(examples), 1))

    service = Service({"a": arm(scores=always(0.9))}, renew_seconds=0.01)
    swap = threading.Event()
    service.renew = lambda: {"a": arm(scores=always(0.2))} if swap.is_set() else {}
    app = make_app(service)

    async def load() -> list[float]:
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
        ):
            found: list[float] = []
            for i in range(200):
                if i == 50:
                    swap.set()
                answers = await asyncio.gather(
                    *(client.post("/", json={"inputs": ["x", "y"]}) for _ in range(4))
                )
                assert {x.status_code for x in answers} == {200}
                for row in (row for x in answers for row in x.json()):
                    found.append({y["label"]: y["score"] for y in row}["sea"])
                if found[-1] == pytest.approx(0.2) and i > 60:
                    break
            return found

    found = in_a_loop(load())
    assert found[0] == pytest.approx(0.9) and found[-1] == pytest.approx(0.2)
    assert {round(x, 6) for x in found} == {0.9, 0.2}


# --- real arms ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def made(tiny_models, tmp_path_factory):
    requests = [
        ArmRequest("lora", TRAINED, "one"),
        ArmRequest("lora", {**TRAINED, "learning_rate": 0.05}, "two"),
        ArmRequest("tfidf"),
        ArmRequest("knn"),
    ]
    folder = tmp_path_factory.mktemp("serving") / "study"
    of = problem(("sea", "bread"))
    return Made(folder, tiny_models.body(), requests, rows_of(40), of)


TEXTS = [Example(0, "a ship near the harbour"), Example(0, "oven flour"), Example(0, "?")]


def said_by(made, name: str) -> np.ndarray:
    return drain(open_kept(made.folder, name).predictor.predict(TEXTS))


def test_arms_on_one_base_share_its_weights_and_answer_differently(made, tmp_path):
    recipe = tmp_path / "two"
    export(made.folder, recipe, run="two", format="recipe")
    bases = Bases("cpu")
    one = open_served(made.folder, bases, run="one")
    two = open_served(recipe, bases)
    assert (one.name, two.name) == ("one", "two") and len(bases._loaded) == 1
    for served in (one, two):
        assert np.abs(served.scores(TEXTS) - said_by(made, served.name)).max() < 1e-5
    assert np.abs(one.scores(TEXTS) - two.scores(TEXTS)).max() > 1e-3
    (encoder,) = bases._loaded.values()
    assert not len(encoder._tokens) and not len(encoder._vectors), "asked texts are remembered"


def test_only_what_was_trained_takes_memory(made):
    from tl_core.running import fit_arm

    bases = Bases("cpu")
    spec = next(s for s in made.plan.specs if s.arm.id == "one")
    encoder = bases.encoder(spec.arm, made.plan.study.model_folders)
    predictor = fit_arm.load(
        spec.arm, made.store.model_folder(spec.id), made.plan.study.problem, encoder
    )
    from tl_core.serving.arms import share_frozen

    before = drain(predictor.predict(TEXTS))
    share_frozen(predictor, encoder)
    base = {t.data_ptr() for t in encoder.model.network.parameters()}
    own = [t for t in predictor.model.body.parameters() if t.data_ptr() not in base]
    assert own and all(t.requires_grad for t in own), "a frozen weight is there twice"
    assert np.array_equal(drain(predictor.predict(TEXTS)), before)


def test_every_format_is_served_and_one_that_was_changed_is_not(made, tmp_path):
    for name, format in (("one", "sentence-transformers"), ("tfidf", "sklearn"), ("one", "peft")):
        folder = tmp_path / format
        export(made.folder, folder, run=name, format=format)
        served = open_served(folder, Bases("cpu"), name="x")
        assert np.abs(served.scores(TEXTS) - said_by(made, name)).max() < 1e-5
    with (tmp_path / "peft" / "adapter_model.safetensors").open("ab") as file:
        file.write(b"\0")
    (tmp_path / "sklearn" / "more.txt").write_text("x")
    for folder, file in (("peft", "adapter_model.safetensors"), ("sklearn", "more.txt")):
        with pytest.raises(UserError, match=f"{file} was changed, added or removed"):
            open_served(tmp_path / folder, Bases("cpu"))
    (tmp_path / "peft" / "export.json").write_text('{"schema": 1}')
    with pytest.raises(UserError, match="no export that can be read"):
        open_served(tmp_path / "peft", Bases("cpu"))


def test_all_that_is_wrong_with_the_arms_is_said_at_once(made, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    asked = [str(tmp_path / "empty"), f"{made.folder}:nobody", str(tmp_path / "gone")]
    assert main(["serve", *asked]) == 2
    said = capsys.readouterr().err
    assert "empty is neither a study" in said and "nobody" in said and "gone" in said
    twice = [f"{made.folder}:tfidf", f"{made.folder}:tfidf"]
    with pytest.raises(UserError, match="Two arms would answer as tfidf"):
        open_all(twice, Bases("cpu"), lambda _: False)
    both = open_all([twice[0], f"b={twice[1]}"], Bases("cpu"), lambda _: False)
    assert [x.name for x in both] == ["tfidf", "b"]
    assert served_name("../a b/c") == "a-b-c" and served_name("한국") == "arm"


def test_the_process_answers_by_curl_and_ends_gracefully(made, tmp_path):
    export(made.folder, tmp_path / "arm", run="tfidf")
    (tmp_path / "token").write_text("secret\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "tl_core", "serve", "winner=" + str(tmp_path / "arm")]
        + ["--port", "0", "--token-file", str(tmp_path / "token")],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TL_HOME": str(tmp_path / "home")},
    )
    try:
        first = process.stderr.readline()
        assert "winner answer at http://127.0.0.1:" in first, first + process.stderr.read()
        url = first.split(" at ")[1].split(";")[0]
        request = urllib.request.Request(
            url, b'{"inputs": "a ship near the harbour"}', {"Authorization": "Bearer secret"}
        )
        said = json.load(urllib.request.urlopen(request, timeout=30))
        wanted = said_by(made, "tfidf")[0]
        found = {x["label"]: x["score"] for x in said[0]}
        assert [found["sea"], found["bread"]] == pytest.approx(wanted.tolist(), abs=1e-5)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{url}/models", timeout=30)
        process.send_signal(signal.SIGTERM)
        logged = process.stderr.read()
        assert process.wait(30) == 0
        assert "POST / 200 texts=1" in logged and "harbour" not in logged, logged
    finally:
        if process.poll() is None:
            process.kill()
        process.stderr.close()


def test_a_port_that_is_taken_is_said(made, tmp_path, capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", f"{made.folder}:tfidf", "--port", str(port)]) == 2
    assert "cannot be listened on" in capsys.readouterr().err


def test_the_commands_of_the_dockerfile_are_ours():
    """No container engine is needed to see that what it starts and asks exists."""
    import re

    from tl_core.serving import app

    text = (Path(app.__file__).parent / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    steps = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    known = {"ARG", "FROM", "RUN", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"}
    assert set(steps) <= known
    assert steps.index("USER") < steps.index("ENTRYPOINT"), "it runs as root"
    entry = json.loads(next(x for x in lines if x.startswith("ENTRYPOINT")).split(" ", 1)[1])
    assert entry[0] == "transfer-lab"
    from tl_core.cli import parser

    given = parser().parse_args([*entry[1:], "/arms/winner"])
    assert (given.host, given.port, given.arms) == ("0.0.0.0", 8080, ["/arms/winner"])
    assert "/ready" in text
