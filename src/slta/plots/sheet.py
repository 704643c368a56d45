"""Plots that are laid out in inches, and rows of frames on them.

Lengths are in inches (``_in``). Text may contain any characters.
"""

from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.textpath import text_to_path

from slta import video
from slta.moments import clock
from slta.search.answers import Answer

WIDTH_IN: Final = 8.0
DPI: Final = 200
LEFT_IN, RIGHT_IN, EDGE_IN = 0.6, 0.25, 0.2
BODY_IN: Final = WIDTH_IN - LEFT_IN - RIGHT_IN
LINE: Final = 1.35 / 72
"""Line height in inches for font size 1."""
INK: Final = "#222222"
SANS, LAST_RESORT = "DejaVu Sans", "Last Resort High-Efficiency"


@final
class Sheet:
    """The figure, and how far it is filled; x and y in inches, y downwards from 0."""

    def __init__(self, text: str) -> None:
        """``text`` contains all characters for which fonts are needed."""
        self.fonts = fonts(text)
        self.figure = Figure(dpi=DPI, facecolor="white")
        self.paper = self.figure.add_axes((0, 0, 1, 1))
        self.paper.set_axis_off()
        self.down_in = EDGE_IN

    def axes(self, name: str, width_in: float, high_in: float) -> Axes:
        """Axes without frame at the left, below the content."""
        self.down_in += high_in
        bounds = (LEFT_IN, -self.down_in, width_in, high_in)
        inches = self.paper.transData
        axes = self.paper.inset_axes(bounds, transform=inches, label=name)
        axes.set_axis_off()
        return axes

    def write(self, text: str, size: float, left_in: float, **style: Any) -> None:
        """A paragraph below the content, from ``left_in`` to the right margin."""
        style = {"color": INK, "va": "top", "family": self.fonts} | style
        for line in fold(text, self.fonts, size, LEFT_IN + BODY_IN - left_in):
            self.paper.text(
                left_in, -self.down_in, line, size=size, parse_math=False, **style
            )
            self.down_in += size * LINE

    def finished(self) -> Figure:
        high_in = ceil((self.down_in + EDGE_IN) * DPI) / DPI
        self.figure.set_size_inches(WIDTH_IN, high_in)
        self.paper.set(xlim=(0, WIDTH_IN), ylim=(-high_in, 0))
        return self.figure


def spread_out(
    wanted: Sequence[float], gap: float, end: float
) -> Float[np.ndarray, " n"]:
    """Positions at least ``gap`` apart, nearest in least squares to the ascending ``wanted``
    ones, and half a gap away from 0 and ``end``.
    """
    groups: list[tuple[float, int]] = []
    for i, place in enumerate(wanted):
        mean, count = place - i * gap, 1
        while groups and groups[-1][0] >= mean:
            other, more = groups.pop()
            mean = (mean * count + other * more) / (count + more)
            count += more
        groups.append((mean, count))
    steps = gap * np.arange(len(wanted))
    means = np.concatenate([np.full(count, mean) for mean, count in groups])
    return np.asarray(np.clip(means, gap / 2, end - gap / 2 - steps[-1]) + steps)


def fonts(text: str) -> list[str]:
    """Font families for the characters of a text; the last has a box for any."""
    missing = {ord(character) for character in _plain(text)}
    upright = {
        (font.name, font.fname)
        for font in fontManager.ttflist
        if font.style == "normal" and font.weight == 400
    }
    found = [SANS]
    for name, file in sorted(upright, key=lambda font: (font[0] != SANS, font)):
        if missing and name != LAST_RESORT:
            with suppress(RuntimeError):  # a file that is not a font
                here = missing & get_font(file).get_charmap().keys()
                found += [name] * bool(here)
                missing -= here
    return [*dict.fromkeys(found), LAST_RESORT]


def fold(text: str, families: list[str], size: float, width_in: float) -> list[str]:
    """The lines of a paragraph of at most that width."""
    text = _plain(text)
    letters = len(text) + 1
    while True:
        lines = wrap(text, letters) or [""]
        widest_in = max(wide_in(line, families, size) for line in lines)
        if widest_in <= width_in or letters == 1:
            return lines
        letters = max(1, min(letters - 1, int(letters * width_in / widest_in)))


def _plain(text: str) -> str:
    """Text without line breaks and lone surrogates, which odd file names may have."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())


def wide_in(text: str, families: list[str], size: float) -> float:
    font = FontProperties(family=families, size=size)
    return text_to_path.get_text_width_height_descent(text, font, False)[0] / 72


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
