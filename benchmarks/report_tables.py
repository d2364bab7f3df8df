"""Tables of the benchmark: ours beside linear, the best classical method and kriging like ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from replication import LOWER, compare, gains, over_tissues

OURS = "s2s"
CLASSICAL = (
    "programme-kriging",
    "kriging",
    "programme-kriging-withheld",
    "kriging-withheld",
    "stark",
    "gaussian",
    "linear",
    "bilinear",
    "bicubic",
    "nearest",
)
# The steps from the best-known kriging to ours.
STEPS = ("kriging-average", "programme-kriging-average", "first-estimate")
STRUCTURE = ("moran_bias", "moran_error", "spatial_overlap", "correlation_distance")
COMPARED = (
    *("pcc", "rmse", "ssim_spots", "ssim", "mae_median", "mae", "ssim_li", "rmse_z", "js_li"),
    *STRUCTURE[1:],
)
STEPPED = ("pcc", "rmse", "ssim_spots", "mae_median")


def _bests(means: pd.DataFrame, score: str) -> pd.DataFrame:
    """Best classical method at a score and its value, indexed by section."""
    table = means[score].unstack("method")
    table = table[[name for name in CLASSICAL if name in table]]
    names = table.idxmin(axis=1) if score in LOWER else table.idxmax(axis=1)
    values = table.min(axis=1) if score in LOWER else table.max(axis=1)
    return pd.DataFrame({"name": names, "value": values})


def score_table(means: pd.DataFrame, score: str) -> pd.DataFrame:
    best, table = _bests(means, score), means[score].unstack("method")
    sign = -1.0 if score in LOWER else 1.0
    out = pd.DataFrame({"section": table.index}).set_index("section", drop=False)
    for name, title in (("linear", "linear"), ("bilinear", "bilinear")):
        if name in table:
            out[title] = table[name]
    out["best classical"], out["which"] = best["value"], best["name"]
    for name in (*STEPS, OURS):
        if name in table:
            out[name] = table[name]
    out["gain over best classical"] = sign * (table[OURS] - best["value"])
    for name in STEPS[1:]:
        if name in table:
            out[f"over {name}"] = sign * (table[OURS] - table[name])
    return _with_mean(out)


def pcc_table(means: pd.DataFrame, genes: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    out = score_table(means, "pcc").set_index("section", drop=False)
    ours = genes[genes["method"] == OURS].groupby("section")
    out["attainable"] = ours["attainable"].mean()
    out["share of it"] = out[OURS] / out["attainable"]
    out["network's share"] = runs[runs["method"] == OURS].groupby("section")["network_share"].mean()
    measured = runs.groupby("section")["n_measured"].first()
    out.insert(1, "measured", [str(measured.get(s, "")) for s in out.index])
    return out


def median_table(means: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Medians against medians and against each gene's constant median."""
    table, best = means["mae_median"].unstack("method"), _bests(means, "mae_median")
    mean_best, ours = _bests(means, "mae"), means.xs(OURS, level="method")
    out = pd.DataFrame({"section": table.index}).set_index("section", drop=False)
    out["constant median"] = table["constant"]
    out["best classical median"], out["which"] = best["value"], best["name"]
    out["median of kriging as ours"] = table["programme-kriging-average"]
    out["our median"] = table[OURS]
    out["our median, maps only"] = ours["mae_map"]
    out["genes with the constant"] = ours["constant"]
    mine = genes[genes["method"] == OURS]
    worse = mine["mae_map"] > mine["mae_constant"] + 1e-9
    maps = ~mine["median_constant"].astype(bool)
    out["maps worse than the constant, of all genes"] = worse.groupby(mine["section"]).mean()
    out["such among those given"] = (worse & maps).groupby(mine["section"]).mean()
    out["gain over constant"] = table["constant"] - table[OURS]
    out["over classical median"] = best["value"] - table[OURS]
    out["best classical mean"], out["our mean"] = mean_best["value"], ours["mae"]
    return _with_mean(out)


