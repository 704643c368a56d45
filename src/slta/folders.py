"""Where the program keeps what it makes, and how it writes there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def home() -> Path:
    """``$SLTA_HOME``, or ``slta`` in the user's cache folder."""
    if given := os.environ.get("SLTA_HOME"):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "slta"


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes ``target`` only if nothing goes wrong.

    Where another process was faster, its folder stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    prefix = f".unfinished-{os.getpid()}-"
    unfinished = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        yield unfinished
        try:
            unfinished.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Removes what a killed process left behind."""
    for path in folder.glob(".unfinished-*"):
        if not _alive(int(path.name.split("-")[1])):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
