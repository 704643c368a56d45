"""What the place of a moment in its video tells, whatever is shown and asked.

No paper's model but a measure for all of them, learnt as they are. The answers called
"moment prior" in every table are counted instead.

Shapes: p pairs of a query and a candidate · c candidates · h hidden size.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from slta.datasets.batch import Batch, TrainingBatch
from slta.models.alignment import alignment_and_offsets
from slta.models.base import CandidateModel, Scale, Scores, Sizes
from slta.models.ranges import check_ranges


@dataclass(frozen=True, kw_only=True)
class MomentPriorConfig:
    name: Literal["moment_prior"] = "moment_prior"
    """Which model it is; nothing to choose."""
    fusion_size: int = 1000
    """Hidden units."""
    dropout: float = 0.0
    """Share of the hidden units left out in training, in [0, 1)."""
    offset_weight: float = 0.01
    """Of the offsets in the loss, against the relevance."""

    def __post_init__(self) -> None:
        check_ranges(self)


class MomentPrior(CandidateModel):
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
