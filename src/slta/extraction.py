"""Many videos at once into the store, so that training and search find them there."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slta.datasets import own
from slta.datasets.split import unknown_words
from slta.errors import InputError
from slta.features.provider import Provider
from slta.preparation import Shows, quietly

NO_VIDEO = {".csv", ".json", ".jsonl", ".md", ".npy", ".npz", ".txt"}
"""What may lie beside the videos and is passed over."""


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
    """Of ready features: how big they were, ..."""
    stored_bytes: int = 0
    """... and how big they are in the store."""


@dataclass(frozen=True, slots=True)
class Queries:
    """What became of the queries beside the videos."""

    count: int
    words: int
    unknown: Counter[str]
    """How often each word without a vector is."""
    missing: dict[str, str]
    """What is wrong with those of their videos that have no file, by its id."""


def videos_at(place: Path, library: Provider) -> list[Path]:
    """The file itself, or the files in the folder, or in the folder ``videos`` in it; of
    ready features, all that there are."""
    if (known := library.listed()) is not None:
        if not known:
            raise InputError(f"{place} has no ready features; name their folder")
        return list(known)
    if not place.is_dir():
        return [place]
    folder = place / "videos"
    folder = folder if folder.is_dir() else place
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix.lower() not in NO_VIDEO
    ]
    if not found:
        raise InputError(f"{folder} has no videos; put them there, or name another")
    return found


def extract(
    library: Provider, paths: Sequence[Path], shows: Shows = quietly
) -> Extracted:
    """Looks at every video that the store does not have.

    What is finished is kept, so who is stopped goes on from there. Raises ``InputError``
    for what is not about one of the videos, such as a full disk.
    """
    done = Extracted()
    named: dict[str, Path] = {}
    # Ids of ready features may differ in their suffix only.
    ids = library.listed() is not None
    for number, path in enumerate(paths, start=1):
        if (other := named.setdefault(path.name if ids else path.stem, path)) != path:
            done.refused[path.name] = (
                f"the video {path.stem!r} is there as {other.name}, too; keep one"
            )
            continue
        begun = time.perf_counter()
        try:
            known = library.has(path)
            with shows(f"{path.name} ({number} of {len(paths)})") as progress:
                record = library.record(path, progress=progress)
            info, _ = library.opened(record, path)
        except InputError as error:
            # The weights or the disk will not be better at the next video.
            if not any(name in str(error) for name in library.names(path)):
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
    return done


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def read_queries(
    library: Provider, folder: Path, shows: Shows = quietly
) -> Queries | None:
    """Reads the queries of a folder in the project's own format, if there are any."""
    if not own.files_of(folder):
        return None
    dataset = own.load(folder)
    queries = [query for split in dataset.splits.values() for query in split]
    missing = {}
    for video_id in dict.fromkeys(query.video_id for query in queries):
        try:
            library.find(dataset, video_id)
        except InputError as error:
            missing[video_id] = str(error)
    with shows("sentences") as progress:
        sentences = [query.query for query in queries]
        asked = library.sentences(sentences, progress=progress)
    return Queries(len(queries), *unknown_words(asked), missing)
