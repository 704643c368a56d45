"""The Lightning module and data loaders of training.

A step's batch is determined by the seed and the step, and every epoch, from one evaluation
to the next, sets its own seed. So an interrupted run continues from its last evaluation as
if it had not stopped: bit for bit on a CPU with the same number of threads.
"""

import hashlib
import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import lightning as L
import numpy as np
import torch
import torch.distributed
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, IterableDataset

from slta.errors import InputError
from slta.evaluation.measuring import measure
from slta.evaluation.predictions import Prediction
from slta.experiments.config import Experiment, check_network
from slta.experiments.opening import open_splits
from slta.models.base import Model
from slta.runs.inference import predict
from slta.runs.run import About, Run
from slta.training.draws import AnyTrainingBatch, Draws, sampler

T = TypeVar("T")
# Here, because every training process imports this module.
for name in ("lightning.fabric", "lightning.pytorch", "torch.multiprocessing"):
    logging.getLogger(name).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module=r"lightning\.")

SEEDS = 2**32
EARLY = 20
"""Step at which averages keep half of themselves; the share rises with the steps."""
WATCHED = "R@1, IoU=0.5"
"""Metric on val that selects the best weights."""


def average(
    averages: list[Tensor], weights: list[Tensor], steps: Tensor, *, share: float
) -> None:
    """Moves averages towards the weights: first quickly, at last keeping ``share``."""
    kept = min(share, float(steps) / (float(steps) + EARLY))
    torch._foreach_lerp_(averages, weights, 1 - kept)


class Batches(IterableDataset[AnyTrainingBatch]):
    """The batches of one epoch of this process."""

    def __init__(self, draws: Draws, module: "Training") -> None:
        self._draws, self._module = draws, module

    def __iter__(self) -> Iterator[AnyTrainingBatch]:
        training = self._module.experiment.training
        # Not from the epoch's number, which is too low in a resumed run.
        first = self._module.global_step
        last = min(first + training.evaluate_every, training.steps)
        draw = partial(
            self._draws.of_step, seed=training.seed, rank=self._module.global_rank
        )
        steps = range(first, last)
        # On a CPU, a drawing thread would take a core from training.
        on_gpu = self._module.device.type != "cpu"
        yield from ahead(draw, steps) if on_gpu else map(draw, steps)


def ahead(draw: Callable[[int], T], steps: Iterable[int]) -> Iterator[T]:
    """Batches of the steps, each drawn while the one before it is used.

    >>> [*ahead(str, range(3))]
    ['0', '1', '2']
    """
    with ThreadPoolExecutor(1) as pool:
        drawn: Future[T] | None = None
        for step in steps:
            following = pool.submit(draw, step)
            if drawn is not None:
                yield drawn.result()
            drawn = following
        if drawn is not None:
            yield drawn.result()


