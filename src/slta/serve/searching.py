"""What is found: the addresses of searches, videos and reasons."""

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from slta.errors import InputError
from slta.serve.answers import events, shown
from slta.serve.shelf import LONGEST, MOST, Shelf, Wanted

PORTION: Final = 20
"""Moments that are sent first; then all."""
POINTS: Final = 1000
"""Maximum points of a curve."""
PICTURE: Final = {
    "content": {"application/octet-stream": {"schema": {"format": "binary"}}},
    "required": True,
}
Text = Annotated[str | None, Field(max_length=LONGEST)]
Name = Annotated[str, Field(max_length=128)]


class What(BaseModel):
    """A sentence, a part of a video (VIDEO@START-END, in seconds) or a picture."""

    q: Annotated[str, Field(max_length=LONGEST)] = ""
    like: Name = ""
    picture: Name = ""

    @property
    def asked(self) -> Wanted:
        words = self.model_dump()
        return Wanted(query=words.pop("q"), **words)


class SearchWords(What):
    """What is asked for; lengths and dates are as for ``slta search``."""

    top: Annotated[int, Field(ge=1, le=MOST)] = 20
    per_video: Annotated[int | None, Field(ge=1)] = None
    within: Text = None
    since: Text = None
    until: Text = None
    longer: Text = None
    shorter: Text = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Least confidence of a moment."""


def routes(shelf: Shelf) -> APIRouter:
    api = APIRouter(prefix="/api")

    @api.get("/library")
    async def library() -> dict[str, Any]:
        """What is searched."""
        videos = await shelf.rows()
        return {
            "name": shown(shelf.index.root.name),
            "videos": len(videos),
            "hours": round(sum(v["duration_s"] for v in videos) / 3600, 3),
        }

    @api.get("/videos")
    async def videos() -> list[dict[str, Any]]:
        """All videos of the folder."""
        return await shelf.rows()

    @api.get("/search")
    async def search(asked: Annotated[SearchWords, Query()]) -> dict[str, Any]:
        """The best moments of all videos, as ``slta search FOLDER --json`` has them, with
        the ``video`` of each."""
        return shelf.shown(await shelf.search(asked.asked))

    @api.get(
        "/search/stream",
        response_class=StreamingResponse,
        responses=events("found", "done", "refused"),
    )
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
                    if len(hits.moments) < top and not whole.confidence:
                        break
                yield event("done", {})
            except InputError as error:
                yield event("refused", {"error": str(error)})

        return StreamingResponse(events(), media_type="text/event-stream")

    @api.post("/pictures", status_code=201, openapi_extra={"requestBody": PICTURE})
    async def picture(request: Request) -> dict[str, str]:
        """Keeps a picture, the body of the request, to search for what looks like it."""
        name = secrets.token_hex(16)
        with TemporaryDirectory(prefix="slta-") as folder:
            path = Path(folder) / "the picture"
            with path.open("wb") as file:
                async for piece in request.stream():
                    file.write(piece)
            await shelf.add_picture(name, path)
        return {"picture": name}

    @api.get("/videos/{video}/why")
    async def why(video: Name, asked: Annotated[What, Query()]) -> dict[str, Any]:
        """How well each second of a video fits, and the moments that follow from it."""
        answer, hits = await shelf.explain(asked.asked, video)
        # The highest of the values that one point stands for.
        step = -(-len(answer.relevance) // POINTS)
        starts = np.arange(0, len(answer.relevance), step)
        curve = np.maximum.reduceat(answer.relevance, starts)
        return {
            **{
                name: value
                for name, value in answer.to_json().items()
                if name
                in ("query", "duration_s", "clear_match", "confidence", "phrases")
            },
            "clear_from": answer.clear_from,
            "unit": answer.terms.relevance,
            "times_s": [round(float(t), 2) for t in answer.times_s[starts]],
            "relevance": [round(float(value), 3) for value in curve],
            "line": round(answer.line, 3),
            "moments": shelf.shown(hits)["moments"],
        }

    @api.get("/videos/{video}/regions")
    async def regions(
        video: Name, asked: Annotated[What, Query()], at: float = 0.0
    ) -> dict[str, Any]:
        """The regions of a frame, [left, top, right, bottom] in shares of its sides, and
        how much each was attended to."""
        answer, _ = await shelf.explain(asked.asked, video)
        frame = int(np.searchsorted(answer.times_s, at, side="right")) - 1
        frame = min(max(frame, 0), len(answer.times_s) - 1)
        return {
            "at_s": float(answer.times_s[frame]),
            "boxes": np.round(np.asarray(answer.boxes[frame], float), 4).tolist(),
            "weights": np.round(answer.region_weights[frame], 4).tolist(),
        }

    return api


def event(name: str, value: object) -> str:
    """A server-sent event."""
    return f"event: {name}\ndata: {json.dumps(value)}\n\n"
