"""Where an index lies: a folder, or an address of object storage such as s3://bucket/name.

Files are written whole or not at all, and never changed afterwards.
"""

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slta.errors import InputError, UnwritableError
from slta.files import fitted, home, whole_file

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)
REMOTE = "://"
STORAGE = re.compile(
    r"AWS Error ([A-Z_]+)"
    r"|<Code>(\w+)</Code>"
    r"|(Failed to get AWS credentials|Connection refused|dns error|operation timed out)"
)
"""What Arrow and LanceDB say of an error of object storage, among much else."""


class Place:
    """The files of an index."""

    def __init__(self, address: str | Path) -> None:
        self.address = str(address)
        self.is_remote = REMOTE in self.address
        self.folder = None if self.is_remote else Path(address)

    def __str__(self) -> str:
        return self.address

    @property
    def options(self) -> dict[str, str] | None:
        """LanceDB's settings for the address. Others are taken from the environment."""
        if not self.is_remote:
            return None
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        return {"client_retry_timeout": "20"} | (
            {"allow_http": "true"} if plain else {}
        )

    @cached_property
    def _files(self) -> "tuple[FileSystem, str]":
        from pyarrow import ArrowInvalid
        from pyarrow.fs import FileSystem

        address = self.address
        # As LanceDB does; Arrow knows this setting in the address only.
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        if endpoint and address.startswith("s3://"):
            scheme, _, host = endpoint.partition("://")
            address += f"?endpoint_override={host}&scheme={scheme}"
        try:
            files, path = FileSystem.from_uri(address)
        except (ArrowInvalid, OSError) as error:
            raise InputError(
                f"--index {self.address} cannot be opened ({_line(error)}); give a folder, "
                "or an address such as s3://bucket/name"
            ) from error
        if not path.strip("/"):
            raise InputError(
                f"--index {self.address} names no bucket; give an address such as "
                "s3://bucket/name"
            )
        return files, path.rstrip("/")

    def check(self) -> None:
        """Raises ``InputError`` for a bucket that is not there."""
        if self.folder is not None:
            return
        from pyarrow.fs import FileType

        files, path = self._files
        bucket = path.partition("/")[0]
        with self.reading():
            info = files.get_file_info(bucket)
        if info.type == FileType.NotFound:
            raise InputError(
                f"the index {self.address} cannot be made: there is no bucket {bucket}; "
                "make it, or give another address with --index"
            )

    def read(self, name: str, start: int = 0, size: int | None = None) -> Any:
        """Bytes of a file, mapped if it is local. Raises ``FileNotFoundError``."""
        if self.folder is not None:
            path = os.path.join(self.folder, name)
            state = os.stat(path)
            whole = _mapped(path, state.st_ino, state.st_mtime_ns, state.st_size)
            return whole[start : None if size is None else start + size]
        files, folder = self._files
        with self.reading(), files.open_input_file(f"{folder}/{name}") as file:
            return file.read_at(file.size() - start if size is None else size, start)

    def write(self, name: str, data: bytes) -> None:
        """Raises ``UnwritableError`` for a full or read-only disk."""
        with self.writing():
            if self.folder is not None:
                with whole_file(self.folder / name) as path:
                    path.write_bytes(data)
                return
            files, folder = self._files
            with files.open_output_stream(f"{folder}/{name}") as file:
                file.write(data)

    def remove(self, name: str) -> None:
        if self.folder is not None:
            (self.folder / name).unlink(missing_ok=True)
            return
        files, folder = self._files
        with suppress(FileNotFoundError), self.reading():
            files.delete_file(f"{folder}/{name}")

    def has(self, name: str) -> bool:
        return self.stamp(name) is not None

    def stamp(self, name: str) -> tuple[int, ...] | None:
        """What changes when a file is replaced; None if there is none."""
        if self.folder is not None:
            try:
                state = (self.folder / name).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return state.st_ino, state.st_mtime_ns, state.st_size
        from pyarrow.fs import FileType

        files, folder = self._files
        with self.reading():
            info = files.get_file_info(f"{folder}/{name}")
        if info.type != FileType.File:
            return None
        return info.mtime_ns or 0, info.size

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder."""
        if self.folder is not None:
            try:
                return sorted(path.name for path in (self.folder / folder).iterdir())
            except FileNotFoundError:
                return []
        from pyarrow.fs import FileSelector

        files, top = self._files
        with self.reading():
            infos = files.get_file_info(
                FileSelector(f"{top}/{folder}", allow_not_found=True)
            )
        return sorted(info.base_name for info in infos)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turns errors of object storage into ``InputError``, all but
        ``FileNotFoundError``."""
        try:
            yield
        except (FileNotFoundError, InputError):
            raise
        except (OSError, RuntimeError, ValueError) as error:
            if not self.is_remote:
                raise
            raise InputError(
                f"the index {self.address} cannot be reached ({_line(error)}); check the "
                "address, AWS_ENDPOINT_URL and the credentials; what was finished is kept"
            ) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turns errors of a full or read-only disk into ``UnwritableError``; else as
        ``reading``."""
        if self.is_remote:
            with self.reading():
                yield
            return
        try:
            yield
        except OSError as error:
            self._refuse(error)
        except Exception as error:  # LanceDB's, of several kinds
            full = any(os.strerror(code) in str(error) for code in FULL)
            if isinstance(error, InputError) or not full:
                raise
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        raise UnwritableError(
            f"the index {self.address} cannot be written ({_line(error)}); make room "
            "there, or choose another place with --index"
        ) from error

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Whether this process alone may write, until the end of the block; the lock ends
        with the process. On object storage, it holds for the processes of one machine."""
        if self.folder is not None:
            file = self.folder / "lock"
        else:
            name = "".join(c if c.isalnum() else "-" for c in self.address)
            file = home() / "indexes" / fitted(name, ".lock")
        with self.writing():
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = open(file, "ab")  # noqa: SIM115
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


def carry(old: Place, new: Place) -> None:
    """Renames the folder of an index. Raises ``InputError`` if there is another."""
    assert old.folder is not None and new.folder is not None
    with new.locked() as mine:
        if not mine or new.names("") != ["lock"]:
            raise InputError(f"there is an index already, {new}; remove one of them")
        with new.writing():
            new.remove("lock")
            old.folder.rename(new.folder)


@lru_cache(32)
def _mapped(path: str, inode: int, changed_ns: int, size: int) -> memoryview:
    """A file in memory. Only the last few: what was read of them counts as memory of the
    process, and each takes a file handle."""
    if size == 0:
        return memoryview(b"")
    with open(path, "rb") as file:
        return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))


def _line(error: BaseException) -> str:
    if storage := STORAGE.search(str(error)):
        return str(storage[storage.lastindex or 0])
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    for code in FULL:
        if os.strerror(code) in str(error):
            return os.strerror(code)
    return " ".join(str(error).split())[:200]


def real_folder(folder: str | Path) -> Path:
    """A folder by its one name, however it is given."""
    return Path(os.path.realpath(folder))


def default_place(root: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    # LanceDB takes no other letters.
    name = "".join(c if c.isprintable() else "-" for c in root.name or "root")
    return home() / "indexes" / fitted(name, f"-{digest}")
