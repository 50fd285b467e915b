"""Where the code asks which kind of target a study has, instead of asking the task.

    python -m benchmarks.kinds_of_target [FOLDER]

Counted is every file outside `tl_core/tasks` in which a decision depends on the kind: the target of
a problem, or the id of a task, is compared or looked up, the class of a task is asked for, or the
number of dimensions of an array of answers is looked at. What is only saved, declared or printed is
not counted, nor are sentences.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tl_core.tasks import tasks

ANSWERS = {
    "answer", "answers", "carried", "decided", "gold", "predicted", "run", "runs", "said",
    "same", "side", "truth", "wanted", "right",
}  # fmt: skip
# sentences, and the file that knows how the first two tasks are called in what is saved
LEFT_OUT = ("words", "words.py", "locale", "tl_core/api/types.py")


def kinds(source: str) -> Iterator[tuple[int, str]]:
    """(line, what) of each place in a module that asks for the kind of target."""
    written = {x for task in tasks().values() for x in (task.target, task.id)}
    classes = {c.__name__ for task in tasks().values() for c in type(task).__mro__[:-2]} - {"Task"}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Compare() | ast.Subscript() | ast.Match() | ast.Dict():
                if any(_names_kind(part, written) for part in _deciding(node)):
                    yield node.lineno, "the target or the id of a task is compared or looked up"
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kind]):
                if classes & {getattr(x, "id", getattr(x, "attr", "")) for x in ast.walk(kind)}:
                    yield node.lineno, "the class of a task is asked for"
            case (
                ast.Attribute(attr="ndim", value=of)
                | ast.Call(func=ast.Attribute(attr="ndim"), args=[of])
                | ast.Call(func=ast.Name(id="len"), args=[ast.Attribute(attr="shape", value=of)])
            ) if _called(of) in ANSWERS:
                yield node.lineno, f"the dimensions of {_called(of)}"


def _deciding(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.Subscript(slice=index):
            return [index]
        case ast.Match(subject=subject, cases=cases):
            values = [x.value for c in cases for x in ast.walk(c) if isinstance(x, ast.MatchValue)]
            return [subject, *values]
        case ast.Dict(keys=keys):
            return [key for key in keys if key is not None]
    return []


def _names_kind(node: ast.AST, written: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return node.value in written
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(_names_kind(part, written) for part in node.elts)
    if not isinstance(node, ast.Attribute):
        return False
    of = _called(node.value)
    return (node.attr == "target" and of == "problem") or (
        node.attr in ("target", "id") and of in ("task", "task_of")
    )


def _called(node: ast.AST) -> str:
    """The last name of an expression: `gold` of `line.gold`, `task_of` of `task_of(problem)`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return _called(func)
        case ast.Subscript(value=value):
            return _called(value)
    return ""


def count(root: Path) -> dict[str, list[tuple[int, str]]]:
    """The places of every file under `tl_core` and `tl_ui` that has any, by its path."""
    found = {}
    for path in sorted(p for top in ("tl_core", "tl_ui") for p in (root / top).rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[:2] == ("tl_core", "tasks") or {*name.parts, str(name)} & set(LEFT_OUT):
            continue
        if places := sorted(set(kinds(path.read_text(encoding="utf-8")))):
            found[str(name)] = places
    return found


def main() -> None:
    """Print them."""
    found = count(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    for name, places in found.items():
        for line, what in places:
            print(f"{name}:{line}: {what}")
    print(f"{len(found)} files ask for the kind of target")


if __name__ == "__main__":
    main()
