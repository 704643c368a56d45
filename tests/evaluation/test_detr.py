"""QVHighlights' measures against their slow second spelling."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.evaluation.metrics import detr
from slta.evaluation.metrics.detr import (
    IOUS,
    LENGTHS_S,
    LEVELS,
    average_precision,
    clip_precision,
    highlights,
    moments,
    spread,
)
from tests.reference import detr as slow
from tests.reference.spans import Pair

# Of whole clips, as in QVHighlights: many IoUs are a threshold exactly.
pairs = st.tuples(st.integers(0, 40), st.integers(1, 30)).map(
    lambda p: (2.0 * p[0], 2.0 * (p[0] + p[1]))
)
scores_of = {
    "distinct": lambda n: [1 - i / 20 for i in range(n)],
    "tied": lambda n: [round(1 - i / 20, 1) for i in range(n)],
    "rising": lambda n: [i / 20 for i in range(n)],
}
Asked = tuple[list[Pair], list[float], list[Pair]]


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    n = draw(st.integers(0, 13))
    truth = draw(st.lists(pairs, min_size=1, max_size=4))
    # Answers near the truth, so that there are hits.
    shifts = st.tuples(st.sampled_from(truth), st.integers(-4, 4), st.integers(-4, 4))
    near = shifts.map(
        lambda s: (max(0.0, s[0][0] + s[1]), max(0.0, s[0][0] + s[1]) + 2 + abs(s[2]))
    )
    spans = draw(
        st.lists(st.one_of(pairs, near, st.sampled_from(truth)), min_size=n, max_size=n)
    )
    return spans, scores_of[draw(st.sampled_from(sorted(scores_of)))](n), truth


def rows(spans: list[Pair]) -> np.ndarray:
    return np.array(spans, np.float64).reshape(-1, 2)


def table(cases: list[Asked]) -> detr.Table:
    return moments(
        [rows(spans) for spans, _, _ in cases],
        [np.array(scores, np.float64) for _, scores, _ in cases],
        [rows(truth) for _, _, truth in cases],
    )


@given(asked())
def test_average_precision_is_what_one_counts_by_hand(case: Asked) -> None:
    spans, scores, truth = case
    found = average_precision(rows(spans), np.array(scores, np.float64), rows(truth))
    expected = [slow.average_precision(*case, m) for m in IOUS]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(st.lists(asked(), min_size=1, max_size=3))
def test_the_table_is_a_mean_over_queries(cases: list[Asked]) -> None:
    found = table(cases)
    for m in IOUS:
        first = [slow.first_is_right(spans, truth, m) for spans, _, truth in cases]
        assert found.mean(f"R@1, IoU={m}") == pytest.approx(np.mean(first))
        area = [slow.average_precision(*case, m) for case in cases]
        assert found.mean(f"mAP, IoU={m}") == pytest.approx(np.mean(area))
    each = [found.mean(f"mAP, IoU={m}") for m in IOUS]
    assert found.mean("mAP") == pytest.approx(np.mean(each))


@given(st.lists(asked(), min_size=1, max_size=3))
def test_by_length_only_true_spans_of_that_length_count(cases: list[Asked]) -> None:
    found = table(cases)
    for name, (above, up_to) in LENGTHS_S.items():
        some = [
            (spans, scores, [s for s in truth if above < s[1] - s[0] <= up_to])
            for spans, scores, truth in cases
        ]
        some = [case for case in some if case[2]]
        known = [measure for measure in found.values if measure.endswith(f", {name}")]
        assert bool(known) == bool(some)
        for measure in known:
            alone = table(some).mean(measure.removesuffix(f", {name}"))
            assert found.mean(measure) == pytest.approx(alone)


@pytest.mark.parametrize(
    ("spans", "scores", "truth", "expected"),
    [
        pytest.param([], [], [(0, 10)], 0.0, id="no answers"),
        pytest.param([(0, 10)], [1.0], [(0, 10)], 1.0, id="the truth itself"),
        pytest.param(
            [(0, 10)] * 2, [1.0, 0.5], [(0, 10)], 1.0, id="twice, the second too late"
        ),
        pytest.param([(0, 10)], [1.0], [(0, 10), (20, 30)], 0.5, id="one of two"),
        pytest.param(
            [(50, 60), (0, 10)], [1.0, 0.5], [(0, 10)], 0.5, id="a wrong one before"
        ),
        pytest.param(
            [(50, 60), (0, 10)], [0.5, 1.0], [(0, 10)], 1.0, id="sorted by score"
        ),
        pytest.param(
            [(50, 60)] * 10 + [(0, 10)],
            [0.1] * 10 + [0.9],
            [(0, 10)],
            0.0,
            id="the eleventh is not looked at, whatever its score",
        ),
        # Precision 1/2 at the first hit, but 2/3 at the next, which lifts it.
        pytest.param(
            [(50, 60), (0, 10), (20, 30)],
            [0.9, 0.8, 0.7],
            [(0, 10), (20, 30)],
            2 / 3,
            id="the hull of precision",
        ),
    ],
)
def test_average_precision_of_known_answers(
    spans: list[Pair], scores: list[float], truth: list[Pair], expected: float
) -> None:
    found = average_precision(rows(spans), np.array(scores, np.float64), rows(truth))
    np.testing.assert_allclose(found, expected)


def test_recall_takes_the_first_answer_as_given_and_precision_the_best_score() -> None:
    found = table([([(50, 60), (0, 10)], [0.1, 0.9], [(0, 10)])])
    assert found.mean("R@1, IoU=0.5") == 0
    assert found.mean("mAP, IoU=0.5") == 1


def test_a_length_belongs_to_the_shorter_class_at_its_end() -> None:
    ends = {10.0: "short", 30.0: "middle", 30.1: "long", 900.0: "long"}
    for length, name in ends.items():
        found = table([([(0, length)], [1.0], [(0, length)])])
        assert {n.split(", ")[-1] for n in found.values} & LENGTHS_S.keys() == {name}


def test_a_query_without_answers_is_a_miss() -> None:
    """Moment-DETR's own code leaves it out of mAP and breaks at R@1."""
    found = table([([], [], [(0, 10)]), ([(0, 10)], [1.0], [(0, 10)])])
    assert found.mean("R@1, IoU=0.5") == found.mean("mAP") == 0.5


