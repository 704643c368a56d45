"""Still pictures: any that Pillow reads are shown upright, in RGB, and no other file is."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slta import InputError
from slta.video import frames, pictures
from tests.support.videos import film, number, painted

SIZE = (32, 32)
RED, WHITE = (255, 0, 0), (255, 255, 255)


def photo(number: int = 21) -> Image.Image:
    return Image.fromarray(painted(number, (64, 48)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_shown_upright(tmp_path: Path, orientation: int) -> None:
    turns = Image.Transpose
    # How a camera held so has stored what is upright.
    stored = {
        1: [],
        2: [turns.FLIP_LEFT_RIGHT],
        3: [turns.ROTATE_180],
        4: [turns.FLIP_TOP_BOTTOM],
        5: [turns.TRANSPOSE],
        6: [turns.ROTATE_90],
        7: [turns.TRANSVERSE],
        8: [turns.ROTATE_270],
    }
    picture = photo()
    for turn in stored[orientation]:
        picture = picture.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    assert number(pictures.read(tmp_path / "photo.jpg", SIZE)) == 21


def test_it_is_scaled_as_a_frame_is(tmp_path: Path) -> None:
    clip = film(tmp_path / "film.mp4")
    frame = frames(clip, at=[1.0])
    Image.fromarray(frame.images[0]).save(tmp_path / "frame.png")
    scaled = frames(clip, at=[1.0], size=(24, 20)).images[0].astype(int)
    read = pictures.read(tmp_path / "frame.png", (24, 20)).astype(int)
    assert np.abs(scaled - read).max() <= 4


@pytest.mark.parametrize("suffix", "png webp tiff bmp jp2 gif avif ppm".split())
def test_all_usual_formats_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    photo().save(path)
    assert pictures.is_picture(path)
    assert number(pictures.read(path, SIZE)) == 21


@pytest.mark.parametrize(
    "mode", ["L", "P", "CMYK", "RGBA", "LA", "1", "I;16", "I", "F"]
)
def test_all_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    picture = photo()
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        values = np.asarray(picture.convert("L")).astype(kind)
        picture = Image.fromarray(values * kind(257 if mode == "I;16" else 1))
        assert picture.mode == mode
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / "photo.tiff")
    assert number(pictures.read(tmp_path / "photo.tiff", SIZE)) == 21


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (*RED, 0)).save(tmp_path / "clear.png")
    assert (pictures.read(tmp_path / "clear.png", SIZE) == WHITE).all()


def test_of_an_animation_the_first_picture_is_read(tmp_path: Path) -> None:
    path = tmp_path / "moves.gif"
    photo(5).save(path, save_all=True, append_images=[photo(9)])
    assert number(pictures.read(path, SIZE)) == 5
    assert pictures.is_picture(path) and not pictures.is_picture(path, still=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_narrow_pictures_are_scaled_too(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, RED).save(tmp_path / "line.png")
    assert (pictures.read(tmp_path / "line.png", SIZE) == RED).all()


def _huge(path: Path) -> None:
    """A small file that says it has 3.6 thousand million pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    crc = struct.pack(">I", zlib.crc32(chunk))
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + chunk + crc
    path.write_bytes(start + b"\x00\x00\x00\x00IEND\xaeB`\x82")


def _cut(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def _script(path: Path) -> None:
    photo().save(path.with_suffix(".eps"))
    path.with_suffix(".eps").rename(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_huge, "more than .* million pixels; make the picture smaller"),
        (_cut, "is not a picture that can be read; export it"),
        (_script, "is not a picture that can be read; export it"),
        (lambda path: path.write_text("no picture"), "is not a picture that can be"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "is not a picture that"),
        (Path.touch, "is empty"),
        (Path.mkdir, "is a folder"),
        (lambda path: None, "does not exist"),
    ],
)
def test_what_is_none_is_refused(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "photo.png"
    make(path)
    with pytest.raises(InputError, match=says) as raised:
        pictures.is_picture(path)
        pictures.read(path, SIZE)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_other_files_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    assert not pictures.is_picture(tmp_path / "notes.txt")
    assert not pictures.is_picture(film(tmp_path / "film.mp4"))
