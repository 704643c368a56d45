"""QD-DETR: clips attend to the words, and moment queries with anchors find the spans.

Moon, Hyun, Park, Park, Heo: Query-Dependent Video Representation for Moment Retrieval and
Highlight Detection, CVPR 2023; its decoder is that of DAB-DETR (Liu et al., ICLR 2022).
Equation numbers are those of docs/models/qd_detr.md.

Shapes: b queries, each of a video · t clips · w words · m moment queries · h hidden size ·
l layers of the decoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, NamedTuple

import torch
from annotated_types import Ge, Gt
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, softplus

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.base import Count, Scale, Sizes, Standardise, VideoModel, Weight
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
    EncoderLayer,
    Feedforward,
    ends,
    mlp,
    positional_encoding,
    projection,
    xavier,
)

EDGE = 1e-3
"""Minimum distance of an anchor from 0 and from 1 before its logit."""
NARROW = 1e-6
"""Minimum width of an anchor in the attention, as a fraction of the video."""
RANKS = 12
"""Levels of saliency over which the authors average their contrastive loss; a moment's clips
are all of one."""


@dataclass(frozen=True, kw_only=True)
class QDDETRConfig(DETRConfig):
    """The defaults are the paper's."""

    name: ClassVar[str] = "qd_detr"
    decoder_layers: Annotated[int, Ge(2)] = 2
    """Decoder layers, over the moment queries; at least 2, as anchors move between them."""
    reading_layers: Count = 2
    """Cross-attention layers from clips to words."""
    negative_weight: Weight = 1.0
    """Loss weight of the clips' saliency for queries of other videos."""
    temperature: Annotated[float, Gt(0)] = 0.5
    """Temperature of the contrastive loss between clips inside the truth and all others."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size % 4:
            raise ValueError(f"model.size must be a multiple of 4, got {self.size}")


class Encoded(NamedTuple):
    clips: Float[Tensor, "b t h"]
    at: Float[Tensor, "b t h"]
    """Positional encodings."""
    saliency: Float[Tensor, "b t"]


class ReadingLayer(nn.Module):
    """Attention of clips to words. As in the authors' code, the feed-forward layer adds to
    what is not yet normalised."""

    def __init__(self, size: int, heads: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(size, heads, dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(size)
        self.feedforward = Feedforward(size, hidden_size, dropout, nn.PReLU())

    def forward(
        self,
        clips: Float[Tensor, "b t h"],
        at: Float[Tensor, "b t h"],
        words: Float[Tensor, "b w h"],
        word_mask: Bool[Tensor, "b w"],
    ) -> Float[Tensor, "b t h"]:
        attended, _ = self.attention(
            clips + at, words, words, key_padding_mask=~word_mask, need_weights=False
        )
        rows = clips + self.dropout(attended)
        output: Tensor = self.feedforward(self.norm(rows), rows)
        return output


class Among(nn.Module):
    """Attention of the moment queries to each other, by content and position."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.share = heads, dropout
        self.query, self.query_at = nn.Linear(size, size), nn.Linear(size, size)
        self.key, self.key_at = _keys(size), _keys(size)
        self.value, self.out = nn.Linear(size, size), nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(size)

    def forward(
        self, target: Float[Tensor, "b m h"], position: Float[Tensor, "b m h"]
    ) -> Float[Tensor, "b m h"]:
        query = self.query(target) + self.query_at(position)
        key = self.key(target) + self.key_at(position)
        share = self.share if self.training else 0.0
        attended = attention(query, key, self.value(target), self.heads, share)
        output: Tensor = self.norm(target + self.dropout(self.out(attended)))
        return output


class Around(nn.Module):
    """Attention of the moment queries to the clips: in each head, content is compared with
    content and the anchor's place with the clip's. In the first layer, content has the
    positions as well."""

    def __init__(self, size: int, heads: int, dropout: float, *, first: bool) -> None:
        super().__init__()
        self.heads, self.share = heads, dropout
        self.query, self.key = nn.Linear(size, size), _keys(size)
        self.query_at = nn.Linear(size, size) if first else None
        self.place, self.key_at = nn.Linear(size, size), _keys(size)
        self.value, self.out = nn.Linear(size, size), nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(size)

    def forward(
        self,
        target: Float[Tensor, "b m h"],
        position: Float[Tensor, "b m h"],
        place: Float[Tensor, "b m h"],
        seen: Encoded,
        clip_mask: Bool[Tensor, "b t"],
    ) -> Float[Tensor, "b m h"]:
        query, key = self.query(target), self.key(seen.clips)
        key_at = self.key_at(seen.at)
        if self.query_at is not None:
            query, key = query + self.query_at(position), key + key_at
        attended = attention(
            self._beside(query, self.place(place)),
            self._beside(key, key_at),
            self.value(seen.clips),
            self.heads,
            self.share if self.training else 0.0,
            clip_mask,
        )
        output: Tensor = self.norm(target + self.dropout(self.out(attended)))
        return output

    def _beside(
        self, content: Float[Tensor, "b n h"], place: Float[Tensor, "b n h"]
    ) -> Float[Tensor, "b n 2*h"]:
        """Both, side by side in each head."""
        parts = (rows.unflatten(2, (self.heads, -1)) for rows in (content, place))
        return torch.cat([*parts], dim=3).flatten(2)


