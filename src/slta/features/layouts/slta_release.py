"""The features of SLTA's release: C3D of windows, and regions of frames.

VIDEO_START_END.npy  (4096,) or (1, 4096): C3D of a window, with the windows of 128 frames
                     for the context beside it
VIDEO.pkl            (t, 36, 2048): regions of every frame; a suffix such as .avi of the
                     video's id is left out of its name

START and END are numbers of frames, 3 a second and counted from 1, as in the release's
notebook: of VIDEO_1_17 the regions are rows 0 up to 16. The files may lie in folders
below. There are no boxes: a region's is the whole frame.

A frame has the vector of a window: the shortest that covers it, and of those the one
whose middle is nearest. So where only windows for the context reach, they are taken, and
where none does, the nearest of all.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from slta.errors import InputError
from slta.features.layouts.arrays import header, rows
from slta.features.layouts.base import (
    ROWS,
    Arrays,
    Faults,
    Gathered,
    Part,
    odd_numbers,
    reading,
)
from slta.features.safe_pickle import NUMPY, load
from slta.files import is_hidden
from slta.moments.candidates import RELEASED_HZ

CONTEXT = 128
"""Frames of a window for the context, which may reach beyond the video's end."""
SPARE = 16
"""Frames that a shorter window may reach beyond the regions."""
WINDOW = re.compile(r"(.+)_(\d+)_(\d+)\.npy")


class Window(NamedTuple):
    """Rows ``first`` up to ``end``, counted from 0."""

    first: int
    end: int
    file: Path


class SLTARelease:
    name = "slta-release"
    spread = False

    def __init__(self, folder: Path) -> None:
        """Raises ``InputError`` for a folder without windows."""
        self._folder = folder
        self._windows, self._pickles, self._twice = _found(folder)
        self.videos: Mapping[str, Path] = {
            video_id: windows[0].file for video_id, windows in self._windows.items()
        }

    def expected(self, video_id: str) -> str:
        return f"{self._folder / video_id}_START_END.npy"

    def parts(self, video_id: str, array: str, size: int = 0) -> Sequence[Part]:
        regions = self._regions(video_id) if array == "regions" else None
        return [Part(regions or self.videos[video_id], size)]

    def files(self, video_id: str) -> tuple[Path, ...]:
        regions = self._regions(video_id)
        windows = [window.file for window in self._windows[video_id]]
        return (*windows, regions) if regions else (*windows,)

    def size(self, video_id: str) -> int:
        return sum(file.stat().st_size for file in self.files(video_id))

    def pieces(
        self, video_id: str, duration_s: float | None = None
    ) -> Iterator[Arrays]:
        windows = self._windows[video_id]
        regions, vectors = self._read(video_id)
        count = max(w.end for w in windows) if regions is None else len(regions)
        which = nearest(np.array([(w.first, w.end) for w in windows]), count)
        for start in range(0, count, ROWS):
            end = min(start + ROWS, count)
            piece = {
                "times_s": np.arange(start, end) / RELEASED_HZ,
                "frames": np.stack([vectors[i] for i in which[start:end]]),
            }
            if regions is not None:
                piece["regions"] = regions[start:end]
            yield piece

    def _read(
        self, video_id: str
    ) -> tuple[Float[np.ndarray, "t r e"] | None, list[Float[np.ndarray, " d"]]]:
        """The regions, and the vector of each window."""
        gathered = Gathered()
        regions, vectors = None, dict[Path, Float[np.ndarray, " d"]]()
        for kept in self.files(video_id):
            for file in self._twice.get(kept, ()):
                gathered.add(file, f"gives what {kept} gives, too", "keep one of both")
        with gathered:
            regions = self._of_frames(video_id)
        for window in self._windows[video_id]:
            with gathered:
                vectors[window.file] = _vector(window.file)
        ((usual, _),) = Counter(map(len, vectors.values())).most_common(1) or [(0, 0)]
        for file, vector in vectors.items():
            if len(vector) != usual:
                what = f"has {len(vector)} numbers, others {usual}"
                remedy = "make all features with the same extractor"
                gathered.add(file, what, remedy)
        if regions is not None:
            with gathered:
                self._check_reach(video_id, len(regions))
            # Of regions alone, who takes the pieces sees it.
            if gathered and (odd := odd_numbers("regions", regions)):
                gathered.add(self._regions(video_id), *odd)
        gathered.tell()
        return regions, [*vectors.values()]

    def _check_reach(self, video_id: str, frames: int) -> None:
        ends = [w.end for w in self._windows[video_id] if w.end - w.first < CONTEXT]
        if (reach := max(ends, default=0)) > frames + SPARE:
            what = f"has regions of {frames} frames, where windows reach to {reach}"
            remedy = "make both from the same video"
            raise Faults((what, remedy), file=self._regions(video_id))

    def _regions(self, video_id: str) -> Path | None:
        named = self._pickles.get(video_id)
        return named or self._pickles.get(Path(video_id).stem)

    def _of_frames(self, video_id: str) -> Float[np.ndarray, "t r e"] | None:
        file = self._regions(video_id)
        if file is None:
            if not self._pickles:
                return None
            missing = f"has no regions {video_id}.pkl, as other videos have"
            raise Faults((missing, f"put that file into {self._folder}"))
        try:
            found = load(file, names=NUMPY)
        except InputError as error:
            what, _, remedy = str(error).removeprefix(f"{file} ").rpartition("; ")
            raise Faults((what, remedy), file=file) from None
        with reading(file):
            # A list with an array for each frame holds the same.
            array = np.stack(found) if isinstance(found, list) else np.asarray(found)
        if array.ndim != 3 or array.dtype.kind != "f" or not len(array):
            what = f"has {array.dtype} {array.shape}, not numbers of frame and region"
            raise Faults((what, "give it 3 axes of float32"), file=file)
        return array


