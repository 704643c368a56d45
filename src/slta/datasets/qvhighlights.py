"""QVHighlights: queries with several spans, and how salient each clip of them is.

Lei, Berg, Bansal: QVHighlights, Detecting Moments and Highlights in Videos via Natural
Language Queries, NeurIPS 2021. Clips are 2 s long.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from slta.datasets.annotations import Annotations
from slta.datasets.base import Dataset, Facts
from slta.datasets.reading import json_lines, number, pairs_of
from slta.datasets.source import Count, Source

NAME: Final = "qvhighlights"
FILES = {
    "train": ("highlight_train_release.jsonl",),
    "val": ("highlight_val_release.jsonl",),
    # The truth of test was published later, in a file of its own.
    "test": ("highlight_test_with_gt.jsonl", "highlight_test_release.jsonl"),
}
CLIP_S = 2.0
ANNOTATORS, MOST = 3, 4
TRUTH = ("relevant_windows", "relevant_clip_ids", "saliency_scores")


@dataclass(frozen=True, kw_only=True)
class QVHighlightsConfig:
    """QVHighlights, whose saliency is kept beside the true spans."""

    name: Literal["qvhighlights"] = NAME
    """Which data set it is; nothing to choose."""
    root: str = "qvhighlights"
    """Folder with highlight_train_release.jsonl and the other official files."""


def load(config: QVHighlightsConfig) -> Dataset:
    return read(Path(config.root)).dataset(name=NAME)


def read(root: Path) -> Annotations:
    found = Annotations(root)
    for split, names in FILES.items():
        if file := found.file(*names, split=split):
            for line, row in json_lines(found, file):
                _row(found, split, file, line, row)
    return found


def _row(
    found: Annotations, split: str, file: Path, line: int, row: dict[str, Any]
) -> None:
    try:
        query_id, video_id = str(row["qid"]), str(row["vid"])
        sentence, duration_s = str(row["query"]), number(row["duration"])
        if not 0 < duration_s < float("inf"):
            raise ValueError(f"duration {duration_s:g}")
        known = [name for name in TRUTH if name in row]
        if known and len(known) < len(TRUTH):
            raise ValueError(f"{known[0]} alone")
        spans = pairs_of(row["relevant_windows"]) if known else None
        facts = _facts(row, duration_s) if known else None
    except (KeyError, TypeError, ValueError) as error:
        what = f"is no query of QVHighlights ({error!r})"
        return found.fault(file, line, what, "get the file again")
    if found.durations_s.setdefault(video_id, duration_s) != duration_s:
        what = f"gives {video_id} another length than before ({duration_s:g} s)"
        return found.fault(file, line, what, "get the file again")
    return found.add(
        split,
        file,
        line,
        query_id=query_id,
        video_id=video_id,
        query=sentence,
        spans=spans,
        facts=facts,
    )


def _facts(row: dict[str, Any], duration_s: float) -> Facts:
    clips, saliency = np.array(row["relevant_clip_ids"]), row["saliency_scores"]
    if clips.ndim != 1 or clips.dtype.kind != "i":
        raise ValueError("relevant_clip_ids are no whole numbers")
    if not ((clips >= 0) & (clips * CLIP_S < duration_s)).all():
        raise ValueError(f"a clip after the end of {duration_s:g} s")
    scores = np.array(saliency)
    if scores.shape != (len(clips), ANNOTATORS) or scores.dtype.kind != "i":
        raise ValueError(f"saliency of {scores.shape} for {len(clips)} clips")
    if not ((scores >= 0) & (scores <= MOST)).all():
        raise ValueError(f"saliency outside 0 to {MOST}")
    return Facts(clips=clips, saliency=scores)


SOURCE = Source(
    title="QVHighlights",
    files=", ".join(names[0] for names in FILES.values()),
    authors="Lei et al., NeurIPS 2021",
    get="the moment_detr repository, github.com/jayleicn/moment_detr, folder data; "
    "videos: YouTube, see there",
    licence="CC BY-NC-SA 4.0",
    size="5.6 MB",
    layout='{"qid", "vid", "query", "duration", "relevant_windows": [[START, END]], '
    '"relevant_clip_ids", "saliency_scores"}, seconds and clips of 2 s',
    counts={
        "train": Count(7100, 7218),
        "val": Count(1519, 1550),
        "test": Count(1529, 1542),
    },
    read=read,
    open=lambda root: load(QVHighlightsConfig(root=str(root))),
)
