"""Learned slots as a set of answers: which slot is to answer which truth, and the losses
of what they say. Lei, Berg, Bansal: QVHighlights: Detecting Moments and Highlights in
Videos via Natural Language Queries, NeurIPS 2021, after DETR (Carion et al., ECCV 2020).
The equations' numbers are those of docs/models/moment_detr.md.

Spans are a centre and a width here, as shares of the video.

Shapes: b queries · m slots · s true spans · t clips · l layers of a decoder ·
p pairs of a slot and the truth that it is to answer.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from annotated_types import Interval
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from slta.batches.video_batch import TrainingVideoBatch
from slta.fields import check_ranges
from slta.models.base import Answers, Count, Dropout, Size, Weight
from slta.models.parts.transformer import middles


@dataclass(frozen=True, slots=True, eq=False)
class SlotAnswers(Answers):
    """The last layer's, and what the losses look at."""

    layer_spans: Float[Tensor, "l b m 2"]
    layer_relevance: Float[Tensor, "l b m"]
    saliency: Float[Tensor, "b t"]
    """How much each clip is what the query asks for."""


class Weights(NamedTuple):
    """Of the losses."""

    l1: float
    iou: float
    foreground: float
    background: float
    """Of a slot that is to answer nothing, against one that is to answer a truth."""


class Matched(NamedTuple):
    """Which slot is to answer which truth."""

    query: Int[Tensor, " p"]
    slot: Int[Tensor, " p"]
    truth: Int[Tensor, " p"]


@dataclass(frozen=True, kw_only=True)
class SlotsConfig:
    """What all models with slots have; the defaults are the papers'."""

    most_clips: Count = 75
    """Clips into which a video is cut, at most; one of fewer frames has a clip a frame."""
    size: Size = 256
    """Hidden units of the transformer; a multiple of the heads, and even."""
    heads: Count = 8
    """Heads of every attention."""
    feedforward_size: Size = 1024
    """Hidden units between two attentions."""
    encoder_layers: Count = 2
    """Layers over the clips and words."""
    decoder_layers: Count = 2
    """Layers over the slots."""
    slots: Count = 10
    """Answers to every query."""
    dropout: Dropout = 0.1
    """Share of the transformer's hidden units left out in training, in [0, 1)."""
    input_dropout: Dropout = 0.5
    """Share of the numbers of clips and words left out in training, in [0, 1)."""
    l1_weight: Weight = 10.0
    """In the loss, of how far centre and width are away, as shares of the video."""
    iou_weight: Weight = 1.0
    """In the loss, of the generalised IoU."""
    foreground_weight: Weight = 4.0
    """In the loss, of telling slots that answer from those that do not."""
    background_share: Annotated[float, Interval(gt=0, le=1)] = 0.1
    """What a slot that is to answer nothing counts there."""
    saliency_weight: Weight = 1.0
    """In the loss, of the clips' saliency."""
    margin: Weight = 0.2
    """By which clips of a truth are to stand out from the others of their video."""

    def __post_init__(self) -> None:
        check_ranges(self, "model")
        if self.size % self.heads or self.size % 2:
            raise ValueError(
                f"model.size must be even and a multiple of model.heads, {self.heads}, "
                f"got {self.size}"
            )


def edges(spans: Float[Tensor, "*rows 2"]) -> Float[Tensor, "*rows 2"]:
    """Start and end."""
    centre, width = spans.unbind(dim=-1)
    return torch.stack([centre - width / 2, centre + width / 2], dim=-1)


def ends_s(
    spans: Float[Tensor, "b m 2"], duration_s: Float[Tensor, " b"]
) -> Float[Tensor, "b m 2"]:
    """Start and end in seconds, within the video."""
    return edges(spans).clamp(0, 1) * duration_s[:, None, None]


def centred(spans: Float[Tensor, "*rows 2"]) -> Float[Tensor, "*rows 2"]:
    """Centre and width of start and end."""
    start, end = spans.unbind(dim=-1)
    return torch.stack([(start + end) / 2, end - start], dim=-1)


