"""A stand-in for the Hugging Face hub on loopback, which the real client talks to: what there is is
a dictionary, what is sent is kept, and a token has the rights that its name says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


def sha(revision: str) -> str:
    """The commit that a revision means."""
    return hashlib.sha1(revision.encode()).hexdigest()


@dataclass
class Repository:
    """One repository: files by revision, and who may see it."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    card: dict = field(default_factory=dict)
    private: bool = False
    gated: bool = False


@dataclass
class Hub:
    """What there is, by (kind, name), and what was asked."""

    url: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # method and path
    broken: int = 0  # the status of every answer, where it is not 0

    def dataset(self, name: str, files: dict[str, bytes], revision: str = "main", **more) -> None:
        """Put a dataset there."""
        there = self.repositories.setdefault(("dataset", name), Repository(**more))
        there.files[revision] = files


@contextmanager
def hub():
    """A hub that runs."""
    made = Hub()
    handler = type("Handler", (_Handler,), {"hub": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing."""

    def _json(self, value, status: int = 200, **headers: str) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self._rest(body, headers)

    def _rest(self, body: bytes, headers: dict[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refused(self, status: int, code: str) -> None:
        self._json({"error": code}, status, X_Error_Code=code, X_Error_Message=code)

    @property
    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def do_GET(self):
        self._answer()

    do_HEAD = do_POST = do_GET

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.asked.append((self.command, path))
        if self.hub.broken:
            return self._json({"error": "broken"}, self.hub.broken)
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        for pattern, act in (
            (r"/api/(\w+?)s/([^/]+/[^/]+)/preupload/.+", self._preupload),
            (r"/api/(\w+?)s/([^/]+/[^/]+)/commit/.+", self._commit),
            (r"/api/(\w+?)s/([^/]+/[^/]+)(?:/revision/(.+))?", self._info),
            (r"/(dataset|model)s/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._file),
        ):
            if found := re.fullmatch(pattern, path):
                return act(body, *found.groups())
        return self._refused(404, "EntryNotFound")

    def _there(self, kind: str, name: str) -> Repository | None:
        found = self.hub.repositories.get((kind, name))
        if found is None or (found.private and self._token not in ("reads", "writes")):
            self._refused(401 if not self._token else 404, "RepoNotFound")
        elif found.gated and self._token != "granted":
            self._refused(403, "GatedRepo")
        else:
            return found
        return None

    def _info(self, _body, kind, name, revision=None) -> None:
        found = self.hub.repositories.get((kind, name))
        if found is None or (found.private and self._token not in ("reads", "writes")):
            return self._refused(401 if not self._token else 404, "RepoNotFound")
        files = found.files.get(revision or "main")
        if files is None:
            return self._refused(404, "RevisionNotFound")
        return self._json(
            {
                "id": name,
                "_id": "1",
                "sha": sha(revision or "main"),
                "private": found.private,
                "gated": "manual" if found.gated else False,
                "siblings": [{"rfilename": n, "size": len(b)} for n, b in files.items()],
                "cardData": found.card or None,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
        )

    def _file(self, _body, kind, name, revision, file) -> None:
        found = self._there(kind, name)
        if found is None:
            return None
        held = next((f.get(file) for r, f in found.files.items() if sha(r) == revision), None)
        if held is None:
            return self._refused(404, "EntryNotFound")
        self.send_response(200)
        tag = hashlib.sha1(held).hexdigest()
        return self._rest(held, {"ETag": f'"{tag}"', "X-Repo-Commit": revision})

    def _may_write(self) -> bool:
        if self._token == "writes":
            return True
        self._refused(403 if self._token else 401, "Forbidden" if self._token else "Unauthorized")
        return False

    def _create(self, asked) -> None:
        if not self._may_write():
            return None
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        kind = asked.get("type") or "model"
        if (kind, name) in self.hub.repositories:
            self._json({"url": f"{self.hub.url}/{name}", "error": "there"}, 409)
            return None
        made = Repository({"main": {}}, private=asked.get("visibility") == "private")
        self.hub.repositories[kind, name] = made
        return self._json({"url": f"{self.hub.url}/{'datasets/' * (kind == 'dataset')}{name}"})

    def _preupload(self, body, _kind, _name) -> None:
        files = [
            {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
            for f in json.loads(body)["files"]
        ]
        self._json({"files": files})

    def _commit(self, body, kind, name) -> None:
        if not self._may_write():
            return None
        files = self.hub.repositories[kind, name].files["main"]
        for line in body.splitlines():
            said = json.loads(line)
            if said["key"] == "file":
                files[said["value"]["path"]] = base64.b64decode(said["value"]["content"])
        url = f"{self.hub.url}/{name}/commit/{sha('main')}"
        return self._json(
            {"success": True, "commitOid": sha("main"), "commitUrl": url, "hookOutput": ""}
        )
