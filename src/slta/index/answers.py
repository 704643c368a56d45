"""What a library of videos says to a query."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slta.index.examples import Example
from slta.moments import Span, clock
from slta.search.answers import SHORT, TOLD, rounded


@dataclass(frozen=True, slots=True)
class Hit:
    """A moment of one of many videos."""

    paths: tuple[Path, ...]
    """The files with that content."""
    span: Span
    score: float
    """What hits are ordered by: the log odds of ``confidence`` before unknown words; of a
    trained model its confidence."""
    confidence: float
    """Probability that the moment shows what the query says, if half of all queries are
    shown by one of the videos searched: the more these are, the lower."""
    duration_s: float
    """Length of the video."""

    @property
    def path(self) -> Path:
        return self.paths[0]


@dataclass(frozen=True, slots=True)
class Hits:
    """The best moments of many videos, best first."""

    query: str
    moments: tuple[Hit, ...]
    videos: int
    """Videos that were searched."""
    clear_from: float
    """Confidence from which a match counts as clear."""
    notes: tuple[str, ...] = ()
    """How the query was understood, where that is not as it was given; a line each."""
    like: Example | None = None
    """What was looked for, if it is no sentence; ``query`` is its name."""

    @property
    def clear(self) -> tuple[Hit, ...]:
        """The moments that match clearly."""
        return tuple(hit for hit in self.moments if hit.confidence >= self.clear_from)

    @property
    def is_clear(self) -> bool:
        return bool(self.clear)

    @property
    def confidence(self) -> float:
        """That of the surest moment; 0 without one."""
        return max((hit.confidence for hit in self.moments), default=0.0)

    def __repr__(self) -> str:
        moments = [
            f"{hit.path.name} {clock(hit.span.start)}-{clock(hit.span.end)} "
            f"({self.shown_confidence(hit, 2):.2f})"
            for hit in self.moments
        ]
        more = [f"{len(moments) - TOLD} more"] if len(moments) > TOLD else []
        clear = "clear match" if self.is_clear else "no clear match"
        return (
            f"Hits for {SHORT.repr(self.query)} in {self.videos} videos:\n"
            f"{clear}, confidence {rounded(self.confidence, 2, self.clear_from):.2f};\n"
            f"moments with confidences: {', '.join(moments[:TOLD] + more) or 'none'}"
        )

    def shown_confidence(self, hit: Hit, digits: int) -> float:
        """A confidence as it is printed, on its own side of ``clear_from``."""
        return rounded(hit.confidence, digits, self.clear_from)

    def to_json(self) -> dict[str, Any]:
        """What ``slta search FOLDER --json`` prints, as in docs/search-json.md."""
        like = {} if self.like is None else {"like": self.like.to_json()}
        return {
            "query": self.query,
            **like,
            "videos": self.videos,
            "clear_match": self.is_clear,
            "confidence": rounded(self.confidence, 3, self.clear_from),
            "moments": [
                {
                    "path": str(hit.path),
                    "start_s": round(hit.span.start, 3),
                    "end_s": round(hit.span.end, 3),
                    "score": round(hit.score, 3),
                    "confidence": self.shown_confidence(hit, 3),
                    "duration_s": round(hit.duration_s, 3),
                    "copies": [str(path) for path in hit.paths[1:]],
                }
                for hit in self.moments
            ],
            "notes": list(self.notes),
        }
