"""Sentences and training pairs as released by the authors of SLTA.

Pickles of plain tuples. Times are frames at 3 a second: ``3MSZA_73_91`` is the span
24.3-30.4 s of Charades-STA. A training pair is (truth, sentence, window, start offset, end
offset, nouns), a sentence (truth, sentence, nouns). ``candidates.released`` gives the
windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from jaxtyping import Float, Int

from slta.datasets import charades_sta, tacos
from slta.datasets.annotations import Annotations, Oddities, once, with_val
from slta.datasets.base import Dataset, Facts
from slta.datasets.source import Count, Source
from slta.errors import InputError
from slta.features.safe_pickle import load as load_literals
from slta.moments.candidates import RELEASED_HZ
from slta.moments.spans import to_frames

CHARADES: Final = "slta-charades"
TACOS: Final = "slta-tacos"
PAIRS = {
    CHARADES: "clip_sentence_pairs_iou_charades_noun_word.pkl",
    TACOS: "clip_sentence_pairs_iou_noun_word.pkl",
}
SENTENCES = {
    CHARADES: {"test": "charades_clip_sentence_test_new_noun_word.pkl"},
    TACOS: {
        split: f"{split}_clip_sentvec_tacos_new_noun_word.pkl"
        for split in ("train", "val", "test")
    },
}
SENTENCE, PAIR = (str, str, str), (str, str, str, int, int, str)
"""Types of the tuples."""


@dataclass(frozen=True, kw_only=True)
class SLTACharadesConfig:
    """Charades-STA in the SLTA release, with a val split held out of train."""

    name: ClassVar[str] = CHARADES
    root: str = "charades-sta"
    """Folder with the two pickles of the release."""


@dataclass(frozen=True, kw_only=True)
class SLTATacosConfig:
    """TACoS in the SLTA release."""

    name: ClassVar[str] = TACOS
    root: str = "tacos"
    """Folder with the four pickles of the release."""


def load_charades(config: SLTACharadesConfig) -> Dataset:
    annotations = read_charades(Path(config.root))
    return annotations.dataset(name=CHARADES, splits=with_val(annotations))


def load_tacos(config: SLTATacosConfig) -> Dataset:
    return read_tacos(Path(config.root)).dataset(name=TACOS)


@once
def read_charades(root: Path) -> Annotations:
    """Train has the sentences of the pairs: the release has no other list of them."""
    annotations = Annotations(root)
    file, pairs = _pairs(annotations, CHARADES, "train")
    if file is not None:
        rows = {(pair[0], pair[1]): (number, pair) for number, pair in reversed(pairs)}
        sentences = [(n, (*key, pair[5])) for key, (n, pair) in rows.items()]
        _add(annotations, "train", file, sentences[::-1], pairs)
    for split, name in SENTENCES[CHARADES].items():
        if file := _file(annotations, name, split):
            _add(annotations, split, file, _rows(annotations, file, SENTENCE))
    return annotations


@once
def read_tacos(root: Path) -> Annotations:
    annotations = Annotations(root, Oddities(duplicates=True, unreadable=True))
    pairs_file, pairs = _pairs(annotations, TACOS)
    for split, name in SENTENCES[TACOS].items():
        file = _file(annotations, name, split)
        if file is None:
            continue
        rows = _rows(annotations, file, SENTENCE)
        _add(annotations, split, file, rows, pairs if split == "train" else ())
        if split == "train" and pairs_file is not None:
            sentences = {row[:2] for _, row in rows}
            for number, pair in pairs:
                if pair[:2] not in sentences:
                    what = "is a pair of a sentence that is not in train"
                    annotations.fault(
                        pairs_file, str(number), what, "get both files again"
                    )
    return annotations


def parse(name: str) -> tuple[str, tuple[int, int]]:
    """
    >>> parse("s13-d21.avi_103_135.npy")
    ('s13-d21.avi', (103, 135))
    """
    try:
        video_id, first, end = name.removesuffix(".npy").rsplit("_", 2)
        return video_id, (int(first), int(end))
    except ValueError:
        raise ValueError(f"has the name {name!r}, not VIDEO_FIRST_END") from None


def truth_frames(spans: Float[np.ndarray, "n 2"]) -> Int[np.ndarray, "n 2"]:
    """True spans in the release's frames, from seconds with one decimal.

    The nearest frame numbers, but 1 for a start at 0. Reproduces all names of the release.

    >>> truth_frames(np.array([[24.3, 30.4], [0.0, 10.5]])).tolist()
    [[73, 91], [1, 32]]
    """
    frames = to_frames(spans.round(1), RELEASED_HZ)
    frames[spans[:, 0] == 0, 0] = 1
    return frames


Row = tuple[Any, ...]
Rows = Sequence[tuple[int, Row]]
"""Tuples with their positions in the file, from 1."""


def _file(annotations: Annotations, name: str, split: str | None = None) -> Path | None:
    return annotations.file(name, f"slta_{name}", split=split)


def _pairs(
    annotations: Annotations, name: str, split: str | None = None
) -> tuple[Path | None, Rows]:
    """The valid training pairs; others become faults."""
    file = _file(annotations, PAIRS[name], split)
    if file is None:
        return None, []
    usable = []
    for number, row in _rows(annotations, file, PAIR):
        try:
            (video_id, truth), (other_id, window) = parse(row[0]), parse(row[2])
            offsets = (truth[0] - window[0], truth[1] - window[1])
            if other_id != video_id or offsets != row[3:5]:
                raise ValueError("has offsets that do not fit its names")
        except ValueError as error:
            annotations.fault(file, str(number), str(error), "get the file again")
            continue
        usable.append((number, row))
    return file, usable


def _rows(annotations: Annotations, file: Path, kinds: tuple[type, ...]) -> Rows:
    """The tuples of these types in a list; others become faults."""
    try:
        content = load_literals(file)
    except InputError as error:
        what, _, remedy = str(error).removeprefix(f"{file} ").rpartition("; ")
        annotations.fault(file, None, what, remedy)
        return []
    if not isinstance(content, list):
        annotations.fault(file, None, "does not hold a list", "get the file again")
        return []
    rows = []
    for number, row in enumerate(content, start=1):
        if isinstance(row, tuple) and tuple(map(type, row)) == kinds:
            rows.append((number, row))
        else:
            what = "is not a tuple of the expected types"
            annotations.fault(file, str(number), what, "get the file again")
    return rows


def _add(
    annotations: Annotations, split: str, file: Path, rows: Rows, pairs: Rows = ()
) -> None:
    windows: dict[Row, dict[tuple[int, int], None]] = {}
    for _, pair in pairs:
        windows.setdefault(pair[:2], {})[parse(pair[2])[1]] = None
    for number, (truth, sentence, nouns) in rows:
        try:
            video_id, (first, end) = parse(truth)
        except ValueError as error:
            annotations.fault(file, str(number), str(error), "get the file again")
            continue
        own_windows = list(windows.get((truth, sentence), ()))
        annotations.add(
            split,
            file,
            str(number),
            query_id=f"{video_id}:{split}:{number}",
            video_id=video_id,
            query=sentence,
            spans=[(first / RELEASED_HZ, end / RELEASED_HZ)],
            facts=Facts(
                nouns=tuple(nouns.split()),
                windows=np.array(own_windows, np.int64).reshape(-1, 2)
                if pairs
                else None,
            ),
        )


GET = "the SLTA repository, github.com/BonnieHuangxin/SLTA"
CHARADES_SOURCE = Source(
    title="Charades-STA, the SLTA release",
    files=f"{PAIRS[CHARADES]}, {SENTENCES[CHARADES]['test']}; "
    "names may begin with slta_",
    authors="Jiang et al., ICMR 2019",
    get=GET,
    licence="Charades: non-commercial research",
    size="2.3 MB",
    film_h=54.6,
    videos=charades_sta.VIDEOS,
    layout="pickled (TRUTH, SENTENCE, WINDOW, START OFFSET, END OFFSET, NOUNS) and "
    "(TRUTH, SENTENCE, NOUNS), frames at 3 a second",
    counts={"train": Count(5066, 11363, pairs=29589), "test": Count(1322, 3694)},
    read=read_charades,
    splits=with_val,
    open=lambda root: load_charades(SLTACharadesConfig(root=str(root))),
)
TACOS_SOURCE = Source(
    title="TACoS, the SLTA release",
    files=", ".join([PAIRS[TACOS], *SENTENCES[TACOS].values()])
    + "; names may begin with slta_",
    authors="Jiang et al., ICMR 2019",
    get=GET,
    licence="MPII Cooking: research use",
    size="2.3 MB",
    film_h=tacos.FILM_H,
    videos=tacos.VIDEOS,
    layout=CHARADES_SOURCE.layout,
    counts={
        "train": Count(75, 10146, pairs=12371),
        "val": Count(27, 4589),
        "test": Count(25, 4083),
    },
    read=read_tacos,
    open=lambda root: load_tacos(SLTATacosConfig(root=str(root))),
)
