"""QD-DETR: clips that read the sentence first, and slots that move over the video.

Moon, Hyun, Park, Park, Heo: Query-Dependent Video Representation for Moment Retrieval and
Highlight Detection, CVPR 2023; its decoder is that of DAB-DETR (Liu et al., ICLR 2022).
The equations' numbers are those of docs/models/qd_detr.md.

Shapes: b queries, each of a video · t clips · w words · m slots · h hidden size ·
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

NARROW = 0.01
"""Share of the video that an anchor's width is taken for, at least."""


@dataclass(frozen=True, kw_only=True)
class QDDETRConfig(SlotsConfig):
    """The defaults are the paper's."""

    name: ClassVar[str] = "qd_detr"
    reading_layers: Count = 2
    """Layers in which clips attend to words."""
    negative_weight: Weight = 1.0
    """In the loss, of the clips' saliency for queries of other videos."""
    temperature: Annotated[float, Gt(0)] = 0.5
    """Of the contrast between clips of a truth and all others."""


class Encoded(NamedTuple):
    clips: Float[Tensor, "b t h"]
    at: Float[Tensor, "b t h"]
    """Their positions."""
    saliency: Float[Tensor, "b t"]


class Slots(nn.Module):
    """The decoder: each slot has a span, its anchor, that says where it looks, and that
    every layer moves."""

    def __init__(self, config: QDDETRConfig) -> None:
        super().__init__()
        size = config.size
        self.layers = nn.ModuleList(
            DecoderLayer(size, config.heads, config.feedforward_size, config.dropout)
            for _ in range(config.decoder_layers)
        )
        self.norm = nn.LayerNorm(size)
        self.slots = nn.Parameter(torch.randn(config.slots, size))
        self.anchors = nn.Parameter(torch.rand(config.slots, 2).logit(eps=0.05))
        self.among = perceptron(2 * size, size, size)
        self.stretch = perceptron(size, size, size)
        self.width = perceptron(size, size, 1)
        self.move = perceptron(size, size, 2)
        self.foreground = nn.Linear(size, 1)

    def forward(
        self, seen: Encoded, clip_mask: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "l b m 2"], Float[Tensor, "l b m"]]:
        """Centres and widths, and the relevance, of each layer."""
        count, _, size = seen.clips.shape
        slots = self.slots.expand(count, -1, -1)
        anchors = self.anchors.sigmoid().expand(count, -1, -1)
        spans, relevance = [], []
        for layer in self.layers:
            centre, width = (place_of(each, size) for each in anchors.unbind(dim=-1))
            at = self.among(torch.cat([centre, width], dim=-1))
            # Eq. Q2: a narrow anchor looks at less.
            narrow = self.width(slots).sigmoid() / anchors[..., 1:].clamp(min=NARROW)
            looking_at = centre * self.stretch(slots) * narrow
            slots = layer(slots, at, looking_at, seen.clips, seen.at, clip_mask)
            found = self.norm(slots)
            moved = (anchors.logit(eps=1e-4) + self.move(found)).sigmoid().float()
            spans.append(moved)
            relevance.append(self.foreground(found)[..., 0].float())
            # Each layer learns from what it makes of the anchors that it is given.
            anchors = moved.detach()
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
        self.slots = Slots(config)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def clips(self, frames: int) -> int:
        return min(frames, self.config.most_clips)

    def forward(self, batch: VideoBatch) -> SlotAnswers:
        seen = self._encoded(batch)
        spans, relevance = self.slots(seen, batch.clip_mask)
        return SlotAnswers(
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
        at, words_at = place_of(middles(batch.clip_mask), size), in_order(words)
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
        self, answers: SlotAnswers, given: TrainingVideoBatch
    ) -> Float[Tensor, ""]:
        """Eq. Q5."""
        config, batch, here = self.config, given.batch, inside(given)
        weights = Weights(
            config.l1_weight,
            config.iou_weight,
            config.foreground_weight,
            config.background_share,
        )
        row, known = other_video(batch.video)
        asked = replace(batch, words=batch.words[row], word_mask=batch.word_mask[row])
        elsewhere = self._encoded(asked).saliency
        mask, elsewhere_mask = batch.clip_mask, batch.clip_mask & known[:, None]
        within = margin_loss(answers.saliency, here, mask, config.margin)
        within = within + contrast_loss(
            torch.cat([answers.saliency, elsewhere], dim=1),
            nn.functional.pad(here, (0, here.shape[1])),
            torch.cat([mask, elsewhere_mask], dim=1),
            config.temperature,
        )
        # What is said not to be in a video is as far from it as a query of another one.
        absent = mask & ~given.truth_mask.any(dim=1, keepdim=True)
        negative = low_loss(
            torch.cat([answers.saliency, elsewhere], dim=1),
            torch.cat([absent, elsewhere_mask], dim=1),
        )
        loss = set_loss(answers, given, weights) + config.saliency_weight * within
        return loss + config.negative_weight * negative


def other_video(
    video: Int[Tensor, " b"],
) -> tuple[Int[Tensor, " b"], Bool[Tensor, " b"]]:
    """For each row the next one of another video, and whether there is one.

    >>> row, known = other_video(torch.tensor([5, 5, 3]))
    >>> row.tolist(), known.tolist()
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
    """Eq. Q3: the clips of a truth against all of ``mask``; queries without do not
    count."""
    scores = saliency.float() / temperature
    low = torch.finfo(scores.dtype).min
    everything = scores.masked_fill(~mask, low).logsumexp(dim=1)
    true = scores.masked_fill(~inside, low).logsumexp(dim=1)
    some = inside.any(dim=1)
    return ((everything - true) * some).sum(dim=0) / some.sum(dim=0).clamp(min=1)


def low_loss(
    saliency: Float[Tensor, "b t"], mask: Bool[Tensor, "b t"]
) -> Float[Tensor, ""]:
    """Eq. Q4: the sum of -log(1 - σ(saliency)) over the clips of ``mask``, of the mean
    query that has such."""
    low = (softplus(saliency.float()) * mask).sum(dim=1)
    return low.sum(dim=0) / mask.any(dim=1).sum(dim=0).clamp(min=1)
