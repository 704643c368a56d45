"""Random training batches for both kinds of models."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

from slta.batches.candidate_batch import TrainingBatch
from slta.batches.sampling import Sampler, VideoSampler
from slta.batches.video_batch import TrainingVideoBatch
from slta.datasets.split import Split
from slta.errors import InputError
from slta.experiments.config import Experiment
from slta.models import builder_of, sees_whole_videos
from slta.models.base import CandidateModel, Model, VideoModel

AnyTrainingBatch = TrainingBatch | TrainingVideoBatch


@dataclass(frozen=True, slots=True)
class Draws:
    """Training batches, determined by seed, step and rank."""

    usable: int
    """Number of queries that can be trained with."""
    draw: Callable[..., AnyTrainingBatch]
    still: Callable[..., AnyTrainingBatch] | None = None
    """Batches of the single-frame warm-up; None for video models."""
    still_steps: int = 0
    missed_s: tuple[float, ...] = ()
    """Lengths of the moments that no candidate matches."""

    def of_step(self, step: int, *, seed: int, rank: int) -> AnyTrainingBatch:
        """The batch of a process in a step."""
        if self.still and step < self.still_steps:
            return self.still(seed, step, rank)
        return self.draw(seed, step, rank)


def check(experiment: Experiment) -> None:
    """Raises ``InputError`` for settings that the model does not support."""
    whole = sees_whole_videos(builder_of(experiment.model))
    if whole and experiment.training.still_steps:
        raise InputError(
            f"the model {experiment.model.name} takes whole videos and has no single-frame "
            "warm-up; leave --training.still-steps out, or give 0"
        )
    if not whole and experiment.training.absent:
        raise InputError(
            f"the model {experiment.model.name} scores windows and is not trained on "
            "queries without a moment; leave --training.absent out, or give 0"
        )


@singledispatch
def sampler(model: Model, experiment: Experiment, train: Split) -> Draws:
    """Draws for a model. Raises ``InputError`` if no query can be trained with."""
    raise NotImplementedError(type(model).__name__)


@sampler.register
def _(model: CandidateModel, experiment: Experiment, train: Split) -> Draws:
    found = Sampler(
        train,
        windows=experiment.candidates.training_windows,
        context_s=experiment.candidates.context_s,
        rate_hz=experiment.features.rate_hz,
        queries=experiment.training.queries,
        still_queries=experiment.training.still_queries,
        queries_per_video=experiment.training.queries_per_video,
        negatives=experiment.training.negatives,
        background=experiment.training.background,
        near=experiment.training.near,
        rule=experiment.training.rule,
        clip_dropout=experiment.training.clip_dropout,
        noun_dropout=experiment.training.noun_dropout,
        regions=model.sees_regions,
    )
    if not found.usable:
        raise InputError(
            "no query of train has a matching window; give lengths of its moments with "
            "--candidates.lengths-s"
        )
    return Draws(
        found.usable,
        found.draw,
        found.draw_still,
        experiment.training.still_steps,
        found.missed_s,
    )


@sampler.register
def _(model: VideoModel, experiment: Experiment, train: Split) -> Draws:
    found = VideoSampler(
        train,
        model.clips,
        queries=experiment.training.queries,
        queries_per_video=experiment.training.queries_per_video,
        absent=experiment.training.absent,
        regions=model.sees_regions,
    )
    if not found.usable:
        raise InputError("no query of train has a true span; check its annotations")
    if found.lacks_absent:
        raise InputError(
            "every query of train shares a word with the queries of every other video, so "
            "none can be asked where it has no moment; leave --training.absent out"
        )
    return Draws(found.usable, found.draw)
