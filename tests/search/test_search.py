"""Searching from file to answer, with the extractor that needs no download."""

import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import skimage.data
from jaxtyping import UInt8
from PIL import Image

from slta import video
from slta.errors import InputError
from slta.features import EXTRACTORS, Kind
from slta.features.base import VideoFeatures, frame_by_frame
from slta.features.extractors.imagenet_words import ImagenetWords
from slta.moments import Span, VideoInfo
from slta.moments.segments import LINE, PEAK_S, above_line, runs
from slta.moments.spans import as_array, temporal_iou
from slta.search import Answer, Searcher, evidence
from slta.search.answers import Indexed
from slta.search.evidence import Relevance
from slta.search.zero_shot import CLEAR, LEAST_SCORE, RATE_HZ
from slta.video import writing
from slta.video.reading import Frames
from tests.reference import runs as slow
from tests.support.answers import equal
from tests.support.extractors import Colours, coloured, meanings_of
from tests.support.indexed_films import known

Picture = UInt8[np.ndarray, "h w 3"]

SIZE = (320, 180)
LENGTHS_S = {"motorcycle_left": 4, "chelsea": 5, "coffee": 4, "rocket": 3}
"""The photographs of the film in their order, and for how long each is seen."""
ASKED = {
    "a motorbike parked indoors": "motorcycle_left",
    "the head of a cat with long whiskers": "chelsea",
    "a small cup on a saucer, full of coffee": "coffee",
    "a rocket points at the sky": "rocket",
}


