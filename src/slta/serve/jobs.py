"""Indexing jobs: one at a time, kept over a restart of the server."""

import json
import logging
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Final, Literal

from slta.errors import InputError, UnwritableError
from slta.index.adding import Added
from slta.index.library import Index
from slta.serve.answers import shown, told
from slta.serve.child import COMMAND, Child, Said
from slta.serve.indexing import Order
from slta.serve.kept import Database, kept_folder

MOST_WAITING: Final = 20
KEPT: Final = 200
"""Ended jobs that are kept."""
LISTED: Final = 100
"""Maximum problems that are told of a job."""
TRIES: Final = 2
"""A file that ends the process so often is given up."""
MOST_LOST: Final = 20
"""Files that end the process, without any video between, after which a job fails: then
something else is wrong."""
PATIENCE_S: Final = 300.0
GRACE_S: Final = 10.0
"""How long an interrupted process may take to write what it has."""
TABLES: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, made_s REAL NOT NULL, record TEXT NOT NULL
);
"""
State = Literal["waiting", "running", "done", "failed", "cancelled"]
logger = logging.getLogger(__name__)


class TooManyJobs(InputError):
    """The queue is full."""

    status = 429


class UnknownJob(InputError):
    """An id of no job."""

    status = 404


@dataclass
class IndexJob:
    """An update of the index."""

    folder: str
    """Where new files are looked at, in the folder of the index; empty for all of it."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: State = "waiting"
    done_s: float = 0.0
    all_s: float = 0.0
    rate: float | None = None
    file: str = ""
    videos: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    made_s: float = field(default_factory=time.time)
    ended_s: float | None = None
    skip: dict[str, str] = field(default_factory=dict)
    """Files that ended or hung the process, and how."""
    tries: dict[str, int] = field(default_factory=dict)
    """How often files ended the process."""

    @property
    def is_open(self) -> bool:
        return self.state in ("waiting", "running")

    def to_json(self, root: Path) -> dict[str, Any]:
        """For answers, which do not tell where the folder lies."""
        left_s = (self.all_s - self.done_s) / self.rate if self.rate else None
        problems = sorted(self.problems.items())
        return {
            "id": self.id,
            "folder": self.folder,
            "state": self.state,
            "done_s": round(self.done_s, 1),
            "all_s": round(self.all_s, 1),
            "rate": None if self.rate is None else round(self.rate, 2),
            "left_s": None if left_s is None else round(left_s, 1),
            "file": shown(self.file),
            "videos": self.videos,
            "problems": [
                {"file": shown(file), "why": told(why, root)}
                for file, why in problems[:LISTED]
            ],
            "problems_count": len(problems),
            "error": None if self.error is None else told(self.error, root),
            "made_s": self.made_s,
            "ended_s": self.ended_s,
        }

    @classmethod
    def read(cls, record: str) -> "IndexJob":
        """A job as it was kept. Raises ``ValueError`` or ``TypeError`` for another text."""
        values = json.loads(record)
        return cls(**{each.name: values[each.name] for each in fields(cls)})


