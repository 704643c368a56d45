"""``slta search`` of several videos, and what it says of what it did not find.

A retriever that is told what to be sure of stands for all others.
"""

import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta import InputError, Searcher
from slta import search as searching
from slta.cli import commands
from slta.cli.operands import looks_like_file, nearest
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.library import Library
from slta.features.store import Record, Store
from slta.search.answers import Answer, Indexed
from slta.video import probe
from tests.support.answers import answer as answer_of
from tests.support.commands import Called, answered, call, refused
from tests.support.extractors import Colours, coloured

SURE = {
    ("one", "red"): 0.7,
    ("two", "red"): 0.649,
    ("three", "red"): 0.9,
    ("one", "blue"): 0.1,
    ("two", "blue"): 0.3,
    ("three", "blue"): 0.2,
}


class Told:
    """As sure of a query to a video as it is told, from 0.65 on clearly."""

    def __init__(self, store: Store) -> None:
        self.library = Library(Colours(), store, 2.0)

    def prepare(self, record: Record, features: VideoFeatures) -> None:
        pass

    def answer(
        self, indexed: Indexed[None], asked: QueryFeatures, *, top: int
    ) -> Answer:
        name = indexed.info.video_id
        confidence = SURE[name, asked.query]
        return answer_of(
            confidence, query=asked.query, video_id=name, scores=(0.6, 0.4)[:top]
        )


Ask = Callable[..., Called]


