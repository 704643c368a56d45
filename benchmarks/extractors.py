"""How long the extractors take, at the sizes of the published networks; and how well those
of a common space find and refuse, for whoever has their weights.

    python -m benchmarks extractors
    python -m benchmarks extractors --extractor clip --extractor siglip

For the time the weights are random: who has the published ones waits as long for them.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    ResNetConfig,
    RTDetrConfig,
    RTDetrForObjectDetection,
)

from benchmarks import trust
from benchmarks.films import QUESTIONS
from benchmarks.questions import present
from benchmarks.tables.cells import percent, table
from examples import photo_film
from slta.features import extractor, pinned
from slta.features.base import Extractor
from slta.features.extractors import c3d
from slta.search import Searcher
from slta.search.zero_shot import EXTRACTOR

FILM = "intel_bottle-detection.mp4"
RATE_HZ = 3.0
SAMPLES = 4
ROUNDS = 3


def measure(videos: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        named = {
            name: extractor(f"{name.partition(':')[0]}:{where}")
            for name, where in _weights(Path(folder)).items()
        }
        named["cells"] = extractor("cells")
        # In turn, so that whatever else runs on the machine delays all of them. In the
        # first round the weights are read, too.
        _, *rounds = [
            {name: _watched(each, videos) for name, each in named.items()}
            for _ in range(1 + ROUNDS)
        ]
    return {
        "film": FILM,
        "extractors": [
            {
                "name": name,
                "frame": rounds[0][name][0][0],
                "regions": rounds[0][name][0][1:],
                "seconds_a_sample": round(
                    statistics.median(seen[name][1] for seen in rounds), 3
                ),
                "times_cells": round(
                    statistics.median(
                        seen[name][1] / seen["cells"][1] for seen in rounds
                    )
                ),
            }
            for name in named
        ],
    }


def _weights(folder: Path) -> dict[str, str]:
    """Where the weights of each extractor lie, by its name."""
    torch.manual_seed(0)
    network, layout = c3d.C3DNetwork(), c3d.LAYOUTS[-1]
    torch.save(
        {
            f"{theirs}.{part}": values
            for name, theirs in zip(c3d.LAYERS, layout.names, strict=True)
            for part, values in network.layers[name].named_parameters()
        },
        folder / "c3d.pth",
    )
    last: dict[str, Any] = {"out_features": ["stage4"]}
    given: dict[str, Any] = {"use_timm_backbone": False}
    given["backbone_config"] = ResNetConfig(**last)
    DetrForObjectDetection(DetrConfig(**given)).save_pretrained(folder / "detr")
    RTDetrForObjectDetection(RTDetrConfig()).save_pretrained(folder / "rt-detr")
    return {
        "c3d:FILE": str(folder / "c3d.pth"),
        "detr:FOLDER": str(folder / "detr"),
        "detr-boxes:FOLDER": str(folder / "detr"),
        "detr:FOLDER (RT-DETR)": str(folder / "rt-detr"),
    }


def _watched(one: Extractor, videos: Path) -> tuple[tuple[int, int, int], float]:
    """The sizes of what it makes, and how long it takes a sample."""
    seen, begun = 0, time.perf_counter()
    pieces = one.watch(videos / FILM, rate_hz=RATE_HZ)
    while seen < SAMPLES:
        (piece,) = islice(pieces, 1)
        seen += len(piece.times_s)
    _, count, size = piece.regions.shape
    shape = piece.frames.shape[1], count, size
    return shape, (time.perf_counter() - begun) / seen


def compare(names: Sequence[str], clips: Path) -> dict[str, Any]:
    """Zero-shot search with the default extractor and with others, on the questions and the
    videos of docs/results/zero-shot.md."""
    sentences = json.loads((clips / "sentences.json").read_text())
    videos = {name: clips.parent / name for name in sentences["present"]}
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        truth = photo_film.compose(film)
        asked = QUESTIONS["photo_film"]["present"]
        rows = []
        for name in dict.fromkeys([EXTRACTOR, *names]):
            searcher = Searcher(name, store=Path(folder) / "store")
            answers = present(searcher, film, truth, asked)
            right = sum(answer["iou"] >= 0.5 for answer in answers)
            row = found(name, videos, sentences, searcher)
            rows.append({**row, "photo_film": {"right": right, "of": len(answers)}})
    return {"videos": len(videos), "extractors": rows}


def found(
    name: str, videos: dict[str, Path], sentences: dict[str, Any], searcher: Searcher
) -> dict[str, Any]:
    """What one extractor finds and refuses; the arguments are those of ``trust``."""
    measured = trust.measured(videos, sentences, searcher)
    kept = ("absent_told", "present_clear", "area_absent", "right_video")
    return {
        "extractor": pinned(name),
        "version": searcher.library.version,
        **{key: measured[key] for key in kept},
    }


def compared(rows: Sequence[dict[str, Any]]) -> str:
    """The table of ``compare``."""
    head = (
        "extractor, shown: clear, not shown: none, ROC area, right video, photos right"
    )
    return table(
        head.split(", "),
        [
            [
                f"`{row['extractor']}`",
                percent(row["present_clear"]),
                percent(row["absent_told"]),
                row["area_absent"],
                percent(row["right_video"]["sentences"]),
                "{right} of {of}".format(**row["photo_film"]),
            ]
            for row in rows
        ],
    )
