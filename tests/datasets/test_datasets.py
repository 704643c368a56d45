"""The field's data sets, from small files of exactly their authors' shapes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from slta.datasets import (
    DATASETS,
    SOURCES,
    activitynet_captions,
    charades_sta,
    didemo,
    qvhighlights,
    slta_release,
    source,
    tacos,
)
from slta.datasets.annotations import SHARE, is_held_out
from slta.datasets.base import Dataset, VideoFolder
from slta.errors import InputError
from slta.experiments import from_json
from slta.experiments.config import Experiment
from slta.moments import Query, Span
from tests.support.annotation_files import (
    TOLD,
    WRITERS,
    activitynet,
    charades,
    dump,
    opened,
    qvh,
    qvh_row,
    release,
    tall,
    tan,
)
from tests.support.commands import call, refused
from tests.support.videos import film, only_sound, painted


def test_every_source_has_files_to_test_with() -> None:
    assert {*WRITERS, "own"} == SOURCES.keys()


@pytest.mark.parametrize("name", WRITERS)
def test_every_set_has_what_training_needs(tmp_path: Path, name: str) -> None:
    found = opened(name, tmp_path)
    assert {"train", "val", "test"} == found.splits.keys()
    ids = [q.query_id for queries in found.splits.values() for q in queries]
    assert len(ids) == len(set(ids)), "facts are kept by a query's id"
    assert len(found.digest) == 64 and found.folder == tmp_path
    assert found.facts.keys() <= set(ids)
    WRITERS[name](tmp_path)
    assert SOURCES[name].open(tmp_path).digest == found.digest
    assert not SOURCES[name].read(tmp_path).faults


def test_charades_sta(tmp_path: Path) -> None:
    found = opened("charades-sta", tmp_path)
    assert found.splits["train"] == (
        Query(
            "AO8RW:1",
            "AO8RW",
            "a person is putting a book on a shelf.",
            (Span(0.0, 6.9),),
        ),
        Query("LEOL6:2", "LEOL6", "person is holding medicine.", None),
        Query(
            "XJOJL:3", "XJOJL", "person snuggles up in a blanket.", (Span(45.6, 47.58),)
        ),
    )
    assert found.durations_s["AO8RW"] == 30.5
    assert [query.video_id for query in found.splits["test"]] == ["3MSZA", "F7TG5"]
    kinds = [each.oddity for each in charades_sta.read(tmp_path).problems]
    assert kinds == ["start not before end", "span beyond the video"]


def test_charades_sta_as_the_paper_has_it(tmp_path: Path) -> None:
    charades(tmp_path)
    config = charades_sta.CharadesSTAConfig(
        root=str(tmp_path), cut=False, released_only=True
    )
    found = charades_sta.load(config)
    assert found.splits["train"][2].truth == (Span(45.6, 49.0),)
    assert [query.video_id for query in found.splits["test"]] == ["3MSZA"]


def test_charades_sta_needs_no_lengths(tmp_path: Path) -> None:
    charades(tmp_path)
    (tmp_path / "Charades_v1_train.csv").unlink()
    found = charades_sta.read(tmp_path)
    assert [path.name for path in found.absent] == ["Charades_v1_train.csv"]
    assert found.splits["train"][2].truth == (Span(45.6, 49.0),)
    assert not found.faults


def test_tacos_of_tall(tmp_path: Path) -> None:
    found = opened("tacos-tall", tmp_path)
    train = found.splits["train"]
    assert [query.query for query in train] == [
        "He took out cutting board.",
        "person takes it out.",
        "He took out cutting board.",
    ]
    (span,) = train[0].truth or ()
    assert (span.start, span.end) == pytest.approx((252 / 29.4, 452 / 29.4))
    (odd,) = tacos.read_tall(tmp_path).problems
    assert (odd.line, odd.oddity) == (1, "query annotated twice")
    assert found.durations_s == {}


def test_tacos_of_2d_tan(tmp_path: Path) -> None:
    found = opened("tacos-2dtan", tmp_path)
    first, second = found.splits["train"]
    assert first.query == "He waits." and first.video_id == "s17-d69.avi"
    (a,), (b,) = first.truth or (), second.truth or ()
    assert (a.start, a.end) == pytest.approx((5.0, 10.0))
    assert b.end == pytest.approx(990 / 29.4), "cut at the end of the video"
    (odd, *_) = tacos.read_2dtan(tmp_path).problems
    assert odd.oddity == "span beyond the video" and odd.line == 2


def test_the_text_of_tall_takes_lengths_from_beside(tmp_path: Path) -> None:
    tall(tmp_path)
    tan(tmp_path)
    found = tacos.load_tall(tacos.TacosTallConfig(root=str(tmp_path)))
    assert found.durations_s["s17-d69.avi"] == pytest.approx(990 / 29.4)
    assert len(found.splits["train"]) == 3


def test_didemo_keeps_its_annotators(tmp_path: Path) -> None:
    found = opened("didemo", tmp_path)
    (query,) = found.splits["val"]
    assert query == Query(
        "101",
        "1@N01_x.m4v",
        "the dog first appears",
        (Span(20.0, 25.0), Span(0.0, 10.0)),
    )
    chunks = found.facts["101"].chunks
    assert chunks is not None
    assert chunks.tolist() == [[4, 4], [0, 1], [4, 4], [0, 1], [4, 4], [2, 3]]
    assert found.durations_s["1@N01_x.m4v"] == 25.0
    kinds = [each.oddity for each in didemo.read(tmp_path).problems]
    assert kinds == ["video with fewer than six chunks"] * 3


@pytest.mark.parametrize(
    ("chunks", "spans"),
    [
        ([], []),
        ([[1, 2]], [(5.0, 15.0)]),
        ([[0, 0], [1, 1]], [(0.0, 5.0), (5.0, 10.0)]),
        ([[0, 0], [1, 1], [1, 1]], [(5.0, 10.0)]),
        ([[5, 5], [0, 5], [5, 5], [0, 5]], [(25.0, 30.0), (0.0, 30.0)]),
    ],
)
def test_the_truth_of_didemo_is_what_annotators_agree_on(
    chunks: list[list[int]], spans: list[tuple[float, float]]
) -> None:
    assert didemo.agreed(chunks) == spans


def test_qvhighlights_keeps_its_saliency(tmp_path: Path) -> None:
    found = opened("qvhighlights", tmp_path)
    (query,) = found.splits["train"]
    assert query.truth == (Span(4.0, 8.0), Span(20.0, 22.0))
    facts = found.facts["0"]
    assert facts.clips is not None and facts.clips.tolist() == [2, 3, 10]
    assert facts.saliency is not None
    assert facts.saliency.tolist() == [[1, 2, 3], [4, 0, 1], [2, 2, 2]]
    (unknown,) = found.splits["test"]
    assert unknown.truth is None and "2" not in found.facts


def test_qvhighlights_takes_the_truth_of_test_where_it_is(tmp_path: Path) -> None:
    qvh(tmp_path)
    text = json.dumps(qvh_row(2, **TOLD)) + "\n"
    (tmp_path / "highlight_test_with_gt.jsonl").write_text(text)
    config = qvhighlights.QVHighlightsConfig(root=str(tmp_path))
    (query,) = qvhighlights.load(config).splits["test"]
    assert query.truth == (Span(4.0, 8.0), Span(20.0, 22.0))


def test_activitynet_captions(tmp_path: Path) -> None:
    found = opened("activitynet-captions", tmp_path)
    assert [query.query for query in found.splits["train"]] == [
        "A man sits.",
        "He stands up.",
    ]
    assert found.splits["val"][1].truth == (Span(17.37, 82.73),)
    assert found.splits["val"][0].query_id != found.splits["test"][0].query_id


def test_the_release_of_charades_sta(tmp_path: Path) -> None:
    found = opened("slta-charades", tmp_path)
    (first, second) = found.splits["train"] + found.splits["val"]
    assert first.truth == (Span(43 / 3, 68 / 3),)
    windows = found.facts[first.query_id].windows
    assert windows is not None and windows.tolist() == [[41, 57], [45, 61]]
    assert found.facts[second.query_id].nouns == ()
    (test,) = found.splits["test"]
    assert found.facts[test.query_id].nouns == ("person", "light")


def test_the_release_of_tacos(tmp_path: Path) -> None:
    found = opened("slta-tacos", tmp_path)
    paired, alone = (found.facts[q.query_id].windows for q in found.splits["train"])
    assert paired is not None and paired.tolist() == [[41, 57], [45, 61]]
    assert alone is not None and alone.shape == (0, 2)


LINES: dict[str, tuple[str, str, str, str]] = {
    "no marks": ("charades-sta", "charades_sta_train.txt", "AO8RW 1 2 x", "no ## bef"),
    "no times": ("charades-sta", "charades_sta_train.txt", "AO8RW##x", "write VIDEO"),
    "no number": (
        "charades-sta",
        "charades_sta_test.txt",
        "3MSZA a b##x",
        "begins with '3MSZA a b', not with",
    ),
    "unknown video": (
        "charades-sta",
        "charades_sta_train.txt",
        "NOONE 1 2##x",
        "names the video NOONE, which is not in Charades_v1_train.csv; correct its id",
    ),
    "far beyond": (
        "charades-sta",
        "charades_sta_train.txt",
        "AO8RW 1 40##x",
        "ends 9.50 s after the video",
    ),
    "milliseconds": (
        "charades-sta",
        "charades_sta_train.txt",
        "AO8RW 1000 2000##x",
        "look like milliseconds",
    ),
    "reversed, unknown": (
        "charades-sta",
        "charades_sta_train.txt",
        "AO8RW 3 2##x",
        "does not start before it ends",
    ),
    "no sentence": ("charades-sta", "charades_sta_train.txt", "AO8RW 1 2##", "words"),
    "twice": (
        "charades-sta",
        "charades_sta_test.txt",
        "3MSZA 24.3 30.4##person turn a light on.",
        "again, after line 1; remove one",
    ),
    "no length": (
        "charades-sta",
        "Charades_v1_test.csv",
        "X,A,x,6,x,,long",
        'length as "long", .* not a number',
    ),
    "a video twice": (
        "charades-sta",
        "Charades_v1_test.csv",
        "3MSZA,A,x,6,x,,29.0",
        "has a second row of 3MSZA, after line 2; keep one of the two",
    ),
    "no colon": ("tacos-tall", "tacos_val_100_126.txt", "s1_1_2", "no colon bef"),
    "no frames": (
        "tacos-tall",
        "tacos_val_100_126.txt",
        "s1_1:x#",
        "begins with 's1_1', not",
    ),
    "nothing said": (
        "tacos-tall",
        "tacos_val_100_126.txt",
        "s1_1_2:##",
        "has no sentence for",
    ),
    "no object": (
        "qvhighlights",
        "highlight_train_release.jsonl",
        "3",
        "not an object",
    ),
    "no qid": (
        "qvhighlights",
        "highlight_train_release.jsonl",
        '{"vid": "a"}',
        "has no field 'qid'; add it",
    ),
    "half a truth": (
        "qvhighlights",
        "highlight_train_release.jsonl",
        json.dumps(qvh_row(7, relevant_windows=[[0, 2]])),
        "has no field 'relevant_clip_ids'; add it",
    ),
    "saliency too high": (
        "qvhighlights",
        "highlight_train_release.jsonl",
        json.dumps(qvh_row(7, **TOLD | {"saliency_scores": [[5, 0, 0]] * 3})),
        "saliency_scores from 0 to 5; give each from 0 to 4",
    ),
    "saliency too short": (
        "qvhighlights",
        "highlight_train_release.jsonl",
        json.dumps(qvh_row(7, **TOLD | {"saliency_scores": [[1, 0, 0]]})),
        "saliency_scores of 1 clips for 3 clips; give each",
    ),
    "a clip after the end": (
        "qvhighlights",
        "highlight_train_release.jsonl",
        json.dumps(qvh_row(7, **TOLD | {"relevant_clip_ids": [1, 2, 75]})),
        "a clip outside the video of 150 s in relevant_clip_ids",
    ),
    "another length": (
        "qvhighlights",
        "highlight_train_release.jsonl",
        json.dumps(qvh_row(7, vid="v0", duration=120)),
        "a different length than before",
    ),
}


@pytest.mark.parametrize("kind", LINES)
def test_a_line_that_is_wrong_is_told(tmp_path: Path, kind: str) -> None:
    name, file, line, says = LINES[kind]
    WRITERS[name](tmp_path)
    before = (tmp_path / file).read_text()
    number = before.count("\n") + 1
    (tmp_path / file).write_text(before + line + "\n")
    (fault,) = SOURCES[name].read(tmp_path).faults
    assert (fault.file, fault.line) == (tmp_path / file, number)
    with pytest.raises(InputError, match=rf"{file}:{number} .*{says}"):
        SOURCES[name].open(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (",length\n", ",seconds\n", "1 has no column length"),
        (",47.58", ",long", '5 gives length as "long", which is not a number; write s'),
        (",47.58", "", "5 has 6 values"),
    ],
)
def test_a_table_of_lengths_that_is_wrong_is_all_that_is_told(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    charades(tmp_path)
    file = tmp_path / "Charades_v1_train.csv"
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))
    (fault,) = charades_sta.read(tmp_path).faults
    assert str(fault).startswith(f"{file}:{says}")


def changed(name: str, file: str, change: Callable[[Any], Any], says: str) -> Any:
    return pytest.param(name, file, change, says, id=f"{file}, {change.__name__}")


def no_list(_: Any) -> Any:
    return {"a": 1}


def no_object(_: Any) -> Any:
    return [1]


def shorter(content: Any) -> Any:
    next(iter(content.values()))["timestamps"].pop()
    return content


def timeless(content: Any) -> Any:
    for key in ("duration", "fps"):
        next(iter(content.values())).pop(key, None)
    return content


def texts(content: Any) -> Any:
    next(iter(content.values()))["timestamps"][0] = ["0", "1"]
    return content


def null(content: Any) -> Any:
    next(iter(content.values()))["sentences"][0] = None
    return content


def same_id(content: Any) -> Any:
    return [*content, content[0] | {"description": "the dog leaves"}]


def speechless(content: Any) -> Any:
    content[0]["description"] = None
    return content


def chunk_6(content: Any) -> Any:
    content[0]["times"][0] = [4, 5]
    return content


def nine_chunks(content: Any) -> Any:
    content[0]["num_segments"] = 9
    return content


def fractions(content: Any) -> Any:
    content[0]["times"][0] = [0.5, 1]
    return content


def ragged(content: Any) -> Any:
    content[0]["times"][0] = [0]
    return content


def other_count(content: Any) -> Any:
    return [*content, content[0] | {"num_segments": 6, "annotation_id": 7}]


def nameless(content: Any) -> Any:
    del content[0]["video"]
    return content


@pytest.mark.parametrize(
    ("name", "file", "change", "says"),
    [
        changed(
            "didemo",
            "val_data.json",
            no_list,
            r':1 holds {"a": 1}, not a list; get the file again',
        ),
        changed(
            "didemo",
            "val_data.json",
            chunk_6,
            ", entry 1, gives times as .* not all chunks of 5; write the first",
        ),
        changed(
            "didemo",
            "val_data.json",
            nine_chunks,
            ", entry 1, gives num_segments as 9, .*; write one from 1 to 6",
        ),
        changed(
            "didemo",
            "val_data.json",
            fractions,
            ", entry 1, gives times as .*, which is not a table of whole numbers; ",
        ),
        changed(
            "didemo",
            "val_data.json",
            ragged,
            ", entry 1, gives times as .*, which is not a table of whole numbers; ",
        ),
        changed(
            "didemo",
            "val_data.json",
            other_count,
            ", entry 2, gives 1@N01_x.m4v 6 chunks, and others before; get",
        ),
        changed(
            "didemo",
            "val_data.json",
            nameless,
            ", entry 1, has no field 'video'; add it",
        ),
        changed(
            "didemo",
            "val_data.json",
            speechless,
            ", entry 1, gives description as null, which is not a text; write it",
        ),
        changed(
            "didemo",
            "val_data.json",
            same_id,
            ", entry 2, gives the query id '101' again, after entry 1; give each",
        ),
        changed(
            "tacos-2dtan",
            "val.json",
            no_object,
            r":1 holds \[1\], not an object; get the file again",
        ),
        changed(
            "tacos-2dtan",
            "val.json",
            shorter,
            ", entry s34, has 1 timestamps and 2 sentences; give each",
        ),
        changed(
            "tacos-2dtan",
            "val.json",
            timeless,
            ", entry s34, has no field 'fps'; add it",
        ),
        changed(
            "tacos-2dtan",
            "val.json",
            texts,
            r', entry s34, gives timestamps with \["0", "1"\], which is not a pair of',
        ),
        changed(
            "tacos-2dtan",
            "val.json",
            null,
            ", entry s34, gives sentences with null, which is not a text; write",
        ),
        changed(
            "activitynet-captions",
            "val_1.json",
            no_object,
            r":1 holds \[1\], not an object; get the file again",
        ),
        changed(
            "activitynet-captions",
            "val_1.json",
            shorter,
            ", entry v_b, has 1 timestamps and 2 sentences; give each",
        ),
        changed(
            "activitynet-captions",
            "val_1.json",
            timeless,
            ", entry v_b, has no field 'duration'; add it",
        ),
        changed(
            "activitynet-captions",
            "val_1.json",
            texts,
            r', entry v_b, gives timestamps with \["0", "1"\], which is not a pair of',
        ),
        changed(
            "activitynet-captions",
            "val_1.json",
            null,
            ", entry v_b, gives sentences with null, which is not a text; write",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_told(
    tmp_path: Path, name: str, file: str, change: Callable[[Any], Any], says: str
) -> None:
    WRITERS[name](tmp_path)
    content = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps(change(content)))
    (fault,) = SOURCES[name].read(tmp_path).faults
    assert fault.file == tmp_path / file
    with pytest.raises(InputError, match=f"{file}{says}") as caught:
        SOURCES[name].open(tmp_path)
    assert len(str(caught.value)) < len(str(tmp_path)) + 200


@pytest.mark.parametrize("name", ["tacos-2dtan", "activitynet-captions"])
def test_a_video_twice_in_a_file_is_told(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path)
    file = tmp_path / "train.json"
    (entry,) = json.loads(file.read_text()).items()
    twice = ", ".join([f"{json.dumps(entry[0])}: {json.dumps(entry[1])}"] * 2)
    file.write_text(f"{{{twice}}}")
    (fault,) = SOURCES[name].read(tmp_path).faults
    says = f"{file} has the key '{entry[0]}' twice in one object; keep one of the two"
    assert str(fault) == says


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('{"a": 1,\n "b"}', 2, r"is not JSON \(Expecting ':' delimiter at column 5\)"),
        ('{"a', 1, r"is not JSON \(Unterminated string at column 2\)"),
        ("", 1, "is not JSON"),
        ('{"a":\n"\udce9"}', 2, "is not UTF-8"),
        ("[" * 100_000, None, "is not JSON"),
    ],
)
def test_json_that_is_none_is_told(
    tmp_path: Path, text: str, line: int | None, says: str
) -> None:
    activitynet(tmp_path)
    file = tmp_path / "val_1.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    (fault,) = activitynet_captions.read(tmp_path).faults
    assert fault.line == line
    with pytest.raises(InputError, match=says):
        SOURCES["activitynet-captions"].open(tmp_path)


PAIR = ("a_43_68", "person drinks.", "a_41_57.npy", 2, 11, "person")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"a": 1}, "does not hold a list"),
        ([PAIR, list(PAIR)], "entry 2, is not a tuple of the expected"),
        ([PAIR, PAIR[:5]], "entry 2, is not a tuple of the expected"),
        ([(*PAIR[:3], 2.0, 11, "x")], "entry 1, is not a tuple of the expected"),
        ([(*PAIR[:3], 3, 11, "x")], "entry 1, has offsets that do not fit its names"),
        ([("a_43_68", "x", "b_41_57.npy", 2, 11, "x")], "has offsets that do not"),
        ([("a", "x", "a_41_57.npy", 2, 11, "x")], "has the name 'a', not"),
        ([("a_68_43", "x", "a_41_57.npy", 27, -14, "x")], "not start before it ends"),
    ],
)
def test_a_release_that_is_wrong_is_told(
    tmp_path: Path, content: object, says: str
) -> None:
    release(tmp_path)
    dump(tmp_path / slta_release.PAIRS["slta-charades"], content)
    with pytest.raises(InputError, match=says):
        SOURCES["slta-charades"].open(tmp_path)


def test_a_release_with_a_global_is_refused(tmp_path: Path) -> None:
    release(tmp_path)
    dump(tmp_path / slta_release.PAIRS["slta-charades"], [PAIR, np.float64(1)])
    (fault,) = slta_release.read_charades(tmp_path).faults
    assert "is refused (" in fault.what and "could run code" in fault.what
    assert fault.remedy == "get the file from its authors"


def test_pairs_of_no_sentence_are_told(tmp_path: Path) -> None:
    release(tmp_path)
    other = ("a_43_68", "no one says", "a_41_57.npy", 2, 11, "")
    dump(tmp_path / "slta_clip_sentence_pairs_iou_noun_word.pkl", [other])
    with pytest.raises(
        InputError, match="entry 1, is a pair of a sentence that is not in train; get"
    ):
        SOURCES["slta-tacos"].open(tmp_path)


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_without_the_files_is_told(tmp_path: Path, name: str) -> None:
    says = rf"has no split of {name}; put (\S+, )*\S+ and \S+ there"
    with pytest.raises(InputError, match=says):
        SOURCES[name].open(tmp_path)
    with pytest.raises(InputError, match="is not a folder; give the data set's folder"):
        SOURCES[name].open(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", DATASETS)
def test_an_experiment_keeps_its_data_set(kind: type[Any]) -> None:
    """In a run's configuration."""
    config = kind()
    experiment = Experiment(dataset=config)
    back = from_json(json.loads(json.dumps(experiment.to_json())))
    assert back == experiment and type(back.dataset) is kind


