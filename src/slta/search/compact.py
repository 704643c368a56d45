"""Compact features: what zero-shot search reads of a video, in a tenth of the size.

A video is cut at its shots into windows of a few minutes. The vectors of a window span few
directions, its principal components, along which 8 bits a number are enough; every window
has components of its own, to which a query is projected.

Shapes: t frames, r regions, s sights (a frame, then its regions), p phrases, v spaces in
which they are compared; D numbers of a vector, d of its projection.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import safetensors.numpy
from jaxtyping import Float, Int, Int8, UInt8

from slta.features.base import QueryFeatures, VideoFeatures
from slta.search.evidence import Background, Views, levels, neighbours, steps_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

VERSION = 2
"""Version of ``Window``, for the store and the index."""
LONGEST = 300
"""Maximum frames of a window."""
SHORTEST = 180
"""Frames from which on a window may end at a cut."""
LOST = 0.002
"""Share of a window's variance that the projection may lose."""
MEANING, MOST = 128, 192
"""Maximum numbers of a projected meaning, and of a projected look."""
BYTES = (1280, 2400)
"""Maximum bytes a frame of either space: in short windows the directions take most."""
SAMPLED = 2048
"""Vectors of a window from which its principal components are found."""
SPARE = 16
"""Components found beyond those that are kept, for accuracy."""


