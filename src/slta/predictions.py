"""What a model answered, on disk: one JSON object a query, before any protocol.

    {"query_id": "a_3", "video_id": "a", "query": "a man sits", "duration_s": 30.0,
     "truth": [[1.5, 4.0]], "spans": [[1.0, 4.2], …], "scores": [3.1, …]}

``spans`` are the candidates, moved by their offsets and nothing else, in the order of
the candidates: protocols differ in how they cut, suppress and sort them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta import ranking
from slta.errors import InputError
from slta.folders import write_whole
from slta.moments import Moment, Query
from slta.spans import as_array


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    query_id: str
    video_id: str
    query: str
    duration_s: float
    truth: Float[np.ndarray, "m 2"]
    spans: Float[np.ndarray, "n 2"]
    scores: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls,
        query: Query,
        duration_s: float,
        spans: Float[np.ndarray, "n 2"],
        scores: Float[np.ndarray, " n"],
    ) -> "Prediction":
        return cls(
            query.query_id,
            query.video_id,
            query.query,
            duration_s,
            as_array(query.truth or ()),
            np.asarray(spans, np.float64),
            np.asarray(scores, np.float64),
        )

    def moments(self, *, top: int | None = None) -> list[Moment]:
        """The ranked answers, as search gives them."""
        return ranking.rank(
            self.video_id, self.spans, self.scores, duration_s=self.duration_s, top=top
        )

    def ranked(self) -> "Prediction":
        """The moments in place of the candidates: what the protocol ``plain`` is given."""
        moments = self.moments()
        return Prediction(
            self.query_id,
            self.video_id,
            self.query,
            self.duration_s,
            self.truth,
            as_array([moment.span for moment in moments]),
            np.array([moment.score for moment in moments]),
        )


def write(path: Path, predictions: Iterable[Prediction]) -> None:
    """Times are kept to a tenth of a millisecond."""
    lines = [
        json.dumps(
            {
                "query_id": each.query_id,
                "video_id": each.video_id,
                "query": each.query,
                "duration_s": each.duration_s,
                "truth": each.truth.tolist(),
                "spans": each.spans.round(4).tolist(),
                "scores": each.scores.tolist(),
            }
        )
        for each in predictions
    ]
    write_whole(path, "\n".join(lines) + "\n")


def read(path: Path) -> Sequence[Prediction]:
    """Raises ``InputError`` with the file, the line and what is wrong."""
    if not path.is_file():
        raise InputError(f"there are no predictions {path}; make them, or name others")
    found = []
    # Of text, splitlines would cut a sentence at letters that separate lines, too.
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
            spans, scores = _spans(row["spans"]), np.array(row["scores"], np.float64)
            if scores.shape != (len(spans),):
                raise ValueError(f"{len(spans)} spans, scores of {scores.shape}")
            found.append(
                Prediction(
                    str(row["query_id"]),
                    str(row["video_id"]),
                    str(row["query"]),
                    float(row["duration_s"]),
                    _spans(row["truth"]),
                    spans,
                    scores,
                )
            )
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}:{number} is no prediction ({error!r}); make the file again"
            ) from error
    if not found:
        raise InputError(f"{path} has no predictions; make the file again")
    return found


def _spans(rows: Any) -> Float[np.ndarray, "n 2"]:
    found = np.array(rows, np.float64)
    if found.shape != (len(rows), 2) and len(rows):
        raise ValueError(f"spans of {found.shape}")
    return found.reshape(-1, 2)
