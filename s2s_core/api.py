"""The functions a notebook calls: impute and evaluate. Torch is loaded when they run, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from s2s_core.config import RunConfig
from s2s_core.config import preset as preset_config
from s2s_core.data.section import Section
from s2s_core.errors import S2SError

if TYPE_CHECKING:
    from s2s_core.data.result import Result
    from s2s_core.interfaces import Progress


def impute(
    section: Section,
    *,
    preset: str = "fast",
    method: str = "s2s",
    genes: Iterable[str] | None = None,
    compare: Iterable[str] | None = None,
    answer: str = "mean",
    seed: int = 0,
    device: str = "auto",
    threads: int = 0,
    config: RunConfig | None = None,
    folder: str | Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: bool = False,
) -> Result:
    """Impute the unmeasured positions of a section.

    Parameters
    ----------
    section : Section
        With gaps, or after :func:`sample`.
    preset : {"fast", "balanced", "paper"}
    method : str
        ``s2s`` or a classical method (``linear``, ``kriging``, ``programme-kriging``, ...).
    genes : list of str, optional
        Impute only these; normalisation uses all genes of the section all the same.
    compare : list of str, optional
        Methods to compute beside it; the preset's own when not given.
    answer : {"mean", "median"}
        What ``Result.imputed`` and its exports hold; both are computed.
    seed : int
    device : {"auto", "cpu", "cuda", "mps"}
    threads : int
        CPU threads; 0 takes ``OMP_NUM_THREADS`` where that is set, else one a core.
    config : RunConfig, optional
        A complete configuration instead of the above.
    folder : str or Path, optional
        Where checkpoints go, so that the run can be resumed.
    on_progress, should_stop : callable, optional
        Called between steps; the first with a :class:`Progress`, the second asks whether to stop.
    resume : bool
        Go on from the last checkpoint in ``folder``.

    Returns
    -------
    Result
        ``imputed``, ``maps``, ``layers`` (median, lower, upper), ``metrics``, ``to_anndata()``.

    Raises
    ------
    S2SError
        If the section cannot be imputed as asked.

    Examples
    --------
    >>> import s2s_core as s2s
    >>> section = s2s.sample(s2s.read("section.h5ad"), "lattice:2")  # doctest: +SKIP
    >>> s2s.impute(section, preset="fast", genes=["MBP", "PLP1"]).metrics  # doctest: +SKIP
    """
    from s2s_core.imputation import run

    if genes is not None:
        section = section.subset_genes([genes] if isinstance(genes, str) else genes)
    if config is None:
        changes = {
            "method": method,
            "seed": seed,
            "device": device,
            "threads": threads,
            "answer": answer,
        }
        if compare is not None:
            changes["compare"] = tuple(compare)
        config = preset_config(preset, **changes)
    return run(
        section,
        config,
        folder=None if folder is None else Path(folder),
        on_progress=on_progress,
        should_stop=should_stop,
        resume=resume,
    )


def evaluate(
    section: Section, *, methods: Iterable[str] | None = None, preset: str = "fast", **options
) -> pd.DataFrame:
    """Compare methods on the spots that a mask hides.

    Parameters
    ----------
    section : Section
        After :func:`sample`, so that hidden truth exists.
    methods : list of str, optional
        Names of the method registry; all that suit the mask when not given.
    preset : {"fast", "balanced", "paper"}
    **options
        ``genes``, ``seed``, ``device``, ``threads``, ... of :func:`impute`.

    Returns
    -------
    DataFrame
        One row a method: mean over genes of MAE, RMSE, PCC, SSIM, ...
    """
    from s2s_core.assessment.metrics import summarise

    return summarise(score_methods(section, methods=methods, preset=preset, **options).metrics)


def score_methods(
    section: Section, *, methods: Iterable[str] | None = None, preset: str = "fast", **options
) -> Result:
    """:func:`evaluate` with everything it computed.

    Raises
    ------
    S2SError
        If no spot is hidden, or a method is unknown.
    """
    from s2s_core.methods import METHODS

    if not section.hidden.any():
        raise S2SError(
            "No spot is hidden, so there is nothing to score against: apply a sampling mask first "
            "(for example lattice:2)."
        )
    # A run leaves out by itself what does not suit the mask.
    methods = METHODS if methods is None else methods
    first, *others = list(dict.fromkeys(methods))
    return impute(section, method=first, compare=others, preset=preset, **options)
