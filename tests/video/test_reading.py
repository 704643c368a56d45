import os
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import FrozenInstanceError
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from slta import video
from slta.errors import InputError
from slta.moments import VideoInfo
from slta.video import decoding, reading
from tests.reference.shown import everything, on_display
from tests.support.videos import film, joined, number, only_sound, painted, uneven

SMALL = (32, 24)
FINE_S = Fraction(1, 600)
X265 = {"x265-params": "log-level=none:open-gop=1"}
FILMS: dict[str, Callable[[Path], Path]] = {
    "bframes.mp4": film,
    "pyramid.mp4": lambda p: film(p, bframes=5, options={"b-pyramid": "strict"}),
    "opengop.mp4": lambda p: film(p, options={"x264-params": "open-gop=1"}),
    "opengop.mkv": lambda p: film(p, options={"x264-params": "open-gop=1"}),
    "refresh.mkv": lambda p: film(
        p, bframes=0, options={"x264-params": "intra-refresh=1"}
    ),
    "interlaced.mp4": lambda p: film(p, options={"x264-params": "interlaced=1"}),
    "lying.mp4": lambda p: film(p, codec="mpeg4", bframes=0, all_keys=True),
    "late.mp4": lambda p: film(p, shift=45),
    "late.mkv": lambda p: film(p, shift=45),
    "late.ts": lambda p: film(p, shift=45),
    "early.mp4": lambda p: film(p, shift=-10),
    "uneven.mp4": lambda p: film(p, uneven(), tick_s=FINE_S),
    "uneven.mkv": lambda p: film(p, uneven(), tick_s=FINE_S),
    "fragments.mp4": lambda p: film(p, muxer={"movflags": "frag_keyframe"}),
    "live.mkv": lambda p: film(p, muxer={"live": "1"}),
    "raw.h264": film,
    "bframes.avi": film,
    "bframes.flv": film,
    "asp.avi": lambda p: film(p, codec="mpeg4"),
    "program.mpg": lambda p: film(p, codec="mpeg2video"),
    "hevc.mp4": lambda p: film(p, codec="libx265", options=X265),
    "vp9.webm": lambda p: film(p, codec="libvpx-vp9"),
    "intra.mkv": lambda p: film(p, codec="mjpeg", pix_fmt="yuvj420p"),
    "animated.gif": lambda p: film(p, codec="gif", pix_fmt="rgb8"),
    "left.mp4": lambda p: film(p, rotation=90),
    "right.mp4": lambda p: film(p, rotation=-90),
    "down.mkv": lambda p: film(p, rotation=180),
    "odd.mp4": lambda p: film(p, size=(65, 49), pix_fmt="yuv444p"),
    "tenbit.mp4": lambda p: film(p, pix_fmt="yuv420p10le"),
    "gray.mp4": lambda p: film(p, pix_fmt="gray"),
    "sound.mp4": lambda p: film(p, sound_s=5),
    "a: b%d?#é.mp4": film,
}


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("films")

    def find(name: str) -> Path:
        path = folder / name
        return path if path.exists() else FILMS[name](path)

    return find


def numbers(batches: Iterable[video.Frames]) -> list[int]:
    return [number(image) for batch in batches for image in batch.images]


