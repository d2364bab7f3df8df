"""Sparser2Sparse: dense maps from sparsely measured spatial transcriptomics sections.

>>> import s2s_core as s2s
>>> section = s2s.read("section.h5ad")  # doctest: +SKIP
>>> section = s2s.sample(section, "lattice:2")  # doctest: +SKIP
>>> result = s2s.impute(section, preset="fast")  # doctest: +SKIP
>>> result.to_anndata(), result.metrics  # doctest: +SKIP
"""

from s2s_core._version import __version__
from s2s_core.api import evaluate, impute
from s2s_core.data.added_positions import densify
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.geostat.draws import draw_maps
from s2s_core.readers import read
from s2s_core.sampling.apply import sample

__all__ = [
    "S2SError",
    "Section",
    "__version__",
    "densify",
    "draw_maps",
    "evaluate",
    "impute",
    "read",
    "sample",
]
