"""Measures everything and writes it into results/ and the tables of the docs.

    python -m benchmarks [questions] [parts] [speed] [scoring] [pairs] [shapes] [tables]

Without a word, all of them, in that order. ``shapes`` trains for hours where its runs are
not there yet.
"""

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import (
    attention,
    pairs,
    parts,
    questions,
    scoring,
    shapes,
    speed,
    tables,
)
from slta import provenance
from slta.search import Searcher

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
DATA = ROOT.parent / "shared" / "data"
VIDEOS = DATA / "videos"
STEPS = ("questions", "parts", "speed", "scoring", "pairs", "shapes", "tables")
SO_FAR = "shapes-so-far"


def main(wanted: list[str]) -> None:
    unknown = set(wanted) - {*STEPS, SO_FAR}
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; choose from {STEPS}")
    wanted = wanted or list(STEPS)
    asking = {"questions": questions.measure, "parts": parts.measure}
    for name in [name for name in asking if name in wanted]:
        if not VIDEOS.is_dir():
            sys.exit(f"{VIDEOS} is missing; the questions are asked of it, too")
        with tempfile.TemporaryDirectory() as store:
            _keep(name, asking[name](VIDEOS, Searcher(store=store)))
    alone = {
        "speed": speed.measure,
        "scoring": scoring.measure,
        "pairs": _pairs,
        "shapes": shapes.measure,
    }
    for name in [name for name in alone if name in wanted]:
        _keep(name, alone[name]())
    if SO_FAR in wanted:
        _keep("shapes", shapes.summary(), command=SO_FAR)
    if {"shapes", SO_FAR} & {*wanted}:
        attention.draw(shapes.run_of("full", 0), ROOT / "docs" / "images")
    if "tables" in wanted:
        tables.write(ROOT)


def _pairs() -> dict[str, Any]:
    if not DATA.is_dir():
        sys.exit(f"{DATA} is missing; the pairs are made of what it holds")
    return pairs.measure(DATA)


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
