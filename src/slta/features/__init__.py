"""Extractors, by name: they turn frames and sentences into vectors."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from slta.errors import InputError
from slta.extensions import Known, unknown
from slta.features.base import Extractor, Pinned, Words
from slta.features.layouts import LAYOUTS, is_preextracted, open_preextracted
from slta.features.library import Library
from slta.features.provider import Provider
from slta.features.store import Store
from slta.hub import HubName

Maker = TypeVar("Maker")


def _imagenet_words(eye: str) -> Extractor:
    from slta.features.extractors.imagenet_words import DEFAULT, EYES, ImagenetWords

    return ImagenetWords(_known(eye or DEFAULT, EYES, eye, "network"))


def _cells(_: str) -> Extractor:
    from slta.features.extractors.cells import Cells

    return Cells()


def _clip(weights: str) -> Extractor:
    from slta.features.extractors.clip import Clip

    return Clip(weights)


def _siglip(weights: str) -> Extractor:
    from slta.features.extractors.clip import Clip
    from slta.features.extractors.siglip import SIGLIP

    return Clip(weights, SIGLIP)


def _clip_frames(weights: str) -> Extractor:
    from slta.features.extractors.clip_frames import ClipFrames

    return ClipFrames(weights)


def _c3d(weights: str) -> Extractor:
    from slta.features.extractors.c3d import C3D

    return C3D(weights)


def _detr(weights: str) -> Extractor:
    from slta.features.extractors.detector import Detector

    return Detector("detr", weights, pooled=False)


def _detr_boxes(weights: str) -> Extractor:
    from slta.features.extractors.detector import Detector

    return Detector("detr-boxes", weights, pooled=True)


class Kind(NamedTuple):
    """A kind of extractor; ``make`` gets what follows the colon of its name."""

    make: Callable[[str], Extractor]
    paper: str = ""
    needs: str = "nothing"
    gives: str = "frames, regions, words, sentence vectors"


EXTRACTORS: dict[str, Kind] = {
    "imagenet-words": Kind(
        _imagenet_words, "EfficientNet-Lite, after Norouzi et al., ICLR 2014 (ConSE)"
    ),
    "cells": Kind(_cells, "EfficientNet-Lite's feature maps and MiniLM"),
    "clip": Kind(
        _clip,
        "Radford et al., ICML 2021",
        "weights, downloaded at first; clip:NAME or clip:FOLDER for others",
    ),
    "siglip": Kind(
        _siglip,
        "Zhai et al., ICCV 2023, and SigLIP 2",
        "weights, downloaded at first; siglip:NAME or siglip:FOLDER for others",
    ),
    "clip-frames": Kind(
        _clip_frames,
        "CLIP as Moment-DETR's authors use it",
        "weights, as clip-frames:NAME or clip-frames:FOLDER",
        "frames, words, sentence vectors",
    ),
    "c3d": Kind(
        _c3d,
        "Tran et al., ICCV 2015",
        "weights, as c3d:FILE",
        "frames, words, sentence vectors",
    ),
    "detr": Kind(
        _detr, "Carion et al., ECCV 2020, and RT-DETR", "weights, as detr:FOLDER"
    ),
    "detr-boxes": Kind(
        _detr_boxes,
        "the same, with features pooled from each box",
        "weights, as detr-boxes:FOLDER",
    ),
}
"""By the part of the name before the colon."""


def kinds() -> dict[str, Kind]:
    """Built-in extractors and those of installed packages."""
    return _KNOWN.all()


def _offered(name: str, value: Any) -> Kind:
    if isinstance(value, Kind):
        return value
    if not callable(value):
        raise InputError(f"{name} is not a function from a name to an extractor")
    return Kind(value)


_KNOWN = Known("extractors", EXTRACTORS, _offered)


def _glove(files: str, store: Store) -> Words:
    from slta.features.text.glove import Glove

    return Glove(files, store)


WORDS: dict[str, Callable[[str, Store], Words]] = {"glove": _glove}
"""By the part of the name before the colon; the rest is the argument."""


def extractor(name: str) -> Extractor:
    """An extractor by name, such as ``imagenet-words`` or ``clip:FOLDER``.

    ``FIRST+SECOND`` combines the frames of the first with the regions of the second.
    """
    if is_preextracted(name):
        raise InputError(
            f"{name} names pre-extracted features, not an extractor of videos; they "
            "need a trained model: --checkpoint RUN"
        )
    first, *others = parts(name)
    if not others:
        kind, colon, argument = name.partition(":")
        if (found := _KNOWN.get(kind)) is None:
            known = [*_KNOWN.names(), *LAYOUTS]
            remedy = f"known are {', '.join(known)}"
            raise InputError(unknown("extractor", name, known, remedy))
        if colon and not argument:
            raise InputError(
                f"the extractor {name} names nothing after its colon; give a name, a folder "
                "or a file"
            )
        return found.make(argument)
    if len(others) > 1:
        raise InputError(
            f"the extractor {name!r} has {1 + len(others)} parts; combine at most two, "
            "the first for the frames and the second for the regions"
        )
    from slta.features.extractors.combined import Combined

    return Combined(extractor(first), extractor(others[0]))


def pinned(name: str) -> str:
    """An extractor's name, with the commits of weights from the hub.

    Raises ``InputError`` for weights that are not there.
    """
    return "+".join(map(_pinned, parts(name)))


def _pinned(part: str) -> str:
    argument = part.partition(":")[2]
    if is_preextracted(part) or (argument and HubName.parse(argument) is None):
        return part
    found = extractor(part)
    return found.pinned_name if isinstance(found, Pinned) else part


def parts(name: str) -> list[str]:
    """The extractors in a name: two, if their names are joined with a +. Paths may contain a
    +."""
    names = "|".join(sorted(map(re.escape, _KNOWN.names()), key=len, reverse=True))
    return re.split(rf"\+(?=(?:{names})(?:[:+]|$))", name)


def provider(
    name: str,
    store: Store,
    rate_hz: float,
    *,
    centred: bool = False,
    words_name: str = "",
    root: Path | None = None,
    durations: Callable[[], Mapping[str, float]] = dict,
) -> Provider:
    """The provider of an extractor's or of pre-extracted features, by name.

    ``root`` is the data set's folder, the default place of pre-extracted features;
    ``durations`` gives the lengths in seconds that its annotations have.
    """
    word_vectors = words(words_name, store)
    if not is_preextracted(name):
        return Library(extractor(name), store, rate_hz, centred, word_vectors)
    from slta.features.preextracted import PreextractedLibrary

    layout, regions = open_preextracted(name, root)
    return PreextractedLibrary(
        layout, store, rate_hz, centred, word_vectors, regions, durations
    )


def words(name: str, store: Store) -> Words | None:
    """Word vectors by name, such as ``glove:FILE``; None for the extractor's own."""
    if not name:
        return None
    kind, _, argument = name.partition(":")
    return _known(kind, WORDS, name, "words")(argument, store)


def _known(kind: str, known: dict[str, Maker], name: str, what: str) -> Maker:
    if kind not in known:
        raise InputError(unknown(what, name, known, f"known are {', '.join(known)}"))
    return known[kind]
