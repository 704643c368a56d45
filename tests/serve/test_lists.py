"""Lists of moments, and their files for other programs."""

import csv
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from slta.export.formats import export
from slta.export.found import Found, merged
from slta.moments import Span
from slta.serve import exporter, exporting, lists
from tests.support.libraries import Library
from tests.support.servers import answer_of, asking

KINDS = ["csv", "json", "srt", "vtt", "edl", "fcpxml", "otio"]


@pytest.fixture
def client(library: Library) -> Iterator[httpx.Client]:
    with asking(library.added(3)) as client:
        yield client


def added(
    client: httpx.Client, name: str, query: str = "red", count: int = 3
) -> list[dict[str, Any]]:
    """The moments of a search, put into a list."""
    params: dict[str, Any] = {"q": query, "top": 20, "per_video": 1}
    found = client.get("/api/search", params=params).json()["moments"]
    rows = []
    for moment in found[:count]:
        answer = client.post(
            f"/api/lists/{quote(name)}/moments", json=sent(moment, query)
        )
        row: Any = answer_of(answer)
        rows.append(row)
    return rows


def sent(moment: dict[str, Any], query: str = "red") -> dict[str, Any]:
    names = ("video", "start_s", "end_s", "score", "confidence")
    return {"query": query, **{name: moment[name] for name in names}}


def test_a_list_is_made_filled_and_forgotten(client: httpx.Client) -> None:
    assert answer_of(client.get("/api/lists")) == []
    empty = {"name": "for Monday", "moments": 0}
    for _ in range(2):
        assert answer_of(client.put("/api/lists/for Monday")) == empty
    rows = added(client, "日本 & co.")
    listed = [empty, {"name": "日本 & co.", "moments": 3}]
    assert answer_of(client.get("/api/lists")) == listed
    whole = client.get(f"/api/lists/{quote('日本 & co.')}")
    assert answer_of(whole) == {"name": "日本 & co.", "moments": rows}
    assert client.delete(f"/api/lists/{quote('日本 & co.')}").status_code == 204
    assert answer_of(client.get("/api/lists")) == [empty]
    for answer in (
        client.get(f"/api/lists/{quote('日本 & co.')}"),
        client.delete("/api/lists/none"),
        client.get("/api/lists/none/export?kind=csv"),
        client.delete("/api/lists/none/moments/1"),
        client.delete("/api/lists/for Monday/moments/1"),
    ):
        assert answer.status_code == 404 and "reload the page" in answer.text


def test_a_moment_is_in_a_list_once_and_keeps_its_changes(
    client: httpx.Client,
) -> None:
    first, second = added(client, "a", count=2)
    address = f"/api/lists/a/moments/{first['id']}"
    changed: Any = answer_of(client.patch(address, json={"end_s": 1.5, "note": "x\ny"}))
    assert changed == {**first, "end_s": 1.5, "note": "x\ny"}
    again = client.post("/api/lists/a/moments", json=sent(first))
    assert answer_of(again) == changed
    assert answer_of(client.patch(address, json={})) == changed
    assert client.delete(address).status_code == 204
    assert client.get("/api/lists/a").json()["moments"] == [second]
    assert client.delete(address).status_code == 404
    # It can be added anew, as it was found.
    new: Any = answer_of(client.post("/api/lists/a/moments", json=sent(first)))
    assert new == {**first, "id": new["id"]} and new["id"] != first["id"]


def test_what_cannot_be_is_told_in_a_sentence(client: httpx.Client) -> None:
    moment = added(client, "a", count=1)[0]
    own = f"/api/lists/a/moments/{moment['id']}"
    tried: list[tuple[str, str, Any, int]] = [
        ("PUT", "/api/lists/" + "x" * 101, None, 422),
        ("PUT", "/api/lists/%20", None, 400),
        ("PUT", "/api/lists/a%0Ab", None, 400),
        ("PUT", "/api/lists/a%5Cb", None, 400),
        ("PUT", "/api/lists/a%2Fb", None, 405),
        ("POST", "/api/lists/a%00/moments", sent(moment), 400),
        ("PATCH", own, {"start_s": 9.0}, 400),
        ("PATCH", own, {"end_s": 900.0}, 400),
        ("PATCH", own, {"note": "x" * 5001}, 422),
        ("PATCH", own, {"note": 1}, 422),
        ("PATCH", f"/api/lists/a/moments/{2**70}", {}, 422),
        ("POST", "/api/lists/a/moments", {**sent(moment), "confidence": 1.1}, 422),
        ("POST", "/api/lists/a/moments", {**sent(moment), "video": "0" * 64}, 404),
        ("POST", "/api/lists/a/moments", [], 422),
        ("GET", "/api/lists/a/export?kind=exe", None, 422),
        ("GET", "/api/lists/a/export?kind=csv&pad=-1", None, 422),
        ("GET", "/api/lists/a/export?kind=csv&merge=nan", None, 422),
    ]
    for method, address, value, status in tried:
        answer = client.request(method, address, json=value)
        assert answer.status_code == status, (address, answer.text)
        assert len(answer.json()["error"]) > 10
    assert client.get("/api/lists").json() == [{"name": "a", "moments": 1}]
    assert client.get("/api/lists/a").json()["moments"] == [moment]


