"""A study as one file, to send or to keep: opened anywhere without a model.

A zip of what the folder holds but for trained weights and for what belongs to the place it ran in,
such as folders of the machine and the key of whoever started it. Equal studies give equal bytes.

What is opened may have been made by anybody. Of its parts only those of a study are looked at,
those that say how large the others are first; whatever is damaged alongside the study itself is
left out.
"""

from __future__ import annotations

import html
import io
import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Arm
from tl_core.data.hints import MAX_LABELS
from tl_core.data.limits import Budget, Limits
from tl_core.data.perturb import CHANGES
from tl_core.studies.plan import MAX_RUNS, MAX_SEEDS, Plan, Study, plan
from tl_core.studies.store import Store, file_errors_as_user_errors
from tl_core.studies.stored_answers import FOLDER as ROBUSTNESS
from tl_core.studies.stored_answers import scores_name
from tl_core.tasks import task_of

PACKED = re.compile(
    r"(?:plan|study|about|topics)\.json|(?:rows|predictions|samples)\.parquet|report\.html|runs/[0-9a-f]{16}\.(?:json|npy)|robustness/(?:[0-9a-f]{16}\.)?[a-z-]+\.(?:json|npy)"
)
OPENED = (
    "study.json",
    "about.json",
    "topics.json",
)  # alongside the plan, the rows and the results; a report is made again
HANDED_ON = ("predictions.parquet", "samples.parquet")  # for other programs; never read here
NEEDED, ROWS = "plan.json", "rows.parquet"
MOST_FILES, MOST_BYTES = 8 * MAX_RUNS + 16, 2 * 2**30  # what an archive may hold, unpacked
USUAL = Limits(unpacked=MOST_BYTES)
MOST_JSON = (
    64 * 2**20
)  # bytes of the plan or the record; 20,000 runs and 100,000 test rows take half of it
BEGINNING = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can tell
A_PATH = re.compile(
    r"(?:[/\\~]|[A-Za-z]:[\\/]|\.\.?(?:[/\\]|$))"
)  # how the name of a file or folder of a machine begins


