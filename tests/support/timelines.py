"""What editing programs read from timelines: by OpenTimelineIO's adapters, as they are."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import opentimelineio as otio


class Cut(NamedTuple):
    """A clip on a timeline: seconds from the first frame of its file."""

    track: str
    name: str
    path: Path
    start_s: float
    end_s: float
    marker: str


def from_url(url: str) -> Path:
    assert url.isascii() and url.startswith("file:///")
    return Path(unquote(urlsplit(url).path, errors="surrogateescape"))


def read_otio(file: Path) -> list[Cut]:
    """The clips of the video tracks."""
    timeline = otio.adapters.read_from_file(str(file))
    return [
        _cut(track.name, clip)
        for track in timeline.video_tracks()
        for clip in track
        if isinstance(clip, otio.schema.Clip)
    ]


def read_fcpxml(file: Path) -> list[Cut]:
    """The clips of all projects; the adapter counts 29 frames a second at 29.97,
    so that it rounds more, and sees gaps."""
    # What is in a collection lives no longer than that.
    event = otio.adapters.read_from_file(str(file))
    projects = [event[i] for i in range(len(event))]
    return [
        _cut(project.name, clip)
        for project in projects
        for track in project.video_tracks()
        for clip in track
        if isinstance(clip, otio.schema.Clip)
    ]


def _cut(track: str, clip: Any) -> Cut:
    media, (marker,) = clip.media_reference, clip.markers
    first_s = media.available_range.start_time.to_seconds()
    start_s = clip.source_range.start_time.to_seconds() - first_s
    length_s = clip.source_range.duration.to_seconds()
    path = from_url(media.target_url)
    return Cut(track, clip.name, path, start_s, start_s + length_s, marker.name)


def read_edl(file: Path, rate: Fraction, first: int = 0) -> list[Cut]:
    """The events; of files at that rate, whose first frame has that number."""
    drops = "FCM: DROP FRAME" in file.read_text()
    counted = float(rate) if drops else round(rate)
    timeline = otio.adapters.read_from_file(str(file), rate=counted)
    cuts = []
    for clip in timeline.find_clips():
        source = re.match("SOURCE FILE: (.*)", clip.metadata["cmx_3600"]["comments"][0])
        assert source
        shown = clip.source_range
        cuts.append(
            Cut(
                "",
                clip.name,
                Path(source[1]),
                float((round(shown.start_time.value) - first) / rate),
                float((round(shown.end_time_exclusive().value) - first) / rate),
                clip.markers[0].name if clip.markers else "",
            )
        )
    return cuts


def read_fcpxml_exactly(file: Path) -> Iterator[tuple[Fraction, Fraction, Fraction]]:
    """Start from the file's first frame, length, and place on the timeline, in seconds."""
    root = ElementTree.parse(file).getroot()
    firsts = {
        asset.get("id"): seconds(asset.get("start")) for asset in root.iter("asset")
    }
    for clip in root.iter("asset-clip"):
        yield (
            seconds(clip.get("start")) - firsts[clip.get("ref")],
            seconds(clip.get("duration")),
            seconds(clip.get("offset")),
        )


def seconds(text: str | None) -> Fraction:
    assert text is not None
    return Fraction(text.removesuffix("s"))
