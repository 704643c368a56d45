"""The tools of ``slta mcp``: what a program asks in the Model Context Protocol."""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Final

import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slta.errors import InputError
from slta.index.filters import Filter
from slta.index.library import Index
from slta.serve.answers import shown, told
from slta.serve.decoder import DecoderPool
from slta.serve.films import Unknown, films
from slta.serve.shelf import LONGEST, Shelf, Wanted, span_in

WIDTH: Final = 640
"""Of the frames, in pixels."""
MOST_FRAMES: Final = 8
LISTED: Final = 100
"""Problems that are told."""
INSTRUCTIONS: Final = """Finds moments in the videos of one folder. search gives the best
moments for a sentence, each with its file, its times in seconds and a confidence from 0 to 1;
clear_match says whether any is clear. show_moment shows the frames of a moment, to check it."""
Pattern = Annotated[
    str,
    Field(
        max_length=LONGEST,
        description="Only videos whose path in the folder matches, such as holiday/**.",
    ),
]
Text = Annotated[str, Field(max_length=40)]


class Arguments(BaseModel):
    """Of a tool; no others are known."""

    model_config = ConfigDict(extra="forbid")


class SearchArguments(Arguments):
    query: str = Field(
        max_length=LONGEST,
        description="An English sentence or noun that describes what is seen.",
    )
    top: int = Field(10, ge=1, le=100, description="Maximum moments.")
    per_video: int | None = Field(
        None, ge=1, description="Maximum moments of one video."
    )
    within: Pattern = ""
    since: Text = Field(
        "", description="Only videos recorded then or later, as 2024-01-31 or 30d."
    )
    until: Text = Field("", description="Only videos recorded before.")
    longer: Text = Field("", description="Only videos at least so long, as 90 or 10m.")
    shorter: Text = Field("", description="Only videos at most so long.")
    confidence: float = Field(0.0, ge=0, le=1, description="Least confidence.")


class ListArguments(Arguments):
    within: Pattern = ""
    first: int = Field(0, ge=0, description="How many videos to pass over.")
    most: int = Field(100, ge=1, le=1000, description="Maximum videos.")


class MomentArguments(Arguments):
    video: str = Field(
        max_length=4096, description="A video's id, or its file as search names it."
    )
    start_s: float = Field(ge=0, description="Start of the moment in seconds.")
    end_s: float = Field(description="End of the moment in seconds.")
    frames: int = Field(
        4, ge=1, le=MOST_FRAMES, description="Frames, evenly spread over the moment."
    )


class StatusArguments(Arguments):
    pass


@dataclass(frozen=True, slots=True)
class Tool:
    description: str
    arguments: type[Arguments]
    answer: Callable[[Any], Awaitable[types.CallToolResult]]


