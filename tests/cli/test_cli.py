import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import slta
from slta import Searcher, Span, video
from slta.cli import commands
from slta.cli.arguments import in_one_line
from slta.cli.export import titles
from slta.cli.screen import notes
from slta.cli.search import Search
from slta.features import EXTRACTORS, Kind
from slta.moments.spans import as_array, temporal_iou
from tests.support.commands import answered, call, command, refused, run
from tests.support.extractors import Colours, coloured
from tests.support.indexed_films import DURATION_S, RATE_HZ, SHOTS, SHOWN, known
from tests.support.search_output import (
    BLOCK,
    EXAMPLE,
    PAGE,
    SCHEMA,
    rows,
    undocumented,
    violations,
)

HEAVY = {"av", "matplotlib", "numpy", "onnxruntime", "spacy", "torch", "transformers"}


def best_iou(query: str, span: Span) -> float:
    """Overlap with that one of the query's shots which fits best."""
    each_s = DURATION_S / len(SHOTS)
    shots = [Span(i * each_s, (i + 1) * each_s) for i in SHOWN[query]]
    return float(temporal_iou(as_array([span]), as_array(shots)).max())


@pytest.mark.slice
def test_moments_come_best_first_in_a_table_and_nothing_else_on_stdout() -> None:
    done = run("search", known().film, *SHOWN, "--store", known().store)
    assert (done.returncode, done.stderr) == (0, "")
    parts = done.stdout.split('\n"')[1:]
    assert [part.split('"')[0] for part in parts] == list(SHOWN)
    for query, part in zip(SHOWN, parts, strict=True):
        table = rows(part)
        assert [rank for rank, _, _ in table] == list(range(1, len(table) + 1))
        scores = [score for _, _, score in table]
        assert scores == sorted(scores, reverse=True)
        assert best_iou(query, table[0][1]) > 0.5
        assert "\nclear match, confidence " in part


@pytest.mark.slice
def test_json_is_a_line_a_query_and_says_what_python_says() -> None:
    done = run("search", known().film, *SHOWN, "--json", "--store", known().store)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    searcher = Searcher(store=known().store)
    for query, line in zip(SHOWN, lines, strict=True):
        said = {"path": str(known().film)}
        said |= searcher.search(known().film, query).to_json()
        assert json.loads(line) == said


@pytest.mark.slice
@pytest.mark.parametrize("query", [*SHOWN, "a man on a horse", "somebody"])
def test_json_is_as_its_schema_says(
    capsys: pytest.CaptureFixture[str], query: str
) -> None:
    called = call(
        capsys, "search", known().film, query, "--json", "--store", known().store
    )
    answer = json.loads(called.out)
    assert violations(answer, SCHEMA) == []
    assert undocumented(answer, SCHEMA) == set()
    assert answer["query"] == query and answer["video_id"] == "trip"
    assert answer["path"] == str(known().film)
    assert called.code == (0 if answer["clear_match"] else 1)
    assert answer["duration_s"] == pytest.approx(DURATION_S, abs=1e-3)
    assert answer["clear_match"] is (answer["confidence"] >= 0.65)
    for moment in answer["moments"]:
        assert moment["start_s"] < moment["end_s"] <= answer["duration_s"]
    scores = [moment["score"] for moment in answer["moments"]]
    assert scores == sorted(scores, reverse=True) and sum(scores) <= 1.01
    assert answer["phrases"][0]["phrase"] == query
    weights = [phrase["weight"] for phrase in answer["phrases"]]
    assert sum(weights) == pytest.approx(1, abs=0.001 * len(weights))


def test_the_example_in_the_docs_is_as_the_schema_says() -> None:
    assert violations(EXAMPLE, SCHEMA) == [] and undocumented(EXAMPLE, SCHEMA) == set()


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("query", None, "answer.query: type"),
        ("clear_match", 1, "answer.clear_match: type"),
        ("confidence", True, "answer.confidence: type"),
        ("confidence", 1.5, "answer.confidence: maximum"),
        ("duration_s", 0, "answer.duration_s: exclusiveMinimum"),
        ("moments", [], "answer.moments: minItems"),
        ("moments", [{}], "answer.moments[0]: required"),
        (
            "moments",
            [{"start_s": -1, "end_s": 2.0, "score": 1}],
            "answer.moments[0].start_s: minimum",
        ),
    ],
)
def test_the_schema_tells_a_wrong_answer(field: str, value: Any, found: str) -> None:
    assert violations(EXAMPLE | {field: value}, SCHEMA) == [found]


