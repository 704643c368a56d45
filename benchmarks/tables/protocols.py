"""The protocols, against numbers that other programs computed by them."""

from collections.abc import Callable

from benchmarks.tables.cells import load, measured, table

DETR = "Moment-DETR, QVHighlights val"


def _parity() -> str:
    return table(
        ["reference", "protocol", "numbers", "equal"],
        [
            [row["reference"], f"`{row['protocol']}`"]
            + [row[name] for name in ("numbers", "equal")]
            for row in load("protocols")["parity"]
        ],
    )


def _by_protocol() -> str:
    """The answers that differ most: times on a grid, overlapping answers."""
    found = load("protocols")["by_protocol"][DETR]
    names = [*(f"R@{n}, IoU={iou}" for n in (1, 5) for iou in (0.5, 0.7)), "mIoU"]
    return table(
        ["protocol", *names],
        [
            [
                line.replace("suppressed at", "NMS"),
                *(f"{values[name]:.2f}" for name in names),
            ]
            for line, values in found.items()
            if "0.45" not in line
        ],
    )


def _exactly() -> str:
    each = load("protocols")["exactly"][DETR]
    return (
        f"\nOf its {each['answers']} first answers, {each['IoU=0.5']} have an IoU of "
        f"exactly 0.5 and {each['IoU=0.7']} of exactly 0.7.\n"
    )


def _didemo_prior() -> str:
    found = load("protocols")["moment_prior"]
    names = [f"R@{n}, IoU={iou}" for n in (1, 5) for iou in (0.5, 0.7)]
    return table(
        ["ground truth", *names],
        [
            [
                line.removeprefix("acrn-didemo, test, "),
                *(f"{v[name]:.2f}" for name in names),
            ]
            for line, v in found.items()
            if names[0] in v
        ],
    )


TABLES: dict[str, Callable[[], str]] = {
    "parity": lambda: _parity() + measured("protocols"),
    "by-protocol": lambda: _by_protocol() + _exactly(),
    "didemo-prior": lambda: _didemo_prior() + measured("protocols"),
}
