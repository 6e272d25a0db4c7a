"""The way to the endpoint, which can be lost: a relay of bytes that from one moment on refuses everybody."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, create_connection, create_server, socket
from threading import Lock, Thread
from urllib.parse import urlsplit

_PIECE = 65536


class Wire:
    """Relays to an endpoint until it is cut."""

    def __init__(self, endpoint_url: str) -> None:
        there = urlsplit(endpoint_url)
        self._there = (str(there.hostname), int(there.port or 80))
        self._lock = Lock()
        self._open: list[socket] = []
        self._listener = create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and take no other."""
        with self._lock:
            for each in (self._listener, *self._open):
                with suppress(OSError):
                    each.shutdown(SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                Thread(target=self._relay, args=(ours,), daemon=True).start()

    def _relay(self, ours: socket) -> None:
        with ours, create_connection(self._there) as theirs:
            with self._lock:
                self._open += [ours, theirs]
            back = Thread(target=_copy, args=(theirs, ours), daemon=True)
            back.start()
            _copy(ours, theirs)
            back.join()


def _copy(source: socket, target: socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(SHUT_RDWR)


@contextmanager
def wire(endpoint_url: str) -> Iterator[Wire]:
    """A wire to the endpoint; cut at the end of the block at the latest."""
    made = Wire(endpoint_url)
    try:
        yield made
    finally:
        made.cut()
