"""Small annotation files of every data set, in exactly their authors' shapes."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slta.datasets import SOURCES
from slta.datasets.base import Dataset

CSV = "id,subject,scene,quality,script,actions,length\n"


def charades(root: Path) -> None:
    train = (
        "AO8RW 0.0 6.9##a person is putting a book on a shelf.\n"
        "LEOL6 8.0 7.0##person is holding medicine.\n"
        "XJOJL 45.6 49.0##person snuggles up in a blanket.\n"
    )
    (root / "charades_sta_train.txt").write_text(train)
    test = "3MSZA 24.3 30.4##person turn a light on.\nF7TG5 1.0 2.0##person sits.\n"
    (root / "charades_sta_test.txt").write_text(test)
    lengths = (
        'AO8RW,A,Kitchen,6,"one, two ""quoted""\nand a line break",c1 0 6,30.5\n'
        "LEOL6,A,Hall,6,x,,6.25\nXJOJL,A,Hall,6,x,,47.58\n"
    )
    (root / "Charades_v1_train.csv").write_text(CSV + lengths)
    (root / "Charades_v1_test.csv").write_text(
        CSV + "3MSZA,A,x,6,x,,30.96\nF7TG5,A,x,6,x,,21.08\n"
    )


def tall(root: Path) -> None:
    (root / "tacos_train_0_74.txt").write_text(
        "s13-d21.avi_252_452:He took out cutting board.#person takes it out.#"
        "He took out cutting board.#\n"
    )
    (root / "tacos_val_100_126.txt").write_text("s32-d55.avi_169_324:She waits.#\n")
    (root / "tacos_test_75_99.txt").write_text("s27-d50.avi_233_485:He took it.#\n")


def tan(root: Path) -> None:
    for split, video in (("train", "s17-d69.avi"), ("val", "s34"), ("test", "s30")):
        entry = {
            "timestamps": [[147, 294], [588, 1000]],
            "sentences": ["He  waits.", "He leaves."],
            "fps": 29.4,
            "num_frames": 990,
        }
        (root / f"{split}.json").write_text(json.dumps({video: entry}, indent=1))


def didemo_files(root: Path) -> None:
    for i, split in enumerate(("train", "val", "test")):
        rows = [
            {
                "num_segments": 5,
                "description": "the dog first appears",
                "dl_link": "https://example.org",
                "times": [[4, 4], [0, 1], [4, 4], [0, 1], [4, 4], [2, 3]],
                "video": f"{i}@N01_x.m4v",
                "annotation_id": 100 + i,
            }
        ]
        (root / f"{split}_data.json").write_text(json.dumps(rows))


def qvh_row(qid: int, **more: Any) -> dict[str, Any]:
    row = {"qid": qid, "query": "Chef eats", "duration": 150, "vid": f"v{qid}"}
    return row | more


TOLD = {
    "relevant_windows": [[4, 8], [20, 22]],
    "relevant_clip_ids": [2, 3, 10],
    "saliency_scores": [[1, 2, 3], [4, 0, 1], [2, 2, 2]],
}


def qvh(root: Path) -> None:
    for qid, name in enumerate(("train_release", "val_release", "test_release")):
        told = {} if name == "test_release" else TOLD
        text = json.dumps(qvh_row(qid, **told)) + "\n"
        (root / f"highlight_{name}.jsonl").write_text(text)


def activitynet(root: Path) -> None:
    for name, video in (("train", "v_a"), ("val_1", "v_b"), ("val_2", "v_b")):
        entry = {
            "duration": 82.73,
            "timestamps": [[0.83, 19.86], [17.37, 82.74]],
            "sentences": ["A man sits.", "\n  He\nstands up."],
        }
        (root / f"{name}.json").write_text(json.dumps({video: entry}))


def release(root: Path) -> None:
    pairs = [
        ("a_43_68", "person drinks.", "a_41_57.npy", 2, 11, "person"),
        ("a_43_68", "person drinks.", "a_45_61.npy", -2, 7, "person"),
        ("b_73_91", "he runs", "b_73_89.npy", 0, 2, ""),
    ]
    sentences = [("3MSZA_73_91", "person turn a light on.", "person light")]
    dump(root / "clip_sentence_pairs_iou_charades_noun_word.pkl", pairs)
    dump(root / "charades_clip_sentence_test_new_noun_word.pkl", sentences)
    dump(root / "slta_clip_sentence_pairs_iou_noun_word.pkl", pairs[:2])
    train = [("a_43_68", "person drinks.", "person"), ("a_1_9", "he waits", "he")]
    for split in ("train", "val", "test"):
        rows = train if split == "train" else sentences
        dump(root / f"slta_{split}_clip_sentvec_tacos_new_noun_word.pkl", rows)


def dump(file: Path, content: object) -> None:
    file.write_bytes(pickle.dumps(content))


WRITERS: dict[str, Callable[[Path], None]] = {
    "charades-sta": charades,
    "tacos-tall": tall,
    "tacos-2dtan": tan,
    "didemo": didemo_files,
    "qvhighlights": qvh,
    "activitynet-captions": activitynet,
    "slta-charades": release,
    "slta-tacos": release,
}


def opened(name: str, root: Path) -> Dataset:
    WRITERS[name](root)
    return SOURCES[name].open(root)
