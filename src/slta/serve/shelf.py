"""The served folder: its index, asked by one request after another."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from slta.errors import InputError
from slta.index.answers import Hits
from slta.index.filters import Filter, moment_in_time, seconds
from slta.index.library import Index
from slta.index.records import Snapshot, Video

T = TypeVar("T")
LONGEST = 500
"""Maximum letters of a query."""
MOST = 1000
"""Maximum moments of an answer."""
KEPT = 256
"""Answers that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search, as it is asked of the server; hashable."""

    query: str
    top: int = 20
    per_video: int | None = None
    within: str | None = None
    since: str | None = None
    until: str | None = None
    longer: str | None = None
    shorter: str | None = None

    def check(self) -> None:
        """Raises ``InputError``."""
        if not self.query.strip():
            raise InputError("there is no query; write what to look for")
        if len(self.query) > LONGEST:
            raise InputError(
                f"the query has {len(self.query)} letters; write at most {LONGEST}"
            )
        if not 1 <= self.top <= MOST:
            raise InputError(f"top must be 1 to {MOST}, got {self.top}")

    @property
    def filter(self) -> Filter:
        return Filter(
            within=self.within or None,
            since_s=_read(moment_in_time, "since", self.since),
            until_s=_read(moment_in_time, "until", self.until),
            longer_s=_read(seconds, "longer", self.longer),
            shorter_s=_read(seconds, "shorter", self.shorter),
        )


def _read(
    kind: Callable[[str, str], float], name: str, text: str | None
) -> float | None:
    return kind(name, text) if text and text.strip() else None


class UnknownVideo(InputError):
    """An id of no video that is there."""


class Shelf:
    """An index whose answers are kept until it changes."""

    def __init__(self, index: Index) -> None:
        self.index = index
        # One at a time: searches use all of Python's time anyway.
        self._worker = ThreadPoolExecutor(1, "search")
        self._kept = OrderedDict[tuple[int, Wanted], Hits]()

    async def run(self, work: Callable[[], T]) -> T:
        """What a function gives, after those before it."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def search(self, asked: Wanted) -> Hits:
        asked.check()
        return await self.run(lambda: self._search(asked))

    def _search(self, asked: Wanted) -> Hits:
        key = (id(self.index.snapshot()), asked)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        hits = self.index.search(
            asked.query,
            top=asked.top,
            per_video=asked.per_video,
            only=asked.filter,
        )
        self._kept[key] = hits
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return hits

    @property
    def snapshot(self) -> Snapshot:
        return self.index.snapshot()

    def shown(self, hits: Hits) -> dict[str, Any]:
        """``Hits.to_json``, with the id of each video."""
        root = self.index.root
        ids = {root / file.path: file.video for file in self.snapshot.there}
        answer = hits.to_json()
        for moment in answer["moments"]:
            path = Path(moment["path"])
            moment["video"] = ids.get(path, "")
            moment["file"] = path.relative_to(root).as_posix()
        return answer

    def video(self, name: str) -> tuple[Video, Path]:
        """A video and one of its files. Raises ``UnknownVideo``."""
        snapshot = self.snapshot
        videos = {video.id: video for video in snapshot.videos}
        paths = sorted(file.path for file in snapshot.there if file.video == name)
        for path in paths:
            # The folder may have changed since it was indexed: a link may lead elsewhere.
            file = (self.index.root / path).resolve()
            if file.is_relative_to(self.index.root) and file.is_file():
                return videos[name], file
        raise UnknownVideo("this video is not in the folder; search again")

    def videos(self) -> list[dict[str, Any]]:
        snapshot = self.snapshot
        names = dict[str, list[str]]()
        for file in snapshot.there:
            names.setdefault(file.video, []).append(file.path)
        return [
            {
                "video": video.id,
                "files": sorted(names[video.id]),
                "duration_s": round(video.duration_s, 3),
                "width": video.width,
                "height": video.height,
                "made_s": video.made_s,
            }
            for video in snapshot.videos
            if video.id in names
        ]

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)
