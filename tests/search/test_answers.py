"""What is printed of an answer says the same as the answer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.search.answers import rounded
from tests.support.answers import answer

SHARES = st.floats(0, 1)
DIGITS = st.integers(1, 6)


@given(SHARES, SHARES, DIGITS)
def test_no_number_is_printed_on_the_other_side_of_its_line(
    value: float, line: float, digits: int
) -> None:
    shown = rounded(value, digits, line)
    assert (shown >= line) == (value >= line)
    assert abs(shown - value) < 10.0**-digits * 1.000001
    assert shown == float(f"{shown:.{digits}f}")
    nearest = round(value, digits)
    assert shown == nearest or (nearest >= line) != (value >= line)


@given(st.integers(0, 1000), st.integers(-50, 50), DIGITS)
def test_that_holds_close_to_lines_that_people_choose(
    thousandths: int, millionths: int, digits: int
) -> None:
    line = thousandths / 1000
    value = line + millionths / 1_000_000
    shown = rounded(value, digits, line)
    assert (shown >= line) == (value >= line)
    assert float(f"{shown:.{digits}f}") == shown


@given(SHARES, st.sampled_from([0.5, 0.65]))
def test_json_and_repr_say_of_an_answer_what_its_confidence_says(
    confidence: float, line: float
) -> None:
    one = answer(confidence, line=line, scores=(confidence, 0.1), alike=True)
    said = one.to_json()
    assert said["clear_match"] is (said["confidence"] >= line) is one.is_clear
    assert said["moments"][0]["score"] == said["confidence"]
    _, told, moments = repr(one).splitlines()
    shown = float(told.split("confidence ")[1].rstrip(";"))
    assert (shown >= line) is one.is_clear is ("no clear" not in told)
    assert f"({shown:.2f})" in moments


def test_scores_that_are_shares_have_no_line() -> None:
    one = answer(0.649, scores=(0.6499, 0.3501))
    assert one.shown_confidence(2) == 0.64 and one.shown_scores(2) == [0.65, 0.35]
    alike = replace(one, terms=replace(one.terms, scores_are_confidences=True))
    assert alike.shown_scores(2) == [0.64, 0.35]


@pytest.mark.parametrize("count", [1, 3, 4, 500])
@pytest.mark.parametrize("query", ["a red car", "a car\nin\r\nred " * 90])
def test_the_repr_of_an_answer_is_three_lines(count: int, query: str) -> None:
    scores = tuple(np.full(count, 1 / count).tolist())
    one = answer(0.123, scores=scores, query=query, video_id="x" * 300)
    lines = repr(one).splitlines()
    assert len(lines) == 3 and max(map(len, lines)) < 140
    assert lines[0].startswith("Answer to 'a ") and "no clear match" in lines[1]
    assert "confidence 0.12" in lines[1] and "0:00.0-0:01.0" in lines[2]
    assert ("497 more" in lines[2]) == (count == 500)
    assert ("more" in lines[2]) == (count > 3)
