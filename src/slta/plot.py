"""One picture of an answer: the film, its relevance, the moments, what was looked at."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from slta import video
from slta.errors import InputError
from slta.moments import Moment, clock
from slta.search import Answer
from slta.sheet import (
    BODY_IN,
    DPI,
    INK,
    LEFT_IN,
    LINE,
    SANS,
    Sheet,
    spread_out,
    wide_in,
)

STRIP_IN, LEADER_IN, CURVE_IN, AXIS_IN, FRAME_IN = 0.5, 0.2, 1.6, 0.56, 2.2
TITLE, TEXT, SMALL = 14.0, 8.0, 7.0
QUIET, GREY, PALE = "#666666", "#8c8c8c", "#d0d0d0"
# Two colours that the colour-blind can tell apart; pink is rare in films.
BLUE, PINK = "#0072b2", "#d6007f"
STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800)
# Empties what the formats would say of the hour, so that an answer makes one file.
METADATA: Final[dict[str, dict[str, Any]]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


def draw(path: str | Path, answer: Answer, out: str | Path) -> None:
    """Writes the picture of an answer, as PNG, SVG or PDF by the suffix of ``out``."""
    out = Path(out)
    kind = out.suffix.lower()
    if kind not in METADATA:
        known = ", ".join(METADATA)
        raise InputError(f"{out} cannot be drawn: give it one of the suffixes {known}")
    if out.is_dir():
        raise InputError(f"{out} is a folder: name a file to write")
    if not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: make the folder {out.parent} first")
    picture = figure(path, answer)
    part = out.with_name(f".{secrets.token_hex(8)}.part")
    try:
        picture.savefig(part, format=kind[1:], metadata=METADATA[kind], dpi=DPI)
        part.replace(out)
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror or error}): "
            "give another name or folder, or make room"
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def figure(path: str | Path, answer: Answer) -> Figure:
    """The picture of an answer, to look into or to save."""
    path = Path(path)
    sheet = Sheet("".join([answer.query, path.name, *answer.phrases]))
    colour = BLUE if answer.is_clear else GREY
    match = f"confidence {answer.confidence:.2f}"
    match = f"clear match, {match}" if answer.is_clear else f"no clear match ({match})"
    length = clock(answer.video.duration_s)
    sheet.write(answer.query, TITLE, LEFT_IN)
    sheet.down_in += 0.04
    sheet.write(f"{path.name}, {length}: {match}", TEXT, LEFT_IN, color=QUIET)
    sheet.down_in += 0.12
    _strip(sheet, path, answer)
    _labels(sheet, answer, colour)
    best = best_frame(answer)
    _curve(sheet, answer, best, colour)
    top_in = sheet.down_in
    right_in = _frame(sheet, path, answer, best)
    bottom_in, sheet.down_in = sheet.down_in, top_in
    _phrases(sheet, answer, right_in + 0.4, colour)
    sheet.down_in = max(sheet.down_in, bottom_in)
    return sheet.finished()


def _strip(sheet: Sheet, path: Path, answer: Answer) -> None:
    """Frames side by side, each the one in the middle of the time that it covers."""
    length_s = answer.video.duration_s
    aspect = answer.video.width / answer.video.height
    count = max(1, round(BODY_IN / STRIP_IN / aspect))
    width_in = BODY_IN / count
    edges_s = np.linspace(0, length_s, count + 1)
    middles_s = (edges_s[1:] + edges_s[:-1]) / 2
    film = video.frames(path, at=middles_s, size=_pixels(width_in, width_in / aspect))
    axes = sheet.axes("strip", BODY_IN, width_in / aspect)
    for image, start, end in zip(film.images, edges_s[:-1], edges_s[1:], strict=True):
        axes.imshow(image, extent=(start, end, 0, 1), aspect="auto")
    axes.vlines(edges_s[1:-1], 0, 1, color="white", linewidth=1)
    axes.set(xlim=(0, length_s), ylim=(0, 1))


def _labels(sheet: Sheet, answer: Answer, colour: str) -> None:
    """Rank, span and score, in the order of time, led to the middle of the span."""
    moments, inch_s = answer.moments, answer.video.duration_s / BODY_IN
    texts, width_in = _texts(moments, "–")
    if len(texts) * width_in > BODY_IN:
        texts, width_in = _texts(moments, "–\n")
    best = range(min(len(texts), int(BODY_IN / width_in)))
    middles_in = [(m.span.start + m.span.end) / 2 / inch_s for m in moments]
    order = sorted(best, key=middles_in.__getitem__)
    places_in = spread_out([middles_in[i] for i in order], width_in, BODY_IN)
    top_in = sheet.down_in + 0.06
    text_in = top_in + TEXT * LINE
    line_in = text_in + (texts[0].count("\n") + 1) * SMALL * LINE
    sheet.down_in = line_in + LEADER_IN
    style: dict[str, Any] = {"ha": "center", "va": "top", "family": SANS}
    for i, place_in in zip(order, places_in, strict=True):
        x, rank = LEFT_IN + place_in, str(i + 1)
        sheet.paper.text(
            x, -top_in, rank, size=TEXT, weight="bold", color=colour, **style
        )
        sheet.paper.text(x, -text_in, texts[i], size=SMALL, color=INK, **style)
        ends = [x, LEFT_IN + middles_in[i]], [-line_in - 0.03, -sheet.down_in]
        sheet.paper.plot(*ends, color=colour, linewidth=0.6)


def _texts(moments: Sequence[Moment], dash: str) -> tuple[list[str], float]:
    """What to write at the moments, and how wide the widest is, in inches."""
    texts = [
        f"{clock(moment.span.start)}{dash}{clock(moment.span.end)}\n"
        f"score {moment.score:.2f}"
        for moment in moments
    ]
    lines = [line for text in texts for line in text.splitlines()]
    return texts, max(wide_in(line, [SANS], SMALL) for line in lines) + 0.1


def _curve(sheet: Sheet, answer: Answer, best: int, colour: str) -> None:
    length_s, curve = answer.video.duration_s, answer.relevance.curve
    axes = sheet.axes("curve", BODY_IN, CURVE_IN)
    axes.set_axis_on()
    for rank, moment in enumerate(answer.moments, start=1):
        span = axes.axvspan(moment.span.start, moment.span.end, color=colour)
        span.set(
            label=f"moment {rank}", alpha=0.3 if rank == 1 else 0.15, linewidth=0.8
        )
    (run,) = axes.plot([*answer.times_s, length_s], [*curve, curve[-1]])
    run.set(color=INK if answer.is_clear else GREY, label="relevance")
    run.set_linewidth(1.0 if len(curve) < 1000 else 0.5)
    line = axes.axhline(answer.line, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    line.set_label("above it a frame belongs to a moment")
    (dot,) = axes.plot(answer.times_s[best], curve[best], "o", color=PINK, markersize=4)
    dot.set(label="best frame", clip_on=False)
    axes.margins(y=0.08)
    axes.set_xlim(0, length_s)
    step_s = next(
        (step for step in STEPS_S if length_s / step <= 10),
        3600 * ceil(length_s / 36000),
    )
    shown = slice(None) if step_s < 1 else slice(-2)
    axes.xaxis.set_major_locator(MultipleLocator(step_s))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: clock(x)[shown]))
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set(color=PALE)
    axes.tick_params(color=PALE, length=3, labelcolor=QUIET, labelsize=SMALL)
    axes.tick_params(labelfontfamily=SANS)
    style: dict[str, Any] = {"color": QUIET, "size": SMALL, "family": SANS}
    axes.set_xlabel("time (m:ss)" if length_s < 3600 else "time (h:mm:ss)", **style)
    axes.set_ylabel("relevance\n(standard deviations)", **style)
    key = axes.legend(handles=[line], frameon=False, borderaxespad=0, borderpad=0)
    key.set_loc("upper right")
    key.set_bbox_to_anchor((1, -0.222 / CURVE_IN), transform=axes.transAxes)
    key.get_texts()[0].set(**style)
    sheet.down_in += AXIS_IN


def _frame(sheet: Sheet, path: Path, answer: Answer, best: int) -> float:
    """The best frame and where in it was looked; says where its column ends."""
    aspect = answer.video.width / answer.video.height
    high_in = min(FRAME_IN, BODY_IN / 2 / aspect)
    width_in = high_in * aspect
    time_s, size = float(answer.times_s[best]), _pixels(width_in, high_in)
    image = video.frames(path, at=[time_s], size=size).images[0]
    weights = heat(answer.boxes[best], answer.relevance.region_weights[best], size)
    sheet.paper.plot(
        LEFT_IN + 0.05, -sheet.down_in - 0.055, "o", color=PINK, markersize=4
    )
    sheet.write(f"Best frame of moment 1, {clock(time_s)}", TEXT, LEFT_IN + 0.15)
    note = "pink: where in it the sentence was looked for"
    sheet.write(note, SMALL, LEFT_IN, color=QUIET)
    sheet.down_in += 0.06
    axes = sheet.axes("frame", width_in, high_in)
    style: dict[str, Any] = {"extent": (0, 1, 1, 0), "aspect": "auto"}
    axes.imshow(image, **style)
    axes.imshow(weights, cmap=ListedColormap([PINK]), alpha=0.55 * weights, **style)
    return LEFT_IN + max(width_in, 2.4)


def _phrases(sheet: Sheet, answer: Answer, left_in: float, colour: str) -> None:
    weights = answer.relevance.phrase_weights
    sheet.write("Weight of each phrase", TEXT, left_in)
    sheet.write("shares, together 1.00", SMALL, left_in, color=QUIET)
    sheet.down_in += 0.06
    scale_in = (LEFT_IN + BODY_IN - left_in - 0.3) / weights.max()
    for phrase, weight in zip(answer.phrases, weights, strict=True):
        sheet.write(phrase, TEXT, left_in)
        y, end_in = -sheet.down_in - 0.05, left_in + weight * scale_in
        sheet.paper.barh(y, weight * scale_in, 0.08, left_in, color=colour)
        style: dict[str, Any] = {"color": QUIET, "size": SMALL, "family": SANS}
        sheet.paper.text(
            end_in + 0.05, y, f"{weight:.2f}", va="center_baseline", **style
        )
        sheet.down_in += 0.2


def best_frame(answer: Answer) -> int:
    """Index of the most relevant frame of the best moment."""
    span, times_s = answer.moments[0].span, answer.times_s
    inside = np.flatnonzero((span.start <= times_s) & (times_s < span.end))
    if len(inside) == 0:  # the moment lies between two frames
        return int(np.abs(times_s - (span.start + span.end) / 2).argmin())
    return int(inside[answer.relevance.curve[inside].argmax()])


def heat(
    boxes: Float[np.ndarray, "r 4"],
    weights: Float[np.ndarray, " r"],
    size: tuple[int, int],
) -> Float[np.ndarray, "h w"]:
    """The weights of regions, each a soft hill over its box; the most is 1.

    ``size`` is (width, height).
    """
    boxes = np.asarray(boxes, np.float64)
    hills = []
    for axis, length in enumerate(size):
        start, end = boxes[:, axis, None], boxes[:, axis + 2, None]
        places = (np.arange(length) + 0.5) / length
        away = (places - (start + end) / 2) / (end - start)
        hills.append(np.exp(-0.5 * (away / 0.3) ** 2))
    heights = np.einsum("r,rw,rh->hw", weights, *hills)
    return np.asarray(heights / heights.max())


def _pixels(width_in: float, high_in: float) -> tuple[int, int]:
    return max(1, round(width_in * DPI)), max(1, round(high_in * DPI))
