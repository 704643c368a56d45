"""2D-TAN: a 2D map of the moments of a video, by start and end.

Zhang, Peng, Fu, Luo: Learning 2D Temporal Adjacent Networks for Moment Localization with
Natural Language, AAAI 2020. Equation numbers are those of docs/models/tan2d.md.

Shapes: v videos · b queries, each of one of them · t clips · d size of a clip's vector ·
w words · k size of a word's vector · c cells of the map, each a moment · h hidden size ·
s true spans · n answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize
from torch.nn.utils.rnn import pack_padded_sequence

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.fields import check_ranges
from slta.models.base import (
    Answers,
    Count,
    Scale,
    Share,
    Size,
    Sizes,
    Standardise,
    VideoModel,
)

DENSE = 8
"""Moments of up to 2 x DENSE clips are all on the map; longer ones are sampled sparsely."""


@dataclass(frozen=True, kw_only=True)
class Tan2DConfig:
    """The defaults are the paper's for Charades-STA."""

    name: ClassVar[str] = "tan2d"
    clips: Count = 16
    """Clips of every video: 16 for Charades-STA, 64 for ActivityNet Captions, 128 for
    TACoS."""
    size: Size = 512
    """Hidden size of all layers."""
    sentence_layers: Count = 3
    """Layers of the LSTM over the words."""
    features: Literal["pool", "conv"] = "pool"
    """Features of a moment from its clips: max pooling, or stacked convolutions."""
    layers: Count = 8
    """Convolution layers over the map."""
    kernel: Count = 5
    """Kernel size of the convolutions, odd."""
    low_iou: Share = 0.5
    """IoU at and below which a moment's target is 0."""
    high_iou: Share = 1.0
    """IoU at and above which a moment's target is 1; linear in between."""
    answers: Count = 500
    """Maximum answers to a query."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")
        if self.kernel % 2 == 0:
            raise ValueError(f"model.kernel must be odd, got {self.kernel}")
        if self.low_iou >= self.high_iou:
            raise ValueError(
                "model.low_iou must be below model.high_iou, "
                f"got {self.low_iou} and {self.high_iou}"
            )


class MapLength(NamedTuple):
    """Moments of one length on the map, every ``apart`` clips."""

    clips: int
    apart: int


def lengths(clips: int) -> Iterator[MapLength]:
    """Eq. T1: the moments on the map of a video with that many clips.

    >>> [length.clips for length in lengths(40)][15:]
    [16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40]
    """
    length, apart = 1, 1
    while length <= clips:
        yield MapLength(length, apart)
        # From 2, 4, 8 … times DENSE clips on, the density halves.
        apart *= 2 if length == 2 * DENSE * apart else 1
        length += apart


@dataclass(frozen=True, slots=True, eq=False)
class Tan2DAnswers(Answers):
    cells: Float[Tensor, "b c"]
    """Relevance of all moments on the map."""


class Tan2D(VideoModel):
    paper = "Zhang et al., AAAI 2020"
    needs = "frames, words"
    published = "TACoS 25.3, Charades-STA 42.8"

    first: Tensor
    last: Tensor
    """First and last clip of each cell."""

    def __init__(self, config: Tan2DConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        size = config.size
        self.frames = Standardise(sizes.frame)
        self.words = Standardise(sizes.word)
        self.project = nn.Linear(sizes.frame, size)
        self.read = nn.LSTM(
            sizes.word, size, num_layers=config.sentence_layers, batch_first=True
        )
        rows = list(lengths(config.clips))
        self.longer = nn.ModuleList(
            _longer(config, one, other) for one, other in pairwise(rows)
        )
        self.from_sentence = nn.Linear(size, size)
        self.from_moments = nn.Linear(size, size)
        self.convolutions = nn.ModuleList(
            _convolution(size, config.kernel) for _ in range(config.layers)
        )
        self.score = nn.Linear(size, 1)
        starts = [
            torch.arange(0, config.clips - row.clips + 1, row.apart) for row in rows
        ]
        ends = [first + row.clips - 1 for first, row in zip(starts, rows, strict=True)]
        self.register_buffer("first", torch.cat(starts), persistent=False)
        self.register_buffer("last", torch.cat(ends), persistent=False)

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)
        self.words.fit(*scale.words)

    def clips(self, frames: int) -> int:
        return self.config.clips

    def forward(self, batch: VideoBatch) -> Tan2DAnswers:
        sentences = self._sentences(batch)
        moments = self._moments(self.project(self.frames(batch.clips)))
        moments = self.from_moments(moments)[batch.video]
        # Eq. T3.
        fused = self.from_sentence(sentences)[:, None] * moments
        cells = self._convolved(normalize(fused, dim=-1))
        relevance = self.score(cells)[..., 0].float()
        spans_s = self.spans_s(batch.duration_s)
        count = min(self.config.answers, relevance.shape[1])
        best = relevance.topk(count, dim=1).indices
        return Tan2DAnswers(
            spans_s.gather(1, best[..., None].expand(-1, -1, 2)),
            relevance.gather(1, best),
            relevance,
        )

    def _sentences(self, batch: VideoBatch) -> Float[Tensor, "b h"]:
        """State of the LSTM after the last word."""
        lengths = batch.word_mask.sum(dim=1).clamp(min=1).cpu()
        words = self.words(batch.words)
        packed = pack_padded_sequence(words, lengths, True, enforce_sorted=False)
        states: Tensor = self.read(packed)[1][0]
        return states[-1]

    def _moments(self, clips: Float[Tensor, "v t h"]) -> Float[Tensor, "v c h"]:
        """Eq. T2: features of each length from those of the next shorter one."""
        rows = [clips.transpose(1, 2)]
        for longer in self.longer:
            rows.append(longer(rows[-1]))
        return torch.cat(rows, dim=2).transpose(1, 2)

    def _convolved(self, cells: Float[Tensor, "b c h"]) -> Float[Tensor, "b c h"]:
        """Convolutions over the map. Cells without a moment start as zeros but are not
        masked later, so that sparse long moments are connected through them."""
        side = self.config.clips
        table = cells.new_zeros(len(cells), cells.shape[2], side, side)
        table[:, :, self.first, self.last] = cells.transpose(1, 2)
        for convolution in self.convolutions:
            table = convolution(table).relu()
        return table[:, :, self.first, self.last].transpose(1, 2)

    def spans_s(self, duration_s: Float[Tensor, " b"]) -> Float[Tensor, "b c 2"]:
        """Spans of all cells, in seconds."""
        edges = torch.stack([self.first, self.last + 1], dim=1)
        return duration_s[:, None, None] * edges / self.config.clips

    def loss(
        self, answers: Tan2DAnswers, targets: TrainingVideoBatch
    ) -> Float[Tensor, ""]:
        """Eq. T4 and T5, with the best IoU over the true spans."""
        spans_s = self.spans_s(targets.batch.duration_s)
        iou = best_iou(spans_s, targets.truth_s, targets.truth_mask)
        low, high = self.config.low_iou, self.config.high_iou
        target = ((iou - low) / (high - low)).clamp(0, 1)
        return binary_cross_entropy_with_logits(answers.cells, target)


def best_iou(
    spans_s: Float[Tensor, "b c 2"],
    truth_s: Float[Tensor, "b s 2"],
    truth_mask: Bool[Tensor, "b s"],
) -> Float[Tensor, "b c"]:
    """Best IoU over the true spans; 0 for queries without any."""
    start, end = spans_s[:, :, None].unbind(dim=-1)
    true_start, true_end = truth_s[:, None].unbind(dim=-1)
    shared = (torch.minimum(end, true_end) - torch.maximum(start, true_start)).relu()
    either = (end - start) + (true_end - true_start) - shared
    iou = shared / either.clamp(min=1e-6) * truth_mask[:, None]
    return nn.functional.pad(iou, (0, 1)).amax(dim=-1)


def _convolution(size: int, kernel: int) -> nn.Module:
    convolution = nn.Conv2d(size, size, kernel, padding=kernel // 2)
    # With torch's default initialisation, the signal vanishes over eight layers.
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return convolution


def _longer(config: Tan2DConfig, one: MapLength, other: MapLength) -> nn.Module:
    """From moments of one length to those of the next: over two neighbours, or three where
    the density halves."""
    jump = other.apart // one.apart
    if config.features == "pool":
        return nn.MaxPool1d(1 + jump, jump)
    return nn.Conv1d(config.size, config.size, 1 + jump, jump)
