"""What an extractor makes of a video and of a query.

Shapes: t frames, r regions, d size of a frame's vector, e of a region's, k of a
sentence's, w words, g size of a word's vector, p phrases.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from mmap import mmap
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Shaped

from slta import video
from slta.video.reading import Frames

__all__ = [
    "Extractor",
    "Prepared",
    "QueryFeatures",
    "Reader",
    "Steps",
    "VideoFeatures",
    "Words",
    "frame_by_frame",
]

Steps = Callable[[str, float], None]
"""Is told what is being made, and the share of all that is done."""


@dataclass(frozen=True, slots=True)
class VideoFeatures:
    """Vectors of the sampled frames and of the regions in them.

    ``frames`` and ``regions`` say what a picture looks like, in the extractor's own
    spaces. The ``meanings`` are the same pictures in the space of the sentences, where
    a dot product with a sentence's vector says how well the two fit; an extractor
    without such a space has none, and its features need a trained model.
    """

    times_s: Float[np.ndarray, " t"]
    frames: Float[np.ndarray, "t d"]
    regions: Float[np.ndarray, "t r e"]
    boxes: Float[np.ndarray, "t r 4"]
    """x0, y0, x1, y1 as fractions of the picture."""
    frame_meanings: Float[np.ndarray, "t k"] | None = None
    region_meanings: Float[np.ndarray, "t r k"] | None = None
    region_mask: Bool[np.ndarray, "t r"] | None = None
    """True for a region that is there; each frame has one. None where all are there."""

    @classmethod
    def of_sights(
        cls,
        times_s: Float[np.ndarray, " t"],
        batches: Sequence[
            tuple[Float[np.ndarray, "_ s d"], Float[np.ndarray, "_ s k"]]
        ],
        boxes: Float[np.ndarray, "r 4"],
    ) -> "VideoFeatures":
        """From looks and meanings of sights: the whole frame first, then its regions.

        Every frame has the same boxes.
        """
        looks = np.concatenate([looks for looks, _ in batches])
        meanings = np.concatenate([meanings for _, meanings in batches])
        return cls(
            times_s=times_s,
            frames=looks[:, 0],
            regions=looks[:, 1:],
            frame_meanings=meanings[:, 0],
            region_meanings=meanings[:, 1:],
            boxes=np.tile(boxes, (len(looks), 1, 1)),
        )

    def part(self, start: int, end: int) -> "VideoFeatures":
        """The frames ``start`` up to ``end``, in float32."""
        return VideoFeatures(
            **{name: rows(each, start, end) for name, each in self.arrays().items()}
        )

    def centred(self) -> "VideoFeatures":
        """Frames less their mean."""
        frames = np.asarray(self.frames, np.float32)
        frames = frames - frames.mean(axis=0)
        return replace(self, frames=frames.astype(self.frames.dtype))

    def first(self, count: int) -> "VideoFeatures":
        """The first frames, as they are; all of them where there are no more."""
        if count >= len(self.times_s):
            return self
        return VideoFeatures(**{n: each[:count] for n, each in self.arrays().items()})

    def arrays(self) -> dict[str, Shaped[np.ndarray, "t ..."]]:
        """The arrays that are there, by name."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: array for name, array in named.items() if array is not None}


@dataclass(frozen=True, slots=True)
class QueryFeatures:
    """Vectors of a query: its words one by one, and its phrases.

    The first phrase is the whole sentence, the others are its noun phrases.
    """

    query: str
    words: tuple[str, ...]
    word_vectors: Float[np.ndarray, "w g"]
    """Zeros for a word that whoever made the vectors does not know."""
    noun_mask: Bool[np.ndarray, " w"]
    """True where the word says what to look at: a noun, or for want of nouns a verb,
    adjective, adverb or number, or else any word."""
    action: bool
    """Whether a verb says that something happens, rather than how things are."""
    phrases: tuple[str, ...]
    meanings: Float[np.ndarray, "p k"]
    """The phrases in the space of the sentences, of length one."""
    attainable: Float[np.ndarray, " p"]
    """The dot product with a phrase's meaning that the best pictures reach."""
    appearances: Float[np.ndarray, "p d"] | None
    """What the phrases look like, in the space of the regions, where that is known."""
    usual: Float[np.ndarray, "p v 2"] | None = None
    """Mean and standard deviation of a phrase's fit to a picture of each thing that the
    extractor knows, in each of the spaces; None where that is not known."""
    known: float = 1.0
    """Share of the words that say what to look for which mean something to whoever read
    them."""
    notes: tuple[str, ...] = ()
    """How a query that somebody searched with was understood, where that is not as it
    was typed; a line each."""

    @property
    def sentence(self) -> Float[np.ndarray, " k"]:
        return self.meanings[0]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words without a vector."""
        known: Bool[np.ndarray, " w"] = np.any(self.word_vectors, axis=1)
        return tuple(
            word
            for word, is_known in zip(self.words, known, strict=True)
            if not is_known
        )


@runtime_checkable
class Reader(Protocol):
    """Reads sentences. The same id and version always make the same features."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> str: ...

    def text(self, query: str) -> QueryFeatures:
        """Raises ``InputError`` for a query that cannot be read."""
        ...


@runtime_checkable
class Extractor(Protocol):
    """Makes features. The same id and version always make the same features."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def common_space(self) -> bool:
        """Whether its features have ``meanings``, so that no training is needed."""
        ...

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        """A video's features at 0, 1/rate, 2/rate … before its end, piece by piece.

        Raises ``InputError`` for a video that cannot be used.
        """
        ...

    def text(self, query: str) -> QueryFeatures:
        """Raises ``InputError`` for a query that the extractor cannot read."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """What needs something that is made once, and kept."""

    def prepare(self, steps: Steps | None = None) -> None:
        """Makes what is not there yet, which otherwise is done at the first use.

        Where nobody is told of the steps, they are logged.
        """
        ...


@runtime_checkable
class Looker(Protocol):
    """What looks at each frame by itself."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels, of the images that ``video`` wants."""
        ...

    def video(self, frames: Frames) -> VideoFeatures: ...


def frame_by_frame(
    looker: Looker, path: Path, *, rate_hz: float
) -> Iterator[VideoFeatures]:
    """How a video is watched by what looks at each frame by itself."""
    for frames in video.sample(path, rate_hz=rate_hz, size=looker.size):
        yield looker.video(frames)


@runtime_checkable
class Words(Protocol):
    """Makes the vectors of words. The same id always makes the same vectors."""

    @property
    def id(self) -> str: ...

    def vectors(self, words: Sequence[str]) -> Float[np.ndarray, "w g"]:
        """One row a word, zeros for those that are not known."""
        ...


def rows(
    array: Shaped[np.ndarray, "t ..."], start: int, end: int
) -> Shaped[np.ndarray, "_ ..."]:
    """Some rows in float32, or as True and False, to be read only.

    Those of a memory-mapped array are mapped by themselves and copied, so that reading
    all of it in turn does not keep all of it in memory.
    """
    kind = np.bool_ if array.dtype == np.bool_ else np.float32
    # A slice of a memory-mapped array claims its parent's place in the file.
    if isinstance(array, np.memmap) and isinstance(array.base, mmap):
        end = min(end, len(array))
        part = np.memmap(
            array.filename,
            array.dtype,
            mode="r",
            offset=array.offset + start * array.strides[0],
            shape=(end - start, *array.shape[1:]),
        )
        return np.array(part, kind)
    return np.asarray(array[start:end], kind)
