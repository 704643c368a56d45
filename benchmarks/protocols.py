"""The field's published answers under each protocol, beside what the field computed.

Writes results/protocols.json, from which the tables in docs/protocols.md are made.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from slta.evaluation.formats.joining import load
from slta.evaluation.measuring import measure as measured
from slta.evaluation.metrics import (
    FIRST,
    IOUS,
    Table,
    best_iou,
    ctrl,
    detr,
    didemo,
    gmr,
    named,
)
from slta.evaluation.predictions import Prediction
from slta.moments.candidates import didemo_chunks

CBP_README = {
    "R@1, IoU=0.5": 23.19,
    "R@1, IoU=0.7": 18.54,
    "R@5, IoU=0.5": 35.83,
    "mIoU": 20.46,
}
"""As ../shared/data/README.md gives them."""
LINES = {
    "ctrl": ("ctrl", None),
    "plain": ("plain", None),
    "2d-tan, suppressed at 0.5": ("2d-tan", None),
    "2d-tan, suppressed at 0.45": ("2d-tan", 0.45),
}
DIDEMO_README = {"Rank@1": 0.186842, "mIoU": 0.252216}
"""Of the moment prior on val, as utils/eval.py of DiDeMo's authors gives them."""
SHOWN = (
    *("R@1, IoU=0.5", "R@1, IoU=0.7"),
    *(named(5, iou) for iou in (0.1, 0.3, 0.5, 0.7)),
    "mIoU",
)


def measure(shared: Path) -> dict[str, Any]:
    """``shared`` is the folder of the real data."""
    answers, data = shared / "data" / "reference_predictions", shared / "data"
    cbp = load(
        answers / "cbp_tacos.json.gz", answers / "cbp_tacos.test.json.gz"
    ).predictions
    of_detr = load(
        answers / "moment_detr_sample_val_preds.jsonl.gz",
        data / "qvhighlights" / "highlight_val_release.jsonl",
    ).predictions
    marks = json.loads((data / "didemo" / "val_data.json").read_text())
    return {
        "parity": [
            _ctrl(json.loads((shared / "golden" / "ctrl_protocol.json").read_text())),
            _cbp(cbp),
            _detr(
                of_detr,
                json.loads(
                    (
                        answers / "moment_detr_sample_val_preds_metrics_raw.json"
                    ).read_text()
                ),
            ),
            _gmr(shared / "golden" / "gmr"),
            _didemo(
                json.loads((shared / "golden" / "didemo_protocol.json").read_text()),
                marks,
            ),
            _first_chunk(marks),
        ],
        "by_protocol": {
            "CBP, TACoS": _by_protocol(cbp),
            "Moment-DETR, QVHighlights val": _by_protocol(of_detr),
        },
        "exactly": {
            "CBP, TACoS": _exactly(cbp),
            "Moment-DETR, QVHighlights val": _exactly(of_detr),
        },
        "moment_prior": _moment_prior(
            marks, json.loads((data / "didemo" / "test_data.json").read_text())
        ),
    }


def _row(
    reference: str, protocol: str, queries: int, pairs: dict[str, tuple[Any, Any]]
) -> dict[str, Any]:
    return {
        "reference": reference,
        "protocol": protocol,
        "queries": queries,
        "numbers": len(pairs),
        "equal": sum(theirs == ours for theirs, ours in pairs.values()),
        "theirs_and_ours": {name: list(pair) for name, pair in pairs.items()},
    }


def _ctrl(golden: dict[str, Any]) -> dict[str, Any]:
    pairs, queries = {}, 0
    for number, case in enumerate(golden["cases"]):
        table = ctrl(
            [np.array(each) for each in case["spans"]],
            [np.array(each) for each in case["scores"]],
            [np.array([each]) for each in case["truth"]],
        )
        queries += table.queries
        for n in FIRST:
            for iou in IOUS:
                ours = int(table.per_query(n=n, iou=iou).sum(axis=0))
                name = f"case {number}, hits of {named(n, iou)}"
                pairs[name] = (case["hits"][f"R@{n},IoU={iou}"], ours)
    return _row("random cases through CTRL's code", "ctrl", queries, pairs)


def _gmr(folder: Path) -> dict[str, Any]:
    """Its program leaves out answers to queries of other splits."""
    answers, truth = folder / "predictions.jsonl", folder / "truth.jsonl"
    known = {json.loads(line)["qid"] for line in truth.read_text().splitlines()}
    lines = answers.read_text().splitlines()
    with tempfile.TemporaryDirectory() as name:
        kept = Path(name) / answers.name
        kept.write_text("\n".join(x for x in lines if json.loads(x)["qid"] in known))
        predictions = load(kept, truth).predictions
    table = measured(predictions, "gmr")
    theirs = json.loads((folder / "metrics.json").read_text())
    values = dict(theirs["brief"])
    for threshold, row in theirs["GMR-CLS"]["per_threshold"].items():
        values |= {f"{n}@{threshold}": row[n] for n in ("Rej-P", "Rej-R")}
    by_iou = {"mAP": theirs["mAP_detail"]["AP@IoU"]}
    for kind, k in product(("mR", "mR+"), gmr.FIRST):
        by_iou[f"{kind}@{k}"] = theirs[f"{kind}_detail"][f"{kind}@{k}_per_IoU"]
    for name, row in by_iou.items():
        values |= {f"{name}, IoU={iou}": row[f"{iou:.2f}"] for iou in detr.IOUS}
    pairs = {name: (v, _percent(table, name)) for name, v in values.items()}
    reference = "a model's answers, Soccer-GMR, through its authors' program"
    return _row(reference, "gmr", len(predictions), pairs)


