"""The service: what is at which address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from slta.errors import InputError, UnwritableError
from slta.index.library import Index
from slta.serve import corrections, lists, searching
from slta.serve.exporting import TooBusy
from slta.serve.guards import TooLarge, refused
from slta.serve.shelf import Shelf, UnknownVideo
from slta.serve.stills import Stills

PAGE: Final = Path(__file__).with_name("page")


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

    app.include_router(searching.routes(shelf, stills))
    app.include_router(corrections.routes(index))
    app.include_router(lists.routes(shelf))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _tell_errors(app: FastAPI) -> None:
    """One sentence for each error."""

    @app.exception_handler(InputError)
    def wrong(_: Request, error: Exception) -> JSONResponse:
        return refused(400, str(error))

    @app.exception_handler(UnknownVideo)
    def unknown(_: Request, error: Exception) -> JSONResponse:
        return refused(404, str(error))

    @app.exception_handler(TooBusy)
    def busy(_: Request, error: Exception) -> JSONResponse:
        return refused(503, str(error))

    @app.exception_handler(UnwritableError)
    def unwritable(_: Request, error: Exception) -> JSONResponse:
        return refused(507, str(error))

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
