"""A model's predictions on disk: one JSON object a query, before any protocol.

    {"query_id": "a_3", "video_id": "a", "query": "a man sits", "duration_s": 30.0,
     "truth": [[1.5, 4.0]], "spans": [[1.0, 4.2], …], "scores": [3.1, …]}

``spans`` are all candidates in their order, moved by offsets and votes but neither clipped,
suppressed nor sorted, in which protocols differ. ``truth`` is empty if the query has no moment, and null if that is
not known. Optional fields:

- ``"final": true``: ``spans`` are final answers, best first
- ``saliency``: a score for each 2-second clip of the video
- ``true_saliency``: annotators' saliency of each clip, 0 to 4
- ``existence``: how surely the video shows what the query says, in [0, 1]
- ``chunks``: DiDeMo, first and last 5-second chunk chosen by each annotator
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Int

from slta.errors import InputError
from slta.fields import (
    FieldError,
    check_spans,
    identity,
    number,
    positive,
    required,
    shown,
    text,
    why,
)
from slta.files import write_whole
from slta.moments import Moment, Query, ranking
from slta.moments.spans import as_array

T = TypeVar("T")
NMS_IOU = 0.5
"""IoU of the non-maximum suppression in search."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    query_id: str
    video_id: str
    query: str
    duration_s: float | None
    """Length of the video; always there if the spans are candidates."""
    truth: Float[np.ndarray, "m 2"]
    """Several for several moments, or several annotators."""
    spans: Float[np.ndarray, "n 2"]
    scores: Float[np.ndarray, " n"]
    final: bool = False
    """Whether the spans are final answers, best first, rather than candidates."""
    saliency: Float[np.ndarray, " c"] | None = None
    """Predicted saliency of each 2-second clip."""
    true_saliency: Float[np.ndarray, "v a"] | None = None
    """Annotators' saliency of each clip, 0 to 4."""
    chunks: Int[np.ndarray, "d 2"] | None = None
    """DiDeMo: first and last 5-second chunk chosen by each annotator."""
    existence: float | None = None
    """How surely the video shows what the query says."""
    annotated: bool = True
    """Whether the ground truth is known."""

    @classmethod
    def of(
        cls,
        query: Query,
        duration_s: float,
        spans: Float[np.ndarray, "n 2"],
        scores: Float[np.ndarray, " n"],
        **optional: Any,
    ) -> "Prediction":
        """A prediction for a query; ``optional`` are fields that only some data sets have."""
        return cls(
            query.query_id,
            query.video_id,
            query.query,
            duration_s,
            as_array(query.truth or ()),
            np.asarray(spans, np.float64),
            np.asarray(scores, np.float64),
            annotated=query.truth is not None,
            **optional,
        )

    def moments(
        self, *, top: int | None = None, nms_iou: float | None = NMS_IOU
    ) -> list[Moment]:
        """The candidates as ranked moments, as in search."""
        if self.duration_s is None:
            raise ValueError(f"the length of the video {self.video_id!r} is not known")
        return ranking.rank(
            self.video_id,
            self.spans,
            self.scores,
            duration_s=self.duration_s,
            nms_iou=nms_iou,
            top=top,
        )

    def ranked(self, *, nms_iou: float | None = NMS_IOU) -> "Prediction":
        """The prediction with ranked answers instead of candidates; final answers are
        unchanged."""
        if self.final:
            return self
        moments = self.moments(nms_iou=nms_iou)
        return replace(
            self,
            spans=as_array([moment.span for moment in moments]),
            scores=np.array([moment.score for moment in moments], np.float64),
            final=True,
        )

    @property
    def preference(self) -> Float[np.ndarray, " n"]:
        """Sort key of the spans: scores, or for final answers their order."""
        falling: Float[np.ndarray, " n"] = -np.arange(len(self.spans), dtype=np.float64)
        return falling if self.final else self.scores


def write(path: Path, predictions: Iterable[Prediction]) -> None:
    write_whole(path, "\n".join(map(_line, predictions)) + "\n")


def _line(each: Prediction) -> str:
    row = {
        "query_id": each.query_id,
        "video_id": each.video_id,
        "query": each.query,
        "duration_s": each.duration_s,
        "truth": each.truth.tolist() if each.annotated else None,
        "spans": each.spans.tolist(),
        "scores": each.scores.tolist(),
    }
    if each.final:
        row["final"] = True
    for name in ("saliency", "true_saliency", "chunks"):
        if (values := getattr(each, name)) is not None:
            row[name] = values.tolist()
    if each.existence is not None:
        row["existence"] = each.existence
    return json.dumps(row)


