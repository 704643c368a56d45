"""Models on one data set."""

from collections.abc import Callable
from itertools import product

from benchmarks.tables.cells import Row, counted, load, measured, percent, table
from slta.experiments import DATA

SPLITS = "test", "test_novel"


def _models(name: str, split: str) -> Callable[[], str]:
    """What every model reaches, and those that see no video."""

    def made() -> str:
        found = load(name)
        columns = ["R@1, IoU=0.3", "R@1, IoU=0.7"]
        columns += [f"R@5, IoU={iou}" for iou in (0.3, 0.5, 0.7)]
        rows = []
        for model, each in found["models"].items():
            row = each[split]
            watched = row["R@1, IoU=0.5"]
            seeds = [100 * share for share in watched["seeds"]]
            first = model == next(iter(found["models"]))
            rows.append(
                [
                    f"`{model}`",
                    percent(watched["mean"], watched["interval"]),
                    f"{len(seeds)}: {' '.join(f'{share:.1f}' for share in seeds)}",
                    ""
                    if first
                    else percent(watched["difference"], watched["difference_interval"]),
                    *(percent(row[column]["mean"]) for column in columns),
                    percent(row["mIoU"]["mean"]),
                ]
            )
        for kind, answers in found["without video"][split].items():
            watched = answers["R@1, IoU=0.5"]
            others = (
                percent(answers[column]["value"]) for column in (*columns, "mIoU")
            )
            rows.append(
                [kind, percent(watched["value"], watched["interval"]), "", "", *others]
            )
        head = ["experiment", "R@1, IoU=0.5", "seeds", "against the first"]
        return table([*head, *columns, "mIoU"], rows)

    return made


def _models_short() -> str:
    """Every model on both data sets."""
    name = "R@1, IoU=0.5"
    columns: dict[str, dict[str, str]] = {}
    for kind, found in (("shapes", load("models")), ("composites", load("composites"))):
        for split in found["splits"]:
            columns[f"{kind}, {split}"] = {
                model.removeprefix(f"{kind}_"): percent(
                    each[split][name]["mean"], each[split][name]["interval"]
                )
                for model, each in found["models"].items()
            } | {
                blind: percent(answers[name]["value"], answers[name]["interval"])
                for blind, answers in found["without video"][split].items()
            }
    *_, last = columns.values()
    rows = [
        [model, *(each.get(model, "") for each in columns.values())] for model in last
    ]
    return table([name, *columns], rows)


def _differences(models: Row, *ious: float) -> str:
    """Each to the first."""
    rows: list[list[object]] = []
    for model, each in models.items():
        row = [f"`{model}`", len(each["seeds"])]
        for iou, split in product(ious, SPLITS):
            found = each[split][f"R@1, IoU={iou}"]
            row.append(percent(found["mean"], found["interval"]))
            away = percent(found["difference"], found["difference_interval"])
            row.append(away if rows else "")
        rows.append(row)
    head = ["experiment", "seeds"]
    for iou, split in product(ious, SPLITS):
        head += [f"{split}, IoU={iou}", "difference"]
    return table(head, rows)


def _about_earlier(name: str) -> Callable[[], str]:
    """Of the runs of an earlier program."""

    def made() -> str:
        found = load("earlier")[name]
        about = found["about"]
        return (
            f"\nMeasured with `{about['command']}` at commit {about['commit']}, "
            f"{about['date']}, on {about['machine']}. Trained at commit "
            f"{found['commit']}.\n"
        )

    return made


def _model_costs(name: str) -> Callable[[], str]:
    """What was chosen on val, and what every model costs."""

    def made() -> str:
        rows = [
            [
                f"`{model}`",
                ", ".join(
                    f"{percent(tried['val'])} at {tried['learning_rate']:g}"
                    for tried in each["tried"]
                ),
                percent(each["train"]),
                counted(each["parameters"]),
                f"{sum(each['seconds']) / len(each['seconds']):.0f} s",
                f"{each['query_ms']:.1f} ms",
            ]
            for model, each in load(name)["models"].items()
        ]
        head = "experiment", "R@1, IoU=0.5 on val, at learning rate", "on train"
        return table([*head, "parameters", "training", "a query"], rows)

    return made


def made_by(name: str) -> str:
    found = load(name)
    made = found["made_by"]
    hours = sum(sum(each["seconds"]) for each in found["models"].values()) / 3600
    word = "seeds" if len(found["seeds"]) > 1 else "seed"
    counts = {len(each["seconds"]) for each in found["models"].values()}
    fewer = "" if len(counts) == 1 else ", or the first of them as the table says"
    return (
        measured(name).rstrip()
        + f" Trained at commit {made['commit']}, with {word} "
        + f"{', '.join(map(str, found['seeds']))}{fewer}, one thread a run; the runs of "
        + f"the table took {hours:.1f} hours together{_elsewhere(found)}.\n"
    )


