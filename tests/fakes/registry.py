"""A small registry over real HTTP on loopback, with what a registry may do wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

AUTHORIZATION = "Basic QVdTOmxhbXA="


class FakeRegistry:
    """What it holds, and what it was asked."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.url = ""
        self.failing = 0
        """So many requests from now on are answered 503."""
        self.lies: bytes | None = None
        """Given back for every manifest that was put."""
        self.storage: dict[str, bytes] | None = None
        """When set, content is given from another address, which must not be told the authorization."""
        self.strangers: list[str | None] = []

    def count(self, method: str) -> int:
        return len([1 for asked, _ in self.asked if asked == method])


@contextmanager
def registry() -> Iterator[FakeRegistry]:
    """A registry for the length of a `with` block."""
    held = FakeRegistry()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(held))
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(held: FakeRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        registry = held

    return Handler


class _Handler(BaseHTTPRequestHandler):
    registry: FakeRegistry

    def log_message(self, *_: object) -> None:
        """Silence."""

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.registry.asked.append((self.command, parts.path))
        status, body, headers = self._reply(parts.path, parse_qs(parts.query), content)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 - names of http.server

    def _reply(self, path: str, query: dict[str, list[str]], content: bytes) -> tuple[int, bytes, dict[str, str]]:
        held = self.registry
        if path.startswith("/storage/"):
            held.strangers.append(self.headers.get("Authorization"))
            return 200, (held.storage or {})[path.removeprefix("/storage/")], {}
        if self.headers.get("Authorization") != AUTHORIZATION:
            return 401, b"who are you", {}
        if held.failing:
            held.failing -= 1
            return 503, b"busy", {}
        kind = re.fullmatch(r"/v2/lamp/shade/(blobs/uploads|blobs|manifests)/(.*)", path)
        if kind is None:
            return 404, b"no such repository", {}
        return {"blobs/uploads": self._upload, "blobs": self._blob, "manifests": self._manifest}[kind[1]](
            kind[2], query, content
        )

    def _upload(self, name: str, query: dict[str, list[str]], content: bytes) -> tuple[int, bytes, dict[str, str]]:
        held = self.registry
        if self.command == "POST":
            name = str(len(held.uploads))
            held.uploads[name] = b""
        held.uploads[name] += content
        if self.command != "PUT":
            return 202, b"", {"Location": f"/v2/lamp/shade/blobs/uploads/{name}"}
        digest = query["digest"][0]
        if digest != f"sha256:{sha256(held.uploads[name]).hexdigest()}":
            return 400, b"DIGEST_INVALID", {}
        held.blobs[digest] = held.uploads.pop(name)
        return 201, b"", {}

    def _blob(self, digest: str, _query: dict[str, list[str]], _content: bytes) -> tuple[int, bytes, dict[str, str]]:
        held = self.registry
        if held.storage is not None and digest in held.storage:
            return 307, b"", {"Location": f"{held.url}/storage/{digest}"}
        return (200, held.blobs[digest], {}) if digest in held.blobs else (404, b"BLOB_UNKNOWN", {})

    def _manifest(self, tag: str, _query: dict[str, list[str]], content: bytes) -> tuple[int, bytes, dict[str, str]]:
        held = self.registry
        if self.command == "PUT":
            held.manifests[tag] = held.lies if held.lies is not None else content
            held.manifests[f"sha256:{sha256(content).hexdigest()}"] = content
            return 201, b"", {}
        return (200, held.manifests[tag], {}) if tag in held.manifests else (404, b"MANIFEST_UNKNOWN", {})
