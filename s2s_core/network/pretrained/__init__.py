"""Pretrained weights: what photographs and synthetic patterns teach about restoring a sparse map.

``python -m s2s_core.network.pretrained`` makes them; :func:`load_pretrained` gives them to a
network.
"""

from __future__ import annotations

import json

from torch import Tensor

from s2s_core._files import ASSETS
from s2s_core.config import ModelConfig

WEIGHTS = ASSETS / "prior.safetensors"
CARD = ASSETS / "prior.json"


def pretrained_fits(config: ModelConfig) -> bool:
    """Whether the weights that ship are of this shape of network."""
    return WEIGHTS.exists() and ModelConfig(**json.loads(CARD.read_text())["model"]) == config


def load_pretrained() -> dict[str, Tensor]:
    """Pretrained weights by parameter name."""
    from safetensors.torch import load_file

    return load_file(WEIGHTS)
