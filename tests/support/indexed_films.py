"""Two videos of photographs, and a store that holds all that a search makes of them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
import skimage.data
from jaxtyping import UInt8
from PIL import Image

from slta import Searcher
from slta.features.extractors.imagenet_words import ImagenetWords
from slta.video import writing
from tests.support.once import made_once

SIZE = (320, 180)
RATE_HZ = 9.99
"""Of the film, whose length is thus no whole number of hundredths of a second."""
SHOTS = ["chelsea", "coffee", "rocket", "chelsea"]
"""The photographs in the film, 20 frames of each."""
DURATION_S = len(SHOTS) * 20 / RATE_HZ
SHOWN = {"a cat": [0, 3], "a cup of coffee": [1], "a rocket": [2]}
"""Queries, and which of the shots answer them."""
RECORD = f"imagenet-words@{ImagenetWords.version}-2hz"


@dataclass(frozen=True)
class Known:
    """Two films, and a store with all that a search makes of them. Not to be changed."""

    film: Path
    """Eight seconds: one photograph after another."""
    long: Path
    """Half a minute, so that something can happen while it is looked at."""
    store: Path

    def copy(self, to: Path, *, without: Path | None = None) -> Path:
        """The store, to change at will; without the features of a film if asked to.

        The unrelated sentences stay read, as that is what takes longest.
        """
        shutil.copytree(self.store, to)
        if without is not None:
            shutil.rmtree(record(to, without))
        return to


@cache
def known() -> Known:
    return _known(made_once("known", _make))


def _known(folder: Path) -> Known:
    return Known(folder / "trip.mp4", folder / "tour.mp4", folder / "store")


def _make(folder: Path) -> None:
    films = _known(folder)
    writing.write(films.film, _pictures(20), rate_hz=RATE_HZ)
    writing.write(films.long, _pictures(17), rate_hz=2)
    searcher = Searcher(store=films.store)
    searcher.index(films.film)
    searcher.index(films.long)


def _pictures(each: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    for name in SHOTS:
        photo = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        yield from repeat(np.array(photo.resize(SIZE, Image.Resampling.BOX)), each)


def record(store: Path, video: Path) -> Path:
    """Where the features of a film lie."""
    return store / "videos" / Searcher(store=store).store.digest(video)[:32] / RECORD


def records(store: Path) -> set[str]:
    """All that lies in a store's folders of videos, by its path there."""
    top = store / "videos"
    return {str(path.relative_to(top)) for path in top.rglob("*")}
