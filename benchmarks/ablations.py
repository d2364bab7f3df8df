"""What each part of the method adds: one part changed at a time; writes a dated table.

python benchmarks/ablations.py [--sections NAME,...] [--variants NAME,...]

Every variant is a run of the fast preset (or what its line says) under lattice:2 in a process of
its own. Parts that the product does not offer as a choice are replaced in that process only.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from benchmark import DATA, RUNS, content, fingerprint  # noqa: E402

from s2s_core import read, sample  # noqa: E402
from s2s_core.config import COMPACT, preset  # noqa: E402
from s2s_core.imputation import run  # noqa: E402

HERE = Path(__file__).parent
SECTIONS = (
    "visium_human_breast_crop",
    "osmfish_mouse_cortex_bin35um",
    "visium_mouse_brain_coronal",
)
ATTENTION = {"attention_blocks": 1, "window": 4, "heads": 2}
# Without pretrained weights a network has more to learn.
ALONE = {"pretrained": False, "steps": 150}
# The published form, small enough for a laptop: its losses are what is compared.
SMALL = {
    "cascades": 2,
    "blocks": 2,
    "layers": 3,
    "features": 24,
    "growth": 12,
    "attention_blocks": 0,
}


@dataclass(frozen=True)
class Variant:
    """One line of the table: what is changed, and how."""

    question: str
    train: dict = field(default_factory=dict)
    model: dict = field(default_factory=dict)
    config: dict = field(default_factory=dict)
    patch: Callable[[], None] = lambda: None
    mask: str = "lattice:2"
    published: bool = False


def _no_network() -> None:
    from s2s_core.network.programme_source import ProgrammeSource

    ProgrammeSource.shares = lambda self, *_: np.zeros(
        len(self.first_estimate.programmes.scale), np.float32
    )


def _no_regression() -> None:
    from s2s_core.geostat import first_estimate

    _no_network()
    first_estimate.RIDGE_CHOICES = ((),)


def _no_remainder() -> None:
    from s2s_core.geostat.gene_residuals import GeneResiduals

    _no_network()
    GeneResiduals.add_to = lambda *_: None


def _one_variogram() -> None:
    from s2s_core.geostat import first_estimate, gene_residuals
    from s2s_core.geostat.variogram_fit import Criterion, fit_variograms

    _no_network()
    best = {
        Criterion.AVERAGE: Criterion.LEAVE_ONE_OUT,
        Criterion.LIKELIHOOD_AVERAGE: Criterion.LIKELIHOOD,
    }
    for module in (first_estimate, gene_residuals):
        module.fit_variograms = lambda s, v, criterion, **k: fit_variograms(
            s, v, best[criterion], **k
        )


def _one_weighting() -> None:
    from s2s_core.geostat import gene_weightings as weightings

    _no_network()
    weightings.NOISE_POWERS = (0.0,)


def _no_kriging() -> None:
    """Gaussian averages of the samples instead of kriging, with the prior made for them."""
    from s2s_core.geostat.estimate_images import smooth_images
    from s2s_core.geostat.first_estimate import FirstEstimate
    from s2s_core.network import fit_programmes

    FirstEstimate.estimate = lambda self, obs: smooth_images(
        obs, self.programmes.scores(obs.values)
    )
    smooth = HERE / "prior-smooth.safetensors"

    def load() -> dict:
        from safetensors.torch import load_file

        return load_file(smooth)

    fit_programmes.load_pretrained = load


def _soft_consistency() -> None:
    import torch

    from s2s_core.network import cdcin as model

    # Measured values are noisy: half of what the network thinks of them is let in.
    model.data_consistency = lambda x, measured, mask: torch.where(mask, 0.5 * (measured + x), x)


VARIANTS = {
    "fast": Variant("the default"),
    "first estimate alone": Variant("without the network", {"steps": 0}, patch=_no_network),
    "no regression": Variant(
        "first estimate without regression", {"steps": 0}, patch=_no_regression
    ),
    "no remainder": Variant(
        "first estimate without the genes' remainders", {"steps": 0}, patch=_no_remainder
    ),
    "one variogram": Variant(
        "first estimate, variograms chosen, not averaged", {"steps": 0}, patch=_one_variogram
    ),
    "one weighting": Variant(
        "first estimate, genes weighed as they are", {"steps": 0}, patch=_one_weighting
    ),
    "prior alone": Variant("no sparser-to-sparse training", {"steps": 0}),
    "no prior": Variant("the same steps without the prior", {"pretrained": False}),
    "no prior, longer": Variant("the section alone, 150 steps", ALONE),
    "no kriging input": Variant("Gaussian averages as first estimate", patch=_no_kriging),
    "soft consistency": Variant(
        "measured values restored, not kept, inside", patch=_soft_consistency
    ),
    "P 5": Variant("most programmes", config={"programmes": 5}),
    "P 10": Variant("most programmes", config={"programmes": 10}),
    "P 20": Variant("most programmes", config={"programmes": 20}),
    "P 80": Variant("most programmes", config={"programmes": 80}),
    "K 1": Variant("cascades, no prior", ALONE, {"cascades": 1}),
    "K 2": Variant("cascades, no prior", ALONE, {"cascades": 2}),
    "K 3": Variant("cascades, no prior", ALONE, {"cascades": 3}),
    "K 4": Variant("cascades, no prior", ALONE, {"cascades": 4}),
    "attention": Variant("window attention, no prior (compare K 2)", ALONE, ATTENTION),
    "S 4": Variant("lattice:4", mask="lattice:4"),
    "S 8": Variant("lattice:8", mask="lattice:8"),
    "published, L_s2d": Variant("published losses, small network, 8 genes", published=True),
    "published, no co-learning": Variant("the same", {"natural_images": False}, published=True),
    "published, no L_s2d": Variant("the same", {"loss_s2d": "off"}, published=True),
    "published, defective L_s2d": Variant("the same", {"loss_s2d": "published"}, published=True),
}


def compute(name: str, section: str) -> dict:
    """Run one variant on one section in this process."""
    variant = VARIANTS[name]
    variant.patch()
    measured = sample(read(DATA / f"{section}.h5ad"), variant.mask)
    if variant.published:
        totals = np.asarray(measured.counts[measured.measured].sum(0)).ravel()
        measured = measured.subset_genes(list(measured.genes[np.argsort(-totals)[:8]]))
        base = preset("paper-shared")
        shape = replace(base.model, **SMALL)
        train = {
            "steps": 200,
            "batch": 8,
            "learning_rate": 5e-4,
            "check_every": 50,
            **variant.train,
        }
    else:
        base, shape, train = preset("fast"), COMPACT, variant.train
    config = replace(
        base,
        compare=("programme-kriging", "linear"),
        model=replace(shape, **variant.model),
        train=replace(base.train, **train),
        **variant.config,
    )
    seen = {}
    if not variant.published:
        # Time of the network's part of a prediction: what a cascade costs.
        from s2s_core.network import fit_programmes

        correct = fit_programmes.correct

        def timed(*args, **options):
            begun = time.perf_counter()
            out = correct(*args, **options)
            seen["inference"] = time.perf_counter() - begun
            return out

        fit_programmes.correct = timed
    result = run(measured, config)
    mean = result.metrics.groupby("method")[["mae", "mae_median", "rmse", "pcc", "ssim"]].mean()
    details = result.info["details"]["s2s"]
    return {
        **mean.loc["s2s"].to_dict(),
        "kriging_pcc": mean.loc["programme-kriging", "pcc"],
        "seconds": result.info["seconds_by_method"]["s2s"],
        "inference": seen.get("inference"),
        "set_aside": details.get("score_set_aside"),
        "best_step": details.get("best_step"),
        "share": details.get("network_share"),
    }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", type=lambda t: t.split(","), default=list(SECTIONS))
    parser.add_argument("--variants", type=lambda t: t.split(","), default=list(VARIANTS))
    parser.add_argument("--one", nargs=2, metavar=("VARIANT", "SECTION"), help=argparse.SUPPRESS)
    parser.add_argument("--name", default="ablations")
    parser.add_argument(
        "--report", action="store_true", help="only write the table of what is done"
    )
    args = parser.parse_args()
    if args.one:
        print(json.dumps(compute(*args.one)))
        return
    RUNS.mkdir(exist_ok=True)
    rows = []
    for section in args.sections:
        for name in args.variants:
            drawn = content(DATA / f"{section}.h5ad", VARIANTS[name].mask, 0)
            code = f"{fingerprint('s2s')} {drawn}"
            kept = RUNS / f"ablation__{section}__{name.replace(' ', '-').replace(',', '')}.json"
            data = json.loads(kept.read_text()) if kept.exists() else {}
            if args.report and data.get("code") != code:
                continue
            if data.get("code") != code:
                command = [sys.executable, __file__, "--one", name, section]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    print(f"{name} on {section} FAILED\n{done.stderr[-1500:]}", flush=True)
                    continue
                data = {"code": code, **json.loads(done.stdout.splitlines()[-1])}
                kept.write_text(json.dumps(data))
            rows.append({"section": section, "variant": name, **data})
            print(
                f"{section} {name}: PCC {data['pcc']:.4f} MAE {data['mae_median']:.4f} "
                f"{data['seconds']:.0f} s",
                flush=True,
            )
    write(pd.DataFrame(rows).drop(columns="code"), args.name)


def write(table: pd.DataFrame, name: str) -> None:
    """Write the dated table as CSV and Markdown."""
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{name}"
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`, {os.cpu_count()} cores. lattice:2 unless said; mean over genes "
        "at hidden spots; change against `fast` of the same section (of the same family for K, "
        "attention and published). *Set aside*: error of the network at withheld measured spots "
        "relative to its first estimate.",
        "",
    ]
    for section, part in table.groupby("section", sort=False):
        indexed = part.set_index("variant")
        lines += [
            f"## {section}",
            "",
            "| variant | what | PCC | change | RMSE | change | MAE of median | SSIM "
            "| set aside | share | seconds | network's prediction, s |",
            "|" + "---|" * 12,
        ]
        for variant, row in indexed.iterrows():
            family = (
                "K 2"
                if variant.startswith("K") or variant == "attention"
                else "published, L_s2d"
                if variant.startswith("published")
                else "fast"
            )
            base = indexed.loc[family] if family in indexed.index else row
            lines.append(
                f"| {variant} | {VARIANTS[variant].question} | {row['pcc']:.4f} | {_change(row, base, 'pcc')} "
                f"| {row['rmse']:.4f} | {_change(row, base, 'rmse')} | {row['mae_median']:.4f} | {row['ssim']:.4f} "
                f"| {_number(row['set_aside'], 4)} | {_number(row['share'], 2)} | {row['seconds']:.0f} "
                f"| {_number(row['inference'], 2)} |"
            )
        lines.append("")
    stem.with_suffix(".md").write_text("\n".join(lines))
    print(f"Wrote {stem}.md and .csv")


def _change(row, base, score: str) -> str:
    return f"{100 * (row[score] / base[score] - 1):+.2f} %"


def _number(value, digits: int) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
