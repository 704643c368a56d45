"""Tables in the docs, made from what was measured.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``.
"""

import json
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.models import VARIANTS
from slta.experiments import paper_models
from slta.protocols import PROTOCOLS

RESULTS = Path(__file__).parent / "results"
PAGES = (
    *("README.md", "docs/results.md", "docs/reproducing.md"),
    *("docs/protocols.md", "docs/features.md", "docs/models.md", "docs/comparison.md"),
)
PLACE = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Row = dict[str, Any]


def write(root: Path) -> None:
    for page in PAGES:
        path = root / page
        path.write_text(filled(path.read_text()))


def filled(page: str) -> str:
    """The page with every table made anew."""
    return PLACE.sub(lambda m: f"{m[1]}{TABLES[m[2]]().rstrip()}\n{m[3]}", page)


def _load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def _measured(name: str) -> str:
    about = _load(name)["about"]
    return (
        f"\nMeasured with `{about['command']}` at commit {about['commit']}, "
        f"{about['date']}, on {about['machine']}.\n"
    )


def _hits(rows: list[Row]) -> int:
    return sum(row["iou"] >= 0.5 for row in rows)


def _goals() -> str:
    found, speed = _load("questions"), _load("speed")
    photo, real = found["photo_film"], found["video_film"]
    absent = [found["absent_from_photo_film"], found["absent_from_video_film"]]
    bottle = sum(found["bottle"][0]["overlap"])
    first, again = speed["first_search_shell"], speed["second_search_shell"]
    refused = " and ".join(
        str(sum(not row["clear"] for row in rows)) for rows in absent
    )
    doubted = sum(not row["clear"] for row in photo)
    return _table(
        ["what", "goal", "measured"],
        [
            [
                "film of photographs: right at rank 1, IoU ≥ 0.5",
                "8 of 10",
                f"{_hits(photo)} of {len(photo)}",
            ],
            [
                "film of real videos: right at rank 1, IoU ≥ 0.5",
                "5 of 7",
                f"{_hits(real)} of {len(real)}",
            ],
            [
                "a hand picks up a bottle: of the first 3 moments, with a hand",
                "3",
                bottle,
            ],
            [
                "not in the film: told so (photographs; real videos)",
                "4 of 5",
                f"{refused} of 5",
            ],
            [
                "in the film of photographs, but told that it is not",
                "at most 2 of 10",
                f"{doubted} of {len(photo)}",
            ],
            [
                "extraction, 640 x 360 H.264, 2 samples a second",
                "40 times real time",
                f"{speed['extraction_times_real_time']} times",
            ],
            [
                "peak memory, 1 minute; 2 hours",
                "under 1 GB",
                f"{first['minute']['peak_memory_mb']} MB; "
                f"{first['two_hours']['peak_memory_mb']} MB",
            ],
            [
                "second search from the shell, 92 s film; 2 hours",
                "under 3 s",
                f"{again['film']['seconds']} s; {again['two_hours']['seconds']} s",
            ],
            [
                "second search in Python, 92 s film; 2 hours",
                "30 ms",
                f"{speed['second_search_python_ms']['film']} ms; "
                f"{speed['second_search_python_ms']['two_hours']} ms",
            ],
        ],
    )


def _answers(name: str) -> Callable[[], str]:
    def table() -> str:
        rows = _load("questions")[name]
        return _table(
            ["sentence", "first moment", "truth", "IoU", "confidence", "clear match"],
            [
                [
                    row["query"],
                    _span(row["first"]),
                    _span(row["truth"]) if "truth" in row else "none",
                    row.get("iou", ""),
                    row["confidence"],
                    "yes" if row["clear"] else "no",
                ]
                for row in rows
            ],
        )

    return table


def _parts() -> str:
    kinds = ("photo_film", "video_film", "bottle")
    return _table(
        ["", "films of photographs", "film of real videos", "first 3 with a hand"],
        [
            [row["part"], *(f"{row[k]['right']} of {row[k]['of']}" for k in kinds)]
            for row in _load("parts")["parts"]
        ],
    )


