"""The two kinds of models, and what they have in common.

``CandidateModel`` scores given candidates; ``VideoModel`` takes a whole video and predicts
spans. ``__all__`` is all that a model's file needs, also in another package;
docs/add-a-model.md shows one.

Shapes: b queries · p pairs of a query and a candidate · w words · r regions ·
f attended frames · n answers · x size of a vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Interval
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from slta.batches.candidate_batch import CONTEXTS, Batch, TrainingBatch
from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.fields import check_ranges

__all__ = [
    "CONTEXTS",
    "Answers",
    "Batch",
    "CandidateModel",
    "Count",
    "Dropout",
    "Model",
    "Scale",
    "Scores",
    "Share",
    "Size",
    "Sizes",
    "Standardise",
    "TrainingBatch",
    "TrainingVideoBatch",
    "VideoBatch",
    "VideoModel",
    "Weight",
    "check_ranges",
    "logistic",
]

Size = Annotated[int, Interval(ge=1, le=100_000)]
"""Units of a layer; the upper bound catches typing errors."""
Count = Annotated[int, Ge(1)]
Share = Annotated[float, Interval(ge=0, le=1)]
Dropout = Annotated[float, Interval(ge=0, lt=1)]
Weight = Annotated[float, Interval(ge=0)]
"""Weight of a part of the loss."""


class Sizes(NamedTuple):
    """Sizes of the feature vectors."""

    region: int
    frame: int
    word: int
    sentence: int = 0


Spread = tuple[Float[Tensor, " _"], Float[Tensor, " _"]]
"""Mean and standard deviation."""


class Scale(NamedTuple):
    """Statistics of the training split's features."""

    regions: Spread
    boxes: Spread
    frames: Spread
    words: Spread
    sentences: Spread = torch.zeros(1), torch.ones(1)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores of a batch's pairs, in their order."""

    relevance: Float[Tensor, " p"]
    offsets_s: Float[Tensor, "p 2"]
    """Seconds to add to the candidate's start and end."""
    region_weights: Float[Tensor, "f r"] | None = None
    """Attention over the regions of each attended frame; sums to one."""
    word_weights: Float[Tensor, "p w"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Answers to each query of a batch."""

    spans_s: Float[Tensor, "b n 2"]
    relevance: Float[Tensor, "b n"]
    """-inf for what is no answer, where a query has fewer than others."""
    existence: Float[Tensor, " b"] | None = field(default=None, kw_only=True)
    """Logit of whether the video shows what the query says; None from models that do not
    learn it."""


class Model(nn.Module):
    """A model; features are not standardised until ``fit`` is called."""

    sees_regions: ClassVar[bool] = False
    """Whether it uses regions; otherwise they are not read, and empty in a batch."""
    paper: ClassVar[str] = ""
    needs: ClassVar[str] = ""
    """The features that it uses."""
    published: ClassVar[str] = ""
    """Published R@1 at IoU 0.5, in per cent."""
    config: Any

    def fit(self, scale: Scale) -> None:
        """Sets the statistics by which features are standardised."""
        raise NotImplementedError

    def loss(self, scores: Any, targets: Any) -> Float[Tensor, ""]:
        """Loss of the output of ``forward`` for a training batch."""
        raise NotImplementedError

    def confidence(
        self, relevance: Float[np.ndarray, "*n"] | float
    ) -> Float[np.ndarray, "*n"]:
        """Confidence that a moment matches the query, in [0, 1]: increases with relevance;
        above 0.5, a match is likelier than none."""
        return logistic(relevance)


class CandidateModel(Model):
    """A model that scores the pairs of a ``Batch``."""

    def forward(self, batch: Batch) -> Scores:
        raise NotImplementedError


class VideoModel(Model):
    """A model that predicts spans for the queries of a ``VideoBatch``."""

    def clips(self, frames: int) -> int:
        """Number of clips for a video of that many frames: as many, in a model that sees
        regions."""
        raise NotImplementedError

    def windows(self, frames: int) -> Sequence[tuple[int, int]]:
        """First and last frame (exclusive) of the parts that are searched one by one; the
        whole video by default."""
        return [(0, frames)]

    def forward(self, batch: VideoBatch) -> Answers:
        raise NotImplementedError


def logistic(
    relevance: Float[np.ndarray, "*n"] | float,
) -> Float[np.ndarray, "*n"]:
    """The logistic function, without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(np.asarray(relevance, np.float64) / 2))


class Standardise(nn.Module):
    """Standardises features by mean and standard deviation of the training split.

    The SLTA release uses its features unchanged; here scales differ by extractor. Initially
    the identity.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))

    def fit(self, mean: Float[Tensor, " e"], spread: Float[Tensor, " e"]) -> None:
        """Constant components become 0."""
        self.mean.copy_(mean)
        self.spread.copy_(spread.where(spread > 1e-6, torch.inf))

    def forward(self, features: Float[Tensor, "*rows e"]) -> Float[Tensor, "*rows e"]:
        return (features.float() - self.mean).div_(self.spread)


def alignment_and_offsets(
    scores: Scores, targets: TrainingBatch, offset_weight: float
) -> Float[Tensor, ""]:
    """Alignment loss plus weighted offset loss."""
    offsets = offset_loss(scores.offsets_s, targets)
    return alignment_loss(scores.relevance, targets) + offset_weight * offsets


def alignment_loss(
    relevance: Float[Tensor, " p"], targets: TrainingBatch
) -> Float[Tensor, ""]:
    """Logistic loss of all pairs. For the B² pairs of a batch, matching ones have weight
    1 + 1/B and others 1/B; with another number of pairs, the others of a query are weighted
    to count as B - 1 would.
    """
    matching, size = targets.matching, len(targets.batch.words)
    query = targets.batch.pairs[:, 0]
    others = torch.bincount(query[~matching], minlength=size).clamp(min=1)
    weight = torch.where(matching, 1 + 1 / size, (1 - 1 / size) / others[query])
    signed = torch.where(matching, -relevance, relevance)
    return (weight * softplus(signed)).sum(dim=0) / size**2


def offset_loss(
    offsets_s: Float[Tensor, "p 2"], targets: TrainingBatch
) -> Float[Tensor, ""]:
    """Mean absolute error of the offsets of matching pairs, in seconds."""
    matching = targets.matching
    error_s = (offsets_s[matching] - targets.offsets_s[matching]).abs()
    return error_s.mean(dim=(0, 1))


def hinge_loss(
    relevance: Float[Tensor, " p"],
    targets: TrainingBatch,
    others: Bool[Tensor, " p"],
    *,
    margin: float,
) -> Float[Tensor, ""]:
    """Hinge loss between the match of a query and its ``others``: the mean over others,
    then over queries; 0 for a query without others."""
    query, matching = targets.batch.pairs[:, 0], targets.matching
    size = len(targets.batch.words)
    match = relevance.new_zeros(size).index_put((query[matching],), relevance[matching])
    short = (margin + relevance - match[query]).relu() * others
    counts = torch.bincount(query[others], minlength=size).clamp(min=1)
    return (short / counts[query]).sum(dim=0) / size
