"""What a video says to a query, whoever was asked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.moments import Moment, VideoInfo


@dataclass(frozen=True, slots=True)
class Terms:
    """What the numbers of an answer are called where they are shown."""

    part: str
    """What the query was taken apart into."""
    relevance: str
    """What the relevance of a frame is measured in."""
    line: str
    """What the line across the relevance separates."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
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
        return self.confidence >= self.clear_from

    def to_json(self) -> dict[str, Any]:
        """As in docs/search-json.md."""
        return {
            "query": self.query,
            "video_id": self.video.video_id,
            "duration_s": round(self.video.duration_s, 3),
            "clear_match": self.is_clear,
            "confidence": round(self.confidence, 3),
            "moments": [
                {
                    "start_s": round(moment.span.start, 3),
                    "end_s": round(moment.span.end, 3),
                    "score": round(moment.score, 3),
                }
                for moment in self.moments
            ],
            "phrases": [
                {"phrase": part, "weight": round(float(weight), 3)}
                for part, weight in zip(self.parts, self.part_weights, strict=True)
            ],
            "notes": list(self.notes),
        }
