"""What tests of AnnData files share: a look at what was read, and parts put into a file."""

import numpy as np


def notes(section) -> str:
    return " ".join(section.notes)


def same(section, adata, counts=None) -> bool:
    counts = adata.X.toarray() if counts is None else counts
    return (
        section.spot_ids.tolist() == adata.obs_names.tolist()
        and section.genes.tolist() == adata.var_names.tolist()
        and np.array_equal(section.counts.toarray(), counts)
        and np.array_equal(section.xy, adata.obsm["spatial"])
    )


def put(file, place: str, data, **attributes) -> None:
    if place in file:
        del file[place]
    file[place] = data
    file[place].attrs.update(attributes)
