"""Rules for a Space's requirements.txt, checked before pip on the Space does."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

# The torch versions ZeroGPU lists; another one is not lent a GPU. Documentation of August 2026.
ZERO_GPU_TORCH = ("2.8.0", "2.9.1", "2.10.0", "2.11.0")
ZERO_GPU_RANGE = SpecifierSet(">=2.8,<2.12")  # what of the app's own range is asked for there


def read(text: str) -> dict[str, Requirement]:
    """The requirements by name in lower case with dashes; lines that are none are left out
    (`problems` reports them).
    """
    found = (_requirement(line) for _, line in _lines(text))
    return {canonicalize_name(r.name): r for r in found if r is not None}


def problems(text: str, *, zero_gpu: bool = False) -> list[str]:
    """Return what would go wrong with these requirements on a Space, a sentence each; empty when
    nothing would.
    """
    faults = [_fault(number, line) for number, line in _lines(text) if _requirement(line) is None]
    named = read(text)
    missing = [name for name in ("gradio", "torch") if name not in named]
    faults += [
        f"requirements.txt does not name {name}; add a line with its range." for name in missing
    ]
    if (
        zero_gpu
        and "torch" in named
        and not any(named["torch"].specifier.contains(v) for v in ZERO_GPU_TORCH)
    ):
        faults.append(
            f"requirements.txt asks for {named['torch']}, but ZeroGPU offers torch"
            f" {', '.join(ZERO_GPU_TORCH)} only. Widen the range until it holds one of these."
        )
    return faults


def for_zero_gpu(text: str) -> str:
    """The same requirements with torch narrowed to what ZeroGPU offers (the newest that pip finds
    may be too new), and with the `spaces` package, without which no function is lent a GPU."""
    lines = [_narrowed(line) for line in text.rstrip().splitlines()]
    # No range: the platform brings the version that fits it.
    return "\n".join([*lines, *([] if "spaces" in read(text) else ["spaces"])]) + "\n"


def _narrowed(line: str) -> str:
    """A line that asks for torch, with the range of a ZeroGPU alongside its own; any other as it
    is.
    """
    found = _requirement(f" {line}".split(" #")[0].strip())
    if found is None or canonicalize_name(found.name) != "torch":
        return line
    found.specifier &= ZERO_GPU_RANGE
    return str(found)


def _lines(text: str) -> list[tuple[int, str]]:
    """(line number, text) of the lines that say something."""
    stripped = (
        (number, f" {line}".split(" #")[0].strip())
        for number, line in enumerate(text.splitlines(), 1)
    )
    return [(number, line) for number, line in stripped if line]


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _fault(number: int, line: str) -> str:
    if line.startswith("-"):
        # An index of CPU wheels gives a torch without CUDA, which breaks `import spaces` on a
        # ZeroGPU; and other requirement files are not pushed.
        return (
            f"Line {number} of requirements.txt ({line}) is an option for pip. Leave only names"
            " with ranges."
        )
    return (
        f"Line {number} of requirements.txt ({line}) is not a name with a range, such as"
        " gradio>=6.31,<7. Mend it."
    )
