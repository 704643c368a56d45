"""The field's evaluation protocols by name.

docs/protocols.md says how they differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from slta.errors import InputError
from slta.evaluation.metrics import (
    GRID,
    Table,
    ctrl,
    detr,
    didemo,
    gmr,
    named,
    plain,
    tan2d,
)
from slta.evaluation.predictions import Prediction
from slta.moments.candidates import CHUNKS, didemo_chunks
from slta.moments.spans import CHUNK_S, clamp, from_chunks, temporal_iou

Measure = Callable[[Sequence[Prediction]], Table]
"""Evaluates predictions, all with ground truth."""
CLOSE_S = 1e-3
"""Tolerance for equal times."""
USUAL = (named(1, 0.5), named(1, 0.7), "mIoU")


@dataclass(frozen=True, slots=True)
class Protocol:
    measure: Measure
    about: str
    log: Sequence[Sequence[str]] = GRID
    """Printed metrics, by line."""
    shown: Sequence[str] = USUAL
    """Metrics that are printed with their interval."""
    highlights: bool = False
    """Whether saliency is evaluated."""
    absent: bool = False
    """Whether queries without a moment are evaluated."""
    suppressing: Callable[[float], Measure] | None = None
    """The same with another IoU of the suppression, where it is a parameter."""

    def evaluates(self, each: Prediction) -> bool:
        return len(each.truth) > 0 or (self.absent and each.annotated)

    def at(self, nms_iou: float) -> "Protocol":
        """The protocol with that IoU of suppression. Raises ``InputError`` if it has none."""
        if self.suppressing is None:
            known = " and ".join(n for n, p in PROTOCOLS.items() if p.suppressing)
            raise InputError(
                f"this protocol has no --nms-iou; leave it out, or give "
                f"--protocol {known}"
            )
        if not 0 <= nms_iou <= 1:
            raise InputError(f"--nms-iou must be in [0, 1], got {nms_iou}")
        return replace(self, measure=self.suppressing(nms_iou))


def _ctrl(rows: Sequence[Prediction]) -> Table:
    return ctrl(*_spans(rows))


def _plain(rows: Sequence[Prediction]) -> Table:
    return plain(*_spans([each.ranked() for each in rows]))


def _tan2d(nms_iou: float) -> Measure:
    def measure(rows: Sequence[Prediction]) -> Table:
        cut = [each.ranked(nms_iou=None) for each in rows]
        return tan2d(*_spans(cut), nms_iou=nms_iou)

    return measure


def _detr(rows: Sequence[Prediction]) -> Table:
    ranked = [each.ranked() for each in rows]
    table = detr.moments(
        [each.spans for each in ranked],
        [each.scores for each in ranked],
        [each.truth for each in ranked],
    )
    more = detr.highlights(
        [each.saliency for each in rows], [each.true_saliency for each in rows]
    )
    return Table({**table.values, **more.values}) if more else table


def _gmr(rows: Sequence[Prediction]) -> Table:
    ranked = [each.ranked() for each in rows]
    return gmr.moments(
        [each.spans for each in ranked],
        [each.scores for each in ranked],
        [each.truth for each in ranked],
        np.array([existence(each) for each in rows]),
    )


def existence(each: Prediction) -> float:
    """The existence score; without one, the highest score of an answer."""
    if each.existence is not None:
        return each.existence
    return float(each.scores.max(initial=0.0))


def _spans(
    rows: Sequence[Prediction],
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    return (
        [each.spans for each in rows],
        [each.preference for each in rows],
        [each.truth for each in rows],
    )


def _over_chunks(
    measure: Callable[[Sequence[didemo.Chunks], Sequence[didemo.Chunks]], Table],
) -> Measure:
    return lambda rows: measure(
        [answered_chunks(each) for each in rows], [true_chunks(each) for each in rows]
    )


def true_chunks(each: Prediction) -> Int[np.ndarray, "m 2"]:
    """First and last chunk of each annotator's moment.

    Raises ``InputError`` for a true span that is not of whole chunks.
    """
    if each.chunks is not None:
        return each.chunks
    start, end = each.truth.T / CHUNK_S
    chunks = np.stack([np.rint(start), np.ceil(end - CLOSE_S) - 1], axis=1)
    spans = (chunks + np.array([0, 1])) * CHUNK_S
    ends = spans if each.duration_s is None else clamp(spans, each.duration_s)
    away = np.minimum(np.abs(spans - each.truth), np.abs(ends - each.truth))
    whole = (away < CLOSE_S).all(axis=1) & (chunks[:, 1] < CHUNKS)
    if not whole.all():
        start_s, end_s = each.truth[np.flatnonzero(~whole)[0]].tolist()
        raise InputError(
            f"the truth of the query {each.query_id} of {each.video_id}, {start_s:g}-"
            f"{end_s:g} s, is not of whole chunks of {CHUNK_S:g} s in the first "
            f"{CHUNKS * CHUNK_S:g} s, as in DiDeMo; give another --protocol"
        )
    return chunks.astype(np.int64)


def answered_chunks(each: Prediction) -> Int[np.ndarray, "k 2"]:
    """Answers as moments of whole chunks, best first.

    An answer is replaced by the moment of best IoU; of several for the same moment, the
    best counts. An answer outside all moments is dropped.
    """
    duration_s = CHUNKS * CHUNK_S if each.duration_s is None else each.duration_s
    chunks = didemo_chunks(duration_s)
    order = np.argsort(-each.preference, kind="stable")
    fits = temporal_iou(each.spans[order], clamp(from_chunks(chunks), duration_s))
    moments = fits.argmax(axis=1)[fits.max(axis=1, initial=0.0) > 0]
    _, first = np.unique(moments, return_index=True)
    return chunks[moments[np.sort(first)]]


PROTOCOLS: dict[str, Protocol] = {
    "ctrl": Protocol(
        _ctrl,
        "Gao et al., ICCV 2017: for each IoU m its own suppression at m - 0.05, then R@n",
    ),
    "plain": Protocol(_plain, "R@n and mIoU of the answers as the model ranks them"),
    "2d-tan": Protocol(
        _tan2d(0.5),
        "Zhang et al., AAAI 2020: one suppression, then R@n at an IoU above m",
        suppressing=_tan2d,
    ),
    "detr": Protocol(
        _detr,
        "Lei et al., NeurIPS 2021 (QVHighlights): R@1, mAP, and highlights",
        log=(
            ("R@1, IoU=0.5", "R@1, IoU=0.7", "mAP", "mAP, IoU=0.5", "mAP, IoU=0.75"),
            *[
                tuple(f"{name}, {length}" for name in ("R@1, IoU=0.5", "mAP"))
                for length in detr.LENGTHS_S
            ],
            *[(f"HIT@1, {level}", f"HL mAP, {level}") for level in detr.LEVELS],
        ),
        shown=(
            *("R@1, IoU=0.5", "R@1, IoU=0.7"),
            *("mAP", "mAP, IoU=0.5", "mAP, IoU=0.75", "HIT@1, VeryGood"),
        ),
        highlights=True,
    ),
    "gmr": Protocol(
        _gmr,
        "Generalized Moment Retrieval, 2026: queries with no moment, one or several",
        log=(
            ("AUROC", *(f"{n}@{t}" for t in gmr.THRESHOLDS for n in ("Rej-F1", "Acc"))),
            tuple(f"G-mIoU@{k}" for k in gmr.FIRST),
            ("mAP", *(f"mR@{k}" for k in gmr.FIRST), *(f"mIoU@{k}" for k in gmr.FIRST)),
            tuple(f"{n}@{k}" for n in ("mR+", "mIoU+") for k in gmr.FIRST),
        ),
        shown=("AUROC", f"Rej-F1@{gmr.GATE}", "G-mIoU@1", "mAP", "mR@5"),
        absent=True,
    ),
    "didemo": Protocol(
        _over_chunks(didemo.official),
        "Hendricks et al., ICCV 2017: Rank@1, Rank@5 and mIoU over chunks of 5 s",
        log=(("Rank@1", "Rank@5", "mIoU"),),
        shown=("Rank@1", "Rank@5", "mIoU"),
    ),
    "acrn-didemo": Protocol(
        _over_chunks(didemo.acrn),
        "Liu et al., SIGIR 2018: R@n over DiDeMo's 21 moments",
        log=[[name for name in row if name in didemo.REPORTED] for row in GRID],
    ),
}
