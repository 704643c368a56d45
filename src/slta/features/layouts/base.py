"""The protocol of layouts of pre-extracted features, and checks of their content.

Shapes: t samples, r regions; vectors: d of a frame, e of a region.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple, Protocol, runtime_checkable
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from jaxtyping import Shaped

from slta.errors import InputError

AXES = {"times_s": 1, "frames": 2, "regions": 3, "boxes": 3, "region_mask": 2}
NEEDED = {
    "times_s": "the time of each sample in seconds (t)",
    "frames": "a vector for each sample (t, d)",
}
OUTSIDE = 0.01
"""Tolerance for boxes beyond the frame, as their fractions are rounded."""
LARGEST = float(np.finfo(np.float16).max)
ROWS = 64
"""Maximum samples read at a time."""

Array = Shaped[np.ndarray, "..."]
Arrays = Mapping[str, Array]
"""By the names of ``AXES``; always with ``times_s`` and ``frames``."""


class Part(NamedTuple):
    """A source file of an array."""

    file: Path
    size: int
    """Its share of the vector's size."""


@dataclass(slots=True)
class Look:
    """The result of checking a video's features."""

    duration_s: float | None = None
    step_s: float = 0.0
    """Median time between two samples, and the duration of the last."""
    shapes: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """Type and shape of each array."""
    problems: list[tuple[Path, str, str]] = field(default_factory=list)
    """File, problem and remedy."""


@runtime_checkable
class Layout(Protocol):
    """A format of features on disk."""

    @property
    def name(self) -> str:
        """Name in the store's records."""
        ...

    @property
    def spread(self) -> bool:
        """Whether samples have no times but are spread evenly over the video, whose length
        must then be known."""
        ...

    @property
    def videos(self) -> Mapping[str, Path]:
        """A file of each video's features, by the video's id.

        Raises ``InputError`` if nothing can be read.
        """
        ...

    def expected(self, video_id: str) -> str:
        """Where the layout expects a video's features."""
        ...

    def parts(self, video_id: str, array: str, size: int = 0) -> Sequence[Part]:
        """Source files of an array, whose vectors have ``size`` numbers."""
        ...

    def files(self, video_id: str) -> tuple[Path, ...]:
        """All files of a video's features."""
        ...

    def size(self, video_id: str) -> int:
        """Bytes of a video's features on disk."""
        ...

    def pieces(
        self, video_id: str, duration_s: float | None = None
    ) -> Iterator[Arrays]:
        """A video's samples in consecutive pieces, as in the files.

        Raises ``Faults`` for invalid content, and ``DAMAGE`` for unreadable files.
        """
        ...


class Faults(Exception):
    """Problems of a video's features."""

    def __init__(self, *problems: tuple[str, str], file: Path | None = None) -> None:
        super().__init__(*problems)
        self.problems = [(file, *problem) for problem in problems]
        """File (None for the video's only one), problem and remedy."""


class Unreadable(InputError):
    """An unreadable file of many videos' features."""

    def __init__(self, file: Path, what: str, remedy: str) -> None:
        super().__init__(f"{file} {what}; {remedy}")
        self.file, self.what, self.remedy = file, what, remedy


class Gathered:
    """Collects the faults of several files, to report all of them."""

    def __init__(self) -> None:
        self._problems: list[tuple[Path | None, str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._problems)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, Faults):
            self._problems += error.problems
        return isinstance(error, Faults)

    def add(self, file: Path | None, what: str, remedy: str) -> None:
        self._problems.append((file, what, remedy))

    def raise_all(self) -> None:
        """Raises ``Faults`` with all problems, if there are any."""
        if self._problems:
            faults = Faults()
            faults.problems = self._problems
            raise faults


DAMAGE = (
    *(OSError, ValueError, EOFError, SyntaxError, MemoryError, LookupError),
    *(BadZipFile, ZlibError, NotImplementedError, TypeError, OverflowError),
    *(TokenError, AttributeError, RecursionError),
)
"""What reading a damaged file can raise."""


