"""The video stream of a file, its frames and their timestamps, by FFmpeg.

Times are integer ticks of the stream's time base, so that nothing is rounded;
``reading`` converts them to seconds.
"""

import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast, final

import av
import av.error
import numpy as np
from av.codec.context import ThreadType
from av.format import Flags
from av.stream import Stream
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

from slta.errors import InputError
from slta.video.opening import AnyPacket, demuxed, film_stream, open_file
from slta.video.tone import toned

logger = logging.getLogger(__name__)
Image: TypeAlias = UInt8[np.ndarray, "h w 3"]
Timed: TypeAlias = tuple[int, VideoFrame]
"""Presentation time in ticks, and the frame."""

# Area averaging; without the second flag white becomes 253.
SCALING: Final = Interpolation.AREA | Interpolation.FULL_CHR_H_INT
# Colour matrices that swscale supports, by FFmpeg's numbers; it fails on others.
MATRICES: Final = frozenset({0, 1, 2, 4, 5, 6, 7, 9})
UNSPECIFIED: Final = 2
# A larger pixel aspect ratio is an error in the header.
ODDEST: Final = 8
# Containers without timestamps; those whose clock may restart, as in concatenated files;
# with these, those without a duration in the header; with these, those without an index.
UNTIMED: Final = cast(int, Flags.no_timestamps.value)
JOINED: Final = cast(int, Flags.ts_discont.value)
GUESSED: Final = UNTIMED | JOINED
UNSEEKABLE: Final = GUESSED | cast(int, Flags.generic_index.value)
MILLISECOND: Final = Fraction(1, 1000)
# A timestamp that jumps ahead by more than this may be wrong.
APART_S: Final = 10
# A seek costs about as much as decoding this much video.
SEEK_S: Final = 0.25
# Broken pictures to ignore; shares of them to report, and to refuse.
FEW: Final = 10
TOLD: Final = 0.01
MOST: Final = 0.5