def test_there_is_an_end_to_lists_and_moments(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_LISTS", 2)
    monkeypatch.setattr(lists, "MOST_MOMENTS", 2)
    first, _ = added(client, "a", count=2)
    assert client.post("/api/lists/a/moments", json=sent(first)).is_success
    other = client.post("/api/lists/a/moments", json={**sent(first), "query": "b"})
    assert other.status_code == 400 and "begin another" in other.json()["error"]
    assert (
        client.put("/api/lists/b").is_success and client.put("/api/lists/b").is_success
    )
    third = client.put("/api/lists/c")
    assert third.status_code == 400 and "delete one" in third.json()["error"]


def test_two_who_add_the_same_add_it_once(client: httpx.Client) -> None:
    moment = added(client, "other", count=1)[0]
    barrier = threading.Barrier(8)

    def add(_: int) -> object:
        barrier.wait()
        return answer_of(client.post("/api/lists/a/moments", json=sent(moment)))

    with ThreadPoolExecutor(8) as pool:
        rows = [*pool.map(add, range(8))]
    assert client.get("/api/lists/a").json()["moments"] == rows[:1]


def expected(
    library: Library, rows: list[dict[str, Any]], target: Path, pad: float = 0.0
) -> dict[str, bytes]:
    """What the same moments are as files of the command."""
    found = [
        Found(
            row["query"],
            library.folder / row["file"],
            Span(row["start_s"], row["end_s"]),
            row["score"],
            row["confidence"],
            row["duration_s"],
        )
        for row in rows
    ]
    files = export(merged(found, 0.5 if pad else None, pad), target)
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_is_exported_as_the_command_does(
    client: httpx.Client, library: Library, tmp_path: Path, kind: str
) -> None:
    rows = added(client, "my list")
    for pad in (0.0, 0.75):
        params: dict[str, Any] = {"kind": kind}
        if pad:
            params |= {"pad": pad, "merge": 0.5}
        answer = client.get("/api/lists/my list/export", params=params)
        assert answer.status_code == 200, answer.text
        files = expected(library, rows, tmp_path / f"my list.{kind}", pad)
        head = answer.headers["content-disposition"]
        if len(files) == 1:
            assert head.startswith(f'attachment; filename="my list.{kind}"')
            assert answer.content == files[f"my list.{kind}"]
            continue
        assert kind in ("srt", "vtt") and head.endswith("my%20list.zip")
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_name_of_a_file_is_that_of_its_list(client: httpx.Client) -> None:
    name = 'Käse "für" 🧀; x=.exe'
    added(client, name, count=1)
    answer = client.get(f"/api/lists/{quote(name)}/export?kind=csv")
    head = answer.headers["content-disposition"]
    assert head.endswith(f"; filename*=UTF-8''{quote(name + '.csv', '')}")
    assert head.isascii() and head.startswith('attachment; filename="K')
    assert head.count('"') == 2


def test_a_video_that_is_gone_is_in_tables_but_in_no_timeline(
    client: httpx.Client, library: Library
) -> None:
    rows = added(client, "a")
    (library.folder / rows[0]["file"]).unlink()
    library.open().add()
    listed = client.get("/api/lists/a").json()["moments"]
    assert listed == rows
    refused = client.get("/api/lists/a/export?kind=otio")
    assert refused.status_code == 400 and rows[0]["file"] in refused.json()["error"]
    table = client.get("/api/lists/a/export?kind=csv").text
    files = {Path(row["path"]).name for row in csv.DictReader(io.StringIO(table))}
    assert files == {row["file"] for row in rows}


def test_a_damaged_video_is_told_and_ends_no_server(
    client: httpx.Client, library: Library
) -> None:
    rows = added(client, "a")
    (library.folder / rows[0]["file"]).write_bytes(os.urandom(5000))
    refused = client.get("/api/lists/a/export?kind=edl")
    assert refused.status_code == 400
    assert rows[0]["file"] in refused.json()["error"]
    assert client.get("/api/library").is_success


def test_an_export_has_an_end_in_size_and_number(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(client, "a")
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "MOST_BYTES", 100)
        large = client.get("/api/lists/a/export?kind=csv")
    assert large.status_code == 400 and "fewer moments" in large.json()["error"]

    going, done = threading.Barrier(exporter.AT_A_TIME + 1), threading.Event()

    def slowly(*_: object) -> bytes:
        going.wait()
        done.wait(20)
        return b"{}"

    monkeypatch.setattr(exporter, "packed", slowly)
    address = "/api/lists/a/export?kind=csv"
    with ThreadPoolExecutor(exporter.AT_A_TIME) as pool:
        others = [pool.submit(client.get, address) for _ in range(exporter.AT_A_TIME)]
        going.wait(20)
        busy = client.get(address)
        done.set()
        assert all(other.result().is_success for other in others)
    assert busy.status_code == 503 and "try again" in busy.json()["error"]


def test_lists_are_json_as_the_command_prints(client: httpx.Client) -> None:
    added(client, "a", count=2)
    value = json.loads(client.get("/api/lists/a/export?kind=json").text)
    assert [row["rank"] for row in value] == [1, 2]
    assert all(Path(row["path"]).is_file() for row in value)
