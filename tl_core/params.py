"""A setting is declared once; the form, the command line, the check and the record read that line."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from tl_core.errors import raise_all, unknown

P = TypeVar("P")


def param(
    default: Any, help: str, *, low: float | None = None, high: float | None = None, choices: tuple = (), only: str = "", absent: Any = None
) -> Any:
    """A field of a strategy's frozen `Params`: its default, one sentence for a stranger, its bounds.

    Args:
        only: the one kind of `Problem.inputs` that the setting says anything about; "" for any. Arms of other problems are
            made without it, so that a setting added later changes the id of no run it does not touch.
        absent: what arms did that were made before the setting existed.
    """
    extra = {"only": only, "absent": absent} if only else {}
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices, **extra})


def declared(params_type: type) -> list[dict[str, Any]]:
    """Each setting as {name, default, type, help, low, high, choices}."""
    return [
        {"name": f.name, "default": f.default, "type": type(f.default).__name__, **f.metadata}
        for f in dataclasses.fields(params_type)
    ]


def build(params_type: type[P], given: dict[str, Any], where: str) -> P:
    """Settings from text or values, checked; every fault is told at once, and none is replaced by a default."""
    fields = {f.name: f for f in dataclasses.fields(params_type)}
    values, faults = {}, []
    for name, raw in given.items():
        if name not in fields:
            faults.append(unknown(f"setting of {where}", name, fields) if fields else f"{where} has no settings, but {name!r} was given.")
            continue
        try:
            values[name] = _read(fields[name], raw)
        except ValueError as fault:
            faults.append(f"{where}: {name}={raw} {fault}")
    raise_all(faults)
    return params_type(**values)


def _read(field: dataclasses.Field, raw: Any) -> Any:
    kind, meta = type(field.default), field.metadata
    text = str(raw).strip()
    if kind is bool:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0", "on", "off"):
            raise ValueError("must be yes or no.")
        return text.lower() in ("true", "yes", "1", "on")
    if kind in (int, float):
        try:
            value = float(text)
            if value != value or (kind is int and value != int(value)):
                raise ValueError
            value = kind(value)
        except (ValueError, OverflowError):
            raise ValueError(f"must be a {'whole ' if kind is int else ''}number.") from None
        low, high = meta["low"], meta["high"]
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"must be from {low} to {high}." if None not in (low, high) else f"must be {'at least' if high is None else 'at most'} {low if high is None else high}.")
        return value
    if meta["choices"] and text not in meta["choices"]:
        raise ValueError(f"must be one of {', '.join(meta['choices'])}.")
    return text
