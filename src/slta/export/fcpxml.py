"""Moments as FCPXML 1.8, which Final Cut Pro 10.4 and DaVinci Resolve import.

Written without OpenTimelineIO's adapter, which has no rate of 29.97 or 24, no sound, fails
for names with quotes, and executes ``ffprobe``.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from slta.export.found import Ranked
from slta.export.media import Media, about, by_query, media_of
from slta.export.texts import in_a_line
from slta.video.timing import timeline_rate

HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
EMPTY: Final = Fraction(25), (1920, 1080)
"""Rate and size of a timeline without moments."""


def as_fcpxml(moments: Sequence[Ranked], name: str) -> str:
    """An event with a project a query, in which a clip is a moment with a marker."""
    media = media_of([moment.found for moment in moments])
    root = Element("fcpxml", version="1.8")
    resources = SubElement(root, "resources")
    event = SubElement(root, "event", name=in_a_line(name))
    assets = {
        path: _asset(resources, number, file)
        for number, (path, file) in enumerate(media.items(), start=1)
    }
    groups = by_query(moments)
    for number, (query, group) in enumerate((groups or {name: []}).items(), start=1):
        project = SubElement(event, "project", name=in_a_line(query))
        first = media[group[0].found.path].timing if group else None
        rate, size = (timeline_rate(first.rate), first.size) if first else EMPTY
        _format(resources, f"p{number}", rate, size)
        sequence = SubElement(
            project,
            "sequence",
            format=f"p{number}",
            tcStart="0s",
            tcFormat="NDF",
        )
        spine = SubElement(sequence, "spine")
        length = 0
        for moment in group:
            path = moment.found.path
            frames = media[path].part(moment.found.span, rate).length
            clip = _clip(moment, media[path], assets[path], frames, rate)
            clip.set("offset", _seconds(length, rate))
            spine.append(clip)
            length += frames
        sequence.set("duration", _seconds(length, rate))
    ElementTree.indent(root)
    return f"{HEAD}{ElementTree.tostring(root, encoding='unicode')}\n"


def _format(
    resources: Element, name: str, rate: Fraction, size: tuple[int, int]
) -> None:
    SubElement(
        resources,
        "format",
        id=name,
        frameDuration=_seconds(1, rate),
        width=str(size[0]),
        height=str(size[1]),
    )


def _asset(resources: Element, number: int, media: Media) -> str:
    timing, frames = media.timing, media.frames
    _format(resources, f"f{number}", timing.rate, timing.size)
    asset = SubElement(
        resources,
        "asset",
        id=f"a{number}",
        name=media.name,
        src=media.url,
        format=f"f{number}",
        start=_seconds(frames.start, timing.rate),
        duration=_seconds(frames.length, timing.rate),
        hasVideo="1",
    )
    if timing.channels:
        asset.set("hasAudio", "1")
        asset.set("audioSources", "1")
        asset.set("audioChannels", str(timing.channels))
        asset.set("audioRate", str(timing.sound_hz))
    return f"a{number}"


def _clip(
    moment: Ranked, media: Media, asset: str, frames: int, rate: Fraction
) -> Element:
    """A clip of so many frames of a timeline, within its file."""
    timing = media.timing
    last = media.frames.end - ceil(frames / rate * timing.rate)
    first = min(media.numbered(moment.found.span).start, max(last, timing.first))
    start = _seconds(first, timing.rate)
    clip = Element(
        "asset-clip",
        ref=asset,
        name=media.name,
        start=start,
        duration=_seconds(frames, rate),
        tcFormat="DF" if timing.drops else "NDF",
    )
    if timing.rate != rate:
        # Else the clip would be played slower or faster.
        SubElement(clip, "conform-rate", scaleEnabled="0")
    SubElement(
        clip,
        "marker",
        start=start,
        duration=_seconds(1, timing.rate),
        value=in_a_line(moment.found.query),
        note=about(moment),
    )
    return clip


def _seconds(frames: int, rate: Fraction) -> str:
    """So many frames as FCPXML writes time, in units of the frame's duration.

    >>> _seconds(10, Fraction(30000, 1001)), _seconds(0, Fraction(25))
    ('10010/30000s', '0s')
    """
    if not frames:
        return "0s"
    return f"{frames * rate.denominator}/{rate.numerator}s"
