"""The protocols, against what others computed by them."""

from collections.abc import Callable
from itertools import chain

from benchmarks.tables.cells import load, measured, table
from slta.evaluation.protocols import PROTOCOLS


def _parity() -> str:
    return table(
        ["what was measured", "protocol", "queries", "numbers given", "equal here"],
        [
            [row["reference"], f"`{row['protocol']}`"]
            + [row[name] for name in ("queries", "numbers", "equal")]
            for row in load("protocols")["parity"]
        ],
    )


def _parity_numbers() -> str:
    """Those that the command prints."""
    rows = []
    for row in load("protocols")["parity"]:
        protocol = PROTOCOLS[row["protocol"]]
        printed = {*chain(*protocol.log), *protocol.shown}
        for name, (theirs, ours) in row["theirs_and_ours"].items():
            if name in printed:
                rows.append([f"`{row['protocol']}`", name, theirs, ours])
    return table(["protocol", "measure", "theirs", "ours"], rows)


def _by_protocol() -> str:
    found = load("protocols")["by_protocol"]
    names = list(next(iter(next(iter(found.values())).values())))
    return table(
        ["answers", "protocol", *names],
        [
            [answers, line, *(f"{values[name]:.2f}" for name in names)]
            for answers, lines in found.items()
            for line, values in lines.items()
        ],
    )


def _exactly() -> str:
    return table(
        ["first answers of", "of them", "IoU exactly 0.5", "IoU exactly 0.7"],
        [
            [name, each["answers"], each["IoU=0.5"], each["IoU=0.7"]]
            for name, each in load("protocols")["exactly"].items()
        ],
    )


def _didemo_prior() -> str:
    found = load("protocols")["moment_prior"]
    names = [f"R@{n}, IoU={iou}" for n in (1, 5) for iou in (0.5, 0.7)]
    return table(
        ["right is", *names],
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
    "parity": _parity,
    "parity-numbers": _parity_numbers,
    "by-protocol": _by_protocol,
    "exactly": _exactly,
    "didemo-prior": _didemo_prior,
    "about-protocols": lambda: measured("protocols"),
}