class AnchorLayer(nn.Module):
    def __init__(self, config: QDDETRConfig, *, first: bool) -> None:
        super().__init__()
        part = config.size, config.heads, config.dropout
        self.among = None if first else Among(*part)
        self.around = Around(*part, first=first)
        self.feedforward = Feedforward(
            config.size, config.feedforward_size, config.dropout, nn.PReLU()
        )

    def forward(
        self,
        target: Float[Tensor, "b m h"],
        position: Float[Tensor, "b m h"],
        place: Float[Tensor, "b m h"],
        seen: Encoded,
        clip_mask: Bool[Tensor, "b t"],
    ) -> Float[Tensor, "b m h"]:
        if self.among is not None:
            target = self.among(target, position)
        target = self.around(target, position, place, seen, clip_mask)
        output: Tensor = self.feedforward(target)
        return output


class Decoder(nn.Module):
    """Each moment query has an anchor span, which guides its attention and is moved by
    every layer."""

    def __init__(self, config: QDDETRConfig) -> None:
        super().__init__()
        size = config.size
        self.layers = nn.ModuleList(
            AnchorLayer(config, first=not i) for i in range(config.decoder_layers)
        )
        self.position = mlp(size, size, size)
        self.stretch = mlp(size, size, size)
        self.width = mlp(size, size, 1)
        self.move = mlp(size, size, size, 2)
        xavier(self)
        # The first self-attention, of zeros, would give all moment queries one vector: it is
        # learned directly.
        self.start = nn.Parameter(torch.randn(size))
        self.anchors = nn.Parameter(torch.randn(config.moment_queries, 2))
        self.norm = nn.LayerNorm(size)
        self.span = mlp(size, size, size, 2)
        self.class_head = nn.Linear(size, 2)

    def forward(
        self, seen: Encoded, clip_mask: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "l b m 2"], Float[Tensor, "l b m"]]:
        """Centres and widths, and relevance, of each layer."""
        shape = len(seen.clips), len(self.anchors), seen.clips.shape[2]
        anchors = guide = self.anchors.sigmoid().expand(*shape[:2], 2)
        target, stretch = self.start.expand(shape), torch.ones_like(self.start)
        # In the authors' code, the first layer takes the width from zeros.
        wanted = self.width(torch.zeros_like(self.start))
        spans, relevance = [], []
        for layer in self.layers:
            encoded = positional_encoding(guide, shape[2] // 2).flatten(2)
            # Eq. Q2: attention modulated by the anchor's width.
            scale = wanted.sigmoid() / guide[..., 1:].clamp(min=NARROW)
            place = encoded * stretch * scale
            target = layer(target, self.position(encoded), place, seen, clip_mask)
            states = self.norm(target)
            spans.append((logit(anchors) + self.span(states).float()).sigmoid())
            relevance.append(relevance_of(self.class_head(states)))
            anchors = (logit(guide) + self.move(target).float()).sigmoid()
            # No gradient from the attention to the anchors of earlier layers.
            guide = anchors.detach()
            stretch, wanted = self.stretch(target), self.width(target)
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
        self.from_clips = projection(sizes.frame + 2, size, config.input_dropout)
        self.from_words = projection(sizes.word, size, config.input_dropout)
        self.reading = nn.ModuleList(
            ReadingLayer(*layer) for _ in range(config.reading_layers)
        )
        self.encoder = nn.ModuleList(
            EncoderLayer(*layer, nn.PReLU()) for _ in range(config.encoder_layers)
        )
        xavier(self.reading, self.encoder)
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

    def windows(self, frames: int) -> Sequence[tuple[int, int]]:
        return overlapping(frames, self.config)

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
        clips = self.from_clips(located(self.frames(batch.clips), batch))
        words = self.from_words(self.words(batch.words))
        size = clips.shape[2]
        at = positional_encoding(ends(batch.clip_mask)[..., 1], size)
        for layer in self.reading:
            clips = layer(clips, at, words, batch.word_mask)
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


def attention(
    query: Float[Tensor, "b m k"],
    key: Float[Tensor, "b n k"],
    value: Float[Tensor, "b n h"],
    heads: int,
    dropout: float,
    mask: Bool[Tensor, "b n"] | None = None,
) -> Float[Tensor, "b m h"]:
    """Attention in several heads, of rows that are projected already."""
    q, k, v = (
        rows.unflatten(2, (heads, -1)).transpose(1, 2) for rows in (query, key, value)
    )
    seen = None if mask is None else mask[:, None, None]
    attended = scaled_dot_product_attention(q, k, v, seen, dropout)
    return attended.transpose(1, 2).flatten(2)


def _keys(size: int) -> nn.Linear:
    """A projection to keys; a bias would have no effect."""
    return nn.Linear(size, size, bias=False)


def logit(share: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """Inverse of the logistic function, finite at 0 and 1."""
    return (share.clamp(min=EDGE) / (1 - share).clamp(min=EDGE)).log()


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
    everything = scores.masked_fill(~mask, low).logsumexp(dim=1, keepdim=True)
    count = inside.sum(dim=1)
    losses = ((everything - scores) * inside).sum(dim=1) / count.clamp(min=1)
    return losses.sum(dim=0) / (count > 0).sum(dim=0).clamp(min=1) / RANKS


def low_loss(
    saliency: Float[Tensor, "b t"], mask: Bool[Tensor, "b t"]
) -> Float[Tensor, ""]:
    """Eq. Q4: -log(1 - σ(saliency)), summed over the clips of ``mask`` and averaged over the
    queries that have such clips."""
    low = (softplus(saliency.float()) * mask).sum(dim=1)
    return low.sum(dim=0) / mask.any(dim=1).sum(dim=0).clamp(min=1)