def method_table(means: pd.DataFrame) -> pd.DataFrame:
    """Every method at every score, averaged over sections."""
    shown = [s for s in ("spearman", *COMPARED, "moran_bias") if s in means]
    table = means.groupby(level="method", sort=False)[shown].mean()
    # A map without variance has no structure to compare.
    if "constant" in table.index:
        table.loc["constant", [*STRUCTURE]] = np.nan
    return table.sort_values("rmse").reset_index()


def replication_table(means: pd.DataFrame, tissues: dict[str, str]) -> pd.DataFrame:
    """Methods against rivals, sections and pieces of tissue as units."""
    rows = []
    for method, rival, names, scores in (
        (OURS, "best classical", CLASSICAL, COMPARED),
        (OURS, "constant", ("constant",), ("mae_median", "rmse")),
        # Step by step: kriging as ours, the regression among programmes, the network.
        (STEPS[1], "best classical", CLASSICAL, STEPPED),
        (STEPS[2], STEPS[1], STEPS[1:2], STEPPED),
        (OURS, STEPS[2], STEPS[2:3], STEPPED),
        (OURS, STEPS[1], STEPS[1:2], COMPARED),
    ):
        for score in scores:
            gain = gains(means, score, method, list(names))
            found, pieces = compare(gain), compare(over_tissues(gain, tissues))
            rows.append(
                {
                    "method": method,
                    "against": rival,
                    "score": score,
                    "sections better : worse": f"{found.better} : {found.worse}",
                    "sign test p": f"{found.p:.2g}",
                    "mean gain": f"{found.mean:+.4f}",
                    "tissues better : worse": f"{pieces.better} : {pieces.worse}",
                    "p ": f"{pieces.p:.2g}",
                    "mean gain, 95 % interval over tissues": f"{pieces.mean:+.4f} "
                    f"({pieces.low:+.4f} to {pieces.high:+.4f})",
                }
            )
    return pd.DataFrame(rows)


def order(means: pd.DataFrame, residuals: pd.DataFrame) -> list[str]:
    """Order of the methods under both normalisations, on sections that have both."""
    keys = ["section", "method"]
    other = residuals.groupby([*keys, "draw"])[["pcc", "rmse"]].mean().groupby(level=keys).mean()
    both = means.index.intersection(other.index)
    log, other = means.loc[both], other.loc[both]
    rank = {
        title: table["pcc"].unstack("method").rank(axis=1, ascending=False).mean()
        for title, table in (("rank, log1p", log), ("rank, residuals", other))
    }
    table = pd.DataFrame(
        {
            "PCC, log1p": log["pcc"].groupby(level="method").mean(),
            "PCC, residuals": other["pcc"].groupby(level="method").mean(),
            **rank,
            "RMSE, residuals": other["rmse"].groupby(level="method").mean(),
        }
    ).sort_values("rank, residuals")
    pair = [t["pcc"].unstack("method") for t in (log, other)]
    tau = [pair[0].loc[s].corr(pair[1].loc[s], method="kendall") for s in pair[0].index]
    words = (
        f"{len(tau)} sections. Ranks of PCC (1 is best), averaged over sections; Kendall's tau between "
        f"the two orders of methods on a section: median {np.median(tau):.2f}, least {min(tau):.2f}."
    )
    return [words, "", *as_markdown(table.reset_index()), ""]


def _with_mean(table: pd.DataFrame) -> pd.DataFrame:
    average = table.mean(numeric_only=True).to_dict() | {"section": "**mean**"}
    return pd.concat([table, pd.DataFrame([average], index=["**mean**"])])


def four_places(value) -> str:
    """A cell: numbers to four places, large ones to none, missing ones empty."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.0f}" if abs(value) >= 10 else f"{value:.4f}"
    return str(value)


def three_places(value) -> str:
    """A cell: numbers to three places."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def as_markdown(table: pd.DataFrame, cell: Callable[[object], str] = four_places) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    return lines + [
        "| " + " | ".join(map(cell, row)) + " |" for row in table.itertuples(index=False)
    ]
