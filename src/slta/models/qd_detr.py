"""QD-DETR: clips attend to the words, and moment queries with anchors find the spans.

Moon, Hyun, Park, Park, Heo: Query-Dependent Video Representation for Moment Retrieval and
Highlight Detection, CVPR 2023; its decoder is that of DAB-DETR (Liu et al., ICLR 2022).
Equation numbers are those of docs/models/qd_detr.md.

Shapes: b queries, each of a video · t clips · w words · m moment queries · h hidden size ·
l layers of the decoder.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, NamedTuple

import torch
from annotated_types import Gt
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.base import Count, Scale, Sizes, Standardise, VideoModel, Weight
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

NARROW = 0.01
"""Minimum width of an anchor in the attention, as a fraction of the video."""


@dataclass(frozen=True, kw_only=True)
class QDDETRConfig(DETRConfig):
    """The defaults are the paper's."""

    name: ClassVar[str] = "qd_detr"
    reading_layers: Count = 2
    """Cross-attention layers from clips to words."""
    negative_weight: Weight = 1.0
    """Loss weight of the clips' saliency for queries of other videos."""
    temperature: Annotated[float, Gt(0)] = 0.5
    """Temperature of the contrastive loss between clips inside the truth and all others."""


class Encoded(NamedTuple):
    clips: Float[Tensor, "b t h"]
    at: Float[Tensor, "b t h"]
    """Positional encodings."""
    saliency: Float[Tensor, "b t"]


class Decoder(nn.Module):
    """Each moment query has an anchor span, which guides its attention and is refined by
    every layer."""

    def __init__(self, config: QDDETRConfig) -> None:
        super().__init__()
        size = config.size
        self.layers = nn.ModuleList(
            DecoderLayer(size, config.heads, config.feedforward_size, config.dropout)
            for _ in range(config.decoder_layers)
        )
        self.norm = nn.LayerNorm(size)
        count = config.moment_queries
        self.moment_queries = nn.Parameter(torch.randn(count, size))
        self.anchors = nn.Parameter(torch.rand(count, 2).logit(eps=0.05))
        self.among = mlp(2 * size, size, size)
        self.stretch = mlp(size, size, size)
        self.width = mlp(size, size, 1)
        self.move = mlp(size, size, 2)
        self.class_head = nn.Linear(size, 1)

    def forward(
        self, seen: Encoded, clip_mask: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "l b m 2"], Float[Tensor, "l b m"]]:
        """Centres and widths, and relevance, of each layer."""
        count, _, size = seen.clips.shape
        target = self.moment_queries.expand(count, -1, -1)
        anchors = self.anchors.sigmoid().expand(count, -1, -1)
        spans, relevance = [], []
        for layer in self.layers:
            centre, width = (
                positional_encoding(part, size) for part in anchors.unbind(dim=-1)
            )
            position = self.among(torch.cat([centre, width], dim=-1))
            # Eq. Q2: attention modulated by the anchor's width.
            scale = self.width(target).sigmoid() / anchors[..., 1:].clamp(min=NARROW)
            cross = centre * self.stretch(target) * scale
            target = layer(target, position, cross, seen.clips, seen.at, clip_mask)
            states = self.norm(target)
            refined = (anchors.logit(eps=1e-4) + self.move(states)).sigmoid().float()
            spans.append(refined)
            relevance.append(self.class_head(states)[..., 0].float())
            # No gradient through the anchors of earlier layers.
            anchors = refined.detach()
        return torch.stack(spans), torch.stack(relevance)


