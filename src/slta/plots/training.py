"""Plot of a training."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from slta.files import whole_file

SHOWN = {"R@1, IoU=0.5": "#0072b2", "R@1, IoU=0.7": "#d6007f", "mIoU": "#666666"}


def draw(history: Sequence[dict[str, float | int]], path: Path) -> None:
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
