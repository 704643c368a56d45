"""Whole videos as batches: how they are cut into clips, and which queries are drawn."""

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slta.batches.sampling import VideoSampler
from slta.batches.video_batch import ClipFeatures, TrainingVideoBatch, clips_of, videos
from slta.datasets.split import Split
from slta.errors import InputError
from slta.experiments.config import Experiment, TrainingConfig
from slta.models.tan2d import Tan2DConfig
from slta.moments import Span
from slta.training.draws import sampler as sampler_of
from slta.training.train import train
from tests.support import video_batches, worlds

RATE_HZ = 4.0
ONE, TWO = (Span(1.0, 3.5),), (Span(0.0, 2.0), Span(6.0, 8.0))
WORLD = worlds.split(
    {
        "a": [ONE, TWO, (), None, (Span(4.0, 5.0),)],
        "b": [(Span(2.0, 9.0),), ()],
        "c": [None],
        "d": [TWO],
    },
    duration_s=9.9,
    rate_hz=RATE_HZ,
)
WORDS = {each.word_vectors.tobytes(): i for i, each in enumerate(WORLD.query_features)}


def cut(frames: int) -> int:
    return 7


def sampler(
    split: Split = WORLD, *, queries: int = 4, queries_per_video: int = 2
) -> VideoSampler:
    return VideoSampler(
        split, cut, queries=queries, queries_per_video=queries_per_video
    )


def asked(given: TrainingVideoBatch) -> list[int]:
    """Which queries were drawn, known by the vectors of their words."""
    return [
        WORDS[words[mask].numpy().tobytes()]
        for words, mask in zip(given.batch.words, given.batch.word_mask, strict=True)
    ]


@given(
    steps=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    first=st.integers(0, 20),
    rest=st.integers(1, 30),
    count=st.integers(1, 40),
)
def test_a_clip_is_the_mean_of_the_frames_in_it(
    steps: list[int], first: int, rest: int, count: int
) -> None:
    times_s = (first + np.cumsum([0, *steps])) / 8
    duration_s = float(times_s[-1] + rest / 8)
    frames = np.random.default_rng(0).normal(size=(len(times_s), 3)).astype(np.float16)
    found = clips_of(times_s, frames, duration_s, count)
    assert found.shape == (count, 3) and found.dtype == np.float32
    for i, clip in enumerate(found):
        # In eighths of a second and clips: nothing is rounded.
        inside = [
            k
            for k, time_s in enumerate(times_s)
            if i * duration_s * 8 <= time_s * 8 * count < (i + 1) * duration_s * 8
        ]
        before = [
            k for k, time_s in enumerate(times_s) if time_s * count < i * duration_s
        ]
        expected = frames[inside or before[-1:] or [0]].astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(clip, expected, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [3.0, 29.97, 1 / 3])
def test_a_frame_at_the_edge_of_two_clips_is_in_the_later_one(rate_hz: float) -> None:
    times_s = (np.arange(30) / rate_hz).astype(np.float32)
    frames = np.arange(30.0)[:, None]
    found = clips_of(times_s, frames, 30 / rate_hz, 10)
    assert found.ravel().tolist() == [1.0 + 3 * i for i in range(10)]


def test_as_many_clips_as_frames_are_the_frames() -> None:
    frames = WORLD.videos["a"].frames
    found = clips_of(WORLD.videos["a"].times_s, frames, 10.0, len(frames))
    np.testing.assert_allclose(found, frames, atol=1e-5)


def test_a_frame_after_the_end_is_in_the_last_clip() -> None:
    found = clips_of(np.array([0.0, 1.0, 2.5]), np.array([[1.0], [2.0], [4.0]]), 2.0, 2)
    assert found.ravel().tolist() == [1.0, 3.0]