def test_every_field_of_the_schema_is_explained_and_always_there() -> None:
    def check(schema: dict[str, Any]) -> None:
        assert schema["description"].endswith(".")
        properties = schema.get("properties", {})
        assert list(properties) == schema.get("required", [])
        for name, part in properties.items():
            assert not name.endswith("_s") or "in seconds" in part["description"]
            check(part)
        if "items" in schema:
            check(schema["items"])

    check(SCHEMA)
    assert all(
        f"`{name}`" in PAGE or f'"{name}"' in BLOCK for name in SCHEMA["required"]
    )


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """Options for an extractor that is quick enough to begin with an empty store."""
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    return ("--extractor", "colours", "--store", tmp_path / "store")


@pytest.mark.slice
def test_no_moment_ends_after_its_video(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, colours: tuple[object, ...]
) -> None:
    path = coloured(tmp_path / "flag.mp4", rate_hz=RATE_HZ)
    called = call(capsys, "search", path, "blue", "--json", *colours)
    answer = json.loads(called.out)
    assert answer["moments"][0]["end_s"] == answer["duration_s"] == 6.006


@pytest.mark.slice
def test_top_cuts_the_list_of_moments(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, colours: tuple[object, ...]
) -> None:
    path = coloured(tmp_path / "green.mp4", order="red green blue green red green")
    found = {
        top: rows(call(capsys, "search", path, "green", "--top", top, *colours).out)
        for top in (1, 2, 100)
    }
    assert [len(found[top]) for top in found] == [1, 2, 3]
    assert found[1] == found[100][:1] and found[2] == found[100][:2]


@pytest.mark.slice
def test_the_store_is_in_the_home_unless_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    path = coloured(tmp_path / "flag.mp4")
    monkeypatch.setenv("SLTA_HOME", str(tmp_path / "home"))
    call(capsys, "search", path, "red", "--extractor", "colours")
    assert (tmp_path / "home" / "store" / "store.json").exists()
    shutil.rmtree(tmp_path / "home")
    named = tmp_path / "named" / "deep"
    call(capsys, "search", path, "red", "--extractor", "colours", "--store", named)
    assert (named / "store.json").exists() and not (tmp_path / "home").exists()


@pytest.mark.slice
def test_another_extractor_answers_if_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, colours: tuple[object, ...]
) -> None:
    path = coloured(tmp_path / "flag.mp4")
    called = call(capsys, "search", path, "red", "green", "blue", *colours)
    starts = [span.start for _, span, _ in rows(called.out)]
    assert starts == [pytest.approx(i * 2, abs=0.5) for i in range(3)]


@pytest.mark.slice
def test_moments_are_cut_into_films_that_play(tmp_path: Path) -> None:
    clips = tmp_path / "my" / "clips"
    done = run(
        *("search", known().film, "a cat", "a rocket", "--json"),
        *("--store", known().store, "--clips", clips),
    )
    assert done.returncode == 0
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    expected = {
        f"trip-{title}-{rank}.mp4": moment["end_s"] - moment["start_s"]
        for title, answer in zip(("a-cat", "a-rocket"), answers, strict=True)
        for rank, moment in enumerate(answer["moments"], start=1)
    }
    assert {path.name for path in clips.iterdir()} == set(expected)
    for name, length_s in expected.items():
        info = video.probe(clips / name)
        assert info.duration_s == pytest.approx(length_s, abs=0.02)
        (frames,) = video.sample(clips / name, rate_hz=RATE_HZ)
        assert len(frames.times_s) == pytest.approx(length_s * RATE_HZ, abs=1)
    counts = [len(answer["moments"]) for answer in answers]
    assert done.stderr.splitlines() == [f"wrote {n} clips to {clips}" for n in counts]


