"""Types of predictions and ground truth from files, and their formats."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, Int

from slta.errors import InputError
from slta.evaluation.predictions import Prediction
from slta.fields import FieldError, parsed, shown, why

T = TypeVar("T")
GZIP = b"\x1f\x8b"


class Answered(NamedTuple):
    where: str
    """File and line, or an entry's name."""
    prediction: Prediction
    """With an empty video id, if the file has none."""
    has_truth: bool


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Ground truth of a query."""

    where: str
    """File and line, or an entry's name."""
    query_id: str
    video_id: str
    query: str
    spans: Float[np.ndarray, "m 2"]
    duration_s: float | None = None
    saliency: Float[np.ndarray, "c a"] | None = None
    """Annotators' saliency of each 2-second clip, 0 to 4."""
    chunks: Int[np.ndarray, "d 2"] | None = None
    """DiDeMo: first and last 5-second chunk chosen by each annotator."""
    annotated: bool = True
    """Whether the spans are known; if so, a query without any has no moment."""


@dataclass(frozen=True, slots=True)
class Content:
    path: Path
    text: str
    first: Any
    """The first JSON value: the whole file, or its first line."""
    packed: bool = False
    """Whether the file is compressed with gzip."""

    @classmethod
    def open(cls, path: Path) -> "Content":
        """Reads a JSON file, possibly gzipped. Raises ``InputError`` for other content."""
        try:
            raw = path.read_bytes()
            text = (gzip.decompress(raw) if raw[:2] == GZIP else raw).decode(
                "utf-8-sig"
            )
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 text; give a JSON file") from error
        except (OSError, EOFError, zlib.error) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(f"{path} cannot be read ({why}); copy it again") from error
        if not text.strip():
            raise InputError(f"{path} is empty; make it again")
        try:
            first, _ = json.JSONDecoder().raw_decode(text.lstrip())
        except json.JSONDecodeError as error:
            before = text[: len(text) - len(text.lstrip())].count("\n")
            raise InputError(
                f"{path}:{error.lineno + before} is not JSON ({error.msg}); "
                "give a file of JSON lines, or of one JSON object"
            ) from error
        except (RecursionError, ValueError) as error:
            raise InputError(
                f"{path} is nested too deeply, or has too long numbers ({error}); make it "
                "again"
            ) from error
        return cls(path, text, first, raw[:2] == GZIP)

    def lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Place and object of each line; blank lines are skipped."""
        for number, line in enumerate(self.text.split("\n"), start=1):
            if line.strip():
                where = f"{self.path}:{number}"
                with reading(where):
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise FieldError(
                            f"holds {shown(row)}, not an object", "correct it"
                        )
                yield where, row

    def whole(self) -> dict[str, Any]:
        """The whole file as one object."""
        try:
            content, repeated = parsed(self.text)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{self.path}:{error.lineno} goes on after its end ({error.msg}); "
                "give a file of one JSON object"
            ) from error
        if repeated:
            raise InputError(
                f"{self.path} has the key {repeated[0]!r} twice in one object; keep one "
                "of the two"
            )
        entries: dict[str, Any] = content
        return entries


@dataclass(frozen=True, slots=True)
class Format(Generic[T]):
    fields: str
    """Fields by which it is recognised, for errors."""
    knows: Callable[[Any], bool]
    """Whether a file is of this format, by its first JSON value."""
    read: Callable[[Content], Sequence[T]]


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Raises ``InputError`` with the place for errors of reading."""
    try:
        yield
    except InputError:
        raise
    except FieldError as error:
        raise InputError(f"{where} {error}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{where} is broken ({why(error)}); correct it") from error
    except KeyError as error:
        raise InputError(f"{where} has no field {error}; add it") from error
    except (ArithmeticError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"{where} cannot be read ({error}); correct it") from error


def has(value: Any, *fields: str) -> bool:
    """Whether it is an object with all of these fields."""
    return isinstance(value, dict) and all(field in value for field in fields)