class Made(NamedTuple):
    path: Path
    truth: dict[str, Span]
    store: Path

    def searcher(self) -> Searcher:
        return Searcher(store=self.store)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A film of photographs that has been searched before."""
    folder = tmp_path_factory.mktemp("search")
    path = folder / "holiday.mp4"
    writing.write(path, pictures(), rate_hz=10)
    ends = np.cumsum(list(LENGTHS_S.values())).tolist()
    truth = {
        name: Span(float(end - length), float(end))
        for (name, length), end in zip(LENGTHS_S.items(), ends, strict=True)
    }
    # Reading the unrelated sentences takes longest, and they are the same for all.
    store = known().copy(folder / "store")
    Searcher(store=store).index(path)
    return Made(path, truth, store)


def pictures() -> Iterator[Picture]:
    """Each photograph as a camera sees it that drifts to the right."""
    folder = Path(skimage.data.__file__).parent
    width, height = SIZE
    for name, length_s in LENGTHS_S.items():
        (path,) = folder.glob(f"{name}.*")
        with Image.open(path) as photograph:
            wide = photograph.convert("RGB").resize((width + 60, height + 40))
        for left in np.linspace(0, 60, 10 * length_s).astype(int):
            yield np.asarray(wide.crop((left, 20, left + width, 20 + height)))


def still(path: Path, shade: int, frames: int, rate_hz: float) -> Path:
    pictures = (np.full((180, 320, 3), shade, np.uint8) for _ in range(frames))
    writing.write(path, pictures, rate_hz=rate_hz)
    return path


def check_sound(answer: Answer) -> None:
    """What must hold of any answer to any query."""
    scores = [moment.score for moment in answer.moments]
    assert scores and scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores) and sum(scores) <= 1 + 1e-9
    assert all(score >= LEAST_SCORE for score in scores[1:])
    assert 0 <= answer.confidence <= 1
    assert answer.is_clear == (answer.confidence >= CLEAR)
    assert all(m.span.end <= answer.video.duration_s for m in answer.moments)
    spans = sorted((m.span for m in answer.moments), key=lambda span: span.start)
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(spans))

    n = len(answer.times_s)
    assert answer.times_s.tolist() == [i / RATE_HZ for i in range(n)]
    assert answer.times_s[-1] < answer.video.duration_s <= n / RATE_HZ
    assert answer.relevance.shape == (n,)
    assert answer.region_weights.shape == answer.boxes.shape[:2]
    np.testing.assert_allclose(answer.region_weights.sum(axis=1), 1, atol=1e-5)
    assert answer.part_weights.shape == (len(answer.parts),)
    for values in (answer.relevance, answer.region_weights, answer.line):
        assert np.isfinite(values).all()
    height = above_line(answer.relevance, rate_hz=RATE_HZ)
    if height.any():
        np.testing.assert_allclose(answer.relevance - answer.line, height, atol=1e-9)


def iou(one: Span, other: Span) -> float:
    return float(temporal_iou(as_array([one]), as_array([other]))[0, 0])


@pytest.mark.slice
@pytest.mark.parametrize("query", ASKED)
def test_what_is_easy_to_see_is_found(made: Made, query: str) -> None:
    answer = made.searcher().search(made.path, query)
    check_sound(answer)
    assert iou(answer.moments[0].span, made.truth[ASKED[query]]) >= 0.5
    assert answer.is_clear


@pytest.mark.slice
def test_what_is_nowhere_is_matched_less(made: Made) -> None:
    searcher = made.searcher()
    seen = [searcher.search(made.path, query).confidence for query in ASKED]
    for query in ("a tractor ploughs a field", "two people sing on a stage"):
        answer = searcher.search(made.path, query)
        check_sound(answer)
        assert answer.confidence < min(seen)


@pytest.mark.slice
def test_another_searcher_answers_the_same_to_the_last_bit(
    made: Made, tmp_path: Path
) -> None:
    query = "a cat beside a motorbike"
    first = made.searcher().search(made.path, query)
    assert equal(made.searcher().search(made.path, query), first)
    # Nor does it matter whether the features were just made, or found in a store.
    shutil.copytree(known().store, tmp_path / "store")
    searcher = Searcher(store=tmp_path / "store")
    assert equal(searcher.search(made.path, query), first)
    assert equal(searcher.search(made.path, query), first)


@pytest.mark.slice
def test_what_is_stored_is_what_the_extractor_makes(made: Made) -> None:
    extractor = ImagenetWords()
    parts = [
        extractor.video(frames)
        for frames in video.sample(made.path, rate_hz=RATE_HZ, size=extractor.size)
    ]
    stored = made.searcher().library.record(made.path).arrays
    assert stored.keys() == parts[0].arrays().keys()
    for name, array in stored.items():
        if name != "times_s":
            fresh = np.concatenate([getattr(part, name) for part in parts])
            assert array.dtype == np.float16
            np.testing.assert_array_equal(array, fresh.astype(np.float16))
    n = len(stored["frames"])
    np.testing.assert_array_equal(stored["times_s"], np.arange(n) / RATE_HZ)
    assert n == sum(LENGTHS_S.values()) * RATE_HZ


@pytest.mark.slice
@pytest.mark.parametrize(
    ("shade", "frames", "rate_hz"),
    [
        pytest.param(200, 1, 1000.0, id="a millisecond"),
        pytest.param(90, 1, 10.0, id="one frame"),
        pytest.param(90, 4, 10.0, id="less than a sample"),
        pytest.param(0, 8, 10.0, id="less than a second, black"),
        pytest.param(128, 40, 10.0, id="nothing but grey"),
    ],
)
def test_of_a_video_that_is_short_or_shows_nothing_the_answer_is_all_of_it(
    made: Made, tmp_path: Path, shade: int, frames: int, rate_hz: float
) -> None:
    path = still(tmp_path / "still.mp4", shade, frames, rate_hz)
    for query in ("a dog barks", "grey"):
        answer = made.searcher().search(path, query)
        check_sound(answer)
        (only,) = answer.moments
        assert only.span == Span(0.0, answer.video.duration_s) and only.score == 1
        assert all(map(math.isfinite, numbers(answer.to_json())))


def numbers(content: object) -> Iterator[float]:
    """All numbers in an answer as JSON."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for value in content:
            yield from numbers(value)
    elif isinstance(content, float | int):
        yield float(content)


