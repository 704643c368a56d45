"""Shapes, the synthetic data set, with smaller models than in the papers.

Learning rates and steps were selected on val from the same few for all models. ``SMALL``,
for ``make demo``, trains in a minute or two: four large objects move left, right, up or
down, with one short sentence for each move.
"""

from dataclasses import replace
from typing import Any

from slta.datasets.shapes import ShapesConfig
from slta.experiments.config import CandidatesConfig, FeaturesConfig, TrainingConfig
from slta.experiments.data import Data, Recipe
from slta.models.acrn import ACRNConfig
from slta.models.blind import MomentPriorConfig, QueryOnlyConfig, VideoOnlyConfig
from slta.models.ctrl import CTRLConfig
from slta.models.mcn import MCNConfig
from slta.models.moment_detr import MomentDETRConfig
from slta.models.qd_detr import QDDETRConfig
from slta.models.released import notebook
from slta.models.role import ROLEConfig
from slta.models.slta import SLTAConfig
from slta.models.slta_pyramid import SLTAPyramidConfig
from slta.models.snag import SnAGConfig
from slta.models.tan2d import Tan2DConfig
from slta.models.vsa import VSARNNConfig, VSASTVConfig

SLTA = SLTAConfig(
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
SLTA_TRAINING = TrainingConfig(
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
)
# Single-frame warm-up, clip and noun dropout are for models with regions.
CANDIDATES_TRAINING = replace(
    SLTA_TRAINING, still_steps=0, clip_dropout=0.0, noun_dropout=0.0
)
FASTER = replace(CANDIDATES_TRAINING, learning_rate=4e-3)
DETR_TRAINING = TrainingConfig(
    steps=4000,
    evaluate_every=500,
    queries=32,
    queries_per_video=2,
    learning_rate=1e-3,
    weight_decay=0.01,
)
PYRAMID_TRAINING = TrainingConfig(
    steps=1200,
    evaluate_every=300,
    queries=32,
    queries_per_video=4,
    learning_rate=1e-3,
    warmup=0.1,
    weight_decay=0.05,
    averaging=0.995,
)
MODELS: dict[str, Any] = {
    "acrn": ACRNConfig(
        memory_size=256,
        pooled_size=32,
        fusion_size=1024,
        dropout=0.2,
        offset_weight=0.05,
    ),
    "ctrl": CTRLConfig(
        common_size=256, hidden_size=1024, dropout=0.2, offset_weight=0.05
    ),
    "mcn": MCNConfig(hidden_size=128, word_size=64, common_size=64, dropout=0.2),
    "moment_detr": MomentDETRConfig(
        size=64, heads=4, feedforward_size=128, moment_queries=5, input_dropout=0.2
    ),
    "moment_prior": MomentPriorConfig(
        fusion_size=1024, dropout=0.2, offset_weight=0.05
    ),
    "qd_detr": QDDETRConfig(
        size=64, heads=4, feedforward_size=128, moment_queries=5, input_dropout=0.2
    ),
    "query_only": QueryOnlyConfig(fusion_size=1024, dropout=0.2, offset_weight=0.05),
    "role": ROLEConfig(
        word_size=64,
        language_size=128,
        fusion_size=1024,
        dropout=0.2,
        offset_weight=0.05,
    ),
    "slta_pyramid": SLTAPyramidConfig(levels=4, input_dropout=0.2, word_dropout=0.1),
    "snag": SnAGConfig(levels=4, input_dropout=0.2, word_dropout=0.1),
    # 32 clips of a little less than a second each fit the lengths of the moments.
    "tan2d": Tan2DConfig(
        clips=32,
        size=48,
        sentence_layers=1,
        layers=3,
        kernel=5,
        low_iou=0.3,
        high_iou=0.9,
    ),
    "video_only": VideoOnlyConfig(fusion_size=1024, dropout=0.2, offset_weight=0.05),
    "vsa_rnn": VSARNNConfig(word_size=64, common_size=256, dropout=0.2),
    "vsa_stv": VSASTVConfig(common_size=256, dropout=0.2),
}
"""All models but SLTA."""

SHAPES = Data(
    title="a synthetic data set: films of moving shapes with sentences about them",
    dataset=ShapesConfig(),
    features=FeaturesConfig(extractor="cells", rate_hz=4.0, centred=True),
    candidates=CandidatesConfig(
        lengths_s=(2.0, 2.8, 4.0, 5.6), overlap=0.8, context_s=2.0, vote_iou=0.3
    ),
    training=CANDIDATES_TRAINING,
    video_training=DETR_TRAINING,
    recipes={
        **{name: Recipe(model, CANDIDATES_TRAINING) for name, model in MODELS.items()},
        "slta": Recipe(SLTA, SLTA_TRAINING),
        "slta_released": Recipe(notebook(SLTA), SLTA_TRAINING),
        # With the paper's margin, all embeddings collapse to a point.
        "mcn": Recipe(replace(MODELS["mcn"], margin=2.0), FASTER),
        "moment_prior": Recipe(MODELS["moment_prior"], FASTER),
        "video_only": Recipe(MODELS["video_only"], FASTER),
        "tan2d": Recipe(
            MODELS["tan2d"],
            replace(DETR_TRAINING, steps=2500, queries=16),
        ),
        # Its loss has a long plateau.
        "moment_detr": Recipe(
            MODELS["moment_detr"], replace(DETR_TRAINING, steps=16_000)
        ),
        "qd_detr": Recipe(MODELS["qd_detr"], DETR_TRAINING),
        "slta_pyramid": Recipe(MODELS["slta_pyramid"], PYRAMID_TRAINING),
        "snag": Recipe(MODELS["snag"], PYRAMID_TRAINING),
    },
)


def _small(name: str, recipe: Recipe) -> Recipe:
    # Such small steps gain little from a second thread, and lose on a busy machine.
    training = replace(
        recipe.training,
        steps=recipe.training.steps // 10,
        evaluate_every=recipe.training.steps // 30,
        threads=1,
    )
    if name in ("slta", "slta_released"):
        model = replace(recipe.model, interaction_size=128, fusion_size=256)  # type: ignore[type-var]
        return Recipe(
            model, replace(training, steps=420, evaluate_every=140, still_steps=100)
        )
    return Recipe(recipe.model, training)


SMALL = replace(
    SHAPES,
    title="a small part of Shapes, for a first try",
    dataset=ShapesConfig(
        train=140,
        val=12,
        test=24,
        test_novel=0,
        rate_hz=8,
        width=128,
        height=96,
        actions=("left", "right", "up", "down"),
        objects=4,
        plain=True,
    ),
    features=replace(SHAPES.features, rate_hz=2.0),
    recipes={name: _small(name, recipe) for name, recipe in SHAPES.recipes.items()},
)
