"""A study as one file, to send or to keep: opened anywhere without a model.

A zip of what the folder holds but for trained weights and for what belongs to the place it ran in, such as the key of
whoever started it. Equal studies give equal bytes.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from tl_core.errors import UserError
from tl_core.experiments.plan import MAX_RUNS, Plan, plan
from tl_core.experiments.store import Store, told

PART = re.compile(r"(?:plan|study|about|topics)\.json|(?:rows|predictions|samples)\.parquet|report\.html|runs/[0-9a-f]{16}\.(?:json|npy)|robustness/(?:[0-9a-f]{16}\.)?[a-z-]+\.(?:json|npy)")
NEEDED = "plan.json"
MOST_FILES, MOST_BYTES = 8 * MAX_RUNS + 16, 2 * 2**30  # what an archive may hold, unpacked
BEGINNING = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can tell


def pack(store: Store) -> bytes:
    """The archive of a study.

    Raises:
        UserError: the folder holds no study that could be opened again.
    """
    plan(store.load_study())
    out = io.BytesIO()
    with told(store.folder), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(p for p in store.folder.rglob("*") if p.is_file()):
            name = path.relative_to(store.folder).as_posix()
            if PART.fullmatch(name):
                made.writestr(zipfile.ZipInfo(name, BEGINNING), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpack(source: Path, folder: Path, *, most_bytes: int = MOST_BYTES) -> Plan:
    """Lay a study out in a new or empty folder, and plan it. Nothing but the parts of a study is written, whatever the archive holds.

    Where its models lie is forgotten: an archive must not name folders of this machine.

    Raises:
        UserError: it is no archive of a study, it is damaged or too large, or a newer program wrote it.
    """
    damaged = f"{source.name} is damaged or cut off: it cannot be opened as an archive of a study. Have it sent again."
    try:
        with zipfile.ZipFile(source) as given:
            parts = _parts(source.name, given, most_bytes)
            for name, info in parts.items():
                path = folder / name
                with told(folder):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(given.read(info))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as fault:
        raise UserError(damaged) from fault
    except RuntimeError as fault:  # what zipfile says of a password
        raise UserError(f"{source.name} is locked with a password. Pack the study again without one.") from fault
    except OSError as fault:
        raise UserError(f"{source} cannot be read: {fault.strerror or fault}.") from fault
    store = Store(folder)
    try:
        study = replace(store.load_study(), model_folders={})
        if (runs := len(study.arms) * len(study.shots) * len(study.seeds)) > MAX_RUNS:
            raise UserError(f"{source.name} asks for {runs:,} runs; {MAX_RUNS:,} is the most a study may have.")
        made = plan(study)
        store.save_study(study)
    except UserError as fault:
        raise UserError(str(fault).replace(f"in {folder}", f"in {source.name}").replace(str(folder), source.name)) from fault
    return made


def _parts(name: str, given: zipfile.ZipFile, most_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Parts of a study by their names in its folder; the folder itself may have been packed by hand, with its name before every part."""
    infos = [i for i in given.infolist() if not i.is_dir()]
    tops = [i.filename.removesuffix(NEEDED) for i in infos if os.path.basename(i.filename) == NEEDED]
    if not tops:
        raise UserError(f"{name} is a zip file, but not of a study: there is no {NEEDED} in it. Pack a study with: archive DIR")
    top = min(tops, key=len)
    parts = {i.filename.removeprefix(top): i for i in infos if i.filename.startswith(top) and PART.fullmatch(i.filename.removeprefix(top))}
    size = sum(i.file_size for i in parts.values())
    if len(parts) > MOST_FILES or size > most_bytes:
        raise UserError(f"{name} holds {len(parts):,} files of {size / 2**30:.1f} GB in all; a study may have {MOST_FILES:,} files of {most_bytes / 2**30:.1f} GB.")
    return parts
