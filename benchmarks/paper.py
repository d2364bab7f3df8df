"""The published training at full length, its parts, and other methods on the same genes and spots.

python benchmarks/paper.py --say                  # what is left to do, and how long it takes here
python benchmarks/paper.py [--minutes M]          # do it, or as much as fits; goes on where it was
python benchmarks/paper.py --report               # only write the table of what is done

Every case (section, row, seed) is kept when done and goes on from its checkpoint when it was
stopped. The reduced network has the published form (cascades of dense blocks with plain and
shifted window attention, data consistency, all losses) with fewer and narrower blocks; its size
stands in the table. Genes are those with the highest Moran's I over the spots that lattice:2 measures.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from benchmark import DATA, HERE, RUNS, content, fingerprint  # noqa: E402

from s2s_core import read, sample  # noqa: E402
from s2s_core.config import RunConfig, preset  # noqa: E402
from s2s_core.data.observation import observe  # noqa: E402
from s2s_core.data.section import Section  # noqa: E402
from s2s_core.data.structure import gene_structure  # noqa: E402
from s2s_core.errors import Cancelled  # noqa: E402
from s2s_core.imputation import run  # noqa: E402
from s2s_core.network.cdcin import CDCIN, count_parameters  # noqa: E402
from s2s_core.network.device import choose_device, describe_device, set_threads  # noqa: E402
from s2s_core.network.patch_source import PaperSource  # noqa: E402
from s2s_core.network.trainer import to_device, training_step  # noqa: E402

SECTIONS = ("st1_human_pancreas_pdac", "st1_human_breast_her2_E1", "osmfish_mouse_cortex_bin35um")
REDUCED = {"blocks": 2, "layers": 3, "features": 16, "growth": 8, "attention_blocks": 2}
SCORES = ("mae", "rmse", "pcc", "ssim")


@dataclass(frozen=True)
class Row:
    """One line of the table: a method or a change of the published training."""

    what: str
    model: dict = field(default_factory=dict)
    train: dict = field(default_factory=dict)
    preset: str = "paper"
    method: str = "s2s"
    mask: str = "lattice:2"

    @property
    def trains(self) -> bool:
        """Whether it is the paper engine."""
        return self.method == "s2s" and self.preset.startswith("paper")

    def config(self, seed: int, args: argparse.Namespace) -> RunConfig:
        """The whole configuration."""
        base = preset(
            self.preset,
            method=self.method,
            compare=(),
            seed=seed,
            device=args.device,
            threads=args.threads,
        )
        if not self.trains:
            return base
        changes = {"precision": args.precision} | self.train
        if args.epochs:
            changes["epochs"] = args.epochs
        return replace(
            base,
            model=replace(base.model, **self.model),
            train=replace(base.train, **changes),
        )


def reduced(what: str, model: dict | None = None, mask: str = "lattice:2", **more) -> Row:
    """A row of the reduced network."""
    name = more.pop("preset", "paper")
    return Row(what, {**REDUCED, **(model or {})}, more, preset=name, mask=mask)


ROWS = {
    "linear": Row("linear interpolation", method="linear"),
    "bicubic": Row("bicubic interpolation", method="bicubic"),
    "kriging": Row("kriging of each gene", method="kriging"),
    "programme-kriging": Row(
        "kriging of programmes of the whole panel", method="programme-kriging"
    ),
    "fast": Row("preset fast, the whole panel", preset="fast"),
    "reduced": reduced("K = 3, S = 2, L_s2d mended, co-learning"),
    "no co-learning": reduced("without photographs", natural_images=False),
    "K 1": reduced("one cascade", {"cascades": 1}),
    "K 2": reduced("two cascades", {"cascades": 2}),
    "K 4": reduced("four cascades", {"cascades": 4}),
    "L_s2d published": reduced("as the public script takes it", loss_s2d="published"),
    "L_s2d off": reduced("without L_s2d", loss_s2d="off"),
    "S 3": reduced("every third row and column measured", mask="lattice:3"),
    "S 4": reduced("every fourth row and column measured", mask="lattice:4"),
    "shared": reduced("one network for all genes", preset="paper-shared"),
    "published": Row("the published network, one gene"),
}


@dataclass(frozen=True)
class Case:
    """A row on a section with a seed."""

    section: str
    name: str
    seed: int

    @property
    def row(self) -> Row:
        """What is run."""
        return ROWS[self.name]

    def folder(self, args: argparse.Namespace) -> Path:
        """Where its checkpoint and its scores are kept."""
        words = self.section, self.name.replace(" ", "-"), f"seed{self.seed}", f"genes{args.genes}"
        epochs = (f"epochs{args.epochs}",) if args.epochs and self.row.trains else ()
        return RUNS / "paper" / "__".join((*words, *epochs))

    def mark(self) -> str:
        """What its scores depend on."""
        path = DATA / f"{self.section}.h5ad"
        return f"{fingerprint('s2s')} {content(path, self.row.mask, self.seed)}"

    def done(self, args: argparse.Namespace) -> dict | None:
        """Its scores, if they are those of the present code and data."""
        file = self.folder(args) / "scores.json"
        if not file.exists():
            return None
        found = json.loads(file.read_text())
        return found if found["mark"] == self.mark() else None


def observed(case: Case, args: argparse.Namespace) -> tuple[Section, list[str]]:
    """The section under its mask, and the genes that are scored."""
    whole = read(DATA / f"{case.section}.h5ad")
    # The same genes whatever the stride.
    moran = gene_structure(sample(whole, "lattice:2"))["moran"].to_numpy()
    count = 1 if case.name == "published" else args.genes
    genes = [str(whole.genes[g]) for g in np.argsort(-np.nan_to_num(moran))[:count]]
    return sample(whole, case.row.mask, case.seed), genes


def compute(case: Case, args: argparse.Namespace, deadline: float) -> dict:
    """Run a case, or what is left of it; raises Cancelled at the deadline."""
    section, genes = observed(case, args)
    # What learns from the panel gets it; the others see the scored genes alone.
    panel = case.name in {"fast", "programme-kriging"}
    asked = section if panel else section.subset_genes(genes)
    folder = case.folder(args)
    folder.mkdir(parents=True, exist_ok=True)
    spent = folder / "seconds.json"
    before = json.loads(spent.read_text()) if spent.exists() else 0.0
    begun = time.monotonic()
    try:
        result = run(
            asked,
            case.row.config(case.seed, args),
            folder=folder,
            resume=(folder / "checkpoint.pt").exists(),
            should_stop=lambda: time.monotonic() > deadline,
        )
    finally:
        seconds = before + time.monotonic() - begun
        spent.write_text(json.dumps(seconds))
    table = result.metrics[result.metrics["gene"].isin(genes)]
    details = result.info["details"][case.row.method]
    scores = {
        "mark": case.mark(),
        "genes": genes,
        "seconds": round(seconds, 1),
        "parameters": details.get("parameters"),
        "steps": details.get("steps_done"),
        "device": details.get("device", "CPU"),
        **{score: table[score].tolist() for score in SCORES},
    }
    (folder / "scores.json").write_text(json.dumps(scores))
    return scores


def step_seconds(case: Case, args: argparse.Namespace) -> tuple[float, int]:
    """Seconds of one training step here, and how many the case takes."""
    section, genes = observed(case, args)
    obs, config = observe(section.subset_genes(genes)), case.row.config(case.seed, args)
    set_threads(args.threads)
    device = choose_device(config.device)
    columns = np.arange(obs.n_genes) if config.train.shared_network else np.array([0])
    source = PaperSource(obs, columns, config.train, case.seed)
    model = to_device(CDCIN(config.model), device)
    optimiser = torch.optim.Adam(model.parameters())
    times = []
    for step in range(2):
        batches = source.draw(step, np.random.default_rng(step))
        begun = time.perf_counter()
        training_step(model, optimiser, batches, config.train, device)
        times.append(time.perf_counter() - begun)
    trainings = 1 if config.train.shared_network else len(genes)
    return min(times), source.steps * trainings


def main() -> None:
    """Entry point."""
    args = arguments()
    cases = [
        Case(section, name, seed)
        for name in args.rows
        for section in args.sections
        for seed in range(args.seeds if ROWS[name].trains and name != "published" else 1)
        if name != "published" or section == args.sections[0]
    ]
    waiting = [case for case in cases if case.done(args) is None]
    if args.say:
        say(waiting, args)
        return
    deadline = time.monotonic() + 60 * args.minutes if args.minutes else np.inf
    for k, case in enumerate([] if args.report else waiting, start=1):
        try:
            found = compute(case, args, deadline)
        except Cancelled:
            print(f"Time is up in {case.section}, {case.name}: the same command goes on there.")
            break
        print(
            f"{k} of {len(waiting)}: {case.section} {case.name} seed {case.seed}: "
            f"PCC {np.mean(found['pcc']):.4f} MAE {np.mean(found['mae']):.4f} {found['seconds']:.0f} s",
            flush=True,
        )
    write(cases, args)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    listed = {"type": lambda text: text.split(",")}
    parser.add_argument("--sections", default=list(SECTIONS), **listed)
    parser.add_argument("--rows", default=list(ROWS), help=", ".join(ROWS), **listed)
    parser.add_argument("--genes", type=int, default=6, help="scored genes of a section")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="instead of 3000: a trial, not the paper")
    parser.add_argument("--precision", default="auto", choices=("float32", "bfloat16", "auto"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--say", action="store_true", help="only say how long it will take")
    parser.add_argument("--report", action="store_true", help="only write the table")
    parser.add_argument("--name", default="paper", help="of the table")
    args = parser.parse_args()
    unknown = set(args.rows) - set(ROWS)
    if unknown:
        parser.error(f"unknown rows {sorted(unknown)}; choose from {', '.join(ROWS)}")
    return args


def say(waiting: list[Case], args: argparse.Namespace) -> None:
    """Hours of each row that is left, from two steps of each."""
    total, known = 0.0, {}
    for case in waiting:
        if not case.row.trains:
            continue
        key = case.section, case.name
        if key not in known:
            known[key] = step_seconds(case, args)
            each, steps = known[key]
            print(f"{case.section}, {case.name}: {steps:,} steps of {each:.2f} s", flush=True)
        each, steps = known[key]
        total += each * steps
    print(f"{len(waiting)} cases are left, about {total / 3600:.1f} hours of training here.")


def write(cases: list[Case], args: argparse.Namespace) -> None:
    """Write the dated table of what is done."""
    rows = []
    for case in cases:
        found = case.done(args)
        if found is None:
            continue
        means = {score: float(np.mean(found[score])) for score in SCORES}
        kept = {name: found[name] for name in ("seconds", "parameters", "steps", "device")}
        rows.append({"section": case.section, "row": case.name, "seed": case.seed, **means, **kept})
    if not rows:
        print("Nothing is done yet.")
        return
    table = pd.DataFrame(rows)
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    length = (
        f"{args.epochs} epochs: a trial, not the paper's 3000" if args.epochs else "3000 epochs"
    )
    small = count_parameters(CDCIN(ROWS["reduced"].config(0, args).model))
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`, {length}; {describe_device(choose_device(args.device))} of "
        f"{os.cpu_count()}. The reduced network has {small:,} parameters (published 3,310,659). Mean "
        f"over the {args.genes} genes with the highest Moran's I (published: one) and over seeds, at "
        "hidden spots; +- the standard deviation over seeds.",
        "",
    ]
    for section, part in table.groupby("section", sort=False):
        lines += [
            f"## {section}",
            "",
            "| row | what | seeds | PCC | +- | MAE | RMSE | SSIM | steps a network | hours |",
            "|" + "---|" * 10,
        ]
        for name, own in part.groupby("row", sort=False):
            mean, spread = own[list(SCORES)].mean(), own["pcc"].std()
            steps = "" if own["steps"].isna().all() else f"{own['steps'].mean():,.0f}"
            lines.append(
                f"| {name} | {ROWS[str(name)].what} | {len(own)} | {mean['pcc']:.4f} "
                f"| {'' if np.isnan(spread) else f'{spread:.4f}'} | {mean['mae']:.4f} "
                f"| {mean['rmse']:.4f} | {mean['ssim']:.4f} | {steps} "
                f"| {own['seconds'].sum() / 3600:.2f} |"
            )
        lines.append("")
    stem.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
    print(f"Wrote {stem}.md and .csv")


if __name__ == "__main__":
    main()