@final
class FrameReader:
    """Frames of a video in presentation order.

    Timestamps are the container's. Without any (raw streams) or with decoding times only
    (AVI), frames take the packets' times in order; where the clock restarts, time
    continues.
    """

    def __init__(
        self, path: Path, wanted: Sequence[int] = (), *, threads: int = 0
    ) -> None:
        """With ``wanted`` ticks, frames not shown at any of them may be skipped.

        ``threads`` decode; 0 for one a core.
        """
        self.path, self.wanted, self.threads = path, wanted, threads
        self.gop = 0
        self.sent = self.broken = 0
        self._open()

    def _open(self) -> None:
        self.container = open_file(self.path)
        self.stream = film_stream(self.path, self.container)
        self.stream.thread_type = ThreadType.AUTO
        self.codec = self.stream.codec_context
        self.codec.thread_count = self.threads
        self.tick_s = self.stream.time_base or Fraction(1, av.time_base)
        step = 1 / (self.tick_s * (self.stream.guessed_rate or 25))
        self.step = max(1, round(step))
        # Matroska and FLV round timestamps to milliseconds; requested times may be exact.
        rounded = self.tick_s >= MILLISECOND and step.denominator > 1
        self.slack_s = MILLISECOND if rounded else MILLISECOND / 10**6
        flags = self.container.format.flags
        self.avi = self.container.format.name == "avi"
        self.counted = self.avi or bool(flags & UNTIMED)
        self.joined = bool(flags & JOINED)
        self.seekable = not (self.counted or flags & UNSEEKABLE)
        # Only H.264 guarantees that a non-reference frame is never referenced.
        skips = self.codec.name == "h264" and self.codec.field_order == 1
        self.skips = skips and not self.counted and len(self.wanted) > 0
        self.at = self.key = self.stream.start_time or 0

    def close(self) -> None:
        self.container.close()

    def packets(self, *others: Stream) -> Iterator[tuple[int | None, AnyPacket]]:
        """Packets with their ticks, and those of other streams with None."""
        due: int | None = None
        shift = 0
        for packet in demuxed(self.container, self.stream, *others, empty=True):
            if packet.stream.index != self.stream.index:
                yield None, packet
                continue
            sent = (due or 0) if packet.dts is None else packet.dts + shift
            jump = 0 if due is None else sent - due
            if self.joined and not -1 < jump * self.tick_s < APART_S:
                sent, shift = sent - jump, shift - jump
            due = sent + (packet.duration or self.step)
            if shift and packet.pts is not None:
                packet.pts += shift
            yield sent if self.counted else packet.pts, packet

    def frames(self, *, sought: bool = False) -> Iterator[Timed]:
        """Frames with increasing ticks; broken frames are skipped.

        A frame with an implausible timestamp gets one between its neighbours'. After a
        seek, frames begin at a key frame, or there are none: frames decoded after but shown
        before it may refer to frames that were not decoded, and so may all that follow an
        intra-refresh key frame.
        """
        far, start = round(APART_S / self.tick_s), self.at
        run = self._decoded(sought)
        for tick, frame in in_order(run, step=self.step, far=far, start=start):
            self.at = tick
            yield tick, frame

    def _decoded(self, sought: bool) -> Iterator[tuple[int | None, VideoFrame]]:
        """Frames with the container's ticks, if any."""
        queue: deque[int] = deque()
        first: int | None = None
        newest: int | None = None
        for stamp, packet in chain(self.packets(), [(None, None)]):
            if packet is not None and not packet.size:
                continue  # the picture before it goes on
            if packet is not None and stamp is not None:
                if packet.is_keyframe:
                    self.gop = max(self.gop, 0 if first is None else stamp - self.key)
                    self.key = stamp
                    first = stamp if first is None else first
                elif sought and first is None:
                    continue
                if self.counted:
                    queue.append(stamp)
                if self.skips:
                    idle = newest is not None and self._idle(stamp, newest)
                    self.codec.skip_frame = "NONREF" if idle else "DEFAULT"
                    if newest is None or packet.is_keyframe:
                        newest = stamp
                    elif (stamp - newest) * self.tick_s < APART_S:
                        newest = max(stamp, newest)
            for frame in self._decode(packet):
                tick = frame.pts
                if self.counted:
                    tick = queue.popleft() if queue else None
                if sought and first is not None:
                    if tick is not None and tick < first:
                        continue
                    if tick != first or frame.pict_type != PictureType.I:
                        return
                    sought = False
                yield tick, frame

    def far(self, tick: int) -> bool:
        """Whether seeking to the tick is likely cheaper than decoding up to it."""
        from_key = max(self.gop // 2, self.at - self.key)
        return self.seekable and (tick - self.at - from_key) * self.tick_s > SEEK_S

    def seek(self, tick: int) -> Iterator[Timed]:
        """Frames, starting with one at or before the tick."""
        back, second = 0, round(1 / self.tick_s)
        while tick - back > (self.stream.start_time or 0):
            run = self.frames(sought=True) if self.jump(tick - back) else iter(())
            frame = next(run, None)
            if frame is not None and frame[0] <= tick:
                self.gop = max(self.gop, tick - frame[0])
                return chain([frame], run)
            back = max(2 * back, second)
        self.close()
        self._open()
        self.seekable = False
        return self.frames()

    def jump(self, tick: int) -> bool:
        """Seeks to a key frame at or before the tick; False where that fails."""
        try:
            self.container.seek(tick, stream=self.stream)
        except av.error.FFmpegError:
            return False
        return True

    def _idle(self, stamp: int, newest: int) -> bool:
        """Whether no wanted tick lies between a packet and an earlier one shown later."""
        passed, reached = (bisect_left(self.wanted, tick) for tick in (stamp, newest))
        return stamp < newest and passed == reached

    def _decode(self, packet: AnyPacket | None) -> list[VideoFrame]:
        self.sent += packet is not None
        try:
            return self.codec.decode(packet)
        except av.error.FFmpegError:
            self.broken += 1
            return []

    def check_whole(self) -> None:
        """Raises ``InputError`` if most pictures cannot be decoded; logs if some cannot."""
        share = self.broken / max(1, self.sent)
        if self.broken < FEW or share < TOLD:
            return
        count = f"{self.broken} of {self.sent} pictures read from {self.path}"
        if share > MOST:
            raise InputError(f"{count} are broken: copy or download it again")
        logger.info("%s are broken and were skipped", count)


def painter(size: tuple[int, int]) -> Callable[[VideoFrame], Image]:
    """A function from frames to upright RGB pictures of (width, height) in BT.709.

    Frames of one video may differ in size, format and colour space.
    """
    scaler = VideoReformatter()

    def paint(frame: VideoFrame) -> Image:
        swap, mirror, flip = turn(frame)
        width, height = size[::-1] if swap else size
        tone = toned(frame.color_trc, frame.color_primaries)
        known, other = MATRICES, Colorspace.ITU601
        if tone is not None:
            known, other = MATRICES - {UNSPECIFIED}, Colorspace.BT2020
        matrix = None if frame.colorspace in known else other
        scaled = scaler.reformat(
            frame,
            width,
            height,
            "rgb24" if tone is None else "rgb48le",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            interpolation=SCALING,
            threads=1,
        )
        image = scaled.to_ndarray()
        image = image if tone is None else tone(image)
        image = image.transpose(1, 0, 2) if swap else image
        return image[:: -1 if flip else 1, :: -1 if mirror else 1]

    return paint


def turn(frame: VideoFrame) -> tuple[bool, bool, bool]:
    """Whether to swap the axes, then mirror horizontally, then flip vertically."""
    sides: Any = frame.side_data
    matrix = sides.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    return (True, c < 0, b < 0) if abs(b) > abs(a) else (False, a < 0, d < 0)


def displayed(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as shown: upright, with square pixels, never downscaled."""
    width, height = frame.width, frame.height
    shape = stream.sample_aspect_ratio or Fraction(1)
    if 1 <= shape <= ODDEST:
        width = round(width * shape)
    elif 1 <= 1 / shape <= ODDEST:
        height = round(height / shape)
    return (height, width) if turn(frame)[0] else (width, height)


T = TypeVar("T")

# Pictures that must follow a distant timestamp before it is accepted.
BELIEVED: Final = 12
# Maximum pictures stored between one and its predecessor in presentation order.
REORDERED: Final = 16


def in_order(
    run: Iterable[tuple[int | None, T]], *, step: int, far: int, start: int = 0
) -> Iterator[tuple[int, T]]:
    """Items with strictly increasing ticks, from items in presentation order.

    An implausible tick is replaced by one between its neighbours', or its item dropped if
    there is no room. A tick more than ``far`` after its predecessor is accepted only if
    ``BELIEVED`` items continue from it, or the stream ends first. ``step`` is the usual
    distance of ticks, ``start`` the first tick if no item has one.
    """
    queue = _Queue[T](step, far, start)
    for tick, item in run:
        queue.add(tick, item)
        yield from queue.settled()
    yield from queue.settled(ended=True)


@final
class _Queue(Generic[T]):
    """Items that wait until others confirm their ticks; None marks a wrong tick."""

    def __init__(self, step: int, far: int, start: int) -> None:
        self.step, self.far, self.start = step, far, start
        self.last: int | None = None
        self.held: deque[tuple[int | None, T]] = deque()

    def add(self, tick: int | None, item: T) -> None:
        known = [before for before, _ in self.held if before is not None]
        past = tick is not None and self.last is not None and tick <= self.last
        if tick is None or past or tick in known:
            self.held.append((None, item))
            return
        wrong = {before for before in known if before > tick}
        if self.last is None and wrong and len(known) == 1:
            wrong = set()  # either of the first two: the third tells
        elif self.last is None and len(known) > 1 and known[1] < known[0] < tick:
            wrong = {known[1]}
        self.held.append((tick, item))
        self.held = deque((None if t in wrong else t, one) for t, one in self.held)

    def settled(self, *, ended: bool = False) -> Iterator[tuple[int, T]]:
        while self.held and (ready := self._ready(ended)):
            for tick in ready:
                _, item = self.held.popleft()
                if self.last is None or tick > self.last:
                    self.last = tick
                    yield tick, item

    def _ready(self, ended: bool) -> Sequence[int]:
        """Ticks of the first items whose ticks are decided."""
        last, step = self.last, self.step
        sure = ended or len(self.held) > BELIEVED
        ticks = [tick for tick, _ in self.held]
        n = next((i for i, tick in enumerate(ticks) if tick is not None), None)
        until = None if n is None else ticks[n]
        if n is None or until is None:
            return [self.start if last is None else last + step] if sure else []
        known = [tick for tick in ticks if tick is not None]
        need = BELIEVED if last is not None and until - last > self.far else 1
        if not sure and (len(known) <= need or known[:2] != sorted(known[:2])):
            return []
        if last is None:
            return [until - step * (n - i) for i in range(n + 1)]
        pace = min(step, (until - last) / (n + 1))
        return [*(last + int(pace * (i + 1)) for i in range(n)), until]


def last_shown(
    tail: Sequence[tuple[int, int]], *, reordered: bool, far: Callable[[int], int]
) -> tuple[int, int]:
    """Tick and duration of the picture shown last, from pictures in storage order.

    Pictures out of order by more than reordering allows are ignored, and so is one more
    than ``far`` after all others.
    """
    most = REORDERED if reordered else 0
    later = [sum(tick < at for tick, _ in tail[i:]) for i, (at, _) in enumerate(tail)]
    kept = sorted(shown for shown, n in zip(tail, later, strict=True) if n <= most)
    while len(kept) > 2 and kept[-1][0] - kept[-2][0] > far(kept[-1][0]):
        kept.pop()
    return kept[-1]
