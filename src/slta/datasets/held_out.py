"""A val split for data sets that have none: some of the train videos, always the same."""

from collections.abc import Iterable
from hashlib import sha256

from slta.datasets.annotations import Annotations
from slta.moments import Query

SEED = 0
SHARE = 0.1
"""Of the train videos, the share that val gets."""


def is_held_out(video_id: str) -> bool:
    """Whether a train video belongs to val, whatever other videos there are.

    >>> [video for video in ("AO8RW", "Y6R7T", "IGDIE", "7UPGT") if is_held_out(video)]
    []
    """
    drawn = sha256(f"{SEED}:{video_id}".encode()).digest()[:8]
    return int.from_bytes(drawn) < SHARE * 2**64


def with_val(found: Annotations) -> dict[str, list[Query]]:
    """The splits that were read, with a val that is held out of train."""
    splits = dict(found.splits)
    return train_and_val(splits.pop("train")) | splits if "train" in splits else splits


def train_and_val(queries: Iterable[Query]) -> dict[str, list[Query]]:
    found: dict[str, list[Query]] = {"train": [], "val": []}
    for query in queries:
        found["val" if is_held_out(query.video_id) else "train"].append(query)
    return found
