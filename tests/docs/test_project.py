"""The project's own promises: directions of imports, style, what the documents say."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tl_core.strategies import strategies

ROOT = Path(__file__).parents[2]
SOURCES = [p for folder in ("tl_core", "tl_ui", "spaces_config", "benchmarks", "tests") for p in sorted((ROOT / folder).rglob("*.py"))]


def tool(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_ruff_finds_nothing():
    done = tool("ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout


def test_imports_go_the_way_they_should():
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
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
        assert "plotly" not in roots or place[1] == "report", path
    assert seen > 40


def test_plugins_do_not_import_their_neighbours():
    for package, folder in (("tl_core.strategies", "tl_core/strategies"), ("tl_ui.tabs", "tl_ui/tabs"), ("tl_ui.views", "tl_ui/views"), ("tl_ui.results", "tl_ui/results"), ("tl_core.tasks", "tl_core/tasks")):
        files = [p for p in (ROOT / folder).glob("*.py") if not p.stem.startswith("_")]  # what they share is no plugin
        assert len(files) >= 2
        for path in files:
            text = path.read_text(encoding="utf-8")
            assert not re.search(rf"(from|import) {re.escape(package)}\.(?!_|{path.stem}\b)", text), path


def test_every_strategy_is_in_the_documents():
    methods = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    assert len(strategies()) == 25
    for name in strategies():
        assert f"| {name} |" in methods, name


def test_every_dependency_has_a_reason():
    reasons = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = (ROOT / "requirements.txt").read_text().split() + (ROOT / "requirements-dev.txt").read_text().splitlines()[1:]
    names = [re.split(r"[<>=!~\[]", line)[0] for line in lines if line]
    assert len(names) > 15
    for name in names:
        assert re.search(rf"\b{re.escape(name)}\b", reasons), name


def test_what_is_imported_is_required():
    """Everything imported at run time stands in requirements.txt, or comes with Python."""
    declared = {
        "gradio", "torch", "transformers", "sentence_transformers", "peft", "plotly", "numpy", "scipy", "sklearn", "pyarrow", "openpyxl",
        "psutil", "rich", "umap", "httpx",
    }  # fmt: skip
    comes_with = {
        "huggingface_hub": "transformers", "safetensors": "transformers", "tokenizers": "transformers", "starlette": "gradio",
        "yaml": "gradio", "packaging": "gradio", "fastapi": "gradio", "spaces": "the Space itself", "uvicorn": "gradio",
    }  # fmt: skip
    own = {"tl_core", "tl_ui", "spaces_config", "app", "benchmarks"}
    for path in [p for p in SOURCES if p.relative_to(ROOT).parts[0] in ("tl_core", "tl_ui", "spaces_config")]:
        unknown = imported_roots(path) - set(sys.stdlib_module_names) - declared - set(comes_with) - own - {"__future__"}
        assert not unknown, (path, unknown)


def test_the_readme_has_both_commands_and_names_real_files():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python app.py" in readme
    assert "python3 -m venv .venv && .venv/bin/pip install -r requirements-dev.txt && .venv/bin/python -m pytest" in readme
    assert (ROOT / ".ci" / "run").read_text().count("requirements-dev.txt && .venv/bin/python -m pytest") == 1
    for link in re.findall(r"\]\(([^)#]+)\)", readme):
        if not link.startswith("http"):
            assert (ROOT / link).exists(), link


def readme_commands() -> list[str]:
    """Lines of the README's shell blocks that call the engine on a bundled sample."""
    blocks = re.findall(r"```(?:bash|sh)?\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines() if line.startswith(".venv/bin/python -m tl_core")]


def test_the_readmes_commands_run(tmp_path):
    commands = [c for c in readme_commands() if "my.csv" not in c]
    assert len(commands) >= 3
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TL_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    for command in commands:
        line = command.replace(".venv/bin/python", sys.executable)
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, (command, done.stderr[-2000:])


def imported_roots(path: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.split(".")[0])
    return roots


@pytest.mark.parametrize("name", ["torch", "transformers", "gradio", "plotly", "sentence_transformers", "sklearn", "pandas"])
def test_help_imports_nothing_heavy(name):
    program = f"import sys, tl_core.cli; tl_core.cli.parser().format_help(); assert {name!r} not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
