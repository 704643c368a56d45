"""Many videos at once into the store, so that training and search find them there."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from slta.datasets import SOURCES, own, source
from slta.datasets.base import Dataset, VideoFolder
from slta.datasets.split import unknown_words
from slta.errors import InputError, UnwritableError
from slta.features.layouts.base import sizes
from slta.features.provider import Provider
from slta.progress import ProgressFactory, no_progress

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(slots=True)
class Extracted:
    """What became of the videos."""

    made: list[Path] = field(default_factory=list)
    found: list[Path] = field(default_factory=list)
    """Those that the store had already."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why each of the others cannot be used, by its name."""
    video_s: float = 0.0
    """Length of the videos that were looked at."""
    seconds: float = 0.0
    """What that took."""
    given_bytes: int = 0
    """Of pre-extracted features: how big they were, ..."""
    stored_bytes: int = 0
    """... and how big they are in the store."""


@dataclass(frozen=True, slots=True)
class Queries:
    """What became of a data set's queries."""

    count: int
    words: int
    unknown: Counter[str]
    """How often each word without a vector is."""


class Found(NamedTuple):
    """Videos to look at."""

    paths: list[Path]
    refused: dict[str, str]
    """Why each of the others cannot be used, by its name."""


def dataset_at(place: Path, name: str | None = None) -> Dataset | None:
    """The data set of that name, or data in the project's own format; None for videos
    alone."""
    if name is not None:
        known = source(name)
        if not place.is_dir():
            raise InputError(f"{place} is not a folder; give the data set's folder")
        return known.open(place)
    if not own.files_of(place):
        return None
    try:
        return own.load(place)
    except InputError as error:
        others = [name for name in SOURCES if name != own.NAME]
        if names := [name for name in others if _looks_like(name, place)]:
            raise InputError(
                f"{place} has the files of {' and '.join(names)}; say which data set "
                f"it is, as in --dataset {names[0]}"
            ) from error
        raise


def _looks_like(name: str, folder: Path) -> bool:
    found = SOURCES[name].read(folder)
    return any(found.splits.values()) and not found.absent


def videos_of(dataset: Dataset, library: Provider) -> Found:
    """Those that the data set's queries are about."""
    found = Found([], {})
    queries = [query for split in dataset.splits.values() for query in split]
    for video_id in dict.fromkeys(query.video_id for query in queries):
        try:
            found.paths.append(library.find(dataset, video_id))
        except InputError as error:
            found.refused[video_id] = str(error)
    if found.refused and not found.paths:
        count, first = len(found.refused), next(iter(found.refused.values()))
        raise InputError(
            f"none of the {count} videos of the data set is there: {first}"
        )
    return found


def videos_at(place: Path, library: Provider) -> Found:
    """The file itself, or the films in the folder, or in the folder ``videos`` in it, of
    several of one video the first; of pre-extracted features, all that there are."""
    if (known := library.listed()) is not None:
        if not known:
            raise InputError(
                f"{place} has no pre-extracted features; name their folder"
            )
        return Found(list(known), {})
    if not place.is_dir():
        return Found([place], {})
    folder = place / "videos"
    folder = folder if folder.is_dir() else place
    found, refused = list[Path](), dict[str, str]()
    for video_id, (path, *others) in VideoFolder(folder):
        found.append(path)
        for other in others:
            what = f"the video {video_id!r} is there as {path.name}, too"
            refused[other.name] = f"{what}; keep one"
    if not found:
        raise InputError(f"{folder} has no videos; put them there, or name another")
    return Found(found, refused)


def extract(
    library: Provider, paths: Sequence[Path], shows: ProgressFactory = no_progress
) -> Extracted:
    """Looks at every video that the store does not have.

    What is finished is kept, so who is stopped goes on from there. Raises ``InputError``
    for what is not about one of the videos, such as a full disk.
    """
    done = Extracted()
    seen: dict[Path, Shapes] = {}
    for number, path in enumerate(paths, start=1):
        begun = time.perf_counter()
        try:
            known = library.has(path)
            with shows(f"{path.name} ({number} of {len(paths)})") as progress:
                record = library.record(path, progress=progress)
            info, _ = library.opened(record, path)
            seen[path] = {name: each.shape for name, each in record.arrays.items()}
        except InputError as error:
            # The weights or the disk will not be better at the next video.
            named = any(name in str(error) for name in library.names(path))
            if isinstance(error, UnwritableError) or not named:
                raise
            done.refused[path.name] = str(error)
            continue
        if (size := library.size(path)) is not None:
            done.given_bytes += size
            done.stored_bytes += _bytes(record.folder)
        if known:
            done.found.append(path)
            continue
        done.made.append(path)
        done.video_s += info.duration_s
        done.seconds += time.perf_counter() - begun
    _refuse_odd_sizes(done, seen)
    return done


def _refuse_odd_sizes(done: Extracted, seen: Mapping[Path, Shapes]) -> None:
    """No training takes them together with the others."""
    for array, usual in sizes(seen.values()).items():
        for path, shapes in seen.items():
            if (size := shapes.get(array, (usual,))[-1]) == usual:
                continue
            done.refused.setdefault(
                path.name,
                f"{array} of size {size}, others have {usual}; make all features with "
                "the same extractor",
            )
    done.made = [path for path in done.made if path.name not in done.refused]
    done.found = [path for path in done.found if path.name not in done.refused]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def read_queries(
    library: Provider, dataset: Dataset, shows: ProgressFactory = no_progress
) -> Queries:
    """Reads the queries of a data set into the store."""
    queries = [query.query for split in dataset.splits.values() for query in split]
    with shows("sentences") as progress:
        asked = library.sentences(queries, progress=progress)
    return Queries(len(queries), *unknown_words(asked))
