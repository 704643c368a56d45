"""The service: what of the index is at which address."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from slta.errors import InputError
from slta.index.library import Index
from slta.serve.guards import TooLarge, refused
from slta.serve.shelf import LONGEST, MOST, Shelf, UnknownVideo, Wanted
from slta.serve.stills import Stills

PAGE: Final = Path(__file__).with_name("page")
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


def make_app(index: Index) -> FastAPI:
    """The application for an index, without a guard."""
    shelf, stills = Shelf(index), Stills()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        stills.close()
        shelf.close()

    app = FastAPI(
        title="SLTA",
        description="Find the moment in a video that a sentence describes.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    _tell_errors(app)

    @app.get("/api/library")
    async def library() -> dict[str, Any]:
        """What is searched."""
        videos = await shelf.run(shelf.videos)
        return {
            "name": index.root.name,
            "videos": len(videos),
            "hours": round(sum(v["duration_s"] for v in videos) / 3600, 3),
        }

    @app.get("/api/videos")
    async def videos() -> list[dict[str, Any]]:
        """All videos of the folder."""
        return await shelf.run(shelf.videos)

    @app.get("/api/search")
    async def search(asked: Annotated[SearchWords, Query()]) -> dict[str, Any]:
        """The best moments of all videos, as ``slta search FOLDER --json`` has them, with
        the ``video`` of each."""
        return shelf.shown(await shelf.search(asked.asked))

    @app.get("/api/search/stream")
    async def stream(asked: Annotated[SearchWords, Query()]) -> StreamingResponse:
        """The same as events: ``found`` with the first moments, then with all, and
        ``done``."""
        whole = asked.asked
        whole.check()

        async def events() -> AsyncIterator[str]:
            try:
                for top in dict.fromkeys((min(PORTION, whole.top), whole.top)):
                    hits = await shelf.search(replace(whole, top=top))
                    yield _event("found", shelf.shown(hits))
                    if len(hits.moments) < top:
                        break
                yield _event("done", {})
            except InputError as error:
                yield _event("refused", {"error": str(error)})

        return StreamingResponse(events(), media_type="text/event-stream")

    @app.get("/api/videos/{video}/file")
    async def file(video: str) -> FileResponse:
        """The file; a range of its bytes, if one is asked for."""
        _, path = shelf.video(video)
        kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
        return FileResponse(path, media_type=kind)

    @app.get("/api/videos/{video}/frame")
    async def frame(video: str, at: float = 0.0, width: int = 320) -> Response:
        """A picture of the video as JPEG."""
        facts, path = shelf.video(video)
        fitting = next((w for w in WIDTHS if w >= width), WIDTHS[-1])
        data = await stills.jpeg(path, min(max(at, 0.0), facts.duration_s), fitting)
        # What a video's id names never changes.
        headers = {"cache-control": "private, max-age=86400, immutable"}
        return Response(data, media_type="image/jpeg", headers=headers)

    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _event(name: str, value: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(value)}\n\n"


def _tell_errors(app: FastAPI) -> None:
    """One sentence for each error."""

    @app.exception_handler(InputError)
    def wrong(_: Request, error: Exception) -> JSONResponse:
        return refused(400, str(error))

    @app.exception_handler(UnknownVideo)
    def unknown(_: Request, error: Exception) -> JSONResponse:
        return refused(404, str(error))

    @app.exception_handler(TooLarge)
    def large(_: Request, error: Exception) -> JSONResponse:
        return refused(413, str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        return refused(422, f"{name}: {first['msg']}; see /api/openapi.json")

    @app.exception_handler(HTTPException)
    def other(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return refused(error.status_code, f"{error.detail}; open / for the page")
