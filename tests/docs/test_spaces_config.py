"""Where the app runs: the profiles, the front matter of each Space, and the folder that is
pushed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from spaces_config import cards, current_profile, requirements
from spaces_config.__main__ import main, parser
from spaces_config.build import MARKER, PACKAGES, ROOT, assemble, build
from spaces_config.profiles import PROFILES, SDK_VERSION, profile_named
from tl_core.api.errors import UserError

SPACES = [name for name, profile in PROFILES.items() if profile.card]
GOOD = PROFILES["cpu"].card
DOCKER = PROFILES["docker"].card


def test_the_profiles_are_these():
    assert list(PROFILES) == ["local", "zerogpu", "cpu", "gpu", "docker"]
    assert SPACES == ["zerogpu", "cpu", "gpu", "docker"]


# --- which place is this --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "local"),
        ({"SPACES_ZERO_GPU": "true"}, "local"),
        ({"SPACE_ID": "me/lab"}, "cpu"),
        ({"SPACE_ID": "me/lab", "ACCELERATOR": "none"}, "cpu"),
        ({"SPACE_ID": "me/lab", "ACCELERATOR": "t4"}, "gpu"),
        ({"SPACE_ID": "me/lab", "ACCELERATOR": "none", "SPACES_ZERO_GPU": "true"}, "zerogpu"),
        ({"SPACE_ID": "me/lab", "SPACES_ZERO_GPU": "false"}, "cpu"),
        ({"SPACE_ID": "me/lab", "ACCELERATOR": "t4", "TL_PROFILE": "docker"}, "docker"),
        ({"TL_PROFILE": " cpu "}, "cpu"),
    ],
)
def test_current_profile(environ, name):
    assert current_profile(environ).name == name


def test_current_profile_reads_this_process(monkeypatch):
    monkeypatch.setenv("TL_PROFILE", "gpu")
    assert current_profile() is PROFILES["gpu"]


def test_an_unknown_profile_is_not_replaced_by_a_guess():
    with pytest.raises(UserError, match="no profile called 'zerogpus'. Did you mean zerogpu"):
        current_profile({"TL_PROFILE": "zerogpus"})


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_strangers_get_tighter_limits_and_no_hub_names(profile):
    local = PROFILES["local"]
    assert profile.public == (profile is not local)
    assert profile.allow_hub_models == (not profile.public)
    reading = (
        "max_upload_mb",
        "max_rows",
        "max_columns",
        "max_cells",
        "max_characters",
        "max_unpacked_mb",
        "max_answers",
        "max_read_seconds",
        "max_read_mb",
    )
    for limit in (*reading, "max_test_rows", "max_study_seconds", "max_queue", "keep_studies_days"):
        assert 0 < getattr(profile, limit) <= getattr(local, limit)
    assert profile.max_test_rows < profile.max_rows


def test_profiles_need_nothing_but_python():
    heavy = (
        "import sys, spaces_config; print(*{'yaml', 'packaging', 'gradio', 'torch', 'numpy'} &"
        " set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == ""


# --- front matter ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
def test_cards_have_no_problems(name):
    wanted = (ROOT / "requirements.txt").read_text("utf-8")
    assert cards.problems(PROFILES[name].card, wanted) == []


@pytest.mark.parametrize("name", SPACES)
def test_cards_survive_yaml(name):
    card = PROFILES[name].card
    block = cards.front_matter(card)
    assert block.startswith("---\n") and block.endswith("\n---\n")
    assert yaml.safe_load(block.strip("-\n")) == card
    assert cards.split(f"{block}\n# Title\n\n---\n\nText\n") == (card, "# Title\n\n---\n\nText\n")


def test_the_cards_differ_where_the_places_do():
    assert "suggested_hardware" not in PROFILES["zerogpu"].card
    assert PROFILES["cpu"].card["suggested_hardware"] == "cpu-basic"
    assert PROFILES["gpu"].card["suggested_hardware"] == "t4-small"
    assert (DOCKER["sdk"], DOCKER["app_port"]) == ("docker", 7860)
    for name in ("zerogpu", "cpu", "gpu"):
        assert PROFILES[name].card["sdk_version"] == SDK_VERSION == "6.31.0"
        assert "python_version: '3.12'" in cards.front_matter(PROFILES[name].card)


FAULTS = {
    "unknown field": (
        GOOD | {"colourFrom": "red"},
        "front matter field called 'colourFrom'. Did you mean colorFrom",
    ),
    "no title": ({k: v for k, v in GOOD.items() if k != "title"}, "title is missing"),
    "no sdk": ({k: v for k, v in GOOD.items() if k != "sdk"}, "sdk is missing"),
    "colour": (GOOD | {"colorTo": "teal"}, "colorTo is 'teal', but has to be one of red, yellow"),
    "long description": (
        GOOD | {"short_description": "x" * 61},
        "short_description has 61 characters",
    ),
    "bare python version": (
        GOOD | {"python_version": yaml.safe_load("3.10")},
        "python_version is the number 3.1",
    ),
    "python version": (GOOD | {"python_version": "2.7"}, "python_version is '2.7'"),
    "no python version": (
        {k: v for k, v in GOOD.items() if k != "python_version"},
        "python_version is missing",
    ),
    "sdk": (
        GOOD | {"sdk": "streamlit"},
        "sdk is 'streamlit', but has to be one of gradio, docker, static",
    ),
    "bare sdk version": (GOOD | {"sdk_version": 6.31}, "sdk_version is the number 6.31"),
    "sdk version": (
        GOOD | {"sdk_version": "latest"},
        "sdk_version is 'latest', which is not a version number",
    ),
    "no sdk version": (
        {k: v for k, v in GOOD.items() if k != "sdk_version"},
        "sdk_version is missing",
    ),
    "app_port": (GOOD | {"app_port": 7860}, "app_port is only read when sdk is docker"),
    "app_port as text": (
        DOCKER | {"app_port": "7860"},
        "app_port is '7860', but has to be a whole number",
    ),
    "hardware": (GOOD | {"suggested_hardware": "cpu-base"}, "suggested_hardware is 'cpu-base'"),
    "ZeroGPU as hardware": (GOOD | {"suggested_hardware": "zero-a10g"}, "no value for ZeroGPU"),
    "pinned as text": (
        GOOD | {"pinned": "no way"},
        "pinned is 'no way', but has to be true or false",
    ),
    "tags as text": (GOOD | {"tags": "nlp"}, "tags is 'nlp', but has to be a list"),
    "tags with numbers": (GOOD | {"tags": ["nlp", 3]}, "every entry of it has to be a text"),
    "emoji": (GOOD | {"emoji": ":)"}, "emoji is ':)'"),
    "header": (GOOD | {"header": "small"}, "header is 'small', but has to be one of mini, default"),
    "base path": (GOOD | {"base_path": "page"}, "base_path is 'page'"),
    "start-up time": (
        GOOD | {"startup_duration_timeout": "long"},
        "startup_duration_timeout is 'long'",
    ),
    "storage": (
        GOOD | {"suggested_storage": "small"},
        "suggested_storage no longer has any effect",
    ),
    "HTTP header": (
        GOOD | {"custom_headers": {"x-frame-options": "deny"}},
        "custom_headers names 'x-frame-options'",
    ),
}


@pytest.mark.parametrize(("card", "sentence"), FAULTS.values(), ids=FAULTS)
def test_each_fault_of_a_card_is_told(card, sentence):
    (told,) = cards.problems(card)
    assert sentence in told
    assert told[-1] in ".?"


def test_all_faults_of_a_card_are_told_together():
    bad = GOOD | {"colorTo": "teal", "app_port": 1, "python_version": 3.1, "nonsense": 1}
    assert len(cards.problems(bad)) == 4


@pytest.mark.parametrize(
    "wanted", ["gradio>=6.32,<7\n", "gradio[mcp]==6.30.0 # pinned\n", "Gradio<6\n"]
)
def test_sdk_version_has_to_lie_in_the_gradio_range(wanted):
    (told,) = cards.problems(GOOD, wanted)
    assert "sdk_version 6.31.0 is not what requirements.txt asks for" in told
    assert cards.problems(DOCKER, wanted) == []


@pytest.mark.parametrize(
    "readme", ["# Title\n", "---\n\nA rule above\n\n---\n\nand below\n", "---\nno end: here\n"]
)
def test_a_readme_without_front_matter_stays_whole(readme):
    assert cards.split(readme) == (None, readme)


# --- requirements ---------------------------------------------------------------------------------


def test_the_requirements_of_this_repository_suit_every_space():
    text = (ROOT / "requirements.txt").read_text("utf-8")
    assert requirements.problems(text, zero_gpu=True) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gradio\ntorch>=2.12\n", "ZeroGPU offers torch 2.8.0, 2.9.1, 2.10.0, 2.11.0 only"),
        ("gradio\ntorch==2.9.0\n", "ZeroGPU offers torch"),
        ("gradio\n", "does not name torch"),
        ("torch\n", "does not name gradio"),
        (
            "torch\ngradio\n--extra-index-url https://example.org/cpu\n",
            "Line 3 of requirements.txt",
        ),
        (
            "torch\n\n# words\ngradio\n-e .\n",
            "Line 5 of requirements.txt (-e .) is an option for pip",
        ),
        ("torch\ngradio\nnumpy >> 2\n", "is not a name with a range"),
    ],
)
def test_each_fault_of_the_requirements_is_told(text, sentence):
    (told,) = requirements.problems(text, zero_gpu=True)
    assert sentence in told


def test_the_torch_of_zerogpu_matters_only_there():
    assert requirements.problems("gradio\ntorch>=2.12\n") == []


def test_spaces_is_added_once():
    assert (
        requirements.for_zero_gpu("gradio\n# words\npeft # here")
        == "gradio\n# words\npeft # here\nspaces\n"
    )
    assert requirements.for_zero_gpu("spaces>=0.40 # here\n") == "spaces>=0.40 # here\n"


def test_torch_is_narrowed_to_what_zerogpu_offers():
    ours = (ROOT / "requirements.txt").read_text("utf-8")
    there = requirements.read(requirements.for_zero_gpu(ours))
    offered = [
        v
        for v in requirements.ZERO_GPU_TORCH
        if requirements.read(ours)["torch"].specifier.contains(v)
    ]
    assert (
        offered
        == list(requirements.ZERO_GPU_TORCH)
        == [v for v in offered if there["torch"].specifier.contains(v)]
    )
    assert not there["torch"].specifier.contains("2.12.0") and not there[
        "torch"
    ].specifier.contains("2.13.0")
    assert not there["spaces"].specifier  # the platform brings its own
    assert {n: str(r) for n, r in there.items() if n not in ("torch", "spaces")} == {
        n: str(r) for n, r in requirements.read(ours).items() if n != "torch"
    }
    assert requirements.for_zero_gpu("torch>=2.9 # a word\n") == "torch<2.12,>=2.8,>=2.9\nspaces\n"


# --- the folder, built from this repository -------------------------------------------------------


def present(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def python_sources(package: str) -> set[str]:
    return {
        p.relative_to(ROOT).as_posix() for p in (ROOT / package).rglob("*.py") if not p.is_symlink()
    }


@pytest.mark.parametrize("name", SPACES)
def test_a_built_folder_is_complete_and_holds_nothing_else(name, tmp_path):
    built = build(profile_named(name), tmp_path / "space")
    files = present(built.out)
    assert files == {*built.files, MARKER}
    assert json.loads((built.out / MARKER).read_text("utf-8")) == {
        "profile": name,
        "files": built.files,
    }

    expected = {"app.py", "requirements.txt", "README.md"}
    expected |= {"LICENSE"} if (ROOT / "LICENSE").exists() else set()
    expected |= {"CONTRIBUTING.md"} | ({"Dockerfile"} if name == "docker" else set())
    assert {path for path in built.files if "/" not in path} == expected
    assert {path.split("/")[0] for path in built.files if "/" in path} == {*PACKAGES, "docs"}
    for package in PACKAGES:
        sources = python_sources(package)
        assert len(sources) > 1
        assert sources <= files
    assert not [
        path
        for path in built.files
        if "__pycache__" in path or path.endswith(".pyc") or "/." in path
    ]
    for path, digest in built.files.items():
        assert hashlib.sha256((built.out / path).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", SPACES)
def test_the_readme_of_a_built_folder(name, tmp_path):
    build(profile_named(name), tmp_path / "space")
    card, text = cards.split((tmp_path / "space" / "README.md").read_text("utf-8"))
    assert card == PROFILES[name].card
    assert text == cards.split((ROOT / "README.md").read_text("utf-8"))[1].lstrip("\n")


def test_what_the_words_of_a_built_folder_link_to_is_there(tmp_path):
    out = build(PROFILES["cpu"], tmp_path / "space").out
    links = [
        (path, link)
        for path in out.rglob("*.md")
        for link in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8"))
        if not re.match(r"[a-z]+:", link)
    ]
    assert len(links) > 30
    assert [
        f"{path.relative_to(out)}: {link}"
        for path, link in links
        if not (path.parent / link).is_file()
    ] == []


@pytest.mark.parametrize("name", SPACES)
def test_only_zerogpu_asks_for_spaces(name, tmp_path):
    build(profile_named(name), tmp_path / "space")
    ours, built = (
        requirements.read((at / "requirements.txt").read_text("utf-8"))
        for at in (ROOT, tmp_path / "space")
    )
    assert "spaces" not in ours
    assert set(built) - set(ours) == ({"spaces"} if name == "zerogpu" else set())


def test_two_builds_are_equal(tmp_path):
    first, second = (build(PROFILES["gpu"], tmp_path / name) for name in "ab")
    assert first.files == second.files
    assert (tmp_path / "a" / MARKER).read_bytes() == (tmp_path / "b" / MARKER).read_bytes()


def get(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return None


def test_built_folder_starts(tmp_path):
    space = build(PROFILES["cpu"], tmp_path / "space").out
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SPACE_ID")
    }
    environ |= {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(tmp_path / "gradio"),
        "HF_HUB_OFFLINE": "1",
        "TL_HOME": str(tmp_path / "home"),
        "TL_PROFILE": "cpu",
    }
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        app = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=space,
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        waiting = {"/healthz": None, "/": None}
        end = time.monotonic() + 60
        while (
            any(code != 200 for code in waiting.values())
            and app.poll() is None
            and time.monotonic() < end
        ):
            waiting = {path: get(f"http://127.0.0.1:{port}{path}") for path in waiting}
            time.sleep(0.3)
        said = log.read_text("utf-8", "replace")[-4000:]
        assert app.poll() is None, said
        assert waiting == {"/healthz": 200, "/": 200}, said
    finally:
        end_group(app)


def end_group(app: subprocess.Popen) -> None:
    """End the app and the worker it may have started: they share a process group of their own."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(app.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            app.wait(5)


