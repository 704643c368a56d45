"""What of a run is shared on the Hugging Face hub: its configuration without the places of
this machine, its weights, and a model card."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slta import hub
from slta.evaluation.protocols import PROTOCOLS
from slta.evaluation.result import Evaluation
from slta.experiments import FIRST_DATA, name_in
from slta.experiments.config import FeaturesConfig
from slta.features import parts
from slta.features.layouts import is_preextracted
from slta.runs.pulling import WEIGHTS
from slta.runs.run import Run

CARD = """{head}
# {title}

It finds the moment in a video that a sentence describes.

- Model: {model}, made with slta {version}
- Data: {data}, {steps} training steps
- Features: `{extractor}` (version {extractor_version}), {rate_hz:g} frames a second
- Words: {words}
- Licence: {licence}

## How to use it

    slta search film.mp4 "a dog on a beach" --checkpoint {name}{more}

```python
import slta

run = slta.load_run("{name}")
```

## Results

{results}
"""


def push(
    run: Run, name: str, *, licence: str | None = None, private: bool = False
) -> str:
    """Uploads what is shared of a run; returns its address.

    Raises ``InputError`` for a run without weights, and if the hub refuses.
    """
    return hub.upload(shared(run, name, licence), name, private=private)


def shared(run: Run, name: str, licence: str | None = None) -> dict[str, bytes]:
    """The files to upload, by name. ``name`` and ``licence`` are for the model card."""
    about = run.about
    config = without_places(run.read("config"), about.extractor)
    card = _card(run, config, name, licence)
    files = {
        "README.md": card.encode(),
        "config.json": (json.dumps(config, indent=1) + "\n").encode(),
        WEIGHTS: run.weights.read_bytes(),
    }
    if run.confidence is not None:
        files["confidence.json"] = (run.folder / "confidence.json").read_bytes()
    return files


def without_places(config: Mapping[str, Any], made_by: str) -> dict[str, Any]:
    """A run's configuration without folders of this machine, which others must give.

    ``made_by`` is the id of its extractor, which has a name on the hub, but no folder.
    """
    kept = {
        key: config[key] for key in ("name", "version", "model_from") if key in config
    }
    experiment: dict[str, Any] = json.loads(json.dumps(config["experiment"]))
    experiment.get("dataset", {}).pop("root", None)
    features = experiment.get("features", {})
    if name := features.get("extractor"):
        whole = [name] if is_preextracted(name) else parts(name)
        features["extractor"] = "+".join(
            _without_place(part, made_by) for part in whole
        )
    if words := features.get("words"):
        features["words"] = _without_place(words, "")
    return {**kept, "shared": True, "experiment": _bare(experiment)}


def _without_place(part: str, made_by: str) -> str:
    """``KIND:FILE,FILE`` without the files' folders; a name on the hub stays."""
    kind, colon, argument = part.partition(":")
    name = hub.HubName.parse(argument)
    if name is not None and f"{kind}:{name.repo}" in made_by:
        return part
    return kind + colon + ",".join(map(_bare_name, argument.split(",")))


def _bare_name(item: str) -> str:
    """Relative, so that it is not taken for a name on the hub."""
    if "/" in item or item.startswith("~") or os.path.lexists(item):
        return f"./{Path(item).name}"
    return item


def _bare(value: Any) -> Any:
    """JSON without absolute paths: of these, the last part is left."""
    if isinstance(value, dict):
        return {key: _bare(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    if isinstance(value, str) and (os.path.isabs(value) or value.startswith("~")):
        return f"./{Path(value).name}"
    return value


def _card(run: Run, config: dict[str, Any], name: str, licence: str | None) -> str:
    about, experiment = run.about, config["experiment"]
    features = experiment.get("features", {})
    extractor = features.get("extractor", about.extractor)
    more = ""
    if "./" in extractor:
        more += f" --extractor {extractor.replace('./', 'PLACE/')}"
    if "model_from" in config:
        more += " --model FILE.py:CLASS"
    return CARD.format(
        head=_head(run, experiment, name, licence),
        title=name.rpartition("/")[2],
        name=name,
        more=more,
        model=name_in(experiment, "model") or "slta",
        version=config.get("version", "unknown"),
        data=name_in(experiment, "dataset") or FIRST_DATA,
        steps=about.step,
        extractor=extractor,
        extractor_version=about.version,
        rate_hz=features.get("rate_hz", FeaturesConfig.rate_hz),
        words=features.get("words") or "of the extractor",
        licence=licence or "not stated",
        results="\n".join(_results(run)) or "Not evaluated.",
    )


def _results(run: Run) -> Iterator[str]:
    """A table for each split and protocol: percent, with 95 % intervals over videos."""
    for title, result in run.results.items():
        columns = [n for n in PROTOCOLS[result.protocol].shown if n in result.numbers]
        yield f"{title}: {result.queries} queries of {result.content['videos']} videos"
        yield ""
        yield f"| % [95 % interval] | {' | '.join(columns)} |"
        yield "|---" * (1 + len(columns)) + "|"
        for row, numbers in result.rows.items():
            cells = (str(numbers[column]) for column in columns)
            yield f"| {row} | {' | '.join(cells)} |"
        yield ""


def _head(run: Run, experiment: dict[str, Any], name: str, licence: str | None) -> str:
    """What the hub reads of a card, in YAML."""
    from huggingface_hub import EvalResult, ModelCardData

    data = name_in(experiment, "dataset") or FIRST_DATA

    def entries(title: str, result: Evaluation) -> list[EvalResult]:
        return [
            EvalResult(
                task_type="video-moment-retrieval",
                dataset_type=data,
                dataset_name=data,
                dataset_split=title.partition(",")[0],
                metric_type=metric,
                metric_name=f"{metric} ({result.protocol})",
                metric_value=round(100 * number.value, 2),
            )
            for metric, number in result.numbers.items()
            if metric in PROTOCOLS[result.protocol].shown
        ]

    results = [
        entry for title, each in run.results.items() for entry in entries(title, each)
    ]
    head = ModelCardData(
        language="en",
        license=licence,
        library_name="slta",
        tags=["video", "moment-retrieval", "temporal-grounding"],
        model_name=name.rpartition("/")[2],
        eval_results=results or None,
    )
    return f"---\n{head.to_yaml()}\n---\n"
