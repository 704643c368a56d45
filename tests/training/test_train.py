"""From an experiment to a run, on a made world that is small enough to be learnt from
in seconds."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from jaxtyping import Float
from lightning.pytorch.callbacks import RichProgressBar
from torch.multiprocessing.spawn import ProcessRaisedException

from slta import __version__
from slta.batches.candidate_batch import TrainingBatch
from slta.batches.sampling import matches
from slta.datasets import own
from slta.datasets.annotations import Annotations
from slta.datasets.split import Split
from slta.errors import InputError
from slta.evaluation.measuring import measure
from slta.evaluation.metrics import IOUS
from slta.evaluation.predictions import Prediction, read
from slta.experiments import shapes, titled
from slta.experiments.config import CandidatesConfig, Experiment, TrainingConfig
from slta.experiments.opening import open_dataset, open_library, open_splits
from slta.models.slta import SLTA
from slta.moments.spans import as_array, temporal_iou
from slta.runs.inference import predict, score
from slta.runs.run import Run
from slta.training import lightning_parts, provenance
from slta.training import train as training
from slta.training.draws import sampler
from slta.training.module import Batches, Training, digest
from tests.support.commands import call, command, refused, run
from tests.support.worlds import EVERY, FLAGS, STEPS, TINY, shorter, tiny

TABLE = "".join(
    rf"IoU={iou}, R@10: [01]\.\d{{4}}; IoU={iou}, R@5: [01]\.\d{{4}}; "
    rf"IoU={iou}, R@1: [01]\.\d{{4}}\n"
    for iou in IOUS
)
SHORT = shorter(4, 2)


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)


@pytest.fixture(scope="module")
def once(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A run by the command, in a process of its own."""
    folder = tmp_path_factory.mktemp("once") / "run"
    home = str(tiny().home)
    return folder, run("train", "shapes_slta", *FLAGS, "--out", folder, SLTA_HOME=home)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which Ctrl-C came after the first evaluation."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        tiny().enter(patch)
        interrupt(patch)
        with pytest.raises(KeyboardInterrupt, match="go on with"):
            training.train("shapes_slta", TINY, folder)
    return folder


def interrupt(patch: pytest.MonkeyPatch) -> None:
    """Trainings from now on, in the middle."""
    began = Training.on_train_epoch_start

    def interrupted(module: Training) -> None:
        if module.current_epoch:
            raise KeyboardInterrupt
        began(module)

    patch.setattr(Training, "on_train_epoch_start", interrupted)


