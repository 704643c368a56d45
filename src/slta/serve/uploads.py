"""Files that are sent in parts, and moved into the folder of videos when they are whole.

An upload is two files in the server's own folder: ID.json says what it is to be, ID.part is
what has arrived. Its size is how far it is, whatever happened to the server meanwhile.
"""

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Final

from slta.errors import InputError
from slta.files import FILMS, composed, fitted, read_object, write_whole
from slta.serve.kept import kept_folder

FOLDER: Final = "uploads"
"""Where the files go, in the folder of videos."""
LARGEST: Final = 64 << 30
"""Maximum bytes of a file, unless set."""
MOST_UNFINISHED: Final = 50
ABANDONED_S: Final = 7 * 86_400
"""An upload that was not touched for so long is removed."""
ID: Final = re.compile(r"[0-9a-f]{32}")
COPIED: Final = 1 << 20
"""Bytes that are copied at a time."""
NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)
FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NAMES: Final = 10_000
"""Maximum files of one name, which are numbered."""


class UploadError(InputError):
    """A request that cannot be served, with its status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Upload:
    """What is sent."""

    id: str
    name: str
    """Of the file it is to become."""
    length: int
    """Bytes of the whole."""
    made_s: float
    file: str = ""
    """Where it is, in the folder of videos, when it is whole."""
    job: str = ""
    """The job that indexes it."""


class Uploads:
    """The uploads into a folder of videos."""

    def __init__(self, root: Path, largest: int = LARGEST) -> None:
        self.root, self.largest = root, largest
        self._folder = kept_folder(root) / "uploads"
        self._lock = Lock()

    def create(self, name: str, length: int) -> Upload:
        """Raises ``UploadError`` for what cannot be taken."""
        name = named(name)
        if length < 1:
            raise UploadError(400, f"{name} is empty; send a video")
        if length > self.largest:
            raise UploadError(
                413,
                f"{name} has {size(length)}, and a file may have {size(self.largest)}; "
                "send a shorter one, or start the server with a larger --largest-upload",
            )
        with self._lock, self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._tidy()
            missing = self._check_room(name, length)
            if missing >= MOST_UNFINISHED:
                raise UploadError(
                    429, f"{missing} uploads are unfinished; end or delete one of them"
                )
            upload = Upload(secrets.token_hex(16), name, length, time.time())
            self._part(upload.id).touch()
            self._write(upload)
            return upload

    def get(self, name: str) -> tuple[Upload, int]:
        """An upload, and how many of its bytes are there."""
        if ID.fullmatch(name):
            with suppress(OSError, ValueError, TypeError):
                upload = Upload(**read_object(self._folder / f"{name}.json"))
                if upload.file:
                    return upload, upload.length
                return upload, self._part(name).stat().st_size
        raise UploadError(404, "there is no such upload; start it again")

    @contextmanager
    def writing(self, name: str, offset: int) -> Iterator["UploadPart"]:
        """The part from ``offset`` on, for one request at a time."""
        upload, there = self.get(name)
        if upload.file:
            _check_offset(there, offset)
            # Its answer was lost on the way.
            yield UploadPart(upload, None, there)
            return
        with self._locked(name) as file:
            there = os.fstat(file.fileno()).st_size
            _check_offset(there, offset)
            file.seek(there)
            yield UploadPart(upload, file, there)

    def finish(self, part: "UploadPart") -> Upload:
        """Moves a whole file into the folder of videos, beside what is there."""
        upload = part.upload
        if part.file is None:
            return upload
        with self._writing():
            os.fsync(part.file.fileno())
            file = self._placed(upload, part.file)
            done = Upload(**(asdict(upload) | {"file": file}))
            self._write(done)
            self._part(upload.id).unlink(missing_ok=True)
        return done

    def whole(self) -> list[str]:
        """Ids of uploads whose bytes are all there, but that were not moved yet."""
        found = []
        for part in self._folder.glob("*.part"):
            with suppress(UploadError, OSError):
                upload, there = self.get(part.stem)
                if there == upload.length:
                    found.append(upload.id)
        return found

    def note_job(self, upload: Upload, job: str) -> Upload:
        noted = Upload(**(asdict(upload) | {"job": job}))
        with suppress(OSError):
            self._write(noted)
        return noted

    def remove(self, name: str) -> None:
        """Forgets an upload; a file that is whole stays."""
        upload, _ = self.get(name)
        if upload.file:
            (self._folder / f"{name}.json").unlink(missing_ok=True)
            return
        with self._locked(name):
            self._remove(name)

    def _remove(self, name: str) -> None:
        (self._folder / f"{name}.json").unlink(missing_ok=True)
        self._part(name).unlink(missing_ok=True)

    def _part(self, name: str) -> Path:
        return self._folder / f"{name}.part"

    def _write(self, upload: Upload) -> None:
        write_whole(self._folder / f"{upload.id}.json", json.dumps(asdict(upload)))

    @contextmanager
    def _locked(self, name: str) -> Iterator[IO[bytes]]:
        """The file of an upload, for one request of any server."""
        try:
            file = self._part(name).open("r+b", buffering=0)
        except OSError as error:
            raise UploadError(404, "there is no such upload; start it again") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UploadError(
                    423, "another request sends this upload; wait for it to end"
                ) from None
            # It may have been finished or removed before it was locked.
            try:
                is_there = os.path.samestat(
                    os.fstat(file.fileno()), self._part(name).stat()
                )
            except FileNotFoundError:
                is_there = False
            if not is_there:
                raise UploadError(404, "there is no such upload; start it again")
            yield file

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns errors of the disk into sentences."""
        try:
            yield
        except OSError as error:
            raise _unwritable(error) from error

    def _check_room(self, name: str, length: int) -> int:
        """Raises ``UploadError`` if there is none; returns how many are unfinished."""
        target = self.root / FOLDER if (self.root / FOLDER).is_dir() else self.root
        if not os.access(target, os.W_OK | os.X_OK):
            raise UploadError(
                409, f"{target.name} may not be written; allow it, or copy {name} there"
            )
        parts = [*self._folder.glob("*.part")]
        expected = 0
        for part in parts:
            with suppress(UploadError, OSError):
                upload, there = self.get(part.stem)
                expected += upload.length - there
        for folder in {self._folder, target}:
            free = shutil.disk_usage(folder).free - expected
            if free < length:
                raise UploadError(
                    507,
                    f"{name} has {size(length)}, and {size(max(free, 0))} are free; make "
                    "room first",
                )
        return len(parts)

    def _tidy(self) -> None:
        """Removes what nobody goes on with, and what is known of old files."""
        for path in [*self._folder.glob("*.part"), *self._folder.glob("*.json")]:
            with suppress(OSError):
                age_s = time.time() - path.stat().st_mtime
                has_part = path.suffix == ".json" and self._part(path.stem).exists()
                if age_s > ABANDONED_S and not has_part:
                    self._remove(path.stem)

    def _placed(self, upload: Upload, file: IO[bytes]) -> str:
        """Where the file is now, in the folder of videos."""
        target = self.root / FOLDER
        target.mkdir(exist_ok=True)
        try:
            folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise UploadError(
                409,
                f"{FOLDER} is a link or a file; move it away, and send the rest again",
            ) from error
        try:
            name = _linked(self._part(upload.id), file, upload, folder)
            os.fsync(folder)
        finally:
            os.close(folder)
        return f"{FOLDER}/{name}"


