"""The process that runs one job: ``python -m s2s_core.jobs.worker JOB_FOLDER``."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from s2s_core.data.result import save_result
from s2s_core.data.store import atomic
from s2s_core.errors import Cancelled, S2SError
from s2s_core.imputation import run
from s2s_core.interfaces import Progress
from s2s_core.jobs import jobs, runner
from s2s_core.jobs.state import Stage
from s2s_core.limits import Limits
from s2s_core.output.export import export
from s2s_core.vocabulary import Phase

STATE_SECONDS = 0.5
# Kept on the disk while a job works, so that a full one can be reported.
RESERVE, RESERVE_BYTES = "reserve", 1 << 16


class Reporter:
    """Writes progress to the job folder and says when to stop."""

    def __init__(self, job: jobs.Job, state: jobs.State) -> None:
        self.job, self.state = job, state
        self.terminated = False
        self._written = 0.0
        hours = Limits.from_environment().max_hours
        self.deadline = time.monotonic() + hours * 3600 if hours else None

    def on_progress(self, progress: Progress) -> None:
        """Append a line, refresh the state and the preview."""
        if progress.losses:
            line = {
                "phase": progress.phase,
                "step": progress.step,
                "losses": progress.losses,
                "score": progress.score,
            }
            with (self.job.folder / "progress.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        if progress.preview is not None:
            with atomic(self.job.folder / "preview.npy") as part, part.open("wb") as file:
                np.save(file, progress.preview)
        stage = Stage(progress.phase, progress.detail, time.time())
        phase_is_new = stage.name != (self.state.phase, self.state.detail)
        stages = self.state.stages
        if phase_is_new:
            stages += (stage,)
        self.state = replace(
            self.state,
            phase=progress.phase,
            detail=progress.detail,
            step=progress.step,
            steps=progress.steps,
            seconds_left=progress.seconds_left,
            stages=stages,
        )
        if phase_is_new or time.monotonic() - self._written > STATE_SECONDS:
            jobs.write_state(self.job, self.state)
            self._written = time.monotonic()

    @property
    def late(self) -> bool:
        """Whether the run has had all the time it may take."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def should_stop(self) -> bool:
        """Whether the user, the clock or the machine wants the process to end."""
        return self.terminated or self.late or (self.job.folder / "cancel").exists()

    def stopped(self) -> None:
        """Write why the run stopped before its end."""
        request = self.job.folder / "cancel"
        if self.terminated:
            self.end("interrupted", "The run was interrupted and can be resumed.")
        elif request.exists() and request.read_text(encoding="utf-8") == "pause":
            self.end("paused", "The run is paused; resume it when you like.")
        elif request.exists():
            self.end("cancelled", "The run was cancelled; it can be resumed where it stopped.")
        else:
            hours = Limits.from_environment().max_hours
            self.end(
                "paused",
                f"The run was paused after {hours:g} hours, the longest that one "
                "may take here at a stretch; resume it, or choose fewer genes.",
            )

    def end(self, status: str, message: str = "") -> None:
        """Write the final state."""
        jobs.write_state(
            self.job,
            replace(
                self.state, status=status, message=message, ended=time.time(), seconds_left=None
            ),
        )


def work(folder: Path) -> None:
    """Run the job of a folder to its end, whatever end that is."""
    job = jobs.find(folder.name)
    # Whoever started this holds the lock until the state says so.
    with runner.queue_lock():
        state = replace(jobs.written_state(job), status="running", process=os.getpid())
    reporter = Reporter(job, state)

    def terminate(*_) -> None:
        reporter.terminated = True

    signal.signal(signal.SIGTERM, terminate)
    try:
        (job.folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        if job.kind in jobs.STUDIES:
            study(job, reporter)
        else:
            impute(job, reporter)
        reporter.end("done")
    except Cancelled:
        reporter.stopped()
    except S2SError as error:
        reporter.end("failed", str(error))
    except MemoryError:
        logging.exception("out of memory")
        reporter.end("failed", "The run needs more memory than there is; choose fewer genes.")
    except OSError as error:
        make_room(job)
        reason = os.strerror(error.errno) if error.errno else error
        reporter.end(
            "failed",
            f"The run could not write its files ({reason}); make room on the disk and resume it.",
        )
    except Exception:
        logging.exception("unexpected error")
        reporter.end(
            "failed",
            "Something went wrong in the program; the details are in the run's log, worker.log.",
        )
    finally:
        (job.folder / RESERVE).unlink(missing_ok=True)
        runner.advance_queue()


def make_room(job: jobs.Job) -> None:
    """On a full disk, room for the few bytes that say what happened.

    A result that is not whole is written anew anyway; but a library that failed may hold its
    file open, and then only the reserve is free.
    """
    (job.folder / RESERVE).unlink(missing_ok=True)
    if job.kind in jobs.IMPUTING and not (job.result / "run.json").exists():
        shutil.rmtree(job.result, ignore_errors=True)
    with suppress(OSError):
        logging.exception("file error")


def impute(job: jobs.Job, reporter: Reporter) -> None:
    """Run an imputation and write its result."""
    result = run(
        job.section(),
        job.config(),
        folder=job.folder,
        resume=reporter.state.resume,
        on_progress=reporter.on_progress,
        should_stop=reporter.should_stop,
        preview_gene=job.preview_gene,
    )
    reporter.on_progress(Progress(Phase.WRITING, 0, 1))
    export(result, job.result)
    save_result(result, job.result)


def study(job: jobs.Job, reporter: Reporter) -> None:
    """Run a study; it keeps what is finished by itself."""
    from s2s_core.interfaces import Hooks
    from s2s_core.jobs.studies import run_study

    hooks = Hooks(on_progress=reporter.on_progress, should_stop=reporter.should_stop)
    run_study(job, hooks)


def main() -> int:
    """Entry point."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    work(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
