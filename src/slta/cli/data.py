"""``slta data``: list, check, convert or describe data sets."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from slta.cli.arguments import parsed
from slta.cli.screen import notes, progress, screen
from slta.errors import InputError
from slta.files import check_writable

if TYPE_CHECKING:
    from slta.datasets.checking import Report
    from slta.datasets.statistics import Statistics
    from slta.training.readiness import Estimate

FAULTY = 1
"""Exit status of a check with faults."""
SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, kw_only=True)
class ListDataSets:
    """List the data sets, with their files, sources and licences."""

    json: bool = False
    """Print one JSON object instead of text."""


@dataclass(frozen=True, kw_only=True)
class OneDataSet:
    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Data set, by its name in 'slta data list'; own for your own data."""
    root: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder of the data set."""


@dataclass(frozen=True, kw_only=True)
class Check(OneDataSet):
    """Report all faults of a data set, by file and line."""

    features: Annotated[
        str, tyro.conf.arg(metavar="LAYOUT:DIR", help_behavior_hint="")
    ] = ""
    """Pre-extracted features to check, by the name for --features.extractor (default: the
    folder features in DIR)."""
    oddities: bool = False
    """List known oddities line by line instead of counting them."""
    json: bool = False
    """Print one JSON object instead of text."""


@dataclass(frozen=True, kw_only=True)
class Convert(OneDataSet):
    """Write a data set's annotations in the own-data format."""

    to: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder to write train.jsonl and the other splits into."""


@dataclass(frozen=True, kw_only=True)
class Stats(OneDataSet):
    """Show lengths of videos, spans and queries, and positions of moments."""

    plot: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Plot the positions and lengths of moments to this file (.png, .svg or .pdf)."""
    json: bool = False
    """Print one JSON object instead of tables."""


@dataclass(frozen=True, kw_only=True)
class ExportCorrections:
    """Write the corrections made on the page of 'slta serve' as your own data, to train on.

    Accepted moments, with their corrected ends, become the spans of their query in their
    video; those that overlap become one. A query whose moments in a video were all rejected
    becomes a query that the video does not show. Rejected moments beside accepted ones,
    moments without a verdict, notes, and videos that are not in the folder any more are left
    out. DIR gets train.jsonl, val.jsonl with a fifth of the videos, and videos/ with links
    to the files. Nothing is overwritten.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder that was served."""
    to: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder to write into."""
    split: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Write all to the one split of that name."""
    index: Annotated[
        str | None, tyro.conf.arg(metavar="PLACE", help_behavior_hint="")
    ] = None
    """Where the index lies (default: in $SLTA_HOME/indexes)."""


What = (
    Annotated[ListDataSets, tyro.conf.subcommand("list")]
    | Annotated[Check, tyro.conf.subcommand("check")]
    | Annotated[Convert, tyro.conf.subcommand("convert")]
    | Annotated[Stats, tyro.conf.subcommand("stats")]
    | Annotated[ExportCorrections, tyro.conf.subcommand("export-corrections")]
)


@dataclass(frozen=True, kw_only=True)
class DataSets:
    """List data sets; check, convert or describe one; write one from corrections."""


def data(arguments: Sequence[str]) -> None:
    """Runs ``slta data`` with the arguments after it."""
    command: Any = parsed(
        What,  # type: ignore[arg-type]
        arguments,
        prog="slta data",
        description=DataSets.__doc__,
    )
    try:
        COMMANDS[type(command)](command)
    except KeyboardInterrupt:
        if isinstance(command, Convert | ExportCorrections):
            raise
        # The other commands write nothing.
        raise KeyboardInterrupt("run the same command again") from None


def _list(command: ListDataSets) -> None:
    from slta.datasets import SOURCES

    rows = {
        name: {
            "title": each.title,
            "files": each.files,
            "authors": each.authors,
            "get": each.get,
            "licence": each.licence,
            "size": each.size,
            "film_h": each.film_h,
            "regions_gb": each.regions_gb and round(each.regions_gb, 1),
            "videos": each.videos,
            "layout": each.layout,
            "splits": {split: count.to_json() for split, count in each.counts.items()},
        }
        for name, each in SOURCES.items()
    }
    if command.json:
        screen.out(json.dumps(rows))
        return
    for name, row in rows.items():
        screen.print(f"[bold]{name}[/]: {row['title']}")
        for what in ("files", "get", "authors", "licence", "size", "layout", "videos"):
            head = "size of the files" if what == "size" else what
            screen.print(f"  {head}: {row[what]}", markup=False, soft_wrap=True)
        if film_h := row["film_h"]:
            regions_gb = row["regions_gb"]
            screen.print(
                f"  videos: {film_h:g} hours; region features as in SLTA's release take "
                f"{regions_gb:g} GB, half of that in the store",
                soft_wrap=True,
            )
        if counts := SOURCES[name].counts:
            shown = (f"{split} {count}" for split, count in counts.items())
            screen.print(f"  splits: {', '.join(shown)}", soft_wrap=True)


def _check(command: Check) -> None:
    from slta.datasets import source
    from slta.datasets.checking import check

    origin = source(command.name)
    with progress(f"checking {command.name}") as bar:
        report = check(origin, command.root, bar, command.features)
        duration = _training(command, report)
    if command.json:
        seconds = None if duration is None else round(duration.total_s, 1)
        screen.out(json.dumps({**report.to_json(), "training_s": seconds}))
    else:
        for line in lines(report, oddities=command.oddities):
            screen.print(line, markup=False, soft_wrap=True)
        if duration is not None:
            line = (
                f"training with 'slta train slta --on {command.name}' takes {duration}"
            )
            screen.print(line, markup=False, soft_wrap=True)
    if report.faults:
        sys.exit(FAULTY)


