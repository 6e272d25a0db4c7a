"""`python -m dispatcher COMMAND`: the image's one entry point."""

import os
import sys
from importlib import import_module

COMMANDS = {
    "run": "trade: claim recommendations and turn them into orders, until SIGTERM",
    "positions": "look after what is held: protect, close, keep the books, until SIGTERM",
    "audit": "compare broker and database, changing nothing; --json for one object",
    "iv-snapshot": "write down the day's implied volatility of each underlying; --backfill FROM TO for past days",
    "migrate": "bring the database schema to this image's revision (expand-only)",
    "check": "everything that must hold before trading; --json for one object, --image for the image alone",
    "health": "exit 0 when the process gave a sign of life lately",
}

USAGE = "usage: python -m dispatcher COMMAND\n\n" + "\n".join(f"  {name:11} {does}" for name, does in COMMANDS.items())
WRONG_USAGE = 2


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    if not arguments or arguments[0] not in COMMANDS:
        sys.stderr.write(f"{USAGE}\n")
        return WRONG_USAGE
    module = import_module(f"dispatcher.commands.{arguments[0].replace('-', '_')}")
    code: int = module.main(arguments[1:], os.environ)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