class Tools:
    """The tools for an index."""

    def __init__(self, index: Index) -> None:
        self._index, self._decoder = index, DecoderPool()
        self._shelf = Shelf(index, self._decoder)
        self.all = {
            "search": Tool(
                "Find the best moments of all videos for a sentence.",
                SearchArguments,
                self._search,
            ),
            "list_videos": Tool(
                "List the videos that are searched: files, length and size.",
                ListArguments,
                self._list_videos,
            ),
            "show_moment": Tool(
                "Show frames of a part of a video, as pictures.",
                MomentArguments,
                self._show_moment,
            ),
            "index_status": Tool(
                "Tell how many videos are indexed, new, gone or unusable.",
                StatusArguments,
                self._index_status,
            ),
        }

    def listed(self) -> types.ListToolsResult:
        hints = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=name,
                    description=tool.description,
                    input_schema=tool.arguments.model_json_schema(),
                    annotations=hints,
                )
                for name, tool in self.all.items()
            ]
        )

    async def call(self, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        """What a tool says; errors are a sentence."""
        tool = self.all.get(name)
        if tool is None:
            return _refused(
                f"there is no tool {name[:80]!r}; use {', '.join(self.all)}"
            )
        try:
            return await tool.answer(tool.arguments.model_validate(arguments))
        except ValidationError as error:
            first = error.errors()[0]
            what = ".".join(map(str, first["loc"])) or "the arguments"
            return _refused(f"{what}: {first['msg']}; see the schema of {name}")
        except InputError as error:
            return _refused(" ".join(str(error).split()))

    def close(self) -> None:
        self._shelf.close()
        self._decoder.close()

    async def _search(self, asked: SearchArguments) -> types.CallToolResult:
        hits = await self._shelf.search(Wanted(**asked.model_dump()))
        return _told(self._shelf.shown(hits))

    async def _list_videos(self, asked: ListArguments) -> types.CallToolResult:
        rows = await self._shelf.rows()
        if asked.within:
            found = Filter(within=asked.within).paths_by_video(self._index.snapshot())
            rows = [
                {**row, "files": found[row["video"]]}
                for row in rows
                if row["video"] in found
            ]
        end = asked.first + asked.most
        return _told({"count": len(rows), "videos": rows[asked.first : end]})

    async def _show_moment(self, asked: MomentArguments) -> types.CallToolResult:
        name = films(self._shelf.index).ids.get(
            asked.video.removeprefix("./"), asked.video
        )
        try:
            facts, path = await self._shelf.video(name)
        except Unknown as error:
            raise InputError(
                f"{asked.video[:200]!r} is not in the index, or has changed; list_videos "
                "names what is"
            ) from error
        span = span_in(facts, asked.start_s, asked.end_s)
        height = max(1, round(WIDTH * facts.height / facts.width))
        content: list[types.ContentBlock] = []
        for number in range(asked.frames):
            at_s = span.start + (number + 0.5) / asked.frames * span.length_s
            data = await self._decoder.do(
                "strip", path=str(path), times_s=[at_s], width=WIDTH, height=height
            )
            content.append(types.TextContent(type="text", text=f"{at_s:.2f} s"))
            content.append(
                types.ImageContent(
                    type="image",
                    data=base64.b64encode(data).decode(),
                    mime_type="image/jpeg",
                )
            )
        return types.CallToolResult(content=content)

    async def _index_status(self, _: StatusArguments) -> types.CallToolResult:
        status = await self._shelf.run(self._index.status)
        problems = sorted(status.problems.items())
        return _told(
            {
                "folder": str(self._index.root),
                "videos": status.videos,
                "files": status.files,
                "hours": round(status.hours, 3),
                "new": len(status.new),
                "gone": len(status.gone),
                "unusable": len(problems),
                "problems": [
                    {"file": file, "why": told(why, self._index.root)}
                    for file, why in problems[:LISTED]
                ],
                "extractor": status.extractor,
            }
        )


def _told(value: dict[str, Any]) -> types.CallToolResult:
    # Names may be no Unicode, which a message must be.
    plain = json.loads(shown(json.dumps(value, ensure_ascii=False)))
    text = types.TextContent(type="text", text=json.dumps(plain, ensure_ascii=False))
    return types.CallToolResult(content=[text], structured_content=plain)


def _refused(sentence: str) -> types.CallToolResult:
    text = types.TextContent(type="text", text=shown(sentence))
    return types.CallToolResult(content=[text], is_error=True)


async def speak(index: Index) -> None:
    """Answers on stdin and stdout until stdin ends."""
    tools = Tools(index)

    async def listed(_: ServerRequestContext[Any], __: Any) -> types.ListToolsResult:
        return tools.listed()

    async def called(
        _: ServerRequestContext[Any], asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        return await tools.call(asked.name, asked.arguments or {})

    server = Server[Any](
        "slta",
        title="SLTA",
        version=version("slta"),
        instructions=" ".join(INSTRUCTIONS.split()),
        on_list_tools=listed,
        on_call_tool=called,
    )
    try:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
    finally:
        tools.close()
