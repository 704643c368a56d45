"""What the clips alone tell: a moment that looks like an answer, whatever is asked.

No paper's model but a measure for all of them: what SLTA's last layers (eq. 7 of
docs/data-flow.md) reach without a word.

Shapes: p pairs of a query and a candidate.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from slta.datasets.batch import CONTEXTS, Batch, TrainingBatch
from slta.models.alignment import alignment_and_offsets
from slta.models.base import CandidateModel, Scale, Scores, Sizes
from slta.models.ranges import check_ranges
from slta.models.standardise import Standardise


@dataclass(frozen=True, kw_only=True)
class VideoOnlyConfig:
    name: Literal["video_only"] = "video_only"
    """Which model it is; nothing to choose."""
    fusion_size: int = 1000
    """Hidden units of the last layer but one."""
    dropout: float = 0.0
    """Share of the hidden units left out in training, in [0, 1)."""
    offset_weight: float = 0.01
    """Of the offsets in the loss, against the relevance."""

    def __post_init__(self) -> None:
        check_ranges(self)


class VideoOnly(CandidateModel):
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
