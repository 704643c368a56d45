"""Moment-DETR: a transformer over clips and words, with learned moment queries.

Lei, Berg, Bansal: QVHighlights: Detecting Moments and Highlights in Videos via Natural
Language Queries, NeurIPS 2021. Equation numbers are those of docs/models/moment_detr.md.

Shapes: b queries, each of a video · t clips · w words · m moment queries · h hidden size.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.base import Scale, Sizes, Standardise, VideoModel
from slta.models.parts.detr import (
    DETRAnswers,
    DETRConfig,
    Weights,
    ends_s,
    inside,
    margin_loss,
    set_loss,
)
from slta.models.parts.transformer import (
    DecoderLayer,
    EncoderLayer,
    centres,
    ends,
    in_order,
    mlp,
    positional_encoding,
    projection,
)


@dataclass(frozen=True, kw_only=True)
class MomentDETRConfig(DETRConfig):
    """The defaults are the paper's."""

    name: ClassVar[str] = "moment_detr"


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
        self.from_clips = projection(sizes.frame, size, config.input_dropout)
        self.from_ends = nn.Linear(2, size)
        self.from_words = projection(sizes.word, size, config.input_dropout)
        self.encoder = nn.ModuleList(
            EncoderLayer(*layer) for _ in range(config.encoder_layers)
        )
        self.decoder = nn.ModuleList(
            DecoderLayer(*layer) for _ in range(config.decoder_layers)
        )
        self.norm = nn.LayerNorm(size)
        self.moment_queries = nn.Parameter(torch.randn(config.moment_queries, size))
        self.span = mlp(size, size, 2)
        self.class_head = nn.Linear(size, 1)
        # The loss depends only on differences of saliency.
        self.saliency = nn.Linear(size, 1, bias=False)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def clips(self, frames: int) -> int:
        return min(frames, self.config.max_clips)

    def forward(self, batch: VideoBatch) -> DETRAnswers:
        clips = self.from_clips(self.frames(batch.clips))[batch.video]
        # Positional encodings are in queries and keys only, so values get positions here.
        clips = clips + self.from_ends(ends(batch.clip_mask))
        words = self.from_words(self.words(batch.words))
        memory = torch.cat([clips, words], dim=1)
        at = torch.cat(
            [
                positional_encoding(centres(batch.clip_mask), clips.shape[2]),
                in_order(words),
            ],
            dim=1,
        )
        mask = torch.cat([batch.clip_mask, batch.word_mask], dim=1)
        for layer in self.encoder:
            memory = layer(memory, at, mask)
        saliency = self.saliency(memory[:, : clips.shape[1]])[..., 0]

        # Unlike DETR's zeros, to which the first self-attention cannot attend.
        target = self.moment_queries.expand(len(memory), -1, -1)
        position = self.moment_queries
        layers = []
        for layer in self.decoder:
            target = layer(target, position, position, memory, at, mask)
            layers.append(self.norm(target))
        states = torch.stack(layers)
        spans = self.span(states).sigmoid().float()
        relevance = self.class_head(states)[..., 0].float()
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
