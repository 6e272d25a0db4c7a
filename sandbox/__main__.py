"""`python -m sandbox up | down | status | feed | stand`: the world on this machine, for trying the tools in it.

Prints one JSON object. `up` starts `stand` beside itself and returns when everything stands; `stand` is that process.
`feed` writes one recommendation, as upstream does.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox import standing
from sandbox.rehearse import CHECKOUT, rehearse
from sandbox.upstream import NothingFedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when it was done: it stands after `up`, and does not after `down`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("verb", choices=["up", "down", "status", "feed", "stand"])
    verb = parser.parse_args(arguments).verb
    if verb == "stand":
        return 0 if rehearse(as_json=False, story=standing.keep_standing) else 1
    try:
        done, there = _asked(verb)
    except NothingFedError as error:
        done, there = False, {"up": True, "error": {"message": error.message, "next": error.next_step}}
    sys.stdout.write(f"{json.dumps(there)}\n")
    return 0 if done else 1


def _asked(verb: str) -> tuple[bool, Mapping[str, Any]]:
    """Do it; whether it was done, and what stands now."""
    if verb == "up":
        there = standing.up(CHECKOUT)
        return bool(there["up"]), there
    if verb == "down":
        ended = standing.down(CHECKOUT)
        there = standing.status(CHECKOUT)
        return ended and not there["up"], there
    return True, standing.feed(CHECKOUT) if verb == "feed" else standing.status(CHECKOUT)


if __name__ == "__main__":
    sys.exit(main())
