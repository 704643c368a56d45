import os
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import UInt8

from slta import video
from slta.errors import InputError
from slta.moments import Span, VideoInfo
from slta.video.writing import cut, write
from tests.support.videos import film, joined, number, painted, uneven


def shots(path: Path) -> list[tuple[int, Any]]:
    """The number on each frame of a film, and when it comes on display."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.time is not None
            found.append((number(frame.to_ndarray(format="rgb24")), frame.time))
    return found


def sound(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return np.concatenate(frames, axis=1), container.streams.audio[0].rate


def onsets_s(path: Path) -> list[float]:
    """When each beep begins."""
    samples, rate_hz = sound(path)
    loud_s = np.flatnonzero(np.abs(samples[0]) > 0.2) / rate_hz
    first = np.diff(loud_s, prepend=-1) > 0.1
    return [float(time_s) for time_s in loud_s[first]]


def only(folder: Path, *names: str) -> bool:
    return {path.name for path in folder.iterdir()} == set(names)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    write(path, (painted(i) for i in range(50)), rate_hz=10)
    assert video.probe(path) == VideoInfo("talk", 5.0, 64, 48)
    assert shots(path) == [(i, pytest.approx(i / 10)) for i in range(50)]
    assert only(tmp_path, "talk.mp4")


def test_a_film_can_be_played_in_a_browser(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    write(path, [painted(i) for i in range(3)], rate_hz=10)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("rate_hz", [0.5, 1, 23.976, 30000 / 1001, 60])
def test_the_rate_is_kept(tmp_path: Path, rate_hz: float) -> None:
    path = tmp_path / "talk.mp4"
    write(path, [painted(i) for i in range(40)], rate_hz=rate_hz)
    assert video.probe(path).duration_s == pytest.approx(40 / rate_hz, abs=1e-4)
    assert shots(path)[-1] == (39, pytest.approx(39 / rate_hz, abs=1e-4))


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"),
    reason="a process cannot choose its cores here",
)
def test_the_number_of_cores_changes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (192, 256, 3), np.uint8)
    images = [np.roll(still, 3 * i, axis=1) for i in range(40)]
    cores = os.sched_getaffinity(0)
    write(tmp_path / "many.mp4", images, rate_hz=8)
    os.sched_setaffinity(0, {min(cores)})
    try:
        write(tmp_path / "one.mp4", images, rate_hz=8)
    finally:
        os.sched_setaffinity(0, cores)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "many.mp4").read_bytes()


def test_an_odd_side_grows_by_a_copy_of_its_last_pixels(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    write(path, [np.full((49, 65, 3), 200, np.uint8)], rate_hz=10, crf=1)
    (image,) = video.frames(path, at=[0]).images
    assert image.shape == (50, 66, 3)
    assert np.abs(image.astype(int) - 200).max() <= 2


def test_colours_survive(tmp_path: Path) -> None:
    path = tmp_path / "colours.mp4"
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 60, 200]], np.uint8)
    image = np.repeat(np.repeat(colours[None], 16, axis=1), 32, axis=0)
    write(path, [image], rate_hz=10, crf=1)
    (shown,) = video.frames(path, at=[0]).images
    assert np.abs(shown[16, 8::16].astype(int) - colours).max() <= 6


def test_pictures_are_taken_one_at_a_time(tmp_path: Path) -> None:
    def pictures(n: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        for i in range(n):
            yield painted(i, (320, 240))

    tracemalloc.start()
    write(tmp_path / "long.mp4", pictures(200), rate_hz=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 320 * 240 * 3


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("after", [1, 30])
def test_nothing_half_written_stays(
    tmp_path: Path, stop: type[BaseException], after: int
) -> None:
    def pictures() -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        for i in range(after):
            yield painted(i)
        raise stop

    path = tmp_path / "talk.mp4"
    with pytest.raises(stop):
        write(path, pictures(), rate_hz=10)
    assert only(tmp_path)
    path.write_text("what was there before")
    with pytest.raises(stop):
        write(path, pictures(), rate_hz=10)
    assert path.read_text() == "what was there before" and only(tmp_path, "talk.mp4")


def test_a_film_needs_pictures_of_one_size_and_a_place(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    with pytest.raises(InputError, match=r"talk.mp4 would have no frames: give at"):
        write(path, [], rate_hz=10)
    with pytest.raises(InputError, match=r"picture 1 is 48 x 64 in a film of 64 x 48"):
        write(path, [painted(0), painted(1, (48, 64))], rate_hz=10)
    with pytest.raises(InputError, match=r"rate must be above 0, got 0 Hz"):
        write(path, [painted(0)], rate_hz=0)
    with pytest.raises(InputError, match=r"is a folder: name a file in it"):
        write(tmp_path, [painted(0)], rate_hz=10)
    with pytest.raises(
        InputError, match=r"cannot be written: make the folder .*/no fir"
    ):
        write(tmp_path / "no" / "talk.mp4", [painted(0)], rate_hz=10)
    with pytest.raises(InputError, match=r"crf must be in \[0, 51\], got 52"):
        write(path, [painted(0)], rate_hz=10, crf=52)
    assert only(tmp_path)


def test_a_place_that_may_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(InputError, match=r"cannot be written: Permission denied"):
        write(tmp_path / "talk.mp4", [painted(0)], rate_hz=10)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 30 frames a second, starting late, a beep at each second."""
    path = tmp_path_factory.mktemp("films") / "source.mp4"
    return film(path, range(120), sound_s=6)


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 3990), length=st.integers(1, 2500))
def test_a_cut_begins_and_ends_with_its_span(
    source: Path, tmp_path_factory: pytest.TempPathFactory, start: int, length: int
) -> None:
    span = Span(start / 1000, (start + length) / 1000)
    out = tmp_path_factory.mktemp("cuts") / "cut.mp4"
    cut(source, span, out)
    end_s = min(span.end, 4.0)
    first = int(start * 30 / 1000)
    expected = [(first, 0.0)] + [
        (i, pytest.approx(i / 30 - span.start, abs=2e-5))
        for i in range(first + 1, 120)
        if i / 30 < end_s - 1e-6
    ]
    assert shots(out) == expected
    info = video.probe(out)
    assert info.duration_s == pytest.approx(end_s - span.start, abs=2e-5)


