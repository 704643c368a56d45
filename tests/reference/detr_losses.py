"""Matching and losses of moment queries, by trying every assignment and every pair."""

from itertools import pairwise, permutations
from math import exp, inf, log

from slta.batches.video_batch import TrainingVideoBatch
from slta.models.parts.detr import DETRAnswers, Weights

Span = tuple[float, float]
"""Start and end."""


def generalised_iou(a: Span, b: Span) -> float:
    """By its definition, on a fine grid of nothing: lengths of unions of intervals."""
    points = sorted({*a, *b})
    shared = union = 0.0
    for low, high in pairwise(points):
        middle = (low + high) / 2
        of_a, of_b = a[0] <= middle < a[1], b[0] <= middle < b[1]
        shared += (high - low) * (of_a and of_b)
        union += (high - low) * (of_a or of_b)
    hull = max(a[1], b[1]) - min(a[0], b[0])
    return shared / union - (hull - union) / hull


def span(centre: float, width: float) -> Span:
    return centre - width / 2, centre + width / 2


def away(found: Span, true: Span) -> float:
    """Of centres and widths."""
    centre = abs(sum(found) / 2 - sum(true) / 2)
    return centre + abs((found[1] - found[0]) - (true[1] - true[0]))


def probability(relevance: float) -> float:
    return 1 / (1 + exp(-relevance))


def assignment(
    found: list[Span], relevance: list[float], true: list[Span], weights: Weights
) -> dict[int, int]:
    """Which moment query answers which truth: the cheapest of all assignments."""
    best, least = {}, inf
    if len(true) <= len(found):
        tried = [
            dict(zip(places, range(len(true)), strict=True))
            for places in permutations(range(len(found)), len(true))
        ]
    else:
        tried = [
            dict(zip(range(len(found)), truths, strict=True))
            for truths in permutations(range(len(true)), len(found))
        ]
    for each in tried:
        cost = sum(
            weights.l1 * away(found[place], true[truth])
            + weights.iou * (1 - generalised_iou(found[place], true[truth]))
            - weights.foreground * probability(relevance[place])
            for place, truth in each.items()
        )
        if cost < least:
            best, least = each, cost
    return best


def truths(given: TrainingVideoBatch, row: int) -> list[Span]:
    """As fractions of the video."""
    duration_s = float(given.batch.duration_s[row])
    return [
        (start / duration_s, end / duration_s)
        for (start, end), real in zip(
            given.truth_s[row].tolist(), given.truth_mask[row].tolist(), strict=True
        )
        if real
    ]


def set_loss(
    answers: DETRAnswers, given: TrainingVideoBatch, weights: Weights
) -> float:
    total = 0.0
    for spans, relevance in zip(
        answers.layer_spans.tolist(), answers.layer_relevance.tolist(), strict=True
    ):
        aways, aparts, told, places = [], [], 0.0, 0
        for row, (of_row, said) in enumerate(zip(spans, relevance, strict=True)):
            found, true = [span(*each) for each in of_row], truths(given, row)
            pairs = assignment(found, said, true, weights)
            for place, value in enumerate(said):
                places += 1
                if place in pairs:
                    aways.append(away(found[place], true[pairs[place]]) / 2)
                    aparts.append(1 - generalised_iou(found[place], true[pairs[place]]))
                    told -= log(probability(value))
                else:
                    told -= weights.background * log(1 - probability(value))
        n = max(1, len(aways))
        total += weights.l1 * sum(aways) / n + weights.iou * sum(aparts) / n
        total += weights.foreground * told / places
    return total


def inside(given: TrainingVideoBatch, row: int) -> list[bool]:
    """Of the real clips of a row."""
    count = int(given.batch.clip_mask[row].sum())
    found = []
    for i in range(count):
        middle = (i + 0.5) / count
        of_any = False
        for start, end in truths(given, row):
            of_any |= start <= middle < end
            of_any |= i / count <= (start + end) / 2 < (i + 1) / count
        found.append(of_any)
    return found


def margin_loss(
    answers: DETRAnswers, given: TrainingVideoBatch, margin: float
) -> float:
    rows = []
    for row, saliency in enumerate(answers.saliency.tolist()):
        here = inside(given, row)
        pairs = [
            max(0.0, margin + saliency[j] - saliency[i])
            for i in range(len(here))
            for j in range(len(here))
            if here[i] and not here[j]
        ]
        if pairs:
            rows.append(2 * sum(pairs) / len(pairs))
    return sum(rows) / max(1, len(rows))