def _elsewhere(found: Row) -> str:
    """Which runs were trained on another machine than what measured them."""
    there: dict[str, list[str]] = {}
    for name, each in found["models"].items():
        machines = each.get("machines", ())
        for seed, machine in zip(each["seeds"], machines, strict=False):
            if machine != found["machine"]:
                there.setdefault(machine, []).append(f"`{name}` with seed {seed}")
    return "".join(
        f"; on {machine}: {', '.join(runs)}" for machine, runs in there.items()
    )


def _slots() -> str:
    """The models with slots, one of them with more steps, and what sees no video."""
    found, name = load("models-slots"), "R@1, IoU=0.5"
    rows = _slot_rows(found["models"]) + _slot_rows(found["longer"]["models"])
    blind = found["without video"]
    for kind in blind[SPLITS[0]]:
        answers = (blind[split][kind][name] for split in SPLITS)
        shown = (percent(each["value"], each["interval"]) for each in answers)
        rows.append([kind, "", "", "", "", *shown])
    return table(SLOTS, rows)


def _slots_earlier() -> str:
    return table(SLOTS, _slot_rows(load("earlier")["models-slots"]["models"]))


SLOTS = [
    "experiment",
    "steps",
    "seeds",
    "on val, at learning rate",
    "on train",
    *SPLITS,
]


def _slot_rows(models: Row) -> list[list[object]]:
    name = "R@1, IoU=0.5"
    rows: list[list[object]] = []
    for model, each in models.items():
        tried = (
            f"{percent(one['val'])} at {one['learning_rate']:g}"
            for one in each["tried"]
        )
        rows.append(
            [
                *(f"`{model}`", each["steps"], len(each["seeds"]), ", ".join(tried)),
                percent(each["train"]),
                *(
                    percent(each[split][name]["mean"], each[split][name]["interval"])
                    for split in SPLITS
                ),
            ]
        )
    return rows


def _about_slots() -> str:
    found = load("models-slots")
    made = {each["made_by"]["commit"] for each in (found, found["longer"])}
    return (
        measured("models-slots").rstrip()
        + f" Trained at commit {' and '.join(sorted(made))}, one thread a run.\n"
    )


def _parameters() -> str:
    found = load("parameters")
    sizes = ", ".join(f"{name} {size}" for name, size in found["sizes"].items())
    rows = [[f"`{name}`", counted(count)] for name, count in found["models"].items()]
    return table(["model", f"numbers that it learns ({sizes})"], rows)


def _paper_training() -> str:
    """Of the experiments on the paper's data sets, one number where it is the same."""
    rows = []
    for model in DATA["tacos"].recipes:
        found = [DATA[data].recipes[model].training for data in PAPERS]
        columns = [
            [f"{each.queries}" for each in found],
            [f"{each.learning_rate:g}" for each in found],
            [f"{each.steps}" for each in found],
        ]
        cells = (
            column[0] if len({*column}) == 1 else ", ".join(column)
            for column in columns
        )
        rows.append([f"`{model}`", *cells])
    data = ", ".join(PAPERS)
    head = "model", "queries a batch", "learning rate", f"steps ({data})"
    return table([*head], rows)


PAPERS = ("charades_sta", "tacos", "didemo")
TABLES: dict[str, Callable[[], str]] = {
    "composites-test": _models("composites", "test"),
    "composites-novel": _models("composites", "test_novel"),
    "models-short": _models_short,
    "composites-costs": _model_costs("composites"),
    "composites-parts": lambda: _differences(
        load("composites-parts")["models"], 0.5, 0.7
    ),
    "about-composites-parts": lambda: made_by("composites-parts"),
    "composites-faults": lambda: _differences(load("composites-faults")["models"], 0.5),
    "composites-earlier": lambda: _differences(
        load("earlier")["composites"]["models"], 0.5
    ),
    "about-composites-earlier": _about_earlier("composites"),
    "about-composites-faults": lambda: made_by("composites-faults"),
    "about-composites": lambda: made_by("composites"),
    "models-test": _models("models", "test"),
    "models-novel": _models("models", "test_novel"),
    "models-costs": _model_costs("models"),
    "about-models": lambda: made_by("models"),
    "models-slots": _slots,
    "about-models-slots": _about_slots,
    "models-slots-earlier": _slots_earlier,
    "about-models-slots-earlier": _about_earlier("models-slots"),
    "parameters": _parameters,
    "paper-training": _paper_training,
}
