"""What has changed in a folder since it was last indexed."""

from dataclasses import dataclass, replace

from slta.index.records import File, Snapshot
from slta.index.scanning import Scan


@dataclass(frozen=True, slots=True)
class FolderChanges:
    new: tuple[str, ...]
    """Paths of files that are new or changed."""
    back: tuple[File, ...]
    """Files that were gone and are there again, as they were."""
    gone: tuple[File, ...]
    unchanged: int

    @classmethod
    def between(cls, snapshot: Snapshot, scanned: Scan) -> "FolderChanges":
        videos = {video.id for video in snapshot.videos}
        known = {file.path: file for file in snapshot.files}
        new, back = list[str](), list[File]()
        for path, state in scanned.files.items():
            file = known.get(path)
            if file is None or file.state != state or not _is_kept(file, videos):
                new.append(path)
            elif file.gone:
                back.append(replace(file, gone=False))
        gone = [
            replace(file, gone=True)
            for path, file in known.items()
            if not (file.gone or path in scanned.files or scanned.hides(path))
        ]
        unchanged = len(scanned.files) - len(new)
        return cls(tuple(new), tuple(back), tuple(gone), unchanged)

    def within(self, folder: str) -> "FolderChanges":
        """Without the new files that are not in that folder."""
        if not folder:
            return self
        new = tuple(path for path in self.new if path.startswith(f"{folder}/"))
        return replace(self, new=new)

    @property
    def are_none(self) -> bool:
        return not (self.new or self.back or self.gone)


def _is_kept(file: File, videos: set[str]) -> bool:
    """Whether a file's video is there, if it has one."""
    return not file.video or file.video in videos
