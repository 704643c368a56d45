"""ROLE: attention over the words of a query, given the candidate.

Liu, Wang, Nie, Tian, Chen, Chua: Cross-modal Moment Localization in Videos, ACM MM 2018.
SLTA adds a spatial branch to it: equation numbers are those of docs/models/slta.md.

Shapes: b queries · w words · c candidates · d size of a clip's vector · p pairs of a query
and a candidate.
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
from slta.models.parts.attention import MaskedSoftmax
from slta.models.parts.recurrence import states, weighed


@dataclass(frozen=True, kw_only=True)
class ROLEConfig:
    """Sizes default to those of SLTA's paper."""

    name: ClassVar[str] = "role"
    word_size: Size = 1000
    """Hidden size of the bidirectional LSTM over the words, per direction."""
    language_size: Size = 1024
    """Hidden size of the language-temporal attention."""
    fusion_size: Size = 1000
    """Hidden size of the fusion layer."""
    dropout: Dropout = 0.0
    """Dropout of the fusion layer, in [0, 1)."""
    offset_weight: Weight = 0.01
    """Loss weight of the offset regression."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class ROLE(CandidateModel):
    paper = "Liu et al., ACM MM 2018"
    needs = "frames, words"
    published = "TACoS 9.9, Charades-STA 21.7, DiDeMo 29.4"

    def __init__(self, config: ROLEConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.frames = Standardise(sizes.frame)
        self.words = Standardise(sizes.word)
        self.over_words = MaskedSoftmax()
        self.read = nn.LSTM(
            sizes.word, config.word_size, batch_first=True, bidirectional=True
        )
        self.word_content = nn.Linear(2 * config.word_size, config.language_size)
        self.clip_content = nn.Linear(sizes.frame, config.language_size, bias=False)
        self.word_score = nn.Linear(config.language_size, 1, bias=False)
        self.from_clips = nn.Linear(
            CONTEXTS * sizes.frame, config.fusion_size, bias=False
        )
        self.from_sentence = nn.Linear(sizes.word, config.fusion_size)
        self.dropout = nn.Dropout(config.dropout)
        self.answer = nn.Linear(config.fusion_size, 3)
        # Their inputs have unit length, whatever their size.
        for layer in (self.from_clips, self.from_sentence):
            nn.init.normal_(layer.weight, std=0.1)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def forward(self, batch: Batch) -> Scores:
        query, candidate = batch.pairs.unbind(dim=1)
        words, clips = self.words(batch.words), self.frames(batch.clips)
        weights = self._word_weights(batch, words, clips)
        sentences = weighed(words, weights, query)

        # Eq. 7, without an object.
        clip = self.from_clips(normalize(clips.flatten(1), dim=-1))
        hidden = clip[candidate] + self.from_sentence(normalize(sentences, dim=-1))
        relevance, *offsets = self.answer(self.dropout(hidden.relu())).unbind(dim=-1)
        return Scores(relevance, torch.stack(offsets, dim=-1), word_weights=weights)

    def _word_weights(
        self,
        batch: Batch,
        words: Float[Tensor, "b w k"],
        clips: Float[Tensor, "c 3 d"],
    ) -> Float[Tensor, "p w"]:
        """Eq. 5 and 6."""
        query, candidate = batch.pairs.unbind(dim=1)
        mask = batch.word_mask
        read = self.word_content(states(self.read, words, mask))
        seen = self.clip_content(clips.sum(dim=1))
        hidden = (read[query] + seen[candidate, None]).relu()
        return self.over_words(self.word_score(hidden)[..., 0], mask[query])

    def loss(self, scores: Scores, targets: TrainingBatch) -> Float[Tensor, ""]:
        """Eq. 8 and 9."""
        return alignment_and_offsets(scores, targets, self.config.offset_weight)
