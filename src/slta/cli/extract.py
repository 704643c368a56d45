"""``slta extract``: features of videos and queries into the store."""

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
"""Maximum number of listed words without a vector."""


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Extract the features of videos into the store, for training and search.

    If interrupted, run the same command again: finished videos are kept.
    """

    place: tyro.conf.Positional[Path]
    """A video, a folder of videos, or the folder of a data set (docs/features.md)."""
    dataset: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: own)")
    ] = None
    """Data set in the folder, by its name in 'slta data list': extracts only the videos of
    its queries."""
    extractor: Annotated[str, tyro.conf.arg(metavar="NAME")] = "cells"
    """Extractor, or pre-extracted features to import; 'slta list extractors' shows the
    names, docs/features.md has more."""
    rate_hz: Annotated[float, tyro.conf.arg(aliases=["--rate"])] = 3.0
    """Sampled frames per second."""
    words: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = ""
    """Word vectors for a data set's queries, such as glove:FILE (default: the extractor's).
    Words without a vector are listed."""
    ray: Annotated[
        str | None, tyro.conf.arg(metavar="ADDRESS", help_behavior_hint="")
    ] = None
    """Extract the videos on a Ray cluster: HOST:PORT, auto (the cluster of this machine) or
    local (all cores of this machine); see docs/how-to/many-machines.md."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of the store (default: $SLTA_HOME/store, or store in the cache folder)."""


def extract(command: Extract) -> None:
    from slta.cluster.exchange import check_address
    from slta.datasets.extraction import (
        dataset_at,
        extract_on,
        read_queries,
        videos_at,
        videos_of,
    )
    from slta.datasets.extraction import extract as extract_all
    from slta.experiments.config import AUTOMATIC, FeaturesConfig
    from slta.experiments.opening import library_of

    place = command.place
    if command.ray is not None:
        check_address(command.ray)
    try:
        features = FeaturesConfig(
            extractor=command.extractor, rate_hz=command.rate_hz, words=command.words
        )
    except ValueError as error:
        message = str(error).replace("features.rate_hz", "--rate")
        raise InputError(message) from error

    def durations() -> Mapping[str, float]:
        return dataset.durations_s if dataset else {}

    library = library_of(features, place, durations, command.store)
    dataset = dataset_at(place, command.dataset)
    if dataset and command.dataset:
        videos = videos_of(dataset, library)
    else:
        videos = videos_at(place, library)
        if dataset:
            videos.refused.update(videos_of(dataset, library).refused)
    if dataset:
        _print_queries(read_queries(library, dataset, progress))
    elsewhere = None
    if command.ray is not None:
        # ``auto`` stands for an extractor whose name is its id.
        name = library.id if features.extractor == AUTOMATIC else features.extractor
        elsewhere = extract_on(command.ray, name, library, videos.paths, progress)
    done = extract_all(library, videos.paths, progress, elsewhere)
    refused = done.refused | videos.refused
    if refused and not place.is_dir():
        raise InputError(*refused.values())
    _print_videos(done)
    for name, why in refused.items():
        notes.print(f"{name}: {why}", markup=False, soft_wrap=True)
    if refused:
        count = len(refused) + len(done.extracted) + len(done.stored)
        raise InputError(
            f"{len(refused)} of {count} videos cannot be used; see the lines above"
        )


def _print_queries(read: "Queries") -> None:
    line = f"{read.count} queries with {read.words} words"
    if read.unknown:
        often = ", ".join(f"{w} ({n})" for w, n in read.unknown.most_common(MOST))
        line += f", of which {read.unknown.total()} have no vector: {often}"
        if len(read.unknown) > MOST:
            line += f" and {len(read.unknown) - MOST} more"
    screen.print(line, markup=False, soft_wrap=True)


def _print_videos(done: "Extracted") -> None:
    if done.stored_bytes:
        line = f"{len(done.extracted)} videos imported, {len(done.stored)} already stored; "
        line += f"{_mb(done.source_bytes)} of features take {_mb(done.stored_bytes)} in the store"
    else:
        line = (
            f"{len(done.extracted)} videos extracted, {len(done.stored)} already stored"
        )
    if done.seconds:
        line += (
            f"; {done.video_s:.1f} s of video in {done.seconds:.1f} s, "
            f"{done.video_s / done.seconds:.2f} times real time"
        )
    screen.print(line, markup=False, soft_wrap=True)


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
