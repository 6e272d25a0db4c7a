"""Events on stdout, one line each, whole: a line of two threads never mixes."""

import sys
from datetime import UTC, datetime
from threading import Lock

from contract.events import Event, Speaker, render
from dispatcher.ports import Say

_one_at_a_time = Lock()


def voice(speaker: Speaker) -> Say:
    """A Say that speaks on stdout for the speaker. The time is the host's: it orders lines, it decides nothing."""

    def say(event: Event) -> None:
        line = render(event, speaker, datetime.now(UTC))
        with _one_at_a_time:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    return say
