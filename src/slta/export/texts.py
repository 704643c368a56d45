"""Moments as text: tables (CSV, JSON) and captions (SRT, WebVTT)."""

import csv
import html
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from unicodedata import category

from slta.export.found import Ranked

COLUMNS: Final = (
    "path",
    "start_s",
    "end_s",
    "score",
    "confidence",
    "query",
    "rank",
)
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a cell begins with that a spreadsheet may take for a formula."""
JOINER: Final = "\u2060"
"""Word joiner, which has no width."""


def as_json(moments: Sequence[Ranked]) -> str:
    return json.dumps([_row(moment) for moment in moments], indent=1) + "\n"


def as_csv(moments: Sequence[Ranked]) -> str:
    """With a header; texts are guarded as by ``guarded``."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for moment in moments:
        row = _row(moment)
        for name in ("path", "query"):
            row[name] = guarded(row[name])
        writer.writerow(row.values())
    return table.getvalue()


def guarded(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet may take for a formula.

    One is also put before such an apostrophe, so that removing the first gives the text.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("a cat")
    ("'=1+1", "''=1+1", 'a cat')
    """
    return "'" + text if text.lstrip("'").startswith(FORMULAS) else text


def as_srt(moments: Sequence[Ranked]) -> str:
    """SubRip captions, by time."""
    cues = [
        f"{number}\n{times}\n{text}\n"
        for number, (times, text) in enumerate(_cues(moments, ",", _plain), start=1)
    ]
    return "\n".join(cues)


def as_vtt(moments: Sequence[Ranked]) -> str:
    """WebVTT captions, by time."""
    cues = [f"\n{times}\n{text}\n" for times, text in _cues(moments, ".", _escaped)]
    return "".join(["WEBVTT\n", *cues])


def in_a_line(text: str) -> str:
    """The text with single spaces for white space and for what is no character of a text."""
    letters = (" " if is_control(letter) else letter for letter in text)
    return " ".join("".join(letters).split())


def is_control(letter: str) -> bool:
    """Whether a letter is a control, separates lines, or is half of a character.

    >>> [is_control(letter) for letter in ("\\n", "\\x00", "\\udce9", "ä", "\\u200d")]
    [True, True, True, False, False]
    """
    return category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in "\ufffe\uffff"


def _row(moment: Ranked) -> dict[str, Any]:
    found = moment.found
    span = found.span
    return dict(
        zip(
            COLUMNS,
            (
                str(found.path),
                round(float(span.start), 3),
                round(float(span.end), 3),
                found.score,
                found.confidence,
                found.query,
                moment.rank,
            ),
            strict=True,
        )
    )


def _cues(
    moments: Sequence[Ranked], point: str, escape: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """Times and text of each caption."""
    for found, _ in sorted(moments, key=lambda each: each.found.span):
        start = round(found.span.start * 1000)
        end = max(start + 1, round(found.span.end * 1000))
        text = f"{in_a_line(found.query)} (confidence {found.confidence:.2f})"
        yield f"{_clock(start, point)} --> {_clock(end, point)}", escape(text)


def _clock(time_ms: int, point: str) -> str:
    seconds, ms = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{point}{ms:03}"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _plain(text: str) -> str:
    """SubRip has no escapes: arrows and tags are broken by what cannot be seen."""
    for mark in ("--", "<", "{"):
        text = text.replace(mark, mark + JOINER)
    return text
