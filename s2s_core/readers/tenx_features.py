"""Features of 10x matrices that are no genes yet: probes to add up, genomes to lay side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.errors import S2SError


def is_probes(features) -> bool:
    """Whether the features of a matrix are the probes of a probe set."""
    return "filtered_probes" in features or "probe_region" in features


def sum_probes(values, features: dict[str, list], name: str):
    """(values, ids, names, kinds, notes) of genes: the sums of their probes.

    Parameters
    ----------
    values : (n, P) csr_matrix
    features : dict of list
        What the file says of each probe; words.
    name : str
        As the user knows the file.

    Raises
    ------
    S2SError
        If it is not said which probe is of which gene.
    """
    parts = [str(i).split("|") for i in features["id"]]
    if "gene_id" not in features and any(len(p) < 3 for p in parts):
        raise S2SError(
            f"{name!r} holds counts of probes and does not say which gene each is of; give "
            "filtered_feature_bc_matrix.h5, where they are added up."
        )
    ids = np.array(features.get("gene_id") or [p[0] for p in parts], object)
    names = np.array(features.get("gene_name") or [p[1] for p in parts], object)
    used = np.ones(len(ids), bool)
    if "filtered_probes" in features:
        used = np.asarray(features["filtered_probes"]).astype(bool)
    if not used.any():
        raise S2SError(
            f"{name!r} holds counts of probes of which none passes Space Ranger's filter; give "
            "filtered_feature_bc_matrix.h5."
        )
    member, genes = pd.factorize(ids[used])
    gather = sparse.csr_matrix(
        (np.ones(len(member), np.float32), (np.nonzero(used)[0], member)),
        shape=(len(ids), len(genes)),
    )
    first = np.nonzero(used)[0][np.unique(member, return_index=True)[1]]
    left = f"; {(~used).sum():,} that Space Ranger filters out were not" if not used.all() else ""
    note = f"{used.sum():,} probes were added up to {len(genes):,} genes{left}."
    kinds = features.get("feature_type")
    kinds = None if kinds is None else [kinds[i] for i in first]
    return (values @ gather).tocsr(), list(genes), list(names[first]), kinds, (note,)


def side_by_side(parts: dict[str, tuple]):
    """(values, barcodes, ids, names, genome of each gene, notes) of matrices of several genomes.

    A barcode that one of them lacks has no reads of that genome.

    Parameters
    ----------
    parts : dict of (values, barcodes, ids, names)
    """
    barcodes = list(dict.fromkeys(b for _, own, _, _ in parts.values() for b in own))
    place = {barcode: i for i, barcode in enumerate(barcodes)}
    blocks, ids, names, genomes = [], [], [], []
    for genome, (values, own, gene_ids, gene_names) in parts.items():
        rows = np.array([place[b] for b in own], int)
        spread = sparse.csr_matrix(
            (np.ones(len(rows), np.float32), (rows, np.arange(len(rows)))),
            shape=(len(barcodes), len(rows)),
        )
        blocks.append(spread @ values)
        ids += gene_ids
        names += gene_names
        genomes += [genome] * len(gene_ids)
    note = (
        f"Genes of {len(parts)} genomes ({', '.join(parts)}) stand side by side; var['genome'] says "
        "which each is of."
    )
    return sparse.hstack(blocks).tocsr(), barcodes, ids, names, genomes, (note,)
