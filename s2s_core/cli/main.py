"""The command line: impute, masks, evaluate, reproduce. Errors are one line, Ctrl-C keeps the checkpoint."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from s2s_core._version import __version__
from s2s_core.cli import app, design
from s2s_core.cli.arguments import (
    DIFFERENT,
    FAILED,
    FIRST_NUMBER,
    INTERRUPTED,
    OK,
    add_reading,
    add_running,
    designs_help,
    gene_list,
    read_section,
)
from s2s_core.cli.terminal import Bar, Stop
from s2s_core.config import ANSWERS, RunConfig, preset
from s2s_core.data.mask_table import mask_table
from s2s_core.data.section import Section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.methods import METHODS
from s2s_core.sampling.registry import sample


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    try:
        return args.command(args, argv)
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
        default="s2s",
        metavar="NAME",
        help=f"{', '.join(METHODS)} (default: %(default)s)",
    )
    impute.add_argument("--compare", metavar="A,B|none", help="methods computed beside it")
    impute.add_argument("--resume", action="store_true", help="go on with a stopped run in DIR")
    impute.add_argument(
        "--answer",
        default="mean",
        choices=ANSWERS,
        help="what the table holds: mean (best PCC, RMSE) or median (best MAE)",
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
    impute.set_defaults(command=_impute)

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

    again = commands.add_parser("reproduce", help="run a bundle again and compare the result")
    again.add_argument(
        "bundle", metavar="BUNDLE.zip", type=Path, help="downloaded from a finished run"
    )
    again.add_argument("--out", required=True, type=Path, metavar="DIR", help="results folder")
    again.add_argument("--resume", action="store_true", help="go on with a stopped run in DIR")
    again.set_defaults(command=_reproduce)
    design.add(commands)
    app.add(commands)
    return parser


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


def _impute(args: argparse.Namespace, argv: list[str]) -> int:
    if args.draws is not None and args.draws < 1:
        raise S2SError(f"--draws takes 1 or more, not {args.draws}.")
    section = situation(read_section(args, args.measured), args)
    genes = gene_list(args.genes)
    if genes is not None:
        section = section.subset_genes(genes)
    config = preset(
        args.preset,
        method=args.method,
        seed=args.seed,
        device=args.device,
        threads=args.threads,
        answer=args.answer,
    )
    if args.compare is not None:
        names = [n.strip() for n in args.compare.split(",") if n.strip()]
        config = replace(config, compare=() if names == ["none"] else tuple(names))
    section.check_ready()
    result = _run(section, config, args, argv)
    if result is None:
        return INTERRUPTED
    _deliver(result, args, intervals=args.intervals)
    if args.draws is not None:
        from s2s_core.output.draws_file import write_draws

        write_draws(result, args.out / "draws.h5ad", args.draws, seed=args.seed)
        print(f"Wrote {args.draws} draws of the map to {args.out / 'draws.h5ad'}.")
    return OK


def _reproduce(args: argparse.Namespace, argv: list[str]) -> int:
    from s2s_core.output.bundle import compare, read_bundle

    bundle = read_bundle(args.bundle)
    result = _run(bundle.section, bundle.config, args, argv)
    if result is None:
        return INTERRUPTED
    _deliver(result, args)
    found = compare(bundle, result)
    print(found.sentence)
    return DIFFERENT if found.level == "different" else OK


def _run(section: Section, config: RunConfig, args: argparse.Namespace, argv: list[str]):
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
            again = shlex.join([*(a for a in argv if a != "--resume"), "--resume"])
            print(
                f"Stopped; what was done is kept in {args.out}. Go on with:\n"
                f"  python -m s2s_core {again}",
                file=sys.stderr,
            )
            return None


def _deliver(result, args: argparse.Namespace, *, intervals: bool = False) -> None:
    from s2s_core.assessment.metrics import summarise
    from s2s_core.output.export import export

    export(result, args.out, intervals=intervals)
    if len(result.metrics):
        print(_table(summarise(result.metrics)))
        print(f"Scores at {', '.join(dict.fromkeys(result.metrics['spots'].astype(str)))}.")
    print(f"Wrote imputed.csv, .parquet and .h5ad, metrics.csv and run.json to {args.out}.")


def _masks(args: argparse.Namespace, argv: list[str]) -> int:
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


def _evaluate(args: argparse.Namespace, argv: list[str]) -> int:
    from s2s_core.api import score_methods
    from s2s_core.assessment.metrics import summarise
    from s2s_core.data.store import atomic

    section = sample(read_section(args), args.mask, args.seed)
    names = [n.strip() for n in args.methods.split(",") if n.strip()]
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
    print(_table(table))
    if args.out:
        with atomic(args.out) as part:
            table.to_csv(part)
    return OK


def _table(table) -> str:
    return table.to_string(float_format=lambda v: f"{v:.4f}")
