"""Damaged files of every format: each must end as a Section or as one sentence, never as a crash.

    python benchmarks/fuzz_readers.py --out benchmarks/results/DATE-fuzz-readers.md

Files are made (tests/made_files.py); with S2S_DATA real ones are damaged as well. Every read runs
in a process of its own kind with bounded time and memory, so that crashes and hangs are counted.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from s2s_core._version import __version__  # noqa: E402
from s2s_core.data.section import Section  # noqa: E402
from s2s_core.errors import S2SError  # noqa: E402
from s2s_core.readers import read  # noqa: E402
from tests import made_cells, made_kinds, made_zarr  # noqa: E402
from tests import made_files as made  # noqa: E402
from tests.mutations import injured_copy  # noqa: E402

SECONDS = 240
GIGABYTES = 8
OUTCOMES = ("section", "sentence", "other error", "crash", "too slow")
UNKNOWN = "is damaged, or not what its name says"


def made_inputs(folder: Path) -> dict[str, Path]:
    """One intact input a format and form."""
    inputs = {
        "Space Ranger 1, h5": made.space_ranger(folder / "sr1", positions="list"),
        "Space Ranger 2, mtx": made.space_ranger(folder / "sr2", matrix="mtx"),
        "Visium HD": made.visium_hd(folder / "hd"),
        "Xenium": made_cells.xenium(folder / "xenium"),
        "Vizgen": made_cells.vizgen(folder / "vizgen"),
        "CosMx": made_cells.cosmx(folder / "cosmx"),
        "Stereo-seq gem.gz": made_cells.gem(folder / "a.gem.gz"),
        "Slide-seq": made_cells.slide_seq(folder / "slideseq"),
        "ST v1": made_cells.st_v1(folder / "st", selection=True),
        "h5ad": made.write_h5ad(made.made_anndata(), folder / "a.h5ad"),
        "SpatialData, Zarr 2": made_zarr.spatialdata(folder / "v2.zarr", version=2),
        "SpatialData, Zarr 3": made_zarr.spatialdata(folder / "v3.zarr"),
        "SpatialData, shapes": made_zarr.placed_by_shapes(folder / "shapes.zarr"),
        "Visium HD, segmented cells": made_kinds.segmented(folder / "segmented"),
        "Loom": made_kinds.loom(folder / "a.loom"),
        "Stereo-seq gef": made_kinds.gef(folder / "a.gef"),
        "Stereo-seq cellbin.gef": made_kinds.cellbin(folder / "a.cellbin.gef"),
        "counts and positions": made.pair(folder / "pair"),
    }
    table = made.spots_table()
    table.to_csv(folder / "t.csv")
    table.to_csv(folder / "t.csv.gz")
    table.to_parquet(folder / "t.parquet")
    made_cells.molecules().to_parquet(folder / "transcripts.parquet")
    inputs |= {
        "csv": folder / "t.csv",
        "csv.gz": folder / "t.csv.gz",
        "parquet": folder / "t.parquet",
        "transcripts.parquet": folder / "transcripts.parquet",
    }
    for name in ("Space Ranger 1, h5", "CosMx", "ST v1", "SpatialData, Zarr 3"):
        inputs[f"{name}, zip"] = made.zipped(inputs[name])
    for mode in ("", "gz"):
        path = folder / f"packed{mode}.tar"
        inputs[f"Space Ranger 2, tar {mode}".strip()] = made_kinds.tarred(
            path, folder / "sr2", mode
        )
    return inputs


def real_inputs() -> dict[str, Path]:
    """Real files, where there are any."""
    data = Path(os.environ.get("S2S_DATA", ""))
    raw = data / "raw_formats"
    if not os.environ.get("S2S_DATA") or not raw.is_dir():
        return {}
    inputs = {f"real {p.name}": p for p in sorted(raw.glob("spaceranger_*"))}
    inputs |= {f"real {p.name}": p for p in sorted((raw / "cells_csv").glob("*"))}
    tables = [p for p in sorted((raw / "st_v1_counts").glob("*.tsv*")) if "selection" not in p.name]
    inputs |= {f"real {p.name}": p for p in tables}
    inputs |= {f"real {p.name}": p for p in sorted(data.glob("st1_*.h5ad"))}
    return inputs


def work(pipe) -> None:
    """Read what the pipe names until it ends."""
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES * 2**30, GIGABYTES * 2**30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    np.seterr(all="ignore")
    while True:
        path = pipe.recv()
        try:
            outcome, words = (
                ("section", "") if isinstance(read(path), Section) else ("other error", "")
            )
        except S2SError as error:
            outcome, words = "sentence", str(error)
        except BaseException as error:  # noqa: BLE001
            outcome, words = "other error", repr(error)
        pipe.send((outcome, words, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


class Worker:
    """A process that reads; another takes its place where it dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._pipe, other = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=work, args=(other,), daemon=True
        )
        self._process.start()
        other.close()

    def read(self, path: Path) -> tuple[str, str, int]:
        """(outcome, sentence, peak kilobytes)."""
        self._pipe.send(path)
        try:
            if self._pipe.poll(SECONDS):
                return self._pipe.recv()
            outcome = "too slow"
        except EOFError:
            outcome = "crash"
        self._process.kill()
        self._process.join()
        self._start()
        return outcome, "", 0


