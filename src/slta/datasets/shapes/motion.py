"""The motion of an action's actor, and of its partner if there is one.

A motion changes the tracks of an actor (object 0) and a partner (object 1), initially at
rest, over the frames of its event. It returns whether it fits there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Float

from slta.datasets.shapes.scene import REACH, Stage, Tracks

FAR: Final = 0.36
"""Minimum distance of a move, as a fraction of the picture's side."""
NEAR: Final = 0.03

Play = Callable[[Tracks, np.random.Generator, Stage], bool]


@dataclass(frozen=True)
class Action:
    play: Play
    pair: bool = False
    longest_s: float = 6.0
    touches: bool = False
    """Whether the actor may touch its partner."""
    travels: bool = True
    """Whether it counts as a move to the left, right, up or down."""
    returns: bool = False
    """Whether everything ends as it began, so that it can be repeated."""
    resizes: bool = False
    weight: float | int = 1
    """Sampling weight; higher for actions that rarely fit."""
    not_by: tuple[str, ...] = ()
    """Shapes on which it is invisible."""


def _passed(tracks: Tracks) -> Float[np.ndarray, " t"]:
    """Progress of the event, 1 at its last frame."""
    n = len(tracks.places)
    return np.arange(1, n + 1) / n


def _eased(x: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """Smooth step from 0 to 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _seconds(tracks: Tracks, stage: Stage) -> float:
    return len(tracks.places) / stage.rate_hz


def _move(
    tracks: Tracks,
    rng: np.random.Generator,
    stage: Stage,
    *,
    x: int = 0,
    y: int = 0,
) -> bool:
    side, place = np.array([stage.aspect, 1]), tracks.places[0, 0]
    ahead = np.where(np.array([x, y]) > 0, side - place, place)
    ahead -= tracks.diameters[0, 0] / 2 * REACH
    room = float(ahead[0] / side[0] if x else ahead[1])
    if room < FAR:
        return False
    way = np.array([x, y]) * side * rng.uniform(FAR, min(room, 0.6))
    way += rng.uniform(-0.06, 0.06) * (way == 0)
    tracks.places[:, 0] += _eased(_passed(tracks))[:, None] * way
    return True


def _turn(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    rounds = 1 if _seconds(tracks, stage) < 4 else 2
    turned = rng.choice([-1, 1]) * rounds * 2 * np.pi
    tracks.angles[:, 0] += turned * _eased(_passed(tracks))
    return True


def _resize(
    tracks: Tracks, rng: np.random.Generator, stage: Stage, *, grows: bool
) -> bool:
    factor = rng.uniform(1.8, 2.1)
    if not grows:
        factor = 1 / factor
    tracks.diameters[:, 0] *= 1 + (factor - 1) * _eased(_passed(tracks))
    return bool(0.13 < tracks.diameters[-1, 0] < 0.42)


def _blink(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    # Off in the first and last frame, so that the blinking is visible in the whole span.
    phases = 2 * round(_seconds(tracks, stage) - 0.5) + 1
    phase = np.floor((_passed(tracks) - 1e-9) * phases)
    tracks.visible[:, 0] = phase % 2 == 1
    return True


def _sway(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    cycles = max(1, round(rng.uniform(0.45, 0.6) * _seconds(tracks, stage)))
    wave = np.sin(2 * np.pi * cycles * _passed(tracks))
    tracks.places[:, 0, 0] += rng.uniform(0.1, 0.14) * wave
    return True


def _jump(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    hops = max(1, round(_seconds(tracks, stage) / 1.5))
    up = np.abs(np.sin(np.pi * hops * _passed(tracks)))
    tracks.places[:, 0, 1] -= rng.uniform(0.2, 0.26) * up
    return True


def _way(tracks: Tracks) -> tuple[Float[np.ndarray, " 2"], float, float]:
    """Direction and distance to the partner, and the distance of contact."""
    way = tracks.places[0, 1] - tracks.places[0, 0]
    distance = float(np.hypot(*way))
    return way / distance, distance, float(tracks.diameters[0].sum()) / 2 * REACH


def _approach(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    towards, distance, touching = _way(tracks)
    length = distance - touching - rng.uniform(0.5, 1) * NEAR
    tracks.places[:, 0] += _eased(_passed(tracks))[:, None] * length * towards
    return length > 0.3


def _hit(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    towards, distance, touching = _way(tracks)
    length = distance - 0.9 * touching
    contact = rng.uniform(0.35, 0.5)
    passed = _passed(tracks)
    before, after = np.clip(passed / contact, 0, 1), (passed - contact) / (1 - contact)
    back = rng.uniform(0.6, 1) * (1 - (1 - np.clip(after, 0, 1)) ** 2)
    tracks.places[:, 0] += (before**2 - back)[:, None] * length * towards
    jolt = 0.14 * np.sin(np.pi * np.clip(after, 0, 1))
    tracks.places[:, 1] += jolt[:, None] * towards
    return length > 0.25


def _follow(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    """The actor goes to its partner's place and follows it at the same distance."""
    towards, distance, _ = _way(tracks)
    way = rng.uniform(0.36, 0.7) * _round_the_clock(rng)
    length = float(np.hypot(*way))
    gone = _eased(_passed(tracks))[:, None] * length
    tracks.places[:, 1] += gone * way / length
    own = np.minimum(gone, distance) * towards
    tracks.places[:, 0] += own + np.maximum(gone - distance, 0) * way / length
    return distance < 0.75 and length > distance * 0.8


def _round_the_clock(rng: np.random.Generator) -> Float[np.ndarray, " 2"]:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _orbit(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    towards, distance, touching = _way(tracks)
    nearest = touching + rng.uniform(0.02, 0.06)
    passed = _passed(tracks)
    radius = distance + (nearest - distance) * _eased(passed / 0.3)
    angle = np.arctan2(-towards[1], -towards[0])
    angle = angle + rng.choice([-1, 1]) * 2 * np.pi * _eased(passed)
    round_it = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    tracks.places[:, 0] = tracks.places[:, 1] + round_it
    return distance - nearest < 0.5


def _cover(tracks: Tracks, rng: np.random.Generator, stage: Stage) -> bool:
    _, distance, _ = _way(tracks)
    way = tracks.places[0, 1] - tracks.places[0, 0]
    passed = _passed(tracks)
    there = _eased(passed / 0.3) - _eased((passed - 0.7) / 0.3)
    tracks.places[:, 0] += there[:, None] * way
    tracks.visible[:, 1] = there < 0.95
    return distance < 0.9 and bool(
        tracks.diameters[0, 0] > tracks.diameters[0, 1] * 1.4
    )


ACTIONS: Final = {
    "left": Action(partial(_move, x=-1), weight=36),
    "right": Action(partial(_move, x=1), weight=36),
    "up": Action(partial(_move, y=-1), weight=16),
    "down": Action(partial(_move, y=1), weight=16),
    "turn": Action(_turn, returns=True, not_by=("circle", "ring")),
    "grow": Action(partial(_resize, grows=True), resizes=True, weight=12),
    "shrink": Action(partial(_resize, grows=False), resizes=True, weight=10),
    "blink": Action(_blink, returns=True, weight=0.6),
    "sway": Action(_sway, returns=True, weight=2.5),
    "jump": Action(_jump, returns=True, weight=2.5),
    "approach": Action(_approach, pair=True, weight=32),
    "hit": Action(
        _hit, pair=True, longest_s=4.5, touches=True, returns=True, weight=60
    ),
    "follow": Action(_follow, pair=True, weight=260),
    "orbit": Action(_orbit, pair=True, travels=False, returns=True, weight=240),
    "cover": Action(
        _cover,
        pair=True,
        touches=True,
        returns=True,
        not_by=("ring", "cross", "star"),
        weight=90,
    ),
}