def _percent(value: float, interval: list[float] | None = None) -> str:
    shown = f"{100 * value:.1f}"
    if interval is None:
        return shown
    return f"{shown} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def _counted(parameters: int) -> str:
    if parameters < 1e5:
        return f"{parameters / 1e3:.1f} thousand"
    return f"{parameters / 1e6:.{1 if parameters >= 1e7 else 2}f} million"


def _learned() -> str:
    found, cost = _load("shapes"), _load("scoring")
    whole = [
        v for name, v in found["variants"].items() if name in ("full", "mean nouns")
    ]
    full, looked = found["variants"]["full"], found["attention"]
    seeds = f"{len(full['seeds'])} seed" + "s" * (len(full["seeds"]) > 1)
    blind = found["without video"]["test"]
    search, training = cost["search"], cost["training"]
    name = "R@1, IoU=0.5"
    return _table(
        ["what", "goal", "measured"],
        [
            [
                f"SLTA on the made world, {name}, test; test_novel ({seeds})",
                "70; 50",
                f"{_percent(full['test']['mean'], full['test']['interval'])}; "
                f"{_percent(full['test_novel']['mean'], full['test_novel']['interval'])}",
            ],
            [
                "moment prior; query only, on the same test",
                "at most 15",
                "; ".join(
                    _percent(blind[kind][name]["value"], blind[kind][name]["interval"])
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
                f"({_percent(looked['inside'], looked['inside_interval'])} % of it in "
                f"{_percent(looked['area'])} %)",
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
                f"{training['peak_memory_gb']} GB, {training['step_s']} s, "
                f"{training['times_faster']} times as fast as one pair at a time",
            ],
        ],
    )


def _about_runs(name: str) -> Callable[[], str]:
    def told() -> str:
        trained = ", ".join(_load(name)["runs_at_commits"])
        return _measured(name).rstrip() + f" Trained at commit {trained}.\n"

    return told


def _kinds() -> str:
    found = _load("shapes")
    rows = []
    for kind in found["kinds"]["test"]:
        mine = [found["kinds"][split][kind] for split in ("test", "test_novel")]
        rows.append(
            [
                kind,
                *(f"{_percent(m['R@1, IoU=0.5'])} of {m['queries']}" for m in mine),
                f"{found['attention']['by_kind'][kind]:.1f} times",
            ]
        )
    return _table(["kind of query", "test", "test_novel", "attention in the box"], rows)


def _ablations(name: str) -> Callable[[], str]:
    """Of what was trained; differences are to the full model's same seeds."""

    def table() -> str:
        rows = []
        for variant, found in _load(name)["variants"].items():
            row = [variant, len(found["seeds"])]
            for split in ("test", "test_novel"):
                each = found[split]
                row.append(_percent(each["mean"], each["interval"]))
                away = _percent(each["difference"], each["difference_interval"])
                row.append("" if variant == "full" else away)
            rows.append(row)
        head = ["", "seeds", "test", "difference", "test_novel", "difference"]
        return _table(head, rows)

    return table


def _memory() -> str:
    rows = [
        [f"`{name}`", each["frames"], each["pairs"], f"{each['peak_memory_gb']} GB"]
        for name, each in _load("memory").items()
        if name != "about"
    ]
    head = ["experiment", "frames of the longest window", "pairs", "memory of a step"]
    return _table(head, rows)


def _trainings() -> str:
    """What each training of SLTA on the made world ended with, by the program that made
    it. What was called padded nouns is their sum."""
    name = "R@1, IoU=0.5"
    later, between = _load("shapes"), _load("variants")
    rows = [
        [nouns, commit, "; ".join(_percent(value) for value in values)]
        for nouns, commit, values in (
            (
                "mean",
                *_of_full(_load("ablations"), "full"),
            ),
            (
                "mean",
                between["made_by"]["commit"],
                between["models"]["shapes_slta"]["test"][name]["seeds"],
            ),
            ("mean", *_of_full(later, "mean nouns")),
            (
                "sum",
                between["made_by"]["commit"],
                between["models"]["shapes_slta_padded_nouns"]["test"][name]["seeds"],
            ),
            ("sum", *_of_full(later, "full")),
        )
    ]
    return _table(["nouns", "trained at commit", f"{name}, test, seeds 0, 1, 2"], rows)


def _of_full(found: dict[str, Any], variant: str) -> tuple[str, list[float]]:
    (commit,) = found["runs_at_commits"]
    return commit, found["variants"][variant]["test"]["R@1, IoU=0.5"]


def _variants() -> str:
    """SLTA on the made world without a part or with a fault, all at one commit."""
    rows = []
    whole = _load("variants")
    diverged = {each["experiment"]: each for each in whole["diverged"]}
    for name in VARIANTS:
        row = [f"`{name}`"]
        if at := diverged.get(name):
            row += [f"diverged at batch {at['batch']} of {at['steps']}", "", "", ""]
            rows.append([*row, f"{_percent(at['val'])} until then"])
        elif model := whole["models"].get(name):
            for split in ("test", "test_novel"):
                each = model[split]["R@1, IoU=0.5"]
                row.append(_percent(each["mean"], each["interval"]))
                row.append(_percent(each["difference"], each["difference_interval"]))
            rows.append([*row, _percent(model["tried"][0]["val"])])
    head = ["experiment", "test", "difference", "test_novel", "difference", "val"]
    return _table(head, rows)


def _scoring() -> str:
    found = _load("scoring")["search"]
    rows = [[name, f"{value} s"] for name, value in found["unavoidable_s"].items()]
    rows.append(["everything", f"{found['seconds']} s"])
    rows.append(
        [
            f"one pair at a time, {found['one_pair_ms']} ms each, for all "
            f"{found['pairs']} pairs",
            f"{found['one_at_a_time_s']} s",
        ]
    )
    return _table(["part", "time"], rows)


def _parity() -> str:
    return _table(
        ["what was measured", "protocol", "queries", "numbers given", "equal here"],
        [
            [row["reference"], f"`{row['protocol']}`"]
            + [row[name] for name in ("queries", "numbers", "equal")]
            for row in _load("protocols")["parity"]
        ],
    )


def _parity_numbers() -> str:
    """Those that the command prints."""
    rows = []
    for row in _load("protocols")["parity"]:
        protocol = PROTOCOLS[row["protocol"]]
        printed = {*chain(*protocol.log), *protocol.shown}
        for name, (theirs, ours) in row["theirs_and_ours"].items():
            if name in printed:
                rows.append([f"`{row['protocol']}`", name, theirs, ours])
    return _table(["protocol", "measure", "theirs", "ours"], rows)


def _by_protocol() -> str:
    found = _load("protocols")["by_protocol"]
    names = list(next(iter(next(iter(found.values())).values())))
    return _table(
        ["answers", "protocol", *names],
        [
            [answers, line, *(f"{values[name]:.2f}" for name in names)]
            for answers, lines in found.items()
            for line, values in lines.items()
        ],
    )


def _exactly() -> str:
    return _table(
        ["first answers of", "of them", "IoU exactly 0.5", "IoU exactly 0.7"],
        [
            [name, each["answers"], each["IoU=0.5"], each["IoU=0.7"]]
            for name, each in _load("protocols")["exactly"].items()
        ],
    )


def _didemo_prior() -> str:
    found = _load("protocols")["moment_prior"]
    names = [f"R@{n}, IoU={iou}" for n in (1, 5) for iou in (0.5, 0.7)]
    return _table(
        ["right is", *names],
        [
            [
                line.removeprefix("acrn-didemo, test, "),
                *(f"{v[name]:.2f}" for name in names),
            ]
            for line, v in found.items()
            if names[0] in v
        ],
    )


def _nouns() -> str:
    rows = []
    for name, found in _load("nouns")["sets"].items():
        sentences, both = found["sentences"], found["both"]
        every = both + found["only theirs"] + found["only ours"]
        rows.append(
            [
                name,
                sentences,
                f"{_percent(found['equal'] / sentences)} %",
                f"{_percent(found['equal but for pronouns'] / sentences)} %",
                f"{_percent(both / every)} %",
            ]
        )
    head = ["", "sentences", "the same nouns", "but for pronouns", "of all nouns"]
    return _table(head, rows)


def _noun_kinds() -> str:
    rows = [
        [
            name,
            kind["kind"],
            kind["words"],
            ", ".join(f"{word} {often}" for word, often in kind["most_often"]),
            kind["example"],
        ]
        for name, found in _load("nouns")["sets"].items()
        for kind in found["kinds"]
    ]
    return _table(["", "only", "words", "most often", "such as"], rows)


def _extractors() -> str:
    rows = [
        [
            f"`{each['name']}`",
            each["frame"],
            f"{each['regions'][0]} of {each['regions'][1]}",
            f"{each['seconds_a_sample']} s",
            f"{each['times_cells']} times",
        ]
        for each in _load("extractors")["extractors"]
    ]
    head = ["extractor", "a frame", "regions", "a sample", "as long as `cells`"]
    return _table(head, rows)


def _parameters() -> str:
    found = _load("parameters")
    sizes = ", ".join(f"{name} {size}" for name, size in found["sizes"].items())
    rows = [[f"`{name}`", _counted(count)] for name, count in found["models"].items()]
    return _table(["model", f"numbers that it learns ({sizes})"], rows)


def _paper_training() -> str:
    """Of the experiments on the paper's data sets, one number where it is the same."""
    rows = []
    for model in paper_models.models("tacos"):
        found = [paper_models.models(data)[model][1] for data in paper_models.DATA]
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
    data = ", ".join(paper_models.DATA)
    head = "model", "queries a batch", "learning rate", f"steps ({data})"
    return _table([*head], rows)


def _models(name: str, split: str) -> Callable[[], str]:
    """What every model reaches, and those that see no video."""

    def table() -> str:
        found = _load(name)
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
                    _percent(watched["mean"], watched["interval"]),
                    f"{len(seeds)}: {' '.join(f'{share:.1f}' for share in seeds)}",
                    ""
                    if first
                    else _percent(
                        watched["difference"], watched["difference_interval"]
                    ),
                    *(_percent(row[column]["mean"]) for column in columns),
                    _percent(row["mIoU"]["mean"]),
                ]
            )
        for kind, answers in found["without video"][split].items():
            watched = answers["R@1, IoU=0.5"]
            others = (
                _percent(answers[column]["value"]) for column in (*columns, "mIoU")
            )
            rows.append(
                [kind, _percent(watched["value"], watched["interval"]), "", "", *others]
            )
        head = ["experiment", "R@1, IoU=0.5", "seeds", "against the first"]
        return _table([*head, *columns, "mIoU"], rows)

    return table


