"""GloVe word vectors, as in SLTA's paper.

Pennington et al., GloVe: Global Vectors for Word Representation (EMNLP 2014). Read from
the authors' text file, or from a matrix and a list of the words of its rows. A word is
looked up in lower case first, then as written. The text file is indexed once, in the
store; after that only the lines of requested words are read.
"""

import hashlib
import json
import logging
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int64, UInt64

from slta.errors import InputError
from slta.features.store import Store, trusted

VERSION = "1"
FEWEST = 10
"""Minimum vector size; shorter lines are a header, or not of such a file."""
PUBLISHED = "glove.840B.300d.txt of nlp.stanford.edu/projects/glove"

logger = logging.getLogger(__name__)


class WordVectors(Protocol):
    """Word vectors in files."""

    digest: str
    size: int
    """Vector size."""

    def find(self, word: str) -> Float[np.ndarray, " g"] | None: ...


class Glove:
    def __init__(self, files: str, store: Store) -> None:
        """``files`` is FILE.txt, or VECTORS.npy,WORDS.json, or VECTORS.npy,WORDS.txt."""
        vectors, _, names = files.partition(",")
        if not vectors:
            raise InputError(
                f"glove needs a file: glove:FILE.txt, such as {PUBLISHED}, or "
                "glove:VECTORS.npy,WORDS.json"
            )
        paths = [Path(name).expanduser() for name in (vectors, names) if name]
        for path in paths:
            if not path.is_file():
                raise InputError(
                    f"there is no file {path} of word vectors; get {PUBLISHED}, or give "
                    "VECTORS.npy,WORDS.json"
                )
        if paths[0].suffix == ".npy" and not names:
            raise InputError(
                f"{paths[0]} does not say which word a row belongs to; add the file that "
                f"does: glove:{files},WORDS.json"
            )
        self._source: WordVectors = (
            _Matrix(*paths, store=store) if names else _Text(paths[0], store)
        )
        self.id = f"glove:{paths[0].name}@{VERSION}-{self._source.digest[:12]}"
        self._known: dict[str, Float[np.ndarray, " g"]] = {}

    def vectors(self, words: Sequence[str]) -> Float[np.ndarray, "w g"]:
        rows = np.zeros((len(words), self._source.size), np.float32)
        for row, word in zip(rows, words, strict=True):
            row[:] = self._vector(word)
        return rows

    def _vector(self, word: str) -> Float[np.ndarray, " g"]:
        if word not in self._known:
            vector = self._source.find(word.lower())
            if vector is None:
                vector = self._source.find(word)
            if vector is None:
                vector = np.zeros(self._source.size, np.float32)
            self._known[word] = vector
        return self._known[word]


