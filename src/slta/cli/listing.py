"""``slta list``: the models, data sets, extractors and protocols."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from slta.cli.screen import screen

if TYPE_CHECKING:
    from slta.experiments.data import Data

Rows = dict[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class List:
    """List the models, data sets, extractors or protocols."""

    what: Annotated[
        tyro.conf.Positional[Literal["models", "data", "extractors", "protocols"]],
        tyro.conf.arg(metavar="WHAT"),
    ]
    """What to list: models, data, extractors or protocols."""
    json: bool = False
    """Print one JSON object instead of lines."""


def listing(command: List) -> None:
    rows = LISTS[command.what]()
    if command.json:
        screen.out(json.dumps(rows))
        return
    width = max(map(len, rows))
    for name, facts in rows.items():
        shown = "; ".join(
            f"{what} {text}".strip() for what, text in facts.items() if text
        )
        screen.print(f"{name:{width}}  {shown}", markup=False, soft_wrap=True)


def _models() -> Rows:
    from slta.models import class_of, known

    return {
        name: {
            "": getattr(made, "paper", ""),
            "needs": getattr(made, "needs", ""),
            "published R@1, IoU=0.5:": getattr(made, "published", ""),
        }
        for name, builder in sorted(known().items())
        if (made := class_of(builder))
    }


def _data() -> Rows:
    from slta.datasets import SOURCES
    from slta.experiments import known_data

    rows = {}
    for name, offer in known_data().items():
        source = SOURCES.get(offer.dataset.name)
        counts = (
            ""
            if source is None
            else ", ".join(
                f"{split} {count.queries}" for split, count in source.counts.items()
            )
        )
        rows[name] = {
            "": offer.title or (source.title if source else ""),
            "needs": source.files if source else _made(offer),
            "published queries:": counts,
            "protocol": offer.protocol,
        }
    return rows


def _made(offer: "Data") -> str:
    return "" if offer.open else "nothing: it is made"


def _extractors() -> Rows:
    from slta.features import kinds

    return {
        name: {"": kind.paper, "needs": kind.needs, "gives": kind.gives}
        for name, kind in kinds().items()
    }


def _protocols() -> Rows:
    from slta.evaluation.protocols import PROTOCOLS

    return {name: {"": each.about} for name, each in PROTOCOLS.items()}


LISTS: dict[str, Callable[[], Rows]] = {
    "models": _models,
    "data": _data,
    "extractors": _extractors,
    "protocols": _protocols,
}
