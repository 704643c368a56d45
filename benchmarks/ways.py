"""The same training in other ways, on the composites: in two processes, and with numbers
of half the size.

    python -m benchmarks ways

The batches of two processes are half as large each, so that a step learns from as many
queries. Runs lie in $SLTA_HOME/benchmarks/ways and are not made twice.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.models import made_composites
from slta.checkpoints import Run
from slta.compared import numbers
from slta.comparison import is_finished
from slta.experiments import experiment
from slta.folders import home

NAME = "composites_slta"
QUERIES = experiment(NAME).training.queries
WAYS: dict[str, tuple[str, ...]] = {
    "as it is": ("--training.threads", "1"),
    "two processes": (
        *("--training.threads", "1", "--training.processes", "2"),
        *("--training.queries", str(QUERIES // 2)),
    ),
    "bf16-mixed": ("--training.threads", "1", "--training.precision", "bf16-mixed"),
}
SPLITS = ("test", "test_novel")


def measure(shared: Path) -> dict[str, Any]:
    root = made_composites(shared)
    runs = {way: _trained(way, flags, root) for way, flags in WAYS.items()}
    first = next(iter(runs.values()))
    return {
        "experiment": NAME,
        "ways": {
            way: {
                **{
                    name: run.read("provenance")[name] for name in ("seconds", "commit")
                },
                **{split: numbers([run], [first], split) for split in SPLITS},
            }
            for way, run in runs.items()
        },
    }


def _trained(way: str, flags: tuple[str, ...], root: str) -> Run:
    run = Run(home() / "benchmarks" / "ways" / way.replace(" ", "_"))
    if is_finished(run):
        return run
    words = [NAME, "--out", str(run.folder), "--dataset.root", root, *flags]
    if (run.folder / "config.json").exists():
        words = ["--resume", str(run.folder)]
    subprocess.run([sys.executable, "-m", "slta.cli", "train", *words], check=True)
    return run
