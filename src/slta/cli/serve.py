"""``slta serve``: a page and a service for the videos of a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slta.cli import library
from slta.cli.screen import notes, plain, preparing, screen
from slta.errors import UnwritableError


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Open a page in the browser to search the videos of a folder, and a service for other
    programs.

    What is new in the folder is indexed first. Ctrl-C ends it. Exit status: 0, or 2 for
    invalid input.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder of videos."""
    host: str = "127.0.0.1"
    """Address to listen at. Any but this machine's own needs the token that is printed, and
    sends it unencrypted: put a proxy with TLS before it."""
    port: int = 8321
    """Port to listen at; 0 for a free one."""
    name: tuple[str, ...] = ()
    """Further names by which browsers reach it, such as videos.example.org."""
    token: Annotated[
        str | None, tyro.conf.arg(metavar="WORD", help_behavior_hint="")
    ] = None
    """Token that is asked for, of at least 16 letters (default: none on this machine; else
    a new one)."""
    as_is: bool = False
    """Serve what is indexed, without looking for new files."""
    index: Annotated[
        str | None, tyro.conf.arg(metavar="PLACE", help_behavior_hint="")
    ] = None
    """Where the index lies, a folder or an address such as s3://bucket/name (default: in
    $SLTA_HOME/indexes)."""
    extractor: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Extractor: imagenet-words, clip:NAME or clip:FOLDER (default: the index's, or
    imagenet-words)."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of the store (default: $SLTA_HOME/store, or store in the cache folder)."""


def serve(command: Serve) -> None:
    from slta.index.library import Busy, Index
    from slta.serve.running import Address, serve, token_for

    address = Address(command.host, command.port, command.name)
    token = token_for(address, command.token)
    index = Index.open(
        command.folder,
        place=command.index,
        extractor_name=command.extractor,
        store=command.store,
    )
    if command.as_is:
        index.snapshot()
    with preparing() as steps:
        index.searcher.prepare(steps)
    if not command.as_is:
        try:
            library.told(library.update(index), index.root)
        except (Busy, UnwritableError) as error:
            if not index.exists:
                raise
            notes.print(
                plain(f"{error}; serving what is indexed so far"),
                markup=False,
                soft_wrap=True,
            )

    def told(page: str) -> None:
        line = f"serving {plain(str(index.root))} at {page} until Ctrl-C"
        screen.print(line, markup=False, soft_wrap=True)

    serve(index, address, token, told)
