"""Queries of Shapes with no moment or several: what they say is not shown, or every time."""

import re
from collections import Counter
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.datasets import own, shapes
from slta.datasets.shapes import HELD_OUT, ShapesConfig, records, scene_of
from slta.datasets.shapes.absence import ask_absent
from slta.datasets.shapes.motion import ACTIONS
from slta.datasets.shapes.scene import COLOURS, OUTLINES, REACH, Scene
from slta.datasets.shapes.sentences import SYNONYMS, Asked, ask, ask_repeated
from slta.datasets.statistics import statistics

USUAL = ShapesConfig()
FILMS = {"train": 8, "test_novel": 3}

Told = list[tuple[str, Scene, list[Asked], list[Asked]]]


@cache
def told() -> Told:
    """Split, scene, its usual queries, and as many without a moment."""
    films: Told = []
    for split, count in FILMS.items():
        novel = split == "test_novel"
        for i in range(count):
            scene, rng = scene_of(USUAL, split, i), np.random.default_rng([7, i])
            asked = ask(scene, rng, novel=novel)
            absent = ask_absent(scene, asked, rng, USUAL.rules, 1.0, novel=novel)
            films.append((split, scene, asked, absent))
    return films


def gone(scene: Scene, i: int, start: int, end: int) -> set[str]:
    """Where an object goes by more than a twentieth of the picture's side, by looking at
    every two frames."""
    x, y = scene.tracks.places[start:end, i].T
    x = x / scene.stage.aspect
    ways = set()
    for before, after in combinations(range(len(x)), 2):
        across, down = x[after] - x[before], y[after] - y[before]
        ways |= {"right"} if across > 0.05 else {"left"} if across < -0.05 else set()
        ways |= {"down"} if down > 0.05 else {"up"} if down < -0.05 else set()
    return ways


def shown(scene: Scene, action: str, i: int) -> bool:
    """Whether an object ever does, or seems to do, something alone."""
    tracks = scene.tracks
    sizes = np.diff(tracks.diameters[:, i])
    match action:
        case "turn":
            return bool(np.ptp(tracks.angles[:, i]) > 0)
        case "grow":
            return bool((sizes > 0).any())
        case "shrink":
            return bool((sizes < 0).any())
        case "blink":
            return not tracks.visible[:, i].all()
    ways = {"sway": {"left", "right"}, "jump": {"up", "down"}}.get(action, {action})
    return any(
        ways <= gone(scene, i, event.start, event.end)
        for event in scene.events
        if i in event.objects
    )


def together(scene: Scene, i: int, j: int) -> bool:
    """Whether two objects come close while one of them acts, or act at once."""
    tracks = scene.tracks
    acts = [
        {t for e in scene.events if k in e.objects for t in range(e.start, e.end)}
        for k in (i, j)
    ]
    if acts[0] & acts[1]:
        return True
    return any(
        np.hypot(*(tracks.places[t, i] - tracks.places[t, j]))
        - (tracks.diameters[t, i] + tracks.diameters[t, j]) / 2 * REACH
        < 0.15
        for t in acts[0] | acts[1]
    )


def looks(sentence: str) -> set[tuple[str, str]]:
    """Colour and shape of the objects that a sentence names."""
    plain = {other: name for name, others in SYNONYMS.items() for other in others}
    words = [plain.get(word, word) for word in re.findall("[a-z]+", sentence)]
    return {(c, s) for c, s in pairwise(words) if c in COLOURS and s in OUTLINES}


