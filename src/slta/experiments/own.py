"""SLTA on a folder of your own data: docs/quickstart.md leads through it.

    slta train own --dataset.root DIR

The sizes are those of ``shapes_slta``; the windows fit moments of 2 to 20 seconds.
"""

from dataclasses import replace

from slta.datasets.own import OwnConfig
from slta.experiments import shapes_slta
from slta.experiments.config import (
    AUTOMATIC,
    CandidatesConfig,
    Experiment,
    FeaturesConfig,
)

EXPERIMENT = Experiment(
    dataset=OwnConfig(),
    features=FeaturesConfig(extractor=AUTOMATIC, rate_hz=2.0, centred=True),
    candidates=CandidatesConfig(
        lengths_s=(1.6, 2.5, 4.0, 6.5, 10.0, 16.0),
        overlap=0.8,
        context_s=5.0,
        vote_iou=0.3,
    ),
    model=shapes_slta.EXPERIMENT.model,
    training=replace(
        shapes_slta.EXPERIMENT.training,
        steps=1000,
        evaluate_every=100,
        still_steps=100,
        noun_dropout=0.0,
        learning_rate=4e-3,
    ),
)