@pytest.mark.parametrize("name", FILMS)
def test_frames_are_those_of_a_full_decode(
    films: Callable[[str], Path], name: str
) -> None:
    path = films(name)
    times_s, images = everything(path, SMALL)
    rng = np.random.default_rng(0)
    own_s = np.array([float(time_s) for time_s in times_s])
    between_s = rng.uniform(0, own_s[-1], 40)
    everywhere = rng.permutation(np.concatenate([own_s, own_s[:5], between_s]))
    few = np.sort(rng.choice(everywhere, (10, 3)), axis=1)
    for at in [everywhere, *few, *few[:, ::-1], own_s[-1:]]:
        got = video.frames(path, at=at, size=SMALL)
        expected = [on_display(path, times_s, time_s) for time_s in at]
        np.testing.assert_array_equal(
            got.images, np.stack([images[i] for i in expected])
        )
        np.testing.assert_allclose(got.times_s, own_s[expected], atol=1e-9)


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("rate_hz", [0.7, 2, 47.3])
def test_a_sample_is_the_frames_at_its_times(
    films: Callable[[str], Path], name: str, rate_hz: float
) -> None:
    path = films(name)
    duration_s = video.probe(path).duration_s
    batches = list(video.sample(path, rate_hz=rate_hz, size=SMALL, batch=7))
    assert {len(batch.images) for batch in batches[:-1]} <= {7}
    at = np.arange(np.ceil(duration_s * rate_hz - 1e-6)) / rate_hz
    frames = video.frames(path, at=at, size=SMALL)
    np.testing.assert_array_equal(
        np.concatenate([batch.images for batch in batches]), frames.images
    )
    np.testing.assert_array_equal(
        np.concatenate([batch.times_s for batch in batches]), frames.times_s
    )


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize(
    ("rate_hz", "frames_hz"),
    [(0.7, 25), (2, 5.3), (9.1, 25)],
    ids=["apart", "overlapping by time", "overlapping by frames"],
)
def test_a_clip_is_the_frames_from_its_time_on(
    films: Callable[[str], Path], name: str, rate_hz: float, frames_hz: float
) -> None:
    path = films(name)
    times_s, images = everything(path, SMALL)
    start_s = np.concatenate(
        [batch.times_s for batch in video.sample(path, rate_hz=rate_hz, size=SMALL)]
    )
    pieces = list(
        video.clips(
            path, rate_hz=rate_hz, length=4, frames_hz=frames_hz, size=SMALL, batch=3
        )
    )
    assert {len(piece.images) for piece in pieces[:-1]} <= {3}
    assert max(len(piece.images) for piece in pieces) <= 3
    np.testing.assert_array_equal(
        np.concatenate([piece.times_s for piece in pieces]), start_s
    )
    seen = np.concatenate([piece.images for piece in pieces])
    assert seen.shape == (len(start_s), 4, *SMALL[::-1], 3)
    for i, clip in enumerate(seen):
        at = i / rate_hz + np.arange(4) / frames_hz
        shown = [on_display(path, times_s, time_s) for time_s in at]
        np.testing.assert_array_equal(clip, np.stack([images[n] for n in shown]))


def test_clips_that_overlap_are_decoded_once(
    films: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    painted_at: list[int] = []

    def counting(size: tuple[int, int]) -> Callable[[Any], Any]:
        paint = decoding.painter(size)

        def painted(frame: Any) -> Any:
            painted_at.append(frame.pts)
            return paint(frame)

        return painted

    monkeypatch.setattr(reading, "painter", counting)
    list(video.clips(films("bframes.mp4"), rate_hz=15, length=16, frames_hz=30))
    # The last one once more, for what is after it.
    assert sorted(painted_at)[:100] == sorted(set(painted_at))
    assert len(painted_at) <= 101


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate_hz": 0}, "sampling rate must be above 0"),
        ({"rate_hz": float("nan")}, "sampling rate must be above 0"),
        ({"length": 0}, "a clip must hold at least 1 frame, got 0"),
        ({"frames_hz": -25}, "frames of a clip need a rate above 0, got -25"),
        ({"batch": 0}, "a batch must hold at least 1 sample, got 0"),
    ],
)
def test_clips_that_cannot_be_made_are_refused(
    films: Callable[[str], Path], given: dict[str, Any], says: str
) -> None:
    usual: dict[str, Any] = {"rate_hz": 2, "length": 4, "frames_hz": 25}
    with pytest.raises(InputError, match=says):
        video.clips(films("bframes.mp4"), **{**usual, **given})


def test_each_frame_begins_exactly_at_its_time(films: Callable[[str], Path]) -> None:
    at = np.arange(100) / 30
    shown = video.frames(films("bframes.mp4"), at=at)
    assert [number(image) for image in shown.images] == list(range(100))
    before = video.frames(films("bframes.mp4"), at=at[1:] - 1e-6)
    assert [number(image) for image in before.images] == list(range(99))


@pytest.mark.parametrize("name", ["bframes.mp4", "live.mkv", "bframes.flv", "late.ts"])
def test_at_its_own_rate_each_frame_comes_once(
    films: Callable[[str], Path], name: str
) -> None:
    # Matroska and FLV store 1/30 s as 33 ms and 2/30 s as 67 ms.
    assert numbers(video.sample(films(name), rate_hz=30)) == list(range(100))


def test_tenths_of_a_second_are_exact(tmp_path: Path) -> None:
    path = film(tmp_path / "tenths.mp4", range(90), tick_s=Fraction(1, 10))
    # 3 * 0.1 is more than 0.3 and 0.7 / 0.1 less than 7: neither may move a frame.
    for at in ([i * 0.1 for i in range(90)], [i / 10 for i in range(90)]):
        shown = video.frames(path, at=at)
        assert [number(image) for image in shown.images] == list(range(90))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_times_in_any_order(
    films: Callable[[str], Path], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["uneven.mp4", "uneven.mkv", "late.mp4"]))
    path = films(name)
    end_s = video.probe(path).duration_s
    at = data.draw(st.lists(st.floats(0, end_s), max_size=12))
    times_s, images = everything(path, SMALL)
    shown = video.frames(path, at=at, size=SMALL)
    expected = [on_display(path, times_s, time_s) for time_s in at]
    assert shown.times_s.tolist() == [float(times_s[i]) for i in expected]
    assert all(
        (a == images[i]).all() for a, i in zip(shown.images, expected, strict=True)
    )