def test_what_an_absent_query_says_is_never_shown() -> None:
    kinds: Counter[tuple[bool, bool]] = Counter()
    for split, scene, asked, absent in told():
        assert len(absent) == len(asked)
        assert len({each.event.deed for each in absent}) == len(absent)
        there = {(thing.colour, thing.shape) for thing in scene.things}
        for each in absent:
            assert each.events == () and each.kind == "absent"
            action, *objects = each.event.deed
            known = [i for i in objects if i is not None and i < len(scene.things)]
            named = [i for i in objects if i is not None]
            if len(known) < len(named):
                assert looks(each.sentence) - there, each.sentence
            elif len(known) == 1:
                assert not shown(scene, action, known[0]), each.sentence
            else:
                assert not together(scene, *known), each.sentence
            acts = {event.deed.actor for event in scene.events}
            occurs = {event.deed.action for event in scene.events}
            kinds[objects[0] in acts, action in occurs] += 1
        if split == "train":
            assert not any(each.said & HELD_OUT for each in absent)
        else:
            assert all(each.said & HELD_OUT for each in absent)
    # As likely with the right object as with another, and with the right action.
    assert len(kinds) == 4 and min(kinds.values()) > sum(kinds.values()) / 8


def test_absent_queries_are_told_as_the_others() -> None:
    """Neither actions that are never seen nor the number of objects give them away."""
    for _, scene, asked, absent in told():
        for each in absent:
            action, actor, _ = each.event.deed
            if actor < len(scene.things):
                assert scene.things[actor].shape not in ACTIONS[action].not_by
            if counted := re.search(r"(\d+) shapes", each.sentence):
                assert int(counted[1]) == len(scene.things)
        cued = [sum(each.event.cue is not None for each in a) for a in (asked, absent)]
        assert cued[0] == cued[1]


def test_a_repeated_query_has_every_time() -> None:
    count = 0
    for split, scene, asked, _ in told():
        novel = split == "test_novel"
        repeated = ask_repeated(scene, np.random.default_rng(0), novel=novel)
        deeds = Counter(event.deed for event in scene.events)
        several = {
            deed
            for deed, times in deeds.items()
            if times > 1 and (not novel or scene.pair(deed) in HELD_OUT)
        }
        assert {each.event.deed for each in repeated} == several
        for each in repeated:
            assert [*each.events] == [
                event for event in scene.events if event.deed == each.event.deed
            ]
            assert looks(each.sentence) <= {(t.colour, t.shape) for t in scene.things}
            assert not any(each.sentence.startswith(w) for w in ("just before", "once"))
        count += len(repeated)
        assert all(each.events == (each.event,) for each in asked)
    assert count >= 5


def test_the_usual_queries_stay_what_they_are() -> None:
    more = ShapesConfig(absent=0.5, repeated=True)
    counts: Counter[str] = Counter()
    for i in range(6):
        usual, found = (records(config, "train", i) for config in (USUAL, more))
        assert found[: len(usual)] == usual
        added = found[len(usual) :]
        assert len({row["query_id"] for row in found}) == len(found)
        for row in added:
            spans: Any = row["spans"]
            assert (len(spans) > 1) == (row["kind"] == "repeated")
            assert bool(spans) == (row["kind"] != "absent")
        counts.update({"usual": len(usual)} | Counter(str(r["kind"]) for r in added))
        assert len({row["query"] for row in found}) == len(found)
    assert 0.25 < counts["absent"] / counts["usual"] < 0.75


def test_made_films_are_read_with_them(tmp_path: Path) -> None:
    config = ShapesConfig(
        train=2,
        val=1,
        test=0,
        test_novel=0,
        length_s=20.0,
        width=128,
        height=96,
        rate_hz=8,
        absent=1.0,
        repeated=True,
    )
    dataset = own.load(shapes.make(config, tmp_path / "world", workers=1))
    rows = [row for i in range(2) for row in records(config, "train", i)]
    found = {query.query_id: query.truth for query in dataset.splits["train"]}
    for row in rows:
        spans: Any = row["spans"]
        truth = found[str(row["query_id"])]
        assert truth is not None
        assert [[span.start, span.end] for span in truth] == spans
    train = statistics(dataset)[0]
    assert train.empty == sum(not row["spans"] for row in rows) > 0
    assert train.several == sum(row["kind"] == "repeated" for row in rows) > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"absent": 1.5}, r"^dataset\.absent must be .* got 1\.5$"),
        ({"plain": True, "repeated": True}, "dataset.plain has none; leave one"),
    ],
)
def test_what_cannot_be_asked_is_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ShapesConfig(**options)
