"""Fields of entries and of configurations: as they must be, or an error with the value."""

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
"""Letters of a value that are shown, at most."""


class FieldError(ValueError):
    """A field is missing, or is not what it must be."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy


def shown(value: Any) -> str:
    """As JSON has it, cut where it is long, with what no screen can show escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def given(row: Any, name: str) -> Any:
    if not isinstance(row, Mapping):
        raise FieldError(
            f"is {shown(row)}, which is no object", "write its fields in {}"
        )
    if name not in row:
        raise FieldError(f"has no field {name!r}", "add it")
    return row[name]


def text(row: Any, name: str) -> str:
    value = given(row, name)
    if not isinstance(value, str):
        raise _not(name, value, "no text", "write it in quotes")
    return _in_unicode(name, value)


def identity(row: Any, name: str) -> str:
    """A name, or a number that stands for one, in the one spelling of its letters."""
    value = given(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _not(name, value, "no name", "write one in quotes")
    return _in_unicode(name, composed(str(value)))


def number(row: Any, name: str) -> float:
    """A truth value is none; text is one in a table, where everything is text."""
    value = given(row, name)
    if is_number(value):
        return float(value)
    raise _not(name, value, "no number", "write one without quotes")


def positive(row: Any, name: str) -> float:
    return above_0(name, number(row, name))


def written(row: Mapping[str, str], name: str) -> float:
    """A number of a table, where everything is text."""
    value = row[name]
    try:
        # Python reads 1_0 as 10; whoever writes a table means something else.
        return float(value.replace("_", "x"))
    except ValueError:
        raise _not(name, value, "no number", "write seconds") from None


def above_0(name: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise _not(name, value, "no number above 0", "mend it")
    return value


def pairs(row: Any, name: str) -> list[tuple[float, float]]:
    """A list of a start and an end each."""
    for each in _list(row, name, form := "write [[START, END]]"):
        if not (
            isinstance(each, list) and len(each) == 2 and all(map(is_number, each))
        ):
            raise _not(name, each, "no pair of numbers", form, of="with")
    return [(float(start), float(end)) for start, end in row[name]]


def check_spans(
    name: str, spans: Iterable[Sequence[float]], duration_s: float | None = None
) -> None:
    """Raises ``FieldError`` for a true span that cannot be, in a video of that length."""
    for start, end in spans:
        what = impossible(start, end)
        if what is None and duration_s is not None and start >= duration_s:
            what = f"which starts after the video ({duration_s:g} s)", "give seconds"
        if what is not None:
            raise FieldError(
                f"gives {name} with {shown([start, end])}, {what[0]}", what[1]
            )


def impossible(start: float, end: float) -> tuple[str, str] | None:
    """Why no true span can be so, and the remedy."""
    if not (isfinite(start) and isfinite(end)) or start < 0:
        return "which is no span", "give seconds from 0 on"
    if start >= end:
        return "which does not start before it ends", "give the start first, in seconds"
    return None


def texts(row: Any, name: str) -> list[str]:
    found: list[str] = _list(row, name, 'write ["…", "…"]')
    for each in found:
        if not isinstance(each, str):
            raise _not(name, each, "no text", "write it in quotes", of="with")
    return found


def sentences(row: Any) -> list[tuple[tuple[float, float], str]]:
    """Each sentence of a video with its span, as ActivityNet Captions has them."""
    spans, said = pairs(row, "timestamps"), texts(row, "sentences")
    if len(spans) != len(said):
        what = f"has {len(spans)} timestamps and {len(said)} sentences"
        raise FieldError(what, "give each sentence one")
    return list(zip(spans, said, strict=True))


def integers(row: Any, name: str, *columns: int) -> Int[np.ndarray, "..."]:
    """A list of whole numbers, or of rows of them, of so many columns each."""
    value = given(row, name)
    try:
        found = np.array(value)
    except (ValueError, OverflowError):
        found = np.array(np.nan)
    if found.shape == (0,):
        return np.zeros((0, *columns), np.int64)
    if found.dtype.kind != "i" or found.ndim != 1 + len(columns):
        kind = "table" if columns else "list"
        raise _not(name, value, f"no {kind} of whole numbers", "mend it")
    if found.shape[1:] != columns:
        raise _not(name, value, f"no table of {columns[0]} columns", "mend it")
    return found


def is_number(value: Any) -> bool:
    """Whether it is one that floating point can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or value.bit_length() < sys.float_info.max_exp


def _in_unicode(name: str, value: str) -> str:
    """JSON can name half of a pair of code units, which is no letter."""
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _not(name, value, "no text in Unicode", "type it anew, in UTF-8")
    return value


def _list(row: Any, name: str, form: str) -> list[Any]:
    value = given(row, name)
    if not isinstance(value, list):
        raise _not(name, value, "no list", form)
    return value


def _not(name: str, value: Any, kind: str, remedy: str, of: str = "as") -> FieldError:
    return FieldError(f"gives {name} {of} {shown(value)}, which is {kind}", remedy)


def parsed(text: str) -> tuple[Any, list[str]]:
    """What JSON says, and the keys that stand twice in an object: Python keeps the last."""
    twice: list[str] = []
    return json.loads(text, object_pairs_hook=partial(_object, twice)), twice


def _object(twice: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice.extend(key for key, count in counts.items() if count > 1)
    return found


def why(error: json.JSONDecodeError) -> str:
    """
    >>> try: json.loads('{"a": "b')
    ... except json.JSONDecodeError as error: why(error)
    'Unterminated string at column 7'
    """
    said = error.msg.removesuffix(" at").removesuffix(" starting")
    return f"{said} at column {error.colno}"


def check_ranges(config: Any, part: str) -> None:
    """Raises ``ValueError``, with the flag, for a field of a configuration that is outside
    the range that its type is annotated with, or not finite."""
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        # Annotated itself, or inside an optional or a tuple.
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
    gt, ge, lt, le = (getattr(limits, each, None) for each in ("gt", "ge", "lt", "le"))
    return (
        abs(number) < inf
        and (gt is None or number > gt)
        and (ge is None or number >= ge)
        and (lt is None or number < lt)
        and (le is None or number <= le)
    )


def _range(limits: Any) -> str:
    gt, ge, lt, le = (getattr(limits, each, None) for each in ("gt", "ge", "lt", "le"))
    low, high = ge if gt is None else gt, le if lt is None else lt
    if high is None:
        return f"above {low}" if ge is None else f"at least {low}"
    return f"in {'[' if gt is None else '('}{low}, {high}{']' if lt is None else ')'}"