class Training(L.LightningModule):
    """The Lightning module around a model."""

    def __init__(
        self,
        experiment: Experiment,
        model: Model,
        about: About,
        run: Run,
        store: Path | None,
        since: float = 0.0,
    ) -> None:
        """``since`` is the start of the run by ``time.perf_counter``, less interruptions."""
        super().__init__()
        self.experiment, self.model, self.about = experiment, model, about
        self.run, self._store, self._since = run, store, since
        self.averaged: AveragedModel | None = None
        if share := experiment.training.averaging:
            kept = partial(average, share=share)
            self.averaged = AveragedModel(model, multi_avg_fn=kept)
            self.averaged.requires_grad_(False)
        self.best = -math.inf
        self.history: list[dict[str, float]] = []
        self._answers: list[Prediction] = []
        self._losses: list[Tensor] = []

    @property
    def evaluated(self) -> Model:
        """The model that is evaluated and saved."""
        averaged: Any = self.averaged
        return self.model if averaged is None else averaged.module

    def setup(self, stage: str) -> None:
        """Opens the features in each process, without copying them."""
        training = self.experiment.training
        cores = len(os.sched_getaffinity(0))
        torch.set_num_threads(training.threads or max(1, cores // training.processes))
        splits = open_splits(self.experiment, ("train", "val"), self._store)
        self._train, self._val = splits["train"], splits["val"]
        self._draws = sampler(self.model, self.experiment, self._train)

    def on_fit_start(self) -> None:
        """Deterministic algorithms on a CPU, whose threads would sum gradients in any order."""
        torch.use_deterministic_algorithms(self.device.type == "cpu")
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]

    def train_dataloader(self) -> DataLoader[AnyTrainingBatch]:
        # Its own generator, so that creating it does not change dropout.
        return DataLoader(
            Batches(self._draws, self),
            batch_size=None,
            generator=torch.Generator(),
        )

    def val_dataloader(self) -> DataLoader[list[str]]:
        """One batch of video ids, so that processes without videos take part as well."""
        videos = sorted(self._val.by_video)[self.global_rank :: self.trainer.world_size]
        batches: Any = [videos]
        return DataLoader(batches, batch_size=None)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        training = self.experiment.training
        optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=training.learning_rate,
            weight_decay=training.weight_decay,
            # With a fused optimizer in mixed precision, Lightning does not clip.
            fused=training.precision == "32-true",
        )
        rising = max(1, round(training.warmup * training.steps))

        def share(step: int) -> float:
            if step < rising:
                return (step + 1) / rising
            done = (step - rising) / max(1, training.steps - rising)
            return 0.5 * (1 + math.cos(math.pi * min(done, 1)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_train_epoch_start(self) -> None:
        seed = self.experiment.training.seed
        L.seed_everything(
            (1_000_003 * seed + 1009 * self.current_epoch + self.global_rank) % SEEDS,
            verbose=False,
        )
        self._losses = []

    def training_step(self, batch: AnyTrainingBatch, index: int) -> Tensor:
        scores = self.model(batch.batch)
        loss: Tensor = self.model.loss(scores, batch)
        if not loss.isfinite():
            self._diverged("the loss", index)
        self._losses.append(loss.detach())
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    def on_train_batch_end(self, *args: Any) -> None:
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Stops before a step with gradients that are not finite."""
        grads = [p.grad for p in self.model.parameters() if p.grad is not None]
        length = torch.nn.utils.get_total_norm(grads)
        if not length.isfinite() and self.trainer.precision != "16-mixed":
            self._diverged("a gradient", self.trainer.fit_loop.epoch_loop.batch_idx)

    def _diverged(self, what: str, index: int) -> NoReturn:
        """Raises ``InputError``; the best evaluated weights are kept."""
        step = self.current_epoch * self.experiment.training.evaluate_every + index
        self.run.write("diverged", {"batch": step})
        kept = "no weights are kept, as none were evaluated before"
        if self.history:
            best = best_of(self.history)
            kept = (
                f"{self.run.weights.name} keeps the best on val, of step {best['step']}"
            )
        raise InputError(
            f"{what} is NaN or infinite at batch {step} of {self.run.folder}; {kept}; "
            "look for NaN in the features, or train again with a lower "
            "--training.learning-rate"
        )

    def validation_step(self, videos: list[str]) -> None:
        self._answers = predict(
            self.evaluated, self._val, self.experiment, videos=videos
        )

    def on_validation_epoch_end(self) -> None:
        answers = [each for part in self._gathered(self._answers) for each in part]
        answers.sort(key=lambda each: each.query_id)
        self._answers = []
        if not all(np.isfinite(n).all() for a in answers for n in (a.spans, a.scores)):
            self._diverged("an answer to val", len(self._losses) - 1)
        if not all(values.isfinite().all() for values in self.model.parameters()):
            self._diverged("a weight", len(self._losses) - 1)
        table = measure(answers, "ctrl")
        found = table.as_dict()
        for name in (WATCHED, "mIoU"):
            self.log(f"val {name}", found[name], sync_dist=True)
        loss = torch.stack(self._losses).mean().item() if self._losses else math.nan
        self.history.append({"step": self.global_step, "loss": loss, **table.as_dict()})
        if self.global_rank == 0:
            # Before the history, which refers to the weights.
            if found[WATCHED] > self.best:
                self.run.save(self.evaluated, self._about())
            self.run.write("history", {"evaluations": self.history})
            print(f"step {self.global_step}, loss {loss:.4f}, val:")
            print("\n".join(table.lines()), flush=True)
        self.best = max(self.best, found[WATCHED])

    def _about(self) -> About:
        return replace(self.about, step=self.global_step)

    def on_train_end(self) -> None:
        """Checks that all processes have the same weights."""
        if len(set(self._gathered(digest(self.model)))) > 1:
            raise RuntimeError("the processes' weights differ: a step was not shared")

    def _gathered(self, value: T) -> list[T]:
        """The values of all processes."""
        if self.trainer.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(values, value)
        return values

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        seconds = time.perf_counter() - self._since
        checkpoint["slta"] = {
            "best": self.best,
            "history": self.history,
            "seconds": seconds,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises ``InputError`` for a checkpoint of another model."""
        theirs, ours = checkpoint.get("state_dict", {}), self.state_dict()
        check_network(theirs, self.run.last)
        shapes = [{n: v.shape for n, v in state.items()} for state in (theirs, ours)]
        if "slta" not in checkpoint or shapes[0] != shapes[1]:
            raise InputError(
                f"{self.run.last} is of another model; remove it to train from the start"
            )
        self.best = checkpoint["slta"]["best"]
        self.history = checkpoint["slta"]["history"]


def best_of(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The best evaluation on val, whose weights are kept; the first of equal ones."""
    return max(history, key=lambda row: row[WATCHED])


def digest(model: Model) -> str:
    """SHA-256 of the weights."""
    hashed = hashlib.sha256()
    for name, values in sorted(model.state_dict().items()):
        hashed.update(name.encode() + values.cpu().numpy().tobytes())
    return hashed.hexdigest()
