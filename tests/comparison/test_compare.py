"""Several models and seeds, from training to the table and its pictures."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text

from slta.cli.compare import lines
from slta.comparison import compare, jobs
from slta.comparison.plan import Job, Plan
from slta.comparison.summary import COLUMNS
from slta.errors import InputError
from slta.evaluation.measuring import measure
from slta.evaluation.metrics import IOUS, named
from slta.evaluation.predictions import read, write
from slta.experiments import ALIASES, DATA
from slta.experiments.opening import open_splits
from slta.plots import comparison
from slta.runs.inference import predict
from slta.runs.run import Run
from slta.training import provenance
from tests.support.commands import Called, call, refused
from tests.support.own_data import SPLITS, annotated, moments_of, planted, save_arrays

PLAN = Plan(
    experiments=("own",),
    runs=Path("runs"),
    seeds=(0, 1),
    learning_rates=(0.001, 0.01),
    steps=(4,),
    root="own",
    store=Path("store"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With ready features, and a comparison of them."""
    folder = tmp_path_factory.mktemp("compared")
    annotated(folder / "own", SPLITS)
    for name in [name for names in SPLITS.values() for name in names]:
        made = planted(int(name[2:4]), moments_of(int(name[2:4])))
        save_arrays(folder / "own" / "features" / f"{name}.npz", made)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        told: list[tuple[float, float]] = []
        found = compare.compare(PLAN, lambda done, total: told.append((done, total)))
        assert told[0] == (0, 3) and told[-1] == (3, 3)
        (folder / "found.json").write_text(json.dumps(found))
    return folder


@pytest.fixture
def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    whole: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return whole


def compared(capsys: pytest.CaptureFixture[str], *more: object) -> Called:
    given = "--root", "own", "--store", "store", "--runs", "runs", "--processes", 1
    grid = "--seeds", 0, 1, "--learning-rates", 0.001, 0.01, "--steps", 4
    return call(capsys, "compare", "own", *given, *grid, *more)


@pytest.mark.slice
def test_the_setting_that_is_best_on_val_goes_on_with_the_other_seeds(
    found: dict[str, Any],
) -> None:
    row = found["models"]["own"]
    best = max(row["tried"], key=lambda each: each["val"])
    assert [each["learning_rate"] for each in row["tried"]] == [0.001, 0.01]
    assert row["learning_rate"] == best["learning_rate"] and row["steps"] == 4
    runs = sorted(path.name for path in Path("runs").iterdir() if path.is_dir())
    other = f"own-{row['learning_rate']:g}-4-1"
    assert runs == sorted(["own-0.001-4-0", "own-0.01-4-0", other])
    for name in runs:
        training = Run(Path("runs") / name).experiment.training
        assert f"own-{training.learning_rate:g}-4-{training.seed}" == name
        assert training.threads == 1


def test_several_seeds_choose_by_their_mean(tmp_path: Path) -> None:
    """One of them may be lucky with a setting that is worse."""
    plan = replace(PLAN, runs=tmp_path, seeds=(0, 1, 2))
    on_val = {0.001: (0.5, 0.5, 0.1), 0.01: (0.6, 0.2, 0.9)}
    for rate, values in on_val.items():
        for seed, value in enumerate(values):
            run = Job("own", rate, 4, seed).run(plan)
            run.folder.mkdir()
            run.write("provenance", {"seconds": 1.0})
            run.write("history", {"evaluations": [{"R@1, IoU=0.5": value}]})

    def chosen_by(choosing: int) -> float:
        wanted = replace(plan, choosing=choosing)
        assert len(wanted.first) == 2 * choosing
        assert len(wanted.others(wanted.jobs(0)[:1])) == 3 - choosing
        return compare.chosen(wanted)["own"].learning_rate

    assert [chosen_by(choosing) for choosing in (1, 2, 3)] == [0.01, 0.001, 0.01]
    # Whose setting is not seen by all who choose is not chosen.
    (Job("own", 0.001, 4, 1).run(plan).folder / "provenance.json").unlink()
    assert chosen_by(2) == 0.01


