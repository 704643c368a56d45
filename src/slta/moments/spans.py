"""Arithmetic on arrays of spans: rows ``[start, end)`` in seconds of video time.

Shapes: n, m spans · k kept spans · t times.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from slta.moments import Span

CHUNK_S = 5.0


def as_array(spans: Sequence[Span]) -> Float[np.ndarray, "n 2"]:
    """One row a span; no spans give an array of shape (0, 2)."""
    rows = [(span.start, span.end) for span in spans]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def temporal_iou(
    a: Float[np.ndarray, "n 2"], b: Float[np.ndarray, "m 2"]
) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every span in ``a`` with every span in ``b``, in [0, 1].

    Exactly 0 for spans that are disjoint, that only touch, that are empty or reversed
    (offset regression may do that) or that are not finite.

    >>> temporal_iou(np.array([[0.0, 10.0]]), np.array([[5.0, 15.0], [10.0, 20.0]]))
    array([[0.33333333, 0.        ]])
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    iou = np.zeros((len(a), len(b)))
    with np.errstate(invalid="ignore", over="ignore"):
        overlap = np.minimum.outer(a[:, 1], b[:, 1]) - np.maximum.outer(
            a[:, 0], b[:, 0]
        )
        hull = np.maximum.outer(a[:, 1], b[:, 1]) - np.minimum.outer(a[:, 0], b[:, 0])
    # Where two spans share time, both have a length and the hull is their union.
    np.divide(overlap, hull, out=iou, where=(overlap > 0) & np.isfinite(hull))
    return iou


def nms(
    spans: Float[np.ndarray, "n 2"],
    scores: Float[np.ndarray, " n"],
    *,
    iou: float,
    top: int | None = None,
) -> Int[np.ndarray, " k"]:
    """Greedy non-maximum suppression: the kept indices, best first, at most ``top``.

    A span is suppressed if its IoU with a kept, better one is above ``iou``. Of equal
    scores, the earlier row is better.

    >>> spans = np.array([[0.0, 9.0], [0.0, 10.0], [20.0, 30.0]])
    >>> nms(spans, np.array([0.7, 0.9, 0.1]), iou=0.5)
    array([1, 2])
    """
    if not 0 <= iou <= 1:
        raise ValueError(f"iou must be in [0, 1], got {iou}")
    if top is not None and top < 1:
        raise ValueError(f"top must be at least 1, or None for all, got {top}")
    kept: list[int] = []
    rest = np.argsort(-scores, kind="stable")
    while len(rest) and (top is None or len(kept) < top):
        best, rest = rest[0], rest[1:]
        kept.append(int(best))
        rest = rest[temporal_iou(spans[best, None], spans[rest])[0] <= iou]
    return np.array(kept, dtype=np.int64)


def clamp(
    spans: Float[np.ndarray, "n 2"], duration_s: float
) -> Float[np.ndarray, "n 2"]:
    """Spans clipped to the video; one entirely outside becomes empty."""
    return np.clip(spans.astype(np.float64), 0, duration_s)


def coverage(
    times_s: Float[np.ndarray, " t"],
    spans: Float[np.ndarray, "n 2"],
    values: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " t"]:
    """For each time the largest value of the spans that cover it; 0 if none does.

    >>> spans = np.array([[0.0, 2.0], [1.0, 3.0]])
    >>> coverage(np.arange(4.0), spans, np.array([0.2, 0.7]))
    array([0.2, 0.7, 0.7, 0. ])
    """
    covered = np.zeros(len(times_s))
    first, end = np.searchsorted(times_s, spans.T)
    for i in np.argsort(values, kind="stable"):
        covered[first[i] : end[i]] = values[i]
    return covered


def to_frames(
    spans: Float[np.ndarray, "n 2"], rate_hz: float
) -> Int[np.ndarray, "n 2"]:
    """Spans as the nearest frame numbers.

    >>> to_frames(np.array([[24.3, 30.4]]), 3.0)
    array([[73, 91]])
    """
    if not 0 < rate_hz < float("inf"):
        raise ValueError(f"frames per second must be above 0, got {rate_hz}")
    return np.rint(spans.astype(np.float64) * rate_hz).astype(np.int64)


def from_chunks(chunks: Int[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Spans of DiDeMo's 5-second chunks ``[first, last]``, inclusive, in seconds.

    >>> from_chunks(np.array([[0, 0], [1, 2]]))
    array([[ 0.,  5.],
           [ 5., 15.]])
    """
    seconds: Float[np.ndarray, "n 2"] = (chunks + np.array([0, 1])) * CHUNK_S
    return seconds
