"""``slta search FOLDER --like``: what is refused in a line, and what is printed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.commands import Called, call, refused
from tests.support.extractors import coloured

Ask = Callable[..., Called]


@pytest.fixture
def ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    """``slta search`` beside a folder with a film, which is not looked at."""
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    coloured(Path("films/one.mp4"), order="red")
    Path("notes.txt").write_text("no film")
    Image.new("RGB", (64, 48), "red").save("red.png")
    Path("bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing more")

    def search(*words: object) -> Called:
        called = call(capsys, "search", *words)
        assert not list(tmp_path.rglob("index.json"))
        return called

    return search


@pytest.mark.parametrize(
    ("like", "says"),
    [
        ("films/one.mp4@9:00", "films/one.mp4 lasts 0:0.*; give a time within that$"),
        ("films/one.mp4@0:01-9:00", "give a time within that$"),
        ("films/one.mp4@2-1", "ends before it starts; give the earlier time first$"),
        ("films/one.mp4@soon", "'soon' is not a time; give a time as in films/one.mp"),
        ("films/on.mp4", "does not exist: .*; did you mean films/one.mp4\\?$"),
        ("films/on.mp4@0:01", "does not exist: .*; did you mean films/one.mp4@0:01\\?"),
        ("nowhere.mp4", "nowhere.mp4 does not exist: check the name$"),
        ("https://a.org/b.mp4@0:01", "https://a.org/b.mp4@0:01 is an address; downlo"),
        ("notes.txt", "notes.txt is not a video: give one"),
        ("bad.jpg", "bad.jpg is not a picture that can be read; export it as jpg or"),
        ("red.png@0:01", "red.png is a picture, without times; leave the time out$"),
        ("films", "films is a folder"),
        ("", "--like is empty; give it a value"),
    ],
)
def test_what_cannot_be_an_example_is_refused(ask: Ask, like: str, says: str) -> None:
    refused(ask("films", "--like", like), says)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["films", "a cat", "--like", "red.png"],
            "red.png and the query 'a cat' cannot",
        ),
        (["films/one.mp4", "--like", "red.png"], "--like is for a folder"),
        (["films/one.mp4", "red", "--like", "red.png"], "--like is for a folder"),
        (["--like", "red.png"], "--like is for a folder"),
        (["films"], "no query given"),
        (
            ["films", "--like", "red.png", "--checkpoint", "run"],
            "red.png needs no trained model; leave --checkpoint out",
        ),
    ],
)
def test_an_example_is_for_a_folder_instead_of_a_query(
    ask: Ask, words: list[str], says: str
) -> None:
    refused(ask(*words), says)


@pytest.mark.slice
def test_moments_like_a_picture_and_like_a_second_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    grain = np.asarray(Image.fromarray(noise).resize((64, 48)))
    Image.fromarray(grain).save("grain.png")
    coloured(Path("films/a@b.mp4"), order="red blue")
    place = ("--index", "place", "--store", "store", "--json")
    called = call(capsys, "search", "films", "--like", "films/a@b.mp4@1", *place)
    (said,) = map(json.loads, called.out.splitlines())
    assert called.code == 0 and said["clear_match"] and said["confidence"] > 0.9
    assert said["query"] == "films/a@b.mp4@1"
    assert said["like"] == {"path": "films/a@b.mp4", "start_s": 1.0, "end_s": 2.0}
    best = said["moments"][0]
    assert best["start_s"] <= 1 < best["end_s"] and best["path"].endswith("a@b.mp4")
    # A second time, of a picture, and with what was indexed.
    called = call(capsys, "search", "films", "--like", "grain.png", "--as-is", *place)
    (said,) = map(json.loads, called.out.splitlines())
    assert said["like"] == {"path": "grain.png"}
    assert called.code == (0 if said["clear_match"] else 1)
    called = call(
        capsys, "search", "films", "--like", "grain.png", "--as-is", *place[:-1]
    )
    assert "like grain.png" in called.out and "clear match in 1 video" in called.out
