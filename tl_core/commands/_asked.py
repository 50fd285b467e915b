"""A comparison as the command line asks for it, perhaps with settings of an earlier study."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.data import hub
from tl_core.data.alike import with_joined
from tl_core.data.load import load
from tl_core.data.loaded import Loaded
from tl_core.data.tables import ReadOptions
from tl_core.json_text import parsed
from tl_core.running.session import Request, nothing_may_be_sent
from tl_core.studies.plan import DEFAULT_STRATEGIES, ArmRequest
from tl_core.studies.store import Store


@dataclass(frozen=True)
class Asked:
    """The options of the command line; None where one was not given."""

    file: str | None
    columns: dict[str, Any] = field(default_factory=dict)
    labels: Path | None = None
    strategies: tuple[str, ...] | None = None
    arms: tuple[ArmRequest, ...] = ()
    shots: tuple[int | None, ...] | None = None
    seeds: int | None = None
    model: str | None = None
    test: Path | None = None
    test_size: int | None = None
    keep: str = "best"
    device: str | None = None
    origin: Path | None = None
    out: Path | None = None
    # asks whether texts may leave this machine
    may_send: Callable[[str], bool] = nothing_may_be_sent
    command: str = ""


def request_of(asked: Asked) -> Request:
    """Build the request to compare, with the options not given taken from an earlier study.

    Raises:
        UserError: there is no file to compare on, or the earlier study cannot be read.
    """
    asked, locked, origin = _with_origin(asked)
    if asked.file is None:
        raise UserError(
            say(
                "Say which FILE to compare on, or take one from an earlier study with {from_file}"
                " study.json.",
                from_file=Setting("from"),
            )
        )
    names = (
        asked.strategies
        if asked.strategies is not None
        else ()
        if asked.arms
        else DEFAULT_STRATEGIES
    )
    return Request(
        usual=asked.strategies is None and not asked.arms,
        name=Path(str(asked.file)).name,
        read=lambda: _read(asked),
        arms=(*map(ArmRequest, names), *asked.arms),
        shots=asked.shots,
        seeds=asked.seeds,
        model=asked.model,
        test_size=asked.test_size,
        keep=asked.keep,
        device=asked.device,
        out=asked.out or Path(f"{_stem(str(asked.file))}-study"),
        locked=tuple(locked),
        origin=origin,
        may_send=asked.may_send,
        command=asked.command,
        asked=_plain(asked),
        sources=(str(asked.file), str(asked.test) if asked.test else None),
    )


def _stem(file: str) -> str:
    if hub.is_reference(file):
        return hub.reference(file).stem
    return Path(file.replace("sample:", "")).stem


def _read(asked: Asked) -> tuple[Loaded, Loaded | None]:
    """The file, and the test file where one is given, read as the file was."""
    assert asked.file is not None  # or there were nothing to open
    loaded = load(asked.file, ReadOptions(**asked.columns), asked.labels)
    if asked.test is None:
        return loaded, None
    roles = {**asked.columns, **{role: name for role, name in loaded.columns.items() if name}}
    return loaded, load(
        asked.test,
        ReadOptions(**roles),
        labels=with_joined(loaded.dataset.problem.labels, loaded.joined),
        check_classes=False,
    )


def _plain(asked: Asked) -> dict[str, Any]:
    """As it is in study.json, for `--from`."""
    return {
        "file": str(asked.file),
        "columns": asked.columns,
        "labels": str(asked.labels) if asked.labels else None,
        "strategies": list(asked.strategies) if asked.strategies else None,
        "arms": [
            {"strategy": r.strategy, "settings": r.settings, "name": r.name, "model": r.model}
            for r in asked.arms
        ],
        "shots": ["all" if s is None else s for s in asked.shots] if asked.shots else None,
        "seeds": asked.seeds,
        "model": asked.model,
        "test": str(asked.test) if asked.test else None,
        "test_size": asked.test_size,
    }


def _with_origin(asked: Asked) -> tuple[Asked, list[str], dict[str, Any] | None]:
    """Fill in the options not given from an earlier study.json, and take its test rows; and that
    record.
    """
    if asked.origin is None:
        return asked, [], None
    path = asked.origin / "study.json" if asked.origin.is_dir() else asked.origin
    try:
        earlier = parsed(path.read_bytes())
        Store(path.parent).check_schema(earlier)
        return *_filled(asked, earlier["request"], list(earlier["split"]["locked"])), earlier
    except OSError:
        raise UserError(
            say("{path} cannot be read. Give the study.json of an earlier study.", path=path)
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            say(
                "{path} is not the study.json of a study, or it is damaged. Give that of an"
                " earlier study.",
                path=path,
            )
        ) from None


def _filled(asked: Asked, request: dict[str, Any], locked: list[str]) -> tuple[Asked, list[str]]:
    columns = {
        k: v if v not in (None, False) else request["columns"].get(k, v)
        for k, v in asked.columns.items()
    }
    same_test = asked.test is None and asked.test_size is None
    said = dataclasses.replace(
        asked,
        file=asked.file or request["file"],
        columns=columns,
        labels=asked.labels or _path(request["labels"]),
        shots=(
            asked.shots
            if asked.shots is not None
            else (
                tuple(None if s == "all" else s for s in request["shots"])
                if request["shots"]
                else None
            )
        ),
        seeds=asked.seeds if asked.seeds is not None else request["seeds"],
        model=asked.model or request["model"],
        test=asked.test or (_path(request["test"]) if asked.test_size is None else None),
    )
    if asked.strategies is None and not asked.arms:
        arms = tuple(
            ArmRequest(x["strategy"], x["settings"], x["name"], x["model"]) for x in request["arms"]
        )
        said = dataclasses.replace(
            said,
            strategies=tuple(request["strategies"]) if request["strategies"] else None,
            arms=arms,
        )
    return said, locked if same_test and said.test is None else []


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
