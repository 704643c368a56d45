"""A made film of real photographs, one after another, with known times.

scikit-image's photographs, each panned and zoomed for a few seconds.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from slta.moments import Span
from slta.video import writing

SUBJECTS = {
    "astronaut": "astronaut.png",
    "page": "page.png",
    "grass": "grass.png",
    "motorcycle": "motorcycle_left.png",
    "moon": "moon.png",
    "cat": "chelsea.png",
    "brick": "brick.png",
    "rocket": "rocket.jpg",
    "coins": "coins.png",
    "camera": "camera.png",
    "hubble": "hubble_deep_field.jpg",
    "coffee": "coffee.png",
}
"""Name of the subject and file in ``skimage.data``, in the film's order."""
SIZE = (640, 360)
RATE_HZ = 25
SHORTEST_S, LONGEST_S = 5.0, 10.0

Picture = UInt8[np.ndarray, "h w 3"]


def compose(
    path: str | Path, *, seed: int = 0, subjects: Iterable[str] = tuple(SUBJECTS)
) -> dict[str, Span]:
    """Writes the film and returns when each subject is in it.

    The same seed gives the same cuts, pans and zooms.
    """
    rng = np.random.default_rng(seed)
    counts = {
        subject: round(rng.uniform(SHORTEST_S, LONGEST_S) * RATE_HZ)
        for subject in subjects
    }
    writing.write(path, _pictures(counts, rng), rate_hz=RATE_HZ)
    ends = np.cumsum(list(counts.values())) / RATE_HZ
    starts = [0.0, *ends[:-1]]
    return {
        subject: Span(float(start), float(end))
        for subject, start, end in zip(counts, starts, ends, strict=True)
    }


def _pictures(counts: dict[str, int], rng: np.random.Generator) -> Iterator[Picture]:
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    for subject, count in counts.items():
        with Image.open(folder / SUBJECTS[subject]) as photograph:
            yield from _pan(photograph.convert("RGB"), count, rng)


def _pan(
    photograph: Image.Image, count: int, rng: np.random.Generator
) -> Iterator[Picture]:
    """From one random crop to another, at a steady pace, zooming in or out."""
    width, height = photograph.size
    scale = min(width / SIZE[0], height / SIZE[1])
    zooms = rng.permutation([1.0, rng.uniform(0.6, 0.8)])
    places = rng.uniform(0, 1, (2, 2))
    for done in np.linspace(0, 1, count):
        zoom = zooms[0] + (zooms[1] - zooms[0]) * done
        x, y = places[0] + (places[1] - places[0]) * done
        w, h = SIZE[0] * scale * zoom, SIZE[1] * scale * zoom
        left, top = (width - w) * x, (height - h) * y
        crop = photograph.resize(
            SIZE, Image.Resampling.BILINEAR, box=(left, top, left + w, top + h)
        )
        yield np.asarray(crop)


if __name__ == "__main__":
    import sys

    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    compose(target)
