"""Candidate spans of a video, by its length."""

from collections.abc import Sequence
from math import ceil, floor, inf

import numpy as np
from jaxtyping import Float, Int

from slta.moments.spans import CHUNK_S, clamp, from_chunks

CHUNKS = 6

# Share of a step or chunk below which no further candidate begins, so that rounding never
# gives the same window twice.
SLACK = 1e-6


RELEASED_HZ = 3.0
"""Frames per second of the SLTA release, which counts time in frames."""
RELEASED_STEPS = {16: 4, 32: 6, 48: 10, 64: 12, 128: 25}
"""Window lengths of the SLTA release with the stride of each, about a fifth, in frames."""


def windows(
    duration_s: float, *, lengths_s: Sequence[float], overlap: float = 0.8
) -> Float[np.ndarray, "n 2"]:
    """Sliding windows of each length over the video in seconds, sorted by start, then end.

    Consecutive windows share ``overlap`` of their length; the last window of a length ends
    with the video and may share more. A length above the video's gives the whole video.

    >>> windows(10.0, lengths_s=[8.0, 60.0], overlap=0.5)
    array([[ 0.,  8.],
           [ 0., 10.],
           [ 2., 10.]])
    """
    _check_duration(duration_s)
    if not lengths_s:
        raise ValueError("windows need at least one length in seconds, got none")
    for length_s in lengths_s:
        if not 0 < length_s < inf:
            raise ValueError(
                f"a window needs a length above 0 s, got {length_s} in {lengths_s}"
            )
    if not 0 <= overlap < 1:
        raise ValueError(
            f"overlap must be in [0, 1), got {overlap}; "
            "0.8 repeats four fifths of a window in the next"
        )
    return np.unique(
        np.concatenate(
            [_slide(duration_s, length_s, overlap) for length_s in lengths_s]
        ),
        axis=0,
    )


def released(
    frames: int, lengths: Sequence[int] = (16, 32, 48, 64)
) -> Int[np.ndarray, "n 2"]:
    """Windows of the SLTA release over ``frames`` frames, sorted by start, then end.

    Frames are counted from 1, and the end is exclusive, as in its file names. A length
    above ``frames`` gives no window.

    >>> released(24, [16, 32]).tolist()
    [[1, 17], [5, 21], [9, 25]]
    """
    if unknown := [length for length in lengths if length not in RELEASED_STEPS]:
        valid = ", ".join(map(str, RELEASED_STEPS))
        raise ValueError(
            f"the release has no windows of {unknown[0]} frames; give {valid}"
        )
    spans = [
        (start, start + length)
        for length in lengths
        for start in range(1, frames - length + 2, RELEASED_STEPS[length])
    ]
    return np.unique(np.array(spans, np.int64).reshape(-1, 2), axis=0)


def released_frames(duration_s: float) -> int:
    """Number of frames that the SLTA release has of a video of that length.

    Fitted to the windows of its training pairs; docs/results/charades-sta.md says how well.
    """
    _check_duration(duration_s)
    return floor(RELEASED_HZ * duration_s + 0.25) + 2


def didemo(duration_s: float) -> Float[np.ndarray, "n 2"]:
    """DiDeMo's candidates in seconds: every run of 5-second chunks, 21 for six chunks.

    A video is cut at 30 s; its last chunk may be shorter (Hendricks et al., Localizing
    Moments in Video with Natural Language, ICCV 2017).

    >>> didemo(12.0).tolist()
    [[0.0, 5.0], [0.0, 10.0], [0.0, 12.0], [5.0, 10.0], [5.0, 12.0], [10.0, 12.0]]
    """
    return clamp(from_chunks(didemo_chunks(duration_s)), duration_s)


def didemo_chunks(duration_s: float) -> Int[np.ndarray, "n 2"]:
    """First and last chunk of each candidate of ``didemo``, in the same order.

    >>> didemo_chunks(6.0).tolist()
    [[0, 0], [0, 1], [1, 1]]
    """
    _check_duration(duration_s)
    chunks = min(CHUNKS, max(1, ceil(duration_s / CHUNK_S - SLACK)))
    first, last = np.triu_indices(chunks)
    return np.stack([first, last], axis=1)


def _slide(
    duration_s: float, length_s: float, overlap: float
) -> Float[np.ndarray, "n 2"]:
    step_s = length_s * (1 - overlap)
    steps = ceil((duration_s - length_s) / step_s - SLACK)
    if steps < 1:
        return np.array([[0.0, duration_s]])
    starts = np.append(step_s * np.arange(steps), duration_s - length_s)
    ends = np.append(starts[:-1] + length_s, duration_s)
    return np.stack([starts, ends], axis=1)


def _check_duration(duration_s: float) -> None:
    if not 0 < duration_s < inf:
        raise ValueError(f"the length of a video must be above 0 s, got {duration_s} s")
