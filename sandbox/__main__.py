"""`python -m sandbox up | down | status | stand`: the world on this machine, for trying the tools in it.

Prints one JSON object. `up` starts `stand` beside itself and returns when everything stands; `stand` is that process.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from sandbox import standing
from sandbox.rehearse import CHECKOUT, rehearse


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when it was done: it stands after `up`, and does not after `down`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("verb", choices=["up", "down", "status", "stand"])
    verb = parser.parse_args(arguments).verb
    if verb == "stand":
        return 0 if rehearse(as_json=False, story=standing.keep_standing) else 1
    done = standing.down(CHECKOUT) if verb == "down" else True
    there = standing.up(CHECKOUT) if verb == "up" else standing.status(CHECKOUT)
    sys.stdout.write(f"{json.dumps(there)}\n")
    wanted = {"up": True, "down": False}.get(verb, there["up"])
    return 0 if done and there["up"] is wanted else 1


if __name__ == "__main__":
    sys.exit(main())
