"""Pieces of HTML for notebooks: escaped, and by themselves, with nothing to be fetched."""

from collections.abc import Iterable, Sequence
from html import escape


def text(value: object) -> str:
    """Escaped, also what no browser can show."""
    return escape(str(value).encode("utf-8", "backslashreplace").decode())


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The first column is text, the others are numbers."""
    head = "".join(f"<th>{text(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
