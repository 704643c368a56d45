"""Joining moments, one pair after the other until nothing changes."""

from dataclasses import replace

from slta.export.found import Found
from slta.moments import Span


def merged(found: list[Found], gap_s: float, pad_s: float) -> set[Found]:
    """Without their order."""
    rest = [
        replace(
            moment,
            span=Span(
                max(0.0, moment.span.start - pad_s),
                min(moment.duration_s, moment.span.end + pad_s),
            ),
        )
        for moment in found
    ]
    while pair := next(
        (
            (a, b)
            for i, a in enumerate(rest)
            for b in rest[i + 1 :]
            if (a.path, a.query) == (b.path, b.query)
            and max(a.span.start, b.span.start) - min(a.span.end, b.span.end) <= gap_s
        ),
        None,
    ):
        one, other = pair
        rest.remove(one)
        rest.remove(other)
        rest.append(
            replace(
                one,
                span=Span(
                    min(one.span.start, other.span.start),
                    max(one.span.end, other.span.end),
                ),
                score=max(one.score, other.score),
                confidence=max(one.confidence, other.confidence),
            )
        )
    return {*rest}
