"""Layouts of ready features: each is a file, each line here one that can be named."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from slta.errors import InputError
from slta.features.layouts.base import Layout


def _own(place: str, root: Path | None) -> Layout:
    from slta.features.layouts.own import Own

    return Own(_or_beside(place, root, "ready"))


def _slta_release(place: str, root: Path | None) -> Layout:
    from slta.features.layouts.slta_release import SLTARelease

    return SLTARelease(_or_beside(place, root, "slta-release"))


def _tan2d(place: str, _: Path | None) -> Layout:
    from slta.features.layouts.tan2d import TAN2D

    file = Path(place).expanduser()
    if not file.is_file():
        raise InputError(f"there is no file {place!r}; name the one with the features")
    return TAN2D(file)


def _moment_detr(places: str, _: Path | None) -> Layout:
    from slta.features.layouts.moment_detr import MomentDETRLayout

    return MomentDETRLayout([_folder(place) for place in places.split(",")])


LAYOUTS: dict[str, Callable[[str, Path | None], Layout]] = {
    "ready": _own,
    "slta-release": _slta_release,
    "2dtan": _tan2d,
    "moment-detr": _moment_detr,
}
"""What stands before the colon of the name of ready features: how to open what stands
after it, or what lies in the data set's own folder."""
REGIONS = "regions"
"""What may be asked for after a comma: that only so many regions a frame are kept."""


class Preextracted(NamedTuple):
    """Ready features as an experiment names them."""

    layout: Layout
    regions: int | None


def is_ready(name: str) -> bool:
    """Whether it is the name of ready features, and not of an extractor."""
    return name.partition(",")[0].partition(":")[0] in LAYOUTS


def asked(name: str, root: Path | None = None) -> Preextracted:
    """The ready features of that name, such as ``ready:DIR`` or ``ready,regions=10``.

    ``root`` is the folder of the data set.
    """
    kind = name.partition(",")[0].partition(":")[0]
    if kind not in LAYOUTS:
        near = get_close_matches(kind, LAYOUTS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"unknown layout {kind!r}; {hint}known are {', '.join(LAYOUTS)}"
        )
    place = name.removeprefix(kind).removeprefix(":")
    place, comma, count = place.rpartition(f",{REGIONS}=")
    if not comma:
        return Preextracted(LAYOUTS[kind](count, root), None)
    if not count.isdecimal() or int(count) < 1:
        raise InputError(
            f"{name} asks for {count or 'no'} regions; give a whole number from 1 on"
        )
    return Preextracted(LAYOUTS[kind](place, root), int(count))


def _or_beside(place: str, root: Path | None, kind: str) -> Path:
    """The folder, or ``features`` in the data set's own."""
    if place:
        return _folder(place)
    if root is None:
        raise InputError(f"ready features need their folder; name it as {kind}:DIR")
    return root / "features"


def _folder(place: str) -> Path:
    folder = Path(place).expanduser()
    if not place or not folder.is_dir():
        raise InputError(
            f"there is not a folder {place!r}; name the one with the features"
        )
    return folder
