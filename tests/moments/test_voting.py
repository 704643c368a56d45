"""Candidates that vote on where a moment begins and ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.moments import ranking
from slta.moments.ranking import vote
from tests.reference import voting as slow

# Of whole numbers, so that no IoU is equal to the least one by a rounding only.
SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 9), st.integers(-4, 4)),
    min_size=1,
    max_size=12,
)


def given_as(
    drawn: list[tuple[int, int, int]],
) -> tuple[np.ndarray, np.ndarray]:
    spans = [(start, start + length) for start, length, _ in drawn]
    return np.array(spans, np.float64), np.array([r for *_, r in drawn], np.float64)


@given(SPANS, st.sampled_from([0.29, 0.5, 0.71, 1.0]))
def test_agrees_with_the_votes_spelled_out(
    drawn: list[tuple[int, int, int]], iou: float
) -> None:
    spans, relevance = given_as(drawn)
    want = slow.vote(
        [(start, end) for start, end in spans.tolist()], relevance.tolist(), iou
    )
    np.testing.assert_allclose(vote(spans, relevance, iou=iou), want, atol=1e-9)


@given(SPANS, st.floats(0.1, 50), st.floats(-50, 50))
def test_the_size_of_the_relevance_does_not_matter(
    drawn: list[tuple[int, int, int]], factor: float, shift: float
) -> None:
    spans, relevance = given_as(drawn)
    np.testing.assert_allclose(
        vote(spans, factor * relevance + shift, iou=0.3),
        vote(spans, relevance, iou=0.3),
        atol=1e-6,
    )


def test_ends_that_are_off_both_ways_meet_in_between() -> None:
    """Each candidate misses the truth, 10 to 20, by two seconds."""
    spans = np.array([[8, 18], [12, 22], [8, 22], [12, 18], [40, 50]], np.float64)
    relevance = np.array([5.0, 5.0, 5.0, 5.0, 5.0], np.float32)
    found = vote(spans, relevance, iou=0.3)
    assert found[:4].tolist() == [[10, 20]] * 4
    assert found[4].tolist() == [40, 50]


def test_the_more_relevant_has_more_to_say() -> None:
    spans = np.array([[0, 10], [2, 12], [100, 110]], np.float64)
    start = vote(spans, np.array([3.0, 1.0, 0.0]), iou=0.5)[:2, 0]
    assert start[0] == start[1] and 0 < start[0] < 0.5


def test_a_span_without_a_length_neither_votes_nor_moves() -> None:
    spans = np.array([[0, 10], [5, 5], [7, 3]], np.float64)
    assert vote(spans, np.array([0.0, 9.0, 9.0]), iou=0.1).tolist() == spans.tolist()


@pytest.mark.parametrize("block", [1, 7, 1 << 22])
def test_many_candidates_are_compared_in_parts(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 50, 40)
    spans = np.stack([start, start + rng.uniform(1, 20, 40)], axis=1)
    relevance = rng.normal(size=40)
    whole = vote(spans, relevance, iou=0.3)
    monkeypatch.setattr(ranking, "BLOCK", block)
    np.testing.assert_allclose(vote(spans, relevance, iou=0.3), whole, rtol=1e-12)
