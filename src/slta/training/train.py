"""Training of an experiment to a run, with weights, predictions and results."""

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

from slta.datasets.split import Split, spread, unknown_words
from slta.errors import InputError
from slta.evaluation.measuring import lines
from slta.experiments import protocol_of
from slta.experiments.config import Experiment, TrainingConfig, with_new_extractor
from slta.experiments.opening import (
    open_dataset,
    open_library,
    open_splits,
    resolve_extractor,
)
from slta.models import build
from slta.models.base import Model, Scale, Sizes, VideoModel
from slta.plots.charts import draw_history
from slta.progress import ProgressFactory, no_progress
from slta.runs.inference import answers, measured, predict
from slta.runs.run import About, Run
from slta.training import provenance
from slta.training.calibration import calibrate
from slta.training.draws import Draws, check, sampler
from slta.training.fine_tuning import check_start, described, start_from
from slta.training.lightning_parts import Bar, WholeCheckpoints, _stoppable
from slta.training.module import WATCHED, Training, best_of
from slta.training.readiness import check_ready

logger = logging.getLogger(__name__)

MANY = 0.25
"""Share of unmatched moments from which they are reported."""
MOST_UNKNOWN = 100
"""Maximum number of words without a vector in a run's provenance."""


def train(
    name: str,
    experiment: Experiment,
    folder: Path,
    *,
    start: Path | None = None,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
) -> Run:
    """Trains a new run; with ``start``, from the weights of that run.

    Raises ``InputError`` for unusable data or settings, and if the training diverges.
    """
    experiment = resolve_extractor(experiment)
    check(experiment)
    Run.check_new(folder)
    started_from = None if start is None else Run.open(start)
    if started_from is not None:
        check_start(started_from, experiment, store)
    for warning in check_ready(experiment, store, shows):
        logger.info("%s", warning)
    run = Run.create(
        folder,
        name,
        experiment,
        None if started_from is None else described(started_from),
    )
    try:
        return _go(run, experiment, store, shows, resume=False)
    except InputError:
        run.drop_unless_begun()
        raise


def resume(
    folder: Path,
    *,
    root: Path | None = None,
    extractor: str | None = None,
    words: str | None = None,
    store: Path | None = None,
    steps: int | None = None,
    shows: ProgressFactory = no_progress,
) -> Run:
    """Continues an interrupted run from its last evaluation. A finished run stays as it is,
    unless there are more ``steps``: then it continues along the longer learning-rate
    schedule."""
    run = Run.open(folder, root, extractor, words)
    if steps is not None:
        run.lengthen(steps)
    elif run.is_finished:
        logger.info("%s is finished: there is nothing left to train", folder)
        return run
    run.check_state()
    return _go(run, run.experiment, store, shows, resume=run.last.is_file())


def _go(
    run: Run,
    experiment: Experiment,
    store: Path | None,
    shows: ProgressFactory,
    *,
    resume: bool,
) -> Run:
    begun = time.perf_counter()
    try:
        with run.alone():
            (run.folder / "diverged.json").unlink(missing_ok=True)
            before = _spent_s(run) if resume else 0.0
            since = begun - before
            _train(run, experiment, store, shows, since, resume=resume)
            best = best_of(run.read("history")["evaluations"])
            print(f"best on val: step {best['step']}, {WATCHED} {best[WATCHED]:.4f}")
            calibrate(run, store, shows)
            _test(run, store, shows)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"go on with 'slta train --resume {run.folder}'"
        ) from None
    draw_history(run.read("history")["evaluations"], run.folder / "curves.png")
    run.finish(time.perf_counter() - since)
    return run


def _spent_s(run: Run) -> float:
    """Seconds of training until the checkpoint."""
    state = WholeCheckpoints().load_checkpoint(run.last, map_location="cpu")
    return float(state.get("slta", {}).get("seconds", 0.0))


def _train(
    run: Run,
    experiment: Experiment,
    store: Path | None,
    shows: ProgressFactory,
    since: float,
    *,
    resume: bool,
) -> None:
    model, about = _begun(run, experiment, store, shows, resume)
    module = Training(experiment, model, about, run, store, since)
    _fit(module, run, experiment, resume)


def _begun(
    run: Run,
    experiment: Experiment,
    store: Path | None,
    shows: ProgressFactory,
    resume: bool,
) -> tuple[Model, About]:
    """The initial model, after checks of the data."""
    splits = open_splits(experiment, ("train", "val"), store, shows)
    model, about = new_model(experiment, splits["train"], store)
    if not resume and (start := run.read("config").get("from")):
        start_from(start, model, about)
    _say_of_matches(sampler(model, experiment, splits["train"]))
    _say_of_regions(model, splits["train"])
    _say_of_absent(model, experiment, splits["train"], splits["val"])
    facts = _provenance(experiment, about)
    if resume:
        _check_same(run, facts)
    else:
        run.write("provenance", facts | _words(splits["train"]))
    return model, about


def _test(run: Run, store: Path | None, shows: ProgressFactory) -> None:
    """Evaluates the best weights on the test splits that have ground truth."""
    for name in open_dataset(run.experiment).tested:
        answers(run, name, store, shows, overwrite=True)
        protocol = protocol_of(run.experiment)
        for line in lines(measured(run, name, protocol, store)):
            print(line, flush=True)


