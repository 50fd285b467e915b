"""Texts as points of a plane, of a model or before and after training."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.commands import shown
from tl_core.commands._files import file_options, load_texts
from tl_core.commands._readers import last, reader_of, reader_options
from tl_core.types import Example

if TYPE_CHECKING:
    from tl_core.views.embedding_map import EmbeddingMap
    from tl_core.views.nearest import Apart


@dataclass(frozen=True)
class _Command:
    id: str = "embed"
    order: int = 44
    help: str = "put texts on a map, of a model or before and after training"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        file_options(command)
        reader_options(command)
        command.add_argument("--layer", type=int, metavar="N", help="look at the mean over the tokens of a layer; 0 is what goes into the first (default: the sentence embedding)")
        command.add_argument("--by-layer", action="store_true", help="also tell how well labels stand apart at every layer")
        command.add_argument("--method", choices=("pca", "umap", "tsne"), default="pca", help="how the map is drawn (default: pca)")
        command.add_argument("--seed", type=int, default=0, metavar="N", help="of umap and tsne (default: 0)")
        command.add_argument("--out", type=Path, metavar="FILE", help="write the points here: .json, else CSV")
        command.add_argument("--json", action="store_true", help="print points and numbers as JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Load the models here, read the texts, print or write."""
        from tl_core.experiments.service import State, map_texts

        examples, problem = load_texts(a)
        reader = reader_of(a)
        readers = [replace(reader, untrained=True), reader] if reader.run else [reader]
        found: EmbeddingMap = last(map_texts(State(a.device), readers, examples, problem, a.method, a.layer, a.by_layer, a.seed, hub=True))
        if a.out:
            _write(a.out, found, examples)
        if a.json:
            print(json.dumps(_plain(found, examples), ensure_ascii=False, indent=1))
            return
        print(f"{len(found.rows):,} texts by {found.method}" + (f", layer {found.layer}" if found.layer is not None else ""))
        if found.share:
            print(f"the two axes hold {100 * sum(found.share):.0f} % of the variance")
        for side in found.sides:
            print(f"  {shown(side.model)}: {_said(side.apart)}")
            for i, told in enumerate(side.by_layer):
                print(f"    layer {i:<3}  {_said(told)}")
        for note in found.notes:
            print(f"note     {shown(note)}")
        if a.out:
            print(f"written  {a.out}", file=sys.stderr)
        else:
            print("note     The points themselves: --out FILE or --json.")


def _said(told: Apart | None) -> str:
    if told is None:
        return "no labels to tell apart"
    silhouette = "" if told.silhouette is None else f", silhouette {told.silhouette:.3f}"
    return f"label told by the nearest texts {100 * told.accuracy:.1f} % (commonest label: {100 * told.commonest:.1f} %){silhouette}"


def _plain(found: EmbeddingMap, examples: list[Example]) -> dict[str, Any]:
    """Points by row of the file; places of every side, before training first."""
    shown = [examples[i] for i in found.rows]
    return {
        "method": found.method,
        "layer": found.layer,
        "share": found.share,
        "sides": [
            {"model": s.model, "apart": s.apart and asdict(s.apart), "by_layer": [t and asdict(t) for t in s.by_layer]} for s in found.sides
        ],
        "points": [
            {
                "row": e.row,
                "text": e.text,
                "labels": list(e.labels),
                "places": [s.places[i].tolist() for s in found.sides],
                "nearest": [[shown[j].row for j in s.near[i]] if len(s.near) else [] for s in found.sides],
            }
            for i, e in enumerate(shown)
        ],
        "notes": list(found.notes),
    }


def _write(path: Path, found: EmbeddingMap, examples: list[Example]) -> None:
    from tl_core.experiments.predicting import harmless
    from tl_core.experiments.store import told

    if path.suffix.lower() == ".json":
        data = json.dumps(_plain(found, examples), ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
    else:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        ends = [""] if len(found.sides) == 1 else ["_before", "_after"]
        writer.writerow(["row", "text", "label", *(f"{axis}{end}" for end in ends for axis in "xy")])
        for i, e in enumerate(examples[j] for j in found.rows):
            writer.writerow([e.row, harmless(e.text), harmless("|".join(e.labels)), *(f"{x:.6f}" for s in found.sides for x in s.places[i])])
        data = b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace")  # the mark makes spreadsheets read UTF-8
    with told(path):
        path.write_bytes(data)


COMMAND = _Command()
