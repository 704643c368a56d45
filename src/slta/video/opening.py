"""Opening a video file, and errors for files that are not videos.

Nothing but the file itself is read: the demuxers are an explicit list, and FFmpeg gets an
open file instead of a name.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from slta.errors import InputError

if TYPE_CHECKING:
    AnyPacket: TypeAlias = Packet[Any]  # generic for the type checker only
else:
    AnyPacket = Packet

# Demuxers that read this one file only: containers, raw video streams, formats of cameras
# and recorders, and audio, to report that it has no pictures.
CONTAINERS: Final = (
    "mov matroska webm avi asf asf_o flv kux live_flv mpegts mpeg ogg mxf gxf lxf nut nuv"
    " rm ivr wtv ty pva pmp nsv dv gif apng jpegxl_anim yuv4mpegpipe ivf obu swf smk bink"
    " roq flic filmstrip vivo rpl smjpeg mpjpeg cine r3d ser mtv"
)
PICTURES: Final = (
    "h261 h263 h264 hevc vvc evc av1 apv mpegvideo m4v vc1 vc1test dirac cavsvideo avs2"
    " avs3 dnxhd mjpeg mjpeg_2000 ingenient"
)
CAMERAS: Final = "dhav hxvs ifv luodat lmlm4 iv8 mxg nc siff"
SOUND: Final = (
    "aac ac3 aiff amr ape au caf dts eac3 flac mlp mp3 mpc tak truehd tta w64 wav wv"
)
STILLS: Final = " ".join(
    name for name in av.formats_available if name.endswith("_pipe")
)
OPTIONS: Final = {
    "format_whitelist": ",".join(
        f"{CONTAINERS} {PICTURES} {CAMERAS} {SOUND} {STILLS}".split()
    ),
    "protocol_whitelist": "fd",
}
# Text files that refer to other files, by how they begin.
LISTS: Final = {
    r"#EXTM3U": "an HLS or M3U playlist",
    r"ffconcat version": "an ffconcat list",
    r"(?=<)(?s:.*?)<(\w+:)?MPD\b": "a DASH manifest",
    r"(?=<)(?s:.*?)<SmoothStreamingMedia\b": "a Smooth Streaming manifest",
    r"(?=<)(?s:.*?)<manifest\b": "an F4M manifest",
    r"(?=<)(?s:.*?)<(\w+:)?(CompositionPlaylist|AssetMap|PackingList)\b": "an IMF playlist",
    r"(?=<)(?s:.*?)<(playlist|smil|asx|\?wpl)\b": "a playlist",
    r"\[(playlist|reference)\]": "a playlist",
    r"v=0\r?\n(?s:.*?)^[om]=": "an SDP session description",
    r"rtsp(text|://)|https?://": "a link",
}
ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+:/|www\.", re.IGNORECASE)
HEAD: Final = 4096
WEBP_ANIMATED: Final = 0x02

NOT_FILM: Final = (
    Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
)
# Codecs of cover pictures, which videos may use as well.
STILL_CODECS: Final = frozenset(
    {
        "bmp",
        "gif",
        "jpeg2000",
        "jpegls",
        "jpegxl",
        "ljpeg",
        "mjpeg",
        "png",
        "tiff",
        "webp",
    }
)
# Packets to read of the busiest stream; covers and slide shows have less than one packet
# for RARER of the video's.
SEEN: Final = 250
RARER: Final = 4

UNOPENED: Final[dict[type[OSError], str]] = {
    FileNotFoundError: "does not exist: check the name",
    IsADirectoryError: "is a folder: name a video in it",
    PermissionError: "may not be read: ask its owner for the right to",
}


def is_address(name: str | Path) -> bool:
    """Whether the name looks like a URL."""
    return bool(ADDRESS.match(str(name)))


def head_of(path: Path) -> bytes:
    """The first bytes of a file. Raises ``InputError`` if it is not a readable video file."""
    try:
        # Opening a pipe would block until something is written to it.
        if not (path.is_dir() or S_ISREG(path.stat().st_mode)):
            raise InputError(f"{path} is a pipe or a device: write it to a file first")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        why = UNOPENED.get(type(error), f"cannot be opened: {error.strerror}")
        if is_address(path):
            why = "is an address: download it, and name the file"
        raise InputError(f"{path} {why}") from None
    if not head:
        raise InputError(f"{path} is empty: copy or download it again")
    if (kind := list_of(head)) is not None:
        remedy = "join or download what it names into one file, such as mp4, first"
        raise InputError(f"{path} is {kind}, which names other files: {remedy}")
    return head


def open_file(path: Path) -> InputContainer:
    """Opens a container for reading. Raises ``InputError`` for what is not a video."""
    head = head_of(path)
    try:
        with path.open("rb") as file:
            options = {**OPTIONS, "fd": str(file.fileno())}
            return av.open("fd:", options=options, metadata_errors="replace")
    except av.error.FFmpegError:
        if head[4:8] in (b"ftyp", b"mdat", b"free", b"wide"):
            why = "has no index (moov), so it was cut short: copy or record it again"
        else:
            why = "is not a video: give one such as mp4, mkv or webm"
        raise InputError(f"{path} {why}") from None


def tags_of(path: Path) -> dict[str, str]:
    """The metadata of a file. Raises ``InputError`` for what is not a video."""
    with open_file(path) as container:
        return {name.lower(): str(tag) for name, tag in container.metadata.items()}


def list_of(head: bytes) -> str | None:
    """The kind of playlist or manifest that begins so; None for other files."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if wide else "utf-8", "replace").lstrip(
        "\ufeff\0 \t\r\n"
    )
    for pattern, kind in LISTS.items():
        if re.match(pattern, text, re.IGNORECASE | re.MULTILINE):
            return kind
    return None


