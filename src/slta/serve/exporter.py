"""Makes files of moments. Timelines open the videos, which a process of the decoder does."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from slta.errors import InputError
from slta.export.formats import needs_videos
from slta.export.found import Found
from slta.files import fitted
from slta.serve.decoder import DecoderPool
from slta.serve.exporting import packed, stem_of

AT_A_TIME: Final = 4
"""Maximum files that are made or waited for."""
ZIP: Final = b"PK\x03\x04"
"""How an archive begins."""


class TooBusy(InputError):
    """As much as may be is being made already."""

    status = 503


@dataclass(frozen=True, slots=True)
class ExportFile:
    name: str
    kind: str
    """The suffix, without the dot."""
    data: bytes


class Exporter:
    """Makes files, some at a time."""

    def __init__(self, decoder: DecoderPool) -> None:
        self._decoder, self._making = decoder, 0

    def opens(self, kind: str) -> bool:
        """Whether the videos must be there."""
        return needs_videos(Path(f"list.{kind}"))

    async def file(
        self, found: Callable[[], Sequence[Found]], name: str, kind: str
    ) -> ExportFile:
        """A list as a file; ``found`` gives its moments, in a thread.

        Raises ``InputError`` for an unusable video, and ``TooBusy``.
        """
        if self._making >= AT_A_TIME:
            raise TooBusy(
                f"{AT_A_TIME} lists are being exported; try again in a minute"
            )
        self._making += 1
        try:
            moments = await asyncio.to_thread(found)
            target = fitted(stem_of(name), f".{kind}")
            if self.opens(kind):
                rows = [_row(each) for each in moments]
                data = await self._decoder.do("exported", path=target, moments=rows)
            else:
                data = await asyncio.to_thread(packed, moments, target)
        finally:
            self._making -= 1
        kind = "zip" if data.startswith(ZIP) else kind
        return ExportFile(fitted(stem_of(name), f".{kind}"), kind, data)


def _row(found: Found) -> list[Any]:
    span = found.span
    return [
        found.query,
        str(found.path),
        [span.start, span.end],
        found.score,
        found.confidence,
        found.duration_s,
    ]
