"""Progress of a run on a terminal, stopped by Ctrl-C."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from s2s_core.errors import Cancelled
from s2s_core.interfaces import Hooks, Progress

if TYPE_CHECKING:
    import pandas as pd


class Stop:
    """The first Ctrl-C asks the run to stop at its next step; a second one ends it at once."""

    def __init__(self) -> None:
        self._asked = False
        self._before: Callable | int | None = None

    def __enter__(self) -> Stop:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, *_: object) -> None:
        self._asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("\nStopping after this step ...", file=sys.stderr)

    def asked(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._asked


class Bar:
    """Progress bar with the time left, one a phase."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._phase = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, progress: Progress) -> None:
        """Draw one line of a run's progress."""
        if self._bar is None or progress.words != self._phase:
            self.close()
            self._phase = progress.words
            self._bar = tqdm(
                desc=progress.words,
                total=max(progress.steps, 1),
                bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]",
                file=sys.stderr,
            )
        if progress.seconds_left is not None:
            left = tqdm.format_interval(max(progress.seconds_left, 0))
            self._bar.set_postfix_str(f"{left} left", refresh=False)
        self._bar.update(min(progress.step, self._bar.total) - self._bar.n)

    def close(self) -> None:
        """Finish the line."""
        if self._bar is not None:
            if self._bar.total == 1:
                # A phase of one step says that it began; that the next one came, that it ended.
                self._bar.update(1 - self._bar.n)
            self._bar.close()
            self._bar = None


@contextmanager
def running(argv: list[str], out: Path) -> Iterator[Hooks]:
    """Hooks of a long command that keeps what is done; a stop says how to go on.

    Parameters
    ----------
    argv : list of str
        The command as it was given.
    out : Path
        Where what is done is kept.
    """
    with Stop() as stop, Bar() as bar:
        try:
            yield Hooks(on_progress=bar.show, should_stop=stop.asked)
        except (Cancelled, KeyboardInterrupt):
            bar.close()
            print(
                f"What was done is kept in {out}. Go on with:\n"
                f"  python -m s2s_core {shlex.join(argv)}",
                file=sys.stderr,
            )
            raise KeyboardInterrupt from None


def score_table(table: pd.DataFrame) -> str:
    """Scores as a terminal shows them."""
    return table.to_string(float_format=lambda v: f"{v:.4f}")
