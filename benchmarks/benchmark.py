"""Every method on every section over the standard masks and seeds; writes a dated table.

python benchmarks/benchmark.py [--quick] [--masks lattice:2,...] [--sections NAME,...]

Each case runs in a process of its own: classical methods, kriging made as the network's first
estimate is made, the network, and all of them once more on Pearson residuals. What is done is kept in benchmarks/runs and not done again while
the code behind it, the section and the mask are the same: a stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import report_tables  # noqa: E402

from s2s_core import read, sample  # noqa: E402

HERE = Path(__file__).parent
ROOT = HERE.parent
RUNS = HERE / "runs"
DATA = Path(os.environ.get("S2S_DATA", ROOT.parent / "shared" / "data"))
CLASSICAL = (*report_tables.CLASSICAL, "constant")
# Averaged over variograms, noise by depth, several weightings of the genes, as ours: what is left
# between these and ours is what the regression and the network add.
LIKE_OURS = ("kriging-average", "programme-kriging-average", "first-estimate")
OURS = "s2s"
# Under the second normalisation; STARK needs counts.
RESIDUALS = (*(m for m in CLASSICAL if m not in ("stark", "constant")), *LIKE_OURS, OURS)
GROUPS = {"classical": CLASSICAL, "kriging": LIKE_OURS, OURS: (OURS,), "residuals": RESIDUALS}
# Of masks that draw no lots one seed is all there is.
MASKS = {
    "lattice:2": 1,
    "lattice:3": 1,
    "checkerboard": 1,
    "random:0.25": 3,
    "random:0.5": 3,
    "poisson:0.25": 3,
}
QUICK = ("st1_human_breast_her2_E1", "visium_human_breast_crop", "osmfish_mouse_cortex_bin35um")
# Repeats of other files, points without a grid, and a section whose truth nobody knows.
LEFT_OUT = ("wholetranscriptome", "_cells", "_beads", "_sparse")
# Code that results depend on, beside what is read and drawn (see `content`); the rest (pages'
# parts, jobs, reports) may change freely.
ENGINE = (
    "data/assemble",
    "data/depth",
    "data/grid",
    "data/observation",
    "data/spatial",
    "assessment/intervals",
    "assessment/metrics",
    "data/structure",
    "geostat/baselines",
    "geostat/kriging",
    "geostat/kriging_solvers",
    "geostat/programmes",
    "geostat/variogram_fit",
    "geostat/variograms",
)
NETWORK = ("config", "geostat", "network")


@dataclass(frozen=True)
class Case:
    """One process: a section under a mask with some methods."""

    section: Path
    mask: str
    seed: int
    group: str
    preset: str
    where: str = ""

    @property
    def name(self) -> str:
        """Name of its section."""
        return " ".join([self.section.stem, *self.where.split("=")[1:]])

    @property
    def stem(self) -> Path:
        """Where its results are kept, without the ending."""
        mask = self.mask.replace(":", "")
        words = (self.name.replace(" ", "__"), mask, f"seed{self.seed}", self.group)
        # A dot would be taken for the beginning of a file's ending.
        return RUNS / "__".join(words).replace(".", "_")

    @property
    def twin(self) -> tuple:
        """What the processes of the same section, mask and seed have in common."""
        return self.section, self.where, self.mask, self.seed

    @property
    def methods(self) -> str:
        """Names of its methods, with commas."""
        return ",".join(GROUPS[self.group.partition("-")[0]])

    def done(self) -> bool:
        """Whether the results there are those of the present code and data."""
        mark = self.stem.with_suffix(".code")
        return mark.exists() and mark.read_text() == self.mark()

    def mark(self) -> str:
        """What its results depend on."""
        return (
            f"{fingerprint(self.group)} {content(self.section, self.mask, self.seed, self.where)}"
        )

    def run(self) -> bool:
        """Compute it; False where it failed (its output is shown)."""
        command = [
            sys.executable,
            HERE / "cases.py",
            self.section,
            self.mask,
            str(self.seed),
            self.stem,
            self.methods,
            "--preset",
            self.preset,
            *(["--where", self.where] if self.where else []),
            *(["--residuals"] if self.group == "residuals" else []),
        ]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout[-2000:], done.stderr[-2000:], sep="\n")
            return False
        self.stem.with_suffix(".code").write_text(self.mark())
        return True


@cache
def content(path: Path, mask: str, seed: int, where: str = "") -> str:
    """Hash of a section as it is read and of the spots a mask measures."""
    section = _read(path, where)
    digest = hashlib.sha256(sample(section, mask, seed).measured.tobytes())
    for part in (
        section.counts.data,
        section.counts.indices,
        section.counts.indptr,
        section.pixels,
        section.known,
        section.spot_totals,
        section.grid.tissue,
    ):
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(f"{section.grid.kind} {section.is_log} {list(section.genes)}".encode())
    return digest.hexdigest()


@cache
def _read(path: Path, where: str):
    return read(path, where=where or None)


@cache
def fingerprint(group: str) -> str:
    """Hash of the code behind a group's results."""
    modules = ENGINE if group == "classical" else (*ENGINE, *NETWORK)
    digest = hashlib.sha256()
    core = ROOT / "s2s_core"
    for name in modules:
        # A name that is gone would leave changes of the engine unnoticed.
        files = sorted((core / name).rglob("*.py")) or [core / f"{name}.py"]
        for path in files:
            digest.update(path.read_bytes())
    digest.update((HERE / "scores.py").read_bytes())
    if group not in ("classical", "kriging"):
        digest.update((ROOT / "assets" / "prior.safetensors").read_bytes())
    return digest.hexdigest()


