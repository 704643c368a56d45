"""QD-DETR on the made world: the films and features of ``shapes_slta``.

    slta train shapes_qd_detr

The frames of a film, four a second, are cut into at most 75 clips.
"""

from slta.config import Experiment, TrainingConfig
from slta.experiments import shapes_slta
from slta.models.qd_detr import QDDETRConfig

EXPERIMENT = Experiment(
    dataset=shapes_slta.EXPERIMENT.dataset,
    features=shapes_slta.EXPERIMENT.features,
    candidates=shapes_slta.EXPERIMENT.candidates,
    model=QDDETRConfig(
        size=64,
        heads=4,
        feedforward_size=128,
        slots=5,
        input_dropout=0.2,
    ),
    training=TrainingConfig(
        steps=2000,
        evaluate_every=500,
        queries=32,
        queries_per_video=2,
        learning_rate=1e-3,
        weight_decay=0.01,
    ),
)
