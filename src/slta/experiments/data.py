"""What a data set offers every model that is trained on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from slta.datasets.base import Dataset
from slta.experiments.config import (
    CandidatesConfig,
    Experiment,
    FeaturesConfig,
    Named,
    TrainingConfig,
)
from slta.models import Builder, config_of, find, sees_whole_videos

__all__ = [
    "CandidatesConfig",
    "Data",
    "Dataset",
    "FeaturesConfig",
    "Recipe",
    "TrainingConfig",
]


class Recipe(NamedTuple):
    """How one model is trained on a data set."""

    model: Named
    training: TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set, its features and candidates, and how models are trained on it."""

    dataset: Named
    features: FeaturesConfig
    candidates: CandidatesConfig
    protocol: str = "ctrl"
    """Protocol of the test after training."""
    training: TrainingConfig
    """Of models that score candidates, unless ``recipes`` has another."""
    video_training: TrainingConfig
    """The same of models that see whole videos."""
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    """By model: where the configuration or the training differ from the defaults."""
    title: str = ""
    """What it is, for those that ``slta.datasets.SOURCES`` does not describe."""
    open: Callable[[Any], Dataset] | None = None
    """Opens the data set of another package, from its configuration."""

    def experiment(self, model: str | Builder) -> Experiment:
        """Of a model by its name, or by its class.

        Raises ``InputError`` for an unknown model.
        """
        builder = find(model)
        if isinstance(model, str) and model in self.recipes:
            config, training = self.recipes[model]
        else:
            whole = sees_whole_videos(builder)
            config = config_of(builder)()
            training = self.video_training if whole else self.training
        return Experiment(
            dataset=self.dataset,
            features=self.features,
            candidates=self.candidates,
            model=config,
            training=training,
        )
