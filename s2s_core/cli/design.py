"""Commands for planning and for the paper's experiments: design, experiment."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from s2s_core.cli import arguments as cli
from s2s_core.cli.terminal import Bar, Stop
from s2s_core.config import PRESETS, preset
from s2s_core.data.section import Section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Hooks
from s2s_core.jobs.studies import experiment_task, questions
from s2s_core.methods import METHODS
from s2s_core.sampling.apply import sample
from s2s_core.sampling.registry import BUDGETED

DESIGN_HELP = """\
Plan how sparsely a tissue can be sampled.

  design IN --out DIR                 try designs and budgets on a pilot section
  design facts IN --mask SPEC         what one design means, before any training
  design next RESULT --budget N --out CSV   which spots to measure after a run

IN may be the word demo: a simulated section.
"""
EXPERIMENT_HELP = """\
Repeat an experiment of the paper on a section. A mask hides part of the measured spots, each
variant is fitted on the others and scored at the hidden ones; summary.csv and report.md say
which variant does better. IN may be the word demo: a simulated section.

"""


def add(commands) -> None:
    """Add the commands to the command line."""
    design = commands.add_parser(
        "design",
        help="plan which spots to measure, from a pilot section",
        description=DESIGN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    design.add_argument(
        "what",
        nargs="?",
        choices=("facts", "next"),
        metavar="facts|next",
        help="what to do instead of trying designs",
    )
    cli.add_reading(design)
    design.add_argument(
        "--out",
        type=Path,
        metavar="DIR|CSV",
        help="what is written: a folder for a plan, a table for facts and next",
    )
    plan = design.add_argument_group("trying designs on a pilot")
    plan.add_argument(
        "--designs",
        default="lattice,hexlattice,poisson,random,active",
        metavar="A,B",
        help=f"from {', '.join(BUDGETED)}",
    )
    plan.add_argument(
        "--budgets",
        metavar="A;B",
        help="per cent of the spots, separated by commas with "
        'spaces or by semicolons, in quotes: "10, 12.5, 25" (default: "10, 25, 50")',
    )
    plan.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="draws of each design and budget (default: %(default)s)",
    )
    plan.add_argument(
        "--engine",
        default="programme-kriging",
        choices=tuple(METHODS),
        metavar="NAME",
        help="method that imputes: programme-kriging (default) for a draft, s2s for the plan",
    )
    plan.add_argument("--preset", default="fast", choices=tuple(PRESETS), help=cli.PRESET)
    plan.add_argument("--genes", default="all", metavar="all|A,B|FILE", help="genes that count")
    plan.add_argument(
        "--patterned",
        action="store_true",
        help="count only genes with a spatial pattern in the pilot",
    )
    plan.add_argument(
        "--pcc",
        type=float,
        default=0.5,
        metavar="X",
        help="PCC a gene must keep (default: %(default)s)",
    )
    plan.add_argument(
        "--share",
        type=float,
        default=80,
        metavar="X",
        help="per cent of the genes that must keep it (default: %(default)s)",
    )
    for part, what in (
        ("per-spot", "of each measured spot"),
        ("per-row", "of a line of the array with any measured spot"),
        ("per-region", "of a group of measured spots that touch each other"),
        ("fixed", "of a section, whatever is measured"),
    ):
        plan.add_argument(
            f"--cost-{part}",
            type=float,
            default=0.0,
            metavar="X",
            help=f"cost {what} (default: none)",
        )
    plan.add_argument("--currency", default="", metavar="EUR", help="word behind the costs")
    one = design.add_argument_group("facts and next")
    one.add_argument("--mask", metavar="SPEC", help="a sampling design")
    one.add_argument("--budget", type=int, metavar="N", help="spots of the next batch")
    one.add_argument("--seed", type=int, default=0, metavar="N", help=cli.FIRST_NUMBER)
    design.set_defaults(command=_design)

    asked = questions()
    lines = [f"  {name:<12}{question}" for name, question in asked.items()]
    experiment = commands.add_parser(
        "experiment",
        help="the paper's experiments on a section",
        description=EXPERIMENT_HELP + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Not choices: a wrong name is answered by `_experiment`.
    experiment.add_argument("name", metavar="EXPERIMENT", help=f"one of {', '.join(asked)}")
    cli.add_reading(experiment)
    experiment.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder for the tables; a stopped experiment goes on there",
    )
    experiment.add_argument(
        "--mask",
        default="lattice:2",
        metavar="SPEC",
        help=f"which spots stay measured (default: %(default)s; sparsity has its "
        f"own): {cli.designs_help()}",
    )
    experiment.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="how often each variant is repeated, with other random numbers; dc "
        "is done once (default: %(default)s)",
    )
    experiment.add_argument(
        "--steps", type=int, metavar="N", help="training steps instead of the preset's"
    )
    cli.add_running(
        experiment,
        "random number of dc (default: 0); the repetitions of the others have 0, 1, 2 ...",
    )
    experiment.set_defaults(command=_experiment)


def _design(args: argparse.Namespace, argv: list[str]) -> int:
    return {"facts": _facts, "next": _next, None: _plan}[args.what](args, argv)


def _plan(args: argparse.Namespace, argv: list[str]) -> int:
    from s2s_core.studies.budget_curve import Cost, Goal
    from s2s_core.studies.budget_study import Plan, only_measured, run_design
    from s2s_core.studies.outcome import write_plan
    from s2s_core.studies.plan import first_budgets, read_budgets

    genes = cli.gene_list(args.genes)
    cost = Cost(
        args.cost_per_spot, args.cost_per_row, args.cost_per_region, args.cost_fixed, args.currency
    )
    goal = Goal(args.pcc, args.share / 100, cost, args.patterned)
    out = _needed(args.out, "--out DIR", "a folder for the plan")
    section = only_measured(_section(args))
    n_spots = int(section.measured.sum())
    budgets = (
        first_budgets(n_spots) if args.budgets is None else read_budgets(args.budgets, n_spots)
    )
    plan = Plan(
        _words(args.designs),
        budgets,
        args.seeds,
        args.engine,
        args.preset,
        None if genes is None else tuple(genes),
    )
    with _running(argv, out) as hooks:
        run_design(section, plan, out, hooks)
    print("\n".join(write_plan(section, out, plan, goal)))
    print(f"Wrote curve.csv, genes.csv, mask.csv and recommendation.md to {out}.")
    return cli.OK


def _facts(args: argparse.Namespace, argv: list[str]) -> int:
    from s2s_core.data.store import atomic
    from s2s_core.sampling.design_metrics import evaluate_design
    from s2s_core.sampling.pilot import Pilot
    from s2s_core.studies.budget_study import only_measured

    mask = _needed(args.mask, "--mask SPEC", "the design to judge")
    section = only_measured(_section(args))
    pilot = Pilot(section)
    sampled = sample(section, mask, args.seed, pilot=pilot)
    sampled.check_ready()
    facts = evaluate_design(pilot, sampled.measured)
    print("\n".join(facts.sentences))
    if args.out:
        with atomic(args.out) as part:
            facts.genes.to_csv(part)
        print(f"Wrote what becomes of each gene to {args.out}.")
    return cli.OK


def _next(args: argparse.Namespace, argv: list[str]) -> int:
    from s2s_core.data.store import atomic
    from s2s_core.output.tables import guard
    from s2s_core.sampling.next_batch import next_batch

    count = _needed(args.budget, "--budget N", "how many spots the next batch has")
    section, spread = finished_run(args.input)
    table = next_batch(section, spread, count, args.seed)
    table["spot_id"] = table["spot_id"].map(guard)
    if args.out is None:
        print(table.to_string(index=False))
        return cli.OK
    with atomic(args.out) as part:
        table.to_csv(part, index=False)
    print(f"Wrote the next {count} spots, most useful first, to {args.out}.")
    return cli.OK


def finished_run(folder: Path) -> tuple[Section, object]:
    """Section and (n, G) deviation of a finished run, of the app or of ``impute --out``.

    Raises
    ------
    S2SError
        If the folder holds none.
    """
    from s2s_core.data.result import load_result

    kept = folder / "result" if (folder / "result").is_dir() else folder
    if (kept / "section.h5ad").is_file():
        result = load_result(kept)
        if result.config.method in result.sd:
            return result.section, result.sd[result.config.method]
        return result.section, result.layers["upper"] - result.layers["lower"]
    table = kept / "imputed.h5ad"
    if not table.is_file():
        raise S2SError(
            f"{str(folder)!r} holds no finished run: give the folder of `impute --out`, or of a run "
            "of the app."
        )
    return _exported_run(table)


def _exported_run(path: Path) -> tuple[Section, object]:
    """Section and deviation of an exported table; its measured values are the section's."""
    import anndata as ad
    import numpy as np

    from s2s_core.readers import read

    section = read(path, measured="measured", absent="background")
    layers = ad.read_h5ad(path, backed="r")
    rows = layers.obs_names.get_indexer(section.spot_ids)
    if (rows < 0).any():
        raise S2SError(f"{str(path)!r} lists other positions than its lattice; run it again.")
    if "sd" in layers.layers:
        return section, np.asarray(layers.layers["sd"][:])[rows]
    return section, (layers.layers["upper"][:] - layers.layers["lower"][:])[rows]


