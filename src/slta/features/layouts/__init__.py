"""Layouts of pre-extracted features: a module each, and a line in ``LAYOUTS``."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from slta.errors import InputError
from slta.features.layouts.base import Layout


def _own(place: str, root: Path | None) -> Layout:
    from slta.features.layouts.own import Own

    return Own(_or_beside(place, root, "preextracted"))


def _slta_release(place: str, root: Path | None) -> Layout:
    from slta.features.layouts.slta_release import SLTARelease

    return SLTARelease(_or_beside(place, root, "slta-release"))


def _tan2d(place: str, _: Path | None) -> Layout:
    from slta.features.layouts.tan2d import TAN2D

    file = Path(place).expanduser()
    if not file.is_file():
        raise InputError(f"there is no file {place!r}; give the file of the features")
    return TAN2D(file)


def _moment_detr(places: str, _: Path | None) -> Layout:
    from slta.features.layouts.moment_detr import MomentDETRLayout

    return MomentDETRLayout([_folder(place) for place in places.split(",")])


LAYOUTS: dict[str, Callable[[str, Path | None], Layout]] = {
    "preextracted": _own,
    "slta-release": _slta_release,
    "2dtan": _tan2d,
    "moment-detr": _moment_detr,
}
"""By the part of the name before the colon: opens the place after it, or the default place
in the data set's folder."""
ALIASES = {"ready": "preextracted"}
"""Earlier names, which runs have in their configuration."""
REGIONS = "regions"
"""Option after a comma: the maximum number of regions a frame."""


class Preextracted(NamedTuple):
    """Pre-extracted features, opened."""

    layout: Layout
    regions: int | None


def is_preextracted(name: str) -> bool:
    """Whether it names pre-extracted features, rather than an extractor."""
    return _kind(name) in LAYOUTS


def _kind(name: str) -> str:
    kind = name.partition(",")[0].partition(":")[0]
    return ALIASES.get(kind, kind)


def open_preextracted(name: str, root: Path | None = None) -> Preextracted:
    """Pre-extracted features by name: ``preextracted:DIR``, ``preextracted,regions=10``.

    ``root`` is the folder of the data set. Raises ``InputError`` for an unknown layout or
    a missing folder.
    """
    kind = _kind(name)
    if kind not in LAYOUTS:
        near = get_close_matches(kind, LAYOUTS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"unknown layout {kind!r}; {hint}known are {', '.join(LAYOUTS)}"
        )
    called = name.partition(",")[0].partition(":")[0]
    place = name.removeprefix(called).removeprefix(":")
    place, comma, count = place.rpartition(f",{REGIONS}=")
    if not comma:
        return Preextracted(LAYOUTS[kind](count, root), None)
    if not count.isdecimal() or int(count) < 1:
        raise InputError(
            f"{name} asks for {count or 'no'} regions; give a whole number, 1 or more"
        )
    return Preextracted(LAYOUTS[kind](place, root), int(count))


def _or_beside(place: str, root: Path | None, kind: str) -> Path:
    """The folder, or else ``features`` in the data set's folder."""
    if place:
        return _folder(place)
    if root is None:
        raise InputError(f"pre-extracted features need a folder; give {kind}:DIR")
    return root / "features"


def _folder(place: str) -> Path:
    folder = Path(place).expanduser()
    if not place or not folder.is_dir():
        raise InputError(
            f"there is no folder {place!r}; give the folder of the features"
        )
    return folder
