"""Ranking against its slow second spelling, and what must hold of any answers."""

from math import inf, nan
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float, TypeCheckError

from slta.moments import Moment, Span
from slta.moments.ranking import rank
from slta.moments.spans import as_array, temporal_iou
from tests.reference import ranking as slow
from tests.reference.spans import Pair

DURATION_S = 12.0

quarter = st.integers(0, 60).map(lambda quarters: quarters / 4)
offset = st.integers(-20, 20).map(lambda quarters: quarters / 4)
thresholds = st.sampled_from([None, 0.0, 0.45, 0.5, 1.0])
tops = st.none() | st.integers(1, 4)


class Candidates(NamedTuple):
    spans: list[Pair]
    offsets_s: list[Pair]
    scores: list[float]

    def rank(self, **choices: float | int | None) -> list[Moment]:
        options = {"duration_s": DURATION_S, **choices}
        return rank(
            "kitchen",
            rows(self.spans),
            np.array(self.scores, dtype=np.float64),
            offsets_s=rows(self.offsets_s),
            **options,  # type: ignore[arg-type]
        )


@st.composite
def candidates(draw: st.DrawFn, distinct: bool = False) -> Candidates:
    span = st.tuples(quarter, quarter).filter(lambda p: p[0] < p[1])
    # The number is drawn first, for lists drawn freely are mostly of one candidate.
    n = draw(st.integers(0, 10))
    spans = draw(st.lists(span, min_size=n, max_size=n))
    offsets_s = draw(st.lists(st.tuples(offset, offset), min_size=n, max_size=n))
    if distinct:
        scores = draw(st.permutations([float(i) for i in range(n)]))
    else:
        score = st.integers(-2, 2).map(float)
        scores = draw(st.lists(score, min_size=n, max_size=n))
    return Candidates(spans, offsets_s, scores)


def rows(pairs: list[Pair]) -> Float[np.ndarray, "n 2"]:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def plainly(moments: list[Moment]) -> list[tuple[float, float, float]]:
    return [(each.span.start, each.span.end, each.score) for each in moments]


@pytest.mark.parametrize(
    ("spans", "offsets_s", "scores", "expected"),
    [
        pytest.param([], [], [], [], id="no candidates"),
        pytest.param([(1, 2)], [(0, 0)], [0.5], [(1, 2, 0.5)], id="one"),
        pytest.param(
            [(1, 2), (5, 6)],
            [(0, 0)] * 2,
            [0, 1],
            [(5, 6, 1), (1, 2, 0)],
            id="best first",
        ),
        pytest.param([(4, 8)], [(-1, 2)], [1], [(3, 10, 1)], id="moved by its offsets"),
        pytest.param([(4, 8)], [(-9, 9)], [1], [(0, 12, 1)], id="cut to the video"),
        pytest.param([(4, 8)], [(9, 9)], [1], [], id="wholly outside is dropped"),
        pytest.param([(4, 8)], [(3, -3)], [1], [], id="turned around is dropped"),
        pytest.param([(4, 8)], [(2, -2)], [1], [], id="without length is dropped"),
        pytest.param(
            [(4, 8), (3, 9)], [(0, 0)] * 2, [1, 2], [(3, 9, 2)], id="a near copy falls"
        ),
        pytest.param(
            [(4, 8), (1, 2)],
            [(9, 9), (0, 0)],
            [2, 1],
            [(1, 2, 1)],
            id="what is dropped makes room for the next",
        ),
    ],
)
def test_known_candidates(
    spans: list[Pair],
    offsets_s: list[Pair],
    scores: list[float],
    expected: list[tuple[float, float, float]],
) -> None:
    assert plainly(Candidates(spans, offsets_s, scores).rank()) == expected


@given(candidates(), thresholds, tops)
def test_ranking_is_what_one_works_out_on_plain_lists(
    case: Candidates, nms_iou: float | None, top: int | None
) -> None:
    expected = slow.rank(
        case.spans,
        case.scores,
        duration_s=DURATION_S,
        offsets_s=case.offsets_s,
        nms_iou=nms_iou,
        top=top,
    )
    assert plainly(case.rank(nms_iou=nms_iou, top=top)) == expected


@pytest.mark.parametrize("nms_iou", [None, 0.5])
@pytest.mark.parametrize("top", [1, 2, 3, 9])
def test_top_keeps_the_first_few(nms_iou: float | None, top: int) -> None:
    case = Candidates([(0, 2), (3, 5), (6, 8)], [(0, 0)] * 3, [1, 3, 2])
    assert [each.score for each in case.rank(nms_iou=nms_iou, top=top)] == (
        [3, 2, 1][:top]
    )


@given(candidates())
def test_answers_fall_in_score_lie_in_the_video_and_keep_apart(
    case: Candidates,
) -> None:
    moments = case.rank(nms_iou=0.5)
    scores = [each.score for each in moments]
    assert scores == sorted(scores, reverse=True)
    assert all(each.span.end <= DURATION_S for each in moments)
    spans = as_array([each.span for each in moments])
    np.fill_diagonal(iou := temporal_iou(spans, spans), 0)
    assert (iou <= 0.5).all()


