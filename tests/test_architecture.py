"""The walls of the package, held by reading its own source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "s2s_core"
MODULES = sorted(CORE.rglob("*.py"))
MAX_LINES = 350
# Rooms and the files of the porch, lower floors first: a module imports from its own room and from
# floors below it, inside functions as well.
FLOORS = (
    "_version",
    "_files",
    "errors",
    "vocabulary",
    "config",
    "limits",
    "hardware",
    "data",
    "readers",
    "interfaces",
    "assessment",
    "geostat",
    "network",
    "methods",
    "imputation",
    "sampling",
    "output",
    "studies",
    "api",
    "jobs",
    "cli",
)
# Lazy imports that keep torch out of the web process: (from, to).
LAZY = {("methods", "network")}


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports; type-checking ones left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if top_only and isinstance(child, (ast.FunctionDef, ast.Lambda)):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
            walk(child)

    walk(tree)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(CORE)))
def test_the_core_never_imports_streamlit(path):
    assert not {name for name in imports(path) if name.split(".")[0] == "streamlit"}


def room_of(name: str) -> str | None:
    """Room or porch file of a module's full name; None for the package itself."""
    parts = name.split(".")
    return parts[1] if parts[0] == "s2s_core" and len(parts) > 1 else None


def name_of(path: Path) -> str:
    return "s2s_core." + path.relative_to(CORE).with_suffix("").as_posix().replace("/", ".")


def test_every_room_has_a_floor_and_every_floor_a_room():
    rooms = {room_of(name_of(path)) for path in MODULES} - {"__init__", "__main__"}
    assert rooms == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(CORE)))
def test_imports_go_one_way(path):
    own = room_of(name_of(path))
    if own in ("__init__", "__main__"):
        return
    for name in imports(path):
        other = room_of(name)
        # `from s2s_core import X` of something that is no module is the public face.
        if other is None or other == own or (own, other) in LAZY:
            continue
        assert other in FLOORS, f"{name} is no room: import from where it is defined"
        assert FLOORS.index(other) < FLOORS.index(own), f"{own} imports {other}"


def test_no_modules_import_each_other_in_a_circle():
    names = {name_of(path).removesuffix(".__init__"): path for path in MODULES}

    def module(name: str) -> str | None:
        while name and name not in names:
            name = name.rpartition(".")[0]
        return name or None

    graph = {
        name: {module(other) for other in imports(path)} - {None, name, "s2s_core"}
        for name, path in names.items()
    }
    # What imports nothing that is left goes; what cannot go is a circle.
    while gone := [name for name, others in graph.items() if not others & set(graph)]:
        graph = {name: others for name, others in graph.items() if name not in gone}
    assert not graph, sorted(graph)


# What the web process imports: torch costs it seconds and memory.
LIGHT = (
    "cli.main",
    "output.export",
    "jobs.jobs",
    "jobs.runner",
    "jobs.forecast",
    "jobs.demo",
    "jobs.studies",
    "jobs.drafts",
    "output.charts",
    "output.maps",
    "assessment.gene_grades",
    "assessment.checks",
    "assessment.recommend",
    "output.figures",
    "output.run_text",
    "output.report",
    "output.bundle",
    "assessment.regions",
    "studies.budget_study",
    "studies.experiments",
    "sampling.design_metrics",
)


def test_torch_and_streamlit_are_not_loaded_by_what_the_web_process_imports():
    # One process for all: the first that brings one of them in is named.
    script = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    if bad := {"torch", "streamlit"} & set(sys.modules):
        sys.exit(f"{name} loads {bad}")
"""
    names = ["s2s_core", *(f"s2s_core.{name}" for name in LIGHT)]
    done = subprocess.run(
        [sys.executable, "-c", script, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(CORE)))
def test_files_stay_small_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_pages_stay_thin():
    pages = [p for p in (ROOT / "pages").glob("*.py") if not p.name.startswith("_")]
    for page in pages:
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 150, page.name


def test_requirements_are_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
        assert wanted
        assert all("==" in line for line in wanted)
