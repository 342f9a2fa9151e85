"""A small hub on this machine, with the real one's protocol: facts of models, files by commit, ranges."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_of_the_user"
_PIECE_BYTES = 8_192
_LARGE_BYTES = 2_000
"""From this size on files are kept as the hub keeps large ones, by SHA-256."""


def digest_of_blob(content: bytes) -> str:
    """What git calls a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repository:
    """A repository, and how it misbehaves.

    ``stated``: overrides of what is said of files. ``cut_bytes``: each answer ends after so many.
    ``more``: bytes behind the end of each file. ``redirect``: where large files are said to lie. ``pause_s``:
    before each piece of a file.
    """

    files: dict[str, bytes]
    commit: str = COMMIT
    licence: str = "mit"
    gated: str | bool = False
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)
    cut_bytes: int | None = None
    more: bytes = b""
    redirect: str = ""
    honours_ranges: bool = True
    status: int = 0
    pause_s: float = 0.0

    def facts(self, name: str) -> dict[str, Any]:
        siblings = []
        for file, content in self.files.items():
            one: dict[str, Any] = {"rfilename": file, "size": len(content), "blobId": digest_of_blob(content)}
            if len(content) >= _LARGE_BYTES:
                digest = hashlib.sha256(content).hexdigest()
                one["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
            siblings.append(one | self.stated.get(file, {}))
        card = {"license": self.licence} if self.licence else {}
        return {
            "id": name,
            "sha": self.commit,
            "gated": self.gated,
            "cardData": card,
            "tags": [],
            "siblings": siblings,
        }


@dataclass
class LocalHub:
    """Its repositories by name; ``asked``: the requests, as (method, path, headers)."""

    url: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: ClassVar[LocalHub]

    def log_message(self, *_: Any) -> None:
        """Nothing: the output is the tests'."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(
            (self.command, path, {name.lower(): value for name, value in self.headers.items()})
        )
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path)
        file = re.fullmatch(r"/(store/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = self.hub.repositories.get((api and api[1]) or (file and file[2]) or "")
        if found is None:
            self._answer(404 if self._has_token() else 401, {"X-Error-Code": "RepoNotFound"})
        elif api:
            wrong = api[2] not in (None, "main", found.commit)
            content = json.dumps(found.facts(api[1])).encode()
            self._answer(404, {"X-Error-Code": "RevisionNotFound"}) if wrong else self._answer(
                200, {}, content
            )
        elif file:
            self._file(found, file[4], stored=bool(file[1]))

    def do_HEAD(self) -> None:
        self.do_GET()

    def _has_token(self) -> bool:
        return self.headers.get("authorization") == f"Bearer {TOKEN}"

    def _file(self, found: Repository, name: str, *, stored: bool) -> None:
        content = found.files[name]
        if found.status:
            self._answer(found.status, {})
        elif found.gated and not stored and not self._has_token():
            self._answer(401, {"X-Error-Code": "GatedRepo"})
        elif found.redirect and not stored and len(content) >= _LARGE_BYTES:
            self._answer(302, {"Location": f"{found.redirect}/store{self.path}"})
        else:
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
            start = int(wanted[1]) if wanted and found.honours_ranges else 0
            headers = {"X-Repo-Commit": found.commit, "ETag": f'"{digest_of_blob(content)}"'}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            body = content[start:] + found.more
            self._answer(
                206 if start else 200, headers, body, cut_bytes=found.cut_bytes, pause_s=found.pause_s
            )

    def _answer(
        self,
        status: int,
        headers: dict[str, str],
        body: bytes = b"",
        *,
        cut_bytes: int | None = None,
        pause_s: float = 0.0,
    ) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            for start in range(0, len(body[:cut_bytes]), _PIECE_BYTES):
                time.sleep(pause_s)
                self.wfile.write(body[:cut_bytes][start : start + _PIECE_BYTES])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was stopped
        if cut_bytes is not None and cut_bytes < len(body):
            self.close_connection = True


@contextmanager
def served_hub() -> Iterator[LocalHub]:
    """A hub on a free port of this machine."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    server.block_on_close = True
    hub = LocalHub(f"http://127.0.0.1:{server.server_address[1]}")
    handler.hub = hub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        _close_clients()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def hub_of_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A hub on this machine in place of the real one, and folders of the test's own."""
    from huggingface_hub import constants

    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    for name in ("HF_TOKEN_PATH", "HF_STORED_TOKENS_PATH"):
        monkeypatch.setattr(constants, name, str(tmp_path / "no token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with served_hub() as served:
        template = "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", served.url + template)
        yield served


def _close_clients() -> None:
    from huggingface_hub.utils import close_session

    close_session()  # a kept connection would hold up the server's end
