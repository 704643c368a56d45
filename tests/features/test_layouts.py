"""Trees exactly as others publish them, at full size: imported, found, or refused."""

import json
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from slta.features import provider
from slta.features.base import VideoFeatures
from slta.features.layouts.slta_release import nearest
from slta.features.store import Store
from slta.moments.candidates import released
from tests.reference import preextracted as reference
from tests.support.commands import answered, call, refused
from tests.support.pickles import python_2
from tests.support.worlds import FLAGS

VIDEOS = ("3MSZA", "s13-d21.avi", "a_b_12")
FRAMES = 70
"""Of the release, at 3 a second."""
DURATION_S = 23.0
MOMENTS_S = {"3MSZA": (4.0, 9.0), "s13-d21.avi": (12.0, 18.0), "a_b_12": (8.0, 16.0)}
STRENGTH = 4.0


def direction(size: int) -> np.ndarray:
    """What a query names, in the space of the features."""
    made = np.random.default_rng(size).normal(size=size)
    return made / np.linalg.norm(made)


def noise(size: int, *seed: int) -> np.ndarray:
    rng = np.random.default_rng([1, size, *seed])
    return rng.normal(scale=size**-0.5, size=size).astype(np.float32)


def shown(video: str, start_s: float, end_s: float) -> float:
    """The share of a stretch that is in the video's moment."""
    first_s, last_s = MOMENTS_S[video]
    shared_s = min(end_s, last_s) - max(start_s, first_s)
    return max(0.0, shared_s) / (end_s - start_s)


@dataclass(frozen=True)
class Tree:
    """Features as somebody publishes them."""

    name: str
    """As an experiment asks for them."""
    place: Path
    read: Callable[[str], dict[str, np.ndarray]]
    """The slow reader."""
    file: Callable[[str], Path]
    size: int


def slta_release(root: Path) -> Tree:
    clips, objects = root / "clips", root / "objects"
    clips.mkdir(parents=True)
    objects.mkdir()
    for number, video in enumerate(VIDEOS):
        windows = released(FRAMES).tolist()
        windows += [[s - 128, s] for s, _ in windows if s > 128]
        for s, e in [*windows, [1, 129]]:
            vector = noise(4096, number, s, e)
            vector += (
                STRENGTH * shown(video, (s - 1) / 3, (e - 1) / 3) * direction(4096)
            )
            np.save(clips / f"{video}_{s}_{e}.npy", vector.astype(np.float32))
        rng = np.random.default_rng(number)
        regions = rng.normal(scale=2048**-0.5, size=(FRAMES, 36, 2048))
        for frame in range(FRAMES):
            share = shown(video, frame / 3, (frame + 1) / 3)
            regions[frame, 7 + number] += STRENGTH * share * direction(2048)
        with (objects / f"{video.removesuffix('.avi')}.pkl").open("wb") as file:
            pickle.dump(regions.astype(np.float32), file, protocol=2 + number)
    return Tree(
        f"slta-release:{root}",
        root,
        lambda video: reference.slta_release(clips, objects, video),
        lambda video: clips / f"{video}_1_17.npy",
        4096,
    )


def tan2d(root: Path) -> Tree:
    root.mkdir()
    with h5py.File(root / "c3d.hdf5", "w") as file:
        for number, video in enumerate(VIDEOS):
            count = 150 + number
            step_s = DURATION_S / count
            rows = [
                noise(4096, number, i)
                + STRENGTH
                * shown(video, i * step_s, (i + 1) * step_s)
                * direction(4096)
                for i in range(count)
            ]
            inside = file.create_group(video) if number == 1 else file
            name = "c3d_features" if number == 1 else video
            inside.create_dataset(name, data=np.array(rows, np.float32))
    file_name = root / "c3d.hdf5"
    return Tree(
        f"2dtan:{file_name}",
        file_name,
        lambda video: reference.tan2d(file_name, video, DURATION_S),
        lambda video: Path(f"{file_name}:{video}"),
        4096,
    )


