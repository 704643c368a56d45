"""MCN: a moment, its video and its place in it, near to the sentence or far from it.

Hendricks, Wang, Shechtman, Sivic, Darrell, Russell: Localizing Moments in Video with
Natural Language, ICCV 2017. The equations' numbers are those of docs/models/mcn.md.

Shapes: b queries · c candidates · x size of the common space · p pairs of a query and a
candidate.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from slta.batches.candidate_batch import Batch, TrainingBatch
from slta.fields import check_ranges
from slta.models.base import (
    CandidateModel,
    Dropout,
    Scale,
    Scores,
    Size,
    Sizes,
    Standardise,
    Weight,
)
from slta.models.parts.losses import hinge_loss
from slta.models.parts.recurrence import last_state

PLACE = 2
"""Start and end as shares of the video: the temporal endpoint feature."""


@dataclass(frozen=True, kw_only=True)
class MCNConfig:
    """The sizes default to the paper's."""

    name: ClassVar[str] = "mcn"
    hidden_size: Size = 500
    """Hidden units between a moment and the common space."""
    word_size: Size = 1000
    """State of the LSTM over the words."""
    common_size: Size = 100
    """Numbers of the space in which moments and sentences are compared."""
    dropout: Dropout = 0.0
    """Share of the hidden units left out in training, in [0, 1)."""
    margin: Weight = 0.1
    """By which another moment should be further away than the one that matches."""
    inter_weight: Weight = 0.2
    """Of moments of other videos in the loss, against those of the same video."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class MCN(CandidateModel):
    paper = "Hendricks et al., ICCV 2017"
    needs = "frames, words"
    published = "TACoS 1.3, DiDeMo 23.3"

    def __init__(self, config: MCNConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.frames = Standardise(sizes.frame)
        self.words = Standardise(sizes.word)
        self.see = nn.Linear(2 * sizes.frame + PLACE, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.from_moment = nn.Linear(config.hidden_size, config.common_size)
        self.read = nn.LSTM(sizes.word, config.word_size, batch_first=True)
        self.from_sentence = nn.Linear(config.word_size, config.common_size)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def forward(self, batch: Batch) -> Scores:
        query, candidate = batch.pairs.unbind(dim=1)
        moments, sentences = self._moments(batch), self._sentences(batch)
        # Eq. 3.
        away = (moments[candidate] - sentences[query]).square().sum(dim=1)
        return Scores(-away, away.new_zeros(len(away), 2))

    def _moments(self, batch: Batch) -> Float[Tensor, "c x"]:
        """Eq. 1."""
        local, whole = self.frames(batch.clips[:, 1]), self.frames(batch.wholes)
        seen = self.see(torch.cat([local, whole, batch.places], dim=1))
        found: Tensor = self.from_moment(self.dropout(seen.relu()))
        return found

    def _sentences(self, batch: Batch) -> Float[Tensor, "b x"]:
        """Eq. 2."""
        read = last_state(self.read, self.words(batch.words), batch.word_mask)
        found: Tensor = self.from_sentence(self.dropout(read))
        return found

    def loss(self, scores: Scores, given: TrainingBatch) -> Float[Tensor, ""]:
        """Eq. 4 and 5."""
        margin = self.config.margin
        intra = ~given.matching & ~given.elsewhere
        inside = hinge_loss(scores.relevance, given, intra, margin=margin)
        outside = hinge_loss(scores.relevance, given, given.elsewhere, margin=margin)
        return inside + self.config.inter_weight * outside

    def confidence(
        self, relevance: Float[np.ndarray, "*n"] | float
    ) -> Float[np.ndarray, "*n"]:
        """exp of minus the squared distance. The loss compares distances and says nothing
        of how near is near, so that 0.5 is a custom and no finding."""
        return np.asarray(np.exp(np.minimum(np.asarray(relevance, np.float64), 0)))
