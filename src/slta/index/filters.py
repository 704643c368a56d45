"""Which videos are searched."""

import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate

from slta.errors import InputError
from slta.files import composed
from slta.index.records import File, Snapshot, Video

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Videos must satisfy all that is given."""

    within: str | None = None
    """Pattern of paths in the folder, such as ``holiday/**``; a folder's name means all in
    it."""
    since_s: float | None = None
    """Recorded then or later, in seconds since 1970; without a date in its metadata, a file
    counts by the time of its last change."""
    until_s: float | None = None
    longer_s: float | None = None
    """Minimum length of the video."""
    shorter_s: float | None = None
    video: str | None = None
    """Id of the only video."""

    def paths(self, files: Sequence[File]) -> list[File]:
        """Raises ``InputError`` if ``within`` matches none of them."""
        if self.within is None:
            return [*files]
        pattern = composed(self.within).removeprefix("./").rstrip("/")
        if pattern in ("", "."):
            return [*files]
        fits = re.compile(f"{translate(pattern)}|{translate(pattern + '/*')}").match
        found = [file for file in files if fits(composed(file.path))]
        if files and not found:
            tops = sorted({file.path.partition("/")[0] for file in files})
            some = ", ".join(tops[:3]) + (" …" if len(tops) > 3 else "")
            raise InputError(
                f"{self.within!r} matches none of {len(files)} videos; give a pattern "
                f"of paths in the folder, in which there are {some}"
            )
        return found

    def paths_by_video(self, snapshot: Snapshot) -> dict[str, list[str]]:
        """Paths of the files of each video that is searched."""
        named = defaultdict[str, list[File]](list)
        for file in self.paths(snapshot.there):
            named[file.video].append(file)
        videos = {video.id: video for video in snapshot.videos}
        return {
            name: sorted(file.path for file in files)
            for name, files in named.items()
            if name in videos and self.takes(videos[name], files)
        }

    def takes(self, video: Video, files: Sequence[File]) -> bool:
        if self.video not in (None, video.id):
            return False
        made_s = video.made_s or min(file.state.mtime_ns for file in files) / 1e9
        return (
            (self.since_s is None or made_s >= self.since_s)
            and (self.until_s is None or made_s < self.until_s)
            and (self.longer_s is None or video.duration_s >= self.longer_s)
            and (self.shorter_s is None or video.duration_s <= self.shorter_s)
        )


def seconds(option: str, text: str) -> float:
    """A length of time.

    >>> [seconds("--longer", text) for text in ("90", "10m", "1h30m", "1:02:03.5")]
    [90.0, 600.0, 5400.0, 3723.5]
    """
    word = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", word):
        return float(word)
    if clock := CLOCK.fullmatch(word):
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
    parts = AMOUNT.findall(word)
    if not parts or "".join(f"{n}{u}" for n, u in parts) != re.sub(r"\s", "", word):
        raise InputError(
            f"{option} {text!r} is not a length of time; give one such as 90, 10m, "
            "1h30m or 1:30"
        )
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def moment_in_time(option: str, text: str) -> float:
    """A date, or a length of time ago such as 30d, in seconds since 1970; dates are local."""
    word = text.strip()
    try:
        if AMOUNT.fullmatch(word.lower()):
            return time.time() - seconds(option, word)
        return datetime.fromisoformat(word).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(
            f"{option} {text!r} is not a date; give one such as 2024-01-31, or 30d for "
            "thirty days ago"
        ) from error
