"""``--export``, ``--pad`` and ``--merge``: which moments are written, and to what file."""

import re
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from slta.cli.screen import notes
from slta.errors import InputError
from slta.export.found import Found, merged
from slta.files import apart

if TYPE_CHECKING:
    from slta.search import Answer


TITLE = 40
"""Maximum letters of a query in a file name."""


class Chosen(NamedTuple):
    """Moments to be exported, of one video and query."""

    query: int
    """Index of the query."""
    confidence: float
    found: list[Found]


def check_seconds(pad: float, merge: float | None, *, used: bool) -> None:
    """Raises ``InputError`` for values that mean nothing, or if nothing is ``used``."""
    for option, seconds in (("--pad", pad), ("--merge", merge)):
        if seconds is None:
            continue
        if not (isfinite(seconds) and seconds >= 0):
            raise InputError(
                f"{option} must be a number of seconds from 0 on, got {seconds:g}"
            )
        default = option == "--pad" and not seconds
        if not (used or default):
            raise InputError(
                f"{option} is for --clips and --export; give one of them as well"
            )


def check_export(file: Path | None) -> None:
    """Raises ``InputError`` for a file that cannot be written."""
    if file is not None:
        from slta.export.formats import check_target

        check_target(file)


def opens_videos(file: Path | None) -> bool:
    """Whether the export opens the videos."""
    if file is None:
        return False
    from slta.export.formats import needs_videos

    return needs_videos(file)


def moments(
    video: Path, answer: "Answer", *, pad: float, merge: float | None
) -> list[Found]:
    """The moments of an answer, padded and joined, with the numbers that are printed."""
    confidence, duration_s = answer.shown_confidence(3), answer.video.duration_s
    found = [
        Found(answer.query, video, moment.span, score, confidence, duration_s)
        for moment, score in zip(answer.moments, answer.shown_scores(3), strict=True)
    ]
    return merged(found, merge, pad)


def export(chosen: Sequence[Chosen], file: Path | None) -> None:
    """Writes moments by query, those of the most confident video first; none, no file."""
    ordered = sorted(chosen, key=lambda each: (each.query, -each.confidence))
    found = [moment for each in ordered for moment in each.found]
    if file is None or not found:
        return
    from slta.export import formats

    for written in formats.export(found, file):
        notes.print(f"wrote {written}", markup=False, soft_wrap=True)


def titles(queries: Sequence[str]) -> list[str]:
    """Short, distinct file names of queries."""
    found = [
        "-".join(re.findall(r"\w+", query.lower()))[:TITLE].rstrip("-")
        for query in queries
    ]
    return apart(found)


def made(folder: Path) -> None:
    """Makes the folder of the clips."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"--clips {folder} cannot be made ({why}); give another folder"
        ) from error
