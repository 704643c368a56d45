"""Configuration, matching and losses of DETR-style models, with learned moment queries.

Lei, Berg, Bansal: QVHighlights: Detecting Moments and Highlights in Videos via Natural
Language Queries, NeurIPS 2021, after DETR (Carion et al., ECCV 2020). Equation numbers are
those of docs/models/moment_detr.md.

Spans are (centre, width) as fractions of the video.

Shapes: b queries · m moment queries · s true spans · t clips · l decoder layers ·
p matched pairs of a moment query and a true span.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from annotated_types import Interval
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.fields import check_ranges
from slta.models.base import Answers, Count, Dropout, Size, Weight
from slta.models.parts.transformer import centres, ends


@dataclass(frozen=True, slots=True, eq=False)
class DETRAnswers(Answers):
    """Answers of the last layer, and what the losses need."""

    layer_spans: Float[Tensor, "l b m 2"]
    layer_relevance: Float[Tensor, "l b m"]
    saliency: Float[Tensor, "b t"]
    """Saliency of each clip for the query."""


class Weights(NamedTuple):
    """Weights of the losses."""

    l1: float
    iou: float
    foreground: float
    background: float
    """Of an unmatched moment query, relative to a matched one."""


class Matched(NamedTuple):
    """Matched moment queries and true spans, as indices."""

    query: Int[Tensor, " p"]
    moment_query: Int[Tensor, " p"]
    truth: Int[Tensor, " p"]


@dataclass(frozen=True, kw_only=True)
class DETRConfig:
    """Configuration of DETR-style models; the defaults are the papers'."""

    max_clips: Count = 75
    """Maximum clips of a video; a video with fewer frames has one clip a frame."""
    windows: bool = False
    """Search a video of more frames in overlapping windows of so many clips, a frame each,
    instead of averaging frames."""
    size: Size = 256
    """Hidden size of the transformer; even, and a multiple of the heads."""
    heads: Count = 8
    """Attention heads."""
    feedforward_size: Size = 1024
    """Hidden size of the feed-forward layers."""
    encoder_layers: Count = 2
    """Encoder layers, over clips and words."""
    decoder_layers: Count = 2
    """Decoder layers, over the moment queries."""
    moment_queries: Count = 10
    """Learned moment queries: answers per query."""
    dropout: Dropout = 0.1
    """Dropout in the transformer, in [0, 1)."""
    input_dropout: Dropout = 0.5
    """Dropout of the features of clips and words, in [0, 1)."""
    l1_weight: Weight = 10.0
    """Loss weight of the L1 distance of centre and width."""
    iou_weight: Weight = 1.0
    """Loss weight of the generalised IoU."""
    foreground_weight: Weight = 4.0
    """Loss weight of the classification of moment queries as foreground or background."""
    background_share: Annotated[float, Interval(gt=0, le=1)] = 0.1
    """Weight of a background moment query in that classification, relative to foreground,
    in (0, 1]."""
    saliency_weight: Weight = 1.0
    """Loss weight of the clips' saliency."""
    margin: Weight = 0.2
    """Margin of the saliency between clips inside and outside the ground truth."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")
        if self.size % self.heads or self.size % 2:
            raise ValueError(
                f"model.size must be even and a multiple of model.heads, {self.heads}, "
                f"got {self.size}"
            )


def located(
    clips: Float[Tensor, "v t d"], batch: VideoBatch
) -> Float[Tensor, "b t d+2"]:
    """The clips of each query's video with their starts and ends, as fractions of it."""
    return torch.cat([clips[batch.video], ends(batch.clip_mask)], dim=2)


def relevance_of(classes: Float[Tensor, "*rows 2"]) -> Float[Tensor, "*rows"]:
    """From the logits of foreground and background to one, their difference."""
    foreground, background = classes.float().unbind(dim=-1)
    return foreground - background


