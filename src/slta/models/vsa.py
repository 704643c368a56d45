"""Visual-semantic alignment: cosine similarity of a clip and a sentence.

A baseline of the papers on CTRL and ROLE, after Frome et al.: DeViSE: A Deep
Visual-Semantic Embedding Model, NIPS 2013. The sentence embedding is the last state of an
LSTM over its words (VSA-RNN), or the extractor's instead of skip-thoughts (VSA-STV).
Equation numbers are those of docs/models/vsa.md.

Shapes: b queries · x size of a sentence's vector · p pairs of a query and a candidate.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

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


@dataclass(frozen=True, kw_only=True)
class VSASTVConfig:
    name: ClassVar[str] = "vsa_stv"
    common_size: Size = 1000
    """Size of the common space of clips and sentences."""
    dropout: Dropout = 0.0
    """Dropout of the features of clips and sentences, in [0, 1)."""
    margin: Weight = 0.1
    """Margin of the hinge loss between the cosines of matching and other pairs."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


@dataclass(frozen=True, kw_only=True)
class VSARNNConfig:
    name: ClassVar[str] = "vsa_rnn"
    word_size: Size = 1000
    """Hidden size of the LSTM over the words."""
    common_size: Size = 1000
    """Size of the common space of clips and sentences."""
    dropout: Dropout = 0.0
    """Dropout of the features of clips and sentences, in [0, 1)."""
    margin: Weight = 0.1
    """Margin of the hinge loss between the cosines of matching and other pairs."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")


class WholeSentence(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.sentences = Standardise(size)

    def fit(self, scale: Scale) -> None:
        self.sentences.fit(*scale.sentences)

    def forward(self, batch: Batch) -> Float[Tensor, "b x"]:
        sentences: Tensor = self.sentences(batch.sentences)
        return sentences


class WordByWord(nn.Module):
    def __init__(self, word_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.words = Standardise(word_size)
        self.read = nn.LSTM(word_size, size, batch_first=True)

    def fit(self, scale: Scale) -> None:
        self.words.fit(*scale.words)

    def forward(self, batch: Batch) -> Float[Tensor, "b x"]:
        return last_state(self.read, self.words(batch.words), batch.word_mask)


class VSA(CandidateModel):
    paper = "a baseline of Liu et al., ACM MM 2018"
    needs = "frames, words or sentence vectors"
    published = "TACoS 10.0 (vsa_rnn) and 8.8, DiDeMo 24.9 and 25.4"

    def __init__(
        self,
        config: VSASTVConfig | VSARNNConfig,
        sizes: Sizes,
        reader: WholeSentence | WordByWord,
    ) -> None:
        super().__init__()
        self.config = config
        self.frames = Standardise(sizes.frame)
        self.reader = reader
        self.dropout = nn.Dropout(config.dropout)
        self.from_clip = nn.Linear(sizes.frame, config.common_size)
        self.from_sentence = nn.Linear(reader.size, config.common_size)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.reader.fit(scale)

    def forward(self, batch: Batch) -> Scores:
        query, candidate = batch.pairs.unbind(dim=1)
        clips = self.from_clip(self.dropout(self.frames(batch.clips[:, 1])))
        sentences = self.from_sentence(self.dropout(self.reader(batch)))
        clips, sentences = normalize(clips, dim=-1), normalize(sentences, dim=-1)
        cosine = (clips[candidate] * sentences[query]).sum(dim=1)
        return Scores(cosine, cosine.new_zeros(len(cosine), 2))

    def loss(self, scores: Scores, targets: TrainingBatch) -> Float[Tensor, ""]:
        return hinge_loss(
            scores.relevance, targets, ~targets.matching, margin=self.config.margin
        )

    def confidence(
        self, relevance: Float[np.ndarray, "*n"] | float
    ) -> Float[np.ndarray, "*n"]:
        """(1 + cosine) / 2. The loss only ranks cosines, so the threshold 0.5 is a
        convention."""
        cosine = np.clip(np.asarray(relevance, np.float64), -1, 1)
        return np.asarray((1 + cosine) / 2)


def vsa_stv(config: VSASTVConfig, sizes: Sizes) -> VSA:
    return VSA(config, sizes, WholeSentence(sizes.sentence))


def vsa_rnn(config: VSARNNConfig, sizes: Sizes) -> VSA:
    return VSA(config, sizes, WordByWord(sizes.word, config.word_size))
