"""The programme engine as a method: kriged gene programmes, corrected by CDCIN."""

from __future__ import annotations

import numpy as np
import torch

from s2s_core.config import ProgrammeTraining, RunConfig
from s2s_core.data.observation import Observation
from s2s_core.errors import Cancelled
from s2s_core.geostat.first_estimate import FIT_STEPS
from s2s_core.interfaces import Hooks, Prediction, Predictor, Progress
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.fit_shared import Preview, details_of, prepare, train_on
from s2s_core.network.pretrained import WEIGHTS, load_pretrained, pretrained_fits
from s2s_core.network.programme_source import ProgrammeSource, correct
from s2s_core.network.trainer import to_device
from s2s_core.vocabulary import Phase


def fit_programmes(obs: Observation, config: RunConfig, hooks: Hooks) -> Predictor:
    """Train CDCIN to correct the first estimates of gene programmes.

    Raises
    ------
    S2SError
        For a device that is not there or too few measured spots.
    Cancelled
        When asked to stop; the checkpoint is written.
    """
    settings = config.train
    assert isinstance(settings, ProgrammeTraining)
    device = prepare(config)

    def tick(done: int, parts: int) -> None:
        if hooks.should_stop():
            raise Cancelled
        hooks.on_progress(Progress(Phase.FITTING, done, parts))

    tick(0, FIT_STEPS)
    source = ProgrammeSource(
        obs, settings, programmes=config.programmes, seed=config.seed, tick=tick
    )
    model = CDCIN(config.model)
    untrained = _pretrained(config, settings, device)
    if untrained is not None:
        model.load_state_dict(untrained.state_dict())
    gene = hooks.preview
    preview: Preview | None = None if gene is None else lambda model: source.preview(gene)
    start = WEIGHTS.read_bytes() if pretrained_fits(config.model) else b""
    state = train_on(source, model, obs, config, hooks, device, start=start, preview=preview)
    share, first_estimate = source.shares(model, untrained, device), source.first_estimate
    used = [ridges for ridges in first_estimate.ridges if ridges]
    details = details_of(state, model, device, int(source.aside.sum())) | {
        "prior": untrained is not None,
        "network_share": float(np.average(share, weights=first_estimate.importance**2)),
        "programmes": len(first_estimate.programmes.scale),
        "regression": f"in {len(used)} of {len(first_estimate.ridges)} weightings of the genes",
        "remainder_share": float(first_estimate.residuals.shrinkage.mean()),
    }
    augmented = settings.augment_at_prediction

    def predict(seen: Observation, targets: np.ndarray) -> Prediction:
        at = (slice(None), *np.divmod(targets, seen.grid.shape[1]))
        estimate = first_estimate.estimate(seen)
        corrected = correct(model, estimate, seen.grid.tissue, device, augmented=augmented)
        scores = estimate.mean[at].T
        scores = scores + share * (corrected[at].T - scores)
        sd = first_estimate.gene_deviation(
            estimate.deviation[at].T ** 2 + first_estimate.variograms.noise
        )
        return Prediction(first_estimate.genes(seen, targets, scores), sd, details)

    return predict


def _pretrained(
    config: RunConfig, settings: ProgrammeTraining, device: torch.device
) -> CDCIN | None:
    """Network with the weights that ship, where they fit."""
    if not settings.pretrained or not pretrained_fits(config.model):
        return None
    model = CDCIN(config.model)
    model.load_state_dict(load_pretrained())
    return to_device(model, device)
