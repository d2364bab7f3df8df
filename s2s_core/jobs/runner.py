"""Queue of jobs: processes of their own, started in fair order, stopped, resumed, cleared away.

A folder of runs belongs to one machine: whether a job works is asked of its processes.
``S2S_WORKERS`` (default 1) jobs run at once and share the cores. Whoever has waited longest since
a run of theirs was last started comes next, so that many runs of one user do not keep another
waiting. This module never imports torch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from s2s_core import hardware
from s2s_core.errors import S2SError
from s2s_core.jobs import drafts, jobs
from s2s_core.jobs.jobs import Job, State
from s2s_core.limits import Limits
from s2s_core.processes import end_tree
from s2s_core.vocabulary import Phase

# A worker that has said its last word takes a moment to end.
ENDING_POLLS = 50
DAY = 86_400.0
# Windows' way to start a process that has no part in this one's console; 0 elsewhere.
DETACHED: int = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(
    subprocess, "CREATE_NEW_PROCESS_GROUP", 0
)


def slots() -> int:
    """How many jobs may run at once."""
    return max(1, int(os.environ.get("S2S_WORKERS", "1")))


def start(job: Job, *, resume: bool = False) -> None:
    """Queue a job and start it if a place is free."""
    (job.folder / "cancel").unlink(missing_ok=True)
    waiting = replace(
        jobs.written_state(job),
        status="queued",
        message="",
        phase=Phase.WAITING,
        seconds_left=None,
        resume=resume,
    )
    jobs.write_state(job, waiting)
    for _ in range(ENDING_POLLS):
        if advance_queue():
            return
        time.sleep(0.1)


def advance_queue() -> bool:
    """Start queued jobs, in fair order, while places are free.

    False if one could not start yet because its former process is still ending.
    """
    jobs.runs_folder().mkdir(parents=True, exist_ok=True)
    with queue_lock():
        found = jobs.all_jobs()
        states = {job.id: jobs.state(job) for job in found}
        free = slots() - sum(s.status == "running" for s in states.values())
        order = fair_order(found, states)
        started = [_start_one(job, states[job.id]) for job in order[: max(0, free)]]
    if free <= 0 and any(job.kind != "demo" for job in order):
        # The example gives way and goes on when nobody waits.
        for job in found:
            if job.kind == "demo" and states[job.id].status == "running":
                stop(job, pause=True)
    return all(started)


def fair_order(found: list[Job], states: dict[str, State]) -> list[Job]:
    """Queued jobs in the order in which they will start.

    Examples come last. Of the others, the owner whose runs were started longest ago is next,
    with the oldest job first.
    """
    last: dict[str | None, float] = {}
    for job in found:
        last[job.owner] = max(last.get(job.owner, 0.0), states[job.id].started)
    waiting = [j for j in found if states[j.id].status == "queued" or _made_way(j, states[j.id])]
    waiting.sort(key=lambda j: j.created)
    order: list[Job] = []
    while waiting:
        job = min(waiting, key=lambda j: (j.kind == "demo", last[j.owner], j.created))
        waiting.remove(job)
        order.append(job)
        # Their next one comes after everybody else's.
        last[job.owner] = time.time() + len(order)
    return order


def _made_way(job: Job, state: State) -> bool:
    """Whether a job is the example and stopped only to let somebody pass."""
    return job.kind == "demo" and state.status == "paused"


def queue_position(job: Job) -> int:
    """How many queued jobs come before this one."""
    found = jobs.all_jobs()
    order = fair_order(found, {j.id: jobs.state(j) for j in found})
    return next((i for i, other in enumerate(order) if other.id == job.id), 0)


def stop(job: Job, *, pause: bool = False) -> None:
    """Ask a job to stop; it keeps a checkpoint and can be resumed."""
    status, phase = ("paused", Phase.PAUSED) if pause else ("cancelled", Phase.CANCELLED)
    if jobs.state(job).status == "queued":
        jobs.write_state(job, replace(jobs.written_state(job), status=status, phase=phase))
        return
    (job.folder / "cancel").write_text("pause" if pause else "cancel", encoding="utf-8")


def seconds_since_asked_to_stop(job: Job) -> float | None:
    """How long ago somebody asked a job to stop; None where nobody has."""
    try:
        return time.time() - (job.folder / "cancel").stat().st_mtime
    except FileNotFoundError:
        return None


def end(job: Job) -> None:
    """End a job's process and all it started, at once: for one that does not stop when asked.

    It can be resumed from its last checkpoint.
    """
    found = jobs.written_state(job)
    if jobs.at_work(job, found):
        end_tree(found.process)
    found = jobs.written_state(job)
    if found.status == "running":
        ended = replace(
            found,
            status="cancelled",
            message="The run was ended at once; it can be resumed from its last checkpoint.",
            phase=Phase.CANCELLED,
            ended=time.time(),
        )
        jobs.write_state(job, ended)
    advance_queue()


def clear_away() -> int:
    """Delete jobs and drafts that nobody has looked at for ``S2S_KEEP_DAYS``; how many jobs."""
    days = Limits.from_environment().keep_days
    if not days:
        return 0
    drafts.clear_away(days)
    gone = 0
    for job in jobs.all_jobs():
        old = time.time() - jobs.last_used(job) > days * DAY
        if old and jobs.state(job).status not in jobs.ACTIVE:
            # Somebody else may be faster.
            with suppress(S2SError, OSError):
                jobs.delete(job)
                gone += 1
    return gone


def _start_one(job: Job, found: State) -> bool:
    if _made_way(job, found):
        (job.folder / "cancel").unlink(missing_ok=True)
        found = replace(found, resume=True, message="")
    return _spawn(job, found)


def _spawn(job: Job, found: State) -> bool:
    """Start the worker; False if a former process of this job is still ending."""
    if jobs.at_work(job, found):
        return False
    threads = max(1, hardware.threads() // slots())
    environment = os.environ | {
        "S2S_RUNS": str(jobs.runs_folder()),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # Threads that spin while waiting slow each other down where cores are shared.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    with (job.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "s2s_core.jobs.worker", str(job.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=Path(__file__).parents[2],
            # Ctrl-C and a closed window are not for the worker: it outlives the server.
            start_new_session=True,
            creationflags=DETACHED,
        )
    # Before the worker reads it: that waits for the lock that is held here.
    jobs.write_state(
        job,
        replace(
            found,
            status="running",
            phase=Phase.STARTING,
            detail="",
            started=time.time(),
            stages=(),
            process=process.pid,
        ),
    )
    return True


def queue_lock() -> FileLock:
    """Lock under which jobs are started; it falls when its process ends, however it ends."""
    return FileLock(jobs.runs_folder() / ".queue")
