"""Features from the store, or made and kept there."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.library import Library
from slta.features.store import Store
from slta.video.reading import Frames
from tests.support.extractors import Colours, coloured


class Counting(Colours):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.looked = 0

    def video(self, frames: Frames) -> VideoFeatures:
        self.looked += len(frames.times_s)
        return super().video(frames)

    def text(self, query: str) -> QueryFeatures:
        self.read[query] += 1
        return super().text(query)


class Plain(Counting):
    """An extractor without a common space."""

    id = "plain"
    common_space = False

    def video(self, frames: Frames) -> VideoFeatures:
        made = super().video(frames)
        return VideoFeatures(made.times_s, made.frames, made.regions, made.boxes)

    def text(self, query: str) -> QueryFeatures:
        made = super().text(query)
        return QueryFeatures(
            query=made.query,
            words=made.words,
            word_vectors=made.word_vectors,
            noun_mask=made.noun_mask,
            action=made.action,
            phrases=made.phrases,
            meanings=made.meanings,
            attainable=made.attainable,
            appearances=None,
        )


def library(
    folder: Path, extractor: Counting | None = None, rate_hz: float = 2.0
) -> Library:
    return Library(extractor or Counting(), Store(folder / "store"), rate_hz)


def counting(given: Library) -> Counting:
    assert isinstance(given.extractor, Counting)
    return given.extractor


def names(found: Sequence[QueryFeatures]) -> list[str]:
    return [each.query for each in found]


def test_sentences_keep_their_order_and_their_repetitions(tmp_path: Path) -> None:
    given = library(tmp_path)
    asked = ["red", "a cat", "blue", "red", "a cat", "green"]
    found = given.sentences(asked)
    assert names(found) == asked
    for each in found:
        expected = Colours().text(each.query)
        assert each.words == expected.words and each.action is expected.action
        for name in (
            "word_vectors",
            "meanings",
            "attainable",
            "appearances",
            "noun_mask",
        ):
            assert (getattr(each, name) == getattr(expected, name)).all(), name
    assert counting(given).read == Counter(set(asked))


def test_sentences_are_read_once(tmp_path: Path) -> None:
    library(tmp_path).sentences(["red", "blue"])
    again = library(tmp_path)
    # Their order and repetitions do not make them others.
    assert names(again.sentences(["blue", "red", "blue"])) == ["blue", "red", "blue"]
    assert not counting(again).read
    assert names(again.sentences(["blue", "green"])) == ["blue", "green"]
    assert counting(again).read == {"blue": 1, "green": 1}


def test_another_version_reads_them_anew(tmp_path: Path) -> None:
    library(tmp_path).sentences(["red"])
    newer = Counting()
    newer.version = "2"
    library(tmp_path, newer).sentences(["red"])
    assert newer.read == {"red": 1}


def test_sentences_that_join_alike_are_not_confused(tmp_path: Path) -> None:
    given = library(tmp_path)
    assert names(given.sentences(["a\nb"])) == ["a\nb"]
    assert names(given.sentences(["a", "b"])) == ["a", "b"]


def test_reading_sentences_shows_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[float, float]] = []
    library(tmp_path).sentences(
        ["red", "blue", "red"], progress=lambda *done: told.append(done)
    )
    assert told == [(1, 2), (2, 2)]


def test_each_rate_has_a_record_of_its_own(tmp_path: Path) -> None:
    path = coloured(tmp_path / "film.mp4")
    slow, fast = (library(tmp_path, rate_hz=rate) for rate in (2.0, 4.0))
    assert slow.record(path).folder != fast.record(path).folder
    for given, count in ((slow, 12), (fast, 24)):
        info, features = given.read(path)
        assert info.duration_s == pytest.approx(6, abs=0.01)
        assert info.video_id == "film"
        assert len(features.frames) == len(features.times_s) == count
        assert features.times_s.tolist() == [i / given.rate_hz for i in range(count)]
    assert (fast.read(path)[1].frames[::2] == slow.read(path)[1].frames).all()


def test_a_video_is_looked_at_once(tmp_path: Path) -> None:
    path = coloured(tmp_path / "film.mp4")
    first, second = library(tmp_path), library(tmp_path)
    first.read(path)
    second.read(path)
    assert (counting(first).looked, counting(second).looked) == (12, 0)


def test_a_file_that_is_replaced_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    path, other = (
        coloured(tmp_path / "a.mp4"),
        coloured(tmp_path / "b.mp4", order="red"),
    )

    class Replacing(Counting):
        def video(self, frames: Frames) -> VideoFeatures:
            if other.exists():
                other.replace(path)
            return super().video(frames)

    given = library(tmp_path, Replacing())
    with pytest.raises(InputError, match=r"a\.mp4 changed while it was read; read it"):
        given.record(path)
    assert not list(tmp_path.glob("store/videos/*/*"))
    assert len(given.read(path)[1].frames) == 4


def test_what_an_extractor_does_not_make_is_not_kept(tmp_path: Path) -> None:
    path = coloured(tmp_path / "film.mp4")
    given = library(tmp_path, Plain())
    arrays = {"times_s", "frames", "regions", "boxes"}
    assert given.record(path).arrays.keys() == arrays
    _, features = given.read(path)
    assert features.frame_meanings is None and features.region_meanings is None
    assert library(tmp_path).record(path).arrays.keys() == arrays | {
        "frame_meanings",
        "region_meanings",
    }
    (found,) = given.sentences(["red"])
    assert found.appearances is None


def test_features_are_kept_in_half_precision(tmp_path: Path) -> None:
    path = coloured(tmp_path / "film.mp4")
    arrays = library(tmp_path).record(path).arrays
    kinds = {name: array.dtype for name, array in arrays.items()}
    assert kinds.pop("times_s") == np.float64
    assert set(kinds.values()) == {np.dtype(np.float16)}


def test_a_record_that_lacks_something_is_named(tmp_path: Path) -> None:
    path = coloured(tmp_path / "film.mp4")
    given = library(tmp_path)
    record = given.record(path)
    facts = (record.folder / "record.json").read_text()
    (record.folder / "record.json").write_text(facts.replace('"width"', '"breadth"'))
    with pytest.raises(InputError, match=r"is damaged .*; remove the folder"):
        given.read(path)


def test_centred_frames_lack_what_the_video_always_shows(tmp_path: Path) -> None:
    path = coloured(tmp_path / "a.mp4")
    store = Store(tmp_path / "store")
    _, plain = Library(Colours(), store, 2.0).read(path)
    _, centred = Library(Colours(), store, 2.0, centred=True).read(path)
    frames = np.asarray(plain.frames, np.float32)
    np.testing.assert_allclose(centred.frames, frames - frames.mean(axis=0), atol=2e-3)
    np.testing.assert_array_equal(centred.regions, plain.regions)
