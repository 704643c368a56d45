"""Folders of short films of colours, and their indexes."""

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from slta.features import EXTRACTORS, Kind
from slta.index.adding import Looks, Outcome, VideoJob, look_here
from slta.index.library import Index
from slta.index.place import Place
from slta.index.records import Snapshot
from slta.index.tables import Tables, read_bases
from slta.progress import Progress
from tests.support.extractors import Colours, coloured
from tests.support.once import made_once

ORDERS = [" ".join(order) for order in itertools.permutations(["red", "green", "blue"])]
NAMES = [f"{order.replace(' ', '-')}.mp4" for order in ORDERS]


@cache
def films() -> Path:
    """Six films, each of the colours in its name, two seconds each. Not to be changed."""
    return made_once("films", _make)


def _make(folder: Path) -> None:
    for name, order in zip(NAMES, ORDERS, strict=True):
        coloured(folder / name, order=order)


@dataclass
class Library:
    """A folder of films, with a place for its index."""

    folder: Path
    place: Path
    store: Path

    def put(self, name: str, film: int = 0) -> Path:
        """Copies one of the six films to a name in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(films() / NAMES[film], path)
        return path

    def fill(self, count: int) -> None:
        for film in range(count):
            self.put(NAMES[film], film)

    def open(self, folder: "Path | str | None" = None) -> Index:
        return Index.open(
            self.folder if folder is None else folder,
            place=self.place,
            extractor_name="colours",
            store=self.store,
        )

    def added(self, count: int) -> Index:
        """An index of so many films."""
        self.fill(count)
        index = self.open()
        index.add()
        return index

    @property
    def files(self) -> list[Path]:
        """All files of the index."""
        return sorted(path for path in self.place.rglob("*") if path.is_file())


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """An empty folder; the store, which holds no videos, is shared."""
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    store = made_once("colours-store", lambda _: None)
    films()  # before a test has another home
    (tmp_path / "films").mkdir()
    return Library(tmp_path / "films", tmp_path / "index", store)


class Counted:
    """Looks at videos as usual, and counts how often at each."""

    def __init__(self, before: Callable[[VideoJob], object] = lambda _: None) -> None:
        self.jobs = Counter[str]()
        self._before = before

    def on(self, index: Index) -> Looks:
        def looks(
            jobs: Iterable[VideoJob], progress: Callable[[VideoJob], Progress]
        ) -> Iterator[Outcome]:
            usual = look_here(index.model, read_bases(index.place), keep=False)
            for job in jobs:
                self.jobs[job.path.name] += 1
                self._before(job)
                yield from usual([job], progress)

        return looks


def paths(snapshot: Snapshot, *, gone: bool = False) -> set[str]:
    return {file.path for file in snapshot.files if file.gone == gone}


def facts(index: Index) -> dict[str, Any]:
    """What an index says of its files, without their times and the order of its rows."""
    snapshot = index.snapshot()
    rows = {
        video.id: [
            column[snapshot.of == number].tolist() for column in snapshot.rows.columns
        ]
        for number, video in enumerate(snapshot.videos)
    }
    return {
        "files": sorted((f.path, f.video, f.problem, f.gone) for f in snapshot.files),
        "videos": {video.id: video for video in snapshot.videos},
        "rows": rows,
    }


class Died(BaseException):
    """The process is dead: nothing that follows is written."""


class Deadly:
    """Counts what is written to an index, and lets the process die before a step."""

    def __init__(self, monkeypatch: Any, at: int | None = None) -> None:
        self.steps, self._at = 0, at
        for kind, names in ((Place, ("write", "remove")), (Tables, ("_merge",))):
            for name in names:
                monkeypatch.setattr(kind, name, self._deadly(getattr(kind, name)))
        usual, deadly = Tables._table, self._deadly

        class Table:
            def __init__(self, table: Any) -> None:
                self._table = table

            def __getattr__(self, name: str) -> Any:
                found = getattr(self._table, name)
                return deadly(found) if name in ("add", "delete", "optimize") else found

        monkeypatch.setattr(Tables, "_table", lambda *of: Table(usual(*of)))

    def _deadly(self, usual: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            if self._at is not None and self.steps >= self._at:
                raise Died
            self.steps += 1
            return usual(*arguments, **named)

        return step


def unfinished(place: Path) -> list[str]:
    return [name for _, _, names in os.walk(place) for name in names if "unfin" in name]
