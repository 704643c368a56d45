"""Vocabulary of Shapes; ``{b}`` is the partner of an action."""

from typing import Final

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
