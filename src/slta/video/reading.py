"""Frames and clips of a video file with their times, and its length and size.

Time 0 is when the first frame of the video stream is shown; a frame is shown until the
next one.
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

# Maximum frames of a request: two months at 2 Hz. More are a mistake.
MOST: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Frames:
    """Upright RGB pictures with the times at which each is first shown."""

    images: UInt8[np.ndarray, "t h w 3"]
    times_s: Float64[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips of l upright RGB pictures with their start times."""

    images: UInt8[np.ndarray, "t l h w 3"]
    times_s: Float64[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class Track:
    """The video stream of a file, by its header and its first frame."""

    path: Path
    tick_s: Fraction
    start: int
    """Tick of the first frame: video time 0."""
    end: int
    """Tick at which the last frame ends."""
    promised: bool
    """Whether only the header gives the end, not yet confirmed by packets."""
    slack_s: Fraction
    """Tolerance for rounded timestamps: a frame that begins this much later counts."""
    size: tuple[int, int]
    """Width and height as shown: after rotation, with square pixels."""

    @property
    def duration_s(self) -> float:
        return self.time_s(self.end)

    def time_s(self, tick: int) -> float:
        return float((tick - self.start) * self.tick_s)

    def tick(self, time_s: float | int) -> int:
        """The last tick at or before a time."""
        passed_s = Fraction(round(time_s * 1e9), 10**9) + self.slack_s
        return self.start + passed_s // self.tick_s


def probe(path: str | Path) -> VideoInfo:
    """Length and size by the header; a file without a duration there is read through."""
    track = look(path)
    return VideoInfo(composed(track.path.stem), track.duration_s, *track.size)


def sample(
    path: str | Path,
    *,
    rate_hz: float | int,
    size: tuple[int, int] | None = None,
    batch: int = 32,
    threads: int = 0,
) -> Iterator[Frames]:
    """Frames shown at 0, 1/rate, 2/rate … seconds before the end, in batches.

    ``size`` is (width, height) in pixels. Only one batch is in memory at a time. On several
    ``threads`` (0 for one a core) decoding takes less time but more work.
    """
    track = look(path)
    wanted = _grid(track, rate_hz, batch)
    run = shown(track, wanted, threads=threads)
    draw, starts = _artist(track, size), range(0, len(wanted), batch)
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
    """For each time of ``sample``, a clip of ``length`` frames, 1/frames_hz seconds apart.

    Clips that reach beyond the end repeat the last frame. Only the frames of one batch are
    in memory at a time.
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
    """The frames shown at some times in seconds, in the order given.

    ``size`` is (width, height) in pixels. Raises ``InputError`` for a time outside the
    video.
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


def shown(track: Track, wanted: Sequence[int], *, threads: int = 0) -> Iterator[Timed]:
    """For each wanted tick, in ascending order, the frame shown with its own tick."""
    with closing(FrameReader(track.path, wanted, threads=threads)) as reader:
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
    """The next frame. Raises ``InputError`` if nothing can be decoded."""
    first = next(run, None)
    if first is None:
        raise InputError(f"{path} has no frame that can be decoded: export it again")
    return first


def check_end(track: Track, last: int) -> None:
    """Raises ``InputError`` if the file is truncated after the frame at ``last``."""
    missing_s = (track.end - last) * track.tick_s
    allowed_s = slack_s((track.end - track.start) * track.tick_s)
    if not track.promised or missing_s <= allowed_s or is_whole(track.path):
        return
    # The last picture may be shown long, and sound may continue: something is missing only
    # if no stream reaches the end.
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
        request = f"{track.duration_s:.0f} s at {rate_hz:g} Hz are over {MOST} frames"
        raise InputError(
            f"{track.path}: {request}: check its length, or lower the rate"
        )
    ticks = (track.tick(i / rate_hz) for i in count())
    return list(takewhile(lambda tick: tick < track.end, ticks))


def _clips(
    track: Track,
    rows: Sequence[Sequence[int]],
    draw: Callable[[Iterator[Timed], int], Frames],
    batch: int,
) -> Iterator[Clips]:
    """The frames at the ticks of each row; shared frames are converted once."""
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
    """A function that converts the next n frames; a repeated frame is converted once."""
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
