"""Sampling designs M_h: which tissue positions are measured, on any lattice, seeded.

A design is one function of the grid's pixels and a line of the registry; the command line,
the app and the tests find it there. Its text form is ``name`` or ``name:argument``, e.g.
``lattice:2``, ``lattice:3@1,0`` (phase), ``random:0.25``, ``stripes:3``, ``poisson:0.25``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from s2s_core.assemble import densify
from s2s_core.errors import S2SError
from s2s_core.section import Section


@dataclass(frozen=True)
class Design:
    """One sampling design of the registry."""

    name: str
    label: str
    argument: str
    default: str
    example: str
    make: Callable[[Section, str, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Decimation:
    """A lattice mask: pixels [phase_row::stride, phase_col::stride] are measured."""

    stride: int
    phase: tuple[int, int] = (0, 0)


def sample(section: Section, spec: str, seed: int = 0) -> Section:
    """Apply a sampling design; positions it leaves out become hidden truth.

    Parameters
    ----------
    section : Section
    spec : str
        ``lattice:S[@row,col]``, ``checkerboard[:0|1]``, ``random:fraction``, ``stripes:period``,
        ``poisson:fraction``, ``obs:COLUMN``, ``csv:FILE`` or ``densify:S``.
    seed : int
        Seed of the random designs.

    Raises
    ------
    S2SError
        If the design is unknown, its argument is wrong, or it measures nothing or everything.
    """
    name, _, argument = spec.partition(":")
    if name == "densify":
        return densify(section, _integer(argument or "2", "densify factor", 2, 8))
    if name not in DESIGNS:
        raise S2SError(
            f"Unknown sampling design {spec!r}; choose one of "
            f"{', '.join(d.example for d in DESIGNS.values())}."
        )
    design = DESIGNS[name]
    mask = design.make(section, argument or design.default, np.random.default_rng(seed))
    out = section.with_measured(mask & section.measured, spec)
    if not out.hidden.any() and not (~section.known).any():
        raise S2SError(
            f"The mask {spec!r} measures every spot, so nothing is hidden to impute; choose a "
            "sparser design."
        )
    return out


def decimation(spec: str) -> Decimation | None:
    """Stride and phase of a lattice design (or of a densified square lattice), else None."""
    name, _, argument = spec.partition(":")
    if name != "lattice":
        return None
    stride, _, phase = argument.partition("@")
    stride = _integer(stride or "2", "stride", 2, 64)
    row, col = _phase(phase, stride)
    return Decimation(stride, (row, col))


def _lattice(section: Section, argument: str, rng: np.random.Generator) -> np.ndarray:
    lattice = decimation(f"lattice:{argument}")
    return (section.row % lattice.stride == lattice.phase[0]) & (
        section.col % lattice.stride == lattice.phase[1]
    )


def _checkerboard(section: Section, argument: str, rng: np.random.Generator) -> np.ndarray:
    phase = _integer(argument, "checkerboard phase", 0, 1)
    return (section.row + section.col) % 2 == phase


def _random(section: Section, argument: str, rng: np.random.Generator) -> np.ndarray:
    candidates = np.nonzero(section.measured)[0]
    count = round(_fraction(argument) * len(candidates))
    mask = np.zeros(section.n_positions, bool)
    mask[rng.permutation(candidates)[:count]] = True
    return mask


def _stripes(section: Section, argument: str, rng: np.random.Generator) -> np.ndarray:
    period, _, phase = argument.partition("@")
    period = _integer(period, "stripe period", 2, 64)
    return section.row % period == (_integer(phase, "stripe phase", 0, period - 1) if phase else 0)


def _poisson(section: Section, argument: str, rng: np.random.Generator) -> np.ndarray:
    """Blue-noise sample with an exact count: Poisson disc on the spots themselves.

    Spots are visited in random order and taken when no taken spot is within a radius; the
    radius is the largest that still gives the wanted number, and surplus spots are dropped
    from the most crowded ones.
    """
    where = np.nonzero(section.measured)[0]
    points = section.grid.lattice_xy(section.row[where], section.col[where])
    count = round(_fraction(argument) * len(where))
    mask = np.zeros(section.n_positions, bool)
    if count == 0:
        return mask
    order = rng.permutation(len(points))
    chosen, smallest = order, 0.0
    largest = 4.0 * np.sqrt(len(points) / count)
    while largest - smallest > 0.05:
        radius = (smallest + largest) / 2
        trial = _throw_darts(points, order, radius)
        if len(trial) >= count:
            smallest, chosen = radius, trial
        else:
            largest = radius
    while len(chosen) > count:
        gap = cKDTree(points[chosen]).query(points[chosen], k=2)[0][:, 1]
        surplus = min(len(chosen) - count, max(1, len(chosen) // 50))
        crowded = np.lexsort((rng.random(len(chosen)), gap))
        chosen = np.delete(chosen, crowded[:surplus])
    mask[where[chosen]] = True
    return mask


def _throw_darts(points: np.ndarray, order: np.ndarray, radius: float) -> np.ndarray:
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.searchsorted(both[:, 0], np.arange(len(points) + 1))
    free = np.ones(len(points), bool)
    taken = []
    for i in order:
        if free[i]:
            taken.append(i)
            free[both[start[i] : start[i + 1], 1]] = False
    return np.array(taken)


def _obs_column(section: Section, argument: str, rng: np.random.Generator) -> np.ndarray:
    if argument not in section.obs.columns:
        raise S2SError(
            f"There is no obs column {argument!r}; the section has "
            f"{', '.join(map(str, section.obs.columns[:8])) or 'none'}."
        )
    return as_bool(section.obs[argument], argument)


def _csv(section: Section, argument: str, rng: np.random.Generator) -> np.ndarray:
    path = Path(argument)
    if not path.is_file():
        raise S2SError(f"The mask file {argument!r} does not exist.")
    return mask_from_table(read_mask_table(path), section)


def read_mask_table(source) -> pd.DataFrame:
    """Read a CSV of spot ids from a path or an open file.

    Raises
    ------
    S2SError
        If it is no CSV.
    """
    try:
        return pd.read_csv(source, dtype=str)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise S2SError("The mask file is no CSV; give one with a column spot_id.") from None


def mask_from_table(table: pd.DataFrame, section: Section) -> np.ndarray:
    """Mask (n,) from a table of spot ids: column ``spot_id`` or the first, optional ``measured``.

    Raises
    ------
    S2SError
        If ids are not of the section.
    """
    if table.shape[1] == 0 or len(table) == 0:
        raise S2SError("The mask table is empty; it needs a column of spot ids.")
    ids = table["spot_id"] if "spot_id" in table else table.iloc[:, 0]
    if "measured" in table:
        ids = ids[as_bool(table["measured"], "measured")]
    index = section.spot_ids.get_indexer(ids)
    if (index < 0).any():
        first = ids.to_numpy()[index < 0][0]
        raise S2SError(
            f"{int((index < 0).sum())} ids of the mask are no spots of this section (for example "
            f"{first!r}); export the mask from the same section."
        )
    mask = np.zeros(section.n_positions, bool)
    mask[index] = True
    return mask


def mask_table(section: Section) -> pd.DataFrame:
    """Table of the mask for the laboratory: id, array position, x, y, measured."""
    array_row, array_col = section.array_index
    return pd.DataFrame(
        {
            "spot_id": section.spot_ids,
            "array_row": array_row,
            "array_col": array_col,
            "x": section.xy[:, 0],
            "y": section.xy[:, 1],
            "measured": section.measured,
        }
    )


def as_bool(column: pd.Series, name: str) -> np.ndarray:
    """Read a yes/no column; missing values are no.

    Raises
    ------
    S2SError
        If it holds anything but yes and no.
    """
    words = {"true": True, "1": True, "1.0": True, "yes": True, "false": False, "0": False,
             "0.0": False, "no": False, "nan": False, "": False, "none": False, "<na>": False}  # fmt: skip
    text = column.astype(str).str.strip().str.lower()
    unknown = ~text.isin(words)
    if unknown.any():
        raise S2SError(
            f"The column {name!r} must hold True or False; found {column[unknown].iloc[0]!r}."
        )
    return text.map(words).to_numpy(bool)


def _integer(text: str, what: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise S2SError(f"The {what} must be a whole number, found {text!r}.") from None
    if not low <= value <= high:
        raise S2SError(f"The {what} must be between {low} and {high}, found {value}.")
    return value


def _fraction(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise S2SError(f"The fraction must be a number, found {text!r}.") from None
    if not 0 < value < 1:
        raise S2SError(
            f"The fraction of measured spots must be above 0 and below 1, found {value:g}."
        )
    return value


def _phase(text: str, stride: int) -> tuple[int, int]:
    if not text:
        return 0, 0
    row, _, col = text.partition(",")
    return (
        _integer(row, "row phase", 0, stride - 1),
        _integer(col or "0", "column phase", 0, stride - 1),
    )


DESIGNS = {
    design.name: design
    for design in (
        Design("lattice", "Lattice (every S-th row and column)", "stride S", "2", "lattice:2", _lattice),
        Design("checkerboard", "Checkerboard", "phase 0 or 1", "0", "checkerboard", _checkerboard),
        Design("random", "Random", "fraction measured", "0.25", "random:0.25", _random),
        Design("stripes", "Stripes (every S-th row)", "period S", "2", "stripes:2", _stripes),
        Design("poisson", "Poisson disc (random, evenly spread)", "fraction measured", "0.25", "poisson:0.25", _poisson),
        Design("obs", "A column of the table", "column name", "measured", "obs:COLUMN", _obs_column),
        Design("csv", "A CSV of spot ids", "file", "", "csv:FILE", _csv),
    )
}  # fmt: skip
