"""The commands masks and evaluate: sampling masks as tables, methods compared on what they hide."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2s_core.cli.arguments import (
    FIRST_NUMBER,
    OK,
    add_reading,
    add_running,
    designs_help,
    gene_list,
    read_section,
    words,
)
from s2s_core.cli.terminal import Bar, Stop, score_table
from s2s_core.data.mask_table import mask_table
from s2s_core.errors import Cancelled
from s2s_core.methods import METHODS
from s2s_core.sampling.apply import sample


def add(commands) -> None:
    """Add the commands to the parser."""
    masks = commands.add_parser("masks", help="write a sampling mask as a table")
    add_reading(masks)
    masks.add_argument("--mask", required=True, metavar="SPEC", help=designs_help())
    masks.add_argument("--out", required=True, type=Path, metavar="CSV", help="the table to write")
    masks.add_argument("--seed", type=int, default=0, metavar="N", help=FIRST_NUMBER)
    masks.set_defaults(command=_masks)

    score = commands.add_parser("evaluate", help="compare methods on the spots a mask hides")
    add_reading(score)
    score.add_argument("--mask", required=True, metavar="SPEC", help=designs_help())
    score.add_argument(
        "--methods",
        default="all",
        metavar="all|A,B",
        help=f"from {', '.join(METHODS)} (default: all)",
    )
    score.add_argument("--out", type=Path, metavar="CSV", help="write the table")
    add_running(score)
    score.set_defaults(command=_evaluate)


def _masks(args: argparse.Namespace) -> int:
    from s2s_core.data.store import atomic
    from s2s_core.output.tables import guard

    section = sample(read_section(args), args.mask, args.seed)
    table = mask_table(section)
    table["spot_id"] = table["spot_id"].map(guard)
    with atomic(args.out) as part:
        table.to_csv(part, index=False)
    count, known = int(section.measured.sum()), int(section.known.sum())
    print(f"{count} of {known} spots measured ({count / known:.1%}); wrote {args.out}.")
    return OK


def _evaluate(args: argparse.Namespace) -> int:
    from s2s_core.api import score_methods
    from s2s_core.assessment.metrics import summarise
    from s2s_core.data.store import atomic

    section = sample(read_section(args), args.mask, args.seed)
    names = list(words(args.methods))
    with Stop() as stop, Bar() as bar:
        try:
            result = score_methods(
                section,
                methods=None if names == ["all"] else names,
                preset=args.preset,
                genes=gene_list(args.genes),
                seed=args.seed,
                device=args.device,
                threads=args.threads,
                on_progress=bar.show,
                should_stop=stop.asked,
            )
        except Cancelled:
            raise KeyboardInterrupt from None
    table = summarise(result.metrics)
    print(score_table(table))
    if args.out:
        with atomic(args.out) as part:
            table.to_csv(part)
    return OK
