"""The films in a folder, told from what else lies there by looking."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from slta.names import FILMS, composed
from slta.opening import holds_film

UNFINISHED: Final = frozenset(".aria2 .crdownload .download .part .tmp .ytdl".split())
"""Suffixes of what a downloader has not finished."""


class Files:
    """The files of a folder, listed once, by the videos that they are called after.

    A name has a suffix of its own or none: ids of TACoS and DiDeMo end in one themselves.
    Hidden files are no videos, nor is what holds no film, such as a thumbnail or subtitles.
    Only where a name leaves open which file is the film are files looked into.
    """

    def __init__(self, folder: Path) -> None:
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith(".") or path.suffix.lower() in UNFINISHED:
                continue
            self._by_name.setdefault(composed(path.name), []).append(path)
            self._by_stem.setdefault(composed(path.stem), []).append(path)

    def __iter__(self) -> Iterator[tuple[str, list[Path]]]:
        """Each video's id with its files."""
        for video_id, paths in self._by_stem.items():
            if films := _films(paths):
                yield video_id, films

    def of(self, video_id: str) -> list[Path]:
        """None or several where a folder is not as it should be."""
        name = composed(video_id)
        return _films(self._by_name.get(name, ())) or _films(
            self._by_stem.get(name, ())
        )


def _films(paths: Sequence[Path]) -> list[Path]:
    """Those that are films, or are called so; of several, a whole one goes first. One that
    is called so and is damaged is to be told, rather than passed over."""
    called = [path for path in paths if path.suffix.lower() in FILMS]
    films = called + [path for path in paths if path not in called and holds_film(path)]
    if len(films) > 1:
        return [path for path in films if holds_film(path)] or films
    return films
