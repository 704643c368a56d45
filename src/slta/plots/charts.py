"""Charts of a data set (positions and lengths of its moments) and of a training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from slta.datasets.statistics import Statistics
from slta.files import whole_file
from slta.plots.answer import METADATA

COLOURS = ("#0072b2", "#d6007f", "#666666", "#e69f00", "#009e73")
SHOWN = {"R@1, IoU=0.5": "#0072b2", "R@1, IoU=0.7": "#d6007f", "mIoU": "#666666"}
MOST = 0.99
"""Quantile of the lengths at which the histogram ends."""


def draw_statistics(name: str, splits: Sequence[Statistics], path: Path) -> None:
    """Plots the moment prior of the first split, and the lengths of all splits."""
    figure = Figure(figsize=(10, 3.4), dpi=150, layout="constrained")
    prior, spans, videos = figure.subplots(1, 3)
    first = next((each for each in splits if len(each.relative)), splits[0])
    if len(first.relative):
        shown = prior.imshow(
            100 * first.prior.T, origin="lower", extent=(0, 1, 0, 1), cmap="magma_r"
        )
        figure.colorbar(shown, ax=prior, label="% of the spans", shrink=0.85)
        title = f"moment prior ({first.split})"
    else:
        title = "no spans in videos of known length"
    prior.set(title=title, xlabel="start, share of the video", ylabel="end")
    for axes, field in ((spans, "lengths_s"), (videos, "durations_s")):
        edges = _edges([getattr(each, field) for each in splits])
        for colour, each in zip(COLOURS, splits, strict=False):
            values = np.clip(getattr(each, field), None, edges[-1])
            counts, _ = np.histogram(values, edges)
            shares = 100 * counts / max(1, len(values))
            axes.stairs(shares, edges, color=colour, label=each.split)
        axes.set(xlabel="s (longer ones in the last bin)", ylabel="%", ylim=0)
        axes.spines[["top", "right"]].set_visible(False)
    spans.set_title(f"{name}: length of a span")
    videos.set_title("length of a video")
    videos.legend(frameon=False)
    kind = path.suffix.lower()
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, format=kind[1:], metadata=METADATA[kind])


def _edges(lengths_s: Sequence[np.ndarray]) -> np.ndarray:
    values = np.concatenate(lengths_s)
    high = float(np.quantile(values, MOST)) if len(values) else 1.0
    return np.linspace(0, max(high, 1.0), 31)


def draw_history(history: Sequence[dict[str, float | int]], path: Path) -> None:
    """Loss and accuracy on val over the steps, one point an evaluation, as PNG."""
    steps = [row["step"] for row in history]
    figure = Figure(figsize=(8, 3), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(steps, [row["loss"] for row in history], color="#222222")
    left.set(title="loss", xlabel="step")
    for name, colour in SHOWN.items():
        right.plot(steps, [row[name] for row in history], color=colour, label=name)
    right.set(title="val", xlabel="step", ylim=(0, 1))
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, format="png", metadata={"Software": None})
