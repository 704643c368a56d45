"""From spans to frames and clips, and from videos of many lengths to one batch."""

from dataclasses import replace
from fractions import Fraction
from math import fsum

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slta.batches.candidate_batch import (
    Batch,
    Candidates,
    Shot,
    candidates_of,
    collate,
    shot_of,
)
from slta.features.base import QueryFeatures
from slta.moments.candidates import windows
from tests.reference import batch as slow
from tests.reference import candidates as slow_candidates
from tests.support.worlds import FRAME, REGION, REGIONS, WORD, sentence, video

EIGHTHS = st.integers(0, 100).map(lambda n: Fraction(n, 8))


def agree(
    found: Candidates,
    frames: np.ndarray,
    spans: list[tuple[Fraction, Fraction]],
    rate_hz: Fraction,
    context_s: Fraction,
) -> None:
    for row, (start, end) in enumerate(spans):
        expected = slow.candidate(
            frames, start, end, rate_hz=rate_hz, context_s=context_s
        )
        first, count = int(found.first[row]), int(found.count[row])
        assert list(range(first, first + count)) == expected.inside
        np.testing.assert_allclose(found.clips[row], expected.clips, atol=1e-5)
        place = [float(share) for share in expected.place]
        np.testing.assert_allclose(found.places[row], place, atol=1e-6)
        np.testing.assert_allclose(found.video_means[row], expected.whole, atol=1e-5)


@given(
    st.integers(1, 40),
    st.sampled_from([Fraction(1), Fraction(2), Fraction(4)]),
    st.lists(
        st.tuples(EIGHTHS, EIGHTHS).filter(lambda pair: pair[0] < pair[1]),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 64).map(lambda n: Fraction(n, 8)),
)
def test_candidates_agree_with_frames_counted_one_by_one(
    count: int,
    rate_hz: Fraction,
    spans: list[tuple[Fraction, Fraction]],
    context_s: Fraction,
) -> None:
    features = video(np.random.default_rng(count), count, rate_hz=float(rate_hz))
    # Two frames may be as near: then either will do.
    spans = [
        (start, end)
        for start, end in spans
        if ((start + end) / 2 * rate_hz) % 1 != Fraction(1, 2)
    ]
    found = candidates_of(
        features,
        np.array(spans, np.float64).reshape(-1, 2),
        rate_hz=float(rate_hz),
        context_s=float(context_s),
    )
    agree(found, features.frames, spans, rate_hz, context_s)


@pytest.mark.parametrize("rate_hz", [Fraction(3), Fraction(4), Fraction("2.5")])
def test_rounding_moves_no_window_by_a_frame(rate_hz: Fraction) -> None:
    """The paper's windows, 16 frames at 3 Hz and more, begin and end on frames."""
    lengths_s = [Fraction(16, 3), Fraction(32, 3), Fraction(16)]
    overlap = Fraction(4, 5)
    exact = slow_candidates.windows(Fraction(61), lengths_s, overlap)
    spans = windows(61.0, lengths_s=[float(n) for n in lengths_s], overlap=0.8)
    assert len(spans) == len(exact)
    features = video(
        np.random.default_rng(0), int(61 * rate_hz), rate_hz=float(rate_hz)
    )
    context_s = Fraction(128, 3)
    found = candidates_of(
        features, spans, rate_hz=float(rate_hz), context_s=float(context_s)
    )
    agree(found, features.frames, exact, rate_hz, context_s)


@pytest.mark.parametrize(
    ("span", "frame"),
    [
        ((1.1, 1.2), 1),
        ((1.7, 1.9), 2),
        ((9.5, 9.9), 9),
        ((30.0, 31.0), 9),
        ((0.0, 0.001), 0),
    ],
)
def test_a_span_between_two_frames_has_the_nearer(
    span: tuple[float, float], frame: int
) -> None:
    features = video(np.random.default_rng(0), 10, rate_hz=1.0)
    found = candidates_of(features, np.array([span]), rate_hz=1.0, context_s=2.0)
    assert (found.first.tolist(), found.count.tolist()) == ([frame], [1])
    np.testing.assert_allclose(found.clips[0, 1], features.frames[frame], atol=1e-6)


