"""Trainings in processes of their own: why one failed, and that none is left behind."""

import fcntl
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slta.comparison import jobs
from slta.comparison.plan import Job
from slta.errors import InputError
from slta.runs.run import Run
from tests.comparison.conftest import PLAN
from tests.support.commands import command


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


def locked(run: Run) -> bool:
    """Whether a process trains it."""
    path = run.folder / "config.json"
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def until(happens: Callable[[], bool], *, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while not (done := happens()) and time.monotonic() < end:
        time.sleep(0.1)
    return done


@pytest.mark.slice
def test_no_training_outlives_a_comparison_that_is_killed(
    found: dict[str, Any],
) -> None:
    """With -9, which the comparison cannot pass on."""
    steps = 1_000_000
    flags = "--root", "own", "--store", "store", "--runs", "long", "--processes", 1
    grid = "--seeds", 0, "--learning-rates", 0.001, "--steps", steps
    parent = subprocess.Popen(
        command("compare", "own", *flags, *grid), stderr=subprocess.DEVNULL
    )
    run = Run(Path("long") / f"own-0.001-{steps}-0")
    try:
        assert until(lambda: locked(run), within_s=60)
        time.sleep(4)  # the training begins a little after it has the lock
        assert parent.poll() is None
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert until(lambda: not locked(run), within_s=30)
    log = run.folder.with_name(run.folder.name + ".log").read_text()
    assert "interrupted; go on with 'slta train --resume" in log
    assert not run.is_finished