def demuxed(
    container: InputContainer, *streams: Stream, empty: bool = False
) -> Iterator[AnyPacket]:
    """Packets of some streams, or all, as far as the file can be read.

    Empty packets mean that the previous picture continues; a decoder takes them for the
    end, so they come only with ``empty``.
    """
    # PyAV fails with an IndexError at the end of a file in which streams were added.
    with suppress(av.error.FFmpegError, IndexError):
        for packet in container.demux(*streams):
            # PyAV's own at the end of each stream has no time either.
            if packet.size or (empty and (packet.pts, packet.dts) != (None, None)):
                yield packet


def film_stream(path: Path, container: InputContainer) -> VideoStream:
    """The main video stream, rather than a cover or a slide show.

    Of several, such as two cameras, the one marked as default, then the widest, then the
    first.
    """
    pictures = container.streams.video
    films = [s for s in pictures if not s.disposition & NOT_FILM]
    stills = [s for s in pictures if s.disposition & Disposition.still_image]
    if container.format.name.endswith("_pipe") or (stills and not films):
        raise InputError(still(path))
    known = [stream for stream in films if stream.codec_context is not None]
    if films and not known:
        raise InputError(f"{path} is coded in an unknown way: convert it to H.264")
    if len(known) > 1 or any(s.codec_context.name in STILL_CODECS for s in known):
        counts = _counts(path, known)
        most = max(counts.values())
        if most <= 1 and not container.streams.audio:
            raise InputError(still(path))
        known = [s for s in known if most > 1 and counts[s.index] * RARER > most]
    if not known:
        raise InputError(f"{path} has no video in it: give the file with the pictures")
    default = Disposition.default
    return max(known, key=lambda stream: (stream.disposition & default, stream.width))


def _counts(path: Path, streams: Sequence[VideoStream]) -> dict[int, int]:
    """Pictures of each stream near the start of the file.

    Counts in headers are rare, and in AVI include repeated pictures.
    """
    counts = {stream.index: 0 for stream in streams}
    enough = SEEN if len(counts) > 1 else 2
    with open_file(path) as container:
        wanted = [container.streams[index] for index in counts]
        for packet in demuxed(container, *wanted):
            counts[packet.stream.index] += 1
            if counts[packet.stream.index] >= enough:
                break
    return counts


def holds_film(path: Path) -> bool:
    """Whether a file contains video; only its beginning is read."""
    try:
        with open_file(path) as container:
            film_stream(path, container)
    except InputError:
        return False
    return True


def still(path: Path) -> str:
    head = head_of(path)
    if head[8:16] == b"WEBPVP8X" and int.from_bytes(head[20:21]) & WEBP_ANIMATED:
        return f"{path} is an animated WebP, which cannot be read: convert it to GIF or MP4"
    return f"{path} is a picture, not a video: moments need a video"