def test_a_cut_keeps_the_sound_in_place(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut.mp4"
    cut(source, Span(1.5, 3.75), out)
    assert onsets_s(out) == [pytest.approx(0.5, abs=2e-3), pytest.approx(1.5, abs=2e-3)]
    with av.open(str(out)) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None and stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(
            2.25, abs=1e-3
        )
    samples, rate_hz = sound(out)
    assert np.abs(samples[:, : rate_hz // 4]).max() < 0.05


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".flv", ".avi"])
def test_sound_and_pictures_stay_together_in_any_container(
    tmp_path: Path, suffix: str
) -> None:
    path = film(tmp_path / f"film{suffix}", range(120), sound_s=4)
    cut(path, Span(0.5, 3.5), tmp_path / "cut.mp4")
    shown = dict(shots(tmp_path / "cut.mp4"))
    assert shown[60] == pytest.approx(1.5, abs=2e-3)
    # AVI has no place for the 21 ms by which the encoder of the sound is late.
    slack_s = 0.025 if suffix == ".avi" else 0.002
    onsets = pytest.approx([0.5, 1.5, 2.5], abs=slack_s)
    assert onsets_s(tmp_path / "cut.mp4") == onsets


def test_a_cut_without_sound_has_none(tmp_path: Path) -> None:
    path = film(tmp_path / "quiet.mp4")
    cut(path, Span(1.0, 2.0), tmp_path / "cut.mp4")
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert not container.streams.audio


def test_where_the_sound_has_ended_there_is_silence(tmp_path: Path) -> None:
    path = film(tmp_path / "short.mp4", range(120), sound_s=1.5)
    cut(path, Span(2.0, 4.0), tmp_path / "cut.mp4")
    samples, rate_hz = sound(tmp_path / "cut.mp4")
    assert samples.shape[1] / rate_hz == pytest.approx(2, abs=0.03)
    assert np.abs(samples).max() < 1e-3


def test_a_cut_keeps_uneven_times(tmp_path: Path) -> None:
    ticks = uneven()
    path = film(tmp_path / "uneven.mkv", ticks, tick_s=Fraction(1, 600))
    cut(path, Span(0.5, 1.5), tmp_path / "cut.mp4")
    times_s = np.round(np.array(ticks) / 600, 3)
    first = int(np.flatnonzero(times_s <= 0.5)[-1])
    last = int(np.flatnonzero(times_s < 1.5)[-1])
    got = shots(tmp_path / "cut.mp4")
    assert [shown for shown, _ in got] == list(range(first, last + 1))
    assert [time_s for _, time_s in got[1:]] == pytest.approx(
        times_s[first + 1 : last + 1] - 0.5, abs=1.1e-3
    )


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_cut_is_upright(tmp_path: Path, rotation: int) -> None:
    path = film(tmp_path / "phone.mp4", rotation=rotation)
    cut(path, Span(1.0, 2.0), tmp_path / "cut.mp4")
    with av.open(str(tmp_path / "cut.mp4")) as container:
        frame = next(container.decode(video=0))
    assert frame.rotation == 0
    image = np.rot90(frame.to_ndarray(format="rgb24"), -rotation // 90)
    assert number(image) == 30


def test_a_cut_runs_over_a_join(tmp_path: Path) -> None:
    cut(joined(tmp_path / "joined.ts"), Span(3.0, 4.0), tmp_path / "cut.mp4")
    numbers = [shown for shown, _ in shots(tmp_path / "cut.mp4")]
    assert numbers == [*range(90, 100), *range(20)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"layout": "stereo"}, {"layout": "5.1"}),
        ({"layout": "5.1"}, {"layout": "stereo"}),
        ({"sound_hz": 44_100}, {"layout": "stereo"}),
    ],
    ids=str,
)
def test_sound_goes_on_where_its_layout_or_rate_changes(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    kinds = ({"ticks": range(90), "sound_s": 3, **kind} for kind in (before, after))
    path = joined(tmp_path / "joined.ts", *kinds)
    cut(path, Span(0.5, 5.5), tmp_path / "cut.mp4")
    shown = [shown for shown, _ in shots(tmp_path / "cut.mp4")]
    assert shown == [*range(15, 90), *range(75)]
    # Of the film's seconds 1, 2, 4 and 5; where sound of both overlaps, it is late.
    onsets = pytest.approx([0.5, 1.5, 3.5, 4.5], abs=0.05)
    assert onsets_s(tmp_path / "cut.mp4") == onsets


@pytest.mark.parametrize(
    "after", [{"size": (96, 72)}, {"pix_fmt": "yuv444p"}, {"pix_fmt": "yuv420p10le"}]
)
def test_a_cut_runs_over_a_change_of_the_picture(
    tmp_path: Path, after: dict[str, Any]
) -> None:
    path = joined(tmp_path / "joined.ts", {"ticks": range(60)}, after)
    (frames,) = video.sample(path, rate_hz=30, batch=200)
    assert [number(image) for image in frames.images] == [*range(60), *range(100)]
    cut(path, Span(1.0, 3.0), tmp_path / "cut.mp4")
    numbers = [shown for shown, _ in shots(tmp_path / "cut.mp4")]
    assert numbers == [*range(30, 60), *range(30)]
    assert video.probe(tmp_path / "cut.mp4") == VideoInfo("cut", 2.0, 64, 48)


def test_a_cut_has_square_pixels(tmp_path: Path) -> None:
    path = film(tmp_path / "dvd.mp4", pixel=Fraction(64, 45))
    cut(path, Span(1.0, 2.0), tmp_path / "cut.mp4")
    with av.open(str(tmp_path / "cut.mp4")) as container:
        stream = container.streams.video[0]
        size = stream.width, stream.height
        assert size == (92, 48) and stream.sample_aspect_ratio in (None, 1)
        assert number(next(container.decode(stream)).to_ndarray(format="rgb24")) == 30


def test_a_film_can_be_cut_in_place(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    cut(path, Span(1.0, 2.0), path)
    assert [shown for shown, _ in shots(path)] == list(range(30, 60))
    assert only(tmp_path, "film.mp4")


def test_a_span_beyond_the_video_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    message = (
        r"film.mp4 lasts 3.333 s, 3.40-4.00 s is beyond its end: give an earlier span"
    )
    with pytest.raises(InputError, match=message):
        cut(path, Span(3.4, 4.0), tmp_path / "cut.mp4")
    assert only(tmp_path, "film.mp4")


def test_a_cut_of_a_file_cut_short_leaves_nothing(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", range(150), muxer={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(InputError, match=r"is cut short, its frames end at"):
        cut(path, Span(0.5, 5.0), tmp_path / "cut.mp4")
    assert only(tmp_path, "film.mp4")
    cut(path, Span(0.5, 1.0), tmp_path / "cut.mp4")
    assert [shown for shown, _ in shots(tmp_path / "cut.mp4")] == list(range(15, 30))


@pytest.mark.real
def test_a_real_video_is_cut_with_its_sound(
    shared_videos: Path, tmp_path: Path
) -> None:
    path = shared_videos / "decord_flipping_a_pancake.mkv"
    cut(path, Span(4.0, 6.0), tmp_path / "cut.mp4")
    info = video.probe(tmp_path / "cut.mp4")
    assert info == VideoInfo("cut", 2.0, 426, 240)
    there = video.frames(path, at=[4.5, 5.9]).images.astype(int)
    here = video.frames(tmp_path / "cut.mp4", at=[0.5, 1.9]).images
    assert np.abs(there - here).mean() < 5
    samples, rate_hz = sound(tmp_path / "cut.mp4")
    assert samples.shape[1] / rate_hz == pytest.approx(2, abs=0.03)
