"""Queries of a scene: sentences of several kinds, each true of one event."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from slta.datasets.shapes.scene import HELD_OUT, Deed, Event, Scene
from slta.datasets.shapes.words import (
    AFTER,
    BEFORE,
    FILLERS,
    PASSIVES,
    SEEN,
    SYNONYMS,
    VERBS,
)

LONGEST_WORDS: Final = 30
LONG: Final = {"action": 0.38, "pair": 0.18}
"""Share of each kind that is replaced by a long sentence."""


@dataclass(frozen=True)
class Asked:
    """A sentence about an event, and all (shape, action) pairs that it mentions."""

    sentence: str
    kind: str
    event: Event
    said: frozenset[tuple[str, str]]


def ask(
    scene: Scene,
    rng: np.random.Generator,
    *,
    novel: bool = False,
    plain: bool = False,
) -> list[Asked]:
    """The queries of a video; ``novel``: about held-out pairs only, two each; ``plain``: one
    short sentence an event."""
    asked: list[Asked] = []
    for event in scene.events:
        if novel and scene.pair(event.deed) not in HELD_OUT:
            continue
        if scene.repeated(event) and event.cue is None:
            continue
        if plain:
            asked.append(_plain(scene, event))
            continue
        kind = _kind(scene, event, rng)
        asked.append(_ask(scene, event, kind, rng, novel=novel))
        if kind != "context" and rng.random() < (0.5 if novel else 0.1):
            other = _short(event) if kind == "long" else "long"
            asked.append(_ask(scene, event, other, rng, novel=novel))
    _check(scene, asked)
    return asked


def _plain(scene: Scene, event: Event) -> Asked:
    names = [
        f"the {scene.things[i].colour} {scene.things[i].shape}" for i in event.objects
    ]
    does = VERBS[event.deed.action][0].format(b=names[-1])
    said = frozenset([scene.pair(event.deed)])
    return Asked(f"{names[0]} {does}", _short(event), event, said)


def _short(event: Event) -> str:
    """The kind of a sentence about the deed alone."""
    return "action" if event.deed.partner is None else "pair"


def _kind(scene: Scene, event: Event, rng: np.random.Generator) -> str:
    if event.cue is not None:
        return "context"
    return "long" if rng.random() < LONG[_short(event)] else _short(event)


def _check(scene: Scene, asked: list[Asked]) -> None:
    for each in asked:
        if scene.repeated(each.event):
            cued = [e for e in scene.events if e.cue and e.cue == each.event.cue]
            single = each.kind == "context" and len(cued) == 1
        else:
            single = each.kind != "context"
        if not single or sum(each.event is event for event in scene.events) != 1:
            raise RuntimeError(f"{each.sentence!r} has more than one true span")


def _ask(
    scene: Scene, event: Event, kind: str, rng: np.random.Generator, *, novel: bool
) -> Asked:
    while True:
        said = {scene.pair(event.deed)}
        if kind == "long":
            sentence = _long(scene, event, rng, said)
        else:
            sentence = _main(scene, event.deed, rng)
            if event.cue is not None:
                told = AFTER if event.cue.end <= event.start else BEFORE
                when = _one(told[event.cue.name], rng)
                first = rng.random() < 0.3
                sentence = f"{when}, {sentence}" if first else f"{sentence} {when}"
        short = len(sentence.split()) <= LONGEST_WORDS
        if short and (novel or not said & HELD_OUT):
            return Asked(sentence, kind, event, frozenset(said))


def _one(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]


def name(scene: Scene, i: int, rng: np.random.Generator, article: str = "") -> str:
    """Name of an object, with its size if nothing else distinguishes it."""
    thing = scene.things[i]
    looks = [(other.colour, other.shape) for other in scene.things]
    words = [
        _one(SYNONYMS[word], rng) if word in SYNONYMS and rng.random() < 0.1 else word
        for word in (thing.colour, thing.shape)
    ]
    sized = {e.deed.actor for e in scene.events if e.deed.action in ("grow", "shrink")}
    if looks.count((thing.colour, thing.shape)) > 1 or (
        i not in sized and rng.random() < 0.12
    ):
        words.insert(0, thing.size)
    article = article or ("the" if rng.random() < 0.6 else "a")
    if article == "a" and words[0][0] in "aeiou":
        article = "an"
    return " ".join([article, *words])


def _does(scene: Scene, deed: Deed, rng: np.random.Generator) -> str:
    verb = _one(VERBS[deed.action], rng)
    if deed.partner is None:
        return verb
    return verb.format(b=name(scene, deed.partner, rng))


def _main(scene: Scene, deed: Deed, rng: np.random.Generator) -> str:
    actor = name(scene, deed.actor, rng)
    if deed.partner is not None and rng.random() < 0.2:
        partner = name(scene, deed.partner, rng)
        return f"{partner} {_one(PASSIVES[deed.action], rng)} {actor}"
    if rng.random() < 0.25:
        return _one(SEEN, rng).format(a=actor, does=_does(scene, deed, rng))
    return f"{actor} {_does(scene, deed, rng)}"


def _long(
    scene: Scene, event: Event, rng: np.random.Generator, said: set[tuple[str, str]]
) -> str:
    """Few of its words decide; others say what happens at another time.

    Only the event's own objects are named: to find them is what the other kinds ask for.
    """
    main = _main(scene, event.deed, rng)
    actor = name(scene, event.deed.actor, rng, "the")
    does = _does(scene, event.deed, rng)
    form = rng.integers(5)
    others = [
        e.deed
        for e in scene.events
        if e.deed.action != event.deed.action
        and (form == 2 or e.deed.actor != event.deed.actor)
    ]
    if form == 4 or not others:
        return _one(FILLERS, rng).format(n=len(scene.things), main=main)
    other = others[rng.integers(len(others))]
    verb = _one(VERBS[other.action], rng).format(b="something")
    if form == 0:
        said.add((scene.things[event.deed.actor].shape, other.action))
        return f"{actor}, which is not the one that {verb}, {does}"
    if form == 1:
        return f"never mind what {verb} at some point: {main}"
    if form == 2:
        said.add((scene.things[event.deed.actor].shape, other.action))
        return f"it is not about the time when something {verb}, but when {main}"
    return (
        f"while something else {verb} at another time, here it is {actor} that {does}"
    )
