"""Find the moment in a video that a sentence describes.

    from slta import Searcher
    answer = Searcher().search("film.mp4", "a cat sleeps")
    print(answer.is_clear, answer.moments[0].span)

A list of queries gives a list of answers: Searcher().search("film.mp4", ["a cat", "a dog"]).
Of a whole folder:

    from slta import Index
    index = Index.open("Videos")
    index.add()
    print(index.search("a cat sleeps").moments[0])

Training, evaluation and opening a run:

    import slta
    config = {"training": {"steps": 100}}
    run = slta.train("slta", on="own", root="my_data", config=config, out="runs/x")
    print(slta.evaluate(run, split="test")["R@1, IoU=0.5"])
    run = slta.load_run("runs/x")

The public API: the names in slta.__all__; slta.datasets.open; the metrics in
slta.evaluation.metrics; and, for your own models, data sets and extractors, __all__ of
slta.models.base, slta.experiments.data and slta.features.base. Everything else may change
between versions.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slta import datasets as datasets
    from slta import evaluation as evaluation
    from slta.errors import InputError
    from slta.evaluation.result import Evaluation
    from slta.index.library import Index
    from slta.moments import Moment, Query, Span
    from slta.runs.inference import evaluate
    from slta.runs.run import Run, load_run
    from slta.search import Answer, Searcher
    from slta.training.public import train

__all__ = [
    "Answer",
    "Evaluation",
    "Index",
    "InputError",
    "Moment",
    "Query",
    "Run",
    "Searcher",
    "Span",
    "evaluate",
    "load_run",
    "train",
]
__version__ = "0.1.0"

_HOMES = {
    "Answer": "slta.search",
    "Evaluation": "slta.evaluation.result",
    "Index": "slta.index.library",
    "InputError": "slta.errors",
    "Moment": "slta.moments",
    "Query": "slta.moments",
    "Run": "slta.runs.run",
    "Searcher": "slta.search",
    "Span": "slta.moments",
    "evaluate": "slta.runs.inference",
    "load_run": "slta.runs.run",
    "train": "slta.training.public",
}
_PACKAGES = ("datasets", "evaluation")
"""Packages with public functions."""


def __getattr__(name: str) -> object:
    """Lazy imports, so that ``slta --help`` is fast."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return import_module(f"slta.{name}")
    raise AttributeError(f"module 'slta' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Includes names that are not imported yet, for ``help`` and completion."""
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING"})
