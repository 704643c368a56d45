"""A pyramid over time: levels of halved rate, whose points each predict a span.

Zhang, Wu, Li: ActionFormer, ECCV 2022; Mu, Mo, Li: SnAG, CVPR 2024. Equation numbers are
those of docs/models/snag.md. Distances are in clips; a level's stride is 2 to the power of
its number.

Shapes: v videos · b queries, each of one of them · t clips · p points of all levels, the
finest level first · w words · h hidden size · s true spans.
"""

from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    max_pool1d,
    pad,
    scaled_dot_product_attention,
)

BLOCK = 64
"""Clips whose attention is computed together: memory grows with the length, not with its
square."""
RADIUS = 1.5
"""Strides from the centre of a span within which a point answers for it."""
SMOOTHING = 0.1
FOCUS = 2.0
"""Exponent of the focal loss."""


def reach_of(level: int, levels: int) -> tuple[float, float]:
    """Eq. S1: the shortest and the longest distance to the farther end of a span for which
    a level's points answer; neighbours overlap.

    >>> [reach_of(level, 3) for level in range(3)]
    [(0.0, 4.0), (3.0, 8.0), (6.0, inf)]
    """
    shortest = 0.0 if level == 0 else 1.5 * 2**level
    return shortest, inf if level == levels - 1 else 4.0 * 2**level


class Points(NamedTuple):
    """The points of all levels, for videos of the same padded length. Behind each level is
    one that is never used, so that convolutions over all of them keep the levels apart."""

    centre: Float[Tensor, " p"]
    stride: Float[Tensor, " p"]
    shortest: Float[Tensor, " p"]
    longest: Float[Tensor, " p"]
    """Distances to the farther end, as in ``reach_of``."""

    @classmethod
    def of(cls, counts: list[int], device: torch.device) -> "Points":
        """For levels with that many points."""
        levels = torch.arange(len(counts), device=device)
        sizes = torch.tensor(counts, device=device) + 1
        reach = [reach_of(level, len(counts)) for level in range(len(counts))]
        number = torch.cat([torch.arange(count + 1, device=device) for count in counts])
        stride = (2.0**levels).repeat_interleave(sizes)
        low, high = torch.tensor(reach, device=device).repeat_interleave(sizes, 0).T
        return cls((number + 0.5) * stride, stride, low, high)


class FeedForward(nn.Sequential):
    def __init__(self, size: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(size, 4 * size),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * size, size),
        )


def along_time(
    layer: nn.Module, rows: Float[Tensor, "v t h"], mask: Bool[Tensor, "v t"]
) -> Float[Tensor, "v t2 h2"]:
    """A 1D layer over time, with zeros for padding."""
    output: Tensor = layer((rows * mask[..., None]).transpose(1, 2))
    return output.transpose(1, 2)


def halved_mask(mask: Bool[Tensor, "v t"]) -> Bool[Tensor, "v t2"]:
    """True where one of two neighbours is.

    >>> halved_mask(torch.tensor([[True, True, True, False, False]])).tolist()
    [[True, True, False]]
    """
    odd = pad(mask, (0, mask.shape[1] % 2))
    return odd.unflatten(1, (-1, 2)).any(dim=2)


class Level(nn.Module):
    """Eq. S2: self-attention within a window of clips, which halves the rate if told."""

    def __init__(
        self, size: int, heads: int, window: int, dropout: float, *, halves: bool
    ) -> None:
        super().__init__()
        self.heads, self.window, self.halves = heads, window, halves
        stride = 2 if halves else 1
        self.before, self.after = nn.LayerNorm(size), nn.LayerNorm(size)
        self.local = nn.ModuleList(
            nn.Conv1d(size, size, 3, stride, 1, groups=size) for _ in range(3)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(3))
        self.project = nn.ModuleList(nn.Linear(size, size) for _ in range(3))
        self.output = nn.Linear(size, size)
        self.feedforward = FeedForward(size, dropout)
        self.dropout = nn.Dropout(dropout)
        self.attention_scale = nn.Parameter(torch.full((size,), 0.1))
        self.feedforward_scale = nn.Parameter(torch.full((size,), 0.1))

    def forward(
        self, clips: Float[Tensor, "v t h"], mask: Bool[Tensor, "v t"]
    ) -> tuple[Float[Tensor, "v t2 h"], Bool[Tensor, "v t2"]]:
        normed = self.before(clips)
        query, key, value = (
            project(norm(along_time(local, normed, mask)))
            for local, norm, project in zip(
                self.local, self.norms, self.project, strict=True
            )
        )
        if self.halves:
            low = torch.finfo(clips.dtype).min
            odd = pad(
                clips.masked_fill(~mask[..., None], low).transpose(1, 2),
                (0, 1),
                value=low,
            )
            clips = max_pool1d(odd, 2).transpose(1, 2)[:, : query.shape[1]]
            mask = halved_mask(mask)
            clips = clips.masked_fill(~mask[..., None], 0)
        attended = self.output(self._attend(query, key, value, mask))
        clips = clips + self.attention_scale * self.dropout(attended)
        seen = self.feedforward(self.after(clips))
        clips = clips + self.feedforward_scale * self.dropout(seen)
        return clips * mask[..., None], mask

    def _attend(
        self,
        query: Float[Tensor, "v t h"],
        key: Float[Tensor, "v t h"],
        value: Float[Tensor, "v t h"],
        mask: Bool[Tensor, "v t"],
    ) -> Float[Tensor, "v t h"]:
        """Attention of each clip to those up to ``window`` away, a block at a time."""
        videos, clips, size = query.shape
        block, side = min(BLOCK, clips), min(self.window, clips)
        behind = -clips % block
        blocks = (clips + behind) // block
        wide = block + 2 * side

        def around(rows: Float[Tensor, "v t x"]) -> Float[Tensor, "v k z x"]:
            """The clips of each block and of its surroundings."""
            padded = pad(rows, (0, 0, side, side + behind))
            return padded.unfold(1, wide, block).transpose(2, 3)

        asked = pad(query, (0, 0, 0, behind)).unflatten(1, (blocks, block))
        asked, known, seen = (
            rows.flatten(0, 1).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for rows in (asked, around(key), around(value))
        )
        at = torch.arange(block, device=query.device)[:, None] + side
        other = torch.arange(wide, device=query.device)
        near = (at - other).abs() <= side
        real = around(mask[..., None].to(query.dtype)).flatten(0, 1)[..., 0] > 0
        # Padding attends to itself, since a softmax over nothing is not a number.
        allowed = (near & real[:, None]) | (at == other)
        attended = scaled_dot_product_attention(asked, known, seen, allowed[:, None])
        return attended.transpose(1, 2).reshape(videos, -1, size)[:, :clips]


