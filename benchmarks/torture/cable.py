"""A cable between one process and its database, which can be cut: nothing arrives, and nothing is said to be broken."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

CHUNK = 65_536


class Cable:
    """Forwards connections to a port of this machine. What is on its way when it is cut arrives when it is mended."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._whole = Event()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, name="cable", daemon=True).start()

    def cut(self) -> None:
        """From now on nothing arrives, in either direction."""
        self._whole.clear()

    def mend(self) -> None:
        """Everything arrives."""
        self._whole.set()

    def close(self) -> None:
        """Take no more connections."""
        self.mend()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                self._whole.wait()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:  # the server is down: so it looks from the near end too
                    near.close()
                    continue
                for one, other in ((near, far), (far, near)):
                    Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        """Until one end closes; then the other learns of it."""
        with suppress(OSError):
            while data := one.recv(CHUNK):
                self._whole.wait()
                other.sendall(data)
        self._whole.wait()
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(port: int) -> Iterator[Cable]:
    """A cable for the length of a `with` block."""
    laid = Cable(port)
    try:
        yield laid
    finally:
        laid.close()