def read(path: Path) -> Sequence[Prediction]:
    """Predictions of a file. Raises ``InputError`` with file, line and problem."""
    if not path.is_file():
        raise InputError(
            f"there is no file of predictions {path}; make it with 'slta evaluate'"
        )
    predictions = []
    # Bytes, because str.splitlines also splits at Unicode line separators.
    for place, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            predictions.append(parsed(json.loads(line)))
        except UnicodeDecodeError as error:
            raise _invalid(path, place, "it is not UTF-8 text") from error
        except json.JSONDecodeError as error:
            raise _invalid(path, place, why(error)) from error
        except FieldError as error:
            raise _invalid(path, place, f"it {error.what}") from error
    if not predictions:
        raise InputError(f"{path} has no predictions; make the file again")
    return predictions


def _invalid(path: Path, place: int, problem: str) -> InputError:
    return InputError(
        f"{path}:{place} is not a prediction ({problem}); make the file again"
    )


def parsed(row: Any) -> Prediction:
    """The prediction of a JSON object. Raises ``FieldError`` for invalid fields."""
    spans = as_spans(required(row, "spans"), "spans")
    scores = as_numbers(required(row, "scores"), "scores")
    if len(scores) != len(spans):
        what = f"has {len(spans)} spans and {len(scores)} scores"
        raise FieldError(what, "give each span one")
    final = row.get("final", False)
    if not isinstance(final, bool):
        what = f"gives final as {shown(final)}, which is neither true nor false"
        raise FieldError(what, "correct it")
    annotated = row.get("truth", ()) is not None
    may_lack = final and row.get("duration_s") is None
    return Prediction(
        identity(row, "query_id"),
        identity(row, "video_id"),
        text(row, "query"),
        None if may_lack else positive(row, "duration_s"),
        as_truth(required(row, "truth") if annotated else [], "truth"),
        spans,
        scores,
        final,
        _optional(row, "saliency", as_numbers),
        _optional(row, "true_saliency", as_table),
        _optional(row, "chunks", as_chunks),
        as_existence(row, "existence"),
        annotated,
    )


def as_spans(rows: Any, name: str) -> Float[np.ndarray, "n 2"]:
    """An array of spans. Raises ``FieldError`` for other values, as do the next functions."""
    return as_rows(rows, name, ("start", "end"))


def as_truth(
    rows: Any, name: str, duration_s: float | None = None
) -> Float[np.ndarray, "m 2"]:
    """An array of valid spans, within the video if its length is known."""
    spans = as_spans(rows, name)
    check_spans(name, spans.tolist(), duration_s)
    return spans


def as_numbers(row: Any, name: str) -> Float[np.ndarray, " c"]:
    array = _numbers(row)
    if array is None or array.ndim != 1:
        raise FieldError(
            f"gives {name} as {shown(row)}, which is not a list of numbers",
            "correct it",
        )
    return array


def as_table(rows: Any, name: str) -> Float[np.ndarray, "c a"]:
    """A table of finite numbers with a row for each clip."""
    array = _numbers(rows)
    if array is not None and array.shape == (0,):
        return np.zeros((0, 1))
    if array is None or array.ndim != 2:
        raise FieldError(
            f"gives {name} as {shown(rows)}, which is not a table", "correct it"
        )
    if not np.isfinite(array).all():
        what = f"gives {name} as {shown(rows)}, where not all numbers are finite"
        raise FieldError(what, "correct it")
    return array


def as_existence(row: Mapping[str, Any], name: str) -> float | None:
    return None if row.get(name) is None else number(row, name)


def as_chunks(rows: Any, name: str) -> Int[np.ndarray, "a 2"]:
    array = as_rows(rows, name, ("first", "last"))
    if (array % 1).any() or (array[:, 0] > array[:, 1]).any() or (array < 0).any():
        what = f"gives {name} as {shown(rows)}, which are not first and last chunks"
        raise FieldError(what, "number them from 0")
    return array.astype(np.int64)


def as_rows(rows: Any, name: str, columns: tuple[str, ...]) -> Float[np.ndarray, "n _"]:
    array = _numbers(rows)
    if array is not None and array.shape == (0,):
        return array.reshape(0, len(columns))
    if array is None or array.ndim != 2 or array.shape[1] != len(columns):
        what = f"gives {name} as {shown(rows)}, which are not numbers "
        raise FieldError(f"{what}{', '.join(columns)}", "write them in [] for each")
    return array


def _numbers(value: Any) -> Float[np.ndarray, "..."] | None:
    """The value as an array of numbers; None if it is not one."""
    try:
        array = np.array(value)
    except ValueError:
        return None
    if array.size and array.dtype.kind not in "iuf":
        return None
    return array.astype(np.float64)


def _optional(
    row: dict[str, Any], name: str, form: Callable[[Any, str], T]
) -> T | None:
    return None if row.get(name) is None else form(row[name], name)
