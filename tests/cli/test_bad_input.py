"""What cannot be used is refused in a line that names it and says what to do."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from PIL import Image

from slta import video
from slta.features import EXTRACTORS, Kind
from slta.video import writing
from tests.support import videos
from tests.support.commands import call, command, refused, run
from tests.support.extractors import Colours
from tests.support.indexed_films import known


def text(path: Path) -> None:
    path.write_text("No film, but a story.\n" * 100)


def playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXTINF:2,\nindex0.ts\n")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def part(share: float, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """A film of which only the first bytes arrived."""

    def cut(path: Path) -> None:
        make(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return cut


def index_first(path: Path) -> None:
    writing.write(path, (videos.painted(i) for i in range(100)), rate_hz=10)


def zeros(share: float) -> Callable[[Path], None]:
    """A film of which only the first pictures and the last came through."""

    def make(path: Path) -> None:
        index_first(path)
        content = path.read_bytes()
        first = content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 3
        lost = int((len(content) - first) * share)
        path.write_bytes(content[:first] + bytes(lost) + content[first + lost :])

    return make


def no_frames(path: Path) -> None:
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()


def picture(path: Path) -> None:
    Image.fromarray(videos.painted(7)).save(path)


def renamed_picture(path: Path) -> None:
    picture(path.with_suffix(".png"))
    path.with_suffix(".png").rename(path)


@dataclass(frozen=True)
class Bad:
    name: str
    make: Callable[[Path], object]
    says: str


VIDEOS = {
    "missing": Bad("film.mp4", lambda _: None, "does not exist: check the name"),
    "missing folder": Bad("no/film.mp4", lambda _: None, "does not exist: check"),
    "below a file": Bad("film.mp4/a.mp4", lambda path: text(path.parent), "cannot be"),
    "too long a name": Bad("x" * 300 + ".mp4", lambda _: None, "too long"),
    "folder": Bad("films", Path.mkdir, "has no videos; give a folder with some"),
    "pipe": Bad("film.mp4", os.mkfifo, "is a pipe or a device: write it to a file"),
    "text": Bad("story.mp4", text, "is not a video: give one such as mp4"),
    "playlist": Bad("film.mp4", playlist, "names other files: join or download .* mp4"),
    "empty": Bad("film.mp4", empty, "is empty: copy or download it again"),
    "no index": Bad("a.mp4", part(0.5, videos.film), "has no index .* copy or record"),
    "few bytes": Bad("a.mp4", part(0.01, videos.film), "cut short: copy or record"),
    "half": Bad(
        "a.mp4", part(0.6, index_first), "its frames end at .* copy or download it"
    ),
    "half a matroska": Bad(
        "a.mkv", part(0.5, videos.film), "its frames end at .* copy or download it"
    ),
    "half a flash film": Bad(
        "a.flv", part(0.5, videos.film), "its frames end at .* copy or download it"
    ),
    "half of an avi": Bad(
        "a.avi", part(0.7, videos.film), "its frames end at .* copy or download it"
    ),
    "zeros": Bad(
        "a.mp4", zeros(0.9), "pictures read from .* are broken: copy or download"
    ),
    "only sound": Bad("song.mp4", videos.only_sound, "has no video in it: give the"),
    "sound and cover": Bad(
        "song.mp4", lambda path: videos.only_sound(path, cover=True), "has no video in"
    ),
    "no frames": Bad("film.mp4", no_frames, "no frame|has no video|not a video"),
    "png": Bad("cat.png", picture, "is a picture, not a video"),
    "jpg": Bad("cat.jpg", picture, "is a picture, not a video"),
    "png as mp4": Bad("cat.mp4", renamed_picture, "is a picture, not a video"),
}

QUERIES = {
    "empty": ("", "is empty; describe in a sentence what happens"),
    "blank": (" \t\n ", "is empty; describe in a sentence what happens"),
    "a text": (
        "a cat sleeps " * 800,
        "has 10400 characters, and at most 1000 are read",
    ),
    "a long word": ("x" * 10_000, "has 10000 characters, and at most 1000 are read"),
    "chinese": (
        "一只猫在睡觉",
        "'一只猫在睡觉' is not in Latin letters; write it in English",
    ),
    "cyrillic": ("кошка спит", "'кошка спит' is not in Latin letters; write it in"),
    "arabic": ("قطة نائمة", "is not in Latin letters; write it in English"),
    "emoji": ("🐈💤", "'🐈💤' has no words; write a sentence"),
    "digits": ("2024 12 24", "'2024 12 24' has no words; write a sentence"),
    "punctuation": ("?!…", "'\\?!…' has no words; write a sentence"),
    "no content": ("the of and", "'the of and' has no word that says what to look"),
    "no text": (os.fsdecode(b"caf\xe9"), "'caf.udce9' holds bytes that are not text"),
}

OPTIONS = {
    "extractor, nearly": (
        ("--extractor", "imagenet-word"),
        "'imagenet-word'; did you mean imagenet-words",
    ),
    "extractor, unknown": (
        ("--extractor", "resnet"),
        "unknown extractor 'resnet'; known are imagenet-words, cells, clip, siglip, clip-frames, c3d, detr, detr-boxes, preextracted",
    ),
    "extractor, empty": (("--extractor", ""), "--extractor is empty; give it a val"),
    "clip of nothing": (
        ("--extractor", "clip:"),
        "clip: names nothing after its colon; give a name",
    ),
    "clip, no folder": (("--extractor", "clip:/no/such"), "no folder /no/such; give"),
    "clip, no model": (
        ("--extractor", "clip:{}"),
        "{} is not a saved model, .* give a",
    ),
    "unclear, nothing": (("--unclear",), "--unclear is for --clips, .* --plot; give"),
    "pad, nothing": (("--pad", "2"), "--pad is for --clips and --export; give one of"),
    "merge, nothing": (("--merge", "0"), "--merge is for --clips and --export; give"),
    "pad -1": (("--clips", "{}/c", "--pad", "-1"), "--pad must be .* 0 on, got -1$"),
    "pad nan": (("--clips", "{}/c", "--pad", "nan"), "--pad must be .* on, got nan$"),
    "merge inf": (("--export", "{}/a.csv", "--merge", "inf"), "--merge must .* inf$"),
    "merge -2": (("--merge", "-2.5"), "--merge must be a number .* 0 on, got -2.5$"),
    "export, suffix": (("--export", "{}/a.oti"), "a.oti cannot .* did you mean .otio"),
    "export, no suffix": (
        ("--export", "{}/a"),
        "give a name that ends in .csv, .json,",
    ),
    "export, below": (("--export", "{}/file/a.edl"), "{}/file is a file; name a fol"),
    "export, folder": (("--export", "{}/plot.csv"), "plot.csv is a folder; name a fi"),
    "top 0": (("--top", "0"), "--top must be at least 1, got 0"),
    "top -3": (("--top", "-3"), "--top must be at least 1, got -3"),
    "plot, suffix": (("--plot", "{}/a.jpg"), "a.jpg cannot be drawn; give a name that"),
    "plot, no suffix": (("--plot", "{}/a"), "a cannot be drawn; give a name that ends"),
    "plot, folder": (("--plot", "{}/plot.png"), "plot.png is a folder; name a file"),
    "plot, below": (("--plot", "{}/file/a.png"), "{}/file is a file; name a folder"),
    "plot, long": (("--plot", f"{{}}/{'é' * 128}.png"), "255 bytes.* a shorter name"),
    "clips, file": (("--clips", "{}/file"), "{}/file is a file; name a folder"),
    "clips, long": (("--clips", f"{{}}/{'a' * 256}"), "255 bytes.* a shorter name"),
    "clips, below": (("--clips", "{}/file/a/b"), "{}/file is a file; name a folder"),
    "store, empty": (("--store", ""), "--store is empty; give it a value, or leave"),
    "clips, empty": (("--clips=",), "--clips is empty; give it a value, or leave"),
    "store, file": (("--store", "{}/file"), "{}/file cannot be written .* --store"),
}


@pytest.mark.slice
@pytest.mark.parametrize("kind", VIDEOS)
def test_a_video_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    bad = VIDEOS[kind]
    path = tmp_path / bad.name
    bad.make(path)
    store = tmp_path / "store"
    options = ("--extractor", "colours", "--store", store)
    called = call(capsys, "search", path, "a cat", *options)
    refused(called, str(path), bad.says)
    assert not list(store.glob("videos/*/*"))


@pytest.mark.slice
@pytest.mark.parametrize("kind", QUERIES)
def test_a_query_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    query, says = QUERIES[kind]
    store = tmp_path / "store"
    called = call(capsys, "search", known().film, query, "--store", store)
    refused(called, f"^slta: the query .*{says}")


@pytest.mark.parametrize("kind", OPTIONS)
def test_an_option_that_cannot_be_used_is_named_before_any_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    (tmp_path / "file").write_text("precious")
    for name in ("plot.png", "plot.csv"):
        (tmp_path / name).mkdir()
    options, says = OPTIONS[kind]
    given = [option.format(tmp_path) for option in options]
    if "--store" not in given:
        given += ["--store", str(tmp_path / "store")]
    called = call(capsys, "search", "film.mp4", "a cat", *given)
    refused(called, says.format(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} <= {
        "file",
        "plot.png",
        "plot.csv",
        "store",
    }
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.slice
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no film.mp4", "a cat"), "no film.mp4 does not exist: check the name"),
        (("no film.mp4", "🐈💤"), "no film.mp4 does not exist: check the name"),
        (("no film.mp4", "a cat", "--top", "0"), "--top must be at least 1, got 0"),
        (("no film.mp4", "a cat", "--extractor", "clap:"), "did you mean clip"),
        ((os.fsdecode(b"caf\xe9.mp4"), "a cat"), "caf.udce9.mp4 does not exist"),
    ],
)
def test_a_process_that_refuses_ends_with_code_2(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    refused(run("search", *arguments, "--store", tmp_path / "store"), says)


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    line = {"video_id": "a", "query": "a man runs", "duration_s": 9, "spans": [[0, 1]]}
    (tmp_path / "train.jsonl").write_text(json.dumps(line))
    (tmp_path / "features").chmod(0)
    asked = command("data", "check", "own", "--root", tmp_path)
    if os.geteuid() == 0:
        # Whom nothing is forbidden, unless he gives that up.
        rights = "-dac_override,-dac_read_search"
        bound = [f"--bounding-set={rights}", f"--inh-caps={rights}"]
        asked = ["setpriv", *bound, *asked]
    done = subprocess.run(asked, capture_output=True, text=True)
    refused(
        done, f"{tmp_path}/features.*: Permission denied; give another one, or allow"
    )


def test_pictures_that_are_broken_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.mp4"
    with caplog.at_level("INFO", "slta"):
        index_first(path)
        whole = [
            each for part in video.sample(path, rate_hz=5) for each in part.times_s
        ]
        assert not caplog.messages
        zeros(0.3)(path)
        some = [each for part in video.sample(path, rate_hz=5) for each in part.times_s]
    (told,) = caplog.messages
    assert re.search(r"^\d\d of 100 pictures read from .*a\.mp4 are", told)
    assert len(some) == len(whole)
