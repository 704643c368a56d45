"""End of a video: by its header if the packets confirm it, else by the packets."""

import re
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import dropwhile
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import av

from slta.video.decoding import APART_S, GUESSED, REORDERED, FrameReader, last_shown

# A last picture shown for longer, without sound, is an error of the file.
STANDS_S: Final = 3600
TAIL: Final = 4 * REORDERED
Shown: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ends:
    """End times from a pass over all packets, in ticks of the video stream."""

    pictures: int
    """End of the last picture by its own duration."""
    heard: int
    """The same, or the end of the sound that continues from there."""
    claimed: int
    """Latest end of any packet, plausible or not."""

    def stood(self, tick_s: Fraction) -> int:
        """End of the video if its last picture is shown as long as there is sound."""
        late_s = (self.heard - self.pictures) * tick_s
        return self.heard if late_s > 1 else self.pictures


def end_of(reader: FrameReader, start: int) -> tuple[int, bool]:
    """Tick at which a video ends, and whether only its header says so.

    If the last packets end earlier than the header says, the last picture may be shown
    longer, a wrong timestamp may have lengthened the header, or the file is truncated.
    """
    header = _by_header(reader)
    if header is None or header <= start:
        return measured(reader.path).stood(reader.tick_s), False
    if not reader.seekable:
        return header, True
    slack = slack_s((header - start) * reader.tick_s) / reader.tick_s
    tail = _tail(reader, header)
    last, end = _end(reader, tail, header) if tail else (start, start)
    if end > header + slack:
        return end, False
    if end >= header - slack:
        # Durations are summed in decoding order, which can end before the last frame is
        # shown.
        late = reader.stream.duration and last >= header
        return last + reader.step if late else header, True
    ends = measured(reader.path, header)
    if ends.heard >= header - slack:
        return header, False
    if ends.claimed >= header - slack:
        return ends.stood(reader.tick_s), False
    if not is_whole(reader.path):
        return header, True
    stands_s = (header - ends.pictures) * reader.tick_s
    return header if stands_s <= STANDS_S else ends.stood(reader.tick_s), False


def slack_s(length_s: Fraction) -> Fraction:
    """How much earlier than its header says a complete video may end."""
    return max(Fraction(1), length_s / 100)


def measured(path: Path, header: int | None = None) -> Ends:
    """Ends of pictures and sound, from a pass over all packets."""
    shown: deque[Shown] = deque(maxlen=TAIL)
    heard: dict[Fraction, list[Shown]] = defaultdict(list)
    with closing(FrameReader(path)) as reader:
        tick_s, claimed = reader.tick_s, 0
        for stamp, packet in reader.packets(*reader.container.streams.audio):
            at, length = packet.pts if stamp is None else stamp, packet.duration or 0
            if at is None:
                continue
            if packet.stream.index == reader.stream.index:
                shown.append((at, length))
                claimed = max(claimed, at + length)
            else:
                _extend(heard[packet.time_base], at, length, packet.time_base)
        pictures = _end(reader, shown, header)[1]
    runs = sorted((a * b, (a + n) * b) for b, runs in heard.items() for a, n in runs)
    reached_s = pictures * tick_s
    for start_s, end_s in runs:
        if start_s <= reached_s + APART_S:
            reached_s = max(reached_s, end_s)
    claimed_s = max((end_s for _, end_s in runs), default=Fraction(0))
    claimed = max(claimed, round(claimed_s / tick_s))
    return Ends(pictures, round(reached_s / tick_s), claimed)


def _extend(runs: list[Shown], at: int, length: int, tick_s: Fraction) -> None:
    """Adds a packet of sound to the last run, or starts a new one after a gap."""
    start, lasted = runs[-1] if runs else (at, 0)
    if not runs or not start <= at <= start + lasted + APART_S / tick_s:
        runs.append((at, length))
    else:
        runs[-1] = start, max(lasted, at + length - start)


def _tail(reader: FrameReader, end: int) -> deque[Shown]:
    """The last pictures in storage order; none if seeking to the end fails."""
    packets = reader.packets() if reader.jump(end) else iter(())
    # Some demuxers deliver stray packets from before the target.
    packets = dropwhile(lambda timed: not timed[1].is_keyframe, packets)
    stamps = (
        (stamp, packet.duration or 0)
        for stamp, packet in packets
        if stamp is not None and not packet.is_discard
    )
    return deque(stamps, TAIL)


def _end(reader: FrameReader, tail: deque[Shown], header: int | None) -> Shown:
    """Ticks at which the last picture is shown first, and no longer."""
    apart, stands = (round(s / reader.tick_s) for s in (APART_S, STANDS_S))
    last, length = last_shown(
        list(tail),
        reordered=reader.codec.has_b_frames,
        far=lambda tick: stands if header is None or tick <= header else apart,
    )
    return last, last + (length if 0 < length <= stands else reader.step)


def _by_header(reader: FrameReader) -> int | None:
    """End by the header; None where that is a guess."""
    stream, start = reader.stream, reader.stream.start_time or 0
    if reader.container.format.flags & GUESSED:
        return None
    if stream.duration:
        # For an AVI cut short the duration is lowered, the number of frames is not.
        return start + max(stream.duration, stream.frames if reader.avi else 0)
    if abs(start * reader.tick_s) > 1:
        return None  # some writers count the length from 0, some from the start
    tag = re.match(r"(\d+):(\d+):(\d+\.?\d*)$", stream.metadata.get("DURATION", ""))
    end_s = Fraction(reader.container.duration or 0, av.time_base)
    if tag is not None:
        hours, minutes, seconds = map(Fraction, tag.groups())
        end_s = 3600 * hours + 60 * minutes + seconds
    return round(end_s / reader.tick_s) or None


EBML: Final = b"\x1a\x45\xdf\xa3"
SEGMENT: Final = 0x18538067
CLUSTER: Final = 0x1F43B675
ASF: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FACTS: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def is_whole(path: Path) -> bool:
    """Whether the file is as long as its container says; False if that does not say.

    A file whose last picture is shown long looks truncated by its pictures, not by its
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
    """An EBML variable-length integer; -1 for the reserved "unknown" value."""
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
