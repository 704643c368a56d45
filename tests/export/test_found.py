"""Moments are padded within their video, and joined where they are close."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.export.formats import Found, merged
from slta.export.found import ranked
from slta.moments import Span
from tests.reference import merged as slow
from tests.support.moments import moment

# Eighths of a second, which are exact.
TIMES = st.integers(0, 80).map(lambda eighths: eighths / 8)
PAIRS = st.tuples(TIMES, TIMES).filter(lambda pair: pair[0] != pair[1])
MOMENTS = st.builds(
    lambda pair, query, name, score: Found(
        query, Path(name), Span(min(pair), max(pair)), score, score, 10.0
    ),
    PAIRS,
    st.sampled_from(["a cat", "a dog"]),
    st.sampled_from(["a.mp4", "b.mp4"]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
SECONDS = st.integers(0, 24).map(lambda eighths: eighths / 8)


@given(st.lists(MOMENTS, max_size=12), SECONDS, SECONDS)
def test_moments_are_joined_as_by_pairs(
    found: list[Found], gap_s: float, pad_s: float
) -> None:
    joined = merged(found, gap_s, pad_s)
    assert {*joined} == slow.merged(found, gap_s, pad_s)
    assert merged(joined, gap_s) == joined


@given(st.lists(MOMENTS, max_size=8), SECONDS)
def test_without_a_gap_none_is_joined(found: list[Found], pad_s: float) -> None:
    padded = merged(found, None, pad_s)
    assert len(padded) == len(found)
    for old, new in zip(found, padded, strict=True):
        assert new.span.start == max(0, old.span.start - pad_s)
        assert new.span.end == min(10, old.span.end + pad_s)
    assert merged(found) == found


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([moment(4, 5)], [moment(2, 7)], id="one"),
        pytest.param([moment(0, 10)], [moment(0, 10)], id="the whole video"),
        pytest.param([moment(9, 10.01)], [moment(7, 10.01)], id="a little beyond"),
        pytest.param(
            [moment(8, 9, score=0.9), moment(0, 1), moment(3, 4, score=0.1)],
            [moment(0, 10, score=0.9)],
            id="three, by the one between",
        ),
        pytest.param(
            [moment(8, 9), moment(0, 0.5), moment(9, 10, confidence=1.0)],
            [moment(6, 10, confidence=1.0), moment(0, 2.5)],
            id="at the place of the best",
        ),
    ],
)
def test_two_seconds_more_and_three_between(
    found: list[Found], expected: list[Found]
) -> None:
    assert merged(found, 3.0, 2.0) == expected


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_seconds_that_mean_nothing_are_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="pad_s must be finite"):
        merged([], None, seconds)
    with pytest.raises(ValueError, match="gap_s must be finite"):
        merged([], seconds)


def test_ranks_are_those_of_the_query() -> None:
    found = [moment(query=query) for query in ("a", "b", "a", "b", "b")]
    assert [each.rank for each in ranked(found)] == [1, 1, 2, 2, 3]