class UploadPart:
    """What is there of an upload, and the place of the rest."""

    def __init__(self, upload: Upload, file: IO[bytes] | None, offset: int) -> None:
        self.upload, self.file, self.offset = upload, file, offset

    @property
    def is_whole(self) -> bool:
        return self.offset == self.upload.length

    def append(self, data: bytes | bytearray) -> None:
        """Raises ``UploadError`` for more than was announced, and for a full disk; what is
        written then counts."""
        if self.offset + len(data) > self.upload.length:
            raise UploadError(
                413,
                f"{self.upload.name} was to have {self.upload.length} bytes, and more came",
            )
        view = memoryview(data)
        while view and self.file is not None:
            try:
                count = self.file.write(view)
            except OSError as error:
                raise _unwritable(error) from error
            self.offset += count
            view = view[count:]


def _check_offset(there: int, offset: int) -> None:
    if there != offset:
        raise UploadError(
            409,
            f"{there} bytes are there, not {offset}; ask with HEAD, and go on there",
        )


def named(name: str) -> str:
    """The name that a file may have. Raises ``UploadError`` if it is no video's.

    >>> named("C:\\\\My films\\\\..trip\\n.MP4")
    'trip.MP4'
    """
    plain = composed(re.split(r"[/\\]", name)[-1])
    plain = "".join(c for c in plain if c.isprintable()).strip()
    stem, suffix = os.path.splitext(plain.lstrip(".~$ "))
    if suffix.lower() not in FILMS:
        raise UploadError(
            415,
            f"{plain[:80]!r} is no video by its name; send one of {' '.join(sorted(FILMS))}",
        )
    return fitted(stem.rstrip(" .") or "video", suffix)


