"""SnAG: a pyramid of points over a video that is encoded once for all queries.

Mu, Mo, Li: SnAG: Scalable and Accurate Video Grounding, CVPR 2024. Equation numbers are
those of docs/models/snag.md.

Shapes: v videos · b queries, each of one of them · t clips · p points of all levels ·
w words · h hidden size · d size of a clip's vector.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Annotated, ClassVar

import torch
from annotated_types import Interval
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.fields import check_ranges
from slta.models.base import (
    Answers,
    Count,
    Dropout,
    Scale,
    Size,
    Sizes,
    Standardise,
    VideoModel,
)
from slta.models.parts.pyramid import (
    Fusion,
    Level,
    PointHead,
    Points,
    along_time,
    distance_loss,
    focal_loss,
    targets_of,
)
from slta.models.parts.transformer import in_order

RARE = -4.0
"""Initial bias of the relevance: few points are positive."""


@dataclass(frozen=True, kw_only=True)
class SnAGConfig:
    name: ClassVar[str] = "snag"
    size: Size = 128
    """Hidden size; even, and a multiple of the heads."""
    heads: Count = 4
    """Attention heads."""
    levels: Annotated[int, Interval(ge=1, le=16)] = 8
    """Levels of the pyramid, each with half the points of the one before: with 4, the
    longest moments are found from points 8 clips apart."""
    window: Count = 9
    """Clips to each side that a clip attends to."""
    word_layers: Count = 2
    """Transformer layers over the words."""
    fusion_layers: Count = 2
    """Layers in which points attend to words."""
    dropout: Dropout = 0.2
    """Dropout in the layers, in [0, 1)."""
    input_dropout: Dropout = 0.5
    """Dropout of the clips' features, in [0, 1)."""
    word_dropout: Dropout = 0.3
    """Dropout of the words' features, in [0, 1)."""
    answers: Count = 200
    """Maximum answers to a query."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")
        if self.size % self.heads or self.size % 2:
            raise ValueError(
                f"model.size must be even and a multiple of model.heads, {self.heads}, "
                f"got {self.size}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class PyramidAnswers(Answers):
    """The best points' answers, and what the loss needs."""

    points: Points
    logits: Float[Tensor, "b p"]
    distances: Float[Tensor, "b p 2"]
    """From each point to start and end, in its strides."""
    mask: Bool[Tensor, "b p"]
    alignment: Float[Tensor, "b t"] | None = field(default=None, kw_only=True)
    """Logits of the clips by the alignment alone, of models that have one."""