def pack(store: Store) -> bytes:
    """The archive of a study.

    Raises:
        UserError: the folder holds no study that could be opened again.
    """
    study = store.load_study()
    plan(study)
    private = _private(store, study)
    out = io.BytesIO()
    with (
        file_errors_as_user_errors(store.folder),
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for path in sorted(p for p in store.folder.rglob("*") if p.is_file()):
            name = path.relative_to(store.folder).as_posix()
            if not PACKED.fullmatch(name):
                continue
            data = path.read_bytes()
            if name == NEEDED:
                data = json.dumps(
                    {**json.loads(data), "model_folders": {}}, ensure_ascii=False, indent=1
                ).encode("utf-8", "backslashreplace")
            if name.endswith(".json"):
                for secret, instead in private.items():
                    data = data.replace(_in_json(secret), _in_json(instead))
            if name == "report.html" and any(
                s.encode() in data or html.escape(s).encode() in data for s in private
            ):
                # `report` makes it again; to change it would break the digests by which its scripts
                # may run
                continue
            made.writestr(zipfile.ZipInfo(name, BEGINNING), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpack(source: Path, folder: Path, limits: Limits = USUAL) -> Plan:
    """Lay a study out in a new or empty folder, and plan it. Nothing but the parts of a study is
    written, whatever the archive holds.

    Where its models lie is forgotten: an archive must not name folders of this machine.

    Raises:
        UserError: it is no archive of a study, it is damaged or larger than `limits` allow, or a
            newer program wrote it.
    """
    damaged = say(
        "{source} is damaged or cut off: it cannot be opened as an archive of a study. Have it"
        " sent again.",
        source=source.name,
    )
    try:
        with zipfile.ZipFile(source) as given:
            parts = _parts(source.name, given, limits)
            if ROWS not in parts:
                raise UserError(
                    say(
                        "{source} holds a study without its rows: there is no {rows} in it. Have"
                        " it packed and sent again.",
                        source=source.name,
                        rows=ROWS,
                    )
                )
            store = Store(folder)
            _lay_out(given, parts, (NEEDED, ROWS), store)
            made = _planned(source, store, limits)
            _lay_out(given, parts, [*OPENED, *HANDED_ON, *_files_of_runs(made, parts)], store)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as fault:
        raise UserError(damaged) from fault
    except RuntimeError as fault:  # what zipfile says of a password
        if isinstance(fault, RecursionError):
            raise
        raise UserError(
            say(
                "{source} is locked with a password. Pack the study again without one.",
                source=source.name,
            )
        ) from fault
    except OSError as fault:
        raise UserError(
            say(
                "{source} cannot be read: {strerror}.",
                source=source,
                strerror=fault.strerror or fault,
            )
        ) from fault
    _leave_out_damaged(store, made)
    return made


def _files_of_runs(made: Plan, parts: Collection[str]) -> list[str]:
    """Names that the files of runs can have, and those of what changed texts did to them."""
    runs = [name for spec in made.specs for name in (f"runs/{spec.id}.json", f"runs/{spec.id}.npy")]
    changed = [f"{ROBUSTNESS}/{change}.json" for change in CHANGES]
    asked = [
        scores_name(spec.id, change)
        for change in CHANGES
        if f"{ROBUSTNESS}/{change}.json" in parts
        for spec in made.specs
    ]
    return [*runs, *changed, *asked]


def named_paths(study: Study) -> list[str]:
    """A sentence for every file or folder of a machine that the arms of a study name: what an
    archive names is not opened.
    """
    from tl_core.strategies import strategies

    found = []
    for arm in _with_bases(study.arms):
        for setting in strategies()[arm.strategy].opens_files:
            if arm.settings.get(setting):
                found.append(
                    say(
                        "{arm} reads a file of the machine it was made on ({setting}). What an"
                        " archive names is not opened here: ask for this arm yourself, with a"
                        " file of yours.",
                        arm=arm.id,
                        setting=setting,
                    )
                )
        if arm.model and (A_PATH.match(arm.model.name) or "\0" in arm.model.name):
            found.append(
                say(
                    "{arm} uses the model in the folder {basename!r} of the machine it was made"
                    " on. What an archive names is not opened here: ask for this arm yourself,"
                    " with a model of yours.",
                    arm=arm.id,
                    basename=os.path.basename(arm.model.name),
                )
            )
    return list(dict.fromkeys(found))


def _parts(name: str, given: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """Parts of a study by their names in its folder; the folder itself may have been packed by
    hand, with its name before every part.
    """
    infos = [i for i in given.infolist() if not i.is_dir()]
    tops = [
        i.filename.removesuffix(NEEDED) for i in infos if os.path.basename(i.filename) == NEEDED
    ]
    if not tops:
        raise UserError(
            say(
                "{name} is a zip file, but not of a study: there is no {needed} in it. Give"
                " the archive of a study, as the page or the archive command makes it.",
                name=name,
                needed=NEEDED,
            )
        )
    top = min(tops, key=len)
    parts = {
        i.filename.removeprefix(top): i
        for i in infos
        if i.filename.startswith(top) and PACKED.fullmatch(i.filename.removeprefix(top))
    }
    size = sum(i.file_size for i in parts.values())
    if len(parts) > MOST_FILES or size > limits.unpacked:
        raise UserError(
            say(
                "{name} holds {parts:,} files of {size} in all; a study may have {most_files:,}"
                " files of {unpacked} here.",
                name=name,
                parts=len(parts),
                size=_megabytes(size),
                most_files=MOST_FILES,
                unpacked=_megabytes(limits.unpacked),
            )
        )
    for part in (NEEDED, *OPENED):
        if part in parts and parts[part].file_size > MOST_JSON:
            raise UserError(
                say(
                    "{part} in {name} has {file_size}; that of a study has {most_json} at most.",
                    part=part,
                    name=name,
                    file_size=_megabytes(parts[part].file_size),
                    most_json=_megabytes(MOST_JSON),
                )
            )
    return parts


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"


def _lay_out(
    given: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo], names: Iterable[str], store: Store
) -> None:
    for name in names:
        if name in parts:
            path = store.folder / name
            with file_errors_as_user_errors(store.folder):
                path.parent.mkdir(parents=True, exist_ok=True)
                with given.open(parts[name]) as packed, path.open("wb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)


def _planned(source: Path, store: Store, limits: Limits) -> Plan:
    """The study as it is kept from now on, and its runs."""
    try:
        _look_at_rows(source.name, store.folder / ROWS, limits)
        study = replace(store.load_study(), model_folders={})
        if len(study.problem.labels) > MAX_LABELS:
            raise UserError(
                say(
                    "{source} has {labels:,} labels; a study may have {max_labels}.",
                    source=source.name,
                    labels=len(study.problem.labels),
                    max_labels=MAX_LABELS,
                )
            )
        if len(study.seeds) > MAX_SEEDS:
            raise UserError(
                say(
                    "{source} asks for {seeds:,} seeds; {max_seeds} is the most a study may have.",
                    source=source.name,
                    seeds=len(study.seeds),
                    max_seeds=MAX_SEEDS,
                )
            )
        if (
            runs := len(study.arms) * len(study.shots) * len(study.seeds)
            + sum(map(len, study.carried.values()))
        ) > MAX_RUNS:
            raise UserError(
                say(
                    "{source} asks for {runs:,} runs; {max_runs:,} is the most a study may have.",
                    source=source.name,
                    runs=runs,
                    max_runs=MAX_RUNS,
                )
            )
        made = plan(study)
        if (answers := len(made.specs) * len(study.split.test)) > limits.answers:
            raise UserError(
                say(
                    "{source} has {specs:,} runs of {test:,} test rows, {answers:,} predictions;"
                    " {most:,} may be compared here. Open it on a computer of your own.",
                    source=source.name,
                    specs=len(made.specs),
                    test=len(study.split.test),
                    answers=answers,
                    most=limits.answers,
                )
            )
        store.save_study(study)
    except UserError as fault:
        raise UserError(
            str(fault)
            .replace(f"in {store.folder}", f"in {source.name}")
            .replace(str(store.folder), source.name)
        ) from fault
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        ArithmeticError,
        RecursionError,
    ) as fault:  # settings that no form could make
        raise UserError(
            say(
                "{source} is no archive of a study that this program has written, or it was"
                " changed ({kind}: {fault}).",
                source=source.name,
                kind=type(fault).__name__,
                fault=fault,
            )
        ) from fault
    return made


def _look_at_rows(name: str, path: Path, limits: Limits) -> None:
    """See that the rows are not too many or too long, before they are read as a whole.

    Raises:
        UserError: they are, or they are damaged.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    budget = Budget(name, limits)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            metadata = file.metadata
            budget.columns(metadata.num_columns)
            budget.take(metadata.num_rows, 0)
            groups = (metadata.row_group(g) for g in range(metadata.num_row_groups))
            budget.take(
                0,
                sum(
                    group.column(i).num_values
                    for group in groups
                    for i in range(metadata.num_columns)
                ),
            )
            for batch in file.iter_batches(64, use_threads=False):
                texts = [
                    c
                    for c in batch.columns
                    if pa.types.is_large_binary(c.type)
                    or pa.types.is_binary(c.type)
                    or pa.types.is_string(c.type)
                    or pa.types.is_large_string(c.type)
                ]
                budget.take(
                    0, 0, sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in texts)
                )
    except (OSError, pa.ArrowException) as fault:
        if isinstance(fault, MemoryError):
            raise
        raise UserError(
            say(
                "The rows of the study in {name} cannot be read ({fault}). Have it packed and"
                " sent again.",
                name=name,
                fault=fault,
            )
        ) from fault


def _leave_out_damaged(store: Store, made: Plan) -> None:
    """Remove results and other parts that do not fit the study: they count as not there."""
    problem, test = made.study.problem, made.study.split.test
    for spec in made.specs:
        result = store.result(spec.id)
        if (
            result is None
            or (
                result.status == "done"
                and not task_of(problem).fits(problem, test, result.test_scores)
            )
            or result.spec_id != spec.id
        ):
            for kind in ("json", "npy"):
                (store.folder / "runs" / f"{spec.id}.{kind}").unlink(missing_ok=True)
    for path in store.folder.glob(f"{ROBUSTNESS}/*.npy"):
        found = store.read_array(f"{ROBUSTNESS}/{path.name}")
        if found is None or found.dtype.kind != "f" or not np.isfinite(found).all():
            path.unlink()
    for name in OPENED:
        if not isinstance(store.read_json(name), dict):
            (store.folder / name).unlink(missing_ok=True)


def _with_bases(arms: Iterable[Arm]) -> list[Arm]:
    return [one for arm in arms for one in (arm, arm.base) if one is not None]


# --- what belongs to the place a study was made in ------------------------------------------------


def _private(store: Store, study: Study) -> dict[str, str]:
    """Folders and files of this machine that the parts of a study name, and what is there
    instead; the longer first.
    """
    names = [arm.model.name for arm in _with_bases(study.arms) if arm.model]
    found = {
        folder: next(
            (a.model.name for a in _with_bases(study.arms) if a.model and a.model.digest == digest),
            "model",
        )
        for digest, folder in study.model_folders.items()
    }
    record = store.read_json("study.json")
    record = record if isinstance(record, dict) else {}
    asked, data = (
        part if isinstance(part, dict) else {}
        for part in (record.get("request"), record.get("dataset"))
    )
    of_files = [
        asked.get("file"),
        asked.get("labels"),
        asked.get("test"),
        asked.get("model"),
        data.get("source"),
        data.get("test_file"),
        *str(record.get("command") or "").split(),
    ]
    paths = [*names, *found.values(), *(f.strip("'\"") for f in of_files if isinstance(f, str))]
    found |= {str(store.folder.resolve()): "study"}
    found |= {
        path: os.path.basename(re.sub(r"[/\\]+$", "", path)) or "folder"
        for path in paths
        if A_PATH.match(path) and len(path) > 2
    }
    found = {
        path: (
            os.path.basename(re.sub(r"[/\\]+$", "", instead)) if A_PATH.match(instead) else instead
        )
        for path, instead in found.items()
    }
    home = {str(Path.home()): "~"} if len(str(Path.home())) > 1 else {}
    return dict(sorted((home | found).items(), key=lambda item: -len(item[0])))


def _in_json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "backslashreplace")
