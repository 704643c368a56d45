"""SLTA: spatial and language-temporal attention.

Jiang, Huang, Yang, Yuan: Cross-Modal Video Moment Retrieval with Spatial and
Language-Temporal Attention, ICMR 2019. Equation numbers are those of docs/models/slta.md.

Shapes: b queries · w words · k size of a word's vector · v videos · t frames ·
r regions · e size of a region's vector · c candidates · d size of a clip's vector ·
p pairs of a query and a candidate · m pairs of a query and a video · f attended frames, over
all of those · o objects of a query.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
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
from slta.models.parts.attention import (
    BOX,
    SUMMED,
    Looks,
    MaskedSoftmax,
    SpatialAttention,
    boxes_of,
    looks_of,
    mean_over,
    mix,
    mixed,
)
from slta.models.parts.recurrence import Recurrence, states, weighed


@dataclass(frozen=True, kw_only=True)
class SLTAConfig:
    """Sizes default to the paper's."""

    name: ClassVar[str] = "slta"
    attention_size: Size = 512
    """Hidden size of the spatial attention."""
    interaction_size: Size = 512
    """Hidden size of the GRU over the attended regions."""
    word_size: Size = 1000
    """Hidden size of the bidirectional LSTM over the words, per direction."""
    language_size: Size = 1024
    """Hidden size of the language-temporal attention."""
    fusion_size: Size = 1000
    """Hidden size of the fusion layer."""
    dropout: Dropout = 0.0
    """Dropout of the fusion layer, in [0, 1)."""
    feature_dropout: Dropout = 0.0
    """Dropout of feature components, in [0, 1): the same components for all regions, clips
    or words of a sequence."""
    boxes: bool = True
    """Append its box to each region's vector."""
    spatial_attention: bool = True
    """Spatial attention over regions; without it, regions are averaged."""
    interaction: bool = True
    """GRU over the attended regions; without it, they are averaged over time."""
    language_attention: bool = True
    """Language-temporal attention over words; without it, words are averaged."""
    context: bool = True
    """Clips before and after the candidate as context; without it, only its own clip."""
    nouns: Literal["mean", "sum"] = "mean"
    """Query of the spatial attention: the mean of the nouns, as in the paper, or sum/10,
    where a noun's weight does not depend on how many there are."""
    objects: Annotated[int, Ge(0)] = 0
    """Objects of a query, each with its own attention over nouns and regions (not in the
    paper); 0 for the paper's single object, the mean of all nouns."""
    offset_weight: Weight = 0.01
    """Loss weight of the offset regression."""
    grounding_weight: Weight = 0.0
    """Loss weight of the grounding contrast between videos, on the scores of the spatial
    attention (not in the paper)."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")
        if self.objects and not self.spatial_attention:
            raise ValueError(
                f"model.objects is {self.objects}, which needs model.spatial_attention: "
                "enable it, or set model.objects to 0"
            )


@dataclass(frozen=True, slots=True, eq=False)
class SLTAScores(Scores):
    region_weights: Float[Tensor, "f r"]
    """Mean over the objects."""
    word_weights: Float[Tensor, "p w"]
    looks: Looks
    presence: Float[Tensor, " p"]
    """Grounding score of the query's nouns in the candidate's frames; 0 without spatial
    attention."""


class SLTA(CandidateModel):
    paper = "Jiang et al., ICMR 2019"
    needs = "frames, regions, words"
    published = "TACoS 11.9, Charades-STA 22.8, DiDeMo 30.9"

    sees_regions = True

    def __init__(self, config: SLTAConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        region_size = sizes.region + BOX * config.boxes
        clips = CONTEXTS if config.context else 1
        self.regions = Standardise(region_size)
        self.frames = Standardise(sizes.frame)
        self.words = Standardise(sizes.word)
        self.over_regions: nn.Module = MaskedSoftmax()
        self.over_words: nn.Module = MaskedSoftmax()
        object_size = region_size
        if config.spatial_attention:
            self.spatial = SpatialAttention(
                region_size, sizes.word, config.attention_size
            )
        if config.interaction:
            object_size = config.interaction_size
            self.to_interaction = nn.Linear(region_size, 3 * object_size)
            self.others_to_interaction = nn.ModuleList(
                nn.Linear(region_size, 3 * object_size, bias=False)
                for _ in range(1, config.objects)
            )
            self.interaction = Recurrence(object_size)
        if config.language_attention or config.objects:
            self.read = nn.LSTM(
                sizes.word, config.word_size, batch_first=True, bidirectional=True
            )
        if config.objects:
            self.noun_score = nn.Linear(
                2 * config.word_size, config.objects, bias=False
            )
            # Small, so that every object starts with the mean of all nouns.
            nn.init.normal_(self.noun_score.weight, std=0.01)
        if config.language_attention:
            self.word_content = nn.Linear(2 * config.word_size, config.language_size)
            self.clip_content = nn.Linear(sizes.frame, config.language_size, bias=False)
            self.word_score = nn.Linear(config.language_size, 1, bias=False)
        self.from_clips = nn.Linear(clips * sizes.frame, config.fusion_size, bias=False)
        self.from_object = nn.Linear(object_size, config.fusion_size, bias=False)
        self.from_sentence = nn.Linear(sizes.word, config.fusion_size)
        self.dropout = nn.Dropout(config.dropout)
        self.answer = nn.Linear(config.fusion_size, 3)
        # The three inputs have unit length, whatever their size; the default
        # initialisation would depend on the size.
        for layer in (self.from_clips, self.from_object, self.from_sentence):
            nn.init.normal_(layer.weight, std=0.1)

    def fit(self, scale: Scale) -> None:
        mean, spread = scale.regions
        if self.config.boxes:
            mean = torch.cat([mean, scale.boxes[0]])
            spread = torch.cat([spread, scale.boxes[1]])
        self.regions.fit(mean, spread)
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def forward(self, batch: Batch) -> SLTAScores:
        """Scores ``batch.pairs``, in their order."""
        query, candidate = batch.pairs.unbind(dim=1)
        batch = replace(batch, words=self._feature_dropout(self.words(batch.words)))
        read = self._states(batch)
        looks, needed = looks_of(batch)
        clips = self.frames(batch.clips)
        clips = self._feature_dropout(clips, batch.candidate_video)
        clips = clips if self.config.context else clips[:, 1:2]
        regions = self._feature_dropout(self._regions(batch))
        nouns = self._nouns(batch, read)
        region_weights, evidence = self._region_weights(batch, regions, nouns, looks)
        first, count = (
            batch.candidate_first[candidate],
            batch.candidate_count[candidate],
        )
        start = looks.starts[needed] + first - looks.pairs[needed, 2]
        objects = self._objects(batch, regions, region_weights, looks, start, count)
        word_weights = self._word_weights(batch, read, clips)
        sentences = weighed(batch.words, word_weights, query)

        # Eq. 7. The first layer is linear, so its parts are computed once each.
        clip = self.from_clips(normalize(clips.flatten(1), dim=-1))
        hidden = (
            clip[candidate] * batch.clip_mask[query, None]
            + self.from_object(normalize(objects, dim=-1))
            + self.from_sentence(normalize(sentences, dim=-1))
        )
        relevance, *offsets = self.answer(self.dropout(hidden.relu())).unbind(dim=-1)
        offsets_s = torch.stack(offsets, dim=-1)
        presence = mean_over(evidence[:, None], start, count)[:, 0]
        weights = region_weights.mean(dim=0)
        return SLTAScores(relevance, offsets_s, weights, word_weights, looks, presence)

    def _regions(self, batch: Batch) -> Float[Tensor, "v t r e"]:
        regions = batch.regions.float()
        if self.config.boxes:
            regions = torch.cat([regions, boxes_of(batch.boxes)], dim=-1)
        return self.regions(regions)

    def _feature_dropout(
        self,
        features: Float[Tensor, "n *rows x"],
        owner: Int[Tensor, " n"] | None = None,
    ) -> Float[Tensor, "n *rows x"]:
        """Dropout of components in training, the same for all rows of an owner, against
        overfitting to single videos."""
        share = self.config.feature_dropout
        if not (self.training and share):
            return features
        count = len(features) if owner is None else int(owner.max()) + 1
        kept = features.new_empty(count, features.shape[-1]).bernoulli_(1 - share)
        kept = (kept if owner is None else kept[owner]) / (1 - share)
        return features * kept.view(len(features), *[1] * (features.ndim - 2), -1)

    def _states(self, batch: Batch) -> Float[Tensor, "b w h"]:
        """States of the LSTM over the words; empty if no part of the model uses them."""
        if not (self.config.language_attention or self.config.objects):
            return batch.words[..., :0]
        return states(self.read, batch.words, batch.word_mask)

    def _nouns(
        self, batch: Batch, read: Float[Tensor, "b w h"]
    ) -> Float[Tensor, "o b k"]:
        """The query of the spatial attention for each object."""
        mask = batch.noun_mask
        scores = torch.zeros_like(mask, dtype=torch.float)[None]
        if self.config.objects:
            scores = self.noun_score(read).permute(2, 0, 1)
        weights = MaskedSoftmax()(scores, mask.expand_as(scores))
        if self.config.nouns == "sum":
            weights = weights * (mask.sum(dim=1, keepdim=True) / SUMMED)
        return torch.einsum("obw,bwk->obk", weights, batch.words)

    def _region_weights(
        self,
        batch: Batch,
        regions: Float[Tensor, "v t r e"],
        nouns: Float[Tensor, "o b k"],
        looks: Looks,
    ) -> tuple[Float[Tensor, "o f r"], Float[Tensor, " f"]]:
        """Eq. 2: region weights, and the log-sum-exp of each frame's scores."""
        mask = batch.region_mask[looks.video, looks.frame].expand(len(nouns), -1, -1)
        if not self.config.spatial_attention:
            scores = torch.zeros_like(mask, dtype=torch.float)
            return self.over_regions(scores, mask), scores[0, :, 0]
        scores = self.spatial(regions, nouns, looks)
        evidence = scores.masked_fill(~mask, -inf).logsumexp(dim=2).mean(dim=0)
        return self.over_regions(scores, mask), evidence

    def _objects(
        self,
        batch: Batch,
        regions: Float[Tensor, "v t r e"],
        weights: Float[Tensor, "o f r"],
        looks: Looks,
        start: Int[Tensor, " p"],
        count: Int[Tensor, " p"],
    ) -> Float[Tensor, "p x"]:
        """Eq. 3 and 4: the attended regions of a candidate's frames, over time."""
        if not self.config.interaction:
            return mean_over(mix(regions, weights.mean(dim=0), looks), start, count)
        products = [self.to_interaction, *self.others_to_interaction]
        inputs = sum(
            mixed(regions, object_weights, looks, product)
            for object_weights, product in zip(weights, products, strict=True)
        )
        states: Tensor = self.interaction(inputs, start, count)
        return states

    def _word_weights(
        self,
        batch: Batch,
        read: Float[Tensor, "b w h"],
        clips: Float[Tensor, "c x d"],
    ) -> Float[Tensor, "p w"]:
        """Eq. 5 and 6: attention over words, given the candidate."""
        query, candidate = batch.pairs.unbind(dim=1)
        mask = batch.weighed_mask[query]
        if not self.config.language_attention:
            return self.over_words(torch.zeros_like(mask, dtype=torch.float), mask)
        words = self.word_content(read)
        seen = self.clip_content(clips.sum(dim=1))
        hidden = (words[query] + seen[candidate, None]).relu()
        return self.over_words(self.word_score(hidden)[..., 0], mask)

    def loss(self, scores: SLTAScores, targets: TrainingBatch) -> Float[Tensor, ""]:
        """Eq. 8 and 9."""
        loss = alignment_and_offsets(scores, targets, self.config.offset_weight)
        if self.config.grounding_weight:
            loss = loss + self.config.grounding_weight * _grounding(scores, targets)
        return loss


def _grounding(scores: SLTAScores, targets: TrainingBatch) -> Float[Tensor, ""]:
    """Contrastive loss of the grounding score: of the matching candidate against those of
    other videos, and of the matching query against those of other videos.

    As in contrastive phrase grounding (Gupta et al., ECCV 2020), but with the scores of
    eq. 1: it needs no boxes.
    """
    used, pairs = targets.matching | targets.elsewhere, targets.batch.pairs
    shape = len(targets.batch.words), len(targets.batch.candidate_video)
    table = scores.presence.new_full(shape, -inf)
    table = table.index_put(tuple(pairs[used].T), scores.presence[used])
    query, candidate = pairs[targets.matching].T
    of_query = table[query].logsumexp(dim=1)
    of_candidate = table[:, candidate].logsumexp(dim=0)
    return (of_query + of_candidate - 2 * table[query, candidate]).mean(dim=0)