clips = st.lists(
    st.tuples(st.integers(-3, 3).map(float), st.booleans()), min_size=1, max_size=12
)


@given(clips)
def test_precision_of_clips_is_what_one_counts_by_hand(
    rows: list[tuple[float, bool]],
) -> None:
    scores, positive = [s for s, _ in rows], [p for _, p in rows]
    found = clip_precision(np.array(scores), np.array(positive))
    assert found == pytest.approx(slow.clip_precision(scores, positive))


@pytest.mark.parametrize(
    ("scores", "positive", "expected"),
    [
        pytest.param([1, 2, 3], [0, 0, 0], 0.0, id="no highlight"),
        pytest.param([1, 2, 3], [1, 1, 1], 1.0, id="nothing but highlights"),
        pytest.param([3, 2, 1], [1, 0, 0], 1.0, id="first"),
        pytest.param([3, 2, 1], [0, 0, 1], 1 / 3, id="last"),
        pytest.param([1, 1, 1], [0, 1, 1], 2 / 3, id="all alike, one level of recall"),
        pytest.param([4, 3, 2, 1], [1, 0, 0, 1], 0.75, id="two levels"),
    ],
)
def test_precision_of_known_clips(
    scores: list[int], positive: list[int], expected: float
) -> None:
    found = clip_precision(np.array(scores, np.float64), np.array(positive, bool))
    assert found == pytest.approx(expected)


@given(
    st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=8),
    st.lists(
        st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=6
    ),
)
def test_highlights_are_what_one_counts_by_hand(
    scores: list[float], given: list[list[int]]
) -> None:
    """Scores may be more or fewer than the video's clips."""
    found = highlights([np.array(scores)], [np.array(given, np.float64)])
    assert found is not None
    for name, level in LEVELS.items():
        hit, area = slow.highlight(scores, given, level)
        assert found.mean(f"HIT@1, {name}") == hit
        assert found.mean(f"HL mAP, {name}") == pytest.approx(area)


def test_of_equal_saliency_the_earlier_clip_is_the_first() -> None:
    truth = np.array([[4.0], [0.0]])
    for scores, expected in (([1.0, 1.0], 1), ([1.0, 2.0], 0)):
        found = highlights([np.array(scores)], [truth])
        assert found is not None and found.mean("HIT@1, Fair") == expected


def test_highlights_are_asked_only_where_both_sides_are_known() -> None:
    scores, truth = np.array([2.0, 1.0]), np.array([[4.0, 0.0], [0.0, 0.0]])
    assert highlights([None, scores], [truth, None]) is None
    assert highlights([None], [None]) is None
    found = highlights([scores, None, scores], [truth, truth, None])
    assert found is not None
    np.testing.assert_array_equal(found.values["HIT@1, Fair"], [1, 0, np.nan])
    np.testing.assert_array_equal(found.values["HL mAP, Fair"], [0.5, 0, np.nan])


def test_saliency_of_some_clips_is_spread_over_the_video() -> None:
    found = spread(np.array([2, 0]), np.array([[4.0, 1], [2, 3]]), 7.9)
    assert found.tolist() == [[2, 3], [0, 0], [4, 1]]
    nothing = spread(np.zeros(0, np.int64), np.zeros((0, 3)), 4.0)
    assert nothing.tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: moments([], [], []), "no queries to evaluate"),
        (lambda: moments([rows([])], [], [rows([(0, 1)])]), "1 queries .* 0 have scor"),
        (
            lambda: spread(np.array([75]), np.ones((1, 3)), 150.0),
            "there is no clip 75 among 75 clips in 150 s; they are counted from 0",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_with_a_reason(
    ask: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ask()
