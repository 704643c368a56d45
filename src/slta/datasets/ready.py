"""Ready features beside the annotations: which videos have some, of which shape.

features/VIDEO.npz  times_s (t,)        time of each sample, ascending
                    frames (t, d)       one vector a sample
                    regions (t, r, e)   optional: vectors of regions
                    boxes (t, r, 4)     optional: x0, y0, x1, y1 as fractions
                    region_mask (t, r)  optional: True for a region that is there
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from jaxtyping import Shaped

AXES = {"times_s": 1, "frames": 2, "regions": 3, "boxes": 3, "region_mask": 2}
NEEDED = ("times_s", "frames")
OUTSIDE = 0.01
"""A box may reach so far beyond the picture: fractions are rounded."""

Array = Shaped[np.ndarray, "..."]


@dataclass(slots=True)
class Look:
    """What was seen of a video's features."""

    duration_s: float | None = None
    step_s: float = 0.0
    """Usual time between two samples; the last one stands for as long."""
    shapes: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """Type and shape of each array."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """What is wrong, and the remedy."""


@runtime_checkable
class Layout(Protocol):
    """A way in which features lie in a folder."""

    @property
    def videos(self) -> Mapping[str, Path]:
        """The file, or the folder, of each video's features, by the video's id."""
        ...

    def look(self, video_id: str) -> Look: ...


class Own:
    """``features/VIDEO.npz``."""

    def __init__(self, root: Path) -> None:
        files = sorted((root / "features").glob("*.npz"))
        self.videos: Mapping[str, Path] = {file.stem: file for file in files}

    def look(self, video_id: str) -> Look:
        found = Look()
        try:
            arrays = _arrays(self.videos[video_id], found)
        except (OSError, ValueError, EOFError, SyntaxError, MemoryError) as error:
            found.problems.append(_damaged(error))
            return found
        except (BadZipFile, ZlibError, NotImplementedError) as error:
            found.problems.append(_damaged(error))
            return found
        _compare(arrays, found)
        if "times_s" in found.shapes and not found.problems:
            times_s = np.asarray(arrays["times_s"], np.float64)
            found.step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0
            found.duration_s = float(times_s[-1]) + found.step_s
        return found


def _arrays(file: Path, found: Look) -> dict[str, Array]:
    """The arrays that are of the kind they must be; others are noted."""
    arrays: dict[str, Array] = {}
    with file.open("rb") as opened:
        content = np.load(opened, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise ValueError("it is no .npz")
        for name in NEEDED:
            if name not in content.files:
                has = ", ".join(content.files) or "nothing"
                what = f"has no array {name}, only {has}"
                found.problems.append((what, "make it again with it"))
        for name in (name for name in AXES if name in content.files):
            array = content[name]
            if not isinstance(array, np.ndarray):
                raise ValueError(f"{name} is no array")
            kind = "b" if name == "region_mask" else "f"
            if array.ndim != AXES[name] or array.dtype.kind != kind:
                what = f"has {name} of {array.dtype} {array.shape}"
                axes = "1 axis" if AXES[name] == 1 else f"{AXES[name]} axes"
                holding = "True and False" if kind == "b" else "float16 or float32"
                found.problems.append((what, f"give it {axes} of {holding}"))
                continue
            arrays[name] = array
            found.shapes[name] = (str(array.dtype), array.shape)
            if kind == "f" and not np.isfinite(array).all():
                row = int(np.argwhere(~np.isfinite(array))[0][0])
                what = f"has NaN or infinity in {name}, first in row {row}"
                found.problems.append((what, "make the features again"))
    return arrays


def _compare(arrays: Mapping[str, Array], found: Look) -> None:
    """Notes arrays that do not belong together, and times and boxes that are none."""
    rows = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in rows.items())
        what = f"has arrays of different lengths ({counts})"
        found.problems.append((what, "give every sample a row in each of them"))
    elif not all(rows.values()):
        found.problems.append(("has no samples", "make the features again"))
    times_s = arrays.get("times_s", np.zeros(0))
    if len(times_s) and np.isfinite(times_s).all():
        steps = np.diff(np.asarray(times_s, np.float64))
        if not (steps > 0).all():
            row = int(np.argmin(steps > 0)) + 1
            what = f"has times_s that do not ascend at row {row} ({times_s[row]:g} s)"
            found.problems.append((what, "sort the samples, and keep none twice"))
        if times_s[0] < 0:
            what = f"has times_s from {times_s[0]:g} s on"
            found.problems.append((what, "begin at 0 or later"))
    regions = arrays.get("regions")
    each = 1 if regions is None else regions.shape[1]
    for name in ("boxes", "region_mask"):
        array = arrays.get(name)
        if array is not None and array.shape[1] != each:
            what = f"has {name} of {array.shape[1]} regions, and {each} regions"
            found.problems.append((what, "give each region one"))
    if (boxes := arrays.get("boxes")) is not None:
        if boxes.shape[2] != 4:
            what = f"has boxes of {boxes.shape[2]} numbers"
            found.problems.append((what, "give x0, y0, x1, y1"))
        elif ((boxes < -OUTSIDE) | (boxes > 1 + OUTSIDE)).any():
            what = f"has boxes from {boxes.min():g} to {boxes.max():g}"
            found.problems.append((what, "give them as fractions of the picture"))


def _damaged(error: BaseException) -> tuple[str, str]:
    problem = " ".join(str(error).split())[:120] or type(error).__name__
    if "allow_pickle" in problem:
        what = "holds an array of objects, which could run code and was not read"
        return what, "make it again with arrays of numbers"
    return f"is damaged ({problem})", "copy it again, or make it again"


LAYOUTS: dict[str, Callable[[Path], Layout]] = {"own": Own}
"""By name: how to find features below a folder. One without any has no ``videos``."""


def sizes(looks: Mapping[str, Look]) -> dict[str, tuple[int, ...]]:
    """The sizes of the vectors that most videos have."""
    found: dict[str, tuple[int, ...]] = {}
    for name in ("frames", "regions"):
        seen = Counter(
            look.shapes[name][1][-1:] for look in looks.values() if name in look.shapes
        )
        if seen:
            found[name] = seen.most_common(1)[0][0]
    return found
