"""File to frames with their times, and what a file says of itself.

Time 0 is when the first frame of the video stream is shown, and a frame is on display
until the next one.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, islice, takewhile
from math import isfinite
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64, UInt8

from slta.errors import InputError
from slta.files import composed
from slta.moments import VideoInfo
from slta.video.decoding import FrameReader, Timed, displayed, painter
from slta.video.ending import end_of, is_whole, measured, slack_s

# More frames than anyone means: two months of film at 2 Hz, or a broken header.
MOST: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Frames:
    """Upright RGB pictures, each with the time at which it came on display."""

    images: UInt8[np.ndarray, "t h w 3"]
    times_s: Float64[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class Clips:
    """Runs of upright RGB pictures, each with the time from which it shows the video."""

    images: UInt8[np.ndarray, "t l h w 3"]
    times_s: Float64[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class Track:
    """The video stream of a file, as its header and its first frame describe it."""

    path: Path
    tick_s: Fraction
    start: int
    """Tick of the first frame: video time 0."""
    end: int
    """Tick at which the last frame leaves the screen."""
    promised: bool
    """Whether only the header says so, and the packets have still to bear it out."""
    slack_s: Fraction
    """A frame that begins within so little counts as begun."""
    size: tuple[int, int]
    """Width and height as shown: after rotation, in square pixels."""

    @property
    def duration_s(self) -> float:
        return self.time_s(self.end)

    def time_s(self, tick: int) -> float:
        return float((tick - self.start) * self.tick_s)

    def tick(self, time_s: float | int) -> int:
        """The last tick that has begun."""
        passed_s = Fraction(round(time_s * 1e9), 10**9) + self.slack_s
        return self.start + passed_s // self.tick_s


def probe(path: str | Path) -> VideoInfo:
    """What is in the header; a file whose header has no duration is read through."""
    track = look(path)
    return VideoInfo(composed(track.path.stem), track.duration_s, *track.size)


def sample(
    path: str | Path,
    *,
    rate_hz: float | int,
    size: tuple[int, int] | None = None,
    batch: int = 32,
) -> Iterator[Frames]:
    """The frames on display at 0, 1/rate, 2/rate … before the end, a batch at a time.

    ``size`` is (width, height). However long the video, one batch is held.
    """
    track = look(path)
    wanted = _grid(track, rate_hz, batch)
    run, draw = shown(track, wanted), _artist(track, size)
    starts = range(0, len(wanted), batch)
    return (draw(run, min(batch, len(wanted) - start)) for start in starts)


def clips(
    path: str | Path,
    *,
    rate_hz: float | int,
    length: int,
    frames_hz: float | int,
    size: tuple[int, int] | None = None,
    batch: int = 8,
) -> Iterator[Clips]:
    """For each time of ``sample``, ``length`` frames from that time on, 1/frames_hz apart.

    Where they would go on after the end of the video, its last frame stays. However
    long the video, the frames of one batch of clips are held.
    """
    if length < 1:
        raise InputError(f"a clip must hold at least 1 frame, got {length}")
    if not (isfinite(frames_hz) and frames_hz > 0):
        raise InputError(f"the frames of a clip need a rate above 0, got {frames_hz}")
    track = look(path)
    starts_s = np.arange(len(_grid(track, rate_hz, batch))) / rate_hz
    steps_s = np.arange(length) / frames_hz
    last = track.end - 1
    rows = [[min(track.tick(s + step), last) for step in steps_s] for s in starts_s]
    return _clips(track, rows, _artist(track, size), batch)


def frames(
    path: str | Path,
    *,
    at: Sequence[float | int] | Float64[np.ndarray, " t"],
    size: tuple[int, int] | None = None,
) -> Frames:
    """The frame on display at each time, in the order given; at the very end the last.

    ``size`` is (width, height).
    """
    track = look(path)
    for time_s in at:
        if not 0 <= time_s <= track.duration_s:
            length = f"{track.path} lasts {track.duration_s:.3f} s"
            raise InputError(f"{length}: ask for a time within that, not {time_s} s")
    ticks = [track.tick(float(time_s)) for time_s in at]
    wanted = sorted(set(ticks))
    drawn = _artist(track, size)(shown(track, wanted), len(wanted))
    order = np.searchsorted(wanted, ticks)
    return Frames(drawn.images[order], drawn.times_s[order])


def look(path: str | Path) -> Track:
    """Opens a video and finds its clock, its first frame and its end."""
    path = Path(path)
    with closing(FrameReader(path)) as reader:
        start, first = first_of(path, reader.frames())
        end, promised = end_of(reader, start)
        size = displayed(first, reader.stream)
    return Track(path, reader.tick_s, start, end, promised, reader.slack_s, size)


def shown(track: Track, wanted: Sequence[int]) -> Iterator[Timed]:
    """For each wanted tick, in rising order, the frame on display with its own tick."""
    with closing(FrameReader(track.path, wanted)) as reader:
        run = reader.frames()
        now = first_of(track.path, run)
        after: Timed | None = now
        for tick in wanted:
            if after is not None and reader.far(tick):
                run = reader.seek(tick)
                now = after = first_of(track.path, run)
            while after is not None and after[0] <= tick:
                now, after = after, next(run, None)
                if after is None:
                    check_end(track, now[0])
            if tick == wanted[-1]:
                reader.check_whole()
            yield now


def first_of(path: Path, run: Iterator[Timed]) -> Timed:
    """The next frame, which is there unless nothing can be decoded."""
    first = next(run, None)
    if first is None:
        raise InputError(f"{path} has no frame that can be decoded: export it again")
    return first


def check_end(track: Track, last: int) -> None:
    """Raises if the frame at ``last`` is the last one because the file is cut short."""
    missing_s = (track.end - last) * track.tick_s
    allowed_s = slack_s((track.end - track.start) * track.tick_s)
    if not track.promised or missing_s <= allowed_s or is_whole(track.path):
        return
    # A last picture may stand long, and sound may go on: only if no stream reaches the
    # end is something missing.
    if track.end - measured(track.path).claimed > allowed_s / track.tick_s:
        has = f"its frames end at {track.time_s(last):.1f} s"
        promise = f"its header promises {track.duration_s:.1f} s"
        raise InputError(
            f"{track.path} is cut short, {has} but {promise}: copy or download it again"
        )


def _grid(track: Track, rate_hz: float | int, batch: int) -> list[int]:
    """Ticks of the times 0, 1/rate, 2/rate … before the end."""
    if not (isfinite(rate_hz) and rate_hz > 0):
        raise InputError(f"a sampling rate must be above 0, got {rate_hz} Hz")
    if batch < 1:
        raise InputError(f"a batch must hold at least 1 sample, got {batch}")
    if track.duration_s * rate_hz > MOST:
        asked = f"{track.duration_s:.0f} s at {rate_hz:g} Hz are over {MOST} frames"
        raise InputError(f"{track.path}: {asked}: check its length, or lower the rate")
    ticks = (track.tick(i / rate_hz) for i in count())
    return list(takewhile(lambda tick: tick < track.end, ticks))


def _clips(
    track: Track,
    rows: Sequence[Sequence[int]],
    draw: Callable[[Iterator[Timed], int], Frames],
    batch: int,
) -> Iterator[Clips]:
    """The frames at the ticks of each row; one that several rows share is drawn once."""
    wanted = sorted({tick for row in rows for tick in row})
    run, done = shown(track, wanted), 0
    seen: dict[int, Frames] = {}
    for start in range(0, len(rows), batch):
        now = rows[start : start + batch]
        seen = {tick: drawn for tick, drawn in seen.items() if tick >= now[0][0]}
        end = bisect_right(wanted, now[-1][-1])
        seen |= {tick: draw(run, 1) for tick in wanted[done:end]}
        done = end
        yield Clips(
            np.stack([[seen[tick].images[0] for tick in row] for row in now]),
            np.concatenate([seen[row[0]].times_s for row in now]),
        )


def _artist(
    track: Track, size: tuple[int, int] | None
) -> Callable[[Iterator[Timed], int], Frames]:
    """Draws the next so many frames; one that stays on display is drawn once."""
    width, height = size or track.size
    if min(width, height) < 1:
        raise InputError(f"a picture of {width} x {height} has no pixels")
    paint = painter((width, height))

    def draw(run: Iterator[Timed], n: int) -> Frames:
        images = np.empty((n, height, width, 3), np.uint8)
        times_s = np.empty(n)
        before = None
        for i, (tick, frame) in enumerate(islice(run, n)):
            images[i] = images[i - 1] if frame is before else paint(frame)
            times_s[i] = track.time_s(tick)
            before = frame
        return Frames(images, times_s)

    return draw
