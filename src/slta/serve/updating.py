"""What is added: the addresses of folders and jobs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from slta.errors import InputError
from slta.index.library import Index
from slta.serve.folders import folder, folder_in
from slta.serve.jobs import Jobs
from slta.serve.searching import Name, event

MOST_STREAMS: Final = 32
STREAMED: Final = 20
"""Jobs of an event."""
EVERY_S: Final = 0.5
"""Time between two events."""
HEARTBEAT_S: Final = 15.0
PATH: Final = 4096
"""Maximum letters of a folder's path."""


class TooManyStreams(InputError):
    """No further one may be open."""

    status = 503


class Where(BaseModel):
    """A folder, by its path in that of the videos; empty for all of it."""

    folder: Annotated[str, Field(max_length=PATH)] = ""


def routes(index: Index, jobs: Jobs) -> APIRouter:
    api = APIRouter(prefix="/api")
    streams = 0

    @api.get("/folder")
    async def folders(
        path: Annotated[str, Field(max_length=PATH)] = "",
    ) -> dict[str, Any]:
        """The folders in a folder, and how many videos in it are indexed, new or
        unusable."""
        return await asyncio.to_thread(folder, index, path)

    @api.get("/jobs")
    async def listed() -> list[dict[str, Any]]:
        """The jobs, newest first."""
        return await asyncio.to_thread(jobs.listed)

    @api.post("/jobs", status_code=202)
    async def added(where: Where) -> dict[str, Any]:
        """Starts to index what is new in a folder."""

        def add() -> dict[str, Any]:
            name, _ = folder_in(index.root, where.folder)
            return jobs.add(name).to_json(index.root)

        return await asyncio.to_thread(add)

    @api.delete("/jobs/{job}")
    async def cancelled(job: Name) -> dict[str, Any]:
        """Ends a job; what it has finished is kept."""
        return await asyncio.to_thread(lambda: jobs.cancel(job).to_json(index.root))

    @api.get("/jobs/stream")
    async def stream(request: Request) -> StreamingResponse:
        """The last jobs as events ``jobs``, whenever something has changed."""
        if streams >= MOST_STREAMS:
            raise TooManyStreams(
                f"{streams} streams are open already; close one, or ask /api/jobs"
            )
        ending: Callable[[], bool] = getattr(
            request.app.state, "is_ending", lambda: False
        )

        async def events() -> AsyncIterator[str]:
            nonlocal streams
            streams += 1
            try:
                version, told_s = -1, time.monotonic()
                while not ending():
                    if version != jobs.version:
                        version, told_s = jobs.version, time.monotonic()
                        yield event(
                            "jobs", await asyncio.to_thread(jobs.listed, STREAMED)
                        )
                    elif time.monotonic() - told_s > HEARTBEAT_S:
                        told_s = time.monotonic()
                        yield ": still here\n\n"
                    await asyncio.sleep(EVERY_S)
            finally:
                streams -= 1

        return StreamingResponse(events(), media_type="text/event-stream")

    return api
