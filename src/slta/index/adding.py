"""Keeping an index up to date with its folder."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from slta import video
from slta.errors import InputError, UnwritableError
from slta.index.changes import FolderChanges
from slta.index.looking import Seen, content_of, look_at
from slta.index.records import File, Snapshot
from slta.index.scanning import Scan, State
from slta.index.segments import Bases
from slta.index.tables import SNAPSHOT, Tables
from slta.progress import Progress
from slta.search.zero_shot import ZeroShot

COMMIT_S = 10.0
"""Time after which finished videos are written."""
SHOWN = 10
"""Searches are shown them after so many times as long as that takes."""


class VideoJob(NamedTuple):
    """A video to look at."""

    path: Path
    content: str


class Outcome(NamedTuple):
    """What became of a job: what was seen, or why it cannot be used."""

    job: VideoJob
    seen: Seen | None
    problem: str = ""
    lasting: bool = True
    """Whether the file's content is at fault, rather than the machine that read it."""


Looks = Callable[
    [Iterable[VideoJob], Callable[[VideoJob], Progress]], Iterator[Outcome]
]
"""Looks at videos, in any order; the second argument gives a job's progress."""


@dataclass
class Added:
    """What an update did."""

    videos: int = 0
    """Videos that were looked at."""
    hours: float = 0.0
    """Length of these."""
    known: int = 0
    """New files with the content of known videos."""
    unchanged: int = 0
    gone: list[str] = field(default_factory=list)
    """Files that are not there any more."""
    back: int = 0
    """Files that are there again, as they were."""
    problems: dict[str, str] = field(default_factory=dict)
    """New files that cannot be used, and why; folders that cannot be read."""
    seconds: float = 0.0


Bar = Callable[[float, float, str], None]
"""Called with the seconds of video done, those of all, and the file at hand, before it is
opened; with no file while the index is written."""
Saved = Callable[[Added], None]
"""Called with what an update has done so far, when it is written."""


def look_here(model: ZeroShot, bases: Bases, *, keep: bool) -> Looks:
    """Looks at one video after another, in this process."""

    def looks(
        jobs: Iterable[VideoJob], progress: Callable[[VideoJob], Progress]
    ) -> Iterator[Outcome]:
        for job in jobs:
            yield outcome(job, model, bases, keep=keep, progress=progress(job))

    return looks


def outcome(
    job: VideoJob,
    model: ZeroShot,
    bases: Bases,
    *,
    keep: bool,
    progress: Progress | None = None,
) -> Outcome:
    try:
        seen = look_at(
            job.path, job.content, model, bases, keep=keep, progress=progress
        )
    except UnwritableError:
        raise
    except InputError as error:
        return Outcome(job, None, str(error))
    except Exception as error:
        # One video must not end the work on thousands; a mended program tries it again.
        return Outcome(job, None, _stopped(job.path, error), lasting=False)
    return Outcome(job, seen)


def _stopped(path: Path, error: Exception) -> str:
    kind, line = type(error).__name__, " ".join(str(error).split())
    return f"{path} stopped the program ({kind}: {line}); please report it"


class Hours:
    """How much of the videos is done, for a progress bar."""

    def __init__(self, bar: Bar | None) -> None:
        self._bar = bar
        self._lengths_s = dict[str, float]()
        self._done_s = dict[str, float]()
        self._all_s = self._sum_s = 0.0

    def touch(self, path: str) -> None:
        """Tells that a file is opened, or still read."""
        self._tell(path)

    def rest(self) -> None:
        """Tells that no file is at hand."""
        self._tell("")

    def expect(self, path: str, length_s: float) -> None:
        self._lengths_s[path] = length_s
        self._all_s += length_s
        self._tell(path)

    def reach(self, path: str, done_s: float) -> None:
        done_s = min(done_s, self._lengths_s.get(path, 0.0))
        self._sum_s += done_s - self._done_s.get(path, 0.0)
        self._done_s[path] = done_s
        self._tell(path)

    def finish(self, path: str) -> None:
        self.reach(path, self._lengths_s.get(path, 0.0))

    def _tell(self, path: str) -> None:
        if self._bar is not None:
            self._bar(self._sum_s, self._all_s, path)


