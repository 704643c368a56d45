"""A server on this machine that speaks the protocol of the Hugging Face hub.

As on the hub, weights are stored by their SHA-256 and reached through a redirection, other
files by their git digest; what can be wrong with a connection can be asked for.
"""

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pytest

TOKEN = "hf_of_the_tests"
LARGE = (".safetensors", ".bin")
"""Endings of the files that are stored by their SHA-256."""


@dataclass
class Repository:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def add(self, files: Mapping[str, bytes], ref: str = "main") -> str:
        """A new commit with only these files; returns its hash."""
        number = f"{len(self.commits)} {sorted(files)} {ref}"
        commit = hashlib.sha1(number.encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.refs[ref] = commit
        return commit


class Hub:
    """Repositories by name, what was asked, and what is to go wrong."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        """Method and path, and the first byte if only a part was asked for."""
        self.cut: dict[str, int] = {}
        """Bytes after which the connection ends, once, by the file's name."""
        self.damaged: set[str] = set()
        """Names of files whose content is not what was stored."""
        self.failing: set[str] = set()
        """Names of files that the server cannot send now."""
        self.is_down = False
        self.uploads: dict[str, bytes] = {}
        self.address = ""

    def add(
        self,
        name: str,
        folder: Path,
        ref: str = "main",
        more: Mapping[str, bytes] | None = None,
    ) -> str:
        """Commits a folder's files, and more by name; returns the commit's hash."""
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        repository = self.repositories.setdefault(name, Repository())
        return repository.add({**files, **(more or {})}, ref)

    def downloads(self) -> list[str]:
        """Names of the files whose content was sent."""
        sent = [each for each in self.requests if each.startswith("GET /files/")]
        return [each.split("/")[-1] for each in sent]


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        start = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        part = f" from {start[1]}" if start else ""
        self.hub.requests.append(f"{self.command} {path}{part}")
        if self.hub.is_down:
            self._send(503, b"")
        elif found := re.fullmatch(r"/files/(\w+)/([\w.-]+)", path):
            self._file(found[1], found[2], int(start[1]) if start else 0)
        elif self.command in ("POST", "PUT"):
            self._write(path, body)
        elif found := re.fullmatch(
            r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/(.+))?", path
        ):
            if (commit := self._commit(found[1], found[2] or "main")) is not None:
                names = self.hub.repositories[found[1]].commits[commit]
                siblings = [{"rfilename": name} for name in names]
                self._json({"id": found[1], "sha": commit, "siblings": siblings})
        elif found := re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/(.+)/([^/]+)", path):
            self._resolve(*found.groups())
        else:
            self._refuse(404, "EntryNotFound", "no such page")

    def _commit(self, name: str, revision: str) -> str | None:
        """The commit's hash, or None if the client was told that there is none."""
        repository = self.hub.repositories.get(name)
        is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repository is None or (repository.private and not is_known):
            self._refuse(401, "RepoNotFound", "Repository not found")
        elif repository.gated and not is_known:
            self._refuse(403, "GatedRepo", "Access is restricted")
        elif (commit := repository.refs.get(revision, revision)) in repository.commits:
            return commit
        else:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None

    def _resolve(self, name: str, revision: str, file: str) -> None:
        if (commit := self._commit(name, revision)) is None:
            return
        content = self.hub.repositories[name].commits[commit].get(file)
        if content is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        header = b"blob %d\0" % len(content)
        is_large = file.endswith(LARGE)
        digest = hashlib.sha256(content) if is_large else hashlib.sha1(header + content)
        self.hub.uploads[digest.hexdigest()] = content
        place = f"/files/{digest.hexdigest()}/{file}"
        headers = {"X-Repo-Commit": commit, "ETag": f'"{digest.hexdigest()}"'}
        if is_large:
            headers["X-Linked-ETag"] = headers.pop("ETag")
            headers["X-Linked-Size"] = str(len(content))
            # Of another name, as on the hub, where it is another host.
            host = self.hub.address.replace("127.0.0.1", "localhost")
            self._send(302, b"", {**headers, "Location": host + place})
        elif self.command == "HEAD":
            self._send(200, content, headers)
        else:
            self.hub.requests.append(f"GET {place}")
            self._file(digest.hexdigest(), file, 0)

    def _file(self, digest: str, name: str, start: int) -> None:
        content = self.hub.uploads[digest]
        if name in self.hub.failing:
            self._send(503, b"")
            return
        if name in self.hub.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        total, content = len(content), content[start:]
        cut = self.hub.cut.pop(name, None)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut])
        if cut is not None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _write(self, path: str, body: bytes) -> None:
        if path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif found := re.fullmatch(r"/lfs/(\w+)", path):
            assert hashlib.sha256(body).hexdigest() == found[1]
            self.hub.uploads[found[1]] = body
            self._send(200, b"")
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif path == "/api/repos/create":
            given = json.loads(body)
            name = f"{given['organization']}/{given['name']}"
            url = f"{self.hub.address}/{name}"
            if name in self.hub.repositories:
                self._json({"error": "You already created this", "url": url}, 409)
                return
            private = given.get("visibility") == "private" or bool(given.get("private"))
            self.hub.repositories[name] = repository = Repository(private=private)
            repository.add({})
            self._json({"url": url})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {
                    **each,
                    "actions": {
                        "upload": {"href": f"{self.hub.address}/lfs/{each['oid']}"}
                    },
                }
                for each in json.loads(body)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif re.fullmatch(r"/api/models/.+/preupload/.+", path):
            files = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for each in json.loads(body)["files"]
            ]
            self._json({"files": files})
        elif found := re.fullmatch(r"/api/models/(.+)/commit/(.+)", path):
            self._json(self._committed(found[1], found[2], body))
        else:
            self._refuse(404, "EntryNotFound", "no such page")

    def _committed(self, name: str, ref: str, body: bytes) -> dict[str, Any]:
        repository = self.hub.repositories[name]
        files = dict(repository.commits[repository.refs[ref]])
        for line in body.splitlines():
            value = json.loads(line)["value"]
            if "content" in value:
                files[value["path"]] = base64.b64decode(value["content"])
            elif "oid" in value:
                files[value["path"]] = self.hub.uploads[value["oid"]]
        commit = repository.add(files, ref)
        url = f"{self.hub.address}/{name}/commit/{commit}"
        return {"success": True, "commitOid": commit, "commitUrl": url}

    def _json(self, content: object, status: int = 200) -> None:
        text = json.dumps(content).encode()
        self._send(status, text, {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, why: str) -> None:
        named = {"X-Error-Code": code} if code else {}
        self._send(status, b"", {**named, "X-Error-Message": why})

    def _send(
        self, status: int, content: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def serving_hub(cache: Path) -> Iterator[Hub]:
    """A hub that this process uses, with an empty cache, and a token that may write."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", TOKEN)
        import huggingface_hub
        from huggingface_hub import constants

        # Read from the environment only once in a process.
        patch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        huggingface_hub.close_session()
        try:
            yield hub
        finally:
            huggingface_hub.close_session()
            server.shutdown()
            server.server_close()
