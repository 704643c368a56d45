"""Search by example: what is given as one, how alike it looks, and what is found."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageEnhance

from slta import InputError, Span
from slta.features.base import VideoFeatures
from slta.index import querying
from slta.index.answers import Hits
from slta.index.examples import Example, NamedExample
from slta.index.filters import Filter
from slta.index.library import Index
from slta.index.likeness import Sought, log_odds, looker, shots
from slta.search.compact import Compact, compacted
from slta.search.zero_shot import CLEAR
from slta.video import frames, writing
from tests.reference import likeness as slow
from tests.support.extractors import Colours
from tests.support.indexed_films import DURATION_S, SIZE, known
from tests.support.videos import film

SHOT_S = DURATION_S / 4


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The index of a folder with two films, of a cat, coffee, a rocket and the cat again,
    and a third film of other photographs."""
    root = tmp_path_factory.mktemp("library")
    films = known()
    for path in (films.film, films.long):
        (root / path.name).write_bytes(path.read_bytes())
    pictures = [
        np.array(photo(name).resize(SIZE))
        for name in ("astronaut", "page")
        for _ in range(8)
    ]
    writing.write(root / "other.mp4", pictures, rate_hz=4)
    place = tmp_path_factory.mktemp("place")
    index = Index.open(
        root, place=place, store=films.copy(tmp_path_factory.mktemp("s") / "s")
    )
    index.add()
    return index


def places(hits: Hits) -> list[tuple[str, list[int]]]:
    """Names and shots of the clear moments; frames are half a second apart."""
    return [(hit.path.name, _shots(hit.span, hit.duration_s / 4)) for hit in hits.clear]


def _shots(span: Span, length_s: float) -> list[int]:
    return [
        i
        for i in range(4)
        if span.overlaps(Span((i + 0.3) * length_s, (i + 0.7) * length_s))
    ]


class TestNames:
    @pytest.mark.parametrize(
        ("text", "path", "start_s", "end_s"),
        [
            ("a.mp4", "a.mp4", None, None),
            ("a.mp4@1:23", "a.mp4", 83.0, None),
            ("a.mp4@83.5", "a.mp4", 83.5, None),
            ("a.mp4@1h2m", "a.mp4", 3720.0, None),
            ("a.mp4@1:20-1:35", "a.mp4", 80.0, 95.0),
            ("a.mp4@0–2", "a.mp4", 0.0, 2.0),
            ("me@home.mp4", "me@home.mp4", None, None),
            ("me@home.mp4@0:10", "me@home.mp4", 10.0, None),
            ("me@home/a", "me@home/a", None, None),
            ("@1:20", "@1:20", None, None),
        ],
    )
    def test_a_time_comes_behind_an_at(
        self, text: str, path: str, start_s: float | None, end_s: float | None
    ) -> None:
        assert NamedExample.of(text) == NamedExample(text, Path(path), start_s, end_s)

    def test_a_file_of_the_whole_name_comes_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("a.mp4@0:01").touch()
        assert NamedExample.of("a.mp4@0:01").path == Path("a.mp4@0:01")
        assert NamedExample.of("a.mp4@0:02") == NamedExample(
            "a.mp4@0:02", Path("a.mp4"), 2.0
        )
        assert NamedExample.of("a.mp4@0:01@0:02").path == Path("a.mp4@0:01")

    @pytest.mark.parametrize("when", "x -5 5- 1:2:3:4 1-2-3 1.2.3 : - 1:20-end".split())
    def test_what_is_no_time_is_refused(self, tmp_path: Path, when: str) -> None:
        (tmp_path / "a.mp4").touch()
        with pytest.raises(InputError, match=r"is not a time; give a time as in"):
            NamedExample.of(f"{tmp_path}/a.mp4@{when}")

    @pytest.mark.parametrize("when", ["2-1", "1:20-1:20", "9-0"])
    def test_a_reversed_span_is_refused(self, when: str) -> None:
        with pytest.raises(InputError, match=r"ends before it starts"):
            NamedExample.of(f"a.mp4@{when}")


