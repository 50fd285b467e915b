"""Archives of studies that no program has packed: crafted to write elsewhere, to fill the memory,
to run what nobody checked, or simply of other shapes than a study has. Each is a good archive with
something changed.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.types import Example, Label, Problem, RunResult, Split
from tl_core.studies.plan import ArmRequest, make_study, plan
from tl_core.studies.store import Store

LABELS = ("a", "b", "c")
AT_A_TIME = 100_000  # rows that are made, so that making them takes little memory
DEEP = b"[" * 200_000
NEVER, READ = True, False  # whether the form of the page would refuse to run it
StoredAnswers = dict[str, bytes]


def study_folder(
    folder: Path,
    *,
    test: int = 60,
    pool: int = 60,
    seeds: int = 2,
    arms: tuple[ArmRequest, ...] = (),
    answered: bool = True,
) -> Store:
    """A study with made-up answers, or with none."""
    problem = Problem("one text", "one label", tuple(Label(x, f"the {x}") for x in LABELS))
    rows = tuple(
        Example(i, f"text number {i} about {i * 7919 % 1009}", None, (LABELS[i % 3],))
        for i in range(1, test + pool + 1)
    )
    asked = arms or (ArmRequest("majority"), ArmRequest("tfidf"), ArmRequest("similarity"))
    study = make_study(
        "made",
        problem,
        Split(rows[:test], rows[test:]),
        arms=asked,
        shots=(0, 1, 4),
        seeds=seeds,
        hub=True,
    )
    store, draw = Store(folder), np.random.default_rng(0)
    store.prepare()
    store.save_study(study)
    for spec in plan(study).specs if answered else ():
        scores = draw.dirichlet(np.ones(3), test).astype(np.float32)
        store.save_result(
            RunResult(
                spec.id,
                "done",
                scores,
                {"train": len(spec.train)},
                {"fit": 1.0, "predict": 0.5},
                device="cpu",
            )
        )
    store.write_json(
        "study.json",
        {
            "schema": 1,
            "dataset": {"source": "made.csv", "guesses": [], "notes": []},
            "command": "compare made.csv",
            "wall_seconds": 3.0,
        },
    )
    store.write_json("about.json", {"title": "Made", "note": ""})
    store.write_bytes("report.html", b"<script>alert(1)</script>")
    return store


def crafted(home: Path, scale: float = 1.0) -> Iterator[tuple[str, Path, bool]]:
    """(name, archive, whether the form would refuse to run it), each ready to be opened when it is
    given.
    """
    good = parts_of(study_folder(home / "good"))
    run = next(
        name.removesuffix(".json")
        for name in good
        if name.startswith("runs/") and name.endswith(".json")
    )
    for name, change, refused in _all(good, run, scale, home):
        path = home / "crafted.zip"
        path.write_bytes(change())
        yield name, path, refused


def parts_of(store: Store) -> StoredAnswers:
    """Every file of a study's folder."""
    return {
        p.relative_to(store.folder).as_posix(): p.read_bytes()
        for p in sorted(store.folder.rglob("*"))
        if p.is_file()
    }


