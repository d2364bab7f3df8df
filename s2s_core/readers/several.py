"""Several sections in one input: separated by a column, never laid on top of each other."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from s2s_core.errors import S2SError, SeveralSections

# Columns that name sections, lower case, and those whose values may just be parts of one.
SECTIONS = re.compile(
    r"(library|sample|section|slide|slice|puck|batch|capture_area|array|specimen|block|replicate"
    r"|donor|patient|subject|animal|mouse|dataset)([_. ]?(id|name|nr|no|number|label))?"
    r"|orig\.ident|bregma|z|z_?(level|index|plane|position|section)|section_?z|brain_section_label",
    re.IGNORECASE,
)
PARTS = re.compile(r"fov([_. ]?(id|name))?|field(_of_view)?|tile|region_?id", re.IGNORECASE)
# What barcodes of joined libraries differ by: -1, -2 of Space Ranger, -0, _1, .1 of joining.
SUFFIX = re.compile(r"[ACGTN]{8,}(-\d+)?([-_.][A-Za-z0-9]+)?")
BY_BARCODE = "barcode_suffix"
# So many spots of one name, on average, are a section; values of more names are measurements.
LEAST_SPOTS, MOST_NAMES = 10, 1000
NEIGHBOURS = 6
LOOKED_AT = 20_000
# Share of a group's neighbours that are of other groups, of what mixing at random would give:
# beyond it groups lie on top of each other. Sections side by side stay below a tenth.
MIXED = 0.4
# Groups that lie so must hold this share of the spots.
CONCERNED = 0.1
# Points may coincide by chance or by rounding; so many of them do not.
COINCIDE = 0.2
ALL = "all"


def choose(obs: pd.DataFrame, where: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """(n,) bool rows of the wanted section, and a sentence where one was wanted.

    Parameters
    ----------
    obs : DataFrame
    where : str or None
        ``COLUMN=VALUE``; None or ``all`` keeps every row.

    Raises
    ------
    S2SError
        If there is no such column or value.
    """
    everything = np.ones(len(obs), bool)
    if where is None or where == ALL:
        return everything, ()
    name, _, value = (part.strip() for part in where.partition("="))
    if not value:
        raise S2SError(f"where must be COLUMN=VALUE, or {ALL}; found {where!r}.")
    labels = labels_of(obs, name)
    if labels is None:
        raise S2SError(
            f"There is no column {name!r} to choose a section by; the file has "
            f"{', '.join(map(str, obs.columns[:8])) or 'no such columns'}."
        )
    rows = (labels == _label(value)).to_numpy()
    if not rows.any():
        raise S2SError(
            f"No spot has {value!r} in the column {name!r}; it holds {_listed(_counts(labels))}."
        )
    note = f"Of {len(obs):,} spots the {rows.sum():,} with {name}={value} were read."
    return rows, (note,)


def labels_of(obs: pd.DataFrame, name: str) -> pd.Series | None:
    """Labels of the rows in a column (whatever its case), or by the endings of barcodes."""
    column = next((c for c in obs.columns if str(c) == name), None)
    if column is None:
        column = next((c for c in obs.columns if str(c).lower() == name.lower()), None)
    if column is not None:
        # Every value once: tables of cells have millions of rows.
        codes, values = pd.factorize(obs[column])
        labels = np.array([*map(_label, values), np.nan], object)
        return pd.Series(labels[codes], index=obs.index)
    return _by_barcode(obs.index) if name == BY_BARCODE else None


def check(
    obs: pd.DataFrame,
    places: np.ndarray | None,
    *,
    where: str | None = None,
    libraries: tuple[str, ...] = (),
    more_xy: dict[str, np.ndarray] | None = None,
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Refuse sections that lie on top of each other; say so where they lie side by side.

    Parameters
    ----------
    obs : DataFrame
    places : (n, 2) array or None
        Coordinates, or lattice positions.
    where : str, optional
        What the user chose; ``all`` lays everything together.
    libraries : tuple of str
        Names under which the file keeps images.
    more_xy : dict of (n, 2) array, optional
        Other coordinates of the file, by name: those in which parts lie side by side are taken.

    Returns
    -------
    (places, notes)
        The coordinates to use.

    Raises
    ------
    SeveralSections
        Names the column and the sections.
    S2SError
        Where spots coincide and nothing says why.
    """
    if where == ALL or places is None or len(obs) < 2 * LEAST_SPOTS:
        return places, ()
    known = np.isfinite(places).all(1)
    notes: tuple[str, ...] = ()
    for column, strong, labels in _candidates(obs, libraries):
        counts = _counts(labels)
        if not on_top(places[known], labels.to_numpy()[known]):
            if strong:
                notes += (
                    f"The column {column!r} names {len(counts)} sections side by side "
                    f"({_listed(counts)}); they are one map here: where={column}="
                    f"{next(iter(counts))} (--where) reads one.",
                )
            continue
        other = _apart(more_xy or {}, labels.to_numpy(), len(obs))
        if other is not None:
            name, xy = other
            return xy, (
                *notes,
                (
                    f"obsm['spatial'] lays the {len(counts)} groups of the column {column!r} on top of "
                    f"each other, so the coordinates were taken from obsm[{name!r}], where they lie side "
                    "by side."
                ),
            )
        first = next(iter(counts))
        raise SeveralSections(
            f"The input holds {len(counts)} sections on top of each other, told apart by the column "
            f"{column!r} ({_listed(counts)}); choose one: in the list on the Data page, with --where "
            f"{column}={first}, or in Python where={f'{column}={first}'!r} ({ALL!r} if they are one "
            "section).",
            column,
            counts,
        )
    _check_coincidence(obs, places[known], libraries)
    return places, notes


