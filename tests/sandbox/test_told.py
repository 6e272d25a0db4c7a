import os
import signal
from collections.abc import Callable
from threading import Event, Thread

import pytest

from sandbox.told import SIGNALS, to_stop


def to_another_thread(number: signal.Signals) -> None:
    """As the kernel may, above all with a process that was frozen: any thread that does not block it will do."""
    over = Event()
    other = Thread(target=over.wait, daemon=True)
    other.start()
    signal.pthread_kill(other.ident or 0, number)
    over.set()
    other.join()


def to_the_process(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("tell", [to_the_process, to_another_thread])
def test_a_signal_is_heard_whichever_thread_it_is_given_to(
    number: signal.Signals, tell: Callable[[signal.Signals], None]
) -> None:
    with to_stop() as stop:
        assert not stop.wait(0)
        tell(number)
        assert stop.wait(10)
        assert stop.wait(10)


def test_a_signal_that_comes_while_nobody_waits_yet_is_not_lost() -> None:
    with to_stop() as stop:
        for _ in range(3):
            to_another_thread(signal.SIGTERM)
        assert stop.wait(10)


def test_afterwards_the_signals_are_whose_they_were() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with to_stop():
        assert [signal.getsignal(number) for number in SIGNALS] != before

    assert [signal.getsignal(number) for number in SIGNALS] == before
