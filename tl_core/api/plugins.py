"""Finds plug-ins: a file that sets its constant is found; there is no list to edit.

A plug-in lies in a folder of this program (`tl_core/strategies/x.py` sets `STRATEGY`), or comes
from outside: a file in a folder that the operator names in the environment variable TL_PLUGINS, or
an entry point of an installed package. No one who visits a page can name one.

    constant   folder                          entry points
    STRATEGY   tl_core/strategies              transfer_lab.strategies
    TASK       tl_core/tasks                   transfer_lab.tasks
    NUMBERS    tl_core/views                   transfer_lab.numbers
    VIEW       tl_ui/views                     transfer_lab.views
    TAB        tl_ui/tabs                      transfer_lab.tabs
    SECTION    tl_ui/results                   transfer_lab.sections
    COMMAND    tl_core/commands                transfer_lab.commands
    FAMILY     tl_core/models/language_models  transfer_lab.families

What is wrong with a plug-in of this program is an exception, as any bug. One from outside that does
not load, lacks something, or takes the id of another is left out, and `troubles` says why.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tl_core.api.sentences import say

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FOLDERS = "TL_PLUGINS"  # one folder, or several as PATH has them
OUTSIDE = "tl_plugins"  # the package that files of those folders are modules of
ID = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True)
class Kind:
    """A kind of plug-in."""

    constant: str  # that a file sets
    package: str  # where those of this program are
    group: str  # of entry points
    needs: tuple[str, ...]  # attributes and methods without which it cannot be used


KINDS = {
    kind.constant: kind
    for kind in (
        # what a strategy lacks is listed by `declarations.strategy_faults`
        Kind("STRATEGY", "tl_core.strategies", "transfer_lab.strategies", ()),
        Kind("TASK", "tl_core.tasks", "transfer_lab.tasks", ("title", "target", "gold", "decide")),
        Kind("NUMBERS", "tl_core.views", "transfer_lab.numbers", ("jobs",)),
        Kind("VIEW", "tl_ui.views", "transfer_lab.views", ("title", "about", "build")),
        Kind("TAB", "tl_ui.tabs", "transfer_lab.tabs", ("title", "build")),
        Kind("SECTION", "tl_ui.results", "transfer_lab.sections", ("title", "open", "build")),
        Kind("COMMAND", "tl_core.commands", "transfer_lab.commands", ("help", "add", "run")),
        Kind(
            "FAMILY", "tl_core.models.language_models", "transfer_lab.families", ("reads", "load")
        ),
    )
}


@dataclass(frozen=True)
class Outside:
    """A plug-in from outside that is in use."""

    constant: str
    id: str
    where: str  # its file, or the package and version that bring it


_troubles: dict[str, list[str]] = {}  # by constant: of those that were looked for
_outside: dict[str, list[Outside]] = {}


@cache
def found(package: str, constant: str) -> dict[str, Any]:
    """Return everything the modules of `package` offer under `constant`, and what comes from
    outside, by its `id`, in order of their `order` and id.

    Raises:
        ValueError: two files of the package offer the same id.
    """
    things: dict[str, Any] = {}
    for module in _modules(package):
        thing = getattr(module, constant, None)
        if thing is None:
            continue
        if thing.id in things:
            raise ValueError(f"{package}: two files set {constant} with the id {thing.id!r}")
        things[thing.id] = thing
    kind = KINDS.get(constant)
    if kind and kind.package == package:
        _add_outside(kind, things)
    return dict(sorted(things.items(), key=lambda item: (getattr(item[1], "order", 100), item[0])))


def troubles(*constants: str) -> list[str]:
    """Return what is wrong with plug-ins from outside, in sentences, of the kinds of these
    constants (all where none is named) that were looked for.
    """
    chosen = constants or tuple(KINDS)
    return list(dict.fromkeys(line for c in chosen for line in _troubles.get(c, ())))


def from_outside(*constants: str) -> list[Outside]:
    """The plug-ins from outside, of these kinds (all where none is named), that are in use."""
    return [plugin for c in constants or tuple(KINDS) for plugin in _outside.get(c, ())]


def is_from_outside(constant: str, id: str) -> bool:
    """Whether it is no plug-in of this program."""
    return any(plugin.id == id for plugin in _outside.get(constant, ()))


def trouble(constant: str, id: str, fault: Exception) -> str:
    """Note that a plug-in from outside failed when it was used; returns the sentence."""
    where = next((p.where for p in _outside.get(constant, ()) if p.id == id), id)
    said = say(
        "The plug-in {where} failed ({fault}). Correct it, or take it away.",
        where=where,
        fault=_short(fault),
    )
    _troubles.setdefault(constant, []).append(said)
    return said


def forget() -> None:
    """Look again when asked again, as after TL_PLUGINS has changed."""
    found.cache_clear()
    for name in [n for n in sys.modules if n == OUTSIDE or n.startswith(f"{OUTSIDE}.")]:
        del sys.modules[name]
    _troubles.clear()
    _outside.clear()


def declaration_faults(kind: Kind, thing: Any) -> list[str]:
    """Return what a plug-in lacks, in sentences without its name."""
    if kind.constant == "STRATEGY":
        from tl_core.api.declarations import strategy_faults
        from tl_core.api.strategy import Strategy

        if not isinstance(thing, Strategy):
            return [
                say(
                    "{constant} must be an instance of a subclass of {base}, and it is a {type}.",
                    constant=kind.constant,
                    base="tl_core.api.strategy.Strategy",
                    type=type(thing).__name__,
                )
            ]
        return strategy_faults(thing)
    id = getattr(thing, "id", None)
    if not isinstance(id, str) or not ID.fullmatch(id):
        return [_bad_id(id)]
    lacks = [name for name in kind.needs if getattr(thing, name, None) is None]
    return [say("It has no {names}.", names=", ".join(lacks))] if lacks else []


def _bad_id(id: Any) -> str:
    return say(
        "Its id must be a word in lower case such as my-method, and it is {id!r}.", id=str(id)
    )


def _modules(package: str) -> list[ModuleType]:
    folder = importlib.import_module(package)
    names = [
        info.name for info in pkgutil.iter_modules(folder.__path__) if not info.name.startswith("_")
    ]
    return [importlib.import_module(f"{package}.{name}") for name in sorted(names)]


# --- from outside ---------------------------------------------------------------------------------


def _add_outside(kind: Kind, things: dict[str, Any]) -> None:
    """Add what is sound to `things`, and note what is not."""
    wrong: list[str] = []
    used: list[Outside] = []
    for where, load in _candidates(kind, wrong):
        try:
            thing = load()
            faults = declaration_faults(kind, thing)
        except (Exception, SystemExit) as fault:  # noqa: BLE001  whatever it does, others work
            wrong.append(
                say(
                    "The plug-in {where} could not be loaded ({fault}). Correct it, or take it"
                    " away.",
                    where=where,
                    fault=_short(fault),
                )
            )
            continue
        if faults:
            wrong += [
                say(
                    "The plug-in {where} cannot be used. {fault} Correct it, or take it away.",
                    where=where,
                    fault=fault,
                )
                for fault in faults
            ]
        elif thing.id in things:
            owner = next((p.where for p in used if p.id == thing.id), kind.package)
            wrong.append(
                say(
                    "The plug-in {where} cannot be used: its id {id!r} is that of {other}. Give it"
                    " another id.",
                    where=where,
                    id=thing.id,
                    other=owner,
                )
            )
        else:
            things[thing.id] = thing
            used.append(Outside(kind.constant, thing.id, where))
    _troubles[kind.constant], _outside[kind.constant] = wrong, used


def _candidates(kind: Kind, wrong: list[str]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(where, load) of everything that may be a plug-in of this kind."""
    seen: dict[str, Path] = {}
    for folder in _folders():
        if not folder.is_dir():
            wrong.append(
                say(
                    "There is no folder {folder}, which {variable} names. Make it, or correct"
                    " {variable}.",
                    folder=str(folder),
                    variable=FOLDERS,
                )
            )
            continue
        for path in sorted(folder.glob("*.py")):
            if path.name.startswith("_") or not _sets(path, kind.constant):
                continue
            if path.stem in seen:
                wrong.append(
                    say(
                        "The plug-in {where} is left out, for {other} has the same name. Rename"
                        " one of them.",
                        where=str(path),
                        other=str(seen[path.stem]),
                    )
                )
                continue
            seen[path.stem] = path
            yield str(path), partial(_of_file, path, kind.constant)
    for point in _entry_points(kind.group):
        brought = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        yield (
            f"{point.name} ({brought})",
            partial(_of_entry_point, point, kind.constant),
        )


