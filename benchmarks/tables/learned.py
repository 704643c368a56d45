"""SLTA on the made world, and what it costs at the paper's sizes."""

from collections.abc import Callable
from typing import Any

from benchmarks.models import VARIANTS
from benchmarks.tables.cells import load, measured, percent, table
from benchmarks.tables.compared import made_by


def _learned() -> str:
    found, cost = load("shapes"), load("scoring")
    memory = load("memory")["charades_sta_slta"]
    whole = [
        v for name, v in found["variants"].items() if name in ("full", "mean nouns")
    ]
    full, looked = found["variants"]["full"], found["attention"]
    seeds = f"{len(full['seeds'])} seed" + "s" * (len(full["seeds"]) > 1)
    blind = found["without video"]["test"]
    search, training = cost["search"], cost["training"]
    name = "R@1, IoU=0.5"
    return table(
        ["what", "goal", "measured"],
        [
            [
                f"SLTA on the made world, {name}, test; test_novel ({seeds})",
                "70; 50",
                f"{percent(full['test']['mean'], full['test']['interval'])}; "
                f"{percent(full['test_novel']['mean'], full['test_novel']['interval'])}",
            ],
            [
                "moment prior; query only, on the same test",
                "at most 15",
                "; ".join(
                    percent(blind[kind][name]["value"], blind[kind][name]["interval"])
                    for kind in ("moment prior", "query only")
                ),
            ],
            [
                "training it on one core beside other work, films and features made before, "
                "the quickest",
                "30 minutes on two",
                f"{min(min(each['seconds']) for each in whole) / 60:.0f} min",
            ],
            [
                "attention inside the named object's box, against its share of the area",
                "3 times",
                f"{looked['times_area']:.1f} times "
                f"({percent(looked['inside'], looked['inside_interval'])} % of it in "
                f"{percent(looked['area'])} %)",
            ],
            [
                f"{search['pairs']} pairs of a 5-minute video, against one at a time",
                "100 times as fast",
                f"{search['times_faster']} times ({search['seconds']} s), largest "
                f"difference {search['largest_difference']:.0e}",
            ],
            [
                "the same, against what can't be left out",
                "under 2 times its time",
                f"{search['above_unavoidable']} times",
            ],
            [
                "memory of a training step at the paper's dimensions, 900 pairs",
                "under 12 GB",
                f"{memory['peak_memory_gb']} GB, {training['step_s']} s, "
                f"{training['times_faster']} times as fast as one pair at a time",
            ],
        ],
    )


def _about_runs(name: str) -> Callable[[], str]:
    def told() -> str:
        trained = ", ".join(load(name)["runs_at_commits"])
        return measured(name).rstrip() + f" Trained at commit {trained}.\n"

    return told


def _kinds() -> str:
    found = load("shapes")
    rows = []
    for kind in found["kinds"]["test"]:
        mine = [found["kinds"][split][kind] for split in ("test", "test_novel")]
        rows.append(
            [
                kind,
                *(f"{percent(m['R@1, IoU=0.5'])} of {m['queries']}" for m in mine),
                f"{found['attention']['by_kind'][kind]:.1f} times",
            ]
        )
    return table(["kind of query", "test", "test_novel", "attention in the box"], rows)


def _ablations(name: str) -> Callable[[], str]:
    """Of what was trained; differences are to the full model's same seeds."""

    def made() -> str:
        rows = []
        for variant, found in load(name)["variants"].items():
            row = [variant, len(found["seeds"])]
            for split in ("test", "test_novel"):
                each = found[split]
                row.append(percent(each["mean"], each["interval"]))
                away = percent(each["difference"], each["difference_interval"])
                row.append("" if variant == "full" else away)
            rows.append(row)
        head = ["", "seeds", "test", "difference", "test_novel", "difference"]
        return table(head, rows)

    return made


