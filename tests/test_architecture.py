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
# Lower layers first; a module imports only from layers above it in this list (or its own).
LAYERS = (
    ("errors", "progress", "vocabulary"),
    ("config", "grid", "device", "limits", "hardware", "colours"),
    ("lattice",),
    ("array_positions", "depth", "rows"),
    ("section",),
    ("assemble",),
    ("masks", "store", "simulate", "mosaic"),
    ("map_parts",),
    ("maps", "painting", "cases", "additions"),
    ("readers", "observation", "charts"),
    ("programmes", "natural_images", "variograms", "metrics", "intervals", "structure",
     "expression"),
    ("signatures", "weightings"),
    ("withheld",),
    ("kriging",),
    ("baselines", "layers", "active", "aliasing"),
    ("estimate", "lens", "pilot"),
    ("model", "losses", "batches", "planning", "curve"),
    ("training", "compact", "published"),
    ("prior",),
    ("methods",),
    ("network", "imputation", "next_batch", "plan"),
    ("smoothness",),
    ("trust", "diagnosis", "recommend", "figures"),
    ("wording", "regions", "tables", "names"),
    ("export", "api", "terminal", "jobs", "report", "bundle"),
    ("drafts",),
    ("runner", "forecast", "budget", "experiments", "experiment_report", "consistency"),
    ("outcome",),
    ("studies",),
    ("demo",),
    ("worker", "cli", "cli_design"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


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


def layer_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", [p for p in MODULES if layer_of(p) in LEVEL], ids=lambda p: str(p.relative_to(CORE))
)
def test_imports_go_one_way(path):
    own = layer_of(path)
    for name in imports(path, top_only=True):
        parts = name.split(".")
        if parts[0] == "s2s_core" and len(parts) > 1 and parts[1] in LEVEL:
            assert LEVEL[parts[1]] <= LEVEL[own], f"{own} imports {parts[1]}"


# What the web process imports: torch costs it seconds and memory.
NAMES = (
    "cli", "export", "jobs", "runner", "forecast", "demo", "charts", "maps", "trust", "diagnosis",
    "recommend", "figures", "wording", "report", "bundle", "regions", "budget",
    "experiments", "planning", "studies", "drafts",
)  # fmt: skip
LIGHT = [m for m in NAMES if (CORE / f"{m}.py").is_file()]


@pytest.mark.parametrize("module", ["s2s_core", *(f"s2s_core.{m}" for m in LIGHT)])
def test_torch_and_streamlit_are_not_loaded_by(module):
    script = f"import sys, {module}; bad = {{'torch', 'streamlit'}} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
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