def _cbp(answers: Sequence[Prediction]) -> dict[str, Any]:
    table = measured(answers, "plain")
    pairs = {name: (v, _percent(table, name)) for name, v in CBP_README.items()}
    return _row("CBP's answers, TACoS test", "plain", len(answers), pairs)


def _detr(answers: Sequence[Prediction], theirs: dict[str, Any]) -> dict[str, Any]:
    table = measured(answers, "detr")
    names = {}
    for part in ("full", *detr.LENGTHS_S):
        end = "" if part == "full" else f", {part}"
        for iou, value in theirs[part]["MR-mAP"].items():
            at = "" if iou == "average" else f", IoU={iou}"
            names[f"mAP{at}{end}"] = value
        for iou, value in theirs[part]["MR-R1"].items():
            names[f"R@1, IoU={iou}{end}"] = value
    for level in detr.LEVELS:
        names[f"HL mAP, {level}"] = theirs[f"HL-min-{level}"]["HL-mAP"]
        names[f"HIT@1, {level}"] = theirs[f"HL-min-{level}"]["HL-Hit1"]
    pairs = {name: (value, _percent(table, name)) for name, value in names.items()}
    reference = "Moment-DETR's answers, QVHighlights val"
    return _row(reference, "detr", len(answers), pairs)


def _didemo(golden: dict[str, Any], marks: list[dict[str, Any]]) -> dict[str, Any]:
    times = {row["annotation_id"]: np.array(row["times"]) for row in marks}
    table = didemo.official(
        [np.array(item["ranking"]) for item in golden["items"]],
        [times[item["annotation_id"]] for item in golden["items"]],
    )
    theirs = {"Rank@1": "rank1", "Rank@5": "rank5", "mIoU": "miou"}
    pairs = {name: (golden[key], table.mean(name)) for name, key in theirs.items()}
    reference = "random rankings, DiDeMo val, through its authors' measure"
    return _row(reference, "didemo", table.queries, pairs)


def _first_chunk(marks: list[dict[str, Any]]) -> dict[str, Any]:
    """The first answer of the moment prior; what follows is known of train only."""
    table = didemo.official(
        [np.zeros((1, 2), np.int64)] * len(marks), [np.array(r["times"]) for r in marks]
    )
    pairs = {name: (v, round(table.mean(name), 6)) for name, v in DIDEMO_README.items()}
    reference = "the moment prior's first answer, DiDeMo val"
    return _row(reference, "didemo", len(marks), pairs)


def _by_protocol(answers: Sequence[Prediction]) -> dict[str, dict[str, float]]:
    found = {}
    for line, (protocol, nms_iou) in LINES.items():
        table = measured(answers, protocol, nms_iou)
        found[line] = {name: _percent(table, name) for name in SHOWN}
    return found


def _exactly(answers: Sequence[Prediction]) -> dict[str, int]:
    """First answers whose IoU is exactly a threshold."""
    first = [best_iou(each.spans[:1], each.truth) for each in answers]
    fits = np.concatenate(first)
    return {"answers": len(fits)} | {
        f"IoU={iou}": int((fits == iou).sum(axis=0)) for iou in (0.5, 0.7)
    }


def _moment_prior(
    val: list[dict[str, Any]], test: list[dict[str, Any]]
) -> dict[str, dict[str, float]]:
    """What the most frequent moments of val reach: DiDeMo's train is not here."""
    counts = Counter(tuple(mark) for row in val for mark in row["times"])
    moments = [tuple(each) for each in didemo_chunks(30.0).tolist()]
    ranked = np.array(sorted(moments, key=lambda each: -counts[each]))
    true = {
        "any annotator": [np.array(row["times"]) for row in test],
        "the first annotator": [np.array(row["times"][:1]) for row in test],
    }
    found = {
        f"acrn-didemo, test, {name}": _percents(didemo.acrn([ranked] * len(test), each))
        for name, each in true.items()
    }
    marks = [np.array(row["times"]) for row in val]
    official = didemo.official([ranked] * len(val), marks)
    return {"didemo, val": _percents(official), **found}


def _percents(table: Table) -> dict[str, float]:
    return {name: _percent(table, name) for name in table.values}


def _percent(table: Table, name: str) -> float:
    """With the two decimals of the field's files."""
    return float(f"{100 * table.mean(name):.2f}")
