"""``slta mcp``, asked by the client of the official SDK over stdin and stdout."""

import asyncio
import base64
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters
from PIL import Image

from tests.support.colour_command import colour_command
from tests.support.commands import refused, run
from tests.support.libraries import Library

ROOT = Path(__file__).resolve().parents[2]


def words(library: Library, *more: str) -> list[str]:
    options = ("--index", library.place, "--store", library.store, *more)
    return colour_command("mcp", library.folder, *options)


def asked(
    library: Library, ask: Callable[[Client], Awaitable[None]], *more: str
) -> None:
    command, *arguments = words(library, *more)
    server = StdioServerParameters(
        command=command, args=arguments, cwd=ROOT, env=dict(os.environ)
    )

    async def session() -> None:
        async with Client(server) as client:
            await ask(client)

    asyncio.run(session())


async def called(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(name, arguments)
    assert not answer.is_error, answer.content
    (text,) = answer.content
    assert isinstance(text, types.TextContent)
    value: dict[str, Any] = json.loads(text.text)
    assert answer.structured_content == value
    return value


def test_each_tool_says_what_the_index_knows(library: Library) -> None:
    library.put("deep/a.mp4", 1)
    index = library.added(2)
    library.put("new.mp4", 4)
    (library.folder / "bad.mp4").write_text("no film")

    async def ask(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {*tools} == {"search", "list_videos", "show_moment", "index_status"}
        for tool in tools.values():
            assert tool.description and tool.annotations
            assert tool.annotations.read_only_hint
            for name, schema in tool.input_schema["properties"].items():
                assert schema.get("description") or name in ("query",), name
        status = await called(client, "index_status")
        assert (status["videos"], status["files"], status["new"]) == (2, 3, 2)
        answer = await called(client, "search", query="red", top=3)
        expected = index.search("red", top=3).to_json()
        assert [m["start_s"] for m in answer["moments"]] == [
            m["start_s"] for m in expected["moments"]
        ]
        assert answer["clear_match"] == expected["clear_match"]
        moment = answer["moments"][0]
        videos = await called(client, "list_videos")
        assert videos["count"] == 2
        assert moment["video"] in {each["video"] for each in videos["videos"]}
        deep = await called(client, "list_videos", within="deep")
        assert [each["files"] for each in deep["videos"]] == [["deep/a.mp4"]]
        part = await called(client, "list_videos", first=1, most=5)
        assert (part["count"], len(part["videos"])) == (2, 1)
        for video in (moment["file"], moment["video"]):
            shown = await client.call_tool(
                "show_moment",
                {
                    "video": video,
                    "start_s": moment["start_s"],
                    "end_s": moment["end_s"],
                    "frames": 3,
                },
            )
            pictures = [c for c in shown.content if isinstance(c, types.ImageContent)]
            assert len(pictures) == 3 and len(shown.content) == 6
            for each in pictures:
                assert each.mime_type == "image/jpeg"
                picture = Image.open(io.BytesIO(base64.b64decode(each.data)))
                assert picture.format == "JPEG" and picture.width == 640
                red, green, blue = picture.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
                assert red > 150 and max(green, blue) < 100

    asked(library, ask)
    # Nothing was indexed.
    assert len(library.open().status().new) == 2


def test_wrong_input_is_an_error_in_one_sentence(library: Library) -> None:
    library.added(1)
    (library.folder / "new.mp4").write_bytes(b"x")
    (library.folder.parent / "secret.mp4").write_text("secret")
    moment = {"start_s": 0, "end_s": 1}
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("search", {}, "query: Field required"),
        ("search", {"query": " "}, "there is no query"),
        ("search", {"query": "x" * 1000}, "at most 500"),
        ("search", {"query": "red", "top": 0}, "top: "),
        ("search", {"query": "red", "top": 10**6}, "top: "),
        ("search", {"query": "red", "since": "yesterday"}, "since"),
        ("search", {"query": "red", "within": "nowhere"}, "matches none"),
        ("search", {"query": "red", "colour": 3}, "colour: "),
        ("list_videos", {"most": -1}, "most: "),
        ("show_moment", {"video": "new.mp4", **moment}, "list_videos"),
        ("show_moment", {"video": "../secret.mp4", **moment}, "not in the index"),
        ("show_moment", {"video": "/etc/passwd", **moment}, "not in the index"),
        ("show_moment", {"video": "a\0b", **moment}, "not in the index"),
        (
            "show_moment",
            {"video": "x", "start_s": 0, "end_s": 1, "frames": 9},
            "frames",
        ),
        ("nothing", {}, "there is no tool 'nothing'; use search"),
    ]

    async def ask(client: Client) -> None:
        for name, arguments, part in wrong:
            answer = await client.call_tool(name, arguments)
            (text,) = answer.content
            assert isinstance(text, types.TextContent)
            assert answer.is_error, (name, arguments)
            assert part in text.text and "\n" not in text.text, text.text
            assert "Traceback" not in text.text and str(library.folder) not in text.text
        video = (await called(client, "list_videos"))["videos"][0]["video"]
        for start_s, end_s in ((5, 2), (700, 800)):
            span = {"video": video, "start_s": start_s, "end_s": end_s}
            answer = await client.call_tool("show_moment", span)
            assert answer.is_error
        assert (await called(client, "search", query="red"))["videos"] == 1

    asked(library, ask)


def test_what_is_new_is_indexed_if_asked_for(library: Library) -> None:
    library.fill(2)

    async def ask(client: Client) -> None:
        assert (await called(client, "index_status"))["videos"] == 2

    asked(library, ask, "--update", "--extractor", "colours")


def test_nothing_but_the_protocol_is_printed_and_it_ends_with_its_input(
    library: Library,
) -> None:
    library.fill(1)
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    done = subprocess.run(
        words(library, "--update", "--extractor", "colours"),
        input=json.dumps(hello) + "\nnot JSON\n",
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0]["id"] == 1
    assert answers[0]["result"]["serverInfo"]["name"] == "slta"
    assert all(answer["jsonrpc"] == "2.0" for answer in answers)
    assert "indexed 1 video" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(library: Library, number: signal.Signals) -> None:
    library.added(1)
    process = subprocess.Popen(
        words(library),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        process.stdin.flush()
        assert process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(number)
        assert process.wait(10) == -number
    finally:
        process.kill()
        _, err = process.communicate()
    assert b"Traceback" not in err, err


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    done = run("mcp", tmp_path, "--index", tmp_path / "index")
    refused(done, "has no index yet; make it with: slta index")
    refused(run("mcp", tmp_path / "none"), "none")
