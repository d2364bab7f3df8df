"""Where the app and the pretrained weights lie: beside the package, or inside an installed one."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent
# A wheel carries app.py, pages, assets and .streamlit in this folder of the package.
INSTALLED = PACKAGE / "_app"
HOME = INSTALLED if INSTALLED.is_dir() else PACKAGE.parent
ASSETS = HOME / "assets"
