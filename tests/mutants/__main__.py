"""Do the tests notice? Puts one single bug at a time into a copy of the project and runs its tests.

``python -m tests.mutants`` (or ``make mutants``) takes a fixed sample of the bugs in the heart of
the project, ``--all`` all of them. The bugs stand in the ``*.toml`` files beside this one::

    [[mutant]]
    id = "K1"
    module = "kriging"                 # stem of the file; a package's __init__ goes by its folder
    find = "nugget * noise"            # occurs once in that file
    put = "nugget"
    harm = 3                           # 3 wrong numbers, 2 quietly worse, 1 minor
    tests = ["test_golden_kriging.py"] # files or ids below tests/ that must fail
    why = "..."
    equivalent = "..."                 # instead of tests: why nothing can notice it; not run

A bug is found by its text, wherever its module lies. Tools that make mutations themselves (mutmut,
cosmic-ray) run a test suite for each of many thousands of arbitrary changes, most of them
harmless or equivalent: days for this one. This list has bugs that somebody may really write, each
with the tests that are there to notice it.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).resolve().parent
PLACES = ("s2s_core", "pages")
# What numbers come from: the default sample is drawn among the bugs of these modules.
HEART = frozenset(("observation","spatial","programmes","variograms","kriging","first_estimate","gene_weightings","estimate_images","observation_cache","residual_gp","gene_residuals","shrinkage","variogram_fit","kriging_solvers","programme_source","batches","trainer","predict","fit_shared","fit_programmes","fit_paper","patch_source","predict_patches","decimation","layers","cdcin","losses","intervals","metrics","imputation","export"))  # fmt: skip
SAMPLE, SEED = 60, 0
LEAST = 0.9
SECONDS = 300
KILLED, SURVIVED, BROKEN = "killed", "SURVIVED", "BROKEN"


@dataclass(frozen=True)
class Mutant:
    """One bug of the list."""

    id: str
    module: str
    find: str
    put: str
    harm: int
    why: str
    tests: tuple[str, ...] = ()
    equivalent: str = ""


class Stale(Exception):
    """An entry of the list that does not fit the project any more."""


def load(folder: Path = LISTS) -> list[Mutant]:
    """All entries of the list.

    Raises
    ------
    Stale
        If an entry is not whole, or an id stands twice.
    """
    found = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
            mutant = Mutant(**entry | {"tests": tuple(entry.get("tests", ()))})
            if bool(mutant.tests) == bool(mutant.equivalent) or mutant.find == mutant.put:
                raise Stale(f"{mutant.id}: give tests, or the reason why it is equivalent")
            found.append(mutant)
    twice = [name for name, n in Counter(m.id for m in found).items() if n > 1]
    if twice:
        raise Stale(f"ids that stand twice: {', '.join(twice)}")
    return found


def locate(mutant: Mutant, root: Path = ROOT) -> Path:
    """The one file that holds the bug's text exactly once.

    Raises
    ------
    Stale
        If no file does, or several do.
    """
    holding = {path: n for path, text in sources(root).items() if (n := text.count(mutant.find))}
    # A module may move to another folder; only where it was split its name says nothing any more.
    named = {p: n for p, n in holding.items() if stem(p) == mutant.module} or holding
    if list(named.values()) != [1]:
        where = ", ".join(f"{p.relative_to(root)} ({n}x)" for p, n in named.items()) or "no file"
        raise Stale(f"{mutant.id}: {mutant.find!r} must stand once in one file; found in {where}")
    return next(iter(named))


@cache
def sources(root: Path) -> dict[Path, str]:
    """Text of every file that a bug may be put into, read once."""
    files = (path for place in PLACES for path in sorted((root / place).rglob("*.py")))
    return {path: path.read_text(encoding="utf-8") for path in files}


def stem(path: Path) -> str:
    """Name of a module; of a package's own file that of its folder."""
    return path.parent.name if path.stem == "__init__" else path.stem


def copy(root: Path, target: Path) -> Path:
    """A copy of the project to injure, without compiled files: those may outlive a change."""
    unwanted = shutil.ignore_patterns(
        "__pycache__", ".*", "runs", "results", "shared", "node_modules"
    )
    shutil.copytree(root, target, ignore=unwanted, symlinks=True)
    return target


