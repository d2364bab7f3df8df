"""The walls of the package, held by reading its own source.

Which room may import which is said in ``pyproject.toml`` (import-linter, ``make lint``).
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "s2s_core"
APP = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
SOURCES = [*sorted(CORE.rglob("*.py")), *APP]
MAX_LINES = 300
MAX_PAGE_LINES = 150


def names(paths) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def core_modules(path: Path) -> set[str]:
    """Modules of the package that a file imports, inside functions as well."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("s2s_core"):
            found.add(node.module)
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name for name in inner if is_module(name))
    return found


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_torch_and_streamlit_are_not_loaded_by_what_the_web_process_imports():
    """Torch costs a process seconds and memory; only workers fit networks."""
    modules = sorted({name for path in APP for name in core_modules(path)} | {"s2s_core.cli.main"})
    assert {"s2s_core.jobs.jobs", "s2s_core.output.map_data"} <= set(modules)
    # One process for all: the first that brings one of them in is named.
    script = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    if bad := {"torch", "streamlit"} & set(sys.modules):
        sys.exit(f"{name} loads {bad}")
"""
    command = [sys.executable, "-c", script, *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_files_stay_small_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_pages_stay_thin():
    for page in APP:
        if not page.name.startswith("_"):
            assert len(page.read_text(encoding="utf-8").splitlines()) <= MAX_PAGE_LINES, page.name


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=lambda p: p.name)
def test_requirements_are_pinned(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert wanted
    assert all("==" in line for line in wanted)