def look_at(layout: Layout, video_id: str, duration_s: float | None = None) -> Look:
    """Checks all of a video's features, reading them once.

    ``duration_s`` is the video's length by the annotations.
    """
    look, values = Look(), Values()
    file = layout.videos[video_id]
    try:
        for piece in layout.pieces(video_id, duration_s):
            values.take(piece)
    except Faults as error:
        look.problems += [(of or file, what, cure) for of, what, cure in error.problems]
    except DAMAGE as error:
        look.problems.append((file, *damaged(error)))
    else:
        look.problems += [
            (layout.parts(video_id, array)[0].file, what, remedy)
            for array, what, remedy in values.problems()
        ]
    if not look.problems:
        look.step_s, look.duration_s = values.step_s, values.duration_s
    look.shapes = values.shapes
    return look


def whole(layout: Layout, video_id: str, duration_s: float | None = None) -> Look:
    """As ``look_at``, but raises ``InputError`` for the first problem."""
    look = look_at(layout, video_id, duration_s)
    for file, what, remedy in look.problems:
        raise InputError(f"{file} {what}; {remedy}")
    return look


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Adds the file to faults, and turns errors of reading into ``Faults``."""
    try:
        yield
    except Faults as error:
        error.problems = [(of or file, what, cure) for of, what, cure in error.problems]
        raise
    except DAMAGE as error:
        raise Faults(damaged(error), file=file) from None


class Values:
    """Checks the numbers of a video's features, piece by piece."""

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._odd: dict[str, tuple[str, str]] = {}
        self._times: list[Array] = []
        self._boxes = (0.0, 1.0)

    def take(self, piece: Arrays) -> None:
        done = self._count()
        for name, array in piece.items():
            _, shape = self.shapes.get(name, ("", (0,)))
            self.shapes[name] = (
                str(array.dtype),
                (shape[0] + len(array), *array.shape[1:]),
            )
            if array.dtype.kind != "f" or name in self._odd:
                continue
            if odd := odd_numbers(name, array, done):
                self._odd[name] = odd
        self._times.append(np.asarray(piece["times_s"], np.float64))
        if (boxes := piece.get("boxes")) is not None and boxes.size:
            low, high = self._boxes
            self._boxes = min(low, float(boxes.min())), max(high, float(boxes.max()))

    def problems(self) -> list[tuple[str, str, str]]:
        """Array, problem and remedy."""
        problems = [(name, *problem) for name, problem in self._odd.items()]
        times_s = self._all_times()
        if not len(times_s):
            return [("times_s", "has no samples", "make the features again")]
        if "times_s" not in self._odd:
            steps = np.diff(times_s)
            if not (steps > 0).all():
                row = int(np.argmin(steps > 0)) + 1
                what = f"has times_s that do not ascend at row {row}"
                what += f" ({times_s[row]:g} s)"
                remedy = "sort the samples, and keep none twice"
                problems.append(("times_s", what, remedy))
            if times_s[0] < 0:
                what = f"has times_s from {times_s[0]:g} s on"
                problems.append(("times_s", what, "begin at 0 or later"))
        low, high = self._boxes
        if low < -OUTSIDE or high > 1 + OUTSIDE:
            what = f"has boxes from {low:g} to {high:g}"
            problems.append(("boxes", what, "give them as fractions of the frame"))
        return problems

    @property
    def step_s(self) -> float:
        steps = np.diff(self._all_times())
        return float(np.median(steps)) if len(steps) else 0.0

    @property
    def duration_s(self) -> float:
        return float(self._all_times()[-1]) + self.step_s

    def _count(self) -> int:
        return sum(map(len, self._times))

    def _all_times(self) -> Array:
        return np.concatenate([np.zeros(0), *self._times])


def odd_numbers(name: str, array: Array, done: int = 0) -> tuple[str, str] | None:
    """Problem and remedy of an array's numbers, or None; ``done`` rows come before it."""
    with np.errstate(invalid="ignore", over="ignore"):
        numbers = np.isfinite(array)
        small = numbers & (np.abs(array) <= LARGEST)
    if not numbers.all():
        row = done + int(np.argwhere(~numbers)[0][0])
        what = f"has NaN or infinity in {name}, first in row {row}"
        return what, "make the features again"
    if name != "times_s" and not small.all():
        row = done + int(np.argwhere(~small)[0][0])
        what = f"has numbers above {LARGEST:g} in {name}, first in row {row}"
        return what, "scale the features"
    return None


