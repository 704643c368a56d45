"""Queries of a scene: sentences of several kinds, most of them true of one event."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from slta.datasets.shapes.scene import HELD_OUT, Deed, Event, Rules, Scene

Words = dict[str, tuple[str, ...]]

SYNONYMS: Final[Words] = {
    "red": ("crimson",),
    "purple": ("violet",),
    "circle": ("disc",),
    "square": ("box",),
    "cross": ("plus",),
    "diamond": ("rhombus",),
}
VERBS: Final[Words] = {
    "left": (
        "moves to the left",
        "drifts left",
        "slides towards the left side",
        "travels leftward",
        "glides over to the left",
    ),
    "right": (
        "moves to the right",
        "drifts right",
        "slides towards the right side",
        "travels rightward",
        "glides over to the right",
    ),
    "up": (
        "moves up",
        "rises",
        "climbs towards the top",
        "floats upward",
        "travels up the picture",
    ),
    "down": (
        "moves down",
        "sinks",
        "descends towards the bottom",
        "drifts downward",
        "travels down the picture",
    ),
    "turn": (
        "turns around",
        "rotates",
        "spins",
        "turns on the spot",
        "revolves around its own centre",
    ),
    "grow": (
        "grows",
        "gets bigger",
        "becomes larger",
        "swells",
        "increases in size",
    ),
    "shrink": (
        "shrinks",
        "gets smaller",
        "becomes smaller",
        "dwindles",
        "decreases in size",
    ),
    "blink": (
        "blinks",
        "flashes on and off",
        "keeps disappearing and coming back",
        "flickers",
        "vanishes and reappears several times",
    ),
    "sway": (
        "sways from side to side",
        "swings to and fro",
        "wobbles",
        "rocks back and forth",
        "goes left and right and back again",
    ),
    "jump": (
        "jumps",
        "hops up and down",
        "bounces up and down",
        "leaps into the air and lands again",
        "makes a few jumps",
    ),
    "approach": (
        "approaches {b}",
        "comes close to {b}",
        "moves up to {b}",
        "draws near {b}",
        "goes over to {b} and stops beside it",
    ),
    "hit": (
        "hits {b}",
        "bumps into {b}",
        "crashes into {b} and bounces off",
        "knocks against {b}",
        "collides with {b}",
    ),
    "follow": (
        "follows {b}",
        "goes after {b}",
        "trails behind {b}",
        "chases {b}",
        "moves along behind {b}",
    ),
    "orbit": (
        "circles around {b}",
        "goes once around {b}",
        "orbits {b}",
        "travels around {b}",
        "makes a loop around {b}",
    ),
    "cover": (
        "covers {b}",
        "moves on top of {b} and hides it",
        "hides {b} for a moment",
        "slides over {b} and back again",
        "gets in front of {b} for a while",
    ),
}
PASSIVES: Final[Words] = {
    "approach": ("is approached by", "is joined by"),
    "hit": ("is hit by", "is struck by"),
    "follow": ("is followed by", "is chased by"),
    "orbit": ("is circled by", "is orbited by"),
    "cover": ("is covered by", "is hidden by"),
}
SEEN: Final = (
    "we see how {a} {does}",
    "{a} is the one that {does}",
    "there, {a} {does}",
    "one sees {a} as it {does}",
)
AFTER: Final[Words] = {
    "dim": (
        "right after the lights have come back on",
        "once it is bright again after the dark",
        "as soon as the darkness is over",
    ),
    "fog": (
        "right after the fog has gone",
        "once the mist has lifted",
        "as soon as the fog clears",
    ),
    "snow": (
        "right after it has stopped snowing",
        "when the snowfall is over",
        "as soon as the snow has passed",
    ),
    "cloud": (
        "right after the dark cloud has passed",
        "once the cloud at the top is gone",
        "as soon as the cloud has left",
    ),
    "grey": (
        "right after the colours have come back",
        "once the picture is no longer black and white",
        "as soon as the black and white part is over",
    ),
    "warm": (
        "right after the warm light has faded",
        "once the warm glow is gone",
        "as soon as the sunset light is over",
    ),
}
BEFORE: Final[Words] = {
    "dim": (
        "just before the lights go down",
        "shortly before it gets dark",
        "right before the lights dim",
    ),
    "fog": (
        "just before fog comes up",
        "right before the mist rolls in",
        "shortly before the fog",
    ),
    "snow": (
        "just before it starts to snow",
        "shortly before the snow falls",
        "right before the snowfall",
    ),
    "cloud": (
        "just before a dark cloud slides along the top",
        "shortly before the cloud passes",
        "right before a cloud appears at the top",
    ),
    "grey": (
        "just before the picture turns black and white",
        "shortly before all colours disappear",
        "right before everything goes grey",
    ),
    "warm": (
        "just before a warm light fills the picture",
        "shortly before the warm glow",
        "right before the light turns to sunset",
    ),
}
FILLERS: Final = (
    "in this recording somebody filmed on a rough surface one can see that {main}",
    "somewhere in this clip, among {n} shapes on a rough background, {main}",
    "there is a lot going on in this film with its {n} shapes, but now {main}",
    "if you watch closely and ignore everything else that moves, {main}",
    "the part of the video in which, whatever the others may do, {main}",
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
    events: tuple[Event, ...]
    """All events of which it is true."""


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


def ask_repeated(
    scene: Scene, rng: np.random.Generator, *, novel: bool = False
) -> list[Asked]:
    """A query about each deed that is done several times; ``novel`` as in ``ask``."""
    asked: dict[Deed, Asked] = {}
    for event in scene.events:
        shown = tuple(each for each in scene.events if event.deed in each.shows)
        held_out = scene.pair(event.deed) in HELD_OUT
        if len(shown) > 1 and event.deed not in asked and (held_out or not novel):
            # A cue would single out one of the times.
            one = _ask(scene, replace(event, cue=None), "action", rng, novel=novel)
            asked[event.deed] = replace(one, kind="repeated", events=shown)
    return [*asked.values()]


def retold(
    scene: Scene,
    asked: Asked,
    deed: Deed,
    rng: np.random.Generator,
    rules: Rules,
    *,
    novel: bool = False,
) -> Asked:
    """A query of the same kind about a deed that the scene does not show."""
    event = replace(asked.event, deed=deed)
    if rules.plain:
        told = _plain(scene, event)
    else:
        told = _ask(scene, event, asked.kind, rng, novel=novel)
    return replace(told, kind="absent", events=())


def _plain(scene: Scene, event: Event) -> Asked:
    names = [
        f"the {scene.things[i].colour} {scene.things[i].shape}" for i in event.objects
    ]
    does = VERBS[event.deed.action][0].format(b=names[-1])
    said = frozenset([scene.pair(event.deed)])
    return Asked(f"{names[0]} {does}", _short(event), event, said, (event,))


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
            return Asked(sentence, kind, event, frozenset(said), (event,))


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
        count = scene.tracks.places.shape[1]
        return _one(FILLERS, rng).format(n=count, main=main)
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
