"""The videos that are in the folder now, by the ids of their contents, and their files."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from slta.errors import InputError
from slta.index.library import Index
from slta.index.records import Snapshot, Video
from slta.index.scanning import State
from slta.serve.answers import shown


class Unknown(InputError):
    """An id of nothing that is there."""


class Film(NamedTuple):
    files: tuple[str, ...]
    """Relative to the folder, in order; at least one."""
    duration_s: float


class Films:
    """The videos of a snapshot of an index."""

    def __init__(self, root: Path, snapshot: Snapshot) -> None:
        self._root, self.snapshot = root, snapshot
        self.ids = {file.path: file.video for file in snapshot.there}
        self._states = {file.path: file.state for file in snapshot.there}
        names = dict[str, list[str]]()
        for path in sorted(self.ids):
            names.setdefault(self.ids[path], []).append(path)
        self._videos = {v.id: v for v in snapshot.videos if v.id in names}
        self.all = {
            name: Film(tuple(names[name]), round(video.duration_s, 3))
            for name, video in self._videos.items()
        }

    def video(self, name: str) -> tuple[Video, Path]:
        """A video and one of its files. Raises ``Unknown``."""
        why = "this video is not in the folder; search again"
        for path in self.all[name].files if name in self.all else ():
            # The folder may have changed since: a link may lead elsewhere.
            file = Path(os.path.realpath(self._root / path))
            if not (file.is_relative_to(self._root) and file.is_file()):
                continue
            if _content(State.of(file)) == _content(self._states[path]):
                return self._videos[name], file
            why = f"{path} has changed since it was indexed; look for new videos"
        raise Unknown(why)

    def named(self, video: str, last: str) -> str:
        """A file of a video, to show: that of the last known name, or if it has none of this
        name now, another; if it is not there, the last known name."""
        files = (
            [shown(name) for name in self.all[video].files] if video in self.all else []
        )
        return last if last in files or not files else files[0]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """All videos, for answers."""
        return [
            {
                "video": name,
                "files": [*map(shown, film.files)],
                "duration_s": film.duration_s,
                "width": self._videos[name].width,
                "height": self._videos[name].height,
                "made_s": self._videos[name].made_s,
            }
            for name, film in self.all.items()
        ]


_latest = WeakKeyDictionary[Index, Films]()


def films(index: Index) -> Films:
    """What the index holds now; the same as long as it does not change."""
    snapshot = index.snapshot()
    found = _latest.get(index)
    if found is None or found.snapshot is not snapshot:
        found = _latest[index] = Films(index.root, snapshot)
    return found


def _content(state: State) -> tuple[int, int]:
    """What changes with a file's content, but not with its name and rights."""
    return state.size, state.mtime_ns