def moment_detr(root: Path) -> Tree:
    sizes = {"clip_features": 512, "slowfast_features": 2304}
    folders = [root / name for name in sizes]
    for folder, size in zip(folders, sizes.values(), strict=True):
        folder.mkdir(parents=True)
        for number, video in enumerate(VIDEOS):
            count = 12 + (size == 512)
            rows = [
                7 * noise(size, number, i)
                + 7 * STRENGTH * shown(video, 2 * i, 2 * i + 2) * direction(size)
                for i in range(count)
            ]
            np.savez(folder / f"{video}.npz", features=np.array(rows, np.float32))
    return Tree(
        f"moment-detr:{folders[0]},{folders[1]}",
        folders[0],
        lambda video: reference.moment_detr(folders, video),
        lambda video: folders[1] / f"{video}.npz",
        512,
    )


TREES = {"slta-release": slta_release, "2dtan": tan2d, "moment-detr": moment_detr}


@pytest.fixture(scope="module", params=TREES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Tree]:
    """Not to be changed."""
    yield TREES[request.param](tmp_path_factory.mktemp("tree") / "features")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Annotations of the trees' videos, without features of their own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "own"
    folder.mkdir()
    rows = [
        {
            "video_id": video,
            "query": "a man sits",
            "spans": [MOMENTS_S[video]],
            "duration_s": DURATION_S,
        }
        for video in VIDEOS
    ]
    for split, row in zip(("train", "val", "test"), rows, strict=True):
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    return folder


def imported(tree: Tree, video: str, store: Path, rate_hz: float) -> VideoFeatures:
    known = dict.fromkeys(VIDEOS, DURATION_S).copy
    given = provider(tree.name, Store(store), rate_hz, durations=known)
    info, features = given.read(f"{video}.mp4")
    assert info.duration_s == DURATION_S
    return features


@pytest.mark.parametrize("rate_hz", [1.0, 3.0])
def test_what_is_imported_is_what_a_slow_reader_reads(
    tree: Tree, tmp_path: Path, rate_hz: float
) -> None:
    for video in VIDEOS:
        features = imported(tree, video, tmp_path / "store", rate_hz)
        expected = reference.resampled(tree.read(video), rate_hz, DURATION_S)
        count = len(features.times_s)
        assert count == np.ceil(DURATION_S * rate_hz)
        assert np.allclose(features.times_s, expected["times_s"][:count])
        for name in ("frames", "regions", "boxes"):
            found = getattr(features, name)
            assert found.dtype == np.float16
            assert np.array_equal(found, expected[name][:count].astype(np.float16))


def test_a_query_finds_its_moment_by_the_frames(tree: Tree, tmp_path: Path) -> None:
    for video in VIDEOS:
        features = imported(tree, video, tmp_path / "store", 3.0)
        named = direction(tree.size)
        fit = np.asarray(features.frames, np.float64)[:, : tree.size] @ named
        inside_s = features.times_s[fit > (fit.min() + fit.max()) / 2]
        first_s, last_s = MOMENTS_S[video]
        # A window of the release may be 5 s long, and its middle decides.
        assert inside_s.min() == pytest.approx(first_s, abs=2.7)
        assert inside_s.max() == pytest.approx(last_s, abs=2.7)


def test_a_query_finds_its_moment_and_its_region(tmp_path: Path) -> None:
    made = slta_release(tmp_path / "features")
    for number, video in enumerate(VIDEOS):
        features = imported(made, video, tmp_path / "store", 3.0)
        fit = np.asarray(features.regions, np.float64) @ direction(2048)
        frames, regions = np.nonzero(fit > STRENGTH / 2)
        assert set(regions.tolist()) == {7 + number}
        first_s, last_s = MOMENTS_S[video]
        assert frames.tolist() == list(range(round(3 * first_s), round(3 * last_s)))


def test_a_frame_has_its_nearest_shortest_window() -> None:
    windows = np.array([(s - 1, e - 1) for s, e in released(FRAMES)] + [(0, 128)])
    found = nearest(windows, 130)
    for frame in range(130):
        assert found[frame] == reference.window_of(windows.tolist(), frame), frame


