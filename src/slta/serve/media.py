"""Videos to play: their files, and pictures and clips made of them."""

import asyncio
import hashlib
from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response

from slta.errors import InputError
from slta.moments import Span, clock
from slta.serve.answers import content, shown
from slta.serve.decoder import DecoderPool
from slta.serve.searching import Name
from slta.serve.shelf import Shelf, span_in

WIDTHS: Final = (160, 320, 640, 1280)
"""Widths of pictures, in pixels; the next larger one is made."""
PICTURES_BYTES: Final = 64 << 20
"""Pictures that are kept, in bytes."""
CLIPS_BYTES: Final = 2 << 30
"""ClipCache that are kept, in bytes."""
LONGEST_S: Final = 600.0
"""Maximum length of a clip."""
TYPES: Final = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
}
OTHER: Final = "application/octet-stream"
# What a video's id names never changes.
FOR_GOOD: Final = {"cache-control": "private, max-age=86400, immutable"}


class Pictures:
    """JPEGs of frames, made when they are asked for, the last ones kept."""

    def __init__(self, decoder: DecoderPool) -> None:
        self._decoder = decoder
        self._kept = OrderedDict[tuple[object, ...], bytes]()
        self._size = 0

    async def jpeg(
        self, video: str, path: Path, times_s: list[float], size: tuple[int, int]
    ) -> bytes:
        """Frames side by side, each of ``size``, (width, height)."""
        key = (video, *times_s, *size)
        if key not in self._kept:
            data = await self._decoder.do(
                "strip", path=str(path), times_s=times_s, width=size[0], height=size[1]
            )
            self._size += len(data) - len(self._kept.get(key, b""))
            self._kept[key] = data
            while self._size > PICTURES_BYTES:
                self._size -= len(self._kept.popitem(last=False)[1])
            return data
        self._kept.move_to_end(key)
        return self._kept[key]


class ClipCache:
    """ClipCache as MP4, made when they are asked for, the last ones kept."""

    def __init__(self, decoder: DecoderPool) -> None:
        self._decoder = decoder
        self._folder = TemporaryDirectory(prefix="slta-clips-")
        self._kept = OrderedDict[str, int]()
        self._making = dict[str, asyncio.Lock]()

    async def clip(self, video: str, path: Path, span: Span) -> Path:
        """Raises ``InputError`` for a span that is too long."""
        if span.length_s > LONGEST_S:
            raise InputError(
                f"{span.length_s:.0f} s are too long for a clip; take at most "
                f"{LONGEST_S:.0f} s"
            )
        text = f"{video} {span.start:.3f} {span.end:.3f}"
        name = hashlib.sha256(text.encode()).hexdigest() + ".mp4"
        file = Path(self._folder.name) / name
        async with self._making.setdefault(name, asyncio.Lock()):
            if name not in self._kept:
                await self._decoder.do(
                    "clip",
                    path=str(path),
                    start_s=span.start,
                    end_s=span.end,
                    out=str(file),
                )
                self._kept[name] = file.stat().st_size
        self._making.pop(name, None)
        self._kept.move_to_end(name)
        while sum(self._kept.values()) > CLIPS_BYTES and len(self._kept) > 1:
            old, _ = self._kept.popitem(last=False)
            # Whoever is sent it still has it open.
            (Path(self._folder.name) / old).unlink(missing_ok=True)
        return file

    def close(self) -> None:
        self._folder.cleanup()


def routes(shelf: Shelf, pictures: Pictures, clips: ClipCache) -> APIRouter:
    api = APIRouter(prefix="/api/videos/{video}")

    @api.get(
        "/file",
        response_class=FileResponse,
        responses=content(*TYPES.values(), OTHER, part=True),
    )
    async def file(video: Name) -> FileResponse:
        """The file; a range of its bytes, if one is asked for."""
        _, path = await shelf.video(video)
        kind = TYPES.get(path.suffix.lower(), OTHER)
        return FileResponse(path, media_type=kind)

    @api.get("/frame", response_class=Response, responses=content("image/jpeg"))
    async def frame(video: Name, at: float = 0.0, width: int = 320) -> Response:
        """The frame shown at a time, as JPEG."""
        return await _pictures(video, [at], width)

    @api.get("/strip", response_class=Response, responses=content("image/jpeg"))
    async def strip(
        video: Name,
        start: float,
        end: float,
        count: Annotated[int, Query(ge=1, le=12)] = 3,
        width: int = 160,
    ) -> Response:
        """Frames of a moment side by side, each of that width, as JPEG."""
        facts, _ = await shelf.video(video)
        span = span_in(facts, start, end)
        at = [span.start + (i + 0.5) / count * span.length_s for i in range(count)]
        return await _pictures(video, at, width)

    @api.get(
        "/clip",
        response_class=FileResponse,
        responses=content("video/mp4", part=True),
    )
    async def clip(video: Name, start: float, end: float) -> FileResponse:
        """A part of the video as a file of its own."""
        facts, path = await shelf.video(video)
        span = span_in(facts, start, end)
        made = await clips.clip(video, path, span)
        name = f"{path.stem} {clock(span.start)}-{clock(span.end)}.mp4"
        return FileResponse(
            made,
            media_type="video/mp4",
            headers=FOR_GOOD | {"content-disposition": attachment(name)},
        )

    async def _pictures(video: str, times_s: list[float], width: int) -> Response:
        facts, path = await shelf.video(video)
        fitting = next((w for w in WIDTHS if w >= width), WIDTHS[-1])
        size = fitting, max(1, round(fitting * facts.height / facts.width))
        # The last frame is shown until the end.
        inside = [round(min(max(t, 0.0), facts.duration_s - 1e-3), 2) for t in times_s]
        data = await pictures.jpeg(video, path, inside, size)
        return Response(data, media_type="image/jpeg", headers=FOR_GOOD)

    return api


def attachment(name: str) -> str:
    """A header by which browsers save an answer under a name (RFC 6266)."""
    name = shown(name)
    plain = "".join(
        c if (c.isascii() and c.isalnum()) or c in " .-_" else "-" for c in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