@pytest.mark.parametrize("regions", [True, False])
def test_a_batch_has_what_is_asked_and_zeros_behind_it(regions: bool) -> None:
    shown = [WORLD.videos["a"].first(frames).part(0, frames) for frames in (2, 5)]
    clips = [
        ClipFeatures.of(video, duration_s, int, regions=regions)
        for video, duration_s in zip(shown, (3.0, 7.5), strict=True)
    ]
    found = videos(clips, [1, 0, 1], WORLD.query_features[1:4])
    assert found.video.tolist() == [1, 0, 1] and len(found.clips) == 2
    assert found.duration_s.tolist() == [7.5, 3.0, 7.5]
    assert found.clip_mask.sum(dim=1).tolist() == [5, 2, 5]
    assert found.word_mask.sum(dim=1).tolist() == [2, 3, 1]
    for video, cut, row in zip(shown, clips, found.clips, strict=True):
        np.testing.assert_array_equal(row[: len(video.frames)], cut.vectors)
        assert not row[len(video.frames) :].any()
    for video, of_video in zip(shown, range(2), strict=True):
        seen, places = found.regions[of_video], found.boxes[of_video]
        real = found.region_mask[of_video]
        if not regions:
            assert seen.shape[1] == places.shape[1] == real.shape[1] == 0
            continue
        count = len(video.frames)
        np.testing.assert_array_equal(seen[:count], video.regions)
        np.testing.assert_array_equal(places[:count], video.boxes)
        assert real[:count].all() and not real[count:].any()
        assert not seen[count:].any()
    for row, query in enumerate(WORLD.query_features[1:4]):
        count = len(query.words)
        np.testing.assert_array_equal(found.words[row, :count], query.word_vectors)
        np.testing.assert_array_equal(found.noun_mask[row, :count], query.noun_mask)
        assert not found.words[row, count:].any()
        np.testing.assert_array_equal(found.sentences[row], query.sentence)


def test_there_may_be_more_clips_than_frames() -> None:
    found = ClipFeatures.of(WORLD.videos["a"].part(0, 3), 2.0, cut)
    assert [len(each) for each in (found.vectors, found.regions, found.boxes)] == [
        7
    ] * 3


def test_what_is_drawn_is_the_querys_own() -> None:
    for step in range(20):
        drawn = sampler().draw(0, step)
        for row, number in enumerate(asked(drawn)):
            query = WORLD.queries[number]
            video = WORLD.videos[query.video_id]
            assert query.truth is not None
            truth = drawn.truth_s[row][drawn.truth_mask[row]].tolist()
            assert truth == [[span.start, span.end] for span in query.truth]
            np.testing.assert_array_equal(
                drawn.batch.clips[drawn.batch.video[row]],
                clips_of(video.times_s, video.frames, 9.9, 7),
            )


def test_the_same_numbers_draw_the_same_batch_and_others_another() -> None:
    one, same, other = (sampler().draw(3, step) for step in (5, 5, 6))
    for field in fields(one.batch):
        assert torch.equal(
            getattr(one.batch, field.name), getattr(same.batch, field.name)
        )
    assert torch.equal(one.truth_s, same.truth_s)
    assert asked(one) == asked(same) != asked(other)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_query_is_drawn_twice_and_few_of_a_video(most: int) -> None:
    for step in range(30):
        drawn = asked(sampler(queries=9, queries_per_video=most).draw(step))
        assert len(set(drawn)) == len(drawn)
        of_video = Counter(WORLD.queries[number].video_id for number in drawn)
        # All that may be drawn are, as there are fewer than nine.
        assert of_video == {"a": min(most, 4), "b": min(most, 2), "d": 1}


def test_queries_may_be_drawn_alike_whatever_their_video() -> None:
    drawn = [
        asked(sampler(queries=2, queries_per_video=0).draw(step)) for step in range(200)
    ]
    assert all(len({*each}) == 2 for each in drawn)
    counts = Counter(number for each in drawn for number in each)
    # Seven are known, so each is in a batch of two this often in the long run.
    assert len(counts) == 7
    assert all(30 <= count <= 90 for count in counts.values())


def test_in_time_every_query_of_known_truth_is_drawn_also_those_not_there() -> None:
    drawn = {number for step in range(40) for number in asked(sampler().draw(step))}
    known = {i for i, query in enumerate(WORLD.queries) if query.truth is not None}
    assert drawn == known and any(not WORLD.queries[i].truth for i in known)


def test_a_video_is_in_a_batch_once() -> None:
    for step in range(10):
        drawn = sampler(queries=6).draw(step)
        names = [WORLD.queries[number].video_id for number in asked(drawn)]
        assert len(drawn.batch.clips) == len(set(names)) < len(names)
        pairs = set(zip(names, drawn.batch.video.tolist(), strict=True))
        assert len(pairs) == len(set(names))


def test_few_videos_are_drawn_with_many_queries_each() -> None:
    for step in range(10):
        drawn = sampler(queries=4, queries_per_video=4).draw(step)
        of_video = Counter(WORLD.queries[n].video_id for n in asked(drawn))
        # "a" has four, "b" two, "d" one; "c" none that is known.
        assert all(
            n == {"a": 4, "b": 2, "d": 1}[name]
            for name, n in list(of_video.items())[:-1]
        )


