"""Candidates against exact arithmetic, and what any set of windows must hold."""

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from slta.batches.sampling import matching_frames
from slta.moments.candidates import (
    RELEASED_STEPS,
    didemo,
    released,
    released_frames,
    windows,
)
from slta.moments.spans import temporal_iou
from tests.reference import candidates as slow
from tests.reference import released as slow_released

# Tenths of a second and the overlaps people use, none of them exact in binary: this
# is where rounding makes one window too many.
durations = st.integers(1, 900).map(lambda tenths: Fraction(tenths, 10))
lengths = st.lists(
    st.integers(10, 400).map(lambda tenths: Fraction(tenths, 10)),
    min_size=1,
    max_size=3,
)
overlaps = st.sampled_from([Fraction(n, 10) for n in range(10)])


@pytest.mark.parametrize(
    ("duration_s", "lengths_s", "overlap", "expected"),
    [
        pytest.param(3.0, [8.0], 0.8, [(0, 3)], id="shorter than any window"),
        pytest.param(3.0, [8.0, 9.0], 0.8, [(0, 3)], id="the whole video only once"),
        pytest.param(8.0, [8.0], 0.8, [(0, 8)], id="exactly one window"),
        pytest.param(
            9.0, [4.0], 0.0, [(0, 4), (4, 8), (5, 9)], id="flush with the end"
        ),
        pytest.param(8.0, [4.0], 0.0, [(0, 4), (4, 8)], id="flush by itself"),
        pytest.param(6.0, [4.0], 0.5, [(0, 4), (2, 6)], id="half repeated"),
        pytest.param(6.0, [4.0, 4.0], 0.5, [(0, 4), (2, 6)], id="a length given twice"),
        pytest.param(
            5.0, [4.0, 9.0], 0.5, [(0, 4), (0, 5), (1, 5)], id="sorted over lengths"
        ),
    ],
)
def test_windows_of_known_videos(
    duration_s: float,
    lengths_s: list[float],
    overlap: float,
    expected: list[tuple[float, float]],
) -> None:
    spans = windows(duration_s, lengths_s=lengths_s, overlap=overlap)
    np.testing.assert_array_equal(spans, expected)


@given(durations, lengths, overlaps)
def test_windows_are_those_of_exact_arithmetic(
    duration_s: Fraction, lengths_s: list[Fraction], overlap: Fraction
) -> None:
    spans = windows(
        float(duration_s),
        lengths_s=[float(length_s) for length_s in lengths_s],
        overlap=float(overlap),
    )
    expected = slow.windows(duration_s, lengths_s, overlap)
    assert len(spans) == len(expected)
    # Rounding may swap two windows that start together, so each looks for its own.
    exact = np.array(expected, dtype=np.float64)
    np.testing.assert_allclose(temporal_iou(spans, exact).max(axis=1), 1)
    np.testing.assert_allclose(temporal_iou(spans, exact).max(axis=0), 1)


@given(
    st.floats(0.01, 500),
    st.lists(st.floats(2, 600), min_size=1, max_size=3),
    st.floats(0, 0.9),
)
@example(duration_s=6.2, lengths_s=[2.1], overlap=0.8)  # 6.2 - 2.1 + 2.1 != 6.2
def test_windows_cover_every_instant_and_stay_in_the_video(
    duration_s: float, lengths_s: list[float], overlap: float
) -> None:
    spans = windows(duration_s, lengths_s=lengths_s, overlap=overlap)
    assert spans.min() == 0 and spans.max() == duration_s
    assert (spans[:, 0] < spans[:, 1]).all()
    reached_s = np.maximum.accumulate(spans[:, 1])
    assert (spans[1:, 0] <= reached_s[:-1] + 1e-9 * duration_s).all()


@given(st.floats(0.01, 500), st.floats(2, 600), st.floats(0, 0.9))
def test_windows_have_their_length_and_repeat_at_least_the_overlap(
    duration_s: float, length_s: float, overlap: float
) -> None:
    spans = windows(duration_s, lengths_s=[length_s], overlap=overlap)
    expected_s = min(length_s, duration_s)
    np.testing.assert_allclose(spans[:, 1] - spans[:, 0], expected_s, rtol=1e-5)
    shared_s = spans[:-1, 1] - spans[1:, 0]
    assert (shared_s >= overlap * length_s - 1e-5 * length_s).all()


@given(st.floats(0.01, 500), st.lists(st.floats(2, 600), min_size=1, max_size=3))
def test_windows_are_sorted_and_none_comes_twice(
    duration_s: float, lengths_s: list[float]
) -> None:
    spans = windows(duration_s, lengths_s=[*lengths_s, *lengths_s])
    pairs = [tuple(span) for span in spans.tolist()]
    assert pairs == sorted(set(pairs))


