"""Writing H.264 videos that browsers play, from pictures or a span of another video.

Files are written under a hidden name and renamed when complete.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from fractions import Fraction
from heapq import merge
from itertools import chain, groupby, repeat
from math import isfinite
from pathlib import Path
from typing import Final, TypeAlias

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)
from av.video.stream import VideoStream

from slta.errors import InputError
from slta.moments import Span
from slta.video.decoding import JOINED, UNSEEKABLE, FrameReader, Image, painter
from slta.video.opening import AnyPacket, demuxed
from slta.video.reading import Track, check_end, first_of, look

SOUND_HZ: Final = 48_000
PREROLL_S: Final = Fraction(1, 4)  # warm-up of an audio decoder
LATE: Final = 10
"""Consecutive frames after the span that end it."""
JUMP_S: Final = 10
"""A jump of the clock this far ahead, or a second back, means that it restarted."""


def heard(
    reader: FrameReader, stream: AudioStream, start_s: Fraction, length_s: Fraction
) -> Iterator[AudioFrame]:
    """Audio frames around a span, with times from its start."""
    source, late = reader.container, 0
    if stream.time_base is not None and not source.format.flags & UNSEEKABLE:
        with suppress(av.error.FFmpegError):
            source.seek(int((start_s - PREROLL_S) / stream.time_base), stream=stream)
    for packet in chain(_packets(reader, stream), [None]):
        with suppress(av.error.FFmpegError):
            for frame in stream.decode(packet):
                if frame.pts is None or frame.time_base is None:
                    continue
                time_s = frame.pts * frame.time_base - start_s
                late = late + 1 if time_s >= length_s else 0
                if late > LATE:
                    return
                if late or time_s < -1:
                    continue
                frame.time_base = Fraction(1, frame.sample_rate)
                frame.pts = round(time_s * frame.sample_rate)
                yield frame


def _packets(reader: FrameReader, sound: AudioStream) -> Iterator[AnyPacket]:
    """Audio packets; where the clock restarts, they continue with the pictures.

    In a concatenated file, sound after the join may come before the first picture after
    it, which shows how far the clock jumped; such packets wait for it.
    """
    if not reader.container.format.flags & JOINED:
        yield from demuxed(reader.container, sound)
        return
    due_s: dict[int, Fraction] = {}
    leap_s = Fraction(0)
    waiting: list[AnyPacket] = []
    for packet in demuxed(reader.container, reader.stream, sound):
        index = packet.stream_index
        if packet.dts is not None:
            time_s = packet.dts * packet.time_base - leap_s
            leapt = time_s - due_s.get(index, time_s)
            if not -1 < leapt < JUMP_S:
                if index == sound.index:
                    waiting.append(packet)
                    continue
                leap_s += leapt
                time_s -= leapt
                due_s.pop(sound.index, None)
                yield from _moved(waiting, leap_s)
                waiting = []
            due_s[index] = time_s + (packet.duration or 0) * packet.time_base
        if index == sound.index:
            yield from _moved([packet], leap_s)
    yield from _moved(waiting, leap_s)


def _moved(packets: Iterable[AnyPacket], back_s: Fraction) -> Iterator[AnyPacket]:
    for packet in packets:
        back = round(back_s / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - back
        packet.dts = None if packet.dts is None else packet.dts - back
        yield packet


def encoded(
    stream: AudioStream, frames: Iterable[AudioFrame], samples: int
) -> Iterator[AnyPacket]:
    """Exactly ``samples`` samples from time 0 on; gaps become silence."""
    resampler = AudioResampler(
        "fltp", stream.layout, SOUND_HZ, 1024, {"async": "1", "first_pts": "0"}
    )
    chunks = (
        chunk.to_ndarray()
        for frame in chain(_alike(frames, stream), [None])
        for chunk in resampler.resample(frame)
    )
    silence = np.zeros((stream.channels, 1024), np.float32)
    written = 0
    for chunk in chain(chunks, repeat(silence)):
        kept = np.ascontiguousarray(chunk[:, : samples - written], np.float32)
        frame = AudioFrame.from_ndarray(kept, "fltp", stream.layout.name)
        frame.sample_rate, frame.pts = SOUND_HZ, written
        yield from stream.encode(frame)
        written += frame.samples
        if written >= samples:
            break
    yield from stream.encode(None)


def _alike(frames: Iterable[AudioFrame], stream: AudioStream) -> Iterator[AudioFrame]:
    """Frames converted to one format, layout and rate."""
    for _, run in groupby(frames, lambda f: (f.format.name, f.layout, f.sample_rate)):
        resampler = AudioResampler("fltp", stream.layout, SOUND_HZ)
        for frame in chain(run, [None]):
            # A resampler that changes nothing passes None through.
            yield from filter(None, resampler.resample(frame))


CLOCK_HZ: Final = 90_000  # divisible by the usual frame rates
THREADS: Final = 2  # fixed, because x264's output depends on it

Shot: TypeAlias = tuple[int, int, Image]


def write(
    path: str | Path,
    images: Iterable[Image],
    *,
    rate_hz: float | int,
    crf: int = 20,
) -> None:
    """Writes pictures of one size as a video of ``rate_hz`` frames per second.

    ``crf`` is x264's quality, from 0 (best) to 51. Odd sides are padded by one pixel. The
    output does not depend on the machine.
    """
    path = Path(path)
    if not (isfinite(rate_hz) and rate_hz > 0):
        raise InputError(f"a frame rate must be above 0, got {rate_hz} Hz")
    if not 0 <= crf <= 51:
        raise InputError(f"crf must be in [0, 51], got {crf}")
    rate = Fraction(rate_hz).limit_denominator(1001 * 60)
    pictures = iter(images)
    first = next(pictures, None)
    if first is None:
        raise InputError(f"{path} would have no frames: give at least one picture")
    shots = ((i, 1, image) for i, image in enumerate(chain([first], pictures)))
    height, width, _ = first.shape
    with _replacing(path) as target:
        stream = _add_film(target, (width, height), 1 / rate, crf)
        stream.codec_context.thread_count = THREADS
        for packet in _film(stream, shots):
            target.mux_one(packet)


def cut(path: str | Path, span: Span, out: str | Path) -> None:
    """Writes a span of a video as a video of its own, upright, with timing and sound.

    It starts with the frame shown at the start of the span, and ends with the span or the
    video, whichever is earlier.
    """
    track = look(path)
    if span.start >= track.duration_s:
        length = f"{track.path} lasts {track.duration_s:.3f} s"
        raise InputError(f"{length}, {span} is beyond its end: give an earlier span")
    length_s = min(Fraction(span.end), (track.end - track.start) * track.tick_s)
    length_s -= Fraction(span.start)
    with _replacing(Path(out)) as target, closing(FrameReader(track.path)) as reader:
        film = _add_film(target, track.size, Fraction(1, CLOCK_HZ), crf=20)
        streams = [_film(film, _shots(track, span.start, length_s))]
        source = reader.container.streams.best("audio")
        if isinstance(source, AudioStream) and source.codec_context is not None:
            layout = "mono" if source.channels == 1 else "stereo"
            sound = target.add_stream("aac", rate=SOUND_HZ, layout=layout)
            start_s = track.start * track.tick_s + Fraction(span.start)
            frames = heard(reader, source, start_s, length_s)
            samples = max(1, round(length_s * SOUND_HZ))
            streams.append(encoded(sound, frames, samples))
        for packet in merge(*streams, key=_due_s):
            target.mux_one(packet)


def _shots(track: Track, start_s: float, length_s: Fraction) -> Iterator[Shot]:
    """Upright pictures with start and duration, in 1/90000 s from the span's start."""
    begin, length = track.tick(start_s), max(1, round(length_s * CLOCK_HZ))
    paint = painter(track.size)
    since = 0
    with closing(FrameReader(track.path)) as reader:
        run = reader.seek(begin) if reader.far(begin) else reader.frames()
        last, shown = first_of(track.path, run)
        for tick, frame in run:
            passed_s = (tick - track.start) * track.tick_s - Fraction(start_s)
            now = round(passed_s * CLOCK_HZ) if tick > begin else 0
            if now >= length:
                break
            if now > since:
                yield since, now - since, paint(shown)
            last, since, shown = tick, now, frame
        else:
            check_end(track, last)
        yield since, length - since, paint(shown)


