"""Words as the paper has them: GloVe's vectors, which do not know their sentence.

Pennington et al., GloVe: Global Vectors for Word Representation (EMNLP 2014). From the
text file that its authors publish, or from a matrix and the words of its rows, as other
projects keep them. A word is looked up in small letters first, as the field does, and
then as it is written. Of the text file, a line a word, only the lines of the words that
are asked for are read, once the store has its index: where the line of each word begins.
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
"""Numbers in a vector; fewer are another kind of file, or its title."""
PUBLISHED = "glove.840B.300d.txt of nlp.stanford.edu/projects/glove"

logger = logging.getLogger(__name__)


class WordVectors(Protocol):
    """Vectors in files."""

    digest: str
    size: int
    """Numbers in a vector."""

    def find(self, word: str) -> Float[np.ndarray, " g"] | None: ...


class Glove:
    def __init__(self, files: str, store: Store) -> None:
        """``files`` are one .txt, or a .npy and a .json or .txt with a comma between."""
        vectors, _, names = files.partition(",")
        if not vectors:
            raise InputError(
                f"glove needs a file: glove:FILE.txt, such as {PUBLISHED}, or "
                "glove:VECTORS.npy,WORDS.json"
            )
        paths = [Path(each).expanduser() for each in (vectors, names) if each]
        for path in paths:
            if not path.is_file():
                raise InputError(
                    f"there is no file {path} of words; get {PUBLISHED}, or give "
                    "VECTORS.npy,WORDS.json"
                )
        if paths[0].suffix == ".npy" and not names:
            raise InputError(
                f"{paths[0]} does not say of which word a row is; add the file that "
                f"does: glove:{files},WORDS.json"
            )
        self._source: WordVectors = (
            _Matrix(*paths, store=store) if names else _Text(paths[0], store)
        )
        self.id = f"glove:{paths[0].name}@{VERSION}-{self._source.digest[:12]}"
        self._known: dict[str, Float[np.ndarray, " g"]] = {}

    def vectors(self, words: Sequence[str]) -> Float[np.ndarray, "w g"]:
        found = np.zeros((len(words), self._source.size), np.float32)
        for row, word in zip(found, words, strict=True):
            row[:] = self._vector(word)
        return found

    def _vector(self, word: str) -> Float[np.ndarray, " g"]:
        if word not in self._known:
            found = self._source.find(word.lower())
            if found is None:
                found = self._source.find(word)
            if found is None:
                found = np.zeros(self._source.size, np.float32)
            self._known[word] = found
        return self._known[word]


class _Text:
    """GloVe's own file: a word a line, then its numbers, all with a space between.

    Some words hold spaces, so a line is read from its end; the first word holds none and
    so tells how long a vector is. Where a word has several lines the first counts: the
    file begins with what is frequent.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self._path = path
        self.digest = store.digest(path)
        name = f"glove-lines-{VERSION}-{self.digest[:32]}"
        record = store.read("words", name)
        if record is None:
            logger.info("finding the words in %s, once", path.name)
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
            found = np.array(numbers).astype(np.float32)
            if not np.isfinite(found).all():
                raise ValueError("not all are numbers")
        except ValueError as error:
            raise InputError(
                f"the vector of {word!r} in {self._path} cannot be read ({error}); "
                "copy or download the file again"
            ) from error
        return found


class _Matrix:
    """A matrix, and which word each of its rows is of: a .json with the row of every
    word, or a .txt with a word a line."""

    def __init__(self, path: Path, names: Path, *, store: Store) -> None:
        digests = f"{store.digest(path)} {store.digest(names)}"
        self.digest = hashlib.sha256(digests.encode()).hexdigest()
        try:
            self._rows = np.load(path, mmap_mode="r", allow_pickle=False)
            if self._rows.ndim != 2 or self._rows.dtype.kind != "f":
                kind = f"{self._rows.dtype} {list(self._rows.shape)}"
                raise ValueError(f"it holds {kind}, not a row of numbers a word")
        except (OSError, ValueError, EOFError) as error:
            raise InputError(
                f"{path} cannot be read as vectors ({error}); give a .npy with a row "
                "a word"
            ) from error
        self._places = _places(names, len(self._rows))
        self._path = path
        self.size = int(self._rows.shape[1])

    def find(self, word: str) -> Float[np.ndarray, " g"] | None:
        if word not in self._places:
            return None
        found = np.array(self._rows[self._places[word]], np.float32)
        if not np.isfinite(found).all():
            raise InputError(
                f"the vector of {word!r} in {self._path}, row {self._places[word]}, is "
                "not all numbers; copy or download the file again"
            )
        return found


def _index(path: Path) -> tuple[UInt64[np.ndarray, " n"], Int64[np.ndarray, " n"], int]:
    """A number for the word of every line, in rising order; where the line begins; and
    how many numbers a vector has."""
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
            # To read every line from its end would take long, and few words hold spaces.
            name = line.partition(b" ")[0] if spaces == size else _cut(line, size)[0]
            hashes.append(_hash(name))
            starts.append(start)
            start += len(line)
    found = np.frombuffer(hashes, np.uint64)
    order = np.argsort(found, kind="stable")
    return found[order], np.frombuffer(starts, np.int64)[order], size


def _cut(line: bytes, size: int) -> tuple[bytes, list[bytes]]:
    """The word, which may hold spaces, and its numbers."""
    name, *numbers = line.rstrip().rsplit(b" ", size)
    return name, numbers


def _hash(token: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(token, digest_size=8).digest())


def _places(path: Path, rows: int) -> dict[str, int]:
    """The row of every word."""
    try:
        text = path.read_bytes().decode()
        if path.suffix == ".json":
            places = json.loads(text)
        else:
            # Not splitlines, which cuts at what may be part of a word.
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
            f"{path} does not say which word each of the {rows} rows is of ({error}); "
            "give the file that belongs to the vectors"
        ) from error
    return places
