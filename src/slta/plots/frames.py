"""Frames of an answer, with the attention over regions in colour."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from slta import video
from slta.moments import clock
from slta.plots.sheet import BODY_IN, DPI, LEFT_IN, LINE, SANS, Sheet, wide_in
from slta.search.answers import Answer

FRAME_IN, SMALL_FRAME_IN, GAP_IN = 2.2, 1.28, 0.12
SIDE_BY_SIDE = 4
"""Maximum frames of the best moment."""
TEXT, SMALL = 8.0, 7.0
QUIET = "#666666"
PINK = "#d6007f"
"""A colour that is rare in videos."""
HILL = 0.4
"""Standard deviation of a region's Gaussian, as a fraction of its side."""


def draw_best_frame(sheet: Sheet, path: Path, answer: Answer, best: int) -> float:
    """Draws the best frame with its attention; returns the right edge of its column."""
    aspect = answer.video.width / answer.video.height
    high_in = min(FRAME_IN, BODY_IN / 2 / aspect)
    width_in = high_in * aspect
    time_s = float(answer.times_s[best])
    sheet.paper.plot(
        LEFT_IN + 0.05, -sheet.down_in - 0.055, "o", color=PINK, markersize=4
    )
    sheet.write(f"Best frame of moment 1, {clock(time_s)}", TEXT, LEFT_IN + 0.15)
    note = "pink: attention over regions"
    sheet.write(note, SMALL, LEFT_IN, color=QUIET)
    sheet.down_in += 0.06
    axes = sheet.axes("frame", width_in, high_in)
    axes.set(xlim=(0, width_in), ylim=(high_in, 0))
    _show(axes, path, answer, np.array([best]), [0.0], (width_in, high_in))
    return LEFT_IN + max(width_in, 2.4)


def draw_moment(sheet: Sheet, path: Path, answer: Answer) -> None:
    """Draws frames of the best moment with their attention, if it has several."""
    numbers = some_frames(answer)
    if len(numbers) < 2:
        return
    aspect = answer.video.width / answer.video.height
    room_in = (BODY_IN + GAP_IN) / SIDE_BY_SIDE - GAP_IN
    width_in = min(room_in, SMALL_FRAME_IN * aspect)
    high_in = width_in / aspect
    times = [clock(float(answer.times_s[number])) for number in numbers]
    widest_in = max(wide_in(time, [SANS], SMALL) for time in times)
    step_in = max(width_in, widest_in) + GAP_IN
    lefts_in = [step_in * place for place in range(len(numbers))]
    sheet.down_in += 0.12
    sheet.write("Frames of moment 1", TEXT, LEFT_IN)
    for left_in, time in zip(lefts_in, times, strict=True):
        style: dict[str, Any] = {"color": QUIET, "size": SMALL, "family": SANS}
        sheet.paper.text(LEFT_IN + left_in, -sheet.down_in, time, va="top", **style)
    sheet.down_in += SMALL * LINE + 0.03
    axes = sheet.axes("moment", BODY_IN, high_in)
    axes.set(xlim=(0, BODY_IN), ylim=(high_in, 0))
    _show(axes, path, answer, numbers, lefts_in, (width_in, high_in))


def _show(
    axes: Axes,
    path: Path,
    answer: Answer,
    numbers: Int[np.ndarray, " n"],
    lefts_in: list[float],
    size_in: tuple[float, float],
) -> None:
    """Draws frames with their attention."""
    size = pixels(*size_in)
    film = video.frames(path, at=answer.times_s[numbers], size=size)
    for image, number, left_in in zip(film.images, numbers, lefts_in, strict=True):
        weights = heat(answer.boxes[number], answer.region_weights[number], size)
        style: dict[str, Any] = {
            "extent": (left_in, left_in + size_in[0], size_in[1], 0),
            "aspect": "auto",
        }
        axes.imshow(image, **style)
        axes.imshow(weights, cmap=ListedColormap([PINK]), alpha=0.55 * weights, **style)


def best_frame(answer: Answer) -> int:
    """Index of the most relevant frame of the best moment, of equal ones the most central."""
    span, frames = answer.moments[0].span, _inside(answer)
    if len(frames) == 0:  # the moment lies between two frames
        frames = np.arange(len(answer.times_s))
    else:
        frames = frames[answer.relevance[frames] == answer.relevance[frames].max()]
    distance_s = np.abs(answer.times_s[frames] - (span.start + span.end) / 2)
    return int(frames[distance_s.argmin()])


def some_frames(answer: Answer) -> Int[np.ndarray, " n"]:
    """Indices of frames of the best moment, from its first to its last."""
    inside = _inside(answer)
    count = min(SIDE_BY_SIDE, len(inside))
    return inside[np.linspace(0, len(inside) - 1, count).round().astype(int)]


def _inside(answer: Answer) -> Int[np.ndarray, " n"]:
    span, times_s = answer.moments[0].span, answer.times_s
    return np.flatnonzero((span.start <= times_s) & (times_s < span.end))


def heat(
    boxes: Float[np.ndarray, "r 4"],
    weights: Float[np.ndarray, " r"],
    size: tuple[int, int],
) -> Float[np.ndarray, "h w"]:
    """Heat map of region weights: a Gaussian for each box, with a maximum of 1.

    Gaussians are reflected at the edges, so that regions that tile the frame with equal
    weights give a nearly uniform map. ``size`` is (width, height).
    """
    boxes = np.asarray(boxes, np.float64)
    hills = []
    for axis, length in enumerate(size):
        start, end = boxes[:, axis, None], boxes[:, axis + 2, None]
        places, middle = (np.arange(length) + 0.5) / length, (start + end) / 2
        away = [(places - at) / (end - start) for at in (middle, -middle, 2 - middle)]
        hills.append(np.exp(-0.5 * (np.array(away) / HILL) ** 2).sum(axis=0))
    heights = np.einsum("r,rw,rh->hw", weights, *hills)
    return np.asarray(heights / heights.max())


def pixels(width_in: float, high_in: float) -> tuple[int, int]:
    return max(1, round(width_in * DPI)), max(1, round(high_in * DPI))
