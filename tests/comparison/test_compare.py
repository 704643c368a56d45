"""Several models and seeds, from training to the JSON."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.cli.compare import lines
from slta.comparison import compare, jobs
from slta.comparison.plan import Job
from slta.comparison.summary import columns
from slta.errors import InputError
from slta.evaluation.measuring import SEED, measure
from slta.evaluation.metrics import IOUS, bootstrap, named
from slta.evaluation.predictions import read, write
from slta.experiments import ALIASES, DATA
from slta.experiments.opening import open_splits
from slta.runs.inference import predict
from slta.runs.run import Run
from slta.training import provenance
from tests.comparison.conftest import PLAN
from tests.support.commands import Called, call, refused

ANSWERS = "predictions/test.jsonl"


def compared(capsys: pytest.CaptureFixture[str], *more: object) -> Called:
    given = "--root", "own", "--store", "store", "--runs", "runs", "--processes", 1
    grid = "--seeds", 0, 1, "--learning-rates", 0.001, 0.01, "--steps", 4
    return call(capsys, "compare", "own", *given, *grid, *more)


@pytest.mark.slice
def test_what_is_best_on_val_is_trained_with_the_other_seeds(
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


def test_several_seeds_select_by_their_mean(tmp_path: Path) -> None:
    """One of them may be lucky with a setting that is worse."""
    plan = replace(PLAN, runs=tmp_path, seeds=(0, 1, 2))
    on_val = {0.001: (0.5, 0.5, 0.1), 0.01: (0.6, 0.2, 0.9)}
    for rate, values in on_val.items():
        for seed, value in enumerate(values):
            run = Job("own", rate, 4, seed).run(plan)
            run.folder.mkdir()
            run.write("provenance", {"seconds": 1.0})
            run.write("history", {"evaluations": [{"R@1, IoU=0.5": value}]})

    def selected_by(count: int) -> float:
        wanted = replace(plan, selection_seeds=count)
        assert len(wanted.first) == 2 * count
        assert len(wanted.others(wanted.jobs(0)[:1])) == 3 - count
        return compare.selected(wanted)["own"].learning_rate

    assert [selected_by(count) for count in (1, 2, 3)] == [0.01, 0.001, 0.01]
    # Whose setting is not seen by all that select is not selected.
    (Job("own", 0.001, 4, 1).run(plan).folder / "provenance.json").unlink()
    assert selected_by(2) == 0.01


@pytest.mark.slice
def test_numbers_are_means_over_seeds_of_what_each_run_answered(
    found: dict[str, Any],
) -> None:
    row = found["models"]["own"]
    tables = [
        measure(
            read(Path("runs") / f"own-{row['learning_rate']:g}-4-{seed}" / ANSWERS),
            "ctrl",
        )
        for seed in (0, 1)
    ]
    assert {*columns("ctrl")} > {"mIoU", *(named(1, iou) for iou in IOUS)}
    for name in columns("ctrl"):
        seeds = [table.mean(name) for table in tables]
        assert row["test"][name]["seeds"] == pytest.approx(seeds)
        assert row["test"][name]["mean"] == pytest.approx(np.mean(seeds))
        assert row["test"][name]["difference"] == 0
        for seed, table in enumerate(tables):
            ids = [each.video_id for each in read(Path(row["runs"][seed]) / ANSWERS)]
            interval = bootstrap(table.values[name], ids, seed=SEED)
            assert row["test"][name]["seed_intervals"][seed] == pytest.approx(interval)
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
    assert found["without video"]["test"].keys() == {
        "moment frequencies",
        "query frequencies",
    }


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
    assert f"slta: {share:.1f} [" in again.out


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
        says = f"runs with another {called} cannot be compared"
        line = refused(compared(capsys), says)
        assert "0000000" in line and "--runs" in line
    finally:
        path.write_text(whole)


@pytest.mark.slice
def test_a_run_of_other_hyper_parameters_is_not_taken_for_this_one(
    found: dict[str, Any],
) -> None:
    job = Job("own", 0.001, 4, 0)
    wanted = job.experiment(PLAN)
    jobs._check_same(job.run(PLAN), wanted)
    faster = replace(wanted, features=replace(wanted.features, rate_hz=4.0))
    with pytest.raises(InputError, match="other hyper-parameters"):
        jobs._check_same(job.run(PLAN), faster)
    other = replace(wanted, candidates=replace(wanted.candidates, overlap=0.5))
    with pytest.raises(InputError, match="other hyper-parameters"):
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
        "own, which the others are compared with, diverged",
    )
    assert "--learning-rates" in line


@pytest.mark.slice
def test_what_is_trained_so_far_is_evaluated_with_the_seeds_that_it_has(
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
    assert "seed" not in own_line and second_line.endswith(", seed 0")
    with pytest.raises(InputError, match=r"third, which .* is not trained yet"):
        compare.so_far(replace(plan, experiments=("third", "own")))


@pytest.mark.slice
def test_an_answer_outside_the_video_is_no_example(found: dict[str, Any]) -> None:
    for path in Path("runs").glob("*/predictions/test.jsonl"):
        write(path, [replace(row, spans=row.spans * 0 + 1e6) for row in read(path)])
    whole = compare.so_far(PLAN)
    assert [row["answers"]["own"] for row in whole["examples"]] == [[], [], []]


@pytest.mark.slice
def test_the_order_of_a_runs_answers_does_not_matter(found: dict[str, Any]) -> None:
    """Differences are between answers to the same query."""
    rate = found["models"]["own"]["learning_rate"]
    path = Path("runs") / f"own-{rate:g}-4-1" / ANSWERS
    write(path, read(path)[::-1])
    again = compare.so_far(PLAN)
    for name in columns("ctrl"):
        assert again["models"]["own"]["test"][name]["mean"] == pytest.approx(
            found["models"]["own"]["test"][name]["mean"]
        )
    (first, *_) = read(path)
    write(path, [replace(first, truth=first.truth + 1), *read(path)[1:]])
    with pytest.raises(
        InputError, match="does not match the current queries and ground truth of test"
    ):
        compare.so_far(PLAN)


@pytest.mark.slice
def test_the_protocol_is_the_data_sets_unless_another_is_named(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert found["protocol"] == "ctrl" and found["watched"] == "R@1, IoU=0.5"
    other = compared(capsys, "--protocol", "detr", "--to", "detr.json")
    assert other.code == 0, other.err
    assert "protocol detr" in other.out
    whole = json.loads(Path("detr.json").read_text())
    row = whole["models"]["own"]["test"]
    rate = found["models"]["own"]["learning_rate"]
    runs = [Path("runs") / f"own-{rate:g}-4-{seed}" / ANSWERS for seed in (0, 1)]
    expected = np.mean([measure(read(run), "detr").mean("mAP") for run in runs])
    assert row["mAP"]["mean"] == pytest.approx(expected)
    assert "mAP" in whole["without video"]["test"]["moment frequencies"]
    refused(
        compared(capsys, "--protocol", "didemo"),
        "is not of whole chunks of 5 s .* give another --protocol",
    )
    refused(compared(capsys, "--protocol", "detrr"), "unknown protocol 'detrr'")


def test_every_data_set_is_measured_by_its_own_protocol() -> None:
    for name, offer in DATA.items():
        plan = replace(
            PLAN, experiments=("x",), models={"x": ("slta", name)}, root=None
        )
        assert plan.measured_by == offer.protocol
        assert replace(plan, protocol="plain").measured_by == "plain"
