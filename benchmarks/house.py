"""How the code is kept, in numbers: python -m benchmarks.house [--list]

Each line is a count that ought to be small; with --list what was counted follows it.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from benchmarks.kinds_of_target import count as kinds_of_target

ROOT = Path(__file__).parents[1]
PROGRAM = ("tl_core", "tl_ui", "spaces_config")
LONG = 60  # lines of a function
WIDE = 100  # columns of a line


def sources(*folders: str) -> list[Path]:
    """Python files of these folders of the repository."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """(name with the classes and functions around it, function)."""

    def inside(node: ast.AST, around: str) -> Iterator:
        for child in ast.iter_child_nodes(node):
            name = f"{around}{getattr(child, 'name', '')}"
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield name, child
                yield from inside(child, f"{name}.<locals>.")
            elif isinstance(child, ast.ClassDef):
                yield from inside(child, f"{name}.")
            else:
                yield from inside(child, around)

    yield from inside(ast.parse(path.read_text(encoding="utf-8")), "")


def asking_for_kinds() -> list[str]:
    """Files outside `tl_core/tasks` in which a decision depends on the kind of target."""
    return [
        f"{name}: {what} (line {line})"
        for name, ((line, what), *_) in kinds_of_target(ROOT).items()
    ]


def long_functions() -> list[str]:
    """Functions of more than 60 lines."""
    return [
        f"{path.relative_to(ROOT)}:{f.lineno} {name}: {lines} lines"
        for path in sources(*PROGRAM)
        for name, f in functions(path)
        if (lines := (f.end_lineno or 0) - f.lineno + 1) > LONG
    ]


def undocumented() -> list[str]:
    """Public functions and methods without a docstring."""
    return [
        f"{path.relative_to(ROOT)}:{f.lineno} {name}"
        for path in sources(*PROGRAM)
        for name, f in functions(path)
        if "<locals>" not in name
        and not any(part.startswith("_") for part in name.split("."))
        and ast.get_docstring(f) is None
    ]


def wide_lines() -> list[str]:
    """Lines of more than 100 columns."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources(*PROGRAM, "benchmarks", "tests")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDE
    ]


def ignored_types() -> list[str]:
    """Lines that mypy is told to ignore."""
    return [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in sources(*PROGRAM)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "# type: ignore" in line
    ]


def files_of_all_strategies() -> list[str]:
    """Files that name every strategy: whoever adds one has to edit each of them."""
    from tl_core.strategies import strategies

    names = [re.compile(rf"(?<![\w-]){re.escape(id)}(?![\w-])") for id in strategies()]
    texts = [
        path
        for pattern in ("*.py", "*.md", "*.po")
        for folder in (*PROGRAM, "tests", "benchmarks", "docs", ".")
        for path in sorted((ROOT / folder).glob(pattern if folder == "." else f"**/{pattern}"))
    ]
    return [
        str(path.relative_to(ROOT))
        for path in texts
        if all(name.search(path.read_text(encoding="utf-8")) for name in names)
    ]


def circles() -> list[str]:
    """Rooms (folders of tl_core and of tl_ui), and modules, that import each other, in functions
    and for types too.
    """
    import grimp

    graph = grimp.build_graph("tl_core", "tl_ui", cache_dir=None)
    modules = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    rooms: dict[str, set[str]] = {}
    for module, others in modules.items():
        for other in others:
            a, b = (".".join(name.split(".")[:2]) for name in (module, other))
            if a != b and "." in a and "." in b:
                rooms.setdefault(a, set()).add(b)
    return [
        " <-> ".join(sorted(group))
        for arrows in (rooms, modules)
        for group in _strongly_connected(arrows)
        if len(group) > 1
    ]


def _strongly_connected(arrows: Mapping[str, Collection[str]]) -> list[set[str]]:
    """Groups in which each is reached from each."""

    def reached(start: str) -> set[str]:
        seen, todo = set(), [start]
        while todo:
            for other in arrows.get(todo.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen

    far = {room: reached(room) for room in arrows}
    groups: list[set[str]] = []
    for room in sorted(far):
        group = {room} | {x for x in far[room] if room in far.get(x, ())}
        if group not in groups:
            groups.append(group)
    return groups


def untranslated() -> list[str]:
    """Sentences that a language lacks."""
    from tl_core import locale

    return [
        f"{language}: {sentence}"
        for language in locale.translated_into()
        for sentence in locale.untranslated(language)
    ]


COUNTS: dict[str, Callable[[], list[str]]] = {
    "files that ask which kind of target there is": asking_for_kinds,
    "files that name every strategy": files_of_all_strategies,
    f"functions of more than {LONG} lines": long_functions,
    "circles between rooms or modules": circles,
    "ignored types": ignored_types,
    "sentences without a translation": untranslated,
    f"lines of more than {WIDE} columns": wide_lines,
    "public functions without a docstring": undocumented,
}


def main() -> None:
    """Print every count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print what was counted as well")
    listed = parser.parse_args().list
    for what, count in COUNTS.items():
        found = count()
        print(f"{len(found):5}  {what}")
        for item in found if listed else ():
            print(f"       {item}")


if __name__ == "__main__":
    main()
