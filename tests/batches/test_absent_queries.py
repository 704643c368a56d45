"""Queries that are drawn for videos without them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slta.batches.absent_queries import AbsentQueries
from slta.moments import Query, Span

TRUTH = (Span(0.0, 1.0),)
NOUNS = ("dog", "cat", "cow", "hen", "fox", "owl", "ant", "bee")


def queries(*said: tuple[str, str]) -> list[Query]:
    return [Query(str(i), *pair, TRUTH) for i, pair in enumerate(said)]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.sampled_from(NOUNS), max_size=3)),
        min_size=1,
        max_size=12,
    )
)
def test_they_share_no_content_word_with_the_videos_own(
    said: list[tuple[str, list[str]]],
) -> None:
    every = queries(*((name, " ".join(["an", *words])) for name, words in said))
    often = {n for n in NOUNS if 4 * sum(n in words for _, words in said) > len(said)}
    content = [{*words} - often for _, words in said]
    found = AbsentQueries(every)
    for video_id in "abcd":
        own = {w for (name, _), some in zip(said, content, strict=True) for w in some
               if name == video_id}  # fmt: skip
        expected = [i for i, some in enumerate(content) if some and not some & own]
        assert found.of(video_id).tolist() == expected
        drawn = found.draw(np.random.default_rng(0), video_id, 4)
        assert len({*drawn}) == len(drawn) == min(4, len(expected))
        assert {*drawn} <= {*expected}


def test_case_and_marks_are_no_part_of_a_word() -> None:
    rest = [("z", noun) for noun in NOUNS]
    found = AbsentQueries(queries(("a", "A Mouse, asleep."), ("b", "mouse"), *rest))
    assert 1 not in found.of("a") and 0 not in found.of("b")


def test_what_is_annotated_as_absent_may_be_drawn_elsewhere_and_says_nothing() -> None:
    every = queries(*(("z", noun) for noun in NOUNS))
    there, absent = Query("t", "a", "a mouse", TRUTH), Query("n", "a", "a dog", ())
    found = AbsentQueries([*every, there, absent])
    # Without a moment in "a", a dog may be asked for there, too.
    assert found.of("a").tolist() == [*range(8), 9]
    assert found.of("z").tolist() == [8]
