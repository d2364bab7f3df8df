"""The truth of a made Visium section, and what a section read from it must be."""

import numpy as np
import pandas as pd

from tests import made_files as made

COUNTS, PLACES = made.visium_truth()
INSIDE = PLACES["in_tissue"].to_numpy() == 1


def spots(section) -> pd.DataFrame:
    real = section.origin == "spot"
    return pd.DataFrame(
        section.counts.toarray()[real], index=section.spot_ids[real], columns=section.genes
    )


def notes(section) -> str:
    return " ".join(section.notes)


def assert_whole(section) -> None:
    """Every spot in tissue with its counts at its place."""
    found = spots(section)
    truth = PLACES[INSIDE].set_index("barcode")
    assert sorted(found.index) == sorted(truth.index)
    assert np.array_equal(found.loc[truth.index].to_numpy(), COUNTS[INSIDE])
    xy = pd.DataFrame(section.xy[section.origin == "spot"], index=found.index).loc[truth.index]
    assert np.array_equal(xy.to_numpy(), truth[["pxl_col_in_fullres", "pxl_row_in_fullres"]])
    assert section.grid.kind == "hex"


def positions(run, text: str, name: str = "tissue_positions.csv", encoding: str = "utf-8"):
    (run / "outs/spatial/tissue_positions.csv").unlink()
    (run / "outs/spatial" / name).write_bytes(text.encode(encoding))
    return run
