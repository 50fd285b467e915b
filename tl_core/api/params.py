"""A setting is declared once; the form, the command line, the check and the record read that
line.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Protocol, TypeVar

from tl_core.api.errors import raise_all, sentence_of, unknown
from tl_core.api.sentences import Sentence, say


class Dataclass(Protocol):
    """The protocol that every dataclass meets."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


P = TypeVar("P", bound=Dataclass)


def param(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple = (),
    only: str | tuple[str, ...] = "",
    absent: Any = None,
    place: int = 0,
    korean: str = "",
) -> Any:
    """A field of a strategy's frozen settings: its default, one sentence for a stranger, its
    bounds.

    Examples:
        >>> from dataclasses import dataclass
        >>> import tl_core as tl
        >>> @dataclass(frozen=True)
        ... class Params:
        ...     rank: int = tl.param(8, "Size of the update; more learns more", low=1, high=256)
        >>> Params().rank
        8

    Args:
        only: the kind of `Problem.inputs`, or the tasks, that the setting says anything about; ""
            for any. Arms of other problems are made without it, so that a setting added later
            changes the id of no run it does not touch.
        absent: what arms did that were made before the setting existed. Where that is the default,
            arms that leave it there are made without the setting, too.
        place: settings of a higher place are shown after all of a lower one.
        korean: the default where labels are in Korean.
    """
    help = help if isinstance(help, Sentence) else Sentence(help)
    extra = {"only": only, "absent": absent} if only else {}
    extra |= {"korean": korean} if korean else {}
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "low": low,
            "high": high,
            "choices": choices,
            "place": place,
            **extra,
        },
    )


def declared(params_type: type) -> list[dict[str, Any]]:
    """Each setting as {name, default, type, help, low, high, choices}, in the order to show
    them.
    """
    fields = sorted(dataclasses.fields(params_type), key=lambda f: f.metadata["place"])
    return [
        {"name": f.name, "default": f.default, "type": type(f.default).__name__}
        | {name: value for name, value in f.metadata.items() if name != "place"}
        for f in fields
    ]


def korean_defaults(params_type: type) -> dict[str, Any]:
    """The defaults that are others where labels are in Korean."""
    fields = dataclasses.fields(params_type)
    return {f.name: f.metadata["korean"] for f in fields if "korean" in f.metadata}


def build(params_type: type[P], given: dict[str, Any], where: str) -> P:
    """Settings from text or values, checked; all faults are reported at once, and none is replaced
    by a default.
    """
    fields = {f.name: f for f in dataclasses.fields(params_type)}
    values, faults = {}, []
    for name, raw in given.items():
        if name not in fields:
            faults.append(
                unknown(say("setting of {where}", where=where), name, fields)
                if fields
                else say("{where} has no settings, but {name!r} was given.", where=where, name=name)
            )
            continue
        try:
            values[name] = _read(fields[name], raw)
        except ValueError as fault:
            why = sentence_of(fault)
            faults.append(
                say("{where}: {name}={raw} {why}", where=where, name=name, raw=raw, why=why)
            )
    raise_all(faults)
    return params_type(**values)


def _read(field: dataclasses.Field, raw: Any) -> Any:
    kind: type[Any] = type(field.default)
    meta = field.metadata
    text = str(raw).strip()
    if kind is bool:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0", "on", "off"):
            raise ValueError(say("must be yes or no."))
        return text.lower() in ("true", "yes", "1", "on")
    if kind in (int, float):
        try:
            value = float(text)
            if value != value or (kind is int and value != int(value)):
                raise ValueError
            value = kind(value)
        except (ValueError, OverflowError):
            raise ValueError(
                say("must be a whole number.") if kind is int else say("must be a number.")
            ) from None
        low, high = meta["low"], meta["high"]
        if (low is not None and value < low) or (high is not None and value > high):
            if high is None:
                raise ValueError(say("must be at least {low}.", low=low))
            if low is None:
                raise ValueError(say("must be at most {high}.", high=high))
            raise ValueError(say("must be from {low} to {high}.", low=low, high=high))
        return value
    if meta["choices"] and text not in meta["choices"]:
        raise ValueError(say("must be one of {choices}.", choices=meta["choices"]))
    return text
