"""The frames of a video as editing programs number them."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from slta.video import writing
from slta.video.timing import (
    FASTEST,
    STANDARD,
    numbered,
    standard,
    timeline_rate,
    timing,
)
from tests.support.videos import coded, film, painted, uneven

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("rate", [*STANDARD, Fraction(10), Fraction(25, 2)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov"])
def test_the_rate_is_exact_in_any_container(
    tmp_path: Path, rate: Fraction, suffix: str
) -> None:
    found = timing(coded(tmp_path / f"film{suffix}", rate))
    assert found.rate == rate
    assert (found.first, found.drops, found.channels) == (0, False, 0)
    assert found.size == (64, 48)


def test_a_variable_rate_has_a_usable_one(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", uneven(), tick_s=Fraction(1, 600))
    assert 1 < timing(path).rate <= FASTEST


def test_a_rate_that_counts_milliseconds_is_not_believed(tmp_path: Path) -> None:
    # As browsers record: a frame every 33 or 34 ms, and one after 1 ms.
    ticks = sorted({*(round(i * 100 / 3) for i in range(90)), 1, 2})
    path = film(tmp_path / "film.webm", ticks, tick_s=Fraction(1, 1000), codec="libvpx")
    assert 20 < timing(path).rate < 60


def test_sound_and_rotation_are_told(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", sound_s=2, layout="stereo", rotation=90)
    found = timing(path)
    assert (found.channels, found.sound_hz, found.size) == (2, 48_000, (48, 64))


@pytest.mark.parametrize(
    ("timecode", "first", "drops"),
    [
        ("00:00:00:00", 0, False),
        ("01:00:00:00", 108_000, False),
        ("01:00:00;00", 107_892, True),
        ("00:10:00;00", 17_982, True),
    ],
)
def test_frames_are_numbered_by_the_timecode_of_the_file(
    tmp_path: Path, timecode: str, first: int, drops: bool
) -> None:
    found = timing(coded(tmp_path / "film.mov", NTSC, timecode=timecode))
    assert (found.rate, found.first, found.drops) == (NTSC, first, drops)


@pytest.mark.parametrize("rate", [NTSC, Fraction(60000, 1001)])
def test_dropped_labels_keep_time(rate: Fraction) -> None:
    hours = np.arange(24)
    for hour in hours:
        number, _ = numbered(f"{hour:02}:00:00;00", rate)
        assert abs(number / rate - int(hour) * 3600) < 0.1


def test_consecutive_labels_have_consecutive_numbers() -> None:
    labels = [f"00:00:59;{frame:02}" for frame in range(30)]
    labels += [f"00:01:00;{frame:02}" for frame in range(2, 30)]
    numbers = [numbered(label, NTSC)[0] for label in labels]
    assert numbers == [*range(numbers[0], numbers[0] + len(labels))]


@pytest.mark.parametrize("known", STANDARD)
def test_a_rounded_rate_is_its_standard(known: Fraction) -> None:
    assert standard(Fraction(round(float(known), 2)).limit_denominator(100)) == known
    assert timeline_rate(known) == known


def test_a_clip_that_was_cut_keeps_its_rate(tmp_path: Path) -> None:
    writing.write(tmp_path / "a.mp4", (painted(i) for i in range(60)), rate_hz=30)
    assert timing(tmp_path / "a.mp4").rate == 30
