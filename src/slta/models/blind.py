"""Learned baselines without the video, the query or both.

They show what SLTA's last layers (eq. 7 of docs/models/slta.md) reach with a part of the
input; see docs/models/blind.md.

Shapes: c candidates · p pairs of a query and a candidate.
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
    alignment_and_offsets,
)


@dataclass(frozen=True, kw_only=True)
class BlindConfig:
    fusion_size: Size = 1000
    """Hidden size."""
    dropout: Dropout = 0.0
    """Dropout of the hidden units, in [0, 1)."""
    offset_weight: Weight = 0.01
    """Loss weight of the offset regression."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class VideoOnlyConfig(BlindConfig):
    name: ClassVar[str] = "video_only"


class MomentPriorConfig(BlindConfig):
    name: ClassVar[str] = "moment_prior"


class QueryOnlyConfig(BlindConfig):
    name: ClassVar[str] = "query_only"


class Blind(CandidateModel):
    """A hidden layer over the clips or the position of a candidate, optionally with the
    sentence."""

    def __init__(
        self, config: BlindConfig, sizes: Sizes, *, clips: bool, sentence: bool
    ) -> None:
        super().__init__()
        self.config, self.clips, self.sentence = config, clips, sentence
        hidden = config.fusion_size
        if clips:
            self.frames = Standardise(sizes.frame)
            self.from_clips = nn.Linear(CONTEXTS * sizes.frame, hidden)
        else:
            self.from_places = nn.Linear(2, hidden, bias=not sentence)
        if sentence:
            self.sentences = Standardise(sizes.sentence)
            self.from_sentence = nn.Linear(sizes.sentence, hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.answer = nn.Linear(hidden, 3)
        if clips:
            # The input has unit length, whatever its size.
            nn.init.normal_(self.from_clips.weight, std=0.1)

    def fit(self, scale: Scale) -> None:
        """Positions are fractions of the video and need no scaling."""
        if self.clips:
            self.frames.fit(*scale.frames)
        if self.sentence:
            self.sentences.fit(*scale.sentences)

    def forward(self, batch: Batch) -> Scores:
        query, candidate = batch.pairs.unbind(dim=1)
        if self.sentence:
            sentences = normalize(self.sentences(batch.sentences), dim=-1)
            read = self.from_sentence(sentences)
            answers = self._answers(read[query] + self._seen(batch)[candidate])
        else:
            answers = self._answers(self._seen(batch))[candidate]
        relevance, *offsets = answers.unbind(dim=-1)
        return Scores(relevance, torch.stack(offsets, dim=-1))

    def _seen(self, batch: Batch) -> Float[Tensor, "c h"]:
        seen: Tensor
        if self.clips:
            clips = self.frames(batch.clips).flatten(1)
            seen = self.from_clips(normalize(clips, dim=-1))
        else:
            # From -1 at the start of a video to 1 at its end.
            seen = self.from_places(2 * batch.places - 1)
        return seen

    def _answers(self, hidden: Float[Tensor, "n h"]) -> Float[Tensor, "n 3"]:
        answers: Tensor = self.answer(self.dropout(hidden.relu()))
        return answers

    def loss(self, scores: Scores, targets: TrainingBatch) -> Float[Tensor, ""]:
        return alignment_and_offsets(scores, targets, self.config.offset_weight)


class VideoOnly(Blind):
    paper = "no paper: a baseline without the query"
    needs = "frames"

    def __init__(self, config: VideoOnlyConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes, clips=True, sentence=False)


class MomentPrior(Blind):
    paper = "no paper: a baseline without video and query"
    needs = "nothing"

    def __init__(self, config: MomentPriorConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes, clips=False, sentence=False)


class QueryOnly(Blind):
    paper = "no paper: a baseline without the video"
    needs = "sentence vectors"

    def __init__(self, config: QueryOnlyConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes, clips=False, sentence=True)
