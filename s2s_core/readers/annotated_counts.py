"""Counts of an AnnData: the matrix that holds them among X, the layers and raw."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.value_scale import detect_scale
from s2s_core.errors import S2SError
from s2s_core.readers.annotated_parts import Group, frame, matrix, shape_of
from s2s_core.readers.preflight import check_values

COUNT_LAYERS = (
    "counts",
    "raw_counts",
    "raw",
    "count",
    "counts_raw",
    "raw_count",
    "umi_counts",
    "umi",
    "umis",
)
# Only where there is no X: what R's objects call their log-normalised values.
LOG_LAYERS = ("logcounts", "lognorm", "log1p", "log_normalized", "normalized", "data")
RAW = ("raw/X", "raw.X")
STRAY = (
    "The file says its values are log-normalised (uns['log1p']), but they are whole numbers: they "
    "were taken as counts; scale log takes them as the file says."
)


@dataclass(frozen=True)
class Counts:
    """A matrix, its genes, and why it was taken.

    Attributes
    ----------
    values : (n, G) csr_matrix
    var : DataFrame
    is_log : bool or None
        False: counts, whatever else the file says; None: not yet known.
    notes : tuple of str
    """

    values: sparse.csr_matrix
    var: pd.DataFrame
    is_log: bool | None
    notes: tuple[str, ...] = ()


def is_layer(name: str, *, has_x: bool) -> bool:
    """Whether a layer is named like counts, or like what stands in for X where there is none."""
    return name.lower() in (COUNT_LAYERS if has_x else (*COUNT_LAYERS, *LOG_LAYERS))


def choose(
    file: Group,
    obs: pd.DataFrame,
    var: pd.DataFrame,
    seen: np.ndarray,
    scale: str,
    *,
    log: bool,
    name: str,
) -> Counts:
    """Choose the counts.

    Parameters
    ----------
    file : h5py.Group or zarr.Group
    obs, var : DataFrame
    seen : (n,) bool array
        Spots that were measured: only their values tell what a matrix holds.
    scale : {"auto", "counts", "log"}
        What the user says of X.
    log : bool
        The file says that X is log-normalised.
    name : str
        As the user knows the file.

    Raises
    ------
    S2SError
        If there is no matrix.
    """
    x = None
    if "X" in file and shape_of(file["X"]) is not None:
        x = Counts(_checked(file["X"], "X", obs, var, name), var, None)
        whole = _is_whole(x.values[seen])
        if scale == "log" or whole or not (log or _is_processed(x.values[seen])):
            return (
                replace(x, is_log=False, notes=(STRAY,)) if log and whole and scale == "auto" else x
            )
    why = "there is no X" if x is None else "X is normalised already"
    for layer in _layers(file, COUNT_LAYERS):
        values = _checked(file["layers"][layer], f"layers[{layer!r}]", obs, var, name)
        # A name is no proof: some keep normalised values in a layer called counts.
        if not _is_processed(values[seen]):
            note = f"The counts were taken from layers[{layer!r}], because {why}."
            return Counts(values, var, is_log=False, notes=(note,))
    raw = _raw(file, obs, name)
    # raw often holds log-normalised values of all genes: then it is no better than X.
    if raw is not None and not _is_processed(raw.values[seen]):
        note = f"The counts were taken from raw ({raw.values.shape[1]:,} genes), because {why}."
        return replace(raw, is_log=False, notes=(*raw.notes, note))
    if x is None:
        return _without_x(file, obs, var, raw, name)
    if raw is not None and _is_scaled(x.values[seen]) and not _is_scaled(raw.values[seen]):
        note = f"Values were taken from raw ({raw.values.shape[1]:,} genes), because X is scaled."
        return replace(raw, notes=(*raw.notes, note))
    return x


def _layers(file: Group, wanted: tuple[str, ...]) -> list[str]:
    """Layers of these names, in whatever letters, in the order wanted."""
    by_name = {str(key).lower(): key for key in reversed(list(file.get("layers", ())))}
    return [by_name[key] for key in wanted if key in by_name]


def _without_x(file: Group, obs: pd.DataFrame, var: pd.DataFrame, raw: Counts | None, name: str):
    """Log-normalised values, where there is neither X nor counts."""
    for layer in _layers(file, (*LOG_LAYERS, *COUNT_LAYERS)):
        values = _checked(file["layers"][layer], f"layers[{layer!r}]", obs, var, name)
        note = f"Values were taken from layers[{layer!r}], because there is no X and no counts."
        return Counts(values, var, None, (note,))
    if raw is None:
        raise S2SError(
            f"{name!r} has no counts: X is empty and there is no layers['counts'] and no raw."
        )
    note = f"Values were taken from raw ({raw.values.shape[1]:,} genes), because there is no X."
    return replace(raw, notes=(*raw.notes, note))


def _raw(file: Group, obs: pd.DataFrame, name: str) -> Counts | None:
    key = next((key for key in RAW if key in file), None)
    if key is None or key[:-1] + "var" not in file:
        return None
    var, notes = frame(file[key[:-1] + "var"], key[:-1] + "var", name)
    check_values(len(obs), len(var), name)
    return Counts(_checked(file[key], key, obs, var, name), var, None, notes)


def _checked(item, where: str, obs: pd.DataFrame, var: pd.DataFrame, name: str):
    found, wanted = shape_of(item), (len(obs), len(var))
    if found is not None and len(found) == 2 and tuple(found) != wanted:
        raise S2SError(
            f"In {name!r} {where} is {found[0]} x {found[1]} but obs and var name {wanted[0]} spots "
            f"and {wanted[1]} genes; export the file again."
        )
    return matrix(item, *wanted)


def _is_scaled(values: sparse.csr_matrix) -> bool:
    return bool((values.data < 0).any())


def _is_whole(values: sparse.csr_matrix) -> bool:
    """Whether values are counts: whole numbers, none negative."""
    return not _is_scaled(values) and np.array_equal(values.data, np.rint(values.data))


def _is_processed(values: sparse.csr_matrix) -> bool:
    """Whether values are log-normalised, or scaled (some are negative)."""
    usable = values.data[np.isfinite(values.data)]
    return _is_scaled(values) or detect_scale(sparse.csr_matrix(usable[None, :]), "auto", {}).is_log