@given(candidates(distinct=True), thresholds, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(
    case: Candidates, nms_iou: float | None, random: Random
) -> None:
    order = random.sample(range(len(case.spans)), len(case.spans))
    shuffled = Candidates(
        [case.spans[i] for i in order],
        [case.offsets_s[i] for i in order],
        [case.scores[i] for i in order],
    )
    assert shuffled.rank(nms_iou=nms_iou) == case.rank(nms_iou=nms_iou)


@given(candidates(), candidates())
def test_worse_candidates_change_nothing_above_them(
    case: Candidates, others: Candidates
) -> None:
    worse = Candidates(
        case.spans + others.spans,
        case.offsets_s + others.offsets_s,
        case.scores + [score - 10 for score in others.scores],
    )
    before = case.rank()
    assert worse.rank()[: len(before)] == before


@given(candidates(), st.sampled_from([0.25, 2.0, 64.0]))
def test_answers_do_not_depend_on_the_unit_of_time(
    case: Candidates, scale: float
) -> None:
    there = rank(
        "kitchen",
        scale * rows(case.spans),
        np.array(case.scores, dtype=np.float64),
        duration_s=scale * DURATION_S,
        offsets_s=scale * rows(case.offsets_s),
    )
    expected = [
        (scale * start, scale * end, score)
        for start, end, score in plainly(case.rank())
    ]
    assert plainly(there) == expected


@given(candidates(), st.integers(1, 100).map(float))
def test_a_longer_video_after_the_candidates_changes_nothing(
    case: Candidates, more_s: float
) -> None:
    here = case.rank(duration_s=100.0)
    assert case.rank(duration_s=100.0 + more_s) == here


def test_no_offsets_are_offsets_of_zero() -> None:
    spans, scores = rows([(1, 3), (4, 9)]), np.array([0.2, 0.1])
    without = rank("a", spans, scores, duration_s=10.0)
    zeros = np.zeros_like(spans)
    assert rank("a", spans, scores, duration_s=10.0, offsets_s=zeros) == without


def test_single_precision_ends_within_the_video() -> None:
    # The nearest float32 to 0.1 is above 0.1.
    spans = np.array([[0.0, 0.1]], dtype=np.float32)
    scores = np.array([0.5], dtype=np.float32)
    assert rank("a", spans, scores, duration_s=0.1) == [
        Moment("a", Span(0.0, 0.1), 0.5)
    ]


def test_the_input_is_left_as_it_was() -> None:
    spans, offsets_s = rows([(1, 30)]), rows([(-5, 5)])
    rank("a", spans, np.array([1.0]), duration_s=10.0, offsets_s=offsets_s)
    np.testing.assert_array_equal(spans, [[1, 30]])
    np.testing.assert_array_equal(offsets_s, [[-5, 5]])


@pytest.mark.parametrize("wrong", [nan, inf, -inf])
def test_scores_that_are_not_finite_are_named_with_their_place(wrong: float) -> None:
    message = (
        rf"1 of 2 scores for video 'kitchen' are not finite \(the first: {wrong} at "
        r"candidate 1\); look for NaN in the video's features"
    )
    with pytest.raises(ValueError, match=message):
        Candidates([(0, 1), (1, 2)], [(0, 0)] * 2, [0.5, wrong]).rank()


def test_offsets_and_candidates_that_are_not_finite_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"1 of 1 offsets .* \[nan  0.\] at candidate 0"
    ):
        Candidates([(0, 1)], [(nan, 0)], [0.5]).rank()
    with pytest.raises(ValueError, match=r"1 of 1 candidates .* \[ 0. inf\]"):
        Candidates([(0, inf)], [(0, 0)], [0.5]).rank()


@pytest.mark.parametrize("duration_s", [0.0, -2.0, nan, inf])
def test_a_video_without_length_is_named(duration_s: float) -> None:
    message = f"the length of video 'kitchen' must be above 0 s, got {duration_s} s"
    with pytest.raises(ValueError, match=message):
        Candidates([], [], []).rank(duration_s=duration_s)


@pytest.mark.parametrize("nms_iou", [None, 0.5])
def test_a_ranking_of_none_is_refused(nms_iou: float | None) -> None:
    with pytest.raises(ValueError, match="at least 1, or None for all, got 0"):
        Candidates([], [], []).rank(nms_iou=nms_iou, top=0)


def test_a_suppression_that_cannot_be_is_named() -> None:
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got 50"):
        Candidates([], [], []).rank(nms_iou=50.0)


def test_a_score_for_each_candidate_is_needed() -> None:
    with pytest.raises(TypeCheckError):
        rank("a", np.zeros((3, 2)), np.zeros(2), duration_s=1.0)
