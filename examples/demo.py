"""Searches a film of photographs zero-shot, then trains a small SLTA and searches with it.

    python examples/demo.py [FOLDER]

leaves the film, a picture of an answer, the moment itself and the run in FOLDER
(``demo``).
"""

import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from examples import photo_film
from slta import Searcher
from slta.cli.screen import progress
from slta.experiments import titled
from slta.experiments.opening import open_dataset, open_splits
from slta.moments import Span, clock
from slta.moments.spans import as_array, temporal_iou
from slta.plots.answer import draw
from slta.training.train import train
from slta.video import writing

SENTENCES = {
    "the face of a cat with green eyes": "cat",
    "a cup of coffee stands on a wooden table": "coffee",
    "a red motorcycle is parked in a garage": "motorcycle",
    "a rocket waits on the launch pad at night": "rocket",
    "a man looks through a camera on a tripod": "camera",
    "a printed page of a book": "page",
    "old coins lie in rows": "coins",
    "a dog runs along the beach": None,
}
"""What is asked, and the photograph that it describes, if any."""


def main(folder: Path) -> None:
    screen = Console(highlight=False, width=110)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "film.mp4"
    screen.print(f"Composing {path} out of scikit-image's photographs …", markup=False)
    truth = photo_film.compose(path)

    screen.print("Preparing the networks (once), then looking at the film …")
    searcher = Searcher()
    start = time.perf_counter()
    searcher.index(path)
    screen.print(f"… {time.perf_counter() - start:.1f} s. Asking:\n")

    table = Table(box=None, pad_edge=False)
    for column in ("sentence", "found", "true", "IoU", "confidence", ""):
        table.add_column(column, no_wrap=True)
    for sentence, subject in SENTENCES.items():
        answer = searcher.search(path, sentence)
        best = answer.moments[0].span
        true = truth[subject] if subject else None
        iou = temporal_iou(as_array([best]), as_array([true]))[0, 0] if true else None
        table.add_row(
            sentence,
            _shown(best),
            _shown(true) if true else "not in the film",
            f"{iou:.2f}" if iou is not None else "",
            f"{answer.shown_confidence(2):.2f}",
            "" if answer.is_clear else "no clear match",
        )
    screen.print(table)

    answer = searcher.search(path, next(iter(SENTENCES)))
    draw(path, answer, folder / "answer.png")
    writing.cut(path, answer.moments[0].span, folder / "moment.mp4")
    screen.print(f"\nSee {folder}/answer.png and {folder}/moment.mp4.", markup=False)
    _train(folder, screen)
    screen.print("\nNow try your own:")
    screen.print('  .venv/bin/slta search my_video.mp4 "a man lifts a barbell"')


def _train(folder: Path, screen: Console) -> None:
    """Films of coloured shapes, a model, its table, and one of its answers."""
    name = "shapes_slta_small"
    screen.print("\nMaking films of moving shapes and their features (once) …")
    start = time.perf_counter()
    open_splits(titled(name), ("train", "val", "test"), shows=progress)
    made = time.perf_counter()
    screen.print(f"… {made - start:.0f} s. Training SLTA: slta train {name} …")
    shutil.rmtree(folder / "run", ignore_errors=True)
    run = train(name, titled(name), folder / "run", shows=progress)
    screen.print(f"… {time.perf_counter() - made:.0f} s.")

    dataset = open_dataset(run.experiment)
    query = dataset.queries("test")[0]
    path = dataset.path(query.video_id)
    answer = Searcher(checkpoint=run.folder).search(path, query.query)
    draw(path, answer, folder / "trained.png")
    screen.print(
        f'"{query.query}"\nfound {_shown(answer.moments[0].span)}, '
        f"true {_shown((query.truth or ())[0])}; see {folder}/trained.png. The same by:",
        markup=False,
    )
    screen.print(
        f'  .venv/bin/slta search {path} "{query.query}" --checkpoint {run.folder}',
        markup=False,
        soft_wrap=True,
    )


def _shown(span: Span) -> str:
    return f"{clock(span.start)}-{clock(span.end)}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo"))