@pytest.mark.slice
def test_numbers_are_means_over_seeds_of_what_each_run_answered(
    found: dict[str, Any],
) -> None:
    row = found["models"]["own"]
    tables = [
        measure(
            read(
                Path("runs")
                / f"own-{row['learning_rate']:g}-4-{seed}/predictions/test.jsonl"
            ),
            "ctrl",
        )
        for seed in (0, 1)
    ]
    for name in (*COLUMNS, *(named(1, iou) for iou in IOUS)):
        seeds = [table.mean(name) for table in tables]
        assert row["test"][name]["seeds"] == pytest.approx(seeds)
        assert row["test"][name]["mean"] == pytest.approx(np.mean(seeds))
        assert row["test"][name]["difference"] == 0
        low, high = row["test"][name]["interval"]
        assert low <= row["test"][name]["mean"] <= high
    assert row["query_ms"] > 0 and len(row["seconds"]) == 2
    assert row["machines"] == [provenance.machine()] * 2
    model, _ = Run(Path("runs") / f"own-{row['learning_rate']:g}-4-0").load()
    assert row["parameters"] == sum(p.numel() for p in model.parameters())
    first = Run(Path("runs") / f"own-{row['learning_rate']:g}-4-0")
    train = open_splits(first.experiment, ("train",), Path("store"))["train"]
    learnt = measure(predict(model, train, first.experiment), "ctrl")
    assert row["train"] == learnt.mean("R@1, IoU=0.5")
    assert found["without video"]["test"].keys() == {"moment prior", "query only"}


@pytest.mark.slice
def test_the_same_command_again_makes_nothing_again(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    weights = {
        path: path.stat().st_mtime_ns for path in Path("runs").glob("*/weights*")
    }
    again = compared(capsys, "--to", "again.json")
    assert again.code == 0, again.err
    assert {p: p.stat().st_mtime_ns for p in Path("runs").glob("*/weights*")} == weights
    written = json.loads(Path("again.json").read_text())
    written["models"]["own"]["query_ms"] = found["models"]["own"]["query_ms"]
    assert written == found
    share = 100 * found["models"]["own"]["test"]["R@1, IoU=0.5"]["mean"]
    assert f"own: {share:.1f} [" in again.out


@pytest.mark.slice
@pytest.mark.parametrize(
    "fact", ["commit", "data", "extractor", "extractor_version", "words"]
)
def test_runs_of_another_commit_or_other_data_are_refused_in_one_table(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str], fact: str
) -> None:
    other = f"own-{found['models']['own']['learning_rate']:g}-4-1"
    path = Path("runs") / other / "provenance.json"
    whole = path.read_text()
    path.write_text(json.dumps({**json.loads(whole), fact: "0000000"}))
    try:
        called = fact.replace("_", " ")
        says = f"runs of another {called} do not belong into one"
        line = refused(compared(capsys), says)
        assert "0000000" in line and "--runs" in line
    finally:
        path.write_text(whole)


@pytest.mark.slice
def test_a_run_of_other_settings_is_not_taken_for_this_one(
    found: dict[str, Any],
) -> None:
    job = Job("own", 0.001, 4, 0)
    wanted = job.experiment(PLAN)
    jobs._check_same(job.run(PLAN), wanted)
    faster = replace(wanted, features=replace(wanted.features, rate_hz=4.0))
    with pytest.raises(InputError, match="other settings"):
        jobs._check_same(job.run(PLAN), faster)
    other = replace(wanted, candidates=replace(wanted.candidates, overlap=0.5))
    with pytest.raises(InputError, match="other settings"):
        jobs._check_same(job.run(PLAN), other)


