"""JSON and JSON lines as columns of cells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import say
from tl_core.data.formats.squad import squad_rows
from tl_core.data.limits import Budget, Few, Limits
from tl_core.data.table import Cell, some, well_formed

JsonKind = Literal["json", "jsonl"]
BY_SUFFIX: dict[str, JsonKind] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def json_kind(path: Path, encoding: str) -> JsonKind | None:
    """Lines of objects, one value, or None for something else."""
    with path.open(encoding=encoding) as file:
        lines = (stripped for line in file if (stripped := line.strip()))
        first, second = next(lines, ""), next(lines, "")
    suffix = path.suffix.lower()
    if not first.startswith(("{", "[")):
        return BY_SUFFIX.get(suffix)
    if _is_json(first):
        return "jsonl" if second or suffix in (".jsonl", ".ndjson") else "json"
    if suffix in (".jsonl", ".ndjson") or (first.endswith("}") and second.startswith("{")):
        return "jsonl"
    if suffix == ".json" or _is_json(path.read_text(encoding)):
        return "json"
    return None  # a CSV whose first column is called "[text]", say


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def read_jsonl(path: Path, encoding: str, limits: Limits) -> dict[str, list]:
    """A column for every key of the objects.

    Raises:
        UserError: every line that is none, or it is more than may be read.
    """
    broken, no_objects = Few(), Few()

    def rows() -> Iterator[dict]:
        with path.open(encoding=encoding) as file:
            for number, line in enumerate(file, 1):
                if line.isspace():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    broken.add(
                        say(
                            "{line:,} ({error}, character {character:,})",
                            line=number,
                            error=error.msg,
                            character=error.colno,
                        )
                        if broken.shows
                        else ""
                    )
                except (
                    ValueError,
                    RecursionError,
                ) as error:  # a number of thousands of digits; lists in lists in lists
                    broken.add(f"{number:,} ({error})")
                else:
                    if isinstance(row, dict):
                        yield from squad_rows([row]) or [row]
                    else:
                        no_objects.add(f"{number:,}")

    columns = _gather(path, rows(), limits)
    faults = []
    if broken:
        faults.append(
            say(
                "{file} has lines that are not valid JSON: line {broken}. Mend or remove them.",
                file=path.name,
                broken=broken,
            )
        )
    if no_objects:
        faults.append(
            say(
                "{file} has lines that are no JSON objects: line {no_objects}. Each line must"
                ' look like {{"text": "...", "label": "..."}}.',
                file=path.name,
                no_objects=no_objects,
            )
        )
    raise_all(faults)
    return columns


def _json_of(path: Path, encoding: str) -> Any:
    try:
        return json.loads(path.read_text(encoding))
    except json.JSONDecodeError as error:
        raise UserError(
            say(
                "{file} is not valid JSON: {msg} at line {lineno:,}, character {colno:,}. Mend"
                " it there.",
                file=path.name,
                msg=error.msg,
                lineno=error.lineno,
                colno=error.colno,
            )
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(
            say(
                "{file} cannot be read as JSON ({error}). Write it as a list of flat objects.",
                file=path.name,
                error=error,
            )
        ) from None


def read_json(path: Path, encoding: str, limits: Limits) -> dict[str, list]:
    """A column for every key of a list of objects, or for every list of an object.

    Raises:
        UserError: it is no JSON of this kind, or more than may be read.
    """
    value = _json_of(path, encoding)
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    value = squad_rows(value) or value
    if isinstance(value, dict) and value:
        if all(isinstance(v, list) for v in value.values()):
            return _equal_lists(path, value, limits)
        if all(
            isinstance(v, dict) for v in value.values()
        ):  # what pandas writes: {"text": {"0": "..."}}
            return _equal_lists(
                path, {name: list(cells.values()) for name, cells in value.items()}, limits
            )
        value = [value]
    if not isinstance(value, list):
        raise UserError(
            say(
                '{file} holds no rows. It must be a list of objects, [{{"text": "...", "label":'
                ' "..."}}, ...], or one list for each column.',
                file=path.name,
            )
        )
    no_objects = Few()
    for i, row in enumerate(value, 1):
        if not isinstance(row, dict):
            no_objects.add(f"{i:,}")
    if no_objects:
        raise UserError(
            say(
                "{file} has items that are no objects: item {no_objects}. Each must look like"
                ' {{"text": "...", "label": "..."}}.',
                file=path.name,
                no_objects=no_objects,
            )
        )
    return _gather(path, value, limits)


def _equal_lists(path: Path, columns: dict[str, list], limits: Limits) -> dict[str, list]:
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(
            say(
                "{file} has columns of different lengths: {items}. Every column needs a cell"
                " for every row.",
                file=path.name,
                items=some(say("{column} has {n:,}", column=n, n=k) for n, k in lengths.items()),
            )
        )
    budget, rows = Budget(path.name, limits), max(lengths.values())
    budget.columns(len(columns))
    budget.take(rows, rows * len(columns))
    return {name: [_flat(cell, budget) for cell in cells] for name, cells in columns.items()}


def _gather(path: Path, rows: Iterable[dict], limits: Limits) -> dict[str, list]:
    """Rows to columns; a key that a row lacks is None there."""
    columns: dict[str, list] = {}
    budget = Budget(path.name, limits)
    for n, row in enumerate(rows):
        if row.keys() != columns.keys():
            new = [name for name in row if name not in columns]
            if len(columns) + len(new) > limits.columns:
                raise UserError(
                    say(
                        "{file} has more than {columns:,} different keys by row {n:,}. Use"
                        " the same few"
                        " keys, such as text and label, in every row.",
                        file=path.name,
                        columns=limits.columns,
                        n=n + 1,
                    )
                )
            budget.take(0, n * len(new))
            columns |= {name: [None] * n for name in new}
        budget.take(1, len(columns))
        for name, cells in columns.items():
            cells.append(_flat(row.get(name), budget))
    return columns


def _flat(cell: Any, budget: Budget) -> Cell:
    if type(cell) is dict:
        cell = json.dumps(cell, ensure_ascii=False)
    if type(cell) is list:
        budget.take(0, len(cell))
        return [well_formed(part) if type(part) is str else part for part in cell]
    return well_formed(cell) if type(cell) is str else cell
