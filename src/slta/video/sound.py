"""The sound of a span of a video, in sync with its pictures."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, groupby, repeat
from typing import Final

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from slta.video.decoding import JOINED, UNSEEKABLE, FrameReader
from slta.video.opening import AnyPacket, demuxed

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
