"""Pictures of the benchmark: five genes of a section, from truth to our map."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_pictures(cases: list, stem: Path) -> None:
    """Five genes of each section under lattice:2: truth, measured, linear, kriging, ours."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shown = {c.name: c for c in cases if c.mask == "lattice:2" and c.group.startswith("s2s")}
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
        figure.savefig(
            folder / f"{name.replace(' ', '_')}.png", dpi=80, pil_kwargs={"optimize": True}
        )
        plt.close(figure)
