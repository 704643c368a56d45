"""The slow second spelling of what is on display: decode everything, then look it up."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation
from jaxtyping import UInt8

SCALING = Interpolation.AREA | Interpolation.FULL_CHR_H_INT


def everything(
    path: Path, size: tuple[int, int]
) -> tuple[list[Fraction], list[UInt8[np.ndarray, "h w 3"]]]:
    """Every frame of the first video stream with its time, counted from the first."""
    times_s, images = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for i, frame in enumerate(container.decode(stream)):
            turns = frame.rotation // 90
            width, height = size if turns % 2 == 0 else size[::-1]
            scaled = frame.reformat(width, height, "rgb24", interpolation=SCALING)
            images.append(np.rot90(scaled.to_ndarray(), turns))
            # Raw streams have no times, and AVI has those of decoding.
            if frame.pts is None or container.format.name == "avi":
                assert stream.guessed_rate is not None
                times_s.append(i / Fraction(stream.guessed_rate))
            else:
                assert frame.time_base is not None
                times_s.append(frame.pts * frame.time_base)
    return [time_s - times_s[0] for time_s in times_s], images


def on_display(path: Path, times_s: list[Fraction], time_s: float) -> int:
    """Which frame: the last whose time, as the nearest float, is not after the time.

    In containers that round times to the millisecond, not more than one after it.
    """
    slack_s = 0.001 if path.suffix in (".mkv", ".webm", ".flv", ".gif") else 0
    now_s = time_s + slack_s + 1e-12
    return max(i for i, begins_s in enumerate(times_s) if float(begins_s) <= now_s)
