"""A small SLTA model with random weights."""

from slta.models.slta import SLTA, SLTAConfig
from tests.support import batches

SMALL = SLTAConfig(
    attention_size=4,
    interaction_size=3,
    word_size=4,
    language_size=5,
    fusion_size=8,
)


def made(config: SLTAConfig = SMALL, seed: int = 0) -> SLTA:
    model = batches.made(config, seed)
    assert isinstance(model, SLTA)
    return model
