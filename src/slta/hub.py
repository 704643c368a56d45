"""Repositories of the Hugging Face hub by name, in the hub's own cache.

Only files whose names a caller lists are downloaded; none of them can run code.
"""

import errno
import hashlib
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from slta.errors import InputError, UnwritableError

logger = logging.getLogger(__name__)

WORD = r"[A-Za-z0-9](?:[\w.-]*\w)?"
NAME = re.compile(
    rf"(?P<repo>{WORD}/{WORD})(?:@(?P<revision>{WORD}(?:/{WORD})*))?", re.A
)
MAIN = "main"
CONVERTED = {"openai/clip-vit-base-patch32": "refs/pr/15"}
"""Revisions with safetensors, for repositories whose main has none."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
AGAIN = "run the same command again: finished files are kept"


class HubName(NamedTuple):
    """``OWNER/NAME`` or ``OWNER/NAME@REVISION``."""

    repo: str
    revision: str | None = None
    """A branch, tag or commit; None for main."""

    def __str__(self) -> str:
        return self.repo if self.revision is None else f"{self.repo}@{self.revision}"

    @classmethod
    def parse(cls, text: str) -> "HubName | None":
        """None for what cannot be a name on the hub."""
        found = NAME.fullmatch(text)
        if found is None or re.search(r"--|\.\.|\.git(@|$)", text):
            return None
        return cls(found["repo"], found["revision"])


class HubContent(NamedTuple):
    """The files that a caller needs of a repository."""

    noun: str
    """What it is, for errors."""
    small: re.Pattern[str]
    """Names of files that are read first."""
    weights: re.Pattern[str]
    is_complete: Callable[[Path], bool]
    """Whether a folder has them all."""
    check: Callable[[Path], object]
    """Raises ``InputError`` if the small files are of something else."""


@dataclass(frozen=True)
class HubSnapshot:
    """A repository's files at a commit."""

    folder: Path
    repo: str
    commit: str

    @property
    def name(self) -> str:
        """The name with the commit, by which the same files are found again."""
        return f"{self.repo}@{self.commit}"


def snapshot(
    name: HubName, content: HubContent, *, newest: bool = False
) -> HubSnapshot:
    """From the cache, or else downloaded; with ``newest``, the hub is always asked.

    Raises ``InputError`` for what is not there and cannot be downloaded.
    """
    if not newest and (found := _cached(name, content)) is not None:
        return found
    with _explained(name, content):
        return _download(name, content)


def upload(files: Mapping[str, bytes], repo: str, *, private: bool) -> str:
    """Uploads files in one commit, to a repository that is made if it is missing; returns
    its address. Raises ``InputError`` if the hub refuses."""
    if (name := HubName.parse(repo)) is None or name.revision is not None:
        raise InputError(f"{repo!r} is not a name on the hub; give OWNER/NAME")
    hub = _client()
    if hub.get_token() is None:
        raise InputError(
            f"{repo} cannot be written without a token; set HF_TOKEN to one of yours "
            "with write access"
        )
    with _explained(name, None):
        api = _api()
        url = api.create_repo(repo, private=private or None, exist_ok=True)
        additions = [
            hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)
            for path, content in files.items()
        ]
        api.create_commit(repo, additions, commit_message="Upload a run of SLTA")
    return str(url)


