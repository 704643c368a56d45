"""Composes a film of real photographs and searches it with sentences, untrained.

    python examples/demo.py [FOLDER]

leaves the film, a picture of an answer and the moment itself in FOLDER (``demo``).
"""

import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from slta import Searcher, film, plot
from slta.datasets import photo_film
from slta.moments import Span, clock
from slta.spans import as_array, temporal_iou

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
            f"{answer.confidence:.2f}",
            "" if answer.is_clear else "no clear match",
        )
    screen.print(table)

    answer = searcher.search(path, next(iter(SENTENCES)))
    plot.draw(path, answer, folder / "answer.png")
    film.cut(path, answer.moments[0].span, folder / "moment.mp4")
    screen.print(
        f"\nSee {folder}/answer.png and {folder}/moment.mp4. Then try your own:"
    )
    screen.print('  .venv/bin/slta search my_video.mp4 "a man lifts a barbell"')


def _shown(span: Span) -> str:
    return f"{clock(span.start)}-{clock(span.end)}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo"))
