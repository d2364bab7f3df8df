"""The two leads of the prior on the same new photographs: from kriging, from raw samples.

python benchmarks/priors.py FOLDER [--match bsd68]

Squared error at unmeasured pixels relative to that of kriging (averaged over variograms), of the
network that corrects kriging (assets/prior.safetensors) and of the network that starts from
Gaussian averages of the raw samples (benchmarks/prior-smooth.safetensors).
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from s2s_core.config import COMPACT  # noqa: E402
from s2s_core.network.cdcin import CDCIN  # noqa: E402
from s2s_core.network.natural_images import load_photographs  # noqa: E402
from s2s_core.network.pretrained import WEIGHTS  # noqa: E402
from s2s_core.network.pretrained.examples import draw_example  # noqa: E402
from s2s_core.network.programme_source import correct  # noqa: E402

HERE = Path(__file__).parent
TISSUES = 16


def relative_errors(network: CDCIN, photographs, *, kriging: bool) -> np.ndarray:
    """Squared error of every image relative to kriging's on the same samples."""
    ratios = []
    for seed in range(TISSUES):
        # The same random numbers make the same samples for both.
        base = draw_example(photographs, np.random.default_rng([9, seed]), kriging=True)
        mine = (
            base
            if kriging
            else draw_example(photographs, np.random.default_rng([9, seed]), kriging=False)
        )
        out = correct(network, mine.estimate, mine.tissue, torch.device("cpu"), augmented=False)
        at = base.tissue & ~base.estimate.mask
        error = ((out - base.truth) ** 2)[:, at].mean(1)
        ratios.append(error / ((base.estimate.mean - base.truth) ** 2)[:, at].mean(1))
    return np.concatenate(ratios)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--match", default="bsd68")
    args = parser.parse_args()
    photographs = load_photographs(str(args.folder), args.match)
    found = {}
    for name, path, kriging in (
        ("from kriging", WEIGHTS, True),
        ("from raw samples", HERE / "prior-smooth.safetensors", False),
    ):
        network = CDCIN(COMPACT)
        network.load_state_dict(load_file(path))
        found[name] = relative_errors(
            network.to(memory_format=torch.channels_last), photographs, kriging=kriging
        )
    better = float((found["from kriging"] < found["from raw samples"]).mean())
    lines = [
        "# Two leads of the prior",
        "",
        f"`python benchmarks/priors.py FOLDER --match {args.match}`, {datetime.date.today():%Y-%m-%d}. "
        f"Squared error at unmeasured pixels relative to kriging averaged over variograms; "
        f"{len(found['from kriging'])} images of {args.match} photographs in {TISSUES} tissues.",
        "",
        "| network | mean | median | below kriging on |",
        "|---|---|---|---|",
        *(
            f"| {n} | {r.mean():.3f} | {np.median(r):.3f} | {(r < 1).mean():.0%} |"
            for n, r in found.items()
        ),
        "",
        f"The first is better on {better:.0%} of the images.",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    (HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-priors.md").write_text(text)


if __name__ == "__main__":
    main()
