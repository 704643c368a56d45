"""SLTA on the made world: the model of the paper, smaller, on films that are made here.

    slta train shapes_slta

The films and their features are made first, and kept. docs/results/shapes.md has what came
of it.
"""

from slta.datasets.shapes import ShapesConfig
from slta.experiments.config import (
    CandidatesConfig,
    Experiment,
    FeaturesConfig,
    TrainingConfig,
)
from slta.models.slta import SLTAConfig

MODEL = SLTAConfig(
    attention_size=64,
    interaction_size=256,
    word_size=64,
    language_size=128,
    fusion_size=1024,
    dropout=0.2,
    feature_dropout=0.15,
    nouns="sum",
    offset_weight=0.05,
    grounding_weight=1.0,
)
EXPERIMENT = Experiment(
    dataset=ShapesConfig(),
    features=FeaturesConfig(extractor="cells", rate_hz=4.0, centred=True),
    candidates=CandidatesConfig(
        lengths_s=(2.0, 2.8, 4.0, 5.6), overlap=0.8, context_s=2.0, vote_iou=0.3
    ),
    model=MODEL,
    training=TrainingConfig(
        steps=4000,
        evaluate_every=800,
        still_steps=200,
        still_queries=32,
        queries=32,
        queries_per_video=4,
        negatives=2,
        background=2,
        near=0.75,
        other_iou=0.5,
        clip_dropout=0.5,
        noun_dropout=0.5,
        learning_rate=1e-3,
        weight_decay=0.02,
    ),
)
