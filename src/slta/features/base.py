"""Features of videos and of queries, and what makes them.

Shapes: t frames, r regions, w words, p phrases; vectors: d of a frame, e of a region, k of
a sentence, g of a word.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from mmap import mmap
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Shaped

from slta import video
from slta.features.ahead import ahead
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
"""Called with the name of a step and the share of all steps done before it."""


@dataclass(frozen=True, slots=True)
class VideoFeatures:
    """Vectors of the sampled frames and of the regions in them.

    ``frames`` and ``regions`` are visual features in the extractor's own spaces. The
    ``meanings`` are embeddings in the space of the sentences, to compare by dot product;
    features without them need a trained model.
    """

    times_s: Float[np.ndarray, " t"]
    frames: Float[np.ndarray, "t d"]
    regions: Float[np.ndarray, "t r e"]
    boxes: Float[np.ndarray, "t r 4"]
    """x0, y0, x1, y1 as fractions of the frame."""
    frame_meanings: Float[np.ndarray, "t k"] | None = None
    region_meanings: Float[np.ndarray, "t r k"] | None = None
    region_mask: Bool[np.ndarray, "t r"] | None = None
    """True for real regions, at least one a frame; None if all are."""

    @classmethod
    def of_sights(
        cls,
        times_s: Float[np.ndarray, " t"],
        batches: Sequence[
            tuple[Float[np.ndarray, "_ s d"], Float[np.ndarray, "_ s k"]]
        ],
        boxes: Float[np.ndarray, "r 4"],
    ) -> "VideoFeatures":
        """From batches of (features, embeddings), each with s views of a frame: the whole
        frame first, then its regions. ``boxes`` are the same in every frame."""
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
        """Frames ``start`` up to ``end``, in float32."""
        return VideoFeatures(
            **{name: rows(array, start, end) for name, array in self.arrays().items()}
        )

    def centred(self) -> "VideoFeatures":
        """The same with the video's mean subtracted from its frames."""
        frames = np.asarray(self.frames, np.float32)
        frames = frames - frames.mean(axis=0)
        return replace(self, frames=frames.astype(self.frames.dtype))

    def first(self, count: int) -> "VideoFeatures":
        """The first ``count`` frames, or all if there are fewer."""
        if count >= len(self.times_s):
            return self
        return VideoFeatures(**{n: array[:count] for n, array in self.arrays().items()})

    def arrays(self) -> dict[str, Shaped[np.ndarray, "t ..."]]:
        """The arrays that are not None, by name."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: array for name, array in named.items() if array is not None}


@dataclass(frozen=True, slots=True)
class QueryFeatures:
    """Vectors of a query's words and phrases.

    The first phrase is the whole sentence, the others are its noun phrases.
    """

    query: str
    words: tuple[str, ...]
    word_vectors: Float[np.ndarray, "w g"]
    """Zeros for out-of-vocabulary words."""
    noun_mask: Bool[np.ndarray, " w"]
    """True for nouns; in a sentence without nouns for verbs, adjectives, adverbs and
    numbers, or else for all words."""
    action: bool
    """Whether the sentence has a verb of action, rather than of state."""
    phrases: tuple[str, ...]
    meanings: Float[np.ndarray, "p k"]
    """Phrase embeddings of unit length, in the space of the videos' ``meanings``."""
    attainable: Float[np.ndarray, " p"]
    """Dot product with a phrase's embedding that the best pictures reach."""
    appearances: Float[np.ndarray, "p d"] | None
    """The phrases in the space of ``regions``, if the extractor has such a mapping."""
    usual: Float[np.ndarray, "p v 2"] | None = None
    """Mean and standard deviation of a phrase's similarity to the extractor's classes, in
    each of the v spaces; None without classes."""
    known: float = 1.0
    """Share of the content words that are English."""
    notes: tuple[str, ...] = ()
    """Corrections and unknown words of a typed query, a line each."""

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
    """Makes features of sentences; they depend only on the id and the version."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> str: ...

    def text(self, query: str) -> QueryFeatures:
        """Raises ``InputError`` for an unreadable query."""
        ...


@runtime_checkable
class Extractor(Protocol):
    """Makes features of videos and queries; they depend only on the id and the version."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def common_space(self) -> bool:
        """Whether its features have ``meanings``, as zero-shot search needs."""
        ...

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        """A video's features at 0, 1/rate, 2/rate … seconds, in consecutive pieces.

        Raises ``InputError`` for a video that cannot be used.
        """
        ...

    def text(self, query: str) -> QueryFeatures:
        """Raises ``InputError`` for an unreadable query."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """Something with files to prepare once, before its first use."""

    def prepare(self, steps: Steps | None = None) -> None:
        """Makes the files that are missing; without ``steps``, logs its progress."""
        ...


@runtime_checkable
class Pinned(Protocol):
    """An extractor with weights that may change under their name, as on the hub."""

    @property
    def pinned_name(self) -> str:
        """Its name with the commit of the weights."""
        ...


@runtime_checkable
class Opened(Protocol):
    """A reader of sentences with files that can be read beforehand."""

    def open(self) -> None:
        """For a thread beside the one that understands the first sentence."""
        ...


@runtime_checkable
class Looker(Protocol):
    """An extractor of single frames."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the input frames, in pixels."""
        ...

    def video(self, frames: Frames) -> VideoFeatures: ...


def frame_by_frame(
    looker: Looker, path: Path, *, rate_hz: float
) -> Iterator[VideoFeatures]:
    """The ``watch`` of an extractor of single frames, which are decoded ahead."""
    for frames in ahead(video.sample(path, rate_hz=rate_hz, size=looker.size), most=1):
        yield looker.video(frames)


@runtime_checkable
class Words(Protocol):
    """Word vectors; they depend only on the id."""

    @property
    def id(self) -> str: ...

    def vectors(self, words: Sequence[str]) -> Float[np.ndarray, "w g"]:
        """One row a word, zeros for out-of-vocabulary words."""
        ...


def rows(
    array: Shaped[np.ndarray, "t ..."], start: int, end: int
) -> Shaped[np.ndarray, "_ ..."]:
    """Rows ``start`` up to ``end`` in float32 or bool, read-only.

    Rows of a memory-mapped array are mapped separately and copied, so that reading a long
    array part by part does not keep all of it in memory.
    """
    kind = np.bool_ if array.dtype == np.bool_ else np.float32
    # A slice of a memory-mapped array has its parent's offset, which would be wrong.
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
