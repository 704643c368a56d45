"""Which candidates a query is trained with, and which against it."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.batches.sampling import USUAL, Matches, Rule, matches
from slta.moments.candidates import windows
from tests.reference import pairs as slow

Pair = tuple[int, int]
PAIRS = st.tuples(st.integers(0, 60), st.integers(1, 40)).map(
    lambda drawn: (drawn[0], drawn[0] + drawn[1])
)


EIGHTHS = st.integers(1, 7).map(lambda count: Fraction(count, 8))
RULES = st.just(slow.USUAL) | st.tuples(EIGHTHS, EIGHTHS, EIGHTHS)


def found(
    candidates: Sequence[Pair], truths: Sequence[Pair], rule: Rule = USUAL
) -> Matches:
    return matches(
        np.array(candidates, np.float64).reshape(-1, 2),
        np.array(truths, np.float64).reshape(-1, 2),
        rule,
    )


def exact(pair: Pair) -> slow.Exact:
    return Fraction(pair[0]), Fraction(pair[1])


@given(st.lists(PAIRS, max_size=8), st.lists(PAIRS, min_size=1, max_size=4), RULES)
def test_agrees_with_the_rule_spelled_out(
    candidates: list[Pair],
    truths: list[Pair],
    rule: tuple[Fraction, Fraction, Fraction],
) -> None:
    names = "match_iou", "match_outside", "other_iou"
    numbers = dict(zip(names, map(float, rule), strict=True))
    have = found(candidates, truths, Rule(**numbers))
    want = [
        slow.fit(exact(each), [exact(truth) for truth in truths], rule)
        for each in candidates
    ]
    assert have.matching.tolist() == [each.matching for each in want]
    assert have.other.tolist() == [each.other for each in want]
    assert have.near.tolist() == [each.near for each in want]
    offsets_s = [[float(value) for value in each.offsets_s] for each in want]
    assert have.offsets_s.tolist() == offsets_s


TABLE = {
    "no candidates": ([], [(0, 4)], [], []),
    "no truth": ([(0, 4), (2, 6)], [], [False, False], [True, True]),
    "the truth itself": ([(3, 7)], [(3, 7)], [True], [False]),
    "inside, IoU 1/2": ([(0, 5)], [(0, 10)], [False], [False]),
    "inside, IoU above 1/2": ([(0, 51)], [(0, 100)], [True], [False]),
    "around, IoU 1/2": ([(0, 10)], [(0, 5)], [False], [False]),
    "0.15 outside": ([(0, 20)], [(3, 20)], [False], [False]),
    "0.14 outside": ([(0, 100)], [(14, 100)], [True], [False]),
    "IoU 0.8, 0.2 outside": ([(0, 10)], [(0, 8)], [False], [False]),
    "IoU 0.3": ([(0, 30)], [(0, 100)], [False], [False]),
    "IoU 0.29": ([(0, 29)], [(0, 100)], [False], [True]),
    "touching": ([(0, 5)], [(5, 10)], [False], [True]),
    "the second truth": ([(20, 30)], [(0, 10), (20, 30)], [True], [False]),
}


@pytest.mark.parametrize(
    ("candidates", "truths", "matching", "other"), TABLE.values(), ids=TABLE
)
def test_at_the_borders(
    candidates: list[Pair], truths: list[Pair], matching: list[bool], other: list[bool]
) -> None:
    have = found(candidates, truths)
    assert have.matching.tolist() == matching
    assert have.other.tolist() == other
    assert have.offsets_s.shape == (len(candidates), 2)


@given(st.lists(PAIRS, min_size=1, max_size=8), st.lists(PAIRS, min_size=1, max_size=4))
def test_no_candidate_is_both_an_answer_and_none(
    candidates: list[Pair], truths: list[Pair]
) -> None:
    have = found(candidates, truths)
    assert not (have.matching & have.other).any()
    assert (have.near <= have.other).all()


@given(
    st.lists(PAIRS, min_size=1, max_size=8),
    st.lists(PAIRS, min_size=1, max_size=4),
    st.integers(1, 1000),
)
def test_the_unit_of_time_does_not_matter(
    candidates: list[Pair], truths: list[Pair], factor: int
) -> None:
    def larger(pairs: list[Pair]) -> list[Pair]:
        return [(factor * start, factor * end) for start, end in pairs]

    here, there = found(candidates, truths), found(larger(candidates), larger(truths))
    assert here.matching.tolist() == there.matching.tolist()
    assert (factor * here.offsets_s == there.offsets_s).all()


@given(st.lists(PAIRS, min_size=1, max_size=8), st.lists(PAIRS, min_size=1, max_size=4))
def test_offsets_lead_to_a_truth(candidates: list[Pair], truths: list[Pair]) -> None:
    moved = np.array(candidates) + found(candidates, truths).offsets_s
    assert {tuple(row) for row in moved.tolist()} <= {
        (float(start), float(end)) for start, end in truths
    }


def test_dense_windows_match_every_truth_of_their_length() -> None:
    """Windows that repeat 0.8 of one another miss no truth as long as they are."""
    candidates = windows(30.0, lengths_s=(4.0,), overlap=0.8)
    for start in np.arange(0, 26, 0.37):
        assert matches(candidates, np.array([[start, start + 4]])).matching.any()
