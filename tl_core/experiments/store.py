"""One folder per study: what was asked, the rows, and every finished run as soon as it is finished.

    study.json            the record (see `export`), rewritten as results come
    plan.json             what was asked, in full: any process can go on from it
    rows.parquet          the rows with their part (pool, test)
    runs/ID.json, ID.npy  a finished run: what it took, and its scores; the .json is written last
    robustness/           the test rows as they were changed, and what kept runs answer to them (see `robustness`)
    models/ID/            trained state of kept runs
    progress.json         what is running now

A file appears whole or not at all (written beside its place, then renamed), so a killed process loses only
the run it was in.
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

from tl_core.errors import UserError
from tl_core.experiments.plan import Study
from tl_core.experiments.written import RESULT_FIELDS, plain, result_of, study_of
from tl_core.json_text import parsed
from tl_core.types import Example, RunResult

SCHEMA = 1
OWN = ("study.json", "plan.json", "about.json", "topics.json", "rows.parquet", "predictions.parquet", "samples.parquet", "progress.json", "report.html", "runs", "robustness", "models")
BESIDE = re.compile(r"\.(.+)\.\d+")  # a file being written, or left by a process that was killed while writing


class Store:
    """Reads and writes a study's folder. Exactly one process writes; any number read."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self._read: dict[str, RunResult] = {}

    def prepare(self) -> None:
        """Make the folder and see that it can be written.

        Raises:
            UserError: it cannot.
        """
        with told(self.folder):
            for part in ("runs", "models"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            for left in (*self.folder.iterdir(), *self.folder.glob("runs/*"), *self.folder.glob("robustness/*")):
                if is_own(left.name) and BESIDE.fullmatch(left.name):
                    left.unlink()
            self._write(self.folder / ".writable", b"")
            (self.folder / ".writable").unlink()

    # --- the plan ----------------------------------------------------------------------------------

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
                "text_b": pa.array([None if e.text_b is None else _storable(e.text_b) for _, e in parts], pa.large_binary()),
                "labels": pa.array([list(e.labels) for _, e in parts], pa.list_(pa.string())),
                "group": pa.array([e.group for _, e in parts], pa.string()),
            }
        )
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd")
        self._write(self.folder / "rows.parquet", buffer.getvalue().to_pybytes())
        self.write_json("plan.json", {"schema": SCHEMA, **plain(study)})

    def load_study(self) -> Study:
        """What was asked, with its rows.

        Raises:
            UserError: there is no study here, it is damaged, or a newer program wrote it.
        """
        asked = self.read_json("plan.json")
        if os.path.isfile(self.folder) and zipfile.is_zipfile(self.folder):
            raise UserError(
                f"{self.folder} is one file: the archive of a study holds rows and answers but no trained weights, which this needs: "
                f"make the study again with python -m tl_core again {self.folder.name} --out FOLDER, then give that folder."
            )
        if asked is None and not os.path.exists(self.folder / "plan.json"):
            raise UserError(f"{self.folder} holds no study. Give the folder that compare wrote with --out.")
        self.check_schema(asked)
        if not isinstance(asked, dict):
            raise UserError(f"The study in {self.folder} is damaged: plan.json cannot be read. Start it again in another folder.")
        try:
            return study_of(asked, *self.load_rows())
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise UserError(f"The study in {self.folder} is damaged ({type(fault).__name__}: {fault}). Start it again in another folder.") from fault

    def check_schema(self, record: Any) -> None:
        """See that this program can read a record.

        Raises:
            UserError: a newer program wrote it.
        """
        schema = record.get("schema") if isinstance(record, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            raise UserError(f"The study in {self.folder} was written by a newer version of this program. Update, then open it again.")

    def load_rows(self) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        """Pool and test rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(self.folder / "rows.parquet", memory_map=False)
        except (OSError, pa.ArrowException) as fault:
            raise UserError(f"The rows of the study in {self.folder} cannot be read ({fault}). Start it again in another folder.") from fault
        parts: dict[str, list[Example]] = {"pool": [], "test": []}
        columns = (table.column(name).to_pylist() for name in ("part", "row", "text", "text_b", "labels", "group"))
        for part, row, text, text_b, labels, group in zip(*columns, strict=True):
            second = None if text_b is None else text_b.decode("utf-8", "surrogatepass")
            parts[part].append(Example(row, text.decode("utf-8", "surrogatepass"), second, tuple(labels), group))
        return tuple(parts["pool"]), tuple(parts["test"])

    # --- results -----------------------------------------------------------------------------------

    def save_result(self, result: RunResult) -> None:
        """Keep a finished run; its scores first, so that a record always has them."""
        if result.scores is not None:
            self.write_array(f"runs/{result.spec_id}.npy", result.scores)
        record = {name: getattr(result, name) for name in sorted(RESULT_FIELDS)}
        self._write(self._run(result.spec_id, "json"), _json(record))

    def result(self, run: str) -> RunResult | None:
        """A finished run, or None. A damaged record counts as not there: the run is done again."""
        if run in self._read:
            return self._read[run]
        try:
            record = parsed(self._run(run, "json").read_bytes())
            self._read[run] = result_of(record, array_of(self._run(run, "npy")) if record["status"] == "done" else None)
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
        """Where the trained state of a kept run lies."""
        return self.folder / "models" / run

    # --- small files -------------------------------------------------------------------------------

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file of the folder, whole or not at all."""
        self._write(self.folder / name, _json(value, allow_nan=False, indent=1))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file of the folder, whole or not at all."""
        self._write(self.folder / name, data)

    def write_array(self, name: str, values: np.ndarray) -> None:
        """Write numbers into a file of the folder, whole or not at all."""
        buffer = io.BytesIO()
        np.save(buffer, values)
        self._write(self.folder / name, buffer.getvalue())

    def read_array(self, name: str) -> np.ndarray | None:
        """Read what `write_array` wrote; None when it is not there or damaged."""
        try:
            return array_of(self.folder / name)
        except (OSError, ValueError, EOFError):
            return None

    def read_json(self, name: str) -> Any:
        """Read a JSON file of the folder; None when it is not there or damaged."""
        try:
            return parsed((self.folder / name).read_bytes())
        except (OSError, ValueError):
            return None

    def _run(self, run: str, kind: str) -> Path:
        return self.folder / "runs" / f"{run}.{kind}"

    def _write(self, path: Path, data: bytes) -> None:
        with told(path):
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
    """The numbers of a .npy file. Its header, which may promise any number of them, is compared with its size first.

    Raises:
        OSError, ValueError, EOFError: it is not there, or damaged.
    """
    with open(path, "rb") as file:
        head = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(np.lib.format.read_magic(file))
        if head is None:
            raise ValueError("an unknown version")
        shape, _, kind = head(file)
        if kind.hasobject or math.prod(shape) * kind.itemsize != os.fstat(file.fileno()).st_size - file.tell():
            raise ValueError("not as many numbers as its header says")
    return np.load(path)


def _json(value: Any, **options: Any) -> bytes:
    """JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, is written as JSON's escape for it."""
    return json.dumps(value, ensure_ascii=False, **options).encode("utf-8", "backslashreplace")


def _storable(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # half a surrogate pair, as JSON may bring it, is kept as it is


def is_own(name: str) -> bool:
    """Whether a file of this name in a study's folder is the study's."""
    beside = BESIDE.fullmatch(name)
    name = beside[1] if beside else name
    return name in OWN or name in (".writable", ".lock") or (beside is not None and name.endswith((".json", ".npy")))


class told:
    """Turns what a disk can answer into a sentence."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _kind, fault, _trace) -> None:
        if not isinstance(fault, OSError):
            return
        folder = self.path if os.path.isdir(self.path) else self.path.parent
        reasons = {
            errno.ENOSPC: f"The disk is full: {self.path.name} could not be written to {folder}. Free some space and start again; finished runs are kept.",
            errno.EDQUOT: f"Your disk quota is used up: {self.path.name} could not be written to {folder}. Free some space and start again.",
            errno.EROFS: f"{folder} is read-only. Choose another folder with --out.",
            errno.EACCES: f"{folder} may not be written to. Choose another folder with --out, or change its permissions.",
            errno.EPERM: f"{folder} may not be written to. Choose another folder with --out, or change its permissions.",
            errno.ENOTDIR: f"{self.path} cannot be a folder: a file of that name is in the way. Choose another folder with --out.",
            errno.EEXIST: f"{self.path} cannot be a folder: a file of that name is in the way. Choose another folder with --out.",
        }
        raise UserError(reasons.get(fault.errno, f"{self.path} could not be written: {fault.strerror or fault}.")) from fault
