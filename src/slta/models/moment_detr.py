"""Moment-DETR: a video and a sentence as one sequence, and slots that answer.

Lei, Berg, Bansal: QVHighlights: Detecting Moments and Highlights in Videos via Natural
Language Queries, NeurIPS 2021. The equations' numbers are those of
docs/models/moment_detr.md.

Shapes: b queries, each of a video · t clips · w words · m slots · h hidden size.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.base import Scale, Sizes, Standardise, VideoModel
from slta.models.parts.slots import (
    SlotAnswers,
    SlotsConfig,
    Weights,
    ends_s,
    inside,
    margin_loss,
    set_loss,
)
from slta.models.parts.transformer import (
    DecoderLayer,
    EncoderLayer,
    ends,
    in_order,
    middles,
    perceptron,
    place_of,
    projection,
)


@dataclass(frozen=True, kw_only=True)
class MomentDETRConfig(SlotsConfig):
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
        self.slots = nn.Parameter(torch.randn(config.slots, size))
        self.span = perceptron(size, size, 2)
        self.foreground = nn.Linear(size, 1)
        # Only differences of saliency are learnt from.
        self.saliency = nn.Linear(size, 1, bias=False)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def clips(self, frames: int) -> int:
        return min(frames, self.config.most_clips)

    def forward(self, batch: VideoBatch) -> SlotAnswers:
        clips = self.from_clips(self.frames(batch.clips))[batch.video]
        # Attention compares positions and does not read them.
        clips = clips + self.from_ends(ends(batch.clip_mask))
        words = self.from_words(self.words(batch.words))
        memory = torch.cat([clips, words], dim=1)
        at = torch.cat(
            [place_of(middles(batch.clip_mask), clips.shape[2]), in_order(words)],
            dim=1,
        )
        mask = torch.cat([batch.clip_mask, batch.word_mask], dim=1)
        for layer in self.encoder:
            memory = layer(memory, at, mask)
        saliency = self.saliency(memory[:, : clips.shape[1]])[..., 0]

        # DETR's slots begin as zeros, among which the first layer cannot attend.
        slots = self.slots.expand(len(memory), -1, -1)
        layers = []
        for layer in self.decoder:
            slots = layer(slots, self.slots, self.slots, memory, at, mask)
            layers.append(self.norm(slots))
        found = torch.stack(layers)
        spans = self.span(found).sigmoid().float()
        relevance = self.foreground(found)[..., 0].float()
        return SlotAnswers(
            ends_s(spans[-1], batch.duration_s),
            relevance[-1],
            spans,
            relevance,
            saliency,
        )

    def loss(
        self, answers: SlotAnswers, given: TrainingVideoBatch
    ) -> Float[Tensor, ""]:
        """Eq. M5."""
        config = self.config
        weights = Weights(
            config.l1_weight,
            config.iou_weight,
            config.foreground_weight,
            config.background_share,
        )
        stands_out = margin_loss(
            answers.saliency, inside(given), given.batch.clip_mask, config.margin
        )
        return set_loss(answers, given, weights) + config.saliency_weight * stands_out
