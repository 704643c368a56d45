"""The own-data format's pre-extracted features: a file of arrays for each video.

features/VIDEO.npz  times_s (t,)        times of the samples in seconds, ascending
                    frames (t, d)       one vector a sample
                    regions (t, r, e)   optional: one vector a region
                    boxes (t, r, 4)     optional: x0, y0, x1, y1 as fractions
                    region_mask (t, r)  optional: True for real regions
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from zipfile import ZipFile

from slta.features.layouts.base import AXES, Arrays, Part, check_shapes, header, rows
from slta.files import composed, is_hidden


class Own:
    name = "own"
    spread = False

    def __init__(self, place: Path) -> None:
        """``place`` is a folder of such files, or has a folder ``features`` of them."""
        inside = place / "features"
        self._folder = inside if inside.is_dir() else place

    @cached_property
    def videos(self) -> Mapping[str, Path]:
        # Not by Path.stem: ids may end in a suffix such as .avi.
        files = sorted(self._folder.glob("*.npz"))
        return {
            composed(file.name.removesuffix(".npz")): file
            for file in files
            if not is_hidden(file)
        }

    def expected(self, video_id: str) -> str:
        return str(self._folder / f"{video_id}.npz")

    def parts(self, video_id: str, array: str, size: int = 0) -> Sequence[Part]:
        return [Part(self.videos[video_id], size)]

    def files(self, video_id: str) -> tuple[Path, ...]:
        return (self.videos[video_id],)

    def size(self, video_id: str) -> int:
        return self.videos[video_id].stat().st_size

    def pieces(
        self, video_id: str, duration_s: float | None = None
    ) -> Iterator[Arrays]:
        with ExitStack() as stack:
            archive = stack.enter_context(ZipFile(self.videos[video_id]))
            there = archive.namelist()
            names = [name for name in AXES if f"{name}.npy" in there]
            files = {n: stack.enter_context(archive.open(f"{n}.npy")) for n in names}
            headers = {name: header(file) for name, file in files.items()}
            shapes = {n: (head.dtype, head.shape) for n, head in headers.items()}
            check_shapes(shapes, [name.removesuffix(".npy") for name in there])
            read = [rows(files[name], headers[name]) for name in names]
            for some in zip(*read, strict=True):
                yield dict(zip(names, some, strict=True))