def digest_of(path: Path) -> str:
    """SHA-256 of a file. Raises ``InputError`` if it lies in the hub's cache, which names
    files by their digests, under another's name."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    blob = path.resolve()
    ours = {64: digest, 40: ""}.get(len(blob.name))
    if blob.parent.name != "blobs" or ours is None:
        return digest
    if blob.name != (ours or _git_digest(blob)):
        raise InputError(
            f"{path} is damaged: it is not the file that the hub has; remove {blob}, then "
            "run the same command again, which downloads it anew"
        )
    return digest


def _client() -> Any:
    # Plain HTTP unless the user says otherwise: xet is not tested here.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    import huggingface_hub

    return huggingface_hub


def _api() -> Any:
    return _client().HfApi(library_name="slta", library_version=version("slta"))


def _git_digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _cached(name: HubName, content: HubContent) -> HubSnapshot | None:
    converted = [] if name.revision else [CONVERTED.get(name.repo, MAIN)]
    for revision in (name.revision or MAIN, *converted):
        path = _client().try_to_load_from_cache(
            name.repo, "config.json", revision=revision
        )
        if isinstance(path, str) and content.is_complete(folder := Path(path).parent):
            return HubSnapshot(folder, name.repo, folder.name)
    return None


def _download(name: HubName, content: HubContent) -> HubSnapshot:
    download = _client().hf_hub_download
    revision = name.revision or CONVERTED.get(name.repo, MAIN)
    info = _api().model_info(name.repo, revision=revision)
    files = sorted(each.rfilename for each in info.siblings or ())
    small = [file for file in files if content.small.fullmatch(file)]
    weights = [file for file in files if content.weights.fullmatch(file)]
    if "config.json" not in small:
        raise InputError(
            f"{name} is not a {content.noun}, as it has no config.json; give the name of "
            "another"
        )
    folder = Path()
    for file in small:
        folder = Path(download(name.repo, file, revision=info.sha)).parent
    content.check(folder)
    if not weights:
        raise InputError(
            f"{name} has no {content.noun} weights in safetensors, the format that cannot "
            "run code; give another revision, as NAME@refs/pr/1, or another name"
        )
    logger.info("downloading %s, revision %s", name.repo, info.sha)
    for file in weights:
        download(name.repo, file, revision=info.sha)
    # Last, so that a revision is known only once its files are there.
    download(name.repo, "config.json", revision=revision)
    return HubSnapshot(folder, name.repo, str(info.sha))


@contextmanager
def _explained(name: HubName, content: HubContent | None) -> Iterator[None]:
    """The client without its logs; its errors become ``InputError``."""
    log = _client().utils.logging
    verbosity = log.get_verbosity()
    log.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            # They are of the client itself, or precede an error.
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:
        # The client's errors have no common base: the network's are another library's.
        raise _error(error, name, content) from error
    finally:
        log.set_verbosity(verbosity)


def _error(error: Exception, name: HubName, content: HubContent | None) -> InputError:
    known = _client().errors
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and isinstance(cause, Exception):
        causes.append(cause)
    for each in causes:
        if content is None and isinstance(each, known.HfHubHTTPError):
            why = " ".join(str(each.server_message or each).split())[:200]
            return InputError(
                f"the hub refused {name} ({each.response.status_code}, {why}); set "
                "HF_TOKEN to one of your tokens that may write there"
            )
        if isinstance(each, known.OfflineModeIsEnabled):
            return InputError(
                f"HF_HUB_OFFLINE forbids to download {name}; unset it, or give a folder"
            )
        if isinstance(each, known.GatedRepoError):
            return InputError(
                f"{name} is only for those who accepted its terms; do so on its page, "
                "and set HF_TOKEN"
            )
        if isinstance(each, known.RevisionNotFoundError):
            return InputError(
                f"{name.repo} has no revision {name.revision or MAIN}; name another, or "
                "leave it out"
            )
        if isinstance(each, known.RepositoryNotFoundError):
            return InputError(
                f"there is no folder {name}, and the hub has no {name.repo} that you may "
                "see; correct the name, or set HF_TOKEN if it is private"
            )
        if isinstance(each, OSError) and each.errno in FULL | {
            errno.EACCES,
            errno.EROFS,
        }:
            return UnwritableError(
                f"{_client().constants.HF_HUB_CACHE} cannot be written ({each.strerror}); "
                "make room there, or set HF_HOME to another folder"
            )
    reason = " ".join(str(causes[-1]).split())[:200] or type(causes[-1]).__name__
    for each in causes:
        if isinstance(each, known.HfHubHTTPError):
            reason = f"it answered {each.response.status_code}"
    where = _client().constants.ENDPOINT
    if content is None:
        return InputError(f"{name} was not uploaded to {where} ({reason}); try again")
    return InputError(
        f"{name} could not be downloaded from {where} ({reason}); {AGAIN}, or give a "
        "folder"
    )
