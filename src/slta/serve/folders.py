"""The folders of a folder of videos, and what is new in them."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from slta.errors import InputError
from slta.files import is_hidden
from slta.index.library import Index
from slta.serve.answers import shown, told

LISTED: Final = 1000
"""Maximum folders and files that are listed."""


class UnknownFolder(InputError):
    """No folder of the videos'."""

    status = 404


def folder_in(root: Path, name: str) -> tuple[str, Path]:
    """A folder below another, by its path there with / between the names; no path for the
    other itself. Raises ``UnknownFolder`` for what is none or leads out of it."""
    parts = [part for part in name.split("/") if part]
    if not any(is_hidden(Path(part)) for part in parts):
        with suppress(OSError, ValueError):
            path = Path(os.path.realpath(root.joinpath(*parts)))
            if path.is_relative_to(root) and path.is_dir():
                return "/".join(parts), path
    raise UnknownFolder(f"there is no folder {shown(name)[:200]!r}; open the top one")


def folder(index: Index, name: str) -> dict[str, Any]:
    """The folders in a folder, and how many videos are in it and below, for an answer."""
    name, path = folder_in(index.root, name)
    status = index.status()
    changed = {*status.new, *status.gone}
    indexed = [f.path for f in index.snapshot().there if f.path not in changed]
    problems = sorted((file, why) for file, why in status.problems.items())

    def is_in(file: str) -> bool:
        return not name or file.startswith(f"{name}/")

    unusable = [(file, why) for file, why in problems if is_in(file)]
    return {
        "path": name,
        "folders": [
            {"path": f"{name}/{each}".lstrip("/"), "name": each}
            for each in _folders(index.root, path)[:LISTED]
        ],
        "videos": {
            "indexed": sum(map(is_in, indexed)),
            "new": sum(map(is_in, status.new)),
            "unusable": len(unusable),
        },
        "unusable": [
            {"file": shown(file), "why": told(why, index.root)}
            for file, why in unusable[:LISTED]
        ],
    }


def _folders(root: Path, path: Path) -> list[str]:
    """Names of the folders in one, without those that lead out of the root and those whose
    names are no Unicode, which nobody could ask for."""
    found = []
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            with suppress(OSError):
                if (
                    shown(entry.name) == entry.name
                    and not is_hidden(Path(entry.name))
                    and entry.is_dir()
                    and Path(os.path.realpath(path / entry.name)).is_relative_to(root)
                ):
                    found.append(entry.name)
    return sorted(found, key=str.casefold)
