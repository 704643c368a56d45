"""SLTA on the made world, and what it costs at the paper's sizes."""

from collections.abc import Callable
from typing import Any

from benchmarks.tables.cells import load, measured, percent, table


def _learned() -> str:
    found, cost = load("shapes"), load("scoring")
    memory = load("memory")["charades_sta_slta"]
    model, looked = load("models")["models"]["shapes_slta"], found["attention"]
    seeds = len(model["seeds"])
    blind = found["without video"]["test"]
    search, training = cost["search"], cost["training"]
    name = "R@1, IoU=0.5"
    reached = [model[split][name] for split in ("test", "test_novel")]
    return table(
        ["what", "goal", "measured"],
        [
            [
                f"SLTA on the made world, {name}, test; test_novel ({seeds} seeds)",
                "70; 50",
                "; ".join(percent(each["mean"], each["interval"]) for each in reached),
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
                f"{min(model['seconds']) / 60:.0f} min",
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


def _about_shapes() -> str:
    trained = ", ".join(load("shapes")["runs_at_commits"])
    return measured("shapes").rstrip() + f" Trained at commit {trained}.\n"


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


def _ablations() -> str:
    """Of what was trained; differences are to the full model's same seeds."""
    rows = []
    earlier = load("earlier")["ablations"]
    for variant, found in load("shapes")["variants"].items():
        row = [variant, len(found["seeds"])]
        for split in ("test", "test_novel"):
            each = found[split]
            row.append(percent(each["mean"], each["interval"]))
            row.append("" if variant == "full" else _difference(each))
        before = earlier.get(variant)
        rows.append([*row, _difference(before["test"]) if before else ""])
    head = ["", "seeds", "test", "difference", "test_novel", "difference"]
    return table([*head, "on test, by an earlier program"], rows)


def _difference(found: dict[str, Any]) -> str:
    return percent(found["difference"], found["difference_interval"])


def _ablations_by_kind() -> str:
    """Of the first seed of each."""
    rows = []
    for variant, found in load("shapes")["variants"].items():
        kinds = [found[split]["kinds"] for split in ("test", "test_novel")]
        cells = (
            "; ".join(percent(each[kind]["R@1, IoU=0.5"]) for each in kinds)
            for kind in kinds[0]
        )
        rows.append([variant, *cells])
    return table(["test; test_novel", *kinds[0]], rows)


def _trainings() -> str:
    """What each training of SLTA on the made world ended with, by the program that made
    it, those of earlier programs among them."""
    name = "R@1, IoU=0.5"
    found, (commit,) = load("shapes"), load("shapes")["runs_at_commits"]
    rows = [*load("earlier")["trainings"]]
    for nouns, variant in (("mean", "mean nouns"), ("sum", "full")):
        shares = found["variants"][variant]["test"][name]
        rate = found["learning_rate"]
        rows.append({"nouns": nouns, "rate": rate, "commit": commit, name: shares})
    usual = load("models")
    rows.append(
        {
            "nouns": "sum",
            "rate": usual["models"]["shapes_slta"]["learning_rate"],
            "commit": usual["made_by"]["commit"],
            name: usual["models"]["shapes_slta"]["test"][name]["seeds"],
        }
    )
    return table(
        ["nouns", "learning rate", "trained at commit", f"{name}, test, seeds 0, 1, 2"],
        [
            [
                row["nouns"],
                row["rate"],
                row["commit"],
                "; ".join(map(percent, row[name])),
            ]
            for row in sorted(rows, key=lambda row: str(row["nouns"]))
        ],
    )


def _faults() -> str:
    """SLTA with a fault of the release, by an earlier program and with the mean."""
    rows = []
    for fault, found in load("earlier")["faults"]["variants"].items():
        row = [f"`shapes_slta_{fault}`"]
        val = percent(found["val"])
        if "batch" in found:
            at = f"diverged at batch {found['batch']} of {found['steps']}"
            rows.append([*row, at, "", "", "", f"{val} until then"])
            continue
        for split in ("test", "test_novel"):
            row.append(percent(found[split]["mean"], found[split]["interval"]))
            row.append(_difference(found[split]))
        rows.append([*row, val])
    head = ["experiment", "test", "difference", "test_novel", "difference", "val"]
    return table(head, rows)


def _about_earlier() -> str:
    found = load("earlier")
    told = " and ".join(
        f"`{about['command']}` at commit {about['commit']}" for about in found["about"]
    )
    last = found["about"][-1]
    trained = [row["commit"] for row in found["trainings"]]
    return (
        f"\nWhat is of earlier programs was measured with {told}, {last['date']}, on "
        f"{last['machine']}. Trained at commits {' and '.join(dict.fromkeys(trained))}; "
        f"the faults at {found['faults']['commit']}, with seed 0.\n"
    )


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
    "ablations": _ablations,
    "ablations-by-kind": _ablations_by_kind,
    "trainings": _trainings,
    "faults": _faults,
    "ways": _ways,
    "scoring": _scoring,
    "memory": _memory,
    "about-shapes": _about_shapes,
    "about-earlier": _about_earlier,
    "about-ways": lambda: measured("ways"),
    "about-scoring": lambda: measured("scoring"),
    "about-memory": lambda: measured("memory"),
}
