"""The command experiment: the paper's experiments on a section."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from s2s_core.cli.arguments import (
    OK,
    add_reading,
    add_running,
    designs_help,
    gene_list,
    read_section_or_demo,
)
from s2s_core.cli.terminal import running
from s2s_core.config import preset
from s2s_core.jobs.studies import experiment_task, questions

EXPERIMENT_HELP = """\
Repeat an experiment of the paper on a section. A mask hides part of the measured spots, each
variant is fitted on the others and scored at the hidden ones; summary.csv and report.md say
which variant does better. IN may be the word demo: a simulated section.

"""


def add(commands) -> None:
    """Add the command to the parser."""
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
    add_reading(experiment)
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
        f"own): {designs_help()}",
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
    add_running(
        experiment,
        "random number of dc (default: 0); the repetitions of the others have 0, 1, 2 ...",
    )
    experiment.set_defaults(command=_experiment)


def _experiment(args: argparse.Namespace) -> int:
    from s2s_core.studies.data_consistency import check_consistency
    from s2s_core.studies.experiments import run_experiment

    experiment_task(args.name, args.mask, args.seeds, args.preset)
    section = read_section_or_demo(args)
    genes = gene_list(args.genes)
    if genes is not None:
        section = section.subset_genes(genes)
    base = preset(args.preset, seed=args.seed, device=args.device, threads=args.threads)
    if args.steps is not None:
        base = replace(base, train=replace(base.train, steps=args.steps))
    with running(args.argv, args.out) as hooks:
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
    return OK
