"""Whether the confidence can be believed: what is in short real videos, and what is not.

Every video is asked for all that is in it, for what is in none of them, and for nonsense.
Writes results/trust.json, from which a table and a diagram in
docs/results/zero-shot.md are generated.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from slta.errors import InputError
from slta.search import Searcher
from slta.search.answers import Indexed
from slta.search.zero_shot import CLEAR

BINS = 10


def measure(clips: Path, searcher: Searcher) -> dict[str, Any]:
    """``clips`` is the folder of sentences.json."""
    sentences = json.loads((clips / "sentences.json").read_text())
    videos = {name: clips.parent / name for name in sentences["present"]}
    return {"videos": len(videos), **measured(videos, sentences, searcher)}


def measured(
    videos: dict[str, Path], sentences: dict[str, Any], searcher: Searcher
) -> dict[str, Any]:
    """``sentences`` are those present, by video, the first a sentence and the others
    phrases; and those absent and nonsense."""
    indexed = {name: searcher.index(path) for name, path in videos.items()}
    own = sentences["present"]
    queries = [query for each in own.values() for query in each]
    table = {
        query: np.array(sure(searcher, [*indexed.values()], query))
        for query in dict.fromkeys(
            [*queries, *sentences["absent"], *sentences["nonsense"]]
        )
    }
    places = {name: i for i, name in enumerate(videos)}
    present = np.array([table[q][places[v]] for v, each in own.items() for q in each])
    absent = np.concatenate([table[query] for query in sentences["absent"]])
    nonsense = np.concatenate([table[query] for query in sentences["nonsense"]])
    right = {
        "sentences": [table[e[0]].argmax() == places[v] for v, e in own.items()],
        "phrases": [
            table[q].argmax() == places[v] for v, e in own.items() for q in e[1:]
        ],
    }
    return {
        "line": CLEAR,
        "absent_told": round(float((absent < CLEAR).mean()), 3),
        "nonsense_told": round(float((nonsense < CLEAR).mean()), 3),
        "present_clear": round(float((present >= CLEAR).mean()), 3),
        "area_absent": round(area(present, absent), 3),
        "area_nonsense": round(area(present, nonsense), 3),
        "right_video": {k: round(float(np.mean(v)), 3) for k, v in right.items()},
        "counts": {
            "present": len(present),
            "absent": len(absent),
            "nonsense": len(nonsense),
        },
        **reliability(present, absent),
        "present": {
            v: {q: round(float(table[q][places[v]]), 3) for q in each}
            for v, each in own.items()
        },
        "believed": [
            {"query": query, "video": name, "confidence": round(float(value), 3)}
            for query in sentences["absent"]
            for name, value in zip(videos, table[query], strict=True)
            if value >= CLEAR
        ],
    }


def sure(searcher: Searcher, videos: Sequence[Indexed[Any]], query: str) -> list[float]:
    """The confidence for each video; 0 for a query that is refused."""
    try:
        asked = searcher.read(query)
    except InputError:
        return [0.0] * len(videos)
    return [searcher.answer(each, asked, top=1).confidence for each in videos]


def area(above: Float[np.ndarray, " n"], below: Float[np.ndarray, " m"]) -> float:
    """Under the ROC curve: how often one of the first is above one of the second."""
    wins = (above[:, None] > below).mean() + (above[:, None] == below).mean() / 2
    return float(wins)


def reliability(
    present: Float[np.ndarray, " n"], absent: Float[np.ndarray, " m"]
) -> dict[str, Any]:
    """Expected calibration error, with present and absent queries as if as many."""
    confidence = np.concatenate([present, absent])
    is_there: Bool[np.ndarray, " k"] = np.arange(len(confidence)) < len(present)
    weights = np.where(is_there, 0.5 / len(present), 0.5 / len(absent))
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows, error = [], 0.0
    for i in range(BINS):
        inside = bins == i
        weight = weights[inside].sum()
        if not weight:
            continue
        said = float((weights * confidence)[inside].sum() / weight)
        true = float((weights * is_there)[inside].sum() / weight)
        error += float(weight) * abs(said - true)
        rows.append(
            {
                "from": i / BINS,
                "said": round(said, 3),
                "there": round(true, 3),
                "weight": round(float(weight), 4),
                "present": int((inside & is_there).sum()),
                "absent": int((inside & ~is_there).sum()),
            }
        )
    return {"calibration_error": round(error, 3), "reliability": rows}


def draw(found: dict[str, Any], images: Path) -> None:
    """The reliability diagram; a larger dot stands for more queries."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#d0d0d0", linewidth=1)
    rows = found["reliability"]
    axes.scatter(
        [row["said"] for row in rows],
        [row["there"] for row in rows],
        [2000 * row["weight"] for row in rows],
        color="#0072b2",
        alpha=0.7,
        linewidths=0,
    )
    axes.set(
        xlabel="confidence",
        ylabel="share that is there",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        aspect="equal",
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(images / "reliability.png", dpi=150, metadata={"Software": None})
