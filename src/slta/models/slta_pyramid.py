"""SLTA on a pyramid: its attention to regions and words at every scale of a video.

Of this project, after SLTA (Jiang et al., ICMR 2019) and SnAG (Mu et al., CVPR 2024).
Equation numbers are those of docs/models/slta_pyramid.md.

Shapes: v videos · b queries, each of one of them · t clips · r regions · e size of a
region's vector · p points of all levels · h hidden size · k size of a word's vector.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import (
    avg_pool1d,
    binary_cross_entropy_with_logits,
    normalize,
    pad,
)

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.base import Scale, Size, Sizes, Standardise, Weight
from slta.models.parts.attention import (
    BOX,
    SUMMED,
    Looks,
    MaskedSoftmax,
    SpatialAttention,
    boxes_of,
    mixed,
)
from slta.models.parts.detr import inside
from slta.models.parts.pyramid import along_time, focal_loss, halved_mask
from slta.models.snag import RARE, PyramidAnswers, SnAG, SnAGConfig, of_videos

SHARPNESS = 5.0
"""Initial scale of the alignment."""


@dataclass(frozen=True, kw_only=True)
class SLTAPyramidConfig(SnAGConfig):
    name: ClassVar[str] = "slta_pyramid"
    alignment: bool = True
    """Compare each clip with the whole sentence, in the space of sentences."""
    alignment_weight: Weight = 1.0
    """Loss weight of the alignment by itself, which otherwise learns only what the points
    do not know of the sentences of train."""
    spatial_attention: bool = True
    """Spatial attention over regions, for features that have them."""
    attention_size: Size = 64
    """Hidden size of the spatial attention."""
    existence_weight: Weight = 0.5
    """Loss weight of whether the query has a moment; 0 for no such head."""


class Alignment(nn.Module):
    """Eq. P1: cosine of the sentence and each clip."""

    def __init__(self, config: SLTAPyramidConfig, sizes: Sizes) -> None:
        super().__init__()
        self.levels, self.has_sentences = config.levels, sizes.sentence > 0
        size = sizes.sentence or sizes.word
        self.sentences = Standardise(size)
        self.from_clips = nn.Sequential(
            nn.Dropout(config.input_dropout), nn.Linear(sizes.frame, size)
        )
        from_sentence = nn.Linear(size, size)
        # At first, what the sentence network knows of unseen sentences is kept.
        nn.init.eye_(from_sentence.weight)
        self.from_sentence = nn.Sequential(nn.Dropout(config.dropout), from_sentence)
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.bias = nn.Parameter(torch.tensor(RARE))

    def fit(self, scale: Scale) -> None:
        if self.has_sentences:
            self.sentences.fit(*scale.sentences)

    def forward(
        self,
        clips: Float[Tensor, "v t d"],
        words: Float[Tensor, "b w k"],
        batch: VideoBatch,
    ) -> tuple[Float[Tensor, "b t"], Float[Tensor, "b p"]]:
        """Logits of the clips by themselves, and what is added to those of the points: at
        coarser levels, the mean."""
        shown = normalize(self.from_clips(clips), dim=-1)
        if self.has_sentences:
            said = self.sentences(batch.sentences)
        else:
            real = batch.word_mask[..., None]
            said = (words * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
        said = normalize(self.from_sentence(said), dim=-1)
        # Not of each query's copy of the clips, which are large.
        cosines = torch.einsum("vtx,bx->bvt", shown, said)
        level = cosines[torch.arange(len(said)), batch.video] * batch.clip_mask
        level = self.sharpness * level
        alone, levels = level + self.bias, [pad(level, (0, 1))]
        for _ in range(1, self.levels):
            level = pad(level, (0, level.shape[1] % 2))
            level = avg_pool1d(level[:, None], 2)[:, 0]
            levels.append(pad(level, (0, 1)))
        return alone, torch.cat(levels, dim=1)


class SLTAPyramid(SnAG):
    paper = "of this project"
    needs = "frames, regions, words"
    published = ""

    config: SLTAPyramidConfig

    def __init__(self, config: SLTAPyramidConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        size = config.size
        self.sees_regions = config.spatial_attention  # type: ignore[misc]
        if config.alignment:
            self.alignment = Alignment(config, sizes)
        if config.spatial_attention:
            region = sizes.region + BOX
            self.regions = Standardise(region)
            self.spatial = SpatialAttention(region, sizes.word, config.attention_size)
            self.over_regions = MaskedSoftmax()
            self.from_object = nn.Linear(region, size)
            self.object_levels = nn.ModuleList(
                nn.Conv1d(size, size, 3, 2 if level else 1, padding=1)
                for level in range(config.levels)
            )
            self.object_norms = nn.ModuleList(
                nn.LayerNorm(size) for _ in range(config.levels)
            )
        if config.existence_weight:
            self.exists = nn.Linear(2 * size + 2, 1)

    def fit(self, scale: Scale) -> None:
        super().fit(scale)
        if self.config.alignment:
            self.alignment.fit(scale)
        if self.config.spatial_attention:
            both = zip(scale.regions, scale.boxes, strict=True)
            self.regions.fit(*(torch.cat(pair) for pair in both))

    def forward(self, batch: VideoBatch) -> PyramidAnswers:
        clips = self.frames(batch.clips)
        rows, mask, points = self._encoded(clips, of_videos(batch))
        fused, mask = self._fused(rows[batch.video], batch), mask[batch.video]
        if self.config.spatial_attention:
            fused = fused + self._objects(batch)
        logits = self.relevance(fused, mask)[..., 0]
        alone, aligned = None, logits.new_zeros(logits.shape)
        if self.config.alignment:
            alone, aligned = self.alignment(clips, self.words(batch.words), batch)
            logits = logits + aligned
        existence = None
        if self.config.existence_weight:
            existence = self._existence(fused, logits, aligned, mask)
        answers = self._answers(logits, fused, points, mask, batch)
        return replace(answers, existence=existence, alignment=alone)

    def _objects(self, batch: VideoBatch) -> Float[Tensor, "b p h"]:
        """Eq. P2 and P3: the regions that the query's nouns name, over time."""
        regions = torch.cat([batch.regions.float(), boxes_of(batch.boxes)], dim=-1)
        regions = self.regions(regions)
        lengths = batch.clip_mask.sum(dim=1)
        number = torch.arange(len(lengths), device=lengths.device)
        pairs = torch.stack([number, batch.video, 0 * lengths, lengths], dim=1)
        looks = Looks.of(pairs)
        nouns = self.words(batch.words) * batch.noun_mask[..., None]
        scores = self.spatial(regions, nouns.sum(dim=1)[None] / SUMMED, looks)[0]
        weights = self.over_regions(scores, batch.region_mask[looks.video, looks.frame])
        seen = mixed(regions, weights, looks, self.from_object)
        level = seen.new_zeros(*batch.clip_mask.shape, seen.shape[1])
        level[batch.clip_mask] = seen
        mask, levels = batch.clip_mask, []
        for convolution, norm in zip(
            self.object_levels, self.object_norms, strict=True
        ):
            level = norm(along_time(convolution, level, mask)).relu()
            mask = mask if level.shape[1] == mask.shape[1] else halved_mask(mask)
            levels.append(pad(level * mask[..., None], (0, 0, 0, 1)))
        return torch.cat(levels, dim=1)

    def _existence(
        self,
        fused: Float[Tensor, "b p h"],
        logits: Float[Tensor, "b p"],
        aligned: Float[Tensor, "b p"],
        mask: Bool[Tensor, "b p"],
    ) -> Float[Tensor, " b"]:
        """Eq. P4."""
        weights = MaskedSoftmax()(logits, mask)
        best = torch.einsum("bn,bnh->bh", weights, fused)
        mean = (fused * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        low = torch.finfo(logits.dtype).min
        highest = [
            each.masked_fill(~mask, low).amax(dim=1, keepdim=True)
            for each in (logits, aligned)
        ]
        return self.exists(torch.cat([best, mean, *highest], dim=1))[:, 0].float()

    def loss(
        self, answers: PyramidAnswers, targets: TrainingVideoBatch
    ) -> Float[Tensor, ""]:
        """Eq. P5."""
        loss = super().loss(answers, targets)
        if answers.alignment is not None:
            shown, mask = inside(targets), targets.batch.clip_mask
            alone = focal_loss(answers.alignment, shown)[mask].sum(dim=0)
            alone = alone / shown.sum(dim=(0, 1)).clamp(min=1)
            loss = loss + self.config.alignment_weight * alone
        if answers.existence is None:
            return loss
        exists = targets.truth_mask.any(dim=1).float()
        existence = binary_cross_entropy_with_logits(answers.existence, exists)
        return loss + self.config.existence_weight * existence
