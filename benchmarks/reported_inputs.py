"""Inputs that went wrong, read again: right, refused with the way out, or wrong without a word.

python benchmarks/reported_inputs.py [FOLDER]

FOLDER (default: ``reported`` in the data folder, S2S_DATA) holds one input a folder; where an
``expected.npz`` lies beside it, ids, genes, counts and coordinates are compared with it. Where
there is none the sentence or the notes are shown, to be judged by a reader. Writes a dated table.
"""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from s2s_core import read  # noqa: E402
from s2s_core.errors import S2SError, SeveralSections  # noqa: E402

HERE = Path(__file__).parent
DATA = Path(os.environ.get("S2S_DATA", HERE.parent.parent / "shared" / "data"))
EXPECTED = "expected.npz"


def inputs(folder: Path) -> list[Path]:
    """What a user would hand in: everything of a folder but the answer."""
    return sorted(path for path in folder.iterdir() if path.name != EXPECTED)


def compare(section, expected) -> list[str]:
    """What differs from the answer, in words; nothing where all is right."""
    real = section.written_order[: int((section.origin == "spot").sum())]
    ids, genes = expected["ids"].astype(str), expected["genes"].astype(str)
    wrong = []
    found = {str(i): k for k, i in zip(real, section.spot_ids[real], strict=True)}
    shared = [i for i in ids if i in found]
    # Spots in tissue without a read are no part of the answers: they must be zeros.
    more = [found[i] for i in set(found) - set(ids)]
    if len(shared) < len(ids) or section.counts[more].nnz:
        wrong.append(f"{len(shared)} of {len(ids)} ids, {len(found)} found")
    if set(section.genes) != set(genes):
        wrong.append(
            f"{len(set(section.genes) & set(genes))} of {len(genes)} genes, {len(section.genes)} found"
        )
    if shared and not wrong:
        rows = [found[i] for i in shared]
        at = [list(ids).index(i) for i in shared]
        counts = section.counts[rows][:, section.genes.get_indexer(genes)].toarray()
        if not np.allclose(counts, expected["X"][at], rtol=1e-3):
            wrong.append("counts differ")
        xy = section.xy[rows]
        true = expected["xy"][at]
        # A tool may write image rows as x, or turn the y axis round.
        alike = any(
            np.allclose(np.abs(xy), np.abs(way), rtol=1e-6) for way in (true, true[:, ::-1])
        )
        if not alike:
            wrong.append("coordinates differ")
    return wrong


def judge(folder: Path) -> dict:
    """One line of the table."""
    paths = inputs(folder)
    expected = folder / EXPECTED
    row = {"input": folder.name, "answer": "compared" if expected.exists() else "shown"}
    try:
        section = read(paths[0] if len(paths) == 1 else paths)
    except SeveralSections as error:
        return row | {"result": "refused, offers a choice", "words": str(error)}
    except S2SError as error:
        return row | {"result": "refused", "words": str(error)}
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        return row | {"result": "CRASH", "words": repr(error)[:200]}
    wrong = compare(section, np.load(expected)) if expected.exists() else []
    what = f"{section.grid.kind}, {section.n_known} spots, {len(section.genes)} genes"
    words = "; ".join(wrong) if wrong else " ".join(section.notes)
    return row | {"result": f"WRONG ({what})" if wrong else f"read ({what})", "words": words}


def main() -> int:
    """Entry point."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "reported"
    if not folder.is_dir():
        print(f"There is no folder {folder}; set S2S_DATA, or name one.")
        return 2
    table = pd.DataFrame([judge(f) for f in sorted(folder.iterdir()) if f.is_dir()])
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-reported-inputs"
    bad = table["result"].str.startswith(("WRONG", "CRASH"))
    lines = [
        "# Inputs that went wrong before",
        "",
        f"`python benchmarks/reported_inputs.py`, {datetime.date.today():%Y-%m-%d}. {len(table)} inputs: "
        f"{table['result'].str.startswith('read').sum()} read, {table['result'].str.startswith('refused').sum()} "
        f"refused with the way out, {bad.sum()} wrong. *compared*: ids, genes, counts and coordinates "
        "equal the answer kept beside the input.",
        "",
        "| input | answer | result | notes, or the sentence |",
        "|---|---|---|---|",
        *(
            f"| {r.input} | {r.answer} | {r.result} | {str(r.words).replace('|', '/')} |"
            for r in table.itertuples()
        ),
    ]
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(table.to_string(max_colwidth=170))
    return int(bad.any())


if __name__ == "__main__":
    sys.exit(main())
