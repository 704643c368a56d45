"""Ask a video: file and sentence in, ranked moments out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta import ranking, video
from slta.decoding import head_of
from slta.errors import InputError
from slta.features import extractor
from slta.features.base import Extractor, QueryFeatures, VideoFeatures
from slta.features.packing import packed, unpacked
from slta.features.store import Record, Store
from slta.models import untrained
from slta.models.untrained import Background, Relevance
from slta.moments import Moment, VideoInfo
from slta.runs import Run, above_line, runs, spans_of

RATE_HZ = 2.0
"""Frames a second that are looked at."""
CLEAR = 0.65
"""Confidence from which a match counts as clear."""

LEAST_SCORE = 0.01
"""Share of the evidence below which a moment is not worth naming."""
IN_MEMORY = 20_000_000
"""Numbers of a video's regions up to which its features are kept for the next query."""

Progress = Callable[[float, float], None]
"""Told how many seconds of how many are done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a video says to a query."""

    query: str
    video: VideoInfo
    confidence: float
    """Share of unrelated sentences that agree less with this video, in [0, 1]."""
    moments: tuple[Moment, ...]
    """Best first. Scores are shares of all the evidence for the query in the video."""
    phrases: tuple[str, ...]
    times_s: Float[np.ndarray, " t"]
    relevance: Relevance
    line: float
    """Relevance from which a frame belongs to a moment."""
    boxes: Float[np.ndarray, "t r 4"]

    @property
    def is_clear(self) -> bool:
        """Whether the best moment fits better than chance would have it."""
        return self.confidence >= CLEAR

    def to_json(self) -> dict[str, Any]:
        """As in docs/search-json.md."""
        return {
            "query": self.query,
            "video_id": self.video.video_id,
            "duration_s": round(self.video.duration_s, 3),
            "clear_match": self.is_clear,
            "confidence": round(self.confidence, 3),
            "moments": [
                {
                    "start_s": round(moment.span.start, 3),
                    "end_s": round(moment.span.end, 3),
                    "score": round(moment.score, 3),
                }
                for moment in self.moments
            ],
            "phrases": [
                {"phrase": phrase, "weight": round(float(weight), 3)}
                for phrase, weight in zip(
                    self.phrases, self.relevance.phrase_weights, strict=True
                )
            ],
        }


@dataclass(frozen=True, slots=True)
class Indexed:
    """A video whose features are in the store."""

    info: VideoInfo
    features: VideoFeatures
    background: Background
    folder: Path
    """Where the features lie."""


