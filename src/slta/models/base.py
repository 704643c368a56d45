"""What all models have in common, and the two kinds of them.

One kind scores candidates that it is given, the other looks at a whole video and answers
with spans of its own. What ``__all__`` names is all that a model's file needs, in another
package or a file of its own, too; docs/add-a-model.md shows one.

Shapes: b queries · p pairs of a query and a candidate · w words · r regions ·
f frames that are looked at · n answers · x size of a vector.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Interval
from jaxtyping import Float
from torch import Tensor, nn

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
"""Units of a layer; more are a slip of the hand."""
Count = Annotated[int, Ge(1)]
Share = Annotated[float, Interval(ge=0, le=1)]
Dropout = Annotated[float, Interval(ge=0, lt=1)]
Weight = Annotated[float, Interval(ge=0)]
"""Of a part of the loss."""


class Sizes(NamedTuple):
    """What an extractor's vectors measure."""

    region: int
    frame: int
    word: int
    sentence: int = 0


Spread = tuple[Float[Tensor, " _"], Float[Tensor, " _"]]
"""Mean and standard deviation."""


class Scale(NamedTuple):
    """Of the training split's features."""

    regions: Spread
    boxes: Spread
    frames: Spread
    words: Spread
    sentences: Spread = torch.zeros(1), torch.ones(1)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of the pairs of a batch, in their order."""

    relevance: Float[Tensor, " p"]
    offsets_s: Float[Tensor, "p 2"]
    """Seconds to add to the candidate's start and end."""
    region_weights: Float[Tensor, "f r"] | None = None
    """Over the regions of a frame that is looked at, they sum to one."""
    word_weights: Float[Tensor, "p w"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model answers to each query of a batch."""

    spans_s: Float[Tensor, "b n 2"]
    relevance: Float[Tensor, "b n"]


class Model(nn.Module):
    """Features count as they are until ``fit`` knows their scale."""

    paper: ClassVar[str] = ""
    needs: ClassVar[str] = ""
    """What it reads of a video and of a query."""
    published: ClassVar[str] = ""
    """R@1 at IoU 0.5, in per cent, as its paper or one that compares with it has them."""
    config: Any

    def fit(self, scale: Scale) -> None:
        """Puts features on the scale of the training split."""
        raise NotImplementedError

    def loss(self, found: Any, given: Any) -> Float[Tensor, ""]:
        """Of what ``forward`` found in a training batch."""
        raise NotImplementedError

    def confidence(
        self, relevance: Float[np.ndarray, "*n"] | float
    ) -> Float[np.ndarray, "*n"]:
        """How surely something is what the query asks for, in [0, 1]; it rises with the
        relevance. Above 0.5 the model holds a match for likelier than none."""
        return logistic(relevance)


class CandidateModel(Model):
    """Scores the pairs of a ``Batch``."""

    sees_regions: ClassVar[bool] = False
    """Without, a batch's regions have no numbers: nothing is read that is not used."""

    def forward(self, batch: Batch) -> Scores:
        raise NotImplementedError


class VideoModel(Model):
    """Answers the queries of ``VideoBatch``, one whole video each."""

    def clips(self, frames: int) -> int:
        """Into how many clips a video of so many frames is cut."""
        raise NotImplementedError

    def forward(self, batch: VideoBatch) -> Answers:
        raise NotImplementedError


def logistic(
    relevance: Float[np.ndarray, "*n"] | float,
) -> Float[np.ndarray, "*n"]:
    """Rises from 0 to 1, with 0.5 for a relevance of 0; any size will do."""
    return np.asarray(0.5 + 0.5 * np.tanh(np.asarray(relevance, np.float64) / 2))


class Standardise(nn.Module):
    """Features less their mean over the training split, in standard deviations.

    The released features are used as they are; ours differ in scale by extractor, and
    an L2 norm of something that hardly varies says little. It begins as the identity.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))

    def fit(self, mean: Float[Tensor, " e"], spread: Float[Tensor, " e"]) -> None:
        """A number that never varies is left at 0."""
        self.mean.copy_(mean)
        self.spread.copy_(spread.where(spread > 1e-6, torch.inf))

    def forward(self, features: Float[Tensor, "*rows e"]) -> Float[Tensor, "*rows e"]:
        return (features.float() - self.mean).div_(self.spread)