def _models_short() -> str:
    found, name = _load("composites"), "R@1, IoU=0.5"
    rows = [
        [
            model.removeprefix("composites_"),
            *(
                _percent(each[split][name]["mean"], each[split][name]["interval"])
                for split in found["splits"]
            ),
        ]
        for model, each in found["models"].items()
        if model not in VARIANTS
    ]
    rows += [
        [
            kind,
            *(
                _percent(
                    found["without video"][split][kind][name]["value"],
                    found["without video"][split][kind][name]["interval"],
                )
                for split in found["splits"]
            ),
        ]
        for kind in found["without video"][found["splits"][0]]
    ]
    return _table([name, *found["splits"]], rows)


def _model_costs(name: str) -> Callable[[], str]:
    """What was chosen on val, and what every model costs."""

    def table() -> str:
        rows = [
            [
                f"`{model}`",
                ", ".join(
                    f"{_percent(tried['val'])} at {tried['learning_rate']:g}"
                    for tried in each["tried"]
                ),
                _percent(each["train"]),
                _counted(each["parameters"]),
                f"{sum(each['seconds']) / len(each['seconds']):.0f} s",
                f"{each['query_ms']:.1f} ms",
            ]
            for model, each in _load(name)["models"].items()
        ]
        head = "experiment", "R@1, IoU=0.5 on val, at learning rate", "on train"
        return _table([*head, "parameters", "training", "a query"], rows)

    return table


