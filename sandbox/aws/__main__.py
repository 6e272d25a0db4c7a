"""`python -m sandbox.aws --port P`: the endpoint as a program."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.aws.fits import PatchDoesNotFitError
from sandbox.aws.run import AwsError, running
from sandbox.aws.runner import CannotRunError
from sandbox.aws.settings import Pace, Tasks
from sandbox.told import to_stop


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve AWS on loopback until SIGTERM or SIGINT. Exit 0 after a clean stop, 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 lets the system choose")
    parser.add_argument("--tasks", type=Tasks, choices=list(Tasks), default=Tasks.AUTO, help="how ECS tasks run")
    parser.add_argument("--data", type=Path, help="keep the resources in this folder; without it they are in memory")
    options = parser.parse_args(arguments)

    try:
        with to_stop() as stop, running(port=options.port, tasks=options.tasks, pace=Pace(), data=options.data) as aws:
            sys.stderr.write("".join(f"aws: {note}\n" for note in aws.notes))
            sys.stdout.write(f"aws ready on {aws.url}\n")
            sys.stdout.flush()
            stop.wait()
    except (AwsError, CannotRunError, PatchDoesNotFitError) as error:
        sys.stderr.write(f"aws: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
