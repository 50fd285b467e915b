"""The package once it is installed: a wheel in its own environment, used from another folder."""

from __future__ import annotations

import email
import os
import re
import shutil
import signal
import site
import socket
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import tl_core
from benchmarks.served import answers
from tests.faults.command import study_of

ROOT = Path(__file__).parents[2]
PACKAGES = ("tl_core", "tl_ui", "spaces_config")
SOURCES = (*PACKAGES, "pyproject.toml", "requirements.txt", "README.md", "LICENSE")
MAX_WHEEL_BYTES = 80 * 2**20
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi", "*.egg-info")


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, and a folder to work in."""

    wheel: Path
    folder: Path
    bin: Path

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the checkout, nothing of the network."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "TL_PROFILE", "SPACE_ID")
        }
        return {**kept, "TL_HOME": str(self.folder / "home"), "HF_HUB_OFFLINE": "1"}

    def run(self, *command: str) -> str:
        """Standard output of a command that has to succeed."""
        done = subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=180,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installed:
    """The wheel, built from a copy of the sources; the environment borrows only dependencies."""
    folder = tmp_path_factory.mktemp("package")
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=LEFT_BEHIND)
        else:
            shutil.copy(ROOT / name, sources / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", "--no-build-isolation", *offline, "-w", str(folder), str(sources)]
    subprocess.run(build, check=True, cwd=folder, timeout=180)
    shutil.rmtree(sources)  # nothing can be read from where it was built
    (wheel,) = folder.glob("*.whl")

    home = folder / "venv"
    venv.create(home, symlinks=os.name == "posix")
    bin = home / ("Scripts" if os.name == "nt" else "bin")
    python = str(bin / "python")
    subprocess.run([*pip, "--python", python, "install", *offline, str(wheel)], check=True)
    inside = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    # A .pth file adds folders, but does not follow the .pth files in them: a checkout that is
    # installed there to be edited stays out of reach.
    Path(inside.stdout.strip(), "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    work = folder / "work"
    work.mkdir()
    return Installed(wheel, work, bin)


def test_the_wheel_holds_everything_in_its_folders_and_nothing_else(installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in (".pyc", ".pyi")
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert len(wanted) > 200
    assert {"tl_core/py.typed", "tl_core/data/samples/support_tickets.csv"} <= wanted
    assert installed.wheel.stat().st_size < MAX_WHEEL_BYTES


def test_the_version_and_the_dependencies_stand_in_one_place(installed):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"version", "dependencies"} <= set(project["dynamic"])
    with zipfile.ZipFile(installed.wheel) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(wheel.read(name))
    assert metadata["Version"] == tl_core.__version__

    def parts(line: str) -> tuple[str, frozenset[str]]:
        name, bounds = re.fullmatch(r"([\w.-]+)(.*)", line).groups()
        return name, frozenset(bounds.split(","))

    required = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert len(required) > 10
    always = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert {*map(parts, always)} == {*map(parts, required)}


def test_what_is_used_is_what_was_installed(installed):
    place = installed.run("python", "-c", "import tl_core, tl_ui; print(tl_core.__file__, tl_ui)")
    assert str(installed.bin.parent) in place
    assert str(ROOT) not in place


def test_the_command_line_works_from_another_folder(installed):
    told = installed.run("transfer-lab", "--help")
    assert told.startswith("usage: transfer-lab ")
    assert "page" in told and "compare" in told
    assert tl_core.__version__ in installed.run("transfer-lab", "--version")
    assert "similarity" in installed.run("transfer-lab", "list", "strategies")


def test_a_comparison_from_another_folder(installed):
    told = installed.run(
        *(
            "transfer-lab",
            "compare",
            "sample:support_tickets",
            "--strategies",
            "majority,similarity",
        ),
        *("--shots", "0,2", "--seeds", "1", "--test-size", "40", "--out", "tickets"),
    )
    assert "report.html" in told
    study = study_of(installed.folder / "tickets")
    assert {run["status"] for run in study["runs"]} <= {"done", "refused"}
    assert {line["arm"] for line in study["summary"]} == {"majority", "similarity"}


def test_the_page_answers_from_another_folder(installed):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = installed.folder / "page.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(installed.bin / "transfer-lab"), "page", "--port", str(port)],
            cwd=installed.folder,
            env=installed.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        began = time.monotonic()
        while not answers(f"http://127.0.0.1:{port}/"):
            assert process.poll() is None and time.monotonic() - began < 120, log.read_text()
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
