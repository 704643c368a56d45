"""Moment-DETR: a transformer over clips and words, with learned moment queries.

Lei, Berg, Bansal: QVHighlights: Detecting Moments and Highlights in Videos via Natural
Language Queries, NeurIPS 2021. Equation numbers are those of docs/models/moment_detr.md.

Shapes: b queries, each of a video · t clips · w words · m moment queries · n clips and words ·
h hidden size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.base import Scale, Sizes, Standardise, VideoModel
from slta.models.parts.detr import (
    DETRAnswers,
    DETRConfig,
    Weights,
    ends_s,
    inside,
    located,
    margin_loss,
    overlapping,
    relevance_of,
    set_loss,
)
from slta.models.parts.transformer import (
    Attend,
    EncoderLayer,
    Feedforward,
    ends,
    mlp,
    positional_encoding,
    projection,
    xavier,
)


@dataclass(frozen=True, kw_only=True)
class MomentDETRConfig(DETRConfig):
    """The defaults are the paper's."""

    name: ClassVar[str] = "moment_detr"


class DecoderLayer(nn.Module):
    """Attention of the moment queries to each other, but for the first layer, and to clips
    and words."""

    def __init__(self, config: MomentDETRConfig, *, first: bool) -> None:
        super().__init__()
        part = config.size, config.heads, config.dropout
        self.among = None if first else Attend(*part)
        self.attend = Attend(*part)
        self.feedforward = Feedforward(
            config.size, config.feedforward_size, config.dropout
        )

    def forward(
        self,
        target: Float[Tensor, "b m h"],
        position: Float[Tensor, "m h"],
        memory: Float[Tensor, "b n h"],
        at: Float[Tensor, "b n h"],
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, "b m h"]:
        if self.among is not None:
            target = self.among(target, position, target, position)
        target = self.attend(target, position, memory, at, mask)
        output: Tensor = self.feedforward(target)
        return output


class MomentDETR(VideoModel):
    paper = "Lei et al., NeurIPS 2021"
    needs = "frames, words"

    def __init__(self, config: MomentDETRConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        size = config.size
        layer = size, config.heads, config.feedforward_size, config.dropout
        self.frames = Standardise(sizes.frame)
        self.words = Standardise(sizes.word)
        self.from_clips = projection(sizes.frame + 2, size, config.input_dropout)
        self.from_words = projection(sizes.word, size, config.input_dropout)
        self.encoder = nn.ModuleList(
            EncoderLayer(*layer) for _ in range(config.encoder_layers)
        )
        # The first self-attention, of zeros, would give all moment queries one vector: it is
        # learned directly.
        self.start = nn.Parameter(torch.zeros(size))
        self.decoder = nn.ModuleList(
            DecoderLayer(config, first=not i) for i in range(config.decoder_layers)
        )
        xavier(self.encoder, self.decoder)
        self.norm = nn.LayerNorm(size)
        self.moment_queries = nn.Parameter(torch.randn(config.moment_queries, size))
        self.span = mlp(size, size, size, 2)
        self.class_head = nn.Linear(size, 2)
        self.saliency = nn.Linear(size, 1, bias=False)
        # The loss depends only on differences of saliency: the bias is not learned, but
        # imported with the authors' weights.
        self.register_buffer("saliency_bias", torch.zeros(1))

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def clips(self, frames: int) -> int:
        return min(frames, self.config.max_clips)

    def windows(self, frames: int) -> Sequence[tuple[int, int]]:
        return overlapping(frames, self.config)

    def forward(self, batch: VideoBatch) -> DETRAnswers:
        clips = self.from_clips(located(self.frames(batch.clips), batch))
        words = self.from_words(self.words(batch.words))
        memory = torch.cat([clips, words], dim=1)
        at = positional_encoding(ends(batch.clip_mask)[..., 1], clips.shape[2])
        at = torch.cat([at, torch.zeros_like(words)], dim=1)
        mask = torch.cat([batch.clip_mask, batch.word_mask], dim=1)
        for layer in self.encoder:
            memory = layer(memory, at, mask)
        saliency = self.saliency(memory[:, : clips.shape[1]])[..., 0]
        saliency = saliency + self.saliency_bias

        position = self.moment_queries
        target = self.start.expand(len(memory), len(position), -1)
        layers = []
        for layer in self.decoder:
            target = layer(target, position, memory, at, mask)
            layers.append(self.norm(target))
        states = torch.stack(layers)
        spans = self.span(states).sigmoid().float()
        relevance = relevance_of(self.class_head(states))
        return DETRAnswers(
            ends_s(spans[-1], batch.duration_s),
            relevance[-1],
            spans,
            relevance,
            saliency,
        )

    def loss(
        self, answers: DETRAnswers, targets: TrainingVideoBatch
    ) -> Float[Tensor, ""]:
        """Eq. M5."""
        config = self.config
        weights = Weights(
            config.l1_weight,
            config.iou_weight,
            config.foreground_weight,
            config.background_share,
        )
        saliency_loss = margin_loss(
            answers.saliency, inside(targets), targets.batch.clip_mask, config.margin
        )
        loss = set_loss(answers, targets, weights)
        return loss + config.saliency_weight * saliency_loss
