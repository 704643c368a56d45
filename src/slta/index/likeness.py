"""How alike the frames of an index and an example look.

Two pictures are compared by the cosine of their frames' vectors and, so that what has moved
or is cut off still counts, by that of each of the example's regions and the most similar
region of the other (Chamfer similarity, as in ViSiL: Kordopatis-Zilos et al., ICCV 2019).
Both count as much.

Shapes: n frames of the example, t frames, s sights (a frame, then its regions); D numbers
of a vector, d of its projection.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from slta.errors import InputError
from slta.features.base import Extractor, Looker
from slta.index.examples import Example
from slta.index.segments import CUT, Bases
from slta.moments.segments import peak
from slta.search.compact import ALL, Window
from slta.search.evidence import AGREES_S
from slta.search.zero_shot import RATE_HZ

EVEN, STEEP = 0.60, 36.4
"""The likeness at which two pictures are as likely of the same scene as not, and how fast
that changes, both as ``benchmarks/likeness.py`` found them."""
LOOKS = 1
"""Index of the space of looks."""
REGIONS = 0.1
"""Temperature of the weights of regions."""


@dataclass(frozen=True)
class Sought:
    """The features of an example; takes the place of ``QueryFeatures``."""

    example: Example
    sights: Float[np.ndarray, "n s D"]
    """Looks of unit length."""
    meanings: Float[np.ndarray, "n k"]
    """Of the frames."""
    known: float = 1.0
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, example: Example, extractor: Looker) -> "Sought":
        """Raises ``InputError`` for features that are not finite."""
        from slta.video.reading import Frames

        images = example.images
        seen = extractor.video(Frames(images, np.arange(len(images)) / RATE_HZ))
        sights = np.concatenate([seen.frames[:, None], seen.regions], axis=1)
        meanings = seen.frame_meanings
        assert meanings is not None, "an index has features with a common space"
        if not (np.isfinite(sights).all() and np.isfinite(meanings).all()):
            raise InputError(
                f"the features of {example.path} are not finite; give another example"
            )
        return cls(example, _unit(sights), np.asarray(meanings, np.float32))

    @property
    def query(self) -> str:
        return self.example.name

    def likeness(self, window: Window) -> Float[np.ndarray, " t"]:
        """Of each frame to the most similar one of the example, from -1 to 1."""
        pairs = self._pairs(window)
        regions = pairs[:, 1:, 1:].max(axis=2).mean(axis=1)
        curve: Float[np.ndarray, " t"]
        curve = ((pairs[:, 0, 0] + regions) / 2).max(axis=0)
        return curve

    def regions(self, window: Window) -> Float[np.ndarray, "t r"]:
        """How much each region of a frame is like one of the example; they sum to 1."""
        alike = self._pairs(window)[:, 1:, 1:].max(axis=(0, 1)).T
        weights = np.exp((alike - alike.max(axis=1, keepdims=True)) / REGIONS)
        shares: Float[np.ndarray, "t r"] = weights / weights.sum(axis=1, keepdims=True)
        return shares

    def _pairs(self, window: Window) -> Float[np.ndarray, "n s s t"]:
        """Cosines of the example's frames and sights with the window's sights and frames."""
        space, (count, sights, _) = window.spaces[LOOKS], self.sights.shape
        flat = self.sights.reshape(count * sights, -1)
        fits = space.fits(flat, ALL) / (space.lengths() + 1e-6)
        pairs: Float[np.ndarray, "n s s t"] = fits.reshape(
            count, sights, *fits.shape[1:]
        )
        return pairs

    def near(
        self, vectors: Float[np.ndarray, "m d"], bases: Bases
    ) -> Float[np.ndarray, " m"]:
        """Likeness of segments' mean frames, as ``Segments.vectors`` has them."""
        spaces = [self.meanings, self.sights[:, 0]]
        # Of an extractor without a mapping of sentences to looks, there are only meanings.
        number = min(LOOKS, len(bases) - 1)
        first = sum(basis.shape[1] for basis in bases[:number])
        looks = vectors[:, first:]
        lengths = np.sqrt(np.einsum("md,md->m", looks, looks)) + 1e-6
        nearest = (looks @ _unit(spaces[number] @ bases[number]).T).max(axis=1)
        likeness: Float[np.ndarray, " m"] = nearest / lengths
        return likeness


def log_odds(likeness: Float[np.ndarray, " t"], scenes: float) -> float:
    """Logarithm of the odds that frames with that likeness, of a video with so many
    different scenes, show the scene of the example."""
    return STEEP * (best_second(likeness) - EVEN) - math.log(scenes) / 2


def best_second(likeness: Float[np.ndarray, " t"]) -> float:
    return peak(likeness, rate_hz=RATE_HZ, width_s=AGREES_S)


def shots(window: Window) -> list[tuple[int, int]]:
    """First frame and end of each shot of a window."""
    looks = _unit(window.spaces[LOOKS].frames())
    alike = np.einsum("td,td->t", looks[1:], looks[:-1])
    cuts: Int[np.ndarray, " n"] = np.flatnonzero(alike < CUT) + 1
    return list(zip([0, *cuts.tolist()], [*cuts.tolist(), len(looks)], strict=True))


def looker(extractor: Extractor) -> Looker:
    """Raises ``InputError`` for an extractor that does not look at single pictures."""
    if not isinstance(extractor, Looker):
        raise InputError(
            f"{extractor.id} does not look at single pictures, so it cannot look for an "
            "example; make an index with --extractor imagenet-words"
        )
    return extractor


def _unit(x: Float[np.ndarray, "*n D"]) -> Float[np.ndarray, "*n D"]:
    x = np.asarray(x, np.float32)
    unit: Float[np.ndarray, "*n D"]
    unit = x / (np.linalg.norm(x, axis=-1, keepdims=True) + 1e-6)
    return unit
