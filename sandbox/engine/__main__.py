"""`python -m sandbox.engine [--install] -- COMMAND`: run a command with a container engine that answers."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from sandbox.engine import client, daemon

UNAVAILABLE = 69
"""Nothing was run, for want of an engine. The number is sysexits' EX_UNAVAILABLE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Use the engine that answers; start one for the length of the command where none does.

    Exit: the command's own code; 69 when no engine could be had and the command was not run.
    """
    parser = argparse.ArgumentParser(prog="python -m sandbox.engine", description=main.__doc__)
    parser.add_argument("--install", action="store_true", help="install Debian's engine where there is none")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)

    if (found := client.answering()) is not None:
        found.close()
        _say(f"one answers at {client.address()}")
        return _run(options.command, {})
    try:
        if options.install and daemon.program() is None:
            daemon.install()
        with daemon.running() as environment:
            _say(f"started one at {environment['DOCKER_HOST']}")
            return _run(options.command, environment)
    except daemon.EngineError as error:
        _say(f"THERE IS NONE: {error}")
        _say(f"NOT RUN: {' '.join(options.command)}")
        return UNAVAILABLE


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run it to its end, and tell it when we are asked to end."""
    with subprocess.Popen(command, env=os.environ | environment) as running:  # noqa: S603 - what we were asked to run

        def tell(number: int, _frame: FrameType | None) -> None:
            running.send_signal(number)

        before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
        code = running.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _say(what: str) -> None:
    sys.stderr.write(f"engine: {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