@pytest.mark.slice
@pytest.mark.parametrize("kind", TREES)
def test_each_is_checked_stored_trained_with_measured_and_searched(
    kind: str, own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = TREES[kind](tmp_path / "features")
    checked = call(
        capsys, "data", "check", "own", "--root", own, "--features", tree.name
    )
    assert checked.code == 0 and f"features ({kind}): 3 of 3" in checked.out
    few = f"{tree.name},regions=5"
    made = call(
        capsys, "extract", own, "--extractor", few, "--rate", 1, "--store", "store"
    )
    assert made.code == 0 and "3 videos imported, 0 already stored" in made.out
    sizes = re.search(r"([\d.]+) MB of features take ([\d.]+) MB", made.out)
    assert sizes and float(sizes[2]) <= float(sizes[1]) / (30 if kind[0] == "s" else 1)
    model = FLAGS[FLAGS.index("--model.attention-size") :]
    flags = [*model, "--candidates.lengths-s", 5, 8, "--features.rate-hz", 1]
    flags += ["--training.steps", 2, "--training.evaluate-every", 2, "--store", "store"]
    given = "--dataset.root", own, "--features.extractor", few, "--out", "run"
    trained = call(capsys, "train", "own", *given, *flags)
    assert trained.code == 0 and "test:" in trained.out, trained.err
    again = call(capsys, "evaluate", "run", "--store", "store", "--overwrite")
    assert again.code == 0
    asked = "a man sits", "--checkpoint", "run", "--store", "store"
    found = call(capsys, "search", "films/s13-d21.avi.mp4", *asked)
    answered(found)
    assert re.search(r"0:\d\d", found.out)
    missing = call(capsys, "search", "films/other.mp4", *asked)
    refused(
        missing,
        f"'other' has no pre-extracted features; put them into {tree.place.parent}",
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def nan(path: Path) -> None:
    array = np.load(path, allow_pickle=False)
    array[5] = np.nan
    np.save(path, array)


def smaller(path: Path) -> None:
    np.save(path, np.load(path, allow_pickle=False)[:-1])


class Runs:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("ran"),)


def evil(path: Path) -> None:
    path.write_bytes(pickle.dumps(Runs()))


def flat(path: Path) -> None:
    path.write_bytes(python_2(bytes(24)))


def nan_regions(path: Path) -> None:
    regions = np.zeros((FRAMES, 36, 2048), np.float32)
    regions[9, 3, 5] = np.inf
    path.write_bytes(pickle.dumps(regions, 2))


RELEASE: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "cut window": (
        "clips/3MSZA_13_29.npy",
        cut,
        r"is damaged \(it ends too early\); copy",
    ),
    "NaN": (
        "clips/3MSZA_13_29.npy",
        nan,
        "has NaN or infinity; make the features again",
    ),
    "size": (
        "clips/3MSZA_13_29.npy",
        smaller,
        "has 4095 numbers, others 4096; make all",
    ),
    "global": (
        "objects/s13-d21.pkl",
        evil,
        r"is refused \(.*Path.* could run code\); get the file from its authors",
    ),
    "cut regions": ("objects/3MSZA.pkl", cut, r"is damaged \(.*\); get the file again"),
    "NaN regions": (
        "objects/3MSZA.pkl",
        nan_regions,
        "has NaN or infinity in regions, first in row 9; make the features again",
    ),
    "flat regions": (
        "objects/3MSZA.pkl",
        flat,
        r"has float32 \(2, 3\), not numbers of",
    ),
    "no regions": (
        "objects/3MSZA.pkl",
        Path.unlink,
        "3MSZA.* has no regions 3MSZA.pkl",
    ),
}