class Fusion(nn.Module):
    """Eq. S3: each point weighs the words, which then scale and shift it."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = nn.MultiheadAttention(size, heads, dropout, batch_first=True)
        self.scale, self.shift = nn.Linear(size, size), nn.Linear(size, size)
        self.feedforward = FeedForward(size, dropout)
        nn.init.ones_(self.scale.bias)
        nn.init.zeros_(self.shift.bias)

    def forward(
        self,
        points: Float[Tensor, "b p h"],
        words: Float[Tensor, "b w h"],
        mask: Bool[Tensor, "b w"],
    ) -> Float[Tensor, "b p h"]:
        read, _ = self.attention(
            self.before(points),
            words,
            words,
            key_padding_mask=~mask,
            need_weights=False,
        )
        points = self.scale(read) * points + self.shift(read)
        return points + self.feedforward(self.after(points))


class PointHead(nn.Module):
    """Two convolutions over the points, and one to the output."""

    def __init__(self, size: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, size, 3, 1, 1) for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(2))
        self.output = nn.Conv1d(size, outputs, 3, 1, 1)

    def forward(
        self, points: Float[Tensor, "b p h"], mask: Bool[Tensor, "b p"]
    ) -> Float[Tensor, "b p x"]:
        for layer, norm in zip(self.convolutions, self.norms, strict=True):
            points = norm(along_time(layer, points, mask)).relu()
        return along_time(self.output, points, mask)


class Targets(NamedTuple):
    positive: Bool[Tensor, "b p"]
    distances: Float[Tensor, "b p 2"]
    """From a positive point to start and end, in its strides."""


def targets_of(
    points: Points, spans: Float[Tensor, "b s 2"], mask: Bool[Tensor, "b s"]
) -> Targets:
    """Eq. S4: the points that answer for a true span, in clips; of several, the shortest."""
    left = points.centre[:, None] - spans[:, None, :, 0]
    right = spans[:, None, :, 1] - points.centre[:, None]
    farther = torch.maximum(left, right)
    answers = (
        (torch.minimum(left, right) > 0)
        & ((right - left).abs() / 2 <= RADIUS * points.stride[:, None])
        & (farther >= points.shortest[:, None])
        & (farther < points.longest[:, None])
        & mask[:, None]
    )
    length = (left + right).masked_fill(~answers, inf)
    length = pad(length, (0, 1), value=inf)
    chosen = length.argmin(dim=2, keepdim=True).clamp(max=max(0, spans.shape[1] - 1))
    both = torch.stack([left, right], dim=-1) / points.stride[:, None, None]
    if not spans.shape[1]:
        return Targets(answers.any(dim=2), both.new_zeros(*both.shape[:2], 2))
    index = chosen[..., None].expand(-1, -1, 1, 2)
    return Targets(answers.any(dim=2), both.gather(2, index)[:, :, 0])


def focal_loss(
    logits: Float[Tensor, "*p"], positive: Bool[Tensor, "*p"]
) -> Float[Tensor, "*p"]:
    """Eq. S5: the focal loss (Lin et al., ICCV 2017) of smoothed targets."""
    target = positive * (1 - SMOOTHING) + SMOOTHING / 2
    cross = binary_cross_entropy_with_logits(logits, target, reduction="none")
    missed = torch.where(positive, -logits, logits).sigmoid()
    return 0.5 * missed**FOCUS * cross


def distance_loss(
    found: Float[Tensor, "p 2"], true: Float[Tensor, "p 2"]
) -> Float[Tensor, " p"]:
    """Eq. S6: 1 - DIoU (Zheng et al., AAAI 2020) of spans around the same point, given by
    the distances to start and end."""
    shared = torch.minimum(found, true).sum(dim=1)
    hull = torch.maximum(found, true).sum(dim=1)
    union = (found.sum(dim=1) + true.sum(dim=1) - shared).clamp(min=1e-6)
    apart = ((found[:, 1] - found[:, 0]) - (true[:, 1] - true[:, 0])) / 2
    return 1 - shared / union + (apart / hull.clamp(min=1e-6)) ** 2
