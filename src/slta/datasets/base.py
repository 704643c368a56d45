"""What every data set gives: queries by split, and a file for each video."""

from collections.abc import Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from slta.errors import InputError
from slta.moments import Query


@dataclass(frozen=True, slots=True)
class Dataset:
    digest: str
    """SHA-256 over its annotations."""
    splits: Mapping[str, tuple[Query, ...]]
    folder: Path
    """Where its annotations lie."""
    videos: Path
    """Folder of the files, each named by its video's id."""

    def queries(self, split: str) -> tuple[Query, ...]:
        """Raises ``InputError`` for a split that is not there or has no queries."""
        if split not in self.splits:
            known = ", ".join(self.splits) or "none"
            raise InputError(f"there is no split {split!r}; {self.folder} has {known}")
        if not self.splits[split]:
            raise InputError(
                f"the split {split!r} has no queries; "
                f"look into {self.folder / split}.jsonl"
            )
        return self.splits[split]

    def path(self, video_id: str) -> Path:
        for path in sorted(self.videos.glob(f"{escape(video_id)}.*")):
            if path.stem == video_id:
                return path
        raise InputError(
            f"the video {video_id!r} is missing; put it into {self.videos}"
        )
