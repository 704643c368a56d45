"""Objects, events and tracks of a video, before rendering.

Lengths are in picture heights from the top left corner, times in frames, spans of
them half-open. Shapes: t frames · o objects · k corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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


CUES: Final = ("dim", "fog", "snow", "cloud", "grey", "warm")
APART_S: Final = 1.5
"""Minimum distance of a cue from an event that it does not belong to."""

Times = list[tuple[int, int]]


def cast(rng: np.random.Generator, objects: int = 0) -> tuple[Thing, ...]:
    """Random objects: some share a colour, some a shape; rarely, two differ in size only.
    With ``objects``, all are large."""
    colours, shapes = (
        rng.permutation(list(names)).tolist() for names in (COLOURS, OUTLINES)
    )
    if objects:
        looks = [(0, 0), (0, 1), (1, 0), (2, 2)][:objects]
        sizes = ["large"] * objects
        return _things(rng, colours, shapes, looks, sizes)
    looks = [(0, 0), (0, 1), (1, 0), (1, 1) if rng.random() < 0.3 else (2, 2)]
    if rng.random() < 0.5:
        looks.append((2, 3))
    sizes = ["large" if large else "small" for large in rng.random(len(looks)) < 0.4]
    if rng.random() < 0.15:
        looks[-1] = looks[-2]
        sizes[-2:] = rng.permutation(["small", "large"])
    if sizes.count("large") > 6 - len(looks) or "large" not in sizes:
        return cast(rng)
    return _things(rng, colours, shapes, looks, [str(size) for size in sizes])


def _things(
    rng: np.random.Generator,
    colours: Sequence[str],
    shapes: Sequence[str],
    looks: Sequence[tuple[int, int]],
    sizes: Sequence[str],
) -> tuple[Thing, ...]:
    return tuple(
        Thing(colours[c], shapes[s], size, rng.uniform(*DIAMETERS[size]))
        for (c, s), size in zip(looks, sizes, strict=True)
    )


def times(rng: np.random.Generator, frames: int, stage: Stage) -> Times:
    """Consecutive spans with gaps; about a third overlap the one before."""
    duration_s = frames / stage.rate_hz
    while True:
        spans: list[tuple[float, float]] = []
        lead = rng.uniform(0, 0.25 * duration_s)
        for _ in range(max(5, round(rng.integers(5, 8) * duration_s / 24))):
            length = 2 + 4 * rng.random() ** 2
            begin = max((end for _, end in spans), default=lead) + rng.uniform(0.2, 1.2)
            if spans and begin - spans[-1][1] <= 1.2 and rng.random() < 0.4:
                start, end = spans[-1]
                begin = start + rng.uniform(0.2, 0.8) * (end - start)
            spans.append((begin, begin + length))
        slack = duration_s - max(end for _, end in spans)
        if 0 < slack < 0.25 * duration_s:
            return [
                (round(start * stage.rate_hz), round(end * stage.rate_hz))
                for start, end in spans
            ]


def at_rest(
    rng: np.random.Generator, things: tuple[Thing, ...], frames: int, stage: Stage
) -> Tracks | None:
    """Positions without overlap."""
    placed: list[tuple[float, float, float]] = []
    for thing in things:
        r = thing.diameter / 2 * REACH
        for _ in range(20):
            x, y = rng.uniform(r, stage.aspect - r), rng.uniform(r, 1 - r)
            if all(np.hypot(x - u, y - v) > r + s + 0.06 for u, v, s in placed):
                placed.append((float(x), float(y), r))
                break
        else:
            return None
    places = np.array([[x, y] for x, y, _ in placed])
    diameters = np.array([thing.diameter for thing in things])
    return Tracks(
        np.tile(places, (frames, 1, 1)),
        np.tile(diameters, (frames, 1)),
        np.zeros((frames, len(things))),
        np.ones((frames, len(things)), bool),
    )


def with_cues(rng: np.random.Generator, scene: Scene, twins: list[int]) -> Scene | None:
    """Cues beside repeated events, and sometimes an unrelated one."""
    rate_hz, frames = scene.stage.rate_hz, len(scene.tracks.places)
    names = [str(name) for name in rng.permutation(CUES)]
    cues: list[Cue] = []
    events = list(scene.events)
    rng.shuffle(twins)
    for twin, other in zip(twins, twins[::-1], strict=True):
        for _ in range(8):
            length = round(rng.uniform(1.5, 2.5) * rate_hz)
            gap = round(rng.uniform(0, 0.3) * rate_hz)
            start = events[twin].end + gap
            if rng.random() < 0.5:
                start = events[twin].start - gap - length
            cue = Cue(names[-1], start, start + length)
            within = cue.start >= 0 and cue.end <= frames
            avoided: list[Cue | Event] = [*cues, events[other]]
            if within and not any(_near(cue, a, APART_S * rate_hz) for a in avoided):
                cues.append(cue)
                names.pop()
                events[twin] = replace(events[twin], cue=cue)
                break
        else:
            if not cues:
                return None
        if rng.random() < 0.1:
            break
    if rng.random() < 0.4:
        length = round(rng.uniform(1.5, 2.5) * rate_hz)
        start = int(rng.integers(0, frames - length))
        cue = Cue(names[-1], start, start + length)
        if not any(_near(cue, timed, 0.5 * rate_hz) for timed in cues):
            cues.append(cue)
    return replace(scene, events=tuple(events), cues=tuple(cues))


def _near(a: Cue, b: Cue | Event, frames: float) -> bool:
    return a.start - frames < b.end and b.start < a.end + frames