@pytest.mark.slice
def test_a_video_of_the_longest_name_is_cut_and_drawn_in_a_new_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    path = coloured(tmp_path / "short.mp4").rename(tmp_path / f"{'日' * 83}.mp4")
    new, words = tmp_path / "new" / "folder", ("--extractor", "colours", "--top", 1)
    targets = ("--plot", new / "x.png", "--clips", new / "clips")
    store = ("--store", tmp_path / "store")
    found = call(capsys, "search", path, "red", *words, *targets, *store, "--unclear")
    assert found.code != 2, found.err
    assert {*new.iterdir()} == {new / "x.png", new / "clips"}
    (clip,) = (new / "clips").iterdir()
    assert clip.name.startswith("日日") and clip.name.endswith("-1.mp4")


def test_clips_of_one_query_are_not_named_as_those_of_another() -> None:
    long = "the woman with the red hat opens the door and "
    queries = ("A cat, asleep?", "狗 barks", f"{long} enters", f"{long} leaves")
    one, other, *alike = titles(queries)
    assert (one, other) == ("a-cat-asleep", "狗-barks")
    assert len({*alike}) == 2 and all(len(each) < 50 for each in alike)
    assert len({*titles(("a cat", "A cat", "a cat 1", "a cat 2"))}) == 4
    # What was asked before keeps its name.
    assert titles(queries[:1]) == [one]


