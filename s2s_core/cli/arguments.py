"""Shared parts of the commands: arguments of reading and running, exit statuses, lists of words."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TypeVar

from s2s_core.config import PRESETS
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import KINDS, READERS, read
from s2s_core.sampling.registry import DESIGNS

T = TypeVar("T")
OK, DIFFERENT, FAILED, INTERRUPTED = 0, 1, 2, 130
PRESET = "size and training of the network: fast (default), balanced, paper (as published, slow) or paper-shared (one network for all genes)"
FIRST_NUMBER = "first random number: the same number repeats the result (default: 0)"


def designs_help() -> str:
    """Examples of all designs."""
    return ", ".join(d.example for d in DESIGNS.values())


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what to read, and how."""
    parser.add_argument("input", metavar="IN", type=Path, help="a section: file, folder or zip")
    group = parser.add_argument_group("reading")
    group.add_argument(
        "--technology",
        default="auto",
        choices=("auto", *READERS),
        metavar="NAME",
        help=f"format: auto (default), {', '.join(READERS)}",
    )
    group.add_argument("--kind", default="auto", choices=KINDS, help="lattice of the spots")
    group.add_argument(
        "--absent",
        default="auto",
        choices=("auto", "gaps", "zeros", "background"),
        help="what tissue positions without a spot are",
    )
    group.add_argument(
        "--bin-size",
        type=float,
        metavar="X",
        help="edge of the bins, in the file's unit (Visium HD: um)",
    )
    group.add_argument(
        "--scale",
        default="auto",
        choices=("auto", "counts", "log"),
        help="what the values are: counts or log-normalised",
    )
    group.add_argument(
        "--where", metavar="COLUMN=VALUE", help="which section, where the input holds several"
    )
    group.add_argument(
        "--totals",
        default="auto",
        metavar="auto|sum|none|COLUMN",
        help="what the counts of a spot are scaled by",
    )


def add_running(parser: argparse.ArgumentParser, seed: str = FIRST_NUMBER) -> None:
    """Arguments of whatever trains or compares."""
    parser.add_argument("--preset", default="fast", choices=tuple(PRESETS), help=PRESET)
    parser.add_argument(
        "--genes",
        default="all",
        metavar="all|A,B|FILE",
        help="genes to impute; a file has one a line (default: all)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=seed)
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="where the network is trained (default: a GPU if there is one)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        metavar="N",
        help="CPU threads (default: OMP_NUM_THREADS where set, else one a core)",
    )


def read_section(args: argparse.Namespace, measured: str | None = None) -> Section:
    """Read what the arguments name; its notes go to the error stream."""
    section = read(
        args.input,
        measured=measured,
        kind=args.kind,
        absent=args.absent,
        bin_size=args.bin_size,
        scale=args.scale,
        technology=args.technology,
        where=args.where,
        totals=args.totals,
    )
    for note in section.notes:
        print(note, file=sys.stderr)
    return section


def gene_list(text: str) -> list[str] | None:
    """Genes of ``--genes``: None for all, a file's lines or words, or a list with commas."""
    if text == "all":
        return None
    path = Path(text)
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise S2SError(f"{path.name!r} is no text file of gene names.") from None
    genes = text.replace("\n", ",").replace(";", ",").replace("\t", ",").split(",")
    genes = [g.strip().strip("\"'") for g in genes]
    return [g for g in genes if g]


def read_section_or_demo(args: argparse.Namespace) -> Section:
    """What :func:`read_section` reads; the word demo stands for a simulated section."""
    if str(args.input) == "demo":
        from s2s_core.data.simulate import demo_section

        return demo_section()
    return read_section(args)


def needed(value: T | None, option: str, what: str) -> T:
    """Value of an option that must be given.

    Raises
    ------
    S2SError
        If it was not.
    """
    if value is None:
        raise S2SError(f"Give {option}: {what}.")
    return value


def words(text: str) -> tuple[str, ...]:
    """Words of a list with commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
