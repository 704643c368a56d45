"""Answers to queries, and the protocol of what gives them."""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from reprlib import Repr
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.provider import Provider
from slta.features.store import Record
from slta.moments import Moment, VideoInfo, clock

IN_MEMORY: Final = 20_000_000
"""Maximum size of a video's regions, in numbers, to keep its features in memory."""
TOLD: Final = 3
"""Moments in the repr of an answer, at most."""
SHORT: Final = Repr()
SHORT.maxstring = 50


def rounded(value: float, digits: int, line: float) -> float:
    """The nearest number of so many digits that is on the same side of the line.

    >>> rounded(0.649, 2, 0.65), rounded(0.649, 2, 0.5), rounded(0.5, 2, 0.5)
    (0.64, 0.65, 0.5)
    """
    nearest = round(value, digits)
    step = 10.0**-digits
    if nearest >= line > value:
        return round(nearest - step, digits)
    if nearest < line <= value:
        return round(nearest + step, digits)
    return nearest


@dataclass(frozen=True, slots=True)
class Terms:
    """What the numbers of an answer are called where they are shown."""

    part: str
    """What the query was taken apart into."""
    relevance: str
    """What the relevance of a frame is measured in."""
    line: str
    """What the line across the relevance separates."""
    scores_are_confidences: bool = False
    """Whether the score of a moment says of it what the confidence says of the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a video says to a query: ``moments``, best first, and how sure that is.

    ``is_clear`` tells whether the ``confidence``, from 0 to 1, is enough to say that the
    video shows what the query describes. If not, the moments are only the likeliest.
    """

    query: str
    video: VideoInfo
    confidence: float
    """How surely the video shows what the query says, in [0, 1]."""
    clear_from: float
    """Confidence from which a match counts as clear."""
    moments: tuple[Moment, ...]
    """Best first; at least one. Scores are in [0, 1]."""
    parts: tuple[str, ...]
    """What of the query was looked for."""
    part_weights: Float[np.ndarray, " p"]
    """Sum to 1."""
    times_s: Float[np.ndarray, " t"]
    relevance: Float[np.ndarray, " t"]
    """How well the query fits each frame."""
    line: float
    """A relevance to compare the frames' with."""
    boxes: Float[np.ndarray, "t r 4"]
    region_weights: Float[np.ndarray, "t r"]
    """Over the regions of a frame they sum to 1."""
    terms: Terms
    notes: tuple[str, ...] = ()
    """How the query was understood, where that is not as it was given; a line each."""

    @property
    def is_clear(self) -> bool:
        """Whether the confidence reaches ``clear_from``."""
        return self.confidence >= self.clear_from

    def __repr__(self) -> str:
        """What was asked, whether it is there, and when: a line each."""
        clear = "clear match" if self.is_clear else "no clear match"
        moments = [
            f"{clock(moment.span.start)}-{clock(moment.span.end)} ({score:.2f})"
            for moment, score in zip(self.moments, self.shown_scores(2), strict=True)
        ]
        more = [f"{len(moments) - TOLD} more"] if len(moments) > TOLD else []
        return (
            f"Answer to {SHORT.repr(self.query)} in {SHORT.repr(self.video.video_id)}:\n"
            f"{clear}, confidence {self.shown_confidence(2):.2f};\n"
            f"moments with scores: {', '.join(moments[:TOLD] + more)}"
        )

    def _repr_html_(self) -> str:
        """In a notebook."""
        from slta.search.notebook import html

        return html(self)

    def shown_confidence(self, digits: int) -> float:
        """The confidence as it is printed, on its own side of ``clear_from``."""
        return rounded(self.confidence, digits, self.clear_from)

    def shown_scores(self, digits: int) -> list[float]:
        """The scores of the moments as they are printed."""
        line = self.clear_from if self.terms.scores_are_confidences else -inf
        return [rounded(moment.score, digits, line) for moment in self.moments]

    def to_json(self) -> dict[str, Any]:
        """What ``slta search --json`` prints but the path, as in docs/search-json.md."""
        return {
            "query": self.query,
            "video_id": self.video.video_id,
            "duration_s": round(self.video.duration_s, 3),
            "clear_match": self.is_clear,
            "confidence": self.shown_confidence(3),
            "moments": [
                {
                    "start_s": round(moment.span.start, 3),
                    "end_s": round(moment.span.end, 3),
                    "score": score,
                }
                for moment, score in zip(
                    self.moments, self.shown_scores(3), strict=True
                )
            ],
            "phrases": [
                {"phrase": part, "weight": round(float(weight), 3)}
                for part, weight in zip(self.parts, self.part_weights, strict=True)
            ],
            "notes": list(self.notes),
        }


PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True, slots=True)
class Indexed(Generic[PreparedT]):
    """A video whose features are in the store."""

    info: VideoInfo
    features: VideoFeatures
    prepared: PreparedT
    """What the retriever computed from the video, independent of queries."""
    folder: Path
    """Folder of the features."""


@runtime_checkable
class Retriever(Protocol[PreparedT]):
    @property
    def library(self) -> Provider:
        """The provider of features."""
        ...

    def prepare(self, record: Record, features: VideoFeatures) -> PreparedT:
        """Computes what does not depend on the query."""
        ...

    def answer(
        self, indexed: Indexed[PreparedT], query: QueryFeatures, *, top: int
    ) -> Answer:
        """Raises ``InputError`` for features that are not finite."""
        ...


def not_finite(folder: Path) -> InputError:
    return InputError(
        f"the features in {folder} have values that are not finite; "
        f"remove the folder {folder} to have them extracted again"
    )
