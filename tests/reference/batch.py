"""Frames and clips of a span, frame by frame, in exact time."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Found(NamedTuple):
    inside: list[int]
    clips: list[Float[np.ndarray, " d"]]
    place: tuple[Fraction, Fraction]
    whole: Float[np.ndarray, " d"]


def candidate(
    frames: Float[np.ndarray, "t d"],
    start: Fraction,
    end: Fraction,
    *,
    rate_hz: Fraction,
    context_s: Fraction,
) -> Found:
    times = [Fraction(i) / rate_hz for i in range(len(frames))]
    inside = [i for i, time in enumerate(times) if start <= time < end]
    if not inside:
        middle = (start + end) / 2
        inside = [min(range(len(times)), key=lambda i: abs(times[i] - middle))]
    before = [
        i
        for i, time in enumerate(times)
        if start - context_s <= time < start and i < inside[0]
    ]
    after = [
        i
        for i, time in enumerate(times)
        if end <= time < end + context_s and i > inside[-1]
    ]
    end_of_video = len(frames) / rate_hz
    return Found(
        inside,
        [_mean(frames, part or inside) for part in (before, inside, after)],
        (min(start / end_of_video, Fraction(1)), min(end / end_of_video, Fraction(1))),
        _mean(frames, range(len(frames))),
    )


def _mean(
    frames: Float[np.ndarray, "t d"], numbers: Sequence[int]
) -> Float[np.ndarray, " d"]:
    total = np.zeros(frames.shape[1])
    for number in numbers:
        total = total + frames[number].astype(np.float64)
    return total / len(numbers)
