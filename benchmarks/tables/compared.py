"""Models compared on one data set."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.tables.cells import (
    Row,
    load,
    machine,
    measured,
    percent,
    seeds,
    table,
)
from slta.comparison.tables import baseline

WATCHED, STRICTER = "R@1, IoU=0.5", "R@1, IoU=0.7"
SPLITS = ("test", "test_novel")
CLOSE = 0.05
Cell = Callable[[Row], str]
LEARNED = ("moment_prior", "query_only")
"""Models with the same idea as a non-parametric baseline."""


def _row_name(experiment: str) -> str:
    """What tells a row of one data set apart."""
    model = experiment.removeprefix("shapes_").removeprefix("composites_")
    return f"`{model}` (learned)" if model in LEARNED else f"`{model}`"


def _on_shapes() -> Mapping[str, Row]:
    """DETR-style models were trained by a later program, Moment-DETR for longer."""
    later = load("models-slots")
    return {
        **load("models")["models"],
        **later["longer"]["models"],
        "shapes_qd_detr": later["models"]["shapes_qd_detr"],
    }


def _table(
    models: Mapping[str, Row], blind: Mapping[str, Any], last: str, cell: Cell
) -> str:
    """Best on test first, the non-parametric baselines last."""
    rows: list[list[object]] = []
    for name in sorted(models, key=lambda each: -models[each]["test"][WATCHED]["mean"]):
        model = models[name]
        shown = [_mean(model[split][WATCHED]) for split in SPLITS]
        rows.append([_row_name(name), *shown, cell(model)])
    for kind in blind[SPLITS[0]]:
        shown = [_value(blind[split][kind][WATCHED]) for split in SPLITS]
        rows.append([baseline(kind), *shown, cell(blind[SPLITS[0]][kind])])
    return table([WATCHED, *SPLITS, last], rows)


def _mean(found: Row) -> str:
    return percent(found["mean"], found["interval"])


def _value(found: Row) -> str:
    return percent(found["value"], found["interval"])


def _difference(found: Row) -> str:
    return percent(found["difference"], found["difference_interval"])


def _shapes() -> str:
    """With R@1 on train, where overfitting shows."""
    models, blind = _on_shapes(), load("models")["without video"]

    def on_train(found: Row) -> str:
        return percent(found["train"]) if "train" in found else ""

    return _table(models, blind, "train", on_train)


def _composites() -> str:
    """With the stricter threshold, which orders the models otherwise."""

    def stricter(found: Row) -> str:
        share = found["test"][STRICTER]["mean"] if "test" in found else None
        return percent(found[STRICTER]["value"] if share is None else share)

    found = load("composites")
    last = "test, IoU=0.7"
    return _table(found["models"], found["without video"], last, stricter)


def _close() -> str:
    """The models that are close to SLTA, each with its paired difference."""
    _, *others = load("composites")["models"].items()
    told = [
        f"{_row_name(name)} {_difference(model['test'][WATCHED])}"
        for name, model in others
        if abs(model["test"][WATCHED]["difference"]) < CLOSE
    ]
    return f"\nPaired differences to `slta`, test: {', '.join(told)}.\n"


def _composites_ablations() -> str:
    """SLTA without a part."""
    full, *others = load("composites-parts")["models"].items()
    rows: list[list[object]] = [["full", *_hits(full[1], full=True)]]
    for variant, model in others:
        part = variant.removeprefix("composites_slta_").replace("_", " ")
        rows.append([part, *_hits(model)])
    return table(["test", WATCHED, "difference", "IoU=0.7", "difference"], rows)


def _hits(model: Row, *, full: bool = False) -> list[str]:
    cells = []
    for name in (WATCHED, STRICTER):
        found = model["test"][name]
        cells += [percent(found["mean"]), "" if full else _difference(found)]
    return cells


def _trained(*names: str) -> str:
    """Commits, and what was trained on another machine than it was measured on."""
    found = [load(name) for name in names]
    commits = dict.fromkeys(each["made_by"]["commit"] for each in found)
    elsewhere = "".join(_elsewhere(each) for each in found)
    return f"Trained at commit {' and '.join(commits)}{elsewhere}."


def _elsewhere(found: Row) -> str:
    there: dict[str, list[str]] = {}
    for name, each in found["models"].items():
        chosen: dict[str, list[str]] = {}
        machines = each.get("machines", ())
        for seed, on in zip(each["seeds"], machines, strict=False):
            if on != found["machine"]:
                chosen.setdefault(on, []).append(str(seed))
        for on, few in chosen.items():
            told = f"{_row_name(name)} (seed {', '.join(few)})"
            there.setdefault(machine(on), []).append(told)
    return "".join(f"; on {on}: {', '.join(runs)}" for on, runs in there.items())


def _about(models: Mapping[str, Row], *names: str) -> str:
    counts = {_row_name(name): len(each["seeds"]) for name, each in models.items()}
    return f"{measured(*names).rstrip()} {_trained(*names)} {seeds(counts)}\n"


TABLES: dict[str, Callable[[], str]] = {
    "shapes": lambda: _shapes() + _about(_on_shapes(), "models", "models-slots"),
    "composites": lambda: (
        _composites() + _close() + _about(load("composites")["models"], "composites")
    ),
    "composites-ablations": lambda: (
        _composites_ablations()
        + _about(load("composites-parts")["models"], "composites-parts")
    ),
}
