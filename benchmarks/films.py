"""The films that the questions of questions.json are asked of."""

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from slta import video
from slta.moments import Span
from slta.video import writing

QUESTIONS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "questions.json").read_text()
)
SIZE = (640, 360)
RATE_HZ = 25


def compose_videos(videos: Path, out: Path) -> dict[str, Span]:
    """The excerpts one after another, and when each source is in the film."""
    excerpts = QUESTIONS["video_film"]["excerpts"]
    truth, start = {}, 0.0
    for excerpt in excerpts:
        frames = round((excerpt["end_s"] - excerpt["start_s"]) * RATE_HZ)
        truth[excerpt["source"]] = Span(start, start + frames / RATE_HZ)
        start += frames / RATE_HZ
    pictures = (
        picture for excerpt in excerpts for picture in _pictures(videos, excerpt)
    )
    writing.write(out, pictures, rate_hz=RATE_HZ)
    return truth


def join(videos: Iterable[Path], out: Path) -> None:
    """Whole videos one after another, coded as x264 does by default, with B-frames."""
    with av.open(out, "w") as target:
        stream = target.add_stream("libx264", rate=RATE_HZ)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for path in videos:
            for frames in video.sample(path, rate_hz=RATE_HZ, size=SIZE):
                for image in frames.images:
                    frame = VideoFrame.from_ndarray(image, "rgb24")
                    target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def repeat(source: Path, target: Path, length_s: float) -> None:
    """The source over and over, without coding it again."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = given.streams.video[0]
        copy = out.add_stream_from_template(stream)
        assert stream.duration is not None and stream.time_base is not None
        shift = 0
        while True:
            given.seek(0)
            for packet in given.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.dts += shift
                packet.pts += shift
                packet.stream = copy
                if packet.pts * stream.time_base >= Fraction(length_s):
                    continue
                out.mux(packet)
            shift += stream.duration
            if shift * stream.time_base >= length_s:
                return


def _pictures(
    videos: Path, excerpt: dict[str, Any]
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    first = round(excerpt["start_s"] * RATE_HZ)
    last = round(excerpt["end_s"] * RATE_HZ)
    path = videos / excerpt["source"]
    i = 0
    for frames in video.sample(path, rate_hz=RATE_HZ, size=SIZE):
        for picture in frames.images:
            if i >= last:
                return
            if i >= first:
                yield picture
            i += 1
