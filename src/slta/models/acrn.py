"""ACRN: attention over the contexts of a candidate.

Liu, Wang, Nie, He, Chen, Chua: Attentive Moment Retrieval in Videos, SIGIR 2018. Equation
numbers are those of docs/models/acrn.md. The extractor's sentence embedding replaces
skip-thoughts.

Shapes: b queries · c candidates · d size of a clip's vector · m size of a memory ·
p pairs of a query and a candidate.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

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
    alignment_and_offsets,
)


@dataclass(frozen=True, kw_only=True)
class ACRNConfig:
    """Sizes default to those of CTRL's paper, whose layers these are."""

    name: ClassVar[str] = "acrn"
    memory_size: Size = 1000
    """Size of the common space of clips and sentences."""
    pooled_size: Size = 100
    """Size after average pooling, for the fusion; a divisor of memory_size."""
    fusion_size: Size = 1000
    """Hidden size of the fusion layer."""
    dropout: Dropout = 0.0
    """Dropout before and after the fusion layer, in [0, 1)."""
    offset_weight: Weight = 0.01
    """Loss weight of the offset regression."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")
        if self.memory_size % self.pooled_size:
            raise ValueError(
                f"model.pooled_size must divide model.memory_size {self.memory_size}, "
                f"got {self.pooled_size}"
            )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ACRNScores(Scores):
    clip_weights: Float[Tensor, "p 3"]
    """Attention over the clips before, inside and after; sums to one."""


class ACRN(CandidateModel):
    paper = "Liu et al., SIGIR 2018"
    needs = "frames, sentence vectors"
    published = "TACoS 14.6, Charades-STA 20.3, DiDeMo 27.4"

    def __init__(self, config: ACRNConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.frames = Standardise(sizes.frame)
        self.sentences = Standardise(sizes.sentence)
        self.from_clip = nn.Linear(sizes.frame, config.memory_size)
        self.from_sentence = nn.Linear(sizes.sentence, config.memory_size)
        self.dropout = nn.Dropout(config.dropout)
        self.hidden = nn.Linear((config.pooled_size + 1) ** 2, config.fusion_size)
        self.answer = nn.Linear(config.fusion_size, 3)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.sentences.fit(*scale.sentences)

    def forward(self, batch: Batch) -> ACRNScores:
        query, candidate = batch.pairs.unbind(dim=1)
        memories = self.from_clip(self.frames(batch.clips))
        sentences = self.from_sentence(self.sentences(batch.sentences))

        # Eq. 1 and 2.
        fit = (memories.sigmoid()[candidate] @ sentences.sigmoid()[query, :, None])[
            ..., 0
        ]
        weights = fit / fit.sum(dim=1, keepdim=True)
        # Eq. 3.
        moments = (weights[:, None] @ memories[candidate])[:, 0]

        fused = _fused(self._pooled(moments), self._pooled(sentences)[query])
        hidden = self.hidden(self.dropout(fused)).relu()
        relevance, *offsets = self.answer(self.dropout(hidden)).unbind(dim=-1)
        return ACRNScores(relevance, torch.stack(offsets, dim=-1), clip_weights=weights)

    def _pooled(self, memories: Float[Tensor, "n m"]) -> Float[Tensor, "n _"]:
        """Eq. 4."""
        return memories.unflatten(1, (self.config.pooled_size, -1)).mean(dim=-1)

    def loss(self, scores: ACRNScores, targets: TrainingBatch) -> Float[Tensor, ""]:
        """CTRL's loss."""
        return alignment_and_offsets(scores, targets, self.config.offset_weight)


def _fused(
    moments: Float[Tensor, "p x"], sentences: Float[Tensor, "p x"]
) -> Float[Tensor, "p _"]:
    """Eq. 5: the outer product of both vectors, each extended by 1."""
    moments, sentences = (pad(rows, (0, 1), value=1) for rows in (moments, sentences))
    return (moments[:, :, None] * sentences[:, None, :]).flatten(1)
