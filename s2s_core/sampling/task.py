"""Task of a design, and the columns and arrays that say where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from s2s_core.data.mask_table import as_bool
from s2s_core.data.section import Section
from s2s_core.errors import S2SError

if TYPE_CHECKING:
    from s2s_core.sampling.pilot import Pilot


@dataclass(frozen=True)
class Task:
    """One design to be made on one section. Arrays are (n,), one entry a tissue position.

    Attributes
    ----------
    section : Section
    argument : str
    rng : numpy Generator
    allowed : bool array
        Spots that may be measured.
    include : bool array
        Spots that are measured whatever the design says; all allowed.
    count : int
        Spots to measure, those to include among them; 0 for designs without a budget.
    density : array or None
        Wanted relative density, 0 where nothing is to be measured.
    region : bool array or None
        Region of interest.
    pilot : Pilot or None
        What is known of the section's patterns, where it was made already.
    """

    section: Section
    argument: str
    rng: np.random.Generator
    allowed: np.ndarray
    include: np.ndarray
    count: int = 0
    density: np.ndarray | None = None
    region: np.ndarray | None = None
    pilot: Pilot | None = None

    @property
    def points(self) -> np.ndarray:
        """(n, 2) lattice coordinates of all positions, in pitches."""
        return self.section.grid.lattice_xy(self.section.row, self.section.col)

    def known_patterns(self) -> Pilot:
        """The pilot; made from the section's measured values where none was given."""
        from s2s_core.sampling.pilot import Pilot

        return Pilot(self.section) if self.pilot is None else self.pilot


def flags(section: Section, given, what: str) -> np.ndarray:
    """(n,) bool from an obs column's name, an (n,) array or an (H, W) image.

    Raises
    ------
    S2SError
        If there is no such column, or the array has another size.
    """
    if isinstance(given, str):
        return as_bool(column(section, given), given)
    return _per_position(section, given, what).astype(bool)


def densities(section: Section, given) -> np.ndarray:
    """(n,) float density from an obs column's name, an (n,) array or an (H, W) image.

    Raises
    ------
    S2SError
        If it is no number, negative, or above zero nowhere on the tissue.
    """
    values = column(section, given).to_numpy() if isinstance(given, str) else given
    values = _per_position(section, values, "density")
    try:
        values = values.astype(float)
    except (TypeError, ValueError):
        raise S2SError("The density must hold numbers; choose a column of numbers.") from None
    values = np.where(np.isnan(values), 0.0, values)
    if not np.isfinite(values).all() or (values < 0).any():
        raise S2SError("The density must be finite and 0 or more at every spot.")
    if not values[section.measured].any():
        raise S2SError(
            "The density is zero at every spot of the tissue (it was painted outside of it); "
            "paint at least part of the tissue."
        )
    return values


def column(section: Section, name: str):
    """Column of the section's table.

    Raises
    ------
    S2SError
        If there is none of that name.
    """
    if name not in section.obs.columns:
        raise S2SError(
            f"There is no obs column {name!r}; the section has "
            f"{', '.join(map(str, section.obs.columns[:8])) or 'none'}."
        )
    return section.obs[name]


def _per_position(section: Section, given, what: str) -> np.ndarray:
    values = np.asarray(given)
    if values.shape == section.grid.shape:
        return values[section.row, section.col]
    if values.shape != (section.n_positions,):
        raise S2SError(
            f"The {what} has shape {values.shape}; give one value for each of the "
            f"{section.n_positions} positions, or an image of {section.grid.shape}."
        )
    return values