@pytest.mark.parametrize("kind", RELEASE)
def test_what_is_wrong_with_the_release_is_told(
    kind: str, own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = slta_release(tmp_path / "features")
    name, damage, says = RELEASE[kind]
    damage(tree.place / name)
    (wrong,) = faults(capsys, own, tree)
    assert re.search(says, wrong), wrong
    assert wrong.startswith(f"wrong: {tree.place / name} ") or "no regions" in wrong
    given = "extract", own, "--extractor", tree.name, "--store", "store"
    done = call(capsys, *given, "--rate", 1)
    assert done.code == 2 and "2 videos imported" in done.out
    assert re.search(says, done.err)
    assert not Path("ran").exists()


def faults(capsys: pytest.CaptureFixture[str], own: Path, tree: Tree) -> list[str]:
    given = "data", "check", "own", "--root", own, "--features", tree.name
    found = call(capsys, *given)
    assert found.code == 1, found.err
    return [line for line in found.out.splitlines() if line.startswith("wrong: ")]


def test_all_problems_of_an_hdf5_file_are_told_at_once(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = tan2d(tmp_path / "features")
    with h5py.File(tree.place, "a") as file:
        file["3MSZA"][3, 4] = np.nan
        del file["a_b_12"]
        file["s13-d21.avi"].create_dataset("more", data=np.zeros(2))
    damaged, many, missing = faults(capsys, own, tree)
    assert f"{tree.place}:s13-d21.avi is a group of 2 data sets (c3d_features" in many
    assert (
        f"{tree.place}:3MSZA has NaN or infinity in frames, first in row 3" in damaged
    )
    assert (
        "test.jsonl:1 names the video 'a_b_12', which has no features; put them into "
        f"{tree.place} as the data set 'a_b_12', or correct its id" in missing
    )
    given = "extract", own, "--extractor", tree.name, "--store", "store"
    done = call(capsys, *given)
    assert done.code == 2
    assert (
        f"'a_b_12' has no pre-extracted features; put them into {tree.place} as the data"
        in (done.err)
    )


def test_an_hdf5_file_that_is_cut_is_told(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = tan2d(tmp_path / "features")
    tree.place.write_bytes(tree.place.read_bytes()[:5000])
    with (own / "train.jsonl").open("a") as file:
        file.write("{\n")
    line, damage = faults(capsys, own, tree)
    assert "train.jsonl:2 " in line
    assert re.search(r"c3d\.hdf5 cannot be read as HDF5 \(.*\); copy it", damage)
    given = "extract", own, "--extractor", tree.name, "--store", "store"
    refused(call(capsys, *given), r"c3d\.hdf5 cannot be read as HDF5 \(.*\); copy it")


def test_an_empty_group_is_told(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = tan2d(tmp_path / "features")
    with h5py.File(tree.place, "a") as file:
        del file["s13-d21.avi"]["c3d_features"]
    (wrong,) = faults(capsys, own, tree)
    assert f"{tree.place}:s13-d21.avi is an empty group; put the video's data" in wrong


def test_all_problems_of_a_video_of_the_release_are_told_at_once(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = slta_release(tmp_path / "features")
    clips, objects = tree.place / "clips", tree.place / "objects"
    cut(clips / "3MSZA_1_17.npy")
    nan(clips / "3MSZA_13_29.npy")
    smaller(clips / "3MSZA_17_33.npy")
    evil(objects / "3MSZA.pkl")
    cut(clips / "a_b_12_1_17.npy")
    nan_regions(objects / "a_b_12.pkl")
    wrong = faults(capsys, own, tree)
    told = {re.match(r"wrong: (\S+) ", each)[1] for each in wrong}  # type: ignore[index]
    names = "3MSZA_1_17.npy 3MSZA_13_29.npy 3MSZA_17_33.npy a_b_12_1_17.npy".split()
    assert told == {
        *(str(clips / name) for name in names),
        *(str(objects / name) for name in ("3MSZA.pkl", "a_b_12.pkl")),
    }
    assert len(wrong) == len(told)
    assert any("regions, first in row 9" in each for each in wrong)


def test_windows_and_regions_that_are_there_twice_are_told(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = slta_release(tmp_path / "features")
    again = tree.place / "z"
    again.mkdir()
    for name in ("clips/3MSZA_1_17.npy", "objects/s13-d21.pkl"):
        (again / Path(name).name).write_bytes((tree.place / name).read_bytes())
    window, regions = faults(capsys, own, tree)
    assert f"{again / '3MSZA_1_17.npy'} repeats {tree.place}/clips/3MSZ" in window
    assert f"{again / 's13-d21.pkl'} repeats {tree.place}/objects/s13-" in regions
    assert window.endswith("1_17.npy; keep one of the two")


def test_regions_of_a_shorter_video_are_told(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = slta_release(tmp_path / "features")
    file = tree.place / "objects/3MSZA.pkl"
    file.write_bytes(pickle.dumps(np.zeros((9, 36, 2048), np.float32), 2))
    (wrong,) = faults(capsys, own, tree)
    assert re.search(
        r"3MSZA.pkl has regions of 9 frames, where .* reach to \d\d", wrong
    )


def test_samples_without_times_need_the_length_of_the_video(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = tan2d(tmp_path / "features")
    for file in own.iterdir():
        file.write_text(file.read_text().replace(f', "duration_s": {DURATION_S}', ""))
    wrong = faults(capsys, own, tree)
    assert len(wrong) == 3
    assert "nothing says how long the video is; give its duration_s in the" in wrong[0]


def no_key(path: Path) -> None:
    np.savez(path, feature=np.zeros((12, 2304), np.float32))


def objects(path: Path) -> None:
    np.savez(path, features=np.array([Runs()], dtype=object))


def nan_row(path: Path) -> None:
    array = np.zeros((12, 2304), np.float32)
    array[4, 5] = np.nan
    np.savez(path, features=array)


DETR: dict[str, tuple[Callable[[Path], Any], str]] = {
    "key": (no_key, "has no array features, only feature; make it again with it"),
    "objects": (
        objects,
        "holds an array of Python objects, which could run code and was not",
    ),
    "NaN": (nan_row, "has NaN or infinity in features, first in row 4; make"),
    "cut": (cut, r"is damaged \(.*\); copy it again"),
    "gone": (Path.unlink, "is missing; put it into"),
}


@pytest.mark.parametrize("kind", DETR)
def test_what_is_wrong_with_clips_is_told(
    kind: str, own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = moment_detr(tmp_path / "features")
    damage, says = DETR[kind]
    damage(tree.file("3MSZA"))
    (wrong,) = faults(capsys, own, tree)
    assert re.match(f"wrong: {re.escape(str(tree.file('3MSZA')))} {says}", wrong), wrong
    assert not Path("ran").exists()


def test_extractors_that_saw_different_videos_are_told(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = moment_detr(tmp_path / "features")
    np.savez(tree.file("3MSZA"), features=np.ones((3, 2304), np.float32))
    (wrong,) = faults(capsys, own, tree)
    other = tree.place / "3MSZA.npz"
    says = f"{tree.file('3MSZA')} has 3 clips, where {other} has 13; make both from"
    assert says in wrong


def test_what_is_wrong_with_both_extractors_is_told(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = moment_detr(tmp_path / "features")
    no_key(tree.place / "3MSZA.npz")
    tree.file("3MSZA").unlink()
    first, second = faults(capsys, own, tree)
    assert f"{tree.place / '3MSZA.npz'} has no array" in first
    assert f"{tree.file('3MSZA')} is missing" in second


@pytest.mark.parametrize(("size", "usual"), [("clip", 512), ("slowfast", 2304)])
def test_two_sizes_of_videos_are_told(
    size: str, usual: int, own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree = moment_detr(tmp_path / "features")
    wrong_one = tmp_path / "features" / f"{size}_features" / "3MSZA.npz"
    np.savez(wrong_one, features=np.ones((12, 99), np.float32))
    (wrong,) = faults(capsys, own, tree)
    assert f"{wrong_one} has frames of size 99, others have {usual}; make all" in wrong


def test_features_of_no_video_are_told_without_a_shape(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    given = "--features", f"moment-detr:{tmp_path / 'empty'}"
    found = call(capsys, "data", "check", "own", "--root", own, *given)
    lines = found.out.splitlines()
    assert "features (moment-detr): 0 of 3" in lines
    assert len([line for line in lines if "'3MSZA'" in line or "3MSZA" in line]) == 1
