"""2D-TAN's features: an HDF5 file with an array (t, d) for each video.

As github.com/microsoft/2D-TAN reads them: for TACoS and Charades-STA a data set named by
the video's id, for ActivityNet Captions a group of that name with one data set in it.
Samples are spread evenly over the video, whose length is in the annotations.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slta.features.layouts.base import (
    OBJECTS,
    ROWS,
    Arrays,
    Faults,
    Part,
    Unreadable,
    check_shapes,
)


class TAN2D:
    name = "2dtan"
    spread = True

    def __init__(self, file: Path) -> None:
        """Raises ``Unreadable`` for a file that is not HDF5."""
        import h5py

        self._file = file
        try:
            with h5py.File(file, "r") as opened:
                names = sorted(opened)
        except OSError as error:
            problem = " ".join(str(error).split())[:120]
            what = f"cannot be read as HDF5 ({problem})"
            raise Unreadable(file, what, "copy it again") from None
        self.videos: Mapping[str, Path] = {n: Path(f"{file}:{n}") for n in names}

    def expected(self, video_id: str) -> str:
        return f"{self._file} as the data set {video_id!r}"

    def parts(self, video_id: str, array: str, size: int = 0) -> Sequence[Part]:
        return [Part(self.videos[video_id], size)]

    def files(self, video_id: str) -> tuple[Path, ...]:
        return (self._file,)

    def size(self, video_id: str) -> int:
        import h5py

        with h5py.File(self._file, "r") as opened:
            size = _array(opened[video_id]).id.get_storage_size()
        return int(size)

    def pieces(
        self, video_id: str, duration_s: float | None = None
    ) -> Iterator[Arrays]:
        import h5py

        if duration_s is None:
            what = "has samples without times, and nothing says how long the video is"
            remedy = "give its duration_s in the annotations, or name the data set"
            raise Faults((what, remedy))
        with h5py.File(self._file, "r") as opened:
            array = _array(opened[video_id])
            shape = tuple(map(int, array.shape))
            times = np.dtype(np.float64), shape[:1]
            check_shapes({"times_s": times, "frames": (array.dtype, shape)})
            step_s = duration_s / max(1, len(array))
            for start in range(0, len(array), ROWS):
                some = np.asarray(array[start : start + ROWS])
                yield {
                    "times_s": np.arange(start, start + len(some)) * step_s,
                    "frames": some,
                }


def _array(found: Any) -> Any:
    """The HDF5 data set itself, or the only one in a group."""
    if hasattr(found, "keys"):
        if not len(found):
            raise Faults(("is an empty group", "put the video's data set into it"))
        if len(found) != 1:
            what = f"is a group of {len(found)} data sets ({', '.join(found)})"
            raise Faults((what, "give each video one data set"))
        found = next(iter(found.values()))
    if found.dtype.hasobject:
        raise Faults(OBJECTS)
    return found
