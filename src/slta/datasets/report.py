"""The report of a data set's check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slta.datasets.annotations import Problem
from slta.datasets.source import Count
from slta.errors import InputError
from slta.moments import Query


@dataclass(slots=True)
class Features:
    """Pre-extracted features in one layout."""

    layout: str
    videos: int
    """Number of annotated videos with features."""
    shapes: dict[str, str]
    """Most frequent type and shape of each array; t samples."""
    missing: list[str]


@dataclass(slots=True)
class Report:
    root: Path
    counts: dict[str, Count] = field(default_factory=dict)
    expected: Mapping[str, Count] = field(default_factory=dict)
    refusals: list[Problem] = field(default_factory=list)
    """Problems that stop training as well."""
    unpublished: list[Problem] = field(default_factory=list)
    """Differences from the published files that do not stop training."""
    warnings: list[Problem] = field(default_factory=list)
    """Too few queries for meaningful results."""
    oddities: list[Problem] = field(default_factory=list)
    features: list[Features] = field(default_factory=list)
    films: int | None = None
    """Number of annotated videos with a file; None without a folder of videos."""
    missing_films: list[str] = field(default_factory=list)
    nowhere: list[str] = field(default_factory=list)
    """Annotated videos without a file or features, each a refusal."""
    splits: Mapping[str, Sequence[Query]] = field(default_factory=dict)
    """Splits as used in training."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """The file of each split."""
    durations_s: Mapping[str, float] = field(default_factory=dict)
    """Known lengths of the videos."""

    @property
    def faults(self) -> list[Problem]:
        return self.unpublished + self.refusals

    def refuse(self, again: str) -> None:
        """Raises ``InputError`` for the first refusal; ``again`` is the command that shows
        all of them."""
        if self.refusals:
            more = len(self.refusals) - 1
            rest = f" ({more} more: {again})" if more else ""
            raise InputError(f"{self.refusals[0]}{rest}")

    def to_json(self) -> dict[str, Any]:
        return {
            "root": str(self.root),
            "ok": not self.faults,
            "splits": {split: count.to_json() for split, count in self.counts.items()},
            "faults": [_problem(each) for each in self.faults],
            "warnings": [_problem(each) for each in self.warnings],
            "oddities": [_problem(each) for each in self.oddities],
            "features": [
                {
                    "layout": each.layout,
                    "videos": each.videos,
                    "shapes": each.shapes,
                    "missing": each.missing,
                }
                for each in self.features
            ],
            "video_files": self.films,
            "missing_video_files": self.missing_films,
        }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "entry": problem.entry,
        "what": problem.what,
        "remedy": problem.remedy,
        "kind": problem.oddity,
    }
