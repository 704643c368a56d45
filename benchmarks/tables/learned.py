"""SLTA on the made world, and what it costs at the paper's sizes."""

from collections.abc import Callable
from typing import Any

from benchmarks.tables.cells import load, measured, percent, table
from slta.experiments.variants import FAULTS as FAULT_NAMES

FAULTS = tuple(fault.replace("_", " ") for fault in FAULT_NAMES)


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
    at: dict[str, list[str]] = {}
    for variants in load("shapes")["variants"].values():
        for variant, each in variants.items():
            for commit in each["commits"]:
                at.setdefault(commit, []).append(variant)
    usual, *others = at
    told = [f"{' and '.join(dict.fromkeys(at[each]))} at {each}" for each in others]
    trained = ", ".join([f"Trained at commit {usual}", *told])
    return f"{measured('shapes').rstrip()} {trained}.\n"


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
    """What the model is without a part; differences are to the full model's same seeds."""
    return _variants(lambda variant: variant not in FAULTS)


def _faults() -> str:
    return _variants(lambda variant: variant in ("full", *FAULTS))


def _variants(shown: Callable[[str], bool]) -> str:
    rows = []
    found, earlier = load("shapes"), load("earlier")["variants"]
    usual, first = (
        found["variants"][str(found[rate])] for rate in ("learning_rate", "first_rate")
    )
    for variant, each in usual.items():
        if not shown(variant):
            continue
        row = [variant, len(each["seeds"])]
        for split in ("test", "test_novel"):
            row.append(percent(each[split]["mean"], each[split]["interval"]))
            row.append("" if variant == "full" else _difference(each[split]))
        before = [] if variant == "full" else [first.get(variant), earlier.get(variant)]
        rows.append([*row, "; ".join(_before(one) for one in before if one)])
    head = ["", "seeds", "test", "difference", "test_novel", "difference"]
    return table([*head, "on test, of earlier trainings"], rows)


def _before(found: dict[str, Any]) -> str:
    if "batch" in found:
        return f"diverged at batch {found['batch']} of {found['steps']}"
    return _difference(found["test"])


def _difference(found: dict[str, Any]) -> str:
    return percent(found["difference"], found["difference_interval"])


def _ablations_by_kind() -> str:
    """Of the first seed of each."""
    rows = []
    found = load("shapes")
    for variant, each in found["variants"][str(found["learning_rate"])].items():
        kinds = [each[split]["kinds"] for split in ("test", "test_novel")]
        cells = (
            "; ".join(percent(one[kind]["R@1, IoU=0.5"]) for one in kinds)
            for kind in kinds[0]
        )
        rows.append([variant, *cells])
    return table(["test; test_novel", *kinds[0]], rows)


def _trainings() -> str:
    """What each training of SLTA on the made world ended with, by the program that made
    it, those of other programs among them."""
    name = "R@1, IoU=0.5"
    found, rows = load("shapes"), [*load("earlier")["trainings"]]
    rows += load("trainings")["trainings"]
    for rate in ("first_rate", "learning_rate"):
        for nouns, variant in (("mean", "mean nouns"), ("sum", "full")):
            each = found["variants"][str(found[rate])].get(variant)
            if each is not None:
                (commit,) = {*each["commits"]}
                row = {"nouns": nouns, "rate": found[rate], "commit": commit}
                rows.append({**row, name: each["test"][name]})
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


def _about_earlier() -> str:
    found = load("earlier")
    told = " and ".join(
        f"`{about['command']}` at commit {about['commit']}" for about in found["about"]
    )
    last = found["about"][-1]
    trained = [row["commit"] for row in found["trainings"]]
    return (
        f"\nWhat is of earlier programs was measured with {told}, {last['date']}, on "
        f"{last['machine']}. Trained at commits {' and '.join(dict.fromkeys(trained))}.\n"
    )


def _demo() -> str:
    head = ["seed", "SLTA", "moment prior", "query only", "best step", "CPU time"]
    rows = []
    for row in load("demo")["rows"]:
        hits = [
            row["answers"][name]["R@1, IoU=0.5"]
            for name in ("slta", "moment prior", "query only")
        ]
        shown = [percent(each["value"], each["interval"]) for each in hits]
        rows.append([row["seed"], *shown, row["step"], f"{row['cpu_s']:.0f} s"])
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
    "ablations": _ablations,
    "ablations-by-kind": _ablations_by_kind,
    "trainings": _trainings,
    "faults": _faults,
    "ways": _ways,
    "demo": _demo,
    "scoring": _scoring,
    "memory": _memory,
    "about-shapes": _about_shapes,
    "about-trainings": lambda: measured("trainings"),
    "about-earlier": _about_earlier,
    "about-ways": lambda: measured("ways"),
    "about-demo": lambda: measured("demo"),
    "about-scoring": lambda: measured("scoring"),
    "about-memory": lambda: measured("memory"),
}