def test_at_the_ends_of_a_video_a_candidates_own_clip_stands_in() -> None:
    features = video(np.random.default_rng(0), 10, rate_hz=1.0)
    spans = np.array([[0.0, 4.0], [6.0, 10.0], [0.0, 10.0]])
    before, own, after = candidates_of(
        features, spans, rate_hz=1.0, context_s=3.0
    ).clips.transpose(1, 0, 2)
    assert (before[0] == own[0]).all() and (after[0] != own[0]).all()
    assert (before[1] != own[1]).all() and (after[1] == own[1]).all()
    assert (before[2] == own[2]).all() and (after[2] == own[2]).all()


@pytest.mark.parametrize("spans", [[[1.0, 7.0]], [[1.0, 7.0], [2.0, 8.0], [0.0, 10.0]]])
def test_the_mean_of_frames_is_exact(spans: list[list[float]]) -> None:
    features = video(np.random.default_rng(0), 10, rate_hz=1.0)
    wide = (features.frames * 1e4 ** np.linspace(-1, 1, FRAME)).astype(np.float16)
    features = replace(features, frames=wide)
    found = candidates_of(features, np.array(spans), rate_hz=1.0, context_s=3.0)
    for row, (start, end) in enumerate(spans):
        inside = wide[int(start) : int(end)].tolist()
        exact = [fsum(numbers) / len(inside) for numbers in zip(*inside, strict=True)]
        assert found.clips[row, 1].tolist() == np.array(exact, np.float32).tolist()


def test_contexts_end_where_the_video_does() -> None:
    features = video(np.random.default_rng(0), 10, rate_hz=1.0)
    near, far = (
        candidates_of(features, np.array([[2.0, 8.0]]), rate_hz=1.0, context_s=c).clips
        for c in (2.0, 200.0)
    )
    assert (near == far).all()


def test_a_place_is_a_share_of_the_video_and_ends_with_it() -> None:
    features = video(np.random.default_rng(0), 8, rate_hz=2.0)
    spans = np.array([[0.0, 4.0], [1.0, 2.0], [3.0, 4.3]])
    found = candidates_of(features, spans, rate_hz=2.0, context_s=1.0)
    assert found.places.tolist() == [[0.0, 1.0], [0.25, 0.5], [0.75, 1.0]]


def shots_and_queries() -> tuple[list[Shot], list[QueryFeatures]]:
    rng = np.random.default_rng(0)
    shots = []
    for frames, spans in (
        (9, [(2.0, 4.0), (3.0, 8.0)]),
        (4, [(0.0, 4.0)]),
        (7, [(1.0, 2.0)]),
    ):
        features = video(rng, frames, rate_hz=1.0)
        found = candidates_of(features, np.array(spans), rate_hz=1.0, context_s=2.0)
        shots.append(shot_of(features, found))
    return shots, [sentence(rng, each) for each in ("a", "a b c d", "a b")]


def test_a_shot_holds_the_frames_of_its_candidates_and_no_others() -> None:
    features = video(np.random.default_rng(3), 20, rate_hz=1.0)
    spans = np.array([[5.0, 9.0], [7.0, 12.0]])
    found = candidates_of(features, spans, rate_hz=1.0, context_s=2.0)
    shot = shot_of(features, found)
    assert (shot.regions == features.regions[5:12]).all()
    assert (shot.boxes == features.boxes[5:12]).all()
    assert shot.candidates.first.tolist() == [0, 2]
    assert shot.candidates.count.tolist() == [4, 5]
    assert (shot.candidates.clips == found.clips).all()


