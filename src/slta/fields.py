"""Checked fields of records and of configurations; errors show the value."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import inf, isfinite
from typing import Any, get_args, get_type_hints

import numpy as np
from jaxtyping import Int

from slta.files import composed

LONGEST = 60
"""Maximum characters of a value in an error."""


class FieldError(ValueError):
    """A field that is missing or has an invalid value."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy


def shown(value: Any) -> str:
    """The value as JSON, shortened, with unprintable characters escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def required(row: Any, name: str) -> Any:
    """The value of a field that must be there."""
    if not isinstance(row, Mapping):
        raise FieldError(
            f"is {shown(row)}, which is not an object", "write its fields in {}"
        )
    if name not in row:
        raise FieldError(f"has no field {name!r}", "add it")
    return row[name]


def text(row: Any, name: str) -> str:
    value = required(row, name)
    if not isinstance(value, str):
        raise _not(name, value, "not a text", "write it in quotes")
    return _in_unicode(name, value)


def identity(row: Any, name: str) -> str:
    """An identifier: text or a whole number, in Unicode normal form C."""
    value = required(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _not(name, value, "not a name", "write one in quotes")
    return _in_unicode(name, composed(str(value)))


def number(row: Any, name: str) -> float:
    """A JSON number; neither true nor false, nor text."""
    value = required(row, name)
    if is_number(value):
        return float(value)
    raise _not(name, value, "not a number", "write one without quotes")


def positive(row: Any, name: str) -> float:
    return above_0(name, number(row, name))


def written(row: Mapping[str, str], name: str) -> float:
    """A number from a CSV table, where all values are text."""
    value = row[name]
    try:
        # Python reads 1_0 as 10, which in a table is a typing error.
        return float(value.replace("_", "x"))
    except ValueError:
        raise _not(name, value, "not a number", "write seconds") from None


def above_0(name: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise _not(name, value, "not a number above 0", "correct it")
    return value


def pairs(row: Any, name: str) -> list[tuple[float, float]]:
    """A list of [start, end]."""
    for pair in _list(row, name, form := "write [[START, END]]"):
        if not (
            isinstance(pair, list) and len(pair) == 2 and all(map(is_number, pair))
        ):
            raise _not(name, pair, "not a pair of numbers", form, of="with")
    return [(float(start), float(end)) for start, end in row[name]]


def check_spans(
    name: str, spans: Iterable[Sequence[float]], duration_s: float | None = None
) -> None:
    """Raises ``FieldError`` for an impossible span, given the video's length if known."""
    for start, end in spans:
        what = impossible(start, end)
        if what is None and duration_s is not None and start >= duration_s:
            what = f"which starts after the video ({duration_s:g} s)", "give seconds"
        if what is not None:
            raise FieldError(
                f"gives {name} with {shown([start, end])}, {what[0]}", what[1]
            )


def impossible(start: float, end: float) -> tuple[str, str] | None:
    """Why no span can have these ends, and the remedy; None for a valid span."""
    if not (isfinite(start) and isfinite(end)) or start < 0:
        return "which is not a span", "give seconds from 0 on"
    if start >= end:
        return "which does not start before it ends", "give the start first, in seconds"
    return None


def texts(row: Any, name: str) -> list[str]:
    """A list of texts."""
    values: list[str] = _list(row, name, 'write ["…", "…"]')
    for value in values:
        if not isinstance(value, str):
            raise _not(name, value, "not a text", "write it in quotes", of="with")
    return values


def sentences(row: Any) -> list[tuple[tuple[float, float], str]]:
    """The sentences of a video with their spans, in ActivityNet Captions' fields."""
    spans, captions = pairs(row, "timestamps"), texts(row, "sentences")
    if len(spans) != len(captions):
        what = f"has {len(spans)} timestamps and {len(captions)} sentences"
        raise FieldError(what, "give each sentence one")
    return list(zip(spans, captions, strict=True))


def integers(row: Any, name: str, *columns: int) -> Int[np.ndarray, "..."]:
    """A list of integers or, with ``columns``, a table of that many integers a row."""
    value = required(row, name)
    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        array = np.array(np.nan)
    if array.shape == (0,):
        return np.zeros((0, *columns), np.int64)
    if array.dtype.kind != "i" or array.ndim != 1 + len(columns):
        kind = "table" if columns else "list"
        raise _not(name, value, f"not a {kind} of whole numbers", "correct it")
    if array.shape[1:] != columns:
        raise _not(name, value, f"not a table of {columns[0]} columns", "correct it")
    return array


def is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or value.bit_length() < sys.float_info.max_exp


def _in_unicode(name: str, value: str) -> str:
    """Rejects lone surrogates, which JSON can spell and UTF-8 cannot."""
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _not(name, value, "not valid Unicode", "type it again, in UTF-8")
    return value


def _list(row: Any, name: str, form: str) -> list[Any]:
    value = required(row, name)
    if not isinstance(value, list):
        raise _not(name, value, "not a list", form)
    return value


def _not(name: str, value: Any, kind: str, remedy: str, of: str = "as") -> FieldError:
    return FieldError(f"gives {name} {of} {shown(value)}, which is {kind}", remedy)


def parsed(text: str) -> tuple[Any, list[str]]:
    """The value of a JSON text, and the keys that an object repeats: Python would
    silently keep the last."""
    repeated: list[str] = []
    return json.loads(text, object_pairs_hook=partial(_object, repeated)), repeated


def _object(repeated: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(entries := dict(pairs)) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        repeated.extend(key for key, count in counts.items() if count > 1)
    return entries


def why(error: json.JSONDecodeError) -> str:
    """
    >>> try: json.loads('{"a": "b')
    ... except json.JSONDecodeError as error: why(error)
    'Unterminated string at column 7'
    """
    message = error.msg.removesuffix(" at").removesuffix(" starting")
    return f"{message} at column {error.colno}"


def check_ranges(config: Any, part: str) -> None:
    """Raises ``ValueError``, with the flag, for a field that is not finite or outside the
    range of its annotation."""
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        # The annotation may be inside an optional or a tuple.
        for kind in (hint, *get_args(hint)):
            for limits in getattr(kind, "__metadata__", ()):
                for number in value if isinstance(value, tuple) else (value,):
                    if number is not None and not _lies_in(number, limits):
                        optional = ", or None" if type(None) in get_args(hint) else ""
                        raise ValueError(
                            f"{part}.{name} must be {_range(limits)}{optional}, "
                            f"got {number}"
                        )


def _lies_in(number: int | float, limits: Any) -> bool:
    gt, ge, lt, le = (
        getattr(limits, bound, None) for bound in ("gt", "ge", "lt", "le")
    )
    return (
        abs(number) < inf
        and (gt is None or number > gt)
        and (ge is None or number >= ge)
        and (lt is None or number < lt)
        and (le is None or number <= le)
    )


def _range(limits: Any) -> str:
    gt, ge, lt, le = (
        getattr(limits, bound, None) for bound in ("gt", "ge", "lt", "le")
    )
    low, high = ge if gt is None else gt, le if lt is None else lt
    if high is None:
        return f"above {low}" if ge is None else f"at least {low}"
    return f"in {'[' if gt is None else '('}{low}, {high}{']' if lt is None else ')'}"
