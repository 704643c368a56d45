"""QVHighlights: queries with several spans, and the saliency of their clips.

Lei, Berg, Bansal: QVHighlights, Detecting Moments and Highlights in Videos via Natural
Language Queries, NeurIPS 2021. Clips are 2 s long.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from slta.datasets.annotations import Annotations, once
from slta.datasets.base import Dataset, Facts
from slta.datasets.reading import json_lines
from slta.datasets.source import Count, Source
from slta.fields import FieldError, identity, integers, pairs, positive, text

NAME: Final = "qvhighlights"
FILES = {
    "train": ("highlight_train_release.jsonl",),
    "val": ("highlight_val_release.jsonl",),
    # The ground truth of test was published later, in a separate file.
    "test": ("highlight_test_with_gt.jsonl", "highlight_test_release.jsonl"),
}
CLIP_S = 2.0
ANNOTATORS, MOST = 3, 4
TRUTH = ("relevant_windows", "relevant_clip_ids", "saliency_scores")


@dataclass(frozen=True, kw_only=True)
class QVHighlightsConfig:
    """QVHighlights, with saliency annotations."""

    name: ClassVar[str] = NAME
    root: str = "qvhighlights"
    """Folder with highlight_train_release.jsonl and the other official files."""


def load(config: QVHighlightsConfig) -> Dataset:
    return read(Path(config.root)).dataset(name=NAME)


@once
def read(root: Path) -> Annotations:
    annotations = Annotations(root)
    for split, names in FILES.items():
        if file := annotations.file(*names, split=split):
            for line, row in json_lines(annotations, file):
                _row(annotations, split, file, line, row)
    return annotations


def _row(
    annotations: Annotations, split: str, file: Path, line: int, row: dict[str, Any]
) -> None:
    try:
        query_id, video_id = identity(row, "qid"), identity(row, "vid")
        sentence, duration_s = text(row, "query"), positive(row, "duration")
        has_truth = any(name in row for name in TRUTH)
        spans = pairs(row, "relevant_windows") if has_truth else None
        facts = _facts(row, duration_s) if has_truth else None
    except FieldError as error:
        return annotations.fault(file, line, error.what, error.remedy)
    if annotations.durations_s.setdefault(video_id, duration_s) != duration_s:
        what = f"gives {video_id} a different length than before ({duration_s:g} s)"
        return annotations.fault(file, line, what, "get the file again")
    return annotations.add(
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
    clips = integers(row, "relevant_clip_ids")
    scores = integers(row, "saliency_scores", ANNOTATORS)
    if not ((clips >= 0) & (clips * CLIP_S < duration_s)).all():
        what = f"has a clip outside the video of {duration_s:g} s in relevant_clip_ids"
        raise FieldError(what, f"number its clips of {CLIP_S:g} s from 0 on")
    if len(scores) != len(clips):
        what = f"has saliency_scores of {len(scores)} clips for {len(clips)} clips"
        raise FieldError(what, "give each clip of relevant_clip_ids a row")
    if not ((scores >= 0) & (scores <= MOST)).all():
        what = f"has saliency_scores from {scores.min(initial=0)} to "
        raise FieldError(
            f"{what}{scores.max(initial=0)}", f"give each from 0 to {MOST}"
        )
    return Facts(clips=clips, saliency=scores)


SOURCE = Source(
    title="QVHighlights",
    files=", ".join(names[0] for names in FILES.values()),
    authors="Lei et al., NeurIPS 2021",
    get="the moment_detr repository, github.com/jayleicn/moment_detr, folder data",
    licence="CC BY-NC-SA 4.0",
    size="5.6 MB",
    film_h=421.6,
    videos="YouTube, see the same repository",
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