# --- the folder, built from a small one with faults -----------------------------------------------


@pytest.fixture
def root(tmp_path):
    """Sources as small as they can be."""
    top = tmp_path / "root"
    for package in PACKAGES:
        (top / package / "__pycache__").mkdir(parents=True)
        (top / package / "__init__.py").write_text(f"# {package}\n", "utf-8")
        (top / package / "__pycache__" / "__init__.cpython-312.pyc").write_bytes(b"\0")
    (top / "spaces_config" / "Dockerfile").write_text("FROM python\n", "utf-8")
    (top / "app.py").write_text("print('page')\n", "utf-8")
    (top / "requirements.txt").write_text("gradio>=6.31,<7\ntorch>=2.8,<2.14\n", "utf-8")
    (top / "README.md").write_text("# Lab\n", "utf-8")
    return top


SMALL = {
    "app.py",
    "requirements.txt",
    "README.md",
    *(f"{package}/__init__.py" for package in PACKAGES),
}


def test_what_is_hidden_or_not_named_stays_behind(root, tmp_path):
    for path in (
        "tests/test_it.py",
        "notes/page.md",
        "benchmarks/speed.py",
        ".git/config",
        ".env",
        "tl_core/.secret",
    ):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("not for strangers", "utf-8")
    built = build(PROFILES["cpu"], tmp_path / "out", root=root)
    assert set(built.files) == SMALL | {"spaces_config/Dockerfile"}


