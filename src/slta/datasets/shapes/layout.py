"""Objects of a video, their positions, and the spans of events."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from slta.datasets.shapes.scene import (
    COLOURS,
    DIAMETERS,
    OUTLINES,
    REACH,
    Cue,
    Event,
    Scene,
    Stage,
    Thing,
    Tracks,
)

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
