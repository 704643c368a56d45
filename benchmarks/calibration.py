"""Fits EVEN and STEEP of ``slta.search.evidence`` on clips that are not measured on.

    python -m benchmarks.calibration FOLDER

FOLDER has the files that calibration.json names, out of three public repositories, after
sam_, vl_ and in_:
facebookresearch/sam2 (demo/data/gallery), DAMO-NLP-SG/Video-LLaMA (examples) and
intel-iot-devkit/sample-videos (preview, asl_gestures). Prints the two numbers, and
writes what they were fitted on to results/calibration.json.
"""

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from benchmarks.trust import measured, sure
from slta.search import Searcher, evidence
from slta.training import provenance

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    sentences: dict[str, Any] = json.loads((HERE / "calibration.json").read_text())
    videos = {name: folder / name for name in sentences["present"]}
    with tempfile.TemporaryDirectory() as store:
        searcher = Searcher(store=store)
        indexed = {name: searcher.index(path) for name, path in videos.items()}
        present = [
            confidence
            for name, queries in sentences["present"].items()
            for query in queries
            for confidence in sure(searcher, [indexed[name]], query)
        ]
        absent = [
            confidence
            for query in sentences["absent"]
            for confidence in sure(searcher, [*indexed.values()], query)
        ]
        even, steep = fitted(fits(present), fits(absent))
        print(f"EVEN {even:.2f}, STEEP {steep:.2f}")
        found = {
            "about": {
                "command": "python -m benchmarks.calibration FOLDER",
                "commit": provenance.commit(),
                "date": datetime.now(UTC).date().isoformat(),
                "machine": provenance.machine(),
            },
            "even": round(even, 3),
            "steep": round(steep, 3),
            "videos": len(videos),
            **measured(videos, {**sentences, "nonsense": ["x"]}, searcher),
        }
    file = HERE / "results" / "calibration.json"
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def fits(confidence: list[float]) -> Float[np.ndarray, " n"]:
    """The fit behind each confidence of a video of one scene."""
    inside = np.clip(confidence, 1e-12, 1 - 1e-12)
    odds = np.log(inside / (1 - inside))
    return evidence.EVEN + odds / evidence.STEEP


def fitted(
    present: Float[np.ndarray, " n"], absent: Float[np.ndarray, " m"]
) -> tuple[float, float]:
    """The logistic under which what is there and what is not, taken as if as many, are
    likeliest."""

    def unlikely(line: Float[np.ndarray, "2"]) -> float:
        even, steep = line
        said_absent = np.logaddexp(0, -steep * (present - even)).mean()
        said_present = np.logaddexp(0, steep * (absent - even)).mean()
        return float(said_absent + said_present)

    even, steep = minimize(unlikely, [1.5, 2.0], method="Nelder-Mead").x
    return float(even), float(steep)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
