"""The annotations of a data set, and the problems in its files.

A reader keeps what it can use of every line and records the rest as problems. ``check``
reports all of them; training stops at the first that is not a documented oddity of the data
set.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

from slta.datasets.base import Dataset, Facts
from slta.errors import InputError
from slta.features.text.reading import normalised
from slta.fields import impossible
from slta.files import check_root
from slta.moments import Query, Span

T = TypeVar("T")
ROUNDING_S = 0.1
"""A span may end this much after its video, because times are rounded."""

FAR = 3
"""Times beyond this many lengths of the video are in another unit."""

BEYOND = "span beyond the video"
REVERSED = "start not before end"
DUPLICATE = "query annotated twice"
UNREADABLE = "query that cannot be read"


Place = int | str | None
"""A line of a file, counted from 1; a JSON entry; None for the whole file."""


@dataclass(frozen=True, slots=True)
class Problem:
    file: Path
    place: Place
    what: str
    remedy: str
    oddity: str | None = None
    """The kind of a documented oddity (docs/data-sets.md); None for a fault."""

    @property
    def line(self) -> int | None:
        return self.place if isinstance(self.place, int) else None

    @property
    def entry(self) -> str | None:
        return self.place if isinstance(self.place, str) else None

    def __str__(self) -> str:
        where = str(self.file)
        if self.line is not None:
            where += f":{self.line}"
        elif self.entry is not None:
            where += f", entry {self.entry},"
        return f"{where} {self.what}; {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """Documented oddities of a data set, which are not faults."""

    beyond_s: float = 0.0
    """Maximum time by which a span ends after its video."""
    reversed_in: AbstractSet[str] = frozenset()
    """Videos with a span that does not start before it ends."""
    duplicates: bool = False
    """Whether queries occur twice."""
    unreadable: bool = False
    """Whether some queries are not sentences, such as "1."; training leaves them out."""


NONE = Oddities()


@dataclass(slots=True, eq=False)
class Annotations:
    """Queries and problems of a data set, filled by its reader."""

    root: Path
    oddities: Oddities = NONE
    splits: dict[str, list[Query]] = field(default_factory=dict)
    """Queries by split, with spans as annotated."""
    durations_s: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    absent: list[Path] = field(default_factory=list)
    """Missing files of the data set."""
    absent_splits: dict[str, Path] = field(default_factory=dict)
    """Missing files, by the split that they would hold."""
    split_files: dict[str, Path] = field(default_factory=dict)
    """The file of each split."""
    first_lines: dict[str, tuple[Path, Place]] = field(default_factory=dict)
    """File and place at which each video occurs first."""
    _ids: dict[tuple[str, str], Place] = field(default_factory=dict)
    _seen: dict[tuple[object, ...], Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_root(self.root)

    @property
    def faults(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.oddity is None]

    def place(self, split: str, query_id: str) -> Place:
        """A query's place in its file, which may be another split's."""
        places = (self._ids.get((name, query_id)) for name in (split, *self.splits))
        return next((place for place in places if place is not None), None)

    def file(self, *names: str, split: str | None = None) -> Path | None:
        """The first existing file of these names; None, and recorded as missing, if there
        is none. ``split`` is the split that the file holds."""
        for name in names:
            if (path := self.root / name).is_file():
                self.files.append(path)
                if split is not None:
                    self.splits[split] = []
                    self.split_files[split] = path
                return path
        self.absent.append(self.root / names[0])
        if split is not None:
            self.absent_splits[split] = self.root / names[0]
        return None

    def content(self, file: Path) -> bytes:
        """The bytes of a file; empty, with a fault, if it cannot be read."""
        try:
            if file.exists() and not (file.is_file() or file.is_dir()):
                # Opening a pipe would block.
                raise OSError("it is a pipe or a device")
            return file.read_bytes()
        except OSError as error:
            why = error.strerror or error
            self.fault(file, None, f"cannot be read ({why})", "make it readable")
            return b""

    def lines(self, file: Path) -> Iterable[tuple[int, str]]:
        """The lines that are not blank, with their numbers."""
        # Bytes, because str.splitlines also splits at Unicode line separators.
        for number, line in enumerate(self.content(file).splitlines(), start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                what = f"is not UTF-8 (byte {error.start + 1} of the line)"
                self.fault(file, number, what, "save the file as UTF-8")
                continue
            if text.strip():
                yield number, text

    def fault(self, file: Path, place: Place, what: str, remedy: str) -> None:
        self.problems.append(Problem(file, place, what, remedy))

    def odd(self, file: Path, place: Place, what: str, remedy: str, kind: str) -> None:
        self.problems.append(Problem(file, place, what, remedy, kind))

    def add(
        self,
        split: str,
        file: Path,
        place: Place,
        *,
        query_id: str,
        video_id: str,
        query: str,
        spans: Sequence[tuple[float, float]] | None,
        facts: Facts | None = None,
    ) -> None:
        """Adds a query, or a fault if it is invalid.

        A query with a documented reversed span is kept without its truth.
        """
        sentence = " ".join(query.split())
        who = f"{sentence[:40]!r} of {video_id}"
        if not any(letter.isalnum() for letter in sentence):
            text = f" ({sentence[:40]})" if sentence else ""
            what = f"has a query of {video_id} without words{text}"
            return self.fault(file, place, what, "write the sentence, or remove it")
        if video_id in ("", ".", "..") or any(mark in video_id for mark in "/\\\0"):
            what = f"has a query of a video whose id {video_id!r} cannot name a file"
            return self.fault(file, place, what, "name the video like its file")
        if (split, query_id) in self._ids:
            first = self._ids[split, query_id]
            what = f"gives the query id {query_id!r} again{_after(first)}"
            return self.fault(file, place, what, "give each query an id of its own")
        truth: tuple[Span, ...] | None = None
        if spans is not None and self._is_known_reversed(video_id, spans):
            what = f"has {who} at {spans[0][0]:g}-{spans[0][1]:g} s, start after end"
            remedy = "the query is kept, without its truth"
            self.odd(file, place, what, remedy, REVERSED)
        elif spans is not None:
            checked = [self._span(file, place, who, video_id, *span) for span in spans]
            if None in checked:
                return None
            truth = tuple(span for span in checked if span is not None)
        if self.oddities.unreadable and (why := unreadable(sentence)):
            self.odd(file, place, why[0], "the query is left out", UNREADABLE)
        key = (split, video_id, sentence, truth)
        if key in self._seen:
            what = f"has {who} again{_after(self._seen[key])}"
            if self.oddities.duplicates:
                self.odd(file, place, what, "both are kept", DUPLICATE)
            else:
                self.fault(file, place, what, "remove one of them")
        self._seen.setdefault(key, place)
        self._ids[split, query_id] = place
        self.first_lines.setdefault(video_id, (file, place))
        self.splits[split].append(Query(query_id, video_id, sentence, truth))
        if facts is not None:
            self.facts[query_id] = facts
        return None

    def _is_known_reversed(
        self, video_id: str, spans: Sequence[tuple[float, float]]
    ) -> bool:
        return video_id in self.oddities.reversed_in and any(
            start >= end for start, end in spans
        )

    def _span(
        self,
        file: Path,
        place: Place,
        who: str,
        video_id: str,
        start: float,
        end: float,
    ) -> Span | None:
        """The span; None, with a fault, if it is invalid in the video."""
        times = f"{start:g}-{end:g} s"
        if wrong := impossible(start, end):
            self.fault(file, place, f"has {who} at {times}, {wrong[0]}", wrong[1])
            return None
        inside = self._within(file, place, who, video_id, start, end)
        return Span(start, end) if inside else None

    def _within(
        self,
        file: Path,
        place: Place,
        who: str,
        video_id: str,
        start: float,
        end: float,
    ) -> bool:
        """Whether a span lies in its video, up to rounding and documented oddities."""
        duration_s = self.durations_s.get(video_id)
        if duration_s is None or end <= duration_s:
            return True
        over_s = end - duration_s
        what = (
            f"has {who} at {start:g}-{end:g} s, which ends {over_s:.2f} s after the "
            f"video ({duration_s:g} s)"
        )
        if start < duration_s and over_s <= self.oddities.beyond_s + 1e-6:
            self.odd(file, place, what, "it is cut there", BEYOND)
            return True
        if start < duration_s and over_s <= ROUNDING_S:
            return True
        # Below 1000, a typing error is likelier than milliseconds.
        in_ms = end >= max(1000, FAR * duration_s)
        if in_ms and end / 1000 <= duration_s + ROUNDING_S:
            remedy = "the times look like milliseconds: divide them by 1000"
        else:
            remedy = "correct the times, or the length of the video"
        self.fault(file, place, what, remedy)
        return False

    def pairs(self, queries: Iterable[Query]) -> int | None:
        """Number of their training windows; None where a release lists none."""
        windows_of = [
            self.facts.get(query.query_id, Facts()).windows for query in queries
        ]
        listed = [len(windows) for windows in windows_of if windows is not None]
        return sum(listed) if listed else None

    def trained(
        self, splits: Mapping[str, Sequence[Query]]
    ) -> Mapping[str, Sequence[Query]]:
        """The splits without queries that are documented not to be sentences."""
        if not self.oddities.unreadable:
            return splits
        return {
            split: [query for query in queries if unreadable(query.query) is None]
            for split, queries in splits.items()
        }

    def dataset(
        self,
        *,
        name: str,
        cut: bool = True,
        videos: Path | None = None,
        splits: Mapping[str, Sequence[Query]] | None = None,
    ) -> Dataset:
        """The data set, with ``splits`` instead of the annotations' if given; ``cut`` clips
        spans to their videos. Raises ``InputError`` for the first fault."""
        if faults := self.faults:
            more = len(faults) - 1
            rest = f" ({more} more: slta data check {name} --root {self.root})"
            raise InputError(f"{faults[0]}{rest if more else ''}")
        splits = self.splits if splits is None else splits
        if not splits:
            names = [path.name for path in self.absent]
            all_of = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
            raise InputError(f"{self.root} has no split of {name}; put {all_of} there")
        splits = self.trained(splits)
        if cut:
            splits = {
                split: [within(query, self.durations_s) for query in queries]
                for split, queries in splits.items()
            }
        return Dataset(
            digest=digest(self.files),
            splits={split: tuple(queries) for split, queries in splits.items()},
            folder=self.root,
            videos=videos or self.root / "videos",
            durations_s=self.durations_s,
            facts=self.facts,
        )


TICK_NS = 100_000_000
"""Time within which two versions of a file may have the same timestamp."""


def once(read: Callable[[Path], T]) -> Callable[[Path], T]:
    """Caches the annotations of a folder until a file there changes, because a training
    opens them about ten times. The result is shared and must not be changed."""
    cached: dict[tuple[Path, Path], tuple[object, T]] = {}

    @wraps(read)
    def reading(root: Path) -> T:
        now_ns, place = time.time_ns(), (root, root.absolute())
        state = _state(root)
        if place in cached and cached[place][0] == state:
            return cached[place][1]
        cached.clear()
        content = read(root)
        if state and all(changed < now_ns - TICK_NS for *_, changed in state):
            cached[place] = state, content
        return content

    return reading


def _state(root: Path) -> list[tuple[str, int, int, int, int]]:
    """Names, sizes and timestamps of a folder's files; empty if it cannot be read."""
    try:
        found = [(each, each.stat()) for each in sorted(root.iterdir())]
    except OSError:
        return []
    return [
        (path.name, facts.st_ino, facts.st_size, facts.st_ctime_ns, facts.st_mtime_ns)
        for path, facts in found
        if S_ISREG(facts.st_mode)
    ]