class Jobs:
    """The jobs of an index, done by a thread."""

    def __init__(
        self,
        index: Index,
        *,
        extractor: str | None = None,
        command: Sequence[str] = COMMAND,
        patience_s: float = PATIENCE_S,
        grace_s: float = GRACE_S,
        busy_s: float = 3600.0,
        ended: Callable[[IndexJob, Added], None] = lambda *_: None,
    ) -> None:
        """``extractor`` is the name by which the index was opened, if any; ``patience_s``
        and ``busy_s`` are as in ``Order``; ``ended`` is called with each job that ended, and
        what it did."""
        self._extractor = extractor
        self._index, self._command, self._grace_s = index, command, grace_s
        self._patience_s, self._busy_s, self._ended = patience_s, busy_s, ended
        self._kept = Database(kept_folder(index.root) / "jobs.sqlite", TABLES)
        self._jobs: dict[str, IndexJob] = {}
        self._changed = Condition()
        self._child: Child | None = None
        self._stopping: IndexJob | None = None
        self._is_closing = False
        self._thread: Thread | None = None
        self.version = 0
        """Grows with each change."""

    def start(self) -> None:
        """Reads the jobs that are kept, and goes on with those that have not ended."""
        with self._changed:
            if self._thread is not None:
                return
            try:
                kept = self._read()
            except UnwritableError as error:
                # The page opens all the same.
                logger.warning("%s; earlier jobs are not known", error)
                kept = []
            self._jobs = {job.id: job for job in kept} | self._jobs
            self._thread = Thread(target=self._work, name="jobs", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Interrupts the job at hand, which goes on at the next start."""
        with self._changed:
            self._is_closing = True
            if self._child is not None:
                self._child.stop(self._grace_s)
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def add(self, folder: str, *, is_needed: bool = False) -> IndexJob:
        """A job for the new files in a folder, or the one that waits for that already.

        Raises ``TooManyJobs``, unless it ``is_needed``, and ``UnwritableError``.
        """
        with self._changed:
            waiting = [job for job in self._jobs.values() if job.state == "waiting"]
            for job in waiting:
                if job.folder == folder:
                    return job
            if len(waiting) >= MOST_WAITING and not is_needed:
                raise TooManyJobs(
                    f"{len(waiting)} jobs wait already; cancel one, or wait for one to end"
                )
            job = IndexJob(folder)
            self._keep(job)
            self._jobs[job.id] = job
            self._forget()
            self._tell()
            return job

    def cancel(self, name: str) -> IndexJob:
        """Ends a job; waits until it has ended. Raises ``UnknownJob``."""
        with self._changed:
            job = self._jobs.get(name)
            if job is None:
                raise UnknownJob("there is no such job; list the jobs for their ids")
            if job is self._running:
                self._stopping = job
                if self._child is not None:
                    self._child.stop(self._grace_s)
            elif job.is_open:
                self._end(job, "cancelled")
            self._changed.wait_for(lambda: not job.is_open, 2 * self._grace_s + 5)
            return job

    def listed(self, most: int = KEPT) -> list[dict[str, Any]]:
        """The newest jobs, newest first, for answers."""
        with self._changed:
            newest = sorted(self._jobs.values(), key=lambda job: -job.made_s)
            return [job.to_json(self._index.root) for job in newest[:most]]

    @property
    def _running(self) -> IndexJob | None:
        return next((j for j in self._jobs.values() if j.state == "running"), None)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            added = Added()
            try:
                state, error = self._do(job, added)
            except Exception as problem:
                logger.exception("a job failed")
                what = f"{type(problem).__name__}: {problem}"
                state, error = "failed", f"the job failed ({what}); please report it"
            if state is None:
                return
            with self._changed:
                job.error = error
                self._end(job, state)
            try:
                self._ended(job, added)
            except Exception:
                logger.exception("the end of a job could not be told")

    def _next(self) -> IndexJob | None:
        """The next job, now running; None at the end."""
        with self._changed:
            while not self._is_closing:
                waiting = [job for job in self._jobs.values() if job.state == "waiting"]
                if waiting:
                    job = min(waiting, key=lambda job: job.made_s)
                    job.state = "running"
                    self._stopping = None
                    self._tell(job)
                    return job
                self._changed.wait()
        return None

    def _do(self, job: IndexJob, added: Added) -> tuple[State | None, str | None]:
        """How a job ended, and why; no state if it goes on at the next start. Puts what it
        did into ``added``."""
        lost = 0
        while True:
            with self._changed:
                if self._is_closing or self._stopping is job:
                    return (None if self._is_closing else "cancelled"), None
                child = self._child = Child(self._order(job), self._command)
            before, last = Added(**asdict(added)), Said()
            start_s = time.monotonic()
            for said in child.said():
                last = said
                self._take(job, said, before, added, start_s)
            status = child.wait()
            with self._changed:
                self._child = None
                if last.done is not None:
                    return "done", None
                if self._is_closing:
                    return None, None
                if self._stopping is job:
                    return "cancelled", None
                if last.refused is not None:
                    return "failed", last.refused
                file, job.file = job.file, ""
                if not file:
                    why = _how(status)
                    return "failed", f"indexing ended by itself ({why}); start it again"
                lost = lost + 1 if added.videos == before.videos else 1
                if lost > MOST_LOST * TRIES:
                    return "failed", (
                        f"{MOST_LOST} files in a row ended the process ({_how(status)}, "
                        f"at last {file}); see that there is enough memory, and start it "
                        "again"
                    )
                self._blame(job, file, status)
                self._tell(job)

    def _order(self, job: IndexJob) -> Order:
        return Order(
            root=str(self._index.root),
            place=self._index.place.address,
            extractor=self._extractor,
            store=str(self._index.searcher.store.root),
            within=job.folder,
            skip=job.skip,
            patience_s=self._patience_s,
            busy_s=self._busy_s,
        )

    def _take(
        self, job: IndexJob, said: Said, before: Added, added: Added, start_s: float
    ) -> None:
        with self._changed:
            if (so_far := said.saved or said.done) is not None:
                _sum(before, so_far.added, added)
                job.videos = added.videos
                job.problems = dict(added.problems)
            if said.file is not None:
                job.file, job.done_s, job.all_s = said.file, said.done_s, said.all_s
                passed_s = time.monotonic() - start_s
                job.rate = said.done_s / passed_s if said.done_s else None
                job.error = None
            if said.busy is not None:
                job.error = f"{said.busy}; this job waits"
            self._tell()

    def _blame(self, job: IndexJob, file: str, status: int) -> None:
        """Notes that reading a file ended the process."""
        job.tries[file] = job.tries.get(file, 0) + 1
        if status == -signal.SIGALRM:
            minutes = self._patience_s / 60
            why = f"reading it did not go on for {minutes:.3g} minutes"
        elif job.tries[file] >= TRIES:
            why = f"reading it ended the process, twice ({_how(status)})"
        else:
            return
        job.skip[file] = f"{why}; it is left out until it changes"

    def _end(self, job: IndexJob, state: State) -> None:
        job.state, job.ended_s, job.file = state, time.time(), ""
        self._tell(job)

    def _tell(self, job: IndexJob | None = None) -> None:
        """Says that something has changed; keeps a job."""
        self.version += 1
        self._changed.notify_all()
        if job is not None:
            # It is done all the same; only a restart would not know.
            with suppress(UnwritableError):
                self._keep(job)

    def _keep(self, job: IndexJob) -> None:
        record = json.dumps(asdict(job))
        with self._kept.open() as database:
            database.execute(
                "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)",
                (job.id, job.made_s, record),
            )

    def _read(self) -> list[IndexJob]:
        if not self._kept.path.exists():
            return []
        with self._kept.open() as database:
            rows = database.execute("SELECT record FROM jobs ORDER BY made_s")
            records = [row["record"] for row in rows]
        jobs = []
        for record in records:
            # One of another version of the program is of no use to this one.
            with suppress(ValueError, TypeError, KeyError):
                jobs.append(IndexJob.read(record))
        for job in jobs:
            if job.state == "running":
                job.state = "waiting"
        return jobs

    def _forget(self) -> None:
        """Forgets the oldest ended jobs."""
        ended = [job for job in self._jobs.values() if not job.is_open]
        ended.sort(key=lambda job: job.made_s)
        gone = [job.id for job in ended[: max(0, len(ended) - KEPT)]]
        if not gone:
            return
        for name in gone:
            del self._jobs[name]
        with self._kept.open() as database:
            database.executemany("DELETE FROM jobs WHERE id = ?", [(n,) for n in gone])


def _sum(before: Added, now: Added, added: Added) -> None:
    """Puts what was done before, and now, into ``added``."""
    added.videos = before.videos + now.videos
    added.hours = before.hours + now.hours
    added.known = before.known + now.known
    added.unchanged = now.unchanged
    added.gone = [*dict.fromkeys([*before.gone, *now.gone])]
    added.back = before.back + now.back
    added.problems = before.problems | now.problems
    added.seconds = before.seconds + now.seconds


def _how(status: int) -> str:
    """How a process ended."""
    if status >= 0:
        return f"status {status}"
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
