"""The untrained model against its slow second spelling, and what it must find."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float

from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.text.minilm import MiniLM
from slta.features.text.reading import normalised
from slta.moments import Span
from slta.moments.segments import Segment, above_line, runs
from slta.moments.spans import as_array, temporal_iou
from slta.search import evidence
from slta.search.evidence import (
    Background,
    Relevance,
    background,
    confidence,
    relevance,
    share,
    unrelated_sentences,
)
from tests.reference import untrained as slow

QUESTIONS = Path(__file__).parents[2] / "benchmarks" / "questions.json"
RATE_HZ = 2.0
MEANING, LOOK = 24, 20
"""Sizes of the vectors in the space of the sentences and in that of the pictures."""


def unit(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / lengths, np.float32)


def asked(
    meanings: Float[np.ndarray, "p k"],
    appearances: Float[np.ndarray, "p d"] | None,
    *,
    attainable: float = 1.0,
    action: bool = False,
    usual: Float[np.ndarray, "p v 2"] | None = None,
) -> QueryFeatures:
    words = tuple(f"phrase {i}" for i in range(len(meanings)))
    return QueryFeatures(
        query=words[0],
        words=words,
        word_vectors=meanings,
        noun_mask=np.ones(len(words), bool),
        action=action,
        phrases=words,
        meanings=meanings,
        attainable=np.full(len(words), attainable, np.float32),
        appearances=appearances,
        usual=usual,
    )


def sentence(
    rng: np.random.Generator, *, phrases: int = 1, action: bool = False
) -> QueryFeatures:
    return asked(
        unit(rng.normal(size=(phrases, MEANING))),
        rng.normal(size=(phrases, LOOK)).astype(np.float32),
        attainable=float(rng.uniform(0.3, 0.9)),
        action=action,
        usual=np.stack(
            [rng.normal(size=(phrases, 2)), rng.uniform(0.5, 2, (phrases, 2))], axis=2
        ),
    )


def blind(query: QueryFeatures) -> QueryFeatures:
    """As an extractor tells it that knows neither what phrases look like nor what they
    usually reach."""
    return replace(query, appearances=None, usual=None)


class Case(NamedTuple):
    video: VideoFeatures
    query: QueryFeatures
    unrelated: list[QueryFeatures]

    @classmethod
    def of(cls, frames: int, regions: int, phrases: int, *, seed: int = 0) -> "Case":
        """All at random, so that nothing is equal by chance."""
        rng = np.random.default_rng(seed)
        return cls(
            VideoFeatures(
                times_s=np.arange(frames) / RATE_HZ,
                frames=rng.normal(size=(frames, LOOK)).astype(np.float32),
                regions=rng.normal(size=(frames, regions, LOOK)).astype(np.float32),
                frame_meanings=unit(rng.normal(size=(frames, MEANING))),
                region_meanings=unit(rng.normal(size=(frames, regions, MEANING))),
                boxes=np.zeros((frames, regions, 4), np.float32),
            ),
            sentence(rng, phrases=phrases, action=bool(seed % 2)),
            [
                sentence(rng, phrases=1 + i % 3, action=i % 2 == 0)
                for i in range(5 + seed)
            ],
        )

    def blind(self) -> "Case":
        return Case(
            self.video, blind(self.query), [blind(query) for query in self.unrelated]
        )

    def background(self) -> Background:
        return background(self.video, self.unrelated, rate_hz=RATE_HZ)

    def relevance(self, seen: Background) -> Relevance:
        return relevance(self.video, self.query, seen, rate_hz=RATE_HZ)


def check(case: Case) -> None:
    """Compares all that the model says with the slow second spelling."""
    expected = slow.Model(case.video, case.unrelated, RATE_HZ)
    seen = case.background()
    levels = np.array(expected.reached)
    close(seen.mean, levels[..., 0])
    close(seen.spread, levels[..., 1])
    close(seen.change, expected.change)
    assert seen.scenes == [expected.scenes]
    values = np.random.default_rng(0).normal(size=len(case.video.frames))
    close(share(values[:, None], seen.likeness)[:, 0], expected.shared(values.tolist()))

    found, paper = case.relevance(seen), expected.relevance(case.query)
    close(found.curve, paper.curve)
    close(found.agreement, paper.agreement)
    close(found.phrase_weights, paper.phrase_weights)
    close(found.region_weights, paper.region_weights)
    for known in (1.0, 0.5):
        sure = confidence(found.agreement, seen, known=known, rate_hz=RATE_HZ)
        close(sure, expected.confidence(case.query, known))


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("frames", "regions", "phrases", "seed"),
    [
        pytest.param(1, 1, 1, 0, id="one frame, one region, one phrase"),
        pytest.param(1, 3, 2, 1, id="one frame"),
        pytest.param(2, 2, 2, 2, id="two frames"),
        pytest.param(9, 1, 3, 3, id="one region"),
        pytest.param(11, 4, 1, 4, id="no noun"),
        pytest.param(7, 5, 2, 5, id="one noun"),
        pytest.param(13, 3, 4, 6, id="more nouns than regions"),
        pytest.param(47, 2, 2, 7, id="longer than what is shared with neighbours"),
    ],
)
def test_the_model_is_what_one_works_out_frame_by_frame(
    frames: int, regions: int, phrases: int, seed: int
) -> None:
    check(Case.of(frames, regions, phrases, seed=seed))


@pytest.mark.parametrize("seed", [0, 1])
def test_an_extractor_may_not_know_what_phrases_look_like(seed: int) -> None:
    check(Case.of(7, 3, 2, seed=seed).blind())


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 7, 8, 9, 12])
def test_a_chunk_is_nowhere_to_be_seen(
    frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case.of(frames, 3, 2)
    whole = case.background()
    expected = case.relevance(whole)
    monkeypatch.setattr(evidence, "CHUNK", 4)
    seen = case.background()
    found = case.relevance(seen)
    for name in ("mean", "spread", "likeness", "change"):
        close(getattr(seen, name), getattr(whole, name))
    for name in ("curve", "agreement", "phrase_weights", "region_weights"):
        close(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("frames", [1, 4, 5, 11])
def test_features_may_lie_in_files_in_half_precision(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "CHUNK", 4)
    case = Case.of(frames, 3, 2, seed=1)
    check(case._replace(video=in_files(case.video, tmp_path)))


def in_files(video: VideoFeatures, folder: Path) -> VideoFeatures:
    """As the store gives them."""
    arrays = {}
    for name, array in video.arrays().items():
        path = folder / f"{name}.npy"
        np.save(path, array.astype(np.float16), allow_pickle=False)
        arrays[name] = np.load(path, mmap_mode="r", allow_pickle=False)
    return VideoFeatures(**arrays)


def test_features_stay_as_they_were() -> None:
    case = Case.of(9, 3, 2)
    case.relevance(case.background())
    untouched = Case.of(9, 3, 2)
    for name in case.video.__slots__:
        np.testing.assert_array_equal(
            getattr(case.video, name), getattr(untouched.video, name)
        )
    np.testing.assert_array_equal(case.query.meanings, untouched.query.meanings)


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 4), st.integers(0, 5))
def test_weights_sum_to_one(frames: int, regions: int, phrases: int, seed: int) -> None:
    case = Case.of(frames, regions, phrases, seed=seed)
    seen = case.background()
    found = case.relevance(seen)
    close(found.region_weights.sum(axis=1), np.ones(frames))
    close(found.phrase_weights.sum(), 1)
    close(seen.likeness.sum(axis=1), np.ones(frames))
    for weights in (found.region_weights, found.phrase_weights, seen.likeness):
        assert (weights >= 0).all()


def test_another_query_looks_at_other_regions() -> None:
    case = Case.of(9, 4, 2)
    seen = case.background()
    here = case.relevance(seen).region_weights
    other = sentence(np.random.default_rng(7), phrases=2)
    there = case._replace(query=other).relevance(seen).region_weights
    assert (np.abs(here - there).max(axis=1) > 1e-3).all()


@pytest.mark.parametrize("phrases", [1, 2, 4])
def test_the_whole_sentence_has_its_share(phrases: int) -> None:
    case = Case.of(20, 2, phrases)
    weights = case.relevance(case.background()).phrase_weights
    assert weights.shape == (phrases,)
    close(weights[0], evidence.SENTENCE_SHARE if phrases > 1 else 1)


@pytest.mark.parametrize("frames", [1, 2, 9, 60])
def test_what_is_the_same_everywhere_stays_so_when_shared(frames: int) -> None:
    likeness = Case.of(frames, 2, 1).background().likeness
    values = np.full((frames, 3), 2.5)
    close(share(values, likeness), values)


def test_frames_share_with_those_that_look_alike() -> None:
    case = Case.of(8, 2, 1)
    frames = case.video.frames.copy()
    frames[5] = frames[3]
    video = replace(case.video, frames=frames)
    likeness = background(video, case.unrelated, rate_hz=RATE_HZ).likeness
    one = np.zeros((8, 1))
    one[3] = 1
    shared = share(one, likeness)[:, 0]
    assert shared.argmax() == 3
    assert shared[5] > 2 * max(shared[1], shared[2], shared[4], shared[6])


def test_alike_frames_far_apart_do_not_share() -> None:
    far = round(2 * evidence.NEAR_S * RATE_HZ) + 1
    case = Case.of(far + 1, 1, 1)
    video = replace(case.video, frames=np.tile(case.video.frames[:1], (far + 1, 1)))
    likeness = background(video, case.unrelated, rate_hz=RATE_HZ).likeness
    one = np.zeros((far + 1, 1))
    one[0] = 1
    shared = share(one, likeness)[:, 0]
    assert shared[-1] == 0
    assert (np.diff(shared) <= 0).all()


# A made video: a few things that hardly change, and one more during the event.
FRAMES, REGIONS, WHERE = 80, 5, 3
EVENTS = [(0, 10), (6, 16), (30, 50), (64, 80)]


class Scene(NamedTuple):
    rng: np.random.Generator
    things: list[QueryFeatures]
    """What is there during its event, and nowhere else."""
    unrelated: list[QueryFeatures]
    video: VideoFeatures
    seen: Background

    @classmethod
    def of(cls, *events: tuple[int, int], seed: int = 0) -> "Scene":
        rng = np.random.default_rng(seed)
        things = [sentence(rng) for _ in events]
        meanings = background_things(rng, MEANING)
        looks = 2 * background_things(rng, LOOK)
        for event, thing in zip(events, things, strict=True):
            assert thing.appearances is not None
            meanings[slice(*event), WHERE] += thing.meanings[0]
            looks[slice(*event), WHERE] += thing.appearances[0]
        video = VideoFeatures(
            times_s=np.arange(FRAMES) / RATE_HZ,
            frames=looks.mean(axis=1),
            regions=looks,
            frame_meanings=meanings.mean(axis=1),
            region_meanings=meanings,
            boxes=np.zeros((FRAMES, REGIONS, 4), np.float32),
        )
        unrelated = [sentence(rng) for _ in range(40)]
        seen = background(video, unrelated, rate_hz=RATE_HZ)
        return cls(rng, things, unrelated, video, seen)

    def ask(self, query: QueryFeatures) -> Relevance:
        return relevance(self.video, query, self.seen, rate_hz=RATE_HZ)

    def confidence(self, query: QueryFeatures) -> float:
        agreement = self.ask(query).agreement
        return confidence(agreement, self.seen, known=1.0, rate_hz=RATE_HZ)


def background_things(
    rng: np.random.Generator, size: int
) -> Float[np.ndarray, "t r _"]:
    things = unit(rng.normal(size=(REGIONS, size)))
    noise = 0.1 * rng.normal(size=(FRAMES, REGIONS, size)) / np.sqrt(size)
    return np.asarray(things + noise, np.float32)


def overlap(found: Relevance, event: tuple[int, int]) -> float:
    run = max(
        runs(above_line(found.curve, rate_hz=RATE_HZ)),
        key=lambda run: run.total,
        default=Segment(0, len(found.curve), 0),
    )
    answer = as_array([Span(float(run.first), float(run.end))])
    truth = as_array([Span(float(event[0]), float(event[1]))])
    return float(temporal_iou(answer, truth)[0, 0])


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_an_event_is_found_where_it_is(event: tuple[int, int], seed: int) -> None:
    scene = Scene.of(event, seed=seed)
    (thing,) = scene.things
    assert overlap(scene.ask(thing), event) >= 0.8
    assert scene.confidence(thing) >= 0.9


def test_an_event_is_found_by_one_of_the_phrases() -> None:
    event = (30, 50)
    scene = Scene.of(event)
    other, (thing,) = sentence(scene.rng), scene.things
    assert other.appearances is not None and thing.appearances is not None
    query = asked(
        np.concatenate([thing.meanings, other.meanings, thing.meanings]),
        np.concatenate([thing.appearances, other.appearances, thing.appearances]),
    )
    found = scene.ask(query)
    assert overlap(found, event) >= 0.8
    assert found.phrase_weights[2] > 2 * found.phrase_weights[1]


@pytest.mark.parametrize("event", EVENTS)
def test_attention_lies_on_the_region_of_the_event(event: tuple[int, int]) -> None:
    scene = Scene.of(event)
    weights = scene.ask(scene.things[0]).region_weights
    inside = np.zeros(FRAMES, bool)
    inside[slice(*event)] = True
    assert (weights[inside].argmax(axis=1) == WHERE).all()
    assert (weights[inside, WHERE] > 0.5).all()
    assert weights[inside, WHERE].min() > weights[~inside, WHERE].max()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_query_finds_its_own_event(seed: int) -> None:
    events = [(8, 20), (55, 70)]
    scene = Scene.of(*events, seed=seed)
    for event, thing in zip(events, scene.things, strict=True):
        assert overlap(scene.ask(thing), event) >= 0.8


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_query_for_what_is_nowhere_is_less_sure(seed: int) -> None:
    scene = Scene.of((30, 50), seed=seed)
    sure = [scene.confidence(sentence(scene.rng)) for _ in range(9)]
    assert np.median(sure) < 0.9 <= scene.confidence(scene.things[0])


def test_where_an_action_is_asked_for_what_moves_fits_better() -> None:
    scene = Scene.of((30, 50))
    regions = scene.video.regions.copy()
    regions[60:70] = scene.rng.normal(size=regions[60:70].shape)
    video = replace(scene.video, regions=regions)
    seen = background(video, scene.unrelated, rate_hz=RATE_HZ)
    still, moving = (
        relevance(
            video, replace(scene.things[0], action=action), seen, rate_hz=RATE_HZ
        ).curve
        for action in (False, True)
    )
    more = moving - still
    assert more[62:68].min() > 0 and more[62:68].min() > more[:50].max()


def test_the_order_of_the_unrelated_sentences_does_not_matter() -> None:
    case = Case.of(12, 3, 2)
    turned = case._replace(unrelated=case.unrelated[::-1])
    seen, back = case.background(), turned.background()
    close(back.mean, seen.mean)
    close(back.spread, seen.spread)
    close(turned.relevance(back).curve, case.relevance(seen).curve)


def test_a_phrase_that_fits_everything_is_clear_nowhere() -> None:
    scene = Scene.of((30, 50))
    (thing,) = scene.things
    fits_all = np.array([[[9.0, 1.0], [9.0, 1.0]]])
    assert scene.confidence(replace(thing, usual=fits_all)) < 0.01
    fits_little = np.array([[[-9.0, 1.0], [-9.0, 1.0]]])
    assert scene.confidence(replace(thing, usual=fits_little)) > 0.99


def sure(agreement: Sequence[float], *, known: float = 1.0, scenes: int = 1) -> float:
    seen = Case.of(1, 1, 1).background()
    seen = replace(seen, scenes=np.array([scenes], np.float32))
    return confidence(np.array(agreement), seen, known=known, rate_hz=RATE_HZ)


@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=9),
    st.floats(0, 5),
    st.floats(0, 1),
    st.integers(1, 99),
)
def test_confidence_grows_with_the_agreement_and_the_words_known(
    agreement: list[float], more: float, known: float, scenes: int
) -> None:
    once = sure(agreement)
    assert 0 <= once <= sure([fit + more for fit in agreement]) <= 1
    assert sure(agreement, known=known) == pytest.approx(known * once)
    assert sure(agreement, scenes=scenes) <= once


def test_at_the_even_fit_a_video_is_as_likely_to_show_it_as_not() -> None:
    even = [evidence.EVEN] * 9
    assert sure(even) == pytest.approx(0.5)
    assert sure(even, scenes=9) == pytest.approx(0.25)


def test_scenes_are_counted_not_frames() -> None:
    one, other = np.eye(LOOK, dtype=np.float32)[:2]
    video = Case.of(6, 1, 1).video
    for frames, count in (([one] * 6, 1), ([one, other] * 3, 2)):
        cut = replace(video, frames=np.array(frames))
        unrelated = Case.of(6, 1, 1).unrelated
        assert background(cut, unrelated, rate_hz=RATE_HZ).scenes == [count]


def test_every_unrelated_sentence_can_be_read() -> None:
    for text in unrelated_sentences():
        normalised(text)
    untidy = [t for t in unrelated_sentences() if t != " ".join(t.split()).strip(".")]
    assert not untidy


def test_no_unrelated_sentence_is_there_twice() -> None:
    texts = unrelated_sentences()
    assert len(texts) >= 100, "too few to tell by how much a query stands out"
    assert len(set(texts)) == len(texts)


def test_no_unrelated_sentence_is_one_of_the_questions() -> None:
    texts = unrelated_sentences()
    questions = list(dict.fromkeys(queries(json.loads(QUESTIONS.read_text()))))
    assert len(questions) > 50
    minilm = MiniLM()
    cosines = minilm.sentences(texts) @ minilm.sentences(questions).T
    pairs = [(texts[i], questions[j]) for i, j in np.argwhere(cosines >= 0.9)]
    assert not pairs
    among = np.triu(minilm.sentences(texts) @ minilm.sentences(texts).T, k=1)
    assert not [(texts[i], texts[j]) for i, j in np.argwhere(among >= 0.9)]


def queries(content: Any) -> Iterator[str]:
    """All sentences in questions.json, wherever they are."""
    if isinstance(content, dict):
        if "query" in content:
            yield content["query"]
        for value in content.values():
            yield from queries(value)
    elif isinstance(content, list):
        for value in content:
            if isinstance(value, str):
                yield value
            else:
                yield from queries(value)
