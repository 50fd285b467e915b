"""Jobs of a worker process: what a run can be exported as, and the export itself, packed."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.types import Progress, Step
from tl_core.api.view import Job, Numbers
from tl_core.exports.formats import formats
from tl_core.exports.formats.onnx import int8_cost
from tl_core.exports.kept import fit_again, open_kept
from tl_core.exports.write import export
from tl_core.studies.plan import plan
from tl_core.studies.store import Store

FOLDER = "model"  # of an archive


@dataclass(frozen=True)
class Offer:
    """Whether a format holds a run."""

    format: str
    why_not: str = ""  # a sentence; "" where it can be written here
    holds_rows: bool = False  # training rows would go along


def offers(models: Any, folder: str, run: str) -> Iterator[tuple[Offer, ...]]:
    """What a kept run can be exported as, in the order of preference."""
    kept = open_kept(Path(folder), run)
    yield tuple(
        Offer(
            format.id,
            format.refuses(kept) or format.missing(),
            kept.keeps_rows and format.id == "recipe",
        )
        for format in formats(by_word=kept.by_word).values()
    )


def fit_run_again(models: Any, folder: str, run: str) -> Iterator[Step | str]:
    """Steps, then the id of a run whose weights were not kept, and now are."""
    store = Store(Path(folder))
    made = plan(store.load_study())
    spec = next(s for s in made.specs if s.id == run)
    for event in fit_again(store, made, spec, models.encoders):
        if isinstance(event, Progress):
            yield event.step
    yield run


def packed_export(
    models: Any,
    folder: str,
    run: str,
    format: str,
    place: str,
    with_rows: bool,
    int8: bool = False,
) -> Iterator[tuple[str, str]]:
    """(path of a ZIP archive of the export, in the folder `place`; what rounding its weights costs
    as a sentence, or "").
    """
    beside = Path(place)
    out = beside / FOLDER
    try:
        made = export(Path(folder), out, run=run, format=format, with_rows=with_rows, int8=int8)
        cost = int8_cost(made.int8) if made.int8 else ""
        yield str(pack(out, beside / f"model-{format}.zip")), cost
    finally:
        shutil.rmtree(out, ignore_errors=True)


def pack(folder: Path, archive: Path) -> Path:
    """Write a folder into a ZIP archive, in which it is called `model`. Weights are stored as they
    are: they hardly get smaller.
    """
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            weights = path.suffix in (".safetensors", ".onnx", ".skops")
            how = zipfile.ZIP_STORED if weights else zipfile.ZIP_DEFLATED
            name = f"{FOLDER}/{path.relative_to(folder).as_posix()}"
            file.write(path, name, compress_type=how)
    return archive


JOBS = Numbers(
    "exports",
    (
        Job("offers", offers),
        Job("fit_run_again", fit_run_again),
        Job("packed_export", packed_export),
    ),
)