def test_usable_are_the_queries_with_a_true_span() -> None:
    assert sampler().usable == 5
    absent = replace(
        WORLD, queries=tuple(replace(query, truth=()) for query in WORLD.queries)
    )
    assert sampler(absent).usable == 0
    drawn = sampler(absent).draw(0)
    assert drawn.truth_s.shape == (4, 0, 2) and drawn.truth_mask.shape == (4, 0)


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        ((), "no query of train has a true span; check its annotations"),
        (None, "no query of train has a true span"),
    ],
)
def test_what_cannot_be_trained_with_is_refused(
    truth: tuple[Span, ...] | None, says: str
) -> None:
    config = Tan2DConfig(clips=4, size=4, layers=1)
    experiment = Experiment(model=config)
    queries = tuple(replace(query, truth=truth) for query in WORLD.queries)
    with pytest.raises(InputError, match=says):
        sampler_of(
            video_batches.made(config), experiment, replace(WORLD, queries=queries)
        )


def named(words: dict[str, list[str]], *absent: str) -> Split:
    """Videos, each with queries of these words; ``absent`` are annotated as such."""
    truths = {name: [ONE] * len(queries) for name, queries in words.items()}
    split = worlds.split(truths, duration_s=9.9, rate_hz=RATE_HZ)
    said = [query for queries in words.values() for query in queries]
    queries = tuple(
        replace(query, query=text, truth=() if text in absent else query.truth)
        for query, text in zip(split.queries, said, strict=True)
    )
    features = tuple(
        replace(each, query=text)
        for each, text in zip(split.query_features, said, strict=True)
    )
    return replace(split, queries=queries, query_features=features)


def test_a_share_of_the_queries_is_asked_of_a_video_without_them() -> None:
    nouns = "dog cat cow hen fox owl ant bee".split()
    split = named({n: [f"the {n} of a {n}", f"a {n} is in it"] for n in nouns})
    counts = []
    for step in range(60):
        drawn = VideoSampler(
            split, cut, queries=6, queries_per_video=2, absent=0.3
        ).draw(0, step)
        there = drawn.truth_mask.any(dim=1)
        counts.append(int((~there).sum()))
        for row, number in enumerate(asked_of(split, drawn)):
            clips = drawn.batch.clips[drawn.batch.video[row]].numpy()
            (shown,) = [
                name
                for name, video in split.videos.items()
                if np.allclose(
                    clips, clips_of(video.times_s, video.frames, 9.9, 7), atol=1e-5
                )
            ]
            # The queries of a video are about what it is called.
            assert (shown in split.queries[number].query) == bool(there[row])
        assert len(drawn.batch.clips) == 3
    assert 1.4 < np.mean(counts) < 2.2 and {*counts} == {1, 2}


def asked_of(split: Split, drawn: TrainingVideoBatch) -> list[int]:
    known = {
        each.word_vectors.tobytes(): i for i, each in enumerate(split.query_features)
    }
    return [
        known[words[mask].numpy().tobytes()]
        for words, mask in zip(drawn.batch.words, drawn.batch.word_mask, strict=True)
    ]


def test_some_query_of_a_batch_keeps_its_moment() -> None:
    split = named({"dog": ["dog"], "cat": ["cat"], "cow": ["cow"], "hen": ["hen"]})
    for step in range(30):
        drawn = VideoSampler(
            split, cut, queries=2, queries_per_video=1, absent=0.99
        ).draw(step)
        assert drawn.truth_mask.any(dim=1).sum() == 1


def test_none_is_drawn_unless_asked_for() -> None:
    for step in range(20):
        drawn = sampler().draw(0, step)
        there = drawn.truth_mask.any(dim=1).tolist()
        assert there == [bool(WORLD.queries[n].truth) for n in asked(drawn)]


def test_data_that_has_no_absent_query_to_draw_are_refused() -> None:
    """Whatever is asked is said of every video."""
    config = Tan2DConfig(clips=4, size=4, layers=1)
    experiment = Experiment(model=config, training=TrainingConfig(absent=0.2))
    nouns = "dog cat cow hen fox owl".split()
    split = named({"a": nouns, "b": nouns[::-1]})
    with pytest.raises(InputError, match=r"shares a word .*leave --training.absent"):
        sampler_of(video_batches.made(config), experiment, split)


def test_single_frames_are_refused_before_any_data_is_opened(tmp_path: Path) -> None:
    experiment = Experiment(
        model=Tan2DConfig(clips=4, size=4, layers=1),
        training=TrainingConfig(still_steps=5),
    )
    says = "the model tan2d takes whole videos .*leave --training.still-steps"
    with pytest.raises(InputError, match=says):
        train("any", experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_models_of_windows_are_not_trained_on_absent_queries(tmp_path: Path) -> None:
    experiment = Experiment(model=worlds.FEW_UNITS, training=TrainingConfig(absent=0.2))
    says = "the model slta scores windows .*leave --training.absent out"
    with pytest.raises(InputError, match=says):
        train("any", experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()
