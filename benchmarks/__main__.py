"""Measures everything and writes it into results/ and the tables of the docs.

    python -m benchmarks [questions] [parts] [speed] [scoring] [memory] [protocols]
                         [pairs] [nouns] [extractors] [parameters]
                         [layouts] [planted] [composites] [composites-parts]
                         [composites-faults] [ways] [shapes] [models] [models-slots]
                         [tables]

Without a word, all of them, in that order. The ``composites``, ``shapes`` and ``models``
train for hours where their runs are not there yet; ``composites-so-far`` and the like
measure what is trained by now. ``ways-on-gpu``, too, has to be asked for: it needs a GPU.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import (
    attention,
    extractors,
    layouts,
    memory,
    models,
    nouns,
    pairs,
    parameters,
    parts,
    planted,
    protocols,
    questions,
    scoring,
    shapes,
    speed,
    tables,
    ways,
)
from slta import provenance
from slta.search import Searcher

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
VIDEOS = DATA / "videos"
STEPS = (
    *("questions", "parts", "speed", "scoring", "memory", "protocols", "pairs"),
    *(
        "nouns",
        "extractors",
        "parameters",
        "layouts",
        "planted",
        "composites",
        "composites-parts",
        "composites-faults",
        "ways",
        "shapes",
        "models",
        "models-slots",
        "tables",
    ),
)
SO_FAR: dict[str, Callable[[], dict[str, Any]]] = {
    "composites": models.on_composites_so_far,
    "composites-parts": models.parts_on_composites_so_far,
    "composites-faults": models.faults_on_composites_so_far,
    "shapes": shapes.summary,
    "models": models.on_shapes_so_far,
    "models-slots": models.slots_on_shapes_so_far,
}
"""Those that can also measure what is trained by now, as ``NAME-so-far``."""
ASKED_FOR = ("ways-on-gpu", *(f"{name}-so-far" for name in SO_FAR))


def main(wanted: list[str]) -> None:
    known = (*STEPS, *ASKED_FOR)
    if unknown := set(wanted) - {*known}:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; choose from {known}")
    wanted = wanted or list(STEPS)
    asking = {"questions": questions.measure, "parts": parts.measure}
    for name in [name for name in asking if name in wanted]:
        _need(VIDEOS, "the questions are asked of it, too")
        with tempfile.TemporaryDirectory() as store:
            _keep(name, asking[name](VIDEOS, Searcher(store=store)))
    compared: dict[str, tuple[Callable[[Path], dict[str, Any]], Path, str]] = {
        "protocols": (protocols.measure, SHARED, "the field's answers are there"),
        "pairs": (pairs.measure, DATA, "the pairs are made of what it holds"),
        "nouns": (nouns.measure, DATA, "the nouns are compared with those there"),
        "extractors": (
            extractors.measure,
            VIDEOS,
            "the extractors look at a film there",
        ),
        "planted": (planted.measure, DATA, "the queries are there"),
        "composites": (models.on_composites, SHARED, "the clips are there"),
        "composites-parts": (models.parts_on_composites, SHARED, "the clips are there"),
        "composites-faults": (
            models.faults_on_composites,
            SHARED,
            "the clips are there",
        ),
        "ways": (ways.measure, SHARED, "the clips are there"),
        "ways-on-gpu": (ways.measure_on_gpu, SHARED, "the clips are there"),
    }
    for name, (measure, folder, why) in compared.items():
        if name in wanted:
            _need(folder, why)
            _keep(name, measure(folder))
    alone = {
        "speed": speed.measure,
        "scoring": scoring.measure,
        "memory": memory.measure,
        "parameters": parameters.measure,
        "layouts": layouts.measure,
        "shapes": shapes.measure,
        "models": models.on_shapes,
        "models-slots": models.slots_on_shapes,
    }
    for name in [name for name in alone if name in wanted]:
        _keep(name, alone[name]())
    for name, measured in SO_FAR.items():
        if f"{name}-so-far" in wanted:
            _keep(name, measured(), command=f"{name}-so-far")
    if {"shapes", "shapes-so-far"} & {*wanted}:
        attention.draw(shapes.usual_run(), ROOT / "docs" / "images")
    for name in ("composites", "models"):
        if {name, f"{name}-so-far"} & {*wanted}:
            found = json.loads((RESULTS / f"{name}.json").read_text())
            models.draw(found, ROOT / "docs" / "images", name)
    if "tables" in wanted:
        tables.write(ROOT)


def _need(folder: Path, why: str) -> None:
    if not folder.is_dir():
        sys.exit(f"{folder} is missing; {why}")


def _keep(name: str, measured: dict[str, Any], command: str = "") -> None:
    about = {
        "command": f"python -m benchmarks {command or name}",
        "commit": provenance.commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": provenance.machine(),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"about": about, **measured}, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
