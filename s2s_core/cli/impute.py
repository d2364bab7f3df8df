"""The commands impute and reproduce: run a section, or a bundle again."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from s2s_core.cli.arguments import (
    DIFFERENT,
    INTERRUPTED,
    OK,
    add_reading,
    add_running,
    designs_help,
    gene_list,
    read_section,
)
from s2s_core.cli.config import add_network, configured
from s2s_core.cli.terminal import Bar, Stop, score_table
from s2s_core.config import ANSWERS, RunConfig
from s2s_core.data.section import Section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.methods import METHODS
from s2s_core.sampling.apply import sample

if TYPE_CHECKING:
    from s2s_core.data.result import Result


def add(commands) -> None:
    """Add the commands to the parser."""
    impute = commands.add_parser("impute", help="impute the unmeasured positions of a section")
    add_reading(impute)
    impute.add_argument("--out", required=True, type=Path, metavar="DIR", help="results folder")
    which = impute.add_mutually_exclusive_group()
    which.add_argument(
        "--measured", metavar="COLUMN", help="column that is False where a spot was not measured"
    )
    which.add_argument(
        "--mask", metavar="SPEC", help=f"simulate a sparse section: {designs_help()}"
    )
    which.add_argument(
        "--densify", type=int, metavar="S", help="map at S times the lattice density"
    )
    impute.add_argument(
        "--mask-seed", type=int, metavar="N", help="seed of the mask (default: --seed)"
    )
    impute.add_argument(
        "--method",
        metavar="NAME",
        help=f"{', '.join(METHODS)} (default: s2s)",
    )
    impute.add_argument("--compare", metavar="A,B|none", help="methods computed beside it")
    impute.add_argument("--resume", action="store_true", help="go on with a stopped run in DIR")
    impute.add_argument(
        "--answer",
        choices=ANSWERS,
        help="what the table holds: mean (default; best PCC, RMSE) or median (mostly the best MAE)",
    )
    impute.add_argument(
        "--intervals", action="store_true", help="also write the 90 %% interval's ends as tables"
    )
    impute.add_argument(
        "--draws",
        type=int,
        metavar="N",
        help="also write N draws of the map: what could have been measured (draws.h5ad)",
    )
    add_running(impute)
    add_network(impute)
    impute.set_defaults(command=_impute)

    again = commands.add_parser("reproduce", help="run a bundle again and compare the result")
    again.add_argument(
        "bundle", metavar="BUNDLE.zip", type=Path, help="downloaded from a finished run"
    )
    again.add_argument("--out", required=True, type=Path, metavar="DIR", help="results folder")
    again.add_argument("--resume", action="store_true", help="go on with a stopped run in DIR")
    again.set_defaults(command=_reproduce)


def situation(section: Section, args: argparse.Namespace) -> Section:
    """Simulation, densify or gaps: what the arguments ask of a section."""
    if args.mask:
        return sample(section, args.mask, args.seed if args.mask_seed is None else args.mask_seed)
    if args.densify is not None:
        return sample(section, f"densify:{args.densify}")
    if section.known.all():
        raise S2SError(
            "The section has no gaps to impute: give --mask SPEC to simulate a sparse section, "
            "--measured COLUMN to say which spots were measured, or --densify S for a finer map."
        )
    return section


def _impute(args: argparse.Namespace) -> int:
    if args.draws is not None and args.draws < 1:
        raise S2SError(f"--draws takes 1 or more, not {args.draws}.")
    asked = configured(args)
    args.seed = asked.seed
    section = situation(read_section(args, args.measured), args)
    genes = gene_list(args.genes)
    if genes is not None:
        section = section.subset_genes(genes)
    if args.compare is not None:
        names = [n.strip() for n in args.compare.split(",") if n.strip()]
        asked = replace(asked, compare=() if names == ["none"] else tuple(names))
    section.check_ready()
    result = _run(section, asked, args)
    if result is None:
        return INTERRUPTED
    _deliver(result, args, intervals=args.intervals)
    if args.draws is not None:
        from s2s_core.output.draws_file import write_draws

        write_draws(result, args.out / "draws.h5ad", args.draws, seed=args.seed)
        print(f"Wrote {args.draws} draws of the map to {args.out / 'draws.h5ad'}.")
    return OK


def _reproduce(args: argparse.Namespace) -> int:
    from s2s_core.output.bundle import compare, read_bundle

    bundle = read_bundle(args.bundle)
    result = _run(bundle.section, bundle.config, args)
    if result is None:
        return INTERRUPTED
    _deliver(result, args)
    found = compare(bundle, result)
    print(found.sentence)
    return DIFFERENT if found.level == "different" else OK


def _run(section: Section, config: RunConfig, args: argparse.Namespace) -> Result | None:
    """Run with a progress bar; None where Ctrl-C stopped it, and then how to go on is said."""
    from s2s_core.imputation import run

    args.out.mkdir(parents=True, exist_ok=True)
    with Stop() as stop, Bar() as bar:
        try:
            return run(
                section,
                config,
                folder=args.out,
                on_progress=bar.show,
                should_stop=stop.asked,
                resume=args.resume,
            )
        except (Cancelled, KeyboardInterrupt):
            bar.close()
            again = shlex.join([*(a for a in args.argv if a != "--resume"), "--resume"])
            print(
                f"Stopped; what was done is kept in {args.out}. Go on with:\n"
                f"  python -m s2s_core {again}",
                file=sys.stderr,
            )
            return None


def _deliver(result: Result, args: argparse.Namespace, *, intervals: bool = False) -> None:
    from s2s_core.assessment.metrics import summarise
    from s2s_core.output.export import export

    export(result, args.out, intervals=intervals)
    if len(result.metrics):
        print(score_table(summarise(result.metrics)))
        print(f"Scores at {', '.join(dict.fromkeys(result.metrics['spots'].astype(str)))}.")
    print(f"Wrote imputed.csv, .parquet and .h5ad, metrics.csv and run.json to {args.out}.")
