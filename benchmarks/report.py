"""Tables and pictures of what the benchmark computed."""

from __future__ import annotations

import json
import os
import platform
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.assessment.metrics import paired_test

LOWER = ("mae", "mae_median", "rmse", "interval_width")
SCORES = ("mae", "mae_median", "rmse", "pcc", "ssim", "coverage", "interval_width")
OURS = "s2s"
SPATIAL = 60


def write_report(cases: list, stem: Path, command: str) -> None:
    """Write ``stem.csv`` (everything), ``stem.md`` (what matters) and pictures beside them."""
    stem.parent.mkdir(exist_ok=True)
    # Methods without intervals and sections without a ceiling have empty columns.
    warnings.filterwarnings("ignore", message="Mean of empty slice")
    genes, runs = _gather(cases)
    table = _table(genes, runs)
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.5f")
    stem.with_suffix(".md").write_text(_markdown(genes, runs, command))
    _pictures(cases, stem)


def _gather(cases) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores per gene of all cases, and one row a method and case with time and memory."""
    genes, runs = [], []
    for case in cases:
        words = {"section": case.section.stem, "mask": case.mask, "seed": case.seed}
        table = pd.read_csv(case.stem.with_suffix(".csv"), keep_default_na=False, na_values=[""])
        # Among the most spatial genes of the section itself, by Moran's I of the truth.
        most = min(SPATIAL, table["gene"].nunique() // 3)
        cut = table.drop_duplicates("gene")["moran"].nlargest(most).min()
        genes.append(table.assign(spatial=table["moran"] >= cut, **words))
        info = json.loads(case.stem.with_suffix(".json").read_text())
        runs += [
            {
                **words,
                "method": name,
                "seconds": seconds,
                "peak_mb": info["peak_memory_mb"],
                "n_measured": info["n_measured"],
                "correlation_distance": info["correlation_distance"].get(name, np.nan),
            }
            for name, seconds in info["seconds"].items()
        ]
    return pd.concat(genes, ignore_index=True), pd.DataFrame(runs)


def _table(genes: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """One row a section, mask, method and group of genes; spread over genes, seeds averaged."""
    rows = []
    for (section, mask), part in genes.groupby(["section", "mask"], sort=False):
        time = runs[(runs["section"] == section) & (runs["mask"] == mask)].groupby("method")
        time = time[["seconds", "peak_mb", "n_measured", "correlation_distance"]].mean()
        best = best_classical(part)
        for name, mine in part.groupby("method", sort=False):
            for group, chosen in (
                ("all", mine),
                ("spatial", mine[mine["spatial"]]),
                ("other", mine[~mine["spatial"]]),
            ):
                each = chosen.groupby("gene")[[s for s in SCORES if s in chosen]].mean()
                row = {
                    "section": section,
                    "mask": mask,
                    "method": name,
                    "genes": group,
                    "n_genes": len(each),
                    "ceiling_pcc": chosen["ceiling"].mean(),
                }
                for score in each:
                    quarter = each[score].quantile([0.25, 0.75]).to_numpy()
                    row |= {
                        f"{score}_mean": each[score].mean(),
                        f"{score}_median": each[score].median(),
                        f"{score}_q25": quarter[0],
                        f"{score}_q75": quarter[1],
                    }
                for score in ("pcc", "rmse", "ssim", "mae"):
                    row[f"p_{score}_vs_best"] = _p(part, name, best, score)
                row |= {"best_classical": best, **time.loc[name].to_dict()}
                row["time_ratio"] = time.loc[name, "seconds"] / max(
                    time.loc["kriging", "seconds"], 1e-9
                )
                rows.append(row)
    return pd.DataFrame(rows)


def best_classical(part: pd.DataFrame) -> str:
    """The classical method with the highest mean PCC."""
    means = part[part["method"] != OURS].groupby("method")["pcc"].mean()
    return str(means.idxmax())


def _p(part: pd.DataFrame, name: str, other: str, score: str) -> float:
    each = part.groupby(["method", "gene"], as_index=False)[score].mean()
    return paired_test(each, name, other, score)


def _markdown(genes: pd.DataFrame, runs: pd.DataFrame, command: str) -> str:
    cores = os.cpu_count()
    lines = [
        "# Benchmark",
        "",
        f"`python {command}` on {platform.machine()}, {cores} cores. Scores at hidden in-tissue "
        "spots, log1p of counts scaled to the median total of the measured spots; mean over genes "
        "(and seeds). *Best classical* is the classical method with the highest mean PCC of that "
        "section and mask; changes of s2s against it and against linear interpolation; p: paired "
        "Wilcoxon over genes. MAE of s2s is that of its median answer, MAE (mean) of its mean "
        "answer; a classical method's MAE is that of its own output, and in brackets that of the "
        "median learned for it in the same way. Ceiling: PCC between binomially thinned halves. "
        "Gene-gene: root mean square distance of the genes' correlation matrix at hidden spots from "
        "that of the truth (whose noise weakens its correlations). Everything else (medians, quartiles, spatial genes apart) stands in the CSV.",
        "",
    ]
    for mask, part in genes.groupby("mask", sort=False):
        lines += [f"## {mask}", "", *_mask_table(part, runs[runs["mask"] == mask]), ""]
    lines += ["## All methods, PCC", "", *_all_methods(genes, "pcc"), ""]
    lines += ["## All methods, RMSE", "", *_all_methods(genes, "rmse"), ""]
    return "\n".join(lines)


def _mask_table(genes: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    rows = []
    for section, part in genes.groupby("section", sort=False):
        if OURS not in set(part["method"]):
            continue
        mean = part.groupby("method")[[s for s in SCORES if s in part]].mean()
        best = best_classical(part)
        ours, theirs, linear = mean.loc[OURS], mean.loc[best], mean.loc["linear"]
        spatial = part[part["spatial"]].groupby("method")["pcc"].mean()
        time = (
            runs[runs["section"] == section]
            .groupby("method")[["seconds", "peak_mb", "correlation_distance"]]
            .mean()
        )
        rival = part[part["method"] != OURS].groupby("method")["mae"].mean()
        widths = mean["interval_width"].drop(OURS).dropna()
        rows.append(
            {
                "section": section,
                "measured": int(runs.loc[runs["section"] == section, "n_measured"].iloc[0]),
                "best classical": best,
                "PCC": ours["pcc"],
                "change": _change(ours["pcc"], theirs["pcc"]),
                "p": f"{_p(part, OURS, best, 'pcc'):.0e}",
                "vs linear": _change(ours["pcc"], linear["pcc"]),
                "PCC spatial": spatial[OURS],
                "change spatial": _change(spatial[OURS], spatial[best]),
                "RMSE": ours["rmse"],
                "change ": _change(ours["rmse"], mean["rmse"].drop(OURS).min()),
                "SSIM": ours["ssim"],
                "change  ": _change(ours["ssim"], mean["ssim"].drop(OURS).max()),
                "MAE": ours["mae_median"],
                "change   ": _change(ours["mae_median"], rival.min()),
                "vs linear ": _change(ours["mae_median"], linear["mae"]),
                "MAE (mean)": ours["mae"],
                "change    ": _change(ours["mae"], theirs["mae"]),
                "kriging's median": mean["mae_median"].drop(OURS).min(),
                "covered": ours["coverage"],
                "width": _change(ours["interval_width"], widths.min()),
                "ceiling": part["ceiling"].mean(),
                "gene-gene": time.loc[OURS, "correlation_distance"],
                "gene-gene, best": time.loc[best, "correlation_distance"],
                "s": time.loc[OURS, "seconds"],
                "x kriging": time.loc[OURS, "seconds"] / time.loc["kriging", "seconds"],
                "MB": int(time.loc[OURS, "peak_mb"]),
            }
        )
    if not rows:
        return []
    table = pd.DataFrame(rows)
    average = dict.fromkeys(table, "")
    average["section"] = "**mean**"
    for column in table.select_dtypes(object):
        if table[column].astype(str).str.endswith("%").all():
            values = table[column].str.rstrip(" %").astype(float)
            average[column] = f"{values.mean():+.1f} %"
    return _as_markdown(pd.concat([table, pd.DataFrame([average])], ignore_index=True))


def _all_methods(genes: pd.DataFrame, score: str) -> list[str]:
    table = genes.pivot_table(index=["section", "mask"], columns="method", values=score, sort=False)
    return _as_markdown(table.reset_index())


def _change(ours: float, theirs: float) -> str:
    return f"{100 * (ours / theirs - 1):+.1f} %"


def _as_markdown(table: pd.DataFrame) -> list[str]:
    def cell(value) -> str:
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.0f}" if value >= 10 else f"{value:.4f}"
        return str(value)

    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    return lines + [
        "| " + " | ".join(map(cell, row)) + " |" for row in table.itertuples(index=False)
    ]


def _pictures(cases, stem: Path) -> None:
    """Five genes of each section under lattice:2: truth, measured, linear, kriging, ours."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shown = {c.section.stem: c for c in cases if c.mask == "lattice:2" and c.group.startswith(OURS)}
    for name, case in shown.items():
        ours = np.load(case.stem.with_suffix(".npz"))
        other = case.stem.with_name(case.stem.name.rsplit("__", 1)[0] + "__classical.npz")
        if not other.exists():
            continue
        theirs = np.load(other)
        if list(theirs["genes"]) != list(ours["genes"]):
            continue
        measured = ours["measured"]
        panels = {
            "truth": ours["truth"],
            "measured": np.where(measured[:, None], ours["truth"], np.nan),
            "linear": theirs["map linear"],
            "programme kriging": theirs["map programme-kriging"],
            "Sparser2Sparse": ours["map s2s"],
        }
        shape, genes = tuple(ours["shape"]), ours["genes"]
        figure, axes = plt.subplots(
            len(genes),
            len(panels),
            figsize=(2.2 * len(panels), 2.2 * len(genes) * shape[0] / shape[1] + 0.5),
        )
        for i, gene in enumerate(genes):
            top = np.nanquantile(ours["truth"][:, i], 0.99) or 1.0
            for axis, (title, values) in zip(axes[i], panels.items(), strict=True):
                image = np.full(shape, np.nan)
                image.flat[ours["pixels"]] = values[:, i]
                axis.imshow(image, cmap="viridis", vmin=0, vmax=top, interpolation="nearest")
                axis.set(xticks=[], yticks=[])
                axis.set_title(title if i == 0 else "", fontsize=9)
            axes[i][0].set_ylabel(str(gene), fontsize=9)
        folder = stem.parent / stem.name
        folder.mkdir(exist_ok=True)
        figure.tight_layout(pad=0.4)
        figure.savefig(folder / f"{name}.png", dpi=80, pil_kwargs={"optimize": True})
        plt.close(figure)