class TestReading:
    @pytest.mark.parametrize(
        ("when", "start_s", "end_s", "count"),
        [
            ("", 0, 100 / 30, 7),
            ("@1", 1, 2, 2),
            ("@3", 3, 100 / 30, 1),
            ("@1-2.6", 1, 2.6, 4),
            ("@1-4", 1, 100 / 30, 5),
        ],
    )
    def test_a_part_of_a_video(
        self, tmp_path: Path, when: str, start_s: float, end_s: float, count: int
    ) -> None:
        clip = film(tmp_path / "a.mp4")
        example = Example.read(f"{clip}{when}", (16, 12))
        assert example.span is not None
        assert example.span.start == pytest.approx(start_s)
        assert example.span.end == pytest.approx(end_s, abs=0.01)
        assert example.images.shape == (count, 12, 16, 3)
        (first,) = frames(clip, at=[start_s], size=(16, 12)).images
        assert (example.images[0] == first).all()

    def test_a_picture_is_one_frame_without_a_time(self, tmp_path: Path) -> None:
        photo("chelsea").save(tmp_path / "a.webp")
        example = Example.read(tmp_path / "a.webp", (16, 12))
        assert example.span is None and example.images.shape == (1, 12, 16, 3)
        assert example.to_json() == {"path": str(tmp_path / "a.webp")}

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("a.mp4@9:00", r"lasts 0:03.3; give a time within that"),
            ("a.mp4@1-9:00", r"lasts 0:03.3; give a time within that"),
            ("a.png@0:01", "is a picture, without times; leave the time out"),
            ("long.mp4", r"lasts 0:39.0, more than 30 s; give a time as in long.mp4@"),
            ("long.mp4@1-35", "is a span of 0:34.0; give one of at most 30 s"),
            ("notes.txt", "notes.txt is not a video"),
            ("notes.txt@0:01", "notes.txt is not a video"),
            ("gone.mp4@0:01", "gone.mp4 does not exist"),
            (".", "is a folder"),
            (".@0:01", "is a folder"),
        ],
    )
    def test_what_cannot_be_an_example_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        film(Path("a.mp4"))
        film(Path("long.mp4"), ticks=range(0, 1200, 30))
        photo("chelsea").save("a.png")
        Path("notes.txt").write_text("no film")
        with pytest.raises(InputError, match=says) as raised:
            Example.read(name, (16, 12))
        assert "\n" not in str(raised.value)

    def test_an_animated_picture_has_times_but_needs_none(self, tmp_path: Path) -> None:
        path = tmp_path / "a.gif"
        red, blue = (Image.new("RGB", (64, 48), c) for c in ("red", "blue"))
        red.save(path, save_all=True, append_images=[blue] * 3, duration=1000)
        assert Example.read(path, (8, 8)).images[0, 0, 0].tolist() == [255, 0, 0]
        example = Example.read(f"{path}@2", (8, 8))
        assert example.images[0, 0, 0].argmax() == 2

    def test_only_an_extractor_of_pictures_looks_at_examples(self) -> None:
        class Clips(Colours):
            size = property(lambda _: _no_such())

        def _no_such() -> None:
            raise AttributeError

        assert looker(Colours()).size == (8, 8)
        with pytest.raises(InputError, match=r"does not look at single pictures"):
            looker(Clips())


def compact_of(features: VideoFeatures) -> Compact:
    """Compact features, without the unrelated sentences, of which examples know nothing."""
    read = Colours().text("red")
    size = features.frames.shape[1]
    unrelated = [
        replace(
            read,
            meanings=np.eye(1, size, i, np.float32),
            appearances=np.eye(1, size, i, np.float32),
        )
        for i in range(2)
    ]
    return compacted(iter([features]), unrelated, 2.0)


