"""A service that runs only while a test waits for it: from one of its own waits to the next.

So the real loops of several services take turns on one clock that moves only when told, and no test sleeps. Where a
service would wait for time, for the database or for the stream, it rests instead until it is stepped again.
"""

from collections.abc import Callable
from threading import Event, Semaphore, Thread, current_thread

PATIENCE_SECONDS = 60.0


class KilledError(BaseException):
    """The process is gone: nothing of ours catches it, as nothing catches a SIGKILL."""


class Stepped:
    """One service in a thread of its own. What it dies of is raised by the step in which it died."""

    def __init__(self, run: Callable[["Stepped"], None]) -> None:
        self._go, self._resting = Semaphore(0), Semaphore(0)
        self._killed = False
        self._died_of: BaseException | None = None
        self.alive = True
        self.stop = Stop(self)
        self.thread = Thread(target=self._live, args=(run,), name="stepped service", daemon=True)
        self.thread.start()

    def step(self) -> bool:
        """Let it run to its next wait; whether it lives."""
        if self.alive:
            self._go.release()
            assert self._resting.acquire(timeout=PATIENCE_SECONDS), "the service neither rests nor ends"
        died_of, self._died_of = self._died_of, None
        if died_of is not None:
            raise died_of
        return self.alive

    def kill(self) -> None:
        """End it where it rests."""
        self._killed = True
        if self.alive:
            self.step()
        self.thread.join(PATIENCE_SECONDS)

    def rest(self) -> None:
        """Called by the service wherever it would wait."""
        self._resting.release()
        self._go.acquire()
        if self._killed:
            raise KilledError

    def _live(self, run: Callable[["Stepped"], None]) -> None:
        self._go.acquire()
        try:
            if not self._killed:
                run(self)
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001  raised again by the step in which it happened
            self._died_of = error
        finally:
            self.alive = False
            self.stop.set()
            self._resting.release()


class Stop(Event):
    """An order to stop that is never given to a stepped service; to wait for it is to rest."""

    def __init__(self, stepped: Stepped) -> None:
        super().__init__()
        self._stepped = stepped

    def wait(self, timeout: float | None = None) -> bool:
        if current_thread() is not self._stepped.thread:
            return super().wait(timeout)
        self._stepped.rest()
        return self.is_set()