Frames = slice | Int[np.ndarray, " n"]
"""Which frames of a window."""
ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of a window in one space: ``centre + (low + step * codes) @ basis``."""

    codes: UInt8[np.ndarray, "t s d"]
    basis: Int8[np.ndarray, "d D"]
    centre: Float[np.ndarray, " D"]
    low: Float[np.ndarray, " d"]
    step: Float[np.ndarray, " d"]

    @classmethod
    def of(cls, vectors: Float[np.ndarray, "s t D"], most: int, size: int) -> "Space":
        """With ``most`` numbers a vector and ``size`` bytes a frame, at most."""
        flat = vectors.reshape(-1, vectors.shape[2])
        # A component costs a number for each vector, and its own direction.
        room = vectors.shape[1] * size // (len(flat) + vectors.shape[2])
        centre = flat.mean(axis=0)
        directions = components(flat - centre, max(1, min(most, room)))
        scale = np.abs(directions).max(axis=1, initial=1e-12) / 127
        basis = np.rint(directions / scale[:, None]).astype(np.int8)
        inside = (flat - centre) @ (basis * scale[:, None]).astype(np.float32).T
        low = inside.min(axis=0)
        step = np.maximum(inside.max(axis=0) - low, 1e-9) / 255
        codes = np.rint((inside - low) / step).astype(np.uint8)
        return cls(
            codes.reshape(*vectors.shape[:2], -1).swapaxes(0, 1),
            basis,
            centre.astype(np.float32),
            (low * scale).astype(np.float32),
            (step * scale).astype(np.float32),
        )

    def fits(
        self, vectors: Float[np.ndarray, "p D"], frames: Frames
    ) -> Float[np.ndarray, "p s _"]:
        """Dot products of some frames with vectors."""
        inside = vectors @ self.basis.astype(np.float32).T
        offset = vectors @ self.centre + inside @ self.low
        codes = self.codes[frames].astype(np.float32)
        # In this order, as the other product is slower by half.
        flat = codes.reshape(-1, codes.shape[2]) @ (inside * self.step).T + offset
        fits = flat.reshape(*codes.shape[:2], len(vectors))
        return np.ascontiguousarray(fits.transpose(2, 1, 0))

    def lengths(self) -> Float[np.ndarray, "s t"]:
        """Euclidean lengths of the vectors, nearly: the directions count as orthogonal,
        which they were before they were rounded."""
        basis = self.basis.astype(np.float32)
        inside = self.low + self.step * self.codes.astype(np.float32)
        squares = inside**2 @ (basis**2).sum(axis=1)
        squares += 2 * (inside @ (basis @ self.centre)) + self.centre @ self.centre
        return np.sqrt(np.maximum(squares, 0)).T

    def frames(self) -> Float[np.ndarray, "t D"]:
        """The vectors of the frames again, nearly."""
        inside = self.low + self.step * self.codes[:, 0].astype(np.float32)
        return inside @ self.basis.astype(np.float32) + self.centre


def components(
    centred: Float[np.ndarray, "n D"], most: int
) -> Float[np.ndarray, "d D"]:
    """The principal directions that hold all but ``LOST`` of the variance, ``most`` at most,
    by a randomised range finder (Halko, Martinsson and Tropp, SIAM Review 2011)."""
    some = centred[:: -(-len(centred) // SAMPLED)]
    rng = np.random.default_rng(0)
    size = min(most + SPARE, *some.shape)
    probe = rng.standard_normal((some.shape[1], size), np.float32)
    reach, _ = np.linalg.qr(some.T @ (some @ probe))
    _, spread, directions = np.linalg.svd(some @ reach, full_matrices=False)
    total = float((some**2).sum())
    held = np.cumsum(spread**2)
    count = 1 + int(np.searchsorted(held, (1 - LOST) * total))
    return directions[: min(count, most, size)] @ reach.T


@dataclass(frozen=True)
class Window:
    """Consecutive frames of a video."""

    first: int
    """Number of its first frame in the video."""
    spaces: tuple[Space, ...]
    """First that of meanings, then that of looks."""
    levels: Float[np.ndarray, "2 v s t"]
    """Mean and spread of a ``Background``, to which the last two belong as well."""
    boxes: Float[np.ndarray, "_ r 4"]
    """Of each frame, or of all if there is one row."""
    likeness: Float[np.ndarray, "_ n"] = field(default_factory=lambda: np.zeros((0, 0)))
    change: Float[np.ndarray, " _"] = field(default_factory=lambda: np.zeros(0))

    @property
    def end(self) -> int:
        return self.first + len(self)

    def __len__(self) -> int:
        return self.levels.shape[3]

    @property
    def mean(self) -> Float[np.ndarray, "t v s"]:
        return np.moveaxis(self.levels[0], 2, 0)

    @property
    def spread(self) -> Float[np.ndarray, "t v s"]:
        return np.moveaxis(self.levels[1], 2, 0)

    @property
    def all_boxes(self) -> Float[np.ndarray, "t r 4"]:
        return np.broadcast_to(self.boxes, (len(self), *self.boxes.shape[1:]))

    def fits(
        self, views: Views, frames: Frames = ALL
    ) -> Iterator[Float[np.ndarray, "v p s _"]]:
        """As ``Sights``, of some frames."""
        pairs = zip(self.spaces, views, strict=False)
        yield np.stack([space.fits(vectors, frames) for space, vectors in pairs])

    def background(self, scenes: float) -> Background:
        """The background of the window by itself, in a video of so many scenes."""
        reach = self.likeness.shape[1] // 2
        near = np.arange(len(self))[:, None] + np.arange(-reach, reach + 1)
        inside = (near >= 0) & (near < len(self))
        likeness = np.where(inside, self.likeness, 0).astype(np.float32)
        likeness /= likeness.sum(axis=1, keepdims=True)
        return replace(self.part_of_background(scenes), likeness=likeness)

    def part_of_background(self, scenes: float) -> Background:
        return Background(
            mean=self.mean,
            spread=self.spread,
            likeness=self.likeness.astype(np.float32),
            change=self.change.astype(np.float32),
            scenes=np.array([scenes], np.float32),
        )

    def to_bytes(self) -> bytes:
        """As a safetensors file."""
        arrays: dict[str, np.ndarray] = {"first": np.array([self.first], np.int64)}
        for number, space in enumerate(self.spaces):
            arrays |= {f"{name}-{number}": getattr(space, name) for name in SPACE}
        arrays |= {name: getattr(self, name) for name in ARRAYS}
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        return bytes(safetensors.numpy.save(whole))

    @classmethod
    def from_buffer(cls, data: "Buffer") -> "Window":
        """A view of ``to_bytes``, which copies nothing. Raises ``ValueError`` for damaged
        data."""
        arrays = views(data)
        try:
            count = sum(name.startswith("codes-") for name in arrays)
            spaces = [
                Space(**{name: arrays[f"{name}-{n}"] for name in SPACE})
                for n in range(count)
            ]
            first = int(arrays["first"][0])
            return cls(first, tuple(spaces), **{name: arrays[name] for name in ARRAYS})
        except (KeyError, IndexError) as error:
            raise ValueError(f"it lacks {error}") from None


def views(data: "Buffer") -> dict[str, np.ndarray]:
    """The arrays of a safetensors file in memory; the package itself copies them."""
    whole = memoryview(data)
    start = 8 + int.from_bytes(whole[:8], "little")
    layout = _layout(bytes(whole[8:start]))
    try:
        return {
            name: np.ndarray(shape, kind, whole, start + first)
            for name, (kind, shape, first) in layout.items()
        }
    except (TypeError, OverflowError) as error:
        raise ValueError(f"it is cut short ({error})") from None


@lru_cache(4096)
def _layout(head: bytes) -> dict[str, tuple[str, list[int], int]]:
    """Of each array: its type, its shape, and where it begins after the header."""
    entries = json.loads(head)
    if not isinstance(entries, dict):
        raise ValueError("its header is not an object")
    entries.pop("__metadata__", None)
    layout = {}
    for name, entry in entries.items():
        try:
            kind, shape = KINDS[entry["dtype"]], list(map(int, entry["shape"]))
            first, end = entry["data_offsets"]
            whole = end - first == math.prod(shape) * np.dtype(kind).itemsize
        except (KeyError, TypeError) as error:
            raise ValueError(f"its header cannot be read ({error})") from None
        if not whole:
            raise ValueError(f"its header gives {name} another size than its shape")
        layout[name] = kind, shape, first
    return layout


KINDS = {
    "U8": "u1",
    "I8": "i1",
    "I32": "<i4",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
}
SPACE = ("codes", "basis", "centre", "low", "step")
ARRAYS = ("levels", "boxes", "likeness", "change")


@dataclass(frozen=True)
class Compact:
    """The compact features of a video: the sights that ``relevance`` compares."""

    windows: tuple[Window, ...]
    scenes: float

    def fits(self, views: Views) -> Iterator[Float[np.ndarray, "v p s _"]]:
        for window in self.windows:
            yield from window.fits(views)

    @cached_property
    def background(self) -> Background:
        parts = [window.part_of_background(self.scenes) for window in self.windows]
        names = ("mean", "spread", "likeness", "change")
        joined = {n: np.concatenate([getattr(p, n) for p in parts]) for n in names}
        return Background(**joined, scenes=parts[0].scenes)

    @cached_property
    def boxes(self) -> Float[np.ndarray, "t r 4"]:
        return np.concatenate([window.all_boxes for window in self.windows])

    def __len__(self) -> int:
        return self.windows[-1].end

    def arrays(self) -> dict[str, np.ndarray]:
        """For the store."""
        parts = [window.to_bytes() for window in self.windows]
        return {
            "windows": np.frombuffer(b"".join(parts), np.uint8),
            "ends": np.cumsum([len(part) for part in parts], dtype=np.int64),
            "scenes": np.array([self.scenes], np.float32),
        }

    @classmethod
    def from_arrays(
        cls,
        windows: UInt8[np.ndarray, " n"],
        ends: Int[np.ndarray, " w"],
        scenes: Float[np.ndarray, " 1"],
    ) -> "Compact":
        """Raises ``ValueError`` for damaged data."""
        starts = [0, *ends.tolist()]
        parts = [
            Window.from_buffer(windows[start:end].data)
            for start, end in pairwise(starts)
        ]
        if not parts:
            raise ValueError("it has no windows")
        return cls(tuple(parts), float(scenes[0]))


class Compactor:
    """Makes the compact features of a video from its features, piece by piece."""

    def __init__(self, unrelated: Sequence[QueryFeatures], rate_hz: float) -> None:
        self._unrelated, self._rate_hz = unrelated, rate_hz
        self._pieces: list[VideoFeatures] = []
        self._windows: list[Window] = []
        self._frames: list[np.ndarray] = []
        self._steps: list[np.ndarray] = []
        self._last: np.ndarray | None = None
        self.frames = 0
        """Frames added."""

    def add(self, piece: VideoFeatures) -> None:
        piece = piece.part(0, len(piece.frames))
        regions = piece.regions
        before = regions[:1] if self._last is None else self._last
        self._steps.append(steps_of(np.concatenate([before, regions]))[1:])
        self._last = regions[-1:]
        self._frames.append(piece.frames)
        self.frames += len(piece.frames)
        self._pieces.append(piece)
        if sum(len(p.frames) for p in self._pieces) >= LONGEST:
            self._cut(self._joined())

    def finish(self) -> Compact:
        while self._pieces:
            self._cut(self._joined())
        frames = np.concatenate(self._frames)
        steps = np.concatenate(self._steps)
        whole = neighbours(frames, steps, rate_hz=self._rate_hz)
        windows = [
            replace(
                window,
                likeness=whole["likeness"][window.first : window.end].astype(
                    np.float16
                ),
                change=whole["change"][window.first : window.end].astype(np.float16),
            )
            for window in self._windows
        ]
        return Compact(tuple(windows), float(whole["scenes"][0]))

    def _joined(self) -> VideoFeatures:
        arrays = [piece.arrays() for piece in self._pieces]
        return VideoFeatures(
            **{name: np.concatenate([a[name] for a in arrays]) for name in arrays[0]}
        )

    def _cut(self, waiting: VideoFeatures) -> None:
        """Makes a window of the first frames, up to the clearest cut among the last."""
        count = len(waiting.frames)
        end = count
        if count >= LONGEST:
            looks = np.asarray(waiting.frames[:LONGEST], np.float32)
            looks /= np.linalg.norm(looks, axis=1, keepdims=True) + 1e-6
            alike = np.einsum("td,td->t", looks[SHORTEST:], looks[SHORTEST - 1 : -1])
            end = SHORTEST + int(alike.argmin())
        first = self._windows[-1].end if self._windows else 0
        self._windows.append(self._window(waiting.part(0, end), first))
        rest = {name: a[end:] for name, a in waiting.arrays().items()}
        self._pieces = [VideoFeatures(**rest)] if end < count else []

    def _window(self, part: VideoFeatures, first: int) -> Window:
        if part.frame_meanings is None or part.region_meanings is None:
            raise ValueError("features without a common space cannot be searched")
        spaces = tuple(
            Space.of(_by_sight(frames, regions), most, size)
            for frames, regions, most, size in (
                (part.frame_meanings, part.region_meanings, MEANING, BYTES[0]),
                (part.frames, part.regions, MOST, BYTES[1]),
            )
        )
        boxes = part.boxes[:1] if (part.boxes == part.boxes[:1]).all() else part.boxes
        empty = np.zeros((2, 2, 0, len(part.frames)), np.float16)
        window = Window(first, spaces, empty, boxes.astype(np.float16))
        both = np.stack(levels(window, self._unrelated))
        return replace(window, levels=np.moveaxis(both, 1, 3).astype(np.float16))


def _by_sight(
    frames: Float[np.ndarray, "t D"], regions: Float[np.ndarray, "t r D"]
) -> Float[np.ndarray, "s t D"]:
    return np.concatenate([frames[None], regions.swapaxes(0, 1)])


def compacted(
    pieces: Iterator[VideoFeatures],
    unrelated: Sequence[QueryFeatures],
    rate_hz: float,
) -> Compact:
    compactor = Compactor(unrelated, rate_hz)
    for piece in pieces:
        compactor.add(piece)
    return compactor.finish()
