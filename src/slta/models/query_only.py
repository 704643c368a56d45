"""What a sentence and the place of a moment tell, whatever is shown.

No paper's model but a measure for all of them, learnt as they are. The answers called
"query only" in every table are counted instead.

Shapes: p pairs of a query and a candidate.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from slta.datasets.batch import Batch, TrainingBatch
from slta.models.alignment import alignment_and_offsets
from slta.models.base import CandidateModel, Scale, Scores, Sizes
from slta.models.moment_prior import centred
from slta.models.ranges import check_ranges
from slta.models.standardise import Standardise


@dataclass(frozen=True, kw_only=True)
class QueryOnlyConfig:
    name: Literal["query_only"] = "query_only"
    """Which model it is; nothing to choose."""
    fusion_size: int = 1000
    """Hidden units."""
    dropout: float = 0.0
    """Share of the hidden units left out in training, in [0, 1)."""
    offset_weight: float = 0.01
    """Of the offsets in the loss, against the relevance."""

    def __post_init__(self) -> None:
        check_ranges(self)


class QueryOnly(CandidateModel):
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
