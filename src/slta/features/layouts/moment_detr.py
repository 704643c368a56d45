"""Moment-DETR's features: one folder of VIDEO.npz files for each extractor.

VIDEO.npz  features (t, d)  one vector per 2-second clip

As github.com/jayleicn/moment_detr reads them: each extractor's vectors are L2-normalised
and concatenated; surplus clips of the longer one are dropped.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from jaxtyping import Float

from slta.features.layouts.base import (
    ROWS,
    Arrays,
    Faults,
    Gathered,
    Header,
    Part,
    Readable,
    header,
    reading,
    rows,
)
from slta.files import is_hidden

CLIP_S = 2.0
ARRAY = "features"
SPARE, SPARE_SHARE = 2, 0.1
"""Surplus clips that one extractor may have, absolute or relative: extractors round the end
of a video differently."""
LEAST = 1e-5
"""Added to a vector's norm, so that zeros stay zeros."""


class MomentDETRLayout:
    name = "moment-detr"
    spread = False

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = list(folders)

    @cached_property
    def videos(self) -> Mapping[str, Path]:
        files = sorted(self._folders[0].glob("*.npz"))
        return {
            file.name.removesuffix(".npz"): file
            for file in files
            if not is_hidden(file)
        }

    def expected(self, video_id: str) -> str:
        return " and ".join(str(folder / f"{video_id}.npz") for folder in self._folders)

    def parts(self, video_id: str, array: str, size: int = 0) -> Sequence[Part]:
        files = self.files(video_id)
        return [Part(file, _size(file) if size else 0) for file in files]

    def files(self, video_id: str) -> tuple[Path, ...]:
        found = [folder / f"{video_id}.npz" for folder in self._folders]
        return tuple(file for file in found if file.is_file())

    def size(self, video_id: str) -> int:
        return sum(file.stat().st_size for file in self.files(video_id))

    def pieces(
        self, video_id: str, duration_s: float | None = None
    ) -> Iterator[Arrays]:
        parts, gathered = [], Gathered()
        for folder in self._folders:
            file = folder / f"{video_id}.npz"
            if not file.is_file():
                gathered.add(file, "is missing", f"put it into {folder}")
                continue
            with gathered:
                parts.append(_clips(file))
        gathered.raise_all()
        count = min(map(len, parts))
        self._check_lengths(video_id, [*map(len, parts)])
        for start in range(0, count, ROWS):
            end = min(start + ROWS, count)
            yield {
                "times_s": np.arange(start, end) * CLIP_S,
                "frames": np.concatenate(
                    [_scaled(p[start:end]) for p in parts], axis=1
                ),
            }

    def _check_lengths(self, video_id: str, counts: Sequence[int]) -> None:
        least, most = min(counts), max(counts)
        if most - least > max(SPARE, SPARE_SHARE * most):
            named = dict(zip(counts, self.files(video_id), strict=True))
            what = f"has {least} clips, where {named[most]} has {most}"
            remedy = "make both from the same video"
            raise Faults((what, remedy), file=named[least])


def _clips(file: Path) -> Float[np.ndarray, "t d"]:
    with reading(file), _opened(file) as (opened, head):
        array = np.concatenate(list(rows(opened, head))).astype(np.float32)
        if not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            what = f"has NaN or infinity in {ARRAY}, first in row {row}"
            raise Faults((what, "make the features again"))
        return array


def _size(file: Path) -> int:
    with _opened(file) as (_, head):
        return head.shape[1]


@contextmanager
def _opened(file: Path) -> Iterator[tuple[Readable, Header]]:
    with ExitStack() as stack:
        archive = stack.enter_context(ZipFile(file))
        if f"{ARRAY}.npy" not in archive.namelist():
            has = ", ".join(n.removesuffix(".npy") for n in archive.namelist())
            what = f"has no array {ARRAY}, only {has or 'nothing'}"
            raise Faults((what, "make it again with it"))
        opened = stack.enter_context(archive.open(f"{ARRAY}.npy"))
        head = header(opened)
        if len(head.shape) != 2 or head.dtype.kind != "f":
            what = f"has {ARRAY} of {head.dtype} {head.shape}"
            raise Faults((what, "give it 2 axes of float16 or float32"))
        if not head.shape[0]:
            raise Faults(("has no samples", "make the features again"))
        yield opened, head


def _scaled(array: Float[np.ndarray, "t d"]) -> Float[np.ndarray, "t d"]:
    return array / (np.linalg.norm(array, axis=1, keepdims=True) + LEAST)
