"""Data sets: a module each, and a line in ``DATASETS``.

test = slta.datasets.open("charades-sta", "folder").queries("test")
"""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from slta.datasets import (
    activitynet_captions,
    charades_sta,
    didemo,
    own,
    qvhighlights,
    shapes,
    slta_release,
    tacos,
)
from slta.datasets.base import Dataset
from slta.datasets.source import Source
from slta.errors import InputError
from slta.extensions import Known
from slta.files import check_root
from slta.moments import Query
from slta.progress import Progress

__all__ = ["DATASETS", "SOURCES", "Dataset", "Query", "Source", "open", "source"]

DATASETS: dict[type[Any], Callable[..., Dataset]] = {
    shapes.ShapesConfig: lambda config, progress: own.load(
        shapes.make(config, progress=progress)
    ),
    own.OwnConfig: lambda config, _: own.load(Path(config.root)),
    charades_sta.CharadesSTAConfig: lambda config, _: charades_sta.load(config),
    tacos.TacosTallConfig: lambda config, _: tacos.load_tall(config),
    tacos.Tacos2DTANConfig: lambda config, _: tacos.load_2dtan(config),
    didemo.DiDeMoConfig: lambda config, _: didemo.load(config),
    qvhighlights.QVHighlightsConfig: lambda config, _: qvhighlights.load(config),
    activitynet_captions.ActivityNetCaptionsConfig: lambda config, _: (
        activitynet_captions.load(config)
    ),
    slta_release.SLTACharadesConfig: lambda config, _: slta_release.load_charades(
        config
    ),
    slta_release.SLTATacosConfig: lambda config, _: slta_release.load_tacos(config),
}
"""How to open a data set, by the type of its configuration; progress is for synthetic ones."""

SOURCES: dict[str, Source] = {
    charades_sta.NAME: charades_sta.SOURCE,
    tacos.TALL: tacos.TALL_SOURCE,
    tacos.TAN: tacos.TAN_SOURCE,
    didemo.NAME: didemo.SOURCE,
    qvhighlights.NAME: qvhighlights.SOURCE,
    activitynet_captions.NAME: activitynet_captions.SOURCE,
    slta_release.CHARADES: slta_release.CHARADES_SOURCE,
    slta_release.TACOS: slta_release.TACOS_SOURCE,
    own.NAME: own.SOURCE,
}
"""Data sets whose files the user provides, by name."""


def source(name: str) -> Source:
    """The source of that name. Raises ``InputError`` for an unknown name."""
    if name not in SOURCES:
        near = get_close_matches(name, SOURCES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"unknown data set {name!r}; {hint}known are {', '.join(SOURCES)}"
        )
    return SOURCES[name]


_INSTALLED = Known[Any]("datasets", {}, lambda _, offer: offer)


def open(
    name: str, root: str | Path | None = None, *, progress: Progress | None = None
) -> Dataset:
    """A data set in the folder ``root``, or of an installed package, or Shapes, which is
    made if it is missing; ``progress`` is for that.

    Raises ``InputError`` for an unknown name, and for missing or invalid files.
    """
    name = name.replace("_", "-") if name.replace("_", "-") in SOURCES else name
    if name == shapes.ShapesConfig.name and root is None:
        return DATASETS[shapes.ShapesConfig](shapes.ShapesConfig(), progress)
    if name in SOURCES or (offer := _INSTALLED.get(name)) is None:
        origin = source(name)
        if root is None:
            raise InputError(f"give the folder of {name}: open({name!r}, root)")
        check_root(Path(root))
        return origin.open(Path(root))
    config = offer.dataset
    if root is not None:
        check_root(Path(root))
        config = replace(config, root=str(root))
    opened: Dataset = offer.open(config)
    return opened