class Update:
    """One update of an index, by the process that holds its lock."""

    def __init__(
        self,
        root: Path,
        snapshot: Snapshot,
        scanned: Scan,
        *,
        within: str = "",
        skip: Mapping[str, str] = MappingProxyType({}),
        bar: Bar | None = None,
        saved: Saved | None = None,
    ) -> None:
        """As in ``Index.add``."""
        self._root, self._scanned, self._hours = root, scanned, Hours(bar)
        self._skip, self._saved = skip, saved
        changes = FolderChanges.between(snapshot, scanned).within(within)
        self._changes = changes
        self._known = {file.path: file for file in snapshot.files}
        self._videos = {video.id for video in snapshot.videos}
        self._waiting: dict[str, list[str]] = {}
        """Paths of each content that is looked at."""
        self._seen: list[Seen] = []
        self._files: list[File] = [*changes.gone, *changes.back]
        self._committed = self._shown = time.monotonic()
        self._showing_s = 0.0
        self.added = Added(
            unchanged=changes.unchanged,
            gone=[file.path for file in changes.gone],
            back=len(changes.back),
            problems=dict(scanned.unreadable),
        )

    @property
    def is_done(self) -> bool:
        """Whether nothing has changed."""
        return self._changes.are_none

    def run(self, tables: Tables, looks: Looks, show: Callable[[], None]) -> Added:
        """Brings the tables up to date; ``show`` writes what searches read of them."""
        start = time.monotonic()
        if not self.is_done:
            tables.place.remove(SNAPSHOT)
            tables.clean()
            self._show(show)
            try:
                for done in looks(self._jobs(), self._progress):
                    self._take(done)
                    self._hours.rest()
                    if time.monotonic() - self._committed > COMMIT_S:
                        self._commit(tables)
                        self._show(show)
            finally:
                # Also after Ctrl-C: what was finished is kept.
                self._hours.rest()
                self._commit(tables)
            tables.tidy()
        self.added.seconds = time.monotonic() - start
        return self.added

    def _jobs(self) -> Iterator[VideoJob]:
        for path in self._measured(self._changes.new):
            try:
                touch = partial(self._hours.touch, path)
                content = content_of(self._root / path, touch)
            except InputError as error:
                self._refuse(path, str(error))
                continue
            if content in self._videos:
                self._keep(path, content)
                self.added.known += 1
            elif content in self._waiting:
                self._waiting[content].append(path)
            else:
                self._waiting[content] = [path]
                yield VideoJob(self._root / path, content)

    def _measured(self, new: Sequence[str]) -> list[str]:
        """Those that are videos; the progress bar needs the lengths of all."""
        usable = []
        for path in new:
            if path in self._skip:
                self._refuse(path, self._skip[path])
                continue
            self._hours.touch(path)
            try:
                self._hours.expect(path, video.probe(self._root / path).duration_s)
                usable.append(path)
            except InputError as error:
                self._refuse(path, str(error))
            except Exception as error:
                problem = _stopped(self._root / path, error)
                self._refuse(path, problem, lasting=False)
        return usable

    def _progress(self, job: VideoJob) -> Progress:
        path = self._waiting[job.content][0]
        return lambda done_s, _: self._hours.reach(path, done_s)

    def _take(self, done: Outcome) -> None:
        paths = self._waiting.pop(done.job.content)
        if done.seen is None:
            for path in paths:
                self._refuse(path, done.problem, lasting=done.lasting)
        elif not self._is_still(paths[0]):
            # Then its content may be another than that which was looked at.
            problem = f"{done.job.path} changed while it was read; index it again"
            for path in paths:
                self._refuse(path, problem, lasting=False)
        else:
            self._seen.append(done.seen)
            self._videos.add(done.seen.id)
            self.added.videos += 1
            self.added.known += len(paths) - 1
            self.added.hours += done.seen.info.duration_s / 3600
            for path in paths:
                self._keep(path, done.seen.id)

    def _keep(self, path: str, content: str) -> None:
        self._files.append(File(path, content, self._scanned.files[path]))
        self._hours.finish(path)

    def _refuse(self, path: str, problem: str, *, lasting: bool = True) -> None:
        """A problem that may pass is not written, so that the file is tried again."""
        self.added.problems[path] = problem
        self._hours.finish(path)
        if lasting and self._is_still(path):
            self._files.append(File(path, "", self._scanned.files[path], problem))
        elif (known := self._known.get(path)) and not known.gone:
            # Its old content is not there any more.
            self._files.append(replace(known, gone=True))

    def _is_still(self, path: str) -> bool:
        """Whether a file can be read, and has not changed since the scan."""
        with suppress(OSError), (self._root / path).open("rb") as file:
            file.read(1)
            return State.of(self._root / path) == self._scanned.files[path]
        return False

    def _commit(self, tables: Tables) -> None:
        # Before they are written: after an error, nothing is written twice.
        seen, self._seen = self._seen, []
        files, self._files = self._files, []
        if seen or files:
            tables.place.remove(SNAPSHOT)
            tables.add(seen, files)
        if self._saved is not None:
            self._saved(self.added)
        self._committed = time.monotonic()

    def _show(self, show: Callable[[], None]) -> None:
        """In a large index it takes a while."""
        start = time.monotonic()
        if start - self._shown >= SHOWN * self._showing_s:
            show()
            self._shown = time.monotonic()
            self._showing_s = self._shown - start
