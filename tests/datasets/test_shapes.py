"""The made world: what its sentences say is what its films show, once."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float, UInt8

from slta import video
from slta.datasets import shapes
from slta.datasets.shapes import (
    HELD_OUT,
    SPLITS,
    ShapesConfig,
    load_boxes,
    planner,
    records,
    scene_of,
)
from slta.datasets.shapes.draw import pictures
from slta.datasets.shapes.motion import ACTIONS
from slta.datasets.shapes.scene import COLOURS, Event, Scene, Stage, times
from slta.datasets.shapes.sentences import SYNONYMS, Asked, ask
from slta.errors import InputError
from slta.moments.spans import temporal_iou
from slta.video import writing

SMALL = {"test": 0, "width": 128, "height": 96, "length_s": 20.0, "rate_hz": 8}
CONFIG = ShapesConfig(train=2, val=1, test_novel=1, **SMALL)  # type: ignore[arg-type]
USUAL = ShapesConfig()
FILMS = {"train": 18, "test": 10, "test_novel": 5}

Films = list[tuple[Scene, list[Asked]]]


@cache
def planned(split: str) -> Films:
    """Scenes at the usual settings, and what is asked of them."""
    films: Films = []
    for i in range(FILMS[split]):
        scene = scene_of(USUAL, split, i)
        rng = np.random.default_rng([9, i])
        films.append((scene, ask(scene, rng, novel=split == "test_novel")))
    return films


def everywhere() -> Films:
    return [each for split in FILMS for each in planned(split)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes.make(CONFIG, tmp_path_factory.mktemp("world"), workers=1)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lines(folder: Path, split: str) -> list[dict[str, Any]]:
    text = (folder / f"{split}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_folder_holds_lists_films_and_boxes(world: Path) -> None:
    films = {f"{s}_{i:04}" for s in SPLITS for i in range(getattr(CONFIG, s))}
    expected = {f"videos/{name}.mp4" for name in films}
    expected |= {f"boxes/{name}.npz" for name in films}
    expected |= {f"{split}.jsonl" for split in SPLITS} | {"world.json"}
    assert files(world).keys() == expected
    for split in SPLITS:
        for line in lines(world, split):
            info = video.probe(world / "videos" / f"{line['video_id']}.mp4")
            [[start, end]] = line["spans"]
            assert 0 <= start < end <= info.duration_s + 1e-3
            assert line["duration_s"] == pytest.approx(info.duration_s, abs=1e-3)


def test_neither_workers_nor_the_number_of_films_change_one(
    world: Path, tmp_path: Path
) -> None:
    fewer = ShapesConfig(train=1, val=1, test_novel=0, **SMALL)  # type: ignore[arg-type]
    made = files(shapes.make(fewer, tmp_path / "new", workers=2))
    before = files(world)
    for name, content in made.items():
        if name.startswith(("videos", "boxes")) or name == "val.jsonl":
            assert content == before[name], name
    assert before["train.jsonl"].startswith(made["train.jsonl"])


def test_two_may_make_the_same_film_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, both = np.savez, Barrier(2)

    def together(*given: Any, **arrays: Any) -> None:
        save(*given, **arrays)
        both.wait(timeout=30)

    monkeypatch.setattr(np, "savez", together)
    monkeypatch.setattr(writing, "write", lambda path, *_, **__: path.touch())
    for name in ("videos", "boxes"):
        (tmp_path / name).mkdir()
    with ThreadPoolExecutor(2) as pool:
        made = [
            pool.submit(shapes._film, CONFIG, tmp_path, "train", 0) for _ in range(2)
        ]
        assert made[0].result() == made[1].result()
    assert [path.name for path in (tmp_path / "boxes").iterdir()] == ["train_0000.npz"]


WORKERS = """
import sys
from pathlib import Path
from slta.datasets.shapes import ShapesConfig, make
if __name__ == "__main__":
    make(ShapesConfig(train=400), Path(sys.argv[1]), workers=2)
