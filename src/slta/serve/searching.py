"""What is found: the addresses of searches, videos, files and pictures."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from slta.errors import InputError
from slta.serve.shelf import LONGEST, MOST, Shelf, Wanted
from slta.serve.stills import Stills

WIDTHS: Final = (160, 320, 640, 1280)
"""Widths of pictures, in pixels; the next larger one is made."""
PORTION: Final = 20
"""Moments that are sent first; then all."""
TYPES: Final = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
}


class SearchWords(BaseModel):
    """What is asked for; lengths and dates are as for ``slta search``."""

    q: Annotated[str, Field(max_length=LONGEST)]
    top: Annotated[int, Field(ge=1, le=MOST)] = 20
    per_video: Annotated[int | None, Field(ge=1)] = None
    within: Annotated[str | None, Field(max_length=LONGEST)] = None
    since: Annotated[str | None, Field(max_length=40)] = None
    until: Annotated[str | None, Field(max_length=40)] = None
    longer: Annotated[str | None, Field(max_length=40)] = None
    shorter: Annotated[str | None, Field(max_length=40)] = None

    @property
    def asked(self) -> Wanted:
        words = self.model_dump()
        return Wanted(query=words.pop("q"), **words)


def routes(shelf: Shelf, stills: Stills) -> APIRouter:
    api = APIRouter(prefix="/api")

    @api.get("/library")
    async def library() -> dict[str, Any]:
        """What is searched."""
        videos = await shelf.run(shelf.videos)
        return {
            "name": shelf.index.root.name,
            "videos": len(videos),
            "hours": round(sum(v["duration_s"] for v in videos) / 3600, 3),
        }

    @api.get("/videos")
    async def videos() -> list[dict[str, Any]]:
        """All videos of the folder."""
        return await shelf.run(shelf.videos)

    @api.get("/search")
    async def search(asked: Annotated[SearchWords, Query()]) -> dict[str, Any]:
        """The best moments of all videos, as ``slta search FOLDER --json`` has them, with
        the ``video`` of each."""
        return shelf.shown(await shelf.search(asked.asked))

    @api.get("/search/stream")
    async def stream(asked: Annotated[SearchWords, Query()]) -> StreamingResponse:
        """The same as events: ``found`` with the first moments, then with all, and
        ``done``."""
        whole = asked.asked
        whole.check()

        async def events() -> AsyncIterator[str]:
            try:
                for top in dict.fromkeys((min(PORTION, whole.top), whole.top)):
                    hits = await shelf.search(replace(whole, top=top))
                    yield event("found", shelf.shown(hits))
                    if len(hits.moments) < top:
                        break
                yield event("done", {})
            except InputError as error:
                yield event("refused", {"error": str(error)})

        return StreamingResponse(events(), media_type="text/event-stream")

    @api.get("/videos/{video}/file")
    async def file(video: str) -> FileResponse:
        """The file; a range of its bytes, if one is asked for."""
        _, path = shelf.video(video)
        kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
        return FileResponse(path, media_type=kind)

    @api.get("/videos/{video}/frame")
    async def frame(video: str, at: float = 0.0, width: int = 320) -> Response:
        """A picture of the video as JPEG."""
        facts, path = shelf.video(video)
        fitting = next((w for w in WIDTHS if w >= width), WIDTHS[-1])
        data = await stills.jpeg(path, min(max(at, 0.0), facts.duration_s), fitting)
        # What a video's id names never changes.
        headers = {"cache-control": "private, max-age=86400, immutable"}
        return Response(data, media_type="image/jpeg", headers=headers)

    return api


def event(name: str, value: object) -> str:
    """A server-sent event."""
    return f"event: {name}\ndata: {json.dumps(value)}\n\n"
