"""Settings of the documentation (make docs)."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
# The tutorial's kernel is a process of its own.
os.environ["PYTHONPATH"] = str(ROOT)

from s2s_core import __version__  # noqa: E402

project = "Sparser2Sparse"
author = "The Sparser2Sparse authors"
copyright = f"2026, {author}"
release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "jupyter_execute", "**.ipynb_checkpoints"]
FROM_ABOVE = ("contributing", "changelog", "security")

# The tutorial runs at every build; a cell that fails fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_preprocess_types = False

# Two rooms may each have a Source: annotations give the short name only.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = "Sparser2Sparse"
html_favicon = "../assets/icon.png"
html_show_sphinx = False


def bring(app, config) -> None:
    """Copy what lies outside this folder: Sphinx reads its own folder only.

    The benchmarks' tables go to ``tables``, CONTRIBUTING and its like beside the pages.
    """
    docs = Path(app.srcdir)
    shutil.rmtree(docs / "tables", ignore_errors=True)
    shutil.copytree(ROOT / "benchmarks" / "results", docs / "tables")
    (docs / "tables" / "index.md").write_text(
        "# Tables\n\nDated results of the commands in `benchmarks/`.\n\n"
        "```{toctree}\n:glob:\n:reversed:\n:maxdepth: 1\n\n*\n```\n",
        encoding="utf-8",
    )
    for name in FROM_ABOVE:
        text = (ROOT / f"{name.upper()}.md").read_text(encoding="utf-8")
        text = text.replace("](docs/", "](").replace("](benchmarks/results/", "](tables/")
        (docs / f"{name}.md").write_text(text, encoding="utf-8")


def link_tables(app, name: str, source: list[str]) -> None:
    """Lead links to the benchmarks' folder to the copies."""
    up = "../" * name.count("/")
    text = source[0].replace("../benchmarks/results)", "../benchmarks/results/index.md)")
    source[0] = text.replace(f"]({up}../benchmarks/results/", f"]({up}tables/")


def setup(app) -> None:
    """Hook both in."""
    app.connect("config-inited", bring)
    app.connect("source-read", link_tables)
