"""Which files are opened, and which of the streams in them is the film."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from slta import video
from slta.errors import InputError
from slta.video import opening
from tests.support.videos import beside, film, number, painted

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n{}\n"
SEGMENT = "#EXTINF:3,\n{}\n"
LISTS = {
    "HLS": HLS.format("".join(map(SEGMENT.format, ("{local}", "{far}"))))
    + "#EXT-X-ENDLIST\n",
    "HLS, open": HLS.format("".join(map(SEGMENT.format, ("{local}", "{far}")))),
    "HLS, of lists": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n{local}\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=8\n{far}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{local}'\nfile '{far}'\n",
    "DASH": '<?xml version="1.0"?>\n<!-- of a camera -->\n<MPD type="static" '
    'mediaPresentationDuration="PT3S"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="9"><BaseURL>{local}</BaseURL></Representation>'
    '<Representation id="2" bandwidth="8"><BaseURL>{far}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={local}\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "a=control:{far}\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "IMF": '<?xml version="1.0"?><AssetMap xmlns="urn:a"><Path>{local}</Path><Path>'
    "{far}</Path></AssetMap>",
    "PLS": "[playlist]\nFile1={local}\nFile2={far}\nNumberOfEntries=2\n",
    "XSPF": '<?xml version="1.0"?><playlist version="1"><trackList><track><location>'
    "{local}</location></track><track><location>{far}</location></track></trackList>"
    "</playlist>",
}
BEGINS = {"": b"", "BOM": b"\xef\xbb\xbf", "lines": b"\r\n \n"}


@dataclass
class Watched:
    """Two places that a list may name; what went there."""

    local: Path
    far: str = ""
    visits: list[str] = field(default_factory=list)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A pipe, to which can only be written while it is being read, and a server."""
    watched = Watched(tmp_path / "piece.ts")
    os.mkfifo(watched.local)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            watched.visits.append(self.path)
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    def write() -> None:
        with suppress(BrokenPipeError), watched.local.open("wb"):
            if not done.is_set():
                watched.visits.append(str(watched.local))

    def serve() -> None:
        server.serve_forever(poll_interval=0.02)

    done = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    watched.far = f"http://127.0.0.1:{server.server_port}/far.ts"
    threads = [threading.Thread(target=run) for run in (serve, write)]
    for thread in threads:
        thread.start()
    yield watched
    done.set()
    reader = os.open(watched.local, os.O_RDONLY | os.O_NONBLOCK)
    server.shutdown()
    for thread in threads:
        thread.join()
    server.server_close()
    os.close(reader)


@pytest.mark.parametrize("begins", BEGINS)
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_other_files_opens_none_of_them(
    tmp_path: Path,
    watched: Watched,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    begins: str,
) -> None:
    text = LISTS[kind].format(local=watched.local, far=watched.far)
    for name in ("list.m3u8", "list.mp4", "list.mpd", "list"):
        path = tmp_path / name
        path.write_bytes(BEGINS[begins] + text.encode())
        with pytest.raises(InputError) as caught:
            video.probe(path)
        told = str(caught.value)
        assert told.startswith(f"{path} is a") and "\n" not in told
        assert kind.partition(",")[0] in told or "playlist" in told
        assert "names other files: join or download" in told and "mp4" in told
        with monkeypatch.context() as patch:
            # FFmpeg would not follow it either.
            patch.setattr(opening, "list_of", lambda head: None)
            with pytest.raises(InputError, match="is not a video"):
                video.probe(path)
    assert not watched.visits


def test_a_list_in_wide_letters_is_one(tmp_path: Path) -> None:
    path = tmp_path / "list.asx"
    path.write_bytes('<asx version="3.0"><ref href="a.wmv"/></asx>'.encode("utf-16"))
    with pytest.raises(InputError, match="is a playlist, which names other files"):
        video.probe(path)


