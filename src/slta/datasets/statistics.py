"""Statistics of a data set: lengths, words and positions of its moments."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta import video
from slta.datasets.base import Dataset, VideoFolder
from slta.errors import InputError
from slta.features.layouts import open_preextracted
from slta.features.layouts.base import look_at
from slta.moments import Query
from slta.moments.spans import as_array
from slta.progress import Progress

QUANTILES = {"least": 0.0, "quarter": 0.25, "median": 0.5, "three quarters": 0.75}
QUANTILES |= {"most": 1.0}
BINS = 20
"""Bins of a video's length in the moment prior."""


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Statistics of a split. Shapes: v videos · q queries · s spans · k spans in videos of
    known length."""

    split: str
    videos: int
    unknown: int
    """Queries without ground truth."""
    empty: int
    """Queries annotated as not in their video."""
    several: int
    """Queries with more than one span."""
    vocabulary: int
    """Distinct words, ignoring case."""
    words: Float[np.ndarray, " q"]
    durations_s: Float[np.ndarray, " v"]
    lengths_s: Float[np.ndarray, " s"]
    relative: Float[np.ndarray, "k 2"]
    """Spans as fractions of their videos."""

    @property
    def prior(self) -> Float[np.ndarray, "20 20"]:
        """Share of the spans by start and end, in twentieths of the video."""
        edges = np.linspace(0, 1, BINS + 1)
        counts, _, _ = np.histogram2d(
            self.relative[:, 0], self.relative[:, 1], bins=[edges, edges]
        )
        return counts / max(1.0, counts.sum())

    def rows(self) -> dict[str, dict[str, float]]:
        """Quantiles and means of non-empty quantities, by name."""
        named = {
            "words a query": self.words,
            "video, s": self.durations_s,
            "span, s": self.lengths_s,
            "span, share of the video": self.relative[:, 1] - self.relative[:, 0],
        }
        return {
            name: {
                **{
                    word: round(float(np.quantile(values, at)), 3)
                    for word, at in QUANTILES.items()
                },
                "mean": round(float(values.mean(axis=0)), 3),
            }
            for name, values in named.items()
            if len(values)
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "split": self.split,
            "videos": self.videos,
            "queries": len(self.words),
            "truth_unknown": self.unknown,
            "not_in_the_video": self.empty,
            "several_spans": self.several,
            "vocabulary": self.vocabulary,
            "quantiles": self.rows(),
            "prior": self.prior.round(5).tolist(),
        }


def statistics(dataset: Dataset) -> list[Statistics]:
    return [_of(dataset, name, rows) for name, rows in dataset.splits.items() if rows]


def _of(dataset: Dataset, split: str, queries: Sequence[Query]) -> Statistics:
    video_ids = dict.fromkeys(query.video_id for query in queries)
    known = [name for name in video_ids if name in dataset.durations_s]
    texts = [query.query.lower().split() for query in queries]
    spans = as_array([span for query in queries for span in query.truth or ()])
    relative = [
        np.clip(as_array(query.truth) / dataset.durations_s[query.video_id], 0, 1)
        for query in queries
        if query.truth and query.video_id in dataset.durations_s
    ]
    return Statistics(
        split=split,
        videos=len(video_ids),
        unknown=sum(query.truth is None for query in queries),
        empty=sum(query.truth == () for query in queries),
        several=sum(len(query.truth or ()) > 1 for query in queries),
        vocabulary=len({word.strip(".,;:!?\"'") for words in texts for word in words}),
        words=np.array([len(words) for words in texts], np.float64),
        durations_s=np.array([dataset.durations_s[name] for name in known], np.float64),
        lengths_s=spans[:, 1] - spans[:, 0],
        relative=np.concatenate([np.zeros((0, 2)), *relative]),
    )


def lengths_s(
    root: Path, video_ids: Sequence[str], progress: Progress | None = None
) -> dict[str, float]:
    """Lengths in seconds by the videos, or else the pre-extracted features, in a data set's
    folder. Videos with neither, and damaged ones, are left out; ``check`` reports them.
    """
    films = VideoFolder(root / "videos")
    ready = (
        open_preextracted("preextracted", root).layout
        if (root / "features").is_dir()
        else None
    )
    found: dict[str, float] = {}
    for done, name in enumerate(video_ids, start=1):
        for path in films.of(name)[:1]:
            with suppress(InputError):
                found[name] = video.probe(path).duration_s
        if name not in found and ready is not None and name in ready.videos:
            length_s = look_at(ready, name).duration_s
            if length_s is not None:
                found[name] = length_s
        if progress:
            progress(done, len(video_ids))
    return found
