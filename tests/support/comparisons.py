"""A comparison as ``slta compare`` writes it, without a training."""

from collections.abc import Sequence
from typing import Any

from slta.evaluation.protocols import PROTOCOLS

Value = float | Sequence[float]


def number(*seeds: float) -> dict[str, Any]:
    mean = sum(seeds) / len(seeds)
    return {
        "mean": mean,
        "interval": [mean - 0.1, mean + 0.1],
        "seeds": [*seeds],
        "seed_intervals": [[seed - 0.2, seed + 0.2] for seed in seeds],
        "difference": 0.0,
        "difference_interval": [-0.1, 0.1],
    }


def row(label: str, *seeds: float, measures: Sequence[str]) -> dict[str, Any]:
    """Of a model that reaches the same by every measure."""
    return {
        "label": label,
        "learning_rate": 0.001,
        "steps": 10,
        "runs": [f"runs/{label}-{seed}" for seed in range(len(seeds))],
        "seeds": [*range(len(seeds))],
        "seconds": [1.5 for _ in seeds],
        "commits": ["abc" for _ in seeds],
        "parameters": 100,
        "query_ms": 2.0,
        "test": {
            "queries": 9,
            "videos": 3,
            **{name: number(*seeds) for name in measures},
        },
    }


def comparison(protocol: str = "ctrl", **models: Value) -> dict[str, Any]:
    """Of models that reach so much on test, with one seed or several."""
    measures = PROTOCOLS[protocol].shown
    blind = {name: {"value": 0.15, "interval": [0.1, 0.2]} for name in measures}
    answers = {f"own_{name}": [1.0, 4.0] for name in models}
    return {
        "data": "own",
        "protocol": protocol,
        "watched": measures[0],
        "seeds": [0],
        "splits": ["test"],
        "models": {
            f"own_{name}": row(
                name,
                *([seeds] if isinstance(seeds, float) else seeds),
                measures=measures,
            )
            for name, seeds in models.items()
        },
        "without video": {
            "test": {"moment frequencies": blind, "query frequencies": blind}
        },
        "examples": [
            {
                "query": "a cat",
                "duration_s": 20.0,
                "truth": [[2, 6]],
                "answers": answers,
            }
        ],
        "diverged": [],
    }
