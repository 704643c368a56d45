"""What an index records of its folder, its videos and its files."""

from dataclasses import dataclass

import numpy as np

from slta.errors import InputError
from slta.index.place import Place
from slta.index.scanning import State
from slta.index.segments import SegmentRows
from slta.search import compact
from slta.search.compact import Window

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Head:
    """What all of an index depends on."""

    root: str
    """The folder of videos."""
    extractor: str
    version: str
    rate_hz: float
    bases: str = ""
    """SHA-256 of the file of bases."""
    format: int = FORMAT
    compact: int = compact.VERSION


@dataclass(frozen=True, slots=True)
class WindowPlace:
    """A window of a video: its frames, and where its bytes lie in the file of features."""

    first: int
    end: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Video:
    id: str
    duration_s: float
    width: int
    height: int
    made_s: float
    """When it was recorded, in seconds since 1970; 0 if unknown."""
    frames: int
    scenes: float
    segments: int
    digest: str
    """SHA-256 of the file of features."""
    parts: tuple[WindowPlace, ...]

    @property
    def file(self) -> str:
        return features_file(self.id)


@dataclass(frozen=True, slots=True)
class File:
    path: str
    """Relative to the folder, with / between the names."""
    video: str
    """Id of its content; empty if it cannot be used."""
    state: State
    problem: str = ""
    gone: bool = False
    """Whether it was not there any more at the last look."""


@dataclass(frozen=True)
class Snapshot:
    """All that a search reads of the tables."""

    videos: list[Video]
    files: list[File]
    rows: SegmentRows
    of: np.ndarray
    """Index of each row's video, in ascending order."""

    @property
    def is_whole(self) -> bool:
        """Whether each video has all its rows; not if they were read while they changed."""
        counts = np.bincount(self.of, minlength=len(self.videos)).tolist()
        return counts == [video.segments for video in self.videos]

    @property
    def there(self) -> list[File]:
        """Files that can be searched, as far as the index knows."""
        return [file for file in self.files if file.video and not file.gone]


def features_file(video: str) -> str:
    return f"features/{video}.slta"


def read_window(place: Place, video: Video, part: WindowPlace) -> Window:
    """Raises ``InputError`` if it is damaged or missing."""
    try:
        window = Window.from_buffer(place.read(video.file, part.start, part.size))
        if (window.first, window.end) != (part.first, part.end):
            raise ValueError("it holds another part of the video")
        return window
    except (OSError, ValueError) as error:
        raise InputError(
            f"{video.file} of the index {place} is damaged ({error}); "
            "'slta index verify' repairs it"
        ) from error
