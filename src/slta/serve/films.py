"""The videos that are in the folder now, by the ids of their contents."""

from typing import NamedTuple

from slta.index.library import Index
from slta.serve.answers import shown


class Film(NamedTuple):
    files: tuple[str, ...]
    """Relative to the folder, in order; at least one."""
    duration_s: float


def films(index: Index) -> dict[str, Film]:
    """As far as the index knows."""
    snapshot = index.snapshot()
    names = dict[str, list[str]]()
    for file in snapshot.there:
        names.setdefault(file.video, []).append(file.path)
    return {
        video.id: Film(tuple(sorted(names[video.id])), round(video.duration_s, 3))
        for video in snapshot.videos
        if video.id in names
    }


def named(video: str, last: str, there: dict[str, Film]) -> str:
    """A file of a video, to show: that of the last known name, or if it has none of this
    name now, another; if it is not there, the last known name."""
    files = [shown(name) for name in there[video].files] if video in there else []
    return last if last in files or not files else files[0]
