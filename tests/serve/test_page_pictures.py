"""The page looks as in the pictures of the docs, as far as fonts are the same."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.docs import page_picture
from PIL import Image

pytestmark = pytest.mark.browser
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SMALL = (60, 40)
"""Letters are blurred in this size; columns, pictures and curves are not."""
ALIKE = 0.03


def test_the_page_looks_as_in_its_pictures() -> None:
    for name, picture in page_picture.taken().items():
        with Image.open(IMAGES / f"{name}.webp") as kept:
            assert kept.size == picture.size
            away = np.abs(_small(kept) - _small(picture))
        assert away.mean() < ALIKE, name
        # Nothing large is gone or has moved.
        assert np.percentile(away, 95) < 5 * ALIKE, name


def _small(picture: Image.Image) -> np.ndarray:
    small = picture.convert("RGB").resize(SMALL, Image.Resampling.BOX)
    return np.asarray(small, np.float64) / 255