@pytest.mark.slice
def test_runs_whose_data_was_moved_are_compared_where_it_is_now(
    folder: Path,
    found: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of the runs was stopped before the move."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Path("own").rename("elsewhere")
    chosen = found["models"]["own"]["learning_rate"]
    stopped = Path("runs") / f"own-{chosen:g}-4-1" / "provenance.json"
    facts = json.loads(stopped.read_text())
    stopped.write_text(json.dumps({k: v for k, v in facts.items() if k != "seconds"}))
    moved = compared(capsys, "--root", "elsewhere", "--to", "again.json")
    assert moved.code == 0, moved.err
    again = json.loads(Path("again.json").read_text())
    assert again["models"]["own"]["test"] == found["models"]["own"]["test"]
    path = Path("elsewhere") / "train.jsonl"
    path.write_text(path.read_text().replace('"query": "', '"query": "now ', 1))
    refused(
        compared(capsys, "--root", "elsewhere"), "was trained with other data .*SHA"
    )


def test_what_cannot_be_compared_is_told(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(call(capsys, "compare"), "name the experiments to compare; known are ")
    line = refused(call(capsys, "compare", "onw"), "unknown experiment 'onw'")
    assert "did you mean 'own'?" in line
    wrong = call(capsys, "compare", "shapes_slta", "--root", "own")
    refused(wrong, "the data set of shapes_slta is made and has no folder")
    refused(call(capsys, "compare", "own", "--root", "nowhere"), "nowhere is no folder")
    annotated(Path("bare"), SPLITS)
    refused(
        call(capsys, "compare", "own", "--root", "bare", "--runs", "other"),
        "the video 'v_00.avi' is missing; put it into bare/videos",
    )
    assert not Path("other").exists()


def test_a_training_that_fails_is_named_with_why(
    found: dict[str, Any], tmp_path: Path
) -> None:
    """A run that is there already, and holds nothing to go on with."""
    plan = replace(PLAN, runs=tmp_path / "runs")
    run = Job("own", 0.001, 4, 0).run(plan)
    shutil.copytree(Job("own", 0.001, 4, 0).run(PLAN).folder, run.folder)
    (run.folder / "provenance.json").write_text("{}")
    (run.folder / "last.ckpt").write_text("damaged")
    with pytest.raises(
        InputError, match=r"training .*own-0\.001-4-0 failed: .*last\.ckpt is damaged"
    ):
        jobs.train(plan, [Job("own", 0.001, 4, 0)])


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--seeds", -1, r"--seeds must be in \[0, 4294967296\), got -1"),
        ("--steps", 0, "--steps must be at least 1, got 0"),
        ("--learning-rates", "nan", "--learning-rates must be above 0, got nan"),
        (
            "--choosing",
            4,
            "choosing must be at least 1 and at most 3, the number of se",
        ),
        ("--processes", -1, "--processes must be at least 0, got -1"),
        ("--to", "own", "own cannot be written"),
        ("--to", "own/train.jsonl/x.json", "x.json cannot be written"),
        ("--to", "own/train.jsonl", "train.jsonl is there and is no comparison; name"),
        ("--runs", "own/train.jsonl", "train.jsonl is a file; name a folder"),
    ],
)
def test_what_a_comparison_cannot_have_is_told_before_the_training(
    flag: str,
    value: object,
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    annotated(tmp_path / "own", SPLITS)
    monkeypatch.chdir(tmp_path)

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}

    before = files()
    refused(call(capsys, "compare", "own", "--root", "own", flag, value), says)
    assert files() == before


def test_experiments_on_other_data_are_refused_before_they_are_trained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    own = DATA["own"]
    faster = replace(own, features=replace(own.features, rate_hz=9.0))
    monkeypatch.setitem(DATA, "faster", faster)
    monkeypatch.setitem(ALIASES, "faster", ("slta", "faster"))
    for other, differs in (("shapes_ctrl", "data"), ("faster", "features")):
        called = call(capsys, "compare", "own", other, "--runs", tmp_path / "runs")
        refused(called, f"own and {other} have other {differs}; compare")
    assert not (tmp_path / "runs").exists()


