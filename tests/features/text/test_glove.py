"""Words from GloVe's text file, and from a matrix with the words of its rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.datasets.split import unknown_words
from slta.errors import InputError
from slta.features import words
from slta.features.base import Reader, Words
from slta.features.library import Library
from slta.features.store import Store
from slta.features.text import glove
from slta.features.text.glove import Glove
from slta.models.base import Sizes
from slta.runs.run import About
from slta.search import Searcher
from tests.support.commands import call, refused
from tests.support.extractors import Colours, coloured
from tests.support.word_vectors import SIZE, vector, write_vectors


def slow(path: Path, word: str) -> list[float]:
    """All lines from the first, until one is of the word in small letters, then again
    for the word as it is written."""
    for asked in (word.lower(), word):
        for line in path.read_bytes().decode().split("\n"):
            if (
                line.startswith(f"{asked} ")
                and line.count(" ") == asked.count(" ") + SIZE
            ):
                return [float(n) for n in line[len(asked) + 1 :].split(" ")]
    return [0.0] * SIZE


def of(path: Path, *asked: str) -> np.ndarray:
    return Glove(str(path), Store(path.parent / "store")).vectors(asked)


def test_words_have_the_numbers_of_their_lines(tmp_path: Path) -> None:
    path = write_vectors(
        tmp_path / "g.txt", "the", ",", "dog", "café", "The", "'s", "狗"
    )
    asked = ["dog", "the", "THE", "Café", "'s", "狗", ",", "dog", "cat"]
    found = of(path, *asked)
    assert found.shape == (9, SIZE) and found.dtype == np.float32
    for row, word in zip(found, asked, strict=True):
        np.testing.assert_allclose(row, slow(path, word), rtol=1e-6)
    assert found[:-1].any(axis=1).all() and not found[-1].any()


def test_small_letters_come_before_those_that_are_written(tmp_path: Path) -> None:
    path = write_vectors(tmp_path / "g.txt", "May", "may", "Berlin")
    may, berlin = of(path, "May", "Berlin")
    np.testing.assert_allclose(may, slow(path, "may"), rtol=1e-6)
    assert berlin.any() and not of(path, "berlin").any()


def test_words_that_hold_spaces_do_not_disturb_the_others(tmp_path: Path) -> None:
    """As in glove.840B.300d.txt, which has ". . ." and "at name@domain.com"."""
    names = ["the", ". . .", "at name@domain.com", "at", ".", "\u00a0", "\u2028", "dog"]
    path = write_vectors(tmp_path / "g.txt", *names)
    found = of(path, *names)
    for i, row in enumerate(found):
        np.testing.assert_allclose(row, [float(n) for n in vector(i)], rtol=1e-6)


def test_of_several_lines_of_a_word_the_first_counts(tmp_path: Path) -> None:
    path = write_vectors(tmp_path / "g.txt", "dog", "cat", "dog", "cat", "dog")
    found = of(path, "dog", "cat")
    np.testing.assert_allclose(found, [slow(path, "dog"), slow(path, "cat")], rtol=1e-6)


@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
def test_however_lines_end(tmp_path: Path, end: str) -> None:
    path = write_vectors(tmp_path / "g.txt", "the", "a b", "dog", end=end)
    expected = of(
        write_vectors(tmp_path / "other.txt", "the", "a b", "dog"), "dog", "a b"
    )
    np.testing.assert_array_equal(of(path, "dog", "a b"), expected)


def test_the_last_line_may_have_no_end(tmp_path: Path) -> None:
    path = write_vectors(tmp_path / "g.txt", "the", "dog")
    path.write_bytes(path.read_bytes().rstrip())
    np.testing.assert_allclose(of(path, "dog")[0], slow(path, "dog"), rtol=1e-6)


def test_words_of_one_number_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words are found by a number that two of them may share."""
    monkeypatch.setattr(glove, "_hash", lambda token: len(token))
    path = write_vectors(tmp_path / "g.txt", "the", "dog", "cats", "cat", "bird")
    asked = ["cat", "bird", "dog", "the", "cow", "cats", "aardvark", "a"]
    expected = [slow(path, word) for word in asked]
    np.testing.assert_allclose(of(path, *asked), expected, rtol=1e-6)