@pytest.mark.slice
def test_json_is_the_answer_rounded(made: Made) -> None:
    answer = made.searcher().search(made.path, 'the "cat" über a motorbike')
    said = json.loads(json.dumps(answer.to_json()))
    assert said == answer.to_json()
    assert (said["query"], said["video_id"]) == (answer.query, "holiday")
    assert said["clear_match"] is answer.is_clear
    assert said["duration_s"] == pytest.approx(answer.video.duration_s, abs=5.001e-4)
    assert said["confidence"] == pytest.approx(answer.confidence, abs=5.001e-4)
    assert len(said["moments"]) == len(answer.moments)
    for told, moment in zip(said["moments"], answer.moments, strict=True):
        assert told["start_s"] == pytest.approx(moment.span.start, abs=5.001e-4)
        assert told["end_s"] == pytest.approx(moment.span.end, abs=5.001e-4)
        assert told["score"] == pytest.approx(moment.score, abs=5.001e-4)
    assert [part["phrase"] for part in said["phrases"]] == list(answer.parts)
    assert sum(part["weight"] for part in said["phrases"]) == pytest.approx(1, abs=2e-3)


AGAIN = """
import json, sys, time
from slta.search import Searcher
searcher = Searcher(store=sys.argv[1])
times_s = []
for query in ["a cat asleep", *sys.argv[3:]]:
    began = time.perf_counter()
    searcher.search(sys.argv[2], query)
    times_s.append(time.perf_counter() - began)
print(json.dumps({"times_s": times_s[1:], "torch": "torch" in sys.modules}))
"""


@pytest.mark.slice
def test_a_known_video_is_searched_at_once_and_without_torch(made: Made) -> None:
    queries = [f"{query} number {i}" for query in ASKED for i in range(2)]
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, str(made.store), str(made.path), *queries],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    told = json.loads(done.stdout)
    assert not told["torch"]
    # Whatever else runs on the machine can only make it slower: the quickest counts.
    assert min(told["times_s"]) < 0.15, told["times_s"]


# From here on, the extractor knows three colours and nothing else.


class Watched:
    """An extractor of colours that can be told not to look, or to see nonsense."""

    def __init__(self) -> None:
        self.text = Colours().text
        self.id, self.version = Colours.id, Colours.version
        self.size, self.common_space = Colours.size, Colours.common_space
        self.looks = 0
        self.sees_nonsense = False

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        self.looks += 1
        made = Colours().video(frames)
        if self.sees_nonsense:
            meanings_of(made)[0][-1] = np.nan
        return made


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    one = Watched()
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: one))
    return one


@pytest.fixture
def searcher(watched: Watched, tmp_path: Path) -> Searcher:
    return Searcher("colours", store=tmp_path / "store")


def test_a_video_is_looked_at_once(
    searcher: Searcher, watched: Watched, tmp_path: Path
) -> None:
    path = coloured(tmp_path / "colours.mp4")
    told: list[tuple[float, float]] = []
    first = searcher.search(path, "red", progress=lambda *s: told.append(s))
    looks = watched.looks
    assert looks > 0 and told == sorted(told) and told[-1] == (6.0, 6.0)

    told.clear()
    assert equal(
        searcher.search(path, "red", progress=lambda *s: told.append(s)), first
    )
    other = Searcher("colours", store=tmp_path / "store")
    assert equal(other.search(path, "red", progress=lambda *s: told.append(s)), first)
    assert watched.looks == looks and told == []


