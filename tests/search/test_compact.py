"""Compact features, against the features that they are made of."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slta import Searcher
from slta.features.base import QueryFeatures, VideoFeatures
from slta.search import evidence, zero_shot
from slta.search.compact import LONGEST, SHORTEST, Compact, Window, compacted
from tests.support.compact_videos import HZ, UNRELATED, made, query, shots
from tests.support.indexed_films import known


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_relevance_is_that_of_the_whole_features(seed: int, lengths: list[int]) -> None:
    video, asked = shots(seed, lengths), query(seed)
    background = evidence.background(video, UNRELATED, rate_hz=HZ)
    whole = evidence.relevance(video, asked, background, rate_hz=HZ)
    small = made(video)
    nearly = evidence.relevance(small, asked, small.background, rate_hz=HZ)
    scale = np.ptp(whole.agreement) + 1
    assert np.abs(nearly.agreement - whole.agreement).max() < 0.1 * scale
    assert np.abs(nearly.curve - whole.curve).max() < 0.1 * (np.ptp(whole.curve) + 1)
    assert small.background.scenes == background.scenes
    assert np.abs(nearly.region_weights - whole.region_weights).mean() < 0.02


@pytest.mark.parametrize("piece", [1, 7, 299, 10_000])
def test_pieces_are_nowhere_to_be_seen(piece: int) -> None:
    video = shots(0, [200, 150, 31])
    one, other = made(video), made(video, piece)
    assert [w.to_bytes() for w in one.windows] == [w.to_bytes() for w in other.windows]


def test_windows_follow_each_other_and_end_at_cuts() -> None:
    lengths = [190, 80, 200, 250, 50]
    windows = made(shots(3, lengths, spread=0.02)).windows
    assert windows[0].first == 0
    assert [w.first for w in windows[1:]] == [w.end for w in windows[:-1]]
    assert windows[-1].end == sum(lengths)
    assert all(SHORTEST <= len(w) <= LONGEST for w in windows[:-1])
    cuts = {*np.cumsum(lengths).tolist()}
    assert all(window.end in cuts for window in windows)


def test_a_long_shot_is_cut_at_the_latest_when_a_window_is_full() -> None:
    windows = made(shots(1, [1000])).windows
    assert all(len(window) <= LONGEST for window in windows)
    assert windows[-1].end == 1000


def test_a_window_takes_no_more_bytes_than_it_may() -> None:
    rng = np.random.default_rng(0)
    frames = 250  # of noise, which cannot be made small
    looks, meanings = (
        rng.normal(size=(frames, 10, size)).astype(np.float32) for size in (1280, 384)
    )
    boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (9, 1))
    video = VideoFeatures.of_sights(np.arange(frames) / HZ, [(looks, meanings)], boxes)
    unrelated = [
        QueryFeatures(
            query="x",
            words=("x",),
            word_vectors=np.ones((1, 3), np.float32),
            noun_mask=np.array([True]),
            action=False,
            phrases=("x",),
            meanings=rng.normal(size=(1, 384)).astype(np.float32),
            attainable=np.ones(1, np.float32),
            appearances=rng.normal(size=(1, 1280)).astype(np.float32),
        )
        for _ in range(3)
    ]
    small = compacted(iter([video]), unrelated, HZ)
    size = sum(len(window.to_bytes()) for window in small.windows)
    assert size * 3600 * HZ / frames <= 30e6


def test_what_is_written_is_read() -> None:
    small = made(shots(5, [310, 40]))
    again = Compact.from_arrays(**small.arrays())
    asked = query(1)
    one, other = (
        evidence.relevance(each, asked, each.background, rate_hz=HZ)
        for each in (small, again)
    )
    assert np.array_equal(one.curve, other.curve)
    assert np.array_equal(small.boxes, again.boxes)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_raises_a_value_error_or_changes_numbers_only(
    data: st.DataObject,
) -> None:
    whole = WINDOW
    if data.draw(st.booleans()):
        broken = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, 1500))
        broken = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    try:
        window = Window.from_buffer(broken)
    except ValueError:
        return
    assert isinstance(window.first, int)


WINDOW = made(shots(2, [20])).windows[0].to_bytes()


def test_a_window_alone_has_no_neighbours_outside() -> None:
    small = made(shots(4, [300, 300]))
    for window in small.windows:
        likeness = window.background(1.0).likeness
        assert likeness.sum(axis=1) == pytest.approx(1, abs=1e-3)
        reach = likeness.shape[1] // 2
        assert not likeness[0, :reach].any() and not likeness[-1, reach + 1 :].any()


def test_a_long_video_is_answered_from_its_compact_features(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    films = known()
    expected = Searcher(store=films.store).search(films.long, "a cat")
    store = films.copy(tmp_path / "store")
    monkeypatch.setattr(zero_shot, "IN_MEMORY", 0)
    searcher = Searcher(store=store)
    answer = searcher.search(films.long, "a cat")
    assert isinstance(searcher.index(films.long).prepared, Compact)
    assert answer.confidence == pytest.approx(expected.confidence, abs=0.05)
    spans = [
        (m.span.start, m.span.end) for m in (answer.moments[0], expected.moments[0])
    ]
    assert spans[0] == pytest.approx(spans[1], abs=0.5)
    again = Searcher(store=store).search(films.long, "a cat")
    assert np.array_equal(again.relevance, answer.relevance)
