"""Checks of a data set on disk, and the report of what they found."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slta import video
from slta.datasets import trainable
from slta.datasets.annotations import ROUNDING_S, Annotations, Problem
from slta.datasets.base import VideoFolder
from slta.datasets.source import Count, Length, Source
from slta.errors import InputError
from slta.features.layouts import open_preextracted
from slta.features.layouts.base import Layout, Look, Unreadable, look_at
from slta.moments import Query
from slta.progress import Progress


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
    absent: dict[str, int] = field(default_factory=dict)
    """Queries without a moment, of the splits that have some."""
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
            "splits": {
                split: count.to_json() | self._absent_in(split)
                for split, count in self.counts.items()
            },
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

    def _absent_in(self, split: str) -> dict[str, int]:
        return {"without_moment": self.absent[split]} if split in self.absent else {}


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "entry": problem.entry,
        "what": problem.what,
        "remedy": problem.remedy,
        "kind": problem.oddity,
    }


Recall = Callable[[Path], Look | None]
"""What the store knows of a video, so that it need not be opened."""
ROUGH = 0.01
"""Relative tolerance of lengths in annotations."""
SHARE = 0.05
"""Relative tolerance between the lengths of a video file and its features."""


def nothing(_: Path) -> None:
    """A ``Recall`` that knows no video."""


def check(
    source: Source,
    root: Path,
    progress: Progress | None = None,
    features: str = "",
    recall: Recall = nothing,
    *,
    films: bool = False,
) -> Report:
    """Checks annotations and, as training would use them, the pre-extracted ``features`` of
    that name or (``films``) the videos; without either, whatever the folder has.

    Raises ``InputError`` only if the folder is missing.
    """
    report = Report(root, expected=source.counts)
    annotations = source.read(root)
    names = _video_ids(annotations)
    layouts = [] if films else _opened(features, root, names, report)
    looks = {
        layout: _look(layout, names, annotations, report, progress, recall)
        for layout in layouts or ()
    }
    files = {} if features else _films(root, names, report)
    lengths = _lengths(looks, files, report, recall)
    if source.read_knowing is not None and lengths:
        annotations = source.read_knowing(root, lengths)
    report.counts = {
        split: Count(
            len({query.video_id for query in queries}),
            len(queries),
            annotations.pairs(queries),
        )
        for split, queries in annotations.splits.items()
    }
    report.absent = {
        split: count
        for split, queries in annotations.splits.items()
        if (count := sum(query.truth == () for query in queries))
    }
    report.durations_s = {n: length.duration_s for n, length in lengths.items()}
    report.durations_s |= {
        n: s for n, s in annotations.durations_s.items() if n in names
    }
    report.splits = annotations.trained(source.splits(annotations))
    report.files = {
        name: trainable.file_of(annotations, name) for name in report.splits
    }
    report.oddities += [
        each for each in annotations.problems if each.oddity is not None
    ]
    report.refusals = annotations.faults + report.refusals
    _missing(annotations, looks, files, report)
    if layouts is not None:
        needed = films or source.with_videos
        report.refusals += _nowhere(
            annotations, layouts, report, features, needed=needed
        )
    report.refusals += _splits(annotations, report, looks, source.get)
    reported = {problem.file for problem in report.refusals}
    report.unpublished += [
        *(
            Problem(path, None, "is missing", f"get it from {source.get}")
            for path in annotations.absent
            if path not in reported
        ),
        *_counted(annotations, source, report),
    ]
    report.warnings += trainable.warnings(annotations, report.splits)
    return report


def _splits(
    annotations: Annotations,
    report: Report,
    looks: Mapping[Layout, Mapping[str, Look]],
    get: str,
) -> Iterable[Problem]:
    yield from trainable.refusals(annotations, report.splits, get)
    steps_s = [
        (layout.videos[name], look.step_s)
        for layout, seen in looks.items()
        for name, look in seen.items()
        if not layout.spread
    ]
    yield from trainable.units(annotations, report.splits, report.durations_s, steps_s)


def _opened(
    features: str, root: Path, names: list[str], report: Report
) -> list[Layout] | None:
    """The layouts to check; None, and reported, if the file cannot be read."""
    if not features:
        layout = open_preextracted("preextracted", root).layout
        return [layout] if (root / "features").is_dir() and layout.videos else []
    try:
        return [open_preextracted(features, root).layout]
    except Unreadable as error:
        report.refusals.append(Problem(error.file, None, error.what, error.remedy))
        report.features.append(Features(features.partition(":")[0], 0, {}, names))
        return None


def _video_ids(annotations: Annotations) -> list[str]:
    return list(
        dict.fromkeys(
            q.video_id for queries in annotations.splits.values() for q in queries
        )
    )


def _counted(
    annotations: Annotations, source: Source, report: Report
) -> Iterable[Problem]:
    for split, expected in source.counts.items():
        count = report.counts.get(split)
        if count is None or count.fits(expected):
            continue
        what = f"has {count}, not {expected}"
        remedy = "correct its faults, or get the file again"
        yield Problem(annotations.split_files[split], None, what, remedy)


def _look(
    layout: Layout,
    names: list[str],
    annotated: Annotations,
    report: Report,
    progress: Progress | None,
    recall: Recall,
) -> dict[str, Look]:
    """Checks the features of every annotated video; reports problems."""
    looks: dict[str, Look] = {}
    there = [name for name in names if name in layout.videos]
    for done, name in enumerate(there, start=1):
        duration_s = annotated.durations_s.get(name)
        looks[name] = recall(Path(name)) or look_at(layout, name, duration_s)
        report.refusals += [
            Problem(file, None, *rest) for file, *rest in looks[name].problems
        ]
        if progress:
            progress(done, len(there))
    for array in ("frames", "regions"):
        report.refusals += _sizes(layout, array, looks)
    report.refusals += _uneven(layout, looks)
    return looks


def _sizes(layout: Layout, array: str, looks: Mapping[str, Look]) -> Iterable[Problem]:
    """Videos whose vectors have another size than most."""
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
    """Videos with regions where most have none, or the reverse."""
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
    films, listed = {}, VideoFolder(folder)
    for name in names:
        if files := listed.of(name):
            films[name] = files[0]
        if len(files) > 1:
            others = " and ".join(path.name for path in files)
            what = f"is one of {len(files)} files of the video {name!r}: {others}"
            report.refusals.append(Problem(files[0], None, what, "keep one of them"))
    report.films = len(films)
    return films


def _lengths(
    looks: Mapping[Layout, Mapping[str, Look]],
    films: Mapping[str, Path],
    report: Report,
    recall: Recall,
) -> dict[str, Length]:
    """Lengths of the videos by their files or features."""
    lengths: dict[str, Length] = {}
    for layout, seen in looks.items():
        for name, look in seen.items():
            if look.duration_s is not None:
                # A video may continue after its last sample, or end before the next one.
                within_s = max(1.0, 2 * look.step_s, ROUGH * look.duration_s)
                lengths[name] = Length(look.duration_s, within_s, layout.videos[name])
    for name, path in films.items():
        try:
            known = recall(path)
            length_s = known.duration_s if known else video.probe(path).duration_s
        except InputError as error:
            what, _, remedy = str(error).removeprefix(f"{path}").rpartition(": ")
            report.refusals.append(Problem(path, None, what.strip(), remedy))
            continue
        assert length_s is not None
        if (features := lengths.get(name)) is not None and features.file is not None:
            within_s = max(features.within_s, SHARE * length_s)
            if other := features._replace(within_s=within_s).disagrees(length_s):
                what = f"has {features.duration_s:.2f} s of {path.name}, which lasts "
                what += f"{length_s:.2f} s"
                report.refusals.append(Problem(features.file, None, what, other[1]))
        lengths[name] = Length(length_s, max(ROUNDING_S, ROUGH * length_s), path)
    return lengths


def _missing(
    annotations: Annotations,
    looks: Mapping[Layout, Mapping[str, Look]],
    films: Mapping[str, Path],
    report: Report,
) -> None:
    """Reports videos without features or without a file."""
    names = _video_ids(annotations)
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
    annotations: Annotations,
    layouts: list[Layout],
    report: Report,
    features: str,
    *,
    needed: bool,
) -> Iterable[Problem]:
    """Videos without what training uses: a file, or pre-extracted features."""
    videos = report.root / "videos"
    if layouts and (features or report.films is None):
        where = [layout.expected for layout in layouts]
        missing = [name for entry in report.features for name in entry.missing]
        lacks = "no features"
    elif report.films is not None:
        missing, lacks, where = (
            report.missing_films,
            "no file",
            [lambda video_id: str(videos)],
        )
    else:
        if needed:
            remedy = f"put the videos into {videos}, or pre-extracted features into "
            remedy += f"{report.root / 'features'}"
            yield Problem(report.root, None, "has neither videos nor features", remedy)
        return
    put = "put it into" if lacks == "no file" else "put them into"
    report.nowhere = list(dict.fromkeys(missing))
    for name in report.nowhere:
        places = " and ".join(place(name) for place in where)
        what = f"names the video {name!r}, which has {lacks}"
        file, line = annotations.first_lines[name]
        yield Problem(file, line, what, f"{put} {places}, or correct its id")
