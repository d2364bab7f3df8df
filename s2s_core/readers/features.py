"""Features of a 10x matrix: genes, probes of genes, genes of several genomes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

GENES = "Gene Expression"


@dataclass(frozen=True)
class Matrix:
    """Counts of genes; other features were left out.

    Attributes
    ----------
    values : (n, G) csr_matrix, float32
    barcodes : Index
    var : DataFrame
        Index: gene names, which may come more than once; ``gene_ids`` their identifiers.
    notes : tuple of str
    about : dict of str
        What the file says of itself: ``library_ids``, ``chemistry_description``, ...
    libraries : tuple of str
        Names of the libraries, where the file names them.
    """

    values: sparse.csr_matrix
    barcodes: pd.Index
    var: pd.DataFrame
    notes: tuple[str, ...]
    about: dict
    libraries: tuple[str, ...] = ()


def genes_of(
    values: sparse.csr_matrix,
    barcodes: pd.Index,
    ids: list[str],
    names: list[str],
    *,
    kinds: list[str] | None = None,
    genomes: list[str] | None = None,
) -> Matrix:
    """The genes among the features of a matrix.

    Parameters
    ----------
    values : (n, F) csr_matrix
    barcodes : Index
    ids, names : list of str
        Identifiers and names of the features.
    kinds, genomes : list of str, optional
        What each feature is, and of which genome.

    Raises
    ------
    ValueError
        If the names do not fit the matrix.
    """
    if (len(barcodes), len(names), len(ids)) != (*values.shape, values.shape[1]):
        raise ValueError("names do not fit the matrix")
    notes: tuple[str, ...] = ()
    var = pd.DataFrame({"gene_ids": ids}, index=pd.Index(names, dtype=object))
    kind = np.asarray([GENES] * len(var) if kinds is None else kinds, object)
    genome = np.asarray([""] * len(var) if genomes is None else genomes, object)
    genes = np.asarray(kind == GENES, bool)
    if not genes.all() and genes.any():
        other = ", ".join(dict.fromkeys(kind[~genes]))
        notes = (f"{(~genes).sum():,} features that are no genes ({other}) were left out.",)
        values, var, genome = values[:, np.nonzero(genes)[0]], var[genes], genome[genes]
    counted = {name: int((genome == name).sum()) for name in dict.fromkeys(genome) if name}
    return Matrix(values, barcodes, var, (*notes, *_of_genomes(counted)), {})


def join_genomes(parts: dict[str, Matrix]) -> Matrix:
    """One matrix of the genes of several genomes; a barcode that one lacks has no reads of it.

    Genes that are called alike in several genomes are told apart by the name of their genome in
    front, as 10x's own references do.
    """
    first = next(iter(parts.values()))
    if len(parts) == 1:
        return first
    barcodes = first.barcodes
    for part in parts.values():
        barcodes = barcodes.append(part.barcodes.difference(barcodes, sort=False))
    names = pd.Index([n for part in parts.values() for n in part.var.index.unique()], dtype=object)
    alike, blocks, tables = not names.is_unique, [], []
    for genome, part in parts.items():
        place = barcodes.get_indexer(part.barcodes)
        spread = sparse.csr_matrix(
            (np.ones(len(place), np.float32), (place, np.arange(len(place)))),
            shape=(len(barcodes), len(place)),
        )
        blocks.append(spread @ part.values)
        tables.append(
            part.var.set_axis([f"{genome}_{n}" for n in part.var.index]) if alike else part.var
        )
    notes = _of_genomes({genome: part.values.shape[1] for genome, part in parts.items()})
    if alike:
        notes += ("Genes of one name in several genomes: the genome stands before their names.",)
    lacking = len(barcodes) - min(len(part.barcodes) for part in parts.values())
    if lacking:
        notes += (
            f"Up to {lacking:,} barcodes are listed for one genome alone: of the others they have "
            "counts of 0.",
        )
    values = sparse.hstack(blocks).tocsr().astype(np.float32)
    said = tuple(note for part in parts.values() for note in part.notes)
    return replace(
        first, values=values, barcodes=barcodes, var=pd.concat(tables), notes=said + notes
    )


def sum_probes(
    matrix: Matrix, gene_ids: list[str], gene_names: list[str], kept: np.ndarray | None
) -> Matrix:
    """Counts of genes from counts of probes, as Space Ranger sums them.

    Parameters
    ----------
    matrix : Matrix
        Its columns are probes.
    gene_ids, gene_names : list of str
        The gene of each probe.
    kept : (P,) bool array or None
        Probes that Space Ranger counts; those it excludes (by the probe set, or for binding to
        DNA) are no part of a gene.
    """
    kept = np.ones(len(gene_ids), bool) if kept is None else np.asarray(kept, bool)
    genes = pd.Index(gene_ids, dtype=object)[kept].unique()
    rows = np.nonzero(kept)[0]
    gather = sparse.csr_matrix(
        (
            np.ones(len(rows), np.float32),
            (rows, genes.get_indexer(np.asarray(gene_ids, object)[kept])),
        ),
        shape=(len(gene_ids), len(genes)),
    )
    name_of = dict(zip(gene_ids, gene_names, strict=True))
    var = pd.DataFrame(
        {"gene_ids": genes.to_numpy()}, index=pd.Index([name_of[g] for g in genes], dtype=object)
    )
    note = (
        f"The matrix counts probes: {len(rows):,} were summed to {len(genes):,} genes"
        + (
            f", {(~kept).sum():,} that Space Ranger does not count were left out"
            if not kept.all()
            else ""
        )
        + "; filtered_feature_bc_matrix.h5 beside it would be read instead."
    )
    return replace(
        matrix, values=(matrix.values @ gather).tocsr(), var=var, notes=(*matrix.notes, note)
    )


def _of_genomes(counted: dict[str, int]) -> tuple[str, ...]:
    if len(counted) < 2:
        return ()
    named = ", ".join(f"{name}: {count:,}" for name, count in counted.items())
    return (f"Genes of {len(counted)} genomes were read ({named}).",)
