"""Moments as files. Timelines open the videos, which a process of its own does: a file that
makes it fail, hang or take all memory ends that process, not the server.

As a program, it reads JSON from its standard input and writes the file to its standard
output, or to its standard error a sentence that says why not.
"""

import io
import json
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final

from slta.errors import InputError
from slta.export.formats import export, needs_videos
from slta.export.found import Found
from slta.export.texts import in_a_line
from slta.files import fitted
from slta.moments import Span

MEMORY: Final = 2 << 30
"""Maximum address space of the process, in bytes, beyond what it begins with."""
PATIENCE_S: Final = 60.0
"""How long a file may take."""
MOST_BYTES: Final = 256 << 20
"""Maximum size of a file."""
AT_A_TIME: Final = 2
WAIT_S: Final = 5.0
"""How long for one of those before."""
WRONG: Final = 2
"""Exit status for input that cannot be used."""


class TooBusy(InputError):
    """As much as may be is being made already."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    name: str
    kind: str
    """The suffix, without the dot."""
    data: bytes


class Exporter:
    """Makes some files at a time."""

    def __init__(self) -> None:
        self._places = BoundedSemaphore(AT_A_TIME)

    def opens(self, kind: str) -> bool:
        """Whether the videos must be there."""
        return needs_videos(Path(f"list.{kind}"))

    def file(self, found: Sequence[Found], name: str, kind: str) -> ExportFile:
        """Raises ``InputError`` for an unusable video, and ``TooBusy``."""
        if not self._places.acquire(timeout=WAIT_S):
            raise TooBusy(
                f"{AT_A_TIME} lists are being exported; try again in a minute"
            )
        try:
            make = _made_elsewhere if self.opens(kind) else made
            data = make(found, f"{stem_of(name)}.{kind}")
        finally:
            self._places.release()
        kind = "zip" if data.startswith(b"PK\x03\x04") else kind
        return ExportFile(fitted(stem_of(name), f".{kind}"), kind, data)


def stem_of(name: str) -> str:
    """A name of a list as that of a file.

    >>> stem_of("a/b\\n.c"), stem_of("..")
    ('a_b .c', 'list')
    """
    return in_a_line(name.replace("/", "_").replace("\\", "_")).strip(". ") or "list"


def made(found: Sequence[Found], name: str) -> bytes:
    """The file of that name; several as a zip archive."""
    with tempfile.TemporaryDirectory(prefix="slta-export-") as folder:
        target = Path(folder) / fitted(Path(name).stem, Path(name).suffix)
        files = export(found, target)
        if len(files) == 1:
            return files[0].read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.writestr(
                    file.name.encode(errors="replace").decode(), file.read_bytes()
                )
        return packed.getvalue()


def _made_elsewhere(found: Sequence[Found], name: str) -> bytes:
    asked = json.dumps({"name": name, "found": [_plain(each) for each in found]})
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
        try:
            code = subprocess.run(
                [sys.executable, "-m", "slta.serve.exporting"],
                input=asked.encode(),
                stdout=output,
                stderr=said,
                timeout=PATIENCE_S,
            ).returncode
        except subprocess.TimeoutExpired:
            raise InputError(
                f"making {name} took more than {PATIENCE_S:g} s; export fewer moments"
            ) from None
        for file in (output, said):
            file.seek(0)
        if code == WRONG:
            raise InputError(in_a_line(said.read(2000).decode(errors="replace")))
        data = output.read(MOST_BYTES + 1)
        if code or len(data) > MOST_BYTES:
            raise InputError(
                f"{name} cannot be made: reading the videos failed; export csv or json"
            )
        return data


def _plain(found: Found) -> list[Any]:
    span = found.span
    return [
        found.query,
        str(found.path),
        [span.start, span.end],
        found.score,
        found.confidence,
        found.duration_s,
    ]


def main() -> None:
    """Of the process; its memory, time and output are limited."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (int(PATIENCE_S), int(PATIENCE_S)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    asked = json.load(sys.stdin.buffer)
    found = [
        Found(query, Path(path), Span(*span), score, confidence, duration_s)
        for query, path, span, score, confidence, duration_s in asked["found"]
    ]
    try:
        sys.stdout.buffer.write(made(found, asked["name"]))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG)


if __name__ == "__main__":
    main()
