"""What a data set offers all models, and the variants of SLTA."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
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
from slta.models.released import released

Change = Callable[[Experiment], Experiment]


def _model(usual: Experiment, **values: Any) -> Experiment:
    return replace(usual, model=replace(usual.model, **values))  # type: ignore[type-var]


def _without(usual: Experiment, part: str) -> Experiment:
    return _model(usual, **{part: False})


def _training(usual: Experiment, **values: Any) -> Experiment:
    return replace(usual, training=replace(usual.training, **values))


def _fault(usual: Experiment, name: str) -> Experiment:
    return replace(usual, model=released(usual.model, **{name: True}))  # type: ignore[arg-type]


PARTS = ("spatial_attention", "interaction", "language_attention", "context")
FAULTS = ("summed_regions", "frozen_attention", "wrong_pair", "signed_words")
VARIANTS: dict[str, Change] = {
    **{f"slta_no_{part}": partial(_without, part=part) for part in PARTS},
    # Without an extension of this implementation.
    "slta_mean_nouns": partial(_model, nouns="mean"),
    "slta_no_grounding": partial(_model, grounding_weight=0.0),
    "slta_all_nouns": partial(_training, noun_dropout=0.0),
    "slta_papers_pairs": partial(
        _training, background=0, queries_per_video=1, negatives=None
    ),
    # With a further extension.
    "slta_two_objects": partial(_model, objects=2),
    **{f"slta_{fault}": partial(_fault, name=fault) for fault in FAULTS},
}
"""Changes of an experiment, by name."""


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
