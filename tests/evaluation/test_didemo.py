"""DiDeMo's measures against their slow second spelling."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.evaluation.metrics import Table, didemo
from slta.moments.candidates import didemo_chunks
from tests.reference import didemo as slow
from tests.reference.didemo import Chunks

MOMENTS = [(i, j) for i in range(6) for j in range(i, 6)]
rankings = st.permutations(MOMENTS)
some = st.tuples(rankings, st.integers(0, 21)).map(lambda x: x[0][: x[1]])
annotators = st.lists(st.sampled_from(MOMENTS), min_size=1, max_size=7)
Asked = list[tuple[list[Chunks], list[Chunks]]]
asked = st.lists(st.tuples(some, annotators), min_size=1, max_size=4)


def rows(moments: list[Chunks]) -> np.ndarray:
    return np.array(moments, np.int64).reshape(-1, 2)


def split(case: Asked) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [rows(ranked) for ranked, _ in case], [rows(marks) for _, marks in case]


def test_there_are_21_moments() -> None:
    assert sorted(map(tuple, didemo_chunks(30.0).tolist())) == MOMENTS


@given(asked)
def test_the_official_measure_is_what_one_counts_by_hand(case: Asked) -> None:
    table = didemo.official(*split(case))
    expected = np.mean([slow.query(*each) for each in case], axis=0)
    found = [table.mean(name) for name in ("Rank@1", "Rank@5", "mIoU")]
    assert found == pytest.approx(expected.tolist())
    assert table.queries == len(case)


@given(asked)
def test_acrns_measure_is_what_one_counts_by_hand(case: Asked) -> None:
    table = didemo.acrn(*split(case))
    assert set(table.values) == {*didemo.REPORTED, "mIoU"}
    for n, m in itertools.product((1, 5), (0.5, 0.7, 0.9)):
        hits = [slow.recall(*each, n, m) for each in case]
        assert table.recall(n=n, iou=m) == pytest.approx(np.mean(hits))


def one(ranked: list[Chunks], marks: list[Chunks]) -> Table:
    return didemo.official([rows(ranked)], [rows(marks)])


def test_the_worst_of_four_annotators_does_not_count() -> None:
    ranked = [(0, 0), *(m for m in MOMENTS if m != (0, 0))]
    agreed = one(ranked, [(0, 0)] * 3 + [(5, 5)])
    assert agreed.as_dict() == {"Rank@1": 1, "Rank@5": 1, "mIoU": 1, "queries": 1}
    split = one(ranked, [(0, 0)] * 2 + [(5, 5)] * 2)
    assert split.mean("Rank@1") == 0
    assert split.mean("mIoU") == pytest.approx(2 / 3)


def test_rank_5_is_a_mean_of_three_ranks() -> None:
    ranked = list(MOMENTS)
    assert one(ranked, [ranked[i] for i in (3, 4, 5)]).mean("Rank@5") == 1
    assert one(ranked, [ranked[i] for i in (3, 5, 5)]).mean("Rank@5") == 0


def test_a_moment_that_was_not_answered_ranks_after_all_others() -> None:
    assert one([(0, 0)], [(0, 0), (0, 0), (5, 5)]).mean("Rank@5") == 0
    # (1 + 1 + 22) / 3 = 8
    assert one([], [(0, 0)]).as_dict()["mIoU"] == 0


@given(annotators)
def test_no_answer_is_a_miss(marks: list[Chunks]) -> None:
    table = one([], marks)
    assert table.as_dict() == {"Rank@1": 0, "Rank@5": 0, "mIoU": 0, "queries": 1}
    recalls = didemo.acrn([rows([])], [rows(marks)]).as_dict()
    assert set(recalls.values()) == {0, 1} and recalls["queries"] == 1


def test_fewer_than_three_annotators_all_count() -> None:
    assert one([(0, 0), (0, 1)], [(0, 0), (0, 1)]).mean("mIoU") == 0.75
    assert one([(0, 0)], [(0, 0)]).mean("Rank@1") == 1


def test_queries_and_answers_must_be_as_many() -> None:
    with pytest.raises(
        ValueError, match="1 queries have ground truth but 0 have answers"
    ):
        didemo.official([], [rows([(0, 0)])])
    with pytest.raises(ValueError, match="no queries to evaluate"):
        didemo.official([], [])
