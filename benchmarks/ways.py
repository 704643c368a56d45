"""The same training in other ways, on the composites: in two processes, and with numbers
of half the size.

    python -m benchmarks ways
    python -m benchmarks ways-on-gpu

The batches of two processes are half as large each, so that a step learns from as many
queries. Runs lie in $SLTA_HOME/benchmarks/ways and are not made twice.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.models import made_composites
from slta.comparison.summary import numbers
from slta.experiments import titled
from slta.files import home
from slta.runs.run import Run

NAME = "composites_slta"
QUERIES = titled(NAME).training.queries
WAYS: dict[str, tuple[str, ...]] = {
    "as it is": ("--training.threads", "1"),
    "two processes": (
        *("--training.threads", "1", "--training.processes", "2"),
        *("--training.queries", str(QUERIES // 2)),
    ),
    "bf16-mixed": ("--training.threads", "1", "--training.precision", "bf16-mixed"),
}
ON_GPU: dict[str, tuple[str, ...]] = {
    name: ("--training.threads", "1", "--training.precision", name)
    for name in ("32-true", "bf16-mixed", "16-mixed")
}
GPU_SEEDS = (0, 1, 2)
SPLITS = ("test", "test_novel")


def measure(shared: Path) -> dict[str, Any]:
    root = made_composites(shared)
    return _measured({way: [_trained(way, WAYS[way], root)] for way in WAYS})


def measure_on_gpu(shared: Path) -> dict[str, Any]:
    if not torch.cuda.is_available():
        raise SystemExit("ways-on-gpu needs a GPU, and torch finds none here")
    root = made_composites(shared)

    def trained(way: str, seed: int) -> Run:
        flags = (*ON_GPU[way], "--training.seed", str(seed))
        return _trained(f"gpu {way} {seed}", flags, root)

    return _measured({way: [trained(way, s) for s in GPU_SEEDS] for way in ON_GPU})


def _measured(runs: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """The others are compared with the first way."""
    first = next(iter(runs.values()))
    return {
        "experiment": NAME,
        "ways": {
            way: {
                **{
                    name: mine[0].read("provenance")[name]
                    for name in ("seconds", "commit", "machine")
                },
                **{split: numbers(mine, first, split) for split in SPLITS},
            }
            for way, mine in runs.items()
        },
    }


def _trained(way: str, flags: tuple[str, ...], root: str) -> Run:
    run = Run(home() / "benchmarks" / "ways" / way.replace(" ", "_"))
    if run.is_finished:
        return run
    words = [NAME, "--out", str(run.folder), "--dataset.root", root, *flags]
    if (run.folder / "config.json").exists():
        words = ["--resume", str(run.folder)]
    subprocess.run([sys.executable, "-m", "slta.cli", "train", *words], check=True)
    return run