@given(durations, lengths, st.sampled_from([0.25, 2.0, 8.0]))
def test_windows_do_not_depend_on_the_unit_of_time(
    duration_s: Fraction, lengths_s: list[Fraction], scale: float
) -> None:
    here = windows(float(duration_s), lengths_s=[float(each) for each in lengths_s])
    there = windows(
        scale * float(duration_s), lengths_s=[scale * float(each) for each in lengths_s]
    )
    np.testing.assert_array_equal(there, scale * here)


@pytest.mark.parametrize(
    ("duration_s", "count"),
    [
        pytest.param(1e-7, 1, id="next to nothing"),
        pytest.param(0.5, 1, id="less than a chunk"),
        pytest.param(5.0, 1, id="one chunk"),
        pytest.param(5.1, 3, id="a short second chunk"),
        pytest.param(24.0, 15, id="five chunks"),
        pytest.param(25.0, 15, id="five whole chunks"),
        pytest.param(25.0000001, 15, id="a rounding error is not a chunk"),
        pytest.param(27.3, 21, id="a short last chunk"),
        pytest.param(30.0, 21, id="six chunks"),
        pytest.param(400.0, 21, id="cut at 30 s"),
    ],
)
def test_didemo_counts_its_moments(duration_s: float, count: int) -> None:
    spans = didemo(duration_s)
    assert len(spans) == count
    assert spans.max() == pytest.approx(min(duration_s, 30.0))


@given(st.floats(0.01, 100).filter(lambda s: (s % 5) > 1e-3))
def test_didemo_is_every_run_of_whole_chunks(duration_s: float) -> None:
    np.testing.assert_array_equal(didemo(duration_s), slow.didemo(duration_s))


@pytest.mark.parametrize("duration_s", [0.0, -1.0, nan, inf])
def test_a_video_without_length_is_named(duration_s: float) -> None:
    message = f"the length of a video must be above 0 s, got {duration_s} s"
    with pytest.raises(ValueError, match=message):
        windows(duration_s, lengths_s=[8.0])
    with pytest.raises(ValueError, match=message):
        didemo(duration_s)


@pytest.mark.parametrize("length_s", [0.0, -2.0, nan, inf])
def test_a_window_without_length_is_named(length_s: float) -> None:
    with pytest.raises(ValueError, match=f"above 0 s, got {length_s} in"):
        windows(10.0, lengths_s=[8.0, length_s])


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 80.0, nan])
def test_an_overlap_that_never_moves_on_is_named(overlap: float) -> None:
    with pytest.raises(ValueError, match=rf"in \[0, 1\), got {overlap}; 0.8 repeats"):
        windows(10.0, lengths_s=[8.0], overlap=overlap)


def test_windows_need_a_length() -> None:
    with pytest.raises(ValueError, match="at least one length in seconds, got none"):
        windows(10.0, lengths_s=[])


def test_a_length_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeCheckError):
        windows("10", lengths_s=[8.0])  # type: ignore[arg-type]


@given(st.integers(0, 300), st.sets(st.sampled_from(sorted(RELEASED_STEPS))))
def test_released_windows_are_those_of_a_slow_spelling(
    frames: int, lengths: set[int]
) -> None:
    found = released(frames, sorted(lengths)).tolist()
    assert found == [list(each) for each in slow_released.windows(frames, [*lengths])]


@given(
    st.integers(1, 200),
    st.integers(1, 120),
    st.sets(st.sampled_from(sorted(RELEASED_STEPS)), min_size=1),
)
def test_released_pairs_are_those_of_a_slow_spelling(
    start: int, length: int, lengths: set[int]
) -> None:
    truth = (start, start + length)
    windows = released(360, sorted(lengths))
    found = matching_frames(windows, np.array(truth)).tolist()
    expected = slow_released.matching(truth, 360, sorted(lengths))
    assert found == [list(each) for each in expected]


def test_other_lengths_were_not_released() -> None:
    with pytest.raises(ValueError, match="no windows of 20 frames; give 16"):
        released(100, [16, 20])


@pytest.mark.parametrize(
    ("duration_s", "frames"), [(1.0, 5), (30.0, 92), (30.2, 92), (30.3, 93)]
)
def test_the_release_has_two_frames_more_than_fill_a_video(
    duration_s: float, frames: int
) -> None:
    assert released_frames(duration_s) == frames


def test_a_video_needs_a_length_to_have_frames() -> None:
    with pytest.raises(ValueError, match="length of a video must be above 0 s"):
        released_frames(0.0)
