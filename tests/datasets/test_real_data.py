"""The official files themselves: counts, oddities, facts, and the release's pairs."""

import csv
import json
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import pairs
from slta.datasets import SOURCES, charades_sta, own, slta_release
from slta.datasets.annotations import Annotations
from slta.datasets.base import Dataset
from slta.datasets.checking import check
from slta.datasets.own import convert, record
from slta.datasets.slta_release import parse, truth_frames
from slta.features.safe_pickle import load
from slta.moments import Query
from slta.moments.spans import as_array
from tests.reference import released as slow
from tests.support.commands import call

pytestmark = pytest.mark.real

FOLDERS = {
    "charades-sta": "charades",
    "tacos-tall": "tacos",
    "tacos-2dtan": "tacos",
    "didemo": "didemo",
    "qvhighlights": "qvhighlights",
    "activitynet-captions": "activitynet_captions",
    "slta-charades": "charades",
    "slta-tacos": "tacos",
}
COUNTS = {
    "charades-sta": {"train": (5338, 12408), "test": (1334, 3720)},
    "tacos-tall": {"train": (75, 10146), "val": (27, 4589), "test": (25, 4083)},
    "tacos-2dtan": {"train": (75, 9790), "val": (27, 4436), "test": (25, 4001)},
    "didemo": {"val": (1094, 4180), "test": (1037, 4021)},
    "qvhighlights": {"train": (7100, 7218), "val": (1519, 1550), "test": (1529, 1542)},
    "activitynet-captions": {
        "train": (10009, 37421),
        "val": (4917, 17505),
        "test": (4885, 17031),
    },
    "slta-charades": {"train": (5066, 11363), "test": (1322, 3694)},
    "slta-tacos": {"train": (75, 10146), "val": (27, 4589), "test": (25, 4083)},
}
"""As counted by hand, and where it says so as in the data's README."""
ODD = {
    "charades-sta": {"span beyond the video": 2364, "start not before end": 4},
    "tacos-tall": {
        "query annotated twice": 2675,
        "query that cannot be read": 7,
        "span beyond the video": 53,
    },
    "tacos-2dtan": {"query annotated twice": 2301, "span beyond the video": 48},
    "didemo": {"video with fewer than six chunks": 304},
    "qvhighlights": {},
    "activitynet-captions": {"span beyond the video": 506, "start not before end": 4},
    "slta-charades": {},
    "slta-tacos": {"query annotated twice": 2696, "query that cannot be read": 7},
}
"""As docs/data-sets.md tells them."""
FIRST_OF_VAL = ["00NN7", "00SL4", "00ZCA", "03M0K"]


def folder(shared: Path, name: str) -> Path:
    return shared / "data" / FOLDERS[name]


@cache
def read(shared: Path, name: str) -> Annotations:
    """Once a test run: every call is checked for its types, which takes its time."""
    return SOURCES[name].read(folder(shared, name))


@cache
def opened(shared: Path, name: str) -> Dataset:
    return SOURCES[name].open(folder(shared, name))


@pytest.mark.parametrize("name", FOLDERS)
def test_counts_are_the_published_ones(shared: Path, name: str) -> None:
    found = read(shared, name)
    assert {
        split: (len({query.video_id for query in queries}), len(queries))
        for split, queries in found.splits.items()
    } == COUNTS[name]
    assert found.faults == []
    assert Counter(each.oddity for each in found.problems) == ODD[name]


@pytest.mark.parametrize(
    "name", ["charades-sta", "didemo", "tacos-2dtan", "slta-charades", "slta-tacos"]
)
def test_a_check_finds_no_fault_but_what_is_not_here(
    capsys: pytest.CaptureFixture[str], shared: Path, name: str
) -> None:
    called = call(capsys, "data", "check", name, "--root", folder(shared, name))
    wrong = [line for line in called.out.splitlines() if line.startswith("wrong")]
    absent = {"didemo": ["train_data.json"]}.get(name, [])
    assert called.code == (1 if absent else 0)
    assert len(wrong) == len(absent)
    assert all(
        f"{file} is missing" in line for file, line in zip(absent, wrong, strict=True)
    )
    assert called.out.count("as published") == len(COUNTS[name])
    assert "NOT as published" not in called.out


