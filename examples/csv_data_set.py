"""A data set of one's own: a CSV for each split. docs/how-to/add-a-data-set.md leads on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slta.datasets.annotations import Annotations
from slta.datasets.reading import table
from slta.datasets.source import Source
from slta.experiments.config import CandidatesConfig, FeaturesConfig, TrainingConfig
from slta.experiments.data import Data
from slta.fields import FieldError, identity, text, written


@dataclass(frozen=True, kw_only=True)
class MyDataConfig:
    """MyData, as its authors publish it."""

    name: Literal["my-data"] = "my-data"
    """Which data set it is."""
    root: str = "my-data"
    """Folder with train.csv, val.csv and test.csv."""


def read(root: Path) -> Annotations:
    """Every line, with all that is wrong in them."""
    found = Annotations(root)
    for split in ("train", "val", "test"):
        if file := found.file(f"{split}.csv", split=split):
            for line, row in table(found, file, ("video", "sentence", "start", "end")):
                try:
                    found.add(
                        split,
                        file,
                        line,
                        query_id=f"{split}:{line}",
                        video_id=identity(row, "video"),
                        query=text(row, "sentence"),
                        spans=[(written(row, "start"), written(row, "end"))],
                    )
                except FieldError as error:
                    found.fault(file, line, error.what, error.remedy)
    return found


SOURCE = Source(
    title="MyData",
    files="train.csv, val.csv, test.csv",
    authors="who made it, where it was published",
    get="from whom the files are to be had",
    licence="its licence",
    size="of the files",
    videos="from whom the videos are to be had",
    layout="video,sentence,start,end; seconds",
    counts={},
    read=read,
    open=lambda root: read(root).dataset(name="my-data"),
)
DATA = Data(
    dataset=MyDataConfig(),
    features=FeaturesConfig(rate_hz=2.0),
    candidates=CandidatesConfig(lengths_s=(2.0, 4.0, 8.0), context_s=4.0),
    training=TrainingConfig(steps=2_000, evaluate_every=200),
    video_training=TrainingConfig(steps=4_000, evaluate_every=400, learning_rate=1e-4),
    title="MyData",
    open=lambda config: read(Path(config.root)).dataset(name=config.name),
)
"""What it offers every model: features, candidates and training."""
