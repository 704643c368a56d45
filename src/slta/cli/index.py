"""``slta index``: look at all videos of a folder, to search them together."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from slta.cli import library
from slta.cli.arguments import IndexExtractor, IndexPlace, StoreFolder
from slta.cli.screen import plain, screen, tell
from slta.errors import InputError, UnwritableError

if TYPE_CHECKING:
    from slta.index.library import Index as Library

WRONG = 1
"""Exit status of ``verify`` for an index with faults."""
QUIET_MS = 2000
"""Time without changes after which ``watch`` looks at what has changed."""
LONGEST_S = 60
"""Time after which it does so in a folder that is never quiet."""


@dataclass(frozen=True, kw_only=True)
class IndexFolder:
    """Look at all videos of a folder, to search them together.

    Run again, it looks only at what is new or changed. Exit status: 0, or 2 for invalid
    input; verify exits with 1 if it finds faults.
    """

    arguments: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="[status|watch|prune|verify|move] FOLDER [NEW]",
            help_behavior_hint="(required)",
        ),
    ]
    """The folder, after what is to be done: status (what is indexed, what has changed,
    which files cannot be used), watch (follow the folder until Ctrl-C), prune (forget
    deleted files), verify (find and remove damage), move (the folder's new place).
    Default: bring the index up to date."""
    index: IndexPlace = None
    keep: Annotated[
        str | None, tyro.conf.arg(metavar="full", help_behavior_hint="")
    ] = None
    """Keep the full features in the store as well, for trained models; they take several
    times the room of the index."""
    ray: Annotated[
        str | None, tyro.conf.arg(metavar="ADDRESS", help_behavior_hint="")
    ] = None
    """Look at the videos on a Ray cluster: HOST:PORT, auto (the cluster of this machine) or
    local (all cores of this machine); see docs/how-to/many-machines.md."""
    checkpoint: Annotated[
        Path | None, tyro.conf.arg(metavar="RUN", help_behavior_hint="")
    ] = None
    """Make the features that this trained run needs as well, for slta search FOLDER
    --checkpoint RUN."""
    extractor: IndexExtractor = None
    store: StoreFolder = None


def index(command: IndexFolder) -> None:
    verb, folder, *more = _words(command.arguments)
    if command.keep not in (None, "full"):
        raise InputError(f"--keep {command.keep} is not known; give --keep full")
    if command.ray is not None:
        from slta.cluster.exchange import check_address

        check_address(command.ray)
    from slta.index.library import Index as Library

    opened = Library.open(
        folder,
        place=command.index,
        extractor_name=command.extractor,
        store=command.store,
    )
    if verb == "move":
        from slta.serve.kept import carry

        moved = opened.move(more[0])
        carry(opened.root, moved.root)
        _say(f"the index of {opened.root} is now of {moved.root}")
        return
    VERBS[verb](opened, command)


def _words(arguments: tuple[str, ...]) -> tuple[str, ...]:
    words = arguments if arguments[:1] and arguments[0] in VERBS else ("", *arguments)
    if len(words) < 2 or "" in words[1:]:
        raise InputError("no folder given; give it: slta index FOLDER")
    if words[0] == "move" and len(words) < 3:
        raise InputError("no new folder given; give it: slta index move OLD NEW")
    most = 3 if words[0] == "move" else 2
    if len(words) > most:
        raise InputError(
            f"unexpected {words[most]!r}; give one folder, and {' or '.join(filter(None, VERBS))} "
            "before it"
        )
    return words


def _update(opened: "Library", command: IndexFolder) -> None:
    added = library.update(opened, keep=command.keep == "full", ray=command.ray)
    library.told(added, opened.root)
    snapshot = opened.snapshot()
    there = {file.video for file in snapshot.there}
    if not there:
        raise InputError(
            f"{opened.root} has no video that can be used; give another folder"
        )
    if command.checkpoint is not None:
        library.trained(opened, checkpoint=command.checkpoint, store=command.store)
    hours = sum(v.duration_s for v in snapshot.videos if v.id in there) / 3600
    line = f"{library.videos(len(there))}, {hours:.2f} h; search them: "
    _say(line + f'slta search {opened.root} "a sentence"')


def _status(opened: "Library", _: IndexFolder) -> None:
    status = opened.status()
    _say(f"folder      {opened.root}")
    _say(f"index       {opened.place}, {status.bytes / 1e6:.1f} MB of features")
    _say(f"extractor   {status.extractor}")
    _say(f"indexed     {library.videos(status.videos)}, {status.hours:.2f} h")
    for what, names in (("new", status.new), ("gone", status.gone)):
        if names:
            _say(f"{what:11} {library.files(len(names))}")
    for line in library.problems(status.problems, opened.root):
        _say(f"not usable  {line}")


def _watch(opened: "Library", command: IndexFolder) -> None:
    from watchfiles import watch

    _update(opened, command)
    _say(f"following {opened.root}; Ctrl-C stops")
    # What changes before it is followed would otherwise be missed.
    since: float | None = time.monotonic()
    try:
        for changes in watch(
            opened.root,
            watch_filter=lambda _, name: _may_be_film(Path(name)),
            rust_timeout=QUIET_MS,
            yield_on_timeout=True,
            raise_interrupt=True,
            ignore_permission_denied=True,
        ):
            if changes and since is None:
                since = time.monotonic()
            # A file that still grows would be read twice.
            quiet = not changes or time.monotonic() - (since or 0) > LONGEST_S
            if since is not None and quiet and _follow(opened, command):
                since = None
    except OSError as error:
        raise InputError(
            f"{opened.root} cannot be followed ({error.strerror or error}); index it "
            "again from time to time instead"
        ) from error


def _follow(opened: "Library", command: IndexFolder) -> bool:
    """Brings the index up to date; returns whether that was possible now."""
    from slta.index.library import Busy

    if not opened.root.is_dir():
        raise InputError(f"{opened.root} is gone; give the folder's new place")
    try:
        added = library.update(opened, keep=command.keep == "full", ray=command.ray)
    except Busy:
        return False
    except UnwritableError:
        raise
    except InputError as error:
        tell(error)
        return True
    library.told(added, opened.root)
    return True


def _may_be_film(path: Path) -> bool:
    from slta.files import FILMS, is_hidden

    # A folder that was moved or removed is reported by its own name only.
    return path.suffix.lower() in FILMS or not (path.suffix or is_hidden(path))


def _prune(opened: "Library", _: IndexFolder) -> None:
    gone, videos = opened.prune()
    _say(f"removed {library.files(gone)} and {library.videos(videos)}")


def _verify(opened: "Library", _: IndexFolder) -> None:
    verified = opened.verify()
    _say(f"compared {library.videos(verified.videos)}")
    for fault in verified.faults:
        _say(fault.what)
    if verified.faults:
        lost = len({fault.video for fault in verified.faults if fault.video})
        _say(f"{library.videos(lost)} to be looked at again: slta index {opened.root}")
        sys.exit(WRONG)
    _say("all whole, each once")


VERBS: dict[str, Callable[["Library", IndexFolder], None]] = {
    "": _update,
    "status": _status,
    "watch": _watch,
    "prune": _prune,
    "verify": _verify,
    "move": _update,
}


def _say(line: str) -> None:
    screen.print(plain(line), markup=False, soft_wrap=True)
