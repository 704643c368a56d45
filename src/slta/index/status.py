"""What an index knows of its folder."""

from typing import NamedTuple

from slta.index.changes import FolderChanges
from slta.index.records import Snapshot
from slta.index.scanning import Scan


class Status(NamedTuple):
    """What an index knows, and what has changed in its folder since."""

    videos: int
    """Different videos that are indexed, and whose files are there."""
    files: int
    """Files of these videos."""
    hours: float
    """Length of these videos."""
    new: tuple[str, ...]
    """Files that are new or changed."""
    gone: tuple[str, ...]
    """Indexed files that are not there any more."""
    problems: dict[str, str]
    """Files that cannot be used, and why."""
    bytes: int
    """Size of the features."""
    extractor: str

    @classmethod
    def of(cls, snapshot: Snapshot, scanned: Scan, extractor: str) -> "Status":
        changes = FolderChanges.between(snapshot, scanned)
        there = [file for file in snapshot.there if file.path in scanned.files]
        known = {file.video for file in there}
        videos = [video for video in snapshot.videos if video.id in known]
        return cls(
            videos=len(videos),
            files=len(there),
            hours=sum(video.duration_s for video in videos) / 3600,
            new=changes.new + tuple(file.path for file in changes.back),
            gone=tuple(
                file.path
                for file in (*snapshot.files, *changes.gone)
                if file.gone and file.path not in scanned.files
            ),
            problems={
                file.path: file.problem
                for file in snapshot.files
                if file.problem and file.path in scanned.files
            }
            | scanned.unreadable,
            bytes=sum(part.size for video in snapshot.videos for part in video.parts),
            extractor=extractor,
        )
