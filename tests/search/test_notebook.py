"""An answer in a notebook: it says what the answer says, and nothing of it is run."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from slta.moments import Moment, Span
from slta.search.notebook import HEIGHT, POINTS, WIDTH, curve, thinned
from tests.support.answers import answer
from tests.support.html import HOSTILE, TAGS, Seen


@pytest.mark.parametrize("field", ["query", "video", "part", "note", "terms"])
def test_text_from_outside_is_shown_as_it_is(field: str) -> None:
    one = answer()
    hostile = {
        "query": replace(one, query=HOSTILE),
        "video": answer(video_id=HOSTILE),
        "part": replace(one, parts=(HOSTILE,)),
        "note": replace(one, notes=(HOSTILE,)),
        "terms": replace(one, terms=replace(one.terms, line=HOSTILE, part=HOSTILE)),
    }[field]
    html = hostile._repr_html_()
    seen = Seen(html)
    assert set(seen.tags) <= TAGS
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in "".join(seen.texts)
    html.encode()


def test_nothing_is_fetched() -> None:
    html = answer()._repr_html_()
    html = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|//|url\(|src=|href=|@import", html)


@pytest.mark.parametrize("confidence", [0.0, 0.6499, 0.65, 1.0])
def test_it_says_what_the_answer_says(confidence: float) -> None:
    one = answer(confidence, scores=(0.7, 0.3, 0.1))
    html = one._repr_html_()
    assert ("no clear match" in html) is not one.is_clear
    assert "clear match" in html
    shown = re.findall(r"confidence (\d\.\d\d) ", html)
    assert shown == [f"{one.shown_confidence(2):.2f}"]
    first = "<tr><td>1</td><td>0:00.0</td><td>0:01.0</td><td>0.70</td></tr>"
    assert first in html and html.count("<tr><td>") == 3 + len(one.parts)
    assert f"<td>{one.parts[0]}</td><td>1.00</td>" in html


def test_moments_are_marked_where_they_are_and_the_curve_is_in_the_picture() -> None:
    one = answer(scores=(0.7, 0.3))
    long = replace(
        one,
        video=replace(one.video, duration_s=100.0),
        moments=(
            Moment("x", Span(20.0, 50.0), 0.9),
            Moment("x", Span(99.99, 100.0), 0.1),
        ),
        times_s=np.linspace(0, 100, 5000),
        relevance=np.select(
            [np.arange(5000) == 2500, np.arange(5000) > 4000, np.arange(5000) < 9],
            [1.0, np.nan, -np.inf],
            0.2,
        ),
        boxes=np.zeros((5000, 1, 4)),
        region_weights=np.ones((5000, 1)),
    )
    svg = ElementTree.fromstring(curve(long))
    name = "{http://www.w3.org/2000/svg}"
    marks = [
        (float(each.attrib["x"]), float(each.attrib["width"]))
        for each in svg.iter(f"{name}rect")
    ]
    assert marks == [(0.2 * WIDTH, 0.3 * WIDTH), (pytest.approx(WIDTH, abs=0.2), 1.0)]
    (line,) = svg.iter(f"{name}polyline")
    points = [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]
    assert len(points) == POINTS
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert [x for x, y in points if y < 10] == [pytest.approx(WIDTH / 2, abs=1)]


@pytest.mark.parametrize("count", [0, 1, 2, POINTS, POINTS + 1, 3 * POINTS])
def test_a_peak_is_never_left_out(count: int) -> None:
    rng = np.random.default_rng(count)
    times_s, relevance = np.arange(float(count)), rng.random(count)
    some_s, some = thinned(times_s, relevance)
    assert len(some) == min(count, POINTS) and (np.diff(some_s) > 0).all()
    if count:
        assert some.max() == relevance.max()
        assert set(zip(some_s, some, strict=True)) <= set(
            zip(times_s, relevance, strict=True)
        )


def test_a_video_without_frames_has_a_picture_too() -> None:
    one = replace(
        answer(),
        times_s=np.zeros(0),
        relevance=np.zeros(0),
        boxes=np.zeros((0, 1, 4)),
        region_weights=np.ones((0, 1)),
    )
    assert "<svg" in one._repr_html_()