def _training(command: Check, report: "Report") -> "Estimate | None":
    """Estimated duration of training SLTA on own data, if it can be trained; what stops it
    is reported."""
    from slta.experiments import ALIASES, titled
    from slta.experiments.opening import resolve_extractor, with_root

    if report.refusals or command.name not in ALIASES:
        return None
    from slta.training.readiness import estimate, unmatched

    usual = with_root(command.name, titled(command.name), command.root)
    if command.features:
        features = replace(usual.features, extractor=command.features)
        usual = replace(usual, features=features)
    report.refusals += unmatched(usual, report)
    return None if report.refusals else estimate(resolve_extractor(usual), report)


def lines(report: "Report", *, oddities: bool = False) -> list[str]:
    """A report as lines: counts, oddities, warnings and faults."""
    said = []
    # These are reported as faults.
    nowhere = {*report.nowhere}
    for split, count in report.counts.items():
        fits = ""
        if (expected := report.expected.get(split)) is not None:
            fits = ", as published" if count.fits(expected) else ", NOT as published"
        if split in report.absent:
            fits += f"; {report.absent[split]} have no moment"
        said.append(f"{split}: {count}{fits}")
    for each in report.features:
        shapes = ", ".join(f"{name} {shape}" for name, shape in each.shapes.items())
        total = each.videos + len(each.missing)
        line = f"features ({each.layout}): {each.videos} of {total}"
        said.append(f"{line}: {shapes}" if shapes else line)
        said += [f"  without features: {n}" for n in each.missing if n not in nowhere]
    if report.films is not None:
        total = report.films + len(report.missing_films)
        said.append(f"video files: {report.films} of {total}")
        missing = (n for n in report.missing_films if n not in nowhere)
        said += [f"  without a file: {name}" for name in missing]
    if report.films is None and not report.features:
        said.append("neither features nor videos beside the annotations")
    kinds = Counter(each.oddity for each in report.oddities)
    for kind, times in kinds.items():
        said.append(f"odd, as known: {kind}, {times} times (docs/data-sets.md)")
        if oddities:
            said += [f"  {each}" for each in report.oddities if each.oddity == kind]
    said += [f"warning: {each}" for each in report.warnings]
    said += [f"wrong: {each}" for each in report.faults]
    number = len(report.faults)
    said.append(f"{number} faults" if number != 1 else "1 fault")
    return said


def _convert(command: Convert) -> None:
    from slta.datasets import source
    from slta.datasets.own import convert

    dataset = source(command.name).open(command.root)
    with progress(f"converting {command.name}") as bar:
        written = convert(dataset, command.to, bar)
    for path in written:
        count = len(dataset.splits[path.stem])
        screen.print(f"{path}: {count} queries", markup=False, soft_wrap=True)


def _export_corrections(command: ExportCorrections) -> None:
    from slta.index.library import Index
    from slta.serve.annotating import write_annotations

    index = Index.open(command.folder, place=command.index)
    done = write_annotations(index, command.to, command.split)
    line = f"{' and '.join(map(str, done.files))}: {done.queries} queries of {done.videos} videos, {done.spans} "
    line += f"spans; {done.empty} queries are not in their video"
    screen.print(line, markup=False, soft_wrap=True)
    for count, what in (
        (done.open, "moments without a verdict"),
        (done.wordless, "moments of queries without words"),
        (len(done.gone), f"videos that are not in the folder: {', '.join(done.gone)}"),
    ):
        if count:
            notes.print(f"left out: {count} {what}", markup=False, soft_wrap=True)


def _stats(command: Stats) -> None:
    from slta.datasets import source
    from slta.datasets.statistics import lengths_s, statistics

    if (file := command.plot) is not None:
        if file.suffix.lower() not in SUFFIXES:
            known = "a name that ends in .png, .svg or .pdf"
            raise InputError(f"--plot {file} cannot be drawn; give {known}")
        check_writable(file)
    dataset = source(command.name).open(command.root)
    unknown = [name for name in dataset.video_ids if name not in dataset.durations_s]
    with progress("reading lengths of videos") as bar:
        lengths = lengths_s(command.root, unknown, bar)
    lengths |= dataset.durations_s
    splits = statistics(replace(dataset, durations_s=lengths))
    if not splits:
        raise InputError(f"{command.root} has no queries; check its files")
    if command.json:
        rows: list[dict[str, Any]] = [each.to_json() for each in splits]
        screen.out(json.dumps(rows))
    else:
        for each in splits:
            _show(each)
    if file is not None:
        from slta.plots.charts import draw_statistics

        draw_statistics(command.name, splits, file)
        notes.print(f"drew {file}", markup=False, soft_wrap=True)


def _show(found: "Statistics") -> None:
    from rich.table import Table

    screen.print(
        f"\n{found.split}: {len(found.words)} queries of {found.videos} videos, "
        f"{found.vocabulary} distinct words"
    )
    for count, what in (
        (found.several, "have several spans"),
        (found.empty, "are not in their video"),
        (found.unknown, "have no ground truth"),
    ):
        if count:
            screen.print(f"  {count} {what}")
    rows = found.rows()
    table = Table(box=None, pad_edge=False)
    for head in ("", *next(iter(rows.values()))):
        table.add_column(head, justify="right" if head else "left")
    for name, values in rows.items():
        table.add_row(name, *(f"{value:.2f}" for value in values.values()))
    screen.print(table)


COMMANDS: dict[type[Any], Callable[[Any], None]] = {
    ListDataSets: _list,
    Check: _check,
    Convert: _convert,
    Stats: _stats,
    ExportCorrections: _export_corrections,
}
