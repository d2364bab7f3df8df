"""The paper engine as a method: CDCIN on single genes (S2S-ST, arXiv 2507.16886)."""

from __future__ import annotations

import numpy as np

from s2s_core.config import PaperTraining, RunConfig
from s2s_core.data.observation import Observation
from s2s_core.interfaces import Hooks, Prediction, Predictor
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.fit_shared import Preview, details_of, prepare, train_on
from s2s_core.network.patch_source import PaperSource, predict_genes


def fit_paper(obs: Observation, config: RunConfig, hooks: Hooks) -> Predictor:
    """Train CDCIN on patches of single genes.

    Raises
    ------
    S2SError
        For a device that is not there or too few measured spots.
    Cancelled
        When asked to stop; the checkpoint is written.
    """
    settings = config.train
    assert isinstance(settings, PaperTraining)
    device = prepare(config)
    source = PaperSource(obs, settings, config.seed)
    model = CDCIN(config.model)
    gene = hooks.preview
    preview: Preview | None = (
        None if gene is None else lambda model: source.preview(model, device, gene)
    )
    state = train_on(source, model, obs, config, hooks, device, preview=preview)
    details = details_of(state, model, device, int(source.aside.sum())) | {"prior": False}
    augmented = settings.augment_at_prediction

    def predict(seen: Observation, targets: np.ndarray) -> Prediction:
        values = predict_genes(model, seen, targets, device, augmented=augmented)
        return Prediction(values, None, details)

    return predict
