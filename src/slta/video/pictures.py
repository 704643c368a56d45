"""Still pictures, read by Pillow and scaled as the frames of videos are."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from slta.errors import InputError
from slta.video.decoding import painter
from slta.video.opening import head_of

# Formats of pixels only: Pillow hands EPS to another program.
FORMATS: Final = frozenset(
    "AVIF BMP GIF HEIF JPEG JPEG2000 MPO PNG PPM QOI TIFF WEBP".split()
)
SUFFIXES: Final = frozenset(
    ".avif .bmp .gif .heic .heif .jfif .jp2 .jpe .jpeg .jpg .png .ppm .qoi .tif .tiff "
    ".webp".split()
)
"""Suffixes of pictures, in lower case."""
LARGE: Final = 4096
"""Side in pixels from which on a JPEG is decoded at a fraction of its size."""


def is_picture(path: Path, *, still: bool = False) -> bool:
    """Whether Pillow reads the file as a picture, animated or, with ``still``, not.

    Raises ``InputError`` for a file that cannot be opened, has too many pixels, or is named
    as a picture and is none.
    """
    head_of(path)
    try:
        with _opened(path) as picture:
            return not (still and getattr(picture, "is_animated", False))
    except UnidentifiedImageError:
        if path.suffix.lower() in SUFFIXES:
            raise _unreadable(path) from None
        return False


def read(path: Path, size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture, upright, in RGB and ``size``, (width, height); of an animation, the first.

    What is transparent is white. Raises ``InputError`` if it cannot be read.
    """
    try:
        with _opened(path) as picture:
            picture.draft("RGB", (LARGE, LARGE))
            pixels = np.array(_plain(ImageOps.exif_transpose(picture)))
    except UnidentifiedImageError:
        raise _unreadable(path) from None
    image: UInt8[np.ndarray, "h w 3"]
    image = painter(size)(VideoFrame.from_ndarray(pixels, "rgb24"))
    return image


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    Image.init()
    try:
        # Pillow warns of many pixels and of odd metadata, and refuses too many pixels.
        with (
            warnings.catch_warnings(action="ignore"),
            path.open("rb") as file,
            Image.open(file, formats=sorted(FORMATS & Image.OPEN.keys())) as picture,
        ):
            yield picture
    except (InputError, UnidentifiedImageError):
        raise
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise InputError(
            f"{path} has more than {most} million pixels; make the picture smaller"
        ) from None
    except Exception as error:  # Pillow's readers raise errors of all kinds
        raise _unreadable(path) from error


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, np.float64)
        # More than 8 bits: 16, or any range.
        most = 65535 if picture.mode.startswith("I;16") else max(values.max(), 255)
        picture = Image.fromarray((values.clip(0) * (255 / most)).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"{path} is not a picture that can be read; export it as jpg or png again"
    )
