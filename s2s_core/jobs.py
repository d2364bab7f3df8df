"""Job folders: long runs as processes of their own, started, watched, cancelled and resumed.

A job is a folder under ``S2S_RUNS`` (default ``runs``) that holds everything about it::

    section.h5ad config.json job.json      what was asked
    state.json progress.jsonl preview.npy  how it stands (state and preview replaced in one go)
    cancel                                 a wish to stop
    lock                                   held by the worker as long as it lives
    checkpoint.pt worker.log result/       what it leaves

Nothing about a job lives in the web process, so a reload, another page or a restarted server
finds it as it is. This module never imports torch.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from s2s_core.config import RunConfig
from s2s_core.errors import S2SError
from s2s_core.section import Section
from s2s_core.store import atomic, load_section, save_section

JOB_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")
ACTIVE = ("queued", "running")
RESUMABLE = ("cancelled", "interrupted", "failed")
# A worker that has said its last word takes a moment to end.
ENDING_POLLS = 50


@dataclass(frozen=True)
class State:
    """How a job stands.

    Attributes
    ----------
    status : str
        queued, running, done, failed, cancelled or interrupted (its process is gone).
    message : str
        For a failed job the sentence that says why.
    phase, step, steps, seconds_left : progress
    started, ended : float
        Seconds since the epoch.
    resume : bool
        The next start goes on from the checkpoint.
    """

    status: str = "queued"
    message: str = ""
    phase: str = "Waiting"
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    started: float = 0.0
    ended: float = 0.0
    resume: bool = False


@dataclass(frozen=True)
class Job:
    """A job and its folder."""

    id: str
    folder: Path
    name: str
    created: float
    preview_gene: str | None

    @property
    def result(self) -> Path:
        """Folder of the finished result."""
        return self.folder / "result"

    def config(self) -> RunConfig:
        """The run's configuration."""
        return RunConfig.from_json((self.folder / "config.json").read_text())

    def section(self) -> Section:
        """The section as it was handed in."""
        return load_section(self.folder / "section.h5ad")


def runs_folder() -> Path:
    """Folder that holds all jobs."""
    return Path(os.environ.get("S2S_RUNS", "runs")).absolute()


def slots() -> int:
    """How many jobs may run at once."""
    return max(1, int(os.environ.get("S2S_WORKERS", "1")))


def create(section: Section, config: RunConfig, name: str, preview_gene: str | None = None) -> Job:
    """Make a job folder; :func:`start` queues it.

    Raises
    ------
    S2SError
        Where the section cannot be imputed: better said now than by the job.
    """
    section.check_ready()
    job_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(6)}"
    folder = runs_folder() / job_id
    folder.mkdir(parents=True)
    save_section(section, folder / "section.h5ad")
    (folder / "config.json").write_text(config.to_json())
    about = {"name": name, "created": time.time(), "preview_gene": preview_gene}
    # Written last: a folder without it is no job yet.
    _write_json(folder / "job.json", about)
    return Job(job_id, folder, **about)


def find(job_id: str) -> Job:
    """Job of an id that may come from anywhere (a URL).

    Raises
    ------
    S2SError
        If it is no id, or there is no such job.
    """
    if not JOB_ID.fullmatch(job_id):
        raise S2SError("The address names no run; open one from the list of runs.")
    folder = runs_folder() / job_id
    try:
        about = json.loads((folder / "job.json").read_text())
    except FileNotFoundError:
        raise S2SError("This run does not exist any more; open another from the list.") from None
    return Job(job_id, folder, **about)


def all_jobs() -> list[Job]:
    """Every job, newest first."""
    found = []
    for path in runs_folder().glob("*/job.json"):
        with suppress(S2SError):
            found.append(find(path.parent.name))
    return sorted(found, key=lambda job: job.created, reverse=True)


def state(job: Job) -> State:
    """How the job stands; a running job whose process is gone is ``interrupted``."""
    found = _read_state(job)
    if found.status == "running" and not _alive(job):
        # The worker may have ended between the two looks.
        found = _read_state(job)
        if found.status == "running":
            found = replace(
                found, status="interrupted", message="The run was interrupted and can be resumed."
            )
    return found


