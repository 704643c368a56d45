"""What a file that another program wrote is read into, and how it is known."""

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
    """File and line, or what stands for a line."""
    prediction: Prediction
    """Without an id of the video, if the file does not say it."""
    has_truth: bool


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is known to be right for a query."""

    where: str
    """File and line, or what stands for a line."""
    query_id: str
    video_id: str
    query: str
    spans: Float[np.ndarray, "m 2"]
    duration_s: float | None = None
    saliency: Float[np.ndarray, "c a"] | None = None
    """What each annotator gave each clip of 2 s, 0 to 4."""
    chunks: Int[np.ndarray, "d 2"] | None = None
    """Of DiDeMo: the first and the last chunk of 5 s that each annotator chose."""


@dataclass(frozen=True, slots=True)
class Content:
    path: Path
    text: str
    first: Any
    """The first JSON value: all of the file, or its first line."""
    packed: bool = False
    """Whether the file itself is packed by gzip."""

    @classmethod
    def open(cls, path: Path) -> "Content":
        """Raises ``InputError`` for what is not JSON, packed or not."""
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
                f"{path} has values too deep or too long to read ({error}); make it again"
            ) from error
        return cls(path, text, first, raw[:2] == GZIP)

    def lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Where each line is, and the object in it; blank lines are passed over."""
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
        """All of the file as one object."""
        try:
            found, twice = parsed(self.text)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{self.path}:{error.lineno} goes on after its end ({error.msg}); "
                "give a file of one JSON object"
            ) from error
        if twice:
            raise InputError(
                f"{self.path} has the key {twice[0]!r} twice in one object; keep one of "
                "the two"
            )
        whole: dict[str, Any] = found
        return whole


@dataclass(frozen=True, slots=True)
class Format(Generic[T]):
    fields: str
    """What it is known by, in words."""
    knows: Callable[[Any], bool]
    """Whether a file is of this format, by its first JSON value."""
    read: Callable[[Content], Sequence[T]]


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Says of what cannot be read where it is."""
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
