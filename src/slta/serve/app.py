"""The service: what is at which address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from slta.errors import InputError, UnwritableError
from slta.index.library import Index
from slta.serve import corrections, lists, media, searching, tus, updating
from slta.serve.answers import REFUSALS
from slta.serve.decoder import DecoderPool
from slta.serve.exporter import Exporter
from slta.serve.films import Unknown
from slta.serve.guards import BadBody, refused
from slta.serve.jobs import Jobs
from slta.serve.media import ClipCache, Pictures
from slta.serve.shelf import Shelf
from slta.serve.tus import Intake
from slta.serve.uploads import Uploads

PAGE: Final = Path(__file__).with_name("page")
CLIP_S: Final = 120.0
"""How long a clip may take to be cut."""


def make_app(
    index: Index, jobs: Jobs | None = None, uploads: Uploads | None = None
) -> FastAPI:
    """The application for an index, without a guard."""
    jobs = jobs or Jobs(index)
    intake = Intake(uploads or Uploads(index.root), jobs)
    # Pictures do not wait for clips.
    decoder, cutter = DecoderPool(2), DecoderPool(1, CLIP_S)
    shelf, clips = Shelf(index, decoder), ClipCache(cutter)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        jobs.start()
        intake.start()
        yield
        await asyncio.to_thread(jobs.close)
        shelf.close()
        decoder.close()
        cutter.close()
        clips.close()

    app = FastAPI(
        title="SLTA",
        description="Find the moment in a video that a sentence describes.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=REFUSALS,
    )
    _tell_errors(app, index.root)

    app.include_router(searching.routes(shelf))
    app.include_router(media.routes(shelf, Pictures(decoder), clips))
    app.include_router(corrections.routes(index))
    app.include_router(lists.routes(shelf, Exporter(cutter)))
    app.include_router(updating.routes(index, jobs))
    app.include_router(tus.routes(intake))
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _docs() -> FileResponse:
    """The description of the addresses, to read."""
    return FileResponse(PAGE / "docs.html")


def _tell_errors(app: FastAPI, root: Path) -> None:
    """One sentence for each error, without where the folder lies."""

    @app.exception_handler(InputError)
    def wrong(_: Request, error: Exception) -> JSONResponse:
        status = 404 if isinstance(error, Unknown) else getattr(error, "status", 400)
        return refused(status, str(error).replace(f"{root}/", ""))

    @app.exception_handler(UnwritableError)
    def unwritable(_: Request, error: Exception) -> JSONResponse:
        return refused(507, str(error))

    @app.exception_handler(BadBody)
    def bad(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, BadBody)
        return refused(error.status_code, error.detail, end=True)

    @app.exception_handler(ClientDisconnect)
    def gone(_: Request, error: Exception) -> JSONResponse:
        return refused(400, "the request ended before its body; send it again")

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
