"""What a check of a data set found."""

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
    """Pre-extracted features that were found, in one layout."""

    layout: str
    videos: int
    """How many of the annotated videos have some."""
    shapes: dict[str, str]
    """Type and shape of each array, as most videos have it; t samples."""
    missing: list[str]


@dataclass(slots=True)
class Report:
    root: Path
    counts: dict[str, Count] = field(default_factory=dict)
    expected: Mapping[str, Count] = field(default_factory=dict)
    refusals: list[Problem] = field(default_factory=list)
    """What training refuses, too."""
    unpublished: list[Problem] = field(default_factory=list)
    """Where the files are not as published; what is there can be trained with."""
    warnings: list[Problem] = field(default_factory=list)
    """Where numbers will not mean anything."""
    oddities: list[Problem] = field(default_factory=list)
    features: list[Features] = field(default_factory=list)
    films: int | None = None
    """How many of the annotated videos have a file; None without a folder of them."""
    missing_films: list[str] = field(default_factory=list)
    nowhere: list[str] = field(default_factory=list)
    """Annotated videos without what they are trained with, each told as a refusal."""
    splits: Mapping[str, Sequence[Query]] = field(default_factory=dict)
    """As they are trained with."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Where the queries of each split are."""
    durations_s: Mapping[str, float] = field(default_factory=dict)
    """How long the videos are, as far as anything says so."""

    @property
    def faults(self) -> list[Problem]:
        return self.unpublished + self.refusals

    def refuse(self, again: str) -> None:
        """Raises ``InputError`` for the first thing that training refuses; ``again`` is
        the command that tells them all."""
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
