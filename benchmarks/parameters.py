"""How many numbers each model learns, at the sizes that its configuration defaults to.

Nothing is computed with them: the models are built without memory.
"""

from typing import Any

import torch

from slta.models import MODELS, build, config_of
from slta.models.base import Sizes

SIZES = Sizes(region=2048, frame=4096, word=300, sentence=384)
"""Regions, C3D's clips and GloVe's words as in SLTA's paper; MiniLM's sentences."""


def measure() -> dict[str, Any]:
    models = {}
    for builder in MODELS.values():
        config = config_of(builder)()
        with torch.device("meta"):
            model = build(config, SIZES)
        models[config.name] = sum(part.numel() for part in model.parameters())
    return {"sizes": SIZES._asdict(), "models": models}