def _add_film(
    target: OutputContainer, size: tuple[int, int], tick_s: Fraction, crf: int
) -> VideoStream:
    # Without B-frames, decoding and presentation times are equal.
    options = {"crf": str(crf), "preset": "veryfast", "bf": "0"}
    stream = target.add_stream("libx264", rate=30, options=options)
    stream.width, stream.height = (side + side % 2 for side in size)
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = tick_s
    context.flags |= Flags.frame_duration
    # Explicit, because players guess differently.
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.color_range = ColorRange.MPEG
    return stream


def _film(stream: VideoStream, shots: Iterable[Shot]) -> Iterator[AnyPacket]:
    """Encoded packets; pictures may be one pixel smaller than the stream."""
    scaler = VideoReformatter()
    for pts, length, image in shots:
        height, width, _ = image.shape
        margin = stream.height - height, stream.width - width
        if not {*margin} <= {0, 1}:
            size = f"{stream.width} x {stream.height}"
            raise InputError(f"picture {pts} is {width} x {height} in a film of {size}")
        if any(margin):
            image = np.pad(image, ((0, margin[0]), (0, margin[1]), (0, 0)), mode="edge")
        frame = scaler.reformat(
            VideoFrame.from_ndarray(image, "rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, frame.duration = pts, length
        frame.time_base = stream.codec_context.time_base
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _due_s(packet: AnyPacket) -> Fraction:
    return (packet.dts or 0) * packet.time_base


@contextmanager
def _replacing(path: Path) -> Iterator[OutputContainer]:
    """A container that is renamed to ``path`` if the block succeeds, else removed."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it to write")
    if not path.parent.is_dir():
        raise InputError(
            f"{path} cannot be written: make the folder {path.parent} first"
        )
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.touch()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with av.open(part, "w", "mp4", {"movflags": "+faststart"}) as target:
            yield target
        part.replace(path)
    except av.error.FFmpegError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
