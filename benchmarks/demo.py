"""The SLTA that ``make demo`` trains, with three seeds, against what sees no video.

    python -m benchmarks demo

Runs lie in $SLTA_HOME/benchmarks/demo and are not made twice. ``cpu_s`` is processor time,
which other work on the machine does not change much.
"""

import resource
from dataclasses import replace
from typing import Any

from slta.experiments import titled
from slta.experiments.opening import open_splits
from slta.files import home
from slta.runs.run import Run
from slta.training.train import train

NAME = "shapes_slta_small"
SEEDS = (0, 1, 2)


def measure() -> dict[str, Any]:
    return {"rows": [_row(seed) for seed in SEEDS]}


def _row(seed: int) -> dict[str, Any]:
    folder = home() / "benchmarks" / "demo" / str(seed)
    if not folder.exists():
        usual = titled(NAME)
        learning = replace(usual.training, seed=seed)
        open_splits(usual, ("train", "val", "test"))
        before = _cpu_s()
        run = train(NAME, replace(usual, training=learning), folder)
        run.write("cpu", {"cpu_s": round(_cpu_s() - before, 1)})
    run = Run.open(folder)
    measured = run.read("results")["test, ctrl"]
    return {
        "seed": seed,
        **run.read("cpu"),
        "commit": run.read("provenance")["commit"],
        **{name: measured[name] for name in ("step", "queries", "videos", "answers")},
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
