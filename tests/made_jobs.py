"""Jobs that seem to work: a process of no use, by the name of the job."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from s2s_core.jobs import jobs


@contextmanager
def at_work(job: jobs.Job, state: jobs.State | None = None) -> Iterator[subprocess.Popen]:
    """A process that is taken for the job's worker until the block ends.

    ``state`` (by default "running") is written with its id.
    """
    idle = "import time; time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-S", "-c", idle, str(job.folder)])
    try:
        state = jobs.State(status="running") if state is None else state
        jobs.write_state(job, replace(state, process=process.pid))
        yield process
    finally:
        process.kill()
        process.wait()