@pytest.mark.parametrize("kind", DATASETS)
def test_an_experiment_with_another_data_set_is_opened(
    tmp_path: Path, kind: type[Any]
) -> None:
    if "root" not in kind.__dataclass_fields__:
        return
    (tmp_path / "train.jsonl").write_text(
        '{"video_id": "a", "query": "x", "spans": [[0, 1]]}\n'
    )
    config = kind(root=str(tmp_path))
    if config.name in WRITERS:
        WRITERS[config.name](tmp_path)
    assert "train" in DATASETS[kind](config, None).splits


def test_an_unknown_data_set_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'tacos'; did you mean '(slta-)?tacos"):
        source("tacos")
    with pytest.raises(
        InputError, match="unknown data set 'x'; known are charades-sta"
    ):
        source("x")


def test_val_is_held_out_by_video_whatever_the_others_are() -> None:
    names = [f"V{i:04}" for i in range(5000)]
    held = [name for name in names if is_held_out(name)]
    assert abs(len(held) / len(names) - SHARE) < 0.015
    assert [name for name in reversed(names) if is_held_out(name)] == held[::-1]
    assert held[:3] == [name for name in names[:200] if is_held_out(name)][:3]


def test_files_are_found_by_their_videos(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "s1.avi", "s2.avi.mp4", "b.c.webm"):
        (tmp_path / name).touch()
    for name in ("s1.txt", "s2.avi.srt", "b.c.vtt", "b.c.JPG", ".b.c.webm", "b.c.x"):
        (tmp_path / name).touch()
    files = VideoFolder(tmp_path)
    for video_id, names in {
        "a": ["a.mkv", "a.mp4"],
        "s1.avi": ["s1.avi"],
        "s2.avi": ["s2.avi.mp4"],
        "b.c": ["b.c.webm"],
        "b": [],
        "z": [],
    }.items():
        assert [path.name for path in files.of(video_id)] == names
    assert VideoFolder(tmp_path / "nowhere").of("a") == []


