"""Features that other machines make: what is sent to them, and what comes back."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from slta.cluster import NotHere, Unfit
from slta.errors import InputError, UnwritableError
from slta.features import extractor
from slta.features.ahead import allow
from slta.features.base import Extractor, Prepared
from slta.features.library import Library
from slta.features.store import Store


class VideoSought(NamedTuple):
    """A video to look at: its file, and the SHA-256 that it must have."""

    path: Path
    content: str


class Shipped(NamedTuple):
    """A record of a store, for another store."""

    facts: dict[str, Any]
    arrays: dict[str, Shaped[np.ndarray, "..."]]

    @classmethod
    def of(cls, library: Library, path: Path) -> "Shipped":
        """The record of a video, made if the store does not have it."""
        record = library.record(path)
        # Not as memory maps, whose file is soon gone.
        return cls(record.facts, {n: np.array(a) for n, a in record.arrays.items()})

    def put(self, library: Library, content: str) -> None:
        """Stores it here, unless another process has done so meanwhile."""
        name = library.record_name
        with library.store.write(content, name, facts=self.facts) as writer:
            writer.append(self.arrays)


@dataclass(frozen=True)
class Equipped:
    """Work of another machine with an extractor, of the same version as here."""

    extractor_name: str
    version: str

    def prepare(self) -> None:
        reader = self.extractor
        if isinstance(reader, Prepared):
            reader.prepare()

    @cached_property
    def extractor(self) -> Extractor:
        return same_extractor(self.extractor_name, self.version)


@dataclass(frozen=True)
class Extracting(Equipped):
    """All features of a video, for the store of another machine."""

    rate_hz: float

    def __call__(self, job: VideoSought) -> Shipped:
        with checked(job) as store:
            return Shipped.of(Library(self.extractor, store, self.rate_hz), job.path)


def same_extractor(name: str, version: str) -> Extractor:
    """An extractor that uses one core, which is what a task has. Raises ``InputError`` if
    this machine has another version."""
    allow(1)
    found = extractor(name)
    if found.version != version:
        raise InputError(
            f"{name} has version {found.version} there, and {version} here; install the "
            "same version of slta on all machines"
        )
    return found


@contextmanager
def checked(job: tuple[Path, str]) -> Iterator[Store]:
    """A store for the time of the block, whose errors are the video's: others become
    ``Unfit``. Raises ``NotHere`` unless this machine has the
    same file at the same path."""
    path, content = job
    remedy = "give all machines of the cluster the same files at the same path"
    with TemporaryDirectory(prefix="slta-", ignore_cleanup_errors=True) as folder:
        store = Store(Path(folder))
        try:
            there = store.digest(path)
        except OSError as error:
            raise NotHere(
                f"{path} cannot be read on the machine {platform.node()} "
                f"({error.strerror or error}); {remedy}"
            ) from error
        if there != content:
            raise NotHere(
                f"{path} has another content on the machine {platform.node()}; {remedy}"
            )
        try:
            yield store
        except (NotHere, UnwritableError):
            raise
        except InputError as error:
            if str(path) in str(error):
                raise
            # Such as damaged weights, which would recur at the next video.
            raise Unfit(str(error)) from error
