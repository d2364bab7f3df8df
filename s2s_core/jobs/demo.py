"""The finished example: a simulated section, sampled and imputed once on every machine."""

from __future__ import annotations

import os

from s2s_core.config import preset
from s2s_core.data.simulate import FLAT, demo_section
from s2s_core.jobs import jobs, runner
from s2s_core.sampling.apply import sample

NAME = "Example: simulated section"
# Enough to choose from, few enough to be ready within about a minute.
ROWS, GENES, N_FLAT, COUNTS = 48, 56, 4, 8.0
MASK = "lattice:2"


def wanted() -> bool:
    """Whether this installation makes the example (``S2S_EXAMPLE=0`` says no)."""
    return os.environ.get("S2S_EXAMPLE", "1") != "0"


def ready() -> bool:
    """Whether the example is finished."""
    return any(j.kind == "demo" and jobs.state(j).status == "done" for j in jobs.all_jobs())


def example() -> jobs.Job:
    """The example's run, made and queued where there is none yet."""
    config = preset("fast")
    for job in jobs.all_jobs():
        if job.kind == "demo" and job.config() == config:
            if jobs.state(job).status in jobs.RESUMABLE:
                runner.start(job, resume=True)
            return job
    section = demo_section(rows=ROWS, counts_per_gene=COUNTS)
    shaped = [g for g in section.genes if FLAT not in g]
    flat = [g for g in section.genes if FLAT in g]
    # Some of each kind, and a few without a pattern: those no method can impute.
    genes = shaped[:: len(shaped) // GENES] + flat[:N_FLAT]
    section = sample(section.subset_genes(genes), MASK)
    job = jobs.create(section, config, NAME, preview_gene=section.genes[0], kind="demo")
    runner.start(job)
    return job