def test_what_is_a_film_is_decided_by_looking(tmp_path: Path) -> None:
    whole = film(tmp_path / "talk.mp4").read_bytes()
    for name in ("talk.mp4.part", "._talk.mp4", ".talk.mkv"):
        (tmp_path / name).write_bytes(whole)
    pictures = [PIL.Image.fromarray(painted(i, (64, 64))) for i in range(1, 4)]
    for suffix in ("webp", "jpg", "png", "gif", "ico"):
        pictures[0].save(tmp_path / f"talk.{suffix}")
    pictures[0].save(
        tmp_path / "talk.awebp", "WEBP", save_all=True, append_images=pictures[1:]
    )
    record = only_sound(tmp_path / "record.mp4", cover=True)
    record.rename(tmp_path / "talk.m4a")
    lines = "A man opens the fridge and takes a beer.\n" * 99
    for suffix in ("description", "txt", "nfo", "info.json", "en.vtt", "log"):
        (tmp_path / f"talk.{suffix}").write_text(lines)
    (tmp_path / "talk.ini").touch()
    (tmp_path / "talk").mkdir()
    film(tmp_path / "plain.mp4").rename(tmp_path / "plain")
    (tmp_path / "broken.mkv").write_text(lines)
    (tmp_path / "broken.webp").write_text(lines)
    files = VideoFolder(tmp_path)
    assert {video_id: [path.name for path in paths] for video_id, paths in files} == {
        "talk": ["talk.mp4"],
        "plain": ["plain"],
        "broken": ["broken.mkv"],
    }
    film(tmp_path / "talk.film", container="matroska")
    names = [path.name for path in VideoFolder(tmp_path).of("talk")]
    assert names == ["talk.mp4", "talk.film"]
    (tmp_path / "talk.mp4").unlink()
    (tmp_path / "talk.film").unlink()
    assert VideoFolder(tmp_path).of("talk") == []