def test_no_times_give_no_frames(films: Callable[[str], Path]) -> None:
    shown = video.frames(films("bframes.mp4"), at=[])
    assert shown.images.shape == (0, 48, 64, 3) and shown.times_s.shape == (0,)


@pytest.mark.parametrize("time_s", [-0.1, 3.4, float("nan"), float("inf")])
def test_a_time_outside_is_refused(films: Callable[[str], Path], time_s: float) -> None:
    with pytest.raises(InputError, match=r"bframes.mp4 lasts 3.333 s: ask .* not"):
        video.frames(films("bframes.mp4"), at=[time_s])


@pytest.mark.parametrize(
    ("name", "duration_s"),
    [
        ("bframes.mp4", 100 / 30),
        ("late.mp4", 100 / 30),
        ("late.mkv", 3.333),
        ("late.ts", 100 / 30),
        ("early.mp4", 3.0),
        ("fragments.mp4", 100 / 30),
        ("live.mkv", 3.333),
        ("raw.h264", 100 / 30),
        ("bframes.avi", 100 / 30),
        ("program.mpg", 100 / 30),
        ("sound.mp4", 100 / 30),
    ],
)
def test_the_duration_is_that_of_the_pictures(
    films: Callable[[str], Path], name: str, duration_s: float
) -> None:
    assert video.probe(films(name)).duration_s == pytest.approx(duration_s, abs=1e-9)


@pytest.mark.parametrize("tag", [b"00:00:04.833", b"00:00:03.333"])
def test_writers_count_a_late_film_from_zero_or_from_its_start(
    films: Callable[[str], Path], tmp_path: Path, tag: bytes
) -> None:
    path = tmp_path / "late.mkv"
    path.write_bytes(films("late.mkv").read_bytes().replace(b"00:00:04.833", tag))
    assert video.probe(path).duration_s == 3.333


