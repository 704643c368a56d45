"""``slta serve``: a page and a service for the videos of a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from slta.cli import library
from slta.cli.arguments import IndexExtractor, IndexPlace, StoreFolder
from slta.cli.screen import notes, plain, preparing, screen
from slta.errors import InputError, UnwritableError

if TYPE_CHECKING:
    from slta.index.adding import Added
    from slta.serve.jobs import IndexJob


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Open a page in the browser to search the videos of a folder, and a service for other
    programs.

    What is new in the folder is indexed meanwhile. Ctrl-C ends it. Exit status: 0, or 2
    for invalid input.
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
    largest_upload: Annotated[float, tyro.conf.arg(metavar="GB")] = 64.0
    """Maximum size of an uploaded file."""
    index: IndexPlace = None
    extractor: IndexExtractor = None
    store: StoreFolder = None


def serve(command: Serve) -> None:
    from slta.index.library import Index
    from slta.serve.jobs import Jobs
    from slta.serve.running import Address, serve, token_for
    from slta.serve.uploads import Uploads

    address = Address(command.host, command.port, command.name)
    token = token_for(address, command.token)
    if not 0 < command.largest_upload < 1e6:
        raise InputError(
            f"--largest-upload {command.largest_upload:g} is no size in GB; give one above 0"
        )
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
        index.begin()
    jobs = Jobs(
        index,
        extractor=command.extractor,
        ended=lambda job, added: _ended(job, added, index.root),
    )
    uploads = Uploads(index.root, int(command.largest_upload * 1e9))

    def told(page: str) -> None:
        line = f"serving {plain(str(index.root))} at {page} until Ctrl-C"
        screen.print(line, markup=False, soft_wrap=True)
        if not command.as_is:
            jobs.start()
            try:
                jobs.add("", is_needed=True)
            except UnwritableError as error:
                _note(f"{error}; serving what is indexed so far")

    serve(index, address, token, told, jobs, uploads)


def _ended(job: "IndexJob", added: "Added", root: Path) -> None:
    library.told(added, root)
    if job.error is not None:
        _note(f"{job.error}; serving what is indexed so far")


def _note(line: str) -> None:
    notes.print(plain(line), markup=False, soft_wrap=True)