def weights(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def content(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def logged(folder: Path) -> list[str]:
    """Steps and losses, without the times of day."""
    (file,) = folder.glob("logs/csv/*/metrics.csv")
    return file.read_text().splitlines()


def assert_told(stderr: str, folder: Path) -> None:
    """All that a run of ``TINY``, whose val has one video, prints beside its numbers."""
    uncalibrated, *rest = stderr.splitlines()
    says = (
        "confidence is not calibrated, as val has no query without a moment and too few"
    )
    assert uncalibrated.startswith(says) and rest == [f"the run is in {folder}"]


@pytest.mark.slice
def test_the_flags_of_these_tests_make_the_tiny_experiment(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    assert Run.open(once[0]).experiment == TINY


@pytest.mark.slice
def test_a_run_holds_all_that_came_of_it(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, done = once
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "provenance.json",
        "weights.safetensors",
        "last.ckpt",
        "predictions",
        "results.json",
        "curves.png",
        "history.json",
        "logs",
    }
    assert {path.name for path in (folder / "predictions").iterdir()} == {
        "test.jsonl",
        "test_novel.jsonl",
    }
    assert (folder / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert list(folder.glob("logs/tensorboard/version_0/events.out.tfevents.*"))
    assert logged(folder)[0].split(",")[-1] == "val mIoU" or "loss" in logged(folder)[0]


@pytest.mark.slice
def test_a_run_says_where_it_comes_from(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    facts = content(once[0], "provenance")
    dataset = open_dataset(TINY)
    assert facts["data"] == dataset.digest and len(dataset.digest) == 64
    library = open_library(TINY)
    assert facts["extractor"] == library.id == "cells"
    assert facts["extractor_version"] == library.version
    assert facts["seed"] == 0
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["versions"]["lightning"] == lightning.__version__
    assert facts["versions"]["slta"] == __version__
    assert "cores" in facts["machine"] and facts["seconds"] > 0
    assert facts["commit"] == provenance.commit()
    if (Path(__file__).parents[2] / ".git").exists():
        assert re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?|v.*", facts["commit"])
    assert "train shapes_slta" in facts["command"]


@pytest.mark.slice
def test_every_evaluation_is_printed_as_the_fields_logs(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, done = once
    evaluations = "".join(
        rf"step {step}, loss \d+\.\d{{4}}, val:\n{TABLE}"
        for step in range(EVERY, STEPS + 1, EVERY)
    )
    number = r"\d+\.\d \[\d+\.\d, \d+\.\d\]"
    rows = "".join(
        rf"{name}: R@1, IoU=0\.5 {number}, R@1, IoU=0\.7 {number}, mIoU {number}\n"
        for name in ("slta", "moment frequencies", "query frequencies")
    )
    tests = "".join(
        rf"{split}: \d+ queries of 1 videos, protocol ctrl\n{TABLE}{rows}"
        for split in ("test", "test_novel")
    )
    best = r"best on val: step \d+, R@1, IoU=0\.5 [01]\.\d{4}\n"
    assert re.fullmatch(evaluations + best + tests, done.stdout), done.stdout
    assert_told(done.stderr, folder)


@pytest.mark.slice
def test_the_history_is_what_was_printed(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, done = once
    rows = content(folder, "history")["evaluations"]
    printed = re.findall(r"step (\d+), loss (\S+), val:", done.stdout)
    assert [(str(row["step"]), f"{row['loss']:.4f}") for row in rows] == printed
    assert len(rows) == STEPS // EVERY
    for row in rows:
        assert f"IoU=0.5, R@1: {row['R@1, IoU=0.5']:.4f}\n" in done.stdout


@pytest.mark.slice
def test_the_best_weights_by_val_are_kept(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    rows = content(once[0], "history")["evaluations"]
    best = max(rows, key=lambda row: row["R@1, IoU=0.5"])
    model, about = Run.open(once[0]).load()
    assert about.step == best["step"]
    said = (
        f"best on val: step {best['step']}, R@1, IoU=0.5 {best['R@1, IoU=0.5']:.4f}\n"
    )
    assert said in once[1].stdout
    for measured in content(once[0], "results").values():
        assert measured["step"] == best["step"]
    val = open_splits(TINY, ("val",))["val"]
    found = measure(predict(model, val, TINY), "ctrl").as_dict()
    # Another process may add in another order.
    assert found == pytest.approx({name: best[name] for name in found}, rel=1e-6)


@pytest.mark.slice
def test_results_are_measured_from_the_predictions(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, _ = once
    results = content(folder, "results")
    assert results.keys() == {"test, ctrl", "test_novel, ctrl"}
    for split in ("test", "test_novel"):
        table = measure(read(folder / "predictions" / f"{split}.jsonl"), "ctrl")
        own = results[f"{split}, ctrl"]["answers"]["slta"]
        for name, value in table.as_dict().items():
            if name != "queries":
                assert own[name]["value"] == pytest.approx(value, abs=1e-12)


def same_answers(found: Sequence[Prediction], expected: Sequence[Prediction]) -> None:
    """But for the last digits, which are others with another number of threads."""
    for one, other in zip(found, expected, strict=True):
        assert (one.query_id, one.video_id) == (other.query_id, other.video_id)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
        np.testing.assert_allclose(one.spans, other.spans, atol=1e-5)
        np.testing.assert_array_equal(one.truth, other.truth)


@pytest.mark.slice
def test_evaluating_a_run_measures_what_it_answered(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    folder = Path(shutil.copytree(once[0], tmp_path / "run"))
    results = content(folder, "results")
    before = read(folder / "predictions" / "test.jsonl")
    printed = call(capsys, "evaluate", folder, "--json")
    assert printed.code == 0 and json.loads(printed.out) == results["test, ctrl"]
    plain = call(capsys, "evaluate", folder, "--protocol", "plain")
    assert re.search(f"protocol plain\n{TABLE}", plain.out)
    assert content(folder, "results").keys() == {*results, "test, plain"}
    call(capsys, "evaluate", folder, "--overwrite")
    file = call(capsys, "evaluate", folder / "predictions" / "test.jsonl", "--json")
    of_file = json.loads(file.out)["answers"]["test.jsonl"]
    again = content(folder, "results")["test, ctrl"]
    assert of_file == again["answers"]["slta"]
    same_answers(read(folder / "predictions" / "test.jsonl"), before)
    refused(call(capsys, "evaluate", folder, "--split", "trial"), "no split 'trial'")
    refused(
        call(capsys, "evaluate", folder, "--truth", folder),
        "is for a prediction file.* leave --truth out",
    )
    detr = call(capsys, "evaluate", folder, "--protocol", "detr").out.splitlines()
    assert detr[0].endswith("protocol detr") and "mAP: 0." in detr[1]
    assert [line.split(":")[0] for line in detr[-3:]] == [
        *("slta", "moment frequencies", "query frequencies")
    ]
    options = ("--protocol", "2d-tan", "--nms-iou", "0.45")
    assert "protocol 2d-tan at 0.45\n" in call(capsys, "evaluate", folder, *options).out
    assert "test, 2d-tan at 0.45" in content(folder, "results")
    foreign = call(capsys, "evaluate", folder, "--protocol", "didemo")
    refused(foreign, "is not of whole chunks of 5 s .* give another --protocol")


def _doubled(lines: list[str]) -> list[str]:
    return lines + lines


def _lost(lines: list[str]) -> list[str]:
    return lines[1:]


def _mended(lines: list[str]) -> list[str]:
    row = json.loads(lines[0])
    return [json.dumps({**row, "truth": [[0.0, 1.25]]}), *lines[1:]]


@pytest.mark.slice
@pytest.mark.parametrize("changed", [_doubled, _lost, _mended])
def test_answers_to_other_queries_than_there_are_now_are_not_measured(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    changed: Any,
) -> None:
    folder = Path(shutil.copytree(once[0], tmp_path / "run"))
    path = folder / "predictions" / "test.jsonl"
    right = read(path)
    path.write_text("\n".join(changed(path.read_text().splitlines())) + "\n")
    says = r"test\.jsonl does not match the current queries and ground truth of test; .* --overwrite'"
    refused(call(capsys, "evaluate", folder), says)
    assert call(capsys, "evaluate", folder, "--overwrite").code == 0
    same_answers(read(path), right)


def short(folder: Path, seed: int = 0, experiment: Experiment = SHORT) -> Run:
    learning = replace(experiment.training, seed=seed)
    return training.train("tiny", replace(experiment, training=learning), folder)


@pytest.mark.slice
def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    tmp_path: Path,
) -> None:
    one, same, other = (
        short(tmp_path / name, seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert weights(one.folder) == weights(same.folder) != weights(other.folder)
    assert one.read("history") == same.read("history") != other.read("history")
    assert one.read("results") == same.read("results")
    assert logged(one.folder) == logged(same.folder)


@pytest.mark.slice
def test_seeds_beyond_what_numpy_takes_differ(tmp_path: Path) -> None:
    """Every epoch's seed is made of the run's, and must not be cut to the same."""
    one, other = (short(tmp_path / str(seed), seed) for seed in (4_000_000, 4_000_001))
    assert one.read("history") != other.read("history")


@pytest.mark.slice
def test_a_run_that_was_killed_goes_on_as_if_nothing_had_happened(
    once: tuple[Path, "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    killed = begun("--out", folder)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert len(content(folder, "history")["evaluations"]) < STEPS // EVERY
    spent = torch.load(folder / "last.ckpt", weights_only=True)["slta"]["seconds"]
    again = time.perf_counter()
    done = run("train", "--resume", folder)
    again = time.perf_counter() - again
    assert done.returncode == 0, done.stderr
    assert not done.stdout.startswith(f"step {EVERY},"), "it did not go on"
    assert weights(folder) == weights(once[0])
    assert content(folder, "history") == content(once[0], "history")
    assert content(folder, "results") == content(once[0], "results")
    assert 0 < spent < content(folder, "provenance")["seconds"] < spent + again
    assert not list(folder.rglob(".unfinished-*"))


@pytest.mark.slice
def test_a_run_goes_on_to_the_bit_with_several_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As by default, where there are several cores. Of gradients as large as these here,
    threads would add up parts in the order in which they are done."""
    wide = replace(shapes.SLTA, attention_size=8, interaction_size=8, word_size=8)
    learning = replace(
        TINY.training, steps=6, evaluate_every=3, threads=2, queries=16, background=6
    )
    experiment = replace(TINY, model=wide, training=learning)
    ends: list[str] = []
    monkeypatch.setattr(
        Training, "on_train_end", lambda module: ends.append(digest(module.model))
    )
    whole = training.train("shapes_slta", experiment, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt(patch)
        with pytest.raises(KeyboardInterrupt):
            training.train("shapes_slta", experiment, tmp_path / "parts")
    assert Run.open(tmp_path / "parts").last.is_file()
    parts = training.resume(tmp_path / "parts")
    assert len(ends) == 2 and ends[0] == ends[1], "the last weights, maybe not the best"
    for name in ("history", "results"):
        assert parts.read(name) == whole.read(name)
    assert weights(parts.folder) == weights(whole.folder)


def begun(*options: object) -> "subprocess.Popen[str]":
    """A training in another process, whose first evaluation is over but not its last."""
    process = subprocess.Popen(
        command("train", "shapes_slta", *FLAGS, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests run in a shell's background, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("IoU=0.9"):
            break
    # The state is written after the table.
    folder = Path(str(options[options.index("--out") + 1]))
    while process.poll() is None and not (folder / "last.ckpt").exists():
        time.sleep(0.001)
    return process


@pytest.mark.slice
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_who_is_stopped_says_how_to_go_on_and_leaves_a_run_that_can(
    tmp_path: Path, how: signal.Signals
) -> None:
    folder = tmp_path / "run"
    process = begun("--out", folder)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == f"slta: interrupted; go on with 'slta train --resume {folder}'\n"
    steps = [row["step"] for row in content(folder, "history")["evaluations"]]
    assert 1 <= len(steps) < STEPS // EVERY
    training.resume(folder)
    rows = content(folder, "history")["evaluations"]
    assert [row["step"] for row in rows] == list(range(EVERY, STEPS + 1, EVERY))


@pytest.mark.slice
def test_a_run_that_is_being_trained_is_left_alone(
    stopped: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(stopped, tmp_path / "run"))
    with Run.open(folder).alone():
        called = call(capsys, "train", "--resume", folder)
    refused(called, f"{folder} is being trained by another process; wait for it")
    assert call(capsys, "train", "--resume", folder).code == 0


@pytest.mark.slice
def test_a_run_does_not_go_on_with_other_annotations(
    stopped: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(stopped, tmp_path / "run"))
    facts = content(folder, "provenance")
    Run(folder).write("provenance", {**facts, "data": "0" * 64})
    says = f"started with other annotations, .* 000000000000, not {facts['data'][:12]}"
    refused(call(capsys, "train", "--resume", folder), says)


@pytest.mark.slice
def test_a_run_that_is_over_is_not_trained_again(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    folder = Path(shutil.copytree(once[0], tmp_path / "run"))
    caplog.set_level("INFO", logger="slta")
    called = call(capsys, "train", "--resume", folder)
    assert called.code == 0 and "step" not in called.out
    assert [f"{folder} is finished: " in told for told in caplog.messages] == [True]
    for name in ("history", "results"):
        assert content(folder, name) == content(once[0], name)
    assert weights(folder) == weights(once[0])
    for name in ("test", "test_novel"):
        file = Path("predictions") / f"{name}.jsonl"
        assert (folder / file).read_bytes() == (once[0] / file).read_bytes()


@pytest.mark.slice
def test_two_processes_end_with_the_same_weights(tmp_path: Path) -> None:
    """Each compares its own with the others' at the end, or fails. There is one video
    to choose by, so that one process has none."""
    folder = tmp_path / "run"
    flags = [*FLAGS, "--training.steps", "4", "--training.processes", "2"]
    done = run("train", "shapes_slta", *flags, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step 4, loss") == 1
    assert_told(done.stderr, folder)
    alone = tmp_path / "alone"
    short(alone, experiment=shorter(4, 4))
    # Each draws its own batches, so the two learn from twice as many queries.
    assert content(folder, "history") != content(alone, "history")
    both = [
        {row["queries"] for row in content(each, "history")["evaluations"]}
        for each in (folder, alone)
    ]
    assert both[0] == both[1]


def module(folder: Path) -> Training:
    run = Run.create(folder / "run", "tiny", SHORT)
    model, about = training.new_model(
        SHORT, open_splits(SHORT, ("train",))["train"], None
    )
    return Training(SHORT, model, about, run, None)


@pytest.mark.slice
def test_every_process_draws_batches_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = module(tmp_path)
    learning.setup("fit")
    drawn = []
    for rank in (0, 1):
        monkeypatch.setattr(Training, "global_rank", rank)
        drawn.append([*Batches(learning._draws, learning)])
    assert len(drawn[0]) == len(drawn[1]) == SHORT.training.evaluate_every
    for one, other in zip(*drawn, strict=True):
        a, b = one.batch.words, other.batch.words
        assert a.shape != b.shape or not torch.equal(a, b)


@pytest.mark.slice
def test_the_rate_rises_then_falls_to_nothing_and_weights_decay(tmp_path: Path) -> None:
    learning = module(tmp_path)
    rising, steps = 10, 100
    learning.experiment = replace(
        SHORT,
        training=replace(
            SHORT.training,
            steps=steps,
            warmup=rising / steps,
            weight_decay=0.03,
            learning_rate=0.5,
        ),
    )
    made: Any = learning.configure_optimizers()
    (group,), scheduler = made["optimizer"].param_groups, made["lr_scheduler"]
    assert group["weight_decay"] == 0.03 and group["initial_lr"] == 0.5
    assert scheduler["interval"] == "step"
    (share,) = scheduler["scheduler"].lr_lambdas
    shares = [share(step) for step in range(steps + 1)]
    assert shares[:rising] == pytest.approx([(i + 1) / rising for i in range(rising)])
    assert (np.diff(shares[rising:]) < 0).all()
    assert shares[(rising + steps) // 2] == pytest.approx(0.5)
    assert shares[steps] == pytest.approx(0)


def test_the_bar_knows_how_many_batches_an_epoch_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last one has what is left."""
    bar = lightning_parts.Bar(replace(SHORT.training, steps=50, evaluate_every=20))
    seen = []

    def begun(self: Any, *_: object) -> None:
        seen.append(self.total_train_batches)

    monkeypatch.setattr(RichProgressBar, "on_train_epoch_start", begun)
    trainer = lightning.Trainer(logger=False, accelerator="cpu")
    for step in (0, 20, 40):
        monkeypatch.setattr(lightning.Trainer, "global_step", step)
        bar.on_train_epoch_start(trainer, lightning.LightningModule())
    assert seen == [20, 20, 10]


@pytest.mark.slice
@pytest.mark.parametrize("longest", [0.01, 0.0])
def test_gradients_are_no_longer_than_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, longest: float
) -> None:
    """0 leaves them as they are."""
    usual, lengths = Training.configure_optimizers, list[float]()

    def watched(learning: Training) -> Any:
        made: Any = usual(learning)
        weights = [*learning.model.parameters()]

        def note(*_: object) -> None:
            grads = [each.grad for each in weights if each.grad is not None]
            lengths.append(float(torch.nn.utils.get_total_norm(grads)))

        made["optimizer"].register_step_post_hook(note)
        return made

    monkeypatch.setattr(Training, "configure_optimizers", watched)
    clipped = replace(SHORT.training, clip_norm=longest)
    short(tmp_path / "run", experiment=replace(SHORT, training=clipped))
    assert len(lengths) == SHORT.training.steps
    if longest:
        assert max(lengths) == pytest.approx(longest, rel=1e-3)
    else:
        assert max(lengths) > 0.1


@pytest.mark.slice
def test_processes_whose_weights_differ_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = module(tmp_path)
    own = digest(learning.model)
    monkeypatch.setattr(learning, "_gathered", lambda mine: [mine, own])
    learning.on_train_end()
    assert isinstance(learning.model, SLTA)
    with torch.no_grad():
        learning.model.answer.bias[0] += 1e-7
    with pytest.raises(RuntimeError, match="weights differ"):
        learning.on_train_end()


def few(split: Split, count: int, candidates: CandidatesConfig) -> Split:
    """Queries of different moments of which every window matches, or misses half.

    Of those in between, training says nothing, so that they may come first.
    """
    found: dict[object, int] = {}
    for number, query in enumerate(split.queries):
        windows = candidates.windows(split.infos[query.video_id].duration_s)
        truth = as_array(query.truth or ())
        fit = matches(windows, truth)
        misses = temporal_iou(windows, truth).max(axis=1, initial=0) < 0.5
        if fit.matching.any() and (fit.matching | misses).all():
            found.setdefault((query.video_id, query.truth), number)
    chosen = sorted(found.values())[:count]
    names = {split.queries[i].video_id for i in chosen}
    return Split(
        queries=tuple(split.queries[i] for i in chosen),
        query_features=tuple(split.query_features[i] for i in chosen),
        videos={name: split.videos[name] for name in names},
        infos={name: split.infos[name] for name in names},
    )


@pytest.mark.slice
def test_moments_that_no_window_matches_are_told_with_their_lengths(
    caplog: pytest.LogCaptureFixture,
) -> None:
    split = open_splits(TINY, ("train",))["train"]
    model, _ = training.new_model(TINY, split, None)

    def told(*lengths_s: float) -> list[str]:
        windows = replace(TINY.candidates, lengths_s=lengths_s, overlap=0.9)
        caplog.clear()
        with caplog.at_level("INFO", "slta"):
            draws = sampler(model, replace(TINY, candidates=windows), split)
            training._say_of_matches(draws)
        assert draws.usable + len(draws.missed_s) == len(split.queries)
        return caplog.messages

    truths = [query.truth[0] for query in split.queries if query.truth]
    lengths_s = sorted(truth.end - truth.start for truth in truths)
    longest_s, shortest_s = lengths_s[-1], lengths_s[0]
    (message,) = told(shortest_s)
    found = re.search(r"last ([\d.]+) to ([\d.]+) s: give such lengths", message)
    assert found and shortest_s < float(found[1]) < float(found[2]) <= longest_s
    assert not told(*{round(length_s, 1) for length_s in lengths_s})


@pytest.mark.slice
def test_the_full_model_learns_a_few_queries_by_heart() -> None:
    """In a plain loop, without Lightning: the model, its loss and the batches."""
    usual, steps, rate = titled("shapes_slta"), 200, 2e-3
    experiment = replace(
        usual,
        candidates=CandidatesConfig(lengths_s=(2.5,), overlap=0.5, context_s=2.0),
        features=TINY.features,
        model=replace(
            shapes.SLTA,
            dropout=0.0,
            feature_dropout=0.0,
            offset_weight=1.0,
            grounding_weight=0.0,
        ),
        training=replace(
            usual.training,
            queries=8,
            queries_per_video=8,
            clip_dropout=0.0,
            noun_dropout=0.0,
        ),
    )
    split = few(open_splits(TINY, ("train",))["train"], 8, experiment.candidates)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, _ = training.new_model(experiment, split, None)
        draws = sampler(model, experiment, split)
        assert draws.usable == 8
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
            given = draws.draw(0, step)
            loss = model.loss(model(given.batch), given)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        table = measure(predict(model, split, experiment), "plain")
    finally:
        torch.set_num_threads(threads)
    assert table.recall(n=1, iou=0.7) == 1


@pytest.mark.slice
def test_what_was_trained_is_what_is_searched(
    once: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    """A query and a window score the same in a training batch as in their video."""
    model, _ = Run.open(once[0]).load()
    train = open_splits(TINY, ("train",))["train"]
    whole = replace(
        TINY, training=replace(TINY.training, clip_dropout=0.0, noun_dropout=0.0)
    )
    # What a pair scores is found before answers vote.
    candidates = replace(TINY.candidates, vote_iou=None)
    draws = sampler(model, whole, train)
    by_words = {q.word_vectors.tobytes(): i for i, q in enumerate(train.query_features)}
    compared = 0
    for step in range(3):
        given = draws.draw(0, step)
        assert isinstance(given, TrainingBatch)
        batch = given.batch
        with torch.no_grad():
            scores = model(batch)
        asked = [
            by_words[words[: int(mask.sum())].numpy().tobytes()]
            for words, mask in zip(batch.words, batch.word_mask, strict=True)
        ]
        for row in np.flatnonzero(given.matching.numpy()):
            number = asked[int(batch.pairs[row, 0])]
            query = train.queries[number]
            (found,) = score(
                model,
                train.videos[query.video_id],
                train.infos[query.video_id].duration_s,
                [train.query_features[number]],
                candidates,
                TINY.features.rate_hz,
            )
            assert query.truth is not None
            window = np.array([query.truth[0].start, query.truth[0].end])
            window -= given.offsets_s[row].numpy()
            (place,) = np.flatnonzero(np.abs(found.spans - window).max(axis=1) < 1e-4)
            assert found.relevance[place] == pytest.approx(
                float(scores.relevance[row]), abs=1e-5
            )
            assert found.offsets_s[place] == pytest.approx(
                scores.offsets_s[row].numpy(), abs=1e-5
            )
            compared += 1
    assert compared >= 8


@pytest.mark.slice
@pytest.mark.parametrize("steps", [STEPS, 1])
def test_a_training_that_diverges_stops_with_one_line_and_keeps_nothing_unevaluated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, steps: int
) -> None:
    """After one step it is the answers to val that are no numbers."""
    folder = tmp_path / "run"
    flags = [*FLAGS, "--training.learning-rate", "1e30", "--training.warmup", "0"]
    flags += ["--training.steps", str(steps)]
    called = call(capsys, "train", "shapes_slta", *flags, "--out", folder)
    says = (
        rf"NaN or infinite at batch \d+ of {folder}; no weights are kept, .* evaluated "
        ".*lower --training.learning-rate"
    )
    refused(called, says)
    assert not list(folder.glob("*.safetensors")) and not list(folder.glob("*.ckpt"))
    batch = int(re.findall(r"at batch (\d+)", called.err)[0])
    assert Run.open(folder).read("diverged") == {"batch": batch}
    says = "diverged before its first evaluation; train again with a lower --training.l"
    refused(call(capsys, "evaluate", folder), says)


@pytest.mark.slice
@pytest.mark.parametrize("spoils", ["the loss", "a weight"])
def test_a_training_that_diverges_later_keeps_the_best_that_was_evaluated(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    spoils: str,
) -> None:
    """A weight that no answer hangs on is seen at the next evaluation, not before."""
    loss, evaluated = SLTA.loss, Training.on_validation_epoch_end
    batches = iter(range(STEPS))

    def spoilt(model: SLTA, *given: Any) -> torch.Tensor:
        late = next(batches) == EVERY + 1 and spoils == "the loss"
        return loss(model, *given) * (torch.nan if late else 1)

    def spoiling(module: Training) -> None:
        if module.global_step > EVERY and spoils == "a weight":
            unused = torch.nn.Parameter(torch.tensor(torch.inf))
            module.model.register_parameter("unused", unused)
        evaluated(module)

    monkeypatch.setattr(SLTA, "loss", spoilt)
    monkeypatch.setattr(Training, "on_validation_epoch_end", spoiling)
    folder = tmp_path / "run"
    called = call(capsys, "train", "shapes_slta", *FLAGS, "--out", folder)
    batch = EVERY + 1 if spoils == "the loss" else 2 * EVERY - 1
    says = (
        f"{spoils} is NaN or infinite at batch {batch} of .*weights.safetensors keeps "
        f"the best on val, of step {EVERY};"
    )
    assert called.code == 2
    (line,) = called.err.splitlines()
    assert re.search(says, line), line
    assert not (folder / "results.json").exists()
    (row,) = content(folder, "history")["evaluations"]
    assert row["step"] == EVERY
    model, about = Run.open(folder).load()
    assert about.step == EVERY
    assert all(values.isfinite().all() for values in model.parameters())
    val = open_splits(TINY, ("val",))["val"]
    again = measure(predict(model, val, TINY), "ctrl").as_dict()
    assert again == pytest.approx({name: row[name] for name in again}, rel=1e-6)
    printed = call(capsys, "evaluate", folder)
    assert printed.code == 0 and "test: " in printed.out


def test_what_another_process_refuses_is_refused_in_one_line() -> None:
    """torch hands on the text of what another process raised, traceback and all."""
    try:
        raise InputError("the loss is no longer a number at batch 3; look for NaN")
    except InputError:
        said = f"\n\n-- Process 1 terminated:\n{traceback.format_exc()}"
    stopped = ProcessRaisedException(said, error_index=1, error_pid=7)
    trainer = lightning.Trainer(
        logger=False, accelerator="cpu", enable_checkpointing=False
    )
    with (
        pytest.raises(InputError, match=r"^the loss is no longer .* look for NaN$"),
        lightning_parts._stoppable(trainer),
    ):
        raise stopped
    other = ProcessRaisedException("RuntimeError: odd", error_index=1, error_pid=7)
    with pytest.raises(ProcessRaisedException), lightning_parts._stoppable(trainer):
        raise other


@pytest.fixture
def spoilt(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A store in which a number of one training video is none."""
    store = tmp_path / "store"
    shutil.copytree(tiny().store, store)
    library = open_library(TINY, store)
    record = library.record(open_dataset(TINY).path("train_0002"))
    array: Float[np.ndarray, "t d"] = np.load(
        record.folder / "frames.npy", mmap_mode="r+", allow_pickle=False
    )
    array[7, 3] = np.nan
    yield store, "train_0002"


@pytest.mark.slice
def test_features_that_are_no_numbers_are_named_before_the_training(
    spoilt: tuple[Path, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store, video_id = spoilt
    folder = tmp_path / "run"
    options = [*FLAGS, "--out", folder, "--store", store]
    called = call(capsys, "train", "shapes_slta", *options)
    refused(called, f"features of the video '{video_id}' are not all finite; remove")
    assert not folder.exists(), "the name can be given again"


@pytest.mark.slice
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--features.extractor", "cell"), "unknown extractor 'cell'; did you mean"),
        (
            ("--candidates.lengths-s", "0.01"),
            "no query of train has a matching window; .*lengths",
        ),
        (("--dataset.val", "0"), "dataset.val must be in .1, 100000., got 0"),
    ],
)
def test_what_cannot_begin_leaves_no_run(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: tuple[str, ...],
    says: str,
) -> None:
    folder = tmp_path / "run"
    called = call(capsys, "train", "shapes_slta", *FLAGS, *options, "--out", folder)
    refused(called, says)
    assert not folder.exists()


@pytest.mark.slice
def test_a_wrong_extractor_is_named_before_films_are_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("SLTA_HOME", str(tmp_path / "home"))
    wrong = replace(TINY, features=replace(TINY.features, extractor="cell"))
    with pytest.raises(InputError, match="unknown extractor"):
        training.train("tiny", wrong, tmp_path / "run")
    assert not (tmp_path / "home" / "shapes").exists()


@pytest.mark.slice
def test_a_split_without_queries_is_not_tested(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dataset = open_dataset(TINY)
    fewer = replace(dataset, splits={**dataset.splits, "test_novel": ()})
    monkeypatch.setattr(training, "open_dataset", lambda *_: fewer)
    run = short(tmp_path / "run")
    assert run.read("results").keys() == {"test, ctrl"}
    assert not run.predictions_file("test_novel").exists()


@pytest.mark.slice
def test_a_damaged_state_is_named(
    stopped: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(stopped, tmp_path / "run"))
    os.truncate(folder / "last.ckpt", 1000)
    called = call(capsys, "train", "--resume", folder)
    refused(called, r"last\.ckpt is damaged .*; remove it to train from the start")


@pytest.mark.slice
def test_the_state_of_another_model_is_refused(
    stopped: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(stopped, tmp_path / "run"))
    state = torch.load(folder / "last.ckpt", weights_only=True)
    state["state_dict"].popitem()
    torch.save(state, folder / "last.ckpt")
    called = call(capsys, "train", "--resume", folder)
    refused(
        called, r"last\.ckpt is of another model; remove it to train from the start"
    )


def test_a_model_that_does_not_fit_into_the_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(training, "build", build)
    with pytest.raises(InputError, match=r"model slta does not fit into memory .*can"):
        training.train("tiny", SHORT, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give a model and a data set: slta train MODEL --on DATA"),
        (
            ("shapes_slto",),
            "unknown experiment 'shapes_slto'; did you mean shapes_slta ",
        ),
        (("--resume", "{}/none"), "none is not a run folder, as it has no config.json"),
        (
            ("--resume", "{}", "--out", "{}/a"),
            "--out is for a new run, and --resume .*; leave",
        ),
        (("shapes_slta", "--out", "{}"), "exists; continue it with"),
        (
            ("shapes_slta", "--training.precision", "8-bit"),
            "precision.*8-bit|8-bit.*prec",
        ),
    ],
)
def test_a_command_that_cannot_be_followed_is_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    given = [each.format(tmp_path) for each in arguments]
    refused(call(capsys, "train", *given), says)
    assert not list(tmp_path.iterdir())


@pytest.mark.slice
def test_mixed_precision_trains_and_answers_as_search_does(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny().enter(monkeypatch)
    folder = tmp_path / "run"
    mixed = "--training.precision", "bf16-mixed", "--out", folder
    called = call(capsys, "train", "shapes_slta", *FLAGS, *mixed)
    assert called.code == 0, called.err
    run = Run.open(folder)
    trained, _ = run.load()
    assert {values.dtype for values in trained.parameters()} == {torch.float32}
    val = open_splits(run.experiment, ("val",))["val"]
    with torch.autocast("cpu", torch.bfloat16):
        answers = predict(trained, val, run.experiment)
    found = measure(answers, "ctrl").mean("R@1, IoU=0.5")
    history = run.read("history")["evaluations"]
    assert found == max(each["R@1, IoU=0.5"] for each in history)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_every_precision_can_be_asked_for(precision: Any) -> None:
    assert TrainingConfig(precision=precision).precision == precision


def test_a_state_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    says = r"last\.ckpt cannot be written .*; make room, then go on with 'slta train"
    with pytest.raises(InputError, match=says):
        lightning_parts.WholeCheckpoints().save_checkpoint(
            {}, tmp_path / "run" / "last.ckpt"
        )


@pytest.mark.slice
def test_one_training_parses_each_file_of_annotations_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[str] = Counter()
    parse = own._of_lines

    def counted(found: Annotations, file: Path) -> list[own._Row]:
        parsed[file.name] += 1
        return parse(found, file)

    monkeypatch.setattr(own, "_of_lines", counted)
    made = open_dataset(TINY)
    root = tmp_path / "own"
    root.mkdir()
    (root / "videos").symlink_to(made.videos)
    for file in made.folder.glob("*.jsonl"):
        shutil.copy2(file, root)  # with its time: what is new is not relied upon
    experiment = replace(SHORT, dataset=own.OwnConfig(root=str(root)))
    parsed.clear()
    training.train("own", experiment, tmp_path / "run")
    assert parsed == {f"{name}.jsonl": 1 for name in made.splits}
