"""Exported moments are those that were found, for every program that reads them."""

import csv
import html
import json
import os
import re
import subprocess
import sys
import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta import video
from slta.errors import InputError
from slta.export.formats import SUFFIXES, Found, check_target, export
from slta.export.texts import in_a_line
from slta.export.timelines import reel_names
from slta.video.timing import timing
from tests.support.moments import moment
from tests.support.timelines import (
    Cut,
    read_edl,
    read_fcpxml,
    read_fcpxml_exactly,
    read_otio,
    seconds,
)
from tests.support.videos import coded, film, uneven

NTSC = Fraction(30000, 1001)
NAME = "Ein schöner 'Tag' \"am\" Fluß #1 100%20 & <b>\n001  AX V C 0 0"
TIMELINES = (".otio", ".edl", ".fcpxml")
ANY_TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r-><&{}'=+@,\""),
    min_size=1,
)


def three(path: Path, query: str = "a red car") -> list[Found]:
    """Moments of a film of three seconds: two, and its very end."""
    spans = (0.5, 1.25), (1.1, 2.4), (2.99, 3.0)
    return [moment(*span, path=path, query=query, duration_s=3.0) for span in spans]


def close(cuts: list[Cut], found: list[Found], frame_s: float) -> bool:
    """Whether both have the same spans to within a frame, and the same files."""
    assert len(cuts) == len(found)
    return all(
        abs(cut.start_s - each.span.start) < frame_s
        and abs(cut.end_s - each.span.end) < frame_s
        and cut.path == each.path.resolve()
        for cut, each in zip(cuts, found, strict=True)
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov"])
@pytest.mark.parametrize(
    "rate", [Fraction(24000, 1001), 24, 25, NTSC, 30, 50, 60, Fraction(60000, 1001)]
)
def test_timelines_have_the_spans_to_within_a_frame(
    tmp_path: Path, rate: Fraction, suffix: str
) -> None:
    rate = Fraction(rate)
    path = coded(tmp_path / f"my film{suffix}", rate, round(3 * rate))
    found = three(path)
    for kind in TIMELINES:
        assert export(found, tmp_path / f"a{kind}") == [tmp_path / f"a{kind}"]
    frame_s = float(1 / rate)
    assert close(read_otio(tmp_path / "a.otio"), found, frame_s)
    assert close(read_edl(tmp_path / "a.edl", rate), found, frame_s)
    assert close(read_fcpxml(tmp_path / "a.fcpxml"), found, frame_s + 1 / int(rate))
    end = Fraction(0)
    exact = [*read_fcpxml_exactly(tmp_path / "a.fcpxml")]
    for (start, length, place), each in zip(exact, found, strict=True):
        assert abs(start - each.span.start) < frame_s
        assert abs(start + length - each.span.end) < frame_s
        assert place == end, "one clip follows the other"
        assert {(number * rate).denominator for number in (start, length)} == {1}
        end += length


@pytest.mark.parametrize(
    ("timecode", "first", "counts"),
    [
        (None, 0, "NON-DROP FRAME"),
        ("10:00:00:00", 1_080_000, "NON-DROP FRAME"),
        ("01:00:00;00", 107_892, "DROP FRAME"),
    ],
)
def test_the_timecode_of_a_file_is_kept(
    tmp_path: Path, timecode: str | None, first: int, counts: str
) -> None:
    path = coded(tmp_path / "film.mov", NTSC, 90, timecode=timecode)
    found = three(path)
    for kind in TIMELINES:
        export(found, tmp_path / f"a{kind}")
    frame_s = float(1 / NTSC)
    assert close(read_edl(tmp_path / "a.edl", NTSC, first), found, frame_s)
    assert f"FCM: {counts}\n" in (tmp_path / "a.edl").read_text()
    assert close(read_otio(tmp_path / "a.otio"), found, frame_s)
    for start, _, _ in read_fcpxml_exactly(tmp_path / "a.fcpxml"):
        assert 0 <= start < 3
    asset = ElementTree.parse(tmp_path / "a.fcpxml").find(".//asset")
    assert asset is not None and seconds(asset.get("start")) == first / NTSC


def test_files_of_other_rates_keep_their_own_labels_in_an_edl(tmp_path: Path) -> None:
    here = coded(tmp_path / "a.mp4", NTSC, 30)
    there = coded(tmp_path / "b.mp4", Fraction(25), 25, timecode="01:00:00:00")
    found = [
        moment(0, 0.5, path=here, duration_s=1.001),
        moment(0.4, 1, path=there, duration_s=1.0),
    ]
    export(found, tmp_path / "a.edl")
    # The tenth frame of 25 is 0.4 s later, which is the twelfth label of 30.
    text = (tmp_path / "a.edl").read_text()
    assert "01:00:00:12 01:00:01:00 00:00:00:15 00:00:01:03" in text


@pytest.mark.parametrize("rate", [Fraction(10), Fraction(25, 2), Fraction(28), 120])
def test_an_odd_rate_gets_a_timeline_that_programs_know(
    tmp_path: Path, rate: Fraction
) -> None:
    rate = Fraction(rate)
    path = coded(tmp_path / "film.mp4", rate, round(3 * rate))
    found = three(path)
    export(found, tmp_path / "a.otio")
    assert close(read_otio(tmp_path / "a.otio"), found, float(1 / rate))
    export(found, tmp_path / "a.edl")
    assert (tmp_path / "a.edl").read_text().count("SOURCE FILE") == 3
    export(found, tmp_path / "a.fcpxml")
    end = Fraction(round(3 * rate)) / rate
    for start, length, _ in read_fcpxml_exactly(tmp_path / "a.fcpxml"):
        assert start + length <= end


def test_a_variable_rate_is_no_obstacle(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", uneven(), tick_s=Fraction(1, 600))
    duration_s = video.probe(path).duration_s
    found = [moment(0.2, duration_s, path=path, duration_s=duration_s)]
    for kind in TIMELINES:
        export(found, tmp_path / f"a{kind}")
    frame_s = float(1 / timing(path).rate)
    assert close(read_otio(tmp_path / "a.otio"), found, frame_s)
    (exact,) = read_fcpxml_exactly(tmp_path / "a.fcpxml")
    assert float(exact[0]) == pytest.approx(0.2, abs=frame_s)


def test_files_with_any_name_are_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "Ä & 50%"
    folder.mkdir()
    names = [f"{NAME}.mp4", os.fsdecode(b"caf\xe9.mp4"), "-=1.mp4", "日本.mp4"]
    paths = [coded(folder / name, Fraction(25), 75) for name in names]
    found = [each for path in paths for each in three(path)]
    for kind in (*TIMELINES, ".csv", ".json"):
        export(found, tmp_path / f"a{kind}")
    assert close(read_otio(tmp_path / "a.otio"), found, 0.04)
    assert close(read_fcpxml(tmp_path / "a.fcpxml"), found, 0.08)
    cuts = read_edl(tmp_path / "a.edl", Fraction(25))
    assert [cut.name for cut in cuts[6:]] == [*["-=1.mp4"] * 3, *["日本.mp4"] * 3]
    assert len(cuts) == len(found)
    rows = json.loads((tmp_path / "a.json").read_text())
    assert [Path(row["path"]) for row in rows] == [each.path for each in found]
    assert len({*reel_names(paths).values()}) == len(paths)


def test_each_query_has_its_track_or_follows_the_one_before(tmp_path: Path) -> None:
    loud = coded(tmp_path / "loud.mp4", Fraction(25), 75, sound_s=3)
    still = coded(tmp_path / "still.mp4", Fraction(25), 75)
    dog, cat = three(loud, "a dog"), three(still, "a cat & <i>")
    # In turns, as if someone sorted them by score.
    found = [each for pair in zip(dog, cat, strict=True) for each in pair]
    for kind in TIMELINES:
        export(found, tmp_path / f"a{kind}")
    expected = ["a dog"] * 3 + ["a cat & <i>"] * 3
    for cuts in (read_otio(tmp_path / "a.otio"), read_fcpxml(tmp_path / "a.fcpxml")):
        assert [cut.track for cut in cuts] == [cut.marker for cut in cuts] == expected
        assert close(cuts, dog + cat, 0.08)
    text = (tmp_path / "a.edl").read_text()
    locators = re.findall(r"\* LOC: \S+ GREEN   (.*)", text)
    assert locators == [
        f"{query}, rank {rank}, confidence 0.90"
        for query in ("a dog", "a cat & <i>")
        for rank in (1, 2, 3)
    ]
    stored = json.loads((tmp_path / "a.otio").read_text())["tracks"]["children"]
    assert [track["kind"] for track in stored] == ["Video", "Video", "Audio"]
    root = ElementTree.parse(tmp_path / "a.fcpxml").getroot()
    assert [asset.get("hasAudio") for asset in root.iter("asset")] == ["1", None]
    notes = [marker.get("note") for marker in root.iter("marker")]
    assert notes[0] == "rank 1, confidence 0.90"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_moments_are_a_file_without_any(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    assert export([], file) == [file]
    text = file.read_text()
    match suffix:
        case ".otio":
            assert read_otio(file) == []
        case ".fcpxml":
            assert read_fcpxml(file) == []
        case ".edl":
            assert text.startswith("TITLE: a") and "V     C" not in text
        case ".json":
            assert json.loads(text) == []
        case ".csv":
            assert text == "path,start_s,end_s,score,confidence,query,rank\n"
        case _:
            assert "-->" not in text


def test_thousands_of_moments_are_all_written(tmp_path: Path) -> None:
    path = coded(tmp_path / "film.mp4", Fraction(25), 75)
    starts = [i / 1000 for i in range(2500)]
    found = [moment(s, s + 0.4, path=path, duration_s=3.0) for s in starts]
    export(found, tmp_path / "a.otio")
    assert close(read_otio(tmp_path / "a.otio"), found, 0.04)
    export(found, tmp_path / "a.fcpxml")
    assert len([*read_fcpxml_exactly(tmp_path / "a.fcpxml")]) == 2500
    files = export(found, tmp_path / "a.edl")
    assert [file.name for file in files] == ["a-1.edl", "a-2.edl", "a-3.edl"]
    cuts = [cut for file in files for cut in read_edl(file, Fraction(25))]
    assert close(cuts, found, 0.04)
    assert not (tmp_path / "a.edl").exists()


def test_captions_of_several_videos_are_a_file_each(tmp_path: Path) -> None:
    paths = ["one/trip.mp4", "two/Trip.mp4", "car.mp4"]
    found = [
        moment(start, start + 1, path=path)
        for start in (5, 1)
        for path in (*paths, paths[0])
    ]
    files = export(found, tmp_path / "a.srt")
    assert [file.name for file in files] == [
        "a-trip.1.srt",
        "a-Trip.2.srt",
        "a-car.srt",
    ]
    blocks = files[0].read_text().split("\n\n")
    assert [block.split("\n")[1][:8] for block in blocks] == [
        "00:00:01",
        "00:00:01",
        "00:00:05",
        "00:00:05",
    ]
    assert export(found[:1], tmp_path / "b.vtt") == [tmp_path / "b.vtt"]


@given(st.lists(ANY_TEXT, min_size=1, max_size=5))
def test_no_text_breaks_captions(queries: list[str]) -> None:
    found = [
        moment(i, i + 0.0001, query=query, confidence=i / 10)
        for i, query in enumerate(queries)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for suffix, point in ((".srt", ","), (".vtt", ".")):
            (file,) = export(found, Path(folder) / f"a{suffix}")
            lines = file.read_text("utf-8").splitlines()
            times = [line for line in lines if "-->" in line]
            assert times == [
                f"00:00:0{i}{point}000 --> 00:00:0{i}{point}001"
                for i in range(len(queries))
            ]
            assert sum(not line for line in lines) == len(queries) - (suffix == ".srt")
            texts = [after for line, after in pairwise(lines) if line in times]
            for text, query in zip(texts, queries, strict=True):
                assert text.endswith(")") and "<i" not in text and "{\\" not in text
                if suffix == ".vtt":
                    assert not re.search("[<>]|&(?!amp;|lt;|gt;)", text)
                    shown = html.unescape(text).rpartition(" (confidence")[0]
                    assert shown.split() == in_a_line(query).split()


@given(st.lists(ANY_TEXT, min_size=1, max_size=5))
def test_tables_keep_every_text_and_no_cell_is_a_formula(queries: list[str]) -> None:
    found = [moment(query=query, path="-a\n.mp4", score=-0.5) for query in queries]
    with tempfile.TemporaryDirectory() as folder:
        (table,) = export(found, Path(folder) / "a.csv")
        (objects,) = export(found, Path(folder) / "a.json")
        with table.open(encoding="utf-8", newline="") as lines:
            rows = [*csv.DictReader(lines)]
        stored = json.loads(objects.read_text())
    assert [row["query"] for row in stored] == queries
    assert [*rows[0]] == [*stored[0]] and len(rows) == len(queries)
    for row, other in zip(rows, stored, strict=True):
        for name in ("path", "query"):
            cell = row[name]
            assert cell[0] not in "=+-@\t\r"
            bare = cell.lstrip("'")
            guarded = cell[0] == "'" and bare[:1] in {*"=+-@\t\r＝＋－＠"} - {""}
            assert (cell[1:] if guarded and bare else cell) == other[name]
        assert float(row["score"]) == other["score"] == -0.5
        assert int(row["rank"]) == other["rank"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a", r"a cannot be exported; give a name that ends in \.csv, .* or \.vtt$"),
        ("a.xml", r"a.xml cannot be exported; .*; did you mean .fcpxml\?$"),
        ("a.otoi", r"did you mean .otio\?$"),
        ("a.docx", r"or \.vtt$"),
        ("folder.csv", "is a folder; name a file in it"),
        ("file/a.csv", "file is a file; name a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()
    for refusing in (check_target, lambda file: export([moment()], file)):
        with pytest.raises(InputError, match=says):
            refusing(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"folder.csv", "file"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_is_full_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = coded(tmp_path / "film.mp4", Fraction(25))
    file = tmp_path / f"a{suffix}"
    file.write_text("precious")

    def write(self: Path, data: bytes) -> int:
        with self.open("wb") as out:
            out.write(data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(InputError, match=r"cannot be written \(No space left"):
        export([moment(0, 0.2, path=path, duration_s=0.4)], file)
    assert {path.name for path in tmp_path.iterdir()} == {"film.mp4", file.name}
    assert file.read_text() == "precious"


def test_of_several_files_none_is_left_if_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a-two.srt").mkdir()
    found = [moment(path=f"{name}.mp4") for name in ("one", "two", "three")]
    with pytest.raises(InputError, match=r"a-two.srt is a folder"):
        export(found, tmp_path / "a.srt")
    assert [path.name for path in tmp_path.iterdir()] == ["a-two.srt"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_timelines_need_the_video(tmp_path: Path, suffix: str) -> None:
    found = [moment(path=tmp_path / "gone.mp4")]
    if suffix in TIMELINES:
        with pytest.raises(InputError, match=r"gone.mp4 does not exist"):
            export(found, tmp_path / f"a{suffix}")
        assert not [*tmp_path.iterdir()]
    else:
        assert export(found, tmp_path / f"a{suffix}")


MANIFEST = {
    "OTIO_SCHEMA": "PluginManifest.1",
    "schemadefs": [
        {"OTIO_SCHEMA": "SchemaDef.1", "name": "evil", "filepath": "evil.py"}
    ],
}
PROGRAM = """
import sys
from pathlib import Path
from slta.export.formats import Found, export
from slta.moments import Span
for name in sys.argv[2:]:
    found = [Found("a cat", Path(sys.argv[1]), Span(0.0, 0.2), 0.5, 0.9, 0.4)]
    export(found, Path(name))
    if name.endswith(".csv"):
        assert "opentimelineio" not in sys.modules
"""


def test_nothing_of_the_user_is_executed_and_nothing_printed(tmp_path: Path) -> None:
    path = coded(tmp_path / "film.mp4", Fraction(25))
    (tmp_path / "evil.py").write_text("open('executed', 'w')\nprint('executed')\n")
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))

    def run(program: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "OTIO_PLUGIN_MANIFEST_PATH": "manifest.json"},
            capture_output=True,
            text=True,
        )

    names = [f"a{suffix}" for suffix in SUFFIXES]
    done = run(PROGRAM, path, *names)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "executed").exists()
    assert {*names} <= {each.name for each in tmp_path.iterdir()}
    # OpenTimelineIO by itself would.
    run("import opentimelineio as o; o.adapters.available_adapter_names()")
    assert (tmp_path / "executed").exists()


@pytest.mark.real
def test_real_videos_are_cut_where_the_moments_are(
    shared: Path, tmp_path: Path
) -> None:
    folders = shared / "data" / "videos", shared / "data" / "clips"
    paths = [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix in (".mp4", ".mkv", ".avi")
    ]
    assert len(paths) > 10
    for path in paths:
        duration_s = video.probe(path).duration_s
        spans = (0.4, 1.7), (duration_s / 2, duration_s)
        found = [moment(*span, path=path, duration_s=duration_s) for span in spans]
        rate = timing(path).rate
        frame_s = float(1 / rate)
        for kind in TIMELINES:
            export(found, tmp_path / f"a{kind}")
        assert close(read_otio(tmp_path / "a.otio"), found, frame_s), path
        exact = [*read_fcpxml_exactly(tmp_path / "a.fcpxml")]
        for (start, length, _), each in zip(exact, found, strict=True):
            assert abs(start - each.span.start) < frame_s, path
            assert abs(start + length - each.span.end) <= frame_s + 1 / 24, path
