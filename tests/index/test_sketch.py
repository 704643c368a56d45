"""The sketch, against the frames it stands for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

from slta.features.base import QueryFeatures
from slta.index import querying, sketch
from slta.index.directions import Directions
from slta.index.library import Index
from slta.index.looking import Seen
from slta.index.place import Place
from slta.index.records import Head, Video
from slta.index.segments import bases_of
from slta.index.sketch import FILE, Sketch, SketchRows, draw, most_different, sketch_of
from slta.index.tables import Tables
from slta.moments import VideoInfo
from slta.search import evidence
from slta.search.compact import Compact, Window
from tests.support.compact_videos import HZ, UNRELATED, made, query, shots
from tests.support.libraries import Library


def unrelated() -> list[QueryFeatures]:
    return UNRELATED


@pytest.fixture(scope="module")
def videos() -> list[Compact]:
    return [made(shots(seed, [60, 25, 110, 40] * 2)) for seed in range(6)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(sketch, "SMALL", 3)
    monkeypatch.setattr(querying, "SMALL", 3)
    return Place(tmp_path / "index")


def kept(place: Place, videos: Sequence[Compact]) -> list[Video]:
    head = Head("films", "things", "1", HZ)
    tables = Tables.create(place, head, bases_of(UNRELATED))
    for number, video in enumerate(videos):
        info = VideoInfo("film", len(video) / HZ, 64, 48)
        bases = bases_of(UNRELATED)
        tables.add([Seen.of(f"{number:064}", info, 0.0, video, bases)], [])
    return tables.snapshot().videos


def by_hand(window: Window, seed: int) -> Float[np.ndarray, "t r"]:
    """How well a sentence fits each frame with each of its regions."""
    asked = query(seed)
    (raw,) = window.fits(evidence.views_of(asked))
    weights = evidence.even_weights(len(asked.phrases))
    assert asked.usual is not None
    total = np.zeros(raw.shape[2:])
    for v in range(2):
        for p, weight in enumerate(weights):
            level, spread = window.levels[:, v].astype(np.float64)
            usual, usual_spread = asked.usual[p, v]
            one = (raw[v, p] - level) / spread
            total += weight * (one + (raw[v, p] - usual) / usual_spread) / 4
    fits: Float[np.ndarray, "t r"] = ((total[:1] + total[1:]) / 2).T
    return fits


@pytest.mark.parametrize("seed", range(3))
def test_a_product_is_the_fit_of_a_frame_and_a_region(
    seed: int, videos: list[Compact]
) -> None:
    windows = [window for video in videos for window in video.windows]
    directions = Directions.learnt(windows, UNRELATED)
    asked = directions.of_query(query(seed))
    found, expected = list[np.ndarray](), list[np.ndarray]()
    for window in windows:
        codes = directions.codes(directions.of_window(window)).astype(np.float64)
        found.append((codes @ asked).ravel())
        expected.append(by_hand(window, seed).ravel())
    one, other = np.concatenate(found), np.concatenate(expected)
    # They differ by a number that is the same for all sights.
    left = (one - other) - np.mean(one - other)
    assert np.std(left) < 0.12 * np.std(other)


def test_the_best_segments_hold_the_best_seconds(
    place: Place, videos: list[Compact]
) -> None:
    drawn = sketch_of(place, kept(place, videos), unrelated)
    assert drawn is not None
    of = np.repeat(np.arange(len(videos)), drawn.counts)
    for seed in range(3):
        best = int(drawn.fits(query(seed)).argmax())
        window = videos[of[best]].windows[drawn.rows.windows[best]]
        heights = by_hand(window, seed).max(axis=1)
        here = slice(int(drawn.rows.starts[best]), int(drawn.rows.ends[best]))
        everywhere = [by_hand(w, seed).max() for v in videos for w in v.windows]
        assert heights[here].max() > np.sort(everywhere)[-3]


def test_segments_cover_all_frames_and_end_at_changes() -> None:
    still = np.zeros((41, 2, 3), np.float32)
    still[21:] += 1
    starts = sketch.segments_of(still)
    assert starts[0] == 0 and 21 in starts
    assert max(np.diff([*starts.tolist(), len(still)])) <= sketch.LONGEST


def test_what_is_seen_for_a_moment_is_a_segment() -> None:
    sights = np.zeros((20, 2, 3), np.float32)
    sights[7, 1] = 5
    assert {7, 8} <= {*sketch.segments_of(sights).tolist()}


def test_a_single_frame_is_a_segment() -> None:
    assert sketch.segments_of(np.ones((1, 2, 3), np.float32)).tolist() == [0]


def test_sights_that_differ_are_kept() -> None:
    sights = np.zeros((9, 4), np.float32)
    sights[3, 0], sights[5, 1], sights[8, 2] = 5, 4, 3
    chosen = most_different(sights)
    assert len(chosen) == sketch.SIGHTS
    assert {5, 4, 3} <= {*chosen.max(axis=1).tolist()}


def test_a_segment_keeps_its_extremes_not_its_mean(videos: list[Compact]) -> None:
    windows = [window for video in videos for window in video.windows]
    directions = Directions.learnt(windows, UNRELATED)
    rows = SketchRows.of(windows[:1], directions)
    sights = directions.codes(directions.of_window(windows[0]))
    for first, end, kept in zip(
        rows.starts, rows.ends, rows.sights.swapaxes(0, 1), strict=True
    ):
        inside = {tuple(sight) for frame in sights[first:end] for sight in frame}
        assert {tuple(sight) for sight in kept} <= inside


class TestKept:
    def test_what_is_known_is_not_computed_again(
        self, place: Place, videos: list[Compact], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = kept(place, videos)
        draw(place, known[:4], unrelated)
        looked = list[int]()
        of = SketchRows.of

        def counted(windows: Sequence[Window], directions: Directions) -> SketchRows:
            looked.append(len(windows))
            return of(windows, directions)

        monkeypatch.setattr(SketchRows, "of", counted)
        draw(place, known[:4], unrelated)
        assert not looked
        draw(place, [known[5], *known[1:4]], unrelated)
        assert len(looked) == 1
        again = Sketch.read(place)
        assert again is not None and again.videos[1:] == tuple(v.id for v in known[1:4])
        rows = of(videos[2].windows, again.directions)
        same = again.by_video[known[2].id]
        assert all(map(np.array_equal, rows, same))

    def test_directions_are_learnt_anew_when_the_index_has_grown(
        self, place: Place, videos: list[Compact], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = kept(place, videos)
        monkeypatch.setattr(sketch, "SMALL", 1)
        draw(place, known[:1], unrelated)
        few = Sketch.read(place)
        draw(place, known, unrelated)
        many = Sketch.read(place)
        assert few is not None and many is not None
        assert few.learnt_from == len(videos[0].windows)
        assert many.learnt_from == sum(len(video.windows) for video in videos)

    @pytest.mark.parametrize("spoil", ["cut", "header", "counts"])
    def test_a_damaged_one_is_drawn_again(
        self, spoil: str, place: Place, videos: list[Compact]
    ) -> None:
        known = kept(place, videos)
        draw(place, known, unrelated)
        whole = Sketch.read(place)
        assert whole is not None and place.folder is not None
        before = {n: SketchRows(*map(np.copy, r)) for n, r in whole.by_video.items()}
        path = place.folder / FILE
        data = path.read_bytes()
        cut = len(data) // 2 if spoil == "cut" else len(data)
        said = {"header": (b'"videos"', b'"vidoes"'), "counts": (b'"counts"', b'"c"')}
        path.write_bytes(data[:cut].replace(*said.get(spoil, (b"", b""))))
        assert Sketch.read(place) is None
        draw(place, known, unrelated)
        again = Sketch.read(place)
        assert again is not None
        for video, rows in again.by_video.items():
            assert all(map(np.array_equal, rows, before[video]))

    @pytest.mark.parametrize("name", ["windows", "starts", "ends"])
    def test_segments_that_are_not_those_of_the_windows_are_drawn_again(
        self, name: str, place: Place, videos: list[Compact]
    ) -> None:
        known = kept(place, videos)
        drawn = sketch_of(place, known, unrelated)
        assert drawn is not None
        column = np.array(getattr(drawn.rows, name))
        column[7] += 1
        rows = drawn.rows._replace(**{name: column})
        place.write(FILE, replace(drawn, rows=rows).to_bytes())
        again = sketch_of(place, known, unrelated)
        assert again is not None and not again.is_kept
        assert np.array_equal(getattr(again.rows, name), getattr(drawn.rows, name))


def test_a_large_index_has_a_sketch_and_a_search_uses_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketch, "SMALL", 2)
    index = library.added(2)
    assert not (library.place / FILE).exists()
    library.fill(4)
    index.add()
    drawn = (library.place / FILE).read_bytes()
    assert library.open().add().unchanged == 4
    assert (library.place / FILE).read_bytes() == drawn
    library.fill(5)
    index.add()
    found = _places(index)
    assert (library.place / FILE).read_bytes() != drawn
    # An old one is as good: what it lacks is computed for the search.
    (library.place / FILE).write_bytes(drawn)
    assert _places(library.open()) == found
    library.open().verify()
    assert _places(library.open()) == found


def _places(index: Index) -> list[tuple[str, float, float]]:
    moments = index.search("a red wall").moments
    return [(hit.path.name, hit.span.start, hit.span.end) for hit in moments]
