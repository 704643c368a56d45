"""The field's measures, query by query and answer by answer."""

from collections.abc import Sequence

import numpy as np

from tests.reference.spans import Pair, iou, nms


def recall(
    ranked: Sequence[Sequence[Pair]],
    truths: Sequence[Sequence[Pair]],
    n: int,
    m: float,
) -> float:
    hits = 0
    for answers, truth in zip(ranked, truths, strict=True):
        found = False
        for answer in list(answers)[:n]:
            for span in truth:
                found = found or iou(answer, span) >= m
        hits += found
    return hits / len(truths)


def mean_iou(
    ranked: Sequence[Sequence[Pair]], truths: Sequence[Sequence[Pair]]
) -> float:
    total = 0.0
    for answers, truth in zip(ranked, truths, strict=True):
        if answers:
            total += max(iou(answers[0], span) for span in truth)
    return total / len(truths)


def ctrl_order(
    spans: Sequence[Pair], scores: Sequence[float], threshold: float
) -> list[int]:
    """Suppression as the CTRL family spells it: take the last of a rising order."""
    rising = sorted(range(len(spans)), key=lambda i: scores[i])
    picked: list[int] = []
    while rising:
        best = rising.pop()
        picked.append(best)
        rising = [i for i in rising if iou(spans[best], spans[i]) <= threshold]
    return picked


def ctrl_recall(
    spans: Sequence[Sequence[Pair]],
    scores: Sequence[Sequence[float]],
    truths: Sequence[Sequence[Pair]],
    n: int,
    m: float,
) -> float:
    ranked = [
        [one[i] for i in ctrl_order(one, relevance, m - 0.05)]
        for one, relevance in zip(spans, scores, strict=True)
    ]
    return recall(ranked, truths, n, m)


def tan2d_recall(
    spans: Sequence[Sequence[Pair]],
    scores: Sequence[Sequence[float]],
    truths: Sequence[Sequence[Pair]],
    n: int,
    m: float,
    threshold: float,
) -> float:
    hits = 0
    for candidates, relevance, truth in zip(spans, scores, truths, strict=True):
        kept = [candidates[i] for i in nms(candidates, relevance, threshold)]
        hits += sum(iou(a, b) > m for a in kept[:n] for b in truth) > 0
    return hits / len(truths)


def bootstrap(
    values: Sequence[float], video_ids: Sequence[str], seed: int, samples: int
) -> tuple[float, float]:
    videos = sorted(set(video_ids))
    draws = np.random.default_rng(seed).integers(
        len(videos), size=(samples, len(videos))
    )
    means = []
    for draw in draws:
        drawn: list[float] = []
        for i in draw:
            drawn += [
                value
                for value, video_id in zip(values, video_ids, strict=True)
                if video_id == videos[i]
            ]
        means.append(sum(drawn) / len(drawn))
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
