"""Fits EVEN and STEEP of ``slta.index.likeness``, and measures them on other clips.

    python -m benchmarks.likeness FOLDER

FOLDER has the clips on which the confidence of sentences was fitted, as calibration.py
says; those measured on are in ../shared. Examples are seconds of a clip, at three times.
What is to be found is the rest of the same shot, at least APART_S away, and what is not to
be found is every other clip; ALIKE names clips that show the same scene. Prints the two
numbers, and writes them with what they were measured on to results/likeness.json.
"""

import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import skimage.data
from jaxtyping import Float
from PIL import Image, ImageEnhance, ImageOps
from scipy.optimize import minimize

from benchmarks.trust import area, reliability
from slta import video
from slta.features.base import Looker
from slta.index import likeness
from slta.index.examples import Example
from slta.index.likeness import Sought, best_second, looker, shots
from slta.search import Searcher
from slta.search.compact import Compact, compacted
from slta.search.zero_shot import CLEAR, RATE_HZ, ZeroShot
from slta.training import provenance

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
APART_S = 2.0
"""Time from the example up to which frames show it, not its scene at another time."""
ALIKE = ({"in_book.mkv", "in_walk.mkv"},)
"""Clips of one scene."""
PHOTOS = ("astronaut", "chelsea", "rocket", "page", "coins", "immunohistochemistry")
"""Photographs of scikit-image, which show no scene of any clip."""


def _cropped(picture: Image.Image, *box: float) -> Image.Image:
    x0, y0, x1, y1 = box
    width, height = picture.size
    return picture.crop(
        (int(width * x0), int(height * y0), int(width * x1), int(height * y1))
    )


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped": lambda picture: _cropped(picture, 0.15, 0.15, 0.85, 0.85),
    "a corner": lambda picture: _cropped(picture, 0, 0, 0.7, 0.7),
    "mirrored": ImageOps.mirror,
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.4),
    "darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.6),
    "small": lambda picture: ImageOps.contain(picture, (160, 160)),
    "grey": lambda picture: ImageOps.grayscale(picture).convert("RGB"),
}


class Clip(NamedTuple):
    path: Path
    compact: Compact
    duration_s: float

    @property
    def times_s(self) -> list[float]:
        """Starts of the seconds that are examples."""
        return [self.duration_s * share for share in (1 / 6, 1 / 2, 5 / 6)]

    def likeness(self, sought: Sought) -> Float[np.ndarray, " t"]:
        return np.concatenate([sought.likeness(w) for w in self.compact.windows])

    @property
    def shots(self) -> list[tuple[int, int]]:
        return [
            (window.first + first, window.first + end)
            for window in self.compact.windows
            for first, end in shots(window)
        ]


class Fit(NamedTuple):
    """The likeness of a best second, and the scenes of its video."""

    likeness: float
    scenes: float

    @classmethod
    def of(cls, curve: Float[np.ndarray, " t"], clip: Clip) -> "Fit":
        return cls(best_second(curve), clip.compact.scenes)

    @property
    def confidence(self) -> float:
        odds = likeness.log_odds(np.array([self.likeness]), self.scenes)
        return 1 / (1 + math.exp(-odds))


class Fits(NamedTuple):
    present: list[Fit]
    absent: list[Fit]


def main(folder: Path) -> None:
    names = json.loads((HERE / "calibration.json").read_text())["present"]
    others = json.loads((DATA / "clips" / "sentences.json").read_text())["present"]
    with tempfile.TemporaryDirectory() as store:
        searcher = Searcher(store=store)
        model = searcher.retriever
        assert isinstance(model, ZeroShot)
        learnt = fits([opened(folder / n, model) for n in names], model)
        even, steep = fitted(learnt)
        print(f"EVEN {even:.2f}, STEEP {steep:.1f}")
        clips = [opened(DATA / name, model) for name in others]
        found = {
            "about": {
                "command": "python -m benchmarks.likeness FOLDER",
                "commit": provenance.commit(),
                "date": datetime.now(UTC).date().isoformat(),
                "machine": provenance.machine(),
            },
            "even": round(even, 3),
            "steep": round(steep, 2),
            "fitted": measured(learnt),
            "clips": len(clips),
            **measured(fits(clips, model)),
            "changed": changed(clips, looker(model.library.extractor)),
            "photos": photos(clips, looker(model.library.extractor)),
        }
    file = HERE / "results" / "likeness.json"
    file.write_text(json.dumps(found, indent=1) + "\n")