@pytest.mark.slice
def test_a_plot_is_drawn_for_each_query(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ("--store", known().store, "--plot", tmp_path / "trip.png")
    one = call(capsys, "search", known().film, "a cat", *options)
    assert one.err == f"wrote {tmp_path / 'trip.png'}\n"
    several = call(capsys, "search", known().film, "a cat", "a rocket", *options)
    numbered = [tmp_path / f"trip-{number}.png" for number in (1, 2)]
    assert several.err.splitlines() == [f"wrote {path}" for path in numbered]
    assert "drew" not in one.out + several.out
    assert {*tmp_path.iterdir()} == {tmp_path / "trip.png", *numbered}
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            assert picture.format == "PNG" and min(picture.size) > 500
    assert numbered[0].read_bytes() != numbered[1].read_bytes()


@pytest.mark.slice
def test_a_screen_is_told_how_far_it_is_on_its_error_side(tmp_path: Path) -> None:
    store = known().copy(tmp_path / "store", without=known().film)
    reader, screen = pty.openpty()
    process = subprocess.Popen(
        command("search", known().film, "a cat", "--store", store),
        stdout=subprocess.PIPE,
        stderr=screen,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(screen)
    shown = b""
    # Reading fails at the end, when nobody holds the other side any more.
    while chunk := _read(reader):
        shown += chunk
    os.close(reader)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert b"extracting trip.mp4" in shown and b"a cat" not in shown
    assert b"extracting" not in out and b'"a cat"' in out


def _read(file: int) -> bytes:
    try:
        return os.read(file, 4096)
    except OSError:
        return b""


@pytest.mark.slice
def test_all_queries_are_read_before_the_video_is_looked_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ("--store", tmp_path / "store")
    called = call(capsys, "search", known().film, "a cat", "", *options)
    refused(called, "the query is empty")
    assert not (tmp_path / "store" / "videos").exists()


@pytest.mark.parametrize("option", ["--version", "-V"])
@pytest.mark.parametrize("words", ["", "search", "train shapes_slta", "data check own"])
def test_the_version_is_told(
    capsys: pytest.CaptureFixture[str], words: str, option: str
) -> None:
    called = call(capsys, *words.split(), option)
    assert (called.code, called.out, called.err) == (
        0,
        f"slta {slta.__version__}\n",
        "",
    )


def test_after_two_hyphens_there_are_no_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused(call(capsys, "search", "--", "-V", "--version"), "no video given; give")


def test_what_takes_long_the_first_time_is_said_on_stderr() -> None:
    program = """
        import logging, slta.features
        from slta import InputError, cli
        def prepare(_):
            logging.getLogger("slta.features.networks.onnx").info("preparing, once")
            raise InputError("enough")
        slta.features.EXTRACTORS["slow"] = slta.features.Kind(prepare)
        cli.main(["search", "film.mp4", "a cat", "--extractor", "slow"])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "preparing, once\nslta: enough\n")


def processor_s(*arguments: str) -> float:
    """Processor seconds of Python with these arguments, whatever the clock says."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = os.times()
    user_s = after.children_user - before.children_user
    return user_s + after.children_system - before.children_system


def test_help_comes_at_once_and_imports_nothing_heavy() -> None:
    done = run("--help")
    assert done.returncode == 0 and "search" in done.stdout and done.stderr == ""
    # Against what cannot be left out, as processors differ.
    needed = "import tyro._backends._tyro_backend, rich.table"
    times_s = [
        (processor_s("-c", needed), processor_s("-m", "slta.cli", "--help"))
        for _ in range(5)
    ]
    without_s, help_s = (min(times) for times in zip(*times_s, strict=True))
    assert help_s < 2 * without_s
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "slta.cli", "search", "--help"],
        capture_output=True,
        text=True,
    )
    imported = {
        line.split("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()
    }
    assert "tyro" in imported and not imported & HEAVY
    for field in fields(Search):
        option = {"within": "in"}.get(field.name, field.name).replace("_", "-")
        assert field.name == "arguments" or f"--{option} " in done.stdout


FILM = ("search", "film.mp4", "a cat")
TRAIN = ("train", "shapes_slta")
WRONG = {
    "no word": ((), "no command given; it is one of search, .*; see slta --help"),
    "a command, nearly": (
        ("serch", "film.mp4", "a cat"),
        "unknown command 'serch'; did you mean search\\?; see slta --help",
    ),
    "another word": (("find",), "unknown command 'find'; it is one of search, index, "),
    "a file is missing": (("search",), "no video given; give its file: slta search "),
    "a run is missing": (("evaluate",), "missing from slta evaluate: PATH; see slta "),
    "an option, nearly": (
        (*FILM, "--tpo", "3"),
        "unknown option --tpo; did you mean --top\\?; see slta search --help",
    ),
    "an option with =": ((*FILM, "--chekpoint=x"), "=x; did you mean --checkpoint\\?"),
    "another option": ((*FILM, "--zzzz"), "unknown option --zzzz; see slta search -"),
    "no number": ((*FILM, "--top", "many"), "--top N cannot be 'many'; see slta se"),
    "no value": ((*FILM, "--top"), "missing value for argument '--top'; see slta sea"),
    "no value needed": (
        (*FILM, "--json", "yes"),
        "unexpected 'yes'; see slta search --help",
    ),
    "no choice": (
        ("evaluate", "run", "--protocol", "x"),
        "invalid choice 'x' for argument '--protocol'; expected one of (.*, )?plain[,;].* see",
    ),
    "no experiment": (
        ("train",),
        "give a model and a data set: slta train MODEL --on DATA",
    ),
    "of an experiment": (
        (*TRAIN, "--training.stps", "3"),
        "--training.stps; did you mean --training.steps\\?; see slta train shapes_slta ",
    ),
    "the initials of an option": (
        (*TRAIN, "--training.lr", "3"),
        "--training.lr; did you mean --training.learning-rate\\?; see slta train ",
    ),
    "the initials alone": ((*TRAIN, "--wd=3"), "did you mean --training.weight-decay"),
    "the beginnings of an option": (
        (*TRAIN, "--cand.len", "3"),
        "--cand.len; did you mean --candidates.lengths-s\\?",
    ),
    "of no use in an experiment": (
        (*TRAIN, "--training.steps", "0"),
        "^slta: training.steps must be at least 1, got 0; see slta train shapes_slta -",
    ),
    "no numbers": (
        (*TRAIN, "--candidates.lengths-s", "x"),
        "--candidates.lengths-s .* cannot be .'x'.; see slta train shapes_slta --help",
    ),
    "a word too many": (
        (*TRAIN, "more"),
        "unexpected 'more'; see slta train shapes_sl",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_word_on_the_command_line_is_named(
    capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    arguments, said = WRONG[kind]
    refused(call(capsys, *arguments), said)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("kind", ["no word", "an option, nearly"])
def test_a_process_with_wrong_words_says_one_line(kind: str, encoding: str) -> None:
    arguments, said = WRONG[kind]
    refused(run(*arguments, PYTHONIOENCODING=encoding), said)


@pytest.mark.parametrize("words", ["extract", "data check"])
def test_what_is_to_be_named_is_called_a_name(
    capsys: pytest.CaptureFixture[str], words: str
) -> None:
    said = call(capsys, *words.split(), "--help").out
    assert "NAME" in said and "STR" not in said


def test_a_box_that_is_none_is_no_obstacle() -> None:
    assert in_one_line("") == "the command cannot be read; see --help"


@pytest.mark.slice
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_who_has_had_enough_gets_no_traceback(form: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        command("search", known().film, *SHOWN, *form, "--store", known().store),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), err) == (commands.STOPPED, b"")


@pytest.mark.slice
def test_a_screen_without_accents_shows_a_query_with_accents() -> None:
    options = ("--store", known().store)
    done = run("search", known().film, "a café", *options, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"a caf\\xe9"' in done.stdout and len(rows(done.stdout)) >= 1


@pytest.mark.slice
def test_a_home_that_cannot_be_written_is_no_obstacle() -> None:
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
    done = run("search", known().film, "a cat", "--store", known().store, **nowhere)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slice
def test_a_query_is_shown_as_it_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    query = "a :cat: in [red]its[/red] basket, " + "on a chair, " * 10
    called = call(capsys, "search", known().film, query, "--store", known().store)
    assert f'"{query}"' in called.out


@pytest.mark.slice
def test_a_file_name_may_hold_any_bytes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, colours: tuple[object, ...]
) -> None:
    path = coloured(tmp_path / os.fsdecode(b"caf\xe9 :cat:.mp4"))
    called = call(capsys, "search", path, "red", "--json", *colours)
    answered(called)
    assert called.err == "" and json.loads(called.out)["video_id"] == path.stem


def test_a_refusal_is_one_line_even_if_a_name_is_two(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = refused(call(capsys, "search", "no\nsuch :cat: film.mp4", "a cat"))
    assert "no such :cat: film.mp4 does not exist" in line


@pytest.mark.slice
def test_python_answers_like_the_command() -> None:
    from slta import Searcher

    answer = Searcher(store=known().store).search(str(known().film), "a cup of coffee")
    assert best_iou("a cup of coffee", answer.moments[0].span) > 0.5
    assert answer.moments[0].video_id == "trip" and answer.is_clear


def test_the_package_offers_what_it_says_and_nothing_else() -> None:
    for name in slta.__all__:
        assert getattr(slta, name).__name__ == name
    with pytest.raises(AttributeError, match=r"^module 'slta' has no attribute 'find'"):
        _ = slta.find
    with pytest.raises(ImportError, match=r"cannot import name 'find' from 'slta'"):
        exec("from slta import find")


def test_help_and_completion_show_what_is_not_imported_yet() -> None:
    program = """
        import sys, slta
        assert not {"numpy", "slta.search"} & sys.modules.keys()
        print(*(name for name in dir(slta) if name[0] != "_"))
        import pydoc
        print(pydoc.plain(pydoc.render_doc(slta)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    names, shown = done.stdout.split("\n", 1)
    assert names.split() == sorted(slta.__all__) and done.stderr == ""
    for name in slta.__all__:
        form = f"class {name}(" if name[0].isupper() else f" {name}("
        assert form in shown
    assert (
        "search(self, path:" in shown and 'search("film.mp4", "a cat sleeps")' in shown
    )


def test_a_second_interrupt_while_the_first_is_told_prints_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: list[str]) -> None:
        raise KeyboardInterrupt("go on with the same command")

    def told(line: str, **_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        print(line)

    monkeypatch.setattr(commands, "_run", stopped)
    monkeypatch.setattr(notes, "print", told)
    # In a shell's background the signal is ignored from the start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        called = call(capsys, "search")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert called.code == commands.INTERRUPTED
    assert called.out == "slta: interrupted; go on with the same command\n"


def test_an_interrupt_while_the_program_is_loaded_prints_no_traceback() -> None:
    program = """
        import os, signal, sys
        from slta import cli
        class Presses:
            def find_spec(self, name, *_):
                if name == "tyro":
                    os.kill(os.getpid(), signal.SIGINT)
        sys.meta_path.insert(0, Presses())
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cli.main(["--help"])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
