"""The measures against their slow second spelling, the field's own code and a log."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float, TypeCheckError

from slta.evaluation.metrics import (
    FIRST,
    IOUS,
    Table,
    bootstrap,
    ctrl,
    hit,
    intervals,
    mean_iou,
    plain,
    recall,
    tan2d,
)
from slta.moments.spans import nms
from tests.reference import metrics as slow
from tests.reference.spans import Pair

RANKED = {"ctrl": ctrl, "plain": plain, "2d-tan": tan2d}
quarters = st.tuples(st.integers(0, 24), st.integers(-1, 16)).map(
    lambda p: (p[0] / 4, (p[0] + p[1]) / 4)
)
long_quarters = quarters.filter(lambda p: p[0] < p[1])


class Asked(NamedTuple):
    """Queries with their answers, best first, the scores of these, and the truth."""

    ranked: list[list[Pair]]
    scores: list[list[float]]
    truths: list[list[Pair]]

    def table(self, protocol: str) -> Table:
        return RANKED[protocol](
            [rows(each) for each in self.ranked],
            [np.array(each, dtype=np.float64) for each in self.scores],
            [rows(each) for each in self.truths],
        )


@st.composite
def asked(draw: st.DrawFn, distinct: bool = False) -> Asked:
    truths = draw(
        st.lists(
            st.lists(long_quarters, min_size=1, max_size=3), min_size=1, max_size=4
        )
    )
    # The numbers are drawn first, for lists drawn freely are mostly of one answer.
    sizes = [draw(st.integers(0, 14)) for _ in truths]
    ranked = [draw(st.lists(quarters, min_size=n, max_size=n)) for n in sizes]
    scores = []
    for each in ranked:
        falling = [-float(i) for i in range(len(each))]
        scores.append(falling if distinct else [round(x / 3) * 1.0 for x in falling])
    return Asked(ranked, scores, truths)


def rows(pairs: list[Pair]) -> Float[np.ndarray, "n 2"]:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def every_recall(table: Table) -> np.ndarray:
    return np.array([[table.recall(n=n, iou=iou) for iou in IOUS] for n in FIRST])


def hits(table: Table) -> Float[np.ndarray, "q n m"]:
    rows = [[table.per_query(n=n, iou=iou) for iou in IOUS] for n in FIRST]
    return np.moveaxis(np.array(rows), 2, 0)


@pytest.mark.parametrize(
    ("ranked", "truth", "n", "iou", "expected"),
    [
        pytest.param([], [(0, 10)], 1, 0.5, False, id="no answers"),
        pytest.param([(0, 10)], [(0, 10)], 1, 1.0, True, id="the truth itself"),
        pytest.param([(0, 5)], [(0, 10)], 1, 0.5, True, id="exactly the threshold"),
        pytest.param([(0, 4.9)], [(0, 10)], 1, 0.5, False, id="just below it"),
        pytest.param([(20, 30), (0, 10)], [(0, 10)], 1, 0.5, False, id="second"),
        pytest.param([(20, 30), (0, 10)], [(0, 10)], 5, 0.5, True, id="within five"),
        pytest.param([(0, 10)], [(50, 60), (0, 9)], 1, 0.9, True, id="another truth"),
        pytest.param([(9, 1)], [(0, 10)], 1, 0.1, False, id="end before start"),
    ],
)
def test_hits_and_misses(
    ranked: list[Pair], truth: list[Pair], n: int, iou: float, expected: bool
) -> None:
    assert hit(rows(ranked), rows(truth), n=n, iou=iou) is expected


@given(asked(), st.integers(1, 12), st.sampled_from(IOUS))
def test_recall_and_mean_iou_are_what_one_counts_by_hand(
    case: Asked, n: int, iou: float
) -> None:
    ranked = [rows(each) for each in case.ranked]
    truths = [rows(each) for each in case.truths]
    assert recall(ranked, truths, n=n, iou=iou) == pytest.approx(
        slow.recall(case.ranked, case.truths, n, iou)
    )
    assert mean_iou(ranked, truths) == pytest.approx(
        slow.mean_iou(case.ranked, case.truths)
    )


@given(asked())
def test_the_plain_table_is_recall_and_mean_iou_of_the_answers(case: Asked) -> None:
    table = case.table("plain")
    expected = [
        [slow.recall(case.ranked, case.truths, n, iou) for iou in IOUS] for n in FIRST
    ]
    np.testing.assert_allclose(every_recall(table), expected)
    assert table.mean_iou == pytest.approx(slow.mean_iou(case.ranked, case.truths))
    assert table.queries == len(case.truths)


@given(asked())
def test_the_ctrl_table_is_a_suppression_for_each_threshold(case: Asked) -> None:
    expected = [[slow.ctrl_recall(*case, n, iou) for iou in IOUS] for n in FIRST]
    np.testing.assert_allclose(every_recall(case.table("ctrl")), expected)


@given(asked(), st.sampled_from([0.0, 0.3, 0.45, 0.5, 1.0]))
def test_the_2d_tan_table_is_one_suppression_and_hits_above_the_threshold(
    case: Asked, threshold: float
) -> None:
    spans = [rows(each) for each in case.ranked]
    scores = [np.array(each, np.float64) for each in case.scores]
    truths = [rows(each) for each in case.truths]
    table = tan2d(spans, scores, truths, nms_iou=threshold)
    expected = [
        [slow.tan2d_recall(*case, n, iou, threshold) for iou in IOUS] for n in FIRST
    ]
    np.testing.assert_allclose(every_recall(table), expected)
    # Nothing suppresses the first answer.
    assert table.mean_iou == case.table("plain").mean_iou


@given(asked(), st.sampled_from(sorted(RANKED)))
def test_recall_grows_with_the_answers_and_falls_with_the_threshold(
    case: Asked, protocol: str
) -> None:
    recalls = every_recall(case.table(protocol))
    assert (np.diff(recalls, axis=0) >= 0).all()
    # With a suppression of its own for each threshold, only the first answer is fixed.
    falling = recalls if protocol != "ctrl" else recalls[:1]
    assert (np.diff(falling, axis=1) <= 0).all()


@given(
    asked(distinct=True),
    st.sampled_from(sorted(RANKED)),
    st.randoms(use_true_random=False),
)
def test_the_order_of_queries_and_candidates_does_not_matter(
    case: Asked, protocol: str, random: Random
) -> None:
    mixed = []
    for ranked, scores, truth in zip(*case, strict=True):
        order = random.sample(range(len(ranked)), len(ranked))
        random.shuffle(truth := list(truth))
        mixed.append(([ranked[i] for i in order], [scores[i] for i in order], truth))
    random.shuffle(mixed)
    shuffled = Asked(*(list(part) for part in zip(*mixed, strict=True)))
    assert shuffled.table(protocol).as_dict() == pytest.approx(
        case.table(protocol).as_dict()
    )


@given(asked(), quarters, st.sampled_from(sorted(RANKED)))
def test_a_worse_candidate_never_changes_the_first_answer_nor_lowers_recall(
    case: Asked, worse: Pair, protocol: str
) -> None:
    more = Asked(
        [[*ranked, worse] for ranked in case.ranked],
        [[*scores, -99.0] for scores in case.scores],
        case.truths,
    )
    before, after = case.table(protocol), more.table(protocol)
    assert (every_recall(after) >= every_recall(before)).all()
    answered = np.array([len(ranked) > 0 for ranked in case.ranked])
    np.testing.assert_array_equal(
        hits(after)[answered, 0], hits(before)[answered, 0], strict=True
    )
    np.testing.assert_array_equal(
        after.values["mIoU"][answered], before.values["mIoU"][answered]
    )


@given(asked(), long_quarters, st.sampled_from(sorted(RANKED)))
def test_one_more_truth_never_lowers_a_measure(
    case: Asked, truth: Pair, protocol: str
) -> None:
    before = case.table(protocol)
    after = case._replace(truths=[[*each, truth] for each in case.truths])
    assert (hits(after.table(protocol)) >= hits(before)).all()
    assert after.table(protocol).mean_iou >= before.mean_iou


@given(
    asked(),
    st.sampled_from(sorted(RANKED)),
    st.sampled_from([0.25, 2.0, 64.0]),
    st.integers(-8, 8),
)
def test_neither_the_unit_nor_the_zero_of_time_matters(
    case: Asked, protocol: str, scale: float, shift: int
) -> None:
    def moved(queries: list[list[Pair]]) -> list[list[Pair]]:
        return [[(scale * a + shift, scale * b + shift) for a, b in q] for q in queries]

    there = Asked(moved(case.ranked), case.scores, moved(case.truths))
    assert there.table(protocol).as_dict() == case.table(protocol).as_dict()


@given(asked(distinct=True))
def test_protocols_agree_on_the_first_answer(case: Asked) -> None:
    one, other = case.table("plain"), case.table("ctrl")
    np.testing.assert_array_equal(hits(one)[:, 0], hits(other)[:, 0])
    assert one.mean_iou == other.mean_iou


def test_of_equal_scores_plain_takes_the_earlier_and_ctrl_the_later() -> None:
    tied = Asked([[(0, 10), (20, 30)]], [[1.0, 1.0]], [[(0, 10)]])
    assert tied.table("plain").recall(n=1, iou=0.9) == 1
    assert tied.table("ctrl").recall(n=1, iou=0.9) == 0


@pytest.mark.parametrize(
    ("second", "found"),
    [
        pytest.param((75.0, 275.0), 0, id="0.4545 of the first, above 0.5 - 0.05"),
        pytest.param((76.0, 276.0), 1, id="0.4493 of the first, below 0.5 - 0.05"),
    ],
)
def test_ctrl_suppresses_above_its_threshold_less_five_hundredths(
    second: Pair, found: int
) -> None:
    case = Asked([[(0, 200), second]], [[2.0, 1.0]], [[(75, 275)]])
    assert case.table("ctrl").recall(n=5, iou=0.5) == found
    assert case.table("plain").recall(n=5, iou=0.5) == 1


def test_queries_without_answers_are_misses_in_every_protocol() -> None:
    for protocol in RANKED:
        table = Asked([[], [(0, 1)]], [[], [0.5]], [[(0, 1)], [(0, 1)]]).table(protocol)
        assert every_recall(table).tolist() == [[0.5] * 5] * 3
        assert table.mean_iou == 0.5


def test_reaching_the_threshold_exactly_is_a_hit_but_in_2d_tan() -> None:
    half = Asked([[(0, 5)]], [[1.0]], [[(0, 10)]])
    found = {name: half.table(name).recall(n=1, iou=0.5) for name in RANKED}
    assert found == {"ctrl": 1, "plain": 1, "2d-tan": 0}
    assert half.table("2d-tan").recall(n=1, iou=0.3) == 1


def test_2d_tan_suppresses_once_and_ctrl_for_each_threshold() -> None:
    """The second overlaps the first by 0.6: the second falls at 0.5 in 2D-TAN, and in
    ctrl at 0.45, but not at 0.65."""
    case = Asked([[(0, 8), (2, 10)]], [[2.0, 1.0]], [[(2, 10)]])
    assert case.table("2d-tan").recall(n=5, iou=0.7) == 0
    assert case.table("ctrl").recall(n=5, iou=0.7) == 1
    spans, scores, truths = (
        [rows([(0, 8), (2, 10)])],
        [np.array([2.0, 1])],
        [rows([(2, 10)])],
    )
    assert tan2d(spans, scores, truths, nms_iou=0.6).recall(n=5, iou=0.7) == 1


def of_counts(counts: dict[int, int], queries: int) -> Table:
    hits = np.zeros((queries, len(FIRST), len(IOUS)), dtype=bool)
    for n, count in counts.items():
        hits[:count, FIRST.index(n)] = True
    return Table.of_hits(hits, np.zeros(queries))


def test_a_query_without_a_part_in_a_measure_does_not_count_there() -> None:
    table = Table({"a": np.array([1.0, np.nan, 0.0]), "b": np.array([0.5] * 3)})
    assert table.as_dict() == {"a": 0.5, "b": 0.5, "queries": 3}
    assert table.only(["b"]).as_dict() == {"b": 0.5, "queries": 3}
    assert table.lines([("b", "c"), ("c",), ("a",)]) == ["b: 0.5000", "a: 0.5000"]


def test_log_lines_read_as_the_field_prints_them() -> None:
    lines = of_counts({10: 2627, 5: 2077, 1: 1149}, 10_000).lines()
    assert len(lines) == len(IOUS)
    assert (
        lines[2] == "IoU=0.5, R@10: 0.2627; IoU=0.5, R@5: 0.2077; IoU=0.5, R@1: 0.1149"
    )


def test_a_table_is_json_with_every_number_by_its_name() -> None:
    numbers = json.loads(json.dumps(of_counts({1: 1, 5: 2, 10: 2}, 4).as_dict()))
    assert numbers["R@1, IoU=0.5"] == 0.25
    assert numbers["R@10, IoU=0.9"] == 0.5
    assert numbers["mIoU"] == 0
    assert numbers["queries"] == 4
    assert len(numbers) == len(FIRST) * len(IOUS) + 2


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: recall([], [], n=1, iou=0.5), "no queries .* split is empty"),
        (lambda: mean_iou([], []), "no queries to evaluate"),
        (lambda: plain([], [], []), "no queries to evaluate"),
        (
            lambda: recall([], [rows([(0, 1)])], n=1, iou=0.5),
            "1 queries have ground truth but 0 have answers; .* empty for no",
        ),
        (
            lambda: ctrl([rows([])], [], [rows([(0, 1)])]),
            "1 queries have ground truth but 0 have scores",
        ),
        (
            lambda: plain([rows([])], [np.zeros(0)], [rows([])]),
            "without a true span has no IoU; leave it out of R@n and mIoU",
        ),
        (
            lambda: hit(rows([(0, 1)]), rows([]), n=1, iou=0.5),
            "without a true span has no IoU",
        ),
        (
            lambda: plain([rows([(0, 1)])], [np.array([np.nan])], [rows([(0, 1)])]),
            "query 0 has NaN among its scores; look for NaN in the video",
        ),
        (lambda: hit(rows([]), rows([]), n=0, iou=0.5), "n must be .* 1, got 0"),
        (lambda: hit(rows([]), rows([]), n=1, iou=50.0), r"in \(0, 1\], got 50.0"),
        (
            lambda: of_counts({}, 1).recall(n=3, iou=0.5),
            r"R@3, IoU=0.5 is not in this table; it has R@1, IoU=0.1, R@1, IoU=0.3, ",
        ),
        (lambda: bootstrap(np.zeros(0), [], seed=0), "got 0 values and 0 video ids"),
        (
            lambda: bootstrap(np.zeros(2), ["a"], seed=0),
            "the video of each, got 2 values and 1 video ids",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_with_a_reason(
    ask: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ask()


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(TypeCheckError):
        hit(np.zeros((3, 3)), np.zeros((1, 2)), n=1, iou=0.5)
    with pytest.raises(TypeCheckError):
        Table({"mIoU": np.zeros((4, 1))})
    with pytest.raises(TypeCheckError):
        Table.of_hits(np.zeros((4, 3, 5), dtype=bool), np.zeros(3))


queries_of_videos = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from([0.0, 1.0])),
    min_size=1,
    max_size=12,
)


@given(queries_of_videos, st.integers(0, 3))
def test_bootstrap_is_what_drawing_videos_one_by_one_gives(
    queries: list[tuple[str, float]], seed: int
) -> None:
    video_ids, values = [v for v, _ in queries], [x for _, x in queries]
    low, high = bootstrap(np.array(values), video_ids, seed=seed, samples=40)
    assert (low, high) == pytest.approx(slow.bootstrap(values, video_ids, seed, 40))
    assert min(values) <= low <= high <= max(values)


@given(queries_of_videos, st.integers(0, 3))
def test_several_measures_share_their_draws(
    queries: list[tuple[str, float]], seed: int
) -> None:
    video_ids, values = [v for v, _ in queries], np.array([x for _, x in queries])
    rows = np.stack([values, 1 - values, np.linspace(0, 1, len(values))])
    # More than are counted at a time, and no multiple of that.
    found = intervals(rows, video_ids, seed=seed, samples=430)
    for row, ends in zip(rows, found, strict=True):
        expected = slow.bootstrap(row.tolist(), video_ids, seed, 430)
        assert tuple(ends) == pytest.approx(expected)


def test_bootstrap_of_one_video_has_nothing_to_draw_from() -> None:
    assert bootstrap(np.array([0.0, 1.0]), ["a", "a"], seed=0) == (0.5, 0.5)


def test_bootstrap_comes_near_the_interval_of_theory() -> None:
    values = np.arange(400) % 2.0
    low, high = bootstrap(values, [str(i) for i in range(400)], seed=0)
    half = 1.96 * 0.5 / np.sqrt(400)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.006)


def test_queries_of_one_video_tell_less_than_queries_of_many() -> None:
    values = np.repeat([0.0, 1.0] * 10, 20)
    together = bootstrap(values, [str(i // 20) for i in range(400)], seed=0)
    apart = bootstrap(values, [str(i) for i in range(400)], seed=0)
    assert together[1] - together[0] > 3 * (apart[1] - apart[0])


def test_bootstrap_repeats_with_its_seed() -> None:
    values, video_ids = np.arange(90.0) % 7, [str(i // 3) for i in range(90)]
    first = bootstrap(values, video_ids, seed=1)
    assert bootstrap(values, video_ids, seed=1) == first
    assert bootstrap(values, video_ids, seed=2) != first


@pytest.fixture(scope="module")
def ctrl_cases(shared: Path) -> list[dict[str, Any]]:
    text = (shared / "golden" / "ctrl_protocol.json").read_text()
    cases: list[dict[str, Any]] = json.loads(text)["cases"]
    return cases


@pytest.mark.real
def test_ctrl_counts_the_hits_that_the_field_s_own_code_counts(
    ctrl_cases: list[dict[str, Any]],
) -> None:
    for case in ctrl_cases:
        table = ctrl(
            [rows(each) for each in case["spans"]],
            [np.array(each) for each in case["scores"]],
            [rows([each]) for each in case["truth"]],
        )
        hits = {
            f"R@{n},IoU={iou}": table.per_query(n=n, iou=iou).sum()
            for n in FIRST
            for iou in IOUS
        }
        assert hits == case["hits"]


@pytest.mark.real
def test_suppression_keeps_what_the_field_s_own_code_keeps(
    ctrl_cases: list[dict[str, Any]],
) -> None:
    for case in ctrl_cases:
        for query, order in enumerate(case["nms_045_order_first3"]):
            spans, scores = case["spans"][query], case["scores"][query]
            assert slow.ctrl_order(spans, scores, 0.45) == order
            # That code takes the later of equal scores first: read from the end.
            kept = nms(rows(spans)[::-1], np.array(scores)[::-1], iou=0.45)
            assert (len(scores) - 1 - kept).tolist() == order


@pytest.mark.real
def test_the_published_answers_of_cbp_get_their_published_numbers(
    shared: Path,
) -> None:
    folder = shared / "data" / "reference_predictions"
    with gzip.open(folder / "cbp_tacos.json.gz") as file:
        results = json.load(file)["results"]
    with gzip.open(folder / "cbp_tacos.test.json.gz") as file:
        videos = json.load(file)
    spans, scores, truths, video_ids = [], [], [], []
    for query_id, answers in results.items():
        video_id, _, number = query_id.rpartition("-")
        spans.append(rows([each["timestamp"] for each in answers]))
        scores.append(np.array([each["score"] for each in answers]))
        truths.append(rows([videos[video_id]["timestamps"][int(number)]]))
        video_ids.append(video_id)

    table = plain(spans, scores, truths)
    assert table.queries == 4083
    assert round(100 * table.recall(n=1, iou=0.5), 2) == 23.19
    assert round(100 * table.recall(n=1, iou=0.7), 2) == 18.54
    assert round(100 * table.recall(n=5, iou=0.5), 2) == 35.83
    assert round(100 * table.mean_iou, 2) == 20.46
    low, high = bootstrap(table.per_query(n=1, iou=0.5), video_ids, seed=0)
    assert low < table.recall(n=1, iou=0.5) < high
