"""Evaluates predictions by a protocol, beside baselines that see no video."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from slta.datasets.split import Split
from slta.errors import InputError
from slta.evaluation.formats.joining import is_bare, load
from slta.evaluation.metrics import Table, interval_of, intervals, logged
from slta.evaluation.predictions import Prediction
from slta.evaluation.protocols import PROTOCOLS, Protocol
from slta.features.base import QueryFeatures
from slta.moments.spans import as_array, temporal_iou

if TYPE_CHECKING:
    # It brings torch, which those who evaluate a file need not wait for.
    from slta.experiments.config import CandidatesConfig

SHARPNESS = 20.0
"""Inverse temperature of the weights of training queries."""
HIT_IOU = 0.5
"""IoU at which a training span counts for a candidate."""

Weights = Callable[[QueryFeatures], Float[np.ndarray, " n"]]


def moment_frequencies(train: Sequence[QueryFeatures]) -> Weights:
    """Uniform weights of the training queries: the most frequent relative spans win."""
    return lambda _: np.full(len(train), 1 / len(train))


def query_frequencies(train: Sequence[QueryFeatures]) -> Weights:
    """Training queries weighted by the similarity of their sentences to the query."""
    sentences = np.stack([query.sentence for query in train])

    def weights(query: QueryFeatures) -> Float[np.ndarray, " n"]:
        similarity = np.exp(SHARPNESS * (sentences @ query.sentence - 1))
        shares: Float[np.ndarray, " n"] = similarity / similarity.sum(axis=0)
        return shares

    return weights


WITHOUT_VIDEO = {
    "moment frequencies": moment_frequencies,
    "query frequencies": query_frequencies,
}
"""The baselines by name."""


def without_video(
    kind: str, train: Split, test: Split, candidates: "CandidatesConfig"
) -> list[Prediction]:
    """Predictions of a baseline: candidates score by the weighted share of training spans,
    as fractions of their video, that they hit at IoU 0.5."""
    examples = [
        (
            features,
            as_array(query.truth[:1])[0] / train.infos[query.video_id].duration_s,
        )
        for query, features in zip(train.queries, train.query_features, strict=True)
        if query.truth
    ]
    weights = WITHOUT_VIDEO[kind]([features for features, _ in examples])
    relative = np.stack([span for _, span in examples])

    # Consecutive queries are of the same video, and many videos are equally long.
    @lru_cache(maxsize=8)
    def hit_by(
        duration_s: float,
    ) -> tuple[Float[np.ndarray, "n 2"], Bool[np.ndarray, "n m"]]:
        spans = candidates.windows(duration_s)
        return spans, temporal_iou(spans / duration_s, relative) >= HIT_IOU

    predictions = []
    for query, features in zip(test.queries, test.query_features, strict=True):
        duration_s = test.infos[query.video_id].duration_s
        spans, hits = hit_by(duration_s)
        scores = hits @ weights(features)
        predictions.append(Prediction.of(query, duration_s, spans, scores))
    return predictions


SEED = 0
"""Seed of the bootstrap."""


def measure(
    predictions: Sequence[Prediction], protocol: str, nms_iou: float | None = None
) -> Table:
    """Metrics of the queries that the protocol evaluates. Raises ``InputError`` if none has
    a true span."""
    rule = _rule(protocol, nms_iou)
    rows = [prediction for prediction in predictions if rule.evaluates(prediction)]
    if not any(len(row.truth) for row in rows):
        raise InputError("no query has a true span; there is nothing to evaluate")
    for row in rows:
        if not all(np.isfinite(values).all() for values in _numbers(row)):
            raise InputError(
                f"the answers to the query {row.query_id} of {row.video_id} are not "
                "finite; look for NaN in the video's features, or train again"
            )
    return rule.measure(rows)


def _numbers(prediction: Prediction) -> list[np.ndarray]:
    optional = [prediction.saliency, prediction.existence]
    given = [np.asarray(each) for each in optional if each is not None]
    return [prediction.spans, prediction.scores, *given]


def _rule(protocol: str, nms_iou: float | None) -> Protocol:
    rule = PROTOCOLS[protocol]
    return rule if nms_iou is None else rule.at(nms_iou)


def measured_file(
    path: Path,
    truth: Path | None,
    protocol: str,
    nms_iou: float | None = None,
) -> tuple[dict[str, Any], Sequence[str]]:
    """Metrics of a file of predictions, and notes on oddities in it."""
    joined = load(path, truth)
    if is_bare(joined.predictions) and not PROTOCOLS[protocol].highlights:
        names = " or ".join(name for name, rule in PROTOCOLS.items() if rule.highlights)
        raise InputError(
            f"the predictions in {path} have saliency and no windows, and the protocol "
            f"{protocol} evaluates windows; give --protocol {names}, or predictions with "
            "windows"
        )
    results = compared({path.name: joined.predictions}, protocol, nms_iou)
    return {"file": str(path), **results, "unanswered": joined.unanswered}, joined.notes


def compared(
    rows: Mapping[str, Sequence[Prediction]],
    protocol: str,
    nms_iou: float | None = None,
) -> dict[str, Any]:
    """Metrics of several sets of predictions for the same queries, by name."""
    first, rule = next(iter(rows.values())), PROTOCOLS[protocol]
    absent = [row.annotated for row in first if not len(row.truth)]
    results: dict[str, Any] = {"protocol": protocol}
    if nms_iou is not None:
        results["nms_iou"] = nms_iou
    return results | {
        "queries": sum(rule.evaluates(row) for row in first),
        "without_truth": absent.count(False),
        "without_moment": absent.count(True),
        "videos": len({row.video_id for row in first}),
        "answers": {
            name: numbers(row, protocol, nms_iou) for name, row in rows.items()
        },
    }


def numbers(
    predictions: Sequence[Prediction], protocol: str, nms_iou: float | None = None
) -> dict[str, Any]:
    """Every metric with its 95 % bootstrap interval over videos."""
    table = measure(predictions, protocol, nms_iou)
    rule = PROTOCOLS[protocol]
    videos = np.array([row.video_id for row in predictions if rule.evaluates(row)])
    # Metrics of the same queries share their draws.
    groups: dict[bytes, list[str]] = {}
    for name, values in table.values.items():
        groups.setdefault(np.isfinite(values).tobytes(), []).append(name)
    ends: dict[str, list[float]] = {}
    for part, names in groups.items():
        queries = np.frombuffer(part, bool)
        values = np.stack([table.values[name][queries] for name in names])
        bounds = intervals(values, videos[queries].tolist(), seed=SEED)
        ends |= dict(zip(names, bounds.tolist(), strict=True))
    for name, statistic in table.statistics.items():
        ends[name] = [*interval_of(statistic, videos.tolist(), seed=SEED)]
    return {
        name: {"value": table.mean(name), "interval": ends[name]}
        for name in (*table.statistics, *table.values)
    }


def without_moment(count: int, protocol: str) -> str:
    """What to add to a number of queries for those without a moment; empty for none."""
    if not count:
        return ""
    told = f"; {count} have no moment"
    if not PROTOCOLS[protocol].absent:
        names = " or ".join(name for name, rule in PROTOCOLS.items() if rule.absent)
        told += f" and are left out, which --protocol {names} evaluates"
    return told


def lines(found: dict[str, Any]) -> list[str]:
    """Metrics as the field's logs print them, then a line for each set of predictions."""
    protocol = PROTOCOLS[found["protocol"]]
    own = next(iter(found["answers"].values()))
    head = f"{found.get('split') or found['file']}: {found['queries']} queries "
    head += f"of {found['videos']} videos, protocol {found['protocol']}"
    if "nms_iou" in found:
        head += f" at {found['nms_iou']:g}"
    if found.get("without_truth"):
        head += f"; {found['without_truth']} without ground truth are left out"
    head += without_moment(found.get("without_moment", 0), found["protocol"])
    if found.get("unanswered"):
        head += f"; {found['unanswered']} have no answer and count as misses"
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