def test_symbolic_links_are_left_out_and_told(root, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("key", "utf-8")
    (root / "tl_core" / "folder").symlink_to(tmp_path / "secret")
    (root / "tl_core" / "file.txt").symlink_to(tmp_path / "secret" / "key.txt")
    built = build(PROFILES["cpu"], tmp_path / "out", root=root)
    assert set(built.links) == {"tl_core/folder", "tl_core/file.txt"}
    assert not any("key" in path or "file.txt" in path for path in present(built.out))


@pytest.mark.parametrize("name", ["app.py", "tl_ui"])
def test_a_needed_thing_must_not_be_a_link(root, tmp_path, name):
    (root / name).rename(tmp_path / name)
    (root / name).symlink_to(tmp_path / name)
    with pytest.raises(UserError, match=f"{name} is a symbolic link"):
        build(PROFILES["cpu"], tmp_path / "out", root=root)


def test_missing_sources_are_told_together(root, tmp_path):
    (root / "app.py").unlink()
    (root / "README.md").unlink()
    with pytest.raises(UserError) as told:
        build(PROFILES["cpu"], tmp_path / "out", root=root)
    assert "holds no app.py" in str(told.value)
    assert "holds no README.md" in str(told.value)
    assert not (tmp_path / "out").exists()


def test_faults_of_the_requirements_stop_the_build(root, tmp_path):
    (root / "requirements.txt").write_text(
        "gradio<6\ntorch>=2.12\n--index-url https://example.org\n", "utf-8"
    )
    with pytest.raises(UserError) as told:
        build(PROFILES["zerogpu"], tmp_path / "out", root=root)
    for word in ("sdk_version", "ZeroGPU offers", "option for pip"):
        assert word in str(told.value)
    assert not (tmp_path / "out").exists()


def test_front_matter_is_replaced_not_stacked(root):
    (root / "README.md").write_text("---\ntitle: Old\nsdk: static\n---\n\n# Lab\n", "utf-8")
    files, _ = assemble(PROFILES["cpu"], root)
    assert cards.split(files["README.md"].decode("utf-8")) == (GOOD, "# Lab\n")


def test_this_computer_is_no_space(root, tmp_path):
    with pytest.raises(UserError, match="not a Space"):
        build(PROFILES["local"], tmp_path / "out", root=root)


def test_a_folder_with_something_in_it_is_refused(root, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    build(PROFILES["cpu"], out, root=root)  # empty: fine
    with pytest.raises(UserError, match="not empty"):
        build(PROFILES["cpu"], out, root=root)


def test_replace_takes_an_earlier_build_away(root, tmp_path):
    build(PROFILES["docker"], tmp_path / "out", root=root)
    (tmp_path / "out" / "tl_core" / "__pycache__").mkdir()
    (tmp_path / "out" / "tl_core" / "__pycache__" / "x.pyc").write_bytes(b"tried it there")
    built = build(PROFILES["cpu"], tmp_path / "out", root=root, replace=True)
    assert present(built.out) == SMALL | {"spaces_config/Dockerfile", MARKER}


@pytest.mark.parametrize("marker", [None, "not json", "[]", '{"files": 3}'])
def test_replace_refuses_what_is_no_build(root, tmp_path, marker):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work", "utf-8")
    if marker is not None:
        (tmp_path / "thesis" / MARKER).write_text(marker, "utf-8")
    with pytest.raises(UserError, match="does not look like an earlier build"):
        build(PROFILES["cpu"], tmp_path / "thesis", root=root, replace=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text("utf-8") == "years of work"


@pytest.mark.parametrize("path", ["notes.txt", "app.py", ".git/config", "tl_core/link"])
def test_replace_refuses_work_done_in_a_build(root, tmp_path, path):
    out = build(PROFILES["cpu"], tmp_path / "out", root=root).out
    (out / path).parent.mkdir(exist_ok=True)
    if path.endswith("link"):
        (out / path).symlink_to(root)
    else:
        (out / path).write_text("mine", "utf-8")
    before = present(out)
    with pytest.raises(UserError, match=re.escape(path)):
        build(PROFILES["cpu"], out, root=root, replace=True)
    assert present(out) == before
    assert (root / "app.py").exists()


@pytest.mark.parametrize("where", [".", "..", "tl_core/out"])
def test_the_sources_are_never_the_target(root, where):
    with pytest.raises(UserError, match="Choose a"):
        build(PROFILES["cpu"], root / where, root=root, replace=True)
    assert (root / "app.py").exists()
    assert not (root / "tl_core" / "out").exists()


def test_a_file_or_a_link_is_no_folder(root, tmp_path):
    (tmp_path / "file").write_text("text", "utf-8")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(UserError, match="Choose a"):
            build(PROFILES["cpu"], tmp_path / name, root=root, replace=True)


# --- the commands and the words -------------------------------------------------------------------


def test_list_names_every_profile(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PROFILES)


def test_build_from_the_shell(tmp_path, capsys):
    assert main(["build", "--profile", "zerogpu", str(tmp_path / "out")]) == 0
    assert "for the profile zerogpu" in capsys.readouterr().out
    assert main(["build", "--profile", "cpu", str(tmp_path / "out")]) == 2
    assert "not empty" in capsys.readouterr().err
    assert main(["build", "--profile", "cpu", "--replace", str(tmp_path / "out")]) == 0
    assert main(["build", "--profile", "cpus", str(tmp_path / "other")]) == 2
    assert "Did you mean cpu" in capsys.readouterr().err


def test_exit_status_of_the_process(tmp_path):
    command = [
        sys.executable,
        "-m",
        "spaces_config",
        "build",
        "--profile",
        "local",
        str(tmp_path / "out"),
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "not a Space" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_commands_in_the_words_exist():
    words = (ROOT / "spaces_config" / "README.md").read_text("utf-8")
    commands = re.findall(r"python -m spaces_config ([^`\n]+)", words)
    assert len(commands) == 3
    for command in commands:
        arguments = parser().parse_args(shlex.split(command))
        assert getattr(arguments, "profile", "cpu") in SPACES
    for name in PROFILES:
        assert f"| `{name}` |" in words
    for version in requirements.ZERO_GPU_TORCH:
        assert version in words


CONSTRAINTS = (ROOT / "spaces_config" / "constraints.txt").read_text("utf-8")


def pinned() -> dict[str, str]:
    return {
        name: str(r.specifier).removeprefix("==")
        for name, r in requirements.read(CONSTRAINTS).items()
    }


def test_the_container_is_built_from_versions_that_the_requirements_allow():
    wanted = requirements.read((ROOT / "requirements.txt").read_text("utf-8"))
    assert all(
        line.startswith("#") or re.fullmatch(r"[\w.-]+==\S+", line)
        for line in CONSTRAINTS.splitlines()
    )
    assert {
        name: pinned().get(name)
        for name, r in wanted.items()
        if not r.specifier.contains(pinned().get(name, "0"))
    } == {}
    assert pinned()["gradio"] == SDK_VERSION and pinned()["torch"] in requirements.ZERO_GPU_TORCH


def test_the_dockerfile_takes_torch_from_its_own_index():
    """Its grep has to find exactly the torch line, or pip would fetch the wheel with CUDA."""
    dockerfile = (ROOT / "spaces_config" / "Dockerfile").read_text("utf-8")
    pattern = re.search(r"grep -E '([^']+)'", dockerfile)[1]
    lines = [
        "torch>=2.8,<2.14",
        "torch",
        "torchvision",
        "torch-geometric",
        "pytorch",
        "torch_x",
        "# torch",
    ]
    assert [line for line in lines if re.search(pattern, line)] == lines[:2]
    assert [line for line in CONSTRAINTS.splitlines() if re.search(pattern, line)] == [
        f"torch=={pinned()['torch']}"
    ]
    assert (
        "COPY --chown=user requirements.txt spaces_config/constraints.txt ./" in dockerfile
        and "-c constraints.txt -r requirements.txt" in dockerfile
    )
    assert f"GRADIO_SERVER_PORT={DOCKER['app_port']}" in dockerfile
    assert "TL_PROFILE=docker" in dockerfile
