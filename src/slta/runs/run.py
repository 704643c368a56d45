"""A run: the folder of a trained model.

    RUN/config.json              the experiment, where its model is from if not from
                                 here, and the run from which it starts
    RUN/provenance.json          commit, data, extractor, seed, versions, machine, time
    RUN/weights.safetensors      the best weights on val
    RUN/confidence.json          how surely there is a moment, from the score; fitted on val
    RUN/last.ckpt                Lightning's checkpoint of the last evaluation, to resume
    RUN/predictions/SPLIT.jsonl  predictions before any protocol
    RUN/results.json             results by split and protocol
    RUN/curves.png, RUN/logs/    loss and accuracy during training

Files are written whole or not at all, and read without running code.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open

from slta.datasets.base import Dataset
from slta.errors import InputError
from slta.evaluation.predictions import Prediction
from slta.evaluation.predictions import read as read_predictions
from slta.evaluation.result import Evaluation, text
from slta.experiments import check_known, from_json
from slta.experiments.config import Experiment, check_network, with_new_extractor
from slta.experiments.opening import open_dataset, with_root
from slta.features.base import Reader, VideoFeatures
from slta.features.provider import Provider
from slta.fields import FieldError
from slta.files import check_root, read_object, whole_file, write_whole
from slta.models import Builder, build, find, origin
from slta.models.base import Model, Sizes
from slta.runs.confidence import Confidence
from slta.runs.pulling import named, pull

REMEDIES = {
    "results": "remove it, and evaluate again",
    "confidence": "remove it for uncalibrated confidence, or train again",
}
"""Remedies for files that can be made again without training."""
ABOUT = "slta"
"""Key of the metadata in the file of weights."""


@dataclass(frozen=True, slots=True)
class About:
    """Metadata of weights: the features that they need."""

    extractor: str
    version: str
    """Empty for imported weights, whose files do not tell; then ``extractor`` is a kind."""
    sizes: Sizes
    step: int
    words: str = ""
    """Reader of the sentences, with its version."""

    @classmethod
    def of(cls, library: Provider, sizes: Sizes) -> "About":
        """The metadata of new weights for features."""
        return cls(library.id, library.version, sizes, 0, _named(library.reader))

    def check(self, library: Provider, weights: Path) -> None:
        """Raises ``InputError`` for other features or words than in training."""
        theirs = f"{self.extractor}@{self.version}".removesuffix("@")
        ours = f"{library.id}@{library.version}"
        if theirs != (ours if self.version else library.id.partition(":")[0]):
            raise InputError(
                f"{weights} was trained with the features of {theirs}, not {ours}; "
                "leave --extractor out, or train with yours"
            )
        if self.words not in ("", words := _named(library.reader)):
            raise InputError(
                f"{weights} was trained with sentence features of {self.words}, not "
                f"{words}; give those words with --words, or train with yours"
            )

    def check_sizes(self, video_id: str, video: VideoFeatures, weights: Path) -> None:
        """Raises ``InputError`` for features of another size than in training."""
        theirs = self.sizes.frame, self.sizes.region
        ours = video.frames.shape[-1], video.regions.shape[-1]
        if theirs != ours:
            raise InputError(
                f"{weights} was trained with frames of {theirs[0]} and regions of "
                f"{theirs[1]} numbers, the video {video_id!r} has {ours[0]} and "
                f"{ours[1]}; give features of the same kind, or train with yours"
            )


def _named(reader: Reader) -> str:
    return f"{reader.id}@{reader.version}"


@dataclass(frozen=True, slots=True)
class Run:
    """A trained model in its folder, with its configuration, answers and numbers."""

    folder: Path
    root: Path | None = None
    """Current folder of the data set, if it was moved."""
    extractor: str | None = None
    """Current name of pre-extracted features or of an extractor with moved weights."""
    words: str | None = None
    """Current name of moved word vectors."""

    @classmethod
    def create(
        cls,
        folder: Path,
        name: str,
        experiment: Experiment,
        start: dict[str, Any] | None = None,
    ) -> "Run":
        """Makes a new folder, never over an existing one. ``start`` describes the run whose
        weights it starts from."""
        cls.check_new(folder)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise InputError(
                f"the run {folder} cannot be made ({error.strerror or error}); "
                "give another --out"
            ) from error
        run = cls(folder)
        try:
            facts: dict[str, Any] = {"name": name, "version": version("slta")}
            if (place := origin(experiment.model)) is not None:
                facts["model_from"] = place
            if start is not None:
                facts["from"] = start
            run.write("config", {**facts, "experiment": experiment.to_json()})
        except InputError:
            run.drop_unless_begun()
            raise
        return run

    @staticmethod
    def check_new(folder: Path) -> None:
        """Raises ``InputError`` for an existing folder."""
        if folder.exists():
            raise InputError(
                f"the run {folder} exists; continue it with 'slta train --resume "
                f"{folder}', or give another --out"
            )

    @classmethod
    def open(
        cls,
        folder: Path,
        root: Path | None = None,
        extractor: str | None = None,
        words: str | None = None,
    ) -> "Run":
        if not (folder / "config.json").is_file():
            raise InputError(
                f"{folder} is not a run folder, as it has no config.json; name the folder that "
                "'slta train' made"
            )
        if root is not None:
            check_root(root)
        return cls(folder, root, extractor, words)

    def drop_unless_begun(self) -> None:
        """Removes the folder if nothing was trained yet."""
        if not (self.folder / "provenance.json").exists():
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def name(self) -> str:
        return str(self.read("config").get("name", self.folder.name))

    @property
    def experiment(self) -> Experiment:
        config = self.read("config")
        check_known(
            config.get("experiment"), f"the run {self.folder}", config.get("model_from")
        )
        try:
            found = from_json(config.get("experiment"))
        except InputError as error:
            raise InputError(
                f"{self.folder / 'config.json'} does not fit this version ({error}); use "
                f"the version that trained it, {config.get('version', 'which is unknown')}, "
                "or train again"
            ) from error
        features = found.features
        if self.extractor is not None:
            features = replace(features, extractor=self.extractor)
        if self.words is not None:
            features = replace(features, words=self.words)
        return with_root(self.name, replace(found, features=features), self.root)

    @property
    def dataset(self) -> Dataset:
        """The data set of training and test, opened."""
        return open_dataset(self.experiment)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Locks the run. Raises ``InputError`` if another process trains it."""
        with (self.folder / "config.json").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{self.folder} is being trained by another process; wait for it, "
                    "or stop it"
                ) from None
            except OSError:
                # Some network file systems have no locks.
                pass
            yield

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def last(self) -> Path:
        return self.folder / "last.ckpt"

    def predictions_file(self, split: str) -> Path:
        return self.folder / "predictions" / f"{split}.jsonl"

    def predictions(self, split: str = "test") -> Sequence[Prediction]:
        """The predictions for a split, before any protocol.

        Raises ``InputError`` for a split without predictions.
        """
        path = self.predictions_file(split)
        if not path.is_file():
            raise InputError(
                f"{self.folder} has no predictions of {split!r}; make them with "
                f"'slta evaluate {self.folder} --split {split}'"
            )
        return read_predictions(path)

    @property
    def results(self) -> dict[str, Evaluation]:
        """Results by split and protocol, such as ``"test, ctrl"``."""
        if not (self.folder / "results.json").exists():
            return {}
        return {name: Evaluation(each) for name, each in self.read("results").items()}

    @property
    def confidence(self) -> Confidence | None:
        """Calibrated confidence; None for runs of earlier versions, and where val does not
        tell."""
        if not (self.folder / "confidence.json").exists():
            return None
        row = self.read("confidence")
        try:
            return Confidence.parsed(row)
        except FieldError as error:
            raise InputError(
                f"{self.folder / 'confidence.json'} {error.what}; {REMEDIES['confidence']}"
            ) from error

    @property
    def history(self) -> list[dict[str, Any]]:
        """The evaluations on val during training, with their steps."""
        if not (self.folder / "history.json").exists():
            return []
        evaluations: list[dict[str, Any]] = self.read("history")["evaluations"]
        return evaluations

    def _repr_html_(self) -> str:
        """HTML for notebooks."""
        experiment = self.experiment
        steps = f"{experiment.training.steps} steps"
        done = "" if self.is_finished else ", not finished"
        head = f"{self.name} in {self.folder}: {experiment.model.name} on "
        head += f"{experiment.dataset.name}, {steps}{done}"
        results = "".join(each._repr_html_() for each in self.results.values())
        return f"<div><p>{text(head)}</p>{results}</div>"

    @property
    def is_finished(self) -> bool:
        """Whether training and test are complete."""
        begun = (self.folder / "provenance.json").exists()
        return begun and "seconds" in self.read("provenance")

    def finish(self, seconds: float) -> None:
        """Records the duration and marks the run as finished."""
        facts = self.read("provenance")
        self.write("provenance", facts | {"seconds": round(seconds, 1)})

    def lengthen(self, steps: int) -> None:
        """Sets more training steps.

        Raises ``InputError`` for fewer, and for a finished run for as many.
        """
        before = self.experiment.training.steps
        if steps < before or (steps == before and self.is_finished):
            raise InputError(
                f"--training.steps is {steps}, and {self.folder} is trained for {before} "
                "already; give more"
            )
        self.check_state()
        if steps == before:
            return
        config = self.read("config")
        config["experiment"]["training"]["steps"] = steps
        self.write("config", config)
        if self.is_finished:
            facts = self.read("provenance")
            del facts["seconds"]
            self.write("provenance", facts)

    def check_state(self) -> None:
        """Raises ``InputError`` if the optimizer's state is missing, without which a run
        cannot continue. A run that was killed at its first evaluation starts again."""
        is_shared = self.read("config").get("shared")
        begun = self.is_finished or is_shared or len(self.history) > 1
        if not self.last.is_file() and begun:
            raise InputError(
                f"{self.last} is missing, so that the run cannot go on; start a new one "
                f"from its weights with --from {self.folder}"
            )

    @property
    def step(self) -> int | None:
        """Training steps of the best weights; None if they are missing."""
        return self.about.step if self.weights.is_file() else None

    def read(self, name: str) -> dict[str, Any]:
        path = self.folder / f"{name}.json"
        try:
            return read_object(path)
        except (OSError, ValueError) as error:
            remedy = REMEDIES.get(name, "train again")
            raise InputError(f"{path} cannot be read ({error}); {remedy}") from error

    def write(self, name: str, content: dict[str, Any]) -> None:
        path = self.folder / f"{name}.json"
        with self._writing(path):
            write_whole(path, json.dumps(content, indent=1) + "\n")

    def save(self, model: Model, about: About) -> None:
        """Saves weights, and removes what came of earlier ones."""
        facts = {ABOUT: json.dumps({**asdict(about), "sizes": about.sizes._asdict()})}
        with self._writing(self.weights):
            for path in (self.folder / "predictions").glob("*.jsonl"):
                path.unlink(missing_ok=True)
            for name in ("results", "confidence"):
                (self.folder / f"{name}.json").unlink(missing_ok=True)
            with whole_file(self.weights) as unfinished:
                unfinished.write_bytes(
                    safetensors.torch.save(model.state_dict(), facts)
                )

    def load(self) -> tuple[Model, About]:
        """The model with its best weights, in evaluation mode."""
        about = self.about
        with self._reading_weights():
            model = build(self.experiment.model, about.sizes)
            weights = safetensors.torch.load_file(self.weights)
            check_network(weights, self.weights)
            model.load_state_dict(weights)
        return model.eval(), about

    @property
    def about(self) -> About:
        """The metadata of the best weights. Raises ``InputError`` if they are missing."""
        if not self.weights.is_file():
            if (self.folder / "diverged.json").exists():
                raise InputError(
                    f"{self.weights} is missing: the run diverged before its first "
                    "evaluation; train again with a lower --training.learning-rate"
                )
            raise InputError(
                f"{self.weights} is missing: the run was stopped before its first "
                f"evaluation; continue it with 'slta train --resume {self.folder}'"
            )
        with self._reading_weights(), safe_open(self.weights, "pt") as file:
            facts = json.loads((file.metadata() or {})[ABOUT])
            facts["extractor"] = with_new_extractor(facts["extractor"])
            return About(**{**facts, "sizes": Sizes(**facts["sizes"])})

    @contextmanager
    def _reading_weights(self) -> Iterator[None]:
        try:
            yield
        except (SafetensorError, KeyError, TypeError, RuntimeError, OSError) as error:
            problem = " ".join(str(error).split())[:200]
            raise InputError(
                f"{self.weights} is damaged or of another model ({problem}); "
                "copy it again, or train again"
            ) from error
        except json.JSONDecodeError as error:
            raise InputError(
                f"{self.weights} does not say what it was trained with; train again"
            ) from error

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        """Raises ``InputError`` with the remedy for a full or read-only disk."""
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror or error}); make room, "
                f"then continue with 'slta train --resume {self.folder}'"
            ) from error


def load_run(
    folder: str | Path,
    *,
    model: str | Builder | None = None,
    root: str | Path | None = None,
    extractor: str | None = None,
    words: str | None = None,
) -> Run:
    """A run that ``slta train`` or ``slta.train`` made, in its folder or by its name on the
    Hugging Face hub, as ``OWNER/NAME`` or ``OWNER/NAME@REVISION``. A folder comes first.

    ``model`` is its model, if that is a file of yours, as ``"my_file.py:MyModel"``, or a
    class; ``root``, ``extractor`` and ``words`` are where its data set, its features and
    its words are, if they were moved.

    Raises ``InputError`` for a folder that is not a run, and for a name that the hub does
    not have.
    """
    if model is not None:
        find(model)
    name = named(folder)
    place = Path(folder) if name is None else pull(name)
    return Run.open(place, None if root is None else Path(root), extractor, words)
