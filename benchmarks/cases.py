"""One case of the benchmark: a section, a mask, a seed, some methods; run in its own process.

python benchmarks/cases.py SECTION.h5ad MASK SEED OUT METHOD[,METHOD...] [--preset fast]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import reference_methods  # noqa: E402, F401  registers themselves
import scores  # noqa: E402
from residuals import score_residuals  # noqa: E402

from s2s_core import imputation, read, sample  # noqa: E402
from s2s_core.assessment.intervals import Calibration  # noqa: E402
from s2s_core.config import RunConfig, preset  # noqa: E402
from s2s_core.data.observation import known_values, observe  # noqa: E402
from s2s_core.data.result import Result  # noqa: E402
from s2s_core.data.section import Section  # noqa: E402
from s2s_core.data.structure import gene_structure  # noqa: E402
from s2s_core.methods import METHODS, method  # noqa: E402

PICTURED = 5


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", type=Path)
    parser.add_argument("mask")
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("methods")
    parser.add_argument("--where", help="which of the sections of a file: COLUMN=VALUE")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--residuals", action="store_true", help="Pearson residuals, not logs")
    parser.add_argument("--set", default="{}", help="JSON of changes to the configuration")
    args = parser.parse_args()
    names = args.methods.split(",")
    if "stark" in names:
        import stark_method  # noqa: F401  registers itself
    section = sample(read(args.section, where=args.where), args.mask, args.seed)
    changes = json.loads(args.set)
    config = preset(args.preset, method=names[0], compare=tuple(names[1:]), seed=args.seed)
    for part in ("train", "model"):
        config = replace(config, **{part: replace(getattr(config, part), **changes.pop(part, {}))})
    config = replace(config, **changes)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if args.residuals:
        table = score_residuals(section, names, config)
        table.to_csv(args.out.with_suffix(".csv"), index=False, float_format="%.6g")
        return
    _score(section, config, names, args.out)


def _score(section: Section, config: RunConfig, names: list[str], out: Path) -> None:
    """Run the methods and write scores (.csv), some maps (.npz) and the run's record (.json)."""
    for name in names:
        METHODS[name] = replace(method(name), fit=_with_deviation(method(name).fit))
    calibrations = _keep_calibrations()
    result = imputation.run(section, config)
    table = result.metrics
    target = observe(section).target_sum
    moran = gene_structure(section.everything_known())["moran"].to_numpy()
    halves = scores.split_correlation(section, target, config.seed)
    extra = {"moran": moran, "halves": halves, "attainable": scores.attainable(halves)}
    for name, values in extra.items():
        table[name] = table["gene"].map(dict(zip(section.genes, values, strict=True)))
    record = {"correlation_distance": {}, "spatial_overlap": {}}
    parts = []
    for (name, part), calibration in zip(
        table.groupby("method", sort=False), calibrations, strict=True
    ):
        parts.append(_more(section, result, str(name), part, calibration))
        at = section.hidden
        true, found = result.truth[at], result.maps[name][at]
        record["correlation_distance"][name] = scores.correlation_distance(true, found)
        points = section.grid.lattice_xy(*np.divmod(section.pixels[at], section.grid.shape[1]))
        bias, record["spatial_overlap"][name] = scores.structure_scores(true, found, points)
        parts[-1]["moran_bias"] = bias
    pd.concat(parts).to_csv(out.with_suffix(".csv"), index=False, float_format="%.6g")
    _keep_maps(section, result, moran, out)
    record |= {
        "seconds": result.info["seconds_by_method"],
        "peak_memory_mb": result.info["peak_memory_mb"],
        "details": result.info["details"],
        "n_measured": result.info["n_measured"],
        "n_hidden": result.info["n_hidden"],
        "finished": time.strftime("%Y-%m-%d"),
    }
    out.with_suffix(".json").write_text(json.dumps(record))


def _with_deviation(fit):
    """The same fit whose predictor has a deviation, 1 everywhere if it had none.

    So every method learns a median, and medians compare with medians.
    """

    def fit_so(*args):
        predictor = fit(*args)

        def predict(obs, targets):
            found = predictor(obs, targets)
            return found if found.sd is not None else replace(found, sd=np.ones_like(found.mean))

        return predict

    return fit_so


def _keep_calibrations() -> list[Calibration]:
    """Those of the methods to come, in their order."""
    kept, calibrate = [], imputation.calibrate

    def keep(*args) -> Calibration:
        kept.append(calibrate(*args))
        return kept[-1]

    imputation.calibrate = keep
    return kept


def _more(
    section: Section, result: Result, name: str, table: pd.DataFrame, calibration: Calibration
) -> pd.DataFrame:
    """A method's scores with the benchmark's own beside them."""
    at = section.hidden
    true, found, sd = result.truth[at], result.maps[name][at], result.sd[name][at]
    known = known_values(section, observe(section).target_sum)[section.measured]
    constant = np.abs(true - np.median(known, axis=0)).mean(0)
    nowhere = replace(calibration, constant=np.full(len(constant), np.nan))
    mapped = np.abs(true - nowhere.answer(found, sd).median).mean(0)
    table = table.assign(**scores.li_2022(true, found), mae_constant=constant, mae_map=mapped)
    if name == "constant":
        # Its median is the median itself, whatever withheld spots say of its mean.
        table = table.assign(mae_median=constant, median_constant=True)
    return table


def _keep_maps(section: Section, result: Result, moran: np.ndarray, out: Path) -> None:
    order = np.argsort(-moran)
    shown = order[np.linspace(0, min(len(order) - 1, len(order) // 2), PICTURED).astype(int)]
    np.savez_compressed(
        out.with_suffix(".npz"),
        shape=section.grid.shape,
        pixels=section.pixels,
        measured=section.measured,
        kind=section.grid.kind,
        genes=np.asarray(section.genes)[shown].astype(str),
        truth=result.truth[:, shown],
        **{f"map {n}": v[:, shown] for n, v in result.maps.items()},
    )


if __name__ == "__main__":
    main()
