"""Moments as the bytes of files, also in a process of the decoder."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from slta.errors import InputError
from slta.export.formats import export
from slta.export.found import Found
from slta.export.texts import in_a_line
from slta.moments import Span

MOST_BYTES: Final = 48 << 20
"""Maximum size of a file."""


def stem_of(name: str) -> str:
    """A name of a list as that of a file.

    >>> stem_of("a/b\\n.c"), stem_of("..")
    ('a_b .c', 'list')
    """
    return in_a_line(name.replace("/", "_").replace("\\", "_")).strip(". ") or "list"


def exported(path: str, moments: Sequence[Sequence[Any]]) -> bytes:
    """``packed`` for moments as JSON has them; a task of the decoder."""
    found = [
        Found(query, Path(file), Span(*span), score, confidence, duration_s)
        for query, file, span, score, confidence, duration_s in moments
    ]
    return packed(found, path)


def packed(found: Sequence[Found], name: str) -> bytes:
    """The file of that name; several as a zip archive.

    Raises ``InputError`` for an unusable video, and beyond ``MOST_BYTES``.
    """
    with tempfile.TemporaryDirectory(prefix="slta-export-") as folder:
        files = export(found, Path(folder) / name)
        size = sum(file.stat().st_size for file in files)
        if size > MOST_BYTES:
            raise InputError(
                f"{name} would have {size >> 20} MB; export fewer moments, or as csv"
            )
        if len(files) == 1:
            return files[0].read_bytes()
        archived = io.BytesIO()
        with zipfile.ZipFile(archived, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                named = file.name.encode(errors="replace").decode()
                archive.writestr(named, file.read_bytes())
        return archived.getvalue()
