"""Plug-ins for Lightning: checkpoints, progress bar and interruption."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.multiprocessing.spawn import ProcessRaisedException

from slta.errors import InputError
from slta.experiments.config import TrainingConfig
from slta.files import whole_file

REFUSED = f"{InputError.__module__}.{InputError.__qualname__}"
"""Name of ``InputError`` in a traceback."""


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are written whole or not at all, and read without running code."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        try:
            with whole_file(Path(path)) as unfinished:
                super().save_checkpoint(checkpoint, unfinished, storage_options)
        except (OSError, RuntimeError) as error:
            problem = " ".join(str(error).split())[:200]
            raise InputError(
                f"{path} cannot be written ({problem}); make room, then go on with "
                f"'slta train --resume {Path(path).parent}'"
            ) from error

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: Any = None
    ) -> dict[str, Any]:
        try:
            return super().load_checkpoint(path, map_location, weights_only=True)
        except Exception as error:  # torch's errors share no other base
            problem = " ".join(str(error).split())[:200]
            raise InputError(
                f"{path} is damaged ({problem}); remove it to train from the start"
            ) from error


class Bar(RichProgressBar):
    """A progress bar with the number of batches of an epoch, which Lightning cannot know."""

    def __init__(self, training: TrainingConfig) -> None:
        super().__init__()
        self._training, self._batches = training, 0

    @property
    def total_train_batches(self) -> int:
        return self._batches

    def on_train_epoch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule
    ) -> None:
        left = self._training.steps - trainer.global_step
        self._batches = min(self._training.evaluate_every, left)
        super().on_train_epoch_start(trainer, pl_module)


@contextmanager
def _stoppable(trainer: L.Trainer) -> Iterator[None]:
    """Restores ``KeyboardInterrupt`` and ``InputError``: Lightning exits on Ctrl-C, and wraps
    errors of other processes.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        launcher = trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(signal.SIGTERM)
        raise KeyboardInterrupt from None
    except ProcessRaisedException as error:
        message = re.search(rf"^{REFUSED}: (.*)", str(error), re.MULTILINE)
        if message is None:
            raise
        raise InputError(message[1]) from error
    finally:
        signal.signal(signal.SIGINT, handler)
        torch.use_deterministic_algorithms(False)