def unreadable(query: str) -> tuple[str, str] | None:
    """Why a query is unreadable, and the remedy; None if it is readable."""
    try:
        normalised(query)
    except InputError as error:
        why, _, remedy = str(error).partition("; ")
        return f"has an unreadable query: {why}", remedy or "correct the sentence"
    return None


def _after(place: Place) -> str:
    if place is None:
        return ""
    return f", after {'line' if isinstance(place, int) else 'entry'} {place}"


def within(query: Query, durations_s: Mapping[str, float]) -> Query:
    """The query with its spans clipped to the video, if the video's length is known."""
    duration_s = durations_s.get(query.video_id)
    if duration_s is None or not query.truth:
        return query
    if all(span.end <= duration_s for span in query.truth):
        return query
    truth = tuple(Span(span.start, min(span.end, duration_s)) for span in query.truth)
    return Query(query.query_id, query.video_id, query.query, truth)


def digest(files: Sequence[Path]) -> str:
    """SHA-256 over the names and contents of the files."""
    sha256_of_all = hashlib.sha256()
    for file in files:
        sha256_of_all.update(file.name.encode() + b"\0" + file.read_bytes())
    return sha256_of_all.hexdigest()


SEED = 0
SHARE = 0.1
"""Share of the train videos that are held out as val."""


def is_held_out(video_id: str) -> bool:
    """Whether a train video belongs to val, by a hash of its id.

    >>> [video for video in ("AO8RW", "Y6R7T", "IGDIE", "7UPGT") if is_held_out(video)]
    []
    """
    drawn = sha256(f"{SEED}:{video_id}".encode()).digest()[:8]
    return int.from_bytes(drawn) < SHARE * 2**64


def with_val(annotations: Annotations) -> dict[str, list[Query]]:
    """The splits, with a val that is held out of train."""
    splits = dict(annotations.splits)
    return train_and_val(splits.pop("train")) | splits if "train" in splits else splits


def train_and_val(queries: Iterable[Query]) -> dict[str, list[Query]]:
    splits: dict[str, list[Query]] = {"train": [], "val": []}
    for query in queries:
        splits["val" if is_held_out(query.video_id) else "train"].append(query)
    return splits
