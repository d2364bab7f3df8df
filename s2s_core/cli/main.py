"""The command line. Errors are one line, Ctrl-C keeps the checkpoint; each command has its file."""

from __future__ import annotations

import argparse
import sys

from s2s_core._version import __version__
from s2s_core.cli import app, config, design, evaluate, experiment, impute
from s2s_core.cli.arguments import FAILED, INTERRUPTED
from s2s_core.errors import S2SError


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    # For those that say how to go on.
    args.argv = argv
    try:
        return args.command(args)
    except S2SError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        where = f" {error.filename!r}" if error.filename else ""
        print(f"error: cannot use{where}: {error.strerror or error}.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m s2s_core",
        description="Dense maps from sparsely measured spatial transcriptomics sections.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (impute, evaluate, config, design, experiment, app):
        command.add(commands)
    return parser
