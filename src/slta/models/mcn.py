"""MCN: distance between a sentence and a moment with its video and its position.

Hendricks, Wang, Shechtman, Sivic, Darrell, Russell: Localizing Moments in Video with
Natural Language, ICCV 2017. Equation numbers are those of docs/models/mcn.md.

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
    hinge_loss,
)
from slta.models.parts.recurrence import last_state

PLACE = 2
"""Size of the temporal endpoint feature: start and end as fractions of the video."""


@dataclass(frozen=True, kw_only=True)
class MCNConfig:
    """Sizes default to the paper's."""

    name: ClassVar[str] = "mcn"
    hidden_size: Size = 500
    """Hidden size of the moment branch."""
    word_size: Size = 1000
    """Hidden size of the LSTM over the words."""
    common_size: Size = 100
    """Size of the common space of moments and sentences."""
    dropout: Dropout = 0.0
    """Dropout of the hidden units, in [0, 1)."""
    margin: Weight = 0.1
    """Margin of the hinge loss between the distances of matching and other moments."""
    inter_weight: Weight = 0.2
    """Loss weight of moments of other videos, relative to those of the same video."""

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
        distance = (moments[candidate] - sentences[query]).square().sum(dim=1)
        return Scores(-distance, distance.new_zeros(len(distance), 2))

    def _moments(self, batch: Batch) -> Float[Tensor, "c x"]:
        """Eq. 1."""
        clip, video = self.frames(batch.clips[:, 1]), self.frames(batch.video_means)
        hidden = self.see(torch.cat([clip, video, batch.places], dim=1))
        moments: Tensor = self.from_moment(self.dropout(hidden.relu()))
        return moments

    def _sentences(self, batch: Batch) -> Float[Tensor, "b x"]:
        """Eq. 2."""
        read = last_state(self.read, self.words(batch.words), batch.word_mask)
        sentences: Tensor = self.from_sentence(self.dropout(read))
        return sentences

    def loss(self, scores: Scores, targets: TrainingBatch) -> Float[Tensor, ""]:
        """Eq. 4 and 5."""
        relevance, margin = scores.relevance, self.config.margin
        same_video = ~targets.matching & ~targets.elsewhere
        intra = hinge_loss(relevance, targets, same_video, margin=margin)
        inter = hinge_loss(relevance, targets, targets.elsewhere, margin=margin)
        return intra + self.config.inter_weight * inter

    def confidence(
        self, relevance: Float[np.ndarray, "*n"] | float
    ) -> Float[np.ndarray, "*n"]:
        """exp(-distance²). The loss only ranks distances, so the threshold 0.5 is a
        convention."""
        return np.asarray(np.exp(np.minimum(np.asarray(relevance, np.float64), 0)))
