"""What every data set gives: queries by split, and a file for each video."""

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
    """What a data set says of a query beyond its true spans.

    Shapes: a annotators · c clips · p windows.
    """

    chunks: Int[np.ndarray, "a 2"] | None = None
    """Of DiDeMo: the first and the last chunk of 5 s that each annotator chose."""
    clips: Int[np.ndarray, " c"] | None = None
    """Of QVHighlights: the numbers of the clips of 2 s that show what is asked."""
    saliency: Int[np.ndarray, "c 3"] | None = None
    """Of QVHighlights: what each annotator gave each of these clips, from 0 to 4."""
    nouns: tuple[str, ...] | None = None
    """Of the SLTA release: the words that it takes for the query's nouns."""
    windows: Int[np.ndarray, "p 2"] | None = None
    """Of the SLTA release: the windows that the query is trained with, in its units."""


UNFINISHED: Final = frozenset(".aria2 .crdownload .download .part .tmp .ytdl".split())
"""Suffixes of what a downloader has not finished."""


class VideoFolder:
    """The files of a folder, listed once, by the videos that they are called after.

    A name has a suffix of its own or none: ids of TACoS and DiDeMo end in one themselves.
    Hidden files are no videos, nor is what holds no film, such as a thumbnail or subtitles.
    Only where a name leaves open which file is the film are files looked into.
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
        """Each video's id with its files."""
        for video_id, paths in self._by_stem.items():
            if films := _films(paths):
                yield video_id, films

    def of(self, video_id: str) -> list[Path]:
        """None or several where a folder is not as it should be."""
        name = composed(video_id)
        return _films(self._by_name.get(name, ())) or _films(
            self._by_stem.get(name, ())
        )


def _films(paths: Sequence[Path]) -> list[Path]:
    """Those that are films, or are called so; of several, a whole one goes first. One that
    is called so and is damaged is to be told, rather than passed over."""
    called = [path for path in paths if path.suffix.lower() in FILMS]
    films = called + [path for path in paths if path not in called and holds_film(path)]
    if len(films) > 1:
        return [path for path in films if holds_film(path)] or films
    return films


@dataclass(frozen=True)
class Dataset:
    digest: str
    """SHA-256 over its annotations."""
    splits: Mapping[str, tuple[Query, ...]]
    folder: Path
    """Where its annotations lie."""
    videos: Path
    """Folder of the files, each named by its video's id."""
    durations_s: Mapping[str, float] = field(default_factory=dict)
    """Lengths of the videos that the annotations know, by the video's id."""
    facts: Mapping[str, Facts] = field(default_factory=dict)
    """By the query's id; most queries have none."""

    @property
    def video_ids(self) -> list[str]:
        """Of all splits, each once."""
        each = (q.video_id for queries in self.splits.values() for q in queries)
        return list(dict.fromkeys(each))

    @property
    def tested(self) -> list[str]:
        """Splits that are neither trained nor chosen with, and of which some truth is
        known."""
        return [
            name
            for name, queries in self.splits.items()
            if name not in ("train", "val") and any(query.truth for query in queries)
        ]

    def queries(self, split: str) -> tuple[Query, ...]:
        """Raises ``InputError`` for a split that is not there or has no queries."""
        if split not in self.splits:
            known = ", ".join(self.splits) or "none"
            raise InputError(f"there is no split {split!r}; {self.folder} has {known}")
        if not self.splits[split]:
            raise InputError(
                f"the split {split!r} has no queries; "
                f"look into {self.folder / split}.jsonl"
            )
        return self.splits[split]

    def path(self, video_id: str) -> Path:
        """Raises ``InputError`` unless there is one file of this video."""
        found = self._files.of(video_id)
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise InputError(
                f"the video {video_id!r} is in {self.videos} more than once, as {names}; "
                "keep one of them"
            )
        if not found:
            raise InputError(
                f"the video {video_id!r} is missing; put it into {self.videos}"
            )
        return found[0]

    @cached_property
    def _files(self) -> VideoFolder:
        return VideoFolder(self.videos)