def new_model(
    experiment: Experiment, train: Split, store: Path | None
) -> tuple[Model, About]:
    """A new model, with weights by the seed and feature statistics of train."""
    some = next(iter(train.videos.values()))
    sizes = Sizes(
        region=some.regions.shape[-1],
        frame=some.frames.shape[-1],
        word=train.query_features[0].word_vectors.shape[-1],
        sentence=train.query_features[0].sentence.shape[-1],
    )
    L.seed_everything(experiment.training.seed, verbose=False)
    try:
        model = build(experiment.model, sizes)
    except (MemoryError, RuntimeError) as error:
        problem = " ".join(str(error).split())[:200]
        raise InputError(
            f"the model {experiment.model.name} does not fit into memory ({problem}); "
            "give smaller sizes with --model"
        ) from error
    scale = {
        name: (torch.from_numpy(mean).float(), torch.from_numpy(deviation).float())
        for name, (mean, deviation) in spread(train).items()
    }
    model.fit(Scale(**scale))
    return model, About.of(open_library(experiment, store), sizes)


def _check_same(run: Run, now: dict[str, Any]) -> None:
    """Raises ``InputError`` for other data, features or words than at the start."""
    begun = run.read("provenance")
    theirs, ours = (
        f"{with_new_extractor(str(facts.get('extractor')))}"
        f"@{facts.get('extractor_version')}"
        for facts in (begun, now)
    )
    read_by = begun.get("words", now["words"])
    if (theirs, read_by) != (ours, now["words"]):
        raise InputError(
            f"{run.folder} was started with features of {theirs} and sentence features of "
            f"{read_by}, not {ours} and {now['words']}; put the same files there, or start "
            "a new run"
        )
    if begun.get("data", now["data"]) != now["data"]:
        raise InputError(
            f"{run.folder} was started with other annotations, whose SHA-256 begins with "
            f"{begun['data'][:12]}, not {now['data'][:12]}; put the same files there, or "
            "start a new run"
        )


def _say_of_matches(draws: Draws) -> None:
    """Logs if many moments of train have no matching window."""
    missed = len(draws.missed_s)
    if missed > MANY * (missed + draws.usable):
        shortest, longest = np.quantile(draws.missed_s, [0.1, 0.9])
        logger.info(
            "no window matches %d moments of train (%d queries have one); most of these "
            "last %.1f to %.1f s: give such lengths with --candidates.lengths-s",
            *(missed, draws.usable, shortest, longest),
        )


def _say_of_regions(model: Model, train: Split) -> None:
    """Logs if frames have a single region."""
    if not model.sees_regions:
        return
    if all(video.regions.shape[1] == 1 for video in train.videos.values()):
        logger.info(
            "the features of train have one region a frame, so spatial attention has no "
            "effect"
        )


def _say_of_absent(
    model: Model, experiment: Experiment, train: Split, val: Split
) -> None:
    """Logs if a model that tells whether a moment exists sees none that does not, and if
    queries of val are not measured."""
    absent = any(query.truth == () for query in train.queries)
    if isinstance(model, VideoModel) and not (absent or experiment.training.absent):
        answered = predict(model, val, experiment, videos=[val.queries[0].video_id])
        if answered[0].existence is not None:
            logger.info(
                "every query of train has a moment, so %s does not learn to tell which "
                'have none; add queries with "spans": [], or give --training.absent 0.3',
                experiment.model.name,
            )
    without = sum(query.truth == () for query in val.queries)
    if without:
        logger.info(
            "%d of %d queries of val have no moment; %s, which selects the best weights, "
            "leaves them out",
            *(without, len(val.queries), WATCHED),
        )


def _words(train: Split) -> dict[str, Any]:
    """Counts of words without a vector, also logged."""
    count, unknown = unknown_words(train.query_features)
    often = dict(unknown.most_common(MOST_UNKNOWN))
    if unknown:
        logger.info(
            "%d of %d words in train have no vector, most often: %s",
            unknown.total(),
            count,
            ", ".join(list(often)[:5]),
        )
    counts = {"all": count, "unknown": unknown.total(), "most_often": often}
    return {"words_in_train": counts}


def _fit(module: Training, run: Run, experiment: Experiment, resume: bool) -> None:
    training = experiment.training
    strategy: Any = "auto"
    shown = sys.stdout.isatty()
    if training.processes > 1:
        strategy = DDPStrategy(
            process_group_backend=None if torch.cuda.is_available() else "gloo",
            start_method="spawn",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = L.Trainer(
            default_root_dir=run.folder,
            accelerator="auto",
            devices=training.processes,
            strategy=strategy,
            precision=training.precision,
            max_epochs=_epochs(run, training),
            gradient_clip_val=training.clip_norm or None,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            log_every_n_steps=20,
            enable_model_summary=False,
            enable_progress_bar=shown,
            logger=[
                CSVLogger(run.folder / "logs", name="csv"),
                TensorBoardLogger(run.folder / "logs", name="tensorboard"),
            ],
            callbacks=[
                ModelCheckpoint(
                    run.folder,
                    filename="last",
                    every_n_epochs=1,
                    save_on_train_epoch_end=True,
                    enable_version_counter=False,
                ),
                *([Bar(training)] if shown else []),
            ],
            plugins=[WholeCheckpoints()],
        )
        with _stoppable(trainer):
            trainer.fit(
                module, ckpt_path=run.last if resume else None, weights_only=True
            )


def _epochs(run: Run, training: TrainingConfig) -> int:
    """Number of evaluations; a lengthened run may have had another interval."""
    done: list[dict[str, Any]] = []
    if run.last.is_file() and (run.folder / "history.json").exists():
        done = run.read("history")["evaluations"]
    left = training.steps - (done[-1]["step"] if done else 0)
    return len(done) + -(-left // training.evaluate_every)


def _provenance(experiment: Experiment, about: About) -> dict[str, Any]:
    return {
        "command": " ".join(sys.argv),
        "commit": provenance.commit(),
        "data": open_dataset(experiment).digest,
        "extractor": about.extractor,
        "extractor_version": about.version,
        "words": about.words,
        "seed": experiment.training.seed,
        "versions": provenance.versions(),
        "machine": provenance.machine(),
    }
