"""Runs of a curve against their definition, and what must hold of any curve."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slta.moments.segments import (
    PEAK_S,
    STANDS_OUT,
    Curve,
    Segment,
    above_line,
    peak,
    runs,
    spans_of,
)
from tests.reference import runs as slow

# Quarters, exact in binary, so that two spellings agree to the last bit.
quarters = st.integers(-12, 12).map(lambda n: n / 4)
curves = st.lists(quarters, min_size=1, max_size=14)
heights = st.lists(quarters, max_size=14)
rates = st.sampled_from([0.5, 1.0, 2.0, 3.0, 29.97])


def curve(values: list[float]) -> Curve:
    return np.array(values, np.float64)


def samples(rate_hz: float) -> int:
    """How many samples a peak has at least."""
    return max(1, round(PEAK_S * rate_hz))


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        pytest.param([], [], id="no samples"),
        pytest.param([2], [(0, 1, 2)], id="one sample"),
        pytest.param([-2], [], id="one sample below the line"),
        pytest.param([0], [], id="one sample on the line"),
        pytest.param([0, 0, 0], [], id="all on the line"),
        pytest.param([-1, -2, -3], [], id="all below the line"),
        pytest.param([1, 2, 3], [(0, 3, 6)], id="all above the line"),
        pytest.param([0, 1, 0], [(1, 2, 1)], id="zeros at the ends add nothing"),
        pytest.param([1, 0, 1], [(0, 3, 2)], id="zeros inside are taken along"),
        pytest.param([3, -1, 2], [(0, 3, 4)], id="a dip that pays is taken along"),
        pytest.param([1, -2, 3], [(0, 1, 1), (2, 3, 3)], id="a dip that does not"),
        pytest.param([2, -2, 2], [(0, 1, 2), (2, 3, 2)], id="a dip that evens out"),
        pytest.param(
            # The example of the paper.
            [4, -5, 3, -3, 1, 2, -2, 2, -2, 1, 5],
            [(0, 1, 4), (2, 3, 3), (4, 11, 7)],
            id="one takes in those before it",
        ),
    ],
)
def test_runs_of_known_heights(
    height: list[float], expected: list[slow.Triple]
) -> None:
    assert runs(curve(height)) == expected


@given(heights)
def test_runs_are_those_of_the_definition(height: list[float]) -> None:
    assert runs(curve(height)) == slow.runs(height)


@given(heights)
def test_runs_are_what_rises_and_cannot_grow_and_rise(height: list[float]) -> None:
    n = len(height)
    rising = [
        (i, j)
        for i in range(n)
        for j in range(i + 1, n + 1)
        if slow.is_rising(height[i:j])
    ]
    largest = [
        (i, j)
        for i, j in rising
        if not any(a <= i and j <= b and (a, b) != (i, j) for a, b in rising)
    ]
    assert [(run.first, run.end) for run in runs(curve(height))] == largest


@given(st.lists(quarters, max_size=200))
def test_runs_hold_all_that_is_above_the_line(height: list[float]) -> None:
    inside = {i for run in runs(curve(height)) for i in range(run.first, run.end)}
    assert {i for i, value in enumerate(height) if value > 0} <= inside


@given(st.lists(st.floats(-1e3, 1e3), max_size=200))
def test_runs_are_apart_and_in_order_however_the_sums_are_rounded(
    height: list[float],
) -> None:
    end = -1
    for run in runs(curve(height)):
        assert end < run.first < run.end <= len(height)
        assert run.total > 0
        end = run.end


@given(heights)
def test_a_run_is_above_the_line_from_both_its_ends(height: list[float]) -> None:
    for run in runs(curve(height)):
        part = height[run.first : run.end]
        assert run.total == sum(part)
        for i in range(1, len(part) + 1):
            assert sum(part[:i]) > 0
            assert sum(part[-i:]) > 0


@given(heights, st.sampled_from([0.25, 0.5, 2.0, 1024.0]))
def test_scaled_heights_give_the_same_runs_with_scaled_totals(
    height: list[float], scale: float
) -> None:
    expected = [(run.first, run.end, scale * run.total) for run in runs(curve(height))]
    assert runs(scale * curve(height)) == expected


@given(heights, st.integers(1, 5))
def test_runs_move_with_time(height: list[float], later: int) -> None:
    moved = runs(curve([-1.0] * later + height))
    expected = [
        (run.first + later, run.end + later, run.total) for run in runs(curve(height))
    ]
    assert moved == expected


@given(heights)
def test_runs_are_the_same_backwards(height: list[float]) -> None:
    n = len(height)
    turned = [(n - run.end, n - run.first, run.total) for run in runs(curve(height))]
    assert runs(curve(height[::-1])) == turned[::-1]


@pytest.mark.parametrize(
    ("values", "rate_hz", "expected"),
    [
        pytest.param([3], 1.0, 3, id="one sample"),
        pytest.param([-3], 1.0, -3, id="one sample below 0"),
        pytest.param([2, 2, 2, 2, 2, 2], 1.0, 2, id="constant"),
        pytest.param([-5, -1, -2, -4], 1 / PEAK_S, -1, id="all below 0"),
        pytest.param([0, 0, 8, 0, 0, 0], 2 / PEAK_S, 4, id="a short spike counts less"),
        pytest.param([0, 6, 6, 0, 0, 0], 2 / PEAK_S, 6, id="long enough"),
        pytest.param([0, 3, 9], 30 / PEAK_S, 4, id="shorter than a peak"),
        pytest.param([0, 7, 3], 0.1 / PEAK_S, 7, id="sampled less than once a peak"),
    ],
)
def test_peaks_of_known_curves(
    values: list[float], rate_hz: float, expected: float
) -> None:
    assert peak(curve(values), rate_hz=rate_hz) == expected


@given(curves, rates)
def test_a_peak_is_the_best_mean_one_works_out_on_paper(
    values: list[float], rate_hz: float
) -> None:
    expected = slow.peak(values, samples(rate_hz))
    assert peak(curve(values), rate_hz=rate_hz) == pytest.approx(expected, abs=1e-12)


@given(curves, rates)
def test_heights_are_what_one_works_out_on_paper(
    values: list[float], rate_hz: float
) -> None:
    expected = slow.heights(values, samples(rate_hz))
    height = above_line(curve(values), rate_hz=rate_hz)
    np.testing.assert_allclose(height, expected, atol=1e-12)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.integers(-9, 9), rates)
def test_nothing_stands_out_of_the_noise_of_a_still_picture(
    noise: list[float], level: int, rate_hz: float
) -> None:
    still = level + 0.49 * STANDS_OUT * curve(noise)
    assert above_line(still, rate_hz=rate_hz).tolist() == [0] * len(noise)


def test_a_little_more_than_the_noise_stands_out() -> None:
    values = [0.0] * 8 + [1.01 * STANDS_OUT] * 2 + [0.0] * 8
    (only,) = runs(above_line(curve(values), rate_hz=2 / PEAK_S))
    assert only[:2] == (8, 10)


@given(curves, rates, st.integers(-100, 100))
def test_heights_do_not_depend_on_the_level_of_the_curve(
    values: list[float], rate_hz: float, level: int
) -> None:
    lifted = above_line(curve(values) + level, rate_hz=rate_hz)
    height = above_line(curve(values), rate_hz=rate_hz)
    np.testing.assert_allclose(lifted, height, atol=1e-11)


def test_a_curve_below_0_everywhere_has_a_run_all_the_same() -> None:
    values = [-9.0, -9.0, -9.0, -9.0, -2.0, -2.0, -9.0, -9.0, -9.0, -9.0]
    (only,) = runs(above_line(curve(values), rate_hz=2 / PEAK_S))
    assert only[:2] == (4, 6)


def seconds(
    found: list[Segment], height: Curve, *, rate_hz: float
) -> list[tuple[float, float]]:
    """Spans after their offsets."""
    spans, offsets_s = spans_of(found, height, rate_hz=rate_hz)
    return [(start, end) for start, end in (spans + offsets_s).tolist()]


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        pytest.param([], [], id="no samples"),
        pytest.param([-1, -1], [], id="no runs"),
        pytest.param([1], [(0, 1)], id="one sample"),
        pytest.param([1, 2, 1], [(0, 3)], id="the ends of the video stay"),
        pytest.param([-1, 1, -1], [(0.5, 1.5)], id="halfway on both sides"),
        pytest.param([-3, 1, 1, -1], [(0.75, 2.5)], id="nearer to what is nearer to 0"),
        pytest.param([-1, 1, -9, 9, -1], [(0.5, 1.1), (2.5, 3.9)], id="two runs"),
        pytest.param([0, 1, 0], [(0, 2)], id="a sample on the line is the crossing"),
        pytest.param(
            [1, 0, 1, -2], [(0, 2 + 1 / 3)], id="zeros inside are no crossing"
        ),
        pytest.param([2, -2, 0, 2], [(0, 0.5), (2, 4)], id="to the last on the line"),
    ],
)
def test_boundaries_are_where_the_straight_lines_cross(
    height: list[float], expected: list[tuple[float, float]]
) -> None:
    found = runs(curve(height))
    sharp = seconds(found, curve(height), rate_hz=1.0)
    assert sharp == [pytest.approx(span, abs=1e-12) for span in expected]


@given(
    st.integers(1, 40).map(lambda n: n / 4),
    st.integers(1, 20).map(lambda n: n / 8),
    st.integers(1, 79).map(lambda n: n / 4),
)
def test_the_crossings_of_a_triangle_are_exact(
    slope: float, top: float, middle_s: float
) -> None:
    height = top - slope * np.abs(np.arange(81) / 4 - middle_s)
    half_s = top / slope
    assume(middle_s - half_s >= 0 and middle_s + half_s <= 20)
    (sharp,) = seconds(runs(height), height, rate_hz=4.0)
    assert sharp == pytest.approx((middle_s - half_s, middle_s + half_s), abs=1e-9)


@given(heights, rates)
def test_a_crossing_is_the_share_of_the_way_that_one_works_out_with_fractions(
    height: list[float], rate_hz: float
) -> None:
    expected = []
    for first, end, _ in slow.runs(height):
        start, stop = float(first), float(end)
        if first > 0:
            start = float(first - 1 + slow.crossing(height[first - 1], height[first]))
        if end < len(height):
            stop = float(end - 1 + slow.crossing(height[end - 1], height[end]))
        expected.append(pytest.approx((start / rate_hz, stop / rate_hz), abs=1e-9))
    assert seconds(runs(curve(height)), curve(height), rate_hz=rate_hz) == expected


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60).map(curve), rates)
def test_sharp_spans_stay_in_the_video_and_in_their_order(
    height: Curve, rate_hz: float
) -> None:
    found = runs(height)
    spans, offsets_s = spans_of(found, height, rate_hz=rate_hz)
    assert (np.abs(offsets_s) * rate_hz <= 1 + 1e-9).all()
    before = 0.0
    for start, end in (spans + offsets_s).tolist():
        assert before - 1e-9 <= start <= end + 1e-9
        before = end
    assert before <= len(height) / rate_hz + 1e-9


def test_a_whole_video_without_runs_keeps_its_length() -> None:
    height = curve([0.0, 0.0, 0.0])
    assert seconds([Segment(0, 3, 1.0)], height, rate_hz=2.0) == [(0.0, 1.5)]
