"""Names of earlier versions, for the runs that they wrote.

The tables are applied when a run's config.json and its weights are read.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")
DETR_FIELDS = {"most_clips": "max_clips", "slots": "moment_queries"}
FIELDS = {"moment_detr": DETR_FIELDS, "qd_detr": DETR_FIELDS}
"""Fields of a model's configuration, by model."""
WEIGHTS = {
    "moment_detr": {r"slots$": "moment_queries", r"foreground\.": "class_head."},
    "qd_detr": {
        r"slots\.slots$": "decoder.moment_queries",
        r"slots\.foreground\.": "decoder.class_head.",
        r"slots\.": "decoder.",
    },
}
"""Beginnings of the names of a model's weights, by model; the first that matches counts."""


def with_new_fields(model: str, values: dict[str, Any]) -> dict[str, Any]:
    """An experiment as JSON, with today's names of fields and features."""
    new = dict(values)
    if isinstance(part := values.get("model"), Mapping):
        names = FIELDS.get(model, {})
        new["model"] = {names.get(name, name): value for name, value in part.items()}
    if isinstance(part := values.get("features"), Mapping):
        new["features"] = {**part}
        if isinstance(extractor := part.get("extractor"), str):
            name = re.sub(r"^ready(?=$|[:,])", "preextracted", extractor)
            new["features"]["extractor"] = name
    return new


def with_new_names(
    model: str, weights: Mapping[str, T], prefix: str = ""
) -> dict[str, T]:
    """A model's weights with today's names; in a checkpoint they have a prefix.

    >>> with_new_names("qd_detr", {"model.slots.anchors": 0}, "model.")
    {'model.decoder.anchors': 0}
    """
    return {
        prefix + _new_name(model, name.removeprefix(prefix)): value
        for name, value in weights.items()
    }


def _new_name(model: str, name: str) -> str:
    for old, new in WEIGHTS.get(model, {}).items():
        if re.match(old, name):
            return re.sub(f"^{old}", new, name)
    return name


def with_new_extractor(name: str) -> str:
    """An extractor's id with today's name: pre-extracted features were called ready."""
    return re.sub(r"^ready-", "preextracted-", name)
