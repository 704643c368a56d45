"""An index on object storage: a server on loopback that speaks S3."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler

from slta.index.library import Index
from tests.support.commands import call, refused
from tests.support.indexed_films import SHOWN, Known, known

PLACE = "s3://films/mine"


class Asked(NamedTuple):
    """A request that the server answered."""

    method: str
    path: str
    range: str | None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """All requests, in their order."""
    requests: list[Asked] = []

    def log(handler: WSGIRequestHandler, *_: object) -> None:
        requests.append(
            Asked(handler.command, handler.path, handler.headers.get("Range"))
        )

    monkeypatch.setattr(WSGIRequestHandler, "log_request", log)
    return requests


@pytest.fixture
def server(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> Iterator[ThreadedMotoServer]:
    """With one bucket, ``films``."""
    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    _, port = made.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    # What earlier servers of this process held.
    _post(made, "reset", "")
    boto3.client("s3").create_bucket(Bucket="films")
    yield made
    made.stop()


@pytest.fixture
def films(tmp_path: Path) -> Known:
    """Two films of which the features are stored, in a folder of their own."""
    folder = tmp_path / "films"
    folder.mkdir()
    store = known().copy(tmp_path / "store")
    shutil.copy(known().film, folder)
    shutil.copy(known().long, folder)
    return Known(folder / known().film.name, folder / known().long.name, store)


def opened(films: Known, place: str | Path = PLACE) -> Index:
    return Index.open(films.film.parent, place=place, store=films.store)


def test_it_is_as_an_index_in_a_folder(
    server: ThreadedMotoServer, films: Known, asked: list[Asked], tmp_path: Path
) -> None:
    local, remote = opened(films, tmp_path / "index"), opened(films)
    assert not remote.exists
    assert local.add().videos == remote.add().videos == 2
    for query in SHOWN:
        assert remote.search(query) == local.search(query)
    asked.clear()
    again = opened(films)
    assert again.add().unchanged == 2
    assert all(each.method in ("GET", "HEAD") for each in asked) and len(asked) < 9
    assert again.verify() == local.verify()

    films.long.unlink()
    assert opened(films).prune() == (1, 1)
    assert [hit.path for hit in opened(films).search("a cat").moments] == [films.film]
    folder = films.film.parent
    moved = opened(films).move(folder.rename(folder.with_name("elsewhere")))
    hits = Index.open(moved.root, place=PLACE, store=films.store).search("a cat")
    assert hits.moments[0].path.is_relative_to(moved.root) and hits.videos == 1


def test_a_search_reads_only_the_windows_that_it_needs(
    server: ThreadedMotoServer, films: Known, asked: list[Asked]
) -> None:
    opened(films).add()
    index = opened(films)
    index.search("a cat")
    sizes = {
        video.file: video.parts[-1].start + video.parts[-1].size
        for video in index.snapshot().videos
    }
    asked.clear()
    # Of one window, to tell it from the whole file.
    video = index.snapshot().videos[0]
    part = video.parts[0]
    index.place.read(video.file, part.start + 8, 16)
    index.search("a rocket")
    assert not any(each.method == "PUT" for each in asked)
    read = [each for each in asked if each.method == "GET" and "features/" in each.path]
    spans = [re.fullmatch(r"bytes=(\d+)-(\d+)", each.range or "") for each in read]
    assert spans and all(spans)
    first = spans[0]
    assert first and (int(first[1]), int(first[2])) == (part.start + 8, part.start + 23)
    total = sum(int(span[2]) - int(span[1]) + 1 for span in spans[1:] if span)
    assert total <= 2 * sum(sizes.values())


@pytest.mark.parametrize(
    ("place", "settings", "says"),
    [
        pytest.param("s3://other/mine", {}, "there is no bucket other", id="bucket"),
        pytest.param("s3://", {}, "cannot be opened|names no bucket", id="no name"),
        pytest.param("ftp://films/mine", {}, "cannot be opened.*s3://", id="protocol"),
        pytest.param(
            PLACE,
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            r"cannot be reached \(NETWORK_CONNECTION\); check",
            id="server",
        ),
        pytest.param(
            PLACE,
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "cannot be reached.*credentials",
            id="no credentials",
        ),
    ],
)
def test_a_wrong_place_is_one_line(
    place: str,
    settings: dict[str, str],
    says: str,
    server: ThreadedMotoServer,
    films: Known,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in settings.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name)
    flags = ["--index", place, "--store", films.store]
    refused(call(capsys, "index", films.film.parent, *flags), says)


def test_wrong_credentials_are_one_line(
    server: ThreadedMotoServer, films: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--index", PLACE, "--store", films.store]
    _post(server, "reset-auth", "0")
    try:
        done = call(capsys, "index", films.film.parent, *flags)
    finally:
        _post(server, "reset-auth", "inf")
    refused(done, r"cannot be reached \(ACCESS_DENIED\); check")


def test_what_was_finished_is_kept_when_the_server_goes_away(
    server: ThreadedMotoServer, films: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    index = opened(films)
    index.add()
    server.stop()
    shutil.copy(known().film, films.film.with_name("new.mp4"))
    flags = ["--index", PLACE, "--store", films.store]
    refused(call(capsys, "index", films.film.parent, *flags), "cannot be reached")
    refused(call(capsys, "search", films.film.parent, "a cat", *flags), "be reached")


def _post(server: ThreadedMotoServer, name: str, text: str) -> None:
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}/moto-api/{name}"
    kind = {"Content-Type": "text/plain"}
    urlopen(Request(address, text.encode(), kind, method="POST")).close()
