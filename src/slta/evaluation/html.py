"""Self-contained, escaped HTML for notebooks."""

from collections.abc import Iterable, Sequence
from html import escape


def text(value: object) -> str:
    """The value as escaped text, without lone surrogates."""
    return escape(str(value).encode("utf-8", "backslashreplace").decode())


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a header."""
    head = "".join(f"<th>{text(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
