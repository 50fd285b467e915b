"""The project's own promises: directions of imports, style, what the documents say."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    p
    for folder in ("tl_core", "tl_ui", "spaces_config", "benchmarks", "tests")
    for p in sorted((ROOT / folder).rglob("*.py"))
]


def tool(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=600
    )


def test_ruff_finds_nothing():
    done = tool("ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout


def test_everything_is_formatted():
    done = tool("ruff", "format", "--check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout


def test_the_code_is_kept():
    """What `python -m benchmarks.house` counts, where the count is to stay what it is."""
    from benchmarks import house

    assert house.asking_for_kinds() == []
    assert house.circles() == []
    assert len(house.ignored_types()) <= 5
    assert len(house.long_functions()) <= 50, "split the new one"
    assert house.undocumented() == [], "say what the new one does"


def test_what_is_called_slow_or_long_is_there():
    from tests.conftest import LONG, SLOW

    for name in (*SLOW, *LONG):
        path, _, function = name.partition("::")
        there = ROOT / "tests" / path
        assert there.exists(), name
        assert not function or f"def {function}(" in there.read_text(encoding="utf-8"), name


def test_types_fit():
    """Bodies without annotations too. The cache in .mypy_cache makes the next time a quick one."""
    done = tool("mypy")
    assert done.returncode == 0, done.stdout


def test_every_ignored_type_has_a_reason():
    ignored = [
        (path.relative_to(ROOT), line.strip())
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] in ("tl_core", "tl_ui", "spaces_config")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "# type:" in line
    ]
    assert len(ignored) <= 5
    for path, line in ignored:
        assert re.search(r"# type: ignore\[[a-z-, ]+\]  # \w", line), (path, line)


def test_imports_go_the_way_they_should():
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    assert "kept" in done.stdout


def test_only_the_report_imports_plotly_and_nothing_in_the_engine_imports_gradio():
    seen = 0
    for path in SOURCES:
        place = path.relative_to(ROOT).parts
        if place[0] != "tl_core":
            continue
        seen += 1
        roots = imported_roots(path)
        assert "gradio" not in roots, path
        assert "plotly" not in roots or place[1] in ("figures", "report"), path
    assert seen > 40


def test_every_dependency_has_a_reason():
    reasons = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = (ROOT / "requirements.txt").read_text().split() + (
        ROOT / "requirements-dev.txt"
    ).read_text().splitlines()[1:]
    names = [re.split(r"[<>=!~\[]", line)[0] for line in lines if line]
    assert len(names) > 15
    for name in names:
        assert re.search(rf"\b{re.escape(name)}\b", reasons), name


def test_what_is_imported_is_required():
    """Everything imported at run time stands in requirements.txt, or comes with Python."""
    declared = {
        "gradio",
        "torch",
        "transformers",
        "sentence_transformers",
        "peft",
        "plotly",
        "numpy",
        "scipy",
        "sklearn",
        "pyarrow",
        "openpyxl",
        "psutil",
        "rich",
        "umap",
        "httpx",
        "sacrebleu",
    }
    comes_with = {
        "huggingface_hub": "transformers",
        "safetensors": "transformers",
        "tokenizers": "transformers",
        "starlette": "gradio",
        "yaml": "gradio",
        "packaging": "gradio",
        "fastapi": "gradio",
        "spaces": "the Space itself",
        "uvicorn": "gradio",
        "threadpoolctl": "scikit-learn",
    }
    where_it_is_installed = {  # frames, notebooks, contributors, exports
        "pandas",
        "IPython",
        "babel",
        "skops",
        "onnxruntime",
        "prometheus_client",
        "mlflow",
        "trackio",
        "ray",
    }
    own = {"tl_core", "tl_ui", "spaces_config", "app", "benchmarks"}
    for path in [
        p for p in SOURCES if p.relative_to(ROOT).parts[0] in ("tl_core", "tl_ui", "spaces_config")
    ]:
        unknown = (
            imported_roots(path)
            - set(sys.stdlib_module_names)
            - declared
            - set(comes_with)
            - where_it_is_installed
            - own
            - {"__future__"}
        )
        assert not unknown, (path, unknown)


def test_the_readme_has_both_commands_and_names_real_files():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python"
        " app.py" in readme
    )
    assert (
        "python3 -m venv .venv && .venv/bin/pip install -r requirements-dev.txt && .venv/bin/python"
        " -m pytest" in readme
    )
    in_ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for step in (
        "python3 -m venv .venv && ",
        "-r requirements-dev.txt",
        ".venv/bin/python -m pytest",
    ):
        assert in_ci.count(step) == 1
    for link in re.findall(r"\]\(([^)#]+)", readme):
        if not link.startswith("http"):
            assert (ROOT / link).exists(), link


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


def readme_commands() -> list[str]:
    """Lines of the shell blocks of the README and the page about the command line that call the
    engine, each once and in order.
    """
    blocks = [
        block
        for page in ("README.md", "docs/command-line.md")
        for block in re.findall(
            r"```(?:bash|sh)?\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S
        )
    ]
    return list(
        dict.fromkeys(
            line
            for block in blocks
            for line in block.splitlines()
            if line.startswith(".venv/bin/python -m tl_core")
        )
    )


def test_the_readmes_commands_run(tmp_path):
    commands = [c for c in readme_commands() if "my.csv" not in c and " serve " not in c]
    assert len(commands) > 15
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TL_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "1",
    }
    # one process for all of them: each would spend most of its time importing
    program = (
        "import shlex, sys; from tl_core import cli\n"
        "for line in sys.stdin.read().splitlines():\n"
        "    code = cli.main(shlex.split(line)[3:])\n"
        "    assert code == 0, (line, code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="\n".join(commands),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    the_readmes_service_answers(tmp_path, environment)


def the_readmes_service_answers(place: Path, environment: dict[str, str]) -> None:
    """Two lines of the README: a service of the study that its other commands made, and what asks
    it; the port is a free one instead.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (serving,) = [line for line in readme.splitlines() if " -m tl_core serve " in line]
    (asking,) = [line for line in readme.splitlines() if line.startswith("curl ")]
    curl, url, data, body = shlex.split(asking)
    assert (curl, url, data) == ("curl", "http://127.0.0.1:8080", "-d")
    process = subprocess.Popen(
        [sys.executable, *shlex.split(serving)[1:], "--port", "0"],
        cwd=place,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        first = process.stderr.readline()
        assert " answer at http://127.0.0.1:" in first, first + process.stderr.read()
        here = first.split(" at ")[1].split(";")[0]
        answer = urllib.request.urlopen(urllib.request.Request(here, body.encode()), timeout=60)
        likeliest = json.load(answer)[0][0]
        assert likeliest["label"] == "billing" and 0 < likeliest["score"] <= 1
    finally:
        process.terminate()
        process.communicate(timeout=60)


def imported_roots(path: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.split(".")[0])
    return roots


@pytest.mark.parametrize(
    "name",
    ["torch", "transformers", "gradio", "plotly", "sentence_transformers", "sklearn", "pandas"],
)
def test_help_imports_nothing_heavy(name):
    program = (
        f"import sys, tl_core.cli; tl_core.cli.parser().format_help(); assert {name!r} not in"
        " sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