def random_features(seed: int, count: int = 40, size: int = 24) -> VideoFeatures:
    rng = np.random.default_rng(seed)
    looks = np.abs(rng.normal(size=(count, 5, size))).astype(np.float32)
    return VideoFeatures(
        times_s=np.arange(count) / 2,
        frames=looks[:, 0],
        regions=looks[:, 1:],
        boxes=np.tile(np.array([0, 0, 1, 1], np.float32), (count, 4, 1)),
        frame_meanings=looks[:, 0],
        region_meanings=looks[:, 1:],
    )


class Seen:
    """Looks at pictures and always sees the same."""

    size = (4, 4)

    def __init__(self, features: VideoFeatures) -> None:
        self._features = features

    def video(self, frames: object) -> VideoFeatures:
        return self._features


def sought(features: VideoFeatures) -> Sought:
    images = np.zeros((len(features.frames), 4, 4, 3), np.uint8)
    return Sought.of(Example("a", Path("a"), None, images), Seen(features))


class TestLikeness:
    @pytest.mark.parametrize("seed", range(3))
    def test_it_is_that_of_the_vectors_pair_by_pair(self, seed: int) -> None:
        features, shown = random_features(seed), random_features(seed + 9, count=3)
        (window,) = compact_of(features).windows
        found = sought(shown).likeness(window)
        sights = np.concatenate([features.frames[:, None], features.regions], axis=1)
        example = np.concatenate([shown.frames[:, None], shown.regions], axis=1)
        wanted = [slow.likeness(frame, example) for frame in sights]
        assert found == pytest.approx(wanted, abs=0.01)

    def test_lengths_are_those_of_the_vectors(self) -> None:
        features = random_features(1)
        (window,) = compact_of(features).windows
        space = window.spaces[1]
        lengths = np.linalg.norm(space.frames(), axis=1)
        assert space.lengths()[0] == pytest.approx(lengths, rel=0.002)

    def test_a_frame_is_most_like_itself(self) -> None:
        features = random_features(2)
        (window,) = compact_of(features).windows
        curve = sought(features.part(17, 18)).likeness(window)
        assert curve.argmax() == 17 and curve[17] == pytest.approx(1, abs=0.005)

    def test_odds_rise_with_likeness_and_fall_with_scenes(self) -> None:
        odds = [log_odds(np.full(4, value), 1.0) for value in (0.2, 0.5, 0.6, 0.9)]
        assert sorted(odds) == odds and odds[0] < 0 < odds[-1]
        assert log_odds(np.full(4, 0.9), 9.0) == pytest.approx(odds[-1] - np.log(3))

    def test_features_that_are_not_finite_are_refused(self) -> None:
        features = random_features(3, count=2)
        features.frames[1, 1] = np.nan
        with pytest.raises(InputError, match=r"not finite; give another example"):
            sought(features)

    def test_shots_end_where_all_changes(self) -> None:
        rng = np.random.default_rng(0)
        features = random_features(4)
        looks = np.repeat(np.eye(3, 24, dtype=np.float32), [10, 25, 5], axis=0)
        looks += rng.normal(size=looks.shape).astype(np.float32) / 100
        (window,) = compact_of(replace(features, frames=looks)).windows
        assert shots(window) == [(0, 10), (10, 35), (35, 40)]


