"""The command design: which spots to measure, planned on a pilot section."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2s_core.cli.arguments import (
    FIRST_NUMBER,
    OK,
    PRESET,
    add_reading,
    gene_list,
    needed,
    read_section_or_demo,
    words,
)
from s2s_core.cli.finished_run import finished_run
from s2s_core.cli.terminal import running
from s2s_core.config import PRESETS
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


def add(commands) -> None:
    """Add the command to the parser."""
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
    add_reading(design)
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
    plan.add_argument("--preset", default="fast", choices=tuple(PRESETS), help=PRESET)
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
    one.add_argument("--seed", type=int, default=0, metavar="N", help=FIRST_NUMBER)
    design.set_defaults(command=_design)


def _design(args: argparse.Namespace) -> int:
    return {"facts": _facts, "next": _next, None: _plan}[args.what](args)


def _plan(args: argparse.Namespace) -> int:
    from s2s_core.studies.budget_curve import Cost, Goal
    from s2s_core.studies.budget_study import Plan, only_measured, run_design
    from s2s_core.studies.outcome import write_plan
    from s2s_core.studies.plan import first_budgets, read_budgets

    genes = gene_list(args.genes)
    cost = Cost(
        args.cost_per_spot, args.cost_per_row, args.cost_per_region, args.cost_fixed, args.currency
    )
    goal = Goal(args.pcc, args.share / 100, cost, args.patterned)
    out = needed(args.out, "--out DIR", "a folder for the plan")
    section = only_measured(read_section_or_demo(args))
    n_spots = int(section.measured.sum())
    budgets = (
        first_budgets(n_spots) if args.budgets is None else read_budgets(args.budgets, n_spots)
    )
    plan = Plan(
        words(args.designs),
        budgets,
        args.seeds,
        args.engine,
        args.preset,
        None if genes is None else tuple(genes),
    )
    with running(args.argv, out) as hooks:
        run_design(section, plan, out, hooks)
    print("\n".join(write_plan(section, out, plan, goal)))
    print(f"Wrote curve.csv, genes.csv, mask.csv and recommendation.md to {out}.")
    return OK


def _facts(args: argparse.Namespace) -> int:
    from s2s_core.data.store import atomic
    from s2s_core.sampling.design_metrics import evaluate_design
    from s2s_core.sampling.pilot import Pilot
    from s2s_core.studies.budget_study import only_measured

    mask = needed(args.mask, "--mask SPEC", "the design to judge")
    section = only_measured(read_section_or_demo(args))
    pilot = Pilot(section)
    sampled = sample(section, mask, args.seed, pilot=pilot)
    sampled.check_ready()
    facts = evaluate_design(pilot, sampled.measured)
    print("\n".join(facts.sentences))
    if args.out:
        with atomic(args.out) as part:
            facts.genes.to_csv(part)
        print(f"Wrote what becomes of each gene to {args.out}.")
    return OK


def _next(args: argparse.Namespace) -> int:
    from s2s_core.data.store import atomic
    from s2s_core.output.tables import guard
    from s2s_core.sampling.next_batch import next_batch

    count = needed(args.budget, "--budget N", "how many spots the next batch has")
    section, spread = finished_run(args.input)
    table = next_batch(section, spread, count, args.seed)
    table["spot_id"] = table["spot_id"].map(guard)
    if args.out is None:
        print(table.to_string(index=False))
        return OK
    with atomic(args.out) as part:
        table.to_csv(part, index=False)
    print(f"Wrote the next {count} spots, most useful first, to {args.out}.")
    return OK
