"""Spans against their slow second spelling, and what must hold of any spans."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jaxtyping import Float, TypeCheckError

from slta.moments import Span
from slta.moments.spans import (
    as_array,
    clamp,
    from_chunks,
    nms,
    temporal_iou,
    to_frames,
)
from tests.reference import spans as slow
from tests.reference.spans import Pair

Spans = Float[np.ndarray, "n 2"]

# Quarter seconds, exact in binary, so that two spellings agree to the last bit. Some
# spans have no length and some end before they start, as a regression may say.
quarters = st.tuples(st.integers(0, 60), st.integers(-3, 30)).map(
    lambda p: (p[0] / 4, (p[0] + p[1]) / 4)
)
long_quarters = quarters.filter(lambda p: p[0] < p[1])
thresholds = st.sampled_from([0.0, 0.05, 0.25, 0.45, 0.5, 0.65, 0.85, 1.0])


@st.composite
def scored(draw: st.DrawFn, distinct: bool = False) -> tuple[list[Pair], list[float]]:
    # The number is drawn first, for lists drawn freely are mostly of one span.
    n = draw(st.integers(0, 12))
    pairs = draw(st.lists(quarters, min_size=n, max_size=n))
    if distinct:
        return pairs, draw(st.permutations([float(i) for i in range(n)]))
    score = st.integers(-2, 2).map(float)
    return pairs, draw(st.lists(score, min_size=n, max_size=n))


def rows(pairs: list[Pair]) -> Spans:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([], [], [], id="no spans"),
        pytest.param([(0, 1)], [], [[]], id="nothing to compare with"),
        pytest.param([(0, 10)], [(0, 10)], [[1]], id="the same span"),
        pytest.param([(0, 10)], [(5, 15)], [[1 / 3]], id="half of each"),
        pytest.param([(0, 10)], [(2, 4)], [[0.2]], id="one inside the other"),
        pytest.param([(0, 10)], [(10, 20)], [[0]], id="touching"),
        pytest.param([(0, 10)], [(20, 30)], [[0]], id="disjoint"),
        pytest.param([(5, 5)], [(5, 5)], [[0]], id="no length"),
        pytest.param([(5, 5)], [(0, 10)], [[0]], id="no length, inside"),
        pytest.param([(8, 2)], [(0, 10)], [[0]], id="end before start"),
        pytest.param([(8, 2)], [(8, 2)], [[0]], id="both end before start"),
        pytest.param([(-5, 5)], [(0, 5)], [[0.5]], id="before the video"),
        pytest.param([(np.nan, 5)], [(0, 5)], [[0]], id="not a number"),
        pytest.param([(0, np.inf)], [(0, np.inf)], [[0]], id="endless"),
    ],
)
def test_iou_of_known_spans(
    a: list[Pair], b: list[Pair], expected: list[list[float]]
) -> None:
    iou = temporal_iou(rows(a), rows(b))
    np.testing.assert_array_equal(iou, np.reshape(expected, (len(a), len(b))))


@given(st.lists(quarters, max_size=6), st.lists(quarters, max_size=6))
def test_iou_is_what_one_works_out_on_paper(a: list[Pair], b: list[Pair]) -> None:
    expected = [[slow.iou(one, other) for other in b] for one in a]
    np.testing.assert_array_equal(
        temporal_iou(rows(a), rows(b)), np.reshape(expected, (len(a), len(b)))
    )


@given(
    arrays(np.float64, (3, 2), elements=st.floats()),
    arrays(np.float64, (2, 2), elements=st.floats()),
)
def test_iou_is_symmetric_and_between_0_and_1_whatever_the_numbers(
    a: Spans, b: Spans
) -> None:
    iou = temporal_iou(a, b)
    assert ((iou >= 0) & (iou <= 1)).all()
    np.testing.assert_array_equal(iou, temporal_iou(b, a).T)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_a_span_overlaps_itself_exactly_and_wholly(start: float, length: float) -> None:
    span = rows([(start, start + length)])
    assert temporal_iou(span, span) == 1


@given(
    st.lists(long_quarters, max_size=5),
    st.lists(long_quarters, max_size=5),
    st.floats(0.1, 10),
    st.floats(-100, 100),
)
def test_iou_depends_on_neither_the_unit_nor_the_zero_of_time(
    a: list[Pair], b: list[Pair], scale: float, shift: float
) -> None:
    moved = temporal_iou(scale * rows(a) + shift, scale * rows(b) + shift)
    np.testing.assert_allclose(moved, temporal_iou(rows(a), rows(b)), atol=1e-9)


def test_single_precision_times_are_compared_in_full() -> None:
    a = rows([(1000.1, 1000.3)]).astype(np.float32)
    b = rows([(1000.2, 1000.4)]).astype(np.float32)
    wide = temporal_iou(a.astype(np.float64), b.astype(np.float64))
    np.testing.assert_array_equal(temporal_iou(a, b), wide)


@pytest.mark.parametrize(
    ("pairs", "scores", "kept"),
    [
        pytest.param([], [], [], id="no spans"),
        pytest.param([(0, 10)], [0.5], [0], id="one span"),
        pytest.param([(0, 9), (0, 10), (20, 30)], [1, 3, 2], [1, 2], id="a near copy"),
        pytest.param([(0, 10), (0, 10)], [1, 1], [0], id="a tie keeps the earlier"),
        pytest.param([(0, 5), (0, 10)], [2, 1], [0, 1], id="exactly the threshold"),
        pytest.param([(5, 5), (5, 5)], [1, 2], [1, 0], id="spans of no length stay"),
        pytest.param(
            # The middle one falls to the first, so it cannot make the last one fall.
            [(0, 10), (3, 13), (6, 16)],
            [3, 2, 1],
            [0, 2],
            id="what fell suppresses nothing",
        ),
    ],
)
def test_nms_of_known_spans(
    pairs: list[Pair], scores: list[float], kept: list[int]
) -> None:
    result = nms(rows(pairs), np.array(scores, dtype=np.float64), iou=0.5)
    assert result.tolist() == kept


@given(scored(), thresholds)
def test_nms_is_what_one_works_out_on_paper(
    case: tuple[list[Pair], list[float]], threshold: float
) -> None:
    pairs, scores = case
    kept = nms(rows(pairs), np.array(scores), iou=threshold)
    assert kept.tolist() == slow.nms(pairs, scores, threshold)


@given(scored(), thresholds)
def test_what_nms_keeps_is_apart_and_what_it_drops_is_near_something_better(
    case: tuple[list[Pair], list[float]], threshold: float
) -> None:
    spans, scores = rows(case[0]), np.array(case[1])
    kept = nms(spans, scores, iou=threshold)
    among_kept = temporal_iou(spans[kept], spans[kept])
    assert (among_kept[~np.eye(len(kept), dtype=bool)] <= threshold).all()
    for dropped in set(range(len(spans))) - set(kept.tolist()):
        better = kept[scores[kept] >= scores[dropped]]
        near = temporal_iou(spans[dropped, None], spans[better])
        assert (near > threshold).any()


@given(scored(distinct=True), thresholds, st.randoms(use_true_random=False))
def test_nms_does_not_depend_on_the_order_of_its_input(
    case: tuple[list[Pair], list[float]], threshold: float, random: Random
) -> None:
    spans, scores = rows(case[0]), np.array(case[1])
    order = np.array(random.sample(range(len(spans)), len(spans)), dtype=np.int64)
    shuffled = nms(spans[order], scores[order], iou=threshold)
    np.testing.assert_array_equal(order[shuffled], nms(spans, scores, iou=threshold))


@given(scored(), thresholds, st.integers(1, 5))
def test_the_first_few_of_nms_are_the_start_of_all(
    case: tuple[list[Pair], list[float]], threshold: float, top: int
) -> None:
    spans, scores = rows(case[0]), np.array(case[1])
    few = nms(spans, scores, iou=threshold, top=top)
    np.testing.assert_array_equal(few, nms(spans, scores, iou=threshold)[:top])


@pytest.mark.parametrize("iou", [-0.05, 1.5, float("nan")])
def test_nms_names_a_threshold_that_cannot_be(iou: float) -> None:
    with pytest.raises(ValueError, match=rf"must be in \[0, 1\], got {iou}"):
        nms(rows([]), np.zeros(0), iou=iou)


def test_nms_refuses_to_keep_none() -> None:
    with pytest.raises(ValueError, match="at least 1, or None for all, got 0"):
        nms(rows([]), np.zeros(0), iou=0.5, top=0)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(TypeCheckError):
        temporal_iou(np.zeros((3, 3)), np.zeros((1, 2)))
    with pytest.raises(TypeCheckError):
        nms(np.zeros((3, 2)), np.zeros(4), iou=0.5)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([], [], id="no spans"),
        pytest.param([(2, 5)], [(2, 5)], id="inside"),
        pytest.param([(-3, 5)], [(0, 5)], id="starts before the video"),
        pytest.param([(8, 12)], [(8, 10)], id="ends after the video"),
        pytest.param([(12, 15)], [(10, 10)], id="after the video"),
        pytest.param([(-5, -1)], [(0, 0)], id="before the video"),
    ],
)
def test_clamp_keeps_what_lies_in_the_video(
    pairs: list[Pair], expected: list[Pair]
) -> None:
    np.testing.assert_array_equal(clamp(rows(pairs), 10.0), rows(expected))


@given(
    arrays(np.int64, (4, 2), elements=st.integers(0, 10**6)),
    st.sampled_from([1.0, 3.0, 5.0, 23.976, 29.4, 30.0]),
)
def test_frames_survive_the_way_through_seconds(
    frames: np.ndarray, rate_hz: float
) -> None:
    np.testing.assert_array_equal(to_frames(frames / rate_hz, rate_hz), frames)


@pytest.mark.parametrize("rate_hz", [0.0, -3.0, float("nan"), float("inf")])
def test_a_frame_rate_that_cannot_be_is_named(rate_hz: float) -> None:
    message = f"frames per second must be above 0, got {rate_hz}"
    with pytest.raises(ValueError, match=message):
        to_frames(rows([]), rate_hz)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([], [], id="no spans"),
        pytest.param([(0, 0)], [(0, 5)], id="one chunk is five seconds"),
        pytest.param([(1, 3)], [(5, 20)], id="the last chunk counts"),
        pytest.param([(0, 5)], [(0, 30)], id="the whole video"),
    ],
)
def test_chunks_are_five_seconds_and_inclusive(
    chunks: list[tuple[int, int]], expected: list[Pair]
) -> None:
    indices = np.array(chunks, dtype=np.int64).reshape(-1, 2)
    np.testing.assert_array_equal(from_chunks(indices), rows(expected))


def test_spans_become_rows_and_no_spans_an_empty_array() -> None:
    assert as_array([]).shape == (0, 2)
    pair = [Span(0.0, 1.5), Span(2.0, 4.0)]
    np.testing.assert_array_equal(as_array(pair), [[0, 1.5], [2, 4]])
