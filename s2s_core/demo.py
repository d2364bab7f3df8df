"""The finished example: a simulated section, sampled and imputed once on every machine."""

from __future__ import annotations

import os

from s2s_core import jobs, runner
from s2s_core.config import preset
from s2s_core.masks import sample
from s2s_core.simulate import demo_section

NAME = "Example: simulated section"
# Enough to choose from, few enough to be ready within about a minute.
ROWS, GENES = 48, 60
MASK = "lattice:2"


def wanted() -> bool:
    """Whether this installation makes the example (``S2S_EXAMPLE=0`` says no)."""
    return os.environ.get("S2S_EXAMPLE", "1") != "0"


def example() -> jobs.Job:
    """The example's run, made and queued where there is none yet."""
    config = preset("fast")
    for job in jobs.all_jobs():
        if job.kind == "demo" and job.config() == config:
            if jobs.state(job).status in jobs.RESUMABLE:
                runner.start(job, resume=True)
            return job
    section = demo_section(rows=ROWS)
    # Every fifth gene: some of each kind.
    genes = section.genes[:: len(section.genes) // GENES]
    section = sample(section.subset_genes(genes), MASK)
    job = jobs.create(section, config, NAME, preview_gene=section.genes[0], kind="demo")
    runner.start(job)
    return job
