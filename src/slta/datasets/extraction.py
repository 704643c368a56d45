"""Extracts the features of many videos, and of a data set's queries, into the store."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from slta import video
from slta.cluster import Undone, results
from slta.datasets import SOURCES, own, source
from slta.datasets.base import Dataset, VideoFolder
from slta.datasets.split import unknown_words
from slta.errors import InputError, UnwritableError
from slta.features.elsewhere import Extracting, VideoSought
from slta.features.layouts.base import sizes
from slta.features.library import Library
from slta.features.provider import Provider
from slta.progress import ProgressFactory, no_progress

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(slots=True)
class Elsewhere:
    """What other machines extracted, for the store of this one."""

    made: set[Path] = field(default_factory=set)
    refused: dict[Path, str] = field(default_factory=dict)
    """Errors of videos that they could not use."""
    seconds: float = 0.0


@dataclass(slots=True)
class Extracted:
    """Result of an extraction."""

    extracted: list[Path] = field(default_factory=list)
    stored: list[Path] = field(default_factory=list)
    """Videos that were in the store already."""
    refused: dict[str, str] = field(default_factory=dict)
    """Errors of the other videos, by name."""
    video_s: float = 0.0
    """Total length of the extracted videos."""
    seconds: float = 0.0
    """Time that their extraction took."""
    source_bytes: int = 0
    """Size of pre-extracted features before the import."""
    stored_bytes: int = 0
    """Size of the same in the store."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Counts of a data set's queries."""

    count: int
    words: int
    unknown: Counter[str]
    """Counts of the words without a vector."""


class Videos(NamedTuple):
    """Videos to extract."""

    paths: list[Path]
    refused: dict[str, str]
    """Errors of the other videos, by name."""


def dataset_at(place: Path, name: str | None = None) -> Dataset | None:
    """The data set of that name in a folder, or without a name one in the own format; None
    for a folder of videos alone."""
    if name is not None:
        origin = source(name)
        if not place.is_dir():
            raise InputError(f"{place} is not a folder; give the data set's folder")
        return origin.open(place)
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
    annotations = SOURCES[name].read(folder)
    return any(annotations.splits.values()) and not annotations.absent


def videos_of(dataset: Dataset, library: Provider) -> Videos:
    """The videos of a data set's queries."""
    videos = Videos([], {})
    queries = [query for split in dataset.splits.values() for query in split]
    for video_id in dict.fromkeys(query.video_id for query in queries):
        try:
            videos.paths.append(library.find(dataset, video_id))
        except InputError as error:
            videos.refused[video_id] = str(error)
    if videos.refused and not videos.paths:
        count, first = len(videos.refused), next(iter(videos.refused.values()))
        raise InputError(f"all {count} videos of the data set are missing: {first}")
    return videos


def videos_at(place: Path, library: Provider) -> Videos:
    """A video file, or the videos of a folder or its subfolder ``videos``, of several files
    of one video the first; for pre-extracted features, all of them."""
    if (listed := library.listed()) is not None:
        if not listed:
            raise InputError(
                f"{place} has no pre-extracted features; give their folder"
            )
        return Videos(list(listed), {})
    if not place.is_dir():
        return Videos([place], {})
    folder = place / "videos"
    folder = folder if folder.is_dir() else place
    paths, refused = list[Path](), dict[str, str]()
    for video_id, (path, *others) in VideoFolder(folder):
        paths.append(path)
        for other in others:
            what = f"the video {video_id!r} is also there as {path.name}"
            refused[other.name] = f"{what}; keep one"
    if not paths:
        raise InputError(
            f"{folder} has no videos; put them there, or give another folder"
        )
    return Videos(paths, refused)


