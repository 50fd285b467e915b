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

from tl_core.api.sentences import Setting, say
from tl_core.api.types import Example
from tl_core.commands import marked, note, shown
from tl_core.commands._files import file_options, load_texts
from tl_core.commands._readers import ask, reader_of, reader_options
from tl_core.data.tokens_read import read_texts
from tl_core.views.mentions import has_mentions, mentions_of
from tl_core.words.columns import left

if TYPE_CHECKING:
    from tl_core.views.embedding_map import EmbeddingMap
    from tl_core.views.nearest import Apart


@dataclass(frozen=True)
class _Command:
    id: str = "embed"
    order: int = 44
    help: str = say("put texts on a map, of a model or before and after training")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        file_options(command)
        reader_options(command)
        command.add_argument(
            "--layer",
            type=int,
            metavar="N",
            help=say(
                "look at the mean over the tokens of a layer; 0 is the input to the first"
                " (default: the sentence embedding)"
            ),
        )
        command.add_argument(
            "--by-layer",
            action="store_true",
            help=say("also report how well labels separate at every layer"),
        )
        command.add_argument(
            "--method",
            choices=("pca", "umap", "tsne"),
            default="pca",
            help=say("how the map is drawn (default: pca)"),
        )
        command.add_argument(
            "--seed", type=int, default=0, metavar="N", help=say("of umap and tsne (default: 0)")
        )
        command.add_argument(
            "--out", type=Path, metavar="FILE", help=say("write the points here: .json, else CSV")
        )
        command.add_argument(
            "--json", action="store_true", help=say("print points and numbers as JSON")
        )

    def run(self, a: argparse.Namespace) -> None:
        """Load the models here, read the texts, print or write."""
        examples, problem = load_texts(a)
        if has_mentions(problem):
            examples, _ = mentions_of(examples)
        after = reader_of(a, read_texts(examples))
        found: EmbeddingMap = ask(
            a,
            "map_texts",
            checkpoints=[replace(after, untrained=True), after] if after.run else [after],
            examples=examples,
            problem=problem,
            method=a.method,
            layer=a.layer,
            by_layer=a.by_layer,
            seed=a.seed,
        )
        if a.out:
            _write(a.out, found, examples)
        if a.json:
            print(json.dumps(_plain(found, examples), ensure_ascii=False, indent=1))
            return
        drawn = {"n": len(found.rows), "method": found.method}
        print(
            shown(
                say("{n:,} texts by {method}", **drawn)
                if found.layer is None
                else say("{n:,} texts by {method}, layer {layer}", layer=found.layer, **drawn)
            )
        )
        if found.share:
            share = 100 * sum(found.share)
            print(shown(say("the two axes hold {share:.0f}% of the variance", share=share)))
        for side in found.sides:
            print(f"  {shown(side.model)}: {shown(_said(side.apart))}")
            for i, told in enumerate(side.by_layer):
                print(f"    {left(shown(say('layer {n}', n=i)), 9)}  {shown(_said(told))}")
        for text in found.notes:
            print(note(text))
        if a.out:
            print(marked(say("written"), str(a.out)), file=sys.stderr)
        else:
            print(
                note(
                    say(
                        "The points themselves: {out} FILE or {json}.",
                        out=Setting("out"),
                        json=Setting("json"),
                    )
                )
            )


def _said(told: Apart | None) -> str:
    if told is None:
        return say("no labels to separate")
    found = {"accuracy": 100 * told.accuracy, "floor": 100 * told.commonest}
    if told.silhouette is None:
        return say(
            "nearest-neighbour accuracy {accuracy:.1f}% (most frequent label: {floor:.1f}%)",
            **found,
        )
    return say(
        "nearest-neighbour accuracy {accuracy:.1f}% (most frequent label: {floor:.1f}%),"
        " silhouette {silhouette:.3f}",
        silhouette=told.silhouette,
        **found,
    )


def _plain(found: EmbeddingMap, examples: list[Example]) -> dict[str, Any]:
    """Points by row of the file; places of every side, before training first."""
    shown = [examples[i] for i in found.rows]
    return {
        "method": found.method,
        "layer": found.layer,
        "share": found.share,
        "sides": [
            {
                "model": s.model,
                "apart": s.apart and asdict(s.apart),
                "by_layer": [t and asdict(t) for t in s.by_layer],
            }
            for s in found.sides
        ],
        "points": [
            {
                "row": e.row,
                "text": e.text,
                **({"span": list(e.answer[0][:2])} if found.mentions else {}),
                "labels": list(e.labels),
                "places": [s.places[i].tolist() for s in found.sides],
                "nearest": [
                    [shown[j].row for j in s.near[i]] if len(s.near) else [] for s in found.sides
                ],
            }
            for i, e in enumerate(shown)
        ],
        "notes": list(found.notes),
    }


def _write(path: Path, found: EmbeddingMap, examples: list[Example]) -> None:
    from tl_core.data.spreadsheet import harmless
    from tl_core.studies.store import file_errors_as_user_errors

    if path.suffix.lower() == ".json":
        data = json.dumps(_plain(found, examples), ensure_ascii=False, indent=1).encode(
            "utf-8", "backslashreplace"
        )
    else:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        ends = [""] if len(found.sides) == 1 else ["_before", "_after"]
        writer.writerow(
            ["row", "text", "label", *(f"{axis}{end}" for end in ends for axis in "xy")]
        )
        for i, e in enumerate(examples[j] for j in found.rows):
            writer.writerow(
                [
                    e.row,
                    harmless(e.text),
                    harmless("|".join(e.labels)),
                    *(f"{x:.6f}" for s in found.sides for x in s.places[i]),
                ]
            )
        data = b"\xef\xbb\xbf" + buffer.getvalue().encode(
            "utf-8", "replace"
        )  # the mark makes spreadsheets read UTF-8
    with file_errors_as_user_errors(path):
        path.write_bytes(data)


COMMAND = _Command()