def size(count: int) -> str:
    """
    >>> size(64 << 30), size(1500)
    ('68.7 GB', '0.0 MB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _linked(part: Path, file: IO[bytes], upload: Upload, folder: int) -> str:
    """Gives a file a name in a folder that nothing has yet, and returns it."""
    state = os.fstat(file.fileno())
    if state.st_nlink > 1:
        # It was linked, and then the server was killed.
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.inode() == state.st_ino:
                    return entry.name
    names = numbered(upload.name)
    try:
        return _first_free(names, lambda name: os.link(part, name, dst_dir_fd=folder))
    except OSError as error:
        if error.errno not in (errno.EXDEV, *NO_LINKS):
            raise
    copy = f".unfinished-{upload.id}"
    _copy(file, copy, folder)
    try:
        return _first_free(
            numbered(upload.name),
            lambda name: os.link(copy, name, src_dir_fd=folder, dst_dir_fd=folder),
        )
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # The name is taken first, as a rename would overwrite.
        name = _first_free(numbered(upload.name), lambda name: _take(name, folder))
        os.rename(copy, name, src_dir_fd=folder, dst_dir_fd=folder)
        return name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(copy, dir_fd=folder)


def numbered(name: str) -> Iterator[str]:
    """
    >>> from itertools import islice
    >>> [*islice(numbered("a.mp4"), 3)]
    ['a.mp4', 'a-2.mp4', 'a-3.mp4']
    """
    stem, suffix = os.path.splitext(name)
    yield name
    for number in range(2, NAMES):
        yield fitted(stem, f"-{number}{suffix}")


def _first_free(names: Iterator[str], give: Callable[[str], object]) -> str:
    for name in names:
        with suppress(FileExistsError):
            give(name)
            return name
    raise UploadError(409, f"{NAMES} files have this name; send it under another")


def _take(name: str, folder: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    os.close(os.open(name, flags, 0o666, dir_fd=folder))


def _copy(file: IO[bytes], name: str, folder: int) -> None:
    """Copies a file to another file system; the name is hidden, and the upload's own."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(name, flags, 0o666, dir_fd=folder), "wb") as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy, COPIED)
        copy.flush()
        os.fsync(copy.fileno())


def _unwritable(error: OSError) -> UploadError:
    what = error.strerror or str(error)
    if error.errno in FULL:
        return UploadError(
            507, f"the disk is full ({what}); make room, and send the rest"
        )
    return UploadError(
        409, f"the file cannot be written ({what}); allow it, and send the rest"
    )