def test(tree: Path, tests: tuple[str, ...], *, first: bool = True) -> subprocess.CompletedProcess:
    """Run tests of a copy on one thread; the first failure is enough."""
    names = [name if name.startswith("-") else f"tests/{name}" for name in tests]
    words = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *names]
    # Plugins that no test here needs take longer to load than most of the tests to run.
    settings = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    return subprocess.run(
        [*words, "-x"] if first else words,
        cwd=tree,
        env=os.environ | settings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS if first else None,
    )


def try_one(mutant: Mutant, tree: Path) -> tuple[str, str]:
    """What the tests say of one bug, and the test that noticed it."""
    path = locate(mutant, tree)
    whole = sources(tree)[path]
    try:
        path.write_text(whole.replace(mutant.find, mutant.put), encoding="utf-8")
        done = test(tree, mutant.tests)
    except subprocess.TimeoutExpired:
        return KILLED, f"no end within {SECONDS} s"
    finally:
        path.write_text(whole, encoding="utf-8")
    if done.returncode == 0:
        return SURVIVED, mutant.why
    noticed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode == 1 and noticed:
        return KILLED, noticed[0].removeprefix("FAILED ").split(" - ")[0]
    # No test failed: the change does not even import, or there is no such test.
    return BROKEN, done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no output"


def choose(mutants: list[Mutant], args: argparse.Namespace) -> list[Mutant]:
    """Those to run."""
    able = [m for m in mutants if not m.equivalent]
    if args.only:
        return [m for m in able if m.id in args.only or m.module in args.only]
    if args.all:
        return able
    heart = [m for m in able if stem(locate(m)) in HEART]
    return random.Random(SEED).sample(heart, min(SAMPLE, len(heart)))


def main(words: list[str] | None = None) -> int:
    """Entry point: 0 where enough bugs are noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--all", action="store_true", help="every bug of the list, not the sample")
    parser.add_argument("--only", nargs="+", metavar="ID", help="these ids, or all of a module")
    parser.add_argument(
        "--check", action="store_true", help="only see whether the list fits the project"
    )
    parser.add_argument(
        "--least", type=float, default=LEAST, help="rate to reach (default %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="at once")
    args = parser.parse_args(words)
    try:
        mutants = load()
        for mutant in mutants:
            locate(mutant)
        chosen = choose(mutants, args)
    except Stale as error:
        print(f"The list of mutants is out of date: {error}")
        return 2
    if not chosen:
        print("No mutant of that name.")
        return 2
    if args.check:
        print(f"{len(chosen)} of {len(mutants)} mutants would run; all fit the project.")
        return 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trees: queue.Queue[Path] = queue.Queue()
        trees.put(copy(ROOT, Path(folder) / "0"))
        names = tuple(sorted({name for m in chosen for name in m.tests}))
        print(
            f"{len(chosen)} of {len(mutants)} mutants; first their tests as they are ...",
            flush=True,
        )
        done = test(Path(folder) / "0", names, first=False)
        if done.returncode:
            print(done.stdout[-4000:])
            print("These tests fail without any mutant, so they prove nothing: mend them first.")
            return 2
        print(f"{done.stdout.strip().splitlines()[-1]}", flush=True)
        for k in range(1, args.jobs):
            trees.put(copy(ROOT, Path(folder) / str(k)))

        def one(mutant: Mutant) -> str:
            tree = trees.get()
            try:
                verdict, word = try_one(mutant, tree)
            finally:
                trees.put(tree)
            print(f"{verdict:9}{mutant.id:22}{mutant.module:18}{word}", flush=True)
            return verdict

        with ThreadPoolExecutor(args.jobs) as pool:
            verdicts = list(pool.map(one, chosen))
    return report(chosen, verdicts, args.least, time.monotonic() - begun)


def report(chosen: list[Mutant], verdicts: list[str], least: float, seconds: float) -> int:
    """Print the rate of every module; 0 where enough are noticed and none is broken."""
    every, killed = Counter(m.module for m in chosen), Counter()
    for mutant, verdict in zip(chosen, verdicts, strict=True):
        killed[mutant.module] += verdict == KILLED
    print()
    for module in sorted(every):
        print(
            f"{module:20}{killed[module]:4} of {every[module]:4}{killed[module] / every[module]:7.0%}"
        )
    rate = killed.total() / len(chosen)
    print(f"{'all':20}{killed.total():4} of {len(chosen):4}{rate:7.0%}   in {seconds / 60:.1f} min")
    if BROKEN in verdicts:
        print("Broken mutants test nothing: mend their entries.")
    return int(rate < least or BROKEN in verdicts)


if __name__ == "__main__":
    sys.exit(main())
