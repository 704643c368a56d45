"""DiDeMo's measures, with moments as sets of chunks."""

from collections.abc import Sequence

Chunks = tuple[int, int]


def _set(moment: Chunks) -> set[int]:
    return set(range(moment[0], moment[1] + 1))


def iou(a: Chunks, b: Chunks) -> float:
    return len(_set(a) & _set(b)) / len(_set(a) | _set(b))


def rank(ranked: Sequence[Chunks], wanted: Chunks) -> int:
    for place, moment in enumerate(ranked, start=1):
        if _set(moment) == _set(wanted):
            return place
    return 22


def query(
    ranked: Sequence[Chunks], annotators: Sequence[Chunks]
) -> tuple[float, float, float]:
    """Rank@1, Rank@5 and IoU."""
    ranks = sorted(rank(ranked, each) for each in annotators)[:3]
    fits = sorted(iou(ranked[0], each) if ranked else 0.0 for each in annotators)[-3:]
    mean = sum(ranks) / len(ranks)
    return float(mean <= 1), float(mean <= 5), sum(fits) / len(fits)


def recall(
    ranked: Sequence[Chunks], annotators: Sequence[Chunks], n: int, m: float
) -> bool:
    return any(iou(a, b) >= m for a in ranked[:n] for b in annotators)
