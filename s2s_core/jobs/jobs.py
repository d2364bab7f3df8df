"""Job folders: what was asked of a long run, how it stands and what it leaves.

A job is a folder under ``S2S_RUNS`` (default ``runs``) that holds everything about it::

    job.json                               the format of the folder, whose job it is
    section.h5ad config.json               what was asked (a study: task.json as well)
    state.json progress.jsonl preview.npy  how it stands (state and preview replaced in one go)
    cancel                                 asks it to stop ("cancel" or "pause")
    opened                                 when somebody last looked at it
    checkpoint.pt worker.log result/       what it leaves

Nothing about a job lives in the web process, so a reload, another page or a restarted server
finds it as it is. :mod:`s2s_core.jobs.runner` starts, stops and queues jobs.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from s2s_core.config import RunConfig
from s2s_core.data.format_number import FORMAT_KEY, UNNUMBERED, format_number
from s2s_core.data.section import Section
from s2s_core.data.store import load_section, save_section
from s2s_core.errors import S2SError
from s2s_core.jobs.json_files import read_json, write_json
from s2s_core.jobs.state import State, state_of
from s2s_core.processes import is_running

JOB_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")
ACTIVE = ("queued", "running")
RESUMABLE = ("paused", "cancelled", "interrupted", "failed")
# What a job imputes with its result; studies try many imputations on a pilot.
IMPUTING = ("run", "tournament", "demo")
STUDIES = ("plan", "experiment")
# Form of a job's folder, written into its job.json and state.json (see `format_number`).
JOB_FORMAT = 1


@dataclass(frozen=True)
class Job:
    """A job and its folder.

    Attributes
    ----------
    id : str
        Hard to guess: whoever has it may look at the job.
    folder : Path
    name : str
    created : float
        Seconds since the epoch.
    preview_gene : str or None
    owner : str or None
        Whose list it stands in and who may change it; None: whoever has the id.
    kind : str
        Of :data:`IMPUTING`: an imputation; every method tried on withheld spots to recommend
        one; the finished example. Of :data:`STUDIES`: accuracy against budget on a pilot; one of
        the paper's experiments.
    """

    id: str
    folder: Path
    name: str
    created: float
    preview_gene: str | None = None
    owner: str | None = None
    kind: str = "run"

    @property
    def result(self) -> Path:
        """Folder of the finished result."""
        return self.folder / "result"

    def config(self) -> RunConfig:
        """The run's configuration."""
        return RunConfig.from_json((self.folder / "config.json").read_text(encoding="utf-8"))

    def task(self) -> dict:
        """Task of a study."""
        return json.loads((self.folder / "task.json").read_text(encoding="utf-8"))

    def section(self) -> Section:
        """The section as it was handed in."""
        return load_section(self.folder / "section.h5ad")


def runs_folder() -> Path:
    """Folder that holds all jobs."""
    return Path(os.environ.get("S2S_RUNS", "runs")).absolute()


def create(
    section: Section,
    config: RunConfig,
    name: str,
    preview_gene: str | None = None,
    *,
    owner: str | None = None,
    kind: str = "run",
    task: dict | None = None,
) -> Job:
    """Make a job folder; :func:`s2s_core.jobs.runner.start` queues it.

    ``task`` says what a study is to do (:mod:`s2s_core.jobs.studies`).

    Raises
    ------
    S2SError
        Where the section cannot be imputed: better said now than by the job.
    """
    if kind in IMPUTING:
        section.check_ready()
    job_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(6)}"
    folder = runs_folder() / job_id
    folder.mkdir(parents=True)
    save_section(section, folder / "section.h5ad")
    (folder / "config.json").write_text(config.to_json(), encoding="utf-8")
    if task is not None:
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    job = Job(job_id, folder, name, time.time(), preview_gene, owner, kind)
    # Written last: a folder without it is no job yet.
    _write_about(job)
    return job


def find(job_id: str) -> Job:
    """Job of an id that may come from anywhere (a URL).

    Raises
    ------
    S2SError
        If it is no id, there is no such job, or a newer program made it.
    """
    if not JOB_ID.fullmatch(job_id):
        raise S2SError("The address names no run; open one from the list of runs.")
    folder = runs_folder() / job_id
    try:
        about = read_json(folder / "job.json")
    except FileNotFoundError:
        raise S2SError("This run does not exist any more; open another from the list.") from None
    format_number(about, JOB_FORMAT, f"The run {about.get('name', job_id)!r}")
    about.pop(FORMAT_KEY, None)
    return Job(job_id, folder, **about)


def all_jobs(owner: str | None = None) -> list[Job]:
    """Every job, or those of one owner, newest first."""
    found = []
    for path in runs_folder().glob("*/job.json"):
        with suppress(S2SError):
            found.append(find(path.parent.name))
    mine = [job for job in found if owner is None or job.owner == owner]
    return sorted(mine, key=lambda job: job.created, reverse=True)


def state(job: Job) -> State:
    """State of a job; a running job whose process is gone is ``interrupted``."""
    found = written_state(job)
    if found.status == "running" and not at_work(job, found):
        # The worker may have ended between the two looks.
        found = written_state(job)
        if found.status == "running":
            found = replace(
                found, status="interrupted", message="The run was interrupted and can be resumed."
            )
    return found


def at_work(job: Job, found: State) -> bool:
    """Whether the job's process lives, whatever its state says."""
    return is_running(found.process, job.id)


def rename(job: Job, name: str) -> Job:
    """Give the job another name."""
    job = replace(job, name=name.strip()[:200] or job.name)
    _write_about(job)
    return job


def touch(job: Job) -> None:
    """Note that somebody looks at the job: what is looked at is kept."""
    with suppress(OSError):
        (job.folder / "opened").touch()


def last_used(job: Job) -> float:
    """When the job last changed or was looked at, in seconds since the epoch."""
    times = [job.created]
    for name in ("state.json", "opened"):
        with suppress(OSError):
            times.append((job.folder / name).stat().st_mtime)
    return max(times)


def delete(job: Job) -> None:
    """Remove a job and everything it holds.

    Raises
    ------
    S2SError
        While it is running, or while another program has its files open (on Windows that keeps
        them from being deleted).
    """
    if state(job).status == "running":
        raise S2SError("This run is still working; cancel it before deleting it.")
    try:
        shutil.rmtree(job.folder)
    except PermissionError:
        raise S2SError(
            "The files of this run are open in another window or program; close that and delete "
            "the run again."
        ) from None


def progress(job: Job) -> list[dict]:
    """Lines of progress so far, a half-written last one and repeated steps left out."""
    try:
        text = (job.folder / "progress.jsonl").read_text(encoding="utf-8")
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
    write_json(job.folder / "state.json", {FORMAT_KEY: JOB_FORMAT, **asdict(new)})


def written_state(job: Job) -> State:
    """State as it was last written, whether its process lives or not."""
    try:
        found = read_json(job.folder / "state.json")
    except FileNotFoundError:
        return State()
    number = format_number(found, JOB_FORMAT, f"The run {job.name!r}")
    return state_of(found, sentences=number == UNNUMBERED)


def _write_about(job: Job) -> None:
    fields = ("name", "created", "preview_gene", "owner", "kind")
    about = {name: getattr(job, name) for name in fields}
    write_json(job.folder / "job.json", {FORMAT_KEY: JOB_FORMAT, **about})
