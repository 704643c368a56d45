"""Objects, events and tracks of a video, before rendering.

Lengths are in picture heights from the top left corner, times in frames, spans of
them half-open. Shapes: t frames · o objects · k corners.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32

from slta.moments import Span

COLOURS: Final = {
    "red": (222, 38, 38),
    "green": (46, 172, 66),
    "blue": (44, 92, 232),
    "yellow": (248, 222, 52),
    "purple": (150, 56, 196),
    "orange": (250, 138, 22),
    "white": (246, 246, 246),
}
DIAMETERS: Final = {"small": (0.16, 0.20), "large": (0.28, 0.34)}
REACH: Final = 1.1
"""Extent of a shape from its centre, in radii."""
HELD_OUT: Final = frozenset(
    (shape, action)
    for action, shapes in {
        "left": ("heart", "cross"),
        "right": ("star",),
        "up": ("square",),
        "down": ("triangle", "ring"),
        "turn": ("star",),
        "grow": ("circle",),
        "shrink": ("cross",),
        "blink": ("diamond",),
        "sway": ("ring",),
        "jump": ("heart",),
        "approach": ("diamond",),
        "hit": ("square",),
        "follow": ("triangle",),
        "orbit": ("circle",),
        "cover": ("heart",),
    }.items()
    for shape in shapes
)
"""(shape, action) pairs that occur only in ``test_novel``."""


def _round(radius: float, corners: int = 40) -> Float[np.ndarray, "k 2"]:
    angles = np.arange(corners) * 2 * np.pi / corners - np.pi / 2
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _star() -> Float[np.ndarray, "k 2"]:
    return _round(1.0, 10) * np.tile([1.12, 0.48], 5)[:, None]


def _cross(arm: float = 0.34) -> Float[np.ndarray, "k 2"]:
    quarter = np.array([[-arm, -1.0], [arm, -1.0], [arm, -arm]])
    turns = [np.array([[c, s], [-s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    return np.concatenate([quarter @ turn for turn in turns])


def _heart() -> Float[np.ndarray, "k 2"]:
    at = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x = 16 * np.sin(at) ** 3
    y = 13 * np.cos(at) - 5 * np.cos(2 * at) - 2 * np.cos(3 * at) - np.cos(4 * at)
    return np.stack([x, -y - 2], axis=1) / 16


OUTLINES: Final = {
    "circle": _round(1.0),
    "square": np.array([[-0.82, -0.82], [0.82, -0.82], [0.82, 0.82], [-0.82, 0.82]]),
    "triangle": _round(1.12, 3),
    "star": _star(),
    "cross": _cross(),
    "ring": _round(1.0),
    "diamond": np.array([[0, -1.12], [0.66, 0], [0, 1.12], [-0.66, 0]]),
    "heart": _heart(),
}
"""Corners of each shape, in radii."""
HOLES: Final = {"ring": _round(0.52)}


class Stage(NamedTuple):
    rate_hz: int
    aspect: float
    """Aspect ratio: width over height."""


class Rules(NamedTuple):
    """Possible events, and the form of their queries."""

    actions: tuple[str, ...]
    objects: int = 0
    """Number of large objects, or 0 for 4 or 5 of two sizes."""
    plain: bool = False
    """One short sentence an event, with one wording for each action, and no repeated
    events, so that none is identified by a cue."""


@dataclass(frozen=True)
class Thing:
    """An object at the start of the video."""

    colour: str
    shape: str
    size: str
    diameter: float


@dataclass(frozen=True)
class Tracks:
    """Position and appearance of every object in every frame."""

    places: Float[np.ndarray, "t o 2"]
    diameters: Float[np.ndarray, "t o"]
    angles: Float[np.ndarray, "t o"]
    visible: Bool[np.ndarray, "t o"]

    def copy(self, rows: slice, objects: list[int]) -> "Tracks":
        return Tracks(*(each[rows][:, objects].copy() for each in self._arrays()))

    def rows(self, rows: slice) -> "Tracks":
        return Tracks(*(each[rows] for each in self._arrays()))

    def put(self, start: int, objects: list[int], played: "Tracks") -> None:
        """Inserts tracks from a frame on, and keeps their final state after them."""
        for mine, new in zip(self._arrays(), played._arrays(), strict=True):
            mine[start : start + len(new), objects] = new
            mine[start + len(new) :, objects] = new[-1]
        self.visible[start + len(played.visible) :, objects] = True

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self.places, self.diameters, self.angles, self.visible


class Deed(NamedTuple):
    """Actor, action and partner."""

    action: str
    actor: int
    partner: int | None = None


@dataclass(frozen=True)
class Cue:
    """A temporary change of the whole picture."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Event:
    deed: Deed
    start: int
    end: int
    shows: frozenset[Deed]
    """All deeds that describe the event: to hit something is to approach it."""
    cue: Cue | None = None
    """The cue that identifies it among events with the same deed."""

    @property
    def objects(self) -> list[int]:
        _, actor, partner = self.deed
        return [actor] if partner is None else [actor, partner]


@dataclass(frozen=True)
class Scene:
    things: tuple[Thing, ...]
    events: tuple[Event, ...]
    cues: tuple[Cue, ...]
    tracks: Tracks
    stage: Stage

    @property
    def duration_s(self) -> float:
        return len(self.tracks.places) / self.stage.rate_hz

    def span(self, timed: Event | Cue) -> Span:
        return Span(timed.start / self.stage.rate_hz, timed.end / self.stage.rate_hz)

    def pair(self, deed: Deed) -> tuple[str, str]:
        return self.things[deed.actor].shape, deed.action

    def repeated(self, event: Event) -> bool:
        """Whether its deed alone is ambiguous."""
        others = (other for other in self.events if other is not event)
        return any(event.deed in other.shows for other in others)

    def boxes(self) -> Float32[np.ndarray, "t o 4"]:
        """x0, y0, x1, y1 as fractions of the frame."""
        boxes = np.empty((*self.tracks.diameters.shape, 4), np.float32)
        for i, thing in enumerate(self.things):
            cos, sin = (
                np.cos(self.tracks.angles[:, i]),
                np.sin(self.tracks.angles[:, i]),
            )
            turns = np.stack([cos, sin, -sin, cos], axis=1).reshape(-1, 2, 2)
            corners = OUTLINES[thing.shape] @ turns
            corners *= self.tracks.diameters[:, i, None, None] / 2
            corners += self.tracks.places[:, i, None]
            boxes[:, i] = np.hstack([corners.min(axis=1), corners.max(axis=1)])
        boxes[..., ::2] /= self.stage.aspect
        return boxes.clip(0, 1)
