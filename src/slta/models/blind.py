"""What the clips alone tell: a moment that looks like an answer, whatever is asked.

No paper's model but a measure for all of them: what SLTA's last layers (eq. 7 of
docs/models/slta.md) reach without a word.

Shapes: p pairs of a query and a candidate.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from slta.batches.candidate_batch import CONTEXTS, Batch, TrainingBatch
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
from slta.models.parts.losses import alignment_and_offsets


@dataclass(frozen=True, kw_only=True)
class VideoOnlyConfig:
    name: ClassVar[str] = "video_only"
    fusion_size: Size = 1000
    """Hidden units of the last layer but one."""
    dropout: Dropout = 0.0
    """Share of the hidden units left out in training, in [0, 1)."""
    offset_weight: Weight = 0.01
    """Of the offsets in the loss, against the relevance."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class VideoOnly(CandidateModel):
    paper = "no paper: a baseline without the query"
    needs = "frames"

    def __init__(self, config: VideoOnlyConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.frames = Standardise(sizes.frame)
        self.from_clips = nn.Linear(CONTEXTS * sizes.frame, config.fusion_size)
        self.dropout = nn.Dropout(config.dropout)
        self.answer = nn.Linear(config.fusion_size, 3)
        # What it is given has length one, whatever its size.
        nn.init.normal_(self.from_clips.weight, std=0.1)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)

    def forward(self, batch: Batch) -> Scores:
        clips = normalize(self.frames(batch.clips).flatten(1), dim=-1)
        answers = self.answer(self.dropout(self.from_clips(clips).relu()))
        relevance, *offsets = answers[batch.pairs[:, 1]].unbind(dim=-1)
        return Scores(relevance, torch.stack(offsets, dim=-1))

    def loss(self, scores: Scores, given: TrainingBatch) -> Float[Tensor, ""]:
        return alignment_and_offsets(scores, given, self.config.offset_weight)


@dataclass(frozen=True, kw_only=True)
class MomentPriorConfig:
    name: ClassVar[str] = "moment_prior"
    fusion_size: Size = 1000
    """Hidden units."""
    dropout: Dropout = 0.0
    """Share of the hidden units left out in training, in [0, 1)."""
    offset_weight: Weight = 0.01
    """Of the offsets in the loss, against the relevance."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class MomentPrior(CandidateModel):
    paper = "no paper: a baseline without video and query"
    needs = "nothing"

    def __init__(self, config: MomentPriorConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.from_places = nn.Linear(2, config.fusion_size)
        self.dropout = nn.Dropout(config.dropout)
        self.answer = nn.Linear(config.fusion_size, 3)

    def fit(self, scale: Scale) -> None:
        """Places are shares of the video and have one scale everywhere."""

    def forward(self, batch: Batch) -> Scores:
        hidden = self.dropout(self.from_places(centred(batch.places)).relu())
        relevance, *offsets = self.answer(hidden)[batch.pairs[:, 1]].unbind(dim=-1)
        return Scores(relevance, torch.stack(offsets, dim=-1))

    def loss(self, scores: Scores, given: TrainingBatch) -> Float[Tensor, ""]:
        return alignment_and_offsets(scores, given, self.config.offset_weight)


def centred(places: Float[Tensor, "c 2"]) -> Float[Tensor, "c 2"]:
    """From -1 at the start of a video to 1 at its end."""
    return 2 * places - 1


@dataclass(frozen=True, kw_only=True)
class QueryOnlyConfig:
    name: ClassVar[str] = "query_only"
    fusion_size: Size = 1000
    """Hidden units."""
    dropout: Dropout = 0.0
    """Share of the hidden units left out in training, in [0, 1)."""
    offset_weight: Weight = 0.01
    """Of the offsets in the loss, against the relevance."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class QueryOnly(CandidateModel):
    paper = "no paper: a baseline without the video"
    needs = "sentence vectors"

    def __init__(self, config: QueryOnlyConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.sentences = Standardise(sizes.sentence)
        self.from_places = nn.Linear(2, config.fusion_size, bias=False)
        self.from_sentence = nn.Linear(sizes.sentence, config.fusion_size)
        self.dropout = nn.Dropout(config.dropout)
        self.answer = nn.Linear(config.fusion_size, 3)

    def fit(self, scale: Scale) -> None:
        self.sentences.fit(*scale.sentences)

    def forward(self, batch: Batch) -> Scores:
        query, candidate = batch.pairs.unbind(dim=1)
        said = self.from_sentence(normalize(self.sentences(batch.sentences), dim=-1))
        placed = self.from_places(centred(batch.places))
        hidden = self.dropout((said[query] + placed[candidate]).relu())
        relevance, *offsets = self.answer(hidden).unbind(dim=-1)
        return Scores(relevance, torch.stack(offsets, dim=-1))

    def loss(self, scores: Scores, given: TrainingBatch) -> Float[Tensor, ""]:
        return alignment_and_offsets(scores, given, self.config.offset_weight)
