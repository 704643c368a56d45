"""Models on one data set, all with the same seeds.

    python -m benchmarks composites     on composites of real clips, made where there are
                                        none yet by the tool beside the real data
    python -m benchmarks composites-parts composites-faults
                                        SLTA on them without one of its parts each, and
                                        with one fault of the release each
    python -m benchmarks models         on Shapes
    python -m benchmarks models-slots   DETR-style models alone, and one with more steps
    python -m benchmarks composites-so-far composites-parts-so-far …
                                        measures what is trained

Runs lie in $SLTA_HOME/benchmarks and are not made twice; one that was stopped goes on.
$SLTA_PROCESSES says how many train at a time, else one a core.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from slta.comparison.compare import compare, so_far
from slta.comparison.plan import Job, Plan, default_processes
from slta.experiments import shapes
from slta.experiments.data import FAULTS, PARTS
from slta.files import home
from slta.plots import comparison
from slta.progress import Progress

SEEDS = (0, 1, 2)
LEARNING_RATES = {
    "composites": (0.002, 0.004),
    "composites-parts": (0.004,),
    "composites-faults": (0.004,),
    "models": (0.001, 0.004),
    "models-slots": (0.001, 0.004),
}
"""Of which every model takes what is best on val; SLTA without a part, or with a fault,
has one, as another rate moves it more than most parts do."""
ON_COMPOSITES = (
    "composites_slta",
    *("composites_role", "composites_ctrl", "composites_acrn", "composites_mcn"),
    *("composites_vsa_rnn", "composites_vsa_stv", "composites_video_only"),
    *("composites_query_only", "composites_moment_prior"),
    *("composites_tan2d", "composites_moment_detr", "composites_qd_detr"),
)
PARTS_ON_COMPOSITES = (
    "composites_slta",
    *(f"composites_slta_no_{part}" for part in PARTS[1:]),
)
FAULTS_ON_COMPOSITES = (
    "composites_slta",
    *(f"composites_slta_{fault}" for fault in FAULTS[1:]),
)
DETR_ON_SHAPES = ("shapes_moment_detr", "shapes_qd_detr")
ON_SHAPES = (
    "shapes_slta",
    *(
        f"shapes_{name}"
        for name in shapes.MODELS
        if not name.endswith(("detr", "tan2d"))
    ),
    "shapes_tan2d",
    *DETR_ON_SHAPES,
)
FIRST_STEPS = 4000
"""As Shapes' table gave to both; Moment-DETR has four times as many now."""


def on_composites(shared: Path) -> dict[str, Any]:
    made_composites(shared)
    return compare(composites(), told())


def made_composites(shared: Path) -> str:
    """Their folder; what is not there is made."""
    if not (_composites() / "test.jsonl").exists():
        _make_composites(shared, _composites())
    return str(_composites())


def on_composites_so_far() -> dict[str, Any]:
    return so_far(composites())


def parts_on_composites(shared: Path) -> dict[str, Any]:
    made_composites(shared)
    return compare(composites_parts(), told())


def parts_on_composites_so_far() -> dict[str, Any]:
    return so_far(composites_parts())


def faults_on_composites(shared: Path) -> dict[str, Any]:
    made_composites(shared)
    return compare(composites_faults(), told())


def faults_on_composites_so_far() -> dict[str, Any]:
    return so_far(composites_faults())


def on_shapes() -> dict[str, Any]:
    return compare(made_world(), told())


def on_shapes_so_far() -> dict[str, Any]:
    return so_far(made_world())


def slots_on_shapes() -> dict[str, Any]:
    longer = compare(slots_longer(), told())
    return {**compare(slots(), told()), "longer": longer}


def slots_on_shapes_so_far() -> dict[str, Any]:
    return {**so_far(slots()), "longer": so_far(slots_longer())}


def slots() -> Plan:
    """Its runs are the comparison's own."""
    plan = _plan("models-slots", DETR_ON_SHAPES)
    return replace(plan, runs=made_world().runs, steps=(FIRST_STEPS,))


def slots_longer() -> Plan:
    """Moment-DETR as its experiment is now, once."""
    usual = Job.usual("shapes_moment_detr", SEEDS[0])
    return replace(
        slots(),
        experiments=(usual.name,),
        seeds=(usual.seed,),
        learning_rates=(usual.learning_rate,),
        steps=(usual.steps,),
    )


def made_world() -> Plan:
    return _plan("models", ON_SHAPES)


def composites() -> Plan:
    return replace(_plan("composites", ON_COMPOSITES), root=str(_composites()))


def composites_parts() -> Plan:
    """Some of its runs are the comparison's own."""
    plan = _plan("composites-parts", PARTS_ON_COMPOSITES)
    return replace(plan, root=str(_composites()), runs=composites().runs)


def composites_faults() -> Plan:
    plan = _plan("composites-faults", FAULTS_ON_COMPOSITES)
    return replace(plan, root=str(_composites()))


def _composites() -> Path:
    return home() / "composites"


def _plan(name: str, names: Sequence[str]) -> Plan:
    return Plan(
        experiments=tuple(names),
        runs=home() / "benchmarks" / name,
        seeds=SEEDS,
        learning_rates=LEARNING_RATES[name],
        processes=int(os.environ.get("SLTA_PROCESSES", default_processes())),
    )


def told() -> Progress:
    """A line whenever one more run is done."""
    told = -1.0

    def tell(done: float, total: float) -> None:
        nonlocal told
        if done != told:
            told = done
            print(f"{done:g} of {total:g} runs", flush=True)

    return tell


def draw(found: dict[str, Any], folder: Path, name: str) -> None:
    """The three pictures, called by the name of the comparison."""
    for path in comparison.draw(found, folder):
        path.replace(path.with_name(f"{name}-{path.name}"))


def _make_composites(shared: Path, root: Path) -> None:
    data = shared / "data" / "nus_relation"
    words = [
        *(sys.executable, str(shared / "tools" / "make_composites.py")),
        *("--features", str(data / "features.npz")),
        *("--captions", str(data / "captions.json")),
        *("--out", str(root)),
    ]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
