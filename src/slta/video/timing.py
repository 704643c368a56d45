"""How editing programs count the frames of a video: rate, timecode, picture and sound."""

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from av.audio.stream import AudioStream
from av.stream import Stream

from slta.video.decoding import FrameReader, displayed
from slta.video.reading import first_of

STANDARD: Final = tuple(
    Fraction(rate, unit)
    for rate, unit in (
        *((24000, 1001), (24, 1), (25, 1), (30000, 1001)),
        *((30, 1), (50, 1), (60000, 1001), (60, 1)),
    )
)
"""Frames per second of the timelines of editing programs."""
ROUNDED: Final = Fraction(4, 10_000)
"""Relative error of a rate that a container rounded; 24 and 23.976 are further apart."""
FASTEST: Final = 300
"""A header with more frames per second, as of a recording in a browser, counts ticks."""
TIMECODE: Final = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")


@dataclass(frozen=True, slots=True)
class Timing:
    """The frames of a video file as editing programs number them."""

    rate: Fraction
    """Frames per second; of a variable rate, the nominal one."""
    first: int
    """Number of the first frame by the file's timecode; 0 if it has none."""
    drops: bool
    """Whether the file's timecode is drop-frame."""
    size: tuple[int, int]
    """Width and height in pixels as shown."""
    channels: int
    """Channels of sound; 0 without."""
    sound_hz: int
    """Samples of sound per second; 0 without."""


def timing(path: str | Path) -> Timing:
    """By the header and the first frame. Raises ``InputError`` for an unusable file."""
    path = Path(path)
    with closing(FrameReader(path)) as reader:
        _, frame = first_of(path, reader.frames())
        stream, container = reader.stream, reader.container
        rates = stream.guessed_rate, stream.average_rate
        rate = next((r for r in rates if r and 0 < r <= FASTEST), Fraction(25))
        tagged = [stream, *container.streams, container]
        codes = [code for each in tagged if (code := _timecode(each.metadata))]
        rate = standard(rate)
        first, drops = numbered(codes[0], rate) if codes else (0, False)
        channels, sound_hz = _sound(container.streams.best("audio"))
        return Timing(
            rate=rate,
            first=first,
            drops=drops,
            size=displayed(frame, stream),
            channels=channels,
            sound_hz=sound_hz,
        )


def standard(rate: Fraction) -> Fraction:
    """The rate without the rounding of containers.

    >>> standard(Fraction("29.97")), standard(Fraction("12.5"))
    (Fraction(30000, 1001), Fraction(25, 2))
    """
    near = min(STANDARD, key=lambda known: abs(known - rate))
    return near if abs(near - rate) < ROUNDED * near else rate


def timeline_rate(rate: Fraction) -> Fraction:
    """The rate of a timeline for a video: its own if that is standard, else the lowest
    multiple of it, else the next higher whole one.

    >>> [float(timeline_rate(Fraction(rate))) for rate in (25, 15, 28, 240)]
    [25.0, 30.0, 30.0, 60.0]
    """
    multiples = [known for known in STANDARD if known % rate == 0]
    higher = [known for known in STANDARD if known >= rate and known.denominator == 1]
    return next(iter([*multiples, *higher, STANDARD[-1]]))


def numbered(code: str, rate: Fraction) -> tuple[int, bool]:
    """Number of the frame with a timecode, and whether that is drop-frame.

    Drop-frame leaves out labels, two in each minute at 29.97 but the tenth.

    >>> numbered("00:01:00;02", Fraction(30000, 1001))
    (1800, True)
    """
    match = TIMECODE.fullmatch(code)
    if match is None:
        raise ValueError(f"{code!r} is not a timecode")
    hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
    minutes += 60 * hours
    drops = match[4] != ":" and rate.denominator == 1001 and round(rate) % 30 == 0
    number = (60 * minutes + seconds) * round(rate) + frames
    if drops:
        number -= round(rate) // 15 * (minutes - minutes // 10)
    return number, drops


def _sound(stream: Stream | None) -> tuple[int, int]:
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        return stream.channels, stream.rate
    return 0, 0


def _timecode(tags: Mapping[str, str]) -> str | None:
    code = tags.get("timecode", "").strip()
    return code if TIMECODE.fullmatch(code) else None
