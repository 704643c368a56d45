"""2D-TAN on the made world: the films and features of ``shapes_slta``.

    slta train shapes_tan2d

32 clips of a film are a little less than a second each, so that the map has moments of
the lengths that occur.
"""

from slta.experiments import shapes_slta
from slta.experiments.config import Experiment, TrainingConfig
from slta.models.tan2d import Tan2DConfig

EXPERIMENT = Experiment(
    dataset=shapes_slta.EXPERIMENT.dataset,
    features=shapes_slta.EXPERIMENT.features,
    candidates=shapes_slta.EXPERIMENT.candidates,
    model=Tan2DConfig(
        clips=32,
        size=48,
        sentence_layers=1,
        layers=3,
        kernel=5,
        low_iou=0.3,
        high_iou=0.9,
    ),
    training=TrainingConfig(
        steps=2500,
        evaluate_every=500,
        queries=16,
        queries_per_video=2,
        learning_rate=1e-3,
        weight_decay=0.01,
    ),
)
