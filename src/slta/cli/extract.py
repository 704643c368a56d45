"""``slta extract``: videos into the store, before they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from slta.cli.screen import notes, progress, screen
from slta.errors import InputError

if TYPE_CHECKING:
    from slta.datasets.extraction import Extracted, Queries

MOST = 10
"""Words without a vector that are told, at most."""


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Make the features of videos and keep them, for training and search to find.

    Who is stopped goes on with the same command: a video is kept once it is finished.
    """

    place: tyro.conf.Positional[Path]
    """A video, or a folder of videos, or of a data set (docs/features.md)."""
    dataset: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: own)")
    ] = None
    """Data set in the folder, as 'slta data list' shows it: only the videos that its
    queries are about are looked at."""
    extractor: Annotated[str, tyro.conf.arg(metavar="NAME")] = "cells"
    """What makes the features, or ready ones, which are put into the store as they are;
    docs/features.md has all names."""
    rate_hz: Annotated[float, tyro.conf.arg(aliases=["--rate"])] = 3.0
    """Frames a second that are looked at."""
    words: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = ""
    """What makes the vectors of words, such as glove:FILE; else the extractor. Of a data
    set, the queries are read with them, and words without a vector are told."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Where features are kept; else $SLTA_HOME/store, else in the cache folder."""


def extract(command: Extract) -> None:
    from slta.datasets.extraction import dataset_at, read_queries, videos_at, videos_of
    from slta.datasets.extraction import extract as extract_all
    from slta.experiments.config import FeaturesConfig
    from slta.experiments.opening import library_of

    place = command.place
    try:
        features = FeaturesConfig(
            extractor=command.extractor, rate_hz=command.rate_hz, words=command.words
        )
    except ValueError as error:
        said = str(error).replace("features.rate_hz", "--rate")
        raise InputError(said) from error

    def durations() -> Mapping[str, float]:
        return dataset.durations_s if dataset else {}

    library = library_of(features, place, durations, command.store)
    dataset = dataset_at(place, command.dataset)
    if dataset and command.dataset:
        found = videos_of(dataset, library)
    else:
        found = videos_at(place, library)
        if dataset:
            found.refused.update(videos_of(dataset, library).refused)
    if dataset:
        _tell_queries(read_queries(library, dataset, progress))
    done = extract_all(library, found.paths, progress)
    refused = done.refused | found.refused
    if refused and not place.is_dir():
        raise InputError(*refused.values())
    _tell(done)
    for name, why in refused.items():
        notes.print(f"{name}: {why}", markup=False, soft_wrap=True)
    if refused:
        count = len(refused) + len(done.made) + len(done.found)
        raise InputError(
            f"{len(refused)} of {count} videos cannot be used, as told above"
        )


def _tell_queries(read: "Queries") -> None:
    line = f"{read.count} queries with {read.words} words"
    if read.unknown:
        often = ", ".join(f"{w} ({n})" for w, n in read.unknown.most_common(MOST))
        line += f", of which {read.unknown.total()} have no vector: {often}"
        if len(read.unknown) > MOST:
            line += f" and {len(read.unknown) - MOST} more"
    screen.print(line, markup=False, soft_wrap=True)


def _tell(done: "Extracted") -> None:
    if done.stored_bytes:
        line = f"{len(done.made)} videos read, {len(done.found)} were there; "
        line += f"{_mb(done.given_bytes)} of features take {_mb(done.stored_bytes)} in the store"
    else:
        line = f"{len(done.made)} videos looked at, {len(done.found)} were there"
    if done.seconds:
        line += (
            f"; {done.video_s:.1f} s of video in {done.seconds:.1f} s, "
            f"{done.video_s / done.seconds:.2f} times real time"
        )
    screen.print(line, markup=False, soft_wrap=True)


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
