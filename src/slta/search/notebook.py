"""An answer as HTML for notebooks: moments, and relevance over time."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from slta.evaluation.result import table, text
from slta.moments import clock

if TYPE_CHECKING:
    from slta.search.answers import Answer

WIDTH, HEIGHT = 640, 110
POINTS = 600
"""Maximum points of the curve; of more frames the most relevant ones are drawn."""
MARKED = 5
"""Maximum number of marked moments."""


def html(answer: "Answer") -> str:
    """Self-contained, escaped HTML."""
    clear = "clear match" if answer.is_clear else "no clear match"
    colour = "#2a7d3f" if answer.is_clear else "#b06000"
    rows = [
        (rank, clock(moment.span.start), clock(moment.span.end), f"{score:.2f}")
        for rank, (moment, score) in enumerate(
            zip(answer.moments, answer.shown_scores(2), strict=True), start=1
        )
    ]
    parts = [
        (part, f"{weight:.2f}")
        for part, weight in zip(answer.parts, answer.part_weights, strict=True)
    ]
    notes = "".join(f"<p>{text(note)}</p>" for note in answer.notes)
    return (
        f"<div><p><b>{text(answer.query)}</b> in {text(answer.video.video_id)} "
        f"({clock(answer.video.duration_s)}): "
        f'<b style="color:{colour}">{clear}</b>, '
        f"confidence {answer.shown_confidence(2):.2f} "
        f"(clear from {answer.clear_from:g})</p>{notes}"
        f"{curve(answer)}"
        f"{table(('rank', 'start', 'end', 'score'), rows)}"
        f"{table((answer.terms.part, 'weight'), parts)}</div>"
    )


def curve(answer: "Answer") -> str:
    """SVG of the relevance, its threshold and the best moments."""
    length_s = max(answer.video.duration_s, 1e-9)
    finite = answer.relevance[np.isfinite(answer.relevance)]
    low = float(finite.min(initial=answer.line))
    high = float(finite.max(initial=answer.line))
    numbers = np.nan_to_num(answer.relevance, nan=low, posinf=high, neginf=low)
    times_s, relevance = thinned(answer.times_s, numbers)

    def across(time_s: float) -> float:
        return WIDTH * min(max(time_s / length_s, 0.0), 1.0)

    def down(value: float) -> float:
        return 5 + (HEIGHT - 10) * (high - value) / max(high - low, 1e-9)

    marks = "".join(
        f'<rect x="{across(m.span.start):.1f}" y="0" height="{HEIGHT}" fill="#e08a00" '
        f'width="{max(across(m.span.end) - across(m.span.start), 1.0):.1f}" '
        f'fill-opacity="{0.35 if rank == 0 else 0.15}">'
        f"<title>{clock(m.span.start)}-{clock(m.span.end)}</title></rect>"
        for rank, m in enumerate(answer.moments[:MARKED])
    )
    points = " ".join(
        f"{across(float(time_s)):.1f},{down(float(value)):.1f}"
        for time_s, value in zip(times_s, relevance, strict=True)
    )
    line = down(answer.line)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" style="max-width:100%" xmlns="http://www.w3.org/2000/svg">'
        f"<title>relevance over time ({text(answer.terms.relevance)})</title>{marks}"
        f'<line x1="0" x2="{WIDTH}" y1="{line:.1f}" y2="{line:.1f}" stroke="gray" '
        f'stroke-dasharray="4"><title>{text(answer.terms.line)}</title></line>'
        f'<polyline points="{points}" fill="none" stroke="#3366cc"/></svg>'
    )


def thinned(
    times_s: Float[np.ndarray, " t"], relevance: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """The most relevant frame of each of at most ``POINTS`` sections.

    >>> times_s, _ = thinned(np.arange(1200.0), np.arange(1200.0) % 2)
    >>> len(times_s), times_s[:3].tolist()
    (600, [1.0, 3.0, 5.0])
    """
    parts = np.array_split(np.arange(len(times_s)), min(POINTS, len(times_s)) or 1)
    best = [part[relevance[part].argmax(axis=0)] for part in parts if len(part)]
    return times_s[best], relevance[best]
