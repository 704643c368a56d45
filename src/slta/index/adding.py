"""Keeping an index up to date with its folder."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from slta import video
from slta.errors import InputError, UnwritableError
from slta.index.looking import Seen, content_of, look_at
from slta.index.scanning import Scan, State
from slta.index.segments import Bases
from slta.index.tables import SNAPSHOT, File, Snapshot, Tables
from slta.progress import Progress
from slta.search.zero_shot import ZeroShot

COMMIT_S = 10.0
"""Time after which finished videos are written."""


class Job(NamedTuple):
    """A video to look at."""

    path: Path
    content: str


class Outcome(NamedTuple):
    """What became of a job: what was seen, or why it cannot be used."""

    job: Job
    seen: Seen | None
    problem: str = ""
    lasting: bool = True
    """Whether the file's content is at fault, rather than the machine that read it."""


Looks = Callable[[Iterable[Job], Callable[[Job], Progress]], Iterator[Outcome]]
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
    problems: dict[str, str] = field(default_factory=dict)
    """New files that cannot be used, and why; folders that cannot be read."""
    seconds: float = 0.0


Bar = Callable[[float, float, str], None]
"""Called with the seconds of video done, those of all, and the file at hand."""


def look_here(model: ZeroShot, bases: Bases, *, keep: bool) -> Looks:
    """Looks at one video after another, in this process."""

    def looks(
        jobs: Iterable[Job], progress: Callable[[Job], Progress]
    ) -> Iterator[Outcome]:
        for job in jobs:
            yield outcome(job, model, bases, keep=keep, progress=progress(job))

    return looks


def outcome(
    job: Job,
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
    return Outcome(job, seen)


class Update:
    """One update of an index, by the process that holds its lock."""

    def __init__(
        self,
        root: Path,
        snapshot: Snapshot,
        scanned: Scan,
        bar: Bar | None = None,
    ) -> None:
        self._root, self._bar = root, bar
        self._scanned = scanned
        self._known = {file.path: file for file in snapshot.files}
        self._videos = {video.id for video in snapshot.videos}
        self._durations: dict[str, float] = {}
        self._done: dict[str, float] = {}
        self._waiting: dict[str, list[str]] = {}
        """Paths of each content that is looked at."""
        self._seen: list[Seen] = []
        self._files: list[File] = []
        self._committed = time.monotonic()
        self.added = Added(problems=dict(scanned.unreadable))
        self._new = [
            path for path, state in scanned.files.items() if self._is_new(path, state)
        ]
        self.added.unchanged = len(scanned.files) - len(self._new)
        self._mark_gone()

    @property
    def is_done(self) -> bool:
        """Whether nothing has changed."""
        return not (self._new or self._files)

    def run(self, tables: Tables, looks: Looks) -> Added:
        """Brings the tables up to date."""
        start = time.monotonic()
        self._tables = tables
        if not self.is_done:
            tables.place.remove(SNAPSHOT)
            tables.clean()
            try:
                for done in looks(self._jobs(self._new), self._progress):
                    self._take(done)
            finally:
                # Also after Ctrl-C: what was finished is kept.
                self._commit()
            tables.tidy()
        self.added.seconds = time.monotonic() - start
        return self.added

    def _is_new(self, path: str, state: State) -> bool:
        file = self._known.get(path)
        if file is None or file.state != state or file.gone:
            return True
        return bool(file.video) and file.video not in self._videos

    def _mark_gone(self) -> None:
        for path, file in self._known.items():
            if path in self._scanned.files or self._is_hidden(path):
                continue
            if not file.gone:
                self._files.append(replace(file, gone=True))
                self.added.gone.append(path)

    def _is_hidden(self, path: str) -> bool:
        """Whether a folder that cannot be read now may hold the file."""
        return any(
            path == name or path.startswith(f"{name}/") or name == "."
            for name in self._scanned.unreadable
        )

    def _jobs(self, new: list[str]) -> Iterator[Job]:
        for path in new:
            try:
                self._durations[path] = video.probe(self._root / path).duration_s
            except InputError as error:
                self._refuse(path, str(error))
        for path in new:
            if path not in self._durations:
                continue
            try:
                content = content_of(self._root / path)
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
                yield Job(self._root / path, content)

    def _progress(self, job: Job) -> Progress:
        name = self._waiting[job.content][0]

        def told(done_s: float, _: float) -> None:
            self._done[name] = done_s
            self._tell(name)

        return told

    def _tell(self, name: str) -> None:
        if self._bar is not None:
            total = sum(self._durations.values())
            self._bar(min(sum(self._done.values()), total), total, name)

    def _take(self, done: Outcome) -> None:
        paths = self._waiting.pop(done.job.content)
        if done.seen is None:
            for path in paths:
                self._refuse(path, done.problem, lasting=done.lasting)
            return
        self._seen.append(done.seen)
        self._videos.add(done.seen.id)
        self.added.videos += 1
        self.added.known += len(paths) - 1
        self.added.hours += done.seen.info.duration_s / 3600
        for path in paths:
            self._keep(path, done.seen.id)
        if time.monotonic() - self._committed > COMMIT_S:
            self._commit()

    def _keep(self, path: str, content: str) -> None:
        self._files.append(File(path, content, self._scanned.files[path]))
        self._done[path] = self._durations[path]
        self._tell(path)

    def _refuse(self, path: str, problem: str, *, lasting: bool = True) -> None:
        if lasting:
            self._files.append(File(path, "", self._scanned.files[path], problem))
        self.added.problems[path] = problem
        self._done[path] = self._durations.get(path, 0.0)

    def _commit(self) -> None:
        seen, files = self._seen, self._files
        if seen or files:
            self._tables.add(seen, files)
        self._seen, self._files = [], []
        self._committed = time.monotonic()