@pytest.mark.parametrize("name", FOLDERS)
def test_the_hours_of_film_are_those_of_the_annotations(
    shared: Path, name: str
) -> None:
    if (hours := SOURCES[name].film_h) is None:
        # Its annotations count chunks of 5 s, the last of which may be shorter.
        assert name == "didemo"
        return
    lengths = {"slta-charades": "charades-sta", "slta-tacos": "tacos-2dtan"}
    durations_s = read(shared, lengths.get(name, name)).durations_s
    queries = [query for some in read(shared, name).splits.values() for query in some]
    videos = {query.video_id for query in queries}
    found = sum(durations_s[video] for video in videos) / 3600
    assert found == pytest.approx(hours, abs=0.05)


def test_charades_sta_is_checked_in_ten_seconds(shared: Path) -> None:
    # Of this process: others may be at work, too.
    begun = time.process_time()
    check(SOURCES["charades-sta"], folder(shared, "charades-sta"))
    assert time.process_time() - begun < 10


def test_val_of_charades_sta_is_always_the_same(shared: Path) -> None:
    found = opened(shared, "charades-sta")
    counts = {name: len(queries) for name, queries in found.splits.items()}
    assert counts == {"train": 11083, "val": 1325, "test": 3720}
    videos = {
        name: {query.video_id for query in queries}
        for name, queries in found.splits.items()
    }
    assert not videos["train"] & videos["val"] and len(videos["val"]) == 564
    assert sorted(videos["val"])[:4] == FIRST_OF_VAL
    same = opened(shared, "slta-charades").splits["val"]
    assert {query.video_id for query in same} <= videos["val"]


def test_the_queries_that_the_release_drops(shared: Path) -> None:
    config = charades_sta.CharadesSTAConfig(
        root=str(folder(shared, "charades-sta")), released_only=True, cut=False
    )
    kept = charades_sta.load(config).splits["test"]
    released = read(shared, "slta-charades").splits["test"]
    assert len(kept) == len(released) == 3694
    assert Counter((query.video_id, query.query) for query in kept) == Counter(
        (query.video_id, query.query) for query in released
    )


def test_spans_are_cut_to_their_videos(shared: Path) -> None:
    for name in ("charades-sta", "tacos-2dtan", "tacos-tall"):
        found = opened(shared, name)
        for queries in found.splits.values():
            for query in queries:
                for span in query.truth or ():
                    assert span.end <= found.durations_s[query.video_id]


def test_annotators_and_saliency_survive(shared: Path) -> None:
    rows = json.loads((folder(shared, "didemo") / "val_data.json").read_text())
    facts = opened(shared, "didemo").facts
    for row in rows:
        chunks = facts[str(row["annotation_id"])].chunks
        assert chunks is not None and chunks.tolist() == row["times"]
    file = folder(shared, "qvhighlights") / "highlight_val_release.jsonl"
    facts = opened(shared, "qvhighlights").facts
    for line in file.read_text().splitlines():
        row = json.loads(line)
        mine = facts[str(row["qid"])]
        assert mine.clips is not None and mine.saliency is not None
        assert mine.clips.tolist() == row["relevant_clip_ids"]
        assert mine.saliency.tolist() == row["saliency_scores"]


@pytest.mark.parametrize("name", ["charades-sta", "didemo", "slta-charades"])
def test_what_is_converted_is_the_same(shared: Path, tmp_path: Path, name: str) -> None:
    before = opened(shared, name)
    convert(before, tmp_path)
    after = own.load(tmp_path)
    assert after.splits == before.splits
    for split in ("val", "test"):
        for query in before.splits[split][:200]:
            assert record(after, query) == record(before, query)


