"""What is new in a row of pictures, and that what is not is not looked at."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from jaxtyping import UInt8
from PIL import Image

from slta.features.base import VideoFeatures
from slta.features.changes import CELL, LEAST, Changes, most_change
from slta.features.extractors import imagenet_words
from slta.features.extractors.imagenet_words import PIECE, ImagenetWords
from slta.video import writing
from slta.video.reading import Frames
from tests.support.extractors import cosines, meanings_of

SIDE = ImagenetWords().size[0]
RATE_HZ = 2.0
PHOTO = "astronaut"
SLOW = 2
"""Pixels that a slow pan moves between two samples."""


def pan(step: int, count: int) -> list[UInt8[np.ndarray, "s s 3"]]:
    """Views of a photograph, each a step to the right of the one before."""
    photo = Image.fromarray(getattr(skimage.data, PHOTO)())
    wide = np.array(photo.resize((SIDE + step * count, SIDE)))
    return [wide[:, step * i : step * i + SIDE] for i in range(count)]


@pytest.fixture(scope="module")
def extractor() -> ImagenetWords:
    return ImagenetWords()


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames the network has looked at, by batch."""
    counts: list[int] = []
    look = imagenet_words._look

    def counting(network: object, images: UInt8[np.ndarray, "n y x 3"]) -> object:
        counts.append(len(images))
        return look(network, images)

    monkeypatch.setattr(imagenet_words, "_look", counting)
    return counts


def watched(extractor: ImagenetWords, path: Path) -> list[VideoFeatures]:
    return list(extractor.watch(path, rate_hz=RATE_HZ))


def together(pieces: list[VideoFeatures]) -> dict[str, np.ndarray]:
    arrays = [piece.arrays() for piece in pieces]
    return {name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]}


def test_change_is_that_of_the_square_with_the_most() -> None:
    black = np.zeros((2 * CELL, 3 * CELL, 3), np.uint8)
    image = black.copy()
    image[:CELL, :CELL] = 2
    image[CELL:, CELL : CELL + CELL // 2] = 10
    assert most_change(image, black) == most_change(black, image) == 5
    # The squares divide the picture, here into one of 13 pixels.
    assert most_change(image[:13, :13], black[:13, :13]) == 2


def test_small_changes_add_up() -> None:
    levels = [0, 3, 6, 9, 10, 13, 16, 19, 20, 0]
    images = np.stack([np.full((CELL, CELL, 3), level, np.uint8) for level in levels])
    assert LEAST == 10
    new = Changes().new(images)
    assert np.flatnonzero(new).tolist() == [0, 4, 8, 9]
    changes = Changes()
    parts = [changes.new(part) for part in np.split(images, [1, 2, 5])]
    np.testing.assert_array_equal(np.concatenate(parts), new)


def test_a_still_film_is_looked_at_once(
    extractor: ImagenetWords, looked: list[int], tmp_path: Path
) -> None:
    photo = pan(1, 1)[0]
    writing.write(tmp_path / "film.mp4", [photo] * 60, rate_hz=5)
    made = together(watched(extractor, tmp_path / "film.mp4"))
    assert sum(looked) == 1
    np.testing.assert_array_equal(made["times_s"], np.floor(np.arange(24) * 2.5) / 5)
    assert (made["frames"] == made["frames"][0]).all()
    assert made["boxes"].shape == (24, 9, 4)


def test_only_some_pieces_are_held(
    extractor: ImagenetWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagenet_words, "cores", lambda: 2)
    given = 0

    def pieces() -> Iterator[Frames]:
        nonlocal given
        while True:
            given += 1
            yield Frames(np.zeros((1, SIDE, SIDE, 3), np.uint8), np.zeros(1))

    made = extractor._watched(pieces())
    for taken in range(1, 6):
        next(made)
        assert given == taken + 2


def test_a_slow_pan_does_not_drift(extractor: ImagenetWords, looked: list[int]) -> None:
    images = np.stack(pan(SLOW, 40))
    made = extractor.video(Frames(images, np.arange(40) / RATE_HZ))
    assert sum(looked) > 10
    for i in range(0, 40, 3):
        alone = extractor.video(Frames(images[i : i + 1], np.zeros(1)))
        assert cosines(made.frames[i], alone.frames[0]) > 0.97
        assert cosines(meanings_of(made)[0][i], meanings_of(alone)[0][0]) > 0.97


def test_a_cut_is_seen_at_once_and_what_was_seen_before_is_not_taken_for_it(
    extractor: ImagenetWords, looked: list[int], tmp_path: Path
) -> None:
    one, other = pan(SIDE, 2)
    cut = PIECE + 3
    images = [one] * cut + [other] * 4 + [one] * PIECE
    writing.write(tmp_path / "film.mp4", images, rate_hz=RATE_HZ, crf=5)
    made = together(watched(extractor, tmp_path / "film.mp4"))
    assert sum(looked) == 3
    frames = made["frames"]
    assert (frames[:cut] == frames[0]).all()
    assert (frames[cut : cut + 4] == frames[cut]).all()
    assert (frames[cut + 4 :] == frames[-1]).all()
    assert cosines(frames[0], frames[cut]) < 0.9 < cosines(frames[0], frames[-1])


@pytest.mark.parametrize("piece", [1, 3, 32])
def test_features_do_not_depend_on_how_many_frames_come_at_once(
    extractor: ImagenetWords,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    piece: int,
) -> None:
    images = [image for image in pan(5, 12) for _ in range(2)]
    writing.write(tmp_path / "film.mp4", images, rate_hz=RATE_HZ)
    usual = together(watched(extractor, tmp_path / "film.mp4"))
    monkeypatch.setattr(imagenet_words, "PIECE", piece)
    monkeypatch.setattr(imagenet_words, "cores", lambda: piece)
    other = together(watched(extractor, tmp_path / "film.mp4"))
    for name, array in usual.items():
        np.testing.assert_array_equal(other[name], array)