@pytest.fixture
def picture(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "example.png"


@pytest.mark.slice
class TestFound:
    def test_a_photograph_is_found_wherever_it_is_shown(
        self, library: Index, picture: Path
    ) -> None:
        photo("coffee").save(picture)
        hits = library.like(picture)
        assert sorted(places(hits)) == [("tour.mp4", [1]), ("trip.mp4", [1])]
        photo("chelsea").save(picture)
        hits = library.like(picture)
        assert sorted(places(hits)) == [
            *[("tour.mp4", [0]), ("tour.mp4", [3])],
            *[("trip.mp4", [0]), ("trip.mp4", [3])],
        ]

    def test_a_second_is_found_where_it_is_and_surely(self, library: Index) -> None:
        for shot, others in ((1, []), (2, []), (0, [3])):
            when = (shot + 0.25) * SHOT_S
            hits = library.like(library.root / f"trip.mp4@{when:.2f}", per_video=2)
            spans = [h.span for h in hits.moments if h.path.name == "trip.mp4"]
            assert any(span.start <= when < span.end for span in spans)
            here = [shots for name, shots in places(hits) if name == "trip.mp4"]
            assert sorted(here) == [[i] for i in sorted([shot, *others])]
            assert hits.moments[0].confidence > 0.99

    def test_a_span_of_two_shots_is_like_both(self, library: Index) -> None:
        span = f"{0.5 * SHOT_S:.1f}-{1.5 * SHOT_S:.1f}"
        hits = library.like(library.root / f"trip.mp4@{span}")
        found = {shot for _, shots in places(hits) for shot in shots}
        assert {0, 1} <= found and 2 not in found

    @pytest.mark.parametrize("change", ["smaller", "cropped", "brighter", "mirrored"])
    def test_a_changed_picture_is_still_found_first(
        self, library: Index, picture: Path, change: str
    ) -> None:
        shown = photo("rocket")
        width, height = shown.size
        changed = {
            "smaller": shown.resize((96, 64)),
            "cropped": shown.crop((width // 8, height // 8, width, height)),
            "brighter": ImageEnhance.Brightness(shown).enhance(1.4),
            "mirrored": shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        }
        changed[change].save(picture)
        hits = library.like(picture, top=2)
        assert hits.is_clear
        assert {shot for _, shots in places(hits) for shot in shots} == {2}

    def test_a_film_coded_anew_is_found(self, library: Index, tmp_path: Path) -> None:
        times = np.arange(4, 8) / 2
        small = frames(library.root / "other.mp4", at=times - 1.9, size=(128, 72))
        writing.write(tmp_path / "small.mp4", list(small.images), rate_hz=2)
        hits = library.like(tmp_path / "small.mp4")
        assert hits.moments[0].path.name == "other.mp4" and hits.is_clear
        assert not [name for name, _ in places(hits) if name != "other.mp4"]

    def test_nothing_is_clearly_like_another_photograph(
        self, library: Index, picture: Path
    ) -> None:
        for name in ("camera", "coins", "moon"):
            photo(name).save(picture)
            hits = library.like(picture)
            assert hits.moments and not hits.is_clear
            assert hits.confidence < CLEAR

    def test_filters_and_limits_hold(self, library: Index, picture: Path) -> None:
        photo("chelsea").save(picture)
        only = Filter(within="trip*")
        hits = library.like(picture, only=only)
        assert hits.videos == 1 and {h.path.name for h in hits.moments} == {"trip.mp4"}
        hits = library.like(picture, per_video=1)
        assert len({h.path for h in hits.moments}) == len(hits.moments)
        assert len(library.like(picture, top=1).moments) == 1
        with pytest.raises(InputError, match=r"top must be at least 1"):
            library.like(picture, top=0)

    def test_the_right_windows_are_proposed(
        self, library: Index, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(querying, "SMALL", 1)
        monkeypatch.setattr(querying, "MOST_WINDOWS", 1)
        hits = library.like(library.root / "other.mp4@0:01", top=1)
        assert [name for name, _ in places(hits)] == ["other.mp4"]

    def test_json_says_what_was_looked_for(self, library: Index) -> None:
        name = f"{library.root / 'trip.mp4'}@0:01-0:02"
        said = library.like(name).to_json()
        assert said["query"] == name
        assert said["like"] == {
            "path": str(library.root / "trip.mp4"),
            "start_s": 1.0,
            "end_s": 2.0,
        }
        assert "like" not in library.search("a cat").to_json()