class Searcher:
    """Looks into videos and remembers what it saw."""

    def __init__(
        self,
        extractor_name: str = "imagenet-words",
        *,
        store: str | Path | None = None,
    ) -> None:
        self.extractor: Extractor = extractor(extractor_name)
        self.store = Store(Path(store) if store else None)
        self._latest: Indexed | None = None

    def search(
        self,
        path: str | Path,
        query: str,
        *,
        top: int = 5,
        progress: Progress | None = None,
    ) -> Answer:
        """The moments of the video at ``path`` that ``query`` describes.

        Raises ``InputError`` for a video or a query that cannot be used.
        """
        if top < 1:
            raise InputError(f"top must be at least 1, got {top}")
        asked = self.extractor.text(query)
        return self.answer(self.index(path, progress=progress), asked, top=top)

    def answer(self, indexed: Indexed, asked: QueryFeatures, *, top: int) -> Answer:
        """The moments of an indexed video that a read query describes."""
        found = untrained.relevance(
            indexed.features, asked, indexed.background, rate_hz=RATE_HZ
        )
        if not np.isfinite(found.curve).all():
            self._latest = None
            raise InputError(
                f"the features in {indexed.folder} hold values that are not numbers; "
                f"remove the folder {indexed.folder} to have them made again"
            )
        height = above_line(found.curve, rate_hz=RATE_HZ)
        best = runs(height) or [Run(0, len(height), 1.0)]
        spans, offsets_s = spans_of(best, height, rate_hz=RATE_HZ)
        totals = np.array([run.total for run in best])
        moments = ranking.rank(
            indexed.info.video_id,
            spans,
            totals / totals.sum(),
            offsets_s=offsets_s,
            duration_s=indexed.info.duration_s,
            top=top,
        )
        first = max(best, key=lambda run: run.total)
        # What has hardly any of the evidence is a flicker, not a moment.
        moments = [m for m in moments if m.score >= LEAST_SCORE] or moments[:1]
        return Answer(
            query=asked.query,
            video=indexed.info,
            confidence=untrained.confidence(
                float(found.agreement[first.first : first.end].mean()),
                asked.sentence,
                indexed.background,
            ),
            moments=tuple(moments),
            phrases=asked.phrases,
            times_s=np.asarray(indexed.features.times_s, np.float64),
            relevance=found,
            line=float(found.curve[0] - height[0]),
            boxes=indexed.features.boxes,
        )

    def index(self, path: str | Path, *, progress: Progress | None = None) -> Indexed:
        """The features of a video, from the store or made and kept there."""
        record = self.extract(path, progress=progress)
        with _trusted(record):
            info = VideoInfo(Path(path).stem, **record.facts["video"])
            features = VideoFeatures(**record.arrays)
        if self._latest and self._latest.folder == record.folder:
            return replace(self._latest, info=info)
        background = self._background(record, features)
        if features.regions.size <= IN_MEMORY:
            features = features.part(0, len(features.times_s))
        self._latest = Indexed(info, features, background, record.folder)
        return self._latest

    def extract(self, path: str | Path, *, progress: Progress | None = None) -> Record:
        """The record of a video's features; only a new video is looked at."""
        path = Path(path)
        head_of(path)
        digest = self.store.digest(path)
        record = self.store.read(digest, self._record_name)
        if record is None:
            self._make(path, digest, progress)
            record = self.store.read(digest, self._record_name)
            assert record is not None
        return record

    def _make(self, path: Path, digest: str, progress: Progress | None) -> None:
        info = video.probe(path)
        facts: dict[str, Any] = {
            "extractor": self.extractor.id,
            "version": self.extractor.version,
            "rate_hz": RATE_HZ,
            "video": {
                "duration_s": info.duration_s,
                "width": info.width,
                "height": info.height,
            },
        }
        with self.store.write(digest, self._record_name, facts=facts) as writer:
            done = 0
            for frames in video.sample(path, rate_hz=RATE_HZ, size=self.extractor.size):
                made = self.extractor.video(frames)
                count = len(frames.times_s)
                arrays = _arrays(made, np.float16)
                # A sample stands for its time on the grid, not for the moment at which
                # its frame came on display.
                arrays["times_s"] = np.arange(done, done + count) / RATE_HZ
                writer.append(arrays)
                done += count
                if progress:
                    progress(min(done / RATE_HZ, info.duration_s), info.duration_s)

    def _background(self, video: Record, features: VideoFeatures) -> Background:
        # Inside the record that it is made of: whoever removes that removes both.
        names = self._record_name, f"background-{untrained.VERSION}"
        record = self.store.read(video.digest, *names)
        if record is None:
            made = untrained.background(features, self._unrelated, rate_hz=RATE_HZ)
            with self.store.write(video.digest, *names, facts={}) as writer:
                writer.append(_arrays(made, np.float32))
            record = self.store.read(video.digest, *names)
            assert record is not None
        with _trusted(record):
            return Background(**record.arrays)

    @cached_property
    def _unrelated(self) -> list[QueryFeatures]:
        """The unrelated sentences, read once by each version of an extractor."""
        name = f"{self.extractor.id}@{self.extractor.version}-{untrained.VERSION}"
        record = self.store.read("unrelated", name)
        if record is None:
            read = [self.extractor.text(s) for s in untrained.unrelated_sentences()]
            facts, arrays = packed(read)
            with self.store.write("unrelated", name, facts=facts) as writer:
                writer.append(arrays)
            record = self.store.read("unrelated", name)
            assert record is not None
        with _trusted(record):
            return unpacked(record.facts, record.arrays)

    @property
    def _record_name(self) -> str:
        return f"{self.extractor.id}@{self.extractor.version}-{RATE_HZ:g}hz"


@contextmanager
def _trusted(record: Record) -> Iterator[None]:
    """Says of a record that lacks something what to do about it."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the record {record.folder} is damaged ({error}); "
            f"remove the folder {record.folder} to have it made again"
        ) from error


def _arrays(
    values: VideoFeatures | Background, kind: type[np.floating[Any]]
) -> dict[str, Float[np.ndarray, "..."]]:
    return {
        field.name: np.asarray(getattr(values, field.name), kind)
        for field in fields(values)
    }
