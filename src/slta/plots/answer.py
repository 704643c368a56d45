"""Plot of an answer: frames, relevance, moments and attention."""

from math import ceil, inf
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from slta import video
from slta.errors import InputError
from slta.files import check_writable, whole_file
from slta.moments import clock
from slta.plots.sheet import (
    BODY_IN,
    DPI,
    INK,
    LEFT_IN,
    LINE,
    PINK,
    QUIET,
    SANS,
    SMALL,
    TEXT,
    Sheet,
    best_frame,
    draw_best_frame,
    draw_moment,
    fold,
    pixels,
    spread_out,
    wide_in,
)
from slta.search.answers import Answer

STRIP_IN, LEADER_IN, CURVE_IN, AXIS_IN = 0.5, 0.2, 1.6, 0.56
TITLE = 14.0
GREY, PALE = "#8c8c8c", "#d0d0d0"
BLUE = "#0072b2"
"""Distinguishable from ``PINK`` for the colour-blind."""
MOST_PARTS = 14
"""Maximum number of bars; the largest weights are shown."""
STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800)
# No dates, so that the same answer always gives the same file.
METADATA: Final[dict[str, dict[str, Any]]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


def draw(path: str | Path, answer: Answer, out: str | Path) -> None:
    """Plots an answer as PNG, SVG or PDF, by the suffix of ``out``."""
    out = Path(out)
    kind = out.suffix.lower()
    if kind not in METADATA:
        known = ", ".join(METADATA)
        raise InputError(f"{out} cannot be drawn: give it one of the suffixes {known}")
    check_writable(out)
    picture = figure(path, answer)
    try:
        with whole_file(out) as unfinished:
            picture.savefig(
                unfinished, format=kind[1:], metadata=METADATA[kind], dpi=DPI
            )
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror or error}): "
            "give another name or folder, or make room"
        ) from None


def figure(path: str | Path, answer: Answer) -> Figure:
    """The plot of an answer as a figure."""
    path = Path(path)
    sheet = Sheet("".join([answer.query, path.name, *answer.parts]))
    colour = BLUE if answer.is_clear else GREY
    match = f"confidence {answer.shown_confidence(2):.2f}"
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
    right_in = draw_best_frame(sheet, path, answer, best)
    bottom_in, sheet.down_in = sheet.down_in, top_in
    _parts(sheet, answer, right_in + 0.4, colour)
    sheet.down_in = max(sheet.down_in, bottom_in)
    draw_moment(sheet, path, answer)
    return sheet.finished()


def _strip(sheet: Sheet, path: Path, answer: Answer) -> None:
    """Frames side by side, each from the centre of the time that it covers."""
    length_s = answer.video.duration_s
    aspect = answer.video.width / answer.video.height
    count = max(1, round(BODY_IN / STRIP_IN / aspect))
    width_in = BODY_IN / count
    edges_s = np.linspace(0, length_s, count + 1)
    centres_s = (edges_s[1:] + edges_s[:-1]) / 2
    film = video.frames(path, at=centres_s, size=pixels(width_in, width_in / aspect))
    axes = sheet.axes("strip", BODY_IN, width_in / aspect)
    for image, start, end in zip(film.images, edges_s[:-1], edges_s[1:], strict=True):
        axes.imshow(image, extent=(start, end, 0, 1), aspect="auto")
    axes.vlines(edges_s[1:-1], 0, 1, color="white", linewidth=1)
    axes.set(xlim=(0, length_s), ylim=(0, 1))


def _labels(sheet: Sheet, answer: Answer, colour: str) -> None:
    """Rank, span and score in temporal order, with lines to the centres of the spans."""
    moments, inch_s = answer.moments, answer.video.duration_s / BODY_IN
    texts, width_in = _texts(answer, "–")
    if len(texts) * width_in > BODY_IN:
        texts, width_in = _texts(answer, "–\n")
    best = range(min(len(texts), int(BODY_IN / width_in)))
    centres_in = [(m.span.start + m.span.end) / 2 / inch_s for m in moments]
    order = sorted(best, key=centres_in.__getitem__)
    places_in = spread_out([centres_in[i] for i in order], width_in, BODY_IN)
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
        ends = [x, LEFT_IN + centres_in[i]], [-line_in - 0.03, -sheet.down_in]
        sheet.paper.plot(*ends, color=colour, linewidth=0.6)


def _texts(answer: Answer, dash: str) -> tuple[list[str], float]:
    """Labels of the moments, and the width of the widest in inches."""
    texts = [
        f"{clock(moment.span.start)}{dash}{clock(moment.span.end)}\nscore {score:.2f}"
        for moment, score in zip(answer.moments, answer.shown_scores(2), strict=True)
    ]
    lines = [line for text in texts for line in text.splitlines()]
    return texts, max(wide_in(line, [SANS], SMALL) for line in lines) + 0.1


def _curve(sheet: Sheet, answer: Answer, best: int, colour: str) -> None:
    length_s, curve = answer.video.duration_s, answer.relevance
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
    line.set_label(answer.terms.line)
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
    axes.set_ylabel(f"relevance ({answer.terms.relevance})", **style)
    key = axes.legend(handles=[line], frameon=False, borderaxespad=0, borderpad=0)
    key.set_loc("upper right")
    key.set_bbox_to_anchor((1, -0.222 / CURVE_IN), transform=axes.transAxes)
    key.get_texts()[0].set(**style)
    sheet.down_in += AXIS_IN


def _parts(sheet: Sheet, answer: Answer, left_in: float, colour: str) -> None:
    """The parts of the query, with bars of their weights."""
    weights, right_in = answer.part_weights, LEFT_IN + BODY_IN
    shown = np.sort(np.argsort(-weights, kind="stable")[:MOST_PARTS])
    sheet.write(f"Weight of each {answer.terms.part}", TEXT, left_in)
    note = "shares, together 1.00"
    if len(shown) < len(weights):
        note = f"the greatest {len(shown)} of {len(weights)} shares, all together 1.00"
    sheet.write(note, SMALL, left_in, color=QUIET)
    sheet.down_in += 0.06
    lines = [fold(answer.parts[i], sheet.fonts, TEXT, inf)[0] for i in shown]
    widest_in = max(wide_in(line, sheet.fonts, TEXT) for line in lines)
    beside = widest_in < (right_in - left_in) * 0.4
    bars_in = left_in + (widest_in + 0.1 if beside else 0)
    scale_in = (right_in - bars_in - 0.3) / weights.max()
    for i in shown:
        top_in = sheet.down_in
        sheet.write(answer.parts[i], TEXT, left_in)
        y = -0.05 - (top_in if beside else sheet.down_in)
        end_in = bars_in + weights[i] * scale_in
        sheet.paper.barh(y, weights[i] * scale_in, 0.08, bars_in, color=colour)
        style: dict[str, Any] = {"color": QUIET, "size": SMALL, "family": SANS}
        sheet.paper.text(
            end_in + 0.05, y, f"{weights[i]:.2f}", va="center_baseline", **style
        )
        sheet.down_in += 0.02 if beside else 0.2