def overlapping(frames: int, config: DETRConfig) -> Sequence[tuple[int, int]]:
    """First and last frame (exclusive) of the windows of a video; each overlaps the next by
    at least half.

    >>> overlapping(9, DETRConfig(max_clips=4, windows=True))
    [(0, 4), (2, 6), (4, 8), (5, 9)]
    """
    last = frames - config.max_clips
    if not config.windows or last <= 0:
        return [(0, frames)]
    starts = [*range(0, last, max(1, config.max_clips // 2)), last]
    return [(start, start + config.max_clips) for start in starts]


def edges(spans: Float[Tensor, "*rows 2"]) -> Float[Tensor, "*rows 2"]:
    """From (centre, width) to (start, end)."""
    centre, width = spans.unbind(dim=-1)
    return torch.stack([centre - width / 2, centre + width / 2], dim=-1)


def ends_s(
    spans: Float[Tensor, "b m 2"], duration_s: Float[Tensor, " b"]
) -> Float[Tensor, "b m 2"]:
    """From (centre, width) to (start, end) in seconds, clipped to the video."""
    return edges(spans).clamp(0, 1) * duration_s[:, None, None]


def centred(spans: Float[Tensor, "*rows 2"]) -> Float[Tensor, "*rows 2"]:
    """From (start, end) to (centre, width)."""
    start, end = spans.unbind(dim=-1)
    return torch.stack([(start + end) / 2, end - start], dim=-1)


def generalised_iou(
    a: Float[Tensor, "*#rows 2"], b: Float[Tensor, "*#rows 2"]
) -> Float[Tensor, "*rows"]:
    """Generalised IoU, in (-1, 1] (Rezatofighi et al., CVPR 2019)."""
    (start, end), (other_start, other_end) = (
        edges(spans).unbind(dim=-1) for spans in (a, b)
    )
    shared = (torch.minimum(end, other_end) - torch.maximum(start, other_start)).relu()
    union = (end - start) + (other_end - other_start) - shared
    hull = torch.maximum(end, other_end) - torch.minimum(start, other_start)
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def match(
    spans: Float[Tensor, "b m 2"],
    relevance: Float[Tensor, "b m"],
    truth: Float[Tensor, "b s 2"],
    truth_mask: Bool[Tensor, "b s"],
    weights: Weights,
) -> Matched:
    """Eq. M1: the assignment of minimum cost for each query. With more true spans than
    moment queries, some true spans stay unmatched."""
    # Slow to import, and only needed in training.
    from scipy.optimize import linear_sum_assignment

    with torch.no_grad():
        l1 = (spans[:, :, None] - truth[:, None]).abs().sum(dim=-1)
        iou_loss = 1 - generalised_iou(spans[:, :, None], truth[:, None])
        cost = weights.l1 * l1 + weights.iou * iou_loss
        cost = cost - weights.foreground * relevance.sigmoid()[..., None]
    # NaN must not stop the matching: divergence is reported by the loss.
    costs = cost.float().nan_to_num().cpu().numpy()
    rows = []
    for query, count in enumerate(truth_mask.sum(dim=1).tolist()):
        moment_queries, truths = linear_sum_assignment(costs[query, :, :count])
        rows += [(query, *pair) for pair in zip(moment_queries, truths, strict=True)]
    pairs = torch.tensor(rows, device=spans.device, dtype=torch.int64).reshape(-1, 3)
    return Matched(*pairs.unbind(dim=1))


def set_loss(
    answers: DETRAnswers, targets: TrainingVideoBatch, weights: Weights
) -> Float[Tensor, ""]:
    """Eq. M2 and M3, summed over the layers, each with its own assignment."""
    truth = centred(targets.truth_s / targets.batch.duration_s[:, None, None])
    losses = [
        _layer_loss(spans, relevance, truth, targets.truth_mask, weights)
        for spans, relevance in zip(
            answers.layer_spans, answers.layer_relevance, strict=True
        )
    ]
    return torch.stack(losses).sum(dim=0)


def _layer_loss(
    spans: Float[Tensor, "b m 2"],
    relevance: Float[Tensor, "b m"],
    truth: Float[Tensor, "b s 2"],
    truth_mask: Bool[Tensor, "b s"],
    weights: Weights,
) -> Float[Tensor, ""]:
    matched = match(spans, relevance, truth, truth_mask, weights)
    predicted = spans[matched.query, matched.moment_query]
    true = truth[matched.query, matched.truth]
    pairs = max(1, len(predicted))
    l1 = (predicted - true).abs().mean(dim=1).sum(dim=0) / pairs
    iou_loss = (1 - generalised_iou(predicted, true)).sum(dim=0) / pairs
    target = torch.zeros_like(relevance)
    target[matched.query, matched.moment_query] = 1
    weight = torch.where(target > 0, 1.0, weights.background)
    class_loss = binary_cross_entropy_with_logits(relevance, target, weight)
    return weights.l1 * l1 + weights.iou * iou_loss + weights.foreground * class_loss


def inside(targets: TrainingVideoBatch) -> Bool[Tensor, "b t"]:
    """Clips inside a true span: their centre is in it, or its centre in them."""
    mask = targets.batch.clip_mask
    centre = centres(mask)[:, :, None]
    start, end = (targets.truth_s / targets.batch.duration_s[:, None, None])[
        :, None
    ].unbind(dim=-1)
    half = 0.5 / mask.sum(dim=1)[:, None, None]
    true_centre = (start + end) / 2
    of_truth = (start <= centre) & (centre < end)
    of_truth |= (centre - half <= true_centre) & (true_centre < centre + half)
    return (of_truth & targets.truth_mask[:, None]).any(dim=2) & mask


def margin_loss(
    saliency: Float[Tensor, "b t"],
    inside: Bool[Tensor, "b t"],
    clip_mask: Bool[Tensor, "b t"],
    margin: float,
) -> Float[Tensor, ""]:
    """Eq. M4: twice the hinge loss on the saliency of clips inside and outside the truth.

    The mean over all such pairs of a query, the expectation over random pairs, and over the
    queries that have some.
    """
    pairs = inside[:, :, None] & (clip_mask & ~inside)[:, None]
    short = (margin + saliency[:, None] - saliency[:, :, None]).relu() * pairs
    count = pairs.sum(dim=(1, 2))
    by_query = short.sum(dim=(1, 2)) / count.clamp(min=1)
    return 2 * by_query.sum(dim=0) / (count > 0).sum(dim=0).clamp(min=1)
