"""The trained prior: what photographs and random fields teach about restoring a sparse map.

``python -m s2s_core.network.pretrained`` makes it; :func:`load_pretrained` gives it to a network.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from s2s_core._files import ASSETS
from s2s_core.config import ModelConfig

WEIGHTS = ASSETS / "prior.safetensors"
CARD = ASSETS / "prior.json"


def pretrained_fits(config: ModelConfig) -> bool:
    """Whether the prior that ships is of this shape of network."""
    return WEIGHTS.exists() and json.loads(CARD.read_text(encoding="utf-8"))["model"] == asdict(
        config
    )


def load_pretrained() -> dict:
    """Weights of the prior by parameter name."""
    from safetensors.torch import load_file

    return load_file(WEIGHTS)
