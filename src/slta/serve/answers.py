"""What the answers of all addresses have in common."""

from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel


def shown(text: str) -> str:
    """A text that may be sent, where names are no Unicode."""
    return text.encode(errors="replace").decode()


class Refusal(BaseModel):
    """An answer to what cannot be done."""

    error: str
    """A sentence with the value and the remedy."""


REASONS: Final = {
    400: "Input that cannot be used",
    401: "Without the server's token",
    403: "From another site's page",
    404: "Not there",
    405: "Not with this method",
    408: "A body that did not go on",
    409: "Other than what is there",
    412: "Another version of a protocol",
    413: "A body that is too large",
    415: "Content of another kind",
    416: "A range that the file does not have",
    421: "By a name that is not the server's",
    422: "Input of another form than described",
    423: "Used by another request",
    429: "Too many are unfinished",
    503: "Too many at a time",
    507: "No room to keep it",
}
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Refusal, "description": reason}
    for status, reason in REASONS.items()
}
"""For the description of an address: how it may refuse."""


def content(*types: str, part: bool = False) -> dict[int | str, dict[str, Any]]:
    """For the description of an address: that it answers with files, and
    with a ``part`` if a range is asked for."""
    plain = {"type": "string", "format": "binary"}
    kinds = {
        kind: {"schema": {} if kind == "application/json" else plain} for kind in types
    }
    told: dict[int | str, dict[str, Any]] = {
        200: {"content": kinds, "description": "The content"}
    }
    if part:
        told[206] = {"content": kinds, "description": "The part of it"}
    return told


def events(*names: str) -> dict[int | str, dict[str, Any]]:
    """For the description of an address: that it answers with server-sent events, whose
    data is JSON."""
    schema = {
        "type": "object",
        "properties": {"event": {"enum": names}, "data": {"type": "string"}},
        "required": ["event", "data"],
    }
    kind = {"text/event-stream": {"schema": schema}}
    return {200: {"content": kind, "description": "Events, whose data is JSON"}}


def told(sentence: str, root: Path) -> str:
    """A sentence that may be sent, without where the folder lies."""
    return shown(sentence.replace(f"{root}/", "").replace(str(root), root.name))
