"""``slta mcp``: the videos of a folder as tools for other programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slta.cli import library
from slta.cli.arguments import IndexExtractor, IndexPlace, StoreFolder
from slta.cli.screen import preparing


@dataclass(frozen=True, kw_only=True)
class Mcp:
    """Let a program, such as an assistant, search the videos of a folder: speaks the Model
    Context Protocol on stdin and stdout.

    The tools are search, list_videos, show_moment and index_status. Only what is indexed is
    searched. Exit status: 0, or 2 for invalid input.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder of videos."""
    update: bool = False
    """Index what is new first; the program waits for it."""
    index: IndexPlace = None
    extractor: IndexExtractor = None
    store: StoreFolder = None


def mcp(command: Mcp) -> None:
    from slta.index.library import Index

    index = Index.open(
        command.folder,
        place=command.index,
        extractor_name=command.extractor,
        store=command.store,
    )
    if not command.update:
        index.snapshot()
    with preparing() as steps:
        index.searcher.prepare(steps)
    if command.update:
        library.told(library.update(index), index.root)
    import asyncio
    import signal

    from slta.serve.tools import speak

    # A thread that waits for stdin cannot be interrupted otherwise.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    asyncio.run(speak(index))