def _folders() -> list[Path]:
    return [Path(p) for p in os.environ.get(FOLDERS, "").split(os.pathsep) if p]


def _sets(path: Path, constant: str) -> bool:
    """Whether a file sets the constant: only then is it run, so that a list of commands waits for
    no strategy's imports.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return constant == "STRATEGY"  # loading it says what is wrong, once
    return re.search(rf"^{constant}\b\s*[:=]", text, re.M) is not None


def _of_file(path: Path, constant: str) -> Any:
    return getattr(_imported(path), constant)


def _of_entry_point(point: EntryPoint, constant: str) -> Any:
    """Return what the entry point names: the thing itself, or a module that sets the constant."""
    made = point.load()
    return getattr(made, constant) if isinstance(made, ModuleType) else made


def _imported(path: Path) -> ModuleType:
    """A file of a plug-in folder as a module, run once; its neighbours are importable from
    `tl_plugins`.
    """
    if OUTSIDE not in sys.modules:
        package = ModuleType(OUTSIDE)
        package.__path__ = [str(folder) for folder in _folders()]
        sys.modules[OUTSIDE] = package
    name = f"{OUTSIDE}.{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # its name ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _entry_points(group: str) -> list[Any]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group=group), key=lambda point: point.name)


def _short(fault: BaseException) -> str:
    """An exception in a line, with the place it comes from."""
    said = " ".join(str(fault).split())[:300]
    place = ""
    step = fault.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is not None:
        place = f", {Path(step.tb_frame.f_code.co_filename).name} line {step.tb_lineno}"
    return f"{type(fault).__name__}: {said}{place}"
