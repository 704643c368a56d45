"""Moments as timelines of OpenTimelineIO, in its own format and as CMX 3600 EDL.

Only modules are imported and functions called by name: OpenTimelineIO's registry of
adapters would execute what ``$OTIO_PLUGIN_MANIFEST_PATH`` names.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from unicodedata import normalize

from slta.export.found import Ranked
from slta.export.media import Media, Range, about, by_query, media_of
from slta.export.texts import in_a_line, is_control
from slta.video.timing import STANDARD, timeline_rate

EVENTS: Final = 999
"""Maximum events of an EDL, whose numbers have three digits."""
REEL: Final = 8
"""Characters of a reel name."""
RESERVED: Final = frozenset({"AX", "BL", "BLACK", "BARS"})
"""Reel names that mean no file."""


def as_otio(moments: Sequence[Ranked], name: str) -> str:
    """A timeline with a video track a query, and a sound track if there is sound.

    A clip is a moment; its marker has the query as name, rank and confidence as comment.
    """
    from opentimelineio import schema

    media = media_of([moment.found for moment in moments])
    groups = by_query(moments)
    timeline = schema.Timeline(in_a_line(name))
    for kind in (schema.TrackKind.Video, schema.TrackKind.Audio):
        for query, group in groups.items():
            files = [media[moment.found.path] for moment in group]
            if kind == schema.TrackKind.Audio and not any(
                file.timing.channels for file in files
            ):
                continue
            track = schema.Track(in_a_line(query), kind=kind)
            track.extend(
                _clip(moment, file, kind)
                for moment, file in zip(group, files, strict=True)
            )
            timeline.tracks.append(track)
    return timeline.to_json_string() + "\n"


def _clip(moment: Ranked, media: Media, kind: str) -> Any:
    from opentimelineio import schema

    found = moment.found
    shown = _time_range(media.numbered(found.span), media.timing.rate)
    if kind == schema.TrackKind.Audio and not media.timing.channels:
        return schema.Gap(duration=shown.duration)
    marker = schema.Marker(
        in_a_line(found.query),
        shown,
        schema.MarkerColor.GREEN,
        {
            "slta": {
                "query": in_a_line(found.query),
                "rank": moment.rank,
                "score": found.score,
                "confidence": found.confidence,
            }
        },
        about(moment),
    )
    reference = schema.ExternalReference(
        media.url, _time_range(media.frames, media.timing.rate)
    )
    reference.name = media.name
    return schema.Clip(media.name, reference, shown, markers=[marker])


def as_edls(moments: Sequence[Ranked], name: str) -> list[str]:
    """Edit decision lists, one after the other if there are more than ``EVENTS`` moments.

    Pictures only; queries follow each other. Timecode is that of the first moment's file:
    its rate, and drop-frame if the file's own is. An event has the name of its file, which
    editing programs search for, its whole path, and a locator with query, rank and
    confidence.
    """
    media = media_of([moment.found for moment in moments])
    ordered = [moment for group in by_query(moments).values() for moment in group]
    first = media[ordered[0].found.path].timing if ordered else None
    rate = timeline_rate(first.rate) if first else Fraction(25)
    drops = first is not None and first.drops and rate == first.rate
    # Labels without drop-frame count 30 a second, at 29.97 as well.
    counted = rate if drops else Fraction(round(rate))
    reels = reel_names([file.path for file in media.values()])
    title = f"TITLE: {in_a_line(name)}, {float(rate):.6g} frames per second\n"
    head = f"{title}FCM: {'' if drops else 'NON-'}DROP FRAME\n"
    parts = [ordered[i : i + EVENTS] for i in range(0, len(ordered), EVENTS)]
    return [
        f"{head}\n{_events(part, media, reels, rate, counted)}"
        for part in parts or [[]]
    ]


def _events(
    moments: Sequence[Ranked],
    media: dict[Path, Media],
    reels: dict[Path, str],
    rate: Fraction,
    counted: Fraction,
) -> str:
    from opentimelineio import opentime, schema
    from otio_cmx3600_adapter import cmx_3600

    if not moments:
        return ""
    track = schema.Track()
    for moment in moments:
        file, query = media[moment.found.path], in_a_line(moment.found.query)
        span = moment.found.span
        start = round(file.numbered(span).start * _ratio(file.timing.rate, counted))
        length = file.part(span, rate).length
        shown = _time_range(Range(start, start + length), counted)
        label = opentime.to_timecode(shown.start_time, float(counted))
        # No reference, as Premiere calls a clip with one UNKNOWN; and no marker, as the
        # adapter writes its text in capitals.
        clip = schema.Clip(file.name, None, shown)
        clip.metadata["cmx_3600"] = {
            "reel": reels[file.path],
            "comments": [
                f"SOURCE FILE: {_readable(file)}",
                f"LOC: {label} GREEN   {query}, {about(moment)}",
            ],
        }
        track.append(clip)
    timeline = schema.Timeline()
    timeline.tracks.append(track)
    return str(cmx_3600.write_to_string(timeline, rate=float(counted)))


def _ratio(rate: Fraction, counted: Fraction) -> Fraction:
    """Labels of a timecode for each frame of a file, so that the file's own labels, which
    have whole frames a second, are kept; by time where drop-frame does that."""
    if counted.denominator == 1 and rate in STANDARD:
        return counted / round(rate)
    return counted / rate


def _readable(media: Media) -> str:
    """The path, or the URL if the path does not fit in a line."""
    path = str(media.path)
    return media.url if any(map(is_control, path)) else path


def reel_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Distinct names of at most eight capital letters and digits.

    >>> [*reel_names([Path("Käse.mp4"), Path("to/kase.mov"), Path("bl.avi")]).values()]
    ['KASE', 'KASE2', 'BL2']
    """
    names: dict[Path, str] = {}
    taken = {*RESERVED}
    for path in paths:
        plain = normalize("NFKD", path.stem).upper()
        stem = re.sub("[^A-Z0-9]", "", plain)[:REEL] or "REEL"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem[: REEL - len(str(number))]}{number}"
        taken.add(name)
        names[path] = name
    return names


def _time_range(frames: Range, rate: Fraction) -> Any:
    from opentimelineio.opentime import RationalTime, TimeRange

    return TimeRange(
        RationalTime(frames.start, float(rate)),
        RationalTime(frames.length, float(rate)),
    )
