"""Parquet. What the file says of its own size is looked at first, and rows are taken in batches: a
few bytes can stand for millions of cells, or for one long text in every row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.data.limits import MAX_CELL, Budget, Limits
from tl_core.data.table import Table, checked, some

BATCH = 65_536  # rows at most
LEAST_BATCH = 16


def read_parquet(path: Path, head: bytes, limits: Limits) -> Table:
    """The columns that hold texts, numbers, or lists of them.

    Raises:
        UserError: it is damaged, encrypted, or more than may be read.
    """
    import pyarrow as pa

    if head.startswith(b"PARE"):
        raise UserError(
            say("{file} is encrypted. Write it again without encryption.", file=path.name)
        )
    try:
        return _read(path, limits)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, MemoryError):
            raise
        said = str(error).splitlines() or [type(error).__name__]
        raise UserError(
            say(
                "{file} is a broken Parquet file ({said}). Write it again, or check that it was"
                " copied whole.",
                file=path.name,
                said=said[0],
            )
        ) from None


def _read(path: Path, limits: Limits) -> Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        schema, metadata = file.schema_arrow, file.metadata
        budget = Budget(path.name, limits)
        budget.columns(len(schema))
        kept = [i for i, field in enumerate(schema) if _is_cells(field.type)]
        names = [schema.field(i).name for i in kept]
        _promised(metadata, names, budget)
        columns: list[list] = [[] for _ in kept]
        size = max(LEAST_BATCH, min(BATCH, limits.characters // MAX_CELL // max(1, len(kept))))
        budget = Budget(path.name, limits)  # what it says of itself need not be so
        for batch in (
            file.iter_batches(size, columns=list(dict.fromkeys(names)), use_threads=False)
            if kept
            else ()
        ):
            for cells, column in zip(columns, batch.columns, strict=True):
                budget.take(0, *_weight(column))
                cells += _cells(column)
            budget.take(batch.num_rows, 0)
    left_out = [field.name for i, field in enumerate(schema) if i not in set(kept)]
    notes = (
        [
            say(
                "Columns of {file} that hold neither texts nor labels are left out: {left_out}.",
                file=path.name,
                left_out=some(left_out),
            )
        ]
        if left_out
        else []
    )
    return checked(path, names, columns, (), notes)


def _promised(metadata: Any, names: list[str], budget: Budget) -> None:
    """See that what the file says of itself is not too much."""
    wanted = set(names)
    budget.take(metadata.num_rows, metadata.num_rows * len(names))
    leaves = [
        i
        for i in range(metadata.num_columns)
        if metadata.schema.column(i).path.split(".")[0] in wanted
        or metadata.schema.column(i).path in wanted
    ]
    size = entries = 0
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        for i in leaves:
            column = group.column(i)
            size += column.total_uncompressed_size
            entries += column.num_values
        budget.unpacks_to(size)
    budget.take(0, max(0, entries - budget.cells))


def _is_cells(kind: Any) -> bool:
    """Whether a column of this type holds texts or labels: no bytes, no structures, no vectors."""
    import pyarrow as pa

    kinds = pa.types
    of = kind.value_type if kinds.is_dictionary(kind) else kind
    if kinds.is_struct(of.value_type if _is_list(of) else of):
        return _is_answers(of.value_type if _is_list(of) else of)
    if kinds.is_temporal(of) or kinds.is_decimal(of):
        return True
    lists = _is_list(of)
    scalar = of.value_type if lists else of
    return (
        _is_text(scalar)
        or kinds.is_integer(scalar)
        or kinds.is_boolean(scalar)
        or kinds.is_null(scalar)
        or (kinds.is_floating(scalar) and not lists)
    )


def _is_answers(kind: Any) -> bool:
    """Whether a structure is of texts and numbers, or lists of them, as answers are kept."""
    leaves = [kind.field(i).type for i in range(kind.num_fields)]
    leaves = [leaf.value_type if _is_list(leaf) else leaf for leaf in leaves]
    import pyarrow as pa

    return bool(leaves) and all(_is_text(x) or pa.types.is_integer(x) for x in leaves)


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _weight(column: Any) -> tuple[int, int]:
    """(cells and entries of lists, bytes of texts) of a part of a column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_list(column.type):
        column = column.flatten()
    if pa.types.is_struct(column.type):
        parts = [_weight(part) for part in column.flatten()]
        return sum(n for n, _ in parts), sum(n for _, n in parts)
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    return len(column), (
        (pc.sum(pc.binary_length(column)).as_py() or 0) if _is_text(column.type) else 0
    )


def _cells(column: Any) -> list:
    """Plain Python cells."""
    import pyarrow as pa

    of = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_temporal(of) or pa.types.is_decimal(of):
        return column.cast(pa.string()).to_pylist()
    cells = column.to_pylist()
    if pa.types.is_struct(of):
        return [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in cells]
    return cells
