"""Measures everything and writes it into results/ and the tables of the docs.

    python -m benchmarks [questions] [parts] [trust] [eyes] [speed] [scoring] [memory] [protocols]
                         [pairs] [nouns] [extractors] [parameters]
                         [layouts] [library] [page] [planted] [composites] [composites-parts]
                         [composites-faults] [ways] [demo] [shapes] [models]
                         [models-slots] [tables]

Without a word, all of them, in that order. The ``composites``, ``shapes`` and ``models``
train for hours where their runs are not there yet; ``composites-so-far`` and the like
measure what is trained by now. ``ways-on-gpu``, too, has to be asked for: it needs a GPU.
``extractors --extractor clip`` compares zero-shot search with that of other extractors.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import (
    attention,
    demo,
    extractors,
    eyes,
    layouts,
    library,
    memory,
    models,
    nouns,
    page,
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
    trust,
    ways,
)
from slta.search import Searcher
from slta.training import provenance

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
VIDEOS = DATA / "videos"
CLIPS = SHARED, "the clips are there"


class Step(NamedTuple):
    measure: Callable[..., dict[str, Any]]
    needs: Path | None = None
    """A folder that it is given."""
    why: str = ""


def _asking(
    measure: Callable[[Path, Searcher], dict[str, Any]], needs: Path = VIDEOS
) -> Step:
    """With a store of its own, which is empty at first."""

    def measured(folder: Path) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as store:
            return measure(folder, Searcher(store=store))

    return Step(measured, needs, "the questions are asked of it, too")


STEPS: dict[str, Step] = {
    "questions": _asking(questions.measure),
    "parts": _asking(parts.measure),
    "trust": _asking(trust.measure, DATA / "clips"),
    "eyes": Step(eyes.measure, DATA, "the videos are there"),
    "speed": Step(speed.measure, DATA, "a film of real videos is extracted"),
    "scoring": Step(scoring.measure),
    "memory": Step(memory.measure),
    "protocols": Step(protocols.measure, SHARED, "the field's answers are there"),
    "pairs": Step(pairs.measure, DATA, "the pairs are made of what it holds"),
    "nouns": Step(nouns.measure, DATA, "the nouns are compared with those there"),
    "extractors": Step(
        extractors.measure, VIDEOS, "the extractors look at a film there"
    ),
    "parameters": Step(parameters.measure),
    "layouts": Step(layouts.measure),
    "library": Step(library.measure, DATA, "the videos are there"),
    "page": Step(page.measure, DATA, "the videos are there"),
    "planted": Step(planted.measure, DATA, "the queries are there"),
    "composites": Step(models.on_composites, *CLIPS),
    "composites-parts": Step(models.parts_on_composites, *CLIPS),
    "composites-faults": Step(models.faults_on_composites, *CLIPS),
    "ways": Step(ways.measure, *CLIPS),
    "demo": Step(demo.measure),
    "shapes": Step(shapes.measure),
    "models": Step(models.on_shapes),
    "models-slots": Step(models.slots_on_shapes),
}
"""In the order in which they are taken; the tables come last."""
SO_FAR: dict[str, Callable[[], dict[str, Any]]] = {
    "composites": models.on_composites_so_far,
    "composites-parts": models.parts_on_composites_so_far,
    "composites-faults": models.faults_on_composites_so_far,
    "shapes": shapes.summary,
    "trainings": shapes.ends,
    "models": models.on_shapes_so_far,
    "models-slots": models.slots_on_shapes_so_far,
}
"""Those that can also measure what is trained by now, as ``NAME-so-far``."""
ASKED_FOR: dict[str, Step] = {
    "ways-on-gpu": Step(ways.measure_on_gpu, *CLIPS),
    **{f"{name}-so-far": Step(measured) for name, measured in SO_FAR.items()},
}


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("wanted", nargs="*")
    parser.add_argument("--extractor", action="append", default=[])
    read = parser.parse_args(words)
    wanted, names = read.wanted, read.extractor
    if names and wanted != ["extractors"]:
        sys.exit("--extractor is for extractors; give that word alone")
    known = (*STEPS, "tables", *ASKED_FOR)
    if unknown := set(wanted) - {*known}:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; choose from {known}")
    if names:
        clips = _there(DATA / "clips", "the queries are there")
        measured = extractors.compare(names, clips)
        _keep("extractors-compared", measured)
        print(extractors.compared(measured["extractors"]))
        return
    wanted = wanted or [*STEPS, "tables"]
    for name, step in (STEPS | ASKED_FOR).items():
        if name in wanted:
            given = [] if step.needs is None else [_there(step.needs, step.why)]
            _keep(name, step.measure(*given))
    if {"shapes", "shapes-so-far"} & {*wanted}:
        attention.draw(shapes.usual_run(), ROOT / "docs" / "images")
    if "trust" in wanted:
        found = json.loads((RESULTS / "trust.json").read_text())
        trust.draw(found, ROOT / "docs" / "images")
    for name in ("composites", "models"):
        if {name, f"{name}-so-far"} & {*wanted}:
            found = json.loads((RESULTS / f"{name}.json").read_text())
            models.draw(found, ROOT / "docs" / "images", name)
    if "tables" in wanted:
        tables.write(ROOT)


def _there(folder: Path, why: str) -> Path:
    if not folder.is_dir():
        sys.exit(f"{folder} is missing; {why}")
    return folder


def _keep(name: str, measured: dict[str, Any]) -> None:
    about = {
        "command": f"python -m benchmarks {name}",
        "commit": provenance.commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": provenance.machine(),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"about": about, **measured}, indent=1, ensure_ascii=False)
    file = RESULTS / f"{name.removesuffix('-so-far')}.json"
    file.write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
