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

from s2s_core import read, sample  # noqa: E402
from s2s_core.assessment.metrics import pearson  # noqa: E402
from s2s_core.config import preset  # noqa: E402
from s2s_core.data.observation import known_values, log_normalise, observe  # noqa: E402
from s2s_core.data.section import Section  # noqa: E402
from s2s_core.data.structure import gene_structure  # noqa: E402
from s2s_core.imputation import run  # noqa: E402

PICTURED = 5


def noise_ceiling(section: Section, target_sum: float | None, seed: int) -> np.ndarray:
    """PCC (G,) at hidden spots between binomially thinned halves of the counts."""
    counts = section.counts[section.hidden].toarray()
    if section.is_log or (counts != np.round(counts)).any():
        return np.full(counts.shape[1], np.nan)
    rng = np.random.default_rng(seed)
    half = rng.binomial(counts.astype(int), 0.5)
    totals = section.spot_totals[section.hidden]
    from scipy import sparse

    parts = [
        log_normalise(sparse.csr_matrix(part.astype(float)), target_sum, totals / 2)
        for part in (half, counts - half)
    ]
    return pearson(*parts)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", type=Path)
    parser.add_argument("mask")
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("methods")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--set", default="{}", help="JSON of changes to the configuration")
    args = parser.parse_args()
    names = args.methods.split(",")
    if "stark" in names:
        import stark_method  # noqa: F401  registers itself
    section = sample(read(args.section), args.mask, args.seed)
    changes = json.loads(args.set)
    config = preset(args.preset, method=names[0], compare=tuple(names[1:]), seed=args.seed)
    for part in ("train", "model"):
        config = replace(config, **{part: replace(getattr(config, part), **changes.pop(part, {}))})
    config = replace(config, **changes)
    result = run(section, config)
    target = observe(section).target_sum
    truth = known_values(section, target)
    moran = gene_structure(section.everything_known())["moran"].to_numpy()
    table = result.metrics
    extra = {"moran": moran, "ceiling": noise_ceiling(section, target, args.seed)}
    # The correlation structure of the panel at hidden spots: root mean square distance.
    at = section.hidden
    true = np.nan_to_num(np.corrcoef(truth[at].T))
    apart = {
        name: float(np.sqrt(((np.nan_to_num(np.corrcoef(values[at].T)) - true) ** 2).mean()))
        for name, values in result.maps.items()
    }
    for name, values in extra.items():
        table[name] = table["gene"].map(dict(zip(section.genes, values, strict=True)))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(args.out.with_suffix(".csv"), index=False, float_format="%.6g")
    order = np.argsort(-moran)
    shown = order[np.linspace(0, min(len(order) - 1, len(order) // 2), PICTURED).astype(int)]
    np.savez_compressed(
        args.out.with_suffix(".npz"),
        shape=section.grid.shape,
        pixels=section.pixels,
        measured=section.measured,
        kind=section.grid.kind,
        genes=np.asarray(section.genes)[shown].astype(str),
        truth=truth[:, shown],
        **{f"map {n}": v[:, shown] for n, v in result.maps.items()},
    )
    keep = {
        "seconds": result.info["seconds_by_method"],
        "peak_memory_mb": result.info["peak_memory_mb"],
        "details": result.info["details"],
        "n_measured": result.info["n_measured"],
        "correlation_distance": apart,
        "finished": time.strftime("%Y-%m-%d"),
    }
    args.out.with_suffix(".json").write_text(json.dumps(keep))


if __name__ == "__main__":
    main()