def _experiment(args: argparse.Namespace, argv: list[str]) -> int:
    from s2s_core.studies.data_consistency import check_consistency
    from s2s_core.studies.experiments import run_experiment

    experiment_task(args.name, args.mask, args.seeds, args.preset)
    section = _section(args)
    genes = cli.gene_list(args.genes)
    if genes is not None:
        section = section.subset_genes(genes)
    base = preset(args.preset, seed=args.seed, device=args.device, threads=args.threads)
    if args.steps is not None:
        base = replace(base, train=replace(base.train, steps=args.steps))
    with _running(argv, args.out) as hooks:
        if args.name == "dc":
            check_consistency(section, args.out, base, mask=args.mask, hooks=hooks)
        else:
            run_experiment(
                section,
                args.name,
                args.out,
                base=base,
                mask=args.mask,
                seeds=args.seeds,
                hooks=hooks,
            )
    print((args.out / "report.md").read_text(encoding="utf-8"))
    return cli.OK


def _section(args: argparse.Namespace) -> Section:
    if str(args.input) == "demo":
        from s2s_core.data.simulate import demo_section

        return demo_section()
    return cli.read_section(args)


@contextmanager
def _running(argv: list[str], out: Path):
    """Hooks of a long command; a stop says how to go on."""
    with Stop() as stop, Bar() as bar:
        try:
            yield Hooks(on_progress=bar.show, should_stop=stop.asked)
        except (Cancelled, KeyboardInterrupt):
            bar.close()
            print(
                f"What was done is kept in {out}. Go on with:\n"
                f"  python -m s2s_core {shlex.join(argv)}",
                file=sys.stderr,
            )
            raise KeyboardInterrupt from None


def _needed(value, option: str, what: str):
    if value is None:
        raise S2SError(f"Give {option}: {what}.")
    return value


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
