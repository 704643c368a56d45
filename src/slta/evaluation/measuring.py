"""Predictions to numbers: protocols, intervals, and a run's table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slta.errors import InputError
from slta.evaluation.formats.joining import is_bare, load
from slta.evaluation.metrics import Table, intervals, logged
from slta.evaluation.predictions import Prediction
from slta.evaluation.protocols import PROTOCOLS, Protocol

SEED = 0
"""Of the bootstrap."""


def measure(
    predictions: Sequence[Prediction], protocol: str, nms_iou: float | None = None
) -> Table:
    """Raises ``InputError`` if no query has a truth; those without are left out."""
    rows = [each for each in predictions if len(each.truth)]
    if not rows:
        raise InputError("no query has a true span; there is nothing to measure")
    for each in rows:
        if not all(np.isfinite(values).all() for values in _given(each)):
            raise InputError(
                f"the answers to the query {each.query_id} of {each.video_id} are not "
                "numbers; look for NaN in the features of the video, or train again"
            )
    return _rule(protocol, nms_iou).measure(rows)


def _given(each: Prediction) -> list[np.ndarray]:
    saliency = [] if each.saliency is None else [each.saliency]
    return [each.spans, each.scores, *saliency]


def _rule(protocol: str, nms_iou: float | None) -> Protocol:
    rule = PROTOCOLS[protocol]
    return rule if nms_iou is None else rule.at(nms_iou)


def measured_file(
    path: Path,
    truth: Path | None,
    protocol: str,
    nms_iou: float | None = None,
) -> tuple[dict[str, Any], Sequence[str]]:
    """The numbers of a file of predictions, and notes on what is odd in it."""
    joined = load(path, truth)
    if is_bare(joined.predictions) and not PROTOCOLS[protocol].highlights:
        known = " or ".join(name for name, each in PROTOCOLS.items() if each.highlights)
        raise InputError(
            f"the predictions in {path} have saliency and no windows, and the protocol "
            f"{protocol} measures windows; give --protocol {known}, or predictions with "
            "windows"
        )
    found = compared({path.name: joined.predictions}, protocol, nms_iou)
    return {"file": str(path), **found, "unanswered": joined.unanswered}, joined.notes


def compared(
    rows: Mapping[str, Sequence[Prediction]],
    protocol: str,
    nms_iou: float | None = None,
) -> dict[str, Any]:
    """The numbers of each name's answers; all are to the same queries."""
    first = next(iter(rows.values()))
    found: dict[str, Any] = {"protocol": protocol}
    if nms_iou is not None:
        found["nms_iou"] = nms_iou
    return found | {
        "queries": sum(len(each.truth) > 0 for each in first),
        "without_truth": sum(len(each.truth) == 0 for each in first),
        "videos": len({each.video_id for each in first}),
        "answers": {
            name: numbers(row, protocol, nms_iou) for name, row in rows.items()
        },
    }


def numbers(
    predictions: Sequence[Prediction], protocol: str, nms_iou: float | None = None
) -> dict[str, Any]:
    """Every number with its 95 % interval over videos."""
    table = measure(predictions, protocol, nms_iou)
    videos = np.array([each.video_id for each in predictions if len(each.truth)])
    # Measures of the same queries share their draws.
    groups: dict[bytes, list[str]] = {}
    for name, values in table.values.items():
        groups.setdefault(np.isfinite(values).tobytes(), []).append(name)
    ends: dict[str, list[float]] = {}
    for part, names in groups.items():
        queries = np.frombuffer(part, bool)
        values = np.stack([table.values[name][queries] for name in names])
        found = intervals(values, videos[queries].tolist(), seed=SEED)
        ends |= dict(zip(names, found.tolist(), strict=True))
    return {
        name: {"value": table.mean(name), "interval": ends[name]}
        for name in table.values
    }


def lines(found: dict[str, Any]) -> list[str]:
    """As the field's logs print them, then the comparison."""
    protocol = PROTOCOLS[found["protocol"]]
    own = next(iter(found["answers"].values()))
    head = f"{found.get('split') or found['file']}: {found['queries']} queries "
    head += f"of {found['videos']} videos, protocol {found['protocol']}"
    if "nms_iou" in found:
        head += f" at {found['nms_iou']:g}"
    if found.get("without_truth"):
        head += f"; {found['without_truth']} more have no truth and are left out"
    if found.get("unanswered"):
        head += f"; {found['unanswered']} of them have no answer and are misses"
    means = {name: number["value"] for name, number in own.items()}
    said = [head, *logged(means, protocol.log)]
    for kind, values in found["answers"].items():
        shown = (
            f"{name} {100 * values[name]['value']:.1f} "
            f"[{100 * values[name]['interval'][0]:.1f}, "
            f"{100 * values[name]['interval'][1]:.1f}]"
            for name in protocol.shown
            if name in values
        )
        said.append(f"{kind}: " + ", ".join(shown))
    return said
