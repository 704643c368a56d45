"""The features for learning: where what is in a picture."""

from functools import cache

import numpy as np
import pytest
from jaxtyping import UInt8

from slta.errors import InputError
from slta.features.base import Extractor, VideoFeatures
from slta.features.extractors.cells import GRID, SIDE, Cells
from slta.video.reading import Frames
from tests.reference import cells as slow

CELL = SIDE // GRID


@cache
def cells() -> Cells:
    return Cells()


def pictures(count: int, seed: int = 0) -> UInt8[np.ndarray, "n s s 3"]:
    """Soft shades and a few hard edges."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 6, 6, 3), np.uint8)
    fine = rng.integers(0, 40, (count, SIDE, SIDE, 3), np.uint8)
    return coarse.repeat(CELL, axis=1).repeat(CELL, axis=2) // 2 + fine


def square(row: int, column: int) -> UInt8[np.ndarray, "s s 3"]:
    """Grey, with a red square well inside one cell."""
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    top, left = row * CELL + 6, column * CELL + 6
    image[top : top + 20, left : left + 20] = (220, 30, 30)
    return image


def seen(images: UInt8[np.ndarray, "n s s 3"]) -> VideoFeatures:
    return cells().video(Frames(images, np.arange(len(images)) / 2.0))


def test_it_is_an_extractor_that_needs_a_trained_model() -> None:
    assert isinstance(cells(), Extractor)
    assert cells().size == (SIDE, SIDE) == (192, 192)
    assert not cells().common_space


def test_shapes() -> None:
    found = seen(pictures(11))
    assert found.frames.shape == (11, 304)
    assert found.regions.shape == (11, 36, 152)
    assert found.boxes.shape == (11, 36, 4)
    assert found.times_s.tolist() == [i / 2 for i in range(11)]
    assert found.frame_meanings is None and found.region_meanings is None


def test_boxes_tile_the_picture_row_by_row() -> None:
    boxes = seen(pictures(2)).boxes
    assert (boxes[0] == boxes[1]).all()
    covered = np.zeros((SIDE, SIDE), int)
    for number, (x0, y0, x1, y1) in enumerate((boxes[0] * SIDE).round().astype(int)):
        assert (x1 - x0, y1 - y0) == (CELL, CELL)
        assert (y0 // CELL, x0 // CELL) == divmod(number, GRID)
        covered[y0:y1, x0:x1] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("seed", range(2))
def test_agrees_with_the_network_in_plain_torch(seed: int) -> None:
    image = pictures(1, seed)
    regions, frame = slow.features(image[0])
    found = seen(image)
    np.testing.assert_allclose(found.regions[0], regions, atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(found.frames[0], frame, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("place", [(0, 0), (2, 3), (5, 1), (4, 5)])
def test_what_is_in_a_cell_changes_its_vector_most(place: tuple[int, int]) -> None:
    empty = np.full((SIDE, SIDE, 3), 128, np.uint8)
    found = seen(np.stack([empty, square(*place)]))
    changed = np.linalg.norm(found.regions[1] - found.regions[0], axis=1)
    assert divmod(int(changed.argmax()), GRID) == place


def test_a_square_that_moves_on_leaves_its_cell_for_the_next() -> None:
    here, there = seen(np.stack([square(2, 1), square(2, 4)])).regions
    changed = np.linalg.norm(here - there, axis=1)
    most = {divmod(int(number), GRID) for number in changed.argsort()[-2:]}
    assert most == {(2, 1), (2, 4)}


def test_the_same_picture_has_the_same_features_in_any_batch() -> None:
    images = pictures(11)
    together = seen(images)
    for some in (slice(0, 1), slice(7, 10), slice(3, 11)):
        apart = seen(images[some])
        np.testing.assert_allclose(apart.regions, together.regions[some], atol=1e-4)
        np.testing.assert_allclose(apart.frames, together.frames[some], atol=1e-4)
    again = seen(images)
    assert (again.regions == together.regions).all()


def test_features_survive_half_precision() -> None:
    """That is how they are kept."""
    black, white = (np.full((1, SIDE, SIDE, 3), shade, np.uint8) for shade in (0, 255))
    for images in (black, white, pictures(3)):
        found = seen(images)
        for each in (found.regions, found.frames):
            half = each.astype(np.float16).astype(np.float32)
            assert np.isfinite(half).all()
            np.testing.assert_allclose(half, each, atol=1e-2, rtol=1e-3)


def test_words_and_nouns_of_a_sentence() -> None:
    found = cells().text("The red circle moves to the left.")
    assert found.words == ("The", "red", "circle", "moves", "to", "the", "left")
    named = [w for w, n in zip(found.words, found.noun_mask, strict=True) if n]
    assert "circle" in named and "moves" not in named and "The" not in named
    assert found.word_vectors.shape == (7, 384)
    assert found.action
    assert found.phrases == ("The red circle moves to the left.",)
    assert found.meanings.shape == (1, 384)
    assert np.linalg.norm(found.sentence) == pytest.approx(1, abs=1e-5)
    assert found.appearances is None


def test_a_sentence_without_a_noun_names_its_other_words() -> None:
    found = cells().text("run quickly")
    assert found.noun_mask.any()


def test_a_word_reads_the_same_in_every_sentence_and_unlike_another() -> None:
    left = cells().text("the red circle moves left")
    right = cells().text("a blue circle shrinks")
    circle = left.words.index("circle")
    again = right.words.index("circle")
    np.testing.assert_array_equal(left.word_vectors[circle], right.word_vectors[again])
    assert not np.allclose(left.word_vectors[circle], left.word_vectors[circle - 1])


def test_what_a_query_names_includes_the_adjectives() -> None:
    asked = cells().text("a large violet cross turns around")
    named = np.array(asked.words)[asked.noun_mask].tolist()
    assert named == ["large", "violet", "cross"]


@pytest.mark.parametrize("query", ["", "кошка", "?!"])
def test_what_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(InputError):
        cells().text(query)
