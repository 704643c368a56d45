"""The served folder: its index, asked by one request after another."""

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import numpy as np

from slta.errors import InputError
from slta.features.base import QueryFeatures
from slta.index.answers import Hits
from slta.index.examples import Example, times_of
from slta.index.explaining import explain
from slta.index.filters import Filter, moment_in_time, seconds
from slta.index.library import Index
from slta.index.likeness import Sought, looker
from slta.index.records import Video
from slta.moments import Span, clock
from slta.search.answers import Answer
from slta.serve.answers import shown
from slta.serve.decoder import DecoderPool
from slta.serve.films import Unknown, films

T = TypeVar("T")
LONGEST: Final = 500
"""Maximum letters of a query."""
MOST: Final = 10_000
"""Maximum moments of an answer."""
OF_A_FILM: Final = 50
"""Maximum moments of an answer within one video."""
LIKE: Final = re.compile(r"([0-9a-f]{64})@([0-9.]{1,12})-([0-9.]{1,12})")


class Kept(OrderedDict[Hashable, T], Generic[T]):
    """The last ``most`` values that were asked for."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def get_or(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self:
            self.put(key, make())
        self.move_to_end(key)
        return self[key]

    def put(self, key: Hashable, value: T) -> None:
        self[key] = value
        while len(self) > self._most:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search, as it is asked of the server; hashable."""

    query: str = ""
    like: str = ""
    """A part of a video, VIDEO@START-END, that moments look like."""
    picture: str = ""
    """Id of a picture that moments look like."""
    top: int = 20
    per_video: int | None = None
    within: str | None = None
    since: str | None = None
    until: str | None = None
    longer: str | None = None
    shorter: str | None = None
    confidence: float = 0.0

    def check(self) -> None:
        """Raises ``InputError``."""
        given = [text for text in (self.query, self.like, self.picture) if text.strip()]
        if not given:
            raise InputError("there is no query; write what to look for")
        if len(given) > 1:
            raise InputError("give only one of q, like and picture")
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


class Shelf:
    """An index whose answers are kept until it changes."""

    def __init__(self, index: Index, decoder: DecoderPool) -> None:
        self.index, self._decoder = index, decoder
        # One at a time: searches use all of Python's time anyway.
        self._worker = ThreadPoolExecutor(1, "search")
        self._hits = Kept[Hits](256)
        self._sought = Kept[QueryFeatures | Sought](256)
        self._answers = Kept[Answer](16)
        self._pictures = Kept[Example](64)

    async def run(self, work: Callable[[], T]) -> T:
        """What a function gives, after those before it."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def search(self, asked: Wanted) -> Hits:
        asked.check()
        sought = await self._read(asked)
        return await self.run(lambda: self._search(asked, sought))

    def _search(self, asked: Wanted, sought: QueryFeatures | Sought) -> Hits:
        def find() -> Hits:
            hits = self.index.find(
                sought, top=asked.top, per_video=asked.per_video, only=asked.filter
            )
            sure = [m for m in hits.moments if m.confidence >= asked.confidence]
            like = sought.example if isinstance(sought, Sought) else None
            return replace(hits, moments=tuple(sure), like=like)

        return self._hits.get_or((films(self.index), asked), find)

    async def _read(self, asked: Wanted) -> QueryFeatures | Sought:
        key = asked.query, asked.like, asked.picture
        read: QueryFeatures | Sought
        if key in self._sought:
            return self._sought[key]
        if asked.query:
            read = await self.run(lambda: self.index.searcher.read(asked.query))
        else:
            example = await self._example(asked)
            read = await self.run(lambda: Sought.of(example, self._looker))
        self._sought.put(key, read)
        return read

    async def _example(self, asked: Wanted) -> Example:
        if asked.picture:
            if asked.picture not in self._pictures:
                raise Unknown("this picture is not kept any more; choose it once more")
            return self._pictures[asked.picture]
        match = LIKE.fullmatch(asked.like)
        if match is None:
            raise InputError(f"like {asked.like[:80]!r} is not VIDEO@START-END")
        facts, path = await self.video(match[1])
        span = span_in(facts, match[2], match[3])
        width, height = self._looker.size
        times_s = times_of(span)
        pixels = await self._decoder.do(
            "frames", path=str(path), times_s=[*times_s], width=width, height=height
        )
        images = np.frombuffer(pixels, np.uint8).reshape(-1, height, width, 3)
        name = f"{shown(path.name)} {clock(span.start)}-{clock(span.end)}"
        return Example(name, path, span, images)

    async def add_picture(self, name: str, path: Path) -> None:
        """Keeps the picture in a file, to be looked for by that name."""
        width, height = self._looker.size
        pixels = await self._decoder.do(
            "picture", path=str(path), width=width, height=height
        )
        image = np.frombuffer(pixels, np.uint8).reshape(1, height, width, 3)
        self._pictures.put(name, Example("the picture", path, None, image))

    @property
    def _looker(self) -> Any:
        return looker(self.index.model.library.extractor)

    async def explain(self, asked: Wanted, video: str) -> tuple[Answer, Hits]:
        """The relevance of a whole video, and its moments."""
        asked.check()
        facts, _ = await self.video(video)
        sought = await self._read(asked)
        within = replace(
            Wanted(query=asked.query, like=asked.like, picture=asked.picture),
            top=OF_A_FILM,
        )

        def found() -> tuple[Answer, Hits]:
            key = video, within
            answer = self._answers.get_or(
                key, lambda: explain(self.index.place, facts, sought, top=1)
            )
            only = Filter(video=video)
            hits = self._hits.get_or(
                (films(self.index), *key),
                lambda: self.index.find(sought, top=OF_A_FILM, only=only),
            )
            return answer, hits

        return await self.run(found)

    def shown(self, hits: Hits) -> dict[str, Any]:
        """``Hits.to_json``, with the id and the file of each video."""
        answer, ids = hits.to_json(), films(self.index).ids
        for moment in answer["moments"]:
            file = Path(moment["path"]).relative_to(self.index.root).as_posix()
            moment["video"] = ids.get(file, "")
            moment["file"] = file
        answer["clear_from"] = hits.clear_from
        plain: dict[str, Any] = json.loads(
            shown(json.dumps(answer, ensure_ascii=False))
        )
        return plain

    async def video(self, name: str) -> tuple[Video, Path]:
        """A video and one of its files. Raises ``Unknown``."""
        # A new snapshot takes a while to be read.
        return await asyncio.to_thread(lambda: films(self.index).video(name))

    async def rows(self) -> list[dict[str, Any]]:
        """All videos, for answers."""
        return await asyncio.to_thread(lambda: films(self.index).rows)

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)


def span_in(video: Video, start: str | float, end: str | float) -> Span:
    """A span of a video. Raises ``InputError`` for what is none."""
    try:
        start_s, end_s = float(start), min(float(end), video.duration_s)
    except ValueError:
        raise InputError(f"{start} to {end} are no times in seconds") from None
    if not 0 <= start_s < end_s:
        raise InputError(
            f"{start} to {end} s is no part of a video of {video.duration_s:.1f} s"
        )
    return Span(start_s, end_s)
