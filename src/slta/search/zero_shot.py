"""Zero-shot search: segments of the relevance curve above the threshold line."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cached_property

import numpy as np
from jaxtyping import Float

from slta.errors import InputError
from slta.features import extractor
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.library import Library
from slta.features.store import Record, Store, trusted
from slta.features.text.sentences import packed, unpacked
from slta.moments import Moment, VideoInfo, ranking
from slta.moments.segments import Segment, above_line, runs, spans_of
from slta.search import compact, evidence
from slta.search.answers import IN_MEMORY, Answer, Indexed, Terms, not_finite
from slta.search.compact import Compact, compacted
from slta.search.evidence import Background, Relevance

EXTRACTOR = "imagenet-words"
"""The default extractor."""
RATE_HZ = 2.0
"""Sampled frames per second."""
CLEAR = 0.65
PIECE = 32
"""Frames of stored features that are read at a time."""
LEAST_SCORE = 0.01
"""Minimum score of a moment, its share of all evidence."""
TERMS = Terms(
    part="phrase",
    relevance="standard deviations",
    line="above it a frame belongs to a moment",
)


class ZeroShot:
    """Zero-shot search. Confidence is the probability that the video shows what the query
    describes, at a prior of 0.5; scores are shares of the evidence in the video."""

    def __init__(self, extractor_name: str | None, store: Store) -> None:
        """Raises ``InputError`` for an extractor that needs a trained model."""
        name = EXTRACTOR if extractor_name is None else extractor_name
        self.library = Library(extractor(name), store, RATE_HZ)
        if not self.library.extractor.common_space:
            raise InputError(
                f"the features of {name} have no common space with sentences and need a "
                "trained model; give a run with --checkpoint RUN, or leave --extractor out"
            )

    def prepare(self, record: Record, features: VideoFeatures) -> Background | Compact:
        """The background of a video; of a long one, its compact features."""
        if features.regions.size > IN_MEMORY:
            return self._compact(record, features)
        name = f"background-{evidence.VERSION}"

        def made() -> Mapping[str, np.ndarray]:
            here = evidence.background(features, self.unrelated, rate_hz=RATE_HZ)
            return {f.name: getattr(here, f.name) for f in fields(here)}

        stored = self._derived(record, name, made)
        with trusted(stored):
            return Background(**stored.arrays)

    def _compact(self, record: Record, features: VideoFeatures) -> Compact:
        pieces = (
            features.part(first, first + PIECE)
            for first in range(0, len(features.times_s), PIECE)
        )
        name = f"compact-{evidence.VERSION}-{compact.VERSION}"
        stored = self._derived(
            record,
            name,
            lambda: compacted(pieces, self.unrelated, RATE_HZ).arrays(),
        )
        with trusted(stored):
            return Compact.from_arrays(**stored.arrays)

    def _derived(
        self, record: Record, name: str, make: Callable[[], Mapping[str, np.ndarray]]
    ) -> Record:
        """What follows from a record; inside it, to be removed with it."""
        names, store = (self.library.record_name, name), self.library.store
        stored = store.read(record.digest, *names)
        if stored is None:
            arrays = make()
            with store.write(record.digest, *names, facts={}) as writer:
                writer.append(arrays)
            stored = store.read(record.digest, *names)
            assert stored is not None
        return stored

    def answer(
        self,
        indexed: Indexed[Background | Compact],
        query: QueryFeatures,
        *,
        top: int,
    ) -> Answer:
        sights: VideoFeatures | Compact = indexed.features
        background = indexed.prepared
        if isinstance(background, Compact):
            sights, background = background, background.background
        found = evidence.relevance(sights, query, background, rate_hz=RATE_HZ)
        if not np.isfinite(found.curve).all():
            raise not_finite(indexed.folder)
        return answer_of(
            found,
            query,
            background,
            indexed.info,
            indexed.features.boxes,
            top=top,
        )

    @cached_property
    def unrelated(self) -> list[QueryFeatures]:
        """Features of the unrelated sentences, stored for each version of an extractor."""
        read_by, store = self.library.extractor, self.library.store
        name = f"{read_by.id}@{read_by.version}-{evidence.VERSION}"
        record = store.read("unrelated", name)
        if record is None:
            read = [read_by.text(s) for s in evidence.unrelated_sentences()]
            facts, arrays = packed(read)
            with store.write("unrelated", name, facts=facts) as writer:
                writer.append(arrays)
            record = store.read("unrelated", name)
            assert record is not None
        with trusted(record):
            return unpacked(record.facts, record.arrays)


def answer_of(
    found: Relevance,
    query: QueryFeatures,
    background: Background,
    info: VideoInfo,
    boxes: Float[np.ndarray, "t r 4"],
    *,
    top: int,
) -> Answer:
    """The answer of a video, from the relevance of its frames."""
    height = above_line(found.curve, rate_hz=RATE_HZ)
    return Answer(
        query=query.query,
        video=info,
        confidence=evidence.confidence(
            found.agreement, background, known=query.known, rate_hz=RATE_HZ
        ),
        clear_from=CLEAR,
        moments=tuple(moments_of(height, info.video_id, info.duration_s, top=top)),
        parts=query.phrases,
        part_weights=found.phrase_weights,
        times_s=np.arange(len(found.curve)) / RATE_HZ,
        relevance=found.curve,
        line=float(found.curve[0] - height[0]),
        boxes=boxes,
        region_weights=found.region_weights,
        terms=TERMS,
    )


def moments_of(
    height: Float[np.ndarray, " t"], video_id: str, duration_s: float, *, top: int
) -> list[Moment]:
    """At most ``top`` moments of a curve's height above its line, by share of the total."""
    best = runs(height) or [Segment(0, len(height), 1.0)]
    spans, offsets_s = spans_of(best, height, rate_hz=RATE_HZ)
    totals = np.array([run.total for run in best])
    moments = ranking.rank(
        video_id,
        spans,
        totals / totals.sum(),
        offsets_s=offsets_s,
        duration_s=duration_s,
        top=top,
    )
    # Moments with hardly any evidence are noise.
    return [m for m in moments if m.score >= LEAST_SCORE] or moments[:1]