class QDDETR(VideoModel):
    paper = "Moon et al., CVPR 2023"
    needs = "frames, words"

    def __init__(self, config: QDDETRConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        size = config.size
        layer = size, config.heads, config.feedforward_size, config.dropout
        self.frames = Standardise(sizes.frame)
        self.words = Standardise(sizes.word)
        self.from_clips = projection(sizes.frame, size, config.input_dropout)
        self.from_ends = nn.Linear(2, size)
        self.from_words = projection(sizes.word, size, config.input_dropout)
        self.reading = nn.ModuleList(
            EncoderLayer(*layer) for _ in range(config.reading_layers)
        )
        self.encoder = nn.ModuleList(
            EncoderLayer(*layer) for _ in range(config.encoder_layers)
        )
        self.token = nn.Parameter(torch.randn(size))
        self.token_at = nn.Parameter(torch.randn(size))
        self.from_token = nn.Linear(size, size)
        self.from_clip = nn.Linear(size, size)
        self.decoder = Decoder(config)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def clips(self, frames: int) -> int:
        return min(frames, self.config.max_clips)

    def forward(self, batch: VideoBatch) -> DETRAnswers:
        seen = self._encoded(batch)
        spans, relevance = self.decoder(seen, batch.clip_mask)
        return DETRAnswers(
            ends_s(spans[-1], batch.duration_s),
            relevance[-1],
            spans,
            relevance,
            seen.saliency,
        )

    def _encoded(self, batch: VideoBatch) -> Encoded:
        clips = self.from_clips(self.frames(batch.clips))[batch.video]
        clips = clips + self.from_ends(ends(batch.clip_mask))
        words = self.from_words(self.words(batch.words))
        size = clips.shape[2]
        at = positional_encoding(centres(batch.clip_mask), size)
        words_at = in_order(words)
        for layer in self.reading:
            clips = layer(clips, at, batch.word_mask, words, words_at)
        rows = torch.cat([self.token.expand(len(clips), 1, -1), clips], dim=1)
        rows_at = torch.cat([self.token_at.expand(len(clips), 1, -1), at], dim=1)
        mask = nn.functional.pad(batch.clip_mask, (1, 0), value=True)
        for layer in self.encoder:
            rows = layer(rows, rows_at, mask)
        token, clips = self.from_token(rows[:, :1]), rows[:, 1:]
        # Eq. Q1.
        saliency = (token * self.from_clip(clips)).sum(dim=2) / size**0.5
        return Encoded(clips, at, saliency)

    def loss(
        self, answers: DETRAnswers, targets: TrainingVideoBatch
    ) -> Float[Tensor, ""]:
        """Eq. Q5."""
        config, batch, here = self.config, targets.batch, inside(targets)
        weights = Weights(
            config.l1_weight,
            config.iou_weight,
            config.foreground_weight,
            config.background_share,
        )
        row, exists = other_video(batch.video)
        swapped = replace(batch, words=batch.words[row], word_mask=batch.word_mask[row])
        elsewhere = self._encoded(swapped).saliency
        mask, elsewhere_mask = batch.clip_mask, batch.clip_mask & exists[:, None]
        within = margin_loss(answers.saliency, here, mask, config.margin)
        within = within + contrast_loss(
            torch.cat([answers.saliency, elsewhere], dim=1),
            nn.functional.pad(here, (0, here.shape[1])),
            torch.cat([mask, elsewhere_mask], dim=1),
            config.temperature,
        )
        # Queries annotated as not in their video are negatives, like those of other videos.
        absent = mask & ~targets.truth_mask.any(dim=1, keepdim=True)
        negative = low_loss(
            torch.cat([answers.saliency, elsewhere], dim=1),
            torch.cat([absent, elsewhere_mask], dim=1),
        )
        loss = set_loss(answers, targets, weights) + config.saliency_weight * within
        return loss + config.negative_weight * negative


def other_video(
    video: Int[Tensor, " b"],
) -> tuple[Int[Tensor, " b"], Bool[Tensor, " b"]]:
    """Index of the next row of another video, and whether there is one.

    >>> row, exists = other_video(torch.tensor([5, 5, 3]))
    >>> row.tolist(), exists.tolist()
    ([2, 2, 0], [True, True, True])
    """
    count = len(video)
    rows = torch.arange(count, device=video.device)
    following = (rows[:, None] + 1 + rows) % count
    differs = video[following] != video[:, None]
    first = differs.int().argmax(dim=1)
    return following[rows, first], differs.any(dim=1)


def contrast_loss(
    saliency: Float[Tensor, "b t"],
    inside: Bool[Tensor, "b t"],
    mask: Bool[Tensor, "b t"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Eq. Q3: contrastive loss of the clips inside the truth against all of ``mask``, over
    the queries that have such clips."""
    scores = saliency.float() / temperature
    low = torch.finfo(scores.dtype).min
    everything = scores.masked_fill(~mask, low).logsumexp(dim=1)
    true = scores.masked_fill(~inside, low).logsumexp(dim=1)
    some = inside.any(dim=1)
    return ((everything - true) * some).sum(dim=0) / some.sum(dim=0).clamp(min=1)


def low_loss(
    saliency: Float[Tensor, "b t"], mask: Bool[Tensor, "b t"]
) -> Float[Tensor, ""]:
    """Eq. Q4: -log(1 - σ(saliency)), summed over the clips of ``mask`` and averaged over the
    queries that have such clips."""
    low = (softplus(saliency.float()) * mask).sum(dim=1)
    return low.sum(dim=0) / mask.any(dim=1).sum(dim=0).clamp(min=1)
