"""What the answers of all addresses have in common."""

from typing import Any, Final

from pydantic import BaseModel


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
    413: "A body that is too large",
    421: "By a name that is not the server's",
    422: "Input of another form than described",
    503: "Too many at a time",
    507: "No room to keep it",
}
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Refusal, "description": reason}
    for status, reason in REASONS.items()
}
"""For the description of an address: how it may refuse."""


def content(*types: str) -> dict[int | str, dict[str, Any]]:
    """For the description of an address: that it answers with other than JSON."""
    kinds = {kind: {"schema": {"type": "string"}} for kind in types}
    return {200: {"content": kinds, "description": "The content"}}
