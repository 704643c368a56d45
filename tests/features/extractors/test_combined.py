"""The frames of one extractor with the regions of another, at one rate."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slta.errors import InputError
from slta.experiments.config import CandidatesConfig, Experiment, FeaturesConfig
from slta.features import EXTRACTORS, Kind, base, extractor
from slta.features.base import Extractor, QueryFeatures, VideoFeatures
from slta.features.extractors import c3d
from slta.features.extractors.combined import Combined, abreast
from slta.features.library import Library
from slta.features.store import Store
from slta.models import build
from slta.models.base import Sizes
from slta.runs.run import About, Run
from slta.search import Searcher
from tests.support import c3d_weights, detectors
from tests.support.answers import equal
from tests.support.commands import call
from tests.support.extractors import Colours, Tiles, coloured
from tests.support.worlds import FEW_UNITS


class Two(Colours):
    """Colours that come two samples at a time."""

    id, version, common_space = "two", "7", False

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        for piece in base.frame_by_frame(self, path, rate_hz=rate_hz):
            for i in range(0, len(piece.times_s), 2):
                yield piece.part(i, i + 2)

    def text(self, query: str) -> QueryFeatures:
        raise AssertionError("queries are read by the first")


def pieces(sizes: list[int], sign: float) -> Iterator[VideoFeatures]:
    """Pieces of so many samples, whose numbers count them."""
    done = 0
    for size in sizes:
        numbers = np.arange(done, done + size, dtype=np.float32)
        yield VideoFeatures(
            times_s=numbers.astype(np.float64),
            frames=sign * numbers[:, None],
            regions=sign * numbers[:, None, None],
            boxes=np.zeros((size, 1, 4), np.float32),
        )
        done += size


def cut(total: int, at: list[int]) -> list[int]:
    """Sizes that sum to the total."""
    edges = sorted({0, total, *(each % (total + 1) for each in at)})
    return [b - a for a, b in pairwise(edges)]


@given(st.integers(0, 12), *[st.lists(st.integers(0, 12), max_size=5)] * 2)
def test_pieces_of_any_size_are_brought_together(
    total: int, one: list[int], other: list[int]
) -> None:
    pairs = list(abreast(pieces(cut(total, one), 1), pieces(cut(total, other), -1)))
    seen = []
    for first, second in pairs:
        assert len(first.times_s) == len(second.times_s) > 0
        np.testing.assert_array_equal(first.frames, -second.frames)
        seen += first.times_s.tolist()
    assert seen == list(range(total))


@pytest.mark.parametrize(("one", "other"), [([4], [3]), ([1], []), ([2, 2], [2, 2, 1])])
def test_what_saw_less_than_the_other_is_an_error(
    one: list[int], other: list[int]
) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(ValueError, match="different numbers of samples"):
            list(abreast(pieces(first, 1), pieces(second, -1)))


def test_frames_are_those_of_the_first_and_regions_those_of_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = coloured(tmp_path / "film.mp4")
    monkeypatch.setitem(EXTRACTORS, "tiles", Kind(lambda _: Tiles()))
    monkeypatch.setitem(EXTRACTORS, "two", Kind(lambda _: Two()))
    made = extractor("tiles+two")
    assert isinstance(made, Combined) and isinstance(made, Extractor)
    assert (made.id, made.version) == ("tiles+two", "1+7") and not made.common_space
    store = Store(tmp_path / "store")
    both, tiles, two = (
        Library(each, store, 3.0).read(film)[1] for each in (made, Tiles(), Two())
    )
    np.testing.assert_array_equal(both.frames, tiles.frames)
    np.testing.assert_array_equal(both.regions, two.regions)
    np.testing.assert_array_equal(both.boxes, two.boxes)
    np.testing.assert_array_equal(both.times_s, tiles.times_s)
    assert both.frame_meanings is None
    asked = made.text("red then blue")
    np.testing.assert_array_equal(
        asked.word_vectors, Tiles().text("red then blue").word_vectors
    )


@pytest.mark.parametrize(
    ("name", "cut_to"),
    [
        ("one:a+two:b", ["one:a", "two:b"]),
        ("one+two", ["one", "two"]),
        ("one:a+b.pth+two:c+d/e", ["one:a+b.pth", "two:c+d/e"]),
        ("one:a+one", ["one:a", "one"]),
        ("one:a+onetwo", ["one:a+onetwo"]),
        ("two-more:a+two:b", ["two-more:a", "two:b"]),
        ("two:b+two-more:a", ["two:b", "two-more:a"]),
    ],
)
def test_a_name_is_cut_where_an_extractor_begins(
    name: str, cut_to: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def known(word: str) -> Callable[[str], Extractor]:
        def make(argument: str) -> Extractor:
            called.append(f"{word}:{argument}" if argument else word)
            return Two()

        return make

    for word in ("one", "two", "two-more"):
        monkeypatch.setitem(EXTRACTORS, word, Kind(known(word)))
    extractor(name)
    assert called == cut_to


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cells+cells+cells", "has 3 parts; combine at most two, the first for the fr"),
        ("cels+cells", r"unknown extractor 'cels'; did you mean cells"),
        ("cells+cels", r"unknown extractor 'cells\+cels'; did you mean cells"),
        ("cells+detr", "detr needs weights: detr:FOLDER"),
        (
            "c3",
            r"unknown extractor 'c3'; did you mean c3d\?",
        ),
    ],
)
def test_names_of_nothing_are_refused(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        extractor(name)
    assert "\n" not in str(raised.value)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """C3D's clips with a DETR's objects, both of random weights, and C3D small."""
    monkeypatch.setattr(c3d, "CHANNELS", c3d_weights.SMALL)
    weights = c3d_weights.save_weights(tmp_path / "c3d.pth", c3d.LAYOUTS[1])
    folder = detectors.save_detector(tmp_path / "detr+rt", "rt_detr")
    return f"c3d:{weights}", f"detr-boxes:{folder}"


@pytest.mark.real
@pytest.mark.parametrize(
    "video", ["intel_bottle-detection.mp4", "decord_flipping_a_pancake.mkv"]
)
def test_a_real_video_goes_from_the_file_to_an_answer(
    video: str, parts: tuple[str, str], shared_videos: Path, tmp_path: Path
) -> None:
    name = "+".join(parts)
    path, store = shared_videos / video, tmp_path / "store"
    made = extractor(name)
    library = Library(made, Store(store), 0.5)
    info, features = library.read(path)
    count = int(np.ceil(info.duration_s * 0.5 - 1e-6))
    assert features.frames.shape == (count, c3d_weights.SMALL[-1])
    assert features.regions.shape == (count, 36, detectors.CHANNELS)
    assert features.boxes.min() >= 0 and features.boxes.max() <= 1
    for array in features.arrays().values():
        assert np.isfinite(array).all()
    # What the clips show changes, and so does what is in the boxes.
    for array in (features.frames, features.regions):
        assert np.ptp(np.asarray(array, np.float32), axis=0).max() > 0
    clips, objects = (
        Library(extractor(part), Store(tmp_path / "alone"), 0.5).read(path)[1]
        for part in parts
    )
    np.testing.assert_array_equal(features.frames, clips.frames)
    np.testing.assert_array_equal(features.regions, objects.regions)

    experiment = Experiment(
        features=FeaturesConfig(extractor=name, rate_hz=0.5),
        candidates=CandidatesConfig(lengths_s=(6.0, 12.0), overlap=0.5, context_s=4.0),
        model=FEW_UNITS,
    )
    sizes = Sizes(region=detectors.CHANNELS, frame=c3d_weights.SMALL[-1], word=384)
    torch.manual_seed(0)
    run = Run.create(tmp_path / "run", "tiny", experiment)
    run.save(build(experiment.model, sizes), About.of(library, sizes))
    found = Searcher(checkpoint=run.folder, store=store).search(
        path, "a hand picks up a bottle"
    )
    assert found.moments and found.boxes.shape == (count, 36, 4)
    again = Searcher(checkpoint=run.folder, store=tmp_path / "other").search(
        path, "a hand picks up a bottle"
    )
    assert equal(found, again)


def test_extractors_that_need_training_are_told_so(
    parts: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "+".join(parts)
    film = coloured(tmp_path / "film.mp4")
    done = call(capsys, "search", film, "a cat", "--extractor", name)
    assert done.code == 2 and "give a run with --checkpoint RUN" in done.err