def test_accents_are_one_name_however_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "cafe\u0301.mp4").touch()
    dataset = Dataset("", {}, tmp_path, tmp_path)
    assert dataset.path("caf\u00e9") == dataset.path("cafe\u0301")


def test_a_folder_is_listed_once_for_all_its_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    lists: list[Path] = []
    iterdir = Path.iterdir

    def listed(folder: Path) -> Iterator[Path]:
        lists.append(folder)
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", listed)
    dataset = Dataset("", {}, tmp_path, tmp_path)
    assert [dataset.path(each).name for each in "aba"] == ["a.mp4", "b.mp4", "a.mp4"]
    assert lists == [tmp_path]


def test_a_video_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):
        (tmp_path / name).touch()
    dataset = Dataset("", {}, tmp_path, tmp_path)
    with pytest.raises(InputError, match=r"more than once, as a\.mkv and a\.mp4; keep"):
        dataset.path("a")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Experiment]:
    """What training was begun with."""
    from slta.experiments import DATA
    from slta.training import train as training

    given: list[Experiment] = []

    def train(_: str, experiment: Experiment, folder: Path, **__: object) -> _Run:
        given.append(experiment)
        return _Run(folder)

    usual = DATA["charades_sta"]
    monkeypatch.setitem(DATA, "charades", usual)
    monkeypatch.setattr(training, "train", train)
    return given


@pytest.mark.parametrize("flag", ["--dataset.root", "--root"])
def test_an_experiment_takes_the_folder_as_a_flag(
    flag: str,
    capsys: pytest.CaptureFixture[str],
    begun: list[Experiment],
    tmp_path: Path,
) -> None:
    flags = (flag, tmp_path, "--dataset.no-cut")
    what = "slta", "--on", "charades_sta"
    called = call(capsys, "train", *what, *flags, "--out", tmp_path / "run")
    assert called.code == 0, called.err
    assert begun[0].dataset == charades_sta.CharadesSTAConfig(
        root=str(tmp_path), cut=False
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "shapes_slta --root .",
            "of shapes_slta is synthetic and has no folder; leave --ro",
        ),
        (
            "own --root no",
            "no is not a folder; give the data set's folder with --root DIR",
        ),
        (
            "slta --on charades_sta",
            "charades-sta is not a folder; give the data set's folder",
        ),
        (
            "own --root . --dataset.root x",
            r"--root \. and --dataset.root x are two; giv",
        ),
    ],
)
def test_a_folder_that_cannot_be_trained_with(
    words: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
    begun: list[Experiment],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(call(capsys, "train", *words.split()), says)
    assert begun == []


class _Run:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