class ReleaseFiles(NamedTuple):
    """All that lies in a folder, and in folders below."""

    windows: dict[str, list[Window]]
    """Of each video, by their frames."""
    pickles: dict[str, Path]
    """The regions of each."""
    twice: dict[Path, list[Path]]
    """What gives the same as one of those files."""


def _found(top: Path) -> ReleaseFiles:
    windows: dict[str, dict[tuple[int, int], Path]] = {}
    pickles: dict[str, Path] = {}
    twice: dict[Path, list[Path]] = {}
    for file in _files(top):
        kept = file
        if found := WINDOW.fullmatch(file.name):
            first, end = int(found[2]) - 1, int(found[3]) - 1
            if 0 <= first < end:
                kept = windows.setdefault(found[1], {}).setdefault((first, end), file)
        elif file.suffix == ".pkl":
            kept = pickles.setdefault(file.stem, file)
        if kept != file:
            twice.setdefault(kept, []).append(file)
    if not windows:
        raise InputError(
            f"{top} has no windows VIDEO_START_END.npy; name the folder of the "
            "release's features"
        )
    ordered = {
        video_id: [Window(*frames, file) for frames, file in sorted(files.items())]
        for video_id, files in sorted(windows.items())
    }
    return ReleaseFiles(ordered, pickles, twice)


def _files(top: Path) -> list[Path]:
    found = (Path(folder, n) for folder, _, names in os.walk(top) for n in names)
    return sorted(
        file
        for file in found
        if not any(map(is_hidden, (file, *file.relative_to(top).parents)))
    )


def nearest(windows: Int[np.ndarray, "n 2"], count: int) -> Int[np.ndarray, " t"]:
    """For each of ``count`` frames the number of its window.

    >>> nearest(np.array([[0, 4], [2, 6], [0, 9]]), 11).tolist()
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    """
    first, end = windows.T
    found = np.zeros(count, np.int64)
    for frame in range(count):
        middle = frame + 0.5
        outside = np.maximum(np.maximum(first - middle, middle - end), 0)
        away = np.abs((first + end) / 2 - middle)
        found[frame] = np.lexsort((away, end - first, outside))[0]
    return found


def _vector(file: Path) -> Float[np.ndarray, " d"]:
    with reading(file), file.open("rb") as opened:
        given = header(opened)
        shape = given.shape
        if given.dtype.kind != "f" or not shape or max(shape) != np.prod(shape):
            what = f"has {given.dtype} {shape}, not one vector"
            raise Faults((what, "make it again"))
        (array,) = rows(opened, given, each=max(shape))
        if not np.isfinite(array).all():
            raise Faults(("has NaN or infinity", "make the features again"))
        return array.ravel()
