"""Data sets: queries by split, and a file for each video."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int

from slta.errors import InputError
from slta.files import FILMS, composed
from slta.moments import Query
from slta.video.opening import holds_film


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Annotations of a query beyond its true spans.

    Shapes: a annotators · c clips · p windows.
    """

    chunks: Int[np.ndarray, "a 2"] | None = None
    """DiDeMo: first and last 5-second chunk chosen by each annotator."""
    clips: Int[np.ndarray, " c"] | None = None
    """QVHighlights: indices of the relevant 2-second clips."""
    saliency: Int[np.ndarray, "c 3"] | None = None
    """QVHighlights: saliency of these clips by annotator, 0 to 4."""
    nouns: tuple[str, ...] | None = None
    """SLTA release: the query's nouns."""
    windows: Int[np.ndarray, "p 2"] | None = None
    """SLTA release: training windows of the query, in its frames."""


UNFINISHED: Final = frozenset(".aria2 .crdownload .download .part .tmp .ytdl".split())
"""Suffixes of unfinished downloads."""


class VideoFolder:
    """The video files of a folder, by video id; the folder is listed once.

    A file is named by the id, with a further suffix or without: ids of TACoS and DiDeMo end
    in one themselves. Hidden files, unfinished downloads and files without video, such as
    thumbnails and subtitles, are ignored. Files are opened only where names are ambiguous.
    """

    def __init__(self, folder: Path) -> None:
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith(".") or path.suffix.lower() in UNFINISHED:
                continue
            self._by_name.setdefault(composed(path.name), []).append(path)
            self._by_stem.setdefault(composed(path.stem), []).append(path)

    def __iter__(self) -> Iterator[tuple[str, list[Path]]]:
        """Pairs of a video's id and its files."""
        for video_id, paths in self._by_stem.items():
            if films := _films(paths):
                yield video_id, films

    def of(self, video_id: str) -> list[Path]:
        """Files of a video; exactly one in a valid folder."""
        name = composed(video_id)
        return _films(self._by_name.get(name, ())) or _films(
            self._by_stem.get(name, ())
        )


def _films(paths: Sequence[Path]) -> list[Path]:
    """The video files among them, by suffix or content; of several, the readable ones. A
    damaged file with a video's suffix is kept, so that it is reported."""
    called = [path for path in paths if path.suffix.lower() in FILMS]
    films = called + [path for path in paths if path not in called and holds_film(path)]
    if len(films) > 1:
        return [path for path in films if holds_film(path)] or films
    return films


@dataclass(frozen=True)
class Dataset:
    digest: str
    """SHA-256 of its annotation files."""
    splits: Mapping[str, tuple[Query, ...]]
    folder: Path
    """Folder of the annotations."""
    videos: Path
    """Folder of the videos, each named by its id."""
    durations_s: Mapping[str, float] = field(default_factory=dict)
    """Lengths of videos by the annotations, by video id; may be incomplete."""
    facts: Mapping[str, Facts] = field(default_factory=dict)
    """By query id; most queries have none."""

    @property
    def video_ids(self) -> list[str]:
        """Distinct ids over all splits."""
        ids = (q.video_id for queries in self.splits.values() for q in queries)
        return list(dict.fromkeys(ids))

    @property
    def tested(self) -> list[str]:
        """The test splits: all but train and val that have ground truth."""
        return [
            name
            for name, queries in self.splits.items()
            if name not in ("train", "val") and any(query.truth for query in queries)
        ]

    def queries(self, split: str) -> tuple[Query, ...]:
        """The queries of a split. Raises ``InputError`` if it is missing or empty."""
        if split not in self.splits:
            known = ", ".join(self.splits) or "none"
            raise InputError(f"there is no split {split!r}; {self.folder} has {known}")
        if not self.splits[split]:
            raise InputError(
                f"the split {split!r} has no queries; check {self.folder / split}.jsonl"
            )
        return self.splits[split]

    def path(self, video_id: str) -> Path:
        """A video's file. Raises ``InputError`` unless there is exactly one."""
        paths = self._files.of(video_id)
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise InputError(
                f"the video {video_id!r} is in {self.videos} more than once, as {names}; "
                "keep one of them"
            )
        if not paths:
            raise InputError(
                f"the video {video_id!r} is missing; put it into {self.videos}"
            )
        return paths[0]

    @cached_property
    def _files(self) -> VideoFolder:
        return VideoFolder(self.videos)