def sections(names: list[str] | None) -> list[Path]:
    """Files to run on, small ones first."""
    found = sorted(DATA.glob("*.h5ad"), key=lambda p: p.stat().st_size)
    found = [p for p in found if not any(part in p.stem for part in LEFT_OUT)]
    return found if names is None else [p for p in found if p.stem in names]


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three small sections, two masks")
    parser.add_argument("--sections", type=lambda t: t.split(","))
    parser.add_argument("--masks", type=lambda t: re.split(r",(?!\d)", t), help="with commas")
    parser.add_argument("--seeds", type=int, help="at most this many seeds of random masks")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--residuals", action="store_true", help="Pearson residuals as well")
    parser.add_argument("--name", default="benchmark")
    parser.add_argument(
        "--report", action="store_true", help="only write the table of what is done"
    )
    args = parser.parse_args()
    if not DATA.is_dir():
        print(f"There is no data folder {DATA}; set S2S_DATA to one with .h5ad sections.")
        return 2
    names = args.sections or (list(QUICK) if args.quick else None)
    masks = args.masks or (["lattice:2", "random:0.25"] if args.quick else list(MASKS))
    ours = OURS if args.preset == "fast" else f"{OURS}-{args.preset}"
    groups = [ours if group == OURS else group for group in GROUPS]
    if not args.residuals:
        groups.remove("residuals")
    most = 1 if args.quick else args.seeds or 3
    cases = [
        Case(path, mask, seed, which, args.preset)
        for mask in masks
        for path in sections(names)
        for seed in range(min(most, 1 if "lattice" in mask else MASKS.get(mask, most)))
        for which in groups
    ]
    failed = [] if args.report else run_all(cases)
    from report import write_report

    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    write_report(complete(cases), stem, " ".join(sys.argv))
    print(f"Wrote {stem}.md and .csv")
    return 1 if failed else 0


def complete(cases: list[Case]) -> list[Case]:
    """Cases that are done, side by side or not at all; residuals may be missing."""
    done = {case: case.done() for case in cases}
    missing = {case.twin for case in cases if not done[case] and case.group != "residuals"}
    return [case for case in cases if done[case] and case.twin not in missing]


def run_all(cases: list[Case]) -> list[Case]:
    """Compute what is not done yet; those that failed."""
    todo = [case for case in cases if not case.done()]
    # The second normalisation last: what was stopped before it has its tables.
    todo.sort(key=lambda case: case.group == "residuals")
    print(f"{len(cases) - len(todo)} of {len(cases)} cases are done.", flush=True)
    RUNS.mkdir(exist_ok=True)
    failed, started = [], time.monotonic()
    for i, case in enumerate(todo):
        begun = time.monotonic()
        fine = case.run()
        if not fine:
            failed.append(case)
        left = (time.monotonic() - started) / (i + 1) * (len(todo) - i - 1) / 60
        print(
            f"[{i + 1}/{len(todo)}] {case.stem.name}: {'done' if fine else 'FAILED'} in "
            f"{time.monotonic() - begun:.0f} s; about {left:.0f} min left",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
