"""How many threads compute: what was asked for, else OMP_NUM_THREADS, else the cores one may use."""

import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from s2s_core import hardware
from s2s_core.cli import arguments
from s2s_core.cli import main as cli
from s2s_core.config import preset
from s2s_core.imputation import run
from s2s_core.interfaces import Hooks, Prediction
from s2s_core.jobs import jobs, runner
from s2s_core.methods import METHODS
from s2s_core.network import fit as network
from s2s_core.network import fit_programmes
from s2s_core.network.device import set_threads
from s2s_core.sampling.apply import sample
from tests.made import made_section
from tests.tiny import tiny_config

FAST = preset("fast", method="linear", compare=())


@pytest.fixture(autouse=True)
def as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def eight(monkeypatch):
    """A machine with eight cores that this process may run on, and no wish in the environment."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("asked", "variable", "number"),
    [
        (0, None, 8),
        (3, None, 3),
        (0, "2", 2),
        (3, "2", 3),
        (0, "4,2", 4),
        (0, "", 8),
        (0, "many", 8),
        (0, "0", 8),
        (0, "-1", 8),
    ],
)
def test_what_was_asked_for_goes_before_the_variable_and_that_before_the_cores(
    eight, monkeypatch, asked, variable, number
):
    if variable is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert hardware.threads(asked) == number
    set_threads(asked)
    assert torch.get_num_threads() == number


def test_only_cores_that_the_process_may_run_on_count(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 5, 9}, raising=False)
    assert hardware.threads() == hardware.cores() == 3
    assert "3 processor cores" in hardware.describe()
    # Systems without a mask tell the number alone.
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert hardware.cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert hardware.cores() == 1


def test_memory_is_told_in_gigabytes(monkeypatch):
    # What the system would take back from its caches is available as well, though it is not free.
    told = SimpleNamespace(total=16 * 2**30, available=12 * 2**30, free=2 * 2**30)
    monkeypatch.setattr(hardware.psutil, "virtual_memory", lambda: told)
    assert hardware.memory() == (12.0, 16.0)
    assert "12 of 16 GB memory free" in hardware.describe()


def test_peak_memory_is_told_in_megabytes_with_and_without_the_kernels_count(monkeypatch):
    held = np.ones(30 * 2**20)
    for _ in range(2):
        assert held.nbytes / 2**20 < hardware.peak_memory_mb() < 2**18
        monkeypatch.setattr(hardware, "resource", None)


def test_linear_algebra_of_a_run_obeys_too(eight, monkeypatch):
    """Every method, not the network alone; one thread where few spots are measured."""
    seen = []

    def fit(obs, config, hooks):
        seen.append({p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"})
        return lambda shown, targets: Prediction(np.zeros((len(targets), obs.n_genes)))

    monkeypatch.setitem(METHODS, "linear", replace(METHODS["linear"], fit=fit))
    section = sample(made_section(), "lattice:2")
    run(section, replace(FAST, threads=2))
    monkeypatch.setattr(hardware, "FEW_SPOTS", 10)
    run(section, replace(FAST, threads=2))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    run(section, FAST)
    assert seen == [{1}, {2}, {3}]


def test_the_option_reaches_the_network(eight, monkeypatch, uneven):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")

    class Enough(Exception):
        pass

    def stop(*_, **__):
        raise Enough

    monkeypatch.setattr(fit_programmes, "ProgrammeSource", stop)
    for threads, number in ((0, 4), (2, 2)):
        with pytest.raises(Enough):
            network.fit_network(uneven, replace(tiny_config(), threads=threads), Hooks())
        assert torch.get_num_threads() == number


@pytest.mark.parametrize(
    "words",
    [
        ["impute", "in.h5ad", "--out", "out", "--mask", "lattice:2"],
        ["evaluate", "in.h5ad", "--mask", "lattice:2"],
    ],
)
def test_the_commands_hand_the_option_on(monkeypatch, tmp_path, words):
    seen = {}
    monkeypatch.setattr(arguments, "read", lambda *_, **__: made_section())
    monkeypatch.chdir(tmp_path)
    for name in ("s2s_core.imputation.run", "s2s_core.api.impute"):
        monkeypatch.setattr(name, lambda *a, **k: (_ for _ in ()).throw(_Seen(a, k)))
    for threads in ("3", None):
        try:
            cli.main([*words, *(["--threads", threads] if threads else [])])
        except _Seen as found:
            seen[threads] = found.threads
    assert seen == {"3": 3, None: 0}


class _Seen(Exception):
    """What a run was asked with."""

    def __init__(self, args, named):
        config = next((a for a in args if hasattr(a, "threads")), None) or named.get("config")
        self.threads = named["threads"] if config is None else config.threads


@pytest.mark.parametrize(
    ("variable", "workers", "share"),
    [(None, "2", "4"), (None, "3", "2"), ("6", "2", "3"), (None, "99", "1")],
)
def test_workers_share_the_cores(eight, monkeypatch, tmp_path, variable, workers, share):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path))
    monkeypatch.setenv("S2S_WORKERS", workers)
    if variable:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    started = []

    def popen(words, *, env, **_):
        started.append((words, env))
        return SimpleNamespace(pid=0)

    monkeypatch.setattr(runner.subprocess, "Popen", popen)
    job = jobs.create(sample(made_section(), "lattice:2"), FAST, "small")
    runner.start(job)
    ((words, env),) = started
    assert words[-1] == str(job.folder)
    assert env["OMP_NUM_THREADS"] == env["OPENBLAS_NUM_THREADS"] == env["MKL_NUM_THREADS"] == share
