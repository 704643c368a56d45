"""A data set with its features, candidates and training for all models."""

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
    """Configuration and training of a model on a data set."""

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
    """Default training of candidate models."""
    video_training: TrainingConfig
    """Default training of video models."""
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    """By model: configuration and training that differ from the defaults."""
    title: str = ""
    """A description, if ``slta.datasets.SOURCES`` has none."""
    open: Callable[[Any], Dataset] | None = None
    """Opens the data set of another package, from its configuration."""

    def experiment(self, model: str | Builder) -> Experiment:
        """The experiment of a model, by its name or its class.

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