def extract_on(
    address: str,
    extractor_name: str,
    library: Provider,
    paths: Sequence[Path],
    shows: ProgressFactory = no_progress,
) -> Elsewhere:
    """Extracts every video that is not in the store on a Ray cluster, whose address is as in
    ``slta.cluster.exchange``; the features are written to the store here, each once.

    Raises ``InputError`` for pre-extracted features, and if the cluster goes away; finished
    videos are kept.
    """
    if not isinstance(library, Library):
        raise InputError(
            f"{library.id} is pre-extracted and only imported; leave --ray out"
        )
    done = Elsewhere()
    begun = time.perf_counter()
    named: dict[str, Path] = {}

    def jobs() -> Iterator[VideoSought]:
        for path in paths:
            # What cannot be read is told by ``extract``.
            with suppress(InputError, OSError):
                content = library.store.digest(path)
                if content not in named and not library.has(path):
                    video.probe(path)
                    named[content] = path
                    yield VideoSought(path.absolute(), content)

    work = Extracting(extractor_name, library.version, library.rate_hz)
    with shows("videos on the cluster") as progress:
        for number, (job, result) in enumerate(results(address, work, jobs()), start=1):
            path = named[job.content]
            if isinstance(result, Undone):
                done.refused[path] = result.problem
            else:
                result.put(library, job.content)
                done.made.add(path)
            if progress:
                progress(number, len(paths))
    done.seconds = time.perf_counter() - begun
    return done


def extract(
    library: Provider,
    paths: Sequence[Path],
    shows: ProgressFactory = no_progress,
    elsewhere: Elsewhere | None = None,
) -> Extracted:
    """Extracts every video that is not in the store. Finished videos are kept, so that an
    interrupted extraction can be repeated. ``elsewhere`` is what ``extract_on`` did.

    Unusable videos are listed in the result. Raises ``InputError`` for other problems, such
    as a full disk.
    """
    elsewhere = elsewhere or Elsewhere()
    done = Extracted(seconds=elsewhere.seconds if elsewhere.made else 0.0)
    seen: dict[Path, Shapes] = {}
    for number, path in enumerate(paths, start=1):
        begun = time.perf_counter()
        if path in elsewhere.refused:
            done.refused[path.name] = elsewhere.refused[path]
            continue
        try:
            is_stored = library.has(path) and path not in elsewhere.made
            with shows(f"{path.name} ({number} of {len(paths)})") as progress:
                record = library.record(path, progress=progress)
            info, _ = library.opened(record, path)
            seen[path] = {name: array.shape for name, array in record.arrays.items()}
        except InputError as error:
            # Problems of weights or the disk would recur at the next video.
            named = any(name in str(error) for name in library.names(path))
            if isinstance(error, UnwritableError) or not named:
                raise
            done.refused[path.name] = str(error)
            continue
        if (size := library.size(path)) is not None:
            done.source_bytes += size
            done.stored_bytes += _bytes(record.folder)
        if is_stored:
            done.stored.append(path)
            continue
        done.extracted.append(path)
        done.video_s += info.duration_s
        if path not in elsewhere.made:
            done.seconds += time.perf_counter() - begun
    _refuse_odd_sizes(done, seen)
    return done


def _refuse_odd_sizes(done: Extracted, seen: Mapping[Path, Shapes]) -> None:
    """Refuses videos whose vectors differ in size from most."""
    for array, usual in sizes(seen.values()).items():
        for path, shapes in seen.items():
            if (size := shapes.get(array, (usual,))[-1]) == usual:
                continue
            done.refused.setdefault(
                path.name,
                f"{array} of size {size}, others have {usual}; make all features with "
                "the same extractor",
            )
    done.extracted = [path for path in done.extracted if path.name not in done.refused]
    done.stored = [path for path in done.stored if path.name not in done.refused]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def read_queries(
    library: Provider, dataset: Dataset, shows: ProgressFactory = no_progress
) -> Queries:
    """Reads the queries of a data set into the store."""
    queries = [query.query for split in dataset.splits.values() for query in split]
    with shows("sentences") as progress:
        features = library.sentences(queries, progress=progress)
    return Queries(len(queries), *unknown_words(features))
