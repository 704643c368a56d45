"""Whether all of a file is there, as its container's own sizes tell."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

EBML: Final = b"\x1a\x45\xdf\xa3"
SEGMENT: Final = 0x18538067
CLUSTER: Final = 0x1F43B675
ASF: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FACTS: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def is_whole(path: Path) -> bool:
    """Whether a file ends where it says; False where it says nothing.

    A file whose last picture stands long ends early by its pictures, too, but not by its
    bytes.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        kinds = ((head[at : at + len(magic)], magic, ends) for at, magic, ends in WHOLE)
        return any(found == magic and ends(file, size) for found, magic, ends in kinds)


def _matroska(file: BinaryIO, size: int) -> bool:
    """Whether the last element ends with the file, and the segment not after it."""
    at = end = 0
    while at < size:
        file.seek(at)
        name, length = _number(file, keep_marker=True), _number(file)
        if name is None or length is None:
            return False
        at = file.tell()
        unknown = length < 0
        if name == SEGMENT and not unknown:
            end = at + length
        if name != SEGMENT and not (name == CLUSTER and unknown):
            at += length
    return at == size and end <= size


def _number(file: BinaryIO, *, keep_marker: bool = False) -> int | None:
    """An EBML number: its first bit set tells its bytes; -1 if all that follow are set."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    count = 9 - first[0].bit_length()
    rest = file.read(count - 1)
    if len(rest) < count - 1:
        return None
    number = int.from_bytes(first + rest)
    marker = 1 << 7 * count
    if keep_marker:
        return number
    return -1 if number == 2 * marker - 1 else number - marker


def _boxes(file: BinaryIO, size: int) -> bool:
    """Whether the last box of an MP4 ends with the file."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4])
        if length == 1:
            length = int.from_bytes(head[8:])
        if length == 0:
            return True  # up to the end, wherever that is
        if length < 8:
            return False
        at += length
    return at == size


def _riff(file: BinaryIO, size: int) -> bool:
    """Whether the last piece of an AVI ends with the file."""
    at = 0
    while at < size:
        file.seek(at)
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        if name != b"RIFF" or not length:
            return False
        at += 8 + length + length % 2
    return at == size


def _flash(file: BinaryIO, size: int) -> bool:
    """Whether a tag ends with the file, behind which its length is written."""
    file.seek(size - 4)
    length = int.from_bytes(file.read(4))
    if not 11 <= length <= size - 4:
        return False
    file.seek(size - 4 - length)
    kind, *data = file.read(4)
    return kind & 0x1F in (8, 9, 18) and int.from_bytes(bytes(data)) + 11 == length


def _asf(file: BinaryIO, size: int) -> bool:
    """Whether the file is as long as its header says."""
    file.seek(0)
    head = file.read(1 << 16)
    at = head.find(ASF_FACTS)
    return at >= 0 and int.from_bytes(head[at + 40 : at + 48], "little") == size


WHOLE: Final[tuple[tuple[int, bytes, Callable[[BinaryIO, int], bool]], ...]] = (
    (0, EBML, _matroska),
    (0, b"FLV", _flash),
    (0, b"RIFF", _riff),
    (0, ASF, _asf),
    (4, b"ftyp", _boxes),
)