def _candidates(obs: pd.DataFrame, libraries: tuple[str, ...]) -> list[tuple[str, bool, pd.Series]]:
    """(column, whether it names sections, labels) of what may tell sections apart.

    Columns that hold the names of the images come first, then those named as sections are, then
    those of parts of one, then the endings of barcodes.
    """
    most = min(MOST_NAMES, len(obs) // LEAST_SPOTS)
    ranked: list[tuple[int, str, pd.Series]] = []
    for column in map(str, obs.columns):
        rank = 1 if SECTIONS.fullmatch(column) else 2 if PARTS.fullmatch(column) else 3
        if rank == 3 and len(libraries) < 2:
            continue
        labels = labels_of(obs, column)
        if labels is None:
            continue
        names = set(labels.dropna())
        if len(libraries) > 1 and names <= set(libraries):
            rank = 0
        if rank < 3 and 2 <= len(names) <= most:
            ranked.append((rank, column, labels))
    ranked.sort(key=lambda found: found[0])
    found = [(column, rank < 2, labels) for rank, column, labels in ranked]
    endings = _by_barcode(obs.index)
    if endings is not None and 2 <= endings.nunique() <= most:
        found.append((BY_BARCODE, False, endings))
    return found


def on_top(places: np.ndarray, labels: np.ndarray) -> bool:
    """Whether groups of spots lie on top of each other: neighbours are mostly of other groups."""
    rows = np.unique(np.linspace(0, len(places) - 1, min(len(places), LOOKED_AT)).astype(int))
    count = min(NEIGHBOURS, len(places) - 1)
    # Spots of one place are neighbours of each other in any order: look a little further.
    near = cKDTree(places).query(places[rows], k=count + 1)[1]
    other = np.where(near == rows[:, None], np.nan, labels[near] != labels[rows, None])
    foreign = pd.Series(np.nanmean(other.astype(float), 1)).groupby(pd.factorize(labels[rows])[0])
    share = foreign.size() / len(rows)
    mixed = foreign.mean() / np.maximum(1 - share, 1e-12) > MIXED
    return float(share[mixed].sum()) >= CONCERNED


def _apart(more_xy: dict[str, np.ndarray], labels: np.ndarray, n: int):
    """The first other coordinates in which the groups lie side by side."""
    for name, xy in more_xy.items():
        xy = np.asarray(xy, float)[:, :2]
        if len(xy) == n and np.isfinite(xy).all() and not on_top(xy, labels):
            return name, xy
    return None


def _check_coincidence(obs: pd.DataFrame, places: np.ndarray, libraries: tuple[str, ...]) -> None:
    twice = pd.DataFrame(places).duplicated(keep=False).to_numpy()
    if twice.mean() <= COINCIDE:
        return
    first = np.nonzero(twice)[0][0]
    second = next(i for i in np.nonzero(twice)[0][1:] if (places[i] == places[first]).all())
    named = (
        f" (the file names the libraries {', '.join(libraries[:3])})" if len(libraries) > 1 else ""
    )
    raise S2SError(
        f"{twice.mean():.0%} of the spots share their place with another (such as "
        f"{obs.index[first]!r} and {obs.index[second]!r}): several sections seem to lie on top of "
        f"each other{named} and no column tells them apart; give one section, or add a column "
        "'section' that names them."
    )


def _by_barcode(index: pd.Index) -> pd.Series | None:
    """Endings of barcodes; None where names are no barcodes."""
    found = [m for i in index if (m := SUFFIX.fullmatch(str(i))) is not None]
    if len(found) < len(index):
        return None
    ends = [(m[2] or m[1] or "").lstrip("-_.") for m in found]
    return pd.Series(ends, index=index, dtype=object)


def _label(value) -> str | float:
    """A value as its label: whole numbers without a point, missing ones missing."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return np.nan
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return text
    whole = number.is_integer() and abs(number) < 1e15 and not text.startswith("0")
    return str(int(number)) if whole or number == 0 else text


def _counts(labels: pd.Series) -> dict[str, int]:
    """Spots of every label, in the labels' own order."""
    counts = labels.value_counts()

    def order(label: str) -> tuple[bool, float, str]:
        try:
            return False, float(label), label
        except ValueError:
            return True, 0.0, label

    return {str(label): int(counts[label]) for label in sorted(counts.index, key=order)}


def _listed(counts: dict[str, int]) -> str:
    named = [f"{label}: {n:,} spots" for label, n in list(counts.items())[:4]]
    more = len(counts) - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