token = st.text(
    st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1
)


@given(st.lists(token.filter(lambda t: t.strip() == t), min_size=1, max_size=6))
def test_any_words(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """After a first word without a space, which tells how long a vector is."""
    names = ["the", *names]
    path = write_vectors(tmp_path_factory.mktemp("any") / "g.txt", *names)
    found = of(path, *names)
    rows = {name: i for i, name in reversed([*enumerate(names)])}
    for row, name in zip(found, names, strict=True):
        place = rows.get(name.lower(), rows[name])
        np.testing.assert_allclose(row, [float(n) for n in vector(place)], rtol=1e-6)


def test_the_file_is_read_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = (
        write_vectors(tmp_path / "g.txt", "the", "dog"),
        Store(tmp_path / "store"),
    )
    first = Glove(str(path), store).vectors(["dog"])

    def refuse(*_: object) -> None:
        raise AssertionError("the file was read through again")

    monkeypatch.setattr(glove, "_index", refuse)
    monkeypatch.setattr("hashlib.file_digest", refuse)
    np.testing.assert_array_equal(Glove(str(path), store).vectors(["dog"]), first)


def test_an_index_that_was_begun_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = (
        write_vectors(tmp_path / "g.txt", "the", "dog"),
        Store(tmp_path / "store"),
    )

    def stop(_: bytes) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(glove, "_hash", stop)
        Glove(str(path), store)
    found = Glove(str(path), store).vectors(["dog"])
    np.testing.assert_allclose(found[0], slow(path, "dog"), rtol=1e-6)


def matrix(folder: Path, *names: str, listed: str = "words.json") -> tuple[Path, Path]:
    rows = np.array([vector(i) for i in range(len(names))]).astype(np.float64)
    np.save(folder / "v.npy", rows)
    if listed.endswith(".json"):
        text = json.dumps({name: i for i, name in enumerate(names)})
    else:
        text = "".join(f"{name}\n" for name in names)
    (folder / listed).write_text(text)
    return folder / "v.npy", folder / listed


@pytest.mark.parametrize("listed", ["words.json", "words.txt"])
def test_a_matrix_has_the_words_of_its_rows(tmp_path: Path, listed: str) -> None:
    rows, names = matrix(tmp_path, "<pad>", "dog", "The", "the", listed=listed)
    found = Glove(f"{rows},{names}", Store(tmp_path)).vectors(["Dog", "the", "cat"])
    assert found.dtype == np.float32
    expected = [vector(1), vector(3), ["0"] * SIZE]
    np.testing.assert_allclose(found, np.array(expected).astype(float), rtol=1e-6)


def test_a_word_that_is_listed_twice_has_its_first_row(tmp_path: Path) -> None:
    rows, names = matrix(tmp_path, "dog", "cat", "dog", listed="words.txt")
    found = Glove(f"{rows},{names}", Store(tmp_path)).vectors(["dog"])
    np.testing.assert_allclose(found[0], np.array(vector(0)).astype(float), rtol=1e-6)


@pytest.mark.real
@pytest.mark.parametrize("kind", ["charades", "tacos"])
def test_the_words_that_another_project_kept(
    kind: str, shared: Path, tmp_path: Path
) -> None:
    folder = shared / "data" / "glove"
    listed = folder / f"cbp_{kind}_word2id.json"
    kept = folder / f"cbp_{kind}_glove_embeds.npy"
    one = words(f"glove:{kept},{listed}", Store(tmp_path))
    assert isinstance(one, Words)
    places = json.loads(listed.read_text())
    asked = [word for word in places if word == word.lower()]
    expected = np.load(kept, allow_pickle=False)[[places[word] for word in asked]]
    np.testing.assert_array_equal(one.vectors(asked), expected.astype(np.float32))


def test_the_id_is_that_of_the_content(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    here, there = tmp_path / "a", tmp_path / "b"
    for folder in (here, there):
        folder.mkdir()
        write_vectors(folder / "g.txt", "the", "dog")
    one, same = (Glove(str(each / "g.txt"), store).id for each in (here, there))
    write_vectors(there / "g.txt", "the", "cat")
    other = Glove(str(there / "g.txt"), store).id
    assert one == same != other
    assert one.startswith("glove:g.txt@1-") and str(tmp_path) not in one
    rows, names = matrix(here, "dog", "cat")
    first = Glove(f"{rows},{names}", store).id
    rows, names = matrix(here, "cat", "dog")
    assert Glove(f"{rows},{names}", store).id != first


def spoil_line(
    number: int, change: Callable[[bytes], bytes]
) -> Callable[[Path], object]:
    def spoil(path: Path) -> None:
        lines = path.read_bytes().split(b"\n")
        lines[number - 1] = change(lines[number - 1])
        path.write_bytes(b"\n".join(lines))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(
            spoil_line(3, lambda line: line[:30]),
            r"g.txt:3 holds 3 numbers, the first line holds 12; copy or download",
            id="a line that is cut",
        ),
        pytest.param(
            spoil_line(1, lambda line: b"3 12\n" + line),
            "g.txt:1 is not a word with its vector; .*, without a title",
            id="a title",
        ),
        pytest.param(
            lambda path: path.write_bytes(b""), "g.txt:1 is not a word", id="empty"
        ),
        pytest.param(
            lambda path: path.write_bytes(bytes(range(256)) * 9),
            "g.txt:1 is",
            id="bytes",
        ),
        pytest.param(
            spoil_line(3, lambda line: line[:-7] + b"x.12345"),
            "the vector of 'dog' in .*g.txt cannot be read",
            id="no number",
        ),
        pytest.param(
            spoil_line(3, lambda line: line.rpartition(b" ")[0] + b" nan"),
            r"the vector of 'dog' in .* cannot be read \(not all are numbers\)",
            id="not a number",
        ),
    ],
)
def test_a_text_that_cannot_be_used_is_told_with_its_line(
    spoil: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    path = write_vectors(tmp_path / "g.txt", "the", "a", "dog", "cat")
    spoil(path)
    with pytest.raises(InputError, match=says) as raised:
        of(path, "dog")
    assert "\n" not in str(raised.value)


def shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def with_json(content: object) -> Callable[[Path, Path], object]:
    return lambda rows, names: names.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(
            lambda rows, _: shorter(rows), "v.npy cannot be read as v", id="cut"
        ),
        pytest.param(
            lambda rows, _: np.save(rows, np.array([{}]), allow_pickle=True),
            "v.npy cannot be read as vectors .* give a .npy with one row per word",
            id="pickled",
        ),
        pytest.param(
            lambda rows, _: np.save(rows, np.zeros(3)), r"float64 \[3\], not", id="flat"
        ),
        pytest.param(
            lambda rows, _: np.save(rows, np.full((3, SIZE), np.nan)),
            "vector of 'dog' in .*v.npy, row 1, is not all numbers",
            id="not a number",
        ),
        pytest.param(
            with_json({"dog": 3}),
            "'dog' is in row 3.*that belongs to the v",
            id="beyond",
        ),
        pytest.param(with_json({"dog": "1"}), "row of 'dog' is '1'", id="no row"),
        pytest.param(with_json({"dog": True}), "row of 'dog' is True", id="true"),
        pytest.param(
            with_json(["dog"]), "it is not an object with the row", id="a list"
        ),
        pytest.param(
            lambda _, names: shorter(names), "does not name the words of", id="half"
        ),
        pytest.param(
            lambda _, names: names.write_bytes(b"\xff"),
            "does not name the words of",
            id="bytes",
        ),
    ],
)
def test_a_matrix_that_cannot_be_used_is_told(
    spoil: Callable[[Path, Path], object], says: str, tmp_path: Path
) -> None:
    rows, names = matrix(tmp_path, "the", "dog", "cat and many more letters, so many")
    spoil(rows, names)
    with pytest.raises(InputError, match=says) as raised:
        Glove(f"{rows},{names}", Store(tmp_path)).vectors(["dog"])
    assert "\n" not in str(raised.value)


