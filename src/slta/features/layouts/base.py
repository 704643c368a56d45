"""What every layout of ready features gives: a video's samples, and what is wrong.

Shapes: t samples, r regions, d size of a frame's vector, e of a region's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple, Protocol, runtime_checkable
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
"""A box may reach so far beyond the picture: fractions are rounded."""
LARGEST = float(np.finfo(np.float16).max)
ROWS = 64
"""Samples that are read at a time, at most."""

Array = Shaped[np.ndarray, "..."]
Arrays = Mapping[str, Array]
"""By the names of ``AXES``; ``times_s`` and ``frames`` are always there."""


class Part(NamedTuple):
    """A file that an array comes from."""

    file: Path
    size: int
    """How many numbers of a vector."""


@dataclass(slots=True)
class Look:
    """What was seen of a video's features."""

    duration_s: float | None = None
    step_s: float = 0.0
    """Usual time between two samples; the last one stands for as long."""
    shapes: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """Type and shape of each array."""
    problems: list[tuple[Path, str, str]] = field(default_factory=list)
    """Where it is, what is wrong, and the remedy."""


@runtime_checkable
class Layout(Protocol):
    """A way in which features lie on disk."""

    @property
    def name(self) -> str:
        """That the store keeps its records under."""
        ...

    @property
    def spread(self) -> bool:
        """Whether its samples are spread evenly over the video, so that its length must
        be known; else they have times of their own."""
        ...

    @property
    def videos(self) -> Mapping[str, Path]:
        """Where each video's features are, by its id; of many files, one.

        Raises ``InputError`` where nothing can be read.
        """
        ...

    def expected(self, video_id: str) -> str:
        """Where the features of a video without any should be."""
        ...

    def parts(self, video_id: str, array: str, size: int = 0) -> Sequence[Part]:
        """Where the array of that name comes from; its vectors have ``size`` numbers."""
        ...

    def files(self, video_id: str) -> tuple[Path, ...]:
        """All that its features are read from."""
        ...

    def size(self, video_id: str) -> int:
        """Bytes of its features on disk."""
        ...

    def pieces(
        self, video_id: str, duration_s: float | None = None
    ) -> Iterator[Arrays]:
        """Its samples, some at a time, as the files have them.

        Raises ``Faults`` for what is not as it must be, and what its reading raises.
        """
        ...


class Faults(Exception):
    """What is wrong with a video's features."""

    def __init__(self, *each: tuple[str, str], file: Path | None = None) -> None:
        super().__init__(*each)
        self.each = [(file, *one) for one in each]
        """Where it is, if the video has several files, what is wrong, and the remedy."""


class Unreadable(InputError):
    """A file of many videos' features that cannot be read at all."""

    def __init__(self, file: Path, what: str, remedy: str) -> None:
        super().__init__(f"{file} {what}; {remedy}")
        self.file, self.what, self.remedy = file, what, remedy


class Gathered:
    """Faults of several files, so that each of them is looked into."""

    def __init__(self) -> None:
        self._each: list[tuple[Path | None, str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._each)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, Faults):
            self._each += error.each
        return isinstance(error, Faults)

    def add(self, file: Path | None, what: str, remedy: str) -> None:
        self._each.append((file, what, remedy))

    def tell(self) -> None:
        """Raises ``Faults`` with all that was gathered."""
        if self._each:
            faults = Faults()
            faults.each = self._each
            raise faults


DAMAGE = (
    *(OSError, ValueError, EOFError, SyntaxError, MemoryError, LookupError),
    *(BadZipFile, ZlibError, NotImplementedError, TypeError, OverflowError),
    *(TokenError, AttributeError, RecursionError),
)
"""What reading a damaged file raises."""


def look_at(layout: Layout, video_id: str, duration_s: float | None = None) -> Look:
    """Everything that can be seen of a video's features by reading them once.

    ``duration_s`` is what the data set says of the video's length.
    """
    found, values = Look(), Values()
    file = layout.videos[video_id]
    try:
        for piece in layout.pieces(video_id, duration_s):
            values.take(piece)
    except Faults as error:
        found.problems += [(of or file, what, cure) for of, what, cure in error.each]
    except DAMAGE as error:
        found.problems.append((file, *damaged(error)))
    else:
        found.problems += [
            (layout.parts(video_id, array)[0].file, what, remedy)
            for array, what, remedy in values.problems()
        ]
    if not found.problems:
        found.step_s, found.duration_s = values.step_s, values.duration_s
    found.shapes = values.shapes
    return found


def whole(layout: Layout, video_id: str, duration_s: float | None = None) -> Look:
    """As ``look_at``; raises ``InputError`` for the first thing that is wrong."""
    found = look_at(layout, video_id, duration_s)
    for file, what, remedy in found.problems:
        raise InputError(f"{file} {what}; {remedy}")
    return found


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Says of what goes wrong in which of a video's files it is."""
    try:
        yield
    except Faults as error:
        error.each = [(of or file, what, cure) for of, what, cure in error.each]
        raise
    except DAMAGE as error:
        raise Faults(damaged(error), file=file) from None


class Values:
    """What is wrong with the numbers of a video's features, piece by piece."""

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
        """The array, what is wrong, and the remedy."""
        found = [(name, *each) for name, each in self._odd.items()]
        times_s = self._all_times()
        if not len(times_s):
            return [("times_s", "has no samples", "make the features again")]
        if "times_s" not in self._odd:
            steps = np.diff(times_s)
            if not (steps > 0).all():
                row = int(np.argmin(steps > 0)) + 1
                what = f"has times_s that do not ascend at row {row}"
                what += f" ({times_s[row]:g} s)"
                found.append(("times_s", what, "sort the samples, and keep none twice"))
            if times_s[0] < 0:
                what = f"has times_s from {times_s[0]:g} s on"
                found.append(("times_s", what, "begin at 0 or later"))
        low, high = self._boxes
        if low < -OUTSIDE or high > 1 + OUTSIDE:
            what = f"has boxes from {low:g} to {high:g}"
            found.append(("boxes", what, "give them as fractions of the picture"))
        return found

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
    """What is wrong with the numbers of an array after ``done`` rows, and the remedy."""
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
    """Raises ``Faults`` for arrays of another kind than they must be, all of them.

    ``there`` are the names of all arrays in the file, of any layout.
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
    each = known["regions"][1] if "regions" in known else 1
    for name in (name for name in ("boxes", "region_mask") if name in known):
        if (count := known[name][1]) != each:
            what = f"has {name} of {count} regions, and {each} regions"
            faults.append((what, "give each region one"))
    if "boxes" in known and (numbers := known["boxes"][2]) != 4:
        faults.append((f"has boxes of {numbers} numbers", "give x0, y0, x1, y1"))
    if faults:
        raise Faults(*faults)


def damaged(error: BaseException) -> tuple[str, str]:
    """What is wrong with a file whose reading raised this, and the remedy."""
    problem = " ".join(str(error).split())[:120] or type(error).__name__
    return f"is damaged ({problem})", "copy it again, or make it again"


def sizes(shapes: Iterable[Mapping[str, tuple[int, ...]]]) -> dict[str, int]:
    """The sizes of the vectors that most videos have."""
    found: dict[str, int] = {}
    each = list(shapes)
    for name in ("frames", "regions"):
        seen = Counter(given[name][-1] for given in each if name in given)
        if seen:
            found[name] = seen.most_common(1)[0][0]
    return found
