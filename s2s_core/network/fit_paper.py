"""The paper engine as a method: CDCIN on single genes (S2S-ST, arXiv 2507.16886).

Every gene has a network of its own, trained one after the other; each is kept as soon as it is
trained, so that a stopped run goes on where it was. One network for all genes is an option of
its own (``shared_network``, preset ``paper-shared``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from s2s_core.config import PaperTraining, RunConfig
from s2s_core.data.observation import Observation
from s2s_core.errors import S2SError
from s2s_core.interfaces import Hooks, Prediction, Predictor, Progress
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.fit_shared import Preview, details_of, fingerprint, prepare, train_on
from s2s_core.network.patch_source import PaperSource
from s2s_core.network.predict_patches import predict_gene
from s2s_core.network.trainer import TrainState, checkpoint_of, to_device

Weights = dict[str, Tensor]


def fit_paper(obs: Observation, config: RunConfig, hooks: Hooks) -> Predictor:
    """Train CDCIN on patches of single genes, a network for each gene.

    Raises
    ------
    S2SError
        For a device that is not there, too few measured spots, or a checkpoint of another run.
    Cancelled
        When asked to stop; the checkpoint is written.
    """
    settings = config.train
    assert isinstance(settings, PaperTraining)
    device = prepare(config)
    # A gene that is the same everywhere teaches nothing: it is filled in as it is.
    constant = np.ptp(obs.values, axis=0) == 0
    varied = np.flatnonzero(~constant)
    if not len(varied):
        raise S2SError(
            "Every gene is the same at all measured spots: there is nothing to learn; choose "
            "other genes."
        )
    groups = [varied] if settings.shared_network else [varied[[k]] for k in range(len(varied))]
    kept = KeptNetworks(hooks.checkpoint, fingerprint(obs, config, b""), resume=hooks.resume)
    state, source, model = TrainState(), None, CDCIN(config.model)
    for index, genes in enumerate(groups):
        # Each gene's network begins alike, whatever was trained before it.
        torch.manual_seed(config.seed)
        model = CDCIN(config.model)
        source = PaperSource(obs, genes, settings, config.seed)
        if kept.has(index):
            continue
        state = train_on(
            source,
            model,
            obs,
            config,
            kept.hooks(hooks, index, len(groups)),
            device,
            part=str(index),
            preview=_preview(source, device, hooks.preview, genes),
        )
        kept.keep(index, model)
    assert source is not None
    details = details_of(state, model, device, int(source.aside.sum())) | {
        "prior": False,
        "networks": len(groups),
        "steps_done": source.steps if state.step == 0 else state.step,
        "patches": len(source.corners),
        "sparser_inputs": _task(source),
        "constant_genes": int(constant.sum()),
    }

    def predict(seen: Observation, targets: np.ndarray) -> Prediction:
        values = np.broadcast_to(seen.values[0], (len(targets), seen.n_genes)).copy()
        for index, genes in enumerate(groups):
            model.load_state_dict(kept.weights(index))
            to_device(model, device)
            for gene in genes:
                values[:, gene] = predict_gene(model, seen, gene, targets, device, settings)
        return Prediction(values, None, details)

    return predict


def _preview(
    source: PaperSource, device: torch.device, gene: int | None, genes: np.ndarray
) -> Preview | None:
    """Draws the preview gene while its own network is trained."""
    if gene is None or gene not in genes:
        return None
    return lambda model: source.preview(model, device, gene)


def _task(source: PaperSource) -> str:
    """What the network learned from, in words for the run's record."""
    if source.decimated is not None:
        return f"the decimated grid of a lattice of stride {source.decimated.stride}"
    if source.hexagonal:
        return "random parts of the measured spots (they are no hexagonal lattice along its rows)"
    return "random parts of the measured spots (they are no lattice)"


class KeptNetworks:
    """Trained networks of a run: files beside its checkpoint, or memory where it has none.

    Parameters
    ----------
    checkpoint : Path or None
        The file of the training in hand; trained networks go into a folder beside it.
    run : str
        Fingerprint of the run: files of another one are refused when resuming, else replaced.
    resume : bool
    """

    def __init__(self, checkpoint: Path | None, run: str, *, resume: bool) -> None:
        self._run, self._memory = run, dict[int, Weights]()
        self._checkpoint, self._resume = checkpoint, resume
        self._folder = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-networks")
        if self._folder and not resume:
            for old in self._folder.glob("*.pt"):
                old.unlink()
        # The training in hand may be of any gene, but of this run.
        if checkpoint and resume and checkpoint.exists():
            self._check(checkpoint, checkpoint_of(checkpoint).split()[0], run)

    def hooks(self, hooks: Hooks, index: int, count: int) -> Hooks:
        """Hooks for one of several trainings: progress over all, its own checkpoint."""
        file = self._checkpoint
        own = bool(
            self._resume and file and file.exists() and checkpoint_of(file) == self._of(index)
        )

        def on_progress(progress: Progress) -> None:
            steps, left = progress.steps, progress.seconds_left
            if left is not None and progress.step < steps:
                left += left / (steps - progress.step) * steps * (count - 1 - index)
            which = f"gene {index + 1} of {count}" if count > 1 else ""
            hooks.on_progress(
                replace(
                    progress,
                    detail=", ".join(part for part in (progress.detail, which) if part),
                    step=index * steps + progress.step,
                    steps=count * steps,
                    seconds_left=left,
                )
            )

        return replace(hooks, resume=own, on_progress=on_progress)

    def has(self, index: int) -> bool:
        """Whether a network was trained before, by this run or the one it resumes.

        Raises
        ------
        S2SError
            If there is one of another run.
        """
        path = self._path(index)
        if path is None or not path.exists():
            return index in self._memory
        self._check(path, checkpoint_of(path), self._of(index))
        return True

    def keep(self, index: int, model: CDCIN) -> None:
        """Keep a trained network; the checkpoint of its training is done with."""
        weights = {name: v.detach().cpu().clone() for name, v in model.state_dict().items()}
        path = self._path(index)
        if path is None:
            self._memory[index] = weights
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save({"fingerprint": self._of(index), "model": weights}, part)
        part.replace(path)

    def weights(self, index: int) -> Weights:
        """Weights of a trained network."""
        path = self._path(index)
        if path is None:
            return self._memory[index]
        return torch.load(path, map_location="cpu", weights_only=True)["model"]

    def _of(self, index: int) -> str:
        """Fingerprint of one training."""
        return f"{self._run} {index}"

    @staticmethod
    def _check(path: Path, found: str, wanted: str) -> None:
        if found != wanted:
            raise S2SError(
                f"The checkpoint {str(path)!r} belongs to another section or other settings; "
                "resume with the same ones, or start afresh without resuming."
            )

    def _path(self, index: int) -> Path | None:
        return self._folder and self._folder / f"{index:05d}.pt"