def _made_by(name: str) -> str:
    found = _load(name)
    made = found["made_by"]
    hours = sum(sum(each["seconds"]) for each in found["models"].values()) / 3600
    counts = {len(each["seconds"]) for each in found["models"].values()}
    fewer = "" if len(counts) == 1 else ", or the first of them as the table says"
    return (
        _measured(name).rstrip()
        + f" Trained at commit {made['commit']}, with seeds "
        + f"{', '.join(map(str, found['seeds']))}{fewer}, one thread a run; the runs of "
        + f"the table took {hours:.1f} hours together.\n"
    )


def _ways() -> str:
    name = "R@1, IoU=0.5"
    rows = [
        [
            way,
            *(
                _percent(each[split][name]["mean"], each[split][name]["interval"])
                for split in ("test", "test_novel")
            ),
            _percent(
                each["test"][name]["difference"],
                each["test"][name]["difference_interval"],
            )
            if place
            else "",
            f"{each['seconds']:.0f} s",
        ]
        for place, (way, each) in enumerate(_load("ways")["ways"].items())
    ]
    head = ["way", f"{name}, test", "test_novel", "difference on test", "training"]
    return _table(head, rows)


def _layout_sizes() -> str:
    rows = [
        [
            each["data set"],
            each["setting"],
            f"{each['given_bytes'] / 1e6:.0f} MB",
            f"{each['stored_bytes'] / 1e6:.0f} MB",
            f"{each['times_smaller']} times",
        ]
        for each in _load("layouts")["sizes"]
    ]
    head = ["videos as long as of", "kept", "release's files", "store", "smaller"]
    return _table(head, rows)


