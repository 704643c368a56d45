"""The addresses of uploads: the protocol tus 1.0.0 (https://tus.io), its core with the
extensions creation and termination."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, suppress
from threading import Thread
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from slta.errors import InputError
from slta.serve.guards import BadBody, refused
from slta.serve.jobs import Jobs
from slta.serve.searching import Name
from slta.serve.uploads import FOLDER, Upload, UploadError, UploadPart, Uploads

VERSION: Final = "1.0.0"
WRITTEN: Final = 1 << 20
"""Bytes that are written at a time."""
DIGITS: Final = 18
"""Of a number of bytes, at most."""


class Intake:
    """Uploads, whose files are indexed when they are whole."""

    def __init__(self, uploads: Uploads, jobs: Jobs) -> None:
        self.uploads, self._jobs = uploads, jobs

    def start(self) -> None:
        """Goes on with what was whole when a server was killed, meanwhile, as it may have
        to be copied."""

        def complete() -> None:
            for name in self.uploads.whole():
                self.complete(name)

        Thread(target=complete, name="uploads", daemon=True).start()

    def complete(self, name: str) -> None:
        """Moves an upload whose bytes are all there, if that is possible now."""
        with suppress(UploadError):
            upload, there = self.uploads.get(name)
            if there == upload.length:
                with self.uploads.writing(name, there) as part:
                    self.finish(part)

    def finish(self, part: UploadPart) -> Upload:
        """Moves a whole upload, and has it indexed."""
        upload = self.uploads.finish(part)
        if not upload.job:
            with suppress(InputError):
                job = self._jobs.add(FOLDER, is_needed=True)
                upload = self.uploads.note_job(upload, job.id)
        return upload


class TusRoute(APIRoute):
    """Says the version in every answer."""

    def get_route_handler(
        self,
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        usual = super().get_route_handler()

        async def handler(request: Request) -> Response:
            asked = request.headers.get("tus-resumable", VERSION)
            answer: Response
            if asked != VERSION and request.method != "OPTIONS":
                answer = refused(412, f"tus {asked[:20]} is not spoken; use {VERSION}")
                answer.headers["tus-version"] = VERSION
            else:
                try:
                    answer = await usual(request)
                except UploadError as error:
                    answer = refused(error.status, str(error))
            answer.headers["tus-resumable"] = VERSION
            return answer

        return handler


def routes(intake: Intake) -> APIRouter:
    api = APIRouter(prefix="/api/uploads", route_class=TusRoute)
    uploads = intake.uploads

    @api.options("", status_code=204)
    async def options() -> Response:
        """What is spoken here."""
        headers = {
            "tus-version": VERSION,
            "tus-extension": "creation,termination",
            "tus-max-size": str(uploads.largest),
        }
        return Response(status_code=204, headers=headers)

    @api.post("", status_code=201)
    async def created(request: Request) -> Response:
        """Announces a file: ``Upload-Length``, and its ``filename`` in
        ``Upload-Metadata``."""
        length = _number(request, "upload-length")
        name = _filename(request.headers.get("upload-metadata", ""))
        upload = await asyncio.to_thread(uploads.create, name, length)
        headers = {"location": f"/api/uploads/{upload.id}"}
        return Response(status_code=201, headers=headers)

    @api.head("/{upload}")
    async def asked(upload: Name) -> Response:
        """How much of it is there: ``Upload-Offset``."""

        def found() -> tuple[Upload, int]:
            intake.complete(upload)
            return uploads.get(upload)

        known, there = await asyncio.to_thread(found)
        return Response(headers=_told(known, there))

    @api.patch("/{upload}", status_code=204)
    async def sent(upload: Name, request: Request) -> Response:
        """Sends the next bytes, from ``Upload-Offset`` on; after the last, ``X-File`` says
        where the file is, and ``X-Job`` which job indexes it."""
        kind = request.headers.get("content-type", "")
        if kind != "application/offset+octet-stream":
            raise UploadError(
                415, f"{kind[:80]!r} is not application/offset+octet-stream; send that"
            )
        offset = _number(request, "upload-offset")
        with ExitStack() as stack:
            part = await asyncio.to_thread(
                stack.enter_context, uploads.writing(upload, offset)
            )
            await _append(part, request)
            known = part.upload
            if part.is_whole:
                known = await asyncio.to_thread(intake.finish, part)
            return Response(status_code=204, headers=_told(known, part.offset))

    @api.delete("/{upload}", status_code=204)
    async def removed(upload: Name) -> Response:
        """Forgets it; a file that is whole stays."""
        await asyncio.to_thread(uploads.remove, upload)
        return Response(status_code=204)

    return api


async def _append(part: UploadPart, request: Request) -> None:
    """Writes what arrives, also if it ends before its time."""
    announced = request.headers.get("content-length", "0")
    if part.offset + int(announced) > part.upload.length:
        raise UploadError(
            413,
            f"{part.upload.name} was to have {part.upload.length} bytes; send no more",
        )
    try:
        async for piece in _pieces(request):
            await asyncio.to_thread(part.append, piece)
    except ClientDisconnect:
        raise UploadError(400, "the connection was cut; send the rest") from None
    except BadBody as error:
        raise UploadError(error.status_code, f"{error.detail}: send the rest") from None


async def _pieces(request: Request) -> AsyncIterator[bytearray]:
    """What arrives, in larger pieces; also the last one before an error."""
    piece = bytearray()
    wrong: BaseException | None = None
    try:
        async for some in request.stream():
            piece += some
            if len(piece) >= WRITTEN:
                yield piece
                piece = bytearray()
    except Exception as error:
        wrong = error
    if piece:
        yield piece
    if wrong is not None:
        raise wrong


def _told(upload: Upload, there: int) -> dict[str, str]:
    headers = {"upload-offset": str(there), "upload-length": str(upload.length)}
    if upload.file:
        # Headers hold no other letters.
        headers["x-file"] = quote(upload.file)
        headers["x-job"] = upload.job
    return headers


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise UploadError(400, f"{name} is {text[:40]!r}; send a number of bytes")
    return int(text)


def _filename(metadata: str) -> str:
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            with suppress(binascii.Error, ValueError):
                return base64.b64decode(value.strip(), validate=True).decode()
            raise UploadError(
                400, f"the file name {value[:40]!r} is not UTF-8 in base64"
            )
    raise UploadError(400, "there is no filename in Upload-Metadata; send it")
