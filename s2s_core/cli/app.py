"""The command app: opens the browser app of this installation."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys

from s2s_core._files import HOME
from s2s_core.cli.arguments import INTERRUPTED
from s2s_core.errors import S2SError
from s2s_core.jobs.jobs import runs_folder


def add(commands) -> None:
    """Add the command to the parser."""
    app = commands.add_parser("app", help="open the app in the browser")
    app.add_argument(
        "--port",
        type=int,
        default=8501,
        metavar="N",
        help="port (default: %(default)s)",
    )
    app.add_argument(
        "--address",
        default="127.0.0.1",
        metavar="IP",
        help="address to listen on; there is no login (default: %(default)s, this machine only)",
    )
    app.add_argument("--no-browser", action="store_true", help="serve only; open no browser")
    app.set_defaults(command=_app)


def _app(args: argparse.Namespace) -> int:
    if not (HOME / "app.py").is_file() or importlib.util.find_spec("streamlit") is None:
        raise S2SError(
            "The app is not installed with this package; run pip install 'sparser2sparse[app]'."
        )
    # The app's own folder is where Streamlit finds its settings; runs stay where the user is.
    told = {"S2S_RUNS": str(runs_folder())}
    command = [
        sys.executable,
        "-m",
        "pages._serve",
        "--server.address",
        args.address,
        "--server.port",
        str(args.port),
        "--server.headless",
        str(args.no_browser).lower(),
        "--server.showEmailPrompt",
        "false",
        "--browser.gatherUsageStats",
        "false",
    ]
    try:
        return subprocess.run(command, check=False, cwd=HOME, env=os.environ | told).returncode
    except KeyboardInterrupt:
        return INTERRUPTED
