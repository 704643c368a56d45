"""Examples of what is looked for: a picture, a second or a span of a video."""

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from slta.errors import InputError
from slta.index.filters import seconds
from slta.moments import Span, clock
from slta.search.zero_shot import RATE_HZ

LONGEST_S = 30.0
"""Maximum length of an example."""
MOST = 16
"""Maximum frames of an example."""
A_SECOND = 1.0
"""Length of the example at a time, in seconds."""
BEYOND_S = 1.0
"""A span may end so much later than its video, since players round the length."""
TIMES = re.compile(r"[\d.:]+|(?:[\d.]+\s*[smhdw]\s*)+", re.IGNORECASE)
FORMS = "give a time as in {name}@1:23, or a span as in {name}@1:20-1:35"


@dataclass(frozen=True, slots=True)
class NamedExample:
    """An example as it is named: ``FILE``, ``FILE@TIME`` or ``FILE@START-END``."""

    text: str
    path: Path
    start_s: float | None = None
    end_s: float | None = None

    @classmethod
    def of(cls, text: str | Path) -> "NamedExample":
        """A file of the whole name comes before a time after an ``@``.

        Raises ``InputError`` for a time that cannot be read, and for a reversed span.
        """
        text = os.fspath(text)
        name, at, when = text.rpartition("@")
        if not at or os.path.lexists(text) or not (name and _is_time(name, when)):
            return cls(text, Path(text))
        start, *end = re.split("[-–]", when)
        try:
            start_s, *ends_s = (seconds("--like", time) for time in (start, *end))
            (end_s,) = ends_s or (None,)
        except (InputError, ValueError):
            form = FORMS.format(name=name)
            raise InputError(f"--like {text}: {when!r} is not a time; {form}") from None
        if end_s is not None and end_s <= start_s:
            raise InputError(
                f"--like {text} ends before it starts; give the earlier time first"
            )
        return cls(text, Path(name), start_s, end_s)


def _is_time(name: str, when: str) -> bool:
    """Whether what follows the last @ is meant as a time, not as a part of a name."""
    return os.path.lexists(name) or all(
        TIMES.fullmatch(part) for part in re.split("[-–]", when)
    )


@dataclass(frozen=True, eq=False)
class Example:
    """What is looked for: the frames of a span, or one picture."""

    name: str
    """As it was given."""
    path: Path
    span: Span | None
    """None for a picture."""
    images: UInt8[np.ndarray, "n h w 3"]

    @classmethod
    def read(
        cls, example: "str | Path | NamedExample", size: tuple[int, int]
    ) -> "Example":
        """Reads a picture, or the frames of a video, in ``size``, (width, height).

        Raises ``InputError`` for what is neither, for times beyond the end of a video, and
        for an example of more than ``LONGEST_S``.
        """
        from slta import video
        from slta.video import pictures

        named = (
            example if isinstance(example, NamedExample) else NamedExample.of(example)
        )
        path, timed = named.path, named.start_s is not None
        if pictures.is_picture(path, still=timed):
            if timed:
                raise InputError(
                    f"--like {named.text}: {path} is a picture, without times; leave "
                    "the time out"
                )
            return cls(named.text, path, None, pictures.read(path, size)[None])
        span = _span(named, video.probe(path).duration_s)
        images = video.frames(path, at=times_of(span), size=size).images
        return cls(named.text, path, span, images)

    def to_json(self) -> dict[str, Any]:
        """What ``slta search --like --json`` prints of it."""
        times = {}
        if self.span is not None:
            start, end = self.span.start, self.span.end
            times = {"start_s": round(start, 3), "end_s": round(end, 3)}
        return {"path": str(self.path), **times}


def times_of(span: Span) -> Float64[np.ndarray, " n"]:
    """Times of the frames of an example."""
    count = min(MOST, math.ceil(span.length_s * RATE_HZ))
    times_s: Float64[np.ndarray, " n"]
    times_s = span.start + np.arange(count) * (span.length_s / count)
    return times_s


def _span(named: NamedExample, duration_s: float) -> Span:
    start_s, end_s = named.start_s, named.end_s
    length = f"--like {named.text}: {named.path} lasts {clock(duration_s)}"
    most = f"{LONGEST_S:.0f} s"
    if start_s is None:
        if duration_s > LONGEST_S:
            form = FORMS.format(name=named.path.name)
            raise InputError(f"{length}, more than {most}; {form}")
        return Span(0.0, duration_s)
    if start_s >= duration_s or (end_s or 0) > duration_s + BEYOND_S:
        raise InputError(f"{length}; give a time within that")
    end_s = min(start_s + A_SECOND if end_s is None else end_s, duration_s)
    if end_s - start_s > LONGEST_S:
        raise InputError(
            f"--like {named.text} is a span of {clock(end_s - start_s)}; give one of at "
            f"most {most}"
        )
    return Span(start_s, end_s)
