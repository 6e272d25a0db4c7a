"""How a service is told to stop: SIGTERM from ECS, SIGINT from a terminal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket, socketpair
from threading import Event, Thread

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_OVER = b"\0"


@contextmanager
def to_stop() -> Iterator[Event]:
    """The event that is set when the process is told to stop. To be entered by the main thread.

    Not by a handler: that runs in the main thread between any two instructions, also while it holds the event's own
    lock; and a signal that the kernel gives to another thread, as it does to a process that was frozen, wakes no main
    thread that waits. Whichever thread it is given to, the interpreter writes it to a socket, and a thread reads there.
    """
    stop = Event()
    ours, theirs = socketpair()
    theirs.settimeout(0)
    reading = Thread(target=_read, args=(ours, stop), name="signals", daemon=True)
    reading.start()
    woken_before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    handled_before = {number: signal.signal(number, _heard) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in handled_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken_before)
        theirs.send(_OVER)
        reading.join()
        ours.close()
        theirs.close()


def _heard(number: int, frame: object) -> None:
    """Without a handler of ours the signal would end the process at once."""
    del number, frame


def _read(ours: socket, stop: Event) -> None:
    while (heard := ours.recv(1)) != _OVER:
        if heard[0] in SIGNALS:
            stop.set()