@pytest.mark.slice
def test_what_diverges_is_named_and_the_others_are_compared(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The first setting is made already; the second has no finite loss for long."""
    grid = "--learning-rates", 0.001, 1e30, "--steps", 4
    given = "--root", "own", "--store", "store", "--runs", "runs", "--seeds", 0, *grid
    for _ in range(2):
        called = call(capsys, "compare", "own", *given, "--to", "some.json")
        assert called.code == 0, called.err
        some = json.loads(Path("some.json").read_text())
        (gone,) = some["diverged"]
        assert gone["experiment"] == "own" and gone["learning_rate"] == 1e30
        assert f"own diverged at batch {gone['batch']}, with learning" in called.out
        assert [t["learning_rate"] for t in some["models"]["own"]["tried"]] == [0.001]
        log = Path("runs/own-1e+30-4-0.log").read_text()
        assert log.count("NaN or infinite") == 1
    alone = "--root", "own", "--store", "store", "--runs", "runs", "--seeds", 0
    line = refused(
        call(capsys, "compare", "own", *alone, "--learning-rates", 1e30, "--steps", 4),
        "own, which the others are held against, diverged",
    )
    assert "--learning-rates" in line


@pytest.mark.slice
def test_what_is_trained_so_far_is_measured_with_the_seeds_that_it_has(
    found: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A second experiment has seed 0 alone, a third has seen one setting of two."""
    for name in ("second", "third"):
        monkeypatch.setitem(ALIASES, name, ("slta", "own"))
    shutil.copytree("runs", tmp_path / "runs", ignore=shutil.ignore_patterns("*.log"))
    # What else a run was asked for is not compared.
    for answers in tmp_path.glob("runs/*/predictions"):
        shutil.copy(answers / "test.jsonl", answers / "val.jsonl")
    for rate in (0.001, 0.01):
        one = tmp_path / "runs" / f"own-{rate:g}-4-0"
        shutil.copytree(one, one.with_name(f"second-{rate:g}-4-0"))
    shutil.copytree(one, one.with_name("third-0.01-4-0"))
    plan = replace(
        PLAN,
        runs=tmp_path / "runs",
        experiments=("own", "second", "third"),
        seeds=(0, 1, 2),
    )
    whole = compare.so_far(plan)
    rows = whole["models"]
    assert [*rows] == ["own", "second"] and whole["splits"] == ["test"]
    assert rows["own"]["seeds"] == [0, 1] and rows["second"]["seeds"] == [0]
    own = rows["own"]["test"]["mIoU"]
    second = rows["second"]["test"]["mIoU"]
    assert own == found["models"]["own"]["test"]["mIoU"]
    assert second["seeds"] == [second["mean"]] == own["seeds"][:1]
    assert second["difference"] == pytest.approx(second["mean"] - own["mean"])
    low, high = second["difference_interval"]
    assert low <= second["difference"] <= high and low < high
    own_line, second_line = lines(whole)[1:3]
    assert "seeds" not in own_line and "] of 1 of the seeds, " in second_line
    with pytest.raises(InputError, match=r"third, which .* is not trained yet"):
        compare.so_far(replace(plan, experiments=("third", "own")))


def test_data_without_a_split_to_test_on_is_refused_before_the_training(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree("own", tmp_path / "own")
    (tmp_path / "own" / "test.jsonl").unlink()
    given = "--root", tmp_path / "own", "--runs", tmp_path / "runs"
    refused(call(capsys, "compare", "own", *given), "no split to compare models on but")
    assert not (tmp_path / "runs").exists()


@pytest.mark.slice
def test_pictures_show_every_model(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found["models"]["other"] = found["models"]["own"]
    for example in found["examples"]:
        example["answers"]["other"] = [0.0, 1.0]
    for figure in (comparison.recall(found), comparison.cost(found)):
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert {"own", "other"} <= {*texts}
    axes = comparison.answers(found).axes
    assert len(axes) == 3
    for one, example in zip(axes, found["examples"], strict=True):
        assert one.get_title(loc="left") == example["query"]
        bars = [bar for bar in one.patches if isinstance(bar, Rectangle)][-3:]
        truth, own, other = [
            (bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars
        ]
        assert truth == pytest.approx(example["truth"][0])
        assert own == pytest.approx(example["answers"]["own"])
        assert other == (0.0, 1.0)
    path = tmp_path / "found.json"
    path.write_text(json.dumps(found))
    drawn = call(capsys, "plot", path, "--out", tmp_path / "pictures")
    assert drawn.code == 0, drawn.err
    names = sorted(each.name for each in (tmp_path / "pictures").iterdir())
    assert names == ["answers.png", "cost.png", "recall.png"]


@pytest.mark.slice
def test_where_every_answer_is_outside_the_video_none_is_drawn(
    found: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree("runs", tmp_path / "runs")
    for path in tmp_path.glob("runs/*/predictions/test.jsonl"):
        write(path, [replace(row, spans=row.spans * 0 + 1e6) for row in read(path)])
    whole = compare.so_far(replace(PLAN, runs=tmp_path / "runs"))
    assert [row["answers"]["own"] for row in whole["examples"]] == [[], [], []]
    axes = comparison.answers(whole).axes
    bars = [bar for one in axes for bar in one.patches if isinstance(bar, Rectangle)]
    truths = sum(len(row["truth"]) for row in whole["examples"])
    assert len(bars) == 2 * truths


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("shapes_slta", "shapes_slta_no_context"), ["slta", "slta_no_context"]),
        (("charades_sta_slta", "charades_sta_role"), ["slta", "role"]),
        (("shapes_slta",), ["slta"]),
        (("own", "shapes_slta"), ["own", "shapes_slta"]),
    ],
)
def test_pictures_call_models_by_what_tells_them_apart(
    names: tuple[str, ...], labels: list[str]
) -> None:
    found: dict[str, Any] = {"models": {name: {} for name in names}}
    assert [*comparison.labels(found).values()] == labels


def test_no_name_is_written_over_another() -> None:
    number = {"R@1, IoU=0.5": {"mean": 0.5, "interval": [0.4, 0.6]}}
    model = {"query_ms": 2.0, "test": number}
    found = {"splits": ["test"], "models": {name: model for name in "abc"}}
    (axes,) = comparison.cost(found).axes
    heights = [each.xyann[1] for each in axes.texts if isinstance(each, Annotation)]
    assert len(heights) == 3 and np.diff(sorted(heights)).min() > 1.5


def test_no_name_is_written_over_a_point() -> None:
    """The first model's reaches as far as the second's point, which is as high."""
    number = {"R@1, IoU=0.5": {"mean": 0.5, "interval": [0.4, 0.6]}}
    found = {
        "splits": ["test"],
        "models": {
            name: {"query_ms": milliseconds, "test": number}
            for name, milliseconds in (("x_a_long_name", 1.0), ("y", 1.2), ("z", 5.0))
        },
    }
    (axes,) = comparison.cost(found).axes
    names = {each.get_text(): each for each in axes.texts}
    below = abs(names["x_a_long_name"].get_position()[1] - 50)
    assert below > 1 and names["z"].get_position()[1] == 50


@pytest.mark.parametrize(
    "text", ["", "[1]", "[" * 100_000, "{}", '{"models": {}, "splits": []}']
)
def test_a_file_that_is_no_comparison_is_told(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    path.write_text(text)
    refused(call(capsys, "plot", path, "--out", tmp_path), f"{path} ")


def test_a_folder_for_pictures_that_cannot_be_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    path.write_text("{}")
    refused(call(capsys, "plot", path, "--out", path), f"{path} cannot be written")