def test_a_film_whose_pictures_are_in_another_file_opens_none(
    tmp_path: Path, watched: Watched
) -> None:
    path = film(tmp_path / "reference.mov")
    content = path.read_bytes()
    at = content.index(b"dref")
    entry = content[at + 12 : at + 24]
    assert entry[4:8] in (b"url ", b"alis")
    named = str(watched.local).encode()
    record = bytes(10) + b"\4disk" + bytes(22) + bytes(12) + b"\10piece.ts" + bytes(55)
    record += bytes(16) + b"\0\1\0\1" + bytes(16)
    record += b"\0\2" + len(named).to_bytes(2) + named + bytes(len(named) % 2)
    record += b"\xff\xff\0\0"
    alias = b"alis" + bytes(4) + record
    longer = 4 + len(alias) - len(entry)
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size = content.index(name) - 4
        more = int.from_bytes(content[size : size + 4]) + longer
        content = content[:size] + more.to_bytes(4) + content[size + 4 :]
    content = (
        content[: at + 12]
        + (4 + len(alias)).to_bytes(4)
        + alias
        + content[at + 12 + len(entry) :]
    )
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"reference.mov .*: "):
        video.probe(path)
    assert not watched.visits


@pytest.mark.parametrize(
    "name", ["%03d.gif", "concat:a|b.gif", "a*[0-9]?.gif", "fd:.gif"]
)
def test_any_name_is_only_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    film(tmp_path / "a.gif", codec="gif", pix_fmt="rgb8").rename(tmp_path / name)
    film(tmp_path / "001.gif", range(7), codec="gif", pix_fmt="rgb8")
    monkeypatch.chdir(tmp_path)
    assert video.probe(name).duration_s == pytest.approx(100 / 30, abs=0.4)
    Image.fromarray(painted(3)).save(tmp_path / "b.png")
    (tmp_path / "b.png").rename("%03d.png")
    with pytest.raises(InputError, match=r"%03d.png is a picture, not a video"):
        video.probe("%03d.png")


def test_an_address_is_the_name_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: Watched
) -> None:
    folder = tmp_path / watched.far.replace("//", "/")
    folder.parent.mkdir(parents=True)
    film(folder.with_suffix(".mp4"))
    monkeypatch.chdir(tmp_path)
    address = watched.far.replace(".ts", ".mp4")
    assert video.probe(address).duration_s == pytest.approx(100 / 30)
    assert not watched.visits


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", ["film.mkv", "film.wmv", "film.avi", "film.mp4"])
@pytest.mark.parametrize("pictures", [1, 5])
def test_what_stands_larger_beside_the_film_is_not_the_film(
    tmp_path: Path, name: str, pictures: int, first: bool
) -> None:
    path = beside(tmp_path / name, pictures, first=first)
    info = video.probe(path)
    assert (info.width, info.height) == (64, 48)
    assert info.duration_s == pytest.approx(10, abs=0.1)
    assert number(video.frames(path, at=[5]).images[0]) == 50


@pytest.mark.parametrize("name", ["film.mkv", "film.ts", "film.mp4"])
def test_of_two_films_the_default_counts_then_the_widest(
    tmp_path: Path, name: str
) -> None:
    path = beside(tmp_path / name, 100, codec="mpeg4")
    assert video.probe(path).width == 128
    path = beside(tmp_path / name, 40, codec="mpeg4")
    assert video.probe(path).width == 128
    if not name.endswith(".ts"):  # which marks none
        marked = beside(tmp_path / name, 100, codec="mpeg4", default=1)
        assert video.probe(marked).width == 64


def test_a_long_film_is_not_read_through_to_choose_its_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = beside(tmp_path / "film.mkv", 1, length=1500)
    read = 0
    demuxed = opening.demuxed

    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        nonlocal read
        for packet in demuxed(*args, **kwargs):
            read += 1
            yield packet

    monkeypatch.setattr(opening, "demuxed", counted)
    with opening.open_file(path) as container:
        assert opening.film_stream(path, container).width == 64
    assert 0 < read < 2 * opening.SEEN


@pytest.mark.parametrize("name", ["song.mkv", "song.avi", "song.mp4"])
def test_a_song_with_an_unmarked_cover_has_no_video(tmp_path: Path, name: str) -> None:
    path = beside(tmp_path / name, 1, length=0, sound_s=3)
    with pytest.raises(InputError, match="has no video in it: give the file with"):
        video.probe(path)


def test_a_film_that_stands_still_from_its_start_is_a_film(tmp_path: Path) -> None:
    path = film(tmp_path / "still.mp4", range(1), last=90)
    assert video.probe(path).duration_s == 3
