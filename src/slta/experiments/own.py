"""Your own videos and sentences (docs/quickstart.md).

Models are those of Shapes; windows fit moments of 2 to 20 seconds.
"""

from dataclasses import replace

from slta.datasets.own import OwnConfig
from slta.experiments import composites, shapes
from slta.experiments.config import AUTOMATIC, CandidatesConfig, FeaturesConfig
from slta.experiments.data import Data, Recipe
from slta.models.released import notebook

SLTA_TRAINING = replace(
    shapes.SLTA_TRAINING,
    steps=1000,
    evaluate_every=100,
    still_steps=100,
    noun_dropout=0.0,
    learning_rate=4e-3,
)
TRAINING = replace(SLTA_TRAINING, still_steps=0, clip_dropout=0.0)
OWN = Data(
    dataset=OwnConfig(),
    features=FeaturesConfig(extractor=AUTOMATIC, rate_hz=2.0, centred=True),
    candidates=CandidatesConfig(
        lengths_s=(1.6, 2.5, 4.0, 6.5, 10.0, 16.0),
        overlap=0.8,
        context_s=5.0,
        vote_iou=0.3,
    ),
    training=TRAINING,
    video_training=composites.VIDEO_TRAINING,
    recipes={
        **{name: Recipe(model, TRAINING) for name, model in shapes.MODELS.items()},
        "slta": Recipe(shapes.SLTA, SLTA_TRAINING),
        "slta_released": Recipe(notebook(shapes.SLTA), SLTA_TRAINING),
        **composites.VIDEO_RECIPES,
    },
)
