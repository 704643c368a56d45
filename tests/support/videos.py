"""Small odd films for the tests; each frame shows its number in black and white."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

SIZE = (64, 48)
TICK_S = Fraction(1, 30)
SOUND_HZ = 48_000


def painted(number: int, size: tuple[int, int] = SIZE) -> UInt8[np.ndarray, "h w 3"]:
    """The number's sixteen bits as four rows of four blocks, white for 1."""
    width, height = size
    bits = np.array([number >> bit & 1 for bit in range(16)], np.uint8).reshape(4, 4)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return np.repeat(bits[rows][:, columns, None] * np.uint8(255), 3, axis=2)


def number(image: UInt8[np.ndarray, "h w 3"]) -> int:
    """What ``painted`` wrote, after any coding and scaling."""
    height, width, _ = image.shape
    rows, columns = np.arange(1, 8, 2) * height // 8, np.arange(1, 8, 2) * width // 8
    bits = image[rows][:, columns].mean(axis=2).ravel() > 127
    return int((bits << np.arange(16)).sum())


def beeps(seconds: float, rate_hz: int = SOUND_HZ) -> np.ndarray:
    """Silence with a twentieth of a second of tone at each whole second but 0."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    on = (time_s % 1 < 0.05) & (time_s >= 1)
    return np.where(on, np.sin(2 * np.pi * 1000 * time_s), 0).astype(np.float32)[None]


def film(
    path: Path,
    ticks: Iterable[int] = range(100),
    *,
    tick_s: Fraction = TICK_S,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    bframes: int = 3,
    gop: int = 12,
    options: Mapping[str, str] | None = None,
    container: str | None = None,
    muxer: Mapping[str, str] | None = None,
    shift: int = 0,
    rotation: float | None = None,
    hflip: bool = False,
    pixel: Fraction | None = None,
    sound_s: float = 0,
    sound_hz: int = SOUND_HZ,
    layout: str = "mono",
    sound_from_s: int = 0,
    cover: bool = False,
    all_keys: bool = False,
    wild: Mapping[int, int] | None = None,
    last: int = 0,
    empty: Iterable[int] = (),
) -> Path:
    """Frame i is painted with i and comes on display at tick i of ``ticks``.

    ``pixel`` is the width of a pixel over its height.
    ``shift`` ticks are added in the container only, so that it need not start at 0;
    ``all_keys`` makes the container say that every frame is a key frame. ``wild`` ticks
    are added to the times of some packets, by their place in the file. The last packet
    lasts ``last`` ticks, and ``empty`` ones come behind it.
    """
    with av.open(path, "w", container, dict(muxer or {})) as out:
        video = out.add_stream(codec, rate=round(1 / tick_s))
        assert isinstance(video, VideoStream)
        video.width, video.height = size
        video.pix_fmt = pix_fmt
        video.codec_context.time_base = tick_s
        video.codec_context.gop_size = gop
        if codec in ("libx264", "mpeg4", "mpeg2video"):
            video.codec_context.max_b_frames = bframes
        video.options = dict(options or {})
        if rotation is not None:
            video.set_display_rotation(rotation, hflip)
        if pixel is not None:
            video.codec_context.sample_aspect_ratio = pixel
        sound = out.add_stream("aac", rate=sound_hz, layout=layout) if sound_s else None
        covers = _cover(out) if cover else []
        out.start_encoding()
        packets: list[Any] = []
        for i, tick in enumerate(ticks):
            frame = VideoFrame.from_ndarray(painted(i, size), "rgb24")
            frame.pts, frame.time_base = tick, tick_s
            packets += video.encode(frame)
        packets += video.encode(None)
        packets[-1].duration = last or packets[-1].duration
        for i, packet in enumerate(packets):
            more = shift + (wild or {}).get(i, 0)
            packet.pts, packet.dts = packet.pts + more, packet.dts + shift
            packet.is_keyframe = packet.is_keyframe or all_keys
            out.mux(packet)
        for tick in empty:
            nothing: Any = Packet(0)
            nothing.stream, nothing.time_base, nothing.duration = video, tick_s, 1
            nothing.pts = nothing.dts = tick
            out.mux(nothing)
        if sound is not None:
            samples = np.repeat(beeps(sound_s, sound_hz), sound.channels, axis=0)
            heard = AudioFrame.from_ndarray(samples, "fltp", layout)
            heard.sample_rate, heard.pts = sound_hz, sound_from_s * sound_hz
            out.mux(sound.encode(heard) + sound.encode(None))
        out.mux(covers)
    return path


def coded(
    path: Path,
    rate: Fraction,
    frames: int = 10,
    *,
    timecode: str | None = None,
    sound_s: float = 0,
) -> Path:
    """A film whose rate the header has exactly, with a timecode."""
    with av.open(path, "w", None if path.suffix else "mp4") as out:
        if timecode:
            out.metadata["timecode"] = timecode
        codec = "mpeg4" if path.suffix == ".avi" else "libx264"
        stream = out.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        sound = out.add_stream("aac", rate=SOUND_HZ, layout="mono") if sound_s else None
        for i in range(frames):
            frame = VideoFrame.from_ndarray(painted(i), "rgb24")
            frame.pts, frame.time_base = i, 1 / rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            heard = AudioFrame.from_ndarray(beeps(sound_s), "fltp", "mono")
            heard.sample_rate, heard.pts = SOUND_HZ, 0
            out.mux(sound.encode(heard) + sound.encode(None))
    return path


def _cover(out: OutputContainer) -> list[Any]:
    """Adds a large picture as the cover of a film or a record."""
    picture = out.add_stream("png", rate=1)
    assert isinstance(picture, VideoStream)
    picture.width, picture.height, picture.pix_fmt = 640, 480, "rgb24"
    picture.disposition = Disposition.attached_pic
    image = VideoFrame.from_ndarray(painted(9999, (640, 480)), "rgb24")
    return picture.encode(image) + picture.encode(None)


def beside(
    path: Path,
    pictures: int,
    *,
    first: bool = True,
    codec: str = "mjpeg",
    length: int = 100,
    sound_s: float = 0,
    default: int | None = None,
) -> Path:
    """A film of ``length`` tenths of a second, with so many larger pictures beside it.

    They are spread over 10 s. None is marked as anything, but for the ``default`` stream.
    """
    with av.open(path, "w") as out:
        streams = []
        for coded, size in ((codec, (128, 96)), ("mpeg4", SIZE))[:: 1 if first else -1]:
            if size == SIZE and not length:
                continue
            stream = out.add_stream(coded, rate=10)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = size
            stream.pix_fmt = "yuvj420p" if coded == "mjpeg" else "yuv420p"
            stream.disposition = Disposition(0)
            streams.append(stream)
        sound = out.add_stream("aac", rate=SOUND_HZ, layout="mono") if sound_s else None
        if default is not None:
            streams[default].disposition = Disposition.default
        out.start_encoding()
        packets: list[Any] = []
        for stream in streams:
            count, apart = (
                (length, 1) if stream.width == 64 else (pictures, 100 // pictures)
            )
            for i in range(count):
                size = stream.width, stream.height
                frame = VideoFrame.from_ndarray(painted(i, size), "rgb24")
                frame.pts, frame.time_base = i * apart, Fraction(1, 10)
                packets += stream.encode(frame)
            packets += stream.encode(None)
        if sound is not None:
            heard = AudioFrame.from_ndarray(beeps(sound_s), "fltp", "mono")
            heard.sample_rate, heard.pts = SOUND_HZ, 0
            packets += sound.encode(heard) + sound.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


def only_sound(path: Path, *, cover: bool = False) -> Path:
    with av.open(path, "w") as out:
        sound = out.add_stream("aac", rate=SOUND_HZ, layout="mono")
        frame = AudioFrame.from_ndarray(beeps(2), "fltp", "mono")
        frame.sample_rate, frame.pts = SOUND_HZ, 0
        packets: list[Any] = sound.encode(frame) + sound.encode(None)
        packets += _cover(out) if cover else []
        for packet in packets:
            out.mux(packet)
    return path


def uneven(n: int = 100) -> list[int]:
    """Ticks of 1/600 s with gaps from one tick to a twelfth of a second."""
    gaps = np.random.default_rng(1).choice([1, 2, 3, 50], n - 1)
    return [0, *np.cumsum(gaps).tolist()]


def joined(path: Path, *kinds: Mapping[str, Any]) -> Path:
    """Films one behind the other, the clock starting anew in between; two, if not told."""
    films = [
        film(path.with_name(f"{i}.ts"), **kind)
        for i, kind in enumerate(kinds or ({}, {}))
    ]
    path.write_bytes(b"".join(each.read_bytes() for each in films))
    return path