def test_a_colon_in_a_name_is_only_a_name(
    films: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films("a: b%d?#é.mp4")
    monkeypatch.chdir(path.parent)
    assert video.probe(path.name).video_id == "a: b%d?#é"


@pytest.mark.parametrize(
    ("name", "size"),
    [("left.mp4", (48, 64)), ("down.mkv", (64, 48)), ("odd.mp4", (65, 49))],
)
def test_a_probe_tells_the_size_as_shown(
    films: Callable[[str], Path], name: str, size: tuple[int, int]
) -> None:
    path = films(name)
    info = video.probe(path)
    assert info == VideoInfo(path.stem, info.duration_s, *size)
    assert video.frames(path, at=[1]).images.shape == (1, *size[::-1], 3)


@pytest.mark.parametrize(
    ("pixel", "rotation", "size"),
    [
        (Fraction(64, 45), None, (91, 48)),
        (Fraction(64, 45), 90, (48, 91)),
        (Fraction(8, 9), None, (64, 54)),
        (Fraction(1, 400), None, (64, 48)),
    ],
)
def test_pixels_that_are_not_square_are_shown_square(
    tmp_path: Path, pixel: Fraction, rotation: float | None, size: tuple[int, int]
) -> None:
    path = film(tmp_path / "dvd.mp4", pixel=pixel, rotation=rotation)
    info = video.probe(path)
    assert (info.width, info.height) == size
    (image,) = video.frames(path, at=[1]).images
    assert image.shape == (*size[::-1], 3)
    assert number(np.rot90(image, -1 if rotation else 0)) == 30


def test_one_spelling_of_a_name_is_the_id(films: Callable[[str], Path]) -> None:
    path = films("bframes.mp4")
    copy = path.with_name("cafe\u0301.mp4")
    copy.write_bytes(path.read_bytes())
    assert video.probe(copy).video_id == "caf\u00e9"


def test_pictures_come_out_upright_and_unmirrored(tmp_path: Path) -> None:
    for hflip in (False, True):
        path = film(tmp_path / f"{hflip}.mp4", [0, 1], rotation=90, hflip=hflip)
        (image,) = video.frames(path, at=[1 / 30]).images
        upright = np.rot90(painted(1))
        upright = upright[:, ::-1] if hflip else upright
        assert np.abs(image.astype(int) - upright).mean() < 10


def test_white_is_white_and_black_is_black(films: Callable[[str], Path]) -> None:
    for size in (None, SMALL):
        (image,) = video.frames(films("gray.mp4"), at=[0], size=size).images
        assert image.max() <= 2
        (image,) = video.frames(films("bframes.mp4"), at=[1 / 30], size=size).images
        assert image[2, 2].min() >= 253 and image[2, -2].max() <= 2


def test_an_unheard_of_colour_matrix_is_no_obstacle(tmp_path: Path) -> None:
    reserved = {"x264-params": "colormatrix=bt2020c"}
    path = film(tmp_path / "odd.mp4", options=reserved)
    assert number(video.frames(path, at=[1]).images[0]) == 30


def test_two_films_joined_play_one_after_the_other(tmp_path: Path) -> None:
    path = joined(tmp_path / "joined.ts")
    assert video.probe(path).duration_s == pytest.approx(200 / 30)
    assert numbers(video.sample(path, rate_hz=30)) == [*range(100), *range(100)]


def test_a_larger_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    path = film(tmp_path / "covered.mp4", sound_s=3, cover=True)
    assert (video.probe(path).width, video.probe(path).height) == (64, 48)
    assert number(video.frames(path, at=[1]).images[0]) == 30


def test_frames_nobody_wants_are_spared(films: Callable[[str], Path]) -> None:
    path = films("bframes.mp4")
    track = reading.look(path)
    assert len(list(decoding.FrameReader(path).frames())) == 100
    spared = decoding.FrameReader(path, [track.start, track.tick(2.0)])
    assert len(list(spared.frames())) < 60


@pytest.mark.parametrize(
    "wanted",
    [
        [1470, 90, 750],
        [1439, 240, 839],  # just before a key frame in display, after it in decoding
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv"])
def test_a_far_frame_is_sought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, wanted: list[int]
) -> None:
    path = film(tmp_path / f"long{suffix}", range(1500))
    decoded = 0
    decode = decoding.FrameReader._decode

    def counted(*args: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return decode(*args)

    monkeypatch.setattr(decoding.FrameReader, "_decode", counted)
    shown = video.frames(path, at=[i / 30 for i in wanted])
    assert [number(image) for image in shown.images] == wanted
    assert decoded < 300


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    peaks = []
    for seconds in (10, 120):
        ticks = range(10 * seconds)
        path = film(tmp_path / f"{seconds}.mp4", ticks, tick_s=Fraction(1, 10), gop=50)
        tracemalloc.start()
        total = sum(len(b.images) for b in video.sample(path, rate_hz=5, batch=8))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert total == 5 * seconds
    batch = 8 * 64 * 48 * 3
    assert peaks[1] < peaks[0] + batch < 6 * batch


def test_frames_are_frozen_and_checked() -> None:
    frames = video.Frames(np.zeros((1, 2, 3, 3), np.uint8), np.zeros(1))
    with pytest.raises(FrozenInstanceError):
        frames.times_s = np.ones(1)  # type: ignore[misc]
    with pytest.raises(Exception, match=r"(?i)type|shape"):
        video.Frames(np.zeros((2, 2, 3, 3), np.uint8), np.zeros(1))


def bad_film(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.mp4"
    whole = film(folder / "whole.mp4", muxer={"movflags": "faststart"}, sound_s=3)
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("A man opens the fridge.\n" * 99)
    elif kind in ("sound", "record"):
        only_sound(path, cover=kind == "record")
    elif kind in ("picture.png", "picture.jpg", "picture.gif"):
        path = folder / kind
        Image.fromarray(painted(5)).save(path)
    elif kind == "picture.webp":
        path = folder / kind
        more = [Image.fromarray(painted(i)) for i in range(1, 4)]
        more[0].save(path, save_all=True, append_images=more, duration=500)
    elif kind == "no index":
        data = film(folder / "plain.mp4").read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif kind == "unknown":
        path.write_bytes(whole.read_bytes().replace(b"avc1", b"zzz1"))
    elif kind == "scrambled":
        data = whole.read_bytes()
        pictures = data.index(b"mdat") + 4
        path.write_bytes(data[:pictures] + bytes(len(data) - pictures))
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "does not exist: check the name"),
        ("folder", "is a folder: name a video in it"),
        ("empty", "is empty: copy or download it again"),
        ("text", "is not a video: give one such as mp4, mkv or webm"),
        ("sound", "has no video in it: give the file with the pictures"),
        ("record", "has no video in it: give the file with the pictures"),
        ("picture.png", "is a picture, not a video: moments need a video"),
        ("picture.jpg", "is a picture, not a video: moments need a video"),
        ("picture.gif", "is a picture, not a video: moments need a video"),
        (
            "picture.webp",
            "is an animated WebP, which cannot be read: convert it to GIF or MP4",
        ),
        (
            "no index",
            "has no index (moov), so it was cut short: copy or record it again",
        ),
        ("unknown", "is coded in an unknown way: convert it to H.264"),
        ("scrambled", "has no frame that can be decoded: export it again"),
    ],
)
def test_what_is_no_video_is_named_with_a_remedy(
    tmp_path: Path, kind: str, message: str
) -> None:
    path = bad_film(kind, tmp_path)
    for use in (
        lambda: video.probe(path),
        lambda: video.sample(path, rate_hz=1),
        lambda: video.frames(path, at=[0]),
    ):
        with pytest.raises(InputError) as caught:
            use()
        assert str(caught.value) == f"{path} {message}"


def test_a_file_that_may_not_be_read(
    films: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"bframes.mp4 may not be read: ask its owner"):
        video.probe(films("bframes.mp4"))


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.flv", "cut.avi"])
@pytest.mark.parametrize("sound_s", [0, 5])
def test_a_file_cut_short_is_refused_at_its_end(
    tmp_path: Path, name: str, sound_s: float
) -> None:
    path = film(tmp_path / name, range(150), sound_s=sound_s, muxer=faststart(name))
    assert sum(len(batch.images) for batch in video.sample(path, rate_hz=2)) == 10
    os.truncate(path, path.stat().st_size * 6 // 10)
    message = (
        r"is cut short, its frames end at \d\.\d s but its header promises 5\.\d s"
    )
    with pytest.raises(InputError, match=message):
        list(video.sample(path, rate_hz=2))
    with pytest.raises(InputError, match=message):
        video.frames(path, at=[0.2, 4.9])
    assert number(video.frames(path, at=[0.2]).images[0]) == 6


def faststart(name: str) -> dict[str, str]:
    return {"movflags": "faststart"} if name.endswith(".mp4") else {}


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv"])
def test_sound_may_outlast_the_pictures(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, sound_s=9)
    assert numbers(video.sample(path, rate_hz=30)) == list(range(100))
    # Without a length of its own in the header, the film is as long as the file.
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"DONATION"))
    assert numbers(video.sample(path, rate_hz=30))[:100] == list(range(100))


