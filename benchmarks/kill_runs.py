"""Kill a run's process with SIGKILL at random moments, resume it, and compare the result.

python benchmarks/kill_runs.py [--kills 50] [--seed 0]

A tiny network on a made section is trained as a job. Whenever its process is killed the job must
read as interrupted, show nothing half-written, and go on when resumed; in the end the map must be
that of a run that nobody disturbed. Writes a dated table to benchmarks/results.
"""

from __future__ import annotations

import argparse
import datetime
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from s2s_core.config import RunConfig, preset  # noqa: E402
from s2s_core.data.result import load_result
from s2s_core.data.simulate import demo_section  # noqa: E402
from s2s_core.jobs import jobs, runner
from s2s_core.sampling.apply import sample  # noqa: E402

HERE = Path(__file__).parent
STEPS = 240


def tiny() -> RunConfig:
    """A network that trains in seconds."""
    fast = preset("fast", compare=("nearest",), programmes=3, device="cpu")
    train = replace(fast.train, steps=STEPS, splits=1, check_every=10, patience=99)
    model = replace(fast.model, cascades=1, blocks=1, layers=1, features=8, growth=4)
    return replace(fast, train=train, model=model)


def worker_of(job: jobs.Job) -> int | None:
    """Process id of the job's worker."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"s2s_core.jobs.worker" in words and str(job.folder).encode() in words:
            return int(entry.name)
    return None


def wait(job: jobs.Job, seconds: float) -> jobs.State:
    """State once the job ends, or after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and jobs.state(job).status in jobs.ACTIVE:
        time.sleep(0.02)
    return jobs.state(job)


def nothing_half_written(job: jobs.Job) -> bool:
    """Everything the app would read of the job can be read; a result is there whole or not at all."""
    jobs.find(job.id), jobs.progress(job), jobs.preview(job), job.section()
    if (job.result / "run.json").exists():
        load_result(job.result)
    return True


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    os.environ["S2S_RUNS"] = tempfile.mkdtemp(prefix="s2s-kills-")
    section = sample(demo_section(rows=24, genes=12), "lattice:2")
    calm = jobs.create(section, tiny(), "undisturbed")
    begun = time.monotonic()
    runner.start(calm)
    wait(calm, 600)
    whole = time.monotonic() - begun
    expected = np.array(load_result(calm.result).imputed)
    kills, interrupted, early, finished, equal, phases = 0, 0, 0, 0, 0, {}
    while kills < args.kills:
        job = jobs.create(section, tiny(), "disturbed")
        runner.start(job)
        while True:
            state = wait(job, rng.uniform(0.0, 1.1 * whole))
            if state.status not in jobs.ACTIVE or kills == args.kills:
                break
            pid = worker_of(job)
            if pid is None:
                early += 1
                continue
            os.kill(pid, signal.SIGKILL)
            kills += 1
            phases[state.phase] = phases.get(state.phase, 0) + 1
            while jobs.state(job).status == "running":
                time.sleep(0.01)
            # The last word may have been written just before the kill.
            interrupted += jobs.state(job).status in ("interrupted", "done")
            nothing_half_written(job)
            if jobs.state(job).status == "interrupted":
                runner.start(job, resume=True)
        state = wait(job, 600)
        finished += state.status == "done"
        if state.status == "done":
            equal += np.array_equal(np.array(load_result(job.result).imputed), expected)
        else:
            print(state)
    runs = len(jobs.all_jobs()) - 1
    words = ", ".join(f"{name} {n}" for name, n in sorted(phases.items(), key=lambda p: -p[1]))
    lines = [
        f"# Runs killed at random moments, {datetime.date.today():%Y-%m-%d}",
        "",
        f"`python benchmarks/kill_runs.py --kills {args.kills} --seed {args.seed}`: SIGKILL to the "
        f"process of a small training run ({STEPS} steps, {whole:.0f} s undisturbed).",
        "",
        "| kills | read as interrupted (or just finished) | runs | finished after resuming | same map as undisturbed, bit for bit |",
        "|---|---|---|---|---|",
        f"| {kills} | {interrupted} | {runs} | {finished} | {equal} |",
        "",
        f"Killed while: {words}. After every kill the job's files were read as the app reads them.",
    ]
    out = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-kills.md"
    out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0 if interrupted == kills and finished == runs == equal else 1


if __name__ == "__main__":
    sys.exit(main())
