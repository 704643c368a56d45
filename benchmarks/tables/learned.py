"""SLTA's parts on Shapes, and what it costs at the paper's sizes."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from benchmarks.tables.cells import Row, load, measured, percent, seeds, table
from slta.comparison.tables import BASELINES
from slta.models.released import ReleasedConfig
from slta.models.slta import SLTAConfig

FAULTS = {
    each.name.replace("_", " ")
    for each in fields(ReleasedConfig)
    if not hasattr(SLTAConfig, each.name)
}
WATCHED = "R@1, IoU=0.5"


def _ablations() -> str:
    """Without a part, then with a fault of the release; differences are to the full
    model's same seeds."""
    rows = []
    for variant, each in _variants().items():
        one = each["test"]
        away = percent(one["difference"], one["difference_interval"])
        row = [percent(one["mean"]), "" if variant == "full" else away]
        row.append(percent(each["test_novel"]["mean"]))
        rows.append([variant, *row])
    rows.sort(key=lambda row: row[0] in FAULTS)
    return table([WATCHED, "test", "difference", "test_novel"], rows)


def _variants() -> dict[str, Row]:
    found = load("shapes")
    variants: dict[str, Row] = found["variants"][str(found["learning_rate"])]
    return variants


def _kinds() -> str:
    """Of the first seed of each."""
    found = load("shapes")
    kinds = list(found["kinds"]["test"])
    variants = _variants()
    rows = [
        [
            variant,
            *(percent(variants[variant]["test"]["kinds"][k][WATCHED]) for k in kinds),
        ]
        for variant in ("full", "no spatial attention", "no context")
    ]
    looked = found["attention"]["by_kind"]
    rows.append(["attention density", *(f"{looked[kind]:.1f}" for kind in kinds)])
    return table([f"test: {WATCHED}", *kinds], rows)


def _demo() -> str:
    """The seeds side by side, those that are alike once."""
    rows = load("demo")["rows"]
    told = {
        name: " / ".join(
            dict.fromkeys(
                percent(_answers(row, kind)[WATCHED]["value"]) for row in rows
            )
        )
        for kind, name in (("slta", "SLTA"), *BASELINES.items())
    }
    seconds = " / ".join(f"{row['cpu_s']:.0f}" for row in rows)
    hits = ", ".join(f"{name} {shares}" for name, shares in told.items())
    return f"{hits}; {seconds} s of CPU time.\n"


def _answers(row: Any, kind: str) -> Any:
    """Older JSON has older names of the baselines."""
    answers = row["answers"]
    return answers[kind if kind in answers else BASELINES[kind]]


def _cost() -> str:
    """Of SLTA at the paper's sizes."""
    search, training = load("scoring")["search"], load("scoring")["training"]
    memory = load("memory")
    peaks = " / ".join(
        f"{each['peak_memory_gb']}" for name, each in memory.items() if name != "about"
    )
    sets = "/".join(name.removesuffix("_slta") for name in memory if name != "about")
    rows = [
        [f"{search['pairs']} pairs of a query and a window", f"{search['seconds']} s"],
        ["the same, one pair at a time", f"{search['one_at_a_time_s']} s"],
        ["largest difference of scores", f"{search['largest_difference']:.0e}"],
        [f"training step, {training['pairs']} pairs", f"{training['step_s']} s"],
        [f"peak memory of a step, {sets}", f"{peaks} GB"],
    ]
    return table(["SLTA at the paper's sizes", "cost"], rows)


def _about_ablations() -> str:
    """Commits of the trainings, with the variants that another one made."""
    variants = _variants()
    at: dict[str, list[str]] = {}
    for variant, each in variants.items():
        for commit in each["commits"]:
            at.setdefault(commit, []).append(variant)
    usual, *others = at
    told = [f"{' and '.join(dict.fromkeys(at[each]))} at {each}" for each in others]
    trained = ", ".join([f"Trained at commit {usual}", *told])
    counts = {variant: len(each["seeds"]) for variant, each in variants.items()}
    return f"{measured('shapes').rstrip()} {trained}. {seeds(counts)}\n"


TABLES: dict[str, Callable[[], str]] = {
    "shapes-ablations": lambda: _ablations() + _about_ablations(),
    "shapes-kinds": _kinds,
    "demo": lambda: _demo() + measured("demo"),
    "cost": lambda: _cost() + measured("scoring", "memory"),
}