def _trainings() -> str:
    """What each training of SLTA on the made world ended with, by the program that made
    it. What was called padded nouns is their sum."""
    name = "R@1, IoU=0.5"
    later, between = load("shapes"), load("variants")

    def of_model(model: str) -> tuple[str, list[float]]:
        seeds = between["models"][model]["test"][name]["seeds"]
        return between["made_by"]["commit"], seeds

    found = [
        ("mean", *_of_variant(load("ablations"), "full")),
        ("mean", *of_model("shapes_slta")),
        ("mean", *_of_variant(later, "mean nouns")),
        ("sum", *of_model("shapes_slta_padded_nouns")),
        ("sum", *_of_variant(later, "full")),
    ]
    rows = [
        [nouns, commit, "; ".join(percent(value) for value in values)]
        for nouns, commit, values in found
    ]
    return table(["nouns", "trained at commit", f"{name}, test, seeds 0, 1, 2"], rows)


def _of_variant(found: dict[str, Any], variant: str) -> tuple[str, list[float]]:
    (commit,) = found["runs_at_commits"]
    return commit, found["variants"][variant]["test"]["R@1, IoU=0.5"]


def _variants() -> str:
    """SLTA on the made world without a part or with a fault, all at one commit."""
    rows = []
    whole = load("variants")
    diverged = {each["experiment"]: each for each in whole["diverged"]}
    for name in VARIANTS:
        row = [f"`{name}`"]
        if at := diverged.get(name):
            row += [f"diverged at batch {at['batch']} of {at['steps']}", "", "", ""]
            rows.append([*row, f"{percent(at['val'])} until then"])
        elif model := whole["models"].get(name):
            for split in ("test", "test_novel"):
                each = model[split]["R@1, IoU=0.5"]
                row.append(percent(each["mean"], each["interval"]))
                row.append(percent(each["difference"], each["difference_interval"]))
            rows.append([*row, percent(model["tried"][0]["val"])])
    head = ["experiment", "test", "difference", "test_novel", "difference", "val"]
    return table(head, rows)


def _ways() -> str:
    name = "R@1, IoU=0.5"
    rows = [
        [
            way,
            *(
                percent(each[split][name]["mean"], each[split][name]["interval"])
                for split in ("test", "test_novel")
            ),
            percent(
                each["test"][name]["difference"],
                each["test"][name]["difference_interval"],
            )
            if place
            else "",
            f"{each['seconds']:.0f} s",
        ]
        for place, (way, each) in enumerate(load("ways")["ways"].items())
    ]
    head = ["way", f"{name}, test", "test_novel", "difference on test", "training"]
    return table(head, rows)


def _scoring() -> str:
    found = load("scoring")["search"]
    rows = [[name, f"{value} s"] for name, value in found["unavoidable_s"].items()]
    rows.append(["everything", f"{found['seconds']} s"])
    rows.append(
        [
            f"one pair at a time, {found['one_pair_ms']} ms each, for all "
            f"{found['pairs']} pairs",
            f"{found['one_at_a_time_s']} s",
        ]
    )
    return table(["part", "time"], rows)


def _memory() -> str:
    rows = [
        [f"`{name}`", each["frames"], each["pairs"], f"{each['peak_memory_gb']} GB"]
        for name, each in load("memory").items()
        if name != "about"
    ]
    head = ["experiment", "frames of the longest window", "pairs", "memory of a step"]
    return table(head, rows)


TABLES: dict[str, Callable[[], str]] = {
    "learned": _learned,
    "kinds": _kinds,
    "ablations": _ablations("ablations"),
    "summed-nouns": _ablations("shapes"),
    "trainings": _trainings,
    "variants": _variants,
    "ways": _ways,
    "scoring": _scoring,
    "memory": _memory,
    "about-shapes": _about_runs("shapes"),
    "about-ablations": _about_runs("ablations"),
    "about-variants": lambda: made_by("variants"),
    "about-ways": lambda: measured("ways"),
    "about-scoring": lambda: measured("scoring"),
    "about-memory": lambda: measured("memory"),
}