def zipped(parts: StoredAnswers, *more: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    """An archive of these parts, and of more under any names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in (*parts.items(), *more):
            made.writestr(name, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _all(
    good: StoredAnswers, run: str, scale: float, home: Path
) -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    def plan_with(**changes: Any) -> Callable[[], bytes]:
        return lambda: zipped(
            {**good, "plan.json": json.dumps({**json.loads(good["plan.json"]), **changes}).encode()}
        )

    def plan_of(change: Callable[[dict], object]) -> Callable[[], bytes]:
        def made() -> bytes:
            asked = json.loads(good["plan.json"])
            change(asked)
            return zipped({**good, "plan.json": json.dumps(asked).encode()})

        return made

    def part(name: str, data: bytes | Callable[[], bytes]) -> Callable[[], bytes]:
        return lambda: zipped({**good, name: data() if callable(data) else data})

    def record(**changes: Any) -> Callable[[], bytes]:
        return part(
            f"{run}.json", json.dumps({**json.loads(good[f"{run}.json"]), **changes}).encode()
        )

    def arm(**changes: Any) -> Callable[[], bytes]:
        return plan_of(lambda asked: asked["arms"][1].update(changes))

    def study_with(
        *requests: ArmRequest, change: Callable[[dict], object] = lambda asked: None, **sizes: Any
    ) -> Callable[[], bytes]:
        def made() -> bytes:
            parts = parts_of(
                study_folder(home / f"of-{len(list(home.iterdir()))}", arms=requests, **sizes)
            )
            asked = json.loads(parts["plan.json"])
            change(asked)
            return zipped({**parts, "plan.json": json.dumps(asked).encode()})

        return made

    def setting(strategy: str, **values: Any) -> Callable[[], bytes]:
        return study_with(
            ArmRequest("majority"),
            ArmRequest(strategy),
            answered=False,
            change=lambda asked: asked["arms"][1]["settings"].update(values),
        )

    yield "a good one", lambda: zipped(good), READ
    yield (
        "a good one, packed by hand",
        lambda: zipped({f"my study/{name}": data for name, data in good.items()}),
        READ,
    )

    # the zip itself
    yield (
        "a name that climbs",
        lambda: zipped(good, ("../../evil.txt", b"x"), ("runs/../../evil.json", b"x")),
        READ,
    )
    yield (
        "a name from the root",
        lambda: zipped(good, ("/tmp/evil.txt", b"x"), ("C:\\evil.txt", b"x")),
        READ,
    )
    yield (
        "names with odd marks",
        lambda: zipped(good, ("..\\evil.txt", b"x"), ("runs/\0.json", b"x"), ("\u202e.json", b"x")),
        READ,
    )
    yield (
        "rows that are a link",
        lambda: zipped(
            {k: v for k, v in good.items() if k != "rows.parquet"},
            (_link("rows.parquet"), b"/etc/passwd"),
        ),
        READ,
    )
    yield (
        "a run that is a link",
        lambda: zipped(
            {k: v for k, v in good.items() if k != f"{run}.json"},
            (_link(f"{run}.json"), b"/etc/passwd"),
        ),
        READ,
    )
    yield (
        "the state of another study",
        lambda: zipped(good, ("state.json", b'{"key": "mine", "status": "queued"}')),
        READ,
    )
    yield (
        "weights",
        lambda: zipped(good, (f"models/{run[5:]}/head.pkl", b"cos\nsystem\n(S'true'\ntR.")),
        READ,
    )
    yield (
        "two plans",
        lambda: zipped(good, ("other/plan.json", b"{}"), ("other/rows.parquet", b"x")),
        READ,
    )
    yield "empty", lambda: zipped({}), READ
    yield "no rows in it", lambda: zipped({"plan.json": good["plan.json"]}), READ
    yield "cut off", lambda: zipped(good)[:3_000], READ
    yield "a part that is damaged", lambda: _spoilt(zipped(good)), READ
    yield "locked with a password", lambda: _flagged(zipped(good)), READ
    yield "packed in an unknown way", lambda: _method(zipped(good), 99), READ
    yield "sizes that lie", lambda: _sized(zipped(good), 2**31), READ
    yield (
        "many files",
        lambda: zipped(
            {**good, **{f"runs/{i:016x}.json": b"{}" for i in range(int(170_000 * scale) + 10)}}
        ),
        READ,
    )
    yield "a record of blanks", part("study.json", lambda: b" " * int(90e6 * scale)), READ
    yield "a plan of blanks", part("plan.json", lambda: b" " * int(90e6 * scale)), READ

    # JSON
    for name in (
        "plan.json",
        "study.json",
        "about.json",
        "topics.json",
        f"{run}.json",
        "robustness/typos.json",
    ):
        yield (
            f"{name.rpartition('/')[2] if 'runs' not in name else 'a run'} nested deeply",
            part(name, DEEP),
            READ,
        )
    for name in ("study.json", "about.json", "topics.json"):
        yield f"{name} that is a list", part(name, b"[1, 2]"), READ
    yield "a plan that is a list", part("plan.json", b"[1, 2]"), READ
    yield "a plan that is no text", part("plan.json", b"\xff\xfe\x00"), READ
    yield (
        "a record of a dataset that is a list",
        part("study.json", b'{"dataset": [1], "wall_seconds": "long", "command": 7}'),
        READ,
    )
    yield (
        "a record of a dataset of odd parts",
        part(
            "study.json",
            b'{"dataset": {"source": 7, "guesses": [1], "notes": {"a": 1}, "tokens": ["x"],'
            b' "columns": 3}}',
        ),
        READ,
    )
    yield (
        "topics of other rows",
        part("topics.json", b'{"version": 1, "test": "x", "of": ["a"], "words": 7}'),
        READ,
    )

    # the plan
    yield "no labels", plan_of(lambda asked: asked["problem"].update(labels=[])), READ
    yield (
        "one label",
        plan_of(lambda asked: asked["problem"].update(labels=asked["problem"]["labels"][:1])),
        READ,
    )
    yield (
        "labels that are texts",
        plan_of(lambda asked: asked["problem"].update(labels=["a", "b", "c"])),
        READ,
    )
    yield (
        "a label that is a list",
        plan_of(lambda asked: asked["problem"]["labels"][0].update(id=["a"])),
        READ,
    )
    yield (
        "a label without a name",
        plan_of(lambda asked: asked["problem"]["labels"][0].update(name=None)),
        READ,
    )
    yield (
        "labels twice",
        plan_of(lambda asked: asked["problem"]["labels"].append(asked["problem"]["labels"][0])),
        READ,
    )
    yield (
        "300,000 labels",
        plan_of(
            lambda asked: asked["problem"].update(labels=_many_labels(int(300_000 * scale) + 300))
        ),
        READ,
    )
    yield "an odd target", plan_of(lambda asked: asked["problem"].update(target="no label")), READ
    yield "odd inputs", plan_of(lambda asked: asked["problem"].update(inputs=7)), READ
    yield (
        "two texts where there is one",
        plan_of(lambda asked: asked["problem"].update(inputs="two texts")),
        READ,
    )
    yield "an arm called by a list", arm(id=["tfidf"]), READ
    yield "an arm that is a text", plan_of(lambda asked: asked["arms"].append("lora")), READ
    yield "no arms", plan_with(arms=[]), READ
    yield (
        "two arms of one name",
        plan_of(lambda asked: asked["arms"].append(asked["arms"][0])),
        READ,
    )
    yield "a strategy that is a list", arm(strategy=["tfidf"]), READ
    yield "a strategy of another program", arm(strategy="oracle-9000"), READ
    yield "settings that are a list", arm(settings=[1]), READ
    yield "a setting that is a list", arm(settings={"strength": [1]}), READ
    yield "a selection that is none", arm(selection="magic"), READ
    yield "bases without end", arm(base=_bases(json.loads(good["plan.json"])["arms"][1], 300)), READ
    yield (
        "a model that is a text",
        plan_of(lambda asked: asked["arms"][2].update(model="minilm")),
        READ,
    )
    yield "seeds that are a text", plan_with(seeds="many"), READ
    yield "19,000 seeds", plan_with(seeds=list(range(19_000))), READ
    yield "seeds below zero", plan_with(seeds=[-1, -2]), READ
    yield "a seed of a thousand digits", plan_with(seeds=[10**1000]), READ
    yield "seeds with a fraction", plan_with(seeds=[0.5, 1e308]), READ
    yield "shots that are a text", plan_with(shots="many"), READ
    yield "shots below zero", plan_with(shots=[-1]), READ
    yield "a thousand million shots", plan_with(shots=[10**9]), READ
    yield "a name that is a list", plan_with(name=["made"]), READ
    yield "a plan of the future", plan_with(schema=99), READ
    yield (
        "folders of this machine",
        plan_with(model_folders={"d" * 32: "/etc", "e" * 32: "../../root"}),
        READ,
    )
    yield "folders that are a list", plan_with(model_folders=["/etc"]), READ

    # the rows
    yield (
        "a million rows",
        part("rows.parquet", lambda: _rows(int(1_000_000 * scale) + 6_000)),
        READ,
    )
    yield (
        "twenty million rows",
        part("rows.parquet", lambda: _rows(int(20_000_000 * scale) + 6_000)),
        READ,
    )
    yield (
        "one long text in every row",
        part("rows.parquet", lambda: _rows(5_000, b"x" * (int(1e6 * scale) + 10_000))),
        READ,
    )
    yield "labels that the study has not", part("rows.parquet", lambda: _rows(60, label="z")), READ
    yield "rows without labels", part("rows.parquet", lambda: _rows(60, label=None)), READ
    yield "no test rows", part("rows.parquet", lambda: _rows(60, parts=("pool",))), READ
    yield (
        "a part that is none",
        part("rows.parquet", lambda: _rows(60, parts=("pool", "dev"))),
        READ,
    )
    yield "a row twice", part("rows.parquet", lambda: _rows(60, same=True)), READ
    yield (
        "rows that are numbers",
        part(
            "rows.parquet",
            lambda: _table({"part": ["pool", "test"], "row": [1, 2], "text": [1, 2]}),
        ),
        READ,
    )
    yield (
        "rows of nine thousand columns",
        part("rows.parquet", lambda: _table({f"c{i}": [1] for i in range(9_000)})),
        READ,
    )
    yield "rows that are no Parquet", part("rows.parquet", b"PAR1 and then nothing PAR1"), READ

    # results
    shape = np.load(io.BytesIO(good[f"{run}.npy"])).shape
    yield (
        "scores that are no numbers",
        part(f"{run}.npy", lambda: _npy(np.full(shape, np.nan, np.float32))),
        READ,
    )
    yield (
        "scores of another shape",
        part(f"{run}.npy", lambda: _npy(np.ones((3, 3), np.float32))),
        READ,
    )
    yield (
        "scores that are whole numbers",
        part(f"{run}.npy", lambda: _npy(np.ones(shape, np.int64))),
        READ,
    )
    yield (
        "scores that are objects",
        part(f"{run}.npy", lambda: _npy(np.array([{"a": 1}], dtype=object))),
        READ,
    )
    yield "scores without end", part(f"{run}.npy", lambda: _promising((10**6, 10**6))), READ
    yield "a status that is none", record(status="great"), READ
    yield "budgets that are a list", record(budget=[1], seconds=[2]), READ
    yield "seconds that are no number", record(seconds={"fit": float("nan")}), READ
    yield "notes that are numbers", record(notes=[1, 2], curve="steep", versions=7), READ
    yield "the record of another run", record(spec_id="0" * 16), READ
    yield (
        "a large study",
        study_with(test=500, pool=int(4_000 * scale) + 60, seeds=int(18 * scale) + 2),
        READ,
    )

    yield (
        "more answers than may be compared",
        study_with(test=4_000, pool=60, seeds=100, answered=False),
        READ,
    )

    # what the form refuses
    yield "a file of this machine", setting("word-rnn", vectors="/etc/passwd"), NEVER
    yield "a setting out of its bounds", setting("word-rnn", hidden=4_000), NEVER
    yield "steps without end", setting("lora", max_steps=10**9), NEVER
    yield "a setting that is none", setting("tfidf", sudo="yes"), NEVER
    yield "a setting that is no number", setting("tfidf", strength="much"), NEVER
    yield "a version of the future", arm(strategy_version=99), NEVER
    yield (
        "a model of the hub",
        plan_of(lambda asked: asked["arms"][2]["model"].update(name="somebody/something")),
        NEVER,
    )
    yield (
        "a model in a folder",
        plan_of(lambda asked: asked["arms"][2]["model"].update(name="/etc")),
        NEVER,
    )
    yield (
        "a listed model with another digest",
        plan_of(lambda asked: asked["arms"][2]["model"].update(digest="d" * 32)),
        NEVER,
    )
    yield "a hundred draws", plan_with(seeds=list(range(100))), NEVER
    yield "more test rows than are allowed", study_with(test=600, answered=False), NEVER
    yield "more rows than are allowed", study_with(test=400, pool=5_000, answered=False), READ


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def _spoilt(data: bytes) -> bytes:
    return bytes(b ^ 0x55 if 200 < i < len(data) // 2 else b for i, b in enumerate(data))


def _flagged(data: bytes) -> bytes:
    """Return the data with the mark of a password on every part."""
    return data.replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
    )


def _method(data: bytes, method: int) -> bytes:
    return data.replace(
        b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00" + struct.pack("<H", method)
    )


def _sized(data: bytes, size: int) -> bytes:
    """Every part of the directory says that it unpacks to so much."""
    out, at = bytearray(data), 0
    while (at := out.find(b"PK\x01\x02", at)) >= 0:
        out[at + 24 : at + 28] = struct.pack("<I", size)
        at += 4
    return bytes(out)


def _many_labels(count: int) -> list[dict]:
    return [dataclasses.asdict(Label(str(i), str(i))) for i in range(count)]


def _bases(arm: dict, depth: int) -> dict:
    made = copy.deepcopy(arm)
    for _ in range(depth):
        made = {**arm, "base": made}
    return made


def _rows(
    count: int,
    text: bytes = b"x",
    *,
    label: str | None = "a",
    parts: tuple[str, ...] = ("pool", "test"),
    same: bool = False,
) -> bytes:
    """Rows of one text, which Parquet keeps once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out, writer = pa.BufferOutputStream(), None
    for start in range(0, count, AT_A_TIME):
        n = min(AT_A_TIME, count - start)
        zeros = pa.Array.from_buffers(pa.int32(), n, [None, pa.py_buffer(bytes(4 * n))])
        turns = pa.array(np.arange(n, dtype=np.int32) % len(parts))
        table = pa.table(
            {
                "part": pa.DictionaryArray.from_arrays(turns, list(parts)),
                "row": (
                    zeros.cast(pa.int64())
                    if same
                    else pa.array(np.arange(start + 1, start + n + 1))
                ),
                "text": pa.DictionaryArray.from_arrays(zeros, pa.array([text], pa.binary())),
                "text_b": pa.nulls(n, pa.large_binary()),
                "labels": (
                    pa.array([None if label is None else [label]], pa.list_(pa.string())).take(
                        zeros
                    )
                ),
                "group": pa.nulls(n, pa.string()),
            }
        )
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table)
    writer.close()
    return out.getvalue().to_pybytes()


def _table(columns: dict[str, Any]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), out)
    return out.getvalue().to_pybytes()


def _npy(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values, allow_pickle=True)
    return out.getvalue()


def _promising(shape: tuple[int, ...]) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return out.getvalue() + b"\0" * 100
