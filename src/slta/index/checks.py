"""Folders that must not be indexed now, and indexes of something else."""

import os
from pathlib import Path

from slta.errors import InputError
from slta.features.base import Extractor
from slta.index.place import Place
from slta.index.records import Head, Snapshot
from slta.index.scanning import Scan
from slta.index.tables import REMEDY


def check_videos(root: Path, place: Place, scanned: Scan) -> None:
    """Raises ``InputError`` where no index can be made."""
    if not scanned.files:
        unreadable = [f"{name}: {why}" for name, why in scanned.unreadable.items()]
        what = f" that can be read ({unreadable[0]})" if unreadable else ""
        raise InputError(f"{root} has no videos{what}; give a folder with some")
    folder = place.folder
    if folder is not None and Path(os.path.realpath(folder)) == root:
        raise InputError(
            f"--index {folder} is the folder of the videos; give a folder of its own"
        )


def check_mounted(root: Path, place: Place, snapshot: Snapshot, scanned: Scan) -> None:
    """Raises ``InputError`` if all that was indexed is gone."""
    there = [file for file in snapshot.files if not file.gone]
    if there and not (scanned.files or scanned.unreadable):
        count = len(there)
        raise InputError(
            f"{root} has no videos now, but {count} "
            f"{'was' if count == 1 else 'were'} indexed; mount its disk if that is "
            f"why, or remove the index {place}"
        )


def check_head(head: Head, root: Path, place: Place, extractor: Extractor) -> None:
    """Raises ``InputError`` if the index is of another folder or extractor."""
    if Path(head.root) != root:
        raise InputError(
            f"the index {place} is of {head.root}, not of {root}; if the "
            f"folder was moved: slta index move {head.root} {root}"
        )
    made = (head.extractor, head.version)
    if made != (extractor.id, extractor.version):
        raise InputError(
            f"the index {place} has features of {' version '.join(made)}, not of "
            f"{extractor.id} version {extractor.version}; choose another place with "
            f"--index, or {REMEDY}"
        )


def no_index(root: Path) -> InputError:
    return InputError(f"{root} has no index yet; make it with: slta index {root}")


def nothing_to_search(root: Path, snapshot: Snapshot) -> str:
    if snapshot.there:
        return (
            "no video satisfies --since, --until, --longer and --shorter; "
            "give others, or leave them out"
        )
    if snapshot.files:
        return f"no video of {root} can be searched; 'slta index status' says why"
    return f"{root} has no videos; give a folder with some"