"""


def workers_of(process: "subprocess.Popen[bytes]") -> list[Path]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    found = [Path(f"/proc/{pid}") for pid in children.split()]
    return [path for path in found if b"spawn_main" in (path / "cmdline").read_bytes()]


@pytest.mark.slice
@pytest.mark.skipif(
    not Path(f"/proc/self/task/{os.getpid()}/children").exists(),
    reason="the system has no /proc/PID/task/TID/children to find workers by",
)
def test_who_is_killed_leaves_no_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(WORKERS)
    world = tmp_path / "world"
    process = subprocess.Popen([sys.executable, script, world])
    until = time.monotonic() + 120
    while not list(world.glob("videos/*.mp4")) and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.1)
    left = workers_of(process)
    process.kill()
    process.wait()
    assert left
    while any(path.exists() for path in left) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(path.exists() for path in left)


def test_another_seed_makes_another_film() -> None:
    other = ShapesConfig(seed=1)
    assert shapes.records(USUAL, "train", 0) == shapes.records(USUAL, "train", 0)
    assert shapes.records(USUAL, "train", 0) != shapes.records(other, "train", 0)
    assert shapes.records(USUAL, "train", 0) != shapes.records(USUAL, "train", 1)


def test_an_interrupted_run_goes_on_where_it_was(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = writing.write
    written: list[str] = []

    def interrupted(
        path: Path,
        images: Iterable[UInt8[np.ndarray, "h w 3"]],
        *,
        rate_hz: int,
        crf: int,
    ) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path.stem)
        write(path, images, rate_hz=rate_hz, crf=crf)

    monkeypatch.setattr(writing, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shapes.make(CONFIG, tmp_path, workers=1)
    assert not list(tmp_path.glob("*.jsonl"))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("videos/*.mp4")}
    assert len(kept) == 1
    monkeypatch.setattr(writing, "write", write)
    told: list[tuple[float, float]] = []
    shapes.make(CONFIG, tmp_path, workers=1, progress=lambda *done: told.append(done))
    assert told == [(i + 1, 4) for i in range(4)]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert files(tmp_path) == files(world)


def test_a_folder_with_another_world_is_refused(world: Path) -> None:
    with pytest.raises(
        ValueError, match=r"has Shapes of another configuration: give another"
    ):
        shapes.make(USUAL, world, workers=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("train", -1), ("length_s", 5.0), ("rate_hz", 0), ("width", 64), ("seed", -3)],
)
def test_a_bad_value_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^dataset\.{field} must be .* got {value}$"):
        ShapesConfig(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"objects": 2}, "dataset.objects must be 0, 3 or 4, got 2"),
        ({"actions": ("left", "fly")}, "is left fly: give two or more of left, right"),
        ({"actions": ("left",)}, "is left: give two or more of left, right"),
    ],
)
def test_rules_that_make_no_film_are_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ShapesConfig(**options)


def test_actions_that_fit_into_no_film_are_named() -> None:
    """Large things have no room to grow, and small ones there are none."""
    growing = ShapesConfig(
        objects=3, plain=True, actions=("grow", "cover"), length_s=20.0
    )
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(
            InputError, match=r"actions grow, cover .*give more --dataset.act"
        ),
    ):
        patch.setattr(planner, "ATTEMPTS", 3)
        scene_of(growing, "train", 0)


def test_films_are_what_they_were_before_there_were_rules(world: Path) -> None:
    """Published numbers are of these, and who has them need not make them again."""
    told = [
        [each.sentence, each.event.start, each.event.end]
        for _, asked in everywhere()
        for each in asked
    ]
    found = sha256(json.dumps(told).encode()).hexdigest()
    assert found.startswith("eba56649c6ab99d3")
    before = {"version": 7, "seed": 0, "train": 2, "val": 1, "test_novel": 1, **SMALL}
    assert json.loads((world / "world.json").read_text()) == before


@pytest.mark.parametrize("split", ["train", "test_novel"])
def test_a_plain_film_has_its_actions_and_objects_and_says_each_event_once(
    split: str,
) -> None:
    ways = {
        **{"left": "moves to the left", "right": "moves to the right"},
        **{"up": "moves up", "down": "moves down"},
    }
    config = ShapesConfig(
        objects=3, plain=True, actions=(*ways,), length_s=20.0, rate_hz=8
    )
    for i in range(3):
        scene, asked = scene_of(config, split, i), records(config, split, i)
        assert len(scene.things) == 3 and not scene.cues
        assert {thing.size for thing in scene.things} == {"large"}
        assert {event.deed.action for event in scene.events} <= ways.keys()
        true = {
            f"the {it.colour} {it.shape} {ways[event.deed.action]}": scene.span(event)
            for event in scene.events
            for it in [scene.things[event.deed.actor]]
            if split == "train" or scene.pair(event.deed) in HELD_OUT
        }
        assert len(asked) == len(true)
        for each in asked:
            [[start, end]] = np.asarray(each["spans"]).tolist()
            span = true[str(each["query"])]
            assert (start, end) == pytest.approx((span.start, span.end), abs=1e-3)


def said(sentence: str, word: str) -> bool:
    words = re.findall(r"[a-z]+", sentence)
    return bool({word, *SYNONYMS.get(word, ())} & {*words})


def test_a_sentence_names_who_acts_and_is_not_too_long() -> None:
    for scene, asked in everywhere():
        for each in asked:
            assert len(each.sentence.split()) <= 30
            for i in each.event.objects:
                assert said(each.sentence, scene.things[i].colour)
                assert said(each.sentence, scene.things[i].shape)


def test_a_query_without_a_cue_has_one_event_that_shows_it() -> None:
    for scene, asked in everywhere():
        for each in asked:
            shown = [e for e in scene.events if each.event.deed in e.shows]
            assert (len(shown) == 1) == (each.kind != "context")
            looks = [(t.colour, t.shape) for t in scene.things]
            for i in each.event.objects:
                if looks.count(looks[i]) > 1:
                    assert said(each.sentence, scene.things[i].size)


def test_a_cue_is_beside_the_event_that_it_tells_and_no_other() -> None:
    for scene, asked in everywhere():
        assert len({cue.name for cue in scene.cues}) == len(scene.cues)
        for each in asked:
            cue = each.event.cue
            assert (each.kind == "context") == (cue is not None)
            if cue is None:
                continue
            assert cue in scene.cues
            assert distance_s(scene, each.event, cue.start, cue.end) <= 0.34
            [twin] = [
                e for e in scene.events if e.deed == each.event.deed and e != each.event
            ]
            assert distance_s(scene, twin, cue.start, cue.end) >= 1.4


def distance_s(scene: Scene, event: Event, start: int, end: int) -> float:
    return max(start - event.end, event.start - end) / scene.stage.rate_hz


@pytest.mark.parametrize("split", ["train", "test"])
def test_held_out_pairs_are_neither_shown_nor_said(split: str) -> None:
    for scene, asked in planned(split):
        shown = {scene.pair(deed) for event in scene.events for deed in event.shows}
        assert not shown & HELD_OUT
        assert not any(each.said & HELD_OUT for each in asked)


def test_novel_films_are_asked_about_held_out_pairs_only() -> None:
    for scene, asked in planned("test_novel"):
        assert len(asked) >= 2
        assert all(scene.pair(each.event.deed) in HELD_OUT for each in asked)


def test_every_film_misleads() -> None:
    repeats = 0
    for scene, _ in planned("train"):
        deeds = [event.deed for event in scene.events]
        assert any(
            a.action == b.action and a.actor != b.actor for a in deeds for b in deeds
        )
        assert any(
            a.actor == b.actor and a.action != b.action for a in deeds for b in deeds
        )
        repeats += len(set(deeds)) < len(deeds)
    assert 0.4 <= repeats / FILMS["train"] <= 0.9


def test_a_constant_answer_is_worth_little() -> None:
    def relative(seed: int) -> Float[np.ndarray, "n 2"]:
        rng, stage = np.random.default_rng(seed), Stage(12, 4 / 3)
        lengths = rng.integers(245, 331, 200).tolist()
        spans = [
            (start / length, end / length)
            for length in lengths
            for start, end in times(rng, length, stage)
        ]
        return np.array(spans)

    grid = np.array(
        [
            (start, start + length)
            for start in np.arange(0, 0.9, 0.02)
            for length in np.arange(0.1, 0.5, 0.02)
        ]
    )
    hits = (temporal_iou(grid, relative(0)) >= 0.5).mean(axis=1)
    best = grid[hits.argmax(), None]
    assert (temporal_iou(best, relative(1)) >= 0.5).mean() <= 0.15


def test_objects_move_as_the_sentences_say() -> None:
    seen = set()
    for scene, _ in everywhere():
        boxes = scene.boxes().astype(np.float64)
        centres = (boxes[..., :2] + boxes[..., 2:]) / 2
        heights = boxes[..., 3] - boxes[..., 1]
        for event in scene.events:
            before, last, a = max(0, event.start - 1), event.end - 1, event.deed.actor
            dx, dy = centres[last, a] - centres[before, a]
            grown = heights[last, a] / heights[before, a]
            visible = scene.tracks.visible[event.start : event.end]
            x, y = centres[event.start : event.end, a].T
            angles = scene.tracks.angles[:, a]
            returned = np.hypot(dx, dy) < 0.05
            holds = {
                "left": dx < -0.3,
                "right": dx > 0.3,
                "up": dy < -0.3,
                "down": dy > 0.3,
                "grow": grown > 1.5,
                "shrink": grown < 0.7,
                "blink": not visible[:, a].all(),
                "turn": abs(angles[last] - angles[before]) > 1.95 * np.pi,
                "sway": returned and np.ptp(x) > 0.12,
                "jump": returned and y.min() < centres[before, a, 1] - 0.15,
            }
            if event.deed.partner is not None:
                b = event.deed.partner
                aspect = np.array([scene.stage.aspect, 1])
                way = (centres[:, b] - centres[:, a]) * aspect
                apart = np.hypot(*way.T)
                around = np.unwrap(np.arctan2(*way[event.start : event.end].T))
                holds |= {
                    "approach": apart[last] < apart[before] - 0.25,
                    "hit": apart[event.start : event.end].min() < apart[last] - 0.1,
                    "cover": not visible[:, b].all(),
                    "orbit": abs(around[-1] - around[0]) > 1.8 * np.pi,
                    "follow": bool(np.ptp(centres[event.start : event.end, b]) > 0.2),
                }
            assert holds[event.deed.action], event
            seen.add(event.deed.action)
    assert seen == ACTIONS.keys()


def test_who_turns_is_seen_to_turn() -> None:
    """The pictures change where it is, and not if its angle stays."""
    scene, event = next(
        (scene, event)
        for scene, _ in planned("train")
        for event in scene.events
        if event.deed.action == "turn"
        and not any(under(scene, t) for t in range(event.start, event.end))
    )
    at, actor = (event.start, (event.start + event.end) // 2), event.deed.actor
    box = scene.boxes()[event.start, actor] * [320, 240, 320, 240]
    x0, y0, x1, y1 = box.astype(int)

    def changed(scene: Scene) -> float:
        images = [*pictures(scene, np.random.default_rng(0), 320, 240)]
        before, after = (images[t][y0:y1, x0:x1].astype(int) for t in at)
        return float((np.abs(after - before).max(axis=2) > 60).mean())

    still = deepcopy(scene)
    still.tracks.angles[:, actor] = 0
    assert changed(scene) > 0.03 and changed(still) < 0.01


def test_boxes_hold_the_colours_in_the_decoded_film(world: Path) -> None:
    checked = 0
    for split, i in ("train", 0), ("train", 1), ("test_novel", 0):
        scene, name = scene_of(CONFIG, split, i), f"{split}_{i:04}"
        known = load_boxes(world, name)
        path = world / "videos" / f"{name}.mp4"
        frames = [t for t in range(2, len(known.times_s), 9) if not under(scene, t)]
        shown = video.frames(path, at=known.times_s[frames]).images
        for t, image in zip(frames, shown, strict=True):
            for thing, box, visible in zip(
                scene.things, known.boxes[t], known.visible[t], strict=True
            ):
                x0, y0, x1, y1 = np.rint(box * [128, 96, 128, 96]).astype(int)
                inside = image[y0:y1, x0:x1].astype(np.float64)
                off = np.abs(inside - COLOURS[thing.colour]).max(axis=2)
                if visible:
                    assert (off < 70).mean() > 0.1, (name, t, thing)
                    checked += 1
    assert checked > 100


def under(scene: Scene, t: int) -> bool:
    return any(cue.start <= t < cue.end for cue in scene.cues)


def test_a_cue_changes_the_whole_picture_while_it_lasts() -> None:
    scene = next(
        scene for scene, _ in planned("train") if any(c.start > 30 for c in scene.cues)
    )
    cue = next(cue for cue in scene.cues if cue.start > 30)
    images = list(pictures(scene, np.random.default_rng(0), 128, 96))
    before, during = images[cue.start - 1], images[(cue.start + cue.end) // 2]
    changed = np.abs(during.astype(int) - before).max(axis=2) > 25
    assert not under(scene, cue.start - 1)
    assert changed.mean() > 0.03