def _layout_reading() -> str:
    rows = [
        [
            name,
            each["store"],
            each["unpickled"],
            f"{each['times unpickled']} times",
            f"{each['times unpickled, without making a batch']} times",
            each["copied"],
            f"{each['times unpickled, of copying']} times",
        ]
        for name, each in _load("layouts")["reading"].items()
    ]
    return _table(
        [
            "videos as long as of",
            "samples a second from the store",
            "each video unpickled",
            "faster",
            "than unpickling alone",
            "as many bytes copied in memory",
            "faster than unpickling",
        ],
        rows,
    )


def _planted() -> str:
    worlds = _load("planted")["noise"]
    (prior, *_) = (found["moment prior"] for found in worlds.values())
    rows = [["", "(the moment prior)", "", _share(prior), "", ""]]
    for noise, found in worlds.items():
        for each in found["settings"]:
            value = _share(each["R@1, IoU=0.5"])
            smaller = f"{each['times_smaller']} times"
            seeds = " ".join(_percent(share) for share in each["seeds"])
            rows.append([noise, each["setting"], smaller, value, seeds, ""])
        rows[-1][-1] = _share(found["difference"], sign="+")
    head = "noise", "kept", "smaller", "R@1, IoU=0.5", "seeds", "more than with all"
    return _table([*head], rows)


def _about_planted() -> str:
    found = _load("planted")
    real = found["real videos"]
    counts = next(iter(found["noise"].values()))["counts"]
    train, test = counts["train"], counts["test"]
    low, high = (end(real["correlation"].values()) for end in (min, max))
    return (
        f"{_measured('planted').rstrip()} Trained with {train['queries']} queries of "
        f"{train['videos']} videos, measured on {test['queries']} of {test['videos']}. "
        f"From one frame to the next at {real['rate_hz']:g} Hz, regions of the "
        f"{len(real['correlation'])} real videos are correlated by {low:.2f} to "
        f"{high:.2f}, on average {real['mean']:.2f}.\n"
    )


