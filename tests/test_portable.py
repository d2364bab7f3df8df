"""Systems without Unix's own modules, as far as that can be tried on one that has them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from s2s_core import processes
from s2s_core.config import preset
from s2s_core.jobs import jobs, runner
from s2s_core.processes import Bounds, run_bounded
from s2s_core.readers.subprocess_reader import read_in_subprocess
from s2s_core.sampling.apply import sample
from tests import made_files as made

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
# What Python runs first, in children as well. Libraries that do without on other systems have
# theirs here.
BLOCK = """
import sys
import filelock, psutil
for name in ("fcntl", "resource"):
    sys.modules[name] = None
"""
IMPORT_ALL = """
import importlib, pathlib, sys
try:
    import fcntl
except ImportError:
    pass
else:
    sys.exit("fcntl is not blocked")
for path in sorted(pathlib.Path("s2s_core").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    # Scripts, which work when they are imported.
    if not name.endswith("__main__"):
        importlib.import_module(name)
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Environment of children that run where Unix's modules are missing."""
    (tmp_path / "sitecustomize.py").write_text(BLOCK, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT))))


@pytest.mark.usefixtures("elsewhere")
def test_every_module_can_be_imported():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("elsewhere")
def test_a_job_runs_to_its_end(square, tmp_path, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path / "runs"))
    config = preset("fast", method="linear", compare=())
    job = jobs.create(sample(square, "checkerboard"), config, "small")
    runner.start(job)
    ends = time.monotonic() + 120
    while jobs.state(job).status in jobs.ACTIVE and time.monotonic() < ends:
        time.sleep(0.1)
    assert jobs.state(job).status == "done", (job.folder / "worker.log").read_text()
    assert (job.result / "imputed.csv").exists()


@pytest.mark.usefixtures("elsewhere")
def test_a_file_is_read(tmp_path):
    path = made.write_h5ad(made.made_anndata(), tmp_path / "a.h5ad")
    assert read_in_subprocess(path).n_positions == 120


def python(text):
    return [sys.executable, "-S", "-c", text]


def test_a_command_within_its_bounds_gives_its_status():
    assert run_bounded(python("import sys; sys.exit(3)"), Bounds(60, 8)) == 3


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("while True: pass", Bounds(0.3, 8)),
        ("held = bytearray(2**28)\nimport time; time.sleep(600)", Bounds(60, 0.1)),
        ("import time; time.sleep(600)", Bounds(60, 8, 0.3)),
    ],
    ids=["cpu", "memory", "clock"],
)
def test_a_command_beyond_a_bound_is_ended_with_what_it_started(tmp_path, text, bounds):
    child = tmp_path / "child.py"
    child.write_text(text, encoding="utf-8")
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-S', {str(child)!r}])"
    assert run_bounded(python(start), bounds) is None
    # What has just died may still be listed, without a command.
    lines = [p.info["cmdline"] or [] for p in processes.psutil.process_iter(["cmdline"])]
    assert [line for line in lines if str(child) in line] == []
