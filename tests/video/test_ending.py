"""When films end whose headers, times or last pictures are odd."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta import video
from slta.errors import InputError
from slta.video import ending
from slta.video.ending import is_whole
from tests.support.videos import film, number

HOUR = 30 * 3600


def numbers(path: Path) -> list[int]:
    """What is shown in each thirtieth of a second."""
    batches = video.sample(path, rate_hz=30)
    return [number(image) for batch in batches for image in batch.images]


def without_length(path: Path) -> Path:
    """Takes a Matroska film's own length away, so that the file's is left."""
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"DONATION"))
    return path


def promising(path: Path, length_s: float) -> Path:
    """Changes the length that a header promises."""
    content = path.read_bytes()
    if path.suffix == ".flv":
        at = content.index(b"\0\x08duration\0") + 11
        new = struct.pack(">d", length_s)
    else:
        at = content.index(b"\x44\x89\x88") + 3
        new = struct.pack(">d", length_s * 1000)
    path.write_bytes(content[:at] + new + content[at + 8 :])
    return without_length(path)


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("name", ["wild.mp4", "wild.mkv", "wild.flv", "wild.ts"])
@pytest.mark.parametrize("wild", [{50: 42 * 30}, {20: 3 * HOUR}, {30: 900, 31: 900}])
def test_a_picture_with_a_wild_time_changes_no_other(
    tmp_path: Path, name: str, bframes: int, wild: dict[int, int]
) -> None:
    path = film(tmp_path / name, bframes=bframes, wild=wild)
    assert video.probe(path).duration_s == pytest.approx(100 / 30, abs=0.034)
    assert numbers(path)[:100] == list(range(100))
    shown = video.frames(path, at=[i / 30 + 0.01 for i in (90, 10, 50, 52)])
    assert [number(image) for image in shown.images] == [90, 10, 50, 52]


@pytest.mark.parametrize("at", [1, 12, 96])
def test_a_wild_time_anywhere_in_a_film(tmp_path: Path, at: int) -> None:
    path = film(tmp_path / "wild.mkv", bframes=0, wild={at: 42 * 30})
    assert video.probe(path).duration_s == pytest.approx(100 / 30, abs=0.002)
    assert numbers(path) == list(range(100))


def test_a_wild_time_after_a_seek(tmp_path: Path) -> None:
    wild = {1000: 42 * 30, 1008: 42 * 30}  # the second is a key frame
    path = film(tmp_path / "long.mp4", range(1500), bframes=0, wild=wild)
    for i in (1003, 1008, 1010, 1400, 30):
        assert number(video.frames(path, at=[i / 30]).images[0]) == i


@pytest.mark.parametrize("change", [lambda path: path, without_length])
@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.flv", "late.avi"])
def test_sound_that_starts_days_later_is_none_of_the_film(
    tmp_path: Path, name: str, change: Callable[[Path], Path]
) -> None:
    days = 2 * 24 * 3600
    far = 200 if name.endswith(".avi") else days  # which fills the gap
    path = change(film(tmp_path / name, sound_s=5, sound_from_s=far))
    assert video.probe(path).duration_s == pytest.approx(100 / 30, abs=0.1)
    assert numbers(path)[:100] == list(range(100))


@pytest.mark.parametrize("name", ["last.mkv", "last.mp4", "live.mkv"])
def test_a_last_picture_that_lasts_for_hours_is_a_mistake(
    tmp_path: Path, name: str
) -> None:
    muxer = {"live": "1"} if name.startswith("live") else {}
    for last, lasts_s in ((5 * HOUR, 1 / 30), (42 * 30, 42.0)):
        path = film(tmp_path / name, bframes=0, last=last, muxer=muxer)
        duration_s = video.probe(path).duration_s
        assert duration_s == pytest.approx(99 / 30 + lasts_s, abs=0.002)
        assert numbers(path)[:100] == list(range(100))
        assert len(numbers(path)) == np.ceil(duration_s * 30 - 0.1)


@pytest.mark.parametrize("name", ["last.mkv", "last.mp4", "last.ts"])
def test_a_last_picture_that_comes_hours_later_is_a_mistake(
    tmp_path: Path, name: str
) -> None:
    path = film(tmp_path / name, [*range(100), 5 * HOUR], bframes=0)
    assert video.probe(path).duration_s == pytest.approx(100 / 30, abs=0.1)
    assert numbers(path)[:100] == list(range(100))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("empty.mkv", "libx264"),
        ("empty.webm", "libvpx"),
        ("empty.flv", "libx264"),
        ("empty.wmv", "wmv2"),
        ("empty.avi", "mpeg4"),
        ("empty.nut", "mpeg4"),
    ],
)
def test_empty_packets_let_the_last_picture_stand(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = film(
        tmp_path / name, range(30), codec=codec, bframes=0, empty=range(30, 150)
    )
    assert video.probe(path).duration_s == pytest.approx(5, abs=0.04)
    shown = video.frames(path, at=[0.5, 0.98, 1.5, 4.9])
    assert [number(image) for image in shown.images] == [15, 29, 29, 29]
    assert shown.times_s[-1] == pytest.approx(29 / 30, abs=0.001)
    assert numbers(path)[:149] == [*range(30), *[29] * 119]


def test_empty_packets_in_between_let_a_picture_stand(tmp_path: Path) -> None:
    # AVI has a place for each thirtieth of a second.
    path = film(tmp_path / "a.avi", [*range(30), *range(90, 99)], bframes=0)
    assert numbers(path) == [*range(30), *[29] * 60, *range(30, 39)]


@pytest.mark.parametrize(
    ("name", "codec", "muxer"),
    [
        ("still.mkv", "libx264", {}),
        ("still.webm", "libvpx", {"cluster_time_limit": "400"}),
        ("still.flv", "libx264", {}),
    ],
)
def test_a_whole_file_whose_pictures_end_early_stands_still(
    tmp_path: Path, name: str, codec: str, muxer: dict[str, str]
) -> None:
    path = film(tmp_path / name, codec=codec, muxer=muxer)
    promising(path, 9)
    assert video.probe(path).duration_s == pytest.approx(9, abs=0.1)
    shown = video.frames(path, at=[1, 3.2, 5, 8.8])
    assert [number(image) for image in shown.images] == [30, 96, 99, 99]
    assert numbers(path)[:260] == [*range(100), *[99] * 160]
    for share in (0.6, 0.8, 0.95):
        cut = path.with_stem("cut")
        cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(InputError, match="is cut short, its frames end at"):
            numbers(cut)


def test_a_header_that_promises_days_is_mistaken(tmp_path: Path) -> None:
    path = promising(film(tmp_path / "a.mkv"), 10**6)
    assert video.probe(path).duration_s == pytest.approx(100 / 30, abs=0.002)


@pytest.mark.parametrize("name", ["short.mkv", "short.flv"])
def test_a_header_that_promises_too_little_costs_nothing(
    tmp_path: Path, name: str
) -> None:
    path = promising(film(tmp_path / name, range(150)), 2)
    assert video.probe(path).duration_s == pytest.approx(5, abs=0.002)
    assert numbers(path) == list(range(150))


@pytest.mark.parametrize("live", [True, False])
def test_without_a_length_the_last_picture_stands_while_there_is_sound(
    tmp_path: Path, live: bool
) -> None:
    muxer = {"live": "1"} if live else {}
    path = without_length(film(tmp_path / "a.mkv", sound_s=9, muxer=muxer))
    assert video.probe(path).duration_s == pytest.approx(9, abs=0.05)
    assert numbers(path)[:250] == [*range(100), *[99] * 150]


@pytest.mark.parametrize(
    ("name", "codec", "muxer", "always"),
    [
        ("a.mkv", "libx264", {}, True),
        ("live.webm", "libvpx", {"live": "1"}, False),
        ("a.mp4", "libx264", {"movflags": "faststart"}, True),
        ("a.avi", "mpeg4", {}, True),
        ("a.wmv", "wmv2", {}, True),
        ("a.flv", "libx264", {}, False),
    ],
)
def test_whether_a_file_is_whole_is_told_by_its_sizes(
    tmp_path: Path, name: str, codec: str, muxer: dict[str, str], always: bool
) -> None:
    path = film(tmp_path / name, codec=codec, bframes=0, muxer=muxer)
    assert is_whole(path)
    size = path.stat().st_size
    lengths = np.random.default_rng(0).integers(size // 2, size, 100)
    told = []
    for length in sorted(lengths.tolist(), reverse=True):
        os.truncate(path, length)
        told.append(is_whole(path))
    # Where a container holds no size of its own, it may be cut between two packets.
    assert not any(told) if always else np.mean(told) < 0.1


def test_the_end_of_a_long_film_is_sought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "long.mkv", range(600), sound_s=20)

    def refuse(*args: Any) -> None:
        raise AssertionError("read through")

    monkeypatch.setattr(ending, "measured", refuse)
    assert video.probe(path).duration_s == 20
