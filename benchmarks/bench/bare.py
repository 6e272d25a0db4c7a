"""What the exchange alone needs for a question: it comes as finished bytes, on a connection that is open."""

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

from sandbox.exchange import AccountConfig, Running

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bare:
    """A connection, and what every request on it begins with."""

    connection: socket.socket
    headers: str

    def get(self, path: str) -> float:
        """Seconds from the question's last byte to the answer's."""
        asked = f"GET {path} HTTP/1.1\r\n{self.headers}\r\n".encode()
        began = monotonic()
        self._ask(asked)
        return monotonic() - began

    def post(self, path: str, document: Mapping[str, object]) -> float:
        """Ask, wait for the answer; when the question was sent, by `monotonic`."""
        body = json.dumps(document).encode()
        asked = f"POST {path} HTTP/1.1\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n".encode() + body
        began = monotonic()
        self._ask(asked)
        return began

    def _ask(self, asked: bytes) -> None:
        self.connection.sendall(asked)
        answer = b""
        while not _complete(answer):
            answer += self.connection.recv(65536)
        if b" 200 " not in answer[:16]:
            raise RuntimeError(f"the exchange answered {answer!r}")


@contextmanager
def bare(exchange: Running, account: AccountConfig) -> Iterator[Bare]:
    """A connection in the name of an account."""
    address = urlsplit(exchange.url)
    if address.hostname is None or address.port is None:
        raise ValueError(f"{exchange.url} names no host and port")
    headers = (
        f"Host: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"APCA-API-KEY-ID: {account.key}\r\nAPCA-API-SECRET-KEY: {account.secret}\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Bare(connection, headers)


def _complete(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(end) and length is not None and len(body) >= int(length[1])