@pytest.mark.parametrize("name", ["still.mp4", "still.mkv"])
def test_a_last_picture_may_stand_long(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, [*range(30), 30 * 60, 30 * 60 + 1])
    shown = video.frames(path, at=[0.5, 50, 60])
    assert [number(image) for image in shown.images] == [15, 29, 30]


@pytest.mark.parametrize(
    ("rate_hz", "batch"), [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)]
)
def test_an_impossible_sample_is_refused(
    films: Callable[[str], Path], rate_hz: float, batch: int
) -> None:
    with pytest.raises(InputError, match="got"):
        video.sample(films("bframes.mp4"), rate_hz=rate_hz, batch=batch)
    with pytest.raises(InputError, match=r"3 s at 1e\+09 Hz are over 10000000 frames"):
        video.sample(films("bframes.mp4"), rate_hz=1e9)
    with pytest.raises(InputError, match="0 x 5 has no pixels"):
        video.frames(films("bframes.mp4"), at=[0], size=(0, 5))


@pytest.mark.real
def test_real_videos_are_sampled_to_their_end(shared_videos: Path) -> None:
    paths = sorted(shared_videos.iterdir())
    assert len(paths) == 7
    for path in paths:
        info = video.probe(path)
        shown = list(video.sample(path, rate_hz=1, size=(32, 32)))
        times_s = np.concatenate([batch.times_s for batch in shown])
        assert len(times_s) == np.ceil(info.duration_s)
        assert (np.arange(len(times_s)) - times_s < 0.1).all()


@pytest.mark.real
@pytest.mark.parametrize(
    "stem", ["decord_flipping", "mmaction2_demo", "mmaction2_test"]
)
def test_real_frames_are_those_of_a_full_decode(shared_videos: Path, stem: str) -> None:
    (path,) = shared_videos.glob(f"{stem}*")
    times_s, images = everything(path, SMALL)
    at = np.random.default_rng(0).uniform(0, float(times_s[-1]), 15)
    for some in (at, at[:1], at[:3]):
        shown = video.frames(path, at=some, size=SMALL)
        expected = [images[on_display(path, times_s, time_s)] for time_s in some]
        np.testing.assert_array_equal(shown.images, np.stack(expected))
