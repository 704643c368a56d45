"""Kills ``slta index`` at random moments, over and over, and looks at what is left.

python -m tests.stress.kill_index --kills 100
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.support.killing import kill_often

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "index-kills.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--films", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    command = parser.parse_args()
    from slta.training import (
        provenance,
    )  # takes seconds, which the children do not need

    start = time.monotonic()
    with tempfile.TemporaryDirectory() as top:
        found = kill_often(
            Path(top) / "world",
            kills=command.kills,
            films=command.films,
            seed=command.seed,
        )
    about = {
        "command": f"python -m tests.stress.kill_index --kills {command.kills}",
        "commit": provenance.commit(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": provenance.machine(),
    }
    seconds = round(time.monotonic() - start)
    report = {"about": about, **found, "seconds": seconds}
    RESULT.write_text(json.dumps(report, indent=1) + "\n")
    print(RESULT.read_text())
    same = found["same_index"] and found["same_answers"]
    wrong = found["lost"] + found["doubled"] + found["faults"] + found["tracebacks"]
    if wrong or not same:
        sys.exit("the index is not what it has to be")


if __name__ == "__main__":
    main()
