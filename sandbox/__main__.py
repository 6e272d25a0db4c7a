"""`python -m sandbox up | down | status | feed | stand`: the world on this machine, for trying the tools in it.

Prints one JSON object. `up` starts `stand` beside itself and returns when everything stands; `stand` is that process.
`feed` writes one recommendation, as upstream does.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sandbox import standing
from sandbox.mode import AUTO, CONTAINERS, PROCESSES
from sandbox.rehearse import CHECKOUT, rehearse
from sandbox.upstream import NothingFedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when it was done: it stands after `up`, and does not after `down`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("verb", choices=["up", "down", "status", "feed", "stand"])
    parser.add_argument("--tasks", choices=[AUTO, PROCESSES, CONTAINERS], default=AUTO, help="how ECS tasks run")
    parser.add_argument("--feed", action="store_true", help="write recommendations all the while")
    given = parser.parse_args(arguments)
    if given.verb == "stand":
        story = partial(standing.keep_standing, tasks=given.tasks, feed=given.feed)
        return 0 if rehearse(as_json=False, story=story) else 1
    try:
        done, there = _asked(given.verb, ["--tasks", given.tasks, *(["--feed"] if given.feed else [])])
    except NothingFedError as error:
        done, there = False, {"up": True, "error": {"message": error.message, "next": error.next_step}}
    sys.stdout.write(f"{json.dumps(there)}\n")
    return 0 if done else 1


def _asked(verb: str, how: Sequence[str]) -> tuple[bool, Mapping[str, Any]]:
    """Do it; whether it was done, and what stands now."""
    if verb == "up":
        there = standing.up(CHECKOUT, how)
        return bool(there["up"]), there
    if verb == "down":
        ended = standing.down(CHECKOUT)
        there = standing.status(CHECKOUT)
        return ended and not there["up"], there
    return True, standing.feed(CHECKOUT) if verb == "feed" else standing.status(CHECKOUT)


if __name__ == "__main__":
    sys.exit(main())