def generalised_iou(
    a: Float[Tensor, "*#rows 2"], b: Float[Tensor, "*#rows 2"]
) -> Float[Tensor, "*rows"]:
    """IoU less the share of the hull that neither covers, in (-1, 1] (Rezatofighi et
    al., CVPR 2019)."""
    (start, end), (other_start, other_end) = (
        edges(each).unbind(dim=-1) for each in (a, b)
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
    """Eq. M1: for each query the assignment of least cost. Of more truths than slots,
    those that fit best are answered."""
    # Takes longer to import than all of this package, and only training needs it.
    from scipy.optimize import linear_sum_assignment

    with torch.no_grad():
        away = (spans[:, :, None] - truth[:, None]).abs().sum(dim=-1)
        apart = 1 - generalised_iou(spans[:, :, None], truth[:, None])
        cost = weights.l1 * away + weights.iou * apart
        cost = cost - relevance.sigmoid()[..., None]
    # A training that diverges is told by its loss.
    costs = cost.float().nan_to_num().cpu().numpy()
    rows = []
    for query, count in enumerate(truth_mask.sum(dim=1).tolist()):
        slots, truths = linear_sum_assignment(costs[query, :, :count])
        rows += [(query, *pair) for pair in zip(slots, truths, strict=True)]
    pairs = torch.tensor(rows, device=spans.device, dtype=torch.int64).reshape(-1, 3)
    return Matched(*pairs.unbind(dim=1))


def set_loss(
    answers: SlotAnswers, given: TrainingVideoBatch, weights: Weights
) -> Float[Tensor, ""]:
    """Eq. M2 and M3, summed over the layers, each with its own assignment."""
    truth = centred(given.truth_s / given.batch.duration_s[:, None, None])
    losses = [
        _layer_loss(spans, relevance, truth, given.truth_mask, weights)
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
    found = spans[matched.query, matched.slot]
    true = truth[matched.query, matched.truth]
    pairs = max(1, len(found))
    away = (found - true).abs().mean(dim=1).sum(dim=0) / pairs
    apart = (1 - generalised_iou(found, true)).sum(dim=0) / pairs
    target = torch.zeros_like(relevance)
    target[matched.query, matched.slot] = 1
    weight = torch.where(target > 0, 1.0, weights.background)
    told = binary_cross_entropy_with_logits(relevance, target, weight)
    return weights.l1 * away + weights.iou * apart + weights.foreground * told


def inside(given: TrainingVideoBatch) -> Bool[Tensor, "b t"]:
    """The clips that are of a truth: their middle is in it, or its middle in them."""
    mask = given.batch.clip_mask
    middle = middles(mask)[:, :, None]
    start, end = (given.truth_s / given.batch.duration_s[:, None, None])[
        :, None
    ].unbind(dim=-1)
    half = 0.5 / mask.sum(dim=1)[:, None, None]
    true_middle = (start + end) / 2
    of_truth = (start <= middle) & (middle < end)
    of_truth |= (middle - half <= true_middle) & (true_middle < middle + half)
    return (of_truth & given.truth_mask[:, None]).any(dim=2) & mask


def margin_loss(
    saliency: Float[Tensor, "b t"],
    inside: Bool[Tensor, "b t"],
    clip_mask: Bool[Tensor, "b t"],
    margin: float,
) -> Float[Tensor, ""]:
    """Eq. M4: clips of a truth stand out from the others of their video, by a margin.

    The mean over all pairs of one and another: what a pair drawn at random would cost.
    Queries without such pairs do not count.
    """
    pairs = inside[:, :, None] & (clip_mask & ~inside)[:, None]
    short = (margin + saliency[:, None] - saliency[:, :, None]).relu() * pairs
    count = pairs.sum(dim=(1, 2))
    each = short.sum(dim=(1, 2)) / count.clamp(min=1)
    return each.sum(dim=0) / (count > 0).sum(dim=0).clamp(min=1)