@pytest.fixture(scope="module")
def measured(shared: Path) -> dict[str, Any]:
    return pairs.measure(shared / "data")


def test_the_release_has_as_many_pairs_as_it_says(measured: dict[str, Any]) -> None:
    sets = measured["sets"]
    assert sets["Charades-STA"]["released"] == 29589
    assert sets["TACoS"]["released"] == 12371


def test_pairs_made_anew_equal_the_release(measured: dict[str, Any]) -> None:
    for found in measured["sets"].values():
        assert found["share"] >= 0.98
        assert found["made"] - found["equal"] == sum(found["only_made"].values())
        assert found["released"] - found["equal"] == sum(
            found["only_released"].values()
        )
        assert "not explained" not in found["only_made"] | found["only_released"]
    assert measured["sets"]["TACoS"]["share"] == 1.0
    assert measured["unfitted_share"] >= 0.98


def test_the_published_figures_are_these(measured: dict[str, Any]) -> None:
    file = Path(pairs.__file__).parent / "results" / "pairs.json"
    published = json.loads(file.read_text())
    assert published["sets"] == measured["sets"]
    assert published["unfitted_share"] == measured["unfitted_share"]


def test_the_release_names_its_truths_as_here(shared: Path) -> None:
    """All of them, from the text of the official file rather than from its reader."""
    root = folder(shared, "charades-sta")
    named: dict[tuple[str, str], tuple[int, int]] = {}
    spans = []
    for split in ("train", "test"):
        for line in (root / f"charades_sta_{split}.txt").read_text().splitlines():
            head, sentence = line.split("##")
            video_id, start, end = head.split()
            named[video_id, sentence] = slow.truth(start, end)
            spans.append((float(start), float(end)))
    assert truth_frames(np.array(spans)).tolist() == [*map(list, named.values())]
    names = slta_release.SENTENCES["slta-charades"].values()
    for name in (slta_release.PAIRS["slta-charades"], *names):
        for row in load(root / f"slta_{name}"):
            video_id, frames = parse(row[0])
            assert named[video_id, row[1]] == frames


def test_the_release_names_the_truths_of_tacos_as_here(shared: Path) -> None:
    official, released = read(shared, "tacos-tall"), read(shared, "slta-tacos")
    for split, queries in official.splits.items():
        theirs = released.splits[split]
        assert [query.query[:-1].strip() for query in queries] == [
            query.query for query in theirs
        ]
        frames = truth_frames(_spans(queries))
        assert (frames / 3).tolist() == _spans(theirs).tolist()


def _spans(queries: Sequence[Query]) -> np.ndarray:
    return as_array([span for query in queries for span in query.truth or ()])


def test_pairs_are_those_of_a_slow_spelling(shared: Path) -> None:
    """A sample of the release, from its own names alone."""
    rows = load(
        folder(shared, "slta-tacos") / f"slta_{slta_release.PAIRS['slta-tacos']}"
    )
    rng = np.random.default_rng(0)
    windows: dict[str, set[tuple[int, int]]] = {}
    for truth, _, window, *_ in rows:
        windows.setdefault(truth, set()).add(parse(window)[1])
    for truth in rng.choice(sorted(windows), 12, replace=False).tolist():
        _, span = parse(truth)
        found = slow.matching(span, span[1] + 130, [16, 32, 48, 64, 128])
        assert set(found) == windows[truth]


def test_lengths_are_those_of_charades(shared: Path) -> None:
    root = folder(shared, "charades-sta")
    with (root / "Charades_v1_test.csv").open(newline="") as file:
        rows = {row["id"]: float(row["length"]) for row in csv.DictReader(file)}
    found = read(shared, "charades-sta").durations_s
    assert rows.items() <= found.items() and len(found) == 9848
