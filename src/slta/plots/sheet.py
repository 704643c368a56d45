"""A figure that is filled with text and axes from the top, with a variable height.

Lengths are in inches (``_in``). Text may contain any characters.
"""

from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from textwrap import wrap
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.textpath import text_to_path

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