def opened(path: Path, model: ZeroShot) -> Clip:
    pieces = model.library.pieces(path)
    compact = compacted(pieces, model.unrelated, RATE_HZ)
    return Clip(path, compact, video.probe(path).duration_s)


def fits(clips: Sequence[Clip], model: ZeroShot) -> Fits:
    found = Fits([], [])
    for clip in clips:
        for time_s, sought in examples(clip, looker(model.library.extractor)):
            if (curve := elsewhere(clip, time_s, clip.likeness(sought))) is not None:
                found.present.append(Fit.of(curve, clip))
            found.absent.extend(
                Fit.of(other.likeness(sought), other)
                for other in clips
                if other is not clip and not _alike(clip, other)
            )
    return found


def examples(clip: Clip, extractor: Looker) -> Iterator[tuple[float, Sought]]:
    for time_s in clip.times_s:
        example = Example.read(f"{clip.path}@{time_s:.2f}", extractor.size)
        yield time_s, Sought.of(example, extractor)


def elsewhere(
    clip: Clip, time_s: float, curve: Float[np.ndarray, " t"]
) -> Float[np.ndarray, " _"] | None:
    """The curve in the same shot, but not near the time; None if nothing is left."""
    at = int(time_s * RATE_HZ)
    first, end = next(shot for shot in clip.shots if shot[0] <= at < shot[1])
    reach = round(APART_S * RATE_HZ)
    sides = [curve[first : max(first, at - reach)], curve[at + 2 + reach : end]]
    longest = max(sides, key=len)
    return longest if len(longest) > 1 else None


def _alike(one: Clip, other: Clip) -> bool:
    return any({one.path.name, other.path.name} <= names for names in ALIKE)


def fitted(learnt: Fits) -> tuple[float, float]:
    """The logistic under which what is there and what is not, taken as if as many, are
    likeliest."""
    present, absent = (np.array(part) for part in learnt)

    def odds(fits: np.ndarray, line: np.ndarray) -> np.ndarray:
        even, steep = line
        result: np.ndarray = 100 * steep * (fits[:, 0] - even) - np.log(fits[:, 1]) / 2
        return result

    def unlikely(line: np.ndarray) -> float:
        said_absent = np.logaddexp(0, -odds(present, line)).mean()
        said_present = np.logaddexp(0, odds(absent, line)).mean()
        return float(said_absent + said_present)

    even, steep = minimize(unlikely, [0.6, 0.25], method="Nelder-Mead").x
    return float(even), 100 * float(steep)


def measured(found: Fits) -> dict[str, Any]:
    present, absent = (np.array([f.confidence for f in part]) for part in found)
    return {
        "counts": {"present": len(present), "absent": len(absent)},
        "present_clear": round(float((present >= CLEAR).mean()), 3),
        "absent_told": round(float((absent < CLEAR).mean()), 4),
        "area": round(area(present, absent), 4),
        **reliability(present, absent),
    }


def changed(clips: Sequence[Clip], extractor: Looker) -> dict[str, Any]:
    """How often a changed frame finds its own video first, and clearly."""
    rows = dict[str, Any]()
    for kind, change in {"as it is": lambda picture: picture, **CHANGES}.items():
        first, clear = list[bool](), list[bool]()
        for clip in clips:
            for time_s in clip.times_s:
                (image,) = video.frames(clip.path, at=[time_s]).images
                sought = _sought(change(Image.fromarray(image)), extractor)
                sure = [Fit.of(c.likeness(sought), c).confidence for c in clips]
                own = sure[clips.index(clip)]
                first.append(own >= max(sure))
                clear.append(own >= CLEAR)
        rows[kind] = {
            "first": round(float(np.mean(first)), 3),
            "clear": round(float(np.mean(clear)), 3),
        }
    return rows


def photos(clips: Sequence[Clip], extractor: Looker) -> dict[str, float]:
    """The highest confidence for photographs of something else."""
    rows = dict[str, float]()
    for name in PHOTOS:
        photo = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        sought = _sought(photo, extractor)
        sure = [Fit.of(clip.likeness(sought), clip).confidence for clip in clips]
        rows[name] = round(max(sure), 3)
    return rows


def _sought(picture: Image.Image, extractor: Looker) -> Sought:
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        picture.save(file.name)
        example = Example.read(file.name, extractor.size)
    return Sought.of(replace(example, name="picture"), extractor)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
