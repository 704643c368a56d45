"""How long videos are whose annotations do not say it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from slta import video
from slta.datasets.files import Files
from slta.errors import InputError
from slta.features.layouts import asked
from slta.features.layouts.base import look_at

Progress = Callable[[float, float], None]


def lengths_s(
    root: Path, video_ids: Sequence[str], progress: Progress | None = None
) -> dict[str, float]:
    """By the videos, or else the ready features, in the folder of a data set.

    What has neither, or is damaged, is left out: ``check`` tells what is wrong with it.
    """
    films = Files(root / "videos")
    ready = asked("ready", root).layout if (root / "features").is_dir() else None
    found: dict[str, float] = {}
    for done, name in enumerate(video_ids, start=1):
        for path in films.of(name)[:1]:
            with suppress(InputError):
                found[name] = video.probe(path).duration_s
        if name not in found and ready is not None and name in ready.videos:
            length_s = look_at(ready, name).duration_s
            if length_s is not None:
                found[name] = length_s
        if progress:
            progress(done, len(video_ids))
    return found
