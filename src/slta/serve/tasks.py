"""What the decoder's processes do: everything that opens a file of a user."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from slta import video
from slta.moments import Span
from slta.serve.exporting import exported
from slta.video import pictures, writing

QUALITY: Final = 80
"""Of JPEGs."""


def strip(path: str, times_s: list[float], width: int, height: int) -> bytes:
    """A JPEG of frames side by side, each of that size."""
    frames = video.frames(path, at=times_s, size=(width, height))
    file = io.BytesIO()
    Image.fromarray(np.concatenate([*frames.images], axis=1)).save(
        file, "JPEG", quality=QUALITY
    )
    return file.getvalue()


def frames(path: str, times_s: list[float], width: int, height: int) -> bytes:
    """RGB pixels of frames, one after the other."""
    return video.frames(path, at=times_s, size=(width, height)).images.tobytes()


def picture(path: str, width: int, height: int) -> bytes:
    """RGB pixels of a picture."""
    return pictures.read(Path(path), (width, height)).tobytes()


def clip(path: str, start_s: float, end_s: float, out: str) -> bytes:
    """Writes a span of a video to a file."""
    writing.cut(path, Span(start_s, end_s), out)
    return b""


TASKS: Final[dict[str, Callable[..., bytes]]] = {
    each.__name__: each for each in (strip, frames, picture, clip, exported)
}
