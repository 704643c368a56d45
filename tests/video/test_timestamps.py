"""Times that cannot be right, told by those around them."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.video.decoding import BELIEVED, REORDERED, in_order, last_shown

STEP, FAR = 10, 300


def told(*ticks: int | None) -> list[tuple[int, int]]:
    """What becomes of items with such ticks, each item its own place."""
    run = zip(ticks, range(len(ticks)), strict=True)
    return list(in_order(run, step=STEP, far=FAR, start=7))


def ticks(*given: int | None) -> list[int]:
    return [tick for tick, _ in told(*given)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), []),
        ((5,), [5]),
        ((None,), [7]),
        ((None, None), [7, 17]),
        ((None, 30), [20, 30]),
        ((0, 10, 20, 30), [0, 10, 20, 30]),
        ((0, 4, 5, 90, 91), [0, 4, 5, 90, 91]),
        # One that says to come far later, a little later, earlier, or nothing.
        ((0, 10, 5000, 30, 40), [0, 10, 20, 30, 40]),
        ((0, 10, 35, 30, 40), [0, 10, 20, 30, 40]),
        ((0, 10, -80, 30, 40), [0, 10, 20, 30, 40]),
        ((0, 10, None, 30, 40), [0, 10, 20, 30, 40]),
        ((0, 10, 10, 30, 40), [0, 10, 20, 30, 40]),
        ((5000, 10, 20), [0, 10, 20]),
        ((0, 10, 5000), [0, 10, 5000]),
        ((0, 10, 20, 30, 5), [0, 10, 20, 30, 40]),
        ((0, -80, 20, 30), [0, 10, 20, 30]),
        # Several, and where steps are shorter than usual.
        ((0, 10, 5000, 5010, 40, 50), [0, 10, 20, 30, 40, 50]),
        ((0, 10, 5000, 12, 13), [0, 10, 11, 12, 13]),
        # No room between two: what would be on display for no time is left out.
        ((0, 10, 5000, 11, 12), [0, 10, 11, 12]),
        # A picture that stands long, and one at the very end.
        ((0, 10, *range(5000, 5300, 10)), [0, 10, *range(5000, 5300, 10)]),
        ((0, 10, 5000, 5010), [0, 10, 5000, 5010]),
        # A clock that begins anew goes on.
        ((0, 10, 20, 0, 10, 20), [0, 10, 20, 30, 40, 50]),
    ],
)
def test_ticks_that_are_at_odds_with_their_neighbours(
    given: tuple[int | None, ...], expected: list[int]
) -> None:
    assert ticks(*given) == expected


@given(
    st.lists(st.integers(2, FAR), min_size=3, max_size=60),
    st.data(),
)
def test_one_wild_tick_changes_no_other(steps: list[int], data: st.DataObject) -> None:
    true = [sum(steps[:i]) for i in range(len(steps) + 1)]
    # Of the last, nothing that follows can tell.
    at = data.draw(st.integers(0, len(true) - 2))
    wild = data.draw(
        st.one_of(
            st.none(), st.integers(-(10**6), -1), st.integers(true[-1] + 1, 10**6)
        )
    )
    if at == 0 and wild is not None:
        wild = abs(wild) + true[-1]
    got = told(*true[:at], wild, *true[at + 1 :])
    assert [tick for tick, place in got if place != at] == true[:at] + true[at + 1 :]
    (own,) = [tick for tick, place in got if place == at]
    assert (at == 0 or true[at - 1] < own) and own < true[at + 1]


@given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), max_size=80))
def test_whatever_the_ticks_they_rise_and_the_order_stays(
    given: list[int | None],
) -> None:
    got = told(*given)
    assert [tick for tick, _ in got] == sorted({tick for tick, _ in got})
    assert [place for _, place in got] == sorted({place for _, place in got})
    assert not given or got


def test_few_items_wait() -> None:
    taken = 0

    def run(step: int) -> list[tuple[int, int]]:
        nonlocal taken
        taken = 0
        found = []

        def counted() -> Iterator[tuple[int, int]]:
            nonlocal taken
            for i in range(100):
                taken = i
                yield i * step, i

        for _, i in in_order(counted(), step=STEP, far=FAR):
            found.append((i, taken - i))
        return found[:80]

    assert {waiting for _, waiting in run(STEP)} == {1}
    assert max(waiting for _, waiting in run(FAR + 1)) <= BELIEVED


@pytest.mark.parametrize("reordered", [False, True])
def test_the_last_picture_is_no_wild_one(reordered: bool) -> None:
    tail = [(tick, 10) for tick in range(0, 600, 10)]
    assert last_shown(tail, reordered=reordered, far=lambda _: FAR) == (590, 10)
    late = len(tail) - REORDERED - 2
    tail[late] = (9000, 10)
    assert last_shown(tail, reordered=reordered, far=lambda _: 10**6) == (590, 10)


def test_a_picture_stored_early_may_be_the_last() -> None:
    tail = [(0, 5), (10, 10), (50, 10), (20, 10), (30, 10), (40, 10)]
    assert last_shown(tail, reordered=True, far=lambda _: FAR) == (50, 10)
    assert last_shown(tail, reordered=False, far=lambda _: FAR) == (40, 10)


def test_a_last_picture_alone_in_the_distance_is_none() -> None:
    tail = [(0, 10), (10, 10), (5000, 10)]
    assert last_shown(tail, reordered=False, far=lambda _: FAR) == (10, 10)
    assert last_shown(tail, reordered=False, far=lambda _: 5000) == (5000, 10)
    assert last_shown(tail[1:], reordered=False, far=lambda _: FAR) == (5000, 10)
