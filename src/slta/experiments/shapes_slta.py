"""SLTA on the made world."""

from slta.config import CandidatesConfig, Experiment, FeaturesConfig, TrainingConfig
from slta.datasets.shapes import ShapesConfig
from slta.models.slta import SLTAConfig

EXPERIMENT = Experiment(
    dataset=ShapesConfig(),
    features=FeaturesConfig(extractor="cells", rate_hz=2.0),
    candidates=CandidatesConfig(
        lengths_s=(2.0, 2.8, 4.0, 5.6), overlap=0.8, context_s=2.0
    ),
    model=SLTAConfig(
        attention_size=64,
        interaction_size=128,
        word_size=64,
        language_size=128,
        fusion_size=256,
        dropout=0.1,
        offset_weight=0.05,
    ),
    training=TrainingConfig(
        steps=2000,
        evaluate_every=200,
        queries=24,
        queries_per_video=4,
        negatives=2,
        background=6,
        learning_rate=1e-3,
    ),
)