class _Text:
    """GloVe's text file: each line a word and its numbers, separated by spaces.

    Some words contain spaces, so lines are parsed from their end; the first word has none,
    which gives the vector size. Of repeated words the first, more frequent one counts.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self._path = path
        self.digest = store.digest(path)
        name = f"glove-lines-{VERSION}-{self.digest[:32]}"
        record = store.read("words", name)
        if record is None:
            logger.info("indexing the words in %s, once", path.name)
            facts: dict[str, Any] = {}
            with store.write("words", name, facts=facts) as writer:
                hashes, starts, facts["size"] = _index(path)
                writer.append({"hashes": hashes, "starts": starts})
            record = store.read("words", name)
            assert record is not None
        with trusted(record):
            self._hashes = record.arrays["hashes"]
            self._starts = record.arrays["starts"]
            self.size = int(record.facts["size"])

    def find(self, word: str) -> Float[np.ndarray, " g"] | None:
        token = word.encode(errors="surrogatepass")
        wanted = _hash(token)
        first, end = (
            int(np.searchsorted(self._hashes, np.uint64(wanted), side))
            for side in ("left", "right")
        )
        for start in self._starts[first:end].tolist():
            with self._path.open("rb") as file:
                file.seek(start)
                name, numbers = _cut(file.readline(), self.size)
            if name == token:
                return self._read(word, numbers)
        return None

    def _read(self, word: str, numbers: list[bytes]) -> Float[np.ndarray, " g"]:
        try:
            vector = np.array(numbers).astype(np.float32)
            if not np.isfinite(vector).all():
                raise ValueError("not all are numbers")
        except ValueError as error:
            raise InputError(
                f"the vector of {word!r} in {self._path} cannot be read ({error}); "
                "copy or download the file again"
            ) from error
        return vector


class _Matrix:
    """A matrix and the words of its rows: a .json with the row of every word, or a .txt
    with a word a line."""

    def __init__(self, path: Path, names: Path, *, store: Store) -> None:
        digests = f"{store.digest(path)} {store.digest(names)}"
        self.digest = hashlib.sha256(digests.encode()).hexdigest()
        try:
            self._rows = np.load(path, mmap_mode="r", allow_pickle=False)
            if self._rows.ndim != 2 or self._rows.dtype.kind != "f":
                kind = f"{self._rows.dtype} {list(self._rows.shape)}"
                raise ValueError(f"it holds {kind}, not one row of numbers per word")
        except (OSError, ValueError, EOFError) as error:
            raise InputError(
                f"{path} cannot be read as vectors ({error}); give a .npy with one row "
                "per word"
            ) from error
        self._places = _places(names, len(self._rows))
        self._path = path
        self.size = int(self._rows.shape[1])

    def find(self, word: str) -> Float[np.ndarray, " g"] | None:
        if word not in self._places:
            return None
        vector = np.array(self._rows[self._places[word]], np.float32)
        if not np.isfinite(vector).all():
            raise InputError(
                f"the vector of {word!r} in {self._path}, row {self._places[word]}, is "
                "not all numbers; copy or download the file again"
            )
        return vector


def _index(path: Path) -> tuple[UInt64[np.ndarray, " n"], Int64[np.ndarray, " n"], int]:
    """Sorted hashes of the words, the offset of each word's line, and the vector size."""
    hashes, starts = array("Q"), array("q")
    with path.open("rb") as file:
        size = file.readline().rstrip().count(b" ")
        if size < FEWEST:
            raise InputError(
                f"{path}:1 is not a word with its vector; give a file such as "
                f"{PUBLISHED}, without a title"
            )
        file.seek(0)
        start = 0
        for number, line in enumerate(file, start=1):
            spaces = line.rstrip().count(b" ")
            if spaces < size:
                raise InputError(
                    f"{path}:{number} holds {spaces} numbers, the first line holds "
                    f"{size}; copy or download the file again"
                )
            # Parsing lines from their end is slow, and few words contain spaces.
            name = line.partition(b" ")[0] if spaces == size else _cut(line, size)[0]
            hashes.append(_hash(name))
            starts.append(start)
            start += len(line)
    keys = np.frombuffer(hashes, np.uint64)
    order = np.argsort(keys, kind="stable")
    return keys[order], np.frombuffer(starts, np.int64)[order], size


def _cut(line: bytes, size: int) -> tuple[bytes, list[bytes]]:
    """The word, which may contain spaces, and its numbers."""
    name, *numbers = line.rstrip().rsplit(b" ", size)
    return name, numbers


def _hash(token: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(token, digest_size=8).digest())


def _places(path: Path, rows: int) -> dict[str, int]:
    """The row of each word."""
    try:
        text = path.read_bytes().decode()
        if path.suffix == ".json":
            places = json.loads(text)
        else:
            # Not splitlines: words may contain other line separators.
            lines = text.removesuffix("\n").split("\n")
            places = {word: i for i, word in reversed([*enumerate(lines)])}
            if len(lines) != rows:
                raise ValueError(f"it has {len(lines)} words")
        if not isinstance(places, dict):
            raise ValueError("it is not an object with the row of every word")
        if wrong := [w for w, i in places.items() if type(i) is not int]:
            raise ValueError(f"the row of {wrong[0]!r} is {places[wrong[0]]!r}")
        if wrong := [w for w, i in places.items() if not 0 <= i < rows]:
            raise ValueError(f"{wrong[0]!r} is in row {places[wrong[0]]}")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} does not name the words of the {rows} rows ({error}); give the file "
            "that belongs to the vectors"
        ) from error
    return places
