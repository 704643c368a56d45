"""The index of a folder."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from slta.errors import InputError
from slta.features.base import QueryFeatures
from slta.index.adding import Added, Bar, Looks, Saved, Update, look_here
from slta.index.answers import Hit, Hits
from slta.index.checks import (
    check_head,
    check_mounted,
    check_videos,
    no_index,
    nothing_to_search,
)
from slta.index.examples import Example
from slta.index.filters import Filter
from slta.index.latest import Latest
from slta.index.likeness import Sought, looker
from slta.index.place import Place, carry, default_place, real_folder
from slta.index.querying import Searched
from slta.index.records import Head, Snapshot
from slta.index.scanning import scan
from slta.index.segments import Bases, bases_of
from slta.index.sketch import FILE as SKETCH
from slta.index.sketch import draw, sketch_of
from slta.index.status import Status
from slta.index.tables import (
    SNAPSHOT,
    TRIES,
    Tables,
    read_bases,
    read_head,
    read_snapshot,
    write_head,
    write_snapshot,
)
from slta.index.verifying import Fault, Verified, are_equal, faults
from slta.search import Searcher
from slta.search.zero_shot import CLEAR, RATE_HZ, ZeroShot

if TYPE_CHECKING:
    from slta.index.trained import TrainedModel

ALL = Filter()


class Busy(InputError):
    """Another process updates the index."""


class Index:
    """The videos of a folder, to be searched together.

    ``Index.open`` gives one; ``add`` looks at what is new, ``search`` answers.
    """

    def __init__(self, root: Path, place: Place, searcher: Searcher) -> None:
        self.root, self.place, self.searcher = root, place, searcher
        self._latest = Latest(place)
        self._searched: tuple[Snapshot, Searched] | None = None

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        place: str | Path | None = None,
        extractor_name: str | None = None,
        store: str | Path | None = None,
    ) -> "Index":
        """The index of a folder, which need not be made yet.

        ``place`` is where it lies, a folder or an address such as ``s3://bucket/name``;
        default: a folder in ``$SLTA_HOME/indexes``. ``extractor_name`` is that of the
        features; default: the index's, or ``imagenet-words``. ``store`` is as in
        ``Searcher``. Raises ``InputError`` for an index of another format or extractor.
        """
        root = real_folder(folder)
        lies = Place(place if place is not None else default_place(root))
        head = read_head(lies)
        name = extractor_name if extractor_name or head is None else head.extractor
        searcher = Searcher(name, store=store)
        index = cls(root, lies, searcher)
        if head is not None:
            index._check(head)
        return index

    @property
    def model(self) -> ZeroShot:
        model = self.searcher.retriever
        assert isinstance(model, ZeroShot)
        return model

    def _unrelated(self) -> list[QueryFeatures]:
        return self.model.unrelated

    @property
    def exists(self) -> bool:
        return read_head(self.place) is not None

    def snapshot(self) -> Snapshot:
        """What the index holds now. Raises ``InputError`` if there is none."""
        snapshot = self._latest.snapshot()
        if snapshot is None:
            raise no_index(self.root)
        return snapshot

    def paths(self) -> list[Path]:
        """One file of each indexed video."""
        named = ALL.paths_by_video(self.snapshot())
        return [self.root / paths[0] for paths in named.values()]

    def status(self) -> Status:
        """What is indexed, and what has changed in the folder since."""
        return Status.of(self.snapshot(), scan(self.root), self.model.library.id)

    def begin(self) -> None:
        """Makes an empty index where there is none. Raises ``InputError`` as ``add``."""
        if self.exists:
            return
        check_videos(self.root, self.place, scan(self.root))
        self.searcher.prepare()
        with self._alone():
            write_snapshot(self.place, self._tables().snapshot())

    def add(
        self,
        *,
        keep: bool = False,
        looks: Looks | None = None,
        ray: str | None = None,
        within: str = "",
        skip: Mapping[str, str] = MappingProxyType({}),
        bar: Bar | None = None,
        saved: Saved | None = None,
    ) -> Added:
        """Looks at the files of the folder that are new or changed, and notes those that
        are gone.

        With ``keep``, the full features are put into the store as well, for trained
        models. ``looks`` looks at the videos, by default in this process, or on the Ray
        cluster with the address ``ray``: ``auto``, ``local`` or ``HOST:PORT``. New files
        are looked at in the folder ``within`` only, as ``trips/2024``; those in ``skip``
        are not opened, but noted as unusable for the reason given. What was finished
        before an error or Ctrl-C is kept. Raises ``Busy`` if another process is at it, and
        ``InputError`` if the cluster goes away, and for a folder without videos: its disk
        may not be mounted.
        """
        options: dict[str, Any] = {
            "within": within,
            "skip": skip,
            "bar": bar,
            "saved": saved,
        }
        scanned = scan(self.root)
        if not self.exists:
            check_videos(self.root, self.place, scanned)
        with self._alone():
            head = read_head(self.place)
            if head is not None:
                self._check(head)
                if (snapshot := read_snapshot(self.place)) is not None:
                    update = Update(self.root, snapshot, scanned, **options)
                    check_mounted(self.root, self.place, snapshot, scanned)
                    if update.is_done:
                        draw(self.place, snapshot.videos, self._unrelated)
                        return update.added
            self.searcher.prepare()
            tables = self._tables()
            snapshot = tables.snapshot()
            check_mounted(self.root, self.place, snapshot, scanned)
            bases = read_bases(self.place)
            update = Update(self.root, snapshot, scanned, **options)
            looks = looks or self._looks(bases, keep, ray)
            try:
                added = update.run(tables, looks, lambda: self._show(tables))
            finally:
                snapshot = tables.snapshot()
                write_snapshot(self.place, snapshot)
            draw(self.place, snapshot.videos, self._unrelated)
            return added

    def _show(self, tables: Tables) -> None:
        """Writes what searches read of the tables."""
        snapshot = tables.snapshot()
        draw(self.place, snapshot.videos, self._unrelated)
        write_snapshot(self.place, snapshot)

    def _looks(self, bases: Bases, keep: bool, ray: str | None) -> Looks:
        if ray is None:
            return look_here(self.model, bases, keep=keep)
        from slta.index.cluster import look_on

        return look_on(ray, self.model, bases, keep=keep)

    def prune(self) -> tuple[int, int]:
        """Removes files that are gone, and videos without a file; returns their numbers."""
        self.add()
        with self._writing() as tables:
            snapshot = tables.snapshot()
            gone = {file.path for file in snapshot.files if file.gone}
            kept = {file.video for file in snapshot.there}
            videos = [video.id for video in snapshot.videos if video.id not in kept]
            if gone or videos:
                tables.forget(videos, gone)
                tables.tidy()
            return len(gone), len(videos)

    def move(self, folder: str | Path) -> "Index":
        """The same index for a folder that has been moved; nothing is looked at again."""
        root = real_folder(folder)
        if not root.is_dir():
            raise InputError(f"{root} is not a folder; give the videos' new folder")
        place = self.place
        if place.folder == default_place(self.root):
            place = Place(default_place(root))
        if self.exists:
            with self._alone():
                head = read_head(self.place)
                if place is not self.place:
                    carry(self.place, place)
        else:
            # It was carried, and then the process was killed.
            head = read_head(place)
            if head is None or Path(head.root) != self.root:
                raise InputError(f"{self.root} has no index; there is nothing to move")
        assert head is not None
        with (moved := Index(root, place, self.searcher))._alone():
            write_head(place, replace(head, root=str(root)))
        return moved

    def verify(self) -> Verified:
        """Compares tables and features, and repairs what differs: damaged or incomplete
        videos are forgotten, to be looked at again by ``add``."""
        kept = read_snapshot(self.place)
        is_damaged = kept is None and self.place.has(SNAPSHOT)
        with self._writing() as tables:
            self.place.remove(SKETCH)
            snapshot = tables.snapshot()
            wrong = [*faults(self.place, snapshot, read_bases(self.place))]
            if is_damaged or (kept is not None and not are_equal(kept, snapshot)):
                wrong.append(Fault(f"{SNAPSHOT} was not as the tables"))
            lost = {fault.video for fault in wrong if fault.video}
            paths = {fault.path for fault in wrong if fault.path is not None}
            paths |= {file.path for file in snapshot.files if file.video in lost}
            tables.forget(lost, paths)
            tables.clean()
            return Verified(len(snapshot.videos), tuple(wrong))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Raises ``Busy`` unless no other process changes the index."""
        with self.place.locked() as mine:
            if not mine:
                raise Busy(
                    f"another process updates the index of {self.root}; wait for it"
                )
            yield

    @contextmanager
    def _writing(self) -> Iterator[Tables]:
        """The tables, for this process alone; a new snapshot follows."""
        if not self.exists:
            raise no_index(self.root)
        with self._alone():
            tables = Tables(self.place)
            self.place.remove(SNAPSHOT)
            try:
                yield tables
            finally:
                snapshot = tables.snapshot()
                write_snapshot(self.place, snapshot)
            draw(self.place, snapshot.videos, self._unrelated)

    @overload
    def search(
        self,
        query: str,
        *,
        top: int = 10,
        per_video: int | None = None,
        only: Filter = ALL,
        model: "TrainedModel | None" = None,
    ) -> Hits: ...

    @overload
    def search(
        self,
        query: list[str] | tuple[str, ...],
        *,
        top: int = 10,
        per_video: int | None = None,
        only: Filter = ALL,
        model: "TrainedModel | None" = None,
    ) -> list[Hits]: ...

    def search(
        self,
        query: str | list[str] | tuple[str, ...],
        *,
        top: int = 10,
        per_video: int | None = None,
        only: Filter = ALL,
        model: "TrainedModel | None" = None,
    ) -> Hits | list[Hits]:
        """The ``top`` best moments of all videos, ``per_video`` of each at most.

        Searches what is indexed; ``add`` first for what is new. Raises ``InputError`` for
        an unusable query, and if ``only`` leaves no video.
        """
        queries = [query] if isinstance(query, str) else query
        features = [self.searcher.read(text) for text in queries]
        hits = [
            self.find(each, top=top, per_video=per_video, only=only, model=model)
            for each in features
        ]
        return hits[0] if isinstance(query, str) else hits

    def like(
        self,
        example: str | Path | Example,
        *,
        top: int = 10,
        per_video: int | None = None,
        only: Filter = ALL,
    ) -> Hits:
        """The ``top`` moments of all videos that look most like an example.

        An example is a picture, a video of at most 30 s, or a part of a video:
        ``film.mp4@1:23`` is that second, ``film.mp4@1:20-1:35`` a span. Raises
        ``InputError`` for what cannot be read, and as ``search`` does.
        """
        extractor = looker(self.model.library.extractor)
        if not isinstance(example, Example):
            example = Example.read(example, extractor.size)
        sought = Sought.of(example, extractor)
        hits = self.find(sought, top=top, per_video=per_video, only=only)
        return replace(hits, like=example)

    def find(
        self,
        query: QueryFeatures | Sought,
        *,
        top: int = 10,
        per_video: int | None = None,
        only: Filter = ALL,
        every: bool = False,
        model: "TrainedModel | None" = None,
    ) -> Hits:
        """``search`` for a query that was read; ``every`` is as in ``Searched.find``.

        With a ``model``, whose features ``model.extract`` made, it finds the moments in the
        proposed windows.
        """
        for name, value in (("top", top), ("per_video", per_video)):
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, got {value}")
        for left in reversed(range(TRIES)):
            snapshot = self.snapshot()
            try:
                return self._find(
                    snapshot,
                    query,
                    top=top,
                    per_video=per_video,
                    only=only,
                    every=every,
                    model=model,
                )
            except InputError:
                # Features of videos that were removed meanwhile cannot be read.
                self._latest = Latest(self.place)
                if not left or self.snapshot().videos == snapshot.videos:
                    raise
        raise AssertionError("the last try returns or raises")

    def _find(
        self,
        snapshot: Snapshot,
        query: QueryFeatures | Sought,
        *,
        top: int,
        per_video: int | None,
        only: Filter,
        every: bool,
        model: "TrainedModel | None",
    ) -> Hits:
        paths = only.paths_by_video(snapshot)
        wanted = np.array([video.id in paths for video in snapshot.videos], bool)
        if not wanted.any():
            raise InputError(nothing_to_search(self.root, snapshot))
        if self._searched is None or self._searched[0] is not snapshot:
            sketch = sketch_of(self.place, snapshot.videos, self._unrelated)
            made = Searched(self.place, snapshot, read_bases(self.place), sketch)
            self._searched = (snapshot, made)
        ready = self._searched[1]
        moments_of = None
        if model is not None:
            first = [self.root / paths.get(v.id, [""])[0] for v in snapshot.videos]
            moments_of = model.reader(query.query, first, snapshot.videos)
        if isinstance(query, Sought):
            best = ready.find_like(query, wanted, top=top, per_video=per_video)
        else:
            best = ready.find(
                query,
                wanted,
                top=top,
                per_video=per_video,
                every=every,
                moments=moments_of,
            )
        # The query is as likely to be in the library as not; each video has its share.
        share = 0.0 if model else math.log(int(wanted.sum()))
        moments = list[Hit]()
        for located in best:
            video, odds = snapshot.videos[located.video], located.score - share
            sure = odds if model else query.known / (1 + math.exp(-odds))
            files = tuple(self.root / path for path in paths[video.id])
            moments.append(Hit(files, located.span, odds, sure, video.duration_s))
        return Hits(
            query=query.query,
            moments=tuple(moments),
            videos=int(wanted.sum()),
            clear_from=CLEAR if model is None else model.clear_from,
            notes=query.notes,
        )

    def _check(self, head: Head) -> None:
        check_head(head, self.root, self.place, self.model.library.extractor)

    def head(self) -> Head:
        library = self.model.library
        return Head(str(self.root), library.id, library.version, RATE_HZ)

    def _tables(self) -> Tables:
        """The tables, made if they are not there."""
        if self.exists:
            return Tables(self.place)
        return Tables.create(self.place, self.head(), bases_of(self.model.unrelated))