def check_shapes(
    shapes: Mapping[str, tuple[np.dtype, tuple[int, ...]]], there: Iterable[str] = ()
) -> None:
    """Raises ``Faults`` for missing arrays, and wrong types and shapes.

    ``there`` are the names of all arrays in the file.
    """
    faults: list[tuple[str, str]] = []
    if missing := [name for name in NEEDED if name not in shapes]:
        only = ", ".join(there) or ", ".join(shapes) or "nothing"
        what = f"has no array {' and no '.join(missing)}, only {only}"
        needed = " and ".join(f"{name}, {NEEDED[name]}" for name in missing)
        faults.append((what, f"make it again with {needed}"))
    known: dict[str, tuple[int, ...]] = {}
    for name in (name for name in AXES if name in shapes):
        dtype, shape = shapes[name]
        kind = "b" if name == "region_mask" else "f"
        if len(shape) != AXES[name] or dtype.kind != kind:
            axes = "1 axis" if AXES[name] == 1 else f"{AXES[name]} axes"
            holding = "True and False" if kind == "b" else "float16 or float32"
            what = f"has {name} of {dtype} {shape}"
            faults.append((what, f"give it {axes} of {holding}"))
        else:
            known[name] = shape
    rows = {name: shape[0] for name, shape in known.items()}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in rows.items())
        what = f"has arrays of different lengths ({counts})"
        faults.append((what, "give every sample a row in each of them"))
    regions = known["regions"][1] if "regions" in known else 1
    for name in (name for name in ("boxes", "region_mask") if name in known):
        if (count := known[name][1]) != regions:
            what = f"has {name} of {count} regions, and {regions} regions"
            faults.append((what, "give each region one"))
    if "boxes" in known and (numbers := known["boxes"][2]) != 4:
        faults.append((f"has boxes of {numbers} numbers", "give x0, y0, x1, y1"))
    if faults:
        raise Faults(*faults)


def damaged(error: BaseException) -> tuple[str, str]:
    """Problem and remedy of a file whose reading raised the error."""
    problem = " ".join(str(error).split())[:120] or type(error).__name__
    return f"is damaged ({problem})", "copy it again, or make it again"


def sizes(shapes: Iterable[Mapping[str, tuple[int, ...]]]) -> dict[str, int]:
    """The most frequent vector size of frames and of regions, over videos."""
    usual: dict[str, int] = {}
    videos = list(shapes)
    for name in ("frames", "regions"):
        counts = Counter(video[name][-1] for video in videos if name in video)
        if counts:
            usual[name] = counts.most_common(1)[0][0]
    return usual


OBJECTS = (
    "holds an array of Python objects, which could run code and was not read",
    "make it again with arrays of numbers",
)


@runtime_checkable
class Readable(Protocol):
    """An open file, or a member of an archive."""

    def read(self, size: int = -1, /) -> bytes: ...


class Header(NamedTuple):
    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]


def header(file: Readable) -> Header:
    """Reads the header. Raises ``Faults`` for an array of Python objects."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        head = Header(*np.lib.format.read_array_header_1_0(file))
    elif version == (2, 0):
        head = Header(*np.lib.format.read_array_header_2_0(file))
    else:
        raise ValueError(f"version {version} of numpy's format")
    if head.dtype.hasobject:
        raise Faults(OBJECTS)
    return head


def rows(file: Readable, head: Header, size: int = ROWS) -> Iterator[Array]:
    """The rows after the header, ``size`` at a time."""
    count = head.shape[0]
    if head.by_columns and len(head.shape) > 1:
        turned = _read(file, head.dtype, head.shape[::-1]).transpose()
        for start in range(0, count, size):
            yield turned[start : start + size]
        return
    for start in range(0, count, size):
        n = min(size, count - start)
        yield _read(file, head.dtype, (n, *head.shape[1:]))


def _read(file: Readable, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    wanted = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    data = file.read(wanted)
    if len(data) != wanted:
        raise EOFError("it ends too early")
    return np.frombuffer(data, dtype).reshape(shape)