def test_a_batch_is_what_was_given_and_zeros() -> None:
    shots, queries = shots_and_queries()
    batch = collate(shots, queries)
    longest = max(len(shot.regions) for shot in shots)
    assert batch.regions.shape == (3, longest, REGIONS, REGION)
    assert batch.clips.shape == (4, 3, FRAME)
    assert batch.words.shape == (3, 4, WORD)
    for row, shot in enumerate(shots):
        n = len(shot.regions)
        assert (batch.regions[row, :n].numpy() == shot.regions).all()
        assert (batch.boxes[row, :n].numpy() == shot.boxes).all()
        assert batch.region_mask[row, :n].all()
        for rest in (batch.regions, batch.boxes, batch.region_mask):
            assert not rest[row, n:].any()
    for row, query in enumerate(queries):
        n = len(query.words)
        assert (batch.words[row, :n].numpy() == query.word_vectors).all()
        assert batch.word_mask[row].tolist() == [True] * n + [False] * (4 - n)
        assert batch.noun_mask[row, :n].tolist() == query.noun_mask.tolist()
        assert not batch.words[row, n:].any() and not batch.noun_mask[row, n:].any()


def test_candidates_are_numbered_through_all_shots() -> None:
    shots, queries = shots_and_queries()
    batch = collate(shots, queries)
    assert batch.candidate_video.tolist() == [0, 0, 1, 2]
    assert batch.candidate_first.tolist() == [0, 1, 0, 0]
    assert batch.candidate_count.tolist() == [2, 5, 4, 1]
    for name in ("clips", "places", "video_means"):
        given = np.concatenate([getattr(shot.candidates, name) for shot in shots])
        assert (getattr(batch, name).numpy() == given).all()
    assert (batch.video_means[0] == batch.video_means[1]).all()
    assert (batch.video_means[0] != batch.video_means[2]).all()


def test_without_pairs_every_query_meets_every_candidate() -> None:
    batch = collate(*shots_and_queries())
    assert batch.pairs.tolist() == [[q, c] for q in range(3) for c in range(4)]


def test_pairs_keep_their_order() -> None:
    pairs = np.array([[2, 0], [0, 3], [2, 1]])
    assert collate(*shots_and_queries(), pairs).pairs.tolist() == pairs.tolist()


def test_a_region_that_is_missing_stays_masked() -> None:
    shots, queries = shots_and_queries()
    mask = np.ones(shots[1].regions.shape[:2], bool)
    mask[0, 1] = False
    few = Shot(shots[1].regions, shots[1].boxes, shots[1].candidates, mask)
    batch = collate([shots[0], few, shots[2]], queries)
    assert (batch.region_mask[1, : len(mask)].numpy() == mask).all()
    assert not batch.region_mask[1, len(mask) :].any()


def test_without_their_numbers_regions_need_no_mask() -> None:
    features = video(np.random.default_rng(0), 10, rate_hz=1.0)
    mask = np.ones(features.regions.shape[:2], bool)
    found = candidates_of(features, np.array([[2.0, 6.0]]), rate_hz=1.0, context_s=2.0)
    shot = shot_of(replace(features, region_mask=mask), found, regions=False)
    _, queries = shots_and_queries()
    assert collate([shot], queries).region_mask.shape == (1, 4, 0)


def test_some_candidates_can_be_picked() -> None:
    features = video(np.random.default_rng(0), 10, rate_hz=1.0)
    spans = np.array([[0.0, 4.0], [2.0, 6.0], [5.0, 9.0]])
    found = candidates_of(features, spans, rate_hz=1.0, context_s=2.0)
    some = found[[2, 0]]
    assert (some.spans == spans[[2, 0]]).all()
    assert some.first.tolist() == [5, 0]
    assert (some.clips == found.clips[[2, 0]]).all()
    assert (some.places == found.places[[2, 0]]).all()


def test_a_batch_goes_to_a_device_whole() -> None:
    moved = collate(*shots_and_queries()).to("meta")
    assert isinstance(moved, Batch)
    assert {
        value.device.type
        for name in Batch.__slots__
        if isinstance(value := getattr(moved, name), torch.Tensor)
    } == {"meta"}
