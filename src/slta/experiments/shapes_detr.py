"""Moment-DETR and QD-DETR on the made world: the films and features of ``shapes_slta``.

    slta train shapes_moment_detr
    slta train shapes_qd_detr

The frames of a film, four a second, are cut into at most 75 clips. Moment-DETR stays on a
plateau for longer than QD-DETR is trained.
"""

from dataclasses import replace

from slta.experiments import shapes_slta
from slta.experiments.config import Experiment, TrainingConfig
from slta.models.moment_detr import MomentDETRConfig
from slta.models.qd_detr import QDDETRConfig

MOMENT_DETR = replace(
    shapes_slta.EXPERIMENT,
    model=MomentDETRConfig(
        size=64, heads=4, feedforward_size=128, slots=5, input_dropout=0.2
    ),
    training=TrainingConfig(
        steps=16_000,
        evaluate_every=500,
        queries=32,
        queries_per_video=2,
        learning_rate=1e-3,
        weight_decay=0.01,
    ),
)
EXPERIMENTS: dict[str, Experiment] = {
    "shapes_moment_detr": MOMENT_DETR,
    "shapes_qd_detr": replace(
        MOMENT_DETR,
        model=QDDETRConfig(
            size=64, heads=4, feedforward_size=128, slots=5, input_dropout=0.2
        ),
        training=replace(MOMENT_DETR.training, steps=4000),
    ),
}
