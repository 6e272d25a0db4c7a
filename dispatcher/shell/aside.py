"""Work that an account's walk must not wait for, done by another thread, one piece at a time."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

T = TypeVar("T")
Job = Callable[[], None]


class Start(Protocol):
    """Begins a job in another thread."""

    def __call__(self, job: Callable[[], T], /) -> "Future[T]":
        """What it will have come to."""


class Aside:
    """What goes wrong aside is raised where the account is served, so that it is told and waited for like the rest."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._running: Future[None] | None = None

    def do(self, job: Job) -> bool:
        """Begin the job, unless the one before is still running."""
        self.raise_what_went_wrong()
        if self._running is not None:
            return False
        self._running = self._start(job)
        return True

    def raise_what_went_wrong(self) -> None:
        """Whatever ended the last job."""
        if self._running is not None and self._running.done():
            ended, self._running = self._running, None
            ended.result()

    def finish(self) -> None:
        """Wait for what is running; how it ends is of no interest any more."""
        running, self._running = self._running, None
        if running is not None:
            running.exception()


def at_once(job: Callable[[], T], /) -> "Future[T]":
    """Begin a job and end it before anything else is done."""
    future: Future[T] = Future()
    try:
        future.set_result(job())
    except Exception as error:  # noqa: BLE001  it is raised by whoever asks for the result
        future.set_exception(error)
    return future
