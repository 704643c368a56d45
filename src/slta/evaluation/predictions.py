"""What a model answered, on disk: one JSON object a query, before any protocol.

    {"query_id": "a_3", "video_id": "a", "query": "a man sits", "duration_s": 30.0,
     "truth": [[1.5, 4.0]], "spans": [[1.0, 4.2], …], "scores": [3.1, …]}

``spans`` are the candidates, moved by their offsets and votes and nothing else, in the
order of the candidates: protocols differ in how they cut, suppress and sort them. Fields that may
be there, too:

- ``"final": true``: ``spans`` are answers, best first, with nothing to cut or suppress
- ``saliency``: a score for each clip of 2 s of the video
- ``true_saliency``: for each such clip, what each annotator gave it, 0 to 4
- ``chunks``: of DiDeMo, the first and the last chunk of 5 s that each annotator chose
"""

import json
from collections.abc import Callable, Iterable, Sequence
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
"""Of the suppression in search."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    query_id: str
    video_id: str
    query: str
    duration_s: float | None
    """Length of the video; only known to be there where the spans are candidates."""
    truth: Float[np.ndarray, "m 2"]
    """Several where several stretches are meant, or several annotators were asked."""
    spans: Float[np.ndarray, "n 2"]
    scores: Float[np.ndarray, " n"]
    final: bool = False
    """Whether the spans are answers, best first, and not candidates any more."""
    saliency: Float[np.ndarray, " c"] | None = None
    """How much each clip of 2 s stands out."""
    true_saliency: Float[np.ndarray, "v a"] | None = None
    """What each annotator gave each clip of the video, 0 to 4."""
    chunks: Int[np.ndarray, "d 2"] | None = None
    """Of DiDeMo: the first and the last chunk of 5 s that each annotator chose."""

    @classmethod
    def of(
        cls,
        query: Query,
        duration_s: float,
        spans: Float[np.ndarray, "n 2"],
        scores: Float[np.ndarray, " n"],
        **known: Any,
    ) -> "Prediction":
        """``known`` are fields that only some data sets have."""
        return cls(
            query.query_id,
            query.video_id,
            query.query,
            duration_s,
            as_array(query.truth or ()),
            np.asarray(spans, np.float64),
            np.asarray(scores, np.float64),
            **known,
        )

    def moments(
        self, *, top: int | None = None, nms_iou: float | None = NMS_IOU
    ) -> list[Moment]:
        """The ranked answers, as search gives them, of candidates."""
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
        """Answers in place of the candidates, best first: those of a search, suppressed
        at ``nms_iou``. Answers stay as they are."""
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
        """What the spans are to be sorted by: answers are sorted already."""
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
        "truth": each.truth.tolist(),
        "spans": each.spans.tolist(),
        "scores": each.scores.tolist(),
    }
    if each.final:
        row["final"] = True
    for name in ("saliency", "true_saliency", "chunks"):
        if (values := getattr(each, name)) is not None:
            row[name] = values.tolist()
    return json.dumps(row)


def read(path: Path) -> Sequence[Prediction]:
    """Raises ``InputError`` with the file, the line and what is wrong."""
    if not path.is_file():
        raise InputError(f"there are no predictions {path}; make them, or name others")
    found = []
    # Of text, splitlines would cut a sentence at letters that separate lines, too.
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            found.append(parsed(json.loads(line)))
        except UnicodeDecodeError as error:
            raise _none(path, number, "it is not UTF-8 text") from error
        except json.JSONDecodeError as error:
            raise _none(path, number, why(error)) from error
        except FieldError as error:
            raise _none(path, number, f"it {error.what}") from error
    if not found:
        raise InputError(f"{path} has no predictions; make the file again")
    return found


def _none(path: Path, number: int, problem: str) -> InputError:
    return InputError(
        f"{path}:{number} is not a prediction ({problem}); make the file again"
    )


def parsed(row: Any) -> Prediction:
    """Of what a line holds. Raises ``FieldError`` for what cannot be read."""
    spans = as_spans(required(row, "spans"), "spans")
    scores = as_numbers(required(row, "scores"), "scores")
    if len(scores) != len(spans):
        what = f"has {len(spans)} spans and {len(scores)} scores"
        raise FieldError(what, "give each span one")
    final = row.get("final", False)
    if not isinstance(final, bool):
        what = f"gives final as {shown(final)}, which is neither true nor false"
        raise FieldError(what, "correct it")
    may_lack = final and row.get("duration_s") is None
    return Prediction(
        identity(row, "query_id"),
        identity(row, "video_id"),
        text(row, "query"),
        None if may_lack else positive(row, "duration_s"),
        as_truth(required(row, "truth"), "truth"),
        spans,
        scores,
        final,
        _optional(row, "saliency", as_numbers),
        _optional(row, "true_saliency", as_table),
        _optional(row, "chunks", as_chunks),
    )


def as_spans(rows: Any, name: str) -> Float[np.ndarray, "n 2"]:
    """Like what follows, raises ``FieldError`` for what has another form."""
    return as_rows(rows, name, ("start", "end"))


def as_truth(
    rows: Any, name: str, duration_s: float | None = None
) -> Float[np.ndarray, "m 2"]:
    """Only spans that can be; of a video that lasts so long, if it is known."""
    found = as_spans(rows, name)
    check_spans(name, found.tolist(), duration_s)
    return found


def as_numbers(row: Any, name: str) -> Float[np.ndarray, " c"]:
    found = _numbers(row)
    if found is None or found.ndim != 1:
        raise FieldError(
            f"gives {name} as {shown(row)}, which is not a list of numbers",
            "correct it",
        )
    return found


def as_table(rows: Any, name: str) -> Float[np.ndarray, "c a"]:
    """A row of finite numbers for each clip, all as long."""
    found = _numbers(rows)
    if found is not None and found.shape == (0,):
        return np.zeros((0, 1))
    if found is None or found.ndim != 2:
        raise FieldError(
            f"gives {name} as {shown(rows)}, which is not a table", "correct it"
        )
    if not np.isfinite(found).all():
        what = f"gives {name} as {shown(rows)}, where not all numbers are finite"
        raise FieldError(what, "correct it")
    return found


def as_chunks(rows: Any, name: str) -> Int[np.ndarray, "a 2"]:
    found = as_rows(rows, name, ("first", "last"))
    if (found % 1).any() or (found[:, 0] > found[:, 1]).any() or (found < 0).any():
        what = f"gives {name} as {shown(rows)}, which are not first and last chunks"
        raise FieldError(what, "number them from 0")
    return found.astype(np.int64)


def as_rows(rows: Any, name: str, columns: tuple[str, ...]) -> Float[np.ndarray, "n _"]:
    found = _numbers(rows)
    if found is not None and found.shape == (0,):
        return found.reshape(0, len(columns))
    if found is None or found.ndim != 2 or found.shape[1] != len(columns):
        what = f"gives {name} as {shown(rows)}, which are not numbers "
        raise FieldError(f"{what}{', '.join(columns)}", "write them in [] for each")
    return found


def _numbers(value: Any) -> Float[np.ndarray, "..."] | None:
    """None for anything else, a number beyond all bounds included."""
    try:
        found = np.array(value)
    except ValueError:
        return None
    if found.size and found.dtype.kind not in "iuf":
        return None
    return found.astype(np.float64)


def _optional(
    row: dict[str, Any], name: str, form: Callable[[Any, str], T]
) -> T | None:
    return None if row.get(name) is None else form(row[name], name)
