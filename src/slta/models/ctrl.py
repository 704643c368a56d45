"""CTRL: fusion of a clip and a sentence by sum, product and concatenation.

Gao, Sun, Yang, Nevatia: TALL: Temporal Activity Localization via Language Query, ICCV
2017, with the paper's equation numbers. The extractor's sentence embedding replaces
skip-thoughts.

Shapes: b queries · c candidates · d size of a clip's vector · p pairs of a query and a
candidate.
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
class CTRLConfig:
    """Sizes default to the paper's."""

    name: ClassVar[str] = "ctrl"
    common_size: Size = 1024
    """Size of the common space of clips and sentences."""
    hidden_size: Size = 1000
    """Hidden size of the fusion layer."""
    dropout: Dropout = 0.0
    """Dropout before and after the fusion layer, in [0, 1)."""
    offset_weight: Weight = 0.01
    """Loss weight of the offset regression."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class CTRL(CandidateModel):
    paper = "Gao et al., ICCV 2017"
    needs = "frames, sentence vectors"
    published = "TACoS 13.3, Charades-STA 21.4, DiDeMo 26.5"

    def __init__(self, config: CTRLConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        common = config.common_size
        self.frames = Standardise(sizes.frame)
        self.sentences = Standardise(sizes.sentence)
        self.from_clips = nn.Linear(CONTEXTS * sizes.frame, common)
        self.from_sentence = nn.Linear(sizes.sentence, common)
        self.dropout = nn.Dropout(config.dropout)
        self.hidden = nn.Linear(4 * common, config.hidden_size)
        self.answer = nn.Linear(config.hidden_size, 3)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.sentences.fit(*scale.sentences)

    def forward(self, batch: Batch) -> Scores:
        query, candidate = batch.pairs.unbind(dim=1)
        clips = normalize(self.from_clips(self.frames(batch.clips).flatten(1)), dim=-1)
        sentences = self.from_sentence(self.sentences(batch.sentences))
        fused = _fused(clips[candidate], normalize(sentences, dim=-1)[query])
        hidden = self.hidden(self.dropout(fused)).relu()
        relevance, *offsets = self.answer(self.dropout(hidden)).unbind(dim=-1)
        return Scores(relevance, torch.stack(offsets, dim=-1))

    def loss(self, scores: Scores, targets: TrainingBatch) -> Float[Tensor, ""]:
        """Eq. 2."""
        return alignment_and_offsets(scores, targets, self.config.offset_weight)


def _fused(
    clips: Float[Tensor, "p s"], sentences: Float[Tensor, "p s"]
) -> Float[Tensor, "p _"]:
    """Eq. 1."""
    parts = sentences * clips, sentences + clips, sentences, clips
    return torch.cat(parts, dim=-1)