class SnAG(VideoModel):
    paper = "Mu et al., CVPR 2024"
    needs = "frames, words"
    published = "TACoS 44.9, Charades-STA 51.7"

    config: SnAGConfig

    def __init__(self, config: SnAGConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        size = config.size
        self.frames = Standardise(sizes.frame)
        self.words = Standardise(sizes.word)
        self.from_clips = nn.Sequential(
            nn.Dropout(config.input_dropout), nn.Linear(sizes.frame, size)
        )
        self.stem = nn.Conv1d(size, size, 3, padding=1)
        self.stem_norm = nn.LayerNorm(size)
        # The first level is of two layers.
        self.levels = nn.ModuleList(
            Level(size, config.heads, config.window, config.dropout, halves=number > 1)
            for number in range(config.levels + 1)
        )
        self.from_words = nn.Sequential(
            nn.Dropout(config.word_dropout), nn.Linear(sizes.word, size)
        )
        layer = nn.TransformerEncoderLayer(
            size,
            config.heads,
            4 * size,
            config.dropout,
            "gelu",
            batch_first=True,
            norm_first=True,
        )
        self.read = nn.TransformerEncoder(
            layer, config.word_layers, enable_nested_tensor=False
        )
        self.background = nn.Parameter(0.02 * torch.randn(size))
        self.fusions = nn.ModuleList(
            Fusion(size, config.heads, config.dropout)
            for _ in range(config.fusion_layers)
        )
        self.relevance, self.distances = PointHead(size, 1), PointHead(size, 2)
        nn.init.constant_(self.relevance.output.bias, RARE)  # type: ignore[arg-type]
        self.distance_scale = nn.Parameter(torch.ones(config.levels))

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def clips(self, frames: int) -> int:
        return frames

    def forward(self, batch: VideoBatch) -> PyramidAnswers:
        clips = self.frames(batch.clips)
        rows, mask, points = self._encoded(clips, of_videos(batch))
        fused = self._fused(rows[batch.video], batch)
        mask = mask[batch.video]
        logits = self.relevance(fused, mask)[..., 0]
        return self._answers(logits, fused, points, mask, batch)

    def _encoded(
        self, clips: Float[Tensor, "v t d"], mask: Bool[Tensor, "v t"]
    ) -> tuple[Float[Tensor, "v p h"], Bool[Tensor, "v p"], Points]:
        """Eq. S2: the points of all levels, for every query."""
        rows = along_time(self.stem, self.from_clips(clips), mask)
        rows = self.stem_norm(rows).relu() * mask[..., None]
        levels, masks = [], []
        for number, level in enumerate(self.levels):
            rows, mask = level(rows, mask)
            if number:
                levels.append(pad(rows, (0, 0, 0, 1)))
                masks.append(pad(mask, (0, 1)))
        counts = [each.shape[1] - 1 for each in masks]
        points = Points.of(counts, clips.device)
        return torch.cat(levels, dim=1), torch.cat(masks, dim=1), points

    def _fused(
        self, rows: Float[Tensor, "b p h"], batch: VideoBatch
    ) -> Float[Tensor, "b p h"]:
        """Eq. S3, with a learned word that no sentence has."""
        words = self.from_words(self.words(batch.words))
        words = words + 0.1 * in_order(words)
        words = self.read(words, src_key_padding_mask=~batch.word_mask)
        background = self.background.expand(len(words), 1, -1)
        words = torch.cat([background, words], dim=1)
        mask = pad(batch.word_mask, (1, 0), value=True)
        for fusion in self.fusions:
            rows = fusion(rows, words, mask)
        return rows

    def _answers(
        self,
        logits: Float[Tensor, "b p"],
        fused: Float[Tensor, "b p h"],
        points: Points,
        mask: Bool[Tensor, "b p"],
        batch: VideoBatch,
    ) -> PyramidAnswers:
        """Eq. S7: the spans of the most relevant points."""
        level = points.stride.log2().round().long()
        scale = self.distance_scale[level][:, None]
        distances = softplus(scale * self.distances(fused, mask)).float()
        logits = logits.float()
        clip_s = batch.duration_s / batch.clip_mask.sum(dim=1)
        ends = points.centre[:, None] + points.stride[:, None] * torch.stack(
            [-distances[..., 0], distances[..., 1]], dim=-1
        )
        spans_s = (ends * clip_s[:, None, None]).clamp(min=0)
        spans_s = spans_s.minimum(batch.duration_s[:, None, None])
        # As many for every video, so that answers do not depend on the others' lengths.
        short = max(0, self.config.answers - logits.shape[1])
        sure = pad(logits.masked_fill(~mask, -inf), (0, short), value=-inf)
        relevance, best = sure.topk(self.config.answers, dim=1)
        spans_s = pad(spans_s, (0, 0, 0, short))
        spans_s = spans_s.gather(1, best[..., None].expand(-1, -1, 2))
        spans_s = spans_s * relevance.isfinite()[..., None]
        return PyramidAnswers(spans_s, relevance, points, logits, distances, mask)

    def loss(
        self, answers: PyramidAnswers, targets: TrainingVideoBatch
    ) -> Float[Tensor, ""]:
        """Eq. S5 and S6, for each positive point of the batch."""
        batch = targets.batch
        clip_s = batch.duration_s / batch.clip_mask.sum(dim=1)
        spans = targets.truth_s / clip_s[:, None, None]
        positive, true = targets_of(answers.points, spans, targets.truth_mask)
        positive = positive & answers.mask
        relevance = focal_loss(answers.logits, positive)[answers.mask].sum(dim=0)
        distance = distance_loss(answers.distances[positive], true[positive]).sum(dim=0)
        return (relevance + distance) / positive.sum(dim=(0, 1)).clamp(min=1)


def of_videos(batch: VideoBatch) -> Bool[Tensor, "v t"]:
    """The mask of each video's clips, from those of its queries."""
    mask = batch.clip_mask.new_zeros(len(batch.clips), batch.clips.shape[1])
    return mask.index_put((batch.video,), batch.clip_mask)
