"""Queries about what a scene does not show.

They are told as its other queries are, and name objects and actions of the same kinds, so
that words alone do not give them away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from slta.datasets.shapes.motion import ACTIONS
from slta.datasets.shapes.scene import (
    COLOURS,
    HELD_OUT,
    OUTLINES,
    REACH,
    Deed,
    Event,
    Rules,
    Scene,
    Thing,
)
from slta.datasets.shapes.sentences import Asked, retold

STRANGERS: Final = 3
"""Objects that are not in the scene, for its queries to name."""
MOVED: Final = 0.05
"""Move from which an object might be said to go somewhere, in sides of the picture."""
CLOSE: Final = 0.15
"""Gap below which two objects might be said to meet, in picture heights."""


def ask_absent(
    scene: Scene,
    asked: Sequence[Asked],
    rng: np.random.Generator,
    rules: Rules,
    share: float,
    *,
    novel: bool = False,
) -> list[Asked]:
    """Queries without a moment: on average ``share`` as many as ``asked``, each told like
    one of these. ``novel``: about held-out pairs only.

    Whether the object acts in the scene, and whether the action occurs in it, are drawn
    alike.
    """
    wider = replace(scene, things=(*scene.things, *_strangers(scene, rng)))
    actors = {event.deed.actor for event in scene.events}
    actions = {event.deed.action for event in scene.events}
    kinds: dict[tuple[bool, bool], list[Deed]] = {}
    for deed in unseen(wider, rules, novel=novel):
        kind = deed.actor in actors, deed.action in actions
        kinds.setdefault(kind, []).append(deed)
    found: list[Asked] = []
    for i in rng.permutation(len(asked))[: rng.binomial(len(asked), share)].tolist():
        if not kinds:
            break
        kind = [*kinds][rng.integers(len(kinds))]
        names = [*dict.fromkeys(deed.action for deed in kinds[kind])]
        name = names[rng.integers(len(names))]
        deeds = [deed for deed in kinds[kind] if deed.action == name]
        deed = deeds[rng.integers(len(deeds))]
        kinds[kind].remove(deed)
        if not kinds[kind]:
            del kinds[kind]
        found.append(retold(wider, asked[i], deed, rng, rules, novel=novel))
    return found


def unseen(scene: Scene, rules: Rules, *, novel: bool = False) -> Iterator[Deed]:
    """Deeds that could be in such a scene and are not, nor anything like them; objects
    without a track are not in the scene."""
    seen, met = seen_moves(scene), meetings(scene)
    looks = [(thing.colour, thing.shape) for thing in scene.things]
    for name in rules.actions:
        action = ACTIONS[name]
        for i, thing in enumerate(scene.things):
            if (
                thing.shape in action.not_by
                or ((thing.shape, name) in HELD_OUT) != novel
                or (action.resizes and looks.count(looks[i]) > 1)
            ):
                continue
            if not action.pair:
                if (name, i) not in seen:
                    yield Deed(name, i)
                continue
            for j in range(len(looks)):
                if j != i and frozenset((i, j)) not in met:
                    yield Deed(name, i, j)


def seen_moves(scene: Scene) -> set[tuple[str, int]]:
    """Actions without a partner that might be said of an object at some time."""
    tracks = scene.tracks
    seen = {(deed.action, deed.actor) for e in scene.events for deed in e.shows}
    for event in scene.events:
        during = slice(event.start, event.end)
        for i in event.objects:
            x, y = tracks.places[during, i].T / [[scene.stage.aspect], [1]]
            ways = {"left": -x, "right": x, "up": -y, "down": y}
            gone = {
                name
                for name, way in ways.items()
                if (way - np.minimum.accumulate(way)).max() > MOVED
            }
            if {"left", "right"} <= gone:
                gone.add("sway")
            if {"up", "down"} <= gone:
                gone.add("jump")
            if not tracks.visible[during, i].all():
                gone.add("blink")
            seen |= {(name, i) for name in gone}
    return seen


def meetings(scene: Scene) -> set[frozenset[int]]:
    """Pairs of objects that might be said to do something with each other: those that come
    close, or that move at the same time."""
    met = {frozenset(e.objects) for e in scene.events if e.deed.partner is not None}
    places, reach = scene.tracks.places, scene.tracks.diameters / 2 * REACH
    for event in scene.events:
        during = slice(event.start, event.end)
        for i in event.objects:
            gaps = np.hypot(*np.moveaxis(places - places[:, i, None], 2, 0))
            gaps -= reach + reach[:, i, None]
            close = gaps[during].min(axis=0) < CLOSE
            met |= {frozenset((i, j)) for j in np.flatnonzero(close).tolist()}
            met |= {frozenset((i, j)) for j in _moving(scene, event)}
    return met


def _moving(scene: Scene, event: Event) -> Iterator[int]:
    """Objects of the events that overlap the event."""
    for other in scene.events:
        if other.start < event.end and event.start < other.end:
            yield from other.objects


def _strangers(scene: Scene, rng: np.random.Generator) -> Iterator[Thing]:
    looks = {(thing.colour, thing.shape) for thing in scene.things}
    others = [(c, s) for c in COLOURS for s in OUTLINES if (c, s) not in looks]
    sizes = [thing.size for thing in scene.things]
    for i in rng.choice(len(others), STRANGERS, replace=False).tolist():
        colour, shape = others[i]
        yield Thing(colour, shape, sizes[rng.integers(len(sizes))], 0.0)
