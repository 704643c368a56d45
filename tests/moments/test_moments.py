"""The nouns refuse what cannot be, and say what they were given."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.moments import Moment, Query, Span, VideoInfo

times = st.integers(0, 40).map(float)
spans = st.tuples(times, st.integers(1, 20)).map(lambda p: Span(p[0], p[0] + p[1]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Span(0.0, 0.0), "0 <= start < end, got .*start=0.0, end=0.0"),
        (lambda: Span(5.0, 4.0), "0 <= start < end, got .*start=5.0, end=4.0"),
        (lambda: Span(-0.001, 4.0), "0 <= start < end, got .*start=-0.001"),
        (lambda: Span(1.0, inf), "finite times, got .*end=inf"),
        (lambda: Span(nan, 4.0), "finite times, got .*start=nan"),
        (lambda: Moment("a", Span(0.0, 1.0), nan), "finite score, got nan"),
        (lambda: Moment("a", Span(0.0, 1.0), -inf), "finite score, got -inf"),
        (lambda: Query("7", "a", " \t"), "query '7' has no words"),
        (lambda: VideoInfo("a", 0.0, 4, 3), "duration must be positive, got 0.0 s"),
        (lambda: VideoInfo("a", nan, 4, 3), "duration must be positive, got nan s"),
        (lambda: VideoInfo("a", 1.0, 0, 3), "a picture of 0 x 3 has no pixels"),
    ],
)
def test_what_cannot_be_is_refused_with_its_value(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_nothing_changes_after_it_was_made() -> None:
    span = Span(1.0, 2.0)
    with pytest.raises(FrozenInstanceError):
        span.start = 0.0  # type: ignore[misc]
    assert {span: "usable as a key"}[Span(1.0, 2.0)]


def test_a_span_reads_as_seconds_and_knows_its_length() -> None:
    assert str(Span(12.4, 17.9)) == "12.40-17.90 s"
    assert Span(12.5, 17.0).length_s == 4.5


def test_spans_sort_by_start_then_end() -> None:
    ordered = [Span(0.0, 3.0), Span(1.0, 2.0), Span(1.0, 4.0)]
    assert sorted(reversed(ordered)) == ordered


def test_a_query_may_know_no_truth_or_that_there_is_none() -> None:
    assert Query("1", "a", "a man runs").truth is None
    assert Query("1", "a", "a man runs", ()).truth == ()


@given(spans, spans)
def test_spans_overlap_exactly_where_they_share_a_second(a: Span, b: Span) -> None:
    seconds_a = set(range(int(a.start), int(a.end)))
    seconds_b = set(range(int(b.start), int(b.end)))
    assert a.overlaps(b) == b.overlaps(a) == bool(seconds_a & seconds_b)