def start(job: Job, *, resume: bool = False) -> None:
    """Queue a job and start it if a place is free."""
    (job.folder / "cancel").unlink(missing_ok=True)
    write_state(job, replace(_read_state(job), status="queued", message="", phase="Waiting",
                             seconds_left=None, resume=resume))  # fmt: skip
    for _ in range(ENDING_POLLS):
        if advance_queue():
            return
        time.sleep(0.1)


def advance_queue() -> bool:
    """Start queued jobs, oldest first, while places are free.

    False if one could not start yet because its former process is still ending.
    """
    runs_folder().mkdir(parents=True, exist_ok=True)
    with _locked(runs_folder() / ".queue"):
        jobs = all_jobs()[::-1]
        states = {job.id: state(job) for job in jobs}
        free = slots() - sum(s.status == "running" for s in states.values())
        waiting = [job for job in jobs if states[job.id].status == "queued"]
        started = [_spawn(job, states[job.id]) for job in waiting[: max(0, free)]]
    return all(started)


def queue_position(job: Job) -> int:
    """How many queued jobs come before this one."""
    earlier = [j for j in all_jobs() if j.created < job.created]
    return sum(state(j).status == "queued" for j in earlier)


def cancel(job: Job) -> None:
    """Ask a job to stop; it keeps a checkpoint and can be resumed."""
    if state(job).status == "queued":
        write_state(job, replace(_read_state(job), status="cancelled", phase="Cancelled"))
        return
    (job.folder / "cancel").touch()


def rename(job: Job, name: str) -> None:
    """Give the job another name."""
    about = {"name": name, "created": job.created, "preview_gene": job.preview_gene}
    _write_json(job.folder / "job.json", about)


def delete(job: Job) -> None:
    """Remove a job and everything it holds.

    Raises
    ------
    S2SError
        While it is running.
    """
    if state(job).status == "running":
        raise S2SError("This run is still working; cancel it before deleting it.")
    shutil.rmtree(job.folder)


def progress(job: Job) -> list[dict]:
    """Lines of progress so far, a half-written last one and repeated steps left out."""
    try:
        text = (job.folder / "progress.jsonl").read_text()
    except FileNotFoundError:
        return []
    lines: list[dict] = []
    for raw in text.splitlines():
        with suppress(json.JSONDecodeError):
            line = json.loads(raw)
            # A resumed run goes back to its checkpoint: what followed it is repeated.
            while lines and line["losses"] and lines[-1]["step"] >= line["step"]:
                lines.pop()
            if line["losses"]:
                lines.append(line)
    return lines


def preview(job: Job) -> np.ndarray | None:
    """Latest map (n,) of the preview gene."""
    path = job.folder / "preview.npy"
    return np.load(path) if path.exists() else None


def write_state(job: Job, new: State) -> None:
    """Replace the job's state in one go."""
    _write_json(job.folder / "state.json", asdict(new))


def _read_state(job: Job) -> State:
    try:
        return State(**json.loads((job.folder / "state.json").read_text()))
    except FileNotFoundError:
        return State()


def _write_json(path: Path, data: dict) -> None:
    with atomic(path) as part:
        part.write_text(json.dumps(data))


def _spawn(job: Job, found: State) -> bool:
    """Start the worker; False if another process of this job still holds its lock."""
    threads = max(1, (os.cpu_count() or 1) // slots())
    environment = os.environ | {
        "S2S_RUNS": str(runs_folder()),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # Threads that spin while waiting slow each other down where cores are shared.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    # The lock travels with the open file into the worker and falls when the worker ends,
    # however it ends; no process id can be mistaken for another's.
    with (job.folder / "lock").open("w") as lock, (job.folder / "worker.log").open("a") as log:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # Only under the lock: "running" without it means that the process is gone.
        write_state(job, replace(found, status="running", phase="Starting", started=time.time()))
        subprocess.Popen(
            [sys.executable, "-m", "s2s_core.worker", str(job.folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            cwd=Path(__file__).parent.parent, pass_fds=(lock.fileno(),), start_new_session=True,
        )  # fmt: skip
    return True


def _alive(job: Job) -> bool:
    try:
        with (job.folder / "lock").open("r") as lock:
            # Shared, so that two who look at the same time do not take each other for the worker.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def _locked(path: Path):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