def _share(found: Row, sign: str = "") -> str:
    """In percent, with its interval."""
    low, high = (100 * end for end in found["interval"])
    return f"{100 * found['value']:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


def _pairs() -> str:
    found = _load("pairs")
    rows = [
        [
            f"training pairs of {name}, equal to the release's",
            "98 %",
            f"{_two(each['share'])} % ({each['equal']}; the release has "
            f"{each['released']}, made anew {each['made']})",
        ]
        for name, each in found["sets"].items()
    ]
    unfitted = f"{_two(found['unfitted_share'])} %"
    rows.append(["Charades-STA, without the rule fitted below", "", unfitted])
    seconds = f"{found['check']['seconds']} s"
    rows.append(
        ["checking Charades-STA's annotations, all but starting", "under 10 s", seconds]
    )
    return _table(["what", "goal", "measured"], rows)


def _differences() -> str:
    sides = {"only_made": "made anew only", "only_released": "in the release only"}
    return _table(
        ["data set", "pairs", "where", "reason"],
        [
            [name, count, shown, reason]
            for name, each in _load("pairs")["sets"].items()
            for side, shown in sides.items()
            for reason, count in each[side].items()
        ],
    )


def _two(share: float) -> str:
    return f"{100 * share:.2f}"


def _span(seconds: list[float]) -> str:
    return f"{seconds[0]:.1f}-{seconds[1]:.1f} s"


TABLES: dict[str, Callable[[], str]] = {
    "goals": _goals,
    "photo-film": _answers("photo_film"),
    "video-film": _answers("video_film"),
    "absent-photo": _answers("absent_from_photo_film"),
    "absent-video": _answers("absent_from_video_film"),
    "parts": _parts,
    "learned": _learned,
    "kinds": _kinds,
    "ablations": _ablations("ablations"),
    "summed-nouns": _ablations("shapes"),
    "memory": _memory,
    "about-memory": lambda: _measured("memory"),
    "trainings": _trainings,
    "variants": _variants,
    "about-variants": lambda: _made_by("variants"),
    "scoring": _scoring,
    "parity": _parity,
    "parity-numbers": _parity_numbers,
    "by-protocol": _by_protocol,
    "exactly": _exactly,
    "didemo-prior": _didemo_prior,
    "extractors": _extractors,
    "about-extractors": lambda: _measured("extractors"),
    "layout-sizes": _layout_sizes,
    "layout-reading": _layout_reading,
    "about-layouts": lambda: _measured("layouts"),
    "planted": _planted,
    "about-planted": _about_planted,
    "paper-training": _paper_training,
    "composites-test": _models("composites", "test"),
    "composites-novel": _models("composites", "test_novel"),
    "composites-short": _models_short,
    "composites-costs": _model_costs("composites"),
    "about-composites": lambda: _made_by("composites"),
    "ways": _ways,
    "about-ways": lambda: _measured("ways"),
    "models-test": _models("models", "test"),
    "models-novel": _models("models", "test_novel"),
    "models-costs": _model_costs("models"),
    "about-models": lambda: _made_by("models"),
    "nouns": _nouns,
    "noun-kinds": _noun_kinds,
    "about-nouns": lambda: _measured("nouns"),
    "pairs": _pairs,
    "parameters": _parameters,
    "pair-differences": _differences,
    "about-pairs": lambda: _measured("pairs"),
    "about-shapes": _about_runs("shapes"),
    "about-ablations": _about_runs("ablations"),
    "about-protocols": lambda: _measured("protocols"),
    "about-scoring": lambda: _measured("scoring"),
    "about-parts": lambda: _measured("parts"),
    "about-questions": lambda: _measured("questions"),
    "about-speed": lambda: _measured("speed"),
}
