"""SLTA on a small made world: what ``make demo`` trains, to see everything work.

    slta train shapes_slta_small

Too few films to generalise from: expect little more than the answers that see no video
give.
"""

from dataclasses import replace

from slta.datasets.shapes import ShapesConfig
from slta.experiments import shapes_slta

EXPERIMENT = replace(
    shapes_slta.EXPERIMENT,
    features=replace(shapes_slta.EXPERIMENT.features, rate_hz=2.0),
    model=replace(shapes_slta.MODEL, interaction_size=128, fusion_size=256),
    dataset=ShapesConfig(train=48, val=6, test=10, test_novel=6),
    training=replace(
        shapes_slta.EXPERIMENT.training,
        steps=240,
        evaluate_every=80,
        still_steps=60,
        learning_rate=4e-3,
    ),
)
