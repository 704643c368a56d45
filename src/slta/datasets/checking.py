"""All that is wrong with a data set on disk, against what is known of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slta import video
from slta.datasets.annotations import ROUNDING_S, Annotations, Problem
from slta.datasets.files import Files
from slta.datasets.source import Count, Length, Source
from slta.errors import InputError
from slta.features.layouts import asked
from slta.features.layouts.base import Layout, Look, Unreadable, look_at

Progress = Callable[[float, float], None]


@dataclass(slots=True)
class Features:
    """Ready features that were found, in one layout."""

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
    faults: list[Problem] = field(default_factory=list)
    oddities: list[Problem] = field(default_factory=list)
    features: list[Features] = field(default_factory=list)
    films: int | None = None
    """How many of the annotated videos have a file; None without a folder of them."""
    missing_films: list[str] = field(default_factory=list)

    @property
    def nowhere(self) -> list[str]:
        """Annotated videos with neither features nor a file."""
        lacking = [set(each.missing) for each in self.features]
        return [
            name for name in self.missing_films if all(name in each for each in lacking)
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "root": str(self.root),
            "ok": not self.faults,
            "splits": {split: count.to_json() for split, count in self.counts.items()},
            "faults": [_problem(each) for each in self.faults],
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


def check(
    source: Source,
    root: Path,
    progress: Progress | None = None,
    features: str = "",
) -> Report:
    """``features`` are ready ones, as an experiment names them; else those in the folder.

    Raises ``InputError`` only if there is no such folder.
    """
    report = Report(root, expected=source.counts)
    found = source.read(root)
    names = _video_ids(found)
    layouts = _opened(features, root, names, report)
    looks = {
        each: _look(each, names, found, report, progress) for each in layouts or ()
    }
    films = _films(root, names, report)
    lengths = _lengths(looks, films, report)
    if source.read_knowing is not None and lengths:
        found = source.read_knowing(root, lengths)
    report.counts = {
        split: Count(
            len({query.video_id for query in queries}),
            len(queries),
            found.pairs(queries),
        )
        for split, queries in found.splits.items()
    }
    report.oddities += [each for each in found.problems if each.oddity is not None]
    annotated = found.faults + [
        Problem(path, None, "is missing", f"get it from {source.get}")
        for path in found.absent
    ]
    report.faults = annotated + list(_counted(found, source, report)) + report.faults
    _missing(found, looks, films, report)
    if layouts is not None:
        report.faults += _nowhere(found, layouts, report)
    return report


def _opened(
    features: str, root: Path, names: list[str], report: Report
) -> list[Layout] | None:
    """None, and noted, where nothing of them can be read."""
    if not features:
        found = asked("ready", root).layout
        return [found] if (root / "features").is_dir() and found.videos else []
    try:
        return [asked(features, root).layout]
    except Unreadable as error:
        report.faults.append(Problem(error.file, None, error.what, error.remedy))
        report.features.append(Features(features.partition(":")[0], 0, {}, names))
        return None


def _video_ids(found: Annotations) -> list[str]:
    return list(
        dict.fromkeys(q.video_id for queries in found.splits.values() for q in queries)
    )


def _counted(found: Annotations, source: Source, report: Report) -> Iterable[Problem]:
    for split, expected in source.counts.items():
        count = report.counts.get(split)
        if count is None or count.fits(expected):
            continue
        what = f"has {count}, not {expected}"
        remedy = "mend its faults, or get the file again"
        yield Problem(found.split_files[split], None, what, remedy)


def _look(
    layout: Layout,
    names: list[str],
    annotated: Annotations,
    report: Report,
    progress: Progress | None,
) -> dict[str, Look]:
    """Looks at the features of every annotated video; what is wrong is noted."""
    looks: dict[str, Look] = {}
    there = [name for name in names if name in layout.videos]
    for done, name in enumerate(there, start=1):
        looks[name] = look_at(layout, name, annotated.durations_s.get(name))
        report.faults += [
            Problem(file, None, *each) for file, *each in looks[name].problems
        ]
        if progress:
            progress(done, len(there))
    for array in ("frames", "regions"):
        report.faults += _sizes(layout, array, looks)
    report.faults += _uneven(layout, looks)
    return looks


def _sizes(layout: Layout, array: str, looks: Mapping[str, Look]) -> Iterable[Problem]:
    """What has vectors of another size than most videos have."""
    parts = [
        layout.parts(name, array, look.shapes[array][1][-1])
        for name, look in looks.items()
        if array in look.shapes
    ]
    for alike in zip(*parts, strict=True):
        usual = Counter(size for _, size in alike).most_common(1)[0][0]
        for file, size in alike:
            if size != usual:
                what = f"has {array} of size {size}, others have {usual}"
                remedy = "make all features with the same extractor"
                yield Problem(file, None, what, remedy)


def _uneven(layout: Layout, looks: Mapping[str, Look]) -> Iterable[Problem]:
    """What has regions where most videos have none, or none where most have some."""
    read = {name: look for name, look in looks.items() if not look.problems}
    some = [name for name, look in read.items() if "regions" in look.shapes]
    none = [name for name, look in read.items() if "regions" not in look.shapes]
    if some and none:
        what, odd = "has no regions, most videos have some", none
        if len(some) <= len(none):
            what, odd = "has regions, most videos have none", some
        for name in odd:
            remedy = "make all features with the same extractor"
            yield Problem(layout.videos[name], None, what, remedy)


def _films(root: Path, names: list[str], report: Report) -> dict[str, Path]:
    folder = root / "videos"
    if not folder.is_dir():
        return {}
    found, listed = {}, Files(folder)
    for name in names:
        if files := listed.of(name):
            found[name] = files[0]
        if len(files) > 1:
            others = " and ".join(path.name for path in files)
            what = f"is one of {len(files)} files of the video {name!r}: {others}"
            report.faults.append(Problem(files[0], None, what, "keep one of them"))
    report.films = len(found)
    return found


def _lengths(
    looks: Mapping[Layout, Mapping[str, Look]],
    films: Mapping[str, Path],
    report: Report,
) -> dict[str, Length]:
    """How long the videos are, as their files or features say."""
    found = {}
    for layout in looks.values():
        for name, look in layout.items():
            if look.duration_s is not None:
                # A video may go on after its last sample, or end before the next one.
                found[name] = Length(look.duration_s, max(1.0, 2 * look.step_s))
    for name, path in films.items():
        try:
            length_s = video.probe(path).duration_s
            found[name] = Length(length_s, max(ROUNDING_S, 0.01 * length_s))
        except InputError as error:
            what, _, remedy = str(error).removeprefix(f"{path}").rpartition(": ")
            report.faults.append(Problem(path, None, what.strip(), remedy))
    return found


def _missing(
    found: Annotations,
    looks: Mapping[Layout, Mapping[str, Look]],
    films: Mapping[str, Path],
    report: Report,
) -> None:
    """Notes which videos have no features or no file."""
    names = _video_ids(found)
    for layout, seen in looks.items():
        missing = [name for name in names if name not in seen]
        shapes: dict[str, Counter[str]] = {}
        for look in seen.values():
            for array, (kind, shape) in look.shapes.items():
                text = ", ".join(["t", *map(str, shape[1:])])
                shapes.setdefault(array, Counter())[f"{kind} ({text})"] += 1
        most = {
            array: counter.most_common(1)[0][0] for array, counter in shapes.items()
        }
        report.features.append(Features(layout.name, len(seen), most, missing))
    report.missing_films = [name for name in names if name not in films]


def _nowhere(
    found: Annotations, layouts: list[Layout], report: Report
) -> Iterable[Problem]:
    """Videos with neither features nor a file, where others have some."""
    if not layouts and report.films is None:
        return
    videos = report.root / "videos"
    for name in report.nowhere:
        features = " and ".join(layout.expected(name) for layout in layouts)
        if not layouts:
            lacks, remedy = "no file", f"put it into {videos}"
        elif report.films is None:
            lacks, remedy = "no features", f"put them into {features}"
        else:
            lacks = "neither features nor a file"
            remedy = f"put it into {videos}, or its features into {features}"
        what = f"names the video {name!r}, which has {lacks}"
        file, line = found.first_lines[name]
        yield Problem(file, line, what, f"{remedy}, or mend its id")


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "entry": problem.entry,
        "what": problem.what,
        "remedy": problem.remedy,
        "kind": problem.oddity,
    }
