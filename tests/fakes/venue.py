"""A broker's server written by hand: it answers what a test tells it to, byte for byte, and keeps every request."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """An answer on the wire. `reset` closes the connection instead; `hang` keeps it open without a word."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    hang: bool = False
    cut: bool = False

    def raw(self) -> bytes:
        """The body's bytes: a document as JSON, text as it is."""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: Mapping[str, str]


Answering = Callable[[Request], Answer]


@dataclass
class Venue:
    """The server's address, what it was asked, and how it answers."""

    url: str
    answering: Answering
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def says(self, status: int, body: Any = None, **more: Any) -> None:
        """Answer everything like this from now on."""
        self.answering = lambda _: Answer(status, body, **more)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    venue: Venue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        venue, request = self.server.venue, self._request()
        venue.requests.append(request)
        answer = venue.answering(request)
        if answer.hang:
            venue.over.wait(30)
        if answer.hang or answer.reset:
            self._hang_up()
            return
        self._write(answer)

    do_GET = do_POST = do_DELETE = do_PATCH = _answer  # noqa: N815  the library's own names

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else None
        return Request(self.command, parts.path, dict(parse_qsl(parts.query)), body, dict(self.headers))

    def _write(self, answer: Answer) -> None:
        raw = b"" if answer.status == 204 else answer.raw()
        self.send_response_only(answer.status)
        for name, value in {"Content-Length": str(len(raw)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if answer.cut else raw)
        if answer.cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked is in `requests`."""


@contextmanager
def venue(answering: Answering = lambda _: Answer(500)) -> Iterator[Venue]:
    """A server on loopback for the length of a `with` block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.venue = Venue(f"http://127.0.0.1:{server.server_address[1]}", answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="venue")
    thread.start()
    try:
        yield server.venue
    finally:
        server.venue.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
