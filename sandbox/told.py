"""How a part of the world is told to stop: SIGTERM from whoever started it, SIGINT from a terminal."""

import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import socket, socketpair

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Stop:
    """What is waited on."""

    _heard: socket

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the process is told to stop, at most so many seconds if given; whether it was."""
        ready, _, _ = select.select([self._heard], [], [], seconds)
        return bool(ready)


@contextmanager
def to_stop() -> Iterator[Stop]:
    """Hear both signals for the length of a `with` block. To be entered, and waited in, by the main thread.

    A handler alone would not do: it runs in the main thread, and a signal that the kernel gives to another thread, as
    it does to a process that was frozen, wakes no main thread that waits for a lock. Whichever thread is given it, the
    interpreter writes it to a socket; that is what is waited on.
    """
    ours, theirs = socketpair()
    theirs.settimeout(0)
    with ours, theirs:
        woken_before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        handled_before = {number: signal.signal(number, _nothing) for number in SIGNALS}
        try:
            yield Stop(ours)
        finally:
            for number, handler in handled_before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(woken_before)


def _nothing(number: int, frame: object) -> None:
    """Without a handler the signal would end the process at once."""
    del number, frame
