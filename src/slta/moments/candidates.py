"""From a video's length to the spans that a model is asked to score."""

from collections.abc import Sequence
from math import ceil, floor, inf

import numpy as np
from jaxtyping import Float, Int

from slta.moments.spans import CHUNK_S, clamp, from_chunks

CHUNKS = 6

# Share of a step, or of a chunk, that is too short to be worth one more candidate:
# rounding must never give a second window in the same place.
SLACK = 1e-6


RELEASED_HZ = 3.0
"""The SLTA release counts time in frames at this rate."""
RELEASED_STEPS = {16: 4, 32: 6, 48: 10, 64: 12, 128: 25}
"""Its windows, and how far the next one of a length begins after one: a fifth of the
length, rounded in one way or the other."""


def windows(
    duration_s: float, *, lengths_s: Sequence[float], overlap: float = 0.8
) -> Float[np.ndarray, "n 2"]:
    """Sliding windows of each length over the whole video, sorted by start, then end.

    ``overlap`` is the share of a window that the next one repeats. The last window of
    a length ends with the video, so it may repeat more. A length that the video does
    not reach gives the whole video, once.

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
        np.concatenate([_slide(duration_s, each, overlap) for each in lengths_s]),
        axis=0,
    )


def released(
    frames: int, lengths: Sequence[int] = (16, 32, 48, 64)
) -> Int[np.ndarray, "n 2"]:
    """The SLTA release's windows over so many frames, sorted by start, then end.

    They are numbered as its files are named: the first starts at 1, and the end is the
    number after the last frame. A length that does not fit gives none.

    >>> released(24, [16, 32]).tolist()
    [[1, 17], [5, 21], [9, 25]]
    """
    if unknown := [length for length in lengths if length not in RELEASED_STEPS]:
        known = ", ".join(map(str, RELEASED_STEPS))
        raise ValueError(
            f"the release has no windows of {unknown[0]} frames; its lengths are {known}"
        )
    found = [
        (start, start + length)
        for length in lengths
        for start in range(1, frames - length + 2, RELEASED_STEPS[length])
    ]
    return np.unique(np.array(found, np.int64).reshape(-1, 2), axis=0)


def released_frames(duration_s: float) -> int:
    """How many frames the release has of a video: two more than fill it.

    Fitted to the windows of its training pairs; docs/results/charades-sta.md says how well.
    """
    _check_duration(duration_s)
    return floor(RELEASED_HZ * duration_s + 0.25) + 2


def didemo(duration_s: float) -> Float[np.ndarray, "n 2"]:
    """DiDeMo's moments: every run of whole chunks of 5 s, 21 for six chunks.

    A video is cut at 30 s. Its last chunk may be shorter, and a shorter video has
    fewer chunks (Hendricks et al., Localizing Moments in Video with Natural Language,
    ICCV 2017).

    >>> didemo(12.0).tolist()
    [[0.0, 5.0], [0.0, 10.0], [0.0, 12.0], [5.0, 10.0], [5.0, 12.0], [10.0, 12.0]]
    """
    return clamp(from_chunks(didemo_chunks(duration_s)), duration_s)


def didemo_chunks(duration_s: float) -> Int[np.ndarray, "n 2"]:
    """The first and the last chunk of each of DiDeMo's moments, in the same order.

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
        raise ValueError(
            f"a video needs a length above 0 s to have candidates, got {duration_s} s"
        )
