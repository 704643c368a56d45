"""Pre-extracted features: imported, trained with, measured, searched; what is wrong is told."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.batches.candidate_batch import candidates_of, collate, shot_of
from slta.datasets.own import OwnConfig, load
from slta.datasets.split import prepare, spread
from slta.errors import InputError
from slta.experiments import titled
from slta.experiments.config import FeaturesConfig
from slta.experiments.opening import resolve_extractor
from slta.features import provider
from slta.features.layouts.own import Own
from slta.features.preextracted import PreextractedLibrary
from slta.features.store import Store
from slta.models.base import Sizes
from slta.models.slta import SLTA
from slta.runs.run import Run
from tests.reference import preextracted as reference
from tests.support.commands import Called, answered, call, refused
from tests.support.extractors import coloured
from tests.support.indexed_films import records
from tests.support.own_data import (
    SAMPLES,
    SPLITS,
    STEP_S,
    Arrays,
    annotated,
    moments_of,
    planted,
    save_arrays,
)
from tests.support.word_vectors import write_vectors
from tests.support.worlds import FEW_UNITS, FLAGS, WORD, sentence

RNG = np.random.default_rng(0)
SIZES = FLAGS[FLAGS.index("--candidates.lengths-s") :]
MORE = (
    "--training.steps 60 --training.evaluate-every 60 --training.still-steps 0".split()
)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pre-extracted features, without a film."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "own"
    annotated(root, SPLITS)
    for name in [name for names in SPLITS.values() for name in names]:
        number = int(name[2:4])
        made = planted(number, moments_of(number))
        save_arrays(root / "features" / f"{name}.npz", made)
    return root


def trained(capsys: pytest.CaptureFixture[str], own: Path, *more: object) -> Called:
    flags = "--store", "store", "--out", "runs/own", "--features.no-centred"
    return call(
        capsys, "train", "own", "--dataset.root", own, *SIZES, *MORE, *flags, *more
    )


def library(place: Path, store: Path, *, rate_hz: float = 2.0) -> PreextractedLibrary:
    return PreextractedLibrary(Own(place), Store(store), rate_hz)


@pytest.mark.slice
def test_a_folder_of_ready_features_is_trained_measured_and_searched(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trained(capsys, own)
    assert first.code == 0 and "test:" in first.out, first.err
    run = Run.open(Path("runs/own"))
    assert run.experiment.features.extractor == "preextracted"
    assert run.read("provenance")["extractor"] == "preextracted-own"
    measured = call(
        capsys, "evaluate", "runs/own", "--store", "store", "--protocol", "plain"
    )
    assert measured.code == 0
    share = re.search(r"slta: R@1, IoU=0\.5 ([\d.]+)", measured.out)
    assert share and float(share[1]) > 80, measured.out
    at = moments_of(20)["a cat"]
    for name in ("v_20.avi", "films/v_20.avi.mp4"):
        given = "--checkpoint", "runs/own", "--store", "store", "--json"
        found = call(capsys, "search", name, "a cat", *given)
        answered(found)
        assert found.err == (
            f"answered from the pre-extracted features {own / 'features' / 'v_20.avi.npz'}\n"
        )
        best = json.loads(found.out)["moments"][0]
        assert best["start_s"] == pytest.approx(at, abs=1.5)
    missing = call(capsys, "search", "other.mp4", "a cat", *given)
    line = refused(
        missing, "the video 'other' has no pre-extracted features; put them into "
    )
    assert line.endswith(str(own / "features" / "other.npz"))

    # The folder of the data set may be moved.
    moved = own.rename(own.with_name("moved"))
    again = (
        "evaluate",
        "runs/own",
        "--store",
        "store",
        "--protocol",
        "plain",
        "--overwrite",
    )
    refused(call(capsys, *again), f"{own}.*--root DIR")
    assert call(capsys, *again, "--root", moved).out == measured.out
    asked = "search", name, "a cat", *given
    found_there = call(capsys, *asked, "--root", moved)
    assert found_there.out == found.out and str(moved) in found_there.err
    wrong = call(capsys, *asked, "--root", own)
    refused(wrong, f"{own} is not a folder; give the data set's folder with --root DIR")
    untrained = call(capsys, "search", "v_20.avi", "a cat", "--root", moved)
    refused(untrained, "give a run with --checkpoint RUN, or leave --root out")
    resumed = "train", "--resume", "runs/own", "--store", "store"
    assert call(capsys, *resumed, "--root", moved).code == 0


@pytest.mark.slice
def test_features_that_were_moved_apart_from_the_data_set_are_named(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = own.with_name("clips")
    for name in [name for names in SPLITS.values() for name in names]:
        number = int(name[2:4])
        frames = planted(number, moments_of(number))["frames"]
        save_arrays(here / f"{name}.npz", {"features": frames[::4]})
    few = "--training.steps", "1", "--training.evaluate-every", "1"
    flags = "--features.extractor", f"moment-detr:{here}", *few
    assert trained(capsys, own, *flags).code == 0
    evaluate = "evaluate", "runs/own", "--store", "store", "--overwrite"
    measured = call(capsys, *evaluate)
    assert measured.code == 0, measured.err

    there = here.rename(own.with_name("there"))
    refused(call(capsys, *evaluate), f"{here}")
    moved = call(capsys, *evaluate, "--extractor", f"moment-detr:{there}")
    assert moved.code == 0, moved.err
    assert moved.out == measured.out
    other = call(capsys, *evaluate, "--extractor", "preextracted")
    refused(other, "features of preextracted-moment-detr@1.*, not preextracted-own@1")


@pytest.mark.slice
def test_a_split_whose_truth_is_not_published_is_no_test(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = (own / "test.jsonl").read_text().splitlines()
    rows = [{**json.loads(line), "spans": None} for line in hidden]
    (own / "hidden.jsonl").write_text("\n".join(map(json.dumps, rows)))
    steps = "--training.steps", 2, "--training.evaluate-every", 2
    found = trained(capsys, own, *steps)
    assert found.code == 0, found.err
    assert "test: 6 queries" in found.out and "hidden" not in found.out


def test_what_is_imported_is_what_a_slow_reader_reads(own: Path) -> None:
    for rate_hz in (0.7, 2.0, 5.0):
        given = library(own, own.parent / "store", rate_hz=rate_hz)
        info, features = given.opened(given.record("v_03.avi"), "v_03.avi")
        arrays = dict(np.load(own / "features" / "v_03.avi.npz", allow_pickle=False))
        expected = reference.resampled(arrays, rate_hz, SAMPLES * STEP_S)
        assert info.duration_s == SAMPLES * STEP_S
        for name, array in features.arrays().items():
            if name == "times_s":
                assert np.allclose(array, expected[name])
            else:
                assert array.dtype == (bool if name == "region_mask" else np.float16)
                assert np.array_equal(array, expected[name].astype(array.dtype)), name


def test_regions_that_are_not_there_get_no_weight(own: Path) -> None:
    given = library(own, own.parent / "store")
    path = Path("v_00.avi")
    _, features = given.opened(given.record(path), path)
    assert features.region_mask is not None and not features.region_mask[:, -1].any()
    spans = np.array([[2.0, 6.0], [10.0, 12.0]])
    found = candidates_of(features, spans, rate_hz=2.0, context_s=5.0)
    batch = collate([shot_of(features, found)], [sentence(RNG, "a dog")])
    assert not batch.region_mask[..., -1].any()
    assert batch.region_mask[..., :-1].all()
    model = SLTA(FEW_UNITS, Sizes(region=6, frame=6, word=WORD)).eval()
    weights = model(batch).region_weights
    assert (weights[:, -1] == 0).all()
    assert np.allclose(weights.sum(dim=1).detach(), 1)


def test_a_frame_without_any_region_has_one_of_zeros(tmp_path: Path) -> None:
    made = planted(0, {})
    made["region_mask"][5] = False
    save_arrays(tmp_path / "a.npz", made)
    given = library(tmp_path, tmp_path / "store")
    _, features = given.opened(given.record("a"), "a")
    assert features.region_mask is not None
    assert features.region_mask[5].tolist() == [True, False, False, False]
    assert not features.regions[5].any()
    assert features.boxes[5, 0].tolist() == [0, 0, 1, 1]


def test_without_regions_the_whole_frame_is_the_only_one(tmp_path: Path) -> None:
    made = {name: planted(0, {})[name] for name in ("times_s", "frames")}
    save_arrays(tmp_path / "a.npz", made)
    given = library(tmp_path, tmp_path / "store")
    _, features = given.opened(given.record("a"), "a")
    assert np.array_equal(features.regions[:, 0], features.frames)
    assert features.boxes.tolist() == [[[0, 0, 1, 1]]] * SAMPLES
    assert features.region_mask is None


def test_fewer_regions_are_the_first_of_a_frame(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.npz", planted(0, {}))
    store = Store(tmp_path / "store")
    every = provider(f"preextracted:{tmp_path}", store, 2.0)
    few = provider(f"preextracted:{tmp_path},regions=2", store, 2.0)
    assert (every.id, every.version) != (few.id, few.version)
    (_, all_of_them), (_, first) = (
        each.opened(each.record("a"), "a") for each in (every, few)
    )
    assert first.regions.shape[1] == 2
    assert np.array_equal(first.regions, all_of_them.regions[:, :2])


def test_the_data_set_says_how_long_a_video_is(own: Path) -> None:
    given = library(own, own.parent / "store")
    for duration_s, count in ((12.25, 25), (21.0, SAMPLES)):
        knowing = replace(given, durations={"v_00.avi": duration_s}.copy)
        info, features = knowing.read("v_00.avi")
        assert (info.duration_s, len(features.times_s)) == (duration_s, count)
        assert knowing.record("v_00.avi").folder == given.record("v_00.avi").folder


def test_what_was_imported_is_not_read_again_until_it_changes(own: Path) -> None:
    given = library(own, own.parent / "store")
    assert not given.has("v_00.avi")
    first = given.record("v_00.avi").folder
    assert given.has("v_00.avi") and given.record("v_00.avi").folder == first
    save_arrays(own / "features" / "v_00.avi.npz", planted(5, {}))
    again = library(own, own.parent / "store")
    assert not again.has("v_00.avi")
    assert again.record("v_00.avi").folder != first


def test_what_is_stopped_in_the_middle_leaves_nothing(
    own: Path,
) -> None:
    def stopped(done: float, of: float) -> None:
        raise KeyboardInterrupt

    given = library(own, own.parent / "store")
    with pytest.raises(KeyboardInterrupt):
        given.record("v_00.avi", progress=stopped)
    assert not given.has("v_00.avi")
    assert {name for name in records(own.parent / "store") if "/" in name} == set()
    assert len(given.record("v_00.avi").arrays["frames"]) == SAMPLES


def nan(made: Arrays) -> Arrays:
    made["regions"][3, 1, 2] = np.nan
    return made


def huge(made: Arrays) -> Arrays:
    made["regions"][3, 1, 2] = 1e6
    return made


def objects(made: Arrays) -> Arrays:
    return made | {"frames": np.array([{}] * SAMPLES, dtype=object)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (nan, r"NaN or infinity in regions, first in row 3; make the features again"),
        (huge, r"numbers above 65504 in regions, first in row 3; scale"),
        (
            objects,
            r"array of Python objects, which could run code .*; make it again with",
        ),
        (lambda made: made | {"frames": made["frames"][:5]}, r"of different lengths"),
    ],
)
def test_wrong_features_are_refused_before_training(
    own: Path, capsys: pytest.CaptureFixture[str], change: Any, says: str
) -> None:
    save_arrays(own / "features" / "v_03.avi.npz", change(planted(3, {})))
    line = refused(trained(capsys, own), says)
    assert line.startswith(f"slta: {own / 'features' / 'v_03.avi.npz'} has ") or (
        f"{own / 'features' / 'v_03.avi.npz'} holds " in line
    )
    assert not Path("runs/own").exists()


def test_a_video_without_features_is_told_by_name(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = own / "features" / "v_10.avi.npz"
    gone.unlink()
    refused(trained(capsys, own), f"'v_10.avi', which has no features; put .* {gone}")


def test_two_sizes_are_told_by_name(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = planted(3, {}, size=7)
    save_arrays(own / "features" / "v_03.avi.npz", made)
    says = r"v_03\.avi\.npz has frames of size 7, others have 6; make"
    refused(trained(capsys, own), says)


def test_films_beside_the_annotations_are_looked_at(own: Path) -> None:
    experiment = replace(titled("own"), dataset=OwnConfig(root=str(own)))
    assert resolve_extractor(experiment).features.extractor == "preextracted"
    (own / "videos").mkdir()
    assert resolve_extractor(experiment).features.extractor == "cells"
    named = replace(experiment, features=FeaturesConfig(extractor="preextracted:x"))
    assert resolve_extractor(named) == named


def imported(capsys: pytest.CaptureFixture[str], own: Path) -> Called:
    options = ("--extractor", "preextracted", "--rate", 2, "--store", "store")
    return call(capsys, "extract", own, *options)


def test_the_store_can_be_filled_beforehand(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = imported(capsys, own)
    assert done.code == 0, done.err
    queries, videos = done.out.splitlines()
    assert queries == "33 queries with 66 words"
    given_bytes = sum(path.stat().st_size for path in (own / "features").iterdir())
    kept = sum(path.stat().st_size for path in Path("store/videos").rglob("*.*"))
    assert videos.startswith(
        f"11 videos imported, 0 already stored; {given_bytes / 1e6:.1f} MB of features take "
        f"{kept / 1e6:.1f} MB in the store; 220.0 s of video in "
    )
    again = imported(capsys, own)
    assert "0 videos imported, 11 already stored" in again.out


def test_a_size_that_the_others_have_not_is_told_beforehand(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_arrays(own / "features" / "v_00.avi.npz", planted(0, {}, size=7))
    for told in (
        "10 videos imported, 0 already stored",
        "0 videos imported, 10 already stored",
    ):
        done = imported(capsys, own)
        assert done.code == 2 and told in done.out
        first, last = done.err.splitlines()
        assert first.startswith("v_00.avi: frames of size 7, others have 6; make all")
        assert last == "slta: 1 of 11 videos cannot be used; see the lines above"


def test_wrong_features_are_told_and_the_others_stored(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_arrays(own / "features" / "v_03.avi.npz", nan(planted(3, {})))
    (own / "features" / "v_10.avi.npz").unlink()
    done = imported(capsys, own)
    assert done.code == 2 and "9 videos imported" in done.out
    first, second, last = done.err.splitlines()
    assert first.startswith("v_03.avi: ") and "NaN or infinity in regions" in first
    assert "v_10.avi: the video 'v_10.avi' has no pre-extracted features" in second
    assert last == "slta: 2 of 11 videos cannot be used; see the lines above"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "preextracted:nowhere",
            "there is no folder 'nowhere'; give the folder of the features",
        ),
        (
            "preextracted,regions=0",
            "asks for 0 regions; give a whole number, 1 or more",
        ),
        ("preextracted,regions=", "asks for no regions"),
        ("preextractd", "unknown extractor 'preextractd'; did you mean preextracted"),
    ],
)
def test_names_that_cannot_be_used(
    own: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    refused(trained(capsys, own, "--features.extractor", name), says)


def test_ready_features_need_a_trained_model(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = call(capsys, "search", "v_00.avi", "a dog", "--extractor", "preextracted")
    refused(
        found, "names pre-extracted features, .* need a trained model: --checkpoint RUN"
    )


def test_a_check_looks_where_it_is_told(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (own / "features").rename(elsewhere)
    save_arrays(elsewhere / "v_00.avi.npz", nan(planted(0, {})))
    save_arrays(elsewhere / "v_01.avi.npz", planted(1, {}, size=7))
    given = "data", "check", "own", "--root", own
    assert "neither features nor videos" in call(capsys, *given).out
    found = call(capsys, *given, "--features", f"preextracted:{elsewhere}")
    assert found.code == 1
    wrong = [line for line in found.out.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 3
    assert "v_00.avi.npz has NaN" in wrong[0]
    assert "v_01.avi.npz has frames of size 7, others have 6" in wrong[1]
    assert "v_01.avi.npz has regions of size 7" in wrong[2]
    refused(
        call(capsys, *given, "--features", "preextractd:x"),
        "unknown layout 'preextractd'; did you mean 'preextracted'",
    )


def test_regions_that_are_not_there_do_not_count_for_the_scale(own: Path) -> None:
    given = library(own, own.parent / "store")
    (own / "features" / "v_01.avi.npz").unlink()
    made = planted(1, {})
    everything = planted(0, {})
    few = {"train": ["v_00.avi", "v_01.avi"]}
    for file in own.glob("*.jsonl"):
        file.unlink()
    annotated(own, few)
    save_arrays(own / "features" / "v_00.avi.npz", everything)
    save_arrays(own / "features" / "v_01.avi.npz", made)
    split = prepare(load(own), "train", replace(given, layout=Own(own)))
    found = spread(split)
    there = np.concatenate(
        [m["regions"].astype(np.float16)[m["region_mask"]] for m in (everything, made)]
    ).astype(np.float64)
    assert np.allclose(found["regions"][0], there.mean(axis=0))
    assert np.allclose(found["regions"][1], there.std(axis=0))
    area = found["boxes"][0]
    assert np.allclose(area, [0.25, 0, 0.5, 1, 0.25], atol=1e-3)


@pytest.mark.parametrize(("most", "taken"), [(1, [0]), (2, [0, 4]), (None, [])])
def test_a_part_of_a_split_has_all_queries_of_its_videos(
    own: Path, most: int | None, taken: list[int]
) -> None:
    dataset, given = load(own), library(own, own.parent / "store")
    whole = prepare(dataset, "train", given)
    names = list(whole.by_video)
    wanted = [names[i] for i in taken] if most else names
    part = prepare(dataset, "train", given, most=most)
    assert [*part.videos] == [*part.infos] == wanted
    assert list(part.queries) == [q for q in whole.queries if q.video_id in wanted]
    assert [each.words for each in part.query_features] == [
        asked.words
        for query, asked in zip(whole.queries, whole.query_features, strict=True)
        if query.video_id in wanted
    ]


def test_words_may_come_from_elsewhere(own: Path, tmp_path: Path) -> None:
    words = write_vectors(tmp_path / "g.txt", "dog", "cat")
    store = Store(tmp_path / "store")
    plain = provider("preextracted", store, 2.0, root=own)
    given = provider("preextracted", store, 2.0, words_name=f"glove:{words}", root=own)
    (usual,), (asked,) = (each.sentences(["a dog"]) for each in (plain, given))
    assert usual.words == asked.words == ("a", "dog")
    assert usual.word_vectors.shape != asked.word_vectors.shape
    assert usual.noun_mask.tolist() == asked.noun_mask.tolist() == [False, True]
    assert asked.unknown == ("a",)


def test_videos_whose_names_differ_in_the_suffix_only_are_different(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("a", "a.mov", "a.mp4")):
        save_arrays(tmp_path / "features" / f"{name}.npz", planted(number, {}))
    given = "extract", tmp_path, "--extractor", "preextracted", "--rate", 2
    done = call(capsys, *given, "--store", tmp_path / "store")
    assert done.code == 0 and "3 videos imported, 0 already stored" in done.out, (
        done.err
    )
    found = library(tmp_path, tmp_path / "store")
    for number, name in enumerate(("a", "a.mov", "a.mp4")):
        _, features = found.read(name)
        expected = planted(number, {})["frames"]
        assert np.array_equal(features.frames, expected)


def test_where_features_should_be_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotated(tmp_path, {"train": ["v_00"], "val": ["v_01"]})
    given = (
        "train",
        "own",
        "--dataset.root",
        tmp_path,
        "--features.extractor",
        "preextracted",
    )
    place = tmp_path / "features" / "v_00.npz"
    refused(
        call(capsys, *given, "--out", tmp_path / "run"),
        f"'v_00', which has no features; put them into {place}, or correct its id",
    )


def test_a_film_of_another_length_is_not_answered_from_anothers_features(
    own: Path, tmp_path: Path
) -> None:
    given = library(own, own.parent / "store")
    length_s = SAMPLES * STEP_S
    film = coloured(tmp_path / "v_00.avi.mp4", order="red green")
    says = (
        r"v_00\.avi\.mp4 lasts 4\.0 s, the pre-extracted features of 'v_00\.avi' 20\.0 s, so .* "
        "of another video; name the right file, or only the video's id, v_00.avi"
    )
    with pytest.raises(InputError, match=says):
        given.read(film)
    for order, rate_hz in (("red " * 10, 10), ("red " * 11, 10.4)):
        coloured(film, order=order, rate_hz=rate_hz)
        info, _ = given.read(film)
        assert (info.duration_s, info.width, info.height) == (length_s, 64, 48)
    coloured(film, order="red " * 11, rate_hz=10)
    with pytest.raises(InputError, match=r"lasts 22\.0 s"):
        given.read(film)
