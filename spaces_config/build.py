"""The folder that is pushed to a Space: what the app needs to run, with the profile's front matter
on its README.

Two builds of the same sources are equal byte by byte; their markers list every file with its
sha256.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from spaces_config import cards, requirements
from spaces_config.profiles import Profile
from tl_core.api.errors import UserError, raise_all

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tl_core", "tl_ui", "spaces_config")
NEEDED = ("app.py", "requirements.txt", "README.md")
IF_PRESENT = ("LICENSE", "CONTRIBUTING.md", "docs")  # the README links to them
MARKER = ".tl-space.json"


@dataclass(frozen=True)
class Built:
    """A built folder."""

    profile: str
    out: Path
    files: dict[
        str, str
    ]  # path below `out`, with / -> sha256 in hexadecimal digits; the marker is not among them
    links: tuple[str, ...] = ()  # symbolic links that were left out


def build(profile: Profile, out: Path, *, root: Path = ROOT, replace: bool = False) -> Built:
    """Assemble the folder `out` for `profile` from the sources in `root`.

    Args:
        replace: empty `out` first if it holds an earlier build and nothing else.

    Raises:
        UserError: the profile is no Space, a source is missing, the card or the requirements have a
            fault, or `out` holds something.
    """
    out, root = Path(out).absolute(), Path(root).resolve()
    contents, links = assemble(profile, root)
    _refuse_inside(out.resolve(), root)
    return write(contents, out, profile.name, replace=replace, links=links)


def write(
    contents: dict[str, bytes],
    out: Path,
    profile: str,
    *,
    replace: bool,
    links: Sequence[str] = (),
) -> Built:
    """Write files by their paths into the folder `out`, which must be empty or an earlier build.

    Raises:
        UserError: it cannot be written, or holds something else.
    """
    files = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    try:
        _make_empty(out, replace=replace)
        # The marker comes first: a build that was cut short can then be replaced.
        (out / MARKER).write_text(
            json.dumps({"profile": profile, "files": files}, indent=1) + "\n", "utf-8"
        )
        for path, content in contents.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_bytes(content)
    except OSError as fault:
        raise UserError(
            f"The folder {out} could not be written: {fault.strerror}. Choose another one."
        ) from fault
    return Built(profile, out, files, tuple(links))


def assemble(profile: Profile, root: Path) -> tuple[dict[str, bytes], list[str]]:
    """Every file of the Space by its path, sorted, and the symbolic links that were left out;
    nothing is written.

    Raises:
        UserError: see `build`; every fault at once.
    """
    if profile.card is None:
        raise UserError(
            f"The profile {profile.name} is {profile.title}, not a Space. Run 'python app.py'."
        )
    raise_all(
        f"{root} holds no {name}, which every Space needs. Build from the folder of the repository."
        for name in (*NEEDED, *PACKAGES)
        if not (root / name).exists()
    )
    links: list[str] = []
    contents = {path: (root / path).read_bytes() for path in _sources(root, links)}
    missing = [name for name in (*NEEDED, *PACKAGES) if name in links]
    raise_all(
        f"{name} is a symbolic link, which is not copied. Put what it leads to there."
        for name in missing
    )

    wanted = contents["requirements.txt"].decode("utf-8")
    raise_all(
        [
            *cards.problems(profile.card, wanted),
            *requirements.problems(wanted, zero_gpu=profile.zero_gpu),
        ]
    )
    if profile.zero_gpu:
        contents["requirements.txt"] = requirements.for_zero_gpu(wanted).encode("utf-8")
    if profile.card["sdk"] == "docker":
        contents["Dockerfile"] = contents["spaces_config/Dockerfile"]
    _, readme = cards.split(contents["README.md"].decode("utf-8"))
    contents["README.md"] = f"{cards.front_matter(profile.card)}\n{readme}".encode()
    return dict(sorted(contents.items())), links


def _sources(root: Path, links: list[str]) -> Iterator[str]:
    """Paths below `root`, with /, of the files to copy; symbolic links go to `links`, hidden files
    nowhere.
    """
    places = [root / name for name in (*NEEDED, *IF_PRESENT, *PACKAGES)]
    while places:
        place = places.pop()
        name = place.relative_to(root).as_posix()
        if place.is_symlink():  # it may lead out of the repository, to anything
            links.append(name)
        elif place.is_dir():
            places += [
                p for p in place.iterdir() if not p.name.startswith(".") and p.name != "__pycache__"
            ]
        elif place.is_file() and place.suffix not in (".pyc", ".pyo"):
            yield name


def _refuse_inside(out: Path, root: Path) -> None:
    if root.is_relative_to(out):
        raise UserError(
            f"{out} holds the sources themselves. Choose a new folder, such as dist/space."
        )
    for package in PACKAGES:
        if out.is_relative_to(root / package):
            raise UserError(
                f"{out} lies inside {package}, so the next build would copy it. Choose another"
                " folder."
            )


def _make_empty(out: Path, *, replace: bool) -> None:
    """Leave `out` as an empty folder, deleting an earlier build only if asked and nothing else at
    all.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UserError(f"{out} is not a folder. Choose another name.")
    if out.is_dir() and any(out.iterdir()):
        if not replace:
            raise UserError(
                f"The folder {out} is not empty. Choose a new one, or --replace an earlier build."
            )
        _refuse_foreign(out)
        for place in out.iterdir():
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    out.mkdir(parents=True, exist_ok=True)


def _refuse_foreign(out: Path) -> None:
    """Refuse a folder that is not an earlier build, or that was edited since."""
    recorded = _recorded(out / MARKER)
    if recorded is None:
        raise UserError(
            f"The folder {out} does not look like an earlier build: it has no {MARKER} that can be"
            " read. Nothing was deleted. Choose a new folder."
        )
    foreign = sorted(
        path
        for path in _present(out)
        if path != MARKER and recorded.get(path) != _sha256(out / path)
    )
    if foreign:
        shown = ", ".join(foreign[:5]) + (
            f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        )
        raise UserError(
            f"The folder {out} holds files that the earlier build did not write or that were"
            f" changed since: {shown}. Nothing was deleted. Move them away, or choose a new folder."
        )


def _recorded(marker: Path) -> dict[str, str] | None:
    try:
        read = json.loads(marker.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    files = read.get("files") if isinstance(read, dict) else None
    return files if isinstance(files, dict) else None


def _present(out: Path) -> Iterator[str]:
    """Every file and link below `out`; what Python itself writes when the app is tried there does
    not count.
    """
    for folder, folders, files in os.walk(out):
        here = PurePosixPath(Path(folder).relative_to(out).as_posix())
        yield from (str(here / name) for name in files)
        yield from (str(here / name) for name in folders if (Path(folder) / name).is_symlink())
        folders[:] = [name for name in folders if name != "__pycache__"]


def _sha256(path: Path) -> str:
    """Empty for a link, which no build writes; so it equals no recorded digest, nor the None of a
    missing one.
    """
    if path.is_symlink() or not path.is_file():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()