def main() -> int:
    """Run and print the table; the exit status says whether every outcome is allowed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=120, help="damaged inputs of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="formats that match this expression")
    parser.add_argument("--keep", type=Path, help="folder for inputs that end badly")
    parser.add_argument("--out", type=Path, help="write the table here")
    args = parser.parse_args()
    begun = time.time()
    counts: dict[str, Counter] = defaultdict(Counter)
    slowest: dict[str, float] = defaultdict(float)
    peak: dict[str, int] = defaultdict(int)
    bad = []
    with tempfile.TemporaryDirectory(prefix="s2s-fuzz-") as name:
        folder = Path(name)
        inputs = made_inputs(folder) | real_inputs()
        inputs = {k: v for k, v in inputs.items() if re.search(args.only, k)}
        for label, source in inputs.items():
            worker = Worker()
            outcome, words, base = worker.read(source)
            if outcome != "section":
                raise SystemExit(f"the intact {label} is not read: {words}")
            for seed in range(args.seed, args.seed + args.inputs):
                case = folder / "case"
                case.mkdir()
                path = injured_copy(source, case / source.name, seed)
                start = time.time()
                outcome, words, memory = worker.read(path)
                slowest[label] = max(slowest[label], time.time() - start)
                peak[label] = max(peak[label], memory - base)
                counts[label][outcome] += 1
                counts[label]["unknown"] += UNKNOWN in words
                if outcome not in ("section", "sentence"):
                    bad.append(f"{label}, seed {seed}: {outcome} {words}")
                    if args.keep:
                        shutil.copytree(case, args.keep / f"{label}-{seed}", dirs_exist_ok=True)
                shutil.rmtree(case)
            print(label, dict(counts[label]), flush=True)
    text = report(counts, slowest, peak, bad, time.time() - begun)
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    return 1 if bad else 0


def report(counts, slowest, peak, bad: list[str], seconds: float) -> str:
    """The table as Markdown."""
    total = sum(counts.values(), Counter())
    n = sum(total[o] for o in OUTCOMES)
    lines = [
        f"# Damaged files through the readers, {time.strftime('%Y-%m-%d')}",
        "",
        f"Version {__version__}, {n:,} damaged inputs in {seconds:.0f} s. One to three injuries each: "
        "cuts, flipped bits, runs of zeros or ones, random, deleted, repeated and odd pieces; inside "
        "or outside gzip; in folders one file is injured. A reader may take up to "
        f"{SECONDS} s and {GIGABYTES} GB of addresses.",
        "",
        "*unnamed*: sentences that only say that the file is damaged. *memory*: what reading added to "
        "the process beyond the intact file.",
        "",
        "| input | " + " | ".join(OUTCOMES) + " | unnamed | slowest (s) | memory (MB) |",
        "|---|" + "---|" * (len(OUTCOMES) + 3),
    ]
    for label, count in counts.items():
        cells = [str(count[o]) for o in (*OUTCOMES, "unknown")]
        lines.append(
            f"| {label} | {' | '.join(cells)} | {slowest[label]:.1f} | {peak[label] / 1024:.0f} |"
        )
    lines.append(
        "| **all** | " + " | ".join(str(total[o]) for o in (*OUTCOMES, "unknown")) + " | | |"
    )
    lines += ["", "Every outcome is a section or a sentence." if not bad else "Not allowed:", *bad]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
