"""Features of the SLTA release: C3D features of windows, region features of frames.

VIDEO_START_END.npy  (4096,) or (1, 4096): C3D features of a window; windows of 128 frames
                     are the contexts of the others
VIDEO.pkl            (t, 36, 2048): regions of every frame; named by the video's id without
                     a suffix such as .avi

START and END are frame numbers at 3 frames per second, counted from 1, as in the release's
notebook: VIDEO_1_17 has the regions of rows 0 up to 16. Files may lie in subfolders. There
are no boxes: every box is the whole frame.

A frame gets the vector of the shortest window that covers it, and of several the one whose
centre is nearest; frames outside all windows get the nearest window's.
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
from slta.features.layouts.base import (
    ROWS,
    Arrays,
    Faults,
    Gathered,
    Part,
    header,
    odd_numbers,
    reading,
    rows,
)
from slta.features.safe_pickle import NUMPY, load
from slta.files import is_hidden
from slta.moments.candidates import RELEASED_HZ

CONTEXT = 128
"""Frames of a context window, which may reach beyond the end of the video."""
SPARE = 16
"""Frames that other windows may reach beyond the regions."""
WINDOW = re.compile(r"(.+)_(\d+)_(\d+)\.npy")


class ReleasedWindow(NamedTuple):
    """Rows ``first`` up to ``end`` (exclusive), counted from 0."""

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
        """The regions, if there are any, and the vector of each window."""
        gathered = Gathered()
        regions, vectors = None, dict[Path, Float[np.ndarray, " d"]]()
        for kept in self.files(video_id):
            for file in self._twice.get(kept, ()):
                gathered.add(file, f"repeats {kept}", "keep one of the two")
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
            # Problems of the regions alone are found by ``Values``.
            if gathered and (odd := odd_numbers("regions", regions)):
                gathered.add(self._regions(video_id), *odd)
        gathered.raise_all()
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
    """The files of a folder and its subfolders."""

    windows: dict[str, list[ReleasedWindow]]
    """Of each video, in ascending order."""
    pickles: dict[str, Path]
    """Region files, by video."""
    twice: dict[Path, list[Path]]
    """Duplicates of these files."""


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
            f"{top} has no windows VIDEO_START_END.npy; give the folder of the "
            "release's features"
        )
    ordered = {
        video_id: [
            ReleasedWindow(*frames, file) for frames, file in sorted(files.items())
        ]
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
    """The index of each frame's window, for ``count`` frames.

    >>> nearest(np.array([[0, 4], [2, 6], [0, 9]]), 11).tolist()
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    """
    first, end = windows.T
    windows_of = np.zeros(count, np.int64)
    for frame in range(count):
        middle = frame + 0.5
        outside = np.maximum(np.maximum(first - middle, middle - end), 0)
        away = np.abs((first + end) / 2 - middle)
        windows_of[frame] = np.lexsort((away, end - first, outside))[0]
    return windows_of


def _vector(file: Path) -> Float[np.ndarray, " d"]:
    with reading(file), file.open("rb") as opened:
        head = header(opened)
        shape = head.shape
        if head.dtype.kind != "f" or not shape or max(shape) != np.prod(shape):
            what = f"has {head.dtype} {shape}, not one vector"
            raise Faults((what, "make it again"))
        (array,) = rows(opened, head, size=max(shape))
        if not np.isfinite(array).all():
            raise Faults(("has NaN or infinity", "make the features again"))
        return array.ravel()
