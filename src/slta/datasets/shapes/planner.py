"""Draws random scenes until all events fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from slta.datasets.shapes.motion import ACTIONS
from slta.datasets.shapes.scene import (
    HELD_OUT,
    REACH,
    Deed,
    Event,
    Rules,
    Scene,
    Stage,
    Thing,
    Times,
    Tracks,
    at_rest,
    cast,
    times,
    with_cues,
)
from slta.errors import InputError

ATTEMPTS: Final = 5000
TRIES: Final = 40
"""Maximum deeds tried for an event."""
PATIENCE: Final = 400
"""Maximum deeds tried for a cast."""


def plan(
    rng: np.random.Generator,
    frames: int,
    stage: Stage,
    rules: Rules,
    *,
    novel: bool = False,
) -> Scene:
    """A scene with distinguishable deeds; ``novel``: with held-out pairs."""
    again = rng.random() < 0.65 and not rules.plain
    for _ in range(ATTEMPTS):
        if scene := _attempt(rng, frames, stage, rules, again=again, novel=novel):
            return scene
    raise InputError(
        f"no film of {frames / stage.rate_hz:.1f} s with the actions "
        f"{', '.join(rules.actions)} was found in {ATTEMPTS} attempts; give more "
        "--dataset.actions, or another --dataset.objects"
    )


def _attempt(
    rng: np.random.Generator,
    frames: int,
    stage: Stage,
    rules: Rules,
    *,
    again: bool,
    novel: bool,
) -> Scene | None:
    things, spans = cast(rng, rules.objects), times(rng, frames, stage)
    if (tracks := at_rest(rng, things, frames, stage)) is None:
        return None
    first, second = -1, -1
    if again:
        first, second = sorted(rng.choice(len(spans), 2, replace=False).tolist())
    tries = iter(range(PATIENCE))
    draft = _Draft(rng, things, spans, stage, rules, (first, second), novel, tries)
    return draft.filled([], tracks)


@dataclass(frozen=True)
class _Draft:
    """A cast and the spans of events, which need deeds."""

    rng: np.random.Generator
    things: tuple[Thing, ...]
    times: Times
    stage: Stage
    rules: Rules
    twins: tuple[int, int]
    """Two events with the same deed."""
    novel: bool
    tries: Iterator[int]

    def filled(self, events: list[Event], tracks: Tracks) -> Scene | None:
        """Assigns deeds to the remaining events, by backtracking."""
        if len(events) == len(self.times):
            return self._whole(events, tracks)
        for deed in self._deeds(events):
            if next(self.tries, None) is None:
                return None
            if played := self._played(deed, events, tracks):
                event, after = played
                if scene := self.filled([*events, event], after):
                    return scene
        return None

    def _whole(self, events: list[Event], tracks: Tracks) -> Scene | None:
        scene = Scene(self.things, tuple(events), (), tracks, self.stage)
        again = [i for i, event in enumerate(events) if scene.repeated(event)]
        held_out = sum(scene.pair(event.deed) in HELD_OUT for event in events)
        if (
            again != [i for i in self.twins if i >= 0]
            or not _misleads(events)
            or (self.novel and held_out < 3)
        ):
            return None
        return scene if self.rules.plain else with_cues(self.rng, scene, again)

    def _deeds(self, events: list[Event]) -> Iterator[Deed]:
        """Deeds to try, often with the previous action or actor."""
        rng, now = self.rng, len(events)
        first, second = self.twins
        if now == second:
            yield from [events[first].deed] * 4
            return
        start, end = self.times[now]
        busy = {i for event in events if event.end > start for i in event.objects}
        done = [event.deed.action for event in events]
        actors = [event.deed.actor for event in events]
        choices: list[Deed] = []
        weights: list[float] = []
        for name in self.rules.actions:
            action = ACTIONS[name]
            if end - start > action.longest_s * self.stage.rate_hz:
                continue
            for i, thing in enumerate(self.things):
                held_out = (thing.shape, name) in HELD_OUT
                if (
                    i in busy
                    or thing.shape in action.not_by
                    or (held_out and not self.novel)
                    or (action.resizes and _twin(self.things, i))
                ):
                    continue
                others = [j for j in range(len(self.things)) if j not in {i, *busy}]
                for other in others if action.pair else [None]:
                    choices.append(Deed(name, i, other))
                    weight = action.weight * (1 + 2 * (name in done) + (i in actors))
                    weight *= 12 if held_out else 1
                    weight *= 5 if now == first and action.returns else 1
                    weights.append(weight / len(others) if action.pair else weight)
        if choices:
            shares = np.array(weights) / sum(weights)
            least = min(TRIES, len(choices))
            for k in rng.choice(len(choices), least, replace=False, p=shares):
                yield choices[k]

    def _played(
        self, deed: Deed, events: list[Event], tracks: Tracks
    ) -> tuple[Event, Tracks] | None:
        """The event and the tracks with it, if it fits."""
        now = len(events)
        start, end = self.times[now]
        event, action = Event(deed, start, end, frozenset([deed])), ACTIONS[deed.action]
        busy = {i for e in events if e.end > start for i in e.objects}
        if busy & {*event.objects}:
            return None
        if now not in self.twins and any(deed in e.shows for e in events):
            return None
        played = tracks.copy(slice(start, end), event.objects)
        if not action.play(played, self.rng, self.stage):
            return None
        after = tracks.copy(slice(None), list(range(len(self.things))))
        after.put(start, event.objects, played)
        rest = after.rows(slice(start, None))
        if not _clear(rest, event, self.stage):
            return None
        event = replace(event, shows=_shows(rest, event, self.stage))
        if any(e.deed != deed and e.deed in event.shows for e in events):
            return None
        if not self.novel and any(
            (self.things[shown.actor].shape, shown.action) in HELD_OUT
            for shown in event.shows
        ):
            return None
        return event, after


def _twin(things: tuple[Thing, ...], i: int) -> bool:
    """Whether it differs from another object only in size."""
    looks = [(thing.colour, thing.shape) for thing in things]
    return looks.count(looks[i]) > 1


def _clear(after: Tracks, event: Event, stage: Stage) -> bool:
    """Whether objects stay in the picture and apart."""
    places, reach = after.places, after.diameters / 2 * REACH
    far = np.array([stage.aspect, 1.0])
    own = event.objects
    if (places[:, own] < reach[:, own, None]).any():
        return False
    if (places[:, own] > far - reach[:, own, None]).any():
        return False
    for i in own:
        away = np.hypot(*np.moveaxis(places - places[:, i, None], 2, 0))
        gaps = away - reach - reach[:, i, None]
        gaps[:, i] = np.inf
        if ACTIONS[event.deed.action].touches:
            gaps[: event.end - event.start, own] = np.inf
        if gaps.min() < 0.01:
            return False
    return True


def _shows(after: Tracks, event: Event, stage: Stage) -> frozenset[Deed]:
    shows = {event.deed}
    places = after.places[: event.end - event.start]
    reach = after.diameters[: event.end - event.start] / 2 * REACH
    for i in event.objects if ACTIONS[event.deed.action].travels else []:
        x, y = places[:, i].T / [[stage.aspect], [1]]
        for action, way in {"left": -x, "right": x, "up": -y, "down": y}.items():
            if (way - np.minimum.accumulate(way)).max() > 0.2:
                shows.add(Deed(action, i))
        gaps = np.hypot(*np.moveaxis(places - places[:, i, None], 2, 0))
        gaps -= reach + reach[:, i, None]
        for j in range(places.shape[1]):
            nearest = gaps[:, j].min()
            if j != i and nearest < 0.06 and gaps[0, j] - nearest > 0.2:
                shows.add(Deed("approach", i, j))
    return frozenset(shows)


def _misleads(events: list[Event]) -> bool:
    """Whether some action recurs with another actor, and some actor with another action."""
    pairs = [
        (a, b) for a in events for b in events if a.end <= b.start or b.end <= a.start
    ]
    actors = any(
        a.deed.action == b.deed.action and a.deed.actor != b.deed.actor
        for a, b in pairs
    )
    actions = any(
        a.deed.actor == b.deed.actor and a.deed.action != b.deed.action
        for a, b in pairs
    )
    return actors and actions
