"""Writes moments for editing programs, players and spreadsheets."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from slta.errors import InputError, UnwritableError
from slta.export.fcpxml import as_fcpxml
from slta.export.found import Found, Ranked, merged, ranked
from slta.export.texts import as_csv, as_json, as_srt, as_vtt
from slta.export.timelines import as_edls, as_otio
from slta.files import apart, check_writable, fitted, whole_file

__all__ = ["Found", "check_target", "export", "merged", "needs_videos"]

TABLES: Final[dict[str, Callable[[Sequence[Ranked]], str]]] = {
    ".csv": as_csv,
    ".json": as_json,
}
CAPTIONS: Final[dict[str, Callable[[Sequence[Ranked]], str]]] = {
    ".srt": as_srt,
    ".vtt": as_vtt,
}
TIMELINES: Final[dict[str, Callable[[Sequence[Ranked], str], list[str]]]] = {
    ".edl": as_edls,
    ".fcpxml": lambda moments, name: [as_fcpxml(moments, name)],
    ".otio": lambda moments, name: [as_otio(moments, name)],
}
SUFFIXES: Final = (*TABLES, *TIMELINES, *CAPTIONS)


def check_target(file: Path) -> None:
    """Raises ``InputError`` for a file that cannot be written, or of an unknown kind."""
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        near = get_close_matches(suffix, SUFFIXES, n=1) if suffix else []
        hint = f"; did you mean {near[0]}?" if near else ""
        known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise InputError(
            f"{file} cannot be exported; give a name that ends in {known}{hint}"
        )
    check_writable(file)


def needs_videos(file: Path) -> bool:
    """Whether the videos are opened to write this kind of file."""
    return file.suffix.lower() in TIMELINES


def export(found: Sequence[Found], file: Path) -> list[Path]:
    """Writes moments, best first, and returns the written files.

    The suffix tells the kind. Captions of several videos are a file a video, named by it;
    an EDL of more than 999 moments is several, numbered. All are written whole, or none.
    Raises ``InputError`` for a file that cannot be written, and for a timeline, for an
    unusable video.
    """
    check_target(file)
    texts = _texts(ranked(found), file)
    for target in texts:
        check_writable(target)
    try:
        with ExitStack() as stack:
            for target, text in texts.items():
                unfinished = stack.enter_context(whole_file(target))
                # A name that is no text keeps its bytes.
                unfinished.write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        why = error.strerror or error
        raise UnwritableError(
            f"{file} cannot be written ({why}); name another file, or free space"
        ) from error
    return [*texts]


def _texts(moments: Sequence[Ranked], file: Path) -> dict[Path, str]:
    """The contents of each file."""
    suffix = file.suffix.lower()
    if suffix in TABLES:
        return {file: TABLES[suffix](moments)}
    if suffix in TIMELINES:
        parts = TIMELINES[suffix](moments, file.stem)
        numbers = [str(i) for i in range(1, len(parts) + 1)]
        return dict(zip(_beside(file, numbers), parts, strict=True))
    videos: dict[Path, list[Ranked]] = {}
    for moment in moments:
        videos.setdefault(moment.found.path, []).append(moment)
    names = apart([path.stem for path in videos])
    texts = [CAPTIONS[suffix](part) for part in videos.values()] or [
        CAPTIONS[suffix]([])
    ]
    return dict(zip(_beside(file, names or [""]), texts, strict=True))


def _beside(file: Path, names: Sequence[str]) -> list[Path]:
    """The file, or if there are several names, one for each."""
    if len(names) == 1:
        return [file]
    return [
        file.with_name(fitted(f"{file.stem}-{name}", file.suffix)) for name in names
    ]
