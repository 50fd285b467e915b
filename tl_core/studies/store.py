"""One folder per study: its request, the rows, and every finished run as soon as it is finished.

    study.json            the record (see `analysis.record`), rewritten as results come
    plan.json             the request in full: any process can continue from it
    rows.parquet          the rows with their part (pool, test)
    runs/ID.json, ID.npy  a finished run: what it took, and its scores; the .json is written last
    robustness/           the test rows as they were changed, and the predictions of checkpoints
    models/ID/            checkpoints
    progress.json         what is running now

A file appears whole or not at all (written next to its place, then renamed), so a killed process
loses only the run it was in.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, restored_in, say, with_sentences
from tl_core.api.types import Example, RunResult
from tl_core.json_text import parsed
from tl_core.studies.as_json import RESULT_FIELDS, plain, result_of, study_of
from tl_core.studies.plan import Study

SCHEMA = 1
OWN = (
    "study.json",
    "plan.json",
    "about.json",
    "topics.json",
    "rows.parquet",
    "predictions.parquet",
    "samples.parquet",
    "progress.json",
    "report.html",
    "runs",
    "robustness",
    "models",
)
BESIDE = re.compile(
    r"\.(.+)\.\d+"
)  # a file being written, or left by a process that was killed while writing


class Store:
    """The folder of a study, to read and write. Exactly one process writes; any number read."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self._read: dict[str, RunResult] = {}

    def prepare(self) -> None:
        """Make the folder and see that it can be written.

        Raises:
            UserError: it cannot.
        """
        with file_errors_as_user_errors(self.folder):
            for part in ("runs", "models"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            for left in (
                *self.folder.iterdir(),
                *self.folder.glob("runs/*"),
                *self.folder.glob("robustness/*"),
            ):
                if is_own(left.name) and BESIDE.fullmatch(left.name):
                    left.unlink()
            write_whole(self.folder / ".writable", b"")
            (self.folder / ".writable").unlink()

    def made(self) -> float | None:
        """Return when the study was asked for last, in seconds since 1970; None: it is unknown."""
        plan = self.folder / "plan.json"
        return plan.stat().st_mtime if plan.is_file() else None

    # --- the plan ---------------------------------------------------------------------------------

    def save_study(self, study: Study) -> None:
        """Keep what was asked, and the rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts = [("pool", e) for e in study.split.pool] + [("test", e) for e in study.split.test]
        table = pa.table(
            {
                "part": pa.array([part for part, _ in parts], pa.string()),
                "row": pa.array([e.row for _, e in parts], pa.int64()),
                "text": pa.array([_storable(e.text) for _, e in parts], pa.large_binary()),
                "text_b": pa.array(
                    [None if e.text_b is None else _storable(e.text_b) for _, e in parts],
                    pa.large_binary(),
                ),
                "labels": pa.array([list(e.labels) for _, e in parts], pa.list_(pa.string())),
                "group": pa.array([e.group for _, e in parts], pa.string()),
                # of rows that want more than labels: JSON, None where there is none
                "answer": pa.array([_listed(e.answer) for _, e in parts], pa.string()),
                "words": pa.array([_listed(e.words) for _, e in parts], pa.string()),
            }
        )
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd")
        write_whole(self.folder / "rows.parquet", buffer.getvalue().to_pybytes())
        self.write_json("plan.json", {"schema": SCHEMA, **plain(study)})

    def load_study(self) -> Study:
        """Load the study that was asked for, with its rows.

        Raises:
            UserError: there is no study here, it is damaged, or a newer program wrote it.
        """
        asked = self.read_json("plan.json")
        if os.path.isfile(self.folder) and zipfile.is_zipfile(self.folder):
            raise UserError(
                say(
                    "{folder} is one file: the archive of a study holds rows and predictions but"
                    " no checkpoints, which this needs: make the study again with python -m"
                    " tl_core again {folder2} {out} FOLDER, then give that folder.",
                    folder=self.folder,
                    folder2=self.folder.name,
                    out=Setting("out"),
                )
            )
        if asked is None and not os.path.exists(self.folder / "plan.json"):
            raise UserError(
                say(
                    "{folder} holds no study. Give the folder that compare wrote with {out}.",
                    folder=self.folder,
                    out=Setting("out"),
                )
            )
        self.check_schema(asked)
        if not isinstance(asked, dict):
            raise UserError(
                say(
                    "The study in {folder} is damaged: plan.json cannot be read. Start it again"
                    " in another folder.",
                    folder=self.folder,
                )
            )
        try:
            return study_of(asked, *self.load_rows())
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise UserError(
                say(
                    "The study in {folder} is damaged ({name}: {fault}). Start it again in"
                    " another folder.",
                    folder=self.folder,
                    name=type(fault).__name__,
                    fault=fault,
                )
            ) from fault

    def check_schema(self, record: Any) -> None:
        """See that this program can read a record.

        Raises:
            UserError: a newer program wrote it.
        """
        schema = record.get("schema") if isinstance(record, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            raise UserError(
                say(
                    "The study in {folder} was written by a newer version of this program."
                    " Update, then open it again.",
                    folder=self.folder,
                )
            )

    def load_rows(self) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        """Pool and test rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.ParquetFile(self.folder / "rows.parquet").read()
        except (OSError, pa.ArrowException) as fault:
            raise UserError(
                say(
                    "The rows of the study in {folder} cannot be read ({fault}). Start it again"
                    " in another folder.",
                    folder=self.folder,
                    fault=fault,
                )
            ) from fault
        parts: dict[str, list[Example]] = {"pool": [], "test": []}
        columns = (
            table.column(name).to_pylist()
            for name in ("part", "row", "text", "text_b", "labels", "group")
        )
        more = (
            table.column(name).to_pylist() if name in table.column_names else [None] * len(table)
            for name in ("answer", "words")  # studies of before have neither
        )
        for part, row, text, text_b, labels, group, answer, words in zip(
            *columns, *more, strict=True
        ):
            second = None if text_b is None else text_b.decode("utf-8", "surrogatepass")
            parts[part].append(
                Example(
                    row,
                    text.decode("utf-8", "surrogatepass"),
                    second,
                    tuple(labels),
                    group,
                    _tuples(answer) or (),
                    _tuples(words),
                )
            )
        return tuple(parts["pool"]), tuple(parts["test"])

    # --- results ----------------------------------------------------------------------------------

    def save_result(self, result: RunResult) -> None:
        """Keep a finished run; its scores first, so that a record always has them."""
        if result.scores is not None:
            self.write_array(f"runs/{result.spec_id}.npy", result.scores)
        record = {name: getattr(result, name) for name in sorted(RESULT_FIELDS)}
        write_whole(self._run(result.spec_id, "json"), _json(record))

    def result(self, run: str) -> RunResult | None:
        """A finished run, or None. A damaged record counts as not there: the run is done again."""
        if run in self._read:
            return self._read[run]
        try:
            record = restored_in(parsed(self._run(run, "json").read_bytes()))
            self._read[run] = result_of(
                record, array_of(self._run(run, "npy")) if record["status"] == "done" else None
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
            return None
        return self._read[run]

    def forget(self, run: str) -> None:
        """Remove a run's record, so that it is done again."""
        self._read.pop(run, None)
        self._run(run, "json").unlink(missing_ok=True)

    def results(self, runs) -> dict[str, RunResult]:
        """Finished runs among these ids."""
        found = {run: self.result(run) for run in runs}
        return {run: result for run, result in found.items() if result is not None}

    def model_folder(self, run: str) -> Path:
        """Return the folder of the trained state of a kept run."""
        return self.folder / "models" / run

    # --- small files ------------------------------------------------------------------------------

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file of the folder, whole or not at all."""
        write_whole(self.folder / name, _json(value, allow_nan=False, indent=1))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file of the folder, whole or not at all."""
        write_whole(self.folder / name, data)

    def write_array(self, name: str, values: np.ndarray) -> None:
        """Write numbers into a file of the folder, whole or not at all."""
        buffer = io.BytesIO()
        np.save(buffer, values)
        write_whole(self.folder / name, buffer.getvalue())

    def read_array(self, name: str) -> np.ndarray | None:
        """Read what `write_array` wrote; None when it is not there or damaged."""
        try:
            return array_of(self.folder / name)
        except (OSError, ValueError, EOFError):
            return None

    def read_json(self, name: str) -> Any:
        """Read a JSON file of the folder; None when it is not there or damaged."""
        try:
            return restored_in(parsed((self.folder / name).read_bytes()))
        except (OSError, ValueError):
            return None

    def _run(self, run: str, kind: str) -> Path:
        return self.folder / "runs" / f"{run}.{kind}"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    with file_errors_as_user_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(beside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def array_of(path: Path) -> np.ndarray:
    """The numbers of a .npy file. Its header, which may promise any number of them, is compared
    with its size first.

    Raises:
        OSError, ValueError, EOFError: it is not there, or damaged.
    """
    with open(path, "rb") as file:
        head = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(np.lib.format.read_magic(file))
        if head is None:
            raise ValueError("an unknown version")
        shape, _, kind = head(file)
        if (
            kind.hasobject
            or math.prod(shape) * kind.itemsize != os.fstat(file.fileno()).st_size - file.tell()
        ):
            raise ValueError("not as many numbers as its header says")
    return np.load(path)


def _json(value: Any, **options: Any) -> bytes:
    """JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, is written as JSON's escape
    for it.
    """
    said = json.dumps(with_sentences(value), ensure_ascii=False, **options)
    return said.encode("utf-8", "backslashreplace")


def _listed(parts: tuple[Any, ...] | None) -> str | None:
    return json.dumps(parts) if parts else None


def _tuples(said: str | None) -> tuple[Any, ...] | None:
    """The lists that `_listed` wrote, as tuples again."""
    if said is None:
        return None
    return tuple(tuple(x) if isinstance(x, list) else x for x in parsed(said.encode()))


def _storable(text: str) -> bytes:
    return text.encode(
        "utf-8", "surrogatepass"
    )  # half a surrogate pair, as JSON may bring it, is kept as it is


def is_own(name: str) -> bool:
    """Whether a file of this name in a study's folder is the study's."""
    beside = BESIDE.fullmatch(name)
    name = beside[1] if beside else name
    return (
        name in OWN
        or name in (".writable", ".lock")
        or (beside is not None and name.endswith((".json", ".npy")))
    )


class file_errors_as_user_errors:
    """Turns what a disk can answer into a sentence."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _kind, fault, _trace) -> None:
        if not isinstance(fault, OSError):
            return
        folder = self.path if os.path.isdir(self.path) else self.path.parent
        reasons = {
            errno.ENOSPC: say(
                "The disk is full: {file} could not be written to {folder}. Free some space and"
                " start again; finished runs are kept.",
                file=self.path.name,
                folder=folder,
            ),
            errno.EDQUOT: say(
                "Your disk quota is used up: {file} could not be written to {folder}. Free some"
                " space and start again.",
                file=self.path.name,
                folder=folder,
            ),
            errno.EROFS: say(
                "{folder} is read-only. Choose another folder with {out}.",
                folder=folder,
                out=Setting("out"),
            ),
            errno.EACCES: say(
                "{folder} may not be written to. Choose another folder with {out}, or change its"
                " permissions.",
                folder=folder,
                out=Setting("out"),
            ),
            errno.EPERM: say(
                "{folder} may not be written to. Choose another folder with {out}, or change its"
                " permissions.",
                folder=folder,
                out=Setting("out"),
            ),
            errno.ENOTDIR: say(
                "{path} cannot be a folder: a file of that name is in the way. Choose another"
                " folder with {out}.",
                path=self.path,
                out=Setting("out"),
            ),
            errno.EEXIST: say(
                "{path} cannot be a folder: a file of that name is in the way. Choose another"
                " folder with {out}.",
                path=self.path,
                out=Setting("out"),
            ),
        }
        raise UserError(
            reasons.get(
                fault.errno or 0,
                say(
                    "{path} could not be written: {strerror}.",
                    path=self.path,
                    strerror=fault.strerror or fault,
                ),
            )
        ) from fault