def test_a_list_of_another_length_is_told(tmp_path: Path) -> None:
    rows, names = matrix(tmp_path, "a", "b", "c", listed="words.txt")
    names.write_text("a\nb\n")
    with pytest.raises(InputError, match=r"the words of the 3 rows \(it has 2 words"):
        Glove(f"{rows},{names}", Store(tmp_path))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "glove",
            "glove needs a file: glove:FILE.txt, such as glove.840B.300d.txt of nlp",
        ),
        (
            "glove:no.txt",
            "there is no file no.txt of word vectors; get glove.840B.300d.txt of",
        ),
        ("glove:.", "there is no file . of word vectors"),
        ("glov:x", r"unknown words 'glov:x'; did you mean glove\?"),
        (
            "glove:v.npy",
            "v.npy does not say which word a row belongs to; .*v.npy,WORDS.json",
        ),
        ("glove:v.npy,no.json", "there is no file no.json"),
    ],
)
def test_words_that_are_not_there_are_told_where_to_get(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", np.zeros((2, SIZE)))
    with pytest.raises(InputError, match=says) as raised:
        words(name, Store(tmp_path / "store"))
    assert "\n" not in str(raised.value)


def test_no_name_leaves_the_words_to_the_extractor(tmp_path: Path) -> None:
    assert words("", Store(tmp_path)) is None


def test_a_library_reads_with_the_words_it_is_given(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = write_vectors(tmp_path / "g.txt", "red", "dog")
    plain = Library(Colours(), store, 2.0)
    given = replace(plain, words=Glove(str(path), store))
    own, asked = plain.reader.text("red"), given.reader.text("red")
    assert asked.word_vectors.shape == (1, SIZE) and own.word_vectors.shape == (1, 3)
    np.testing.assert_array_equal(asked.meanings, own.meanings)
    assert asked.words == own.words and asked.unknown == ()
    assert isinstance(given.reader, Reader) and isinstance(plain.reader, Reader)
    assert given.reader.text("green").unknown == ("green",)
    # What was read with one is not taken for what was read with the other.
    for library in (plain, given, plain, given):
        (found,) = library.sentences(["red"])
        expected = own if library is plain else asked
        np.testing.assert_array_equal(found.word_vectors, expected.word_vectors)
    # A video looks the same, whatever the words are.
    film = coloured(tmp_path / "film.mp4")
    assert plain.record(film).folder == given.record(film).folder


def test_words_without_a_vector_are_counted(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = write_vectors(tmp_path / "g.txt", "red")
    library = Library(Colours(), store, 2.0, words=Glove(str(path), store))
    asked = library.sentences(["red", "green", "blue", "green", "red"])
    assert unknown_words(asked) == (5, {"green": 2, "blue": 1})
    assert unknown_words([]) == (0, {})


def test_a_run_refuses_other_words(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    one, other = (
        Glove(str(write_vectors(tmp_path / f"{name}.txt", name)), store)
        for name in "ab"
    )
    plain, weights = Library(Colours(), store, 2.0), tmp_path / "weights"
    libraries = plain, replace(plain, words=one), replace(plain, words=other)
    sizes = Sizes(region=3, frame=3, word=SIZE)
    assert About.of(plain, sizes).words == "colours@1"
    assert About.of(libraries[1], sizes).words == f"colours+{one.id}@1"
    for trained in libraries:
        about = About.of(trained, sizes)
        for asked in libraries:
            # Those of before this was kept are not held to anything.
            replace(about, words="").check(asked, weights)
            if asked is trained:
                about.check(asked, weights)
                continue
            says = f"sentence features of {about.words}, not .*; give those words wi"
            with pytest.raises(InputError, match=says.replace("+", r"\+")) as raised:
                about.check(asked, weights)
            assert "\n" not in str(raised.value)


def test_words_are_for_a_trained_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = coloured(tmp_path / "film.mp4")
    path = write_vectors(tmp_path / "g.txt", "red")
    done = call(capsys, "search", film, "a cat", "--words", f"glove:{path}")
    refused(done, "is for a trained model; give a run with --checkpoint RUN, or leave")
    with pytest.raises(InputError, match="for a trained model"):
        Searcher(words_name="glove", store=tmp_path / "store")
