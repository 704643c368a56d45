"""Extractors: what turns frames and sentences into vectors."""

from collections.abc import Callable
from difflib import get_close_matches

from slta.errors import InputError
from slta.features.base import Extractor


def _imagenet_words(_: str) -> Extractor:
    from slta.features.imagenet_words import ImagenetWords

    return ImagenetWords()


def _cells(_: str) -> Extractor:
    from slta.features.cells import Cells

    return Cells()


def _clip(weights: str) -> Extractor:
    from slta.features.clip import Clip

    return Clip(weights)


EXTRACTORS: dict[str, Callable[[str], Extractor]] = {
    "imagenet-words": _imagenet_words,
    "cells": _cells,
    "clip": _clip,
}
"""What stands before the colon of an extractor's name; the rest is its argument."""


def extractor(name: str) -> Extractor:
    """The extractor of that name, such as ``imagenet-words`` or ``clip:FOLDER``."""
    kind, _, argument = name.partition(":")
    if kind not in EXTRACTORS:
        near = get_close_matches(kind, EXTRACTORS, n=1)
        raise InputError(
            f"unknown extractor {name!r}; "
            + (f"did you mean {near[0]!r}? " if near else "")
            + f"known are {', '.join(EXTRACTORS)}"
        )
    return EXTRACTORS[kind](argument)
