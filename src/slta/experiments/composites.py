"""Composites: real clips, with real sentences about them, laid end to end.

A folder in the own-data format with pre-extracted features of frames at 2 Hz, and moments
of 2 to 5 seconds. The frame is the only region, so that spatial attention has no effect.
"""

from dataclasses import replace

from slta.datasets.own import OwnConfig
from slta.experiments import shapes
from slta.experiments.config import CandidatesConfig, FeaturesConfig, TrainingConfig
from slta.experiments.data import Data, Recipe
from slta.models.released import notebook
from slta.models.slta_pyramid import SLTAPyramidConfig
from slta.models.snag import SnAGConfig
from slta.models.tan2d import Tan2DConfig

# With one region a frame, nouns matter only in the grounding loss, which falls more slowly
# with their sum.
SLTA = replace(shapes.SLTA, nouns="mean")
TRAINING = TrainingConfig(
    steps=600,
    evaluate_every=150,
    queries=32,
    queries_per_video=4,
    negatives=15,
    background=2,
    near=0.75,
    other_iou=0.5,
    learning_rate=4e-3,
    weight_decay=0.02,
)
# A step with whole videos has fewer examples than one with windows, so there are more.
VIDEO_TRAINING = TrainingConfig(
    steps=1000,
    evaluate_every=300,
    queries=32,
    queries_per_video=4,
    learning_rate=2e-3,
    weight_decay=0.01,
)
PYRAMID_TRAINING = replace(
    shapes.PYRAMID_TRAINING, steps=300, evaluate_every=100, warmup=0.3
)
TAN2D = Tan2DConfig(clips=40, size=48, sentence_layers=1, layers=3, kernel=3)
VIDEO_RECIPES = {
    "tan2d": Recipe(TAN2D, replace(VIDEO_TRAINING, steps=900)),
    "moment_detr": Recipe(
        shapes.MODELS["moment_detr"], replace(VIDEO_TRAINING, steps=1800)
    ),
    "qd_detr": Recipe(shapes.MODELS["qd_detr"], VIDEO_TRAINING),
    "slta_pyramid": Recipe(
        SLTAPyramidConfig(levels=4, spatial_attention=False, existence_weight=0.0),
        PYRAMID_TRAINING,
    ),
    "snag": Recipe(SnAGConfig(levels=4), PYRAMID_TRAINING),
}
COMPOSITES = Data(
    title="composites: real clips with real sentences, laid end to end",
    dataset=OwnConfig(root="composites"),
    features=FeaturesConfig(extractor="preextracted", rate_hz=2.0, centred=True),
    candidates=CandidatesConfig(
        lengths_s=(2.0, 3.0, 4.0, 5.0), overlap=0.75, context_s=2.5, vote_iou=0.3
    ),
    training=TRAINING,
    video_training=VIDEO_TRAINING,
    recipes={
        **{name: Recipe(model, TRAINING) for name, model in shapes.MODELS.items()},
        "slta": Recipe(SLTA, TRAINING),
        "slta_released": Recipe(notebook(SLTA), TRAINING),
        **VIDEO_RECIPES,
    },
)