def test_several_queries_have_an_answer_each_and_the_video_is_looked_at_once(
    searcher: Searcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = coloured(tmp_path / "colours.mp4")
    indexed: list[object] = []
    index = Searcher.index

    def counted(self: Searcher, path: str | Path, **given: object) -> object:
        indexed.append(path)
        return index(self, path, **given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Searcher, "index", counted)
        answers = searcher.search(str(path), ["green", "red"], top=1)
        assert indexed == [str(path)]
    for answer, query in zip(answers, ("green", "red"), strict=True):
        assert equal(answer, searcher.search(path, query, top=1))
    (again,) = searcher.search(path, ("red",), top=1)
    assert equal(again, answers[1]) and searcher.search(path, []) == []
    with pytest.raises(InputError, match="the query"):
        searcher.search(tmp_path / "not looked at.mp4", ["red", ""])


def test_a_copy_of_a_video_is_known_and_has_its_own_name(
    searcher: Searcher, watched: Watched, tmp_path: Path
) -> None:
    path = coloured(tmp_path / "colours.mp4")
    first = searcher.search(path, "green")
    looks = watched.looks
    shutil.copy(path, tmp_path / "copy.mp4")
    again = searcher.search(tmp_path / "copy.mp4", "green")
    assert watched.looks == looks
    assert [m.span for m in again.moments] == [m.span for m in first.moments]
    assert again.video.video_id == again.moments[0].video_id == "copy"


def test_a_video_that_was_replaced_is_looked_at_again(
    searcher: Searcher, tmp_path: Path
) -> None:
    path = coloured(tmp_path / "colours.mp4")
    assert iou(searcher.search(path, "blue").moments[0].span, Span(4.0, 6.0)) > 0.7
    coloured(path, order="blue red green")
    assert iou(searcher.search(path, "blue").moments[0].span, Span(0.0, 2.0)) > 0.7


def test_answers_to_one_video_do_not_depend_on_questions_to_another(
    searcher: Searcher, tmp_path: Path
) -> None:
    one = coloured(tmp_path / "one.mp4")
    other = coloured(tmp_path / "other.mp4", order="green green red blue")
    first = searcher.search(one, "red")
    searcher.search(other, "red")
    assert equal(searcher.search(one, "red"), first)


def test_every_moment_of_a_colour_is_found_up_to_so_many(
    searcher: Searcher, tmp_path: Path
) -> None:
    order = "red green blue green red blue green blue red red blue green"
    path = coloured(tmp_path / "colours.mp4", order=order)
    truth = [Span(0.0, 2.0), Span(8.0, 10.0), Span(16.0, 20.0)]
    answer = searcher.search(path, "red")
    check_sound(answer)
    found = sorted((m.span for m in answer.moments), key=lambda span: span.start)
    assert len(found) == 3
    assert all(iou(a, b) > 0.6 for a, b in zip(found, truth, strict=True))
    for top in (1, 2, 3):
        assert searcher.search(path, "red", top=top).moments == answer.moments[:top]


def test_times_are_right_at_the_end_of_a_long_film(
    searcher: Searcher, tmp_path: Path
) -> None:
    def shown() -> Iterator[Picture]:
        shades = np.random.default_rng(0).integers(-15, 15, 600)
        for time_s, shade in zip(np.arange(600) / 2, shades, strict=True):
            green = np.clip(180 + shade, 0, 255)
            is_red = 285 <= time_s < 293
            yield np.full((48, 64, 3), (200, 30, 30) if is_red else (30, green, 30))

    path = tmp_path / "long.mp4"
    writing.write(path, (p.astype(np.uint8) for p in shown()), rate_hz=2)
    answer = searcher.search(path, "red")
    check_sound(answer)
    assert answer.video.duration_s == pytest.approx(300)
    ((start, end),) = as_array([answer.moments[0].span]).tolist()
    assert start == pytest.approx(285, abs=0.5) and end == pytest.approx(293, abs=0.5)


def test_features_that_are_no_numbers_are_named_with_their_folder(
    searcher: Searcher, watched: Watched, tmp_path: Path
) -> None:
    watched.sees_nonsense = True
    path = coloured(tmp_path / "colours.mp4")
    with pytest.raises(InputError, match="values that are not finite; rem") as raised:
        searcher.search(path, "red")
    named = re.search(r"features in (\S+) have", str(raised.value))
    assert named is not None
    # And it helps to do as told.
    watched.sees_nonsense = False
    shutil.rmtree(named[1])
    answer = searcher.search(path, "red")
    check_sound(answer)
    other = Searcher("colours", store=tmp_path / "store")
    assert equal(other.search(path, "red"), answer)


class Known(NamedTuple):
    """A video of so many samples in which the model finds what it is told to find."""

    searcher: Searcher
    patch: pytest.MonkeyPatch

    def answer(
        self,
        curve: list[float],
        *,
        agreement: list[float] | None = None,
        short_s: float = 0.0,
        top: int = 10**6,
    ) -> Answer:
        n = len(curve)
        times_s = np.arange(n) / RATE_HZ
        extractor = Watched()
        features = Colours().video(Frames(np.zeros((n, 2, 2, 3), np.uint8), times_s))
        queries = [extractor.text(query) for query in ("cow", "pig", "hen", "cat")]
        background = evidence.background(features, queries, rate_hz=RATE_HZ)
        found = Relevance(
            curve=np.array(curve),
            agreement=np.array(agreement or curve),
            phrase_weights=np.ones(1),
            region_weights=np.ones((n, 1)),
        )
        self.patch.setattr(evidence, "relevance", lambda *_, **__: found)
        info = VideoInfo("film", n / RATE_HZ - short_s, 64, 48)
        indexed = Indexed(info, features, background, Path("nowhere"))
        return self.searcher.answer(indexed, extractor.text("red"), top=top)


@pytest.fixture
def model(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> Known:
    return Known(searcher, monkeypatch)


BUMPS = [0.0] * 9 + [4, 6, 9, 5] + [0.0] * 12 + [9, 9, 9, 9, 8, 9] + [0.0] * 20 + [7, 7]


def test_moments_are_the_runs_of_the_curve_and_scores_their_shares(
    model: Known,
) -> None:
    height = slow.heights(BUMPS, round(PEAK_S * RATE_HZ))
    expected = []
    for first, end, total in slow.runs(height):
        start, stop = Fraction(first), Fraction(end)
        if first > 0:
            start += slow.crossing(height[first - 1], height[first]) - 1
        if end < len(height):
            stop += slow.crossing(height[end - 1], height[end]) - 1
        span = (float(start) / RATE_HZ, float(stop) / RATE_HZ)
        expected.append((total, span))
    assert len(expected) == 3
    whole = sum(total for total, _ in expected)
    expected.sort(reverse=True)

    answer = model.answer(BUMPS)
    check_sound(answer)
    for moment, (total, span) in zip(answer.moments, expected, strict=True):
        assert moment.score == pytest.approx(total / whole)
        assert (moment.span.start, moment.span.end) == pytest.approx(span)
    for top in (1, 2, 3):
        assert model.answer(BUMPS, top=top).moments == answer.moments[:top]


def test_a_moment_at_the_end_ends_with_the_video(model: Known) -> None:
    answer = model.answer(BUMPS, short_s=0.3)
    last = max(moment.span.end for moment in answer.moments)
    assert last == answer.video.duration_s == len(BUMPS) / RATE_HZ - 0.3


def test_confidence_is_that_of_the_best_second(model: Known) -> None:
    agreement = [evidence.EVEN - 9.0] * len(BUMPS)
    agreement[20:22] = evidence.EVEN + 0.5, evidence.EVEN - 0.5
    sure = model.answer(BUMPS, agreement=agreement).confidence
    assert sure == pytest.approx(0.5)


def test_a_flicker_beside_a_moment_is_not_named(model: Known) -> None:
    just_above = 10 * LINE + 0.05
    flicker = [0.0] * 40 + [10.0] * 8 + [0.0] * 40 + [just_above] + [0.0] * 20
    height = slow.heights(flicker, round(PEAK_S * RATE_HZ))
    assert 0 < height[88] < LEAST_SCORE * sum(height[40:48])
    assert len(model.answer(flicker).moments) == 1


def test_where_there_are_only_flickers_one_is_named(model: Known) -> None:
    flickers = ([10.0] + [0.0] * 29) * 150
    assert len(slow_runs := runs(above_line(np.array(flickers), rate_hz=RATE_HZ))) > 100
    answer = model.answer(flickers)
    check_sound(answer)
    (only,) = answer.moments
    assert only.score == pytest.approx(1 / len(slow_runs)) and only.score < LEAST_SCORE


@pytest.mark.parametrize("n", [1, 2, 3, 50])
def test_a_curve_without_a_moment_gives_the_whole_video(model: Known, n: int) -> None:
    answer = model.answer([0.25] * n, short_s=0.1)
    (only,) = answer.moments
    assert only.span == Span(0.0, n / RATE_HZ - 0.1) and only.score == 1


@pytest.mark.parametrize("top", [0, -3])
def test_at_least_one_moment_must_be_wanted(searcher: Searcher, top: int) -> None:
    with pytest.raises(InputError, match=f"top must be at least 1, got {top}"):
        searcher.search("film.mp4", "red", top=top)


def test_what_is_no_video_leaves_nothing_in_the_store(
    searcher: Searcher, tmp_path: Path
) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no film")
    with pytest.raises(InputError, match=r"notes\.mp4"):
        searcher.search(path, "red")
    assert not list((tmp_path / "store").glob("videos/*/*"))
