"""A split with its features, as training and evaluation read it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from slta.datasets.base import Dataset, Facts
from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.provider import Provider
from slta.moments import Query, VideoInfo
from slta.progress import Progress

FRAMES = 64
"""Frames whose regions are processed at a time, to bound memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    queries: tuple[Query, ...]
    query_features: tuple[QueryFeatures, ...]
    """Features of each query, in the same order."""
    videos: Mapping[str, VideoFeatures]
    infos: Mapping[str, VideoInfo]
    facts: Mapping[str, Facts] = field(default_factory=dict)
    """Further annotations by query id; most queries have none."""

    @property
    def by_video(self) -> dict[str, list[int]]:
        """Indices of each video's queries."""
        numbers: dict[str, list[int]] = {}
        for number, query in enumerate(self.queries):
            numbers.setdefault(query.video_id, []).append(number)
        return numbers


def prepare(
    dataset: Dataset,
    name: str,
    library: Provider,
    progress: Progress | None = None,
    *,
    most: int | None = None,
) -> Split:
    """A split with the features of its videos and queries, extracted if they are missing.
    ``most`` limits the number of videos, which are then taken evenly."""
    queries = dataset.queries(name)
    video_ids = list(dict.fromkeys(query.video_id for query in queries))
    if most is not None and len(video_ids) > most:
        video_ids = [video_ids[len(video_ids) * i // most] for i in range(most)]
        kept = {*video_ids}
        queries = tuple(query for query in queries if query.video_id in kept)
    videos, infos = {}, {}
    for done, video_id in enumerate(video_ids, start=1):
        info, features = library.read(library.find(dataset, video_id))
        videos[video_id], infos[video_id] = features, info
        _check_sizes(video_ids[0], videos[video_ids[0]], video_id, features)
        if progress:
            progress(done, len(video_ids))
    query_features = library.sentences([query.query for query in queries])
    with_facts = {query.query_id for query in queries} & dataset.facts.keys()
    facts = {query_id: dataset.facts[query_id] for query_id in with_facts}
    return Split(queries, tuple(query_features), videos, infos, facts)


def _check_sizes(
    first_id: str, first: VideoFeatures, other_id: str, other: VideoFeatures
) -> None:
    for name in ("frames", "regions"):
        sizes = [getattr(video, name).shape[-1] for video in (first, other)]
        if sizes[0] != sizes[1]:
            raise InputError(
                f"the {name} of the video {other_id!r} have {sizes[1]} numbers, those "
                f"of {first_id!r} {sizes[0]}; make all features with the same extractor"
            )


def unknown_words(queries: Iterable[QueryFeatures]) -> tuple[int, Counter[str]]:
    """Number of words, and counts of the words without a vector."""
    count, unknown = 0, Counter[str]()
    for query in queries:
        count += len(query.words)
        unknown.update(query.unknown)
    return count, unknown


def spread(split: Split) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation of the split's frames, regions, boxes, words and
    sentences.

    Raises ``InputError`` for features that are not finite.
    """
    for video_id, video in split.videos.items():
        if not all(np.isfinite(rows).all() for rows in (video.frames, video.regions)):
            raise InputError(
                f"the features of the video {video_id!r} are not all finite; remove its "
                "folder in the store to have them extracted again"
            )
    videos = split.videos.values()
    vectors: dict[str, Iterable[np.ndarray]] = {
        "frames": (video.frames for video in videos),
        "regions": (rows for video in videos for rows in _there(video, video.regions)),
        "boxes": (
            _with_area(rows) for video in videos for rows in _there(video, video.boxes)
        ),
        "words": (query.word_vectors for query in split.query_features),
        "sentences": (query.sentence[None] for query in split.query_features),
    }
    return {name: _spread(arrays) for name, arrays in vectors.items()}


def _there(
    video: VideoFeatures, of_regions: Float[np.ndarray, "t r x"]
) -> Iterator[Float[np.ndarray, "_ x"]]:
    """Rows of real regions, some frames at a time."""
    for start in range(0, len(of_regions), FRAMES):
        some = of_regions[start : start + FRAMES]
        if video.region_mask is None:
            yield some.reshape(-1, some.shape[-1])
        else:
            yield some[video.region_mask[start : start + FRAMES]]


def _spread(arrays: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for array in arrays:
        rows = np.asarray(array, np.float64).reshape(-1, array.shape[-1])
        count += len(rows)
        total = total + rows.sum(axis=0)
        squares = squares + np.square(rows).sum(axis=0)
    mean = total / count
    return mean, np.sqrt(np.maximum(squares / count - mean**2, 0))


def _with_area(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 5"]:
    boxes = np.asarray(boxes, np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes, sides.prod(axis=1, keepdims=True)], axis=1)