@pytest.fixture
def ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    """``slta search`` in a folder with three films, one text, and one folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "three"):
        coloured(Path(f"{name}.mp4"), order="red")
    Path("bad.mp4").write_text("no film")
    Path("folder").mkdir()
    monkeypatch.setattr(searching, "_retriever", lambda *given: Told(given[-1]))

    def search(*words: object) -> Called:
        return call(capsys, "search", *words, "--store", "store")

    return search


def objects(called: Called) -> list[tuple[str, str]]:
    """Query and path of each line of JSON."""
    said = map(json.loads, called.out.splitlines())
    return [(each["query"], each["path"]) for each in said]


def headings(out: str) -> list[str]:
    """Queries and videos in the order in which they are printed."""
    found = re.findall(r'^(?:(".*")$|(\S+): )', out, re.MULTILINE)
    return [query or video for query, video in found]


@pytest.mark.parametrize(
    "words",
    [
        "one.mp4 two.mp4 three.mp4 red blue",
        "red three.mp4 blue two.mp4 one.mp4",
        "red blue ./three.mp4 one.mp4 two.mp4 one.mp4 red",
    ],
)
def test_every_file_is_a_video_and_the_best_come_first(ask: Ask, words: str) -> None:
    called = ask(*words.split())
    assert (called.code, called.err) == (0, "")
    best = ["three.mp4", "one.mp4", "two.mp4", "two.mp4", "three.mp4", "one.mp4"]
    assert headings(called.out) == ['"red"', *best[:3], '"blue"', *best[3:]]
    assert "three.mp4: clear match, confidence 0.90\n" in called.out
    assert "two.mp4: no clear match, confidence 0.64; likeliest 0:00" in called.out
    assert objects(ask(*words.split(), "--json")) == [
        *(("red", path) for path in best[:3]),
        *(("blue", path) for path in best[3:]),
    ]


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("one.mp4 red", 0),
        ("one.mp4 blue", 1),
        ("two.mp4 red", 1),
        ("two.mp4 three.mp4 red", 0),
        ("one.mp4 red blue", 0),
        ("one.mp4 two.mp4 three.mp4 blue", 1),
        ("one.mp4 bad.mp4 red", 2),
        ("bad.mp4 red", 2),
        ("one.mp4 gone.mp4 red", 2),
    ],
)
def test_the_exit_code_is_that_of_grep(
    ask: Ask, words: str, code: int, form: tuple[str, ...]
) -> None:
    called = ask(*words.split(), *form)
    assert called.code == code
    if code != 2:
        answered(called)


def test_a_bad_video_is_told_and_the_others_are_answered(ask: Ask) -> None:
    Path("empty.mp4").touch()
    called = ask("bad.mp4", "one.mp4", "empty.mp4", "three.mp4", "red")
    assert called.code == 2
    assert headings(called.out) == ['"red"', "three.mp4", "one.mp4"]
    empty, bad = called.err.splitlines()
    assert re.match("slta: bad.mp4 is not a video: give one", bad)
    assert re.match("slta: empty.mp4 is empty: copy", empty)
    # If it is the only one, nothing else is said.
    refused(ask("bad.mp4", "red"), "bad.mp4 is not a video")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["onne.mp4", "red"], "onne.mp4 does not exist: .*did you mean one.mp4\\?"),
        (["ONE.mov", "one.mp4", "red"], "ONE.mov does .*; did you mean one.mp4\\?"),
        (["foldr/one.mp4", "red"], "foldr/one.mp4 does not exist: check the name$"),
        (["nowhere/a film", "red"], "no video given"),
        (["folder/a film", "one.mp4", "red"], "folder/a film does not exist"),
        (["my film.mkv", "one.mp4", "red"], "my film.mkv does not exist"),
        (["notes.txt", "one.mp4", "red"], "notes.txt does not exist"),
        (
            ["folder", "one.mp4", "red"],
            "folder is a folder, and one.mp4 is there beside it",
        ),
        (["one.mp4", "https://a.org/b.mp4"], "https://a.org/b.mp4 is an ad.*download"),
        (["rtsp://cam/live", "red"], "rtsp://cam/live is an address; download it"),
        (["www.a.org/watch?v=b", "red"], "is an address; download it, and give the f"),
        (["one.mp4"], "no query given; describe in a sentence"),
        (["one.mp4", "two.mp4"], "no query given; describe in a sentence"),
        (["red", "blue"], "no video given; give its file"),
        ([], "no video given; give its file"),
    ],
)
def test_a_word_that_is_neither_is_refused_by_name(
    ask: Ask, words: list[str], says: str
) -> None:
    refused(ask(*words), says)
    assert not Path("store").exists() or not list(Path("store").glob("videos/*/*"))


def test_a_folder_that_is_misspelt_is_found(ask: Ask) -> None:
    Path("one.mp4").rename("folder/one.mp4")
    assert nearest(Path("foldr/onne.mp4")) == Path("folder/one.mp4")
    refused(ask("foldr/one.mp4", "red"), "did you mean folder/one.mp4")
    assert nearest(Path("quite/other.name")) is None


@given(st.lists(st.sampled_from(["cat", "and/or", "Mr.", "he", "2.5"]), min_size=2))
def test_a_sentence_is_no_file(words: Sequence[str]) -> None:
    assert not looks_like_file(" ".join(words))


@pytest.mark.parametrize(
    ("word", "file"),
    [
        ("trip.mp4", True),
        ("../trip", True),
        ("trip.xyz", True),
        ("trip.MTS", True),
        ("cat", False),
        ("cat.", False),
        ("a laptop that shows example.com", False),
        ("version 2.0", False),
    ],
)
def test_what_looks_like_a_file(word: str, file: bool) -> None:
    assert looks_like_file(word) is file


def test_python_tells_of_an_address_too(tmp_path: Path) -> None:
    searcher = Searcher(store=tmp_path)
    for path in ("https://a.org/b.mp4", Path("rtsp://cam/live")):
        with pytest.raises(InputError, match=r"is an address: download it"):
            searcher.library.check(path)


def test_where_nothing_is_clear_nothing_is_cut_or_drawn(ask: Ask) -> None:
    options = ("--clips", "clips", "--plot", "plot.png")
    called = ask("two.mp4", "red", *options)
    (line,) = called.err.splitlines()
    assert called.code == 1 and 'no clear match for "red" in two.mp4' in line
    assert "no plot and clips written; --unclear" in line
    assert not Path("clips").exists() and not Path("plot.png").exists()
    called = ask("two.mp4", "red", *options, "--unclear")
    assert called.code == 1
    assert called.err == "wrote plot.png\nwrote 2 clips to clips\n"
    assert {path.name for path in Path("clips").iterdir()} == {
        "two-red-1.mp4",
        "two-red-2.mp4",
    }


def test_of_several_only_the_clear_ones_are_cut_and_drawn(ask: Ask) -> None:
    os.rename("two.mp4", "folder/one.mp4")
    videos = ("one.mp4", "folder/one.mp4", "three.mp4")
    called = ask(*videos, "red", "blue", "--clips", "clips", "--plot", "plot.png")
    assert called.code == 0
    assert called.err.count("no clear match for") == 3
    cut = {path.name for path in Path("clips").iterdir()}
    assert cut == {
        *(f"one.1-red-{rank}.mp4" for rank in (1, 2)),
        *(f"one.2-red-{rank}.mp4" for rank in (1, 2)),
        *(f"three-red-{rank}.mp4" for rank in (1, 2)),
    }
    drawn = {path.name for path in Path().glob("plot*")}
    assert drawn == {"plot-one.1-1.png", "plot-one.2-1.png", "plot-three-1.png"}


def rows(file: str) -> list[list[object]]:
    """Path, start, end, query and rank of what was exported as JSON."""
    names = ("path", "start_s", "end_s", "query", "rank")
    return [[row[name] for name in names] for row in json.loads(Path(file).read_text())]


def test_clear_moments_of_all_videos_are_exported_best_first(ask: Ask) -> None:
    videos = ("one.mp4", "two.mp4", "three.mp4")
    called = ask(*videos, "blue", "red", "--export", "a.json")
    assert called.code == 0
    assert called.err.count("no export written; --unclear writes the likeliest") == 4
    assert called.err.endswith("wrote a.json\n")
    assert rows("a.json") == [
        ["three.mp4", 0.0, 1.0, "red", 1],
        ["three.mp4", 1.0, 2.0, "red", 2],
        ["one.mp4", 0.0, 1.0, "red", 3],
        ["one.mp4", 1.0, 2.0, "red", 4],
    ]
    ask(*videos, "blue", "red", "--export", "b.json", "--unclear", "--top", "1")
    assert [row[0] for row in rows("b.json")] == [
        *("two.mp4", "three.mp4", "one.mp4"),
        *("three.mp4", "one.mp4", "two.mp4"),
    ]


def test_moments_are_padded_and_joined_in_files_and_clips(ask: Ask) -> None:
    options = ("--export", "a.json", "--clips", "clips")
    ask("one.mp4", "red", "--pad", "0.5", *options)
    assert rows("a.json") == [
        ["one.mp4", 0.0, 1.5, "red", 1],
        ["one.mp4", 0.5, 2.0, "red", 2],
    ]
    assert probe("clips/one-red-1.mp4").duration_s == pytest.approx(1.5, abs=0.01)
    called = ask("one.mp4", "red", "--merge", "0", *options)
    assert rows("a.json") == [["one.mp4", 0.0, 2.0, "red", 1]]
    assert "wrote 1 clips to clips" in called.err
    assert probe("clips/one-red-1.mp4").duration_s == pytest.approx(2, abs=0.01)


def test_captions_are_named_by_the_video_if_there_are_several(ask: Ask) -> None:
    called = ask("one.mp4", "three.mp4", "red", "--export", "a.vtt")
    assert called.err == "wrote a-three.vtt\nwrote a-one.vtt\n"
    called = ask("one.mp4", "two.mp4", "red", "--export", "b.vtt")
    assert called.err.endswith("wrote b.vtt\n") and not Path("b-one.vtt").exists()


@pytest.mark.parametrize("suffix", ["otio", "edl", "fcpxml"])
def test_a_timeline_needs_a_clear_match(ask: Ask, suffix: str) -> None:
    called = ask("two.mp4", "red", "--export", f"a.{suffix}")
    assert called.code == 1 and not Path(f"a.{suffix}").exists()
    called = ask("bad.mp4", "one.mp4", "red", "--export", f"a.{suffix}", "--json")
    assert called.code == 2 and objects(called) == [("red", "one.mp4")]
    assert "one.mp4" in Path(f"a.{suffix}").read_text()


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_was_finished_before_an_interrupt_is_printed(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    def index(self: Searcher, path: Path, **given: object) -> Indexed[None]:
        if path.name == "two.mp4":
            raise KeyboardInterrupt
        return usual(self, path, **given)  # type: ignore[arg-type]

    usual = Searcher.index
    monkeypatch.setattr(Searcher, "index", index)
    called = ask("one.mp4", "three.mp4", "two.mp4", "red", *form)
    assert called.code == commands.INTERRUPTED
    assert called.err == "slta: interrupted; what was finished is kept\n"
    if form:
        assert objects(called) == [("red", "three.mp4"), ("red", "one.mp4")]
    else:
        assert headings(called.out) == ['"red"', "three.mp4", "one.mp4"]


def test_what_is_wrong_with_all_ends_the_search_after_what_was_finished(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(self: Told, indexed: Indexed[None], *_: object, top: int) -> Answer:
        if indexed.info.video_id == "three":
            raise InputError("the weights are damaged; copy them again")
        return answer_of(query="red")

    monkeypatch.setattr(Told, "answer", answer)
    called = ask("one.mp4", "three.mp4", "two.mp4", "red")
    assert called.code == 2 and headings(called.out) == ['"red"', "one.mp4"]
    assert called.err == "slta: the weights are damaged; copy them again\n"


def test_the_exit_codes_are_in_the_help_and_in_the_docs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = call(capsys, "search", "--help").out
    docs = Path(__file__).parents[2] / "docs" / "search-json.md"
    for text in (told, docs.read_text()):
        assert re.search(
            r"(?:code|status)[\s\S]*\b0\b[\s\S]*clear[\s\S]*\b1\b[\s\S]*\b2\b", text
        )
