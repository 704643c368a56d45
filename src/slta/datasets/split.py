"""A split with its features: what training and evaluation read."""

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
"""Whose regions are added up at a time: those of a long video would fill the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    queries: tuple[Query, ...]
    asked: tuple[QueryFeatures, ...]
    """The features of each query, in the same order."""
    videos: Mapping[str, VideoFeatures]
    infos: Mapping[str, VideoInfo]
    facts: Mapping[str, Facts] = field(default_factory=dict)
    """What the data set says besides, by the query's id; most queries have none."""

    @property
    def by_video(self) -> dict[str, list[int]]:
        """The numbers of each video's queries."""
        found: dict[str, list[int]] = {}
        for number, query in enumerate(self.queries):
            found.setdefault(query.video_id, []).append(number)
        return found


def prepare(
    dataset: Dataset,
    name: str,
    library: Provider,
    progress: Progress | None = None,
    *,
    most: int | None = None,
) -> Split:
    """Reads the features of a split's videos and queries; what is not there is made.
    With ``most``, of so many videos at most, taken evenly from all."""
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
    asked = library.sentences([query.query for query in queries])
    known = {query.query_id for query in queries} & dataset.facts.keys()
    facts = {query_id: dataset.facts[query_id] for query_id in known}
    return Split(queries, tuple(asked), videos, infos, facts)


def _check_sizes(
    first_id: str, first: VideoFeatures, other_id: str, other: VideoFeatures
) -> None:
    for name in ("frames", "regions"):
        sizes = [getattr(each, name).shape[-1] for each in (first, other)]
        if sizes[0] != sizes[1]:
            raise InputError(
                f"the {name} of the video {other_id!r} have {sizes[1]} numbers, those "
                f"of {first_id!r} {sizes[0]}; make all features with the same extractor"
            )


def unknown_words(asked: Iterable[QueryFeatures]) -> tuple[int, Counter[str]]:
    """How many words there are, and how often each of those without a vector is."""
    count, unknown = 0, Counter[str]()
    for each in asked:
        count += len(each.words)
        unknown.update(each.unknown)
    return count, unknown


def spread(split: Split) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation of the split's frames, regions, words and sentences.

    Raises ``InputError`` for a video whose features are not all numbers.
    """
    for video_id, video in split.videos.items():
        if not all(np.isfinite(each).all() for each in (video.frames, video.regions)):
            raise InputError(
                f"the features of the video {video_id!r} are not all numbers; remove "
                "its folder in the store to have them made again"
            )
    videos = split.videos.values()
    vectors: dict[str, Iterable[np.ndarray]] = {
        "frames": (video.frames for video in videos),
        "regions": (rows for video in videos for rows in _there(video, video.regions)),
        "boxes": (
            _with_area(rows) for video in videos for rows in _there(video, video.boxes)
        ),
        "words": (asked.word_vectors for asked in split.asked),
        "sentences": (asked.sentence[None] for asked in split.asked),
    }
    return {name: _spread(arrays) for name, arrays in vectors.items()}


def _there(
    video: VideoFeatures, of_regions: Float[np.ndarray, "t r x"]
) -> Iterator[Float[np.ndarray, "_ x"]]:
    """What belongs to regions that are there, of some frames at a time."""
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
