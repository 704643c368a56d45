"""Plots of a comparison: recall over IoU, recall against cost, answers over time."""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from math import log
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from slta.evaluation.metrics import named
from slta.files import whole_file

INK, FAINT, TRUE = "#222222", "#bbbbbb", "#2a9d5c"
COLOURS = (
    *("#d6007f", "#0072b2", "#e69f00", "#009e73", "#56b4e9", "#994f00"),
    *("#6a51a3", "#636363", "#b2182b", "#1b7837", "#c49bdb", "#b8a100"),
    *("#f4a6c0", "#111111", "#8cb369"),
)
WATCHED = named(1, 0.5)
"""Default for comparisons that do not name their main metric."""
RECALL = re.compile(r"R@1, IoU=([\d.]+)")
LETTER_WIDE, LINE_HIGH = 0.016, 0.04
"""Size of a letter and a line beside a point, as fractions of the axes."""


def draw(comparison: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes the plots as PNG; returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    if not comparison["models"] or not comparison["splits"]:
        raise ValueError("a comparison without models or splits")
    made = {"cost.png": cost(comparison), "answers.png": answers(comparison)}
    if thresholds(comparison):
        made = {"recall.png": recall(comparison), **made}
    paths = []
    for name, figure in made.items():
        path = folder / name
        with whole_file(path) as unfinished:
            figure.savefig(unfinished, format="png", metadata={"Software": None})
        paths.append(path)
    return paths


def colours(comparison: Mapping[str, Any]) -> dict[str, str]:
    """Colours of the models, the same in every plot."""
    names = [*comparison["models"]]
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def labels(comparison: Mapping[str, Any]) -> dict[str, str]:
    """Labels of the rows; derived from their names in older files."""
    if all("label" in row for row in comparison["models"].values()):
        return {name: row["label"] for name, row in comparison["models"].items()}
    names = [*comparison["models"]]
    beginnings = zip(*(name.split("_")[:-1] for name in names), strict=False)
    data = "".join(f"{word}_" for word, *_ in takewhile(_alike, beginnings))
    return {name: name.removeprefix(data) for name in names}


def _alike(words: Sequence[str]) -> bool:
    return len({*words}) == 1


def thresholds(comparison: Mapping[str, Any]) -> list[float]:
    """IoUs of which every model has R@1; empty for protocols without R@1."""
    rows = [row[comparison["splits"][0]] for row in comparison["models"].values()]
    measures = [name for name in rows[0] if all(name in row for row in rows)]
    return sorted(float(m[1]) for name in measures if (m := RECALL.fullmatch(name)))


def recall(comparison: Mapping[str, Any]) -> Figure:
    """R@1 over the IoU threshold."""
    splits: Sequence[str] = comparison["splits"]
    called, ious = labels(comparison), thresholds(comparison)
    figure = Figure(figsize=(4.6 * len(splits) + 1.6, 4), dpi=150, layout="constrained")
    axes = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
    for split, one in zip(splits, axes, strict=True):
        for name, colour in colours(comparison).items():
            row = comparison["models"][name][split]
            shares = [100 * row[named(1, iou)]["mean"] for iou in ious]
            style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 3}
            one.plot(ious, shares, label=called[name], **style)
        one.set(title=split, xlabel="IoU threshold", xticks=ious)
        one.set(ylim=(0, None))
        _plain(one)
    axes[0].set_ylabel("R@1 (%)")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False
    )
    return figure


def cost(comparison: Mapping[str, Any]) -> Figure:
    """The main metric with its interval over the time per query."""
    split, watched = comparison["splits"][0], comparison.get("watched", WATCHED)
    figure = Figure(figsize=(7, 4), dpi=150, layout="constrained")
    axes = figure.subplots()
    for name, colour in colours(comparison).items():
        model = comparison["models"][name]
        number = model[split][watched]
        mean, (low, high) = 100 * number["mean"], number["interval"]
        away = [[mean - 100 * low], [100 * high - mean]]
        axes.errorbar(model["query_ms"], mean, yerr=away, color=colour, marker="o")
    for name, (x, y, label_y) in _beside(comparison, split, watched).items():
        axes.annotate(
            labels(comparison)[name],
            (x, y),
            xytext=(x * 1.05, label_y),
            color=colours(comparison)[name],
            size=8,
            va="center",
        )
    axes.set(xscale="log", xlabel="time per query (ms)", ylim=(0, None))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.2)
    axes.set(ylabel=f"{watched} (%), {split}")
    _plain(axes)
    return figure


def _beside(
    comparison: Mapping[str, Any], split: str, watched: str
) -> dict[str, tuple[float, float, float]]:
    """Point of every model and height of its label, the nearest one without overlap."""
    points = {
        name: (float(model["query_ms"]), 100 * float(model[split][watched]["mean"]))
        for name, model in comparison["models"].items()
    }
    called = labels(comparison)
    across, high = zip(*points.values(), strict=True)
    wide = max(log(max(across) / min(across)), log(2)) * LETTER_WIDE
    line = max(high) * LINE_HIGH
    # Centres and half sizes, horizontally and vertically.
    taken = [(log(x), y, wide, 0.2 * line) for x, y in points.values()]
    placed: dict[str, tuple[float, float, float]] = {}
    for name, (x, y) in sorted(points.items(), key=lambda point: point[1][1]):
        half = wide * len(called[name]) / 2
        middle = log(x) + 2 * wide + half
        heights = [y + step * line / 2 for step in sorted(range(-40, 41), key=abs)]
        free = [
            at
            for at in heights
            if at >= 0
            and not any(
                abs(middle - px) < half + w and abs(at - py) < line / 2 + h
                for px, py, w, h in taken
            )
        ]
        placed[name] = x, y, free[0] if free else y
        taken.append((middle, placed[name][2], half, line / 2))
    return placed


def answers(comparison: Mapping[str, Any]) -> Figure:
    """Every model's first answer to some queries, with the ground truth."""
    shown = colours(comparison)
    rows = len(shown) + 1
    count = len(comparison["examples"])
    high_in = count * (0.17 * rows + 0.75)
    figure = Figure(figsize=(8, high_in), dpi=150, layout="constrained")
    all_axes = figure.subplots(count, 1, squeeze=False)[:, 0]
    for example, axes in zip(comparison["examples"], all_axes, strict=True):
        for start, end in example["truth"]:
            axes.axvspan(start, end, color=TRUE, alpha=0.15, linewidth=0)
            axes.barh(0, end - start, left=start, height=0.7, color=TRUE)
        for place, (name, colour) in enumerate(shown.items(), start=1):
            if answer := example["answers"][name]:
                start, end = answer
                axes.barh(place, end - start, left=start, height=0.7, color=colour)
        axes.set(xlim=(0, example["duration_s"]), ylim=(rows - 0.4, -0.6))
        axes.set_yticks(range(rows), ["truth", *labels(comparison).values()], size=7)
        axes.set_title(example["query"], loc="left", size=9, parse_math=False)
        axes.tick_params(length=0)
        _plain(axes)
    all_axes[-1].set_xlabel("seconds")
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color=FAINT, linewidth=0.4)
    axes.set_axisbelow(True)
